//! WAV: every coding, and the ways in which real headers are odd or wrong.
#![allow(clippy::unwrap_used)]

use emofeat_core::audio::{Channel, Source};
use emofeat_core::error::{Code, Result};

/// A RIFF file of chunks; odd ones are padded.
fn riff(chunks: &[(&[u8; 4], Vec<u8>)]) -> Vec<u8> {
    let mut body = b"WAVE".to_vec();
    for (id, data) in chunks {
        body.extend_from_slice(*id);
        body.extend_from_slice(&(data.len() as u32).to_le_bytes());
        body.extend_from_slice(data);
        body.resize(body.len().next_multiple_of(2), 0);
    }
    let mut file = b"RIFF".to_vec();
    file.extend_from_slice(&(body.len() as u32).to_le_bytes());
    file.extend_from_slice(&body);
    file
}

fn fmt(tag: u16, channels: u16, bits: u16) -> Vec<u8> {
    let align = channels * bits.div_ceil(8);
    let mut chunk = Vec::new();
    chunk.extend_from_slice(&tag.to_le_bytes());
    chunk.extend_from_slice(&channels.to_le_bytes());
    chunk.extend_from_slice(&16_000u32.to_le_bytes());
    chunk.extend_from_slice(&(16_000 * u32::from(align)).to_le_bytes());
    chunk.extend_from_slice(&align.to_le_bytes());
    chunk.extend_from_slice(&bits.to_le_bytes());
    chunk
}

fn wav(tag: u16, channels: u16, bits: u16, data: &[u8]) -> Vec<u8> {
    riff(&[(b"fmt ", fmt(tag, channels, bits)), (b"data", data.to_vec())])
}

fn pcm16(samples: &[i16]) -> Vec<u8> {
    samples.iter().flat_map(|s| s.to_le_bytes()).collect()
}

fn decode(file: Vec<u8>, channel: Channel) -> Result<Vec<f32>> {
    let mut source = Source::from_bytes(file, channel)?;
    let mut out = Vec::new();
    // Odd pieces, so that every block boundary is crossed.
    while source.read(&mut out, 1001)? > 0 {}
    Ok(out)
}

fn code(file: Vec<u8>) -> Code {
    decode(file, Channel::Mean).map(|x| x.len()).unwrap_err().code
}

fn ramp() -> Vec<i16> {
    (0..20_000).map(|i| (i * 37 % 65_536 - 32_768) as i16).collect()
}

fn as_f32(samples: &[i16]) -> Vec<f32> {
    samples.iter().map(|&s| f32::from(s) / 32_768.0).collect()
}

#[test]
fn every_coding_maps_full_scale_to_one() {
    let cases: [(u16, u16, &[u8], &[f32]); 8] = [
        (1, 8, &[0, 128, 255], &[-1.0, 0.0, 127.0 / 128.0]),
        (1, 16, &[0, 0x80, 1, 0, 0xff, 0x7f], &[-1.0, 1.0 / 32_768.0, 32_767.0 / 32_768.0]),
        (1, 24, &[0, 0, 0x80, 1, 0, 0], &[-1.0, 1.0 / 8_388_608.0]),
        // 2^31 - 1 needs 31 bits and rounds to 1.
        (1, 32, &[0, 0, 0, 0x80, 0xff, 0xff, 0xff, 0x7f], &[-1.0, 1.0]),
        (3, 32, &1.5f32.to_le_bytes(), &[1.5]),
        (3, 64, &0.1f64.to_le_bytes(), &[0.1]),
        // ITU-T G.711, tables 1 and 2: smallest and largest magnitudes.
        (6, 8, &[0xd5, 0x55, 0xaa, 0x2a], &[8.0, -8.0, 32_256.0, -32_256.0]),
        (7, 8, &[0xff, 0x7f, 0x80, 0x00], &[0.0, 0.0, 32_124.0, -32_124.0]),
    ];
    for (tag, bits, data, expected) in cases {
        let scale = if tag >= 6 { 32_768.0 } else { 1.0 };
        let expected: Vec<f32> = expected.iter().map(|x| x / scale).collect();
        let found = decode(wav(tag, 1, bits, data), Channel::Mean).unwrap();
        assert_eq!(found, expected, "tag {tag}, {bits} bits");
    }
}

#[test]
fn channels_are_taken_apart_averaged_and_checked() {
    let file = wav(1, 2, 16, &pcm16(&[16_384, -8_192, 0, 8_192]));
    assert_eq!(decode(file.clone(), Channel::Index(0)).unwrap(), [0.5, 0.0]);
    assert_eq!(decode(file.clone(), Channel::Index(1)).unwrap(), [-0.25, 0.25]);
    assert_eq!(decode(file.clone(), Channel::Mean).unwrap(), [0.125, 0.125]);
    let error = decode(file, Channel::Index(2)).unwrap_err();
    assert_eq!(error.code, Code::BadParameter);
    assert!(error.message.contains("has 2: allowed are 0 to 1"), "{}", error.message);
}

#[test]
fn the_extensible_header_hides_the_tag_in_its_guid() {
    let mut extensible = fmt(0xfffe, 1, 16);
    extensible.extend_from_slice(&[22, 0, 16, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 16, 0]);
    extensible.extend_from_slice(&[0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71]);
    let file = riff(&[(b"fmt ", extensible), (b"data", pcm16(&ramp()))]);
    assert_eq!(decode(file, Channel::Mean).unwrap(), as_f32(&ramp()));
}

#[test]
fn twenty_bits_in_three_bytes_are_left_justified() {
    let mut header = fmt(1, 1, 24);
    header[14] = 20;
    let file = riff(&[(b"fmt ", header), (b"data", vec![0, 0, 0x40])]);
    assert_eq!(decode(file, Channel::Mean).unwrap(), [0.5]);
}

#[test]
fn other_chunks_are_skipped_padded_or_not() {
    let padded = riff(&[
        (b"fmt ", fmt(1, 1, 16)),
        (b"junk", vec![1; 5]),
        (b"LIST", vec![7; 13]),
        (b"data", pcm16(&ramp())),
        (b"LIST", vec![9; 40]),
    ]);
    assert_eq!(decode(padded.clone(), Channel::Mean).unwrap(), as_f32(&ramp()));
    // The padding byte before `data` left out, as some writers do.
    let mut unpadded = padded;
    let at = unpadded.windows(4).position(|w| w == b"data").unwrap();
    unpadded.remove(at - 1);
    assert_eq!(decode(unpadded, Channel::Mean).unwrap(), as_f32(&ramp()));
}

#[test]
fn lengths_that_streaming_writers_leave_mean_up_to_the_end() {
    let sizes = [(0, 0), (36, 0), (u32::MAX, u32::MAX), (0x7fff_ffff, 0x7fff_f000), (u32::MAX, 0)];
    for (riff_size, data_size) in sizes {
        let mut file = wav(1, 1, 16, &pcm16(&ramp()));
        file[4..8].copy_from_slice(&u32::to_le_bytes(riff_size));
        file[40..44].copy_from_slice(&u32::to_le_bytes(data_size));
        let source = Source::from_bytes(file.clone(), Channel::Mean).unwrap();
        assert!(!source.info().truncated);
        assert_eq!(decode(file, Channel::Mean).unwrap(), as_f32(&ramp()), "{data_size:#x}");
    }
}

#[test]
fn a_cut_file_gives_what_is_there_and_says_so() {
    let mut file = wav(1, 2, 16, &pcm16(&ramp()));
    file.truncate(44 + 4 * 100 + 3);
    let source = Source::from_bytes(file.clone(), Channel::Index(0)).unwrap();
    assert!(source.info().truncated);
    assert_eq!(source.info().frames, Some(100));
    let left: Vec<i16> = ramp().into_iter().step_by(2).take(100).collect();
    assert_eq!(decode(file.clone(), Channel::Index(0)).unwrap(), as_f32(&left));
    // Not even one frame.
    file.truncate(44 + 3);
    assert_eq!(code(file.clone()), Code::Truncated);
    // Cut inside the header.
    for len in [4, 11, 20, 40] {
        assert_eq!(code(file[..len].to_vec()), Code::Truncated, "{len}");
    }
}

#[test]
fn rf64_takes_its_length_from_ds64() {
    let mut ds64 = vec![0; 28];
    ds64[8..16].copy_from_slice(&40_000u64.to_le_bytes());
    let mut file = riff(&[
        (b"ds64", ds64),
        (b"fmt ", fmt(1, 1, 16)),
        (b"data", pcm16(&ramp())),
        (b"LIST", vec![1; 10]),
    ]);
    file[..8].copy_from_slice(b"RF64\xff\xff\xff\xff");
    let size_at = 12 + 36 + 24 + 4;
    file[size_at..size_at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    assert_eq!(decode(file.clone(), Channel::Mean).unwrap(), as_f32(&ramp()));
    file[..4].copy_from_slice(b"BW64");
    assert_eq!(decode(file, Channel::Mean).unwrap(), as_f32(&ramp()));
}

#[test]
fn headers_without_meaning_are_refused() {
    assert_eq!(code(wav(1, 1, 16, &[])), Code::NoSamples);
    assert_eq!(code(riff(&[(b"fmt ", fmt(1, 1, 16)), (b"LIST", vec![0; 8])])), Code::Truncated);
    assert_eq!(code(riff(&[(b"data", vec![0; 8]), (b"fmt ", fmt(1, 1, 16))])), Code::Corrupt);
    assert_eq!(code(wav(1, 0, 16, &[0; 8])), Code::Corrupt);
    assert_eq!(code(wav(1, 1, 64, &[0; 8])), Code::Corrupt);
    assert_eq!(code(wav(2, 1, 4, &[0; 8])), Code::UnsupportedCodec);
    assert_eq!(code(wav(0x1234, 1, 16, &[0; 8])), Code::UnsupportedCodec);
    let mut no_rate = wav(1, 1, 16, &[0; 8]);
    no_rate[24..28].fill(0);
    assert_eq!(code(no_rate), Code::Corrupt);
}

#[test]
fn a_segment_is_the_slice_of_the_whole() {
    let file = wav(1, 1, 16, &pcm16(&ramp()));
    let whole = as_f32(&ramp());
    let mut source = Source::from_bytes(file, Channel::Mean).unwrap();
    for (start, n) in [(0, 1), (19_999, 1), (8_191, 2), (5_000, 9_000), (20_000, 0), (3, 100)] {
        source.seek(start).unwrap();
        assert_eq!(source.position(), start);
        let mut out = Vec::new();
        assert_eq!(source.read(&mut out, n).unwrap(), n);
        assert_eq!(out, whole[start as usize..start as usize + n]);
    }
    assert_eq!(source.seek(20_001).unwrap_err().code, Code::BadSegment);
    // The caller's mistake does not cost the file.
    source.seek(7).unwrap();
    let mut out = vec![-2.0];
    assert_eq!(source.read(&mut out, 3).unwrap(), 3);
    assert_eq!(out, [&[-2.0], &whole[7..10]].concat());
}
