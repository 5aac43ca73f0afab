//! The two checksums of FLAC, most significant bit first, starting at 0.

/// CRC-8 with polynomial 0x07.
pub(super) fn crc8(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |crc, &b| CRC8[usize::from(crc ^ b)])
}

/// CRC-16 with polynomial 0x8005, eight bytes at a time.
pub(super) fn crc16(bytes: &[u8]) -> u16 {
    let (words, rest) = bytes.as_chunks::<8>();
    let crc = words.iter().fold(0u16, |crc, w| {
        let [hi, lo] = crc.to_be_bytes();
        CRC16[7][usize::from(w[0] ^ hi)]
            ^ CRC16[6][usize::from(w[1] ^ lo)]
            ^ CRC16[5][usize::from(w[2])]
            ^ CRC16[4][usize::from(w[3])]
            ^ CRC16[3][usize::from(w[4])]
            ^ CRC16[2][usize::from(w[5])]
            ^ CRC16[1][usize::from(w[6])]
            ^ CRC16[0][usize::from(w[7])]
    });
    rest.iter().fold(crc, |crc, &b| crc << 8 ^ CRC16[0][usize::from((crc >> 8) as u8 ^ b)])
}

static CRC8: [u8; 256] = {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        let mut crc = i as u8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x80 != 0 { crc << 1 ^ 0x07 } else { crc << 1 };
            bit += 1;
        }
        table[i] = crc;
        i += 1;
    }
    table
};

/// `CRC16[n][b]` is the checksum of byte `b` followed by `n` zero bytes.
static CRC16: [[u16; 256]; 8] = {
    let mut table = [[0; 256]; 8];
    let mut i = 0;
    while i < 256 {
        let mut crc = (i as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 != 0 { crc << 1 ^ 0x8005 } else { crc << 1 };
            bit += 1;
        }
        table[0][i] = crc;
        i += 1;
    }
    let mut n = 1;
    while n < 8 {
        let mut i = 0;
        while i < 256 {
            let crc: u16 = table[n - 1][i];
            table[n][i] = crc << 8 ^ table[0][(crc >> 8) as usize];
            i += 1;
        }
        n += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_of_the_standard_string() {
        // The check values of CRC-8/SMBUS and CRC-16/BUYPASS in the catalogue of CRC algorithms.
        assert_eq!(crc8(b"123456789"), 0xf4);
        assert_eq!(crc16(b"123456789"), 0xfee8);
    }
}
