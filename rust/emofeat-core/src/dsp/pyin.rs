//! pYIN (Mauch and Dixon 2014): what the troughs of YIN's difference function say of pitch and voicing,
//! and the path through it that is most likely, in the form of librosa 0.11.

use super::lanes::kernel;
use super::yin::{Lags, parabola};
use std::collections::VecDeque;
use std::f64::consts::PI;
use std::sync::Arc;

/// Logarithm of the gamma function for positive arguments: Stirling's series, from 15 on.
fn ln_gamma(x: f64) -> f64 {
    let (mut y, mut product) = (x, 1.0);
    while y < 15.0 {
        product *= y;
        y += 1.0;
    }
    let z = 1.0 / (y * y);
    let series = (1.0 / 12.0
        - z * (1.0 / 360.0
            - z * (1.0 / 1260.0
                - z * (1.0 / 1680.0 - z * (1.0 / 1188.0 - z * (691.0 / 360_360.0))))))
        / y;
    (y - 0.5) * y.ln() - y + 0.5 * (2.0 * PI).ln() + series - product.ln()
}

/// Distribution function of the beta distribution with parameters `a` and `b` at `x`: the regularised
/// incomplete beta function, by its continued fraction (DLMF 8.17.22) with Lentz's method.
pub fn beta_cdf(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    // The fraction converges fast below the mean, and I_x(a, b) = 1 - I_{1-x}(b, a).
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - lower_beta(1.0 - x, b, a);
    }
    lower_beta(x, a, b)
}

fn lower_beta(x: f64, a: f64, b: f64) -> f64 {
    let front = a * x.ln() + b * (-x).ln_1p() + ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b);
    let nonzero = |v: f64| if v.abs() < 1e-300 { 1e-300 } else { v };
    let (mut c, mut d) = (1.0, 1.0 / nonzero(1.0 - (a + b) * x / (a + 1.0)));
    let mut fraction = d;
    // A few √max(a, b) steps are enough; 10 000 hold for every parameter that is taken.
    for m in 1..10_000 {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut step = 1.0;
        for term in [even, odd] {
            d = 1.0 / nonzero(1.0 + term * d);
            c = nonzero(1.0 + term / c);
            step = c * d;
            fraction *= step;
        }
        if (step - 1.0).abs() < 1e-16 {
            break;
        }
    }
    (front.exp() / a * fraction).min(1.0)
}

/// What pYIN believes of troughs before it sees the sound (Mauch and Dixon 2014).
#[derive(Debug, Clone, PartialEq)]
pub struct Priors {
    /// Number of thresholds, spaced evenly over 0 to 1.
    pub thresholds: usize,
    /// Parameters of the beta distribution over thresholds.
    pub beta: [f64; 2],
    /// Fall of a trough's probability per shorter trough below the same threshold, as an exponent.
    pub boltzmann: f64,
    /// Share of a threshold's probability that goes to the deepest trough if none is below it.
    pub no_trough: f64,
}

/// [`Priors`] in tables.
pub struct Weights {
    thresholds: Vec<f64>,
    /// Probability of each threshold, and of all before it together.
    beta: Vec<f64>,
    below: Vec<f64>,
    no_trough: f64,
    /// `e^{-boltzmann k}` by rank `k`, and the share of rank 0 by number of troughs.
    falls: Vec<f64>,
    first: Vec<f64>,
}

/// A trough: its place among the lags, the first threshold above it, and the probability that it is the period.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trough {
    /// Index into the lags.
    pub at: usize,
    /// Index of the lowest threshold that it lies below; the number of thresholds if none.
    pub from: usize,
    /// Probability.
    pub probability: f64,
}

impl Weights {
    /// Tabulates `priors` for frames of `lags` values.
    pub fn new(priors: &Priors, lags: usize) -> Self {
        let (n, most) = (priors.thresholds, lags / 2 + 1);
        let fall = |k: usize| (-priors.boltzmann * k as f64).exp();
        // As a multiple of the step, which is how NumPy spaces them.
        let at = |i: usize| if i == n { 1.0 } else { i as f64 * (1.0 / n as f64) };
        let cdf: Vec<f64> =
            (0..=n).map(|i| beta_cdf(at(i), priors.beta[0], priors.beta[1])).collect();
        let beta: Vec<f64> = cdf.windows(2).map(|c| c[1] - c[0]).collect();
        let below = std::iter::once(0.0)
            .chain(beta.iter().scan(0.0, |sum, p| {
                *sum += p;
                Some(*sum)
            }))
            .collect();
        Self {
            thresholds: (1..=n).map(at).collect(),
            beta,
            below,
            no_trough: priors.no_trough,
            falls: (0..=most).map(fall).collect(),
            first: (0..=most).map(|count| (1.0 - fall(1)) / (1.0 - fall(count))).collect(),
        }
    }

    /// The troughs of `d` with their probabilities, in order of lag; none if there is no trough.
    pub fn troughs(&self, d: &[f64], out: &mut Vec<Trough>) {
        out.clear();
        let n = d.len();
        let mut deepest: Option<Trough> = None;
        let mut keep = |at: usize| {
            // From which threshold on it counts.
            let from = self.thresholds.partition_point(|x| *x <= d[at]);
            let trough = Trough { at, from, probability: 0.0 };
            if deepest.is_none_or(|low| d[at] < d[low.at]) {
                deepest = Some(trough);
            }
            if from < self.thresholds.len() {
                out.push(trough);
            }
        };
        if d[0] < d[1] {
            keep(0);
        }
        for (k, x) in d.windows(3).enumerate() {
            if x[1] < x[0] && x[1] <= x[2] {
                keep(k + 1);
            }
        }
        if d[n - 1] < d[n - 2] {
            keep(n - 1);
        }
        if let Some(deepest) = deepest {
            self.weigh(deepest, out);
        }
    }

    fn weigh(&self, deepest: Trough, troughs: &mut Vec<Trough>) {
        // Nothing changes between thresholds at which no trough joins.
        let mut joins: Vec<usize> = troughs.iter().map(|t| t.from).collect();
        joins.sort_unstable();
        let mut start = 0;
        while let Some(&from) = joins.get(start) {
            let count = joins.partition_point(|j| *j <= from);
            let end = joins.get(count).copied().unwrap_or(self.beta.len());
            let weight: f64 = self.beta[from..end].iter().sum();
            let factor = weight * self.first[count];
            let joined = troughs.iter_mut().filter(|t| t.from <= from);
            for (trough, fall) in joined.zip(&self.falls) {
                trough.probability += factor * fall;
            }
            start = count;
        }
        let rest = self.no_trough * self.below[deepest.from];
        match troughs.iter_mut().find(|t| t.at == deepest.at) {
            Some(trough) => trough.probability += rest,
            // Above every threshold, and then it is the only one.
            None => troughs.push(Trough { probability: rest, ..deepest }),
        }
    }
}

/// The pitches that are told apart: steps of a part of a semitone from `fmin` on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bins {
    /// Frequency of the first one in Hz.
    pub fmin: f64,
    /// Steps per octave.
    pub per_octave: f64,
    /// How many there are.
    pub count: usize,
}

impl Bins {
    /// Bins of `1 / per_semitone` semitones from `fmin` to `fmax`.
    pub fn new(fmin: f64, fmax: f64, per_semitone: usize) -> Self {
        let per_octave = 12.0 * per_semitone as f64;
        Self { fmin, per_octave, count: (per_octave * (fmax / fmin).log2()).floor() as usize + 1 }
    }

    /// Frequency of a bin in Hz.
    pub fn frequency(&self, bin: usize) -> f64 {
        self.fmin * (bin as f64 / self.per_octave).exp2()
    }

    /// The probability of each bin that a trough of `d` speaks for, by ascending bin.
    ///
    /// As in librosa: of several troughs in one bin the one with the longest period counts alone, and a
    /// pitch that rounds to the bin above the last one is lost.
    pub fn candidates(
        &self,
        lags: Lags,
        sr: f64,
        d: &[f64],
        troughs: &[Trough],
        out: &mut Vec<(usize, f64)>,
    ) {
        out.clear();
        // The longest period first: the lowest bin.
        for trough in troughs.iter().rev().filter(|t| t.probability != 0.0) {
            let at = trough.at;
            let inside = at > 0 && at + 1 < d.len();
            let shift = if inside { parabola(d[at - 1], d[at], d[at + 1]) } else { 0.0 };
            let f0 = sr / (lags.first as f64 + (at as f64 + shift));
            let step = (self.per_octave * (f0 / self.fmin).log2()).round_ties_even();
            let bin = step.clamp(0.0, self.count as f64) as usize;
            if bin < self.count && out.last().is_none_or(|(last, _)| *last < bin) {
                out.push((bin, trough.probability));
            }
        }
    }
}

/// Cost of what has probability 0: librosa adds the smallest normal number to every probability before
/// it takes the logarithm, so such steps are possible where nothing else is.
const NEVER: f64 = -708.396_418_532_264_1;

fn ln(p: f64) -> f64 {
    (p + f64::MIN_POSITIVE).ln()
}

/// How pitch and voicing move from frame to frame.
#[derive(Debug, Clone, PartialEq)]
pub struct Trellis {
    /// Number of pitch bins.
    bins: usize,
    /// Farthest step.
    reach: usize,
    /// Logarithm of the probability of a step from `-reach` to `reach`, far from the ends; with a tile
    /// of impossible steps before and after them.
    steps: Vec<f64>,
    /// `steps` from the last to the first.
    backwards: Vec<f64>,
    /// What a step from each bin has more, because those beyond the ends are ruled out.
    gain: Vec<f64>,
    /// Logarithms of the probabilities that voicing stays or changes.
    stay: f64,
    switch: f64,
}

impl Trellis {
    /// A triangle of `width` steps (at most `bins`) around each of `bins` pitches, and a probability that
    /// voicing changes.
    pub fn new(bins: usize, width: usize, switch: f64) -> Self {
        let reach = width / 2;
        let mut weights = vec![0.0; 2 * reach + 1];
        // An even triangle has no middle; it stands half a step to the left among an odd number of
        // bins, half a step to the right among an even one.
        let from = usize::from(width.is_multiple_of(2) && bins.is_multiple_of(2));
        for (m, w) in weights[from..][..width].iter_mut().enumerate() {
            let rank = (m + 1).min(width - m) as f64;
            *w = if width.is_multiple_of(2) {
                (2.0 * rank - 1.0) / width as f64
            } else {
                2.0 * rank / (width as f64 + 1.0)
            };
        }
        let all: f64 = weights.iter().sum();
        let inside = |bin: usize| {
            let (low, high) = (reach.saturating_sub(bin), (bins - 1 - bin).min(reach) + reach);
            weights[low..=high].iter().sum::<f64>()
        };
        let beyond = std::iter::repeat_n(f64::NEG_INFINITY, TILE);
        let steps = weights.iter().map(|w| (w / all).ln());
        let steps: Vec<f64> = beyond.clone().chain(steps).chain(beyond).collect();
        Self {
            bins,
            reach,
            gain: (0..bins).map(|bin| (all / inside(bin)).ln()).collect(),
            backwards: steps.iter().rev().copied().collect(),
            steps,
            stay: (1.0 - switch).ln(),
            switch: switch.ln(),
        }
    }
}

/// The most likely state of one frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// Pitch bin.
    pub bin: usize,
    /// Whether the frame is voiced; if not, the bin is the best guess.
    pub voiced: bool,
}

/// Lanes of the loops over bins.
const TILE: usize = 16;

/// For every bin, the best way to come there from one kind of state, and from which bin.
struct Arrivals {
    best: Vec<f64>,
    from: Vec<f64>,
}

impl Arrivals {
    fn new(size: usize) -> Self {
        Self { best: vec![f64::NEG_INFINITY; size], from: vec![0.0; size] }
    }
}

/// The search for the most likely path (Viterbi 1967), over twice as many states as there are bins:
/// voiced ones first, then unvoiced ones.
///
/// Equal scores are decided as by a search over all pairs of states in order: the lower state wins. A
/// frame is decided as soon as the best ways to all states pass through the same state of it, so the
/// memory is that of the frames since then (4 bytes per bin and frame), and what comes out does not
/// depend on what follows.
pub struct Viterbi {
    trellis: Arc<Trellis>,
    voiced: Vec<f64>,
    unvoiced: Vec<f64>,
    /// Scores of unvoiced states with their gain.
    source: Vec<f64>,
    /// Voiced states from which the best way may come.
    active: Vec<usize>,
    /// Logarithms of the probabilities of what was observed.
    observed: Vec<f64>,
    from_voiced: Arrivals,
    from_unvoiced: Arrivals,
    /// For each frame that is not decided, the state before each state.
    back: VecDeque<Vec<u16>>,
    spare: Vec<Vec<u16>>,
    /// Number of undecided frames at which to look again.
    look: usize,
    stamp: Vec<u32>,
    round: u32,
}

/// Fewest undecided frames at which a look for decided ones is worth it.
const LOOK: usize = 64;

impl Viterbi {
    /// A search over `trellis`.
    pub fn new(trellis: Arc<Trellis>) -> Self {
        let n = trellis.bins;
        let size = n.next_multiple_of(TILE);
        Self {
            voiced: Vec::new(),
            unvoiced: Vec::new(),
            source: vec![0.0; n],
            active: Vec::new(),
            observed: vec![0.0; n],
            from_voiced: Arrivals::new(size),
            from_unvoiced: Arrivals::new(size),
            back: VecDeque::new(),
            spare: Vec::new(),
            look: LOOK,
            stamp: vec![0; 2 * n],
            round: 0,
            trellis,
        }
    }

    /// Takes a frame: candidates by ascending bin with their probabilities, and that of being voiced.
    /// Appends the frames that are decided by it.
    pub fn push(&mut self, candidates: &[(usize, f64)], voiced: f64, out: &mut Vec<Decision>) {
        let n = self.trellis.bins;
        let unvoiced = ln((1.0 - voiced) / n as f64);
        let mut back = self.spare.pop().unwrap_or_else(|| vec![0; 2 * n]);
        if self.voiced.is_empty() {
            let start = ln(1.0 / (2 * n) as f64);
            self.voiced = vec![start + NEVER; n];
            self.unvoiced = vec![start + unvoiced; n];
            for &(bin, p) in candidates {
                self.voiced[bin] = start + ln(p);
            }
        } else {
            self.arrive();
            self.advance(candidates, unvoiced, &mut back);
        }
        self.back.push_back(back);
        if self.back.len() >= self.look {
            self.decide(out);
        }
    }

    /// The best ways to each bin from voiced and from unvoiced states, without the change of voicing.
    fn arrive(&mut self) {
        let t = &*self.trellis;
        let (n, reach) = (t.bins, t.reach);
        self.from_voiced.best.fill(f64::NEG_INFINITY);
        self.active.clear();
        for (k, (&v, &u)) in self.voiced.iter().zip(&self.unvoiced).enumerate() {
            // Otherwise the unvoiced state of the same bin is the better one to come from, to any state.
            if u + t.switch <= v + t.stay || u + t.stay <= v + t.switch {
                self.active.push(k);
            }
        }
        for &k in &self.active {
            let (low, high) = (k.saturating_sub(reach), (k + reach).min(n - 1));
            let steps = &t.steps[TILE + low + reach - k..=TILE + high + reach - k];
            let to =
                (&mut self.from_voiced.best[low..=high], &mut self.from_voiced.from[low..=high]);
            spread_one::<TILE>(self.voiced[k] + t.gain[k], k as f64, steps, to.0, to.1);
        }
        for (s, (u, gain)) in self.source.iter_mut().zip(self.unvoiced.iter().zip(&t.gain)) {
            *s = u + gain;
        }
        let Arrivals { best, from } = &mut self.from_unvoiced;
        spread_all::<TILE>(reach, &t.steps, &t.backwards, &self.source, best, from);
    }

    /// Scores of the next frame.
    fn advance(&mut self, candidates: &[(usize, f64)], unvoiced: f64, back: &mut [u16]) {
        let t = &*self.trellis;
        let n = t.bins;
        // A step that is ruled out costs the same from everywhere: the best state is the one to leave.
        let (top, state) = self.top();
        let jump = (top + NEVER, state as f64);
        let (v, u) = (&self.from_voiced, &self.from_unvoiced);
        let (to_voiced, to_unvoiced) = back.split_at_mut(n);
        let ways = [&v.best[..n], &v.from[..n], &u.best[..n], &u.from[..n]];
        let observed = &mut self.observed;
        observed.fill(NEVER);
        for &(bin, p) in candidates {
            observed[bin] = ln(p);
        }
        choose::<TILE>(ways, [t.stay, t.switch], jump, observed, &mut self.voiced, to_voiced);
        observed.fill(unvoiced);
        choose::<TILE>(ways, [t.switch, t.stay], jump, observed, &mut self.unvoiced, to_unvoiced);
    }

    /// The best score, and the first state that has it.
    fn top(&self) -> (f64, usize) {
        let mut top = [f64::NEG_INFINITY; 1];
        highest::<TILE>(&self.voiced, &mut top);
        highest::<TILE>(&self.unvoiced, &mut top);
        let state = self.voiced.iter().chain(&self.unvoiced).position(|score| *score == top[0]);
        (top[0], state.unwrap_or_default())
    }

    /// Appends the frames at which all best ways have met.
    fn decide(&mut self, out: &mut Vec<Decision>) {
        let mut states: Vec<u16> = (0..2 * self.trellis.bins as u16).collect();
        for at in (1..self.back.len()).rev() {
            self.round = self.round.wrapping_add(1);
            let (back, stamp, round) = (&self.back[at], &mut self.stamp, self.round);
            let mut kept = 0;
            for i in 0..states.len() {
                let before = back[usize::from(states[i])];
                let mark = &mut stamp[usize::from(before)];
                if *mark != round {
                    *mark = round;
                    states[kept] = before;
                    kept += 1;
                }
            }
            states.truncate(kept);
            if let [state] = states[..] {
                self.trace(at - 1, state, out);
                break;
            }
        }
        // Twice as far the next time, so that looking costs a fixed share of the work.
        self.look = LOOK.max(2 * self.back.len());
    }

    /// Appends undecided frames up to number `last` on the way to `state` there.
    fn trace(&mut self, last: usize, mut state: u16, out: &mut Vec<Decision>) {
        let (n, from) = (self.trellis.bins, out.len());
        for at in (0..=last).rev() {
            let index = usize::from(state);
            out.push(Decision { bin: index % n, voiced: index < n });
            state = self.back[at][index];
        }
        out[from..].reverse();
        self.spare.extend(self.back.drain(..=last));
        self.spare.truncate(LOOK);
    }

    /// Appends the frames that are still undecided.
    pub fn finish(&mut self, out: &mut Vec<Decision>) {
        let (_, state) = self.top();
        if let Some(last) = self.back.len().checked_sub(1) {
            self.trace(last, state as u16, out);
        }
    }
}

kernel! {
    /// Raises `top` to the largest score.
    fn highest / highest_with<; W>(scores: &[f64], top: &mut [f64; 1]) {
        let (whole, rest) = scores.as_chunks::<W>();
        let mut lanes = [top[0]; W];
        for scores in whole {
            for l in 0..W {
                lanes[l] = if scores[l] > lanes[l] { scores[l] } else { lanes[l] };
            }
        }
        for score in rest.iter().chain(&lanes) {
            top[0] = if *score > top[0] { *score } else { top[0] };
        }
    }
}

kernel! {
    /// What one state at bin `from` offers to its neighbours; the first of equal offers stays.
    fn spread_one / spread_one_with<; W>(
        score: f64, bin: f64, steps: &[f64], best: &mut [f64], from: &mut [f64],
    ) {
        let (steps, rest) = steps.as_chunks::<W>();
        let (best, last_best) = best.as_chunks_mut::<W>();
        let (from, last_from) = from.as_chunks_mut::<W>();
        for ((step, best), from) in steps.iter().zip(best).zip(from) {
            for l in 0..W {
                let offer = score + step[l];
                let better = offer > best[l];
                best[l] = if better { offer } else { best[l] };
                from[l] = if better { bin } else { from[l] };
            }
        }
        for ((step, best), from) in rest.iter().zip(last_best).zip(last_from) {
            let offer = score + step;
            if offer > *best {
                (*best, *from) = (offer, bin);
            }
        }
    }
}

kernel! {
    /// For each bin the best of `source` within reach, and its bin.
    ///
    /// The logarithm of a triangle is concave, so the best place to come from moves with the bin and
    /// never back (Aggarwal et al. 1987): it is searched for at every `W`-th bin, and the bins between
    /// need only look between the two places. `steps` has `W` impossible steps more at both ends, and
    /// `backwards` is the same in reverse.
    fn spread_all / spread_all_with<; W>(
        reach: usize,
        steps: &[f64],
        backwards: &[f64],
        source: &[f64],
        best: &mut [f64],
        from: &mut [f64],
    ) {
        let n = source.len();
        let mut low = search::<W>(reach, backwards, source, 0, 0);
        for first in (0..n).step_by(W) {
            let high = search::<W>(reach, backwards, source, (first + W).min(n - 1), low);
            let (mut top, mut bin) = ([f64::NEG_INFINITY; W], [0.0; W]);
            for (k, score) in source.iter().enumerate().take(high + 1).skip(low) {
                let steps = &steps[W + reach + first - k..][..W];
                for l in 0..W {
                    let offer = score + steps[l];
                    let better = offer > top[l];
                    top[l] = if better { offer } else { top[l] };
                    bin[l] = if better { k as f64 } else { bin[l] };
                }
            }
            best[first..first + W].copy_from_slice(&top);
            from[first..first + W].copy_from_slice(&bin);
            low = high;
        }
    }
}

/// The first of the best bins to come from to bin `to`, from bin `low` on.
#[inline(always)]
fn search<const W: usize>(
    reach: usize,
    backwards: &[f64],
    source: &[f64],
    to: usize,
    low: usize,
) -> usize {
    let (low, high) = (low.max(to.saturating_sub(reach)), (to + reach).min(source.len() - 1));
    let scores = &source[low..=high];
    let steps = &backwards[W + reach + low - to..][..scores.len()];
    let ((whole, rest), (whole_steps, rest_steps)) =
        (scores.as_chunks::<W>(), steps.as_chunks::<W>());
    let mut top = [f64::NEG_INFINITY; W];
    for (scores, steps) in whole.iter().zip(whole_steps) {
        for l in 0..W {
            let offer = scores[l] + steps[l];
            top[l] = if offer > top[l] { offer } else { top[l] };
        }
    }
    let offers = || rest.iter().zip(rest_steps).map(|(score, step)| score + step);
    let larger = |a: f64, b: f64| if b > a { b } else { a };
    let best = top.into_iter().chain(offers()).fold(f64::NEG_INFINITY, larger);
    // The first place that offers it: first the sixteen places, then which of them.
    let has = |(scores, steps): (&[f64; W], &[f64; W])| {
        let mut found = false;
        for l in 0..W {
            found |= scores[l] + steps[l] == best;
        }
        found
    };
    let chunk = whole.iter().zip(whole_steps).position(has).unwrap_or(whole.len());
    let from = scores[W * chunk..].iter().zip(&steps[W * chunk..]);
    low + W * chunk + from.map(|(score, step)| score + step).position(|x| x == best).unwrap_or(0)
}

kernel! {
    /// For each bin the better of the ways from voiced and from unvoiced states, or the jump; with the
    /// state that it comes from.
    fn choose / choose_with<; W>(
        ways: [&[f64]; 4],
        change: [f64; 2],
        jump: (f64, f64),
        observed: &[f64],
        score: &mut [f64],
        back: &mut [u16],
    ) {
        let n = score.len();
        let [v, v_from, u, u_from] = ways.map(|way| &way[..n]);
        let (back, observed, states) = (&mut back[..n], &observed[..n], n as f64);
        for j in 0..n {
            let (voiced, unvoiced) = (v[j] + change[0], u[j] + change[1]);
            let (way, from) = if voiced >= unvoiced {
                (voiced, v_from[j])
            } else {
                (unvoiced, u_from[j] + states)
            };
            let (way, from) = if jump.0 > way { jump } else { (way, from) };
            score[j] = way + observed[j];
            back[j] = from as i32 as u16;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beta_distribution_has_the_values_of_closed_forms() {
        for i in 0..=50 {
            let x = f64::from(i) / 50.0;
            let near = |a: f64, b: f64| (a - b).abs() < 1e-13;
            // 2 and 18: P(X <= x) = 1 - (1-x)^18 (1 + 18 x).
            assert!(near(beta_cdf(x, 2.0, 18.0), 1.0 - (1.0 - x).powi(18) * (1.0 + 18.0 * x)));
            assert!(near(beta_cdf(x, 1.0, 1.0), x));
            assert!(near(beta_cdf(x, 3.5, 1.0), x.powf(3.5)));
            assert!(near(beta_cdf(x, 1.0, 0.25), 1.0 - (1.0 - x).powf(0.25)));
            // The arc sine law.
            assert!(near(beta_cdf(x, 0.5, 0.5), 2.0 / PI * x.sqrt().asin()));
        }
    }

    /// By how much the logarithm of the probability of `path` is below that of the best path, which is
    /// searched for over all pairs of states.
    fn short_of_the_best(
        path: &[Decision],
        bins: usize,
        width: usize,
        switch: f64,
        frames: &[(Vec<(usize, f64)>, f64)],
    ) -> f64 {
        let low =
            -((width / 2) as i64) + i64::from(width.is_multiple_of(2) && bins.is_multiple_of(2));
        let mut local = vec![vec![0.0; bins]; bins];
        for (k, row) in local.iter_mut().enumerate() {
            for m in 0..width {
                let to = k as i64 + low + m as i64;
                if let Some(p) = usize::try_from(to).ok().and_then(|to| row.get_mut(to)) {
                    let rank = (m + 1).min(width - m) as f64;
                    *p = 2.0 * rank - if width.is_multiple_of(2) { 1.0 } else { 0.0 };
                }
            }
            let sum: f64 = row.iter().sum();
            row.iter_mut().for_each(|p| *p /= sum);
        }
        let step = |from: usize, to: usize| {
            let same = (from < bins) == (to < bins);
            ln(local[from % bins][to % bins] * if same { 1.0 - switch } else { switch })
        };
        let observe = |(candidates, voiced): &(Vec<(usize, f64)>, f64)| -> Vec<f64> {
            let mut p = vec![0.0; bins];
            candidates.iter().for_each(|(bin, x)| p[*bin] = *x);
            p.resize(2 * bins, (1.0 - voiced) / bins as f64);
            p.into_iter().map(ln).collect()
        };
        let mut best = observe(&frames[0]);
        for frame in &frames[1..] {
            let way =
                |to| (0..2 * bins).map(|k| best[k] + step(k, to)).fold(f64::NEG_INFINITY, f64::max);
            best = observe(frame).iter().enumerate().map(|(to, seen)| seen + way(to)).collect();
        }
        let states: Vec<usize> =
            path.iter().map(|d| d.bin + if d.voiced { 0 } else { bins }).collect();
        let seen: f64 = states.iter().zip(frames).map(|(s, frame)| observe(frame)[*s]).sum();
        let steps: f64 = states.windows(2).map(|pair| step(pair[0], pair[1])).sum();
        best.into_iter().fold(f64::NEG_INFINITY, f64::max) - (seen + steps)
    }

    fn frames(bins: usize, n: usize, seed: u64) -> Vec<(Vec<(usize, f64)>, f64)> {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut draw = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 11) as f64 / (1u64 << 53) as f64
        };
        (0..n)
            .map(|t| {
                let mut candidates: Vec<(usize, f64)> = Vec::new();
                for bin in 0..bins {
                    if draw() < 0.1 {
                        candidates.push((bin, draw() * 0.3));
                    }
                }
                let sum: f64 = candidates.iter().map(|c| c.1).sum();
                // Certainly voiced frames leave no way through unvoiced states.
                let certain = t % 7 == 3 && sum > 0.0;
                if certain || sum > 1.0 {
                    candidates.iter_mut().for_each(|c| c.1 /= sum);
                }
                let voiced = if certain { 1.0 } else { sum.min(1.0) };
                (candidates, voiced)
            })
            .collect()
    }

    #[test]
    fn no_path_through_all_pairs_of_states_is_likelier() {
        for (bins, width) in [(40, 11), (41, 11), (23, 23), (40, 8), (33, 8), (17, 1), (70, 41)] {
            for switch in [0.01, 0.3, 0.0, 1.0] {
                let input = frames(bins, 90, (bins * width) as u64 + 1);
                let mut search = Viterbi::new(Arc::new(Trellis::new(bins, width, switch)));
                let mut out = Vec::new();
                for (candidates, voiced) in &input {
                    search.push(candidates, *voiced, &mut out);
                }
                search.finish(&mut out);
                assert_eq!(out.len(), input.len());
                let short = short_of_the_best(&out, bins, width, switch, &input);
                // Sums of some hundred logarithms, in another order.
                assert!(short.abs() < 1e-8, "{bins} {width} {switch}: {short}");
            }
        }
    }

    #[test]
    fn frames_are_decided_long_before_the_end_and_stay_so() {
        let input = frames(60, 5000, 5);
        let trellis = Arc::new(Trellis::new(60, 21, 0.01));
        let run = |n: usize| {
            let (mut search, mut out) = (Viterbi::new(trellis.clone()), Vec::new());
            let mut held = 0;
            for (i, (candidates, voiced)) in input[..n].iter().enumerate() {
                search.push(candidates, *voiced, &mut out);
                held = held.max(i + 1 - out.len());
            }
            let early = out.len();
            search.finish(&mut out);
            (out, early, held)
        };
        let (whole, _, held) = run(5000);
        assert!(held <= 4 * LOOK, "{held} frames were held back");
        let (part, early, _) = run(2500);
        assert!(early > 2000);
        assert_eq!(part[..early], whole[..early]);
    }

    #[test]
    fn a_trough_gets_the_probability_of_the_thresholds_above_it() {
        let priors = Priors { thresholds: 4, beta: [1.0, 1.0], boltzmann: 2.0, no_trough: 0.5 };
        let weights = Weights::new(&priors, 7);
        let mut troughs = Vec::new();
        let d = [1.0, 0.3, 0.8, 0.6, 0.9, 0.95, 1.0];
        weights.troughs(&d, &mut troughs);
        // 0.3 lies below 0.5, 0.75 and 1; 0.6 below 0.75 and 1. Two troughs share 1 : e^-2.
        let second = (-2.0f64).exp() / (1.0 + (-2.0f64).exp());
        let expected = [(1, 0.25 + 0.5 * (1.0 - second) + 0.5 * 0.25), (3, 0.5 * second)];
        assert_eq!(troughs.len(), 2);
        for (trough, (at, p)) in troughs.iter().zip(expected) {
            assert!(trough.at == at && (trough.probability - p).abs() < 1e-12, "{troughs:?}");
        }
        weights.troughs(&[1.0, 2.0, 3.0, 2.9, 3.1], &mut troughs);
        // Nothing lies below a threshold: half of the prior goes to the deepest trough.
        assert_eq!(troughs.iter().map(|t| (t.at, t.probability)).collect::<Vec<_>>(), [(0, 0.5)]);
    }
}
