//! Whatever the bytes are: a valid decode or one stable code, no panic, no hang.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use emofeat_core::audio::{Channel, Source};
use emofeat_core::error::{Code, Result};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/audio")
}

fn open_code(path: &Path) -> Code {
    Source::open(path, Channel::Mean).err().unwrap().code
}

fn bytes_code(bytes: &[u8]) -> Code {
    Source::from_bytes(bytes.to_vec(), Channel::Mean).err().unwrap().code
}

/// A folder of this test alone, removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("emofeat-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn what_is_not_a_readable_file_has_its_own_code() {
    let scratch = Scratch::new("paths");
    assert_eq!(open_code(&scratch.0), Code::IsDirectory);
    assert_eq!(open_code(&scratch.0.join("missing.wav")), Code::NotFound);
    let empty = scratch.0.join("empty.wav");
    fs::write(&empty, b"").unwrap();
    assert_eq!(open_code(&empty), Code::EmptyFile);
    assert_eq!(open_code(&empty.join("below")), Code::NotFound);
    assert_eq!(bytes_code(b""), Code::EmptyFile);
}

#[cfg(unix)]
#[test]
fn a_fifo_does_not_block_and_a_loop_of_links_ends() {
    use std::os::unix::fs::symlink;
    let scratch = Scratch::new("special");
    let fifo = scratch.0.join("fifo.wav");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status().unwrap();
    assert!(made.success());
    assert_eq!(open_code(&fifo), Code::NotAFile);
    assert_eq!(open_code(Path::new("/dev/null")), Code::NotAFile);
    let (a, b) = (scratch.0.join("a.wav"), scratch.0.join("b.wav"));
    symlink(&a, &b).unwrap();
    symlink(&b, &a).unwrap();
    assert_eq!(open_code(&a), Code::SymlinkLoop);
}

#[test]
fn other_content_is_told_apart() {
    let lfs = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n";
    assert_eq!(bytes_code(lfs), Code::LfsPointer);
    let cases: [(&[u8], &str); 6] = [
        (b"speaker,label\n1,anger\n", "text"),
        ("größer als üblich\n".as_bytes(), "text"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "PNG"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF\0", "JPEG"),
        (b"PK\x03\x04\x14\0\0\0", "ZIP"),
        (b"\x93NUMPY\x01\0v\0{'descr'", "NumPy"),
    ];
    for (bytes, word) in cases {
        let error = Source::from_bytes(bytes.to_vec(), Channel::Mean).err().unwrap();
        assert_eq!(error.code, Code::UnknownFormat, "{word}");
        assert!(error.message.contains(word), "{}", error.message);
    }
    for byte in [0, 0x55, 0xaa, 0xff] {
        assert_eq!(bytes_code(&[byte; 5000]), Code::UnknownFormat, "{byte:#x}");
    }
    assert_eq!(bytes_code(b"ID3\x04\0\0\0\0\x10\0"), Code::Truncated);
}

#[test]
fn a_header_alone_never_makes_us_allocate() {
    // 2^36 samples of FLAC.
    let mut flac = fs::read(folder().join("pcm_16.flac")).unwrap();
    flac[21] |= 0x0f;
    flac[22..26].fill(0xff);
    let mut source = Source::from_bytes(flac, Channel::Mean).unwrap();
    let mut out = Vec::new();
    assert_eq!(source.read(&mut out, usize::MAX).unwrap_err().code, Code::Truncated);
    // The same error again, and nothing left behind.
    assert_eq!(source.read(&mut out, 1).unwrap_err().code, Code::Truncated);
    assert!(out.is_empty());
    // 2^32 packets of MP4, in chunks without end.
    let mut mp4 = fs::read(folder().join("lc.m4a")).unwrap();
    for (table, fields) in [(b"stsz", 8..16), (b"stsc", 16..20)] {
        let at = mp4.windows(4).position(|w| w == table).unwrap() + 4;
        mp4[at + fields.start..at + fields.end].fill(0x7f);
    }
    assert_eq!(bytes_code(&mp4), Code::Corrupt);
    // An ID3 tag of 256 MB.
    assert_eq!(bytes_code(b"ID3\x04\0\0\x7f\x7f\x7f\x7f\xff\xfb"), Code::Truncated);
}

/// A small generator (xorshift), so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % n
    }
}

/// Length and digest of a whole decode.
fn outcome(bytes: &[u8]) -> Result<(usize, u64)> {
    let mut source = Source::from_bytes(bytes.to_vec(), Channel::Mean)?;
    let mut out = Vec::new();
    while source.read(&mut out, 5000)? > 0 {}
    let digest = out.iter().fold(0u64, |h, x| h.rotate_left(5) ^ u64::from(x.to_bits()));
    Ok((out.len(), digest))
}

fn damage(bytes: &mut Vec<u8>, kind: usize, random: &mut Random) {
    match kind {
        0 => bytes.truncate(1 + random.below(bytes.len() - 1)),
        // Headers are where damage is most interesting.
        1 => bytes[random.below(200)] = random.below(256) as u8,
        2 => {
            for _ in 0..1 + random.below(20) {
                let at = random.below(bytes.len());
                bytes[at] = random.below(256) as u8;
            }
        }
        _ => {
            let (from, to) = (random.below(bytes.len()), random.below(bytes.len()));
            let piece = bytes[from.min(to)..from.max(to)].to_vec();
            let at = random.below(bytes.len());
            bytes.splice(at..at, piece);
        }
    }
}

#[test]
fn damaged_files_give_samples_or_a_code_and_always_the_same() {
    const NAMED: [Code; 6] = [
        Code::Truncated,
        Code::Corrupt,
        Code::UnsupportedCodec,
        Code::UnknownFormat,
        Code::NoSamples,
        Code::NoAudioTrack,
    ];
    let ours = |p: &PathBuf| p.extension().is_some_and(|e| e == "py" || e == "tsv" || e == "s16");
    let mut files: Vec<PathBuf> = [folder(), folder().join("foreign")]
        .iter()
        .flat_map(|f| fs::read_dir(f).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|p| p.is_file() && !ours(p))
        .collect();
    files.sort();
    assert!(files.len() >= 30);
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let (mut decoded, mut refused) = (0, 0);
    let begin = Instant::now();
    for round in 0..200 {
        for path in &files {
            let mut bytes = fs::read(path).unwrap();
            damage(&mut bytes, round % 4, &mut random);
            let name = format!("{} round {round}", path.display());
            let started = Instant::now();
            let first = outcome(&bytes);
            assert!(started.elapsed() < Duration::from_secs(10), "{name}");
            match &first {
                Ok((frames, _)) => {
                    assert!(*frames > 0, "{name}");
                    decoded += 1;
                }
                Err(e) => {
                    assert!(NAMED.contains(&e.code), "{name}: {e:?}");
                    refused += 1;
                }
            }
            assert_eq!(first, outcome(&bytes), "{name}");
        }
        // Slow machines do fewer rounds.
        if round >= 8 && begin.elapsed() > Duration::from_secs(8) {
            break;
        }
    }
    assert!(decoded > 20 && refused > 100, "{decoded} decoded, {refused} refused");
}
