//! The streaming source: any format in, one channel of float32 out.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use super::input::Input;
use super::{Block, Channel, Decode, Info, probe};
use crate::error::{Code, Error, Result};

/// A recording that is decoded piece by piece, in memory that does not grow with its length.
///
/// An error is final: later calls return it again.
pub struct Source {
    decoder: Box<dyn Decode>,
    channel: Channel,
    block: Block,
    /// Frames of `block` already given out.
    used: usize,
    /// Number of the next frame to give out.
    position: u64,
    failed: Option<Error>,
}

impl Source {
    /// Opens a regular file and finds out what it is.
    ///
    /// # Errors
    /// Those of the module's table; a channel that the file does not have is `bad_parameter`.
    pub fn open(path: &Path, channel: Channel) -> Result<Self> {
        Self::new(Input::open(path)?, channel)
    }

    /// Opens a file that is already in memory.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn from_bytes(bytes: Vec<u8>, channel: Channel) -> Result<Self> {
        Self::new(Input::from_bytes(bytes)?, channel)
    }

    fn new(input: Input, channel: Channel) -> Result<Self> {
        let decoder = guarded(|| probe::open(input))?;
        let channels = decoder.info().channels;
        if let Channel::Index(i) = channel
            && i >= usize::from(channels)
        {
            let text = format!(
                "channel {i} asked for, the file has {channels}: allowed are 0 to {} or the mean",
                channels - 1
            );
            return Err(Error::new(Code::BadParameter, text));
        }
        let block = Block::new(channels);
        Ok(Self { decoder, channel, block, used: 0, position: 0, failed: None })
    }

    /// What the file is.
    pub fn info(&self) -> &Info {
        self.decoder.info()
    }

    /// Number of the frame that the next [`read`](Self::read) begins with.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Goes to `frame`, sample exact: what follows equals the whole decode from there on, bit for
    /// bit. The end of the recording is allowed.
    ///
    /// # Errors
    /// `bad_segment` beyond the end, and what decoding up to the place may meet.
    pub fn seek(&mut self, frame: u64) -> Result<()> {
        self.once(|source| source.try_seek(frame))
    }

    /// Appends up to `max_frames` samples to `out` and returns their number; 0 is the end. On an
    /// error `out` is left as it was.
    ///
    /// # Errors
    /// `truncated`, `corrupt`, `io`, `internal`; `no_samples` where only decoding shows it.
    pub fn read(&mut self, out: &mut Vec<f32>, max_frames: usize) -> Result<usize> {
        let start = out.len();
        let read = self.once(|source| source.try_read(out, max_frames));
        if read.is_err() {
            out.truncate(start);
        }
        read
    }

    /// Runs `step` unless an earlier one failed, and keeps its failure.
    fn once<T>(&mut self, step: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let result = guarded(|| step(self));
        if let Err(error) = &result {
            // A seek beyond the end is the caller's mistake, not the file's.
            if error.code != Code::BadSegment {
                self.failed = Some(error.clone());
            }
        }
        result
    }

    fn try_seek(&mut self, frame: u64) -> Result<()> {
        if let Some(frames) = self.info().frames
            && frame > frames
        {
            return Err(beyond(frame, frames));
        }
        let held = self.position - self.used as u64
            ..self.position - self.used as u64 + self.block.frames() as u64;
        let mut at = if held.contains(&frame) {
            held.start
        } else {
            self.block.clear();
            self.decoder.seek(frame)?
        };
        while frame >= at + self.block.frames() as u64 {
            at += self.block.frames() as u64;
            self.decoder.next(&mut self.block)?;
            if self.block.frames() == 0 {
                if frame > at {
                    (self.used, self.position) = (0, at);
                    return Err(beyond(frame, at));
                }
                break;
            }
        }
        self.used = (frame - at) as usize;
        self.position = frame;
        Ok(())
    }

    fn try_read(&mut self, out: &mut Vec<f32>, max_frames: usize) -> Result<usize> {
        let mut read = 0;
        while read < max_frames {
            if self.used == self.block.frames() {
                self.used = 0;
                self.decoder.next(&mut self.block)?;
                if self.block.frames() == 0 {
                    break;
                }
            }
            let n = (self.block.frames() - self.used).min(max_frames - read);
            mix(&self.block.planes, self.used..self.used + n, self.channel, out);
            self.used += n;
            self.position += n as u64;
            read += n;
        }
        if read == 0 && max_frames > 0 && self.position == 0 {
            return Err(super::no_samples(self.info().format));
        }
        Ok(read)
    }
}

fn beyond(frame: u64, frames: u64) -> Error {
    let text = format!("frame {frame} asked for, the recording has {frames}");
    Error::new(Code::BadSegment, text)
}

fn mix(planes: &[Vec<f32>], range: std::ops::Range<usize>, channel: Channel, out: &mut Vec<f32>) {
    let plane = |c: usize| &planes[c][range.clone()];
    match (channel, planes.len()) {
        (Channel::Index(c), _) => out.extend_from_slice(plane(c)),
        (Channel::Mean, 1) => out.extend_from_slice(plane(0)),
        (Channel::Mean, n) => {
            let start = out.len();
            out.extend_from_slice(plane(0));
            let sums = &mut out[start..];
            for c in 1..n {
                sums.iter_mut().zip(plane(c)).for_each(|(sum, x)| *sum += x);
            }
            sums.iter_mut().for_each(|sum| *sum /= n as f32);
        }
    }
}

/// Decodes a whole file: one vector per channel.
///
/// # Errors
/// Those of [`Source::open`] and [`Source::read`].
pub fn read_all_channels(path: &Path) -> Result<(Vec<Vec<f32>>, Info)> {
    let input = Input::open(path)?;
    guarded(|| {
        let mut decoder = probe::open(input)?;
        let info = decoder.info().clone();
        let mut block = Block::new(info.channels);
        let mut planes = block.planes.clone();
        loop {
            decoder.next(&mut block)?;
            if block.frames() == 0 {
                break;
            }
            for (all, part) in planes.iter_mut().zip(&block.planes) {
                all.extend_from_slice(part);
            }
        }
        match planes.first() {
            Some(plane) if !plane.is_empty() => Ok((planes, info)),
            _ => Err(super::no_samples(info.format)),
        }
    })
}

/// A panic in a decoder becomes an error of this file alone.
fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let said = panic
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("no message");
        Err(Error::new(Code::Internal, format!("a decoder failed unexpectedly: {said}")))
    })
}
