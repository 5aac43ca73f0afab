//! Operations on the rows of any feature.

use super::shared::variant;
use super::{Entry, Make};
use crate::descriptor::{AnyOp, Op, OpRun, Scope};
use crate::dsp::lanes::{Real, kernel};
use crate::dsp::savgol;
use crate::error::{Code, Error, Result};
use crate::functionals::{Functionals, Settings};
use crate::spec::{Args, Default, Kind, Param};

/// Derivative along time.
pub const DELTA: Entry = Entry {
    name: "delta",
    summary: "Derivative along time, per frame.",
    doc: "Savitzky-Golay: the `order`-th derivative of the polynomial of degree `order` that fits the `width` frames around a\n\
          frame best. Order 1 and width 9: `Σ k x[t+k] / 60` over k = -4 .. 4. At the ends, `interp` takes the fit of the first\n\
          and last `width` frames, and fewer frames are an error; `nearest` repeats the first and last frame.\n\
          Streams with a delay of half a width. Convention: `librosa.feature.delta`. Source: Savitzky and Golay (1964).",
    convention: "librosa",
    params: &[&[
        Param {
            name: "width",
            kind: Kind::Int(3, 9999),
            default: Default::Int(9),
            unit: "frames",
            doc: "Number of frames that a value is computed from, odd.",
        },
        Param {
            name: "order",
            kind: Kind::Int(1, 20),
            default: Default::Int(1),
            unit: "",
            doc: "Order of the derivative, below `width`.",
        },
        Param {
            name: "mode",
            kind: Kind::Choice(&["interp", "nearest"]),
            default: Default::Str("interp"),
            unit: "",
            doc: "What is done at the ends.",
        },
    ]],
    unit: "",
    make: Make::Transform(|args| {
        let (width, order) = (args.int("width"), args.int("order"));
        if width % 2 == 0 {
            return Err(args.error(format_args!("width = {width}; allowed are odd numbers from 3")));
        }
        if order >= width {
            return Err(args.error(format_args!(
                "order = {order} and width = {width}; allowed is order < width"
            )));
        }
        let interpolate = args.str("mode") == "interp";
        Ok(Box::new(Delta { weights: savgol::weights(width, order), interpolate }))
    }),
};

struct Delta {
    weights: Vec<f64>,
    interpolate: bool,
}

impl<T: Real> Op<T> for Delta {
    fn width(&self, columns: usize) -> usize {
        columns
    }
    fn scope(&self) -> Scope {
        Scope::Local
    }
    fn min_rows(&self) -> usize {
        if self.interpolate { self.weights.len() } else { 0 }
    }
    fn begin(&self, columns: usize) -> Box<dyn OpRun<T>> {
        Box::new(DeltaRun {
            columns,
            weights: self.weights.clone(),
            interpolate: self.interpolate,
            kept: Vec::new(),
            start: 0,
            count: 0,
            done: 0,
        })
    }
}

struct DeltaRun<T> {
    columns: usize,
    weights: Vec<f64>,
    interpolate: bool,
    /// Rows `start .. count`.
    kept: Vec<T>,
    start: usize,
    count: usize,
    /// Rows that have gone out.
    done: usize,
}

impl<T: Real> DeltaRun<T> {
    /// Appends row `done`, from the rows around `centre`; those outside `0 ..= last` are taken at the
    /// nearer end.
    fn emit(&mut self, centre: usize, last: usize, out: &mut Vec<T>) {
        let (width, at) = (self.weights.len(), out.len());
        let row = |j: usize| (centre + j).saturating_sub(width / 2).min(last) - self.start;
        let places: Vec<usize> = (0..width).map(|j| row(j) * self.columns).collect();
        out.resize(at + self.columns, T::ZERO);
        combine::<T, 1>(&self.kept, &places, &self.weights, &mut out[at..]);
        self.done += 1;
    }
}

impl<T: Real> OpRun<T> for DeltaRun<T> {
    fn push(&mut self, rows: &[T], out: &mut Vec<T>) {
        let half = self.weights.len() / 2;
        self.kept.extend_from_slice(rows);
        self.count += rows.len() / self.columns.max(1);
        loop {
            let centre = if self.interpolate { self.done.max(half) } else { self.done };
            if centre + half >= self.count {
                break;
            }
            self.emit(centre, self.count - 1, out);
        }
        // The end may fall back on the last `width` rows.
        let first = self.done.saturating_sub(half + 1);
        self.kept.drain(..(first - self.start) * self.columns);
        self.start = first;
    }

    fn finish(&mut self, out: &mut Vec<T>) {
        let (width, half) = (self.weights.len(), self.weights.len() / 2);
        if self.interpolate && self.count < width {
            // The plan has refused the recording.
            return;
        }
        while self.done < self.count {
            let centre = if self.interpolate { self.count - 1 - half } else { self.done };
            self.emit(centre, self.count - 1, out);
        }
    }
}

kernel! {
    /// Weighted sum of the rows that begin at `places`, summed in double precision.
    fn combine / combine_with<T: Real; ONE>(
        rows: &[T], places: &[usize], weights: &[f64], out: &mut [T],
    ) {
        const TILE: usize = 16;
        for (tile, out) in out.chunks_mut(TILE).enumerate() {
            let mut sums = [0.0; TILE];
            for (place, w) in places.iter().zip(weights) {
                let row = &rows[place + tile * TILE..][..out.len()];
                for (sum, x) in sums.iter_mut().zip(row) {
                    *sum += x.f64() * w;
                }
            }
            for (out, sum) in out.iter_mut().zip(sums) {
                *out = T::of(sum);
            }
        }
    }
}

/// Cepstral mean and variance normalisation.
pub const CMVN: Entry = Entry {
    name: "cmvn",
    summary: "Columns shifted to mean 0 and scaled to standard deviation 1.",
    doc: "`(x - mean) / std` per column over all frames of the recording, `std` the population standard deviation, both in\n\
          double precision. A column whose standard deviation is at most 1e-10 of its largest magnitude is constant, and\n\
          becomes 0. With `mean` or `std` given (one value per column, from a training corpus for example) these take the place\n\
          of the recording's own, what is not given is not applied, and the feature can stream.\n\
          Source: Viikki and Laurila (1998).",
    convention: "native",
    params: &[&[
        Param {
            name: "norm_means",
            kind: Kind::Bool,
            default: Default::Bool(true),
            unit: "",
            doc: "Whether the mean is subtracted.",
        },
        Param {
            name: "norm_vars",
            kind: Kind::Bool,
            default: Default::Bool(true),
            unit: "",
            doc: "Whether the result is divided by the standard deviation.",
        },
        Param {
            name: "mean",
            kind: Kind::OptFloats,
            default: Default::None,
            unit: "",
            doc: "Values to subtract in place of the recording's own means.",
        },
        Param {
            name: "std",
            kind: Kind::OptFloats,
            default: Default::None,
            unit: "",
            doc: "Values above 0 to divide by in place of the recording's own standard deviations.",
        },
    ]],
    unit: "",
    make: Make::Transform(|args| {
        let (mean, std) = (given(args, "mean", "norm_means")?, given(args, "std", "norm_vars")?);
        if let Some(at) = std.iter().flatten().position(|s| *s <= 0.0) {
            return Err(args.error(format_args!(
                "std of column {at} is not above 0; allowed are values above 0"
            )));
        }
        let own = mean.is_none() && std.is_none();
        let (means, vars) = (args.bool("norm_means"), args.bool("norm_vars"));
        Ok(Box::new(Cmvn { own: own.then_some((means, vars)), mean, std }) as Box<dyn AnyOp>)
    }),
};

/// A list of statistics, all finite, which `switch` must not forbid.
fn given(args: &Args, name: &str, switch: &str) -> Result<Option<Vec<f64>>> {
    let Some(values) = args.floats(name) else { return Ok(None) };
    if !args.bool(switch) {
        return Err(args
            .error(format_args!("{name} is given and {switch} is false; allowed is one of them")));
    }
    match values.iter().position(|x| !x.is_finite()) {
        Some(at) => Err(args.error(format_args!("{name} of column {at} is NaN or infinite"))),
        None => Ok(Some(values.to_vec())),
    }
}

struct Cmvn {
    /// Whether the recording's own means and deviations are used; `None` if some are given.
    own: Option<(bool, bool)>,
    mean: Option<Vec<f64>>,
    std: Option<Vec<f64>>,
}

impl<T: Real> Op<T> for Cmvn {
    fn width(&self, columns: usize) -> usize {
        columns
    }
    fn scope(&self) -> Scope {
        if self.own.is_some() { Scope::Global } else { Scope::Local }
    }
    fn check(&self, columns: usize) -> Result<()> {
        for (name, values) in [("mean", &self.mean), ("std", &self.std)] {
            if let Some(values) = values
                && values.len() != columns
            {
                let message = format!(
                    "cmvn: {name} has {} values and the feature {columns} columns; allowed is one value per column",
                    values.len()
                );
                return Err(Error::new(Code::BadParameter, message));
            }
        }
        Ok(())
    }
    fn begin(&self, columns: usize) -> Box<dyn OpRun<T>> {
        let scale = |std: &Vec<f64>| std.iter().map(|s| 1.0 / s).collect();
        Box::new(CmvnRun {
            own: self.own,
            count: 0.0,
            mean: vec![0.0; columns],
            squares: vec![0.0; columns],
            largest: vec![0.0; columns],
            shift: self.mean.clone().unwrap_or(vec![0.0; columns]),
            scale: self.std.as_ref().map_or(vec![1.0; columns], scale),
        })
    }
}

struct CmvnRun {
    own: Option<(bool, bool)>,
    count: f64,
    /// Mean, sum of squared distances from it and largest magnitude of the rows so far.
    mean: Vec<f64>,
    squares: Vec<f64>,
    largest: Vec<f64>,
    /// What is subtracted and multiplied.
    shift: Vec<f64>,
    scale: Vec<f64>,
}

impl<T: Real> OpRun<T> for CmvnRun {
    fn survey(&mut self, rows: &[T]) {
        if self.own.is_none() {
            return;
        }
        for row in rows.chunks_exact(self.mean.len().max(1)) {
            self.count += 1.0;
            let (share, moments) = (1.0 / self.count, (&mut *self.mean, &mut *self.squares));
            accumulate::<T, 1>(row, share, moments.0, moments.1, &mut self.largest);
        }
    }

    fn settle(&mut self) {
        let Some((means, vars)) = self.own else { return };
        for i in 0..self.mean.len() {
            let std = (self.squares[i] / f64::max(self.count, 1.0)).sqrt();
            let constant = std <= 1e-10 * self.largest[i];
            self.shift[i] = if means { self.mean[i] } else { 0.0 };
            self.scale[i] = match (constant, means, vars) {
                // What is left of a constant is rounding.
                (true, true, _) => 0.0,
                (false, _, true) => 1.0 / std,
                _ => 1.0,
            };
        }
    }

    fn push(&mut self, rows: &[T], out: &mut Vec<T>) {
        let at = out.len();
        out.extend_from_slice(rows);
        for row in out[at..].chunks_exact_mut(self.mean.len().max(1)) {
            rescale::<T, 1>(&self.shift, &self.scale, row);
        }
    }
}

kernel! {
    /// One step of the running mean and sum of squared distances (Welford 1962), which loses no
    /// digits where the mean is large beside the deviation.
    fn accumulate / accumulate_with<T: Real; ONE>(
        row: &[T], share: f64, mean: &mut [f64], squares: &mut [f64], largest: &mut [f64],
    ) {
        for (((x, mean), squares), largest) in row.iter().zip(mean).zip(squares).zip(largest) {
            let x = x.f64();
            let distance = x - *mean;
            *mean += distance * share;
            *squares += distance * (x - *mean);
            *largest = if x.abs() > *largest { x.abs() } else { *largest };
        }
    }
}

kernel! {
    fn rescale / rescale_with<T: Real; ONE>(shift: &[f64], scale: &[f64], row: &mut [T]) {
        for ((x, shift), scale) in row.iter_mut().zip(shift).zip(scale) {
            *x = T::of((x.f64() - shift) * scale);
        }
    }
}

/// A recording's contours summed up.
pub const FUNCTIONALS: Entry = Entry {
    name: "functionals",
    summary: "Numbers that sum up each column over the recording: means, percentiles, moments, peaks, regression and more.",
    doc: "One row for a recording: for each column in turn, each of `names`. Names are openSMILE's; docs/functionals.md\n\
          lists them. `percentileP` and `pctlrangeP-Q` take any orders from 0 to 100. A column with a NaN gives NaN, one\n\
          without values 0. Holds all rows until the recording ends. Convention: openSMILE's ComParE_2016 and eGeMAPSv02.",
    convention: "openSMILE",
    params: &[&[
        Param {
            name: "names",
            kind: Kind::OptNames,
            default: Default::None,
            unit: "",
            doc: "The functionals; none: amean, stddev, percentile20, percentile50, percentile80, min, max, range.",
        },
        Param {
            name: "nonzero",
            kind: Kind::Bool,
            default: Default::Bool(false),
            unit: "",
            doc: "Whether frames that are exactly 0 (unvoiced, in a contour of the pitch) are left out first.",
        },
        Param {
            name: "period",
            kind: Kind::OptFloat(1e-6, 1e6),
            default: Default::None,
            unit: "s",
            doc: "Time between frames; none: the feature's own (0.01 for rows that come without one).",
        },
        Param {
            name: "variant",
            kind: Kind::Choice(&["opensmile", "paper"]),
            default: Default::Str("opensmile"),
            unit: "",
            doc: "openSMILE's numbers, or the plain definitions where the two differ (docs/opensmile.md).",
        },
    ]],
    unit: "mixed",
    make: Make::Transform(|args| {
        let names = match args.names("names") {
            Some(names) => names.join("+"),
            None => Functionals::DEFAULT.to_owned(),
        };
        let period = args.opt_float("period");
        let usual = Settings::default();
        let settings =
            Settings { period: period.unwrap_or(usual.period), variant: variant(args), ..usual };
        let functionals = Functionals::parse(&names, args.bool("nonzero"), settings)?;
        Ok(Box::new(Summary { functionals, own_period: period.is_some() }))
    }),
};

/// Functionals of all columns, as an operation.
struct Summary {
    functionals: Functionals,
    own_period: bool,
}

impl<T: Real> Op<T> for Summary {
    fn width(&self, columns: usize) -> usize {
        columns * self.functionals.len()
    }
    fn scope(&self) -> Scope {
        Scope::Scan
    }
    fn min_rows(&self) -> usize {
        1
    }
    fn pace(&mut self, seconds: f64) {
        if !self.own_period {
            self.functionals.set_period(seconds);
        }
    }
    fn collapses(&self) -> bool {
        true
    }
    fn names(&self, columns: &[String]) -> Option<Vec<String>> {
        Some(self.functionals.columns(columns))
    }
    fn begin(&self, columns: usize) -> Box<dyn OpRun<T>> {
        Box::new(SummaryRun { functionals: self.functionals.clone(), columns, rows: Vec::new() })
    }
}

struct SummaryRun<T> {
    functionals: Functionals,
    columns: usize,
    rows: Vec<T>,
}

impl<T: Real> OpRun<T> for SummaryRun<T> {
    fn push(&mut self, rows: &[T], _out: &mut Vec<T>) {
        self.rows.extend_from_slice(rows);
    }

    fn finish(&mut self, out: &mut Vec<T>) {
        self.functionals.apply(&self.rows, self.columns, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Spec;

    fn op(text: &str) -> Result<Box<dyn AnyOp>> {
        let spec = Spec::parse(text)?;
        let entry = super::super::find(&spec.name)?;
        let args = Args::new(entry.name, entry.params, &spec.given)?;
        match entry.make {
            Make::Transform(make) => make(&args),
            Make::Feature(_) | Make::Set(_) => unreachable!("{text} is a transform"),
        }
    }

    /// All rows through one run, `step` rows at a time.
    fn run(op: &dyn Op<f64>, rows: &[f64], columns: usize, step: usize) -> Vec<f64> {
        let (mut run, mut out) = (op.begin(columns), Vec::new());
        rows.chunks(step * columns).for_each(|rows| run.survey(rows));
        run.settle();
        rows.chunks(step * columns).for_each(|rows| run.push(rows, &mut out));
        run.finish(&mut out);
        out
    }

    fn ramp(n: usize) -> Vec<f64> {
        (0..n).flat_map(|t| [t as f64, (t * t) as f64, 7.0]).collect()
    }

    #[test]
    fn deltas_of_polynomials_are_their_derivatives_up_to_the_ends() {
        for n in [9, 10, 17, 40] {
            let first = run(op("delta").unwrap().as_ref(), &ramp(n), 3, n);
            let second = run(op("delta(order=2)").unwrap().as_ref(), &ramp(n), 3, n);
            for t in 0..n {
                assert!((first[3 * t] - 1.0).abs() < 1e-12 && first[3 * t + 2].abs() < 1e-12);
                // The slope of a parabola, that of its middle at the ends.
                let slope = 2.0 * t.clamp(4, n - 5) as f64;
                assert!((first[3 * t + 1] - slope).abs() < 1e-10);
                assert!((second[3 * t + 1] - 2.0).abs() < 1e-10 && second[3 * t].abs() < 1e-10);
            }
        }
    }

    #[test]
    fn nearest_repeats_the_ends() {
        let x = [5.0, 1.0, 4.0, 2.0];
        let padded: Vec<f64> = [5.0, 5.0, 5.0, 5.0].into_iter().chain(x).chain([2.0; 4]).collect();
        let inner = run(op("delta(mode=interp)").unwrap().as_ref(), &padded, 1, 3);
        assert_eq!(run(op("delta(mode=nearest)").unwrap().as_ref(), &x, 1, 1), inner[4..8]);
        assert!(run(op("delta(mode=nearest)").unwrap().as_ref(), &[], 1, 1).is_empty());
    }

    #[test]
    fn pieces_give_the_same_bits_and_the_first_rows_come_with_the_width() {
        let x: Vec<f64> = (0..200).map(|i| f64::from(i * i % 83)).collect();
        for text in ["delta", "delta(mode=nearest, width=5)", "cmvn", "delta(order=3, width=11)"] {
            let op = op(text).unwrap();
            let whole = run(op.as_ref(), &x, 4, 50);
            for step in [1, 2, 7, 13] {
                assert_eq!(run(op.as_ref(), &x, 4, step), whole, "{text} {step}");
            }
        }
        let (op, mut out) = (op("delta").unwrap(), Vec::new());
        let op: &dyn Op<f64> = op.as_ref();
        let mut run = op.begin(4);
        run.push(&x[..8 * 4], &mut out);
        assert!(out.is_empty());
        run.push(&x[8 * 4..9 * 4], &mut out);
        assert_eq!(out.len(), 5 * 4);
    }

    #[test]
    fn normalised_columns_have_mean_zero_and_deviation_one() {
        // A mean that is large beside the deviation, a constant that is no binary fraction.
        let x: Vec<f64> =
            (0..300).flat_map(|i| [1e6 + f64::from(i * 7 % 13), 0.1 + 0.2, 0.0]).collect();
        let y = run(op("cmvn").unwrap().as_ref(), &x, 3, 11);
        let column = |c: usize| y.iter().skip(c).step_by(3);
        assert!((column(0).sum::<f64>() / 300.0).abs() < 1e-9);
        assert!((column(0).map(|x| x * x).sum::<f64>() / 300.0 - 1.0).abs() < 1e-9);
        assert!(column(1).chain(column(2)).all(|x| *x == 0.0));
        let centred = run(op("cmvn(norm_vars=false)").unwrap().as_ref(), &x, 3, 300);
        assert!((centred[3] - centred[0] - 7.0).abs() < 1e-9);
        let scaled = run(op("cmvn(norm_means=false)").unwrap().as_ref(), &x, 3, 300);
        assert!((scaled[3] - scaled[0] - (y[3] - y[0])).abs() < 1e-6 && scaled[1] == 0.1 + 0.2);
    }

    #[test]
    fn given_statistics_are_local_and_checked() {
        let given = op("cmvn(mean=[1, 2], std=[2, 0.5])").unwrap();
        let face: &dyn Op<f64> = given.as_ref();
        assert_eq!(face.scope(), Scope::Local);
        assert_eq!(run(face, &[3.0, 2.0, 1.0, 4.0], 2, 1), [1.0, 0.0, 0.0, 4.0]);
        assert_eq!(face.check(3).unwrap_err().code, Code::BadParameter);
        assert!(face.check(2).is_ok());
        for wrong in [
            "cmvn(std=[1, 0])",
            "cmvn(mean=[1], norm_means=false)",
            "delta(width=4)",
            "delta(order=3, width=3)",
        ] {
            assert_eq!(op(wrong).err().map(|e| e.code), Some(Code::BadParameter), "{wrong}");
        }
    }
}
