//! Cepstral peak prominence: how far the peak of the cepstrum at the period of the voice rises above
//! the trend of the cepstrum (Hillenbrand, Cleveland and Erickson 1994).

use super::boersma::{Shape, fast_length};
use super::fft::RealFft;
use super::lanes::{Real, kernel};
use super::log;
use crate::error::Result;
use std::f64::consts::TAU;
use std::ops::RangeInclusive;

/// Powers below this count as this, so that silence has a flat spectrum.
const SILENCE: f64 = 1e-20;

/// Powers of a cepstrum below this count as this: what rounding makes of a flat spectrum is no peak.
const FLAT: f64 = 1e-20;

/// Frames of one length to power cepstra.
pub struct Cepstrum {
    window: Vec<f64>,
    emphasis: f64,
    fft: RealFft<f64>,
    /// Of the logarithmic spectrum up to the highest frequency and its mirror image.
    inverse: RealFft<f64>,
    /// Quefrency of the second row in seconds; that of the first is 0.
    pub step: f64,
    /// Rows on either side that are averaged with each.
    reach: usize,
    /// Number of rows that are given.
    pub rows: usize,
}

/// What a [`Cepstrum`] works on.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Sampling rate in Hz.
    pub sr: f64,
    /// Samples of a frame.
    pub length: usize,
    /// Highest frequency of the spectrum in Hz.
    pub highest: f64,
    /// Frequency in Hz from which the spectrum is raised by 6 dB per octave.
    pub emphasis: f64,
    /// Quefrencies in seconds over which the cepstrum is averaged.
    pub average: f64,
    /// Longest quefrency in seconds that is needed.
    pub longest: f64,
}

impl Cepstrum {
    /// Plans it.
    pub fn new(plan: Plan) -> Result<Self> {
        let n = fast_length(plan.length);
        let wanted = ((plan.highest / plan.sr * n as f64) as usize).clamp(2, n / 2);
        // The highest number of bins up to the wanted one whose transform runs in rows.
        let bins = (2..=wanted).rev().find(|k| fast_length(2 * k) == 2 * k).unwrap_or(2);
        let step = n as f64 / plan.sr / (2 * bins) as f64;
        let span = (plan.length + 1) as f64;
        let at = |i: usize| Shape::Gauss.at((i as f64 - (plan.length as f64 - 1.0) / 2.0) / span);
        Ok(Self {
            window: (0..plan.length).map(at).collect(),
            emphasis: (-TAU * plan.emphasis / plan.sr).exp(),
            fft: RealFft::new(n)?,
            inverse: RealFft::new(2 * bins)?,
            step,
            reach: ((plan.average / step).round() as usize) / 2,
            rows: ((plan.longest / step) as usize + 2).min(bins + 1),
        })
    }

    /// The power cepstrum of `frame`, averaged over quefrency, in `rows` rows.
    pub fn cepstrum<T: Real, const L: usize>(&self, frame: &[[T; L]], out: &mut Vec<[f64; L]>) {
        let rows = |n: usize| vec![[0.0; L]; n];
        let mut samples = rows(self.fft.n());
        emphasise(frame, self.emphasis, &self.window, &mut samples);
        let mut power = rows(self.fft.bins());
        self.fft.power(&mut samples, &mut power);
        let n = self.inverse.n();
        let mut even = rows(n);
        logarithms(&power[..=n / 2], &mut even);
        let (mut re, mut im) = (rows(n / 2 + 1), rows(n / 2 + 1));
        self.inverse.spectrum(&mut even, &mut re, &mut im);
        squares(1.0 / n as f64, &mut re);
        out.resize(self.rows, [0.0; L]);
        averages(&re, self.reach, out);
    }
}

kernel! {
    /// `(e[i] - mean e) w[i]` with `e[i] = x[i] - c x[i-1]`, then zeros; the first sample has none before
    /// it. An offset would make one bin of the logarithmic spectrum stand out, and with it every
    /// quefrency.
    fn emphasise / emphasise_with<T: Real; L>(
        frame: &[[T; L]], c: f64, window: &[f64], out: &mut [[f64; L]],
    ) {
        let (mut previous, mut mean) = ([0.0; L], [0.0; L]);
        for (row, out) in frame.iter().zip(out.iter_mut()) {
            for l in 0..L {
                let x = row[l].f64();
                out[l] = x - c * previous[l];
                mean[l] += out[l];
                previous[l] = x;
            }
        }
        for l in 0..L {
            mean[l] /= frame.len() as f64;
        }
        for (out, w) in out.iter_mut().zip(window) {
            for l in 0..L {
                out[l] = (out[l] - mean[l]) * w;
            }
        }
    }
}

kernel! {
    /// Logarithms of the bins, followed by their mirror image.
    fn logarithms / logarithms_with<; L>(bins: &[[f64; L]], out: &mut [[f64; L]]) {
        let n = out.len();
        for (k, bin) in bins.iter().enumerate() {
            for l in 0..L {
                out[k][l] = log::ln(Real::max(bin[l], SILENCE));
            }
        }
        for k in bins.len()..n {
            out[k] = out[n - k];
        }
    }
}

kernel! {
    fn squares / squares_with<; L>(scale: f64, rows: &mut [[f64; L]]) {
        for row in rows {
            for l in 0..L {
                let x = row[l] * scale;
                row[l] = x * x;
            }
        }
    }
}

kernel! {
    /// Mean of each row and those within `reach` of it that exist.
    fn averages / averages_with<; L>(rows: &[[f64; L]], reach: usize, out: &mut [[f64; L]]) {
        for (k, out) in out.iter_mut().enumerate() {
            let near = &rows[k.saturating_sub(reach)..rows.len().min(k + reach + 1)];
            let mut sum = [0.0; L];
            for row in near {
                for l in 0..L {
                    sum[l] += row[l];
                }
            }
            for l in 0..L {
                out[l] = sum[l] / near.len() as f64;
            }
        }
    }
}

/// The line that is the cepstrum's trend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trend {
    /// Straight over quefrency.
    Straight,
    /// Straight over the logarithm of quefrency.
    Exponential,
}

/// The peak of a power cepstrum above its trend.
#[derive(Debug, Clone)]
pub struct Peak {
    /// Where each row lies on the axis of the trend; row 0 on none.
    axis: Vec<f64>,
    trend: RangeInclusive<usize>,
    peak: RangeInclusive<usize>,
}

impl Peak {
    /// For cepstra of `rows` rows at `step` seconds: the peak between the quefrencies `peak`, the trend
    /// fitted between the quefrencies `trend`.
    pub fn new(rows: usize, step: f64, line: Trend, peak: (f64, f64), trend: (f64, f64)) -> Self {
        let on_axis = |q: f64| if line == Trend::Straight { q } else { log::ln(q.max(1e-9)) };
        let within = |(low, high): (f64, f64)| {
            let first = ((low / step - 1e-9).ceil() as usize).max(1);
            first..=((high / step + 1e-9) as usize).min(rows.saturating_sub(1))
        };
        let axis = (0..rows).map(|k| on_axis(k as f64 * step)).collect();
        Self { axis, trend: within(trend), peak: within(peak) }
    }

    /// Whether both ranges hold what they need: a peak one row, a trend two.
    pub fn possible(&self) -> bool {
        !self.peak.is_empty() && self.trend.end() > self.trend.start()
    }

    /// Level of the peak above the trend in dB; `power` is turned into levels.
    pub fn prominence(&self, power: &mut [f64]) -> f64 {
        for x in power.iter_mut() {
            *x = log::db(Real::max(*x, FLAT));
        }
        let (slope, offset) = self.fit(power);
        let mut best = *self.peak.start();
        for k in self.peak.clone() {
            if power[k] > power[best] {
                best = k;
            }
        }
        let (mut height, mut at) = (power[best], self.axis[best]);
        if best > 1 && best + 1 < power.len() {
            let (a, b, c) = (power[best - 1], power[best], power[best + 1]);
            let bend = a - 2.0 * b + c;
            if bend < 0.0 && a <= b && c <= b {
                let part = 0.5 * (a - c) / bend;
                height = b - 0.25 * (a - c) * part;
                let (low, high) = (self.axis[best - 1], self.axis[best + 1]);
                at += part * 0.5 * (high - low);
            }
        }
        height - (slope * at + offset)
    }

    /// Slope and offset of the line nearest to the levels in the sense of least squares.
    fn fit(&self, levels: &[f64]) -> (f64, f64) {
        let count = (self.trend.end() - self.trend.start() + 1) as f64;
        let (mut x, mut y) = (0.0, 0.0);
        for k in self.trend.clone() {
            x += self.axis[k];
            y += levels[k];
        }
        let (x, y) = (x / count, y / count);
        let (mut xx, mut xy) = (0.0, 0.0);
        for k in self.trend.clone() {
            let d = self.axis[k] - x;
            xx += d * d;
            xy += d * (levels[k] - y);
        }
        (xy / xx, y - xy / xx * x)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peak_on_a_line_is_as_high_as_it_was_made() {
        for line in [Trend::Straight, Trend::Exponential] {
            let peak = Peak::new(200, 1e-4, line, (1.0 / 330.0, 1.0 / 60.0), (1e-3, 0.0199));
            assert!(peak.possible());
            let mut power: Vec<f64> =
                (0..200).map(|k| 10f64.powf(-2.0 - 0.01 * f64::from(k))).collect();
            let flat = peak.prominence(&mut power.clone());
            power[80] *= 100.0;
            let risen = peak.prominence(&mut power);
            if line == Trend::Straight {
                // 0.1 dB per row falls with the line; the first row of the range lies on it.
                assert!(flat.abs() < 1e-9, "{flat}");
                assert!((risen - 20.0).abs() < 0.3, "{risen}");
            }
            assert!(risen > flat + 15.0);
        }
        assert!(!Peak::new(200, 1e-4, Trend::Straight, (0.03, 0.04), (1e-3, 0.01)).possible());
    }

    #[test]
    fn a_pulse_train_has_its_peak_at_its_period() {
        let plan = Plan {
            sr: 16_000.0,
            length: 1600,
            highest: 5000.0,
            emphasis: 50.0,
            average: 0.0,
            longest: 0.05,
        };
        let cepstrum = Cepstrum::new(plan).unwrap();
        let frame: Vec<[f64; 2]> =
            (0..1600).map(|i| [f64::from(u8::from(i % 128 == 5)), 0.0]).collect();
        let mut out = Vec::new();
        cepstrum.cepstrum(&frame, &mut out);
        let best = (30..150).max_by(|a, b| out[*a][0].total_cmp(&out[*b][0])).unwrap();
        assert!((best as f64 * cepstrum.step - 128.0 / 16_000.0).abs() < 1e-4);
        assert!(out[1..].iter().all(|row| row[1] < 1e-20), "silence has a flat spectrum");
    }
}
