//! RIFF/WAVE, RF64 and BW64: PCM, float, A-law and µ-law, read at any offset.

use super::compressed::mp3;
use super::input::Input;
use super::{Block, Decode, Info, corrupt, no_samples, truncated, unsupported};
use crate::error::Result;

/// Frames converted at a time: small enough to stay in the cache.
const BLOCK_FRAMES: usize = 8192;

/// How one sample is stored.
#[derive(Clone, Copy, PartialEq)]
enum Coding {
    U8,
    S16,
    S24,
    S32,
    F32,
    F64,
    ALaw,
    MuLaw,
}

impl Coding {
    fn name(self) -> &'static str {
        match self {
            Coding::U8 => "pcm_u8",
            Coding::S16 => "pcm_s16",
            Coding::S24 => "pcm_s24",
            Coding::S32 => "pcm_s32",
            Coding::F32 => "pcm_f32",
            Coding::F64 => "pcm_f64",
            Coding::ALaw => "alaw",
            Coding::MuLaw => "mulaw",
        }
    }

    fn bytes(self) -> usize {
        match self {
            Coding::U8 | Coding::ALaw | Coding::MuLaw => 1,
            Coding::S16 => 2,
            Coding::S24 => 3,
            Coding::S32 | Coding::F32 => 4,
            Coding::F64 => 8,
        }
    }
}

/// A WAV file whose samples are stored, not compressed.
pub(super) struct Wav {
    input: Input,
    info: Info,
    coding: Coding,
    /// Bytes of one frame.
    stride: usize,
    data_start: u64,
    frames: u64,
    next: u64,
}

/// Opens a file that starts with `RIFF`, `RF64` or `BW64` and holds `WAVE`.
pub(super) fn open(mut input: Input) -> Result<Box<dyn Decode>> {
    let layout = Layout::read(&mut input)?;
    let fmt = &layout.fmt;
    let data = layout.data_len(input.len());
    let coding = match (fmt.tag, fmt.sample_bytes()) {
        (PCM, Some(1)) => Coding::U8,
        (PCM, Some(2)) => Coding::S16,
        (PCM, Some(3)) => Coding::S24,
        (PCM, Some(4)) => Coding::S32,
        (FLOAT, Some(4)) => Coding::F32,
        (FLOAT, Some(8)) => Coding::F64,
        (ALAW, Some(1)) => Coding::ALaw,
        (MULAW, Some(1)) => Coding::MuLaw,
        (PCM | FLOAT | ALAW | MULAW, _) => {
            return Err(corrupt(format!(
                "the WAV header gives {} bits in frames of {} bytes for {} channels",
                fmt.bits, fmt.block_align, fmt.channels
            )));
        }
        (MPEG_LAYER3, _) => {
            return mp3::open_at(input, layout.data_start, layout.data_start + data.len, "wav");
        }
        (tag, _) => return Err(unsupported(&format!("WAV with {}", tag_name(tag)))),
    };
    let stride = coding.bytes() * usize::from(fmt.channels);
    let frames = data.len / stride as u64;
    if frames == 0 {
        return Err(match data.truncated {
            true => truncated("the WAV file ends before its first sample"),
            false => no_samples("WAV"),
        });
    }
    let info = Info {
        format: "wav",
        codec: coding.name().to_owned(),
        sr: fmt.sr,
        channels: fmt.channels,
        frames: Some(frames),
        bits: Some(coding.bytes() as u16 * 8),
        truncated: data.truncated,
    };
    let data_start = layout.data_start;
    Ok(Box::new(Wav { input, info, coding, stride, data_start, frames, next: 0 }))
}

impl Decode for Wav {
    fn info(&self) -> &Info {
        &self.info
    }

    fn next(&mut self, block: &mut Block) -> Result<()> {
        block.clear();
        let frames = (self.frames - self.next).min(BLOCK_FRAMES as u64) as usize;
        if frames == 0 {
            return Ok(());
        }
        let len = frames * self.stride;
        let pos = self.data_start + self.next * self.stride as u64;
        let bytes = self.input.window(pos, len)?;
        let bytes = bytes.get(..len).ok_or_else(|| truncated("the WAV file became shorter"))?;
        convert(self.coding, bytes, block);
        self.next += frames as u64;
        Ok(())
    }

    fn seek(&mut self, frame: u64) -> Result<u64> {
        self.next = frame.min(self.frames);
        Ok(self.next)
    }
}

/// Scales by powers of two, so that every product is exact.
fn convert(coding: Coding, bytes: &[u8], block: &mut Block) {
    match coding {
        Coding::U8 => spread(bytes, block, |[b]| (f32::from(b) - 128.0) * (1.0 / 128.0)),
        Coding::S16 => spread(bytes, block, |b| f32::from(i16::from_le_bytes(b)) * (1.0 / 32768.0)),
        Coding::S24 => spread(bytes, block, |[a, b, c]| {
            i32::from_le_bytes([0, a, b, c]) as f32 * (1.0 / 2_147_483_648.0)
        }),
        Coding::S32 => {
            spread(bytes, block, |b| i32::from_le_bytes(b) as f32 * (1.0 / 2_147_483_648.0))
        }
        Coding::F32 => spread(bytes, block, f32::from_le_bytes),
        Coding::F64 => spread(bytes, block, |b| f64::from_le_bytes(b) as f32),
        Coding::ALaw => spread(bytes, block, |[b]| A_LAW[usize::from(b)]),
        Coding::MuLaw => spread(bytes, block, |[b]| MU_LAW[usize::from(b)]),
    }
}

/// Takes interleaved samples of `N` bytes apart into planes.
#[inline(always)]
fn spread<const N: usize>(bytes: &[u8], block: &mut Block, sample: impl Fn([u8; N]) -> f32) {
    let channels = block.planes.len();
    for (c, plane) in block.planes.iter_mut().enumerate() {
        if channels == 1 {
            let (samples, _) = bytes.as_chunks::<N>();
            plane.extend(samples.iter().map(|&s| sample(s)));
        } else {
            let frames = bytes.chunks_exact(N * channels);
            plane.extend(frames.filter_map(|f| f[c * N..].first_chunk::<N>()).map(|&s| sample(s)));
        }
    }
}

/// ITU-T G.711 µ-law, in units of full scale.
static MU_LAW: [f32; 256] = {
    let mut table = [0.0; 256];
    let mut i = 0;
    while i < 256 {
        let code = !(i as u8) as i32;
        let magnitude = ((((code & 0x0f) << 3) + 0x84) << ((code & 0x70) >> 4)) - 0x84;
        let value = if code & 0x80 != 0 { -magnitude } else { magnitude };
        table[i] = value as f32 / 32768.0;
        i += 1;
    }
    table
};

/// ITU-T G.711 A-law, in units of full scale.
static A_LAW: [f32; 256] = {
    let mut table = [0.0; 256];
    let mut i = 0;
    while i < 256 {
        let code = (i as i32) ^ 0x55;
        let segment = (code & 0x70) >> 4;
        let mantissa = ((code & 0x0f) << 4) + 8;
        let magnitude = if segment == 0 { mantissa } else { (mantissa + 0x100) << (segment - 1) };
        let value = if code & 0x80 != 0 { magnitude } else { -magnitude };
        table[i] = value as f32 / 32768.0;
        i += 1;
    }
    table
};

const PCM: u16 = 0x0001;
const FLOAT: u16 = 0x0003;
const ALAW: u16 = 0x0006;
const MULAW: u16 = 0x0007;
const MPEG_LAYER3: u16 = 0x0055;
const EXTENSIBLE: u16 = 0xfffe;

fn tag_name(tag: u16) -> String {
    let name = match tag {
        0x0002 => "Microsoft ADPCM",
        0x0011 => "IMA ADPCM",
        0x0031 => "GSM 6.10",
        0x0040 => "G.721 ADPCM",
        0x0045 => "G.726 ADPCM",
        0x0050 => "MPEG layer II",
        0x00ff | 0x1600..=0x1610 => "AAC",
        0x0160..=0x0163 => "Windows Media Audio",
        0x2000 => "AC-3",
        0xf1ac => "FLAC",
        _ => return format!("format tag 0x{tag:04x}"),
    };
    name.to_owned()
}

/// The `fmt ` chunk.
struct Fmt {
    tag: u16,
    channels: u16,
    sr: u32,
    block_align: u16,
    bits: u16,
}

impl Fmt {
    fn parse(chunk: &[u8]) -> Result<Self> {
        let u16_at = |at: usize| chunk.get(at..at + 2).map(|b| u16::from_le_bytes([b[0], b[1]]));
        let short = || truncated(format!("the `fmt ` chunk of the WAV has {} bytes", chunk.len()));
        let mut tag = u16_at(0).ok_or_else(short)?;
        let channels = u16_at(2).ok_or_else(short)?;
        let sr =
            u32::from(u16_at(4).ok_or_else(short)?) | u32::from(u16_at(6).ok_or_else(short)?) << 16;
        let block_align = u16_at(12).ok_or_else(short)?;
        let bits = u16_at(14).ok_or_else(short)?;
        if tag == EXTENSIBLE {
            // The first two bytes of the sub-format GUID are the tag proper.
            tag = u16_at(24).ok_or_else(short)?;
        }
        if channels == 0 || sr == 0 {
            return Err(corrupt(format!("the WAV header gives {channels} channels at {sr} Hz")));
        }
        Ok(Self { tag, channels, sr, block_align, bits })
    }

    /// Bytes of one sample. The frame size decides, because samples of, say, 20 bits are stored in
    /// 3 or 4 bytes; writers that leave the frame size out go by the bits.
    fn sample_bytes(&self) -> Option<usize> {
        match self.block_align {
            0 => Some(usize::from(self.bits.div_ceil(8))),
            n if n % self.channels == 0 => {
                let bytes = n / self.channels;
                (self.bits.div_ceil(8) <= bytes).then_some(usize::from(bytes))
            }
            _ => None,
        }
    }
}

/// Where things are in the file.
struct Layout {
    fmt: Fmt,
    data_start: u64,
    data_size: u64,
    riff_size: u64,
}

/// The bytes of the data chunk that are really there.
struct DataLen {
    len: u64,
    truncated: bool,
}

impl Layout {
    fn read(input: &mut Input) -> Result<Self> {
        let cut = || truncated("the WAV file ends inside its header");
        let head = input.bytes::<12>(0)?.ok_or_else(cut)?;
        let mut riff_size = u64::from(le32(&head[4..]));
        let mut data_size_64 = None;
        let mut fmt = None;
        let mut pos = 12;
        loop {
            let Some(header) = input.bytes::<8>(pos)? else {
                return Err(match fmt {
                    None => truncated("the WAV file ends before its `fmt ` chunk"),
                    Some(_) => truncated("the WAV file ends before its `data` chunk"),
                });
            };
            let (id, size) = (&header[..4], u64::from(le32(&header[4..])));
            let body = pos + 8;
            match id {
                b"data" => {
                    let fmt = fmt.ok_or_else(|| {
                        corrupt("the `data` chunk of the WAV comes before `fmt `")
                    })?;
                    let data_size = match data_size_64 {
                        Some(wide) if size == u64::from(u32::MAX) => wide,
                        _ => size,
                    };
                    return Ok(Self { fmt, data_start: body, data_size, riff_size });
                }
                b"fmt " => {
                    let chunk = input.window(body, 64)?;
                    let len = chunk.len().min(usize::try_from(size).unwrap_or(usize::MAX));
                    fmt = Some(Fmt::parse(&chunk[..len])?);
                }
                b"ds64" => {
                    if let Some(sizes) = input.bytes::<16>(body)? {
                        riff_size = le64(&sizes[..8]);
                        data_size_64 = Some(le64(&sizes[8..]));
                    }
                }
                _ => {}
            }
            pos = next_chunk(input, body, size)?;
        }
    }

    /// Writers that cannot go back leave 0, or a number near 2^31 or 2^32, as the length; then the
    /// data reach to the end of the file. A length of 0 is meant when something else follows.
    fn data_len(&self, file: u64) -> DataLen {
        let endless = |n: u64| matches!(n, 0x7fff_0000..=0x8000_0000 | 0xffff_0000..);
        let rest = file.saturating_sub(self.data_start);
        let riff_ends_here = self.riff_size + 8 <= self.data_start;
        let unstated = match self.data_size {
            0 => riff_ends_here || endless(self.riff_size),
            n => n > rest && endless(n),
        };
        match unstated {
            true => DataLen { len: rest, truncated: false },
            false => DataLen { len: self.data_size.min(rest), truncated: self.data_size > rest },
        }
    }
}

/// Chunks of odd size are followed by a padding byte, which some writers forget: then a plausible
/// name stands where the padding should be.
fn next_chunk(input: &mut Input, body: u64, size: u64) -> Result<u64> {
    let end = body + size;
    if size % 2 == 1
        && let Some(id) = input.bytes::<4>(end)?
        && matches!(&id, b"data" | b"fmt " | b"fact" | b"LIST" | b"cue " | b"bext")
    {
        return Ok(end);
    }
    Ok(end + size % 2)
}

fn le32(b: &[u8]) -> u32 {
    b.first_chunk().map_or(0, |b| u32::from_le_bytes(*b))
}

fn le64(b: &[u8]) -> u64 {
    b.first_chunk().map_or(0, |b| u64::from_le_bytes(*b))
}
