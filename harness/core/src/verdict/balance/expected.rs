//! What a scenario expects beyond the checks that hold for all of them: the check `balance.expected`.

use super::tally::{Ruling, Tally, amperes, count, seconds};
use crate::balance::About;
use crate::plant::car::NJ_PER_WH;
use crate::plant::network::Plant;
use crate::scenario::{Band, Expect, Quantity, Scenario};

/// Watches what is expected.
pub(super) struct Expected<'a> {
    scenario: &'a Scenario,
    /// Of each expectation: whether it was looked at, and the first miss.
    seen: Vec<(bool, Option<String>)>,
    /// Next time at which the set of those that hold changes.
    edge_ms: u64,
}

impl<'a> Expected<'a> {
    pub(super) fn new(scenario: &'a Scenario) -> Expected<'a> {
        Expected { scenario, seen: vec![(false, None); scenario.expects.len()], edge_ms: 0 }
    }

    /// From `from_ms` until now everything flowed as the plant says.
    pub(super) fn pass(&mut self, from_ms: u64, changed: bool, plant: &Plant) {
        let to_ms = plant.t_ms();
        let last = to_ms == self.scenario.duration_ms;
        if !changed && to_ms <= self.edge_ms && !last {
            return;
        }
        self.edge_ms = u64::MAX;
        for (expect, seen) in self.scenario.expects.iter().zip(&mut self.seen) {
            if !is_of_a_moment(&expect.what) {
                continue;
            }
            if expect.from_ms >= to_ms && !(last && expect.from_ms == to_ms) {
                self.edge_ms = self.edge_ms.min(expect.from_ms);
            } else if expect.to_ms >= from_ms {
                // It may end within a span in which nothing changes: that span has been looked at.
                seen.0 = true;
                if seen.1.is_none() {
                    seen.1 = miss(self.scenario, expect, plant)
                        .map(|what| format!("{what} at {}", seconds(from_ms.max(expect.from_ms))));
                }
            }
        }
    }

    /// The balancer raises an alarm.
    pub(super) fn alarm(&mut self, t_ms: u64, about: About, text: &str) {
        for (expect, seen) in self.scenario.expects.iter().zip(&mut self.seen) {
            if t_ms < expect.from_ms || t_ms > expect.to_ms {
                continue;
            }
            match expect.what {
                Quantity::Alarm(wanted) if wanted == about => seen.0 = true,
                Quantity::NoAlarm(unwanted) if unwanted == about && seen.1.is_none() => {
                    let word = about.word();
                    seen.1 = Some(format!("an alarm about {word} at {}: {text}", seconds(t_ms)));
                }
                _ => {}
            }
        }
    }

    pub(super) fn ended(&mut self, plant: &Plant) {
        for (expect, seen) in self.scenario.expects.iter().zip(&mut self.seen) {
            match &expect.what {
                Quantity::Energy { .. } | Quantity::Starts(..) | Quantity::Heat { .. } => {
                    *seen = (true, total(self.scenario, expect, plant));
                }
                Quantity::Alarm(about) if !seen.0 => {
                    let word = about.word();
                    let (from, to) = (seconds(expect.from_ms), seconds(expect.to_ms));
                    *seen = (true, Some(format!("no alarm about {word} from {from} to {to}")));
                }
                Quantity::NoAlarm(_) => seen.0 = true,
                _ => {}
            }
        }
    }

    /// Checks that have to fail, and the line that says so; `None` where the scenario expects none to.
    pub(super) fn checks(&self) -> Option<(&'a [String], usize)> {
        self.scenario.expects.iter().find_map(|expect| match &expect.what {
            Quantity::Checks(ids) => Some((ids.as_slice(), expect.line)),
            _ => None,
        })
    }

    /// `failed`: the checks that fail, this one apart.
    pub(super) fn ruling(&self, failed: &[&str]) -> Ruling {
        let mut tally = Tally::default();
        for (expect, (looked_at, miss)) in self.scenario.expects.iter().zip(&self.seen) {
            match miss {
                Some(what) => tally.wrong(|| format!("line {}: {what}", expect.line)),
                None if *looked_at => tally.right(),
                // Other checks say what came of these.
                None if matches!(expect.what, Quantity::Checks(_) | Quantity::Laws(_)) => {}
                None => tally.wrong(|| format!("line {}: the run ended before this time came", expect.line)),
            }
        }
        if let Some((ids, line)) = self.checks() {
            for id in ids.iter().filter(|id| !failed.contains(&id.as_str())) {
                tally.wrong(|| format!("line {line}: {id} does not fail"));
            }
            for id in failed.iter().filter(|id| !ids.iter().any(|wanted| wanted == *id)) {
                tally.wrong(|| format!("line {line}: {id} fails, which is not expected"));
            }
            tally.right();
        }
        tally.ruling(|held| count(held, "expectation"), "the scenario expects nothing of its own")
    }
}

fn is_of_a_moment(what: &Quantity) -> bool {
    matches!(what, Quantity::Offered(..) | Quantity::Drawn(..) | Quantity::Current { .. })
}

fn outside(ma: i64, band: Band, what: impl FnOnce() -> String) -> Option<String> {
    let inside = band.min_ma <= ma && ma <= band.max_ma;
    (!inside).then(|| {
        let (low, high) = (amperes(band.min_ma), amperes(band.max_ma));
        format!("{} {}, expected {low} to {high},", what(), amperes(ma))
    })
}

fn who(scenario: &Scenario, charger: Option<usize>) -> &str {
    charger.map_or("all chargers together", |at| scenario.chargers[at].name.as_str())
}

/// What is wrong now of an expectation about a moment.
fn miss(scenario: &Scenario, expect: &Expect, plant: &Plant) -> Option<String> {
    let chosen = |charger: Option<usize>| {
        let stations = plant.stations().iter().enumerate();
        stations
            .filter(move |(at, _)| charger.is_none_or(|one| one == *at))
            .map(|(_, station)| &station.charger)
    };
    match &expect.what {
        Quantity::Offered(charger, band) => {
            let ma = chosen(*charger).map(|charger| charger.offered_ma()).sum();
            outside(ma, *band, || format!("{}: offered", who(scenario, *charger)))
        }
        Quantity::Drawn(charger, band) => {
            let ma = chosen(*charger).map(|charger| charger.draws_ma().into_iter().max().unwrap_or(0)).sum();
            outside(ma, *band, || format!("{}: drawn", who(scenario, *charger)))
        }
        Quantity::Current { circuit, line, band } => {
            let lines = plant.amperes(*circuit);
            let lines = lines.into_iter().take(scenario.grid.lines()).enumerate();
            let mut chosen = lines.filter(|(at, _)| line.is_none_or(|one| one == *at));
            chosen.find_map(|(at, flows)| {
                let name = &scenario.circuits[*circuit].name;
                outside((flows * 1000.0).round() as i64, *band, || format!("L{} of {name} carries", at + 1))
            })
        }
        _ => None,
    }
}

/// What is wrong at the end of an expectation about the whole run.
fn total(scenario: &Scenario, expect: &Expect, plant: &Plant) -> Option<String> {
    let stations = plant.stations().iter().enumerate();
    match &expect.what {
        Quantity::Energy { charger, wh, tol_wh } => {
            let chosen = stations.filter(|(at, _)| charger.is_none_or(|one| one == *at));
            let given = chosen
                .map(|(_, station)| station.charger.energy_nj(plant.t_ms()) / NJ_PER_WH)
                .sum::<i128>() as i64;
            let kwh = |wh: i64| format!("{:.2} kWh", wh as f64 / 1000.0);
            let near = (given - wh).abs() <= *tol_wh;
            let who = who(scenario, *charger);
            (!near).then(|| format!("{who}: {} given, expected {} ± {}", kwh(given), kwh(*wh), kwh(*tol_wh)))
        }
        Quantity::Starts(charger, most) => {
            let chosen = stations.filter(|(at, _)| charger.is_none_or(|one| one == *at));
            let starts: u64 = chosen.map(|(_, station)| station.charger.starts()).sum();
            let who = who(scenario, *charger);
            (starts > u64::from(*most)).then(|| format!("{who}: {starts} starts, expected at most {most}"))
        }
        Quantity::Heat { circuit, most_ppm } => {
            let most = f64::from(*most_ppm) / 1e6;
            let guard = plant.guards().iter().find(|guard| guard.node == *circuit)?;
            let name = &scenario.circuits[*circuit].name;
            let what = || {
                format!("the fuse of {name} came to {:.3} of its heat, expected at most {most}", guard.most)
            };
            (guard.most > most).then(what)
        }
        _ => None,
    }
}
