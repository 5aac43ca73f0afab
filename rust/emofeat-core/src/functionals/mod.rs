//! Functionals: numbers that sum up a contour, whatever it is a contour of.
//!
//! A [`Contour`] holds the values and computes what functionals share (sums, sorted values, extrema)
//! once. [`CATALOGUE`] lists the functionals; [`Functionals`] applies a list of them to the columns of
//! a feature. Names are those of openSMILE. Where its numbers differ from the published definitions,
//! [`Settings::variant`] chooses.

mod bundle;
mod contour;
mod peaks;
mod prediction;
mod regression;
mod segments;

pub use bundle::{Bundle, WIDTH};
pub use contour::Contour;
pub use segments::Lengths;

use crate::descriptor::Variant;
use crate::dsp::lanes::Real;
use crate::error::{Code, Error, Result};
use crate::spec::did_you_mean;

/// What a functional's value is measured in, given the unit of the contour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// The contour's own.
    Own,
    /// The contour's own, per second.
    Rate,
    /// The contour's own, squared.
    Power,
    /// Seconds.
    Seconds,
    /// Per second.
    PerSecond,
    /// Per second squared.
    PerSecondSquared,
    /// None: a share, a ratio, a shape.
    None,
}

impl Unit {
    /// The unit of a value, from the unit of the contour.
    pub fn of(self, contour: &str) -> String {
        match self {
            Unit::Own => contour.to_owned(),
            Unit::Rate if contour.is_empty() => "1/s".to_owned(),
            Unit::Rate => format!("{contour}/s"),
            Unit::Power if contour.is_empty() => String::new(),
            Unit::Power => format!("{contour}²"),
            Unit::Seconds => "s".to_owned(),
            Unit::PerSecond => "1/s".to_owned(),
            Unit::PerSecondSquared => "1/s²".to_owned(),
            Unit::None => String::new(),
        }
    }
}

/// What functionals need to know beside the contour.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Seconds from one frame to the next.
    pub period: f64,
    /// Whether regression coefficients are per second or per frame.
    pub per_second: bool,
    /// Share of the range by which a peak must stand out.
    pub peak_threshold: f64,
    /// Whose definition holds.
    pub variant: Variant,
}

impl Default for Settings {
    fn default() -> Self {
        Self { period: 0.01, per_second: true, peak_threshold: 0.1, variant: Variant::OpenSmile }
    }
}

/// An entry of the catalogue.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// Name in lists and columns.
    pub name: &'static str,
    /// What it belongs to: means, extremes, moments ...
    pub family: &'static str,
    /// Unit of its values.
    pub unit: Unit,
    /// One sentence.
    pub doc: &'static str,
    /// The functional itself; the percentiles stand for those of any order.
    pub functional: Functional,
}

/// One line is one functional: the catalogue, the documentation and the values follow from it.
macro_rules! catalogue {
    (|$c:ident, $s:ident| $($family:literal: $($variant:ident $name:literal $unit:ident $doc:literal $value:expr;)+)+) => {
        /// A functional.
        #[derive(Debug, Clone, Copy, PartialEq)]
        pub enum Functional {
            $($(#[doc = $doc] $variant,)+)+
            /// The value below which this share (0 to 1) of the values lies.
            Percentile(f64),
            /// Distance between two percentiles.
            PercentileRange(f64, f64),
        }

        /// All functionals.
        pub const CATALOGUE: &[Entry] = &[
            $($(Entry {
                name: $name, family: $family, unit: Unit::$unit, doc: $doc,
                functional: Functional::$variant,
            },)+)+
            Entry {
                name: "percentileP", family: "percentiles", unit: Unit::Own,
                doc: "Value below which P % of the values lie, for any P from 0 to 100: percentile20.",
                functional: Functional::Percentile(0.5),
            },
            Entry {
                name: "pctlrangeP-Q", family: "percentiles", unit: Unit::Own,
                doc: "Distance from percentile P to percentile Q: pctlrange20-80.",
                functional: Functional::PercentileRange(0.2, 0.8),
            },
        ];

        impl Functional {
            fn compute<T: Real>(self, $c: &mut Contour<T>, $s: &Settings) -> f64 {
                match self {
                    $($(Functional::$variant => $value,)+)+
                    Functional::Percentile(p) => $c.percentile(p),
                    Functional::PercentileRange(p, q) => ($c.percentile(q) - $c.percentile(p)).abs(),
                }
            }
        }
    };
}

catalogue! { |c, s|
    "means":
    Amean "amean" Own "Arithmetic mean." c.mean();
    Flatness "flatness" None "Geometric over arithmetic mean of the magnitudes, the former without zeros; 1 for silence." {
        let size = c.sums().sizes / c.count();
        if size > 0.0 { c.log_mean().exp() / size } else { 1.0 }
    };
    Posamean "posamean" Own "Mean of the positive values; 0 without any." {
        let sums = c.sums();
        if sums.positives > 0.0 { sums.positive / sums.positives } else { 0.0 }
    };
    Rqmean "rqmean" Own "Root of the mean square." (c.sums().squares / c.count()).sqrt();
    Nnz "nnz" None "Share of the frames that are not 0, of all frames." c.nonzero_share();
    "extremes":
    Max "max" Own "Largest value." c.extremes().max;
    Min "min" Own "Smallest value." c.extremes().min;
    Range "range" Own "Largest minus smallest value." c.extremes().range();
    MaxPos "maxPos" None "Place of the first largest value, from 0 (start) to 1." c.extremes().max_at as f64 / c.count();
    MinPos "minPos" None "Place of the first smallest value, from 0 (start) to 1." c.extremes().min_at as f64 / c.count();
    "percentiles":
    Quartile1 "quartile1" Own "Percentile 25." c.percentile(0.25);
    Quartile2 "quartile2" Own "Median." c.percentile(0.5);
    Quartile3 "quartile3" Own "Percentile 75." c.percentile(0.75);
    Iqr12 "iqr1-2" Own "From percentile 25 to the median." c.percentile(0.5) - c.percentile(0.25);
    Iqr23 "iqr2-3" Own "From the median to percentile 75." c.percentile(0.75) - c.percentile(0.5);
    Iqr13 "iqr1-3" Own "From percentile 25 to percentile 75." c.percentile(0.75) - c.percentile(0.25);
    "moments":
    Stddev "stddev" Own "Standard deviation (population)." c.moments().second.sqrt();
    StddevNorm "stddevNorm" None "Standard deviation over the mean, with the mean's sign; divided by 1 if the mean is 0." {
        let (mean, stddev) = (c.mean(), c.moments().second.sqrt());
        if mean == 0.0 { stddev } else { stddev / mean }
    };
    Skewness "skewness" None "Third central moment over the third power of the standard deviation; 0 for a flat contour." {
        let m = c.moments();
        if m.second > 0.0 { m.third / (m.second * m.second.sqrt()) } else { 0.0 }
    };
    Kurtosis "kurtosis" None "Fourth central moment over the squared variance, 3 for a normal distribution; 0 for a flat contour." {
        let m = c.moments();
        if m.second > 0.0 { m.fourth / (m.second * m.second) } else { 0.0 }
    };
    "times":
    Upleveltime25 "upleveltime25" None "Share of the values above the minimum + 25 % of the range." c.times().above[0];
    Upleveltime50 "upleveltime50" None "Share of the values above the minimum + 50 % of the range." c.times().above[1];
    Upleveltime75 "upleveltime75" None "Share of the values above the minimum + 75 % of the range." c.times().above[2];
    Upleveltime90 "upleveltime90" None "Share of the values above the minimum + 90 % of the range." c.times().above[3];
    Risetime "risetime" None "Share of the steps between neighbours that go up." c.times().rising;
    Leftctime "leftctime" None "Share of the inner values around which the contour curves to the left." c.times().left_curved;
    "regression":
    Linregc1 "linregc1" PerSecond "Slope of the regression line, relative to the range." c.regression(s).line[0];
    Linregc2 "linregc2" None "Start of the regression line above the minimum, relative to the range." c.regression(s).line[1];
    LinregerrQ "linregerrQ" None "Mean squared distance from the regression line, relative to the range." c.regression(s).line_error;
    Qregc1 "qregc1" PerSecondSquared "Quadratic coefficient of the regression parabola, relative to the range." c.regression(s).parabola[0];
    Qregc2 "qregc2" PerSecond "Linear coefficient of the regression parabola, relative to the range." c.regression(s).parabola[1];
    Qregc3 "qregc3" None "Start of the regression parabola above the minimum, relative to the range." c.regression(s).parabola[2];
    QregerrQ "qregerrQ" None "Mean squared distance from the regression parabola, relative to the range." c.regression(s).parabola_error;
    Centroid "centroid" None "Centre of gravity of the magnitudes over time, from 0 (start) to 1." c.regression(s).centroid;
    "peaks":
    NumPeaks "numPeaks" None "Number of peaks that stand out by a tenth of the range." c.peaks(s).count;
    PeaksPerSec "peaksPerSec" PerSecond "Number of these peaks per second." c.peaks(s).count / (c.count() * s.period);
    MeanPeakDist "meanPeakDist" Seconds "Mean distance between neighbouring peaks; 0 for fewer than two." c.peaks(s).distance;
    PeakDistStddev "peakDistStddev" Seconds "Standard deviation of these distances." c.peaks(s).distance_stddev;
    PeakRangeAbs "peakRangeAbs" Own "Highest minus lowest peak." c.peaks(s).range;
    PeakRangeRel "peakRangeRel" None "Highest minus lowest peak, relative to the range." c.peaks(s).relative_range;
    PeakMeanAbs "peakMeanAbs" Own "Mean height of the peaks; 0 without any." c.peaks(s).mean;
    PeakMeanMeanDist "peakMeanMeanDist" Own "Mean height of the peaks above the mean." c.peaks(s).above_mean;
    PeakMeanRel "peakMeanRel" None "Mean height of the peaks over the mean, bent to stay within ±20; 20 if the mean is 0." c.peaks(s).relative_mean;
    MinRangeRel "minRangeRel" None "Highest minus lowest valley, relative to the range." c.peaks(s).valley_range;
    "slopes":
    MeanRisingSlope "meanRisingSlope" Rate "Mean slope from valleys to peaks." c.peaks(s).rising.mean;
    StddevRisingSlope "stddevRisingSlope" Rate "Standard deviation of these slopes." c.peaks(s).rising.stddev;
    MeanFallingSlope "meanFallingSlope" Rate "Mean slope from peaks to valleys, counted positive." c.peaks(s).falling.mean;
    StddevFallingSlope "stddevFallingSlope" Rate "Standard deviation of these slopes." c.peaks(s).falling.stddev;
    "segments":
    MeanSegLen "meanSegLen" Seconds "Mean length of segments between crossings of 25 % and 75 % of the range." c.crossings(s).mean;
    MaxSegLen "maxSegLen" Seconds "Greatest length of these segments." c.crossings(s).max;
    MinSegLen "minSegLen" Seconds "Smallest length of these segments." c.crossings(s).min;
    SegLenStddev "segLenStddev" Seconds "Standard deviation of their lengths." c.crossings(s).stddev;
    NonzeroSegPerSec "nonzeroSegPerSec" PerSecond "Segments of at least three frames that are not 0, bridging single zeros, per second." c.clusters(false, s).per_second;
    NonzeroMeanSegLen "nonzeroMeanSegLen" Seconds "Mean length of these segments." c.clusters(false, s).mean;
    NonzeroMaxSegLen "nonzeroMaxSegLen" Seconds "Greatest length of these segments." c.clusters(false, s).max;
    NonzeroMinSegLen "nonzeroMinSegLen" Seconds "Smallest length of these segments." c.clusters(false, s).min;
    NonzeroSegLenStddev "nonzeroSegLenStddev" Seconds "Standard deviation of their lengths." c.clusters(false, s).stddev;
    ZeroMeanSegLen "zeroMeanSegLen" Seconds "Mean length of segments of at least three frames that are 0, bridging single others." c.clusters(true, s).mean;
    ZeroSegLenStddev "zeroSegLenStddev" Seconds "Standard deviation of their lengths." c.clusters(true, s).stddev;
    "lpc":
    Lpgain "lpgain" Power "Energy of the error of linear prediction from five values, per value." c.prediction().gain;
    Lpc0 "lpc0" None "Coefficient a1 of the inverse filter 1 + Σ a z^-m." c.prediction().coefficients[0];
    Lpc1 "lpc1" None "Coefficient a2." c.prediction().coefficients[1];
    Lpc2 "lpc2" None "Coefficient a3." c.prediction().coefficients[2];
    Lpc3 "lpc3" None "Coefficient a4." c.prediction().coefficients[3];
    Lpc4 "lpc4" None "Coefficient a5." c.prediction().coefficients[4];
}

impl Functional {
    /// The functional of that name: one of the catalogue's, `percentileP` or `pctlrangeP-Q`.
    pub fn parse(name: &str) -> Result<Self> {
        let order = |text: &str| {
            let p = text.parse::<f64>().ok().filter(|p| (0.0..=100.0).contains(p));
            p.map(|p| p / 100.0).ok_or_else(|| {
                let message = format!("functional '{name}': allowed are orders from 0 to 100 %, as in percentile20 and pctlrange20-80");
                Error::new(Code::BadParameter, message)
            })
        };
        if let Some(entry) = fixed().find(|e| e.name == name) {
            return Ok(entry.functional);
        }
        let starts_with_digit = |text: &&str| text.starts_with(|c: char| c.is_ascii_digit());
        if let Some(p) = name.strip_prefix("percentile").filter(starts_with_digit) {
            return Ok(Functional::Percentile(order(p)?));
        }
        if let Some(range) = name.strip_prefix("pctlrange").filter(starts_with_digit) {
            let (p, q) = range.split_once('-').unwrap_or((range, ""));
            return Ok(Functional::PercentileRange(order(p)?, order(q)?));
        }
        let names: Vec<&str> = CATALOGUE.iter().map(|e| e.name).collect();
        let message = format!(
            "no functional '{name}'{}; there are {}",
            did_you_mean(name, &names),
            names.join(", ")
        );
        Err(Error::new(Code::UnknownName, message))
    }

    /// Unit of the values.
    pub fn unit(self) -> Unit {
        match self {
            Functional::Percentile(_) | Functional::PercentileRange(..) => Unit::Own,
            _ => fixed().find(|e| e.functional == self).map_or(Unit::None, |e| e.unit),
        }
    }

    /// The value for a contour; 0 if it has no values.
    pub fn value<T: Real>(self, contour: &mut Contour<T>, settings: &Settings) -> f64 {
        let about_zeros = matches!(self, Functional::ZeroMeanSegLen | Functional::ZeroSegLenStddev);
        if contour.values().is_empty() && !about_zeros {
            return 0.0;
        }
        self.compute(contour, settings)
    }
}

/// The entries with one name each.
fn fixed() -> impl Iterator<Item = &'static Entry> {
    CATALOGUE.iter().filter(|e| {
        !matches!(e.functional, Functional::Percentile(_) | Functional::PercentileRange(..))
    })
}

/// A list of functionals for every column of a feature.
#[derive(Debug, Clone, PartialEq)]
pub struct Functionals {
    names: Vec<String>,
    list: Vec<Functional>,
    nonzero: bool,
    settings: Settings,
}

impl Functionals {
    /// Functionals of a list that names none.
    pub const DEFAULT: &str = "amean+stddev+percentile20+percentile50+percentile80+min+max+range";

    /// The functionals `list`, names joined by `+`; with `nonzero`, frames that are 0 are left out first.
    pub fn parse(list: &str, nonzero: bool, settings: Settings) -> Result<Self> {
        let names: Vec<String> = list.split('+').map(|name| name.trim().to_owned()).collect();
        for (at, name) in names.iter().enumerate() {
            if names[..at].contains(name) {
                let message = format!("functionals '{list}': '{name}' is given twice");
                return Err(Error::new(Code::BadParameter, message));
            }
        }
        let list = names.iter().map(|name| Functional::parse(name)).collect::<Result<_>>()?;
        Ok(Self { names, list, nonzero, settings })
    }

    /// Takes `seconds` as the time between frames.
    pub fn set_period(&mut self, seconds: f64) {
        self.settings.period = seconds;
    }

    /// Names in order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Number of functionals.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none; a parsed list has at least one.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Names of the columns that come out, `<column>_<functional>`, all of the first column first.
    pub fn columns(&self, columns: &[String]) -> Vec<String> {
        let of = |column: &String| {
            let column = column.clone();
            self.names.iter().map(move |name| format!("{column}_{name}"))
        };
        columns.iter().flat_map(of).collect()
    }

    /// Units of the columns that come out of a column in `unit`.
    pub fn units(&self, unit: &str) -> Vec<String> {
        self.list.iter().map(|f| f.unit().of(unit)).collect()
    }

    /// Appends one row: the functionals of each column of the matrix `rows` (frames, `columns`).
    ///
    /// A column with a NaN gives NaN, one without values 0.
    pub fn apply<T: Real>(&self, rows: &[T], columns: usize, out: &mut Vec<T>) {
        let (mut values, mut contour) = (Vec::new(), Contour::default());
        for column in 0..columns {
            values.clear();
            values.extend(rows.iter().skip(column).step_by(columns).copied());
            if values.iter().any(|x| x.partial_cmp(x).is_none()) {
                out.extend(self.list.iter().map(|_| T::of(f64::NAN)));
                continue;
            }
            contour.load(&values, self.nonzero);
            out.extend(self.list.iter().map(|f| T::of(f.value(&mut contour, &self.settings))));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Functionals {
        let list: Vec<&str> = fixed().map(|e| e.name).collect();
        let list = format!("{}+percentile12.5+pctlrange10-90", list.join("+"));
        Functionals::parse(&list, false, Settings::default()).unwrap()
    }

    #[test]
    fn every_functional_of_every_awkward_contour_is_finite() {
        let contours: [&[f64]; 7] = [
            &[0.0],
            &[-3.0],
            &[1.0, 1.0],
            &[0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
            &[1e-300, 0.0, 1e-300, 0.0, 1e-300, 0.0],
            &[1e9, -1e9, 1e9, -1e9, 1e9, -1e9, 1e9],
            &[0.1, 0.1, 0.1 + 1e-17, 0.1, 0.1, 0.1 - 1e-17, 0.1],
        ];
        for nonzero in [false, true] {
            let all = Functionals { nonzero, ..all() };
            for contour in contours {
                let mut out = Vec::new();
                all.apply(contour, 1, &mut out);
                for (value, name) in out.iter().zip(all.names()) {
                    assert!(value.is_finite(), "{name} of {contour:?}: {value}");
                }
            }
        }
    }

    #[test]
    fn columns_do_not_know_of_each_other() {
        let all = all();
        let a: Vec<f32> = (0..50).map(|i| (0.3 * i as f32).sin()).collect();
        let b: Vec<f32> = (0..50).map(|i| (i * i % 17) as f32).collect();
        let (mut alone, mut together) = (Vec::new(), Vec::new());
        all.apply(&a, 1, &mut alone);
        all.apply(&b, 1, &mut alone);
        let rows: Vec<f32> = a.iter().zip(&b).flat_map(|(a, b)| [*a, *b]).collect();
        all.apply(&rows, 2, &mut together);
        assert_eq!(alone, together);
    }

    #[test]
    fn a_gain_changes_values_by_their_unit() {
        let all = all();
        // A power of two changes no rounding.
        let x: Vec<f64> = (0..90).map(|i| (0.17 * f64::from(i)).sin() + 0.3).collect();
        let louder: Vec<f64> = x.iter().map(|x| 4.0 * x).collect();
        let (mut a, mut b) = (Vec::new(), Vec::new());
        all.apply(&x, 1, &mut a);
        all.apply(&louder, 1, &mut b);
        for (i, f) in all.list.iter().enumerate() {
            let gain = match f.unit() {
                Unit::Own | Unit::Rate => 4.0,
                Unit::Power => 16.0,
                _ => 1.0,
            };
            // Logarithms and exponentials round; everything else is exact.
            assert!(
                (b[i] - gain * a[i]).abs() <= 1e-13 * b[i].abs(),
                "{} {} {}",
                all.names[i],
                a[i],
                b[i]
            );
        }
    }

    #[test]
    fn nan_stays_in_its_column() {
        let list = Functionals::parse("amean+max", false, Settings::default()).unwrap();
        let mut out = Vec::new();
        list.apply(&[1.0, f64::NAN, 3.0, 0.0], 2, &mut out);
        assert_eq!(out[..2], [2.0, 3.0]);
        assert!(out[2].is_nan() && out[3].is_nan());
    }

    #[test]
    fn a_contour_without_values_gives_zeros() {
        let list = Functionals::parse("amean+percentile20+nnz", true, Settings::default()).unwrap();
        let mut out = Vec::new();
        list.apply(&[0.0f32; 5], 1, &mut out);
        list.apply(&[0.0f32; 0], 1, &mut out);
        assert_eq!(out, [0.0; 6]);
    }

    #[test]
    fn names_are_parsed_and_wrong_ones_explained() {
        assert_eq!(Functional::parse("percentile12.5"), Ok(Functional::Percentile(0.125)));
        assert_eq!(Functional::parse("iqr1-3"), Ok(Functional::Iqr13));
        let unknown = Functional::parse("stdev").unwrap_err();
        assert_eq!(unknown.code, Code::UnknownName);
        assert!(unknown.message.contains("did you mean 'stddev'?"), "{unknown}");
        for wrong in ["percentile101", "pctlrange20", "pctlrange20-x"] {
            assert_eq!(Functional::parse(wrong).unwrap_err().code, Code::BadParameter, "{wrong}");
        }
        for wrong in ["", "percentile", "percentileP"] {
            assert_eq!(Functional::parse(wrong).unwrap_err().code, Code::UnknownName, "{wrong}");
        }
        let twice = Functionals::parse("amean+max+amean", false, Settings::default());
        assert_eq!(twice.unwrap_err().code, Code::BadParameter);
    }

    #[test]
    fn columns_are_named_by_column_then_functional() {
        let list = Functionals::parse("amean+meanRisingSlope", false, Settings::default()).unwrap();
        let columns = list.columns(&["a".to_owned(), "b[1]".to_owned()]);
        assert_eq!(columns, ["a_amean", "a_meanRisingSlope", "b[1]_amean", "b[1]_meanRisingSlope"]);
        assert_eq!(list.units("Hz"), ["Hz", "Hz/s"]);
        assert!(Functionals::parse(Functionals::DEFAULT, false, Settings::default()).is_ok());
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<&str> = CATALOGUE.iter().map(|e| e.name).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
