//! Exponentials of whole rows.
//!
//! `exp x = 2^k exp r` with `k` the integer nearest to `x / ln 2` and `|r| <= ln 2 / 2`, `exp r` by its
//! power series. The library's `exp` is exact to the last bit but goes lane by lane; this one is
//! within 2 ulp and has the same bits on every machine.

/// Terms of the series after 1: the first one left out is below 5e-18.
const TERMS: usize = 13;

/// 1.5 · 2^52: a small number added to it is rounded to an integer, which stands in the low bits.
const ROUND: f64 = 6_755_399_441_055_744.0;

/// `1/k!`.
const FACTORS: [f64; TERMS + 1] = {
    let mut factors = [1.0; TERMS + 1];
    let (mut k, mut factorial) = (1, 1.0);
    while k <= TERMS {
        factorial *= k as f64;
        factors[k] = 1.0 / factorial;
        k += 1;
    }
    factors
};

/// Exponential of a number between -700 and 700.
#[inline(always)]
pub fn exp(x: f64) -> f64 {
    let shifted = x * std::f64::consts::LOG2_E + ROUND;
    let k = shifted - ROUND;
    // ln 2 in two parts, the first of few enough bits that its product with k is exact.
    let r = (x - k * 6.931_471_803_691_238e-1) - k * 1.908_214_929_270_587_7e-10;
    let mut series = FACTORS[TERMS];
    for factor in FACTORS[..TERMS].iter().rev() {
        series = series * r + factor;
    }
    series * f64::from_bits(shifted.to_bits().wrapping_add(1023) << 52)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_within_two_ulp_of_the_library() {
        let mut worst = 0.0f64;
        for i in -700_000..=700_000 {
            let x = f64::from(i) * 1e-3 * 0.999_983;
            worst = worst.max((exp(x) - x.exp()).abs() / (x.exp() * f64::EPSILON));
        }
        assert!(worst < 2.0, "{worst}");
        assert_eq!(exp(0.0), 1.0);
    }
}
