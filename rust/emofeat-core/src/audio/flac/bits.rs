//! Reading bits, most significant first, through a 64-bit buffer.

/// Why a frame cannot be decoded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Stop {
    /// The bytes end before the frame does.
    OutOfBits,
    /// The bytes contradict the format.
    Invalid(&'static str),
}

type Read<T> = Result<T, Stop>;

/// The reader. The top `held` bits of `buffer` are the next ones; all bits below are zero or, after
/// a fast refill, the true continuation of the stream.
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    /// Offset of the first byte that is not wholly in the buffer.
    next: usize,
    buffer: u64,
    held: u32,
}

impl<'a> Bits<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, next: 0, buffer: 0, held: 0 }
    }

    /// Fills the buffer to at least 56 bits, or with all that is left.
    #[inline(always)]
    fn refill(&mut self) {
        if let Some(word) = self.bytes.get(self.next..).and_then(|b| b.first_chunk()) {
            self.buffer |= u64::from_be_bytes(*word) >> self.held;
            let taken = (63 - self.held) >> 3;
            self.next += taken as usize;
            self.held += taken * 8;
        } else {
            self.refill_slowly();
        }
    }

    #[cold]
    fn refill_slowly(&mut self) {
        // A fast refill may have left bits of the next byte below the held ones.
        if self.held < 64 {
            self.buffer &= !(u64::MAX >> self.held);
        }
        while self.held <= 56 {
            let Some(&byte) = self.bytes.get(self.next) else { return };
            self.buffer |= u64::from(byte) << (56 - self.held);
            self.next += 1;
            self.held += 8;
        }
    }

    #[inline(always)]
    fn drop(&mut self, n: u32) {
        self.buffer <<= n;
        self.held -= n;
    }

    /// An unsigned number of `n` bits, `n` at most 32.
    #[inline(always)]
    pub(super) fn unsigned(&mut self, n: u32) -> Read<u32> {
        if self.held < n {
            self.refill();
            if self.held < n {
                return Err(Stop::OutOfBits);
            }
        }
        let value = ((self.buffer >> 1) >> (63 - n)) as u32;
        self.drop(n);
        Ok(value)
    }

    /// A two's complement number of `n` bits, `n` in 1..=33.
    #[inline(always)]
    pub(super) fn signed(&mut self, n: u32) -> Read<i64> {
        if self.held < n {
            self.refill();
            if self.held < n {
                return Err(Stop::OutOfBits);
            }
        }
        let value = self.buffer as i64 >> (64 - n);
        self.drop(n);
        Ok(value)
    }

    /// The number of zeros before the next one, which is consumed too.
    #[inline]
    pub(super) fn unary(&mut self) -> Read<u32> {
        let mut zeros = 0u32;
        loop {
            let run = self.buffer.leading_zeros();
            if run < self.held {
                self.drop(run);
                self.drop(1);
                return Ok(zeros + run);
            }
            zeros = zeros.checked_add(self.held).ok_or(Stop::Invalid("endless run of zeros"))?;
            self.buffer = 0;
            self.held = 0;
            self.refill();
            if self.held == 0 {
                return Err(Stop::OutOfBits);
            }
        }
    }

    /// Rice-coded signed numbers with parameter `k` below 31, one for each of `out`.
    #[inline(always)]
    pub(super) fn rice<T>(&mut self, k: u32, out: &mut [T], make: impl Fn(i32) -> T) -> Read<()> {
        // A number takes about k + 2 bits: so many that the 56 bits of a refill nearly always hold.
        match k {
            0..=8 => self.rice_by::<4, T>(k, out, make),
            9..=12 => self.rice_by::<3, T>(k, out, make),
            _ => self.rice_by::<2, T>(k, out, make),
        }
    }

    /// Decodes groups of `G` numbers from one filling of the buffer, and asks only at the end of
    /// each group whether there were bits enough; if not, the group is decoded again with care.
    #[inline(always)]
    fn rice_by<const G: usize, T>(
        &mut self,
        k: u32,
        out: &mut [T],
        make: impl Fn(i32) -> T,
    ) -> Read<()> {
        let (groups, rest) = out.as_chunks_mut::<G>();
        // A copy, so that the state stays in registers.
        let mut bits = Bits { ..*self };
        for group in groups {
            bits.refill();
            let (mut buffer, mut used) = (bits.buffer, 0);
            for slot in group.iter_mut() {
                let zeros = (buffer | 1).leading_zeros();
                // The one that ends the run, and the k low bits after it.
                let tail = (buffer << zeros) >> (63 - k);
                let folded = (zeros << k).wrapping_add(tail as u32).wrapping_sub(1 << k);
                *slot = make(unfold(folded));
                buffer = buffer.wrapping_shl(zeros + 1 + k);
                used += zeros + 1 + k;
            }
            if used <= bits.held {
                bits.buffer = buffer;
                bits.held -= used;
            } else {
                *self = Bits { ..bits };
                for slot in group {
                    *slot = make(self.rice_one(k)?);
                }
                bits = Bits { ..*self };
            }
        }
        *self = bits;
        for slot in rest {
            *slot = make(self.rice_one(k)?);
        }
        Ok(())
    }

    /// One Rice-coded number of any length.
    fn rice_one(&mut self, k: u32) -> Read<i32> {
        let high = self.unary()?;
        if high > u32::MAX >> k {
            return Err(Stop::Invalid("a residual exceeds 32 bits"));
        }
        Ok(unfold(high << k | self.unsigned(k)?))
    }

    /// Skips to the next byte; returns the number of bytes read so far.
    pub(super) fn align(&mut self) -> Read<usize> {
        let read = self.next * 8 - self.held as usize;
        Ok(read.div_ceil(8))
    }
}

/// 0, 1, 2, 3, 4 … stand for 0, -1, 1, -2, 2 …
#[inline(always)]
fn unfold(folded: u32) -> i32 {
    (folded >> 1) as i32 ^ -((folded & 1) as i32)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_at_every_alignment_and_at_the_end() {
        // 40 numbers of 13 bits: they straddle bytes and words, and end inside the last byte.
        let numbers: Vec<u32> = (0..40u32).map(|i| i * 2654 % 8192).collect();
        let mut bytes = vec![0u8; (40usize * 13).div_ceil(8)];
        for (i, n) in numbers.iter().enumerate() {
            for b in 0..13 {
                let at = i * 13 + b;
                bytes[at / 8] |= ((n >> (12 - b) & 1) as u8) << (7 - at % 8);
            }
        }
        let mut bits = Bits::new(&bytes);
        for n in &numbers {
            assert_eq!(bits.unsigned(13).unwrap(), *n);
        }
        assert_eq!(bits.align().unwrap(), bytes.len());
        assert_eq!(bits.unsigned(13), Err(Stop::OutOfBits));
    }

    #[test]
    fn unary_runs_cross_words_and_stop_at_the_end() {
        let mut bytes = vec![0u8; 40];
        bytes[30] = 0b0001_0000;
        let mut bits = Bits::new(&bytes);
        assert_eq!(bits.unary().unwrap(), 243);
        assert_eq!(bits.unary(), Err(Stop::OutOfBits));
    }

    #[test]
    fn rice_codes_follow_the_fold_0_minus1_1_minus2() {
        // k = 1: 0 -> 10, -1 -> 11, 1 -> 010, -2 -> 011, 2 -> 0010
        let bytes = [0b1011_0100, 0b1100_1000];
        let mut out = [0i32; 5];
        Bits::new(&bytes).rice(1, &mut out, |r| r).unwrap();
        assert_eq!(out, [0, -1, 1, -2, 2]);
    }
}
