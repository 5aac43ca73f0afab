//! Files to features: one recording, a recording in blocks, many recordings on several threads.

use crate::audio::resample::{ResampleStream, Resampler};
use crate::audio::{Channel, Info, Source};
use crate::error::{Code, Error, Result};
use crate::plan::{Options, Plan, Run, Values};
use crate::spec::Spec;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// Frames that are read from a file at a time.
const CHUNK: usize = 1 << 16;

/// Which part of a file, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Want {
    /// Rate to resample to; none: the file's own.
    pub sr: Option<u32>,
    /// How several channels become one.
    pub channel: Channel,
    /// Start in seconds; none: the beginning.
    pub start: Option<f64>,
    /// End in seconds; none: the end.
    pub end: Option<f64>,
}

impl Default for Want {
    fn default() -> Self {
        Self { sr: None, channel: Channel::Mean, start: None, end: None }
    }
}

/// A file being read: mono samples of the wanted part at the wanted rate, in pieces.
///
/// The samples are those of the whole file at that rate, bit for bit: a segment is
/// `round(start · sr) .. round(end · sr)` of it.
pub struct Reader {
    source: Source,
    /// None once the file has ended.
    stream: Option<ResampleStream>,
    resampled: bool,
    sr: u32,
    /// First sample that is wanted and number of samples still to come, at the rate of the output.
    from: u64,
    left: Option<u64>,
    /// What the stream has given beyond what was asked for.
    spare: Vec<f32>,
}

impl Reader {
    /// Opens a file at the start of the wanted part.
    pub fn open(path: &Path, want: &Want) -> Result<Self> {
        Self::new(Source::open(path, want.channel)?, want)
    }

    /// Opens a file that is held in memory.
    pub fn from_bytes(bytes: Vec<u8>, want: &Want) -> Result<Self> {
        Self::new(Source::from_bytes(bytes, want.channel)?, want)
    }

    fn new(mut source: Source, want: &Want) -> Result<Self> {
        let file_sr = source.info().sr;
        let sr = want.sr.unwrap_or(file_sr);
        let (from, to) = segment(want, sr)?;
        let resampler = if sr == file_sr { None } else { Some(Resampler::new(file_sr, sr)?) };
        if let Some(frames) = source.info().frames {
            let frames = usize::try_from(frames).unwrap_or(usize::MAX);
            let total = Resampler::output_len(file_sr, sr, frames) as u64;
            let last = to.unwrap_or(total);
            // One sample more than there are is rounding.
            if from >= total.max(1) || last > total + 1 {
                return Err(outside(want, total as f64 / f64::from(sr)));
            }
        }
        let stream = match resampler {
            None => {
                if from > 0 {
                    source.seek(from)?;
                }
                None
            }
            Some(resampler) => {
                let first = resampler.input_span(from..from + 1).start;
                if first > 0 {
                    source.seek(first)?;
                }
                Some(resampler.stream(from, first))
            }
        };
        let left = to.map(|to| to - from);
        Ok(Self { source, resampled: stream.is_some(), stream, sr, from, left, spare: Vec::new() })
    }

    /// What the file is.
    pub fn info(&self) -> &Info {
        self.source.info()
    }

    /// Rate of the samples.
    pub fn sr(&self) -> u32 {
        self.sr
    }

    /// Samples that will come, if the file knows its length.
    pub fn expected(&self) -> Option<u64> {
        let info = self.source.info();
        let total = info.frames.map(|frames| {
            let frames = usize::try_from(frames).unwrap_or(usize::MAX);
            Resampler::output_len(info.sr, self.sr, frames) as u64
        });
        let to_end = total.map(|total| total.saturating_sub(self.from));
        match (self.left, to_end) {
            (Some(left), Some(to_end)) => Some(left.min(to_end)),
            (left, to_end) => left.or(to_end),
        }
    }

    /// Appends up to `max` samples to `out` and says how many; 0 is the end.
    pub fn read(&mut self, out: &mut Vec<f32>, max: usize) -> Result<usize> {
        let wanted =
            self.left.map_or(max, |left| usize::try_from(left).map_or(max, |left| left.min(max)));
        let count = if !self.resampled {
            if wanted == 0 { 0 } else { self.source.read(out, wanted)? }
        } else {
            self.resample(wanted)?;
            let count = wanted.min(self.spare.len());
            out.extend(self.spare.drain(..count));
            count
        };
        if let Some(left) = &mut self.left {
            *left -= count as u64;
            // A length that is not in the header shows only here.
            if count == 0 && *left > 1 {
                let message =
                    format!("the segment ends {} samples after the recording does", *left);
                return Err(Error::new(Code::BadSegment, message));
            }
        }
        Ok(count)
    }

    /// Fills `spare` with `wanted` samples, or as many as are left.
    fn resample(&mut self, wanted: usize) -> Result<()> {
        let mut input = Vec::new();
        while self.spare.len() < wanted {
            let Some(stream) = &mut self.stream else { break };
            input.clear();
            if self.source.read(&mut input, CHUNK)? > 0 {
                stream.push(&input, &mut self.spare);
            } else if let Some(stream) = self.stream.take() {
                stream.finish(&mut self.spare);
            }
        }
        Ok(())
    }

    /// Appends everything that is left.
    pub fn read_all(&mut self, out: &mut Vec<f32>) -> Result<()> {
        if let Some(expected) = self.expected() {
            // The header may lie about the length: reserve no more than a minute on its word.
            out.reserve(usize::try_from(expected).unwrap_or(0).min(60 * self.sr as usize));
        }
        while self.read(out, CHUNK)? > 0 {}
        Ok(())
    }
}

/// First and end sample of the wanted segment at `sr`.
fn segment(want: &Want, sr: u32) -> Result<(u64, Option<u64>)> {
    let valid = |t: Option<f64>| t.is_none_or(|t| t.is_finite() && t >= 0.0);
    let at = |t: f64| (t * f64::from(sr)).round_ties_even() as u64;
    let (from, to) = (want.start.map_or(0, at), want.end.map(at));
    if !valid(want.start) || !valid(want.end) || to.is_some_and(|to| to <= from) {
        let message = format!(
            "segment {} to {} s: allowed is 0 <= start < end",
            want.start.map_or("start".to_owned(), |t| t.to_string()),
            want.end.map_or("end".to_owned(), |t| t.to_string())
        );
        return Err(Error::new(Code::BadSegment, message));
    }
    Ok((from, to))
}

fn outside(want: &Want, duration: f64) -> Error {
    let message = format!(
        "segment {} to {} s reaches beyond the recording of {duration:.3} s",
        want.start.unwrap_or(0.0),
        want.end.map_or("end".to_owned(), |t| t.to_string())
    );
    Error::new(Code::BadSegment, message)
}

/// The wanted part of a file: samples, rate, what the file is.
pub fn load(path: &Path, want: &Want) -> Result<(Vec<f32>, u32, Info)> {
    let mut reader = Reader::open(path, want)?;
    let mut samples = Vec::new();
    reader.read_all(&mut samples)?;
    if samples.is_empty() {
        return Err(Error::new(Code::NoSamples, "the recording has no samples"));
    }
    Ok((samples, reader.sr(), reader.info().clone()))
}

/// What is known of a recording whose features were computed.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Position in the list of items.
    pub index: usize,
    /// Rate of the samples that the features were computed from.
    pub sr: u32,
    /// Rate of the file.
    pub file_sr: u32,
    /// Channels of the file.
    pub channels: u16,
    /// Samples that the features were computed from.
    pub n_samples: u64,
    /// Format and coding of the file.
    pub format: &'static str,
}

/// A recording or a segment of one.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// The file.
    pub path: PathBuf,
    /// Start in seconds.
    pub start: Option<f64>,
    /// End in seconds.
    pub end: Option<f64>,
}

/// Features of many recordings, the rows of each feature one after the other.
#[derive(Debug, Default)]
pub struct Batch {
    /// The recordings that worked, in the order of the items.
    pub rows: Vec<Row>,
    /// Per feature: values of all recordings, frames first.
    pub values: Vec<Values>,
    /// Per feature: first value of each recording, and the end.
    pub splits: Vec<Vec<usize>>,
    /// Per feature: number of columns; nothing without a recording that worked.
    pub columns: Vec<usize>,
    /// The recordings that did not work.
    pub failed: Vec<(usize, Error)>,
    /// The recordings that are longer than was allowed, not computed.
    pub deferred: Vec<usize>,
}

enum Outcome {
    Done(Row, Vec<Values>),
    Failed(Error),
    Deferred,
}

/// Rates at which an extractor without a rate of its own tries its features.
const USUAL_RATES: [u32; 7] = [16_000, 48_000, 44_100, 22_050, 8_000, 96_000, 192_000];

/// Features for signals and files of any rate: a plan for each rate, made when it is met.
pub struct Extractor {
    specs: Vec<Spec>,
    options: Options,
    sr: Option<u32>,
    channel: Channel,
    plans: Mutex<HashMap<u32, Arc<Plan>>>,
}

impl Extractor {
    /// Features `specs`, computed at rate `sr` or, if none, at each recording's own.
    pub fn new(
        specs: Vec<Spec>,
        options: Options,
        sr: Option<u32>,
        channel: Channel,
    ) -> Result<Self> {
        let extractor = Self { specs, options, sr, channel, plans: Mutex::default() };
        // Mistakes that do not depend on the rate show here and not at the first file.
        extractor.any_rate()?;
        Ok(extractor)
    }

    /// The extractor's own rate or, if it has none, a usual one at which the features are defined.
    ///
    /// No single rate will do for that: 16 kHz has no room for a band at 10 kHz, and at 48 kHz
    /// a window given in time may not fit an FFT given in samples.
    pub fn any_rate(&self) -> Result<u32> {
        if let Some(own) = self.sr {
            return self.plan(own).map(|_| own);
        }
        let usual = USUAL_RATES.into_iter().find(|&sr| self.plan(sr).is_ok());
        usual.map_or_else(|| self.plan(48_000).map(|_| 48_000), Ok)
    }

    /// Number of columns of every feature at rate `sr`; none where they are not defined.
    fn columns(&self, sr: u32) -> Vec<usize> {
        let plan = self.plan(sr);
        plan.map_or_else(|_| Vec::new(), |p| p.features().iter().map(|f| f.columns.len()).collect())
    }

    /// The plan for rate `sr`.
    pub fn plan(&self, sr: u32) -> Result<Arc<Plan>> {
        // Never waits: a lock that was held while the process forked stays held in the child.
        if let Ok(plans) = self.plans.try_lock()
            && let Some(plan) = plans.get(&sr)
        {
            return Ok(plan.clone());
        }
        let plan = Arc::new(Plan::new(&self.specs, sr, self.options.clone())?);
        if let Ok(mut plans) = self.plans.try_lock() {
            plans.insert(sr, plan.clone());
        }
        Ok(plan)
    }

    /// The rate that recordings are resampled to.
    pub fn sr(&self) -> Option<u32> {
        self.sr
    }

    fn want(&self, item: &Item) -> Want {
        Want { sr: self.sr, channel: self.channel, start: item.start, end: item.end }
    }

    /// Features of a signal of `sr` Hz, resampled if the extractor has a rate of its own.
    pub fn signal(&self, samples: &[f32], sr: u32) -> Result<(u32, Vec<Values>)> {
        match self.sr {
            Some(own) if own != sr => {
                let resampled = Resampler::new(sr, own)?.process_whole(samples);
                Ok((own, self.plan(own)?.run(&resampled)?))
            }
            _ => Ok((sr, self.plan(sr)?.run(samples)?)),
        }
    }

    /// Features of a file or segment.
    pub fn file(&self, item: &Item) -> Result<(Row, Vec<Values>)> {
        match self.outcome(0, item, f64::INFINITY) {
            Outcome::Done(row, values) => Ok((row, values)),
            Outcome::Failed(error) => Err(error),
            Outcome::Deferred => {
                Err(Error::new(Code::Internal, "deferred although no limit was given"))
            }
        }
    }

    /// A panic costs the one file in which it happens.
    fn outcome(&self, index: usize, item: &Item, max_seconds: f64) -> Outcome {
        let work = || self.one(index, item, max_seconds).unwrap_or_else(Outcome::Failed);
        catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
            let message =
                "a defect in emofeat or one of its decoders; please report it with this file";
            Outcome::Failed(Error::new(Code::Internal, message))
        })
    }

    fn one(&self, index: usize, item: &Item, max_seconds: f64) -> Result<Outcome> {
        let mut reader = Reader::open(&item.path, &self.want(item))?;
        let limit = max_seconds * f64::from(reader.sr());
        if reader.expected().is_some_and(|n| n as f64 > limit) {
            return Ok(Outcome::Deferred);
        }
        let mut samples = Vec::new();
        reader.read_all(&mut samples)?;
        if samples.len() as f64 > limit {
            return Ok(Outcome::Deferred);
        }
        let values = self.plan(reader.sr())?.run(&samples)?;
        Ok(Outcome::Done(row(index, &reader, samples.len() as u64), values))
    }

    /// Features of many files on `threads` threads; recordings of more than `max_seconds` are left
    /// to [`Blocks`].
    pub fn files(&self, items: &[Item], threads: usize, max_seconds: f64) -> Batch {
        self.each(items.len(), threads, |i| self.outcome(i, &items[i], max_seconds))
    }

    /// Features of many signals of one rate on `threads` threads.
    pub fn signals(&self, signals: &[&[f32]], sr: u32, threads: usize) -> Batch {
        self.each(signals.len(), threads, |index| match self.signal(signals[index], sr) {
            Ok((sr, values)) => {
                let n_samples = signals[index].len() as u64;
                Outcome::Done(
                    Row { index, sr, file_sr: sr, channels: 1, n_samples, format: "signal" },
                    values,
                )
            }
            Err(error) => Outcome::Failed(error),
        })
    }

    fn each(&self, count: usize, threads: usize, work: impl Fn(usize) -> Outcome + Sync) -> Batch {
        let mut batch = Batch::default();
        if threads <= 1 || count <= 1 {
            for index in 0..count {
                batch.add(self, index, work(index));
            }
        } else {
            // Threads of this call alone: nothing to keep alive, nothing to break in a fork.
            let next = AtomicUsize::new(0);
            let done: Mutex<Vec<(usize, Outcome)>> = Mutex::default();
            std::thread::scope(|scope| {
                for _ in 0..threads.min(count) {
                    scope.spawn(|| {
                        loop {
                            let index = next.fetch_add(1, Ordering::Relaxed);
                            if index >= count {
                                break;
                            }
                            let outcome = work(index);
                            if let Ok(mut done) = done.lock() {
                                done.push((index, outcome));
                            }
                        }
                    });
                }
            });
            let mut done = done.into_inner().unwrap_or_default();
            done.sort_by_key(|(index, _)| *index);
            for (index, outcome) in done {
                batch.add(self, index, outcome);
            }
        }
        batch
    }
}

fn row(index: usize, reader: &Reader, n_samples: u64) -> Row {
    let info = reader.info();
    let (file_sr, channels, format) = (info.sr, info.channels, info.format);
    Row { index, sr: reader.sr(), file_sr, channels, n_samples, format }
}

impl Batch {
    fn add(&mut self, extractor: &Extractor, index: usize, outcome: Outcome) {
        match outcome {
            Outcome::Failed(error) => self.failed.push((index, error)),
            Outcome::Deferred => self.deferred.push(index),
            Outcome::Done(row, values) => {
                // Windows in time have as many samples, and spectra as many bins, as the rate says.
                let columns = extractor.columns(row.sr);
                if self.rows.is_empty() {
                    self.columns = columns;
                } else if columns != self.columns {
                    let message = format!(
                        "at {} Hz the features have {columns:?} columns, at the {} Hz of the first \
                         recording {:?}; give the extractor a rate, or n_fft in samples",
                        row.sr, self.rows[0].sr, self.columns
                    );
                    self.failed.push((index, Error::new(Code::BadRate, message)));
                    return;
                }
                self.rows.push(row);
                if self.values.is_empty() {
                    self.splits = values.iter().map(|v| vec![0, v.len()]).collect();
                    self.values = values;
                    return;
                }
                for ((all, splits), new) in self.values.iter_mut().zip(&mut self.splits).zip(values)
                {
                    all.append(new);
                    splits.push(all.len());
                }
            }
        }
    }
}

/// A recording in blocks: bounded memory, the same bits as the whole.
pub struct Blocks {
    item: Item,
    want: Want,
    reader: Reader,
    run: Run,
    chunk: usize,
    n_samples: u64,
    done: bool,
}

impl Blocks {
    /// Opens a file for blocks of about `seconds`.
    pub fn open(extractor: &Extractor, item: Item, seconds: f64) -> Result<Self> {
        let want = extractor.want(&item);
        let reader = Reader::open(&item.path, &want)?;
        let run = Run::new(extractor.plan(reader.sr())?, false)?;
        let chunk = ((seconds * f64::from(reader.sr())) as usize).max(1);
        Ok(Self { item, want, reader, run, chunk, n_samples: 0, done: false })
    }

    /// What is known of the recording so far; the number of samples is complete after the last block.
    pub fn row(&self) -> Row {
        row(0, &self.reader, self.n_samples)
    }

    /// The next rows of every feature; none after the last.
    pub fn next_rows(&mut self) -> Result<Option<Vec<Values>>> {
        let mut samples = Vec::new();
        while !self.done {
            samples.clear();
            loop {
                let missing = self.chunk - samples.len();
                if missing == 0 || self.reader.read(&mut samples, missing)? == 0 {
                    break;
                }
            }
            let end = samples.len() < self.chunk;
            self.n_samples += samples.len() as u64;
            let last = self.run.last_pass();
            let values = self.run.feed(&samples, end)?;
            if last {
                self.done = end;
                return Ok(Some(values));
            }
            if end {
                // Features that need the whole recording first read it once more.
                self.reader = Reader::open(&self.item.path, &self.want)?;
                self.n_samples = 0;
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_any_rate(spec: &str) -> Result<Extractor> {
        Extractor::new(vec![Spec::parse(spec)?], Options::default(), None, Channel::Mean)
    }

    #[test]
    fn parameters_may_be_right_at_low_rates_alone() {
        // 10 ms are 480 samples at 48 kHz, and 80 at 8 kHz.
        let extractor = at_any_rate("stft(n_fft=256, win_ms=10)").unwrap();
        assert_eq!(extractor.plan(8_000).unwrap().features()[0].columns.len(), 258);
        assert!(extractor.plan(48_000).is_err());
        assert_eq!(extractor.any_rate().unwrap(), 16_000);
        // A seventh octave above 200 Hz begins at 12.8 kHz.
        let high = at_any_rate("spectral_contrast(n_bands=7)").unwrap();
        assert_eq!(high.any_rate().unwrap(), 48_000);
    }

    #[test]
    fn parameters_that_are_wrong_at_every_rate_are_refused_at_once() {
        assert!(at_any_rate("stft(n_fft=256, win_length=480)").is_err());
        assert!(at_any_rate("logmel(fmin=5000, fmax=4000)").is_err());
    }

    #[test]
    fn recordings_with_other_columns_fail_and_do_not_shift_the_rows_of_the_rest() {
        let extractor = at_any_rate("spectrogram(win_ms=25)").unwrap();
        let mut batch = Batch::default();
        for (index, sr) in [16_000, 48_000, 16_000].into_iter().enumerate() {
            let (_, values) = extractor.signal(&vec![0.25; 4_000], sr).unwrap();
            let n_samples = 4_000;
            let row = Row { index, sr, file_sr: sr, channels: 1, n_samples, format: "signal" };
            batch.add(&extractor, index, Outcome::Done(row, values));
        }
        assert_eq!(batch.columns, [257]);
        assert_eq!(batch.rows.iter().map(|row| row.index).collect::<Vec<_>>(), [0, 2]);
        assert_eq!(batch.splits[0], [0, 8 * 257, 16 * 257]);
        let (index, error) = &batch.failed[0];
        assert_eq!((*index, error.code), (1, Code::BadRate));
    }
}
