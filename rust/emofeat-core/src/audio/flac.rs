//! FLAC (RFC 9639): exact integer decoding, every frame checked by its CRC-16.

mod bits;
mod crc;
mod subframe;

use bits::{Bits, Stop};

use super::input::{Input, MAX_UNIT};
use super::{Block, Decode, Info, corrupt, no_samples, truncated};
use crate::error::Result;

/// Bytes asked for at first for one frame; most are shorter.
const FIRST_LOOK: usize = 64 << 10;
/// Bisection ends where decoding on is as fast as another look.
const NEAR: u64 = 64 << 10;
/// Places that look like a frame and are none, before bisection gives up on a range. In real files
/// there is hardly ever one.
const IMPOSTORS: usize = 64;
/// Longest frame header: sync 4, number 7, block size 2, rate 2, CRC 1.
const MAX_HEADER: usize = 16;

/// A native FLAC stream.
pub(super) struct Flac {
    input: Input,
    info: Info,
    stream: StreamInfo,
    /// Offset of the first frame.
    first: u64,
    /// Offset of the next frame.
    pos: u64,
    /// Number of its first sample.
    next: u64,
    scratch: Scratch,
}

/// What STREAMINFO says.
#[derive(Clone, Copy)]
struct StreamInfo {
    max_block: u32,
    sr: u32,
    channels: u8,
    bits: u8,
    /// 0 when the writer did not know.
    total: u64,
}

/// Samples of one frame, one vector per channel. `wide` serves the one case of 33 bits: the side
/// channel of 32-bit stereo.
#[derive(Default)]
struct Scratch {
    narrow: Vec<Vec<i32>>,
    wide: Vec<i64>,
}

/// Opens the stream whose `fLaC` stands at `start`.
pub(super) fn open(mut input: Input, start: u64) -> Result<Box<dyn Decode>> {
    let (stream, first) = read_metadata(&mut input, start)?;
    let info = Info {
        format: "flac",
        codec: "flac".to_owned(),
        sr: stream.sr,
        channels: u16::from(stream.channels),
        frames: (stream.total > 0).then_some(stream.total),
        bits: Some(u16::from(stream.bits)),
        truncated: false,
    };
    let mut flac =
        Flac { input, info, stream, first, pos: first, next: 0, scratch: Scratch::default() };
    if stream.total == 0 && flac.at_end()? {
        return Err(no_samples("FLAC"));
    }
    Ok(Box::new(flac))
}

fn read_metadata(input: &mut Input, start: u64) -> Result<(StreamInfo, u64)> {
    let cut = || truncated("the FLAC file ends inside its header");
    let mut pos = start + 4;
    let mut stream = None;
    loop {
        let header = input.bytes::<4>(pos)?.ok_or_else(cut)?;
        let len = u64::from(u32::from_be_bytes([0, header[1], header[2], header[3]]));
        let body = pos + 4;
        match (header[0] & 0x7f, stream) {
            (0, None) => {
                let bytes = input.bytes::<34>(body)?.ok_or_else(cut)?;
                stream = Some(StreamInfo::parse(&bytes)?);
            }
            (0, Some(_)) | (127, _) => return Err(corrupt("the FLAC header has an invalid block")),
            (_, None) => return Err(corrupt("the FLAC header does not begin with STREAMINFO")),
            _ => {}
        }
        pos = body + len;
        if pos > input.len() {
            return Err(cut());
        }
        if header[0] & 0x80 != 0 {
            return stream.map(|s| (s, pos)).ok_or_else(cut);
        }
    }
}

impl StreamInfo {
    fn parse(b: &[u8; 34]) -> Result<Self> {
        let packed = b[10..18].iter().fold(0u64, |a, &x| a << 8 | u64::from(x));
        let info = Self {
            max_block: u32::from(u16::from_be_bytes([b[2], b[3]])),
            sr: (packed >> 44) as u32,
            channels: (packed >> 41 & 7) as u8 + 1,
            bits: (packed >> 36 & 31) as u8 + 1,
            total: packed & 0xf_ffff_ffff,
        };
        if info.sr == 0 || info.bits < 4 || info.max_block < 16 {
            return Err(corrupt(format!(
                "the FLAC header gives {} Hz, {} bits, blocks of {} samples",
                info.sr, info.bits, info.max_block
            )));
        }
        Ok(info)
    }
}

impl Decode for Flac {
    fn info(&self) -> &Info {
        &self.info
    }

    fn next(&mut self, block: &mut Block) -> Result<()> {
        block.clear();
        if self.at_end()? {
            return Ok(());
        }
        let (header, len) = self.frame_at(self.pos)?;
        if header.first_sample(&self.stream) != self.next {
            return Err(corrupt(format!(
                "FLAC frame for sample {} found where sample {} is due",
                header.first_sample(&self.stream),
                self.next
            )));
        }
        self.scratch.emit(&header, self.stream.bits, block);
        if self.stream.total > 0 {
            block.truncate(usize::try_from(self.stream.total - self.next).unwrap_or(usize::MAX));
        }
        self.pos += len as u64;
        self.next += u64::from(header.block);
        Ok(())
    }

    /// Bisects by bytes. A place counts as a frame only when all of it decodes and its CRC-16 fits,
    /// because sync codes also occur inside frames.
    fn seek(&mut self, frame: u64) -> Result<u64> {
        let (mut low, mut low_sample, mut high) = (self.first, 0, self.input.len());
        if frame >= self.next {
            (low, low_sample) = (self.pos, self.next);
        }
        while high - low > NEAR {
            let middle = low + (high - low) / 2;
            match self.find_frame(middle, high)? {
                Some((pos, header, len)) => {
                    let first = header.first_sample(&self.stream);
                    if first > frame {
                        high = middle;
                    } else if first < low_sample {
                        return Err(corrupt("the frame numbers of the FLAC file do not ascend"));
                    } else if frame < first + u64::from(header.block) {
                        (low, low_sample) = (pos, first);
                        break;
                    } else {
                        (low, low_sample) = (pos + len as u64, first + u64::from(header.block));
                    }
                }
                None => high = middle,
            }
        }
        (self.pos, self.next) = (low, low_sample);
        Ok(low_sample)
    }
}

impl Flac {
    /// After the announced number of samples whatever follows is not audio. Where the number is
    /// unknown, the stream ends with the file or at an ID3v1 tag.
    fn at_end(&mut self) -> Result<bool> {
        let ends_here = self.pos >= self.input.len();
        match self.stream.total {
            0 => Ok(ends_here || self.input.bytes::<3>(self.pos)? == Some(*b"TAG")),
            total if self.next >= total => Ok(true),
            total if ends_here => {
                Err(truncated(format!("the FLAC file ends after {} of {total} samples", self.next)))
            }
            _ => Ok(false),
        }
    }

    /// Decodes the frame at `pos` into the scratch space; returns its header and length in bytes.
    fn frame_at(&mut self, pos: u64) -> Result<(Header, usize)> {
        let mut want = FIRST_LOOK;
        loop {
            let bytes = self.input.window(pos, want)?;
            match decode_frame(bytes, &self.stream, &mut self.scratch) {
                Ok(done) => return Ok(done),
                Err(Stop::Invalid(what)) => {
                    return Err(corrupt(format!("FLAC frame at byte {pos}: {what}")));
                }
                Err(Stop::OutOfBits) => {
                    let all_seen = pos + bytes.len() as u64 >= self.input.len();
                    if all_seen {
                        return Err(truncated(format!(
                            "the FLAC file ends inside the frame at byte {pos}"
                        )));
                    }
                    if want >= MAX_UNIT {
                        return Err(corrupt(format!("FLAC frame at byte {pos} does not end")));
                    }
                    want *= 4;
                }
            }
        }
    }

    /// The first valid frame that starts in `from..to`.
    fn find_frame(&mut self, from: u64, to: u64) -> Result<Option<(u64, Header, usize)>> {
        let (mut pos, mut impostors) = (from, 0);
        while pos < to {
            let bytes = self.input.window(pos, FIRST_LOOK)?;
            let here = bytes.len().min(usize::try_from(to - pos).unwrap_or(usize::MAX));
            let candidate = (0..here).find(|&i| {
                bytes[i] == 0xff
                    && bytes.get(i + 1).is_some_and(|b| b & 0xfe == 0xf8)
                    && Header::parse(&bytes[i..], &self.stream).is_ok()
            });
            match candidate {
                Some(i) => {
                    let at = pos + i as u64;
                    if let Ok((header, len)) = self.frame_at(at) {
                        return Ok(Some((at, header, len)));
                    }
                    impostors += 1;
                    if impostors == IMPOSTORS {
                        return Ok(None);
                    }
                    pos = at + 1;
                }
                // A header may begin in the last bytes of the window and go on after them.
                None if here > MAX_HEADER && pos + (here as u64) < to => {
                    pos += (here - MAX_HEADER) as u64;
                }
                None => return Ok(None),
            }
        }
        Ok(None)
    }
}

/// How two channels were coded.
#[derive(Clone, Copy, PartialEq)]
enum Stereo {
    Independent,
    LeftSide,
    SideRight,
    MidSide,
}

/// A frame header whose CRC-8 fits and that agrees with STREAMINFO.
#[derive(Clone, Copy)]
struct Header {
    /// Samples per channel.
    block: u32,
    stereo: Stereo,
    /// Frame number, or sample number where block sizes vary.
    number: u64,
    variable: bool,
    /// Bytes of the header.
    len: usize,
}

impl Header {
    fn parse(bytes: &[u8], stream: &StreamInfo) -> std::result::Result<Self, Stop> {
        let at = |i: usize| bytes.get(i).copied().ok_or(Stop::OutOfBits);
        if at(0)? != 0xff || at(1)? & 0xfe != 0xf8 {
            return Err(Stop::Invalid("no sync code"));
        }
        let variable = at(1)? & 1 == 1;
        let (block_code, rate_code) = (at(2)? >> 4, at(2)? & 15);
        let (channel_code, bits_code) = (at(3)? >> 4, at(3)? >> 1 & 7);
        if at(3)? & 1 != 0 {
            return Err(Stop::Invalid("a reserved bit is set"));
        }
        let (number, mut len) = utf8_number(&bytes[4..])?;
        len += 4;
        let block = match block_code {
            1 => 192,
            2..=5 => 144 << block_code,
            6 => {
                len += 1;
                u32::from(at(len - 1)?) + 1
            }
            7 => {
                len += 2;
                u32::from(u16::from_be_bytes([at(len - 2)?, at(len - 1)?])) + 1
            }
            8.. => 1 << block_code,
            0 => return Err(Stop::Invalid("reserved block size")),
        };
        let rate = match rate_code {
            0 => stream.sr,
            1..=11 => RATES[usize::from(rate_code) - 1],
            12 => {
                len += 1;
                u32::from(at(len - 1)?) * 1000
            }
            13 | 14 => {
                len += 2;
                let value = u32::from(u16::from_be_bytes([at(len - 2)?, at(len - 1)?]));
                value * if rate_code == 14 { 10 } else { 1 }
            }
            _ => return Err(Stop::Invalid("invalid sample rate")),
        };
        let (channels, stereo) = match channel_code {
            0..=7 => (channel_code + 1, Stereo::Independent),
            8 => (2, Stereo::LeftSide),
            9 => (2, Stereo::SideRight),
            10 => (2, Stereo::MidSide),
            _ => return Err(Stop::Invalid("reserved channel assignment")),
        };
        let bits = match bits_code {
            0 => stream.bits,
            3 => return Err(Stop::Invalid("reserved sample size")),
            code => [8, 12, 0, 16, 20, 24, 32][usize::from(code) - 1],
        };
        if crc::crc8(bytes.get(..len).ok_or(Stop::OutOfBits)?) != at(len)? {
            return Err(Stop::Invalid("the CRC-8 of the header does not fit"));
        }
        if rate != stream.sr || channels != stream.channels || bits != stream.bits {
            return Err(Stop::Invalid("rate, channels or bits differ from the file's header"));
        }
        Ok(Self { block, stereo, number, variable, len: len + 1 })
    }

    fn first_sample(&self, stream: &StreamInfo) -> u64 {
        match self.variable {
            true => self.number,
            false => self.number * u64::from(stream.max_block),
        }
    }
}

const RATES: [u32; 11] =
    [88_200, 176_400, 192_000, 8_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000];

/// The number coded like UTF-8, up to 36 bits, and its length in bytes.
fn utf8_number(bytes: &[u8]) -> std::result::Result<(u64, usize), Stop> {
    let first = *bytes.first().ok_or(Stop::OutOfBits)?;
    let len = match first.leading_ones() {
        0 => return Ok((u64::from(first), 1)),
        n @ 2..=7 => n as usize,
        _ => return Err(Stop::Invalid("invalid frame number")),
    };
    let mut value = u64::from(first) & (0x7f >> len);
    for &b in bytes.get(1..len).ok_or(Stop::OutOfBits)? {
        if b & 0xc0 != 0x80 {
            return Err(Stop::Invalid("invalid frame number"));
        }
        value = value << 6 | u64::from(b & 0x3f);
    }
    Ok((value, len))
}

/// Decodes the frame at the start of `bytes`; returns its header and length.
fn decode_frame(
    bytes: &[u8],
    stream: &StreamInfo,
    scratch: &mut Scratch,
) -> std::result::Result<(Header, usize), Stop> {
    if bytes.len() < 5 {
        return Err(Stop::OutOfBits);
    }
    let header = Header::parse(bytes, stream)?;
    let mut bits = Bits::new(&bytes[header.len..]);
    let block = header.block as usize;
    scratch.narrow.resize_with(usize::from(stream.channels), Vec::new);
    for (c, samples) in scratch.narrow.iter_mut().enumerate() {
        let side = matches!(
            (header.stereo, c),
            (Stereo::LeftSide | Stereo::MidSide, 1) | (Stereo::SideRight, 0)
        );
        let depth = u32::from(stream.bits) + u32::from(side);
        samples.resize(block, 0);
        if depth > 32 {
            scratch.wide.resize(block, 0);
            subframe::decode(&mut bits, depth, &mut scratch.wide)?;
        } else {
            subframe::decode(&mut bits, depth, samples)?;
        }
    }
    let body = header.len + bits.align()?;
    let stored = bytes.get(body..body + 2).ok_or(Stop::OutOfBits)?;
    if crc::crc16(&bytes[..body]) != u16::from_be_bytes([stored[0], stored[1]]) {
        return Err(Stop::Invalid("the CRC-16 does not fit"));
    }
    Ok((header, body + 2))
}

impl Scratch {
    /// Undoes the stereo coding and scales to ±1.
    fn emit(&mut self, header: &Header, bits: u8, block: &mut Block) {
        if header.stereo != Stereo::Independent {
            if bits == 32 {
                self.decorrelate_wide(header.stereo);
            } else if let [a, b] = self.narrow.as_mut_slice() {
                decorrelate(header.stereo, a, b);
            }
        }
        let scale = 1.0 / (1u64 << (bits - 1)) as f32;
        for (samples, plane) in self.narrow.iter().zip(&mut block.planes) {
            plane.extend(samples.iter().map(|&s| s as f32 * scale));
        }
    }

    fn decorrelate_wide(&mut self, stereo: Stereo) {
        let [a, b] = self.narrow.as_mut_slice() else { return };
        for ((a, b), &side) in a.iter_mut().zip(b).zip(&self.wide) {
            match stereo {
                Stereo::LeftSide => *b = i64::from(*a).wrapping_sub(side) as i32,
                Stereo::SideRight => *a = i64::from(*b).wrapping_add(side) as i32,
                _ => {
                    let sum = i64::from(*a) << 1 | side & 1;
                    *a = (sum.wrapping_add(side) >> 1) as i32;
                    *b = (sum.wrapping_sub(side) >> 1) as i32;
                }
            }
        }
    }
}

fn decorrelate(stereo: Stereo, a: &mut [i32], b: &mut [i32]) {
    for (a, b) in a.iter_mut().zip(b) {
        match stereo {
            Stereo::Independent => {}
            Stereo::LeftSide => *b = a.wrapping_sub(*b),
            Stereo::SideRight => *a = a.wrapping_add(*b),
            Stereo::MidSide => {
                let sum = *a << 1 | *b & 1;
                (*a, *b) = (sum.wrapping_add(*b) >> 1, sum.wrapping_sub(*b) >> 1);
            }
        }
    }
}
