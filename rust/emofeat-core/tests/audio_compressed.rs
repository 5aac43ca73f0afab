//! The fixtures of `tests/data/audio` against what soundfile and PyAV decode from them.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use emofeat_core::audio::{Channel, Source, read_all_channels};
use emofeat_core::error::{Code, Result};

/// `NAME.s16` holds every 13th frame.
const STEP: usize = 13;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/audio")
}

fn read(name: &str) -> Vec<u8> {
    fs::read(folder().join(name)).unwrap()
}

fn decode(bytes: Vec<u8>) -> Result<Vec<f32>> {
    let mut source = Source::from_bytes(bytes, Channel::Index(0))?;
    let mut out = Vec::new();
    while source.read(&mut out, 777)? > 0 {}
    Ok(out)
}

fn code(bytes: Vec<u8>) -> Code {
    decode(bytes).map(|x| x.len()).unwrap_err().code
}

struct Expected {
    name: String,
    sr: u32,
    channels: usize,
    frames: usize,
    crc: u32,
}

fn expected() -> Vec<Expected> {
    let table = fs::read_to_string(folder().join("expected.tsv")).unwrap();
    let row = |line: &str| {
        let f: Vec<&str> = line.split('\t').collect();
        Expected {
            name: f[0].to_owned(),
            sr: f[1].parse().unwrap(),
            channels: f[2].parse().unwrap(),
            frames: f[3].parse().unwrap(),
            crc: f[4].parse().unwrap(),
        }
    };
    let rows: Vec<Expected> = table.lines().skip(1).map(row).collect();
    assert!(rows.len() >= 17);
    rows
}

/// CRC-32 as zlib computes it.
fn crc32(bytes: impl Iterator<Item = u8>) -> u32 {
    !bytes.fold(!0u32, |crc, b| {
        (0..8).fold(crc ^ u32::from(b), |c, _| c >> 1 ^ (0xedb8_8320 * (c & 1)))
    })
}

#[test]
fn length_and_samples_are_those_of_soundfile_and_ffmpeg() {
    for row in expected() {
        let (planes, info) = read_all_channels(&folder().join(&row.name)).unwrap();
        assert_eq!((info.sr, planes.len()), (row.sr, row.channels), "{}", row.name);
        assert_eq!(planes[0].len(), row.frames, "{}", row.name);
        assert_eq!(info.frames, Some(row.frames as u64), "{}", row.name);
        let frame = |t: usize| planes.iter().map(move |p| p[t]);
        if row.crc != 0 {
            let bytes = (0..row.frames).flat_map(frame).flat_map(f32::to_le_bytes);
            assert_eq!(crc32(bytes), row.crc, "{}", row.name);
            continue;
        }
        let stored = read(&format!("{}.s16", row.name));
        let stored = stored.chunks_exact(2).map(|b| f32::from(i16::from_le_bytes([b[0], b[1]])));
        let found: Vec<f32> = (0..row.frames).step_by(STEP).flat_map(frame).collect();
        assert_eq!(found.len(), stored.len(), "{}", row.name);
        for (i, (a, b)) in found.iter().zip(stored).enumerate() {
            // The tolerance of the project for lossy codings, and the rounding of what is stored.
            assert!((a - b / 32_767.0).abs() < 1e-3 + 2e-5, "{} value {i}: {a} {b}", row.name);
        }
    }
}

#[test]
fn a_segment_is_the_slice_of_the_whole_bit_for_bit() {
    for row in expected() {
        let bytes = read(&row.name);
        let whole = decode(bytes.clone()).unwrap();
        let mut source = Source::from_bytes(bytes, Channel::Index(0)).unwrap();
        let mut state = 12_345u64;
        let mut places = vec![row.frames, row.frames - 1, 0, 1, 1024, 1151, 1152, 2048];
        places.extend((0..12).map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) as usize % row.frames
        }));
        for start in places {
            source.seek(start as u64).unwrap();
            let mut out = Vec::new();
            let n = 900.min(row.frames - start);
            assert_eq!(source.read(&mut out, 900).unwrap(), n, "{} {start}", row.name);
            let same = out.iter().zip(&whole[start..]).all(|(a, b)| a.to_bits() == b.to_bits());
            assert!(same, "{} from frame {start}", row.name);
        }
        let beyond = source.seek(row.frames as u64 + 1).unwrap_err();
        assert_eq!(beyond.code, Code::BadSegment, "{}", row.name);
    }
}

#[test]
fn content_decides_not_the_name() {
    let whole = decode(read("lavc.mp3")).unwrap();
    let tag = b"ID3\x03\x00\x00\x00\x00\x00\x0aXXXXXXXXXX".to_vec();
    assert_eq!(decode([tag.clone(), read("lavc.mp3")].concat()).unwrap(), whole);
    // A tag at the end, and zeros before it.
    let mut tail = vec![0; 100];
    tail.extend_from_slice(b"TAG");
    tail.extend_from_slice(&[b' '; 125]);
    assert_eq!(decode([read("lavc.mp3"), tail].concat()).unwrap(), whole);
    let flac = decode(read("pcm_16.flac")).unwrap();
    assert_eq!(decode([tag, read("pcm_16.flac")].concat()).unwrap(), flac);
    let info = |name: &str| {
        let source = Source::open(&folder().join(name), Channel::Mean).unwrap();
        (source.info().format, source.info().codec.clone())
    };
    assert_eq!(info("in.wav"), ("wav", "mp3".to_owned()));
    assert_eq!(info("video.mp4"), ("mp4", "aac_lc".to_owned()));
    assert_eq!(info("lc.aac"), ("adts", "aac_lc".to_owned()));
    assert_eq!(info("pages.ogg"), ("ogg", "vorbis".to_owned()));
}

#[test]
fn other_media_are_named_and_left_to_pyav() {
    let names = [
        ("opus.ogg", "Ogg with Opus"),
        ("opus.webm", "WebM"),
        ("aac.mkv", "Matroska"),
        ("alac.m4a", "MP4 with ALAC"),
        ("pcm.avi", "AVI"),
        ("pcm.aiff", "AIFF"),
        ("pcm.caf", "CAF"),
        ("pcm.au", "Sun AU"),
        ("pcm.w64", "Sony Wave64"),
        ("adpcm.wav", "WAV with IMA ADPCM"),
        ("flac.ogg", "Ogg with FLAC"),
        ("mp2.mp2", "MPEG audio of layer I or II"),
        ("hidden_sbr.aac", "HE-AAC (found in the data, not announced)"),
    ];
    assert_eq!(fs::read_dir(folder().join("foreign")).unwrap().count(), names.len());
    for (file, name) in names {
        let path = folder().join("foreign").join(file);
        let error = Source::open(&path, Channel::Mean).err().unwrap();
        assert_eq!(error.code, Code::UnsupportedCodec, "{file}");
        assert!(error.message.starts_with(name), "{file}: {}", error.message);
        assert!(error.message.contains("pip install 'emofeat[video]'"));
    }
}

/// `lc.m4a` with other bytes as its AAC configuration, which has room for five.
fn with_config(config: [u8; 5]) -> Vec<u8> {
    let mut file = read("lc.m4a");
    let at = file.windows(5).position(|w| w == [0x14, 0x08, 0x56, 0xe5, 0x00]).unwrap();
    file[at..at + 5].copy_from_slice(&config);
    file
}

#[test]
fn he_aac_is_never_decoded_at_half_its_rate() {
    let cases = [
        // Object type 5 (SBR) around AAC-LC: 00101 1000 0001 0101 00010 0...
        ([0x2c, 0x0a, 0x88, 0x00, 0x00], "HE-AAC "),
        // Object type 29 (PS).
        ([0xec, 0x0a, 0x88, 0x00, 0x00], "HE-AACv2 "),
        // AAC-LC, and behind the sync word 0x2b7 object type 5 with its flag set.
        ([0x14, 0x08, 0x56, 0xe5, 0xa8], "HE-AAC "),
        ([0x0c, 0x08, 0x00, 0x00, 0x00], "AAC of object type 1 "),
        ([0x14, 0x30, 0x00, 0x00, 0x00], "AAC-LC with channel configuration 6 "),
    ];
    for (config, name) in cases {
        let error = Source::from_bytes(with_config(config), Channel::Mean).err().unwrap();
        assert_eq!(error.code, Code::UnsupportedCodec);
        assert!(error.message.starts_with(name), "{}", error.message);
    }
    // The plain one again, without the extension.
    let plain = decode(with_config([0x14, 0x08, 0, 0, 0])).unwrap();
    assert_eq!(plain, decode(read("lc.m4a")).unwrap());
}

#[test]
fn the_edit_list_cuts_the_start_to_the_sample_and_the_end_to_the_packet() {
    let whole = decode(read("lc.m4a")).unwrap();
    let edited = |duration: u32, media_time: u32| {
        let mut file = read("lc.m4a");
        let at = file.windows(4).position(|w| w == b"elst").unwrap();
        file[at + 12..at + 16].copy_from_slice(&duration.to_be_bytes());
        file[at + 16..at + 20].copy_from_slice(&media_time.to_be_bytes());
        decode(file)
    };
    // The movie's clock ticks in milliseconds, the track's in samples of 16 kHz.
    assert_eq!(edited(1_000, 1024).unwrap(), whole[..16_384]);
    assert_eq!(edited(1_000, 1024 + 300).unwrap(), whole[300..]);
    assert_eq!(edited(500, 1024).unwrap(), whole[..8_192]);
    assert_eq!(edited(500, 1024 + 500).unwrap(), whole[500..9_216]);
    assert_eq!(edited(1_000, 1_000_000).unwrap_err().code, Code::NoSamples);
}

#[test]
fn a_stream_that_ends_early_says_so() {
    let names = [
        "lavc.mp3",
        "untagged.mp3",
        "pages.ogg",
        "lc.m4a",
        "fragments.m4a",
        "lc.aac",
        "pcm_16.flac",
    ];
    for name in names {
        let bytes = read(name);
        let len = bytes.len();
        for cut in [len - 1, len * 3 / 4 + 1, len / 2 + 1] {
            assert_eq!(
                code(bytes[..cut].to_vec()),
                Code::Truncated,
                "{name} cut at {cut} of {len}"
            );
        }
    }
    // A whole number of frames, but fewer than the header says.
    let mp3 = read("lavc.mp3");
    let is_frame = |w: &[u8]| w[0] == 0xff && w[1] & 0xf6 == 0xf2;
    let frames: Vec<usize> = (0..mp3.len() - 1).filter(|&i| is_frame(&mp3[i..])).collect();
    assert_eq!(code(mp3[..frames[frames.len() - 2]].to_vec()), Code::Truncated);
}

#[test]
fn damage_between_the_frames_is_not_skipped_over() {
    let mut mp3 = read("untagged.mp3");
    let middle = mp3.len() / 2;
    mp3.splice(middle..middle + 3, [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(code(mp3), Code::Corrupt);
    let ogg = read("pages.ogg");
    let mut changed = ogg.clone();
    changed[ogg.len() / 2] ^= 1;
    assert_eq!(code(changed), Code::Corrupt);
    // A page left out.
    let pages: Vec<usize> = (0..ogg.len()).filter(|&i| ogg[i..].starts_with(b"OggS")).collect();
    assert_eq!(pages.len(), 4);
    assert_eq!(code([&ogg[..pages[2]], &ogg[pages[3]..]].concat()), Code::Corrupt);
    // Another stream behind the first.
    let chained = [read("page.ogg"), read("stereo.ogg")].concat();
    assert_eq!(code(chained), Code::UnsupportedCodec);
}

#[test]
fn an_mp4_without_sound_has_no_audio_track() {
    let mut file = read("video.mp4");
    let at = file.windows(4).position(|w| w == b"soun").unwrap();
    file[at..at + 4].copy_from_slice(b"text");
    assert_eq!(code(file), Code::NoAudioTrack);
}
