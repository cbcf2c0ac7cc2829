//! Claims against limits, key by key; the worst window of each is kept with its margin.

use super::super::limits::{self, Call, Limit, PhasePower};
use super::super::windows::{Session, Window};
use super::{Ruling, figure, windows};
use crate::reading::Key;
use crate::verdict::Verdict;
use crate::verdict::results::{Finding, Measure};
use crate::wave::truth::{Line, Power, Truth};

/// One comparison of one window.
struct Compared {
    key: Key,
    claimed: f64,
    truth: f64,
    limit: Limit,
}

impl Compared {
    fn call(&self) -> Call {
        self.limit.call(self.claimed - self.truth)
    }

    /// A failure is worse than any doubt, however large.
    fn is_worse_than(&self, other: &Compared) -> bool {
        (self.call(), self.part()) > (other.call(), other.part())
    }

    /// How much of the limit the error and the doubt take.
    fn part(&self) -> f64 {
        ((self.claimed - self.truth).abs() + self.limit.uncertainty) / self.limit.limit.max(1e-12)
    }
}

/// Keys that a dongle with these inputs has to claim, but for those its rig file lists under omits.
pub(super) fn expected_keys(session: &Session<'_>) -> Vec<Key> {
    let lines = session.spec.net.kind.lines();
    let mut keys: Vec<Key> = Vec::new();
    for line in 0..lines {
        keys.extend([Key::VOLTAGES[line], Key::CURRENTS[line]]);
        if session.spec.net.kind.has_neutral() {
            keys.extend(Key::ACTIVE[line]);
        }
    }
    keys.extend([Key::ActiveImport, Key::ActiveExport, Key::EnergyActiveImport]);
    // What has no input may be estimated, and may be left out.
    keys.retain(|key| session.is_measured(*key));
    keys.retain(|key| !session.terms.omits.iter().any(|omitted| omitted == key.name()));
    keys
}

/// What rests on a clamp, unless the spec says that no clamp of its kind can do it.
fn by_clamp(session: &Session<'_>, each: impl Fn(&Window, usize) -> Option<Compared>) -> Ruling {
    by_clamp_with_total(session, each, |_| None)
}

fn by_clamp_with_total(
    session: &Session<'_>,
    each: impl Fn(&Window, usize) -> Option<Compared>,
    total: impl Fn(&Window) -> Option<Compared>,
) -> Ruling {
    match &session.spec.expect.beyond {
        Some(beyond) => Ruling::not_applicable(format!("beyond what clamps of this kind can do: {beyond}")),
        None => judge_with_total(session, each, total),
    }
}

fn judge(session: &Session<'_>, each: impl Fn(&Window, usize) -> Option<Compared>) -> Ruling {
    judge_with_total(session, each, |_| None)
}

fn judge_with_total(
    session: &Session<'_>,
    each: impl Fn(&Window, usize) -> Option<Compared>,
    total: impl Fn(&Window) -> Option<Compared>,
) -> Ruling {
    let mut worst: Vec<(Compared, usize)> = Vec::new();
    let (mut compared, mut beyond, mut unclear) = (0, 0, 0);
    for (at, window) in session.windows.iter().enumerate() {
        let lines = (0..3).map(|line| (each(window, line), session.line_in_range(&window.truth.lines[line])));
        for (one, in_range) in lines.chain([(total(window), session.in_range(window))]) {
            let Some(one) = one else { continue };
            // What the dongle calls an estimate is checked as one.
            if session.is_estimate(window, one.key) {
                continue;
            }
            if !in_range {
                beyond += 1;
                continue;
            }
            // Where the value changes so fast that the window's edges matter, nothing can be said.
            if one.limit.uncertainty > 0.5 * one.limit.limit {
                unclear += 1;
                continue;
            }
            compared += 1;
            match worst.iter_mut().find(|(kept, _)| kept.key == one.key) {
                Some(kept) if one.is_worse_than(&kept.0) => *kept = (one, at),
                Some(_) => {}
                None => worst.push((one, at)),
            }
        }
    }
    if worst.is_empty() && beyond > 0 {
        return Ruling::not_applicable("every window lies beyond the declared range of clamp or input");
    }
    if worst.is_empty() && unclear > 0 {
        return Ruling::inconclusive("the values change too fast in every window to be compared");
    }
    if worst.is_empty() {
        return Ruling::not_applicable(
            "no claim carries what this check compares, or the waveform has nothing of it",
        );
    }
    summed_up(session, &worst, compared)
}

fn summed_up(session: &Session<'_>, worst: &[(Compared, usize)], compared: usize) -> Ruling {
    let verdict = worst.iter().map(|(one, _)| one.call().verdict()).max().unwrap_or(Verdict::Pass);
    let measures: Vec<Measure> = worst.iter().map(|(one, at)| measure(session, one, *at)).collect();
    let named = |call: Call| worst.iter().filter(move |(one, _)| one.call() == call);
    let text = |(one, at): &(Compared, usize)| {
        let seconds = session.spec.waveform.rate.seconds(session.windows[*at].to);
        format!(
            "{} is {} instead of {:.3} at {seconds:.1} s: off by {}{}, allowed are ±{:.3}{}",
            one.key.name(),
            figure(one.claimed),
            one.truth,
            if one.claimed < one.truth { "" } else { "+" },
            figure(one.claimed - one.truth),
            one.limit.limit,
            scaled_wrong(session.outer(), one)
        )
    };
    let finding = |one: &(Compared, usize)| Finding {
        key: Some(one.0.key.name().into()),
        expected: Some(format!("{:.3} ± {:.3}", one.0.truth, one.0.limit.limit)),
        claimed: Some(figure(one.0.claimed)),
        text: text(one),
        ..Finding::default()
    };
    let mut ruling = match verdict {
        Verdict::Fail => {
            let findings: Vec<Finding> = named(Call::Fail).map(finding).collect();
            let mut ruling = Ruling::fail(findings[0].text.clone());
            ruling.findings = findings;
            ruling
        }
        Verdict::Inconclusive => {
            let first = named(Call::Undecided).next().map(text).unwrap_or_default();
            Ruling::inconclusive(format!("{first}; the bench's own doubt covers the limit"))
        }
        _ => Ruling::pass(format!("{compared} values in {}", windows(session.windows.len()))),
    };
    ruling.findings.extend(named(Call::Marginal).map(|one| Finding {
        weightless: true,
        text: format!("within the limit by less than a tenth of it: {}", text(one)),
        ..finding(one)
    }));
    ruling.measures = measures;
    ruling
}

/// Says so where a claim is off by the transformer ratio.
fn scaled_wrong(ratio: f64, one: &Compared) -> String {
    // Within 3 %: the smallest ratio told apart from a bad clamp is 1.5.
    let near = |factor: f64| (one.claimed - one.truth * factor).abs() <= 0.03 * (one.truth * factor).abs();
    if ratio < 1.5 || one.truth.abs() < one.limit.limit {
        String::new()
    } else if near(1.0 / ratio) {
        format!("; the transformer ratio of {ratio} is not applied")
    } else if near(ratio) {
        format!("; the transformer ratio of {ratio} is applied twice")
    } else {
        String::new()
    }
}

fn measure(session: &Session<'_>, one: &Compared, at: usize) -> Measure {
    Measure {
        key: one.key.name().into(),
        t_s: session.spec.waveform.rate.seconds(session.windows[at].to),
        truth: one.truth,
        claimed: one.claimed,
        limit: one.limit.limit,
        uncertainty: one.limit.uncertainty,
    }
}

/// Compares one key with one quantity of the truth.
fn compare(
    window: &Window,
    key: Key,
    claimed: Option<f64>,
    quantity: impl Fn(&Truth) -> Option<f64>,
    limit: impl Fn(f64) -> Option<Limit>,
) -> Option<Compared> {
    let (claimed, truth) = (claimed?, quantity(&window.truth)?);
    let limit = limit(truth)?.with(window.doubt(quantity));
    Some(Compared { key, claimed, truth, limit })
}

pub(super) fn voltage(session: &Session<'_>) -> Ruling {
    judge(session, |window, line| {
        let key = Key::VOLTAGES[line];
        let truth = |truth: &Truth| truth.lines[line].u.map(|u| u.rms);
        compare(window, key, window.number(key), truth, |volts| Some(limits::voltage(session.device, volts)))
    })
}

pub(super) fn current(session: &Session<'_>) -> Ruling {
    by_clamp(session, |window, line| {
        let key = Key::CURRENTS[line];
        let truth = |truth: &Truth| truth.lines[line].i.map(|i| i.rms);
        compare(window, key, window.number(key), truth, |amperes| {
            Some(session.scaled(amperes, limits::current))
        })
    })
}

fn phase(line: &Line) -> Option<PhasePower> {
    let (u, i, power) = (line.u?, line.i?, line.power?);
    Some(PhasePower { volts: u.rms, amperes: i.rms, watts: power.p_w, vars: power.q1_var })
}

/// Compares a power of one line. Without a neutral a line has none.
fn of_power(
    session: &Session<'_>,
    window: &Window,
    (line, keys): (usize, [Key; 2]),
    quantity: fn(&Power) -> f64,
    limit: fn(&super::super::device::Device, PhasePower) -> Limit,
) -> Option<Compared> {
    let truth = |truth: &Truth| truth.lines[line].power.as_ref().map(quantity);
    let allowed = |_: f64| phase(&window.truth.lines[line]).map(|phase| session.scaled_power(phase, limit));
    compare(window, keys[0], window.signed(keys), truth, allowed)
}

/// The total too: on three wires it is the only power there is.
pub(super) fn active(session: &Session<'_>) -> Ruling {
    let total = [Key::ActiveImport, Key::ActiveExport];
    by_clamp_with_total(
        session,
        |window, line| {
            let own = (line, Key::ACTIVE[line]);
            of_power(session, window, own, |power| power.p_w, limits::active)
        },
        |window| {
            let truth = |truth: &Truth| truth.total.as_ref().map(|total| total.p_w);
            let allowed = |_: f64| Some(session.total_limit(&window.truth));
            compare(window, total[0], window.signed(total), truth, allowed)
        },
    )
}

pub(super) fn reactive(session: &Session<'_>) -> Ruling {
    if !session.spec.net.kind.has_neutral() {
        return Ruling::not_applicable("without a neutral a single line has no power of its own");
    }
    by_clamp(session, |window, line| {
        let own = (line, Key::REACTIVE[line]);
        of_power(session, window, own, |power| power.q1_var, limits::reactive)
    })
}

pub(super) fn factor(session: &Session<'_>) -> Ruling {
    if !session.spec.net.kind.has_neutral() {
        return Ruling::not_applicable("without a neutral a single line has no power of its own");
    }
    by_clamp(session, |window, line| {
        let truth = |truth: &Truth| truth.lines[line].power.as_ref().and_then(Power::pf);
        let phase = phase(&window.truth.lines[line])?;
        // Below a hundredth of the range a power factor is noise over noise.
        if phase.amperes < 0.01 * session.device.range_a * session.outer() {
            return None;
        }
        let key = Key::POWER_FACTORS[line];
        compare(window, key, window.number(key), truth, |_| Some(session.factor_limit(phase)))
    })
}

pub(super) fn distortion(session: &Session<'_>) -> Ruling {
    by_clamp(session, |window, line| {
        let current = window.truth.lines[line].i?;
        if current.rms < 0.01 * session.device.range_a * session.outer() {
            return None;
        }
        let key = Key::DISTORTIONS[line];
        let truth = |truth: &Truth| truth.lines[line].i.and_then(|i| i.thd()).map(|thd| 100.0 * thd);
        let inner = current.fundamental / session.outer();
        let allowed = |percent: f64| Some(limits::distortion(session.device, inner, percent));
        compare(window, key, window.number(key), truth, allowed)
    })
}

pub(super) fn frequency(session: &Session<'_>) -> Ruling {
    judge(session, |window, line| {
        // Across a jump of the voltage's phase a frequency means nothing.
        let dark = window.truth.lines[0].u.is_none_or(|u| u.rms < 10.0);
        if line > 0 || dark || session.disturbed(window) {
            return None;
        }
        let key = Key::Frequency;
        compare(window, key, window.number(key), |truth| Some(truth.f_hz), |_| Some(limits::frequency()))
    })
}

/// Import is import and export is export, wherever the power is larger than its own limit.
pub(super) fn direction(session: &Session<'_>) -> Ruling {
    if !session.spec.net.kind.has_neutral() {
        return Ruling::not_applicable("without a neutral a single line has no power of its own");
    }
    let mut seen = 0;
    for window in &session.windows {
        for (line, (truth, keys)) in window.truth.lines.iter().zip(Key::ACTIVE).enumerate() {
            let (Some(phase), Some(claimed)) = (phase(truth), window.signed(keys)) else { continue };
            let unclear = session.scaled_power(phase, limits::active).limit;
            if let Some(both) = both_ways(window, keys, truth.power, unclear) {
                return Ruling::fail(format!("L{}: {both}", line + 1));
            }
            if phase.watts.abs() <= unclear || claimed.abs() <= unclear {
                continue;
            }
            seen += 1;
            if phase.watts.signum() != claimed.signum() {
                let way = |watts: f64| if watts > 0.0 { "import" } else { "export" };
                return Ruling::fail(format!(
                    "L{}: {} of {:.0} W is claimed as {} of {:.0} W",
                    line + 1,
                    way(phase.watts),
                    phase.watts.abs(),
                    way(claimed),
                    claimed.abs()
                ));
            }
        }
    }
    if let Some(both) = session.windows.iter().find_map(|window| {
        // Where one line feeds in and another draws, a total of both sides is no mistake.
        let one_way = |side: fn(&Power) -> f64| {
            window.truth.lines.iter().all(|line| line.power.as_ref().is_none_or(|power| side(power) <= 0.0))
        };
        let total = window.truth.total.filter(|_| one_way(|power| power.p_w) || one_way(|power| -power.p_w));
        let unclear = session.total_limit(&window.truth).limit;
        both_ways(window, [Key::ActiveImport, Key::ActiveExport], total, unclear)
    }) {
        return Ruling::fail(format!("all lines: {both}"));
    }
    if seen == 0 {
        return Ruling::not_applicable("no line carries enough power to have a direction");
    }
    Ruling::pass(format!("{seen} powers in {}", windows(session.windows.len())))
}

/// Import and export at once, where power flowed one way only.
fn both_ways(
    window: &Window,
    [import, export]: [Key; 2],
    truth: Option<Power>,
    unclear: f64,
) -> Option<String> {
    let (import, export) = (window.number(import)?, window.number(export)?);
    let truth = truth?;
    let other_way_w = truth.import_wh.min(truth.export_wh) * 3600.0 / window.truth.seconds;
    (import.min(export) > unclear && other_way_w < unclear / 2.0).then(|| {
        format!(
            "{import:.0} W of import and {export:.0} W of export are claimed at once; {:.0} W flow",
            truth.p_w
        )
    })
}

/// The phases add up to the total, by the dongle's own numbers.
pub(super) fn sum(session: &Session<'_>) -> Ruling {
    if !session.spec.net.kind.has_neutral() {
        return Ruling::not_applicable("without a neutral a single line has no power of its own");
    }
    let mut seen = 0;
    for window in &session.windows {
        let lines = session.spec.net.kind.lines();
        let parts: Option<Vec<f64>> = (0..lines).map(|line| window.signed(Key::ACTIVE[line])).collect();
        let (Some(parts), Some(total)) = (parts, window.signed([Key::ActiveImport, Key::ActiveExport]))
        else {
            continue;
        };
        seen += 1;
        let sum: f64 = parts.iter().sum();
        let size: f64 = parts.iter().map(|part| part.abs()).sum();
        // A thousandth of what flows, and the rounding of whole watts.
        if (total - sum).abs() > 0.001 * size + 0.5 * (lines as f64 + 1.0) {
            return Ruling::fail(format!("the phases add up to {sum:.1} W and the total is {total:.1} W"));
        }
    }
    if seen == 0 {
        return Ruling::inconclusive("no claim carries the power of each phase and the total");
    }
    Ruling::pass(windows(seen))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_worse_than_a_larger_doubt() {
        let one = |claimed, uncertainty| Compared {
            key: Key::CurrentL1,
            claimed,
            truth: 10.0,
            limit: Limit { limit: 1.0, uncertainty },
        };
        let (failure, doubt) = (one(11.05, 0.01), one(10.8, 0.45));
        assert_eq!((failure.call(), doubt.call()), (Call::Fail, Call::Undecided));
        assert!(doubt.part() > failure.part() && failure.is_worse_than(&doubt));
    }
}
