//! Audio files to samples: float32, one channel or all, whole or in segments, in bounded memory.
//!
//! What a file is follows from its content, never from its name.
//!
//! | format | codings | decoder |
//! |---|---|---|
//! | WAV, RF64, BW64 | PCM 8/16/24/32, float 32/64, A-law, µ-law, MP3 | own; MP3 as below |
//! | FLAC | all depths up to 32 bits | own |
//! | MP3 (also behind ID3) | MPEG-1/2/2.5 layer III | own framing, symphonia's decoder |
//! | Ogg | Vorbis, mono and stereo | own framing, symphonia's decoder |
//! | MP4, M4A, MOV (also fragmented), ADTS | AAC-LC, mono and stereo | own framing, symphonia's decoder |
//!
//! Everything else that is audio or video ends in [`Code::UnsupportedCodec`], with its name: Opus,
//! HE-AAC (also where nothing but the data shows it: it is never decoded at half its rate), ALAC,
//! AIFF, CAF, ADPCM, more than two channels of AAC or Vorbis, AVI, Matroska, WebM and others. PyAV
//! decodes those.
//!
//! # Samples
//!
//! WAV and FLAC give the float32 samples of libsndfile, bit for bit: integers are divided by
//! `2^(bits-1)`, float64 is rounded. MP3, Vorbis and AAC agree with FFmpeg to within 1e-3 in samples,
//! and in length and delay, because they are trimmed as FFmpeg trims them ("gapless"):
//!
//! | format | cut at the start | cut at the end |
//! |---|---|---|
//! | MP3 with a tag by LAME or libavformat | its delay + 529 | its padding - 529 |
//! | MP3 without, or in WAV | nothing | nothing |
//! | Vorbis | what the first position excludes | what the last position excludes |
//! | AAC in MP4 | up to the media time of the edit list, to the sample | packets after the edit; the last one stays whole |
//! | AAC in ADTS | nothing | nothing |
//!
//! One difference is meant: where all sound of an Ogg file fits on one page (about a second of
//! speech), FFmpeg forgets to cut the end; here it is cut, as libvorbis and soundfile do.
//!
//! # Segments
//!
//! After [`Source::seek`] the samples are those of the whole decode, bit for bit. WAV is read at the
//! offset. FLAC bisects the file. MP3 and Vorbis decode a few packets before the place. AAC decodes
//! from the start, because its noise substitution carries a random state through the whole stream.
//!
//! # Damaged and awkward files
//!
//! The same bytes always give the same outcome: a valid decode or one code.
//!
//! | case | outcome |
//! |---|---|
//! | path missing; directory; FIFO, socket, device; loop of links; no permission | `not_found`; `is_directory`; `not_a_file`; `symlink_loop`; `permission` |
//! | no bytes | `empty_file` |
//! | Git LFS pointer | `lfs_pointer` |
//! | text, image, archive, random bytes | `unknown_format` |
//! | known audio or video that is not decoded here | `unsupported_codec` |
//! | MP4 without an audio track | `no_audio_track` |
//! | no sample in it | `no_samples` |
//! | WAV shorter than its header says | what is there, with [`Info::truncated`] |
//! | WAV with a length of 0 or near 2^32, as streaming writers leave it | to the end of the file |
//! | WAV without `data`, or cut inside the header | `truncated` |
//! | FLAC frame whose CRC-16 (or CRC-8) is wrong, or whose number does not follow | `corrupt` (the MD5 of the whole is not computed: every frame has its own CRC) |
//! | FLAC that ends before the total of its header | `truncated` |
//! | MP3 with a last frame that is cut, or fewer frames than its Xing or VBRI header says | `truncated` |
//! | MP3 with anything but tags and zeros between frames | `corrupt` (no resynchronisation: audio with silent gaps is not a recording) |
//! | MP3 of free format, Ogg with several streams in a row, MP4 with several edits | `unsupported_codec` |
//! | Ogg page with a wrong CRC or a number that does not follow | `corrupt` |
//! | Ogg without a page marked as last, cut page | `truncated` |
//! | MP4 whose boxes or samples reach past the end of the file | `truncated` |
//! | packet that the decoder refuses | `corrupt` |
//! | a decoder panics | `internal`, for this file alone |
//!
//! Nothing is allocated on the word of a header, and each step of each loop consumes input. A panic
//! inside a decoder is caught at this boundary; the process's panic hook still runs, and by default
//! prints, so a caller that wants silence sets a hook of its own.
//!
//! [`Code::UnsupportedCodec`]: crate::error::Code::UnsupportedCodec

mod compressed;
mod flac;
mod input;
mod probe;
pub mod resample;
mod source;
mod wav;

pub use source::{Source, read_all_channels};

use crate::error::{Code, Error, Result};

/// How several channels become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Channel {
    /// The mean of all channels, summed in order in float32 (librosa's `to_mono`).
    Mean,
    /// One channel, counted from 0.
    Index(usize),
}

/// What a file says about itself, and what was found out by opening it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Info {
    /// The container: `wav`, `flac`, `mp3`, `ogg`, `mp4` or `adts`.
    pub format: &'static str,
    /// The coding: `pcm_u8`, `pcm_s16`, `pcm_s24`, `pcm_s32`, `pcm_f32`, `pcm_f64`, `alaw`,
    /// `mulaw`, `flac`, `mp3`, `vorbis` or `aac_lc`.
    pub codec: String,
    /// Samples per second and channel.
    pub sr: u32,
    /// Number of channels.
    pub channels: u16,
    /// Frames (samples per channel) that decoding gives. `None` only for FLAC whose writer did not
    /// know the length.
    pub frames: Option<u64>,
    /// Bits per stored sample, where samples are stored (WAV and FLAC).
    pub bits: Option<u16>,
    /// A WAV file that ends before the length in its header; `frames` counts what is there.
    pub truncated: bool,
}

/// What a decoder of one format does. Blocks are planar.
trait Decode: Send {
    /// What the file is.
    fn info(&self) -> &Info;
    /// Replaces `block` by the next run of frames; an empty one is the end.
    fn next(&mut self, block: &mut Block) -> Result<()>;
    /// Goes to the last place at or before `frame` where decoding can start, and returns the number
    /// of the frame that the next block begins with.
    fn seek(&mut self, frame: u64) -> Result<u64>;
}

/// Decoded samples, one vector per channel, all of the same length.
struct Block {
    planes: Vec<Vec<f32>>,
}

impl Block {
    fn new(channels: u16) -> Self {
        Self { planes: vec![Vec::new(); usize::from(channels)] }
    }

    fn frames(&self) -> usize {
        self.planes.first().map_or(0, Vec::len)
    }

    fn clear(&mut self) {
        self.planes.iter_mut().for_each(Vec::clear);
    }

    fn truncate(&mut self, frames: usize) {
        self.planes.iter_mut().for_each(|p| p.truncate(frames));
    }
}

fn corrupt(what: impl Into<String>) -> Error {
    Error::new(Code::Corrupt, what)
}

fn truncated(what: impl Into<String>) -> Error {
    Error::new(Code::Truncated, what)
}

fn no_samples(format: &str) -> Error {
    Error::new(Code::NoSamples, format!("the {format} file has no samples"))
}

fn unsupported(what: &str) -> Error {
    let text = format!(
        "{what} is not decoded by emofeat itself; PyAV does it: pip install 'emofeat[video]'"
    );
    Error::new(Code::UnsupportedCodec, text)
}
