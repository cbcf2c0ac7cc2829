//! One trial: what was played in and everything that happened. This is the evidence; `judge` needs nothing else.

use crate::hex;
use crate::reading::Family;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Version of the trial file. Readers accept all older ones. 2: damage is typed.
pub const TRIAL_VERSION: u32 = 2;

/// One stimulus played into one DUT, with all that was seen. Stored as `evidence/<name>.json`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Trial {
    /// See [`TRIAL_VERSION`].
    pub version: u32,
    /// What was played in.
    pub stimulus: Stimulus,
    /// What the rig file says about the DUT.
    pub dut: DutTerms,
    /// Everything that happened, in order of time.
    pub events: Vec<Event>,
    /// How exactly the bytes were paced; `None` in lock-step, where no timing is judged.
    pub pacing: Option<Pacing>,
}

/// What to play into a DUT, and what each telegram of it means. Made by [`super::stimulus`].
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Stimulus {
    /// Stable name, used for the evidence file: `aidon-6525-it3`, `aidon-6525-it3.fcs`.
    pub name: String,
    /// The suite it belongs to: `decode`, `timing`.
    pub suite: String,
    /// What the results call it: the path of the capture, `captures/aidon/6525-it3.csv`.
    pub subject: String,
    /// Meter family of the telegrams.
    pub family: String,
    /// `recorded`, `rebuilt` or `inferred` (contract, section 6).
    pub evidence: String,
    /// Where the telegrams come from, for the report.
    pub source: String,
    /// Ids of the checks that this stimulus is made for (see [`super::checks`]).
    pub checks: Vec<String>,
    /// Features a DUT must support for it: the family, and `p1`, `mbus`, `segmentation`, `ciphering`.
    pub needs: Vec<String>,
    /// Played at the speed of the line even in a lock-step run, because what is judged is a time.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub paced: bool,
    /// Line speed for pacing at real time, in baud (8N1: ten bits a byte).
    pub baud: u32,
    /// The pieces, in the order they are sent.
    pub parts: Vec<Part>,
}

/// One piece of a stimulus.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "part", rename_all = "snake_case")]
#[allow(clippy::large_enum_variant, reason = "nearly all parts are telegrams, so a box would save nothing")]
pub enum Part {
    /// A telegram: one or more frames that carry one reading.
    Telegram(Telegram),
    /// Bytes that belong to no telegram.
    Noise {
        /// The bytes.
        #[serde(with = "hex")]
        bytes: Vec<u8>,
        /// Why they are there, for the report.
        why: String,
    },
    /// Nothing is sent for so long. Kept in real time even in lock-step, because the rule judged is one of time.
    Silence {
        /// Microseconds.
        us: u64,
    },
    /// From here on the DUT is set to this ratio of current transformers. Where none stands in front, it is 1:1.
    Ratio {
        /// Primary and secondary amperes, `100:5`.
        ratio: String,
        /// It is told while it runs; else it is started anew with it.
        #[serde(default, skip_serializing_if = "core::ops::Not::not")]
        running: bool,
    },
}

impl Stimulus {
    /// The ratio that the DUT is set to when this part is sent.
    pub fn ratio_at(&self, part: usize) -> &str {
        let before = self.parts.get(..=part).unwrap_or(&self.parts);
        let set = before.iter().rev().find_map(|part| match part {
            Part::Ratio { ratio, .. } => Some(ratio.as_str()),
            _ => None,
        });
        set.unwrap_or(NO_RATIO)
    }

    /// Which capability the DUT lacks for this stimulus, in words for the reason; `None` when it lacks none.
    pub fn obstacle(&self, dut: &DutTerms) -> Option<String> {
        let missing = self.needs.iter().filter(|need| !dut.supports.contains(need));
        let missing: Vec<String> = missing.map(|need| format!("`{need}`")).collect();
        if !missing.is_empty() {
            return Some(format!("the rig file does not list {} under supports", missing.join(" and ")));
        }
        let running = self.parts.iter().any(|part| matches!(part, Part::Ratio { running: true, .. }));
        match &dut.ratio {
            RatioSetting::Running => None,
            _ if running => Some("the bench cannot change the ratio of this DUT while it runs".to_string()),
            RatioSetting::AtStart => None,
            RatioSetting::Fixed(fixed) => (0..self.parts.len().max(1))
                .map(|part| self.ratio_at(part))
                .find(|ratio| ratio != fixed)
                .map(|ratio| format!("it needs a ratio of {ratio}, and the DUT is set to {fixed}")),
        }
    }
}

/// No transformers.
pub const NO_RATIO: &str = "1:1";

/// How a DUT gets to know the ratio of the current transformers in front of the meter.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RatioSetting {
    /// It was set to this one, and stays so.
    Fixed(String),
    /// The bench starts it with the ratio that a stimulus asks for.
    AtStart,
    /// That, and it can be told another one while it runs.
    Running,
}

impl Default for RatioSetting {
    fn default() -> Self {
        RatioSetting::Fixed(NO_RATIO.to_string())
    }
}

/// A telegram of a stimulus and what is known about it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Telegram {
    /// The bytes on the line.
    #[serde(with = "hex")]
    pub bytes: Vec<u8>,
    /// When it is due after the start of the stimulus, in microseconds (the capture's time; lock-step ignores it).
    pub due_us: u64,
    /// Pauses inside the telegram: after so many bytes, so many microseconds. Kept in real time always.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<(usize, u64)>,
    /// `1`, `2`, `3` or another documented word.
    pub list: String,
    /// What was done to it; `None` for an intact telegram.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub damage: Option<Damage>,
    /// The reviewed reading (contract, section 2). For a damaged telegram: what a DUT that ignores the damage
    /// would claim, used to say which rule it broke.
    pub reading: Map<String, Value>,
    /// Keys whose scale nothing in the telegram announces and whose meter uses an unusual one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unannounced: Vec<String>,
    /// Keys where this meter sends 0 in place of "not measured".
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub zero_unmeasured: Vec<String>,
    /// What is true of the keys that the meter did not send, where the telegram was made from known loads. Nothing that a
    /// DUT could have read.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub truth: Map<String, Value>,
    /// Claiming it and refusing it are both right (bytes left over behind the body of an intact APDU).
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub optional: bool,
    /// Sent right behind the part before it: no wait for a claim in between, not even in lock-step. For telegrams
    /// that share a flag and for what follows an unfinished frame at once.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub glued: bool,
}

/// What was done to a telegram.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(from = "StoredDamage")]
pub struct Damage {
    /// Which rule a DUT breaks that claims it.
    pub kind: DamageKind,
    /// What it is in particular, for people.
    pub how: String,
}

/// The ways in which a telegram is damaged (contract, section 3).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DamageKind {
    /// The FCS is wrong, and nothing else of the frame.
    Fcs,
    /// The HCS is wrong, and nothing else.
    Hcs,
    /// The length field is wrong, and nothing else.
    Length,
    /// Bytes are lost or too many, or the end is missing: several things are wrong at once.
    Torn,
}

/// Damage as trial files hold it. Version 1 had words alone, whose first one named the kind.
#[derive(Deserialize)]
#[serde(untagged)]
enum StoredDamage {
    Typed { kind: DamageKind, how: String },
    Words(String),
}

impl From<StoredDamage> for Damage {
    fn from(stored: StoredDamage) -> Damage {
        match stored {
            StoredDamage::Typed { kind, how } => Damage { kind, how },
            StoredDamage::Words(how) => {
                let kind = match how.split([' ', ':']).next() {
                    Some("FCS") => DamageKind::Fcs,
                    Some("HCS") => DamageKind::Hcs,
                    Some("length") => DamageKind::Length,
                    _ => DamageKind::Torn,
                };
                Damage { kind, how }
            }
        }
    }
}

/// What a capture can need of a DUT beside its family (contract, section 3).
pub const FEATURES: [&str; 4] = ["p1", "mbus", "segmentation", "ciphering"];

/// What the rig file says about the DUT, as far as judging depends on it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct DutTerms {
    /// Families and features it supports, see [`DutTerms::supportable`].
    pub supports: Vec<String>,
    /// Keys it does not claim, by design.
    pub omits: Vec<String>,
    /// A telegram must be claimed within so many microseconds of its last byte.
    pub claim_within_us: u64,
    /// The DUT was told the scales that no telegram announces.
    pub scale_told: bool,
    /// How it knows the ratio of current transformers.
    #[serde(default)]
    pub ratio: RatioSetting,
    /// Main fuse of the site it is set up for, in amperes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub main_fuse_a: Option<u32>,
}

impl DutTerms {
    /// Every word that `supports` may hold: families, then features.
    pub fn supportable() -> Vec<&'static str> {
        Family::NORWEGIAN.map(Family::word).into_iter().chain(FEATURES).collect()
    }
}

impl Default for DutTerms {
    fn default() -> Self {
        DutTerms {
            supports: Family::NORWEGIAN.map(|family| family.word().into()).into(),
            omits: Vec::new(),
            claim_within_us: 2_000_000,
            scale_told: false,
            ratio: RatioSetting::default(),
            main_fuse_a: None,
        }
    }
}

/// Something that happened, and when.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Event {
    /// Microseconds since the start of the trial.
    pub t_us: u64,
    /// What it was.
    #[serde(flatten)]
    pub what: What,
}

impl Event {
    /// The same in a trial that this one is a later stretch of: so many parts and microseconds went before.
    #[must_use]
    pub fn moved(mut self, parts: usize, us: u64) -> Event {
        self.t_us = self.t_us.saturating_add(us);
        if let What::Sent { index, .. } = &mut self.what {
            *index += parts;
        }
        self
    }
}

impl What {
    /// Nothing more is sent behind it.
    pub fn ends_trial(&self) -> bool {
        matches!(
            self,
            What::Exited { .. } | What::Stopped { .. } | What::Restarted { .. } | What::Unheard { .. }
        )
    }
}

/// The kinds of things that happen in a trial.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum What {
    /// The last byte of a part was handed to the line.
    Sent {
        /// Index into [`Stimulus::parts`].
        index: usize,
        /// How long the bench really paused in this part: every pause asked for ([`Part::Silence`],
        /// [`Telegram::gaps`]), in order, and every other one between two of its bytes that is longer than
        /// [`Pause::NOTED_US`]. Evidence without it proves no rule about pauses.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pauses: Vec<Pause>,
    },
    /// The DUT claimed a reading: the object as it printed it, before any interpretation.
    Claim {
        /// The claim in the keys of the contract, section 2.
        claim: Map<String, Value>,
        /// The text as received.
        raw: String,
    },
    /// The DUT said that it refused something.
    Rejected {
        /// Its reason.
        reason: String,
    },
    /// Anything else the DUT printed.
    Log {
        /// One line.
        line: String,
    },
    /// The DUT ended by itself.
    Exited {
        /// Exit code or signal and its last words, in one line.
        how: String,
    },
    /// The bench gave up on the rest of the stimulus; what was not sent is not judged.
    Stopped {
        /// Why.
        why: String,
        /// The DUT gave the reason: it flooded the bench, or read nothing.
        #[serde(default, skip_serializing_if = "core::ops::Not::not")]
        misbehaved: bool,
    },
    /// The chip of the DUT restarted unasked, and the trial ended. Power, reset line or firmware: a probe cannot tell.
    Restarted {
        /// What was seen.
        why: String,
    },
    /// The bench could not hear the DUT for so long that nothing which is missing or late counts, and the trial ended.
    Unheard {
        /// What kept the bench from hearing.
        why: String,
    },
}

/// A time without bytes, as the bench made it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Pause {
    /// After so many bytes of the part; 0 for a silence.
    pub after: usize,
    /// What the stimulus asks for, in microseconds; 0 when nobody asked for this pause.
    pub asked_us: u64,
    /// What it took, in microseconds, measured: from the end of the last byte before it to the byte behind it (for a silence:
    /// until the bench went on).
    pub took_us: u64,
}

impl Pause {
    /// A pause that nobody asked for is noted when it is longer than so many microseconds: a quarter of what a DUT
    /// must bridge (contract, section 3).
    pub const NOTED_US: u64 = 50_000;
}

/// How exactly the bytes of a trial were paced.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Pacing {
    /// Median lateness of a byte against its deadline, in microseconds.
    pub p50_us: u64,
    /// 99th percentile, in microseconds.
    pub p99_us: u64,
}
