//! FLAC against libFLAC's files in `audio_compressed.rs`, and here against streams written by the
//! test itself: the corners that encoders rarely or never reach.
#![allow(clippy::unwrap_used)]

use emofeat_core::audio::{Channel, Source};
use emofeat_core::error::{Code, Result};

/// Bits, most significant first.
#[derive(Default)]
struct Writer {
    bytes: Vec<u8>,
    used: usize,
}

impl Writer {
    fn put(&mut self, value: i64, bits: u32) {
        for i in (0..bits).rev() {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            *self.bytes.last_mut().unwrap() |= ((value >> i & 1) as u8) << (7 - self.used % 8);
            self.used += 1;
        }
    }
}

/// A CRC of `bits` bits, one bit at a time.
fn crc(bytes: &[u8], poly: u32, bits: u32) -> u32 {
    bytes.iter().fold(0, |crc, &b| {
        (0..8).fold(crc ^ u32::from(b) << (bits - 8), |crc, _| {
            let carry = crc >> (bits - 1) & 1;
            (crc << 1 ^ if carry == 1 { poly } else { 0 }) & ((1 << bits) - 1)
        })
    })
}

#[derive(Clone, Copy)]
struct Stream {
    channels: u8,
    bits: u8,
    block: u16,
    variable: bool,
    /// 8 left/side, 9 side/right, 10 mid/side.
    assignment: Option<u8>,
    total: u64,
}

impl Stream {
    fn new(channels: u8, bits: u8, block: u16) -> Self {
        Self { channels, bits, block, variable: false, assignment: None, total: 0 }
    }

    fn header(&self) -> Vec<u8> {
        let mut w = Writer::default();
        for b in b"fLaC\x80\x00\x00\x22" {
            w.put(i64::from(*b), 8);
        }
        w.put(i64::from(self.block), 16);
        w.put(i64::from(self.block), 16);
        w.put(0, 48);
        w.put(16_000, 20);
        w.put(i64::from(self.channels) - 1, 3);
        w.put(i64::from(self.bits) - 1, 5);
        w.put(self.total as i64, 36);
        w.put(0, 64);
        w.put(0, 64);
        w.bytes
    }

    /// A frame of verbatim subframes; `number` counts frames, or samples where block sizes vary.
    fn frame(&self, number: u64, planes: &[Vec<i64>]) -> Vec<u8> {
        let mut w = Writer::default();
        w.put(0xfff8 | i64::from(self.variable), 16);
        w.put(0b0111_0101, 8);
        w.put(i64::from(self.assignment.unwrap_or(self.channels - 1)), 4);
        w.put(0, 4);
        match number {
            0..0x80 => w.put(number as i64, 8),
            0x80..0x800 => {
                w.put(0xc0 | (number >> 6) as i64, 8);
                w.put(0x80 | (number & 0x3f) as i64, 8);
            }
            _ => {
                w.put(0xf0 | (number >> 18) as i64, 8);
                for shift in [12, 6, 0] {
                    w.put(0x80 | (number >> shift & 0x3f) as i64, 8);
                }
            }
        }
        w.put(planes[0].len() as i64 - 1, 16);
        w.put(i64::from(crc(&w.bytes, 0x07, 8)), 8);
        for (c, plane) in planes.iter().enumerate() {
            let side = matches!((self.assignment, c), (Some(8 | 10), 1) | (Some(9), 0));
            w.put(0b0000_0010, 8);
            for &s in plane {
                w.put(s, u32::from(self.bits) + u32::from(side));
            }
        }
        w.used = w.used.next_multiple_of(8);
        w.put(i64::from(crc(&w.bytes, 0x8005, 16)), 16);
        w.bytes
    }
}

fn noise(n: usize, bits: u8) -> Vec<i64> {
    let mut state = 1u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state as i64 >> (64 - bits)
    };
    (0..n).map(|_| next()).collect()
}

fn scaled(samples: &[i64], bits: u8) -> Vec<f32> {
    samples.iter().map(|&s| (s as f64 / f64::from(1u32 << (bits - 1))) as f32).collect()
}

fn decode(file: &[u8], channel: Channel) -> Result<Vec<f32>> {
    let mut source = Source::from_bytes(file.to_vec(), channel)?;
    let mut out = Vec::new();
    while source.read(&mut out, 1 << 20)? > 0 {}
    Ok(out)
}

#[test]
fn stereo_codings_are_undone_at_every_depth_up_to_33_bits() {
    for bits in [8, 16, 24, 32] {
        let (left, right) = (noise(300, bits), noise(601, bits).split_off(301));
        let side: Vec<i64> = left.iter().zip(&right).map(|(l, r)| l - r).collect();
        let mid: Vec<i64> = left.iter().zip(&right).map(|(l, r)| (l + r) >> 1).collect();
        for (assignment, a, b) in [(8, &left, &side), (9, &side, &right), (10, &mid, &side)] {
            let stream = Stream { assignment: Some(assignment), ..Stream::new(2, bits, 300) };
            let file = [stream.header(), stream.frame(0, &[a.clone(), b.clone()])].concat();
            let found = [0, 1].map(|c| decode(&file, Channel::Index(c)).unwrap());
            assert_eq!(found, [scaled(&left, bits), scaled(&right, bits)], "{bits} {assignment}");
        }
    }
}

/// 150 blocks of 1000 samples of 16 bits, 300 kB: long enough that seeking has to bisect.
fn long(variable: bool, total: u64) -> (Vec<u8>, Vec<f32>) {
    let samples = noise(150_000, 16);
    let stream = Stream { variable, total, ..Stream::new(1, 16, 1000) };
    let mut file = stream.header();
    for (i, block) in samples.chunks(1000).enumerate() {
        let number = i as u64 * if variable { 1000 } else { 1 };
        file.extend(stream.frame(number, &[block.to_vec()]));
    }
    (file, scaled(&samples, 16))
}

#[test]
fn seeking_bisects_to_the_same_bits() {
    for (variable, total) in [(false, 150_000), (true, 150_000), (false, 0), (true, 0)] {
        let (file, whole) = long(variable, total);
        let mut source = Source::from_bytes(file, Channel::Mean).unwrap();
        assert_eq!(source.info().frames, (total > 0).then_some(total));
        for start in [149_999usize, 0, 77_777, 77_000, 76_999, 1, 140_000, 3_000, 150_000] {
            source.seek(start as u64).unwrap();
            let mut out = Vec::new();
            source.read(&mut out, 2_500).unwrap();
            assert_eq!(out, whole[start..whole.len().min(start + 2_500)], "{start}");
        }
        assert_eq!(source.seek(150_001).unwrap_err().code, Code::BadSegment);
    }
}

#[test]
fn large_files_pass_through_a_window_to_the_same_bits() {
    // 6 MB: beyond the size that is read in one go.
    let samples = noise(65_000, 24);
    let stream = Stream { total: 65_000 * 32, ..Stream::new(1, 24, 65_000) };
    let mut file = stream.header();
    for i in 0..32 {
        file.extend(stream.frame(i, std::slice::from_ref(&samples)));
    }
    let path = std::env::temp_dir().join(format!("emofeat-large-{}.flac", std::process::id()));
    std::fs::write(&path, &file).unwrap();
    let mut source = Source::open(&path, Channel::Mean).unwrap();
    let mut out = Vec::new();
    while source.read(&mut out, 10_000).unwrap() > 0 {}
    let block = scaled(&samples, 24);
    assert!(out.len() == 65_000 * 32 && out.chunks(65_000).all(|b| b == block));
    for start in [1_999_999u64, 70_000, 1_000_000] {
        source.seek(start).unwrap();
        let mut part = Vec::new();
        source.read(&mut part, 100).unwrap();
        assert_eq!(part, out[start as usize..start as usize + 100]);
    }
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn the_end_is_that_of_the_header() {
    let (file, whole) = long(false, 149_500);
    assert_eq!(decode(&file, Channel::Mean).unwrap(), whole[..149_500]);
    // An ID3v1 tag after the last frame is no audio, whether the length is known or not.
    for total in [0, 150_000] {
        let (mut file, whole) = long(false, total);
        file.extend_from_slice(b"TAG");
        file.extend_from_slice(&[0; 125]);
        assert_eq!(decode(&file, Channel::Mean).unwrap(), whole);
    }
    let (file, _) = long(false, 150_001);
    assert_eq!(decode(&file, Channel::Mean).unwrap_err().code, Code::Truncated);
}

#[test]
fn a_changed_bit_shows_in_a_checksum_and_a_missing_frame_in_the_numbers() {
    let (mut file, _) = long(false, 150_000);
    file[150_000] ^= 4;
    assert_eq!(decode(&file, Channel::Mean).unwrap_err().code, Code::Corrupt);
    // A segment elsewhere is not affected.
    let mut source = Source::from_bytes(file, Channel::Mean).unwrap();
    source.seek(100_000).unwrap();
    assert_eq!(source.read(&mut Vec::new(), 1000).unwrap(), 1000);

    let stream = Stream::new(1, 16, 16);
    let frame = |n: u64| stream.frame(n, &[noise(16, 16)]);
    let gap = [stream.header(), frame(0), frame(2)].concat();
    assert_eq!(decode(&gap, Channel::Mean).unwrap_err().code, Code::Corrupt);
    let cut = [stream.header(), frame(0), frame(1)].concat();
    assert_eq!(decode(&cut[..cut.len() - 1], Channel::Mean).unwrap_err().code, Code::Truncated);
    assert_eq!(decode(&stream.header(), Channel::Mean).unwrap_err().code, Code::NoSamples);
    assert_eq!(decode(&stream.header()[..20], Channel::Mean).unwrap_err().code, Code::Truncated);
}

#[test]
fn an_id3_tag_may_stand_before_the_stream() {
    let stream = Stream::new(1, 16, 16);
    let samples = noise(16, 16);
    let mut file = b"ID3\x04\x00\x00\x00\x00\x00\x05xxxxx".to_vec();
    file.extend(stream.header());
    file.extend(stream.frame(0, std::slice::from_ref(&samples)));
    assert_eq!(decode(&file, Channel::Mean).unwrap(), scaled(&samples, 16));
}
