//! Programs as DUT: good ones, and every kind of bad one.

#![cfg(unix)]

mod support;

use hanbench_core::verdict::trial::{Damage, DamageKind, Event, Part, Pause, RatioSetting, Trial, What};
use hanbench_rig::config::Dut;
use hanbench_rig::{Rig, Session, Speed};
use std::time::{Duration, Instant};
use support::{HEALTHY, intact, play, script, stimulus, story, telegram};

#[test]
fn every_telegram_is_answered_in_lock_step() {
    let trial = play(script(HEALTHY, 5.0), Speed::Max, &intact(&["AAAA", "BBBB", "CCCC"]));
    assert_eq!(story(&trial), ["sent 0", "claim AAAA", "sent 1", "claim BBBB", "sent 2", "claim CCCC"]);
    assert_eq!(trial.pacing, None, "lock-step judges no timing");
    assert!(trial.events.is_sorted_by_key(|event| event.t_us));
}

#[test]
fn a_program_keeps_running_while_all_is_well_and_starts_anew_after_trouble() {
    let announced = r#"echo "pid $$"; "#.to_string() + HEALTHY;
    let mut session = Session::open(script(&announced, 0.3), Speed::Max, None).expect("a session");
    let starts = |trial: &Trial| story(trial).iter().filter(|line| line.starts_with("log pid")).count();
    let first = session.trial(&intact(&["AAAA"])).expect("a trial");
    let second = session.trial(&intact(&["BBBB", "xxxx"])).expect("a trial");
    let third = session.trial(&intact(&["CCCC"])).expect("a trial");
    assert_eq!((starts(&first), starts(&second), starts(&third)), (1, 0, 1));
    assert_eq!(story(&second), ["sent 0", "claim BBBB", "sent 1", "rejected x"]);
    assert_eq!(story(&third).last().map(String::as_str), Some("claim CCCC"));
}

#[test]
fn damage_is_not_waited_for_and_its_sentinel_is() {
    let mut damaged = telegram("xxxx");
    damaged.damage = Some(Damage { kind: DamageKind::Torn, how: "not a word".into() });
    let parts = vec![
        Part::Telegram(damaged),
        Part::Noise { bytes: b"xxx?".to_vec(), why: "noise".into() },
        Part::Telegram(telegram("AAAA")),
    ];
    let started = Instant::now();
    let trial = play(script(HEALTHY, 30.0), Speed::Max, &stimulus(parts));
    let story = story(&trial);
    assert_eq!(story.iter().filter(|line| *line == "rejected x").count(), 2, "{story:?}");
    assert!(story.iter().any(|line| line == "claim AAAA"), "{story:?}");
    assert!(started.elapsed() < Duration::from_secs(20), "nothing was waited for in vain");
}

#[test]
fn a_telegram_that_may_be_refused_costs_no_time() {
    let mut optional = telegram("xxxx");
    optional.optional = true;
    let parts = vec![Part::Telegram(optional.clone()), Part::Telegram(telegram("AAAA"))];
    let started = Instant::now();
    let trial = play(script(HEALTHY, 30.0), Speed::Max, &stimulus(parts));
    assert_eq!(story(&trial), ["sent 0", "rejected x", "sent 1", "claim AAAA"]);
    optional.bytes = b"OOOO".to_vec();
    let trial = play(script(HEALTHY, 30.0), Speed::Max, &stimulus(vec![Part::Telegram(optional)]));
    assert_eq!(story(&trial), ["sent 0", "claim OOOO"]);
    assert!(started.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_silent_program_costs_three_waits() {
    let started = Instant::now();
    let silent = r#"echo '{"event":"ready"}'; exec cat "$1" >/dev/null"#;
    let trial = play(script(silent, 0.3), Speed::Max, &intact(&["AAAA"; 50]));
    assert_eq!(
        story(&trial),
        ["sent 0", "sent 1", "sent 2", "stopped no claim for 3 telegrams in a row, 0.3 s each"]
    );
    assert!(started.elapsed() >= Duration::from_millis(900) && started.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_silent_program_is_given_up_at_line_speed_too() {
    let silent = r#"echo '{"event":"ready"}'; exec cat "$1" >/dev/null"#;
    let mut late = telegram("ZZZZ");
    late.due_us = 600_000_000;
    let mut parts = vec![Part::Telegram(telegram("AAAA")); 3];
    parts.push(Part::Silence { us: 400_000 });
    parts.push(Part::Telegram(telegram("BBBB")));
    parts.push(Part::Telegram(late));
    let trial = play(script(silent, 0.3), Speed::Real, &stimulus(parts));
    assert!(story(&trial).last().expect("events").starts_with("stopped no claim for 3 telegrams"));
}

#[test]
fn a_program_that_ends_is_reported_with_its_last_words() {
    let dies = r#"echo '{"event":"ready"}'; head -c 4 "$1" >/dev/null; echo first >&2
        echo '{"meter_id":"AAAA"}'; echo 'KeyError: 7' >&2; exit 3"#;
    let trial = play(script(dies, 5.0), Speed::Max, &intact(&["AAAA", "BBBB"]));
    let story = story(&trial);
    assert_eq!(
        story.last().map(String::as_str),
        Some("exited ended with exit code 3: first | KeyError: 7"),
        "{story:?}"
    );
    assert!(story.contains(&"claim AAAA".to_string()), "{story:?}");
}

#[test]
fn a_program_that_ends_at_once_is_an_event_and_not_an_error() {
    let trial = play(script("exit 0", 5.0), Speed::Max, &intact(&["AAAA"]));
    assert_eq!(story(&trial), ["exited ended with exit code 0: it printed no error"]);
    let killed = play(script("kill -9 $$", 5.0), Speed::Max, &intact(&["AAAA"]));
    assert_eq!(story(&killed), ["exited ended by signal 9: it printed no error"]);
}

#[test]
fn a_program_that_cannot_be_started_is_a_config_error() {
    let rig = Rig::parse("[dut]\nkind=\"process\"\ncommand=[\"no-such-dongle\", \"{han}\"]\n", "x.toml")
        .expect("a rig");
    let mut session = Session::open(rig, Speed::Max, None).expect("nothing is started yet");
    let error = session.trial(&intact(&["AAAA"])).expect_err("no such program");
    assert_eq!(error.exit_code(), 2);
    assert!(error.to_string().contains("no-such-dongle") && error.to_string().contains("PATH"), "{error}");
}

#[test]
fn rubbish_is_log_and_claims_between_it_are_found() {
    let noisy = HEALTHY.replace(
        "while",
        r#"printf '\377\376 \000garbage\n{"meter_id":\n[1,2]\n{"event":"beep"}\n'; echo oops >&2
           while"#,
    );
    let trial = play(script(&noisy, 5.0), Speed::Max, &intact(&["AAAA"]));
    let story = story(&trial);
    assert_eq!(story.iter().filter(|line| line.starts_with("log ")).count(), 5, "{story:?}");
    assert_eq!(story.iter().filter(|line| line.starts_with("claim ")).count(), 1, "{story:?}");
    assert!(story.contains(&"log {\"event\":\"beep\"}".to_string()));
}

#[test]
fn a_flood_of_lines_or_of_one_line_ends_the_trial() {
    let lines = r#"echo '{"event":"ready"}'; exec yes '{"meter_id":"AAAA"}'"#;
    let trial = play(script(lines, 5.0), Speed::Max, &intact(&["AAAA"; 20_000]));
    let end = story(&trial).pop();
    assert_eq!(end.as_deref(), Some("stopped the DUT printed more than 10000 lines or 4 MiB in one trial"));
    assert!(trial.events.len() < 20_000, "{} events", trial.events.len());
    let endless = r#"echo '{"event":"ready"}'; exec tr '\0' x </dev/zero"#;
    let trial = play(script(endless, 0.2), Speed::Max, &intact(&["AAAA"; 9]));
    assert!(matches!(trial.events.last().expect("events").what, What::Stopped { .. }));
}

#[test]
fn a_program_that_does_not_read_cannot_hang_the_bench() {
    let started = Instant::now();
    let deaf = r#"echo '{"event":"ready"}'; exec sleep 1000"#;
    let long = "A".repeat(300_000);
    let trial = play(script(deaf, 0.2), Speed::Max, &intact(&[&long]));
    assert_eq!(story(&trial), ["stopped the DUT does not read: no byte was taken for 2 s"]);
    assert!(started.elapsed() < Duration::from_secs(15));
}

#[cfg(target_os = "linux")]
#[test]
fn a_daemon_in_a_session_of_its_own_is_not_left_behind() {
    let announced = r#"
        folder=$(mktemp -d); mkfifo "$folder/pid"
        setsid sh -c 'echo $$ >"$0"; sleep 1000; :' "$folder/pid" &
        read pid <"$folder/pid"; rm -r "$folder"; echo "daemon $pid"
    "#;
    let daemon = announced.to_string() + HEALTHY;
    let trial = play(script(&daemon, 5.0), Speed::Max, &intact(&["AAAA"]));
    let story = story(&trial);
    let pid = story.iter().find_map(|line| line.strip_prefix("log daemon ")).expect("its pid");
    assert!(ends_soon(pid), "process {pid} still runs");
}

/// Whether a process ends. An orphan that was killed can be a zombie until init reaps it; a zombie runs no more.
fn ends_soon(pid: &str) -> bool {
    let state = || std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let gone = || state().is_empty() || state().contains(") Z ");
    let until = Instant::now() + Duration::from_secs(5);
    while !gone() && Instant::now() < until {
        std::thread::yield_now();
    }
    gone()
}

#[test]
fn nothing_is_left_behind_even_when_it_ignores_the_request_to_end() {
    let stubborn = r#"trap '' TERM HUP; sleep 1000 & echo "grandchild $!"; echo '{"event":"ready"}'
        while :; do sleep 1; done"#;
    let trial = play(script(stubborn, 0.1), Speed::Max, &intact(&["AAAA"]));
    let story = story(&trial);
    let pid = story.iter().find_map(|line| line.strip_prefix("log grandchild ")).expect("its pid");
    assert!(ends_soon(pid), "process {pid} still runs");
}

#[test]
fn closing_the_line_alone_ends_a_program_that_reads() {
    // It ignores SIGTERM; only the hang-up lets `cat` end, and only then the file is written.
    let folder = tempfile::tempdir().expect("a folder");
    let mark = folder.path().join("ended");
    let program = format!(
        r#"trap '' TERM; echo '{{"event":"ready"}}'; cat "$1" >/dev/null 2>&1; : > '{}'"#,
        mark.display()
    );
    play(script(&program, 0.1), Speed::Max, &intact(&["AAAA"]));
    assert!(mark.exists());
}

#[test]
fn surplus_claims_are_heard_to_the_end() {
    let twice = HEALTHY.replace(r#"*) echo"#, r#"*) echo "{\"meter_id\":\"$text\"}"; sleep 0.3; echo"#);
    let trial = play(script(&twice, 1.0), Speed::Max, &intact(&["AAAA", "BBBB"]));
    let story = story(&trial);
    let claims = |text: &str| story.iter().filter(|line| line.ends_with(text)).count();
    assert_eq!((claims("AAAA"), claims("BBBB")), (2, 2), "{story:?}");
}

/// Whether the bench listens after a claim shows only in what the DUT says before the next telegram: in lock-step that
/// is listened for for 1 ms, and for 25 ms once the DUT was heard to say too much. A program that was kept from its
/// second line for longer is no case of it, so each pair is held against the times at which it was heard.
#[test]
fn a_second_claim_right_behind_the_first_is_surplus_and_answers_no_other_telegram() {
    let mut close = [0, 0];
    for count in (1..=20).map(|times| times * 100) {
        // Between the two lines the shell counts, longer each time; later it sleeps.
        let twice = HEALTHY.replace(
            r#"*) echo "{\"meter_id\":\"$text\"}""#,
            &format!(
                r#"*) echo "{{\"meter_id\":\"$text\"}}"
                    case $text in
                        A*) n=0; while [ $n -lt {count} ]; do n=$((n + 1)); done ;;
                        *) sleep 0.003 ;;
                    esac
                    echo "{{\"meter_id\":\"$text\"}}""#
            ),
        );
        let trial = play(script(&twice, 1.0), Speed::Max, &intact(&["AAAA", "BBBB", "CCCC"]));
        let sent = times(&trial, |what| matches!(what, What::Sent { .. }));
        for (at, (text, within_us)) in [("AAAA", 900), ("BBBB", 24_000)].into_iter().enumerate() {
            let claims =
                times(&trial, |what| matches!(what, What::Claim { claim, .. } if claim["meter_id"] == text));
            let [first, second] = claims[..] else { panic!("two claims: {:?}", story(&trial)) };
            if second - first > within_us {
                break;
            }
            assert!(second < sent[at + 1], "{text} with a count to {count}: {:?}", story(&trial));
            close[at] += 1;
        }
        if close[0] >= 3 && close[1] >= 3 {
            return;
        }
    }
    panic!("so few pairs of claims came close together: {close:?}");
}

fn times(trial: &Trial, which: impl Fn(&What) -> bool) -> Vec<u64> {
    trial.events.iter().filter(|event| which(&event.what)).map(|event| event.t_us).collect()
}

#[test]
fn a_late_claim_is_late_and_not_lost() {
    let late = HEALTHY
        .replace("while text", "first=1\nwhile text")
        .replace("case", "[ -n \"$first\" ] && sleep 0.6; first=\n case");
    let trial = play(script(&late, 0.4), Speed::Max, &intact(&["AAAA", "BBBB"]));
    assert_eq!(story(&trial), ["sent 0", "sent 1", "claim AAAA", "claim BBBB"]);
}

#[test]
fn silence_and_gaps_take_their_time_in_lock_step() {
    let mut gapped = telegram("AAAA");
    gapped.gaps = vec![(2, 150_000), (3, 150_000)];
    let parts = vec![Part::Telegram(gapped), Part::Silence { us: 200_000 }, Part::Telegram(telegram("BBBB"))];
    let trial = play(script(HEALTHY, 5.0), Speed::Max, &stimulus(parts));
    assert_eq!(story(&trial), ["sent 0", "claim AAAA", "sent 1", "sent 2", "claim BBBB"]);
    let at = |text: &str| {
        let index = story(&trial).iter().position(|line| line == text).expect("it happened");
        let events = trial.events.iter().filter(|event| !matches!(event.what, What::Log { .. }));
        events.map(|event| event.t_us).nth(index).expect("its time")
    };
    assert!(at("sent 0") >= 300_000, "{}", at("sent 0"));
    assert!(at("sent 2") >= at("sent 0") + 200_000);
    let asked: Vec<_> = pauses(&trial).iter().map(|one| (one.after, one.asked_us)).collect();
    assert_eq!(asked, [(2, 150_000), (3, 150_000), (0, 200_000)]);
    assert!(pauses(&trial).iter().all(|one| one.took_us >= one.asked_us), "{:?}", pauses(&trial));
}

fn pauses(trial: &Trial) -> Vec<Pause> {
    let of = |event: &Event| match &event.what {
        What::Sent { pauses, .. } => pauses.clone(),
        _ => Vec::new(),
    };
    trial.events.iter().flat_map(of).collect()
}

#[test]
fn what_is_about_the_speed_of_the_line_is_played_at_it_whatever_was_asked_for() {
    for speed in [Speed::Max, Speed::Factor(100.0), Speed::Factor(0.01)] {
        let mut gapped = telegram("AAAA");
        gapped.gaps = vec![(2, 150_000)];
        gapped.due_us = 200_000;
        let mut stimulus = stimulus(vec![Part::Telegram(gapped)]);
        stimulus.paced = true;
        stimulus.baud = 300;
        let trial = play(script(HEALTHY, 5.0), speed, &stimulus);
        let sent = trial.events.iter().find(|event| matches!(event.what, What::Sent { .. })).expect("sent");
        // Due after 200 ms, then four bytes of 33 ms and the pause.
        let least = 200_000 + 4 * 33_333 + 150_000;
        assert!((least..least + 400_000).contains(&sent.t_us), "{speed:?}: over at {}", sent.t_us);
        assert!(trial.pacing.is_some(), "{speed:?}");
        let [pause] = pauses(&trial)[..] else { panic!("one pause: {:?}", pauses(&trial)) };
        assert_eq!((pause.after, pause.asked_us), (2, 150_000));
        // Measured and not copied: never exactly what was asked for, and with what was sent before it no longer than
        // the trial. The two bytes behind it have deadlines of their own and catch up what it took too long.
        assert!(pause.took_us > 150_000, "{pause:?}");
        assert!(pause.took_us <= sent.t_us - (200_000 + 2 * 33_333), "{pause:?}, over at {}", sent.t_us);
    }
}

#[test]
fn the_wait_for_a_claim_is_part_of_the_silence_behind_it() {
    let slow = HEALTHY.replace("*) echo", "*) sleep 0.3; echo");
    let parts = vec![Part::Telegram(telegram("AAAA")), Part::Silence { us: 200_000 }];
    let trial = play(script(&slow, 5.0), Speed::Max, &stimulus(parts));
    let [silence] = pauses(&trial)[..] else { panic!("one pause: {:?}", pauses(&trial)) };
    assert!(silence.asked_us == 200_000 && silence.took_us >= 500_000, "{silence:?}");
}

#[test]
fn line_speed_keeps_due_times_and_totals() {
    let mut parts: Vec<Part> = Vec::new();
    for (index, text) in ["AAAA", "BBBB", "CCCC"].iter().enumerate() {
        let mut telegram = telegram(&text.repeat(12));
        telegram.due_us = index as u64 * 400_000;
        parts.push(Part::Telegram(telegram));
    }
    // Each telegram of 48 bytes takes 200 ms at 2400 baud; the script claims every four letters.
    let mut stimulus = stimulus(parts);
    stimulus.baud = 2400;
    let trial = play(script(HEALTHY, 1.0), Speed::Real, &stimulus);
    let sent: Vec<u64> = trial
        .events
        .iter()
        .filter(|event| matches!(event.what, What::Sent { .. }))
        .map(|event| event.t_us)
        .collect();
    for (index, &at) in sent.iter().enumerate() {
        let due = index as u64 * 400_000 + 200_000;
        assert!((due..due + 150_000).contains(&at), "telegram {index} was over at {at}, due {due}");
    }
    assert_eq!(sent.len(), 3);
    let pacing = trial.pacing.expect("measured");
    assert!(pacing.p50_us < 20_000, "{pacing:?}");
    assert!(pacing.p99_us >= pacing.p50_us);
    let fast = play(script(HEALTHY, 1.0), Speed::Factor(10.0), &stimulus);
    let over = fast.events.iter().rfind(|event| matches!(event.what, What::Sent { .. })).expect("sent");
    assert!((100_000..600_000).contains(&over.t_us), "ten times faster: {}", over.t_us);
}

#[test]
fn a_program_that_never_says_ready_gets_its_bytes_after_two_seconds() {
    let quiet = HEALTHY.replace(r#"echo '{"event":"ready"}'"#, ":");
    let started = Instant::now();
    let trial = play(script(&quiet, 5.0), Speed::Max, &intact(&["AAAA"]));
    assert_eq!(story(&trial), ["sent 0", "claim AAAA"]);
    assert!(started.elapsed() >= Duration::from_secs(2));
}

fn ratio(ratio: &str, running: bool) -> Part {
    Part::Ratio { ratio: ratio.into(), running }
}

#[test]
fn a_program_is_started_anew_with_each_ratio_and_one_trial_holds_it_all() {
    let announced = r#"echo "ratio $2"; "#.to_string() + HEALTHY;
    let mut rig = script(&announced, 5.0);
    rig.terms.ratio = RatioSetting::AtStart;
    if let Dut::Process { command, .. } = &mut rig.dut {
        command.push("{ratio}".into());
    }
    let mut session = Session::open(rig, Speed::Max, None).expect("a session");
    let mut late = telegram("BBBB");
    late.due_us = 3_600_000_000;
    let parts = vec![
        ratio("100:5", false),
        Part::Telegram(telegram("AAAA")),
        ratio("1:1", false),
        Part::Telegram(late),
    ];
    let trial = session.trial(&stimulus(parts.clone())).expect("a trial");
    let expected = [
        "sent 0",
        "log ratio 100:5",
        "sent 1",
        "claim AAAA",
        "sent 2",
        "log ratio 1:1",
        "sent 3",
        "claim BBBB",
    ];
    let mut story = story(&trial);
    // What a program prints at its start was there before anything was sent.
    let at = |story: &[String], line: &str| story.iter().position(|one| one == line).expect(line);
    assert!(at(&story, "log ratio 100:5") < at(&story, "claim AAAA"), "{story:?}");
    assert!(at(&story, "log ratio 1:1") < at(&story, "claim BBBB"), "{story:?}");
    assert!(at(&story, "claim AAAA") < at(&story, "log ratio 1:1"), "{story:?}");
    story.sort();
    let mut sorted = expected.map(String::from).to_vec();
    sorted.sort();
    assert_eq!(story, sorted);
    assert_eq!(trial.stimulus.parts, parts, "the evidence holds the stimulus as it was asked for");
    assert!(trial.events.is_sorted_by_key(|event| event.t_us));
    let next = session.trial(&intact(&["CCCC"])).expect("a trial");
    assert!(!support::story(&next).iter().any(|line| line.starts_with("log ratio")), "1:1 is what it has");
}

#[test]
fn a_running_program_is_told_its_ratio_and_waited_for() {
    let listening = r#"
exec 4<&0
(while read -r line <&4; do echo "told $line"; sleep 0.2; echo '{"event":"set"}'; done) &
"#
    .to_string()
        + HEALTHY;
    let mut rig = script(&listening, 5.0);
    rig.terms.ratio = RatioSetting::Running;
    let parts = vec![Part::Telegram(telegram("AAAA")), ratio("50:1", true), Part::Telegram(telegram("BBBB"))];
    let trial = play(rig, Speed::Max, &stimulus(parts));
    let told = r#"log told {"set":{"ratio":"50:1"}}"#;
    let expected = ["sent 0", "claim AAAA", told, r#"log {"event":"set"}"#, "sent 1", "sent 2", "claim BBBB"];
    assert_eq!(story(&trial), expected);
}
