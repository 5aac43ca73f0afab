//! Where the bytes come from: memory, or a regular file read through one bounded buffer.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use crate::error::{Code, Error, Result};

/// Files up to this size are read in one go: one system call instead of many, and decoders then
/// work on the bytes in place. Larger files pass through a window of `CHUNK` bytes.
const SLURP: u64 = 4 << 20;
/// Least number of bytes fetched at once from a large file.
const CHUNK: usize = 256 << 10;
/// No coded unit of any format that is decoded here is longer. A header that asks for more lies,
/// and nothing is allocated for it.
pub(super) const MAX_UNIT: usize = 32 << 20;

/// Random access to bytes of known number.
pub(super) struct Input {
    kind: Kind,
    len: u64,
}

enum Kind {
    Memory(Vec<u8>),
    File { file: File, window: Vec<u8>, start: u64 },
}

impl Input {
    /// A regular file. Its type is looked up before it is opened, so a FIFO never blocks.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let meta = fs::metadata(path).map_err(|e| describe(path, &e))?;
        if meta.is_dir() {
            let text = format!("{} is a directory, a file is needed", path.display());
            return Err(Error::new(Code::IsDirectory, text));
        }
        if !meta.is_file() {
            let text =
                format!("{} is a FIFO, socket or device, a regular file is needed", path.display());
            return Err(Error::new(Code::NotAFile, text));
        }
        let len = meta.len();
        if len == 0 {
            let text = format!("{} is empty (0 bytes)", path.display());
            return Err(Error::new(Code::EmptyFile, text));
        }
        let mut file = File::open(path).map_err(|e| describe(path, &e))?;
        if len > SLURP {
            let kind = Kind::File { file, window: Vec::new(), start: 0 };
            return Ok(Self { kind, len });
        }
        let mut bytes = Vec::with_capacity(len as usize);
        file.by_ref().take(len).read_to_end(&mut bytes).map_err(|e| describe(path, &e))?;
        Self::from_bytes(bytes)
    }

    /// Bytes in memory.
    pub(super) fn from_bytes(bytes: Vec<u8>) -> Result<Self> {
        if bytes.is_empty() {
            return Err(Error::new(Code::EmptyFile, "there are no bytes to decode"));
        }
        let len = bytes.len() as u64;
        Ok(Self { kind: Kind::Memory(bytes), len })
    }

    /// Number of bytes.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// The bytes from `pos` on: at least `want` of them, fewer only where the input ends.
    pub(super) fn window(&mut self, pos: u64, want: usize) -> Result<&[u8]> {
        if pos >= self.len {
            return Ok(&[]);
        }
        let want = want.min(MAX_UNIT).min(usize::try_from(self.len - pos).unwrap_or(usize::MAX));
        match &mut self.kind {
            Kind::Memory(bytes) => Ok(&bytes[pos as usize..]),
            Kind::File { file, window, start } => {
                let held = *start..*start + window.len() as u64;
                if pos < held.start || pos + want as u64 > held.end {
                    refill(file, window, pos, want.max(CHUNK))
                        .map_err(|e| Error::new(Code::Io, format!("reading failed: {e}")))?;
                    *start = pos;
                }
                Ok(&window[(pos - *start) as usize..])
            }
        }
    }

    /// Exactly `N` bytes at `pos`, or `None` where the input ends before.
    pub(super) fn bytes<const N: usize>(&mut self, pos: u64) -> Result<Option<[u8; N]>> {
        let window = self.window(pos, N)?;
        Ok(window.first_chunk::<N>().copied())
    }
}

fn refill(file: &mut File, window: &mut Vec<u8>, pos: u64, want: usize) -> io::Result<()> {
    window.clear();
    file.seek(SeekFrom::Start(pos))?;
    file.take(want as u64).read_to_end(window)?;
    Ok(())
}

/// A loop of symbolic links has no stable `ErrorKind`; the number is ELOOP.
const ELOOP: i32 = if cfg!(target_os = "macos") { 62 } else { 40 };

fn describe(path: &Path, e: &io::Error) -> Error {
    let (code, what) = match e.kind() {
        _ if e.raw_os_error() == Some(ELOOP) => {
            (Code::SymlinkLoop, "is a loop of symbolic links".to_owned())
        }
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            (Code::NotFound, "does not exist".to_owned())
        }
        io::ErrorKind::PermissionDenied => {
            (Code::Permission, "may not be read: permission denied".to_owned())
        }
        _ => (Code::Io, format!("cannot be read: {e}")),
    };
    Error::new(code, format!("{} {what}", path.display()))
}
