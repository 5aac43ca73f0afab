//! AAC-LC: its configuration, its decoder, and telling it from HE-AAC.

use symphonia::core::codecs::audio::well_known::CODEC_ID_AAC;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::default::codecs::AacDecoder;

use super::{Block, Input, PreRoll, Result, Unit, corrupt, decode_packet, refused, unsupported};

/// Frames of one packet.
pub(super) const FRAMES: u64 = 1024;
/// Packets searched for spectral band replication: encoders put it into every packet, and FFmpeg
/// goes by the first.
const SEARCHED: usize = 4;
/// The standard allows 768 bytes for each channel.
pub(super) const MAX_PACKET: u64 = 1 << 16;

/// What an AudioSpecificConfig says (ISO 14496-3, 1.6.2.1).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Config {
    /// 2 is AAC-LC.
    pub(super) object_type: u8,
    pub(super) sr: u32,
    /// Channel configuration; 0 means that the packets say it.
    pub(super) channels: u8,
    /// Packets of 960 frames.
    pub(super) short_frames: bool,
    /// Spectral band replication: HE-AAC.
    pub(super) sbr: bool,
    /// Parametric stereo: HE-AACv2.
    pub(super) ps: bool,
}

/// Bits of a few bytes, most significant first; reading past the end gives `None`.
struct BitCursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl BitCursor<'_> {
    fn read(&mut self, n: usize) -> Option<u32> {
        let value = read_bits(self.bytes, self.at, n)?;
        self.at += n;
        Some(value)
    }

    fn object_type(&mut self) -> Option<u8> {
        match self.read(5)? {
            31 => Some(32 + self.read(6)? as u8),
            n => Some(n as u8),
        }
    }

    fn rate(&mut self) -> Option<u32> {
        const RATES: [u32; 13] = [
            96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025,
            8_000, 7_350,
        ];
        match self.read(4)? {
            15 => self.read(24),
            n => RATES.get(n as usize).copied(),
        }
    }
}

fn read_bits(bytes: &[u8], at: usize, n: usize) -> Option<u32> {
    (at..at + n).try_fold(0, |value, i| {
        let bit = bytes.get(i / 8)? >> (7 - i % 8) & 1;
        Some(value << 1 | u32::from(bit))
    })
}

impl Config {
    /// Reads the configuration, with both ways of announcing HE-AAC: as the object type itself, or
    /// behind the AAC-LC one where older decoders do not look.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self> {
        Self::parse_bits(bytes).ok_or_else(|| corrupt("the AAC configuration is cut or invalid"))
    }

    fn parse_bits(bytes: &[u8]) -> Option<Self> {
        let mut bits = BitCursor { bytes, at: 0 };
        let mut object_type = bits.object_type()?;
        let sr = bits.rate().filter(|&sr| sr > 0)?;
        let channels = bits.read(4)? as u8;
        let (mut sbr, mut ps) = (object_type == 5 || object_type == 29, object_type == 29);
        if sbr {
            bits.rate()?;
            object_type = bits.object_type()?;
        }
        let short_frames = bits.read(1)? == 1;
        // What follows the configuration proper is found by its sync words, so that the length of
        // the extensions in between does not matter.
        for at in bits.at..(bytes.len() * 8).saturating_sub(16) {
            if read_bits(bytes, at, 11) == Some(0x2b7) {
                let mut bits = BitCursor { bytes, at: at + 11 };
                if bits.object_type() == Some(5) && bits.read(1) == Some(1) {
                    sbr = true;
                    let _ = bits.rate();
                    ps |= bits.read(11) == Some(0x548) && bits.read(1) == Some(1);
                }
            }
        }
        Some(Self { object_type, sr, channels, short_frames, sbr, ps })
    }

    /// The name of what is not AAC-LC in one or two channels.
    fn beyond(&self) -> Option<String> {
        match self {
            Self { ps: true, .. } => Some("HE-AACv2".to_owned()),
            Self { sbr: true, .. } => Some("HE-AAC".to_owned()),
            Self { object_type: 2, short_frames: true, .. } => {
                Some("AAC-LC with packets of 960 samples".to_owned())
            }
            Self { object_type: 2, channels: 1 | 2, .. } => None,
            Self { object_type: 2, channels, .. } => {
                Some(format!("AAC-LC with channel configuration {channels}"))
            }
            Self { object_type, .. } => Some(format!("AAC of object type {object_type}")),
        }
    }
}

/// AAC-LC, mono or stereo.
pub(super) struct Aac {
    /// The configuration in its shortest form, for the decoder.
    config: Box<[u8]>,
    channels: u16,
}

impl Aac {
    pub(super) fn new(config: &Config) -> Result<Self> {
        if let Some(name) = config.beyond() {
            return Err(unsupported(&name));
        }
        // Object type 2, the rate in full, the channels, three flags that are off.
        let bits = 2u64 << 59
            | 15 << 55
            | u64::from(config.sr & 0xff_ffff) << 31
            | u64::from(config.channels) << 27;
        let channels = u16::from(config.channels);
        Ok(Self { config: bits.to_be_bytes()[..5].into(), channels })
    }

    /// An encoder may add spectral band replication without announcing it; a plain decoder then
    /// gives half the rate. It lies in a fill element after the channels. Where such an element
    /// seems to stand, the packet is cut there and decoded: only at the true end of the channels
    /// does it decode at all, and to the same samples.
    pub(super) fn refuse_hidden_sbr(&self, input: &mut Input, units: &[Unit]) -> Result<()> {
        for unit in units.iter().take(SEARCHED) {
            let window = input.window(unit.pos, unit.len as usize)?;
            let Some(packet) = window.get(..unit.len as usize) else { return Ok(()) };
            if self.has_sbr(packet)? {
                return Err(unsupported("HE-AAC (found in the data, not announced)"));
            }
        }
        Ok(())
    }

    fn has_sbr(&self, packet: &[u8]) -> Result<bool> {
        let mut whole = None;
        for at in 0..packet.len() * 8 {
            if !looks_like_sbr(packet, at) {
                continue;
            }
            let whole = match &whole {
                Some(samples) => samples,
                None => match self.decode_alone(packet)? {
                    Some(samples) => whole.insert(samples),
                    None => return Ok(false),
                },
            };
            let cut = end_at(packet, at);
            if self.decode_alone(&cut)?.as_ref() == Some(whole) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn decode_alone(&self, packet: &[u8]) -> Result<Option<Vec<Vec<f32>>>> {
        let mut decoder = self.fresh()?;
        let mut block = Block::new(self.channels);
        let decoded = decode_packet(decoder.as_mut(), packet, &mut block);
        Ok(decoded.ok().map(|()| block.planes))
    }
}

/// Whether the bits at `at` read as a fill element with spectral band replication, and what follows
/// as further elements up to an end marker with nothing but zeros after it.
fn looks_like_sbr(packet: &[u8], at: usize) -> bool {
    let is_sbr = |body| matches!(read_bits(packet, body, 4), Some(13 | 14));
    match (read_bits(packet, at, 3), fill_element(packet, at)) {
        (Some(6), Some((body, end))) if end > body && is_sbr(body) => reaches_end(packet, end),
        _ => false,
    }
}

/// Where the payload of the fill element at `at` begins and ends.
fn fill_element(packet: &[u8], at: usize) -> Option<(usize, usize)> {
    match read_bits(packet, at + 3, 4)? {
        15 => {
            let count = 14 + read_bits(packet, at + 7, 8)? as usize;
            Some((at + 15, at + 15 + 8 * count))
        }
        count => Some((at + 7, at + 7 + 8 * count as usize)),
    }
}

/// Where the data element at `at` ends.
fn data_element(packet: &[u8], at: usize) -> Option<usize> {
    let aligned = read_bits(packet, at + 7, 1)? == 1;
    let mut count = read_bits(packet, at + 8, 8)? as usize;
    let mut body = at + 16;
    if count == 255 {
        count += read_bits(packet, body, 8)? as usize;
        body += 8;
    }
    if aligned {
        body = body.next_multiple_of(8);
    }
    Some(body + 8 * count)
}

fn reaches_end(packet: &[u8], mut at: usize) -> bool {
    loop {
        let next = match read_bits(packet, at, 3) {
            Some(4) => data_element(packet, at),
            Some(6) => fill_element(packet, at).map(|(_, end)| end),
            Some(7) => {
                return (at + 3..packet.len() * 8).all(|i| read_bits(packet, i, 1) == Some(0));
            }
            _ => None,
        };
        match next {
            Some(next) => at = next,
            None => return false,
        }
    }
}

/// The packet up to bit `at`, and the end marker.
fn end_at(packet: &[u8], at: usize) -> Vec<u8> {
    let mut cut = packet[..at.div_ceil(8)].to_vec();
    let used = at % 8;
    if let (Some(last), true) = (cut.last_mut(), used > 0) {
        *last &= 0xff << (8 - used);
    }
    let marker = 0b111u16 << (13 - used);
    let [high, low] = marker.to_be_bytes();
    match (cut.last_mut(), used > 0) {
        (Some(last), true) => *last |= high,
        _ => cut.push(high),
    }
    cut.push(low);
    cut
}

impl PreRoll for Aac {
    fn fresh(&self) -> Result<Box<dyn AudioDecoder>> {
        let mut params = AudioCodecParameters::new();
        params.for_codec(CODEC_ID_AAC).with_extra_data(self.config.clone());
        let options = AudioDecoderOptions::default().gapless(false);
        let decoder = AacDecoder::try_new(&params, &options).map_err(|e| refused(&e))?;
        Ok(Box::new(decoder))
    }

    /// Noise substitution draws from a generator whose state runs through the whole stream, so only
    /// the first packet is a safe place to start.
    fn start(&self, _: &mut Input, _: &[Unit], _: usize) -> Result<Option<usize>> {
        Ok(None)
    }
}
