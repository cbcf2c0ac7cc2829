//! The lock-step protocol of a balancer that is a program (contract, section 4): one line of JSON each way.
//!
//! Out goes a batch, `{"t_ms":…,"events":[…]}`; back comes `{"commands":[…]}`. Chargers go by their names. Refuses an
//! answer that is not one, and says what was wrong with it; unknown keys are ignored.

use super::{About, ChargerSettings, Command, Event, Grid, Link, Sample, Site, Status};
use serde::Deserialize;
use serde_json::{Value, json};

/// Longest lease that can be asked for, seconds: ten years.
const TTL_MAX_S: f64 = 315_360_000.0;
/// Largest current that can be asked for, milliamperes.
const CURRENT_MAX_MA: i64 = 10_000_000;

impl Grid {
    /// The word of scenario files and of the protocol.
    pub fn word(self) -> &'static str {
        match self {
            Grid::Tn1 => "tn-1",
            Grid::Tn3 => "tn-3",
            Grid::It1 => "it-1",
            Grid::It3 => "it-3",
            Grid::Tt3 => "tt-3",
        }
    }
}

/// A batch as one line, without its line end. `site` names the chargers.
pub fn batch(t_ms: u64, events: &[Event], site: &Site) -> String {
    let events: Vec<Value> = events.iter().map(|event| self::event(event, site)).collect();
    json!({"t_ms": t_ms, "events": events}).to_string()
}

fn event(event: &Event, site: &Site) -> Value {
    match event {
        Event::Config(site) => json!({"type": "config", "site": self::site(site)}),
        Event::Meter(Sample { i_ma, u_mv, p_w, q_var, list }) => json!({
            "type": "meter", "i_ma": i_ma, "u_mv": u_mv, "p_w": p_w, "q_var": q_var, "list": list.to_string(),
        }),
        Event::Charger(status) => charger(status, site),
        Event::Link { what, up } => json!({"type": "link", "what": link(*what, site), "up": up}),
        Event::Tick => json!({"type": "tick"}),
    }
}

fn link(what: Link, site: &Site) -> &str {
    match what {
        Link::Meter => "meter",
        Link::Charger(id) => name(site, id),
    }
}

fn name(site: &Site, id: usize) -> &str {
    site.chargers.get(id).map_or("?", |charger| charger.name.as_str())
}

fn charger(status: &Status, site: &Site) -> Value {
    json!({
        "type": "charger",
        "id": name(site, status.id),
        "state": status.doing.word(),
        "i_ma": status.i_ma,
        "offered_ma": status.offered_ma,
        "phases": status.phases,
        "max_ma": status.max_ma,
        "offline_ma": status.offline_ma,
        "boots": status.boots,
        "session_wh": status.session_wh,
    })
}

fn site(site: &Site) -> Value {
    let (num, den) = site.scale.fraction();
    let circuits = site.circuits.iter().map(|circuit| {
        let parent = circuit.parent.and_then(|at| site.circuits.get(at)).map(|parent| parent.name.as_str());
        json!({"name": circuit.name, "parent": parent, "limit_ma": circuit.limit_ma})
    });
    let budgets = site.budgets.iter().map(|budget| {
        json!({
            "from": clock(budget.from_min), "to": clock(budget.to_min),
            "limit_ma": budget.limit_ma, "limit_w": budget.limit_w,
        })
    });
    json!({
        "grid": site.grid.word(),
        "utc_ms": site.utc_ms,
        "zone": site.zone,
        "supply_max_ma": site.supply_max_ma,
        "scale": [num, den],
        "phase_order": site.phase_order,
        "chargers_included": site.chargers_included,
        "signed": site.signed,
        "currents_every_ms": site.currents_every_ms,
        "group": {
            "max_online_ma": site.group.max_online_ma,
            "max_offline_ma": site.group.max_offline_ma,
            "min_ma": site.group.min_ma,
        },
        "circuits": circuits.collect::<Vec<_>>(),
        "chargers": site.chargers.iter().map(|known| settings(known, site)).collect::<Vec<_>>(),
        "budgets": budgets.collect::<Vec<_>>(),
    })
}

fn settings(known: &ChargerSettings, site: &Site) -> Value {
    json!({
        "id": known.name,
        "circuit": site.circuits.get(known.circuit).map(|circuit| circuit.name.as_str()),
        "order": known.order,
        "phases": known.phases,
        "switches": known.switches,
        "min_ma": known.min_ma,
        "max_ma": known.max_ma,
        "step_ma": known.step_ma,
        "offline_ma": known.offline_ma,
        "offline_phase": known.offline_phase,
        "priority": known.priority,
    })
}

fn clock(minute: u16) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

#[derive(Deserialize)]
struct Answer {
    commands: Vec<Said>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Said {
    Limit { id: String, current_ma: i64, phases: Option<u8>, ttl_s: f64 },
    Offline { id: String, current_ma: i64, phase: Option<u8> },
    Alarm { about: Option<String>, text: String },
}

/// The commands in a line of answer.
///
/// # Errors
///
/// What is wrong with it, in words.
pub fn answer(line: &str, site: &Site, commands: &mut Vec<Command>) -> Result<(), String> {
    let answer: Answer = serde_json::from_str(line).map_err(|error| error.to_string())?;
    for said in answer.commands {
        commands.push(command(said, site)?);
    }
    Ok(())
}

fn command(said: Said, site: &Site) -> Result<Command, String> {
    let id = |name: &str| {
        let at = site.chargers.iter().position(|charger| charger.name == name);
        at.ok_or_else(|| format!("no charger is called {name:?}"))
    };
    let current = |ma: i64| {
        let fits = (0..=CURRENT_MAX_MA).contains(&ma);
        fits.then_some(ma).ok_or_else(|| format!("current_ma is {ma}; expected 0 to {CURRENT_MAX_MA}"))
    };
    Ok(match said {
        Said::Limit { id: name, current_ma, phases, ttl_s } => {
            let id = id(&name)?;
            let phases = phases.unwrap_or(site.chargers[id].phases);
            if phases != 1 && phases != 3 {
                return Err(format!("phases is {phases}; expected 1 or 3"));
            }
            if !(0.0..=TTL_MAX_S).contains(&ttl_s) {
                return Err(format!("ttl_s is {ttl_s}; expected 0 to {TTL_MAX_S}"));
            }
            let ttl_ms = (ttl_s * 1000.0).round() as u64;
            Command::Limit { id, current_ma: current(current_ma)?, phases, ttl_ms }
        }
        Said::Offline { id: name, current_ma, phase } => {
            if phase.is_some_and(|line| !(1..=3).contains(&line)) {
                return Err(format!("phase is {phase:?}; expected a line, 1 to 3"));
            }
            Command::Offline { id: id(&name)?, current_ma: current(current_ma)?, phase }
        }
        Said::Alarm { about, text } => {
            let found = |word: &String| About::ALL.into_iter().find(|about| about.word() == word);
            let about = match &about {
                None => About::Charger,
                Some(word) => found(word).ok_or_else(|| {
                    let known = About::ALL.map(About::word).join(", ");
                    format!("an alarm is about {word:?}; expected {known}")
                })?,
            };
            Command::Alarm { about, text }
        }
    })
}
