//! AAC in ADTS: a header before every packet.

use super::aac::{self, Config};
use super::{Decode, Info, Input, Packets, PreRoll, Result, Unit, corrupt, truncated, unsupported};
use crate::audio::no_samples;
use crate::audio::probe::id3v2_len;

const RATES: [u32; 13] = [
    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000,
    7_350,
];

/// An ADTS header.
#[derive(Clone, Copy, PartialEq)]
struct Header {
    object_type: u8,
    rate_index: u8,
    channels: u8,
    /// Bytes of the header.
    head: usize,
    /// Bytes of header and packet.
    len: usize,
    /// Raw data blocks in the packet.
    blocks: u8,
}

impl Header {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let h = bytes.first_chunk::<7>()?;
        if h[0] != 0xff || h[1] & 0xf6 != 0xf0 {
            return None;
        }
        let header = Self {
            object_type: (h[2] >> 6) + 1,
            rate_index: h[2] >> 2 & 15,
            channels: (h[2] & 1) << 2 | h[3] >> 6,
            head: if h[1] & 1 == 1 { 7 } else { 9 },
            len: usize::from(h[3] & 3) << 11 | usize::from(h[4]) << 3 | usize::from(h[5] >> 5),
            blocks: (h[6] & 3) + 1,
        };
        let valid = usize::from(header.rate_index) < RATES.len() && header.len > header.head;
        valid.then_some(header)
    }

    fn same_stream(&self, other: &Self) -> bool {
        (self.object_type, self.rate_index, self.channels)
            == (other.object_type, other.rate_index, other.channels)
    }
}

/// `start`, if packets in a row, or all up to the end of the file, begin there.
pub(in crate::audio) fn find(input: &mut Input, start: u64) -> Result<Option<u64>> {
    let mut pos = start;
    let mut first: Option<Header> = None;
    for seen in 0..3 {
        let Some(header) = Header::parse(input.window(pos, 7)?) else {
            let ended = pos + 7 > input.len();
            return Ok((seen > 0 && ended).then_some(start));
        };
        if !first.get_or_insert(header).same_stream(&header) {
            return Ok(None);
        }
        pos += header.len as u64;
    }
    Ok(Some(start))
}

/// Opens the stream whose first packet stands at `start`.
pub(in crate::audio) fn open(mut input: Input, start: u64) -> Result<Box<dyn Decode>> {
    let mut units = Vec::new();
    let mut first: Option<Header> = None;
    let mut pos = start;
    while pos < input.len() {
        let window = input.window(pos, 10)?;
        let Some(header) = Header::parse(window) else {
            if window.starts_with(b"TAG") {
                break;
            }
            if let Some(len) = id3v2_len(window) {
                pos += len;
                continue;
            }
            return Err(match input.len() - pos < 7 {
                true => truncated("the ADTS file ends inside a header"),
                false => corrupt(format!("no ADTS header where one is due, at byte {pos}")),
            });
        };
        if !first.get_or_insert(header).same_stream(&header) {
            return Err(corrupt(format!("rate or channels change in the packet at byte {pos}")));
        }
        if header.blocks != 1 {
            return Err(unsupported("ADTS with several blocks in a packet"));
        }
        if pos + header.len as u64 > input.len() {
            return Err(truncated(format!("the ADTS file ends inside the packet at byte {pos}")));
        }
        let (pos_data, len) = (pos + header.head as u64, (header.len - header.head) as u32);
        units.push(Unit { pos: pos_data, len });
        pos += header.len as u64;
    }
    let first = first.ok_or_else(|| no_samples("ADTS"))?;
    let config = Config {
        object_type: first.object_type,
        sr: RATES[usize::from(first.rate_index)],
        channels: first.channels,
        short_frames: false,
        sbr: false,
        ps: false,
    };
    let coding = aac::Aac::new(&config)?;
    coding.refuse_hidden_sbr(&mut input, &units)?;
    let total = units.len() as u64 * aac::FRAMES;
    let info = Info {
        format: "adts",
        codec: "aac_lc".to_owned(),
        sr: config.sr,
        channels: u16::from(config.channels),
        frames: Some(total),
        bits: None,
        truncated: false,
    };
    let decoder = coding.fresh()?;
    let frames_each = aac::FRAMES;
    Ok(Box::new(Packets {
        input,
        info,
        coding,
        decoder,
        units,
        frames_each,
        skip: 0,
        total,
        next: 0,
    }))
}
