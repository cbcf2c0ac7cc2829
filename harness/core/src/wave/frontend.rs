//! What the converter makes of the signals at the clamps: samples.
//!
//! ```text
//! crosstalk ─► gain error ─► RC low-pass ─► slot delay ─► noise ─► bias ─► round half to even ─► clip
//! └──────────── on the phasors, exact ─────────────────┘  └──────── sample by sample ────────────────┘
//! ```
//!
//! A sample depends on its number alone: any chunk, in any order, gives the same bytes. A slot delay is a turn of the
//! phasors; that the segment's border comes later on a late channel as well is left out. A single [`Signal::Cycle`] is
//! filtered in time instead, from the state that the segment before left.
//!
//! The clock of the converter may be wrong: then frequencies and borders shift, as they do for a device whose crystal
//! is off. Behind its last segment a signal goes on as it was.

mod linear;

use super::noise::Noise;
use super::spec::{Channel, Spec};
use super::synth::{Direct, LONG, Sines, Table};
use super::{Segment, Spectrum};
use linear::Analog;

/// Samples of a channel that are made at once.
const BLOCK: usize = 1024;
/// Adding 1.5·2²³ to a single moves its ones to the last bits of the mantissa, rounded half to even.
const ROUNDER: f32 = 12_582_912.0;

/// What a code means.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Scale {
    /// Volts or primary amperes of one step.
    pub per_lsb: f64,
    /// Code of 0.
    pub zero: f64,
}

/// A stretch of samples in which nothing changes.
#[derive(Clone, Debug)]
struct Leg {
    from: u64,
    to: u64,
    turn: u64,
    step: u64,
    /// One for each channel written.
    waves: Vec<Wave>,
}

/// One channel of a leg, in LSB from the code 0.
#[derive(Clone, Debug)]
enum Wave {
    Steady(Spectrum),
    /// Values at equal steps of phase from the leg's start, [`CYCLE`] of them a turn.
    Cycle(Vec<f64>),
}

/// Values of a [`Wave::Cycle`] in a turn.
const CYCLE: usize = super::flux::POINTS;

/// How the samples of one channel of the present leg are made.
#[derive(Clone, Debug)]
struct Voice {
    way: Way,
    table: Table,
    direct: Direct,
    noise: Noise,
}

#[derive(Clone, Copy, Debug)]
enum Way {
    Table,
    Direct,
    Cycle,
}

/// Makes the samples of a waveform.
#[derive(Clone, Debug)]
pub struct Converter {
    scales: Vec<Scale>,
    range: [f32; 2],
    legs: Vec<Leg>,
    sines: Sines,
    voices: Vec<Voice>,
    present: Option<usize>,
    codes: Vec<[i16; BLOCK]>,
    clipped: Vec<u64>,
}

impl Converter {
    /// A converter for the channels of the spec, given the segments at the clamps.
    pub fn new(spec: &Spec, segments: &[Segment]) -> Converter {
        let half = f64::from(1u32 << (spec.frontend.bits - 1));
        let zero = ((spec.frontend.bias - 0.5) * 2.0 * half).clamp(-half, half - 1.0);
        let scales: Vec<Scale> =
            spec.waveform.channels.iter().map(|channel| scale(spec, *channel, half, zero)).collect();
        let analog = Analog::new(spec, &scales);
        let noise = spec.frontend.noise_lsb_rms;
        let voice = |channel: &Channel| Voice {
            way: Way::Direct,
            table: Table::new(),
            direct: Direct::default(),
            noise: Noise::new(spec.waveform.seed, *channel as u8, noise),
        };
        Converter {
            range: [-half as f32, (half - 1.0) as f32],
            legs: analog.legs(segments),
            sines: Sines::new(),
            voices: spec.waveform.channels.iter().map(voice).collect(),
            present: None,
            codes: vec![[0; BLOCK]; scales.len()],
            clipped: vec![0; scales.len()],
            scales,
        }
    }

    /// What the codes of the channel at this place of the list of channels mean, by the nominal gain.
    pub fn scale(&self, channel: usize) -> Option<Scale> {
        self.scales.get(channel).copied()
    }

    /// Samples of each channel that [`Converter::fill`] has clipped since the converter was made.
    pub fn clipped(&self) -> &[u64] {
        &self.clipped
    }

    /// Writes the samples of frame `from` and on, one of each channel in turn. What is left of `out` behind the last
    /// whole frame stays as it was.
    pub fn fill(&mut self, from: u64, out: &mut [i16]) {
        let channels = self.scales.len().max(1);
        let mut from = from;
        let mut out = out;
        while out.len() >= channels {
            let frames = self.block(from, out.len() / channels);
            let (head, rest) = out.split_at_mut(frames * channels);
            self.interleave(head);
            from += frames as u64;
            out = rest;
        }
    }

    /// Makes the codes of some frames from `from` on, at most `frames`, and says of how many.
    fn block(&mut self, from: u64, frames: usize) -> usize {
        let at = self.legs.partition_point(|leg| leg.to <= from).min(self.legs.len().saturating_sub(1));
        let Some(leg) = self.legs.get(at) else { return self.silence(frames) };
        if self.present != Some(at) {
            self.voices
                .iter_mut()
                .zip(&leg.waves)
                .for_each(|(voice, wave)| voice.set(&self.sines, leg, wave));
            self.present = Some(at);
        }
        let last = at + 1 == self.legs.len();
        let left = if last { u64::MAX } else { leg.to - from };
        let frames = left.min(frames.min(BLOCK) as u64) as usize;
        let phase = leg.turn.wrapping_add(leg.step.wrapping_mul(from.wrapping_sub(leg.from)));
        let mut values = [0.0; BLOCK];
        let values = &mut values[..frames];
        for (channel, voice) in self.voices.iter().enumerate() {
            match (voice.way, leg.waves.get(channel)) {
                (Way::Cycle, Some(Wave::Cycle(cycle))) => {
                    at_phases(cycle, from.saturating_sub(leg.from), leg.step, values)
                }
                (Way::Direct, _) => voice.direct.fill(&self.sines, phase, leg.step, values),
                _ => voice.table.fill(phase, leg.step, values),
            }
            voice.noise.add(from, values);
            self.clipped[channel] += u64::from(quantise(values, self.range, &mut self.codes[channel]));
        }
        frames
    }

    /// Without any segment there is nothing to convert.
    fn silence(&mut self, frames: usize) -> usize {
        for (codes, scale) in self.codes.iter_mut().zip(&self.scales) {
            codes.fill(libm::rint(scale.zero) as i16);
        }
        frames.min(BLOCK)
    }

    fn interleave(&self, out: &mut [i16]) {
        match &self.codes[..] {
            [a] => zip([a], out),
            [a, b] => zip([a, b], out),
            [a, b, c] => zip([a, b, c], out),
            [a, b, c, d] => zip([a, b, c, d], out),
            [a, b, c, d, e] => zip([a, b, c, d, e], out),
            [a, b, c, d, e, f] => zip([a, b, c, d, e, f], out),
            _ => {}
        }
    }
}

impl Voice {
    fn set(&mut self, sines: &Sines, leg: &Leg, wave: &Wave) {
        self.way = match wave {
            Wave::Cycle(_) => Way::Cycle,
            Wave::Steady(spectrum) if leg.to - leg.from >= LONG => {
                self.table.set(sines, spectrum);
                Way::Table
            }
            Wave::Steady(spectrum) => {
                self.direct.set(spectrum);
                Way::Direct
            }
        };
    }
}

fn scale(spec: &Spec, channel: Channel, half: f64, zero: f64) -> Scale {
    let peak = if channel.is_current() {
        spec.frontend.i_peak_a.get(channel.line()).copied().unwrap_or(1.0)
    } else {
        spec.frontend.u_peak_v
    };
    Scale { per_lsb: peak / half, zero }
}

/// Values of a cycle, by cubics through four neighbours.
fn at_phases(cycle: &[f64], first: u64, step: u64, values: &mut [f32]) {
    let per_sample = step as f64 / 2f64.powi(64) * CYCLE as f64;
    let value = |at: usize| cycle.get(at).or(cycle.last()).copied().unwrap_or(0.0);
    for (value_at, n) in values.iter_mut().zip(first..) {
        let at = n as f64 * per_sample;
        let (k, t) = (at as usize, at - at.floor());
        let [before, left, right, behind] =
            [value(k.saturating_sub(1)), value(k), value(k + 1), value(k + 2)];
        let (s0, s1) = ((right - before) / 2.0, (behind - left) / 2.0);
        let rise = right - left;
        let sum = left + t * (s0 + t * (3.0 * rise - 2.0 * s0 - s1 + t * (s0 + s1 - 2.0 * rise)));
        *value_at = sum as f32;
    }
}

/// Rounds half to even and clips; gives how many were clipped. Beyond ±2²² a value is coarse, and clipped in any case.
fn quantise(values: &[f32], [low, high]: [f32; 2], codes: &mut [i16; BLOCK]) -> u32 {
    let mut clipped = 0;
    for (code, value) in codes.iter_mut().zip(values) {
        let whole = (value + ROUNDER) - ROUNDER;
        let kept = if whole < low { low } else { whole };
        let kept = if kept > high { high } else { kept };
        clipped += u32::from(kept != whole);
        *code = (kept + ROUNDER).to_bits() as i16;
    }
    clipped
}

fn zip<const N: usize>(codes: [&[i16; BLOCK]; N], out: &mut [i16]) {
    for (at, frame) in out.as_chunks_mut::<N>().0.iter_mut().enumerate().take(BLOCK) {
        *frame = codes.map(|codes| codes[at]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_go_to_the_even_code_and_what_is_beyond_is_clipped_and_counted() {
        let values =
            [0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 2.499_99, 127.4, 127.5, -128.5, -128.51, 1e9, -1e9, -9e6, 9e6];
        let mut codes = [0; BLOCK];
        let clipped = quantise(&values, [-128.0, 127.0], &mut codes);
        assert_eq!(codes[..15], [0, 2, 2, 0, -2, -2, 2, 127, 127, -128, -128, 127, -128, -128, 127]);
        assert_eq!(clipped, 6);
    }

    #[test]
    fn sixteen_bits_reach_both_ends() {
        let mut codes = [0; BLOCK];
        let clipped =
            quantise(&[32_767.0, -32_768.0, 32_767.5, -32_768.5], [-32_768.0, 32_767.0], &mut codes);
        assert_eq!((&codes[..4], clipped), (&[i16::MAX, i16::MIN, i16::MAX, i16::MIN][..], 1));
    }
}
