//! Telegrams made from known loads: physics → what an ideal meter sees → the bytes of one profile.
//!
//! The expected reading is what was handed to the encoder; nothing is decoded (lib.rs, invariant 3). What a meter
//! leaves out, or sends as 0 in place of a measurement, stands under [`Telegram::truth`].

use super::StimulusError;
use crate::meters::encode::encode_frame;
use crate::meters::profile::{Evidence, List, Profile};
use crate::meters::{by_name, sample::Meter};
use crate::plant::{Phasor, Phasors, State, System, polar};
use crate::reading::json::{number, reading_object};
use crate::reading::{Field, Key, Milli};
use crate::verdict::is_scaled;
use crate::verdict::trial::{Stimulus, Telegram};

/// 2026-01-15 11:00:20 UTC: the meters' clocks show winter time, and no hourly list is near.
const START_UTC_S: i64 = 1_768_474_820;
/// Seconds from one list 2 to the next.
const EVERY_S: i64 = 10;

/// One meter whose telegrams are made.
#[derive(Clone)]
pub(super) struct Source {
    subject: String,
    profile: &'static Profile,
    /// Keys that it sends as 0 in place of a measurement although its profile does not say so.
    blanked: &'static [Key],
    /// Every current, power and counter is so many times what its state says, after the meter's rounding.
    times: i64,
}

impl Source {
    /// `subject` names the stimulus in results.
    ///
    /// # Errors
    /// There is no such profile.
    pub(super) fn new(
        subject: String,
        profile: &str,
        blanked: &'static [Key],
    ) -> Result<Source, StimulusError> {
        match by_name(profile) {
            Some(profile) => Ok(Source { subject, profile, blanked, times: 1 }),
            None => Err(StimulusError { subject, what: format!("there is no profile {profile}") }),
        }
    }

    /// The same meter with so many times the current, power and energy.
    pub(super) fn times(&self, times: i64) -> Source {
        Source { times, ..self.clone() }
    }

    /// Telegram number `at` of a stimulus, ten seconds after the one before.
    ///
    /// # Errors
    /// The meter cannot send these values.
    pub(super) fn telegram(&self, at: usize, list: List, state: &State) -> Result<Telegram, StimulusError> {
        let utc_s = START_UTC_S + EVERY_S * at as i64;
        let mut content = Meter::usual(self.profile).telegram(list, utc_s, state, &state.counters);
        for key in self.blanked {
            content.reading.set(*key, Field::Present(Milli(0)));
        }
        for key in Key::ALL.iter().copied().filter(|key| is_scaled(key.kind())) {
            if let Field::Present(value) = content.reading.get(key) {
                content.reading.set(key, Field::Present(Milli(value.0 * self.times)));
            }
        }
        let mut bytes = Vec::new();
        encode_frame(self.profile, list, &content, &mut bytes).map_err(|error| StimulusError {
            subject: self.subject.clone(),
            what: format!("telegram {} cannot be made: {error}", at + 1),
        })?;
        let reading = reading_object(&content.reading);
        let zeros: Vec<Key> = self.profile.zero_unmeasured.iter().chain(self.blanked).copied().collect();
        let carried = |key: &Key| reading.contains_key(key.name()) && !zeros.contains(key);
        let known = [(Key::CurrentL2, state.current[1]), (Key::VoltageL2, state.voltage[1])];
        let truth = known.into_iter().filter(|(key, _)| !carried(key));
        Ok(Telegram {
            due_us: at as u64 * EVERY_S as u64 * 1_000_000,
            gaps: Vec::new(),
            list: list.word().to_string(),
            damage: None,
            unannounced: Vec::new(),
            zero_unmeasured: zeros.iter().map(|key| key.name().to_string()).collect(),
            truth: truth.map(|(key, value)| (key.name().to_string(), number(Milli(value.0.abs())))).collect(),
            optional: false,
            glued: false,
            bytes,
            reading,
        })
    }

    /// A stimulus of this meter without checks and parts.
    pub(super) fn stimulus(&self, suite: &str, source: &str) -> Stimulus {
        let inferred = self.profile.evidence == Evidence::Inferred;
        let evidence = if inferred { Evidence::Inferred } else { Evidence::Rebuilt };
        Stimulus {
            name: self.subject.replace(['/', '#', ':'], "-"),
            suite: suite.to_string(),
            subject: self.subject.clone(),
            family: self.profile.family.word().to_string(),
            evidence: evidence.word().to_string(),
            source: format!("{source}, sent as a {} would", self.profile.title),
            checks: ["han.claim.answers", "han.claim.once", "han.claim.form", "han.dut.alive"]
                .map(String::from)
                .to_vec(),
            needs: vec![self.profile.family.word().to_string()],
            paced: false,
            baud: super::BAUD,
            parts: Vec::new(),
        }
    }
}

/// Volts between the lines of three wires, and to neutral where there is one.
pub(super) const NOMINAL_V: f64 = 230.0;

/// A load of so many amperes at the nominal voltage, which lag by `lag_deg`.
pub(super) fn load(amperes: f64, lag_deg: f64) -> Phasor {
    polar(amperes * NOMINAL_V, lag_deg)
}

/// What an ideal meter sees when `loads` (see [`Phasors::of_loads`]) hang on a stiff supply whose lines deviate by
/// these fractions.
pub(super) fn state(system: System, loads: [Phasor; 3], deviation: [f64; 3]) -> State {
    let line_v = if system == System::ThreeIt { NOMINAL_V / 3.0_f64.sqrt() } else { NOMINAL_V };
    let lines = [0, 1, 2].map(|at| polar(line_v * (1.0 + deviation[at]), -120.0 * at as f64));
    State::of(&Phasors::of_loads(system, lines, loads), system, Default::default())
}
