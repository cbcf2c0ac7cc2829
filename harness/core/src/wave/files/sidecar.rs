//! The page beside a file: what its numbers mean, what they were made from, and what is true of them.
//!
//! | key | meaning |
//! |---|---|
//! | `files` | name, bytes, SHA-256 |
//! | `rate`, `frames` | samples per second as a fraction; samples of each channel |
//! | `channels` | name, unit, `per_lsb`, `zero`: a value is `(code − zero)·per_lsb`; how many samples were clipped |
//! | `truth` | over the whole file: `primary` what flows, `clamp` what the clamps deliver, `samples` what the samples say |
//! | `truth.no_fundamental` | why the samples have no fundamental, THD and Q of their own |
//! | `quantisation` | by how much the samples may miss the clamps, where rounding is all that the converter does |
//! | `spec` | the waveform file with every default filled in |

use super::figures::{Figures, LineFigures};
use super::sums::{Period, Sums, Unsteady};
use super::{Column, Layout};
use crate::wave::frontend::Converter;
use crate::wave::spec::Spec;
use crate::wave::truth::{over, over_three_wire};
use crate::wave::{Segment, network, sensor};
use serde::Serialize;

/// Largest error of a sample in LSB: half of one by rounding, and what sines in single precision add.
const SAMPLE_LSB: f64 = 0.51;

/// A waveform worked out: what is needed to write it and to say what is true of it.
#[derive(Clone, Debug)]
pub struct Worked<'a> {
    /// The waveform.
    pub spec: &'a Spec,
    /// What flows.
    pub primary: Vec<Segment>,
    /// What the clamps deliver.
    pub at_clamp: Vec<Segment>,
}

/// A file of the waveform.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Written {
    /// Its name without a folder.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// SHA-256 as hex digits.
    pub sha256: String,
}

/// Truth at the three points, over the whole file.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Points {
    /// What flows.
    pub primary: Figures,
    /// What the clamps deliver.
    pub clamp: Figures,
    /// What an ideal device could read from the samples.
    pub samples: Figures,
    /// Why `samples` has no fundamental.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_fundamental: Option<String>,
}

/// The largest difference between `clamp` and `samples` that rounding explains; for each line.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize)]
pub struct Bound {
    /// Volts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub u_rms: Option<f64>,
    /// Primary amperes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub i_rms: Option<f64>,
    /// As a part of the fundamental.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub u_thd: Option<f64>,
    /// As a part of the fundamental.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub i_thd: Option<f64>,
    /// Watts, var and volt-amperes alike.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub power: Option<f64>,
    /// Of P/S.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pf: Option<f64>,
}

/// A channel as the page tells it.
#[derive(Clone, PartialEq, Debug, Serialize)]
struct ChannelPage {
    name: &'static str,
    unit: &'static str,
    per_lsb: f64,
    zero: f64,
    clipped: u64,
}

/// The page.
#[derive(Clone, PartialEq, Debug, Serialize)]
struct Page<'a> {
    files: &'a [Written],
    rate: [u32; 2],
    frames: u64,
    channels: Vec<ChannelPage>,
    #[serde(skip_serializing_if = "is_zero")]
    altered: u64,
    truth: Points,
    #[serde(skip_serializing_if = "Option::is_none")]
    quantisation: Option<Vec<Bound>>,
    spec: &'a Spec,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl<'a> Worked<'a> {
    /// Works a waveform out.
    pub fn new(spec: &'a Spec) -> Worked<'a> {
        let primary = network::segments(spec);
        let at_clamp = sensor::at_clamp(&spec.clamps, spec.waveform.rate, &primary);
        Worked { spec, primary, at_clamp }
    }

    /// The period of the file.
    ///
    /// # Errors
    /// Why it has none.
    pub fn period(&self) -> Result<Period, Unsteady> {
        Period::of_file(self.spec, &self.at_clamp)
    }

    /// Sums for all samples of the file.
    pub fn sums(&self, layout: &Layout) -> Sums {
        Sums::new(layout, self.spec.net.kind, self.period().ok())
    }

    /// What is true of some segments over the time that the file covers.
    fn over(&self, segments: &[Segment]) -> Option<Figures> {
        let frames = self.spec.waveform.samples();
        // A converter whose clock is fast is through earlier. One that is slow goes on behind the end.
        let pace = 1.0 + self.spec.frontend.clock_ppm * 1e-6;
        let end = ((frames as f64 / pace).round() as u64).min(frames);
        let over = if self.spec.net.kind.has_neutral() { over } else { over_three_wire };
        let truth = over(segments, self.spec.waveform.rate, 0, end)?;
        Some(Figures::of(&truth, self.spec.net.kind))
    }

    /// Truth at the three points. `None` before the first sample.
    pub fn points(&self, sums: &Sums) -> Option<Points> {
        let primary = self.over(&self.primary)?;
        Some(Points {
            clamp: self.over(&self.at_clamp)?,
            samples: sums.figures(primary.f_hz)?,
            no_fundamental: self.period().err().map(|why| why.to_string()),
            primary,
        })
    }

    /// By how much rounding may move what the samples say from what the clamps deliver. `None` where the converter does
    /// more than round, or the file is no steady state.
    pub fn quantisation(&self, layout: &Layout, clamp: &Figures, clipped: &[u64]) -> Option<Vec<Bound>> {
        let frontend = &self.spec.frontend;
        let lists = [&frontend.gain_err_pct, &frontend.slot_us];
        let quiet =
            lists.iter().copied().flatten().chain(frontend.crosstalk.iter().flatten()).all(|x| *x == 0.0);
        let ideal = quiet && frontend.noise_lsb_rms == 0.0 && frontend.alias_filter_hz.is_none();
        if !ideal || self.period().is_err() || clipped.iter().any(|count| *count > 0) {
            return None;
        }
        let error = |name: &str| {
            let found: Option<&Column> = layout.columns.iter().find(|column| column.name == name);
            found.map(|column| SAMPLE_LSB * column.scale.per_lsb)
        };
        let lines = clamp.lines.iter().zip(["1", "2", "3"]);
        let bound =
            |(line, n): (&LineFigures, &str)| bound(line, error(&format!("u{n}")), error(&format!("i{n}")));
        Some(lines.map(bound).collect())
    }

    /// The page, as JSON with a line break behind it. `None` before the first sample.
    pub fn page(
        &self,
        layout: &Layout,
        files: &[Written],
        sums: &Sums,
        converter: &Converter,
        altered: u64,
    ) -> Option<String> {
        let truth = self.points(sums)?;
        let channel = |(column, clipped): (&Column, &u64)| ChannelPage {
            name: column.name,
            unit: column.unit,
            per_lsb: column.scale.per_lsb,
            zero: column.scale.zero,
            clipped: *clipped,
        };
        let page = Page {
            files,
            rate: [layout.rate.num, layout.rate.den],
            frames: layout.frames,
            channels: layout.columns.iter().zip(converter.clipped()).map(channel).collect(),
            altered,
            quantisation: self.quantisation(layout, &truth.clamp, converter.clipped()),
            truth,
            spec: self.spec,
        };
        serde_json::to_string_pretty(&page).ok().map(|text| text + "\n")
    }
}

/// Errors of samples are at most `du` and `di`, hence so are those of any RMS value, by the triangle inequality; the rest
/// follows.
fn bound(line: &LineFigures, du: Option<f64>, di: Option<f64>) -> Bound {
    let mut bound = Bound { u_rms: du, i_rms: di, ..Bound::default() };
    let thd = |wave: Option<super::figures::WaveFigures>, d: Option<f64>| {
        let (wave, d) = (wave?, d?);
        let (first, thd) = (wave.fundamental.filter(|first| *first > d)?, wave.thd?);
        Some(d * (1.0 + thd) / (first - d))
    };
    (bound.u_thd, bound.i_thd) = (thd(line.u, du), thd(line.i, di));
    let (Some(u), Some(i), Some(du), Some(di)) = (line.u, line.i, du, di) else { return bound };
    let power = u.rms * di + i.rms * du + du * di;
    bound.power = Some(power);
    let s_va = u.rms * i.rms;
    bound.pf = (s_va > power).then(|| 2.0 * power / (s_va - power));
    bound
}
