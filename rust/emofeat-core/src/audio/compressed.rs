//! The lossy formats: framing, trimming and seeking are ours, the decoders proper are symphonia's.
//!
//! Framing is ours because trimming has to follow FFmpeg, because a damaged file has to end in one
//! stable code, and because seeking has to give the bits of the whole decode.

mod aac;
pub(super) mod adts;
pub(super) mod mp3;
pub(super) mod mp4;
pub(super) mod ogg;

use symphonia::core::audio::{Audio, GenericAudioBufferRef};
use symphonia::core::codecs::audio::AudioDecoder;
use symphonia::core::errors::Error as DecoderError;
use symphonia::core::packet::PacketRef;
use symphonia::core::units::{Duration, Timestamp};

use super::input::{Input, MAX_UNIT};
use super::{Block, Decode, Info, corrupt, truncated, unsupported};
use crate::error::Result;

/// Decodes one packet; the result is appended to `block`, which keeps its number of channels.
fn decode_packet(decoder: &mut dyn AudioDecoder, bytes: &[u8], block: &mut Block) -> Result<()> {
    let packet = PacketRef::new(0, Timestamp::new(0), Duration::new(0), bytes);
    let buffer = match decoder.decode_ref(&packet) {
        Ok(GenericAudioBufferRef::F32(buffer)) => buffer,
        Ok(_) => return Err(corrupt("the decoder gave samples of an unexpected type")),
        Err(e) => return Err(refused(&e)),
    };
    if buffer.num_planes() != block.planes.len() {
        return Err(corrupt(format!(
            "the number of channels changes from {} to {} inside the file",
            block.planes.len(),
            buffer.num_planes()
        )));
    }
    for (c, plane) in block.planes.iter_mut().enumerate() {
        plane.extend_from_slice(buffer.plane(c).unwrap_or_default());
    }
    Ok(())
}

fn refused(error: &DecoderError) -> crate::error::Error {
    match error {
        DecoderError::Unsupported(what) => unsupported(what),
        other => corrupt(format!("a packet cannot be decoded: {other}")),
    }
}

/// Where a packet lies in the file.
#[derive(Clone, Copy)]
struct Unit {
    pos: u64,
    len: u32,
}

/// How much a decoder has to see before a packet so that the packet decodes to the same bits.
trait PreRoll: Send {
    /// A decoder in its first state.
    fn fresh(&self) -> Result<Box<dyn AudioDecoder>>;
    /// The packet to start at, at most `unit`; `None` when it has to be the first one of the stream.
    fn start(&self, input: &mut Input, units: &[Unit], unit: usize) -> Result<Option<usize>>;
}

/// A stream of packets that all hold the same number of frames.
struct Packets<P> {
    input: Input,
    info: Info,
    coding: P,
    decoder: Box<dyn AudioDecoder>,
    units: Vec<Unit>,
    /// Frames of each packet.
    frames_each: u64,
    /// Decoded frames to drop at the start.
    skip: u64,
    /// Frames of the recording proper.
    total: u64,
    /// The packet that the decoder is ready for.
    next: usize,
}

impl<P: PreRoll> Packets<P> {
    fn decode_unit(&mut self, unit: usize, block: &mut Block) -> Result<()> {
        block.clear();
        let Unit { pos, len } = self.units[unit];
        let bytes = self.input.window(pos, len as usize)?;
        let bytes = bytes
            .get(..len as usize)
            .ok_or_else(|| truncated(format!("the file ends inside the packet at byte {pos}")))?;
        decode_packet(self.decoder.as_mut(), bytes, block)
    }
}

impl<P: PreRoll> Decode for Packets<P> {
    fn info(&self) -> &Info {
        &self.info
    }

    fn next(&mut self, block: &mut Block) -> Result<()> {
        block.clear();
        let end = self.skip + self.total;
        while self.next < self.units.len() && self.next as u64 * self.frames_each < end {
            let first = self.next as u64 * self.frames_each;
            self.decode_unit(self.next, block)?;
            self.next += 1;
            if block.frames() as u64 != self.frames_each {
                return Err(corrupt(format!(
                    "a packet holds {} frames instead of {}",
                    block.frames(),
                    self.frames_each
                )));
            }
            block.truncate((end - first).min(self.frames_each) as usize);
            let cut = self.skip.saturating_sub(first).min(block.frames() as u64) as usize;
            if cut > 0 {
                block.planes.iter_mut().for_each(|p| drop(p.drain(..cut)));
            }
            if block.frames() > 0 {
                break;
            }
        }
        Ok(())
    }

    fn seek(&mut self, frame: u64) -> Result<u64> {
        let target = ((self.skip + frame) / self.frames_each).min(self.units.len() as u64) as usize;
        let start = match self.coding.start(&mut self.input, &self.units, target)? {
            Some(start) => Some(start),
            None if target < self.next => Some(0),
            None => None,
        };
        let mut discarded = Block::new(self.info.channels);
        if let Some(start) = start {
            self.decoder = self.coding.fresh()?;
            self.next = start;
        }
        while self.next < target {
            // Bits that belong before the start are missing from the first packets of a pre-roll.
            // A packet that is damaged in earnest shows when it is read itself.
            let result = self.decode_unit(self.next, &mut discarded);
            if start.is_none_or(|s| s == 0) {
                result?;
            }
            self.next += 1;
        }
        Ok((target as u64 * self.frames_each).max(self.skip) - self.skip)
    }
}

/// Checks that a packet's length is one that a real encoder writes, before anything is read for it.
fn checked_len(len: u64) -> Result<u32> {
    match u32::try_from(len) {
        Ok(len) if len as usize <= MAX_UNIT => Ok(len),
        _ => Err(corrupt(format!("a packet of {len} bytes is announced"))),
    }
}
