//! Framing: which samples belong to which frame, and loading frames into rows.

use super::lanes::{Real, Sample, kernel};

/// What stands where a frame reaches beyond the signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pad {
    /// Zeros.
    Zero,
    /// The first and last sample.
    Edge,
    /// The mirror image without the edge sample (`-1 -> 1`), as NumPy's `reflect`.
    Reflect,
    /// So many zeros, and beyond them the mirror image of signal and zeros (torchaudio's `pad`).
    ReflectZeros(usize),
    /// The mirror image with the edge sample (`-1 -> 0`), as Kaldi.
    Symmetric,
}

/// How many frames a signal of `n` samples has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Count {
    /// `1 + (n + before + after - length) / hop`, none if that is negative.
    Full {
        /// Padding after the last sample; that before the first is `-offset`.
        after: usize,
    },
    /// Kaldi without `snip_edges`: `(n + hop / 2) / hop`.
    Rounded,
    /// `1 + ceil((n - length) / hop)`, at least 1: the last frame is filled up.
    Filled,
}

/// The positions of the frames of a signal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Framing {
    /// Samples in a frame.
    pub length: usize,
    /// Samples from one frame to the next.
    pub hop: usize,
    /// First sample of frame 0, negative where the signal is padded in front.
    pub offset: i64,
    /// What stands outside the signal.
    pub pad: Pad,
    /// How many frames there are.
    pub count: Count,
    /// A signal of fewer samples has no frames at all (Kaldi's `min_duration`).
    pub least: usize,
}

impl Framing {
    /// Frames centred at multiples of `hop`, as librosa with `center=True`; with `false`, frames
    /// that start there and lie wholly inside the signal.
    pub fn centred(length: usize, hop: usize, center: bool, pad: Pad) -> Self {
        let half = if center { length / 2 } else { 0 };
        Self {
            length,
            hop,
            offset: -(half as i64),
            pad,
            count: Count::Full { after: half },
            least: 0,
        }
    }

    /// Number of frames of a signal of `n` samples.
    pub fn frames(&self, n: usize) -> usize {
        if n < self.least {
            return 0;
        }
        let (n, length, hop) = (n as i64, self.length as i64, self.hop as i64);
        let frames = match self.count {
            Count::Full { after } => {
                let rest = n - self.offset + after as i64 - length;
                if rest < 0 { 0 } else { 1 + rest / hop }
            }
            Count::Rounded => (n + hop / 2) / hop,
            Count::Filled => {
                1 + (n - length).max(0).div_euclid(hop) + i64::from((n - length).max(0) % hop > 0)
            }
        };
        frames as usize
    }

    /// First sample of frame `t`.
    pub fn start(&self, t: u64) -> i64 {
        self.offset + t as i64 * self.hop as i64
    }

    /// Number of samples that must be known before frame `t` is, when the end of the signal is not
    /// yet in sight.
    pub fn needs(&self, t: u64) -> u64 {
        let start = self.start(t);
        let end = start + self.length as i64;
        // A frame that begins before the signal also reads the samples that mirror its beginning.
        let mirrored = if start < 0 { 1 - start } else { 0 };
        (end.max(mirrored).max(0) as u64).max(self.least as u64)
    }

    /// Number of samples before the start of the next frame that padding at the end may read.
    pub fn tail(&self) -> u64 {
        (self.length + self.hop) as u64
    }

    /// Number of frames that are final when `known` samples have come and more may follow.
    pub fn ready(&self, known: u64) -> u64 {
        let (mut low, mut high) = (0, known / self.hop as u64 + 2);
        while low < high {
            let mid = (low + high) / 2;
            if self.needs(mid) <= known { low = mid + 1 } else { high = mid }
        }
        low
    }
}

/// A stretch of a signal: `data[0]` is sample `start`. `total` is the length of the signal if its
/// end is known.
#[derive(Debug, Clone, Copy)]
pub struct View<'a, S> {
    /// The samples at hand.
    pub data: &'a [S],
    /// Index of `data[0]` in the signal.
    pub start: u64,
    /// Length of the whole signal, once known.
    pub total: Option<u64>,
}

impl<'a, S: Sample> View<'a, S> {
    /// A whole signal.
    pub fn whole(data: &'a [S]) -> Self {
        Self { data, start: 0, total: Some(data.len() as u64) }
    }

    /// Samples `at .. at + length` if none of them is padding.
    fn inside(&self, at: i64, length: usize) -> Option<&'a [S]> {
        let from = usize::try_from(at - self.start as i64).ok()?;
        self.data.get(from..from.checked_add(length)?)
    }

    /// Sample `i` of the padded signal.
    fn padded(&self, i: i64, pad: Pad) -> S {
        let n = self.total.map_or(i64::MAX, |n| n as i64);
        if n == 0 {
            return S::default();
        }
        let i = match pad {
            _ if (0..n).contains(&i) => i,
            Pad::Zero => return S::default(),
            Pad::Edge => i.clamp(0, n - 1),
            Pad::Reflect if n == 1 => 0,
            Pad::Reflect if i < 0 && n == i64::MAX => -i,
            Pad::Symmetric if i < 0 && n == i64::MAX => -1 - i,
            Pad::ReflectZeros(zeros) if i < 0 && n == i64::MAX => -2 * zeros as i64 - i,
            Pad::ReflectZeros(zeros) => {
                let (zeros, period) = (zeros as i64, 2 * (n + 2 * zeros as i64 - 1).max(1));
                let k = (i + zeros).rem_euclid(period);
                k.min(period - k) - zeros
            }
            Pad::Reflect => {
                let k = i.rem_euclid(2 * (n - 1));
                if k < n { k } else { 2 * (n - 1) - k }
            }
            Pad::Symmetric => {
                let k = i.rem_euclid(2 * n);
                if k < n { k } else { 2 * n - 1 - k }
            }
        };
        let at = usize::try_from(i - self.start as i64).ok();
        at.and_then(|at| self.data.get(at)).copied().unwrap_or_default()
    }
}

/// Loads frames into rows.
#[derive(Debug, Default)]
pub struct Loader<S> {
    edge: Vec<S>,
}

impl<S: Sample> Loader<S> {
    /// Loads frames `first .. first + valid` (`valid` at most `L`) into `rows`: row `i` is sample
    /// `skip + i` of each frame, times `window[i]` if there is a window. Lanes beyond `valid` are
    /// copies of the last valid one.
    pub fn load<T: Real, const L: usize>(
        &mut self,
        view: View<'_, S>,
        framing: &Framing,
        first: u64,
        valid: usize,
        skip: usize,
        window: Option<&[T]>,
        rows: &mut [[T; L]],
    ) {
        let (length, count) = (rows.len(), valid.clamp(1, L));
        let at = |lane: usize| framing.start(first + lane.min(count - 1) as u64) + skip as i64;
        // Frames that reach outside are copied with their padding first.
        self.edge.resize(length * L, S::default());
        for (lane, copy) in self.edge.chunks_exact_mut(length.max(1)).enumerate().take(count) {
            if view.inside(at(lane), length).is_none() {
                for (i, x) in copy.iter_mut().enumerate() {
                    *x = view.padded(at(lane) + i as i64, framing.pad);
                }
            }
        }
        let edge = &self.edge;
        let frames: [&[S]; L] = std::array::from_fn(|lane| {
            let lane = lane.min(count - 1);
            view.inside(at(lane), length).unwrap_or(&edge[lane * length..][..length])
        });
        match window {
            Some(window) => transpose_windowed(&frames, window, rows),
            None => transpose(&frames, rows),
        }
    }
}

kernel! {
    fn transpose_windowed / transpose_windowed_with<S: Sample, T: Real; L>(
        frames: &[&[S]; L], window: &[T], rows: &mut [[T; L]],
    ) {
        let (whole, rest) = rows.as_chunks_mut::<4>();
        let (windows, last) = window.as_chunks::<4>();
        let count = whole.len().min(windows.len());
        let lanes = pieces(frames, count);
        for (at, (rows, w)) in whole.iter_mut().zip(windows).enumerate() {
            for l in (0..L).step_by(4) {
                let block = S::turn(std::array::from_fn(|i| &lanes[l + i][at]));
                for i in 0..4 {
                    for j in 0..4 {
                        rows[i][l + j] = block[i][j].to::<T>() * w[i];
                    }
                }
            }
        }
        let at = 4 * whole.len();
        for (i, (row, w)) in rest.iter_mut().zip(last).enumerate() {
            for l in 0..L {
                row[l] = frames[l][at + i].to::<T>() * *w;
            }
        }
    }
}

kernel! {
    fn transpose / transpose_with<S: Sample, T: Real; L>(frames: &[&[S]; L], rows: &mut [[T; L]]) {
        let (whole, rest) = rows.as_chunks_mut::<4>();
        let lanes = pieces(frames, whole.len());
        for (at, rows) in whole.iter_mut().enumerate() {
            for l in (0..L).step_by(4) {
                let block = S::turn(std::array::from_fn(|i| &lanes[l + i][at]));
                for i in 0..4 {
                    for j in 0..4 {
                        rows[i][l + j] = block[i][j].to();
                    }
                }
            }
        }
        let at = 4 * whole.len();
        for (i, row) in rest.iter_mut().enumerate() {
            for l in 0..L {
                row[l] = frames[l][at + i].to();
            }
        }
    }
}

/// Frames in pieces of four samples, all of as many pieces.
#[inline(always)]
fn pieces<'a, S: Sample, const L: usize>(frames: &[&'a [S]; L], count: usize) -> [&'a [[S; 4]]; L] {
    frames.map(|frame| &frame.as_chunks().0[..count])
}

kernel! {
    /// Appends the first `valid` lanes of `columns` to `out` as rows of a frames-first matrix.
    pub fn untranspose / untranspose_with<T: Real; L>(columns: &[[T; L]], valid: usize, out: &mut Vec<T>) {
        let (width, at) = (columns.len(), out.len());
        out.resize(at + valid * width, T::ZERO);
        let out = &mut out[at..];
        let (whole, rest) = columns.as_chunks::<4>();
        // Four frames by four columns at a time; what is left of either, one by one.
        let frames = valid / 4 * 4;
        for (k, block) in whole.iter().enumerate() {
            for lane in (0..frames.min(L)).step_by(4) {
                let four = |i: usize| block[i][lane..].first_chunk::<4>();
                if let (Some(a), Some(b), Some(c), Some(d)) = (four(0), four(1), four(2), four(3)) {
                    for (i, row) in T::turn([a, b, c, d]).iter().enumerate() {
                        out[(lane + i) * width + 4 * k..][..4].copy_from_slice(row);
                    }
                }
            }
            for lane in frames..valid.min(L) {
                for (i, column) in block.iter().enumerate() {
                    out[lane * width + 4 * k + i] = column[lane];
                }
            }
        }
        for (i, column) in rest.iter().enumerate() {
            for lane in 0..valid.min(L) {
                out[lane * width + 4 * whole.len() + i] = column[lane];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The padded signal by definition, one index at a time.
    fn reference(x: &[f32], i: i64, pad: Pad) -> f32 {
        let n = x.len() as i64;
        let mut i = i;
        match pad {
            Pad::Zero => return if (0..n).contains(&i) { x[i as usize] } else { 0.0 },
            Pad::Edge => i = i.clamp(0, n - 1),
            Pad::Reflect | Pad::Symmetric => {
                let extra = i64::from(pad == Pad::Symmetric);
                while n > 1 && !(0..n).contains(&i) {
                    i = if i < 0 { -i - extra } else { 2 * n - 2 + extra - i };
                }
                i = i.clamp(0, n - 1);
            }
            Pad::ReflectZeros(zeros) => {
                let zeros = zeros as i64;
                while !(-zeros..n + zeros).contains(&i) {
                    i = if i < 0 { -2 * zeros - i } else { 2 * (n + zeros - 1) - i };
                }
                return if (0..n).contains(&i) { x[i as usize] } else { 0.0 };
            }
        }
        x[i as usize]
    }

    #[test]
    fn frames_hold_the_samples_of_the_padded_signal() {
        for n in [1usize, 2, 5, 37, 100, 203] {
            let x: Vec<f32> = (0..n).map(|i| i as f32 + 1.0).collect();
            for pad in [Pad::Zero, Pad::Edge, Pad::Reflect, Pad::Symmetric, Pad::ReflectZeros(7)] {
                let framing = Framing::centred(40, 7, true, pad);
                assert_eq!(framing.frames(n), 1 + n / 7);
                let mut loader = Loader::default();
                for first in (0..framing.frames(n) as u64).step_by(8) {
                    let valid = (framing.frames(n) as u64 - first).min(8) as usize;
                    let mut rows = vec![[0.0f32; 8]; 40];
                    loader.load(View::whole(&x), &framing, first, valid, 0, None, &mut rows);
                    for lane in 0..valid {
                        for i in 0..40 {
                            let at = framing.start(first + lane as u64) + i as i64;
                            assert_eq!(
                                rows[i][lane],
                                reference(&x, at, pad),
                                "{pad:?} {n} {first}"
                            );
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_frame_is_ready_when_its_samples_are_known() {
        for framing in [
            Framing::centred(400, 160, true, Pad::Reflect),
            Framing::centred(512, 100, false, Pad::Zero),
            Framing {
                length: 400,
                hop: 160,
                offset: 80 - 200,
                pad: Pad::Symmetric,
                count: Count::Rounded,
                least: 0,
            },
            Framing { least: 1234, ..Framing::centred(400, 160, false, Pad::Zero) },
        ] {
            for known in 0..3000u64 {
                let ready = framing.ready(known);
                assert!((0..ready).all(|t| framing.needs(t) <= known));
                assert!(framing.needs(ready) > known);
            }
        }
    }
}
