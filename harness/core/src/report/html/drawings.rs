//! The plots of one trial: expected and claimed values of powers, currents and voltages, and of every other
//! quantity that deviates.

use super::ByPart;
use crate::reading::{Key, Kind};
use crate::report::plot::{Deviation, Mark, Plot, Series, Step};
use crate::report::timeline::{Row, Timeline};
use serde_json::{Map, Value};

/// Quantities that are always drawn when they are there: title, unit, whether 0 belongs on the axis, keys.
type Group = (&'static str, &'static str, bool, &'static [(&'static str, &'static str)]);
const GROUPS: [Group; 3] = [
    ("Active power", "W", true, &[("active_import_w", "import"), ("active_export_w", "export")]),
    ("Currents", "A", true, &[("current_l1_a", "L1"), ("current_l2_a", "L2"), ("current_l3_a", "L3")]),
    ("Voltages", "V", false, &[("voltage_l1_v", "L1"), ("voltage_l2_v", "L2"), ("voltage_l3_v", "L3")]),
];

/// Drawings of other quantities per trial.
const OTHERS_MAX: usize = 6;

/// All drawings of a trial that have something in them.
pub(super) fn plots(timeline: &Timeline<'_>, findings: &ByPart<'_>) -> Vec<Plot> {
    let drawn = |key: &str| GROUPS.iter().any(|group| group.3.iter().any(|(known, _)| *known == key));
    let mut others: Vec<Key> = Vec::new();
    for (_, finding) in findings.values().flatten() {
        let key = finding.key.as_deref().filter(|key| !drawn(key)).and_then(Key::from_name);
        others.extend(key.filter(|key| !others.contains(key) && others.len() < OTHERS_MAX));
    }
    let axis = TimeAxis::of(timeline);
    let groups = GROUPS.iter().map(|(title, unit, zero, keys)| {
        let series = keys.iter().map(|(key, name)| series(timeline, findings, &axis, key, name));
        plot(title, unit, *zero, series.filter(|one| !one.is_empty()).collect())
    });
    let others = others.into_iter().map(|key| {
        let (name, kind) = (key.name(), key.kind());
        let zero = !matches!(kind, Kind::ActiveEnergy | Kind::ReactiveEnergy | Kind::Frequency);
        plot(name, kind.unit(), zero, vec![series(timeline, findings, &axis, name, name)])
    });
    let mut plots: Vec<Plot> = groups.chain(others).filter(|plot| !plot.is_empty()).collect();
    for plot in &mut plots {
        plot.by_number = axis.by_number;
        plot.marks = marks(timeline, findings, &axis);
    }
    plots
}

fn plot(title: &str, unit: &str, zero: bool, series: Vec<Series>) -> Plot {
    Plot { title: title.to_string(), unit: unit.to_string(), series, zero, ..Plot::default() }
}

/// The horizontal place of a telegram: when it was due, or its number where the capture has no times.
struct TimeAxis {
    by_number: bool,
}

impl TimeAxis {
    fn of(timeline: &Timeline<'_>) -> TimeAxis {
        let mut times = timeline.rows.iter().map(|row| row.telegram.due_us);
        let first = times.next();
        let timed = times.any(|due| Some(due) != first);
        TimeAxis { by_number: !timed }
    }

    fn at(&self, row: &Row<'_>) -> f64 {
        if self.by_number { row.number as f64 } else { row.telegram.due_us as f64 / 1e6 }
    }
}

fn number(reading: &Map<String, Value>, key: &str) -> Option<f64> {
    reading.get(key).and_then(Value::as_f64)
}

fn series(timeline: &Timeline<'_>, findings: &ByPart<'_>, axis: &TimeAxis, key: &str, name: &str) -> Series {
    let mut series = Series { name: name.to_string(), ..Series::default() };
    for row in &timeline.rows {
        let x = axis.at(row);
        let intact = row.telegram.damage.is_none();
        let expected = number(&row.telegram.reading, key).filter(|_| intact);
        let claimed = row.claim.and_then(|claim| number(claim.claim, key));
        series.expected.extend(expected.map(|y| Step { x, y }));
        series.claimed.extend(claimed.map(|y| Step { x, y }));
        let here = findings.get(&row.part).into_iter().flatten();
        let mut here = here.filter(|(_, finding)| finding.key.as_deref() == Some(key));
        if let Some((_, finding)) = here.next() {
            let text = format!("telegram {}: {}", row.number, super::plain(&finding.text));
            series.deviations.push(Deviation { x, expected, claimed, text });
        }
    }
    series
}

impl Series {
    fn is_empty(&self) -> bool {
        self.expected.is_empty() && self.claimed.is_empty() && self.deviations.is_empty()
    }
}

/// Damaged telegrams, and deviations of a telegram as a whole (no claim, a claim too many).
fn marks(timeline: &Timeline<'_>, findings: &ByPart<'_>, axis: &TimeAxis) -> Vec<Mark> {
    let mut marks = Vec::new();
    for row in &timeline.rows {
        let x = axis.at(row);
        let here = findings.get(&row.part).into_iter().flatten();
        if let Some((_, finding)) = here.clone().find(|(_, finding)| finding.key.is_none()) {
            let text = format!("telegram {}: {}", row.number, super::plain(&finding.text));
            marks.push(Mark { x, deviation: true, text });
        } else if let Some(damage) = &row.telegram.damage {
            let text = format!("telegram {}: {}", row.number, super::plain(&damage.how));
            marks.push(Mark { x, deviation: false, text });
        }
    }
    marks
}
