//! The table `[expect]`: what a dongle has to say of this waveform. Only read here; the judge knows the names.
//!
//! | key | default | meaning |
//! |---|---|---|
//! | `device` | – | name of the device profile |
//! | `settle_s` | 0 | claims before this many seconds are not judged |
//! | `beyond` | – | why clamps of this kind cannot measure this waveform; then accuracy is not judged |
//! | `generation` | false | something on the site may feed in, so that export is no sign of a clamp turned round |
//! | `findings` | none | what a fitter is told when the reference dongle measures this, word by word; several placements where they look alike |
//! | `[[expect.broken]] dongle`, `fails` | none | a deliberately broken dongle and the checks that have to catch it |

use super::{File, SpecError, Waveform};
use serde::{Deserialize, Serialize};
use toml::Spanned;

/// What a dongle has to say.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct Expect {
    /// Name of the device profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// Claims before this many seconds are not judged.
    pub settle_s: f64,
    /// Why clamps of this kind cannot measure this waveform.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beyond: Option<String>,
    /// Something on the site may feed in.
    pub generation: bool,
    /// What a fitter is told when the reference dongle measures this, word by word, in the order of the checks.
    pub findings: Vec<String>,
    /// Deliberately broken dongles, and what has to catch them.
    pub broken: Vec<BrokenDongle>,
}

/// A deliberately broken dongle, and the checks that have to catch it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrokenDongle {
    /// Its name.
    pub dongle: String,
    /// Ids of the checks that fail.
    pub fails: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawExpect {
    device: Option<String>,
    settle_s: Option<Spanned<f64>>,
    beyond: Option<String>,
    generation: bool,
    findings: Vec<String>,
    broken: Vec<Spanned<BrokenDongle>>,
}

pub(super) fn check(file: File<'_>, raw: RawExpect, waveform: &Waveform) -> Result<Expect, SpecError> {
    if let Some(broken) = raw.broken.iter().find(|broken| broken.get_ref().fails.is_empty()) {
        return Err(file.error(broken.span(), "`fails` is empty; expected the checks that catch this dongle"));
    }
    Ok(Expect {
        device: raw.device,
        settle_s: file.number_or(raw.settle_s.as_ref(), "settle_s", 0.0..=waveform.duration_s, 0.0)?,
        beyond: raw.beyond,
        generation: raw.generation,
        findings: raw.findings,
        broken: raw.broken.into_iter().map(Spanned::into_inner).collect(),
    })
}
