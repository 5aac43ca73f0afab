//! MPEG-1, 2 and 2.5 layer III.

use symphonia::core::codecs::audio::well_known::CODEC_ID_MP3;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::default::codecs::MpaDecoder;

use super::super::probe::id3v2_len;
use super::{Decode, Info, Input, Packets, PreRoll, Result, Unit, refused};
use super::{corrupt, truncated, unsupported};
use crate::audio::no_samples;

/// Bytes before the first frame that are searched for it.
const SEARCH: u64 = 64 << 10;
/// Frames in a row that make a chance hit implausible.
const CONVINCING: usize = 3;
/// FFmpeg's and LAME's delay of the decoder itself: 528 samples of filter bank, and one.
const DECODER_DELAY: u64 = 529;

/// A layer III frame header.
#[derive(Clone, Copy)]
struct Header {
    /// Version, layer and rate: what may not change inside a file.
    identity: u32,
    mpeg1: bool,
    sr: u32,
    mono: bool,
    crc: bool,
    /// Bytes of the frame, header included.
    len: usize,
}

impl Header {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let word = u32::from_be_bytes(*bytes.first_chunk()?);
        let (version, layer) = (word >> 19 & 3, word >> 17 & 3);
        let (rate_code, sr_code) = (word >> 12 & 15, word >> 10 & 3);
        if word >> 21 != 0x7ff || version == 1 || layer != 1 || sr_code == 3 {
            return None;
        }
        let mpeg1 = version == 3;
        let sr = RATES[sr_code as usize] >> HALVINGS[version as usize];
        let kbps = if mpeg1 { KBPS_1 } else { KBPS_2 }[rate_code as usize];
        if kbps == 0 {
            return None;
        }
        let slots = if mpeg1 { 144_000 } else { 72_000 } * kbps / sr;
        let mono = word >> 6 & 3 == 3;
        Some(Self {
            identity: word & 0xfffe_0c00 | u32::from(mono),
            mpeg1,
            sr,
            mono,
            crc: word & 0x1_0000 == 0,
            len: (slots + (word >> 9 & 1)) as usize,
        })
    }

    fn frames(&self) -> u64 {
        if self.mpeg1 { 1152 } else { 576 }
    }

    fn side_info(&self) -> usize {
        match (self.mpeg1, self.mono) {
            (true, false) => 32,
            (true, true) | (false, false) => 17,
            (false, true) => 9,
        }
    }

    /// Bytes of the frame that hold coded samples, of this frame or of later ones.
    fn main_data(&self) -> usize {
        let overhead = 4 + if self.crc { 2 } else { 0 } + self.side_info();
        self.len.saturating_sub(overhead)
    }
}

/// Rates of MPEG-1, and how often versions 2.5, (reserved), 2 and 1 halve them.
const RATES: [u32; 3] = [44_100, 48_000, 32_000];
const HALVINGS: [u32; 4] = [2, 0, 1, 0];
const KBPS_1_I: [u32; 16] =
    [0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448, 0];
const KBPS_1_II: [u32; 16] = [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 0];
const KBPS_2_I: [u32; 16] = [0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256, 0];
const KBPS_1: [u32; 16] = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0];
const KBPS_2: [u32; 16] = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0];

/// The offset of the first frame at or soon after `start`, if the bytes are MP3: frames in a row, or
/// all that there are up to the end of the file.
pub(in crate::audio) fn find(input: &mut Input, start: u64) -> Result<Option<u64>> {
    let stop = input.len().min(start + SEARCH);
    let mut pos = start;
    while pos < stop {
        let window = input.window(pos, SEARCH as usize)?;
        let Some(skip) = window.windows(2).position(|w| w[0] == 0xff && w[1] & 0xe6 == 0xe2) else {
            return Ok(None);
        };
        pos += skip as u64;
        if pos < stop && convincing(input, pos, pos == start)? {
            return Ok(Some(pos));
        }
        pos += 1;
    }
    Ok(None)
}

/// Whether frames follow one another from `pos` on. Where the file ends early, fewer are enough at
/// the very place where the first is due.
fn convincing(input: &mut Input, mut pos: u64, due: bool) -> Result<bool> {
    let mut identity = None;
    for seen in 0..CONVINCING {
        let Some(header) = Header::parse(input.window(pos, 4)?) else {
            let ended = input.len() <= pos + 4 || tail(input, pos)?.is_some();
            return Ok(seen > 0 && ended && due);
        };
        if *identity.get_or_insert(header.identity) != header.identity {
            return Ok(false);
        }
        pos += header.len as u64;
    }
    Ok(true)
}

/// Whether two frames of layer I or II follow one another here; those are not decoded.
pub(in crate::audio) fn is_lower_layer(input: &mut Input, start: u64) -> Result<bool> {
    let Some(len) = lower_layer_len(input.window(start, 4)?) else { return Ok(false) };
    Ok(lower_layer_len(input.window(start + len, 4)?).is_some())
}

fn lower_layer_len(bytes: &[u8]) -> Option<u64> {
    let word = u32::from_be_bytes(*bytes.first_chunk()?);
    let (version, layer) = (word >> 19 & 3, word >> 17 & 3);
    let (rate_code, sr_code, padding) = (word >> 12 & 15, word >> 10 & 3, word >> 9 & 1);
    if word >> 21 != 0x7ff || version == 1 || layer < 2 || sr_code == 3 {
        return None;
    }
    let table = match (version, layer) {
        (3, 3) => KBPS_1_I,
        (3, _) => KBPS_1_II,
        (_, 3) => KBPS_2_I,
        _ => KBPS_2,
    };
    let kbps = Some(table[rate_code as usize]).filter(|&kbps| kbps > 0)?;
    let sr = RATES[sr_code as usize] >> HALVINGS[version as usize];
    let len = match layer {
        3 => (12_000 * kbps / sr + padding) * 4,
        _ => 144_000 * kbps / sr + padding,
    };
    Some(u64::from(len))
}

/// Opens the frames between two offsets of a file, which is of the given format.
pub(in crate::audio) fn open_at(
    mut input: Input,
    start: u64,
    end: u64,
    format: &'static str,
) -> Result<Box<dyn Decode>> {
    let end = end.min(input.len());
    let Some(first) = Header::parse(input.window(start, 4)?) else {
        return Err(match end <= start {
            true => no_samples("MP3"),
            false => corrupt("the MP3 data do not begin with a frame of layer III"),
        });
    };
    let mut units = scan(&mut input, start, end, first.identity)?;
    let tag = match units.first() {
        Some(&Unit { pos, len }) => Tag::parse(input.window(pos, len as usize)?, &first),
        None => None,
    };
    if tag.is_some() {
        units.remove(0);
    }
    let decoded = units.len() as u64 * first.frames();
    let tag = tag.unwrap_or_default();
    // Some writers count the frame of the tag itself.
    if tag.frames.is_some_and(|n| units.len() as u64 + 1 < u64::from(n)) {
        return Err(truncated(format!(
            "the MP3 header announces {} frames, the file holds {}",
            tag.frames.unwrap_or(0),
            units.len()
        )));
    }
    let (skip, padding) = match tag.delay {
        Some((delay, padding)) => {
            let complete = tag.frames.is_none_or(|n| u64::from(n) == units.len() as u64);
            let cut = u64::from(padding).saturating_sub(DECODER_DELAY);
            (u64::from(delay) + DECODER_DELAY, if complete { cut } else { 0 })
        }
        None => (0, 0),
    };
    let total = decoded.saturating_sub(skip + padding);
    if total == 0 {
        return Err(no_samples("MP3"));
    }
    let info = Info {
        format,
        codec: "mp3".to_owned(),
        sr: first.sr,
        channels: if first.mono { 1 } else { 2 },
        frames: Some(total),
        bits: None,
        truncated: false,
    };
    let coding = Mp3;
    let decoder = coding.fresh()?;
    let frames_each = first.frames();
    Ok(Box::new(Packets { input, info, coding, decoder, units, frames_each, skip, total, next: 0 }))
}

/// Finds every frame. Tags and zeros may stand between frames, nothing else.
fn scan(input: &mut Input, start: u64, end: u64, identity: u32) -> Result<Vec<Unit>> {
    let mut units = Vec::new();
    let mut pos = start;
    while pos < end {
        let window = input.window(pos, 4)?;
        match Header::parse(window) {
            Some(header) if header.identity == identity => {
                if pos + header.len as u64 > end {
                    return Err(truncated(format!(
                        "the MP3 file ends inside the frame at byte {pos}"
                    )));
                }
                units.push(Unit { pos, len: header.len as u32 });
                pos += header.len as u64;
            }
            parsed => match tail(input, pos)? {
                Some(len) => pos += len,
                None if parsed.is_some() => {
                    return Err(corrupt(format!(
                        "rate or channels change in the frame at byte {pos}"
                    )));
                }
                None if free_format(input.window(pos, 4)?) => {
                    return Err(unsupported("MP3 of free format"));
                }
                None if end - pos < 4 => {
                    return Err(truncated(format!(
                        "the MP3 file ends inside the frame at byte {pos}"
                    )));
                }
                None => {
                    return Err(corrupt(format!("no MP3 frame where one is due, at byte {pos}")));
                }
            },
        }
    }
    Ok(units)
}

fn free_format(bytes: &[u8]) -> bool {
    matches!(bytes, [0xff, second, third, ..] if second & 0xe6 == 0xe2 && third >> 4 == 0)
}

/// Length of what may stand between and after frames: tags, and runs of zeros.
fn tail(input: &mut Input, pos: u64) -> Result<Option<u64>> {
    let rest = input.len() - pos;
    let window = input.window(pos, 64)?;
    let len = match window {
        w if w.starts_with(b"TAG+") => Some(227),
        w if w.starts_with(b"TAG") => Some(128),
        w if w.starts_with(b"LYRICSBEGIN") || w.starts_with(b"3DI") => Some(rest),
        w if w.starts_with(b"APETAGEX") => match w.get(12..24) {
            // The size counts items and footer; a header before them is announced by a flag.
            Some(fields) => {
                let size = fields.first_chunk().map_or(0, |b| u32::from_le_bytes(*b));
                let is_header = fields[11] & 0x20 != 0;
                Some(u64::from(size) + if is_header { 32 } else { 0 })
            }
            None => Some(rest),
        },
        w => id3v2_len(w).or_else(|| {
            let zeros = w.iter().take_while(|&&b| b == 0).count() as u64;
            (zeros > 0).then_some(zeros)
        }),
    };
    Ok(len.map(|n| n.clamp(1, rest)))
}

/// What the Xing, Info or VBRI frame at the front says.
#[derive(Default)]
struct Tag {
    frames: Option<u32>,
    /// Encoder delay and padding, by encoders whose numbers FFmpeg trusts.
    delay: Option<(u32, u32)>,
}

impl Tag {
    fn parse(frame: &[u8], header: &Header) -> Option<Self> {
        let frame = frame.get(..header.len)?;
        let be32 = |at: usize| Some(u32::from_be_bytes(*frame.get(at..)?.first_chunk()?));
        let xing = 4 + header.side_info();
        if let Some(b"Xing" | b"Info") = frame.get(xing..xing + 4) {
            let flags = be32(xing + 4)?;
            let mut at = xing + 8;
            let mut field = |bit: u32, len: usize| {
                let here = at;
                (flags & bit != 0).then(|| {
                    at += len;
                    here
                })
            };
            let frames = field(1, 4).and_then(be32);
            let _bytes = field(2, 4);
            let _table = field(4, 100);
            let _quality = field(8, 4);
            let trusted = matches!(frame.get(at..at + 4), Some(b"LAME" | b"Lavf" | b"Lavc"));
            let delay = be32(at + 21).map(|v| (v >> 20, v >> 8 & 0xfff)).filter(|_| trusted);
            return Some(Self { frames, delay });
        }
        // VBRI stands at a fixed place, whatever the side information.
        if let Some(b"VBRI") = frame.get(36..40) {
            return Some(Self { frames: be32(36 + 14), delay: None });
        }
        None
    }
}

struct Mp3;

impl PreRoll for Mp3 {
    fn fresh(&self) -> Result<Box<dyn AudioDecoder>> {
        let mut params = AudioCodecParameters::new();
        params.for_codec(CODEC_ID_MP3);
        let options = AudioDecoderOptions::default().gapless(false);
        let decoder = MpaDecoder::try_new(&params, &options).map_err(|e| refused(&e))?;
        Ok(Box::new(decoder))
    }

    /// Three frames settle the overlap of the transform and the memory of the filter bank. Those
    /// may use up to 511 bytes of coded samples from still earlier frames.
    fn start(&self, input: &mut Input, units: &[Unit], unit: usize) -> Result<Option<usize>> {
        let mut start = unit.saturating_sub(3);
        let mut reservoir = 0;
        while start > 0 && reservoir < 512 {
            start -= 1;
            let header = Header::parse(input.window(units[start].pos, 4)?);
            reservoir += header.map_or(0, |h| h.main_data());
        }
        Ok(Some(start))
    }
}
