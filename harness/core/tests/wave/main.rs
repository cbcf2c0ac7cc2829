//! Waveform files, the network and what is true of it: figures worked out elsewhere, refusals, laws.

mod files;
mod frontend;
mod network;
mod sensor;
mod spec;
mod truth;

use hanbench_core::wave::spec::Spec;
use hanbench_core::wave::truth::{Truth, over, over_three_wire};
use hanbench_core::wave::{Segment, network as net};

/// A file of 8000 samples a second with this `[net]` and so on.
fn file(duration_s: f64, rest: &str) -> String {
    format!("[waveform]\nrate_hz = 8000\nduration_s = {duration_s}\n{rest}")
}

/// The same, read and worked out.
fn segments(duration_s: f64, rest: &str) -> (Spec, Vec<Segment>) {
    let spec = Spec::parse(&file(duration_s, rest)).unwrap_or_else(|error| panic!("{error}\n{rest}"));
    let segments = net::segments(&spec);
    (spec, segments)
}

/// What is true of all of it.
fn truth(duration_s: f64, rest: &str) -> Truth {
    let (spec, segments) = segments(duration_s, rest);
    let (rate, end) = (spec.waveform.rate, spec.waveform.samples());
    let over = if spec.net.kind.has_neutral() { over } else { over_three_wire };
    over(&segments, rate, 0, end).expect("covered")
}

/// RMS voltages and currents of the three lines.
fn rms(truth: &Truth) -> ([f64; 3], [f64; 3]) {
    (truth.lines.map(|line| line.u.expect("known").rms), truth.lines.map(|line| line.i.expect("known").rms))
}

#[track_caller]
fn near(got: f64, expected: f64, within: f64) {
    assert!((got - expected).abs() <= within, "got {got}, expected {expected} within {within}");
}

/// One `[[load]]`.
fn load(at: &str, rest: &str) -> String {
    format!("[[load]]\nat = \"{at}\"\n{rest}\n")
}
