//! What a file is, from its first bytes.

use super::compressed::{adts, mp3, mp4, ogg};
use super::input::Input;
use super::{Decode, flac, truncated, unsupported, wav};
use crate::error::{Code, Error, Result};

/// Bytes looked at to name a format.
const HEAD: usize = 512;

/// Recognises the format and opens its decoder.
pub(super) fn open(mut input: Input) -> Result<Box<dyn Decode>> {
    let start = after_id3(&mut input)?;
    let window = input.window(start, HEAD)?;
    let head = window[..window.len().min(HEAD)].to_vec();
    let riff_type = head.get(8..12);
    match head.get(..4) {
        Some(b"RIFF" | b"RF64" | b"BW64") if start == 0 && riff_type == Some(b"WAVE") => {
            return wav::open(input);
        }
        Some(b"RIFF" | b"RF64" | b"BW64") if head.len() < 12 => {
            return Err(truncated("the RIFF file ends inside its header"));
        }
        Some(b"fLaC") => return flac::open(input, start),
        Some(b"OggS") => return ogg::open(input),
        _ if is_mp4(&head) => return mp4::open(input),
        _ => {}
    }
    if let Some(name) = foreign_media(&head) {
        return Err(unsupported(name));
    }
    if let Some(name) = not_audio(&head) {
        return Err(unknown(&format!("the file is {name}, not audio")));
    }
    if let Some(at) = adts::find(&mut input, start)? {
        return adts::open(input, at);
    }
    if mp3::is_lower_layer(&mut input, start)? {
        return Err(unsupported("MPEG audio of layer I or II"));
    }
    if let Some(at) = mp3::find(&mut input, start)? {
        let end = input.len();
        return mp3::open_at(input, at, end, "mp3");
    }
    if is_text(&head) {
        return Err(text_file(&head));
    }
    if start > 0 && start >= input.len() {
        return Err(truncated("the file ends with or inside its ID3 tag"));
    }
    Err(unknown(
        "no audio format recognised in the content; decoded are WAV, FLAC, MP3, Ogg Vorbis and AAC-LC",
    ))
}

fn unknown(text: &str) -> Error {
    Error::new(Code::UnknownFormat, text)
}

/// The offset after any ID3v2 tags at the front.
fn after_id3(input: &mut Input) -> Result<u64> {
    let mut pos = 0;
    while let Some(len) = id3v2_len(input.window(pos, 10)?) {
        pos += len;
    }
    Ok(pos)
}

/// Length of the ID3v2 tag that starts here, if one does.
pub(super) fn id3v2_len(bytes: &[u8]) -> Option<u64> {
    let h = bytes.first_chunk::<10>()?;
    let valid = h.starts_with(b"ID3") && h[3] != 0xff && h[6..].iter().all(|b| b & 0x80 == 0);
    let size = h[6..].iter().fold(0u64, |a, &b| a << 7 | u64::from(b));
    let footer = if h[5] & 0x10 != 0 { 10 } else { 0 };
    valid.then_some(10 + size + footer)
}

fn is_mp4(head: &[u8]) -> bool {
    head.get(4..8).is_some_and(|kind| {
        matches!(kind, b"ftyp" | b"moov" | b"styp")
            || (matches!(kind, b"mdat" | b"free" | b"skip" | b"wide") && head[0] < 0x20)
    })
}

/// Audio and video that others decode.
fn foreign_media(head: &[u8]) -> Option<&'static str> {
    let begins = |magic: &[u8]| head.starts_with(magic);
    let at = |i: usize, magic: &[u8]| head.get(i..).is_some_and(|h| h.starts_with(magic));
    Some(match head {
        _ if begins(b"RIFF") && at(8, b"AVI ") => "AVI",
        _ if begins(b"RIFX") => "big-endian WAV (RIFX)",
        _ if begins(b"riff\x2e\x91\xcf\x11") => "Sony Wave64",
        _ if begins(b"FORM") && (at(8, b"AIFF") || at(8, b"AIFC")) => "AIFF",
        _ if begins(b"caff") => "CAF",
        _ if begins(b".snd") || begins(b"dns.") => "Sun AU",
        _ if begins(b"NIST_1A") => "NIST SPHERE",
        _ if begins(&[0x1a, 0x45, 0xdf, 0xa3]) => {
            if head.windows(4).any(|w| w == b"webm") {
                "WebM"
            } else {
                "Matroska"
            }
        }
        _ if begins(&[0x30, 0x26, 0xb2, 0x75, 0x8e, 0x66, 0xcf, 0x11]) => "ASF (WMA, WMV)",
        _ if begins(b"FLV\x01") => "FLV",
        _ if begins(&[0, 0, 1, 0xba]) || begins(&[0, 0, 1, 0xb3]) => "MPEG program stream",
        _ if begins(&[0x47]) && at(188, &[0x47]) && at(376, &[0x47]) => "MPEG transport stream",
        _ if begins(b"wvpk") => "WavPack",
        _ if begins(b"MAC ") => "Monkey's Audio",
        _ if begins(b"TTA1") => "True Audio",
        _ if begins(b"MPCK") || begins(b"MP+") => "Musepack",
        _ if begins(b"#!AMR") => "AMR",
        _ if begins(b"#!SILK") || begins(b"\x02#!SILK") => "SILK",
        _ if begins(b"ADIF") => "AAC in ADIF",
        _ if begins(&[0x0b, 0x77]) => "AC-3",
        _ if begins(&[0x7f, 0xfe, 0x80, 0x01]) => "DTS",
        _ if begins(b"Creative Voice File") => "Creative VOC",
        _ if begins(b"DSD ") || begins(b"FRM8") => "DSD",
        _ if begins(b".RMF") || begins(b".ra\xfd") => "RealMedia",
        _ => return None,
    })
}

/// Files that often lie beside recordings.
fn not_audio(head: &[u8]) -> Option<&'static str> {
    let begins = |magic: &[u8]| head.starts_with(magic);
    Some(match head {
        _ if begins(b"\x89PNG") => "a PNG image",
        _ if begins(&[0xff, 0xd8, 0xff]) => "a JPEG image",
        _ if begins(b"GIF8") => "a GIF image",
        _ if begins(b"RIFF") && head.get(8..12) == Some(b"WEBP") => "a WebP image",
        _ if begins(b"RIFF") => "a RIFF file that is neither WAVE nor AVI",
        _ if begins(b"II*\0") || begins(b"MM\0*") => "a TIFF image",
        _ if begins(b"%PDF") => "a PDF",
        _ if begins(b"PK\x03\x04") => "a ZIP archive",
        _ if begins(&[0x1f, 0x8b]) => "gzip-compressed",
        _ if begins(b"BZh") => "bzip2-compressed",
        _ if begins(b"\xfd7zXZ") => "xz-compressed",
        _ if begins(&[0x28, 0xb5, 0x2f, 0xfd]) => "zstd-compressed",
        _ if begins(b"Rar!") || begins(b"7z\xbc\xaf") => "an archive",
        _ if begins(b"\x89HDF") => "an HDF5 file",
        _ if begins(b"\x93NUMPY") => "a NumPy array",
        _ if begins(b"PAR1") => "a Parquet file",
        _ if begins(b"SQLite format 3") => "an SQLite database",
        _ if begins(b"MThd") => "a MIDI score",
        _ if begins(b"\x7fELF") => "a program",
        _ => return None,
    })
}

fn is_text(head: &[u8]) -> bool {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        // The window may end inside a character.
        Err(e) if e.error_len().is_none() => {
            std::str::from_utf8(&head[..e.valid_up_to()]).unwrap_or("")
        }
        Err(_) => return false,
    };
    !text.is_empty() && !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
}

fn text_file(head: &[u8]) -> Error {
    if head.starts_with(b"version https://git-lfs.github.com/spec/") {
        let text = "the file is a Git LFS pointer, not the recording: run `git lfs pull`";
        return Error::new(Code::LfsPointer, text);
    }
    unknown("the file is text, not audio")
}
