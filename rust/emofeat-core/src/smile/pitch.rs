//! Fundamental frequency: sub-harmonic summation (Hermes 1988) and the choice of a path through its
//! candidates by dynamic programming.

use super::clock::Grid;
use super::parabola::vertex;
use crate::dsp::lanes::kernel;
use crate::dsp::spline::Spline;

/// Candidates of one frame.
pub const CANDIDATES: usize = 6;
/// Lowest frequency of the logarithmic axis in Hz.
const LOWEST: f64 = 25.0;
/// Harmonics that are summed, and the weight of each relative to the one before.
const HARMONICS: usize = 15;
const COMPRESSION: f32 = 0.85;
/// Points that are summed side by side, less than the second harmonic is away.
const TILE: usize = 4;

/// What one frame offers as its fundamental frequency.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Candidates {
    /// Frequencies in Hz, the highest peak first, 0 where there are fewer.
    pub f: [f32; CANDIDATES],
    /// Voicing of each: how far its peak stands above the mean of the sums, 0 to 1.
    pub v: [f32; CANDIDATES],
}

/// Sub-harmonic summation over spectra of one length.
///
/// The magnitudes, thinned out to the surroundings of their peaks, are carried to a logarithmic axis
/// by a natural cubic spline and weighted as the ear does; there a harmonic is a shift, and the sum
/// over the shifts peaks at the fundamental. Everything works on a row of frames at once.
#[derive(Debug, Clone)]
pub struct Shs {
    spline: Spline,
    /// The ear's weight of every point.
    weight: Vec<f64>,
    /// Points from the fundamental to a harmonic, and the harmonic's weight, from the second on.
    shifts: Vec<(usize, f32)>,
    /// log2 of every point's frequency in Hz.
    axis: Vec<f32>,
    range: [f32; 2],
}

/// Working memory of [`Shs::candidates`], without allocation from one call to the next.
#[derive(Debug, Clone)]
pub struct Workspace<const L: usize> {
    /// Whether a bin is a peak, with two rows of margin at both ends.
    peaks: Vec<[u32; L]>,
    /// Thinned magnitudes, then the sums.
    a: Vec<[f32; L]>,
    smooth: Vec<[f64; L]>,
    z: Vec<[f64; L]>,
    /// Rows of the logarithmic axis, and zeros behind them.
    log: Vec<[f32; L]>,
}

impl<const L: usize> Workspace<L> {
    /// For spectra of `grid`.
    pub fn new(grid: &Grid) -> Self {
        let n = grid.bins();
        Self {
            peaks: vec![[0; L]; n + 4],
            a: vec![[0.0; L]; n],
            smooth: vec![[0.0; L]; n],
            z: vec![[0.0; L]; n],
            log: vec![[0.0; L]; n + TILE],
        }
    }
}

impl Shs {
    /// Candidates from `min_hz` to `max_hz` in spectra of `grid`.
    pub fn new(grid: &Grid, min_hz: f32, max_hz: f32) -> Self {
        let n = grid.bins();
        // The frame's length travels in single precision.
        let delta = 1.0 / f64::from((1.0 / grid.delta) as f32);
        let highest = delta * (n - 1) as f64;
        let mut knots: Vec<f64> = (0..n).map(|i| (i as f64 * delta).log2()).collect();
        knots[0] = 2.0 * knots[1] - knots[2];
        let (low, high) = (LOWEST.log2(), highest.log2());
        let step = (high - low) / (n - 1) as f64;
        let points: Vec<f64> = (0..n).map(|j| low + j as f64 * step).collect();

        let per_octave = n as f64 / (highest / LOWEST).log2();
        let centre = per_octave * (65.0f64 / 50.0).log2() - 1.0;
        let weight = |j: usize| {
            let octaves = ((j + 1) as f64 - centre) / per_octave;
            0.5 + (3.0 * octaves).atan() / std::f64::consts::PI
        };
        let mut factor = 1.0f32;
        let shifts = (2..=HARMONICS).map(|h| {
            factor *= COMPRESSION;
            ((f64::from(per_octave as f32) * (h as f64).log2()).floor() as usize, factor)
        });
        let step = (high as f32 - low as f32) / (n - 1) as f32;
        Self {
            spline: Spline::new(&knots, &points),
            weight: (0..n).map(weight).collect(),
            shifts: shifts.collect(),
            axis: (0..n).map(|j| j as f32 * step + low as f32).collect(),
            range: [min_hz, max_hz],
        }
    }

    /// Candidates of the first `out.len()` lanes of `mag`, one row of magnitudes per bin.
    pub fn candidates<const L: usize>(
        &self,
        mag: &[[f32; L]],
        work: &mut Workspace<L>,
        out: &mut [Candidates],
    ) {
        let Workspace { peaks, a, smooth, z, log } = work;
        thin(mag, peaks, a);
        smoothen(a, smooth);
        self.spline.evaluate(smooth, z, log);
        sum(&self.weight, &self.shifts, log, a);
        let mut highest = Highest::default();
        pick(a, &mut highest);
        for (l, out) in out.iter_mut().enumerate() {
            *out = self.refine(a, &highest, l);
        }
    }

    /// The kept peaks of one lane placed between points, those out of range left out, the best scored
    /// first.
    fn refine<const L: usize>(
        &self,
        sums: &[[f32; L]],
        highest: &Highest<L>,
        lane: usize,
    ) -> Candidates {
        let mut out = Candidates::default();
        let mut score = [0.0f32; CANDIDATES];
        let mut count = 0;
        let mean = highest.mean[lane];
        for at in highest.at.iter().map(|at| at[lane] as usize).take_while(|&at| at > 0) {
            let around = [at - 1, at, at + 1];
            let x = around.map(|j| f64::from(self.axis[j]));
            let (at, value) = vertex(x, around.map(|j| f64::from(sums[j][lane])));
            let f = at.exp2() as f32;
            if f < self.range[0] || f > self.range[1] {
                continue;
            }
            let above = value > 0.0 && value > mean;
            out.f[count] = f;
            out.v[count] = if above { (1.0 - mean / value) as f32 } else { 0.0 };
            score[count] = value as f32;
            count += 1;
        }
        let best = (1..count).fold(0, |best, i| if score[i] > score[best] { i } else { best });
        out.f.swap(0, best);
        out.v.swap(0, best);
        out
    }
}

kernel! {
    /// `a`: the magnitudes, with zeros between neighbouring peaks but for two bins on each side of
    /// one; from the third bin on if there is a single peak; as they are where there is none.
    fn thin / thin_with<; L>(mag: &[[f32; L]], peaks: &mut [[u32; L]], a: &mut [[f32; L]]) {
        let n = a.len();
        let (mag, peaks) = (&mag[..n], &mut peaks[..n + 4]);
        let (mut first, mut last, mut count) = ([n as u32; L], [0; L], [0; L]);
        for i in 0..n {
            let row = &mut peaks[i + 2];
            for l in 0..L {
                let rises = if i > 0 { mag[i][l] > mag[i - 1][l] } else { true };
                let falls = if i == 0 {
                    mag[0][l] > mag[1][l]
                } else if i + 1 < n {
                    mag[i][l] >= mag[i + 1][l]
                } else {
                    true
                };
                let peak = u32::from(rises & falls);
                row[l] = peak;
                count[l] += peak;
                last[l] = if peak != 0 { i as u32 } else { last[l] };
                first[l] = if (peak != 0) & (count[l] == 1) { i as u32 } else { first[l] };
            }
        }
        let mut end = [n as u32; L];
        for l in 0..L {
            if count[l] == 1 {
                (first[l], end[l]) = (n as u32, 3);
            }
        }
        for i in 0..n {
            let around = &peaks[i..i + 5];
            let at = i as u32;
            for l in 0..L {
                let near = around[0][l] | around[1][l] | around[2][l] | around[3][l] | around[4][l];
                let outside = (at <= first[l]) | (at >= last[l]);
                let keep = ((near != 0) | outside) & (at < end[l]);
                a[i][l] = if keep { mag[i][l] } else { 0.0 };
            }
        }
    }
}

kernel! {
    /// Weights 1/4, 1/2, 1/4 over three bins; the last bin stays as it is.
    fn smoothen / smoothen_with<; L>(a: &[[f32; L]], smooth: &mut [[f64; L]]) {
        let n = a.len();
        let (mut before, mut here) = ([0.0; L], [0.0; L]);
        for l in 0..L {
            here[l] = f64::from(a[0][l]);
        }
        for i in 0..n - 1 {
            for l in 0..L {
                let next = f64::from(a[i + 1][l]);
                smooth[i][l] = (before[l] + 2.0 * here[l] + next) / 4.0;
                before[l] = here[l];
                here[l] = next;
            }
        }
        smooth[n - 1] = here;
    }
}

kernel! {
    /// Weighs the rows of the logarithmic axis (what the spline made negative becomes 0) and sums
    /// them over the harmonics, divided by their number. `rows` is longer by [`TILE`] than `sums`, by
    /// zeros: adding one changes nothing.
    fn sum / sum_with<; L>(
        weight: &[f64], shifts: &[(usize, f32)], rows: &mut [[f32; L]], sums: &mut [[f32; L]],
    ) {
        let n = sums.len();
        let mut active = 0;
        // Downwards: the harmonics of a tile lie above it and have been weighed.
        for (tile, out) in sums.chunks_mut(TILE).enumerate().rev() {
            let first = tile * TILE;
            for j in (first..first + out.len()).rev() {
                let mut s = rows[j];
                for l in 0..L {
                    let weighed = (f64::from(s[l]) * weight[j]) as f32;
                    s[l] = if s[l] > 0.0 { weighed } else { 0.0 };
                }
                rows[j] = s;
            }
            while active < shifts.len() && first + shifts[active].0 < n {
                active += 1;
            }
            // Sums of a tile side by side: additions wait for each other.
            let (mut a, mut b) = (rows[first], rows[first + 1]);
            let (mut c, mut d) = (rows[first + 2], rows[first + 3]);
            for &(shift, factor) in &shifts[..active] {
                let row = &rows[first + shift..][..TILE];
                for l in 0..L {
                    a[l] += row[0][l] * factor;
                }
                for l in 0..L {
                    b[l] += row[1][l] * factor;
                }
                for l in 0..L {
                    c[l] += row[2][l] * factor;
                }
                for l in 0..L {
                    d[l] += row[3][l] * factor;
                }
            }
            for (out, mut s) in out.iter_mut().zip([a, b, c, d]) {
                for l in 0..L {
                    s[l] /= HARMONICS as f32;
                }
                *out = s;
            }
        }
    }
}

/// The highest peaks of every lane, descending; of equal ones the lower point first.
#[derive(Debug, Clone, Copy)]
struct Highest<const L: usize> {
    /// The sum at the peak, 0 where there are fewer: a peak is above what is not negative.
    value: [[f32; L]; CANDIDATES],
    at: [[u32; L]; CANDIDATES],
    /// Mean over all points.
    mean: [f64; L],
}

impl<const L: usize> Default for Highest<L> {
    fn default() -> Self {
        Self { value: [[0.0; L]; CANDIDATES], at: [[0; L]; CANDIDATES], mean: [0.0; L] }
    }
}

kernel! {
    fn pick / pick_with<; L>(sums: &[[f32; L]], highest: &mut Highest<L>) {
        let n = sums.len();
        let Highest { value, at, mean } = highest;
        let mut total = sums[0].map(f64::from);
        for j in 1..n - 1 {
            let (before, here, after) = (&sums[j - 1], &sums[j], &sums[j + 1]);
            let mut new = [0.0; L];
            let mut any = 0u32;
            for l in 0..L {
                let lowest = value[CANDIDATES - 1][l];
                let hit = (before[l] < here[l]) & (here[l] > after[l]) & (here[l] > lowest);
                new[l] = if hit { here[l] } else { 0.0 };
                any |= new[l].to_bits();
                total[l] += f64::from(here[l]);
            }
            if any == 0 {
                continue;
            }
            // What a lane has none of passes by: 0 is above nothing.
            let (mut place, mut moved) = ([j as u32; L], [0u32; L]);
            for (value, at) in value.iter_mut().zip(at.iter_mut()) {
                for l in 0..L {
                    moved[l] |= u32::from(new[l] > value[l]);
                    let (v, a) = (value[l], at[l]);
                    (value[l], at[l]) = if moved[l] != 0 { (new[l], place[l]) } else { (v, a) };
                    (new[l], place[l]) = if moved[l] != 0 { (v, a) } else { (new[l], place[l]) };
                }
            }
        }
        for l in 0..L {
            mean[l] = (total[l] + f64::from(sums[n - 1][l])) / n as f64;
        }
    }
}

/// States of a frame: its candidates, and unvoiced.
const STATES: usize = CANDIDATES + 1;
const UNVOICED: usize = CANDIDATES;
/// Frames of which paths are kept, a power of two above every buffer length.
const KEPT: usize = 64;

/// Pitch of one frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Decision {
    /// Hz, 0 if unvoiced.
    pub f0: f32,
    /// Voicing of the chosen candidate, of the first one if unvoiced.
    pub voicing: f32,
}

/// The cheapest path through the candidates of successive frames, decided as frames come.
///
/// A frame is decided when all paths agree about it, or when `buffer` frames wait. The price of a
/// change of frequency depends on the change evaluated just before (`change`): one variable for all
/// paths, so the order of evaluation belongs to the definition.
#[derive(Debug, Clone)]
pub struct Viterbi {
    buffer: usize,
    change: f64,
    cost: [f64; STATES],
    /// Of the path that ends in each state: its states, frame `t` at `t % KEPT`.
    paths: [[u8; KEPT]; STATES],
    frames: [Candidates; KEPT],
    seen: usize,
    decided: usize,
}

impl Viterbi {
    /// Decides a frame at the latest when `buffer` frames wait, less than 64.
    pub fn new(buffer: usize) -> Self {
        Self {
            buffer: buffer.clamp(1, KEPT - 1),
            change: 1.0,
            cost: [0.0; STATES],
            paths: [[0; KEPT]; STATES],
            frames: [Candidates::default(); KEPT],
            seen: 0,
            decided: 0,
        }
    }

    /// Takes the next frame and appends the decisions that have become final.
    pub fn push(&mut self, frame: &Candidates, out: &mut Vec<Decision>) {
        self.step(frame);
        if self.seen - self.decided >= self.buffer {
            self.decide(self.cheapest(), out);
            return;
        }
        while self.decided < self.seen && self.agree(self.decided) {
            self.decide(0, out);
        }
    }

    /// Ends the input: appends the decisions of all frames that wait, along the cheapest path, and
    /// returns the number of frames that had been decided before. Starts anew.
    pub fn finish(&mut self, out: &mut Vec<Decision>) -> usize {
        let decided = self.decided;
        let cheapest = self.cheapest();
        while self.decided < self.seen {
            self.decide(cheapest, out);
        }
        *self = Self::new(self.buffer);
        decided
    }

    fn step(&mut self, frame: &Candidates) {
        let local = local_cost(frame);
        let slot = self.seen % KEPT;
        if self.seen == 0 {
            self.cost = local;
            for (state, path) in self.paths.iter_mut().enumerate() {
                path[slot] = state as u8;
            }
        } else {
            let before = self.frames[(self.seen - 1) % KEPT];
            let (cost, paths) = (self.cost, self.paths);
            for state in 0..STATES {
                let (best, from) = self.reach(&cost, &before, frame, state);
                self.cost[state] = best + local[state];
                self.paths[state] = paths[from];
                self.paths[state][slot] = state as u8;
            }
        }
        self.frames[slot] = *frame;
        self.seen += 1;
    }

    /// The cheapest way from the states before, of cost `cost`, into `state`: what it costs and where
    /// it comes from, the first of equal ones.
    fn reach(
        &mut self,
        cost: &[f64; STATES],
        before: &Candidates,
        frame: &Candidates,
        state: usize,
    ) -> (f64, usize) {
        let (mut best, mut from) = (f64::INFINITY, 0);
        if state == UNVOICED {
            for (previous, cost) in cost.iter().enumerate() {
                let total = cost + if previous == UNVOICED { 1.0 } else { 10.0 };
                if total < best {
                    (best, from) = (total, previous);
                }
            }
            return (best, from);
        }
        let unvoiced = cost[UNVOICED] + 10.0;
        let to = frame.f[state];
        let log = |ratio: f32| f64::from(ratio).ln();
        // The change evaluated last, or the ratio whose logarithm it is: few of them are needed.
        let (mut change, mut pending) = (self.change, None);
        for (previous, &cost) in cost[..UNVOICED].iter().enumerate() {
            let hertz = before.f[previous];
            let total = if hertz == 0.0 || to == 0.0 {
                cost + 999.0
            } else {
                let ratio = to / hertz;
                // |ln r| is at least |r - 1| / max(r, 1); a little less, for the rounding.
                let least = f64::from((ratio - 1.0).abs() / ratio.max(1.0));
                let floor = cost + 9.999 * least;
                if floor >= best || floor > unvoiced {
                    pending = Some(ratio);
                    continue;
                }
                let last = pending.take().map_or(change, log);
                change = log(ratio);
                cost + (10.0 * change.abs() + 10.0 * (change - last).abs())
            };
            if total < best {
                (best, from) = (total, previous);
            }
        }
        // The way from unvoiced changes nothing, and is the last.
        self.change = 0.0;
        if unvoiced < best { (unvoiced, UNVOICED) } else { (best, from) }
    }

    fn cheapest(&self) -> usize {
        (1..STATES).fold(0, |best, s| if self.cost[s] < self.cost[best] { s } else { best })
    }

    fn agree(&self, t: usize) -> bool {
        let slot = t % KEPT;
        self.paths.iter().all(|path| path[slot] == self.paths[0][slot])
    }

    /// Decides the next frame along the path that ends in `state`.
    fn decide(&mut self, state: usize, out: &mut Vec<Decision>) {
        let slot = self.decided % KEPT;
        let Candidates { f, v } = &self.frames[slot];
        out.push(match usize::from(self.paths[state][slot]) {
            UNVOICED => Decision { f0: 0.0, voicing: v[0] },
            s => Decision { f0: f[s], voicing: v[s] },
        });
        self.decided += 1;
    }
}

/// Voicing from which a candidate counts as voiced.
const VOICED: f32 = 0.7;

fn local_cost(frame: &Candidates) -> [f64; STATES] {
    let mut cost = [0.0; STATES];
    for i in 0..CANDIDATES {
        let v = frame.v[i].clamp(0.01, 1.0);
        let threshold = if v < VOICED { 4.0 } else { 0.0 };
        cost[i] = 2.0 * (threshold - f64::from(v).ln()) + range_cost(f64::from(frame.f[i]));
        if v >= VOICED {
            cost[UNVOICED] = 8.0;
        }
    }
    cost
}

/// Distance from the usual range of speech.
fn range_cost(f: f64) -> f64 {
    if f <= 0.0 {
        2.0
    } else if f < 100.0 {
        1.0 - f / 100.0
    } else if f < 350.0 {
        0.0
    } else if f < 600.0 {
        (f - 350.0) / 250.0
    } else {
        1.2
    }
}

/// Semitones above 27.5 Hz; 1 for what lies under a semitone, 0 for 0 (unvoiced).
pub fn semitones(f0: f32) -> f32 {
    if f0 > 29.136 {
        // Every step in single precision; the logarithm of `f64`, rounded, is the same everywhere.
        let log = f64::from(f0 / 27.5).ln() as f32;
        12.0 * log / std::f32::consts::LN_2
    } else if f0 > 0.0 {
        1.0
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dsp::lanes::Isa;
    use crate::smile::clock::Clock;

    /// Spectra with peaks two bins wide at the multiples of `f0[l]`, falling by 6 dB per octave.
    fn spectra(grid: &Grid, f0: [f64; 8]) -> Vec<[f32; 8]> {
        let magnitude = |f: f64, f0: f64| -> f64 {
            let peak = |h: u32| {
                let distance = (f - f64::from(h) * f0) / (2.0 * grid.delta);
                (-distance * distance).exp() / f64::from(h)
            };
            (1..=20).map(peak).sum()
        };
        grid.axis.iter().map(|&f| f0.map(|f0| magnitude(f, f0) as f32)).collect()
    }

    const F0: [f64; 8] = [80.0, 110.0, 147.3, 200.0, 255.5, 310.0, 400.0, 523.0];

    fn candidates(grid: &Grid, rows: &[[f32; 8]], count: usize) -> Vec<Candidates> {
        let mut out = vec![Candidates::default(); count];
        Shs::new(grid, 55.0, 1000.0).candidates(rows, &mut Workspace::new(grid), &mut out);
        out
    }

    #[test]
    fn the_first_candidate_of_a_harmonic_spectrum_is_its_fundamental() {
        for sr in [8_000, 16_000, 48_000] {
            let grid = Clock::new(sr).unwrap().long;
            for (found, f0) in candidates(&grid, &spectra(&grid, F0), 8).iter().zip(F0) {
                // A tenth of a bin at the lowest rate, half a percent of the higher fundamentals.
                let tolerance = (0.1 * grid.delta).max(0.005 * f0);
                assert!((f64::from(found.f[0]) - f0).abs() < tolerance, "{sr} {f0} {found:?}");
                // Twice as high as the mean, even where the peaks run into each other.
                assert!(found.v[0] > 0.5, "{sr} {f0} {found:?}");
            }
        }
    }

    #[test]
    fn candidates_out_of_range_are_left_out() {
        let grid = Clock::new(16_000).unwrap().long;
        let shs = Shs::new(&grid, 150.0, 350.0);
        let mut out = vec![Candidates::default(); 8];
        shs.candidates(&spectra(&grid, F0), &mut Workspace::new(&grid), &mut out);
        for f in out.iter().flat_map(|c| c.f) {
            assert!(f == 0.0 || (150.0..=350.0).contains(&f), "{f}");
        }
    }

    #[test]
    fn a_frame_is_the_same_in_every_lane() {
        let grid = Clock::new(16_000).unwrap().long;
        let all = candidates(&grid, &spectra(&grid, F0), 8);
        for (l, expected) in all.iter().enumerate() {
            let mut turned = F0;
            turned.rotate_left(l);
            assert_eq!(&candidates(&grid, &spectra(&grid, turned), 1)[0], expected);
        }
    }

    #[test]
    fn silence_has_no_candidates() {
        let grid = Clock::new(16_000).unwrap().long;
        let silent = vec![[0.0; 8]; grid.bins()];
        assert_eq!(candidates(&grid, &silent, 8), vec![Candidates::default(); 8]);
    }

    fn thinned(lane: &[f32]) -> Vec<f32> {
        let rows: Vec<[f32; 1]> = lane.iter().map(|&x| [x]).collect();
        let (mut peaks, mut a) = (vec![[0; 1]; lane.len() + 4], rows.clone());
        thin(&rows, &mut peaks, &mut a);
        a.iter().map(|row| row[0]).collect()
    }

    #[test]
    fn only_the_middle_between_two_peaks_is_thinned_out() {
        let two = [1., 2., 9., 8., 7., 6., 5., 6., 7., 8., 9., 2., 1.];
        let left = [1., 2., 9., 8., 7., 0., 0., 0., 7., 8., 9., 2., 1.];
        assert_eq!(thinned(&two), left);
        // One peak, at 4: everything from bin 3 on, the peak included. None: nothing.
        assert_eq!(thinned(&[1., 2., 3., 4., 5., 4., 3.]), [1., 2., 3., 0., 0., 0., 0.]);
        assert_eq!(thinned(&[5.0; 7]), [5.0; 7]);
        // The ends count as peaks when they are above their neighbour.
        assert_eq!(thinned(&[9., 5., 5., 4., 3., 4., 5., 6.]), [9., 5., 5., 0., 0., 4., 5., 6.]);
    }

    #[test]
    fn every_instruction_set_gives_the_same_bits() {
        let grid = Clock::new(16_000).unwrap().long;
        let shs = Shs::new(&grid, 55.0, 1000.0);
        let rows = spectra(&grid, F0);
        let run = |isa| {
            let mut w = Workspace::<8>::new(&grid);
            let mut highest = Highest::default();
            thin_with(isa, &rows, &mut w.peaks, &mut w.a);
            smoothen_with(isa, &w.a, &mut w.smooth);
            shs.spline.evaluate(&w.smooth, &mut w.z, &mut w.log);
            sum_with(isa, &shs.weight, &shs.shifts, &mut w.log, &mut w.a);
            pick_with(isa, &w.a, &mut highest);
            let refined: [_; 8] = std::array::from_fn(|l| shs.refine(&w.a, &highest, l));
            (w.a, refined)
        };
        assert_eq!(run(Isa::Portable), run(Isa::Avx2));
        assert_eq!(run(Isa::Portable), run(Isa::Avx512));
    }

    fn frame(f: f32, v: f32) -> Candidates {
        let mut frame = Candidates::default();
        (frame.f[0], frame.v[0]) = (f, v);
        frame
    }

    fn decide(frames: &[Candidates], buffer: usize) -> (Vec<Decision>, usize) {
        let (mut viterbi, mut out) = (Viterbi::new(buffer), Vec::new());
        for frame in frames {
            viterbi.push(frame, &mut out);
        }
        let decided = viterbi.finish(&mut out);
        (out, decided)
    }

    #[test]
    fn every_frame_is_decided_once_and_the_newest_only_at_the_end() {
        for count in [1, 2, 5, 39, 40, 41, 100] {
            let frames: Vec<_> = (0..count)
                .map(|t| frame(120.0 + (t % 7) as f32, 0.3 + (t % 5) as f32 / 8.0))
                .collect();
            let (out, decided) = decide(&frames, 40);
            assert_eq!(out.len(), count);
            assert!(decided < count, "{decided} of {count}");
        }
    }

    #[test]
    fn clear_voicing_is_followed_and_its_absence_too() {
        let mut frames = vec![frame(130.0, 0.2); 20];
        frames[5..15].fill(frame(130.0, 0.95));
        let (out, _) = decide(&frames, 40);
        for (t, decision) in out.iter().enumerate() {
            let voiced = (5..15).contains(&t);
            assert_eq!(decision.f0, if voiced { 130.0 } else { 0.0 }, "{t}");
            // Unvoiced frames report the first candidate's voicing.
            assert_eq!(decision.voicing, if voiced { 0.95 } else { 0.2 });
        }
    }

    #[test]
    fn no_frame_waits_longer_than_the_buffer() {
        // All candidates alike: their paths never meet.
        let alike = Candidates { f: [200.0; 6], v: [0.9; 6] };
        let (mut viterbi, mut out) = (Viterbi::new(30), Vec::new());
        for t in 0..100 {
            viterbi.push(&alike, &mut out);
            assert!(t + 1 - out.len() < 30, "frame {t}, {} decided", out.len());
        }
    }

    #[test]
    fn semitones_count_from_27_5_hz() {
        assert_eq!(semitones(0.0), 0.0);
        assert_eq!(semitones(28.0), 1.0);
        for (f0, expected) in [(55.0, 12.0), (110.0, 24.0), (880.0, 60.0)] {
            // Four roundings of values up to 60.
            assert!((semitones(f0) - expected).abs() < 1e-5, "{f0}");
        }
    }
}
