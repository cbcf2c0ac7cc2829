//! Judging a dongle that measures with clamps: samples in, claims out, both against the truth of the waveform.
//!
//! | file | what |
//! |---|---|
//! | [`device`] | what a device declares: ranges, class, pulses |
//! | [`limits`] | how far a claim may lie from the truth |
//! | `windows` | claims of a trial, each with the truth of its own window |
//! | `rules` | one function per check; accuracy, energy, range, wiring |
//!
//! Claims are compared with what a perfect dongle would read behind perfect clamps that sit where the spec puts them:
//! a dongle is not to blame for a clamp on the wrong phase, but for the errors of its own clamps it is. Time is the
//! device's own, counted in samples, so that a slow link moves no window.
//!
//! Refuses to learn what is right from samples, and never calls the reference dongle.

pub mod device;
pub mod limits;
mod rules;
mod windows;

pub use windows::wired;

use super::results::Outcome;
use super::trial::{Event, Pacing};
use crate::wave::spec::Spec;
use rules::{RULES, Ruling};
use serde::{Deserialize, Serialize};

/// Version of the trial file. Readers accept all older ones.
pub const CT_TRIAL_VERSION: u32 = 1;

/// One waveform played into one clamp dongle, with all that was seen. Stored as `evidence/<name>.json`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct CtTrial {
    /// See [`CT_TRIAL_VERSION`].
    pub version: u32,
    /// Stable name, used for the evidence file: `ct-one-reversed`.
    pub name: String,
    /// What the results call it: the path of the spec, `fixtures/waveforms/one-reversed.toml`.
    pub subject: String,
    /// Ids of the checks asked for.
    pub checks: Vec<String>,
    /// The waveform file, whole: with it the trial can be judged again anywhere.
    pub spec: String,
    /// What the rig file says of the DUT.
    pub terms: CtTerms,
    /// The samples handed over; `None` when they were not.
    pub sent: Option<SamplesSent>,
    /// Everything that happened, in order of time. Claims carry `samples` and `window_s`.
    pub events: Vec<Event>,
    /// How exactly the samples were paced; `None` where they went as fast as the DUT took them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pacing: Option<Pacing>,
}

/// What was handed to the DUT.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SamplesSent {
    /// Samples of each channel.
    pub frames: u64,
    /// Bytes of all samples.
    pub bytes: u64,
    /// SHA-256 of the bytes: interleaved, 16 bits, little-endian.
    pub sha256: String,
    /// Samples of each channel that stood at an end of the converter.
    pub clipped: Vec<u64>,
}

/// What the rig file says of a clamp dongle.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct CtTerms {
    /// Device profiles it can be (see [`device`]); a waveform for another one does not concern it.
    pub devices: Vec<String>,
    /// Keys that it does not claim, by design.
    pub omits: Vec<String>,
}

/// The suite of these checks.
pub const SUITE: &str = "ct";

/// Checks whose weightless findings are sentences for whoever stands before the board.
pub const FOR_A_FITTER: [&str; 3] = ["ct.range.flagged", "ct.range.direct-current", "ct.wiring.found"];

/// Ids of all checks of the suite, in the order of the reports.
pub fn ids() -> impl Iterator<Item = &'static str> {
    RULES.iter().map(|(id, _)| *id)
}

/// Ids of the checks that concern a waveform. What depends on the claims is decided when they are there.
pub fn checks(_spec: &Spec) -> Vec<String> {
    ids().map(String::from).collect()
}

/// Judges one trial: one outcome for each check asked for, in that order.
///
/// `evidence_path` is where the trial is stored, below the report folder.
pub fn judge(trial: &CtTrial, evidence_path: &str) -> Vec<Outcome> {
    let session = windows::Session::of(trial);
    let ruling = |id: &str| match &session {
        Err(what) => Ruling::error(format!("the trial contradicts itself: {what}")),
        Ok(session) if !trial.terms.devices.iter().any(|name| name == session.device.name) => {
            Ruling::not_applicable(format!(
                "the rig file does not list `{}` under [clamps] devices",
                session.device.name
            ))
        }
        Ok(session) => match &session.stopped {
            // What the bench lost on the way is no claim's fault, not even that of one made before.
            Some(why) => Ruling::rig(why.clone()),
            None => rules::rule(id, session),
        },
    };
    let outcome = |id: &String| {
        let Ruling { verdict, cause, reason, rests_on, findings, measures } = ruling(id);
        let of = (SUITE, id.as_str(), trial.subject.as_str());
        let outcome = Outcome::of_trial(of, verdict, cause, evidence_path);
        Outcome { reason, rests_on, findings, measures, ..outcome }
    };
    trial.checks.iter().map(outcome).collect()
}
