//! One channel of one frame: constant, verbatim, fixed or linear prediction, Rice residual.

use super::bits::{Bits, Stop};

type Read<T> = Result<T, Stop>;

/// The integers that samples are held in: `i32`, and `i64` for the 33 bits of a side channel.
pub(super) trait Sample: Copy {
    fn from_i64(value: i64) -> Self;
    fn to_i64(self) -> i64;
    fn from_residual(value: i32) -> Self;
    /// Adds the prediction from the `order` samples before each place; see [`restore`].
    fn restore(out: &mut [Self], coefficients: &[i32], shift: u32, depth: u32);
}

/// Decodes `out.len()` samples of `depth` bits.
pub(super) fn decode<S: Sample>(bits: &mut Bits<'_>, depth: u32, out: &mut [S]) -> Read<()> {
    let header = bits.unsigned(8)?;
    if header & 0x80 != 0 {
        return Err(Stop::Invalid("the padding bit of a subframe is set"));
    }
    let wasted = if header & 1 == 1 { bits.unary()? + 1 } else { 0 };
    if wasted >= depth {
        return Err(Stop::Invalid("more wasted bits than bits"));
    }
    let depth = depth - wasted;
    match header >> 1 {
        0 => out.fill(S::from_i64(bits.signed(depth)?)),
        1 => verbatim(bits, depth, out)?,
        kind @ 8..=12 => fixed(bits, depth, kind as usize - 8, out)?,
        kind @ 32..=63 => linear(bits, depth, kind as usize - 31, out)?,
        _ => return Err(Stop::Invalid("reserved kind of subframe")),
    }
    if wasted > 0 {
        out.iter_mut().for_each(|s| *s = S::from_i64(s.to_i64() << wasted));
    }
    Ok(())
}

fn verbatim<S: Sample>(bits: &mut Bits<'_>, depth: u32, out: &mut [S]) -> Read<()> {
    for slot in out {
        *slot = S::from_i64(bits.signed(depth)?);
    }
    Ok(())
}

/// Prediction by a polynomial of degree `order - 1`.
fn fixed<S: Sample>(bits: &mut Bits<'_>, depth: u32, order: usize, out: &mut [S]) -> Read<()> {
    const COEFFICIENTS: [&[i32]; 5] = [&[], &[1], &[2, -1], &[3, -3, 1], &[4, -6, 4, -1]];
    warm_up(bits, depth, order, out)?;
    residual(bits, order, out)?;
    S::restore(out, COEFFICIENTS[order], 0, depth);
    Ok(())
}

fn linear<S: Sample>(bits: &mut Bits<'_>, depth: u32, order: usize, out: &mut [S]) -> Read<()> {
    warm_up(bits, depth, order, out)?;
    let precision = bits.unsigned(4)? + 1;
    if precision == 16 {
        return Err(Stop::Invalid("reserved precision of coefficients"));
    }
    let shift = bits.signed(5)?;
    let shift = u32::try_from(shift).map_err(|_| Stop::Invalid("negative shift"))?;
    let mut coefficients = [0; 32];
    for slot in &mut coefficients[..order] {
        *slot = bits.signed(precision)? as i32;
    }
    residual(bits, order, out)?;
    S::restore(out, &coefficients[..order], shift, depth);
    Ok(())
}

fn warm_up<S: Sample>(bits: &mut Bits<'_>, depth: u32, order: usize, out: &mut [S]) -> Read<()> {
    let first = out.get_mut(..order).ok_or(Stop::Invalid("block shorter than its predictor"))?;
    verbatim(bits, depth, first)
}

/// The residual, in partitions with a Rice parameter each.
fn residual<S: Sample>(bits: &mut Bits<'_>, order: usize, out: &mut [S]) -> Read<()> {
    let parameter_bits = match bits.unsigned(2)? {
        0 => 4,
        1 => 5,
        _ => return Err(Stop::Invalid("reserved coding of the residual")),
    };
    let partitions = 1usize << bits.unsigned(4)?;
    let per_partition = out.len() / partitions;
    if per_partition * partitions != out.len() || per_partition < order {
        return Err(Stop::Invalid("block size and partitions do not fit"));
    }
    for p in 0..partitions {
        let start = if p == 0 { order } else { p * per_partition };
        let part = &mut out[start..(p + 1) * per_partition];
        let k = bits.unsigned(parameter_bits)?;
        if k == (1 << parameter_bits) - 1 {
            let width = bits.unsigned(5)?;
            match width {
                0 => part.fill(S::from_residual(0)),
                _ => verbatim(bits, width, part)?,
            }
        } else {
            bits.rice(k, part, S::from_residual)?;
        }
    }
    Ok(())
}

impl Sample for i32 {
    #[inline(always)]
    fn from_i64(value: i64) -> Self {
        value as i32
    }

    #[inline(always)]
    fn to_i64(self) -> i64 {
        i64::from(self)
    }

    #[inline(always)]
    fn from_residual(value: i32) -> Self {
        value
    }

    fn restore(out: &mut [Self], coefficients: &[i32], shift: u32, depth: u32) {
        // Valid samples stay below 2^(depth-1), so this bounds every partial sum. Invalid ones
        // wrap, and the CRC tells.
        let gain: i64 = coefficients.iter().map(|c| i64::from(c.abs())).sum();
        if gain << (depth - 1) <= i64::from(i32::MAX) {
            by_order(out, coefficients, shift, true);
        } else {
            by_order(out, coefficients, shift, false);
        }
    }
}

impl Sample for i64 {
    #[inline(always)]
    fn from_i64(value: i64) -> Self {
        value
    }

    #[inline(always)]
    fn to_i64(self) -> i64 {
        self
    }

    #[inline(always)]
    fn from_residual(value: i32) -> Self {
        i64::from(value)
    }

    fn restore(out: &mut [Self], coefficients: &[i32], shift: u32, _depth: u32) {
        restore(out, coefficients, shift);
    }
}

/// `out[i] += (sum of coefficients[j] * out[i - 1 - j]) >> shift`, with sums of 64 bits.
fn restore<S: Sample>(out: &mut [S], coefficients: &[i32], shift: u32) {
    let order = coefficients.len();
    for i in order..out.len() {
        let past = out[i - order..i].iter().rev();
        let sum = coefficients
            .iter()
            .zip(past)
            .fold(0i64, |a, (&c, s)| a.wrapping_add(i64::from(c).wrapping_mul(s.to_i64())));
        out[i] = S::from_i64(out[i].to_i64().wrapping_add(sum >> shift));
    }
}

/// Unrolled for the orders that encoders use; longer predictors take the plain loop.
fn by_order(out: &mut [i32], coefficients: &[i32], shift: u32, narrow: bool) {
    macro_rules! unrolled {
        ($($n:literal)*) => {
            match coefficients.len() {
                0 => {}
                $($n => if let Some(c) = coefficients.first_chunk::<$n>() {
                    if narrow { predict_32(out, c, shift) } else { predict_64(out, c, shift) }
                },)*
                _ => restore(out, coefficients, shift),
            }
        };
    }
    unrolled!(1 2 3 4 5 6 7 8 9 10 11 12);
}

/// Sums of 32 bits, oldest sample first: the newest is the one that is waited for.
fn predict_32<const N: usize>(out: &mut [i32], coefficients: &[i32; N], shift: u32) {
    let mut reversed = *coefficients;
    reversed.reverse();
    for i in N..out.len() {
        let (past, rest) = out.split_at_mut(i);
        let (Some(past), Some(slot)) = (past.last_chunk::<N>(), rest.first_mut()) else { return };
        let mut sum = 0i32;
        for j in 0..N {
            sum = sum.wrapping_add(reversed[j].wrapping_mul(past[j]));
        }
        *slot = slot.wrapping_add(sum >> shift);
    }
}

/// The same with sums of 64 bits.
fn predict_64<const N: usize>(out: &mut [i32], coefficients: &[i32; N], shift: u32) {
    let mut reversed = coefficients.map(i64::from);
    reversed.reverse();
    for i in N..out.len() {
        let (past, rest) = out.split_at_mut(i);
        let (Some(past), Some(slot)) = (past.last_chunk::<N>(), rest.first_mut()) else { return };
        let mut sum = 0i64;
        for j in 0..N {
            sum = sum.wrapping_add(reversed[j].wrapping_mul(i64::from(past[j])));
        }
        *slot = i64::from(*slot).wrapping_add(sum >> shift) as i32;
    }
}
