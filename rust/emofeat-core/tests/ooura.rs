//! The single-precision FFT against the check values of the published transform, bit for bit.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use emofeat_core::dsp::lanes::L32;
use emofeat_core::dsp::ooura::RealFft;

/// Length, CRC-32 of the forward transform of [`signal`], and of the inverse of its power spectrum.
const CHECKS: [(usize, u32, u32); 11] = [
    (16, 0xA4CC_541C, 0x326A_8791),
    (32, 0x0A56_C226, 0x6EC1_4BE4),
    (64, 0xBF36_6A63, 0xE8E7_C4D5),
    (128, 0x3E8B_CD64, 0x9258_AD0E),
    (256, 0x58E9_1F7A, 0x5580_7BB2),
    (512, 0x4C3F_3540, 0xD438_7E07),
    (1024, 0xDF31_3B0E, 0x7D33_B1DF),
    (2048, 0xC4A4_85CD, 0x0D13_8031),
    (4096, 0x8A23_7F9A, 0xBAF8_D822),
    (8192, 0x77F5_19E5, 0xCFD8_2420),
    (16384, 0xAB55_8044, 0x1A1C_118B),
];

fn signal(n: usize) -> Vec<f32> {
    let sample = |i: usize| {
        let t = i as f64 * 0.618_033_988_7;
        ((t - t.floor()) - 0.5) as f32
    };
    (0..n).map(sample).collect()
}

/// CRC-32 as in zlib, of the bytes of `x`.
fn crc(x: &[f32]) -> u32 {
    let byte = |crc: u32, byte: u8| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 }
        })
    };
    !x.iter().flat_map(|x| x.to_le_bytes()).fold(!0, byte)
}

/// Forward transform, and inverse of its power spectrum, of one signal in lane `lane` of `L`; the
/// other lanes hold other numbers. The spectrum is (first, last, re, im, re, im ...).
fn both<const L: usize>(fft: &RealFft, x: &[f32], lane: usize) -> (Vec<f32>, Vec<f32>) {
    let bins = fft.bins();
    let mut rows: Vec<[f32; L]> = x
        .iter()
        .map(|&x| std::array::from_fn(|l| if l == lane { x } else { x * x + l as f32 }))
        .collect();
    let (mut re, mut im) = (vec![[0.0; L]; bins], vec![[0.0; L]; bins]);
    fft.forward(&mut rows, &mut re, &mut im);
    let spectrum = [re[0][lane], re[bins - 1][lane]]
        .into_iter()
        .chain((1..bins - 1).flat_map(|k| [re[k][lane], im[k][lane]]))
        .collect();
    for (k, re) in re.iter_mut().enumerate() {
        let real = k == 0 || k == bins - 1;
        let im = im[k];
        *re = std::array::from_fn(|l| re[l] * re[l] + if real { 0.0 } else { im[l] * im[l] });
    }
    im.fill([0.0; L]);
    let mut out = rows.clone();
    fft.inverse(&re, &im, &mut rows, &mut out);
    (spectrum, out.iter().map(|row| row[lane]).collect())
}

#[test]
fn both_directions_have_the_bits_of_the_published_transform_in_every_lane() {
    for (n, forward, inverse) in CHECKS {
        let (fft, x) = (RealFft::new(n).unwrap(), signal(n));
        let (spectrum, back) = both::<1>(&fft, &x, 0);
        assert_eq!((crc(&spectrum), crc(&back)), (forward, inverse), "{n}, one lane");
        for lane in 0..L32 {
            let (spectrum, back) = both::<L32>(&fft, &x, lane);
            assert_eq!((crc(&spectrum), crc(&back)), (forward, inverse), "{n}, lane {lane}");
        }
    }
}

#[test]
fn the_shortest_transform_has_the_published_numbers() {
    let bits = |x: &[f32]| x.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    let x = signal(16);
    assert_eq!(bits(&x[..4]), [0xBF00_0000, 0x3DF1_BBCE, 0xBE87_2219, 0x3EB5_4CDA]);
    let (spectrum, _) = both::<1>(&RealFft::new(16).unwrap(), &x, 0);
    let expected = [
        0xBF55_FEF2,
        0x3D64_4320,
        0xBF71_BBCE,
        0x3E8F_71A8,
        0x3D64_4320,
        0x3F0C_7B14,
        0xBF71_BBCE,
        0x3DAA_CF30,
        0x3D64_4330,
        0xBF71_BBCE,
        0xBF71_BBCE,
        0x3D18_851F,
        0x3D64_4320,
        0x401B_FCAC,
        0xBF71_BBCE,
        0x3C35_9DC0,
    ];
    assert_eq!(bits(&spectrum), expected);
}

#[test]
fn every_length_is_the_transform_of_its_definition_and_inverts() {
    for n in (4..=16).map(|e| 1 << e) {
        let (fft, x) = (RealFft::new(n).unwrap(), signal(n));
        let mut rows: Vec<[f32; 1]> = x.iter().map(|&x| [x]).collect();
        let mut bins = vec![vec![[0.0f32; 1]; fft.bins()]; 3];
        let [re, im, magnitude] = &mut bins[..] else { unreachable!() };
        fft.polar(&mut rows, re, im, magnitude);
        // Rounding adds up over log2(n) stages of sums whose size is that of √n samples.
        let near = |a: f32, b: f64| (f64::from(a) - b).abs() < 1e-6 * (n as f64).sqrt();
        for k in [0, 1, 3, n / 16, n / 8 + 1, n / 4, n / 3, n / 2 - 1, n / 2] {
            let (a, b) = x.iter().enumerate().fold((0.0, 0.0), |(a, b), (j, &x)| {
                let angle = std::f64::consts::TAU * ((j * k) % n) as f64 / n as f64;
                (a + f64::from(x) * angle.cos(), b + f64::from(x) * angle.sin())
            });
            let (re, im, m) = (re[k][0], im[k][0], magnitude[k][0]);
            assert!(near(re, a) && near(im, b) && near(m, a.hypot(b)), "n {n} bin {k}: {re} {im}");
        }
        let mut only = vec![[0.0]; fft.bins()];
        fft.magnitude(&mut x.iter().map(|&x| [x]).collect::<Vec<_>>(), &mut only);
        assert_eq!(only, bins[2], "{n}");
        let mut back = rows.clone();
        fft.inverse(&bins[0], &bins[1], &mut rows, &mut back);
        for (x, back) in x.iter().zip(&back) {
            // The samples are below 1/2: a few units in the last place per stage.
            assert!((back[0] * 2.0 / n as f32 - x).abs() < 1e-6, "{n}");
        }
    }
}

#[test]
fn autocorrelation_is_the_inverse_of_the_power_spectrum() {
    for n in [16, 32, 64, 1024] {
        let fft = RealFft::new(n).unwrap();
        let mut rows: Vec<[f32; 1]> = signal(n).iter().map(|&x| [x]).collect();
        let mut magnitude = vec![[0.0]; fft.bins()];
        fft.magnitude(&mut rows, &mut magnitude);
        fft.autocorrelation(&magnitude, &mut rows);
        let lags: Vec<f32> = (0..fft.bins()).map(|i| fft.lag(&rows, 0, i)).collect();
        let power: Vec<[f32; 1]> = magnitude.iter().map(|m| [m[0] * m[0]]).collect();
        let mut back = rows.clone();
        fft.inverse(&power, &vec![[0.0]; fft.bins()], &mut rows, &mut back);
        for (lag, x) in lags.iter().zip(&back) {
            assert_eq!(*lag, x[0].abs() / fft.bins() as f32, "{n}");
        }
    }
}

#[test]
fn a_length_that_is_no_power_of_two_is_refused() {
    for n in [0, 8, 17, 1000, 131_072] {
        let error = RealFft::new(n).unwrap_err();
        assert!(error.message.contains(&format!("FFT length {n}")), "{error}");
    }
}
