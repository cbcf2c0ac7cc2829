//! A small language for trials.
//!
//! Parts are words: `a` `b` `c` three different list 2 of a three-wire meter, `l` `m` two list 1, `h` a list 3 with
//! clock, `z` a list 2 that sends 0 for the unmeasured U2, `u` one with an unannounced scale, `w` the same without U2, `e` one with padded
//! texts. `a!FCS` is damaged (underscores are blanks), `a?` optional, `a|` has a pause inside, `~` noise, `_` silence.
//!
//! Events are sentences separated by `;`: `sent 0` (with the pauses asked for), `sent 0 250ms` (its one pause took so
//! long), `sent 0 unmeasured`, `claim 0` (the reading of part 0), `claim 0 key=json -key`,
//! `claim {} key=json`, `play` (send and claim every intact telegram), `mute` (send all), `wait 3s`, `exit why`,
//! `stop why`, `log line`, `rejected`.

use hanbench_core::verdict::Verdict;
use hanbench_core::verdict::checks::CHECKS;
use hanbench_core::verdict::judge::judge;
use hanbench_core::verdict::results::Outcome;
use hanbench_core::verdict::trial::{
    Damage, DamageKind, DutTerms, Event, Pacing, Part, Pause, Stimulus, Telegram, Trial, What,
};
use serde_json::{Map, Value, json};

pub(crate) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        other => panic!("{other} is no object"),
    }
}

fn list2(p: i64, i1: f64, i3: f64, u1: f64) -> Map<String, Value> {
    object(json!({
        "active_import_w": p, "active_export_w": 0, "current_l1_a": i1, "current_l3_a": i3,
        "voltage_l1_v": u1, "voltage_l2_v": 236.3, "voltage_l3_v": 236.6,
        "meter_id": "7359990000000001", "meter_type": "6525", "list_id": "AIDON_V0001",
    }))
}

fn reading(name: char) -> (&'static str, Map<String, Value>) {
    match name {
        'a' => ("2", list2(2162, 4.6, 7.3, 237.6)),
        'b' => ("2", list2(3050, 21.0, 9.9, 235.1)),
        'c' => ("2", list2(811, 1.2, 2.3, 238.4)),
        'l' => ("1", object(json!({"active_import_w": 733}))),
        'm' => ("1", object(json!({"active_import_w": 902}))),
        'h' => {
            let mut hour = list2(319, 3.3, 2.1, 231.0);
            hour.extend(object(json!({
                "energy_active_import_wh": 109_554_020,
                "timestamp": "2025-12-14T16:00:00", "timestamp_utc_offset_min": 60, "timestamp_status": 128,
                "clock": "2025-12-14T16:00:00", "clock_utc_offset_min": null, "obis_1.0.9.7.0.255": 5,
            })));
            ("3", hour)
        }
        'z' => {
            let mut kaifa = list2(1700, 7.087, 4.206, 236.7);
            kaifa.insert("current_l2_a".into(), json!(6.896));
            kaifa.insert("voltage_l2_v".into(), json!(0));
            ("2", kaifa)
        }
        'u' => {
            let mut danish = list2(4100, 5.5, 6.5, 221.99);
            danish.insert("energy_active_import_wh".into(), json!(123_456));
            ("10 s list", danish)
        }
        'w' => {
            let mut two_wires = reading('u').1;
            two_wires.remove("voltage_l2_v");
            ("10 s list", two_wires)
        }
        'e' => {
            let mut padded = list2(77, 0.4, 0.5, 230.0);
            padded.insert("meter_id".into(), json!("12345678\u{0}\u{0}"));
            padded.insert("meter_type".into(), json!("\u{0}\u{0}\u{0}\u{0}"));
            ("2", padded)
        }
        other => panic!("no telegram {other}"),
    }
}

fn damage(how: &str) -> Damage {
    let kind = match how.split(' ').next() {
        Some("FCS") => DamageKind::Fcs,
        Some("HCS") => DamageKind::Hcs,
        Some("length") => DamageKind::Length,
        _ => DamageKind::Torn,
    };
    Damage { kind, how: how.into() }
}

fn part(word: &str) -> Part {
    match word {
        "~" => return Part::Noise { bytes: vec![0x7E, 0xA7, 0xFF], why: "looks like a frame".into() },
        "_" => return Part::Silence { us: 1_200_000 },
        _ => {}
    }
    let name = word.chars().next().expect("a word");
    let rest = &word[1..];
    let (list, reading) = reading(name);
    let listed =
        |is: bool, keys: &[&str]| if is { keys.iter().map(|key| key.to_string()).collect() } else { vec![] };
    Part::Telegram(Telegram {
        bytes: vec![0x7E, 0xA0, 0x10, name as u8, 0x7E],
        due_us: 0,
        gaps: if rest == "|" { vec![(2, 190_000)] } else { Vec::new() },
        list: list.into(),
        damage: rest.strip_prefix('!').map(|how| damage(&how.replace('_', " "))),
        reading,
        unannounced: listed("uw".contains(name), &["voltage_l1_v", "energy_active_import_wh"]),
        truth: Map::new(),
        zero_unmeasured: listed(name == 'z', &["voltage_l2_v", "current_l2_a"]),
        optional: rest == "?",
        glued: false,
    })
}

/// `omits=key,key` `told` `without=family` `paced` `badly-paced` `needs=feature`.
fn terms(trial: &mut Trial, text: &str) {
    for word in text.split_whitespace() {
        match word.split_once('=').unwrap_or((word, "")) {
            ("omits", keys) => trial.dut.omits = keys.split(',').map(String::from).collect(),
            ("told", _) => trial.dut.scale_told = true,
            ("without", family) => trial.dut.supports.retain(|other| other != family),
            ("needs", feature) => trial.stimulus.needs.push(feature.into()),
            ("only", checks) => trial.stimulus.checks = checks.split(',').map(String::from).collect(),
            ("paced", _) => trial.pacing = Some(Pacing { p50_us: 10, p99_us: 90 }),
            ("badly-paced", _) => trial.pacing = Some(Pacing { p50_us: 10, p99_us: 900_000 }),
            other => panic!("no term {other:?}"),
        }
    }
}

struct Clock {
    t_us: u64,
    events: Vec<Event>,
}

impl Clock {
    fn push(&mut self, what: What) {
        self.t_us += 1_000;
        self.events.push(Event { t_us: self.t_us, what });
    }

    fn sent(&mut self, index: usize, pauses: Vec<Pause>) {
        // Neighbouring telegrams are further apart than a claim can be early.
        self.t_us += 100_000;
        self.push(What::Sent { index, pauses });
    }

    fn claim(&mut self, claim: Map<String, Value>) {
        let raw = Value::Object(claim.clone()).to_string();
        self.push(What::Claim { claim, raw });
    }
}

/// The pauses that the bench made in a part: as asked for, or as the words say.
pub(crate) fn pauses(part: &Part, how: &str) -> Vec<Pause> {
    let asked = match part {
        Part::Telegram(telegram) => telegram.gaps.clone(),
        Part::Silence { us } => vec![(0, *us)],
        Part::Noise { .. } | Part::Ratio { .. } => Vec::new(),
    };
    match how.strip_suffix("ms") {
        Some(ms) => {
            let (after, asked_us) = asked.first().copied().unwrap_or((1, 0));
            vec![Pause { after, asked_us, took_us: ms.parse::<u64>().expect("milliseconds") * 1000 }]
        }
        None if how == "unmeasured" => Vec::new(),
        None => {
            asked.iter().map(|&(after, asked_us)| Pause { after, asked_us, took_us: asked_us + 99 }).collect()
        }
    }
}

fn telegram(parts: &[Part], index: usize) -> &Telegram {
    match &parts[index] {
        Part::Telegram(telegram) => telegram,
        _ => panic!("part {index} is no telegram"),
    }
}

fn claim(parts: &[Part], words: &str) -> Map<String, Value> {
    let mut words = words.split_whitespace();
    let mut claim = match words.next().expect("a claim") {
        "{}" => Map::new(),
        index => telegram(parts, index.parse().expect("an index")).reading.clone(),
    };
    for word in words {
        if let Some(key) = word.strip_prefix('-') {
            assert!(claim.remove(key).is_some(), "{key} is not there");
        } else {
            let (key, value) = word.split_once('=').expect("key=json");
            claim.insert(key.into(), serde_json::from_str(value).expect(word));
        }
    }
    claim
}

fn events(parts: &[Part], script: &str) -> Vec<Event> {
    let mut clock = Clock { t_us: 0, events: Vec::new() };
    for sentence in script.split(';').map(str::trim).filter(|sentence| !sentence.is_empty()) {
        let (verb, rest) = sentence.split_once(' ').unwrap_or((sentence, ""));
        match verb {
            "sent" => {
                let (index, how) = rest.split_once(' ').unwrap_or((rest, ""));
                let index = index.parse().expect("an index");
                clock.sent(index, parts.get(index).map_or_else(Vec::new, |part| pauses(part, how)));
            }
            "claim" => clock.claim(claim(parts, rest)),
            "play" | "mute" => {
                for (index, part) in parts.iter().enumerate() {
                    clock.sent(index, pauses(part, ""));
                    if let (Part::Telegram(telegram), "play") = (part, verb)
                        && telegram.damage.is_none()
                    {
                        clock.claim(telegram.reading.clone());
                    }
                }
            }
            "wait" => clock.t_us += 1_000_000 * rest.trim_end_matches('s').parse::<u64>().expect("seconds"),
            "exit" => clock.push(What::Exited { how: rest.into() }),
            "stop" => clock.push(What::Stopped { why: rest.into(), misbehaved: false }),
            "rejected" => clock.push(What::Rejected { reason: "no".into() }),
            "log" => clock.push(What::Log { line: rest.into() }),
            other => panic!("no verb {other}"),
        }
    }
    clock.events
}

/// A trial in the small language, with every check listed that a trial can carry: all but the first.
pub(crate) fn trial(parts: &str, dut: &str, script: &str) -> Trial {
    let parts: Vec<Part> = parts.split_whitespace().map(part).collect();
    let mut trial = Trial {
        version: 1,
        events: events(&parts, script),
        stimulus: Stimulus {
            paced: false,
            name: "case".into(),
            suite: "decode".into(),
            subject: "captures/case.csv".into(),
            family: "aidon".into(),
            evidence: "inferred".into(),
            source: String::new(),
            // Those about decoding; the suites about what no telegram carries need telegrams made for them.
            checks: CHECKS
                .iter()
                .map(|check| check.id.to_string())
                .filter(|id| id.starts_with("han."))
                .collect(),
            needs: vec!["aidon".into()],
            baud: 2400,
            parts,
        },
        dut: DutTerms::default(),
        pacing: None,
    };
    terms(&mut trial, dut);
    trial
}

/// Judges, and compares with lines of `check-id VERDICT [part of the reason or of what it rests on]`.
///
/// Checks without a line must be PASS or NOT_APPLICABLE.
pub(crate) fn expect(name: &str, trial: &Trial, lines: &[&str]) {
    let outcomes = judge(trial, "evidence/case.json");
    let shown = || outcomes.iter().map(show).collect::<Vec<_>>().join("\n");
    let mut open: Vec<&str> = lines.to_vec();
    for outcome in &outcomes {
        let own = open.iter().position(|line| line.split(' ').next() == Some(&outcome.id));
        let Some(at) = own else {
            let fine = matches!(outcome.verdict, Verdict::Pass | Verdict::NotApplicable);
            assert!(fine, "{name}: unexpected {}\n\n{}", show(outcome), shown());
            continue;
        };
        let line = open.remove(at);
        let mut words = line.splitn(3, ' ').skip(1);
        assert_eq!(words.next(), Some(outcome.verdict.word()), "{name}: {line}\n\n{}", shown());
        let said = outcome.reason.clone().or(outcome.rests_on.clone()).unwrap_or_default();
        let wanted = words.next().unwrap_or_default();
        assert!(said.contains(wanted), "{name}: {said:?} instead of {wanted:?}");
    }
    assert!(open.is_empty(), "{name}: no outcome for {open:?}");
}

fn show(outcome: &Outcome) -> String {
    let said = outcome.reason.as_deref().or(outcome.rests_on.as_deref()).unwrap_or_default();
    format!("{} {} {said}", outcome.id, outcome.verdict.word())
}
