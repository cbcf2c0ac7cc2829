//! How fast samples are made: `cargo bench -p hanbench-core --bench waveform`.
//!
//! Six channels at 8 kHz with noise, through filter, quantiser and interleaving, on one core. Besides channel-samples per
//! second it prints the ratio to copying the same bytes in the same run, which says more on a machine that others use.

#![allow(clippy::print_stdout, reason = "figures are what a benchmark is for")]

use hanbench_core::wave::frontend::Converter;
use hanbench_core::wave::spec::{Spec, SpecError};
use hanbench_core::wave::{Phasor, Segment, Signal, Spectrum};
use std::hint::black_box;
use std::time::{Duration, Instant};

const CHANNELS: usize = 6;
const FRAMES: usize = 8000;
const SPEC: &str = "[waveform]\nrate_hz = 8000\nduration_s = 600\nseed = 42\n\
    [frontend]\nbits = 12\nnoise_lsb_rms = 0.8\nalias_filter_hz = 3000\nslot_us = [0, 104, 208, 312, 416, 520]\n";

fn main() -> Result<(), SpecError> {
    // `cargo test --benches` only wants to see it run.
    let seconds = if std::env::args().any(|argument| argument == "--bench") { 600 } else { 2 };
    let mut out = vec![0i16; FRAMES * CHANNELS];
    let source = vec![1i16; FRAMES * CHANNELS];
    let copied = best(seconds, || {
        out.copy_from_slice(black_box(&source));
        black_box(&mut out);
    });
    println!("copy:         {:>9.3e} channel-samples/s", rate(copied));
    let spec = Spec::parse(SPEC)?;
    for (harmonics, cycles) in [(1, None), (20, None), (50, None), (20, Some(1)), (20, Some(50))] {
        let mut converter = Converter::new(&spec, &segments(harmonics, cycles));
        let mut from = 0;
        let made = best(seconds, || {
            converter.fill(from, black_box(&mut out));
            from = (from + FRAMES as u64) % (600 * FRAMES as u64);
        });
        let what = cycles.map_or("one segment".into(), |cycles| format!("segments of {cycles} cycles"));
        println!(
            "{harmonics:>2} harmonics: {:>9.3e} channel-samples/s, {:.1} times a copy ({what})",
            rate(made),
            made.as_secs_f64() / copied.as_secs_f64()
        );
    }
    Ok(())
}

/// The shortest of many runs: what the machine can do when nobody is in the way.
fn best(runs: usize, mut run: impl FnMut()) -> Duration {
    let times = (0..runs).map(|_| {
        let start = Instant::now();
        run();
        start.elapsed()
    });
    times.min().unwrap_or_default()
}

fn rate(time: Duration) -> f64 {
    (FRAMES * CHANNELS) as f64 / time.as_secs_f64()
}

fn segments(harmonics: u8, cycles: Option<u64>) -> Vec<Segment> {
    let end = 600 * FRAMES as u64;
    let length = cycles.map_or(end, |cycles| cycles * 160);
    let step = (49.93 / FRAMES as f64 * 2f64.powi(64)) as u64;
    let signal = |volts: f64| {
        let part =
            |order: u8| (order, Phasor::from_polar(volts / f64::from(order).powi(2), f64::from(order)));
        Signal::Steady(Spectrum { dc: 0.0, parts: (1..=harmonics).map(part).collect() })
    };
    (0..end / length)
        .map(|k| Segment {
            from: k * length,
            to: (k + 1) * length,
            turn: step.wrapping_mul(k * length),
            step,
            u: [230.0, 231.0, 232.0].map(signal),
            i: [10.0, 20.0, 30.0].map(signal),
        })
        .collect()
}
