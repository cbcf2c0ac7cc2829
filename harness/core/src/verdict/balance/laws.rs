//! The check `balance.metamorphic`: a scenario beside its twins, each of which differs from it in one thing.
//!
//! A law says what that thing may do to what chargers offer, on average over the time that the scenario names (see
//! [`crate::scenario::Law`]). Every twin is played by a balancer at its start. Refuses to judge a twin by anything else:
//! its fuse and its cars are those of no scenario that anybody reviewed.

use super::protocol;
use super::tally::{Ruling, Tally, amperes, count, seconds};
use crate::plant::network::Plant;
use crate::scenario::{Change, Law, Scenario};
use crate::sim::{Ended, Watch};
use std::collections::BTreeSet;

/// Its id.
pub const METAMORPHIC: &str = "balance.metamorphic";

/// What two shares that have to be the same may differ by, milliamperes: the max-min gap of balancing, section 5d, Metrics.
const SAME_MA: i64 = 500;
/// The same behind transformers: the tenth of an ampere that meters say is a whole one in front of them.
const ROUNDED_MA: i64 = 1000;

/// What chargers offered and cars drew over a time, for one run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shares {
    from_ms: u64,
    to_ms: u64,
    /// What each charger offered, milliamperes times milliseconds.
    offered: Vec<i64>,
    /// The same for what its car drew of each line.
    drawn: Vec<[i64; 3]>,
}

/// One twin that was played.
#[derive(Clone, PartialEq, Debug)]
pub struct Twin {
    /// How it differs.
    pub change: Change,
    /// How its run ended.
    pub ended: Ended,
    /// What came of it.
    pub shares: Shares,
}

/// Plays the twins of a scenario, up to the first that does not come to its end. `run` starts a balancer anew and plays.
///
/// # Errors
/// Those of `run`.
pub fn play<E>(
    scenario: &Scenario,
    mut run: impl FnMut(Change, &Scenario, &mut Shares) -> Result<Ended, E>,
) -> Result<Vec<Twin>, E> {
    let mut twins = Vec::new();
    for change in scenario.changes() {
        let mut shares = Shares::new(scenario);
        let ended = run(change, &change.twin(scenario), &mut shares)?;
        let cut = ended.trouble.is_some();
        twins.push(Twin { change, ended, shares });
        if cut {
            break;
        }
    }
    Ok(twins)
}

impl Shares {
    /// Over the time that the laws of a scenario name; over none where it names no law.
    pub fn new(scenario: &Scenario) -> Shares {
        let (from_ms, to_ms) = scenario.laws().map_or((0, 0), |(_, time)| time);
        Shares { from_ms, to_ms, offered: Vec::new(), drawn: Vec::new() }
    }

    /// Milliamperes that a sum comes to on average.
    fn average(&self, sum: i64) -> i64 {
        let ms = i64::try_from(self.to_ms - self.from_ms).unwrap_or(i64::MAX);
        (sum + ms / 2) / ms.max(1)
    }

    fn offered(&self, charger: usize) -> i64 {
        self.offered.get(charger).map_or(0, |sum| self.average(*sum))
    }

    fn drawn(&self, charger: usize, line: usize) -> i64 {
        self.drawn.get(charger).map_or(0, |lines| self.average(lines[line]))
    }
}

impl Watch for Shares {
    fn span(&mut self, from_ms: u64, plant: &Plant) {
        let (from_ms, to_ms) = (from_ms.max(self.from_ms), plant.t_ms().min(self.to_ms));
        let Some(ms) = to_ms.checked_sub(from_ms).and_then(|ms| i64::try_from(ms).ok()).filter(|ms| *ms > 0)
        else {
            return;
        };
        self.offered.resize(plant.stations().len(), 0);
        self.drawn.resize(plant.stations().len(), [0; 3]);
        for (at, station) in plant.stations().iter().enumerate() {
            let charger = &station.charger;
            self.offered[at] += charger.offered_ma() * ms;
            for (line, drawn_ma) in charger.settings().order.into_iter().zip(charger.draws_ma()) {
                self.drawn[at][usize::from(line) - 1] += drawn_ma * ms;
            }
        }
    }
}

/// A scenario as it is, to compare its twins with.
struct Original<'a> {
    scenario: &'a Scenario,
    shares: &'a Shares,
}

/// What the check says. `why_none`: why no twin was played, where none was.
pub(super) fn ruling(
    scenario: &Scenario,
    ended: &Ended,
    shares: &Shares,
    twins: &[Twin],
    why_none: &str,
) -> Ruling {
    if scenario.laws().is_none() {
        return Ruling::not_applicable("the scenario names no law between two runs");
    }
    if ended.trouble.is_some() {
        return Ruling::not_applicable("the run ended early, and there is nothing to compare");
    }
    if shares.offered.iter().all(|sum| *sum == 0) {
        return Ruling::not_applicable("nothing was offered to any car while shares are compared");
    }
    let original = Original { scenario, shares };
    let mut tally = Tally::default();
    for twin in twins {
        match original.broken(twin) {
            // Said below.
            _ if twin.ended.trouble.is_some() => {}
            Some(what) => tally.wrong(|| format!("{}: {what}", twin.change.law().word())),
            None => tally.right(),
        }
    }
    if let Some(cut) = twins.iter().find(|twin| twin.ended.trouble.is_some())
        && !tally.is_wrong()
    {
        return protocol(&cut.ended, 0).behind(&format!("with {}: ", cut.change));
    }
    tally.ruling(|held| original.rests_on(held, twins), why_none)
}

impl Original<'_> {
    fn rests_on(&self, held: u64, twins: &[Twin]) -> String {
        let mut seen = BTreeSet::new();
        let words: Vec<&str> =
            twins.iter().map(|twin| twin.change.law().word()).filter(|word| seen.insert(*word)).collect();
        let ms = self.shares.to_ms - self.shares.from_ms;
        let chargers = count(self.scenario.chargers.len() as u64, "charger");
        format!("{}, {chargers} over {} each: {}", count(held, "twin"), seconds(ms), words.join(", "))
    }

    fn name(&self, charger: usize) -> &str {
        self.scenario.chargers.get(charger).map_or("", |charger| charger.name.as_str())
    }

    /// What breaks the law, in words with the charger and both numbers.
    fn broken(&self, twin: &Twin) -> Option<String> {
        match twin.change.law() {
            Law::Order | Law::EmptyPlace => self.same_shares(twin),
            Law::Turned => self.same_each(twin, SAME_MA),
            Law::Ratio => self.same_each(twin, ROUNDED_MA),
            Law::MoreLoad => self.no_more_drawn(twin),
            Law::LargerLimit => self.least_not_smaller(twin),
        }
    }

    /// The shares with their chargers, the smallest first; of a twin too by the charger of the scenario.
    fn sorted(&self, shares: &Shares, change: Option<Change>) -> Vec<(i64, usize)> {
        let count = self.scenario.chargers.len();
        let charger = |place: usize| change.map_or(Some(place), |change| change.charger(place, count));
        let each = (0..shares.offered.len()).filter_map(|at| Some((shares.offered(at), charger(at)?)));
        let mut sorted: Vec<(i64, usize)> = each.collect();
        sorted.sort_unstable();
        sorted
    }

    fn same_shares(&self, twin: &Twin) -> Option<String> {
        let (ours, theirs) = (self.sorted(self.shares, None), self.sorted(&twin.shares, Some(twin.change)));
        let differ =
            |((ours, _), (theirs, _)): &(&(i64, usize), &(i64, usize))| (ours - theirs).abs() > SAME_MA;
        let ((ours, charger), (theirs, other)) = ours.iter().zip(&theirs).find(differ)?;
        let (name, other) = (self.name(*charger), self.name(*other));
        let (ours, theirs) = (amperes(*ours), amperes(*theirs));
        let change = twin.change;
        Some(format!(
            "with {change} the shares are not the same: {theirs} for {other} where {name} is offered {ours}"
        ))
    }

    fn same_each(&self, twin: &Twin, tol_ma: i64) -> Option<String> {
        let shares = |at: usize| (at, self.shares.offered(at), twin.shares.offered(at));
        let differ = |(_, ours, theirs): &(usize, i64, i64)| (ours - theirs).abs() > tol_ma;
        let (at, ours, theirs) = (0..self.scenario.chargers.len()).map(shares).find(differ)?;
        let (ours, theirs) = (amperes(ours), amperes(theirs));
        Some(format!("{} is offered {ours}, and {theirs} with {}", self.name(at), twin.change))
    }

    fn no_more_drawn(&self, twin: &Twin) -> Option<String> {
        let Change::MoreLoad(line) = twin.change else { return None };
        let chargers = 0..self.scenario.chargers.len();
        let sum = |shares: &Shares| chargers.clone().map(|at| shares.drawn(at, line)).sum::<i64>();
        let (ours, theirs) = (sum(self.shares), sum(&twin.shares));
        if theirs <= ours + SAME_MA {
            return None;
        }
        let more = |at: &usize| twin.shares.drawn(*at, line) - self.shares.drawn(*at, line);
        let most = chargers.clone().max_by_key(more)?;
        Some(format!(
            "cars draw {} on L{}, and {} with {}, the car at {} {} in place of {}",
            amperes(ours),
            line + 1,
            amperes(theirs),
            twin.change,
            self.name(most),
            amperes(twin.shares.drawn(most, line)),
            amperes(self.shares.drawn(most, line)),
        ))
    }

    /// The smallest share among the cars that are there all the time.
    fn least(&self, shares: &Shares) -> Option<(i64, usize)> {
        let (from_ms, to_ms) = (self.shares.from_ms, self.shares.to_ms);
        let stays = self
            .scenario
            .cars
            .iter()
            .filter(|car| car.from_ms <= from_ms && car.to_ms.is_none_or(|gone_ms| gone_ms >= to_ms));
        stays.map(|car| (shares.offered(car.charger), car.charger)).min()
    }

    fn least_not_smaller(&self, twin: &Twin) -> Option<String> {
        let (ours, charger) = self.least(self.shares)?;
        let (theirs, other) = self.least(&twin.shares)?;
        (ours < theirs - SAME_MA).then(|| {
            let (name, other) = (self.name(charger), self.name(other));
            let (ours, theirs, change) = (amperes(ours), amperes(theirs), twin.change);
            format!("{name} is offered least, {ours}; with {change} the least is {theirs}, at {other}")
        })
    }
}
