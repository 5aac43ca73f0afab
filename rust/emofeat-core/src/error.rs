//! One typed error per mistake that a caller or a file can make, each with a stable code.

use std::fmt;

/// Result of everything in this crate that can fail.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong, in a form that programs can compare. The string form (`as_str`) is stored in
/// ledgers and documented, so a variant is never renamed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Code {
    /// The path does not exist.
    NotFound,
    /// The path is a directory.
    IsDirectory,
    /// The path is a FIFO, socket or device.
    NotAFile,
    /// The path cannot be resolved: a loop of symbolic links.
    SymlinkLoop,
    /// The process may not read the file.
    Permission,
    /// Reading failed below the file format.
    Io,
    /// The file has no bytes.
    EmptyFile,
    /// The file is a Git LFS pointer, not the recording itself.
    LfsPointer,
    /// No known audio format was found in the content.
    UnknownFormat,
    /// The format is known, this coding in it is not decoded here (Opus, HE-AAC, AVI ...).
    UnsupportedCodec,
    /// The container holds no audio track.
    NoAudioTrack,
    /// The file ends before the data that its header announces.
    Truncated,
    /// The data contradict the format.
    Corrupt,
    /// The recording has no samples.
    NoSamples,
    /// Start or end of a segment lie outside the recording, or in the wrong order.
    BadSegment,
    /// The recording is shorter than one frame, and `on_short` asks for an error.
    TooShort,
    /// NaN or infinite samples.
    NonFinite,
    /// A rate that is not supported, or not the one that the plan was made for.
    BadRate,
    /// An array of a shape or type that has no single meaning as audio.
    BadShape,
    /// A parameter outside its range, or parameters that contradict one another.
    BadParameter,
    /// A name that the catalogue does not hold.
    UnknownName,
    /// A feature that needs the whole recording was asked to stream.
    NotStreamable,
    /// A defect in a decoder or in this crate, caught before it could end the run.
    Internal,
}

impl Code {
    /// The stable name of the code.
    pub fn as_str(self) -> &'static str {
        match self {
            Code::NotFound => "not_found",
            Code::IsDirectory => "is_directory",
            Code::NotAFile => "not_a_file",
            Code::SymlinkLoop => "symlink_loop",
            Code::Permission => "permission",
            Code::Io => "io",
            Code::EmptyFile => "empty_file",
            Code::LfsPointer => "lfs_pointer",
            Code::UnknownFormat => "unknown_format",
            Code::UnsupportedCodec => "unsupported_codec",
            Code::NoAudioTrack => "no_audio_track",
            Code::Truncated => "truncated",
            Code::Corrupt => "corrupt",
            Code::NoSamples => "no_samples",
            Code::BadSegment => "bad_segment",
            Code::TooShort => "too_short",
            Code::NonFinite => "non_finite",
            Code::BadRate => "bad_rate",
            Code::BadShape => "bad_shape",
            Code::BadParameter => "bad_parameter",
            Code::UnknownName => "unknown_name",
            Code::NotStreamable => "not_streamable",
            Code::Internal => "internal",
        }
    }
}

/// An error: a stable [`Code`] and a sentence with what was given, what is allowed and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Error {
    /// What went wrong.
    pub code: Code,
    /// The sentence for a person, lower case, without a full stop.
    pub message: String,
}

impl Error {
    /// An error of `code` that says `message`.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
