//! Stimuli and programs for the tests. A telegram is four letters, and a program claims them as `meter_id`.

#![allow(dead_code, reason = "each test file uses a part of it")]

use hanbench_core::verdict::trial::{Part, Stimulus, Telegram, Trial, What};
use hanbench_rig::{Rig, Session, Speed};

/// Reads four letters at a time and claims each, until the line hangs up.
pub(crate) const HEALTHY: &str = r#"
exec 3<"$1"
echo '{"event":"ready"}'
while text=$(dd bs=1 count=4 <&3 2>/dev/null) && [ -n "$text" ]; do
    case $text in x*) echo '{"event":"rejected","reason":"x"}' ;; *) echo "{\"meter_id\":\"$text\"}" ;; esac
done
"#;

pub(crate) fn telegram(text: &str) -> Telegram {
    Telegram {
        bytes: text.as_bytes().to_vec(),
        due_us: 0,
        gaps: Vec::new(),
        list: "1".into(),
        damage: None,
        reading: serde_json::Map::new(),
        unannounced: Vec::new(),
        zero_unmeasured: Vec::new(),
        truth: serde_json::Map::new(),
        optional: false,
        glued: false,
    }
}

pub(crate) fn stimulus(parts: Vec<Part>) -> Stimulus {
    Stimulus {
        paced: false,
        name: "letters".into(),
        suite: "decode".into(),
        subject: "none".into(),
        family: "aidon".into(),
        evidence: "inferred".into(),
        source: "this test".into(),
        checks: Vec::new(),
        needs: Vec::new(),
        baud: 9600,
        parts,
    }
}

pub(crate) fn intact(texts: &[&str]) -> Stimulus {
    stimulus(texts.iter().map(|text| Part::Telegram(telegram(text))).collect())
}

/// A rig whose DUT is a shell script that gets the device as `$1`.
pub(crate) fn script(script: &str, claim_within_s: f64) -> Rig {
    let mut rig = Rig::parse(
        "[dut]\nkind = \"process\"\ncommand = [\"sh\", \"-c\", \"SCRIPT\", \"sh\", \"{han}\"]\n",
        "script.toml",
    )
    .expect("a rig");
    if let hanbench_rig::config::Dut::Process { command, .. } = &mut rig.dut {
        command[2] = script.into();
    }
    rig.terms.claim_within_us = (claim_within_s * 1e6) as u64;
    rig
}

pub(crate) fn play(rig: Rig, speed: Speed, stimulus: &Stimulus) -> Trial {
    let mut session = Session::open(rig, speed, None).expect("a session");
    session.trial(stimulus).expect("a trial")
}

/// The events in short: `sent 0`, `claim AAAA`, `rejected x`, `log …`, `exited …`, `stopped …`.
pub(crate) fn story(trial: &Trial) -> Vec<String> {
    let short = |what: &What| match what {
        What::Sent { index, .. } => format!("sent {index}"),
        What::Claim { claim, .. } => {
            format!("claim {}", claim.get("meter_id").and_then(|id| id.as_str()).unwrap_or("?"))
        }
        What::Rejected { reason } => format!("rejected {reason}"),
        What::Log { line } => format!("log {line}"),
        What::Exited { how } => format!("exited {how}"),
        What::Stopped { why, .. } => format!("stopped {why}"),
        What::Restarted { why } => format!("restarted {why}"),
        What::Unheard { why } => format!("unheard {why}"),
    };
    let ready = r#"log {"event":"ready"}"#;
    trial.events.iter().map(|event| short(&event.what)).filter(|text| text != ready).collect()
}
