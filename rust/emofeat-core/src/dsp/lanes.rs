//! Numbers side by side: the layout in which every kernel of this crate works.
//!
//! A *row* `[T; L]` holds one quantity (a sample position, a frequency bin, a mel band) of `L`
//! neighbouring frames, one frame per lane. A kernel is a plain loop over lanes, which the compiler
//! turns into vector instructions. Lanes never mix, so a frame has the same bits whichever frames
//! stand beside it and however many lanes are in use; there is no fused multiply-add and no
//! reassociation, so the bits are also the same on every machine.

use std::ops::{Add, AddAssign, Div, Mul, MulAssign, Neg, Sub, SubAssign};

/// Lanes of a single-precision row: one 512-bit or two 256-bit registers.
pub const L32: usize = 16;
/// Lanes of a double-precision row.
pub const L64: usize = 8;

/// The two precisions of samples and features.
pub trait Real:
    Copy
    + Default
    + PartialOrd
    + PartialEq
    + std::fmt::Debug
    + Send
    + Sync
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
    + std::iter::Sum
    + realfft::FftNum
    + Sample
{
    /// Zero.
    const ZERO: Self;
    /// One.
    const ONE: Self;
    /// Terms of the series in [`crate::dsp::log`] that reach this precision.
    const LOG_TERMS: usize;

    /// Rounds an `f64` to this precision.
    fn of(x: f64) -> Self;
    /// Widens to `f64`.
    fn f64(self) -> f64;
    /// Square root.
    fn sqrt(self) -> Self;
    /// Absolute value.
    fn abs(self) -> Self;
    /// The larger of two numbers; if one is NaN, the second operand.
    fn max(self, other: Self) -> Self;
    /// Whether the number is neither NaN nor infinite.
    fn finite(self) -> bool;
    /// `self` to the power of `p`.
    fn powf(self, p: Self) -> Self;
    /// Splits a positive normal number into `m · 2^e` with `m` in `[√½, √2)`, `e` as a float.
    fn split(self) -> (Self, Self);
}

impl Real for f32 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
    const LOG_TERMS: usize = 5;
    #[inline(always)]
    fn of(x: f64) -> Self {
        x as f32
    }
    #[inline(always)]
    fn f64(self) -> f64 {
        f64::from(self)
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        f32::sqrt(self)
    }
    #[inline(always)]
    fn abs(self) -> Self {
        f32::abs(self)
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        if self > other { self } else { other }
    }
    #[inline(always)]
    fn finite(self) -> bool {
        self.is_finite()
    }
    #[inline(always)]
    fn powf(self, p: Self) -> Self {
        f32::powf(self, p)
    }
    #[inline(always)]
    fn split(self) -> (Self, Self) {
        // Adding the distance from √½ to 1 carries into the exponent exactly when m ≥ √2.
        let bits = self.to_bits().wrapping_add(0x3F80_0000 - 0x3F35_04F3);
        let e = (bits >> 23) as i32 - 127;
        let m = f32::from_bits((bits & 0x007F_FFFF).wrapping_add(0x3F35_04F3));
        (m, e as f32)
    }
}

impl Real for f64 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
    const LOG_TERMS: usize = 11;
    #[inline(always)]
    fn of(x: f64) -> Self {
        x
    }
    #[inline(always)]
    fn f64(self) -> f64 {
        self
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        f64::sqrt(self)
    }
    #[inline(always)]
    fn abs(self) -> Self {
        f64::abs(self)
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        if self > other { self } else { other }
    }
    #[inline(always)]
    fn finite(self) -> bool {
        self.is_finite()
    }
    #[inline(always)]
    fn powf(self, p: Self) -> Self {
        f64::powf(self, p)
    }
    #[inline(always)]
    fn split(self) -> (Self, Self) {
        const HALF_ROOT: u64 = 0x3FE6_A09E_667F_3BCD;
        let bits = self.to_bits().wrapping_add(0x3FF0_0000_0000_0000 - HALF_ROOT);
        // The exponent becomes a float by writing it into the mantissa of 2^52: there is no
        // vector conversion from i64 to f64 before AVX-512.
        let e = f64::from_bits((bits >> 52) | 0x4330_0000_0000_0000)
            - (4_503_599_627_370_496.0 + 1023.0);
        let m = f64::from_bits((bits & 0x000F_FFFF_FFFF_FFFF).wrapping_add(HALF_ROOT));
        (m, e)
    }
}

/// A sample as it comes in; converted to the precision of the kernel when a frame is loaded.
pub trait Sample: Copy + Send + Sync + Default + 'static {
    /// The sample in precision `T`.
    fn to<T: Real>(self) -> T;
    /// Whether the sample is neither NaN nor infinite.
    fn is_finite(self) -> bool;
    /// Rows and columns of a 4 × 4 block exchanged.
    #[inline(always)]
    fn turn(block: [&[Self; 4]; 4]) -> [[Self; 4]; 4] {
        std::array::from_fn(|i| std::array::from_fn(|j| block[j][i]))
    }
}

impl Sample for f32 {
    /// In registers: element by element, loading frames into lanes takes longer than their FFT.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn turn(block: [&[Self; 4]; 4]) -> [[Self; 4]; 4] {
        use std::arch::x86_64::{
            _mm_loadu_ps, _mm_movehl_ps, _mm_movelh_ps, _mm_storeu_ps, _mm_unpackhi_ps,
            _mm_unpacklo_ps,
        };
        let mut out = [[0.0; 4]; 4];
        // SAFETY: SSE is part of x86_64, and every pointer is to an array of four floats.
        unsafe {
            let [a, b, c, d] = block.map(|row| _mm_loadu_ps(row.as_ptr()));
            let (ab, cd) = (_mm_unpacklo_ps(a, b), _mm_unpacklo_ps(c, d));
            let (ab_high, cd_high) = (_mm_unpackhi_ps(a, b), _mm_unpackhi_ps(c, d));
            _mm_storeu_ps(out[0].as_mut_ptr(), _mm_movelh_ps(ab, cd));
            _mm_storeu_ps(out[1].as_mut_ptr(), _mm_movehl_ps(cd, ab));
            _mm_storeu_ps(out[2].as_mut_ptr(), _mm_movelh_ps(ab_high, cd_high));
            _mm_storeu_ps(out[3].as_mut_ptr(), _mm_movehl_ps(cd_high, ab_high));
        }
        out
    }

    #[inline(always)]
    fn to<T: Real>(self) -> T {
        T::of(f64::from(self))
    }
    #[inline(always)]
    fn is_finite(self) -> bool {
        f32::is_finite(self)
    }
}

impl Sample for f64 {
    #[inline(always)]
    fn to<T: Real>(self) -> T {
        T::of(self)
    }
    #[inline(always)]
    fn is_finite(self) -> bool {
        f64::is_finite(self)
    }
}

/// The vector instructions that a kernel may use on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Isa {
    /// What every machine of this architecture has.
    Portable,
    /// 256-bit vectors.
    Avx2,
    /// 512-bit vectors.
    Avx512,
}

/// The best of [`Isa`] on this machine.
#[inline]
pub fn isa() -> Isa {
    use std::sync::OnceLock;
    static ISA: OnceLock<Isa> = OnceLock::new();
    *ISA.get_or_init(detect)
}

#[cfg(target_arch = "x86_64")]
fn detect() -> Isa {
    if is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512bw")
    {
        Isa::Avx512
    } else if is_x86_feature_detected!("avx2") {
        Isa::Avx2
    } else {
        Isa::Portable
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn detect() -> Isa {
    Isa::Portable
}

/// Compiles one kernel for each instruction set and calls the best one.
///
/// The body is written once, as plain Rust; a variant differs only in which vector instructions
/// the compiler may choose for it, never in its bits. `name_with` takes the [`Isa`] explicitly, for
/// tests that compare the variants.
macro_rules! kernel {
    ($(#[$doc:meta])* $vis:vis fn $name:ident / $with:ident <$($g:ident : $b:path),* ; $($l:ident),*> ($($arg:ident : $ty:ty),* $(,)?) $body:block) => {
        $(#[$doc])*
        #[inline]
        $vis fn $name<$($g: $b,)* $(const $l: usize),*>($($arg: $ty),*) {
            $with::<$($g,)* $($l),*>($crate::dsp::lanes::isa(), $($arg),*)
        }

        #[inline]
        fn $with<$($g: $b,)* $(const $l: usize),*>(isa: $crate::dsp::lanes::Isa, $($arg: $ty),*) {
            #[inline(always)]
            fn body<$($g: $b,)* $(const $l: usize),*>($($arg: $ty),*) $body

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw,avx2")]
            fn avx512<$($g: $b,)* $(const $l: usize),*>($($arg: $ty),*) {
                body::<$($g,)* $($l),*>($($arg),*)
            }

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2")]
            fn avx2<$($g: $b,)* $(const $l: usize),*>($($arg: $ty),*) {
                body::<$($g,)* $($l),*>($($arg),*)
            }

            #[cfg(target_arch = "x86_64")]
            match isa.min($crate::dsp::lanes::isa()) {
                // SAFETY: `isa()` is what `is_x86_feature_detected!` reported on this machine.
                $crate::dsp::lanes::Isa::Avx512 => unsafe { avx512::<$($g,)* $($l),*>($($arg),*) },
                // SAFETY: as above.
                $crate::dsp::lanes::Isa::Avx2 => unsafe { avx2::<$($g,)* $($l),*>($($arg),*) },
                $crate::dsp::lanes::Isa::Portable => body::<$($g,)* $($l),*>($($arg),*),
            }
            #[cfg(not(target_arch = "x86_64"))]
            {
                let _ = isa;
                body::<$($g,)* $($l),*>($($arg),*)
            }
        }
    };
}
pub(crate) use kernel;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turning_a_block_exchanges_rows_and_columns() {
        let rows: [[f32; 4]; 4] =
            std::array::from_fn(|i| std::array::from_fn(|j| (4 * i + j) as f32));
        let turned = f32::turn(rows.each_ref());
        for i in 0..4 {
            for j in 0..4 {
                assert_eq!(turned[i][j], rows[j][i]);
            }
        }
    }
}
