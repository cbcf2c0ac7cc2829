//! The claims of a trial in order, each with what is true of its own window.

use super::device::{self, Device};
use super::limits::{self, Limit, PhasePower};
use super::{CtTerms, CtTrial};
use crate::reading::Key;
use crate::verdict::trial::What;
use crate::wave::spec::{Channel, Clamp, Conductor, Lasts, Secondary, Spec};
use crate::wave::truth::{Line, Truth, Wave, over, over_three_wire};
use crate::wave::{Segment, network, sensor};
use serde_json::{Map, Value};

/// Doubt about where a window begins and ends, in seconds: a device rounds both to a millisecond.
const EDGE_S: f64 = 0.001;

/// One claim and the truth of its window.
#[derive(Clone)]
pub(super) struct Window {
    /// As it was printed.
    pub(super) claim: Map<String, Value>,
    /// First sample.
    pub(super) from: u64,
    /// First sample behind it.
    pub(super) to: u64,
    /// What a perfect dongle would read behind perfect clamps where the spec puts them.
    pub(super) truth: Truth,
    /// The same for windows a little earlier and later: how much the edges matter.
    near: [Option<Truth>; 2],
}

impl Window {
    /// A number of the claim.
    pub(super) fn number(&self, key: Key) -> Option<f64> {
        self.claim.get(key.name()).and_then(Value::as_f64)
    }

    /// Import less export.
    pub(super) fn signed(&self, [import, export]: [Key; 2]) -> Option<f64> {
        Some(self.number(import)? - self.number(export)?)
    }

    /// Whether the claim says something for the key. Null is how an unknown value is claimed.
    pub(super) fn has(&self, key: Key) -> bool {
        self.claim.get(key.name()).is_some_and(|value| !value.is_null())
    }

    /// A quantity that is claimed as something else than a number.
    pub(super) fn malformed(&self) -> Option<(Key, &Value)> {
        let claimed = |key: &Key| Some((*key, self.claim.get(key.name())?));
        Key::ALL.iter().filter_map(claimed).find(|(_, value)| !value.is_number() && !value.is_null())
    }

    /// Whether the claim calls the value an estimate.
    pub(super) fn estimates(&self, key: Key) -> bool {
        self.texts("estimated").contains(&key.name())
    }

    /// The texts of a list of the claim, such as `alarms`.
    pub(super) fn texts(&self, key: &str) -> Vec<&str> {
        let list = self.claim.get(key).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// By how much a quantity could differ for a window cut a little otherwise (k = 2 of an even spread).
    pub(super) fn doubt(&self, quantity: impl Fn(&Truth) -> Option<f64>) -> f64 {
        let Some(here) = quantity(&self.truth) else { return 0.0 };
        let near = self.near.iter().flatten().filter_map(&quantity);
        near.fold(0.0_f64, |most, there| most.max((there - here).abs())) * 2.0 / 3_f64.sqrt()
    }
}

/// A trial put in order.
#[derive(Clone)]
pub(super) struct Session<'a> {
    pub(super) spec: Spec,
    pub(super) device: &'static Device,
    pub(super) terms: &'a CtTerms,
    /// Segments behind perfect clamps where the spec puts them.
    pub(super) wired: Vec<Segment>,
    /// Windows that are judged, in order.
    pub(super) windows: Vec<Window>,
    /// Claims that were seen, judged or not.
    pub(super) claims: usize,
    /// Claims that have no place in the device time of the waveform.
    pub(super) unplaced: usize,
    /// Why the first of them has none.
    pub(super) misplaced: Option<String>,
    /// Where the windows of all other claims end, in the order in which they were claimed.
    pub(super) ends: Vec<u64>,
    /// Lines that were printed and are neither claim nor event, and the first of them.
    pub(super) printed: (usize, Option<&'a str>),
    /// Samples of each channel that stood at an end of the converter, where that is known.
    pub(super) clipped: &'a [u64],
    /// How the DUT ended, if it did.
    pub(super) ended: Option<String>,
    /// Why the bench gave up because of the DUT.
    pub(super) misbehaved: Option<String>,
    /// Why the samples did not all reach the DUT, through no fault of its own.
    pub(super) stopped: Option<String>,
}

impl<'a> Session<'a> {
    /// Puts a trial in order.
    pub(super) fn of(trial: &'a CtTrial) -> Result<Session<'a>, String> {
        let spec = Spec::parse(&trial.spec).map_err(|error| format!("its waveform: {error}"))?;
        let device = device::of(&spec).ok_or_else(|| {
            format!("there is no device profile `{}`", spec.expect.device.as_deref().unwrap_or_default())
        })?;
        let wired = wired(&spec);
        let mut session = Session {
            spec,
            device,
            terms: &trial.terms,
            wired,
            windows: Vec::new(),
            claims: 0,
            unplaced: 0,
            misplaced: None,
            ends: Vec::new(),
            printed: (0, None),
            clipped: trial.sent.as_ref().map_or(&[], |sent| &sent.clipped),
            ended: None,
            misbehaved: None,
            stopped: None,
        };
        for event in &trial.events {
            match &event.what {
                What::Claim { claim, .. } => {
                    session.claims += 1;
                    if let Err(why) = session.place(claim) {
                        session.unplaced += 1;
                        session.misplaced.get_or_insert(why);
                    }
                }
                What::Log { line } if !is_event(line) => {
                    session.printed.0 += 1;
                    session.printed.1.get_or_insert(line);
                }
                What::Exited { how } => session.ended = Some(how.clone()),
                What::Stopped { why, misbehaved: true } => session.misbehaved = Some(why.clone()),
                What::Restarted { why }
                | What::Unheard { why }
                | What::Stopped { why, misbehaved: false } => session.stopped = Some(why.clone()),
                _ => {}
            }
        }
        Ok(session)
    }

    /// The same claims against what the clamps deliver with their cores as they are, but no other error of their own.
    pub(super) fn behind_cores(&self) -> Session<'a> {
        let mut behind = Session { wired: with_cores(&self.spec), windows: Vec::new(), ..self.clone() };
        behind.spec.expect.beyond = None;
        let windows = self.windows.iter();
        behind.windows =
            windows.filter_map(|window| behind.window(&window.claim, window.from, window.to)).collect();
        behind
    }

    /// Direct current in the clamp of a channel, the mean of a window in amperes.
    pub(super) fn direct_a(&self, window: &Window, line: usize) -> f64 {
        let inside = self.wired.iter().filter(|segment| segment.from < window.to && segment.to > window.from);
        let part = |segment: &Segment| {
            let samples = segment.to.min(window.to) - segment.from.max(window.from);
            sensor::content(segment, line).dc * samples as f64
        };
        inside.map(part).sum::<f64>() / (window.to - window.from) as f64
    }

    fn place(&mut self, claim: &Map<String, Value>) -> Result<(), String> {
        let rate = self.spec.waveform.rate;
        let to = claim.get("samples").and_then(Value::as_u64);
        let seconds = claim.get("window_s").and_then(Value::as_f64).filter(|seconds| *seconds > 0.0);
        let to = to.ok_or("has no `samples`, the whole number of samples at which its window ended")?;
        let seconds = seconds.ok_or("has no `window_s`, the seconds that its window took")?;
        let outside = || {
            let whole = rate.seconds(self.spec.waveform.samples());
            format!("ends at sample {to} and takes {seconds:.3} s, of a waveform of {whole} s")
        };
        let from = to.checked_sub(rate.index(seconds)).ok_or_else(outside)?;
        let window = self.window(claim, from, to).ok_or_else(outside)?;
        self.ends.push(to);
        if rate.seconds(from) >= self.spec.expect.settle_s {
            self.windows.push(window);
        }
        Ok(())
    }

    /// A claim about the samples `from..to`, with what is true of them; `None` outside the waveform.
    fn window(&self, claim: &Map<String, Value>, from: u64, to: u64) -> Option<Window> {
        let truth = self.truth(from, to)?;
        let edge = self.spec.waveform.rate.index(EDGE_S).max(1);
        let near = [
            from.checked_sub(edge).and_then(|from| self.truth(from, to - edge)),
            self.truth(from + edge, to + edge),
        ];
        Some(Window { claim: claim.clone(), from, to, truth, near })
    }

    /// What is true of the samples `from..to`.
    pub(super) fn truth(&self, from: u64, to: u64) -> Option<Truth> {
        if self.spec.net.kind.has_neutral() {
            over(&self.wired, self.spec.waveform.rate, from, to)
        } else {
            over_three_wire(&self.wired, self.spec.waveform.rate, from, to)
        }
    }

    /// Whether the dongle has every input that a quantity is made of.
    pub(super) fn is_measured(&self, key: Key) -> bool {
        let channels = &self.spec.waveform.channels;
        let inputs = |line: usize| [line, line + 3].map(|at| channels.contains(&Channel::ALL[at]));
        let own = (0..3).find_map(|line| {
            let [voltage, current] = inputs(line);
            let power = [Key::ACTIVE[line], Key::REACTIVE[line]].concat();
            match key {
                key if key == Key::VOLTAGES[line] => Some(voltage),
                key if key == Key::CURRENTS[line] || key == Key::DISTORTIONS[line] => Some(current),
                key if power.contains(&key) || key == Key::POWER_FACTORS[line] => Some(voltage && current),
                _ => None,
            }
        });
        // What is of no line is of all lines.
        own.unwrap_or_else(|| (0..self.spec.net.kind.lines()).all(|line| inputs(line) == [true; 2]))
    }

    /// Whether a claim is an estimate: it says so, and an input is missing. A measurement is none, whatever it is called.
    pub(super) fn is_estimate(&self, window: &Window, key: Key) -> bool {
        window.estimates(key) && !self.is_measured(key)
    }

    /// Whether the values of a line can be asked for: neither clamp nor input is beyond its range.
    pub(super) fn line_in_range(&self, line: &Line) -> bool {
        let below = |wave: Option<Wave>, end: f64| wave.is_none_or(|wave| wave.rms <= end);
        below(line.i, self.device.range_a * self.outer()) && below(line.u, self.device.range_v)
    }

    /// The same for all lines of a window.
    pub(super) fn in_range(&self, window: &Window) -> bool {
        window.truth.lines.iter().all(|line| self.line_in_range(line))
    }

    /// Whether something begins to happen to the grid, or is over, within a window.
    pub(super) fn disturbed(&self, window: &Window) -> bool {
        let rate = self.spec.waveform.rate;
        let (from, to) = (rate.seconds(window.from), rate.seconds(window.to));
        self.spec.events.iter().any(|event| {
            let seconds = match event.lasts {
                Lasts::Seconds(seconds) => seconds,
                Lasts::Cycles(cycles) => cycles / self.spec.net.f_max_hz(),
            };
            // A start that waits for a phase comes up to a cycle later.
            let edges = [event.t_s, event.t_s + seconds];
            edges.iter().any(|edge| (from - 0.05..=to).contains(edge))
        })
    }

    /// What the instrument transformers in front of the clamps divide by; 1 without.
    pub(super) fn outer(&self) -> f64 {
        self.spec.clamps.first().map_or(1.0, Clamp::outer)
    }

    /// A limit of the clamps themselves, for primary amperes.
    pub(super) fn scaled(&self, amperes: f64, limit: fn(&Device, f64) -> Limit) -> Limit {
        let inner = limit(self.device, amperes / self.outer());
        Limit { limit: inner.limit * self.outer(), ..inner }
    }

    /// A limit of the power behind the clamps, for what the primary carries.
    pub(super) fn scaled_power(&self, phase: PhasePower, limit: fn(&Device, PhasePower) -> Limit) -> Limit {
        let outer = self.outer();
        let inner = PhasePower {
            amperes: phase.amperes / outer,
            watts: phase.watts / outer,
            vars: phase.vars / outer,
            ..phase
        };
        let inner = limit(self.device, inner);
        Limit { limit: inner.limit * outer, ..inner }
    }

    /// The limit of the power of all lines: what those of the lines come to.
    pub(super) fn total_limit(&self, truth: &Truth) -> Limit {
        let each = truth.lines.iter().filter_map(|line| {
            let (u, i) = (line.u?, line.i?);
            let apparent = u.rms * i.rms;
            // Between the voltage of two lines and the current of one there is any angle, whatever the load.
            let (watts, vars) = line.power.map_or((apparent, apparent), |power| (power.p_w, power.q1_var));
            let phase = PhasePower { volts: u.rms, amperes: i.rms, watts, vars };
            Some(self.scaled_power(phase, limits::active))
        });
        each.fold(Limit { limit: 0.0, uncertainty: 0.0 }, |all, one| Limit {
            limit: all.limit + one.limit,
            ..all.with(one.uncertainty)
        })
    }

    /// The limit of a power factor, which has no unit to scale.
    pub(super) fn factor_limit(&self, phase: PhasePower) -> Limit {
        let scaled = self.scaled_power(phase, limits::factor);
        Limit { limit: scaled.limit / self.outer(), ..scaled }
    }

    /// Where the clamps sit, as the spec says.
    pub(super) fn clamps(&self) -> &[Clamp] {
        &self.spec.clamps
    }
}

/// Whether a line is an event such as `{"event":"ready"}`, and no rubbish.
fn is_event(line: &str) -> bool {
    serde_json::from_str::<Map<String, Value>>(line).is_ok_and(|object| object.contains_key("event"))
}

/// Segments behind clamps that have no error of their own but sit where the spec puts them: what a claim is compared with.
pub fn wired(spec: &Spec) -> Vec<Segment> {
    behind(spec, |clamp| {
        clamp.ratio_pct.clear();
        clamp.sat = None;
    })
}

/// Segments behind clamps with the cores that they have, and transformers that have none but pass no direct current.
fn with_cores(spec: &Spec) -> Vec<Segment> {
    behind(spec, |clamp| {
        let transformer = !clamp.is_ideal() && clamp.sat.is_none();
        clamp.ratio_pct = if transformer { vec![[clamp.rated_a, 0.0]] } else { Vec::new() };
    })
}

/// Segments behind clamps that keep their places; `cores` says what remains of a clamp's ratio and saturation.
fn behind(spec: &Spec, cores: impl Fn(&mut Clamp)) -> Vec<Segment> {
    let mut changed = spec.clone();
    for clamp in &mut changed.clamps {
        cores(clamp);
        clamp.phase_deg.clear();
        clamp.gap_mm = 0.0;
        clamp.secondary = Secondary::Ok;
    }
    sensor::at_clamp(&changed.clamps, changed.waveform.rate, &network::segments(&changed))
}

/// The line that a conductor is, from 1.
pub(super) fn line_of(on: Conductor) -> Option<u8> {
    match on {
        Conductor::L1 => Some(1),
        Conductor::L2 => Some(2),
        Conductor::L3 => Some(3),
        Conductor::N | Conductor::Pe | Conductor::L1N | Conductor::None => None,
    }
}
