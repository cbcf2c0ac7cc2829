//! What is played into a dongle: a capture as it is, and variants of it with damage, noise, gaps and silence.
//!
//! | file | what |
//! |---|---|
//! | `mod.rs` | capture and reviewed readings → telegrams; the plain stimulus |
//! | `damage.rs` | one HDLC frame, and what can be done to it |
//! | `variants.rs` | the stimuli made from one capture, and the plan of a run |
//! | `made.rs` | telegrams made from known loads |
//! | `l2.rs` | loads on three wires, sent without L2 |
//! | `scaling.rs` | telegrams of meters behind current transformers |
//!
//! Everything is decided by the arguments: the same capture, readings and seed give the same bytes. The bytes of a
//! telegram are cut where the reviewed snapshot says; no decoder is asked (lib.rs, invariant 3). Damage is made
//! for plain HDLC frames only, the link layer of all Norwegian meters.

mod damage;
mod l2;
mod made;
mod scaling;
mod variants;

pub(super) use damage::{has_inner_flag, is_segmented};
pub use l2::l2;
pub use scaling::scaling;
pub use variants::{plan, variants};

use super::expectation::{Frame, Item, ItemKind};
use super::trial::{Damage, DamageKind, Part, Stimulus, Telegram};
use crate::reading::{Family, Key};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use thiserror::Error;

/// What a stimulus is made from: one capture, as the caller read it.
#[derive(Clone, Copy, Debug)]
pub struct CaptureView<'a> {
    /// Path of the capture, `captures/aidon/6525-it3.csv`.
    pub subject: &'a str,
    /// Header of the capture. Read here: `family`, `evidence`, `source`, `baud` (default 2400), `stage`, and lists
    /// separated by blanks: `needs`, `unannounced`, `zero_unmeasured`.
    pub header: &'a BTreeMap<String, String>,
    /// What the meter sent: arrival time in microseconds, and bytes.
    pub chunks: &'a [(u64, Vec<u8>)],
}

/// A capture and its snapshot do not belong together.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("{subject}: {what}")]
pub struct StimulusError {
    /// Path of the capture.
    pub subject: String,
    /// What is wrong.
    pub what: String,
}

/// Line speed of the Norwegian HAN port, in baud.
const BAUD: u32 = 2400;

/// The whole capture as it is.
///
/// Lists those checks that the capture has material for; a capture without a time gets no check on times.
///
/// # Errors
/// The snapshot's items do not cover exactly the bytes of the capture.
pub fn plain(view: CaptureView<'_>, items: &[Item]) -> Result<Stimulus, StimulusError> {
    let parts = parts(view, items)?;
    let mut stimulus = frame_of(view, items);
    let telegrams: Vec<&Telegram> = telegrams(&parts).collect();
    let intact: Vec<&Telegram> = telegrams.iter().copied().filter(|one| one.damage.is_none()).collect();
    let carries =
        |test: &dyn Fn(&str) -> bool| intact.iter().any(|one| one.reading.keys().any(|key| test(key)));
    let told = |key: &str| intact.iter().all(|one| !one.unannounced.iter().any(|other| other == key));
    let damaged =
        |kind| telegrams.iter().any(|one| one.damage.as_ref().is_some_and(|damage| damage.kind == kind));
    let material = [
        ("han.claim.answers", true),
        ("han.dut.alive", true),
        ("han.claim.once", true),
        ("han.claim.in-time", true),
        ("han.claim.explained", true),
        ("han.claim.fresh", intact.iter().any(|one| one.reading != intact[0].reading)),
        ("han.claim.form", true),
        ("han.field.value", carries(&|key| Key::from_name(key).is_some() && told(key))),
        ("han.field.complete", true),
        ("han.field.absent", true),
        ("han.field.time", carries(&|key| key == "timestamp" || key == "clock")),
        ("han.field.text", carries(&|key| ["list_id", "meter_id", "meter_type"].contains(&key))),
        ("han.scale.unannounced", intact.iter().any(|one| !one.unannounced.is_empty())),
        ("han.link.segmentation", intact.iter().any(|one| damage::is_segmented(&one.bytes))),
        ("han.link.inner-flag", intact.iter().any(|one| damage::has_inner_flag(&one.bytes))),
        ("han.link.fcs-reject", damaged(DamageKind::Fcs)),
        ("han.link.hcs-reject", damaged(DamageKind::Hcs)),
    ];
    stimulus.checks = material.iter().filter(|(_, is)| *is).map(|(id, _)| (*id).to_string()).collect();
    stimulus.parts = parts;
    Ok(stimulus)
}

/// A stimulus of this capture without checks and parts.
fn frame_of(view: CaptureView<'_>, items: &[Item]) -> Stimulus {
    let text = |key: &str| view.header.get(key).cloned().unwrap_or_default();
    let frames = || items.iter().filter_map(frame);
    let family = match text("family") {
        family if family.is_empty() => frames().find_map(|one| one.family.clone()).unwrap_or_default(),
        family => family,
    };
    // A neighbour's meter (P1) is asked for by its link, not by its maker.
    let mut needs: Vec<String> = Family::NORWEGIAN
        .iter()
        .any(|one| one.word() == family)
        .then(|| family.clone())
        .into_iter()
        .collect();
    for link in ["mbus", "p1"] {
        if frames().any(|one| one.link == link) {
            needs.push(link.to_string());
        }
    }
    if frames().any(|one| one.pending) {
        needs.push("segmentation".to_string());
    }
    needs.extend(words(view, "needs"));
    let mut seen = Vec::new();
    needs.retain(|need| {
        !need.is_empty() && !seen.contains(need) && {
            seen.push(need.clone());
            true
        }
    });
    Stimulus {
        name: name(view.subject),
        paced: false,
        suite: "decode".to_string(),
        subject: view.subject.to_string(),
        family,
        evidence: text("evidence"),
        source: text("source"),
        checks: Vec::new(),
        needs,
        baud: text("baud").parse().ok().filter(|baud| *baud > 0).unwrap_or(BAUD),
        parts: Vec::new(),
    }
}

/// `captures/aidon/6525-it3.csv` → `aidon-6525-it3`, safe as a file name.
fn name(subject: &str) -> String {
    let short = subject.strip_prefix("captures/").unwrap_or(subject);
    let short = short.strip_suffix(".csv").unwrap_or(short);
    let safe = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    short.chars().map(safe).collect()
}

fn words(view: CaptureView<'_>, key: &str) -> Vec<String> {
    view.header.get(key).map(|text| text.split_whitespace().map(String::from).collect()).unwrap_or_default()
}

fn frame(item: &Item) -> Option<&Frame> {
    match &item.kind {
        ItemKind::Frame(frame) => Some(frame),
        ItemKind::Junk(_) => None,
    }
}

/// The telegrams among the parts.
fn telegrams(parts: &[Part]) -> impl Iterator<Item = &Telegram> {
    parts.iter().filter_map(|part| match part {
        Part::Telegram(telegram) => Some(telegram),
        Part::Noise { .. } | Part::Silence { .. } | Part::Ratio { .. } => None,
    })
}

/// The bytes of a capture, and when each of them came.
struct Stream {
    bytes: Vec<u8>,
    /// Offset of a chunk's first byte, and the chunk's time.
    times: Vec<(usize, u64)>,
}

impl Stream {
    fn of(view: CaptureView<'_>) -> Stream {
        let mut stream = Stream { bytes: Vec::new(), times: Vec::new() };
        for (t_us, bytes) in view.chunks {
            stream.times.push((stream.bytes.len(), *t_us));
            stream.bytes.extend_from_slice(bytes);
        }
        stream
    }

    /// When the byte came, counted from the capture's first chunk.
    fn due_us(&self, offset: usize) -> u64 {
        let first = self.times.first().map_or(0, |(_, t_us)| *t_us);
        let chunks = self.times.partition_point(|(start, _)| *start <= offset);
        self.times.get(chunks.saturating_sub(1)).map_or(0, |(_, t_us)| t_us.saturating_sub(first))
    }
}

/// Cuts the capture into telegrams and noise, as the snapshot says.
fn parts(view: CaptureView<'_>, items: &[Item]) -> Result<Vec<Part>, StimulusError> {
    let stream = Stream::of(view);
    let fail = |what: String| StimulusError { subject: view.subject.to_string(), what };
    let covered = items.last().map_or(0, |item| item.offset.saturating_add(item.len));
    if covered != stream.bytes.len() {
        let have = stream.bytes.len();
        return Err(fail(format!("the snapshot covers {covered} bytes, but the capture has {have}")));
    }
    let (unannounced, zero_unmeasured) = (words(view, "unannounced"), words(view, "zero_unmeasured"));
    let mut parts = Vec::new();
    // Where the segments of an unfinished telegram start.
    let mut open: Option<usize> = None;
    for item in items {
        let end = item.offset + item.len;
        let range = open.unwrap_or(item.offset)..end;
        let bytes = stream.bytes.get(range.clone()).unwrap_or_default().to_vec();
        let due_us = stream.due_us(range.start);
        let frame = match &item.kind {
            // Idle flags between two segments belong to the telegram that the segments make.
            ItemKind::Junk(_) if open.is_some() => continue,
            ItemKind::Junk(why) => {
                parts.push(Part::Noise { bytes, why: why.clone() });
                continue;
            }
            ItemKind::Frame(frame) => frame,
        };
        if frame.intact() && frame.pending && frame.reading.is_none() {
            open = open.or(Some(item.offset));
            continue;
        }
        open = None;
        let recorded = |kind, what| Some(Damage { kind, how: format!("{what} wrong in the recording") });
        let damage = match frame {
            Frame { hcs_ok: Some(false), .. } => recorded(DamageKind::Hcs, "HCS"),
            Frame { fcs_ok: Some(false), .. } => recorded(DamageKind::Fcs, "FCS"),
            _ => None,
        };
        if damage.is_none() && frame.reading.is_none() {
            parts.push(Part::Noise { bytes, why: "a frame that carries no reading".to_string() });
            continue;
        }
        let mut telegram = telegram(frame, bytes, due_us, damage);
        telegram.unannounced = carried(&unannounced, &telegram.reading);
        telegram.zero_unmeasured = carried(&zero_unmeasured, &telegram.reading);
        parts.push(Part::Telegram(telegram));
    }
    if let Some(start) = open {
        let bytes = stream.bytes.get(start..).unwrap_or_default().to_vec();
        parts.push(Part::Noise { bytes, why: "segments without their end".to_string() });
    }
    Ok(parts)
}

fn telegram(frame: &Frame, bytes: Vec<u8>, due_us: u64, damage: Option<Damage>) -> Telegram {
    Telegram {
        bytes,
        due_us,
        gaps: Vec::new(),
        list: frame.list.clone().unwrap_or_default(),
        damage,
        reading: frame.reading.clone().unwrap_or_default(),
        unannounced: Vec::new(),
        zero_unmeasured: Vec::new(),
        truth: Map::new(),
        optional: frame.left_over > 0,
        glued: false,
    }
}

fn carried(keys: &[String], reading: &Map<String, Value>) -> Vec<String> {
    keys.iter().filter(|key| reading.contains_key(*key)).cloned().collect()
}
