//! The stimuli made from one capture, and which of them a run uses.
//!
//! Every damage stimulus goes intact, damaged, intact, …, and ends intact: an intact telegram before the damage
//! shows that the DUT listens, and one after it that the damage cost nothing else.

use super::damage::{HdlcFrame, Seeded, without_last_segment};
use super::{CaptureView, StimulusError, frame_of, plain, telegrams};
use crate::verdict::expectation::Item;
use crate::verdict::trial::{Damage, DamageKind, Part, Stimulus, Telegram};
use crate::verdict::{GAP_MAX_US, SILENCE_MIN_US};

/// A pause inside a frame that must be bridged, in microseconds. A sleeping bench and a serial driver only ever make
/// a pause longer; one that got longer than the rule allows is judged inconclusive.
const GAP_US: u64 = GAP_MAX_US - 20_000;
/// A silence that ends a frame, in microseconds.
const SILENCE_US: u64 = SILENCE_MIN_US + 100_000;
/// Idle line between two telegrams of a variant, in microseconds.
const IDLE_US: u64 = 100_000;
/// How many different telegrams of a capture the variants use.
const TELEGRAMS: usize = 8;
/// With fewer fields a flipped number leaves too little to recognise the telegram by.
const ENOUGH_FIELDS: usize = 4;

/// What a run plays in: every capture as it is, and for each family the variants of its best capture.
///
/// Best is the first of those that need no extra feature and have the most different telegrams. Captures of which no
/// intact telegram is known, or whose header says that they were not taken from the wire (`stage`), are left out.
///
/// # Errors
/// A snapshot does not fit its capture.
pub fn plan(captures: &[(CaptureView<'_>, &[Item])], seed: u64) -> Result<Vec<Stimulus>, StimulusError> {
    let mut stimuli = Vec::new();
    // Per family: the capture, and how good it is.
    let mut best: Vec<(String, (bool, usize), usize)> = Vec::new();
    for (at, (view, items)) in captures.iter().enumerate() {
        if view.header.get("stage").is_some_and(|stage| stage != "wire") {
            continue;
        }
        let stimulus = plain(*view, items)?;
        if telegrams(&stimulus.parts).all(|telegram| telegram.damage.is_some()) {
            continue;
        }
        let good = (stimulus.needs.len() == 1, different(&stimulus.parts).len());
        match best.iter_mut().find(|(family, ..)| *family == stimulus.family) {
            Some(known) if known.1 < good => *known = (stimulus.family.clone(), good, at),
            Some(_) => {}
            None => best.push((stimulus.family.clone(), good, at)),
        }
        stimuli.push(stimulus);
    }
    for (_, _, at) in best {
        let (view, items) = captures[at];
        stimuli.extend(variants(view, items, seed)?);
    }
    Ok(stimuli)
}

/// All variants of one capture: damage, noise, flags, gaps, silence, and a few telegrams at the speed of the line.
///
/// Empty when the capture has no whole plain HDLC frame with a reading.
///
/// # Errors
/// The snapshot does not fit the capture.
pub fn variants(view: CaptureView<'_>, items: &[Item], seed: u64) -> Result<Vec<Stimulus>, StimulusError> {
    let parts = super::parts(view, items)?;
    let sources = different(&parts);
    let base = frame_of(view, items);
    let mut stimuli = Vec::new();
    if !sources.is_empty() {
        let makers: [(&str, Maker); 10] = [
            ("fcs", fcs),
            ("hcs", hcs),
            ("length", length),
            ("resync", resync),
            ("noise", noise),
            ("shared-flag", shared_flag),
            ("inner-flag", inner_flag),
            ("gap", gap),
            ("silence", silence),
            ("paced", paced),
        ];
        for (at, (name, make)) in makers.into_iter().enumerate() {
            let mut line = Line::new(&sources, base.baud, seed.wrapping_add(at as u64));
            let purpose = make(&mut line);
            stimuli.extend(line.finish(&base, name, purpose));
        }
    }
    let segmented: Vec<&Telegram> =
        telegrams(&parts).filter(|telegram| super::damage::is_segmented(&telegram.bytes)).collect();
    if let Some(telegram) = segmented.first() {
        let mut line = Line::new(&[], base.baud, seed);
        let other = segmented.iter().find(|other| other.reading != telegram.reading);
        lost_segment(&mut line, telegram, other.unwrap_or(telegram));
        stimuli.extend(line.finish(&base, "lost-segment", "han.link.resync"));
    }
    Ok(stimuli)
}

/// Fills a line and says which check it is for.
type Maker = fn(&mut Line) -> &'static str;

/// A telegram and its frame.
#[derive(Clone)]
struct Source {
    telegram: Telegram,
    frame: HdlcFrame,
}

/// The first telegrams of a capture that are whole plain HDLC frames, each reading once.
fn different(parts: &[Part]) -> Vec<Source> {
    let mut sources: Vec<Source> = Vec::new();
    for telegram in telegrams(parts).filter(|one| one.damage.is_none() && !one.optional) {
        let known = sources.iter().any(|source| source.telegram.reading == telegram.reading);
        let Some(frame) = HdlcFrame::of(&telegram.bytes) else { continue };
        if known || telegram.reading.is_empty() {
            continue;
        }
        let telegram = Telegram { bytes: frame.bytes.clone(), ..telegram.clone() };
        sources.push(Source { telegram, frame });
        if sources.len() == TELEGRAMS {
            break;
        }
    }
    sources
}

/// The parts of a variant while they are written down.
struct Line {
    sources: Vec<Source>,
    /// For damage: readings that no intact telegram has, where the capture has two.
    spare: Vec<Source>,
    taken: usize,
    spared: usize,
    seeded: Seeded,
    baud: u32,
    clock_us: u64,
    parts: Vec<Part>,
}

impl Line {
    fn new(sources: &[Source], baud: u32, seed: u64) -> Line {
        let mut seeded = Seeded(seed);
        let first = seeded.below(sources.len());
        let mut sources = sources.to_vec();
        sources.rotate_left(first);
        Line { sources, spare: Vec::new(), taken: 0, spared: 0, seeded, baud, clock_us: 0, parts: Vec::new() }
    }

    /// From here on telegrams are also damaged: every second one is kept for that.
    fn spare_some(&mut self) {
        let (intact, spare): (Vec<_>, Vec<_>) =
            self.sources.drain(..).enumerate().partition(|(at, _)| at % 2 == 0);
        self.sources = intact.into_iter().map(|(_, source)| source).collect();
        self.spare = spare.into_iter().map(|(_, source)| source).collect();
        // A number can be damaged only where there are some.
        let fields = |sources: &[Source]| sources.iter().map(|one| one.telegram.reading.len()).max();
        if fields(&self.spare).is_some_and(|most| most < ENOUGH_FIELDS) {
            std::mem::swap(&mut self.spare, &mut self.sources);
        }
    }

    /// The next telegram to be sent intact: neighbours differ where there are two different ones.
    fn take(&mut self) -> Source {
        let source = self.sources[self.taken % self.sources.len()].clone();
        self.taken += 1;
        source
    }

    /// The next telegram to be damaged: a claim of it can be mistaken for no other, where the capture has two.
    fn take_spare(&mut self) -> Source {
        if self.spare.is_empty() {
            return self.take();
        }
        let source = self.spare[self.spared % self.spare.len()].clone();
        self.spared += 1;
        source
    }

    fn push(&mut self, telegram: Telegram) {
        // Ten bits a byte on the line (8N1).
        let bits = telegram.bytes.len() as u64 * 10;
        let gaps: u64 = telegram.gaps.iter().map(|(_, us)| us).sum();
        let due_us = if telegram.glued { self.clock_us } else { self.clock_us + IDLE_US };
        self.clock_us = due_us + bits * 1_000_000 / u64::from(self.baud) + gaps;
        self.parts.push(Part::Telegram(Telegram { due_us, ..telegram }));
    }

    fn intact(&mut self) -> Source {
        let source = self.take();
        self.push(Telegram { gaps: Vec::new(), glued: false, ..source.telegram.clone() });
        source
    }

    fn glued(&mut self, telegram: Telegram) {
        self.push(Telegram { glued: true, ..telegram });
    }

    fn damaged(&mut self, like: &Telegram, bytes: Vec<u8>, kind: DamageKind, how: &str) {
        let damage = Some(Damage { kind, how: how.to_string() });
        self.push(Telegram { bytes, damage, ..like.clone() });
    }

    fn noise(&mut self, bytes: Vec<u8>, why: &str) {
        self.clock_us += bytes.len() as u64 * 10_000_000 / u64::from(self.baud);
        self.parts.push(Part::Noise { bytes, why: why.to_string() });
    }

    /// The stimulus, unless nothing could be made.
    fn finish(self, base: &Stimulus, name: &str, purpose: &str) -> Option<Stimulus> {
        let timing = ["gap", "silence", "paced"].contains(&name);
        let checks = ["han.claim.answers", "han.dut.alive", "han.claim.explained", "han.field.value"];
        let numbers = telegrams(&self.parts).any(|one| {
            one.reading.iter().any(|(key, value)| value.is_number() && !one.unannounced.contains(key))
        });
        let mut stimulus = Stimulus {
            name: format!("{}.{name}", base.name),
            suite: if timing { "timing" } else { "decode" }.to_string(),
            subject: format!("{}#{name}", base.subject),
            paced: name == "paced",
            checks: checks.map(String::from).to_vec(),
            parts: self.parts,
            ..base.clone()
        };
        stimulus.checks.retain(|check| numbers || check != "han.field.value");
        let intact: Vec<&Telegram> = telegrams(&stimulus.parts).filter(|one| one.damage.is_none()).collect();
        if intact.iter().any(|one| one.reading != intact[0].reading) {
            stimulus.checks.push("han.claim.fresh".to_string());
        }
        stimulus.checks.push(purpose.to_string());
        if telegrams(&stimulus.parts).any(|one| one.damage.is_some()) && purpose != "han.link.resync" {
            stimulus.checks.push("han.link.resync".to_string());
        }
        if name == "inner-flag" && stimulus.evidence == "recorded" {
            // The bytes are no longer those of the capture.
            stimulus.evidence = "rebuilt".to_string();
        }
        (!stimulus.parts.is_empty()).then_some(stimulus)
    }
}

fn fcs(line: &mut Line) -> &'static str {
    line.spare_some();
    for round in 0..4 {
        line.intact();
        let Source { telegram, frame } = line.take_spare();
        // Every second time a number changes, so that accepting it would be a wrong value.
        let in_number = round >= 2 && telegram.reading.len() >= ENOUGH_FIELDS;
        let (bytes, damage) = if round % 2 == 0 {
            (frame.body_bit(in_number, &mut line.seeded), "FCS wrong: one bit of the body flipped")
        } else {
            let bytes = frame.zeroed_fcs(in_number, &mut line.seeded);
            (bytes, "FCS wrong: one bit of the body flipped and the FCS zeroed")
        };
        line.damaged(&telegram, bytes, DamageKind::Fcs, damage);
    }
    line.intact();
    "han.link.fcs-reject"
}

fn hcs(line: &mut Line) -> &'static str {
    line.spare_some();
    for round in 0..3 {
        line.intact();
        let Source { telegram, frame } = line.take_spare();
        let (bytes, damage) = match (round, frame.zeroed_hcs()) {
            (0, _) => {
                let bytes = frame.header_bit(0, &mut line.seeded);
                (bytes, "HCS wrong: one bit of the control byte flipped, FCS right")
            }
            (2, Some(bytes)) => (bytes, "HCS wrong: zeroed, FCS right"),
            _ => {
                let bytes = frame.header_bit(1, &mut line.seeded);
                (bytes, "HCS wrong: one bit of it flipped, FCS right")
            }
        };
        line.damaged(&telegram, bytes, DamageKind::Hcs, damage);
    }
    line.intact();
    "han.link.hcs-reject"
}

fn length(line: &mut Line) -> &'static str {
    line.spare_some();
    for delta in [-3, 5, -1, 1] {
        line.intact();
        let Source { telegram, frame } = line.take_spare();
        let Some(bytes) = frame.wrong_length(delta) else { continue };
        let damage = match delta {
            ..0 => format!("length field {} too small, HCS and FCS right", -delta),
            _ => format!("length field {delta} too large, HCS and FCS right"),
        };
        line.damaged(&telegram, bytes, DamageKind::Length, &damage);
    }
    line.intact();
    "han.link.length-reject"
}

/// Field bugs H1 (a lost byte, also before a shared flag), E9 (cut off, the next one follows at once), H6.
fn resync(line: &mut Line) -> &'static str {
    line.spare_some();
    line.intact();
    let Source { telegram, frame } = line.take_spare();
    let bytes = frame.dropped_byte(&mut line.seeded);
    line.damaged(&telegram, bytes, DamageKind::Torn, "FCS and length wrong: one byte lost");
    line.intact();
    let Source { telegram, frame } = line.take_spare();
    let bytes = frame.inserted_byte(&mut line.seeded);
    line.damaged(&telegram, bytes, DamageKind::Torn, "FCS and length wrong: one byte too many");
    line.intact();
    let Source { telegram, frame } = line.take_spare();
    let bytes = frame.dropped_byte(&mut line.seeded);
    line.damaged(
        &telegram,
        bytes,
        DamageKind::Torn,
        "FCS and length wrong: one byte lost, closing flag shared with the next",
    );
    let mut next = line.take().telegram;
    next.bytes.remove(0);
    line.glued(next);
    line.intact();
    // The next one is long enough to fill what the cut-off one announced.
    let Source { telegram, frame } = line.take_spare();
    let by_len = |source: &&Source| source.frame.bytes.len();
    let next = line.sources.iter().max_by_key(by_len).map_or(telegram.clone(), |next| next.telegram.clone());
    let len = frame.bytes.len();
    let cut = frame.bytes[..(len / 3).max(len.saturating_sub(next.bytes.len()))].to_vec();
    line.damaged(&telegram, cut, DamageKind::Torn, "unfinished: cut off, the next telegram follows at once");
    line.glued(next);
    line.intact();
    "han.link.resync"
}

/// Field bugs H4 and H7, and noise that looks like the start of a frame.
fn noise(line: &mut Line) -> &'static str {
    let burst: Vec<u8> = (0..3).map(|_| (line.seeded.next() & 0xFF) as u8).collect();
    let quiet = burst.iter().map(|byte| if *byte == 0x7E { 0x13 } else { *byte }).collect();
    line.intact();
    for (bytes, why) in [
        (quiet, "three random bytes without a flag"),
        (vec![0x7E, 0x7E, 0x7E], "flags on an idle line"),
        (vec![burst[0], 0x7E, burst[1]], "a flag between two random bytes"),
        (vec![0x7E, 0xA7, 0xFF], "looks like the start of a frame of 2047 bytes"),
        (vec![0xE1], "one byte"),
    ] {
        line.noise(bytes, why);
        line.intact();
    }
    "han.link.resync"
}

/// Telegrams one behind the other, each closing flag opening the next frame.
fn shared_flag(line: &mut Line) -> &'static str {
    line.intact();
    for _ in 0..3 {
        let mut next = line.take().telegram;
        next.bytes.remove(0);
        line.glued(next);
    }
    // Shows whether what is missing then was lost or only late.
    line.intact();
    "han.link.shared-flag"
}

fn inner_flag(line: &mut Line) -> &'static str {
    for round in 0..4 {
        let Source { telegram, frame } = line.take();
        if let Some(bytes) = frame.with_inner_flag(round % 2 == 1) {
            line.push(Telegram { bytes, ..telegram });
        }
    }
    "han.link.inner-flag"
}

/// One telegram with a pause in its header, one with a pause before its FCS.
fn gap(line: &mut Line) -> &'static str {
    for half in 0..2 {
        let telegram = line.take().telegram;
        let len = telegram.bytes.len();
        let after = [2, len - 3][half];
        line.push(Telegram { gaps: vec![(after, GAP_US)], ..telegram });
    }
    "han.link.gap-bridged"
}

/// The longest telegram cut off, silence, then the shortest: a DUT that still waits for the rest would swallow it.
fn silence(line: &mut Line) -> &'static str {
    let by_len = |source: &&Source| source.frame.bytes.len();
    let long = line.sources.iter().max_by_key(by_len).cloned();
    let short = line.sources.iter().min_by_key(by_len).cloned();
    if let (Some(long), Some(short)) = (long, short) {
        line.push(short.telegram.clone());
        let cut = long.frame.bytes[..long.frame.bytes.len() / 4].to_vec();
        line.damaged(&long.telegram, cut, DamageKind::Torn, "unfinished: cut off after a quarter");
        line.parts.push(Part::Silence { us: SILENCE_US });
        line.clock_us += SILENCE_US;
        line.push(short.telegram);
    }
    "han.link.silence-ends-frame"
}

/// The shortest telegrams at the speed of the line, half a second or one: what is judged is the time after the
/// last byte, and more only makes the run longer.
fn paced(line: &mut Line) -> &'static str {
    line.sources.sort_by_key(|source| source.frame.bytes.len());
    line.taken = 0;
    while line.clock_us < 500_000 {
        line.intact();
    }
    "han.timing.claim-latency"
}

/// Field bug G4: the last segment of `torn` is lost, then a whole telegram comes.
fn lost_segment(line: &mut Line, telegram: &Telegram, torn: &Telegram) {
    let Some(front) = without_last_segment(&torn.bytes) else { return };
    line.push(telegram.clone());
    line.damaged(torn, front.to_vec(), DamageKind::Torn, "unfinished: the last segment is missing");
    line.push(telegram.clone());
}
