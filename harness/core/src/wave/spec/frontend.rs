//! The table `[frontend]`: from the clamps to the numbers that a converter gives.
//!
//! | key | default | meaning |
//! |---|---|---|
//! | `bits` | 12 | 8 to 16; codes are signed, −2^(bits−1) to 2^(bits−1) − 1 |
//! | `u_peak_v` | 600 | volts at half the range |
//! | `i_peak_a` | 1.2·√2·rated·outer ratio | primary amperes at half the range: one number, or one for each clamp |
//! | `bias` | 0.5 | code of 0 as a part of the range, 0.1 to 0.9 |
//! | `noise_lsb_rms` | 0 | up to 1000 |
//! | `gain_err_pct` | 0 | too much: one number, or one for each channel written |
//! | `slot_us` | 0 | microseconds by which a channel is sampled late: one number, or one for each channel written |
//! | `clock_ppm` | 0 | by how much the converter's clock is fast, up to ±10 000 |
//! | `alias_filter_hz` | none | corner of a first-order low-pass before the converter |
//! | `crosstalk` | none | 3 × 3: part of the column's current that the row's clamp sees besides its own |

use super::{Clamp, File, SpecError, Waveform};
use serde::{Deserialize, Serialize};
use std::f64::consts::SQRT_2;
use std::ops::RangeInclusive;
use toml::Spanned;

/// The converter.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Frontend {
    /// 8 to 16.
    pub bits: u8,
    /// Volts at half the range.
    pub u_peak_v: f64,
    /// Primary amperes at half the range, for each clamp.
    pub i_peak_a: Vec<f64>,
    /// Code of 0 as a part of the range.
    pub bias: f64,
    /// In LSB.
    pub noise_lsb_rms: f64,
    /// Percent too much, for each channel written.
    pub gain_err_pct: Vec<f64>,
    /// Microseconds by which a channel is sampled late, for each channel written.
    pub slot_us: Vec<f64>,
    /// By how much the clock is fast.
    pub clock_ppm: f64,
    /// Corner of the low-pass in hertz.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alias_filter_hz: Option<f64>,
    /// Part of the column's current that the row's clamp sees besides its own.
    pub crosstalk: [[f64; 3]; 3],
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawFrontend {
    bits: Option<Spanned<u8>>,
    u_peak_v: Option<Spanned<f64>>,
    i_peak_a: Option<Spanned<OneOrEach>>,
    bias: Option<Spanned<f64>>,
    noise_lsb_rms: Option<Spanned<f64>>,
    gain_err_pct: Option<Spanned<OneOrEach>>,
    slot_us: Option<Spanned<OneOrEach>>,
    clock_ppm: Option<Spanned<f64>>,
    alias_filter_hz: Option<Spanned<f64>>,
    crosstalk: Option<Spanned<[[f64; 3]; 3]>>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a number, or a list with one for each channel")]
enum OneOrEach {
    One(f64),
    Each(Vec<f64>),
}

pub(super) fn check(
    file: File<'_>,
    raw: RawFrontend,
    waveform: &Waveform,
    clamps: &[Clamp],
) -> Result<Frontend, SpecError> {
    let bits = match &raw.bits {
        Some(bits) if !(8..=16).contains(bits.get_ref()) => {
            return Err(file.error(bits.span(), format!("`bits` is {}; expected 8 to 16", bits.get_ref())));
        }
        bits => bits.as_ref().map_or(12, |bits| *bits.get_ref()),
    };
    let channels = vec![0.0; waveform.channels.len()];
    let peaks = clamps.iter().map(|clamp| 1.2 * SQRT_2 * clamp.rated_a * clamp.outer()).collect();
    let crosstalk = raw.crosstalk.as_ref().map_or([[0.0; 3]; 3], |raw| *raw.get_ref());
    if let (Some(raw), Some(wrong)) =
        (&raw.crosstalk, crosstalk.iter().flatten().find(|part| !(-1.0..=1.0).contains(*part)))
    {
        return Err(file.error(raw.span(), format!("`crosstalk` has {wrong}; expected -1 to 1")));
    }
    let alias_filter_hz = raw.alias_filter_hz.as_ref();
    Ok(Frontend {
        bits,
        u_peak_v: file.number_or(raw.u_peak_v.as_ref(), "u_peak_v", 1e-3..=1e6, 600.0)?,
        i_peak_a: each(file, raw.i_peak_a, "i_peak_a", 1e-3..=1e9, peaks)?,
        bias: file.number_or(raw.bias.as_ref(), "bias", 0.1..=0.9, 0.5)?,
        noise_lsb_rms: file.number_or(raw.noise_lsb_rms.as_ref(), "noise_lsb_rms", 0.0..=1000.0, 0.0)?,
        gain_err_pct: each(file, raw.gain_err_pct, "gain_err_pct", -50.0..=50.0, channels.clone())?,
        slot_us: each(file, raw.slot_us, "slot_us", 0.0..=10_000.0, channels)?,
        clock_ppm: file.number_or(raw.clock_ppm.as_ref(), "clock_ppm", -10_000.0..=10_000.0, 0.0)?,
        alias_filter_hz: alias_filter_hz
            .map(|hz| file.number(hz, "alias_filter_hz", 10.0..=1e6))
            .transpose()?,
        crosstalk,
    })
}

/// One number for all, or one for each; `default` when the key is missing.
fn each(
    file: File<'_>,
    raw: Option<Spanned<OneOrEach>>,
    key: &str,
    limits: RangeInclusive<f64>,
    default: Vec<f64>,
) -> Result<Vec<f64>, SpecError> {
    let Some(raw) = raw else { return Ok(default) };
    let span = raw.span();
    let numbers = match raw.into_inner() {
        OneOrEach::One(number) => vec![number; default.len()],
        OneOrEach::Each(numbers) => numbers,
    };
    if numbers.len() != default.len() {
        let what = format!("`{key}` has {} numbers; expected one, or {}", numbers.len(), default.len());
        return Err(file.error(span, what));
    }
    match numbers.iter().find(|number| !limits.contains(*number)) {
        Some(wrong) => {
            let what = format!("`{key}` has {wrong}; expected {} to {}", limits.start(), limits.end());
            Err(file.error(span, what))
        }
        None => Ok(numbers),
    }
}
