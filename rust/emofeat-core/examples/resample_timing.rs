use std::time::Instant;
fn main() {
    let only = std::env::var("ONLY").unwrap_or_default();
    for (a, b) in [(48000u32, 16000u32), (44100, 16000), (22050, 16000), (16000, 48000), (8000, 16000), (16000, 22050), (44100, 48000), (44100, 47999), (192000, 8000)] {
        if !only.is_empty() && only != format!("{a}-{b}") { continue; }
        let t0 = Instant::now();
        let r = emofeat_core::audio::resample::Resampler::new(a, b).unwrap();
        let build = t0.elapsed().as_secs_f64() * 1e3;
        for sec in [3usize, 60] {
            let n = a as usize * sec;
            let mut s = 1u32;
            let x: Vec<f32> = (0..n).map(|_| { s = s.wrapping_mul(1664525).wrapping_add(1013904223); (s as i32 as f32) * 1e-10 }).collect();
            let mut best = f64::MAX;
            let mut len = 0;
            for _ in 0..(if sec == 3 { 100 } else { 10 }) {
                let t = Instant::now();
                let y = r.process_whole(&x);
                len = y.len();
                std::hint::black_box(&y);
                best = best.min(t.elapsed().as_secs_f64());
            }
            println!("{a}->{b} {sec}s: {:.3} ms, {:.2} ns/out (build {build:.2} ms)", best * 1e3, best / len as f64 * 1e9);
        }
    }
}
