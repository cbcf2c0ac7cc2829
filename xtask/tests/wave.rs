//! `wave` as a user runs it.

#![cfg(unix)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

const HOUSE: &str = "[waveform]\nrate_hz = 8000\nduration_s = 0.5\n[frontend]\nbits = 16\n\
                     [[load]]\nat = \"L1-N\"\nkind = \"current\"\ni_a = 10\n";

fn xtask(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_xtask")).args(arguments).output().expect("xtask starts")
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn write(folder: &Path, text: &str) -> String {
    let path = folder.join("house.toml");
    std::fs::write(&path, text).expect("written");
    path.display().to_string()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn text(path: PathBuf) -> String {
    std::fs::read_to_string(path).expect("a text")
}

#[test]
fn the_name_tells_the_format_and_a_page_lies_beside() {
    let folder = tempfile::tempdir().expect("a folder");
    let spec = write(folder.path(), HOUSE);
    for name in ["a.wav", "a.csv", "a.i16", "a.cfg"] {
        let output = xtask(&["wave", "render", &spec, "-o", &folder.path().join(name).display().to_string()]);
        assert_eq!(output.status.code(), Some(0), "{}", words(&output));
    }
    let expected =
        ["a.cfg", "a.cfg.json", "a.csv", "a.csv.json", "a.dat", "a.i16", "a.i16.json", "a.wav", "a.wav.json"];
    assert_eq!(names(folder.path()), [&expected[..], &["house.toml"]].concat());
    let wav = std::fs::read(folder.path().join("a.wav")).expect("a file");
    let raw = std::fs::read(folder.path().join("a.i16")).expect("a file");
    assert_eq!((raw.len(), &wav[68..] == raw.as_slice()), (4000 * 12, true));
    let page = text(folder.path().join("a.cfg.json"));
    assert!(page.contains("\"name\": \"a.dat\"") && page.contains("\"name\": \"a.cfg\""), "{page}");

    let cfg = folder.path().join("b.cfg").display().to_string();
    xtask(&["wave", "render", &spec, "-o", &cfg, "--format", "ascii"]);
    assert!(text(folder.path().join("b.cfg")).contains("\r\nASCII\r\n"));
    // The same bytes as those the page of the other run tells, whatever they are.
    let first = text(folder.path().join("a.wav.json"));
    xtask(&["wave", "render", &spec, "-o", &folder.path().join("a.wav").display().to_string()]);
    assert_eq!(text(folder.path().join("a.wav.json")), first);
}

#[test]
fn what_is_wrong_is_named_with_file_and_line_and_leaves_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let to = |name: &str| folder.path().join(name).display().to_string();
    let spec = write(folder.path(), &HOUSE.replace("i_a = 10", "i_b = 10"));
    let output = xtask(&["wave", "render", &spec, "-o", &to("a.wav")]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        words(&output).starts_with(&format!("error: {spec}:9: unknown field `i_b`")),
        "{}",
        words(&output)
    );

    let spec = write(folder.path(), HOUSE);
    for (arguments, expected) in [
        (
            vec![to("a.mp3")],
            "a.mp3: the name tells the format; expected .wav, .csv, .i16, or .cfg for COMTRADE",
        ),
        (vec![to("a.wav"), "--format".into(), "ascii".into()], "--format is for COMTRADE (.cfg)"),
        (vec![to("no/a.wav")], "cannot write: there is no such file or folder"),
    ] {
        let mut command = vec!["wave", "render", &spec, "-o"];
        command.extend(arguments.iter().map(String::as_str));
        let output = xtask(&command);
        assert_eq!(output.status.code(), Some(2), "{}", words(&output));
        assert!(words(&output).contains(expected), "{}", words(&output));
    }
    let long = write(folder.path(), &HOUSE.replace("0.5", "50000"));
    let output = xtask(&["wave", "render", &long, "-o", &to("a.wav")]);
    assert_eq!(output.status.code(), Some(2));
    assert!(words(&output).contains("a WAV holds 4 GiB"), "{}", words(&output));
    assert_eq!(names(folder.path()), ["house.toml"]);
}

#[test]
fn a_value_of_the_wrong_kind_is_named_with_its_key_and_what_was_expected() {
    let folder = tempfile::tempdir().expect("a folder");
    let long = "9".repeat(309);
    let many = "9".repeat(40);
    for (old, new, expected) in [
        ("i_a = 10", "i_a = \"10\"", ":9: `i_a` is \"10\"; expected a number".to_string()),
        ("i_a = 10", "i_a = true", ":9: `i_a` is true; expected a number".into()),
        ("i_a = 10", "i_a = { x = 1 }", ":9: `i_a` is { x = 1 }; expected a number".into()),
        (
            "i_a = 10",
            &format!("i_a = {long}"),
            format!(":9: `i_a` is {many}… with 309 digits; expected a number of at most 18"),
        ),
        (
            "i_a = 10",
            &format!("i_a = {long}.5"),
            format!(":9: `i_a` is {many}… with 310 digits; expected a number of at most 18"),
        ),
        ("i_a = 10", "i_a =", ":9: `i_a` has no value; expected a number, or a text in quotes".into()),
        ("i_a = 10", "i_a = abc", ":9: `i_a` is abc; expected a number, or a text in quotes".into()),
        ("i_a = 10", "i_a = ten", ":9: `i_a` is ten; expected a number, or a text in quotes".into()),
        (
            "rate_hz = 8000",
            "rate_hz = -1",
            ":2: `rate_hz` is -1; expected a whole number from 0 to 4294967295".into(),
        ),
        ("rate_hz = 8000", "rate = [8000]", ":2: `rate` has 1 values; expected a list of 2".into()),
        ("rate_hz = 8000", "rate_hz = 8000\nname = 5", ":3: `name` is 5; expected a text in quotes".into()),
        ("at = \"L1-N\"", "at = 3 # = L3", ":7: `at` is 3; expected a text in quotes".into()),
    ] {
        let spec = write(folder.path(), &HOUSE.replace(old, new));
        let output = xtask(&["wave", "show", &spec, "--json"]);
        assert_eq!(output.status.code(), Some(2), "{new}: {}", words(&output));
        let first = words(&output).lines().next().unwrap_or_default().to_string();
        assert_eq!(first, format!("error: {spec}{expected}"));
    }
}

#[test]
fn a_device_that_nobody_knows_is_refused_with_its_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let spec = write(folder.path(), &format!("{HOUSE}[expect]\n# whose?\ndevice = \"amp-guard-hoem\"\n"));
    let wav = folder.path().join("a.wav").display().to_string();
    for arguments in [vec!["wave", "show", &spec], vec!["wave", "render", &spec, "-o", &wav]] {
        let output = xtask(&arguments);
        assert_eq!(output.status.code(), Some(2), "{}", words(&output));
        let expected = format!(
            "error: {spec}:12: [expect] device \"amp-guard-hoem\" is unknown; expected amp-guard-home,"
        );
        assert!(words(&output).starts_with(&expected), "{}", words(&output));
    }
}

#[test]
fn one_of_several_files_that_cannot_be_written_leaves_none_and_no_device_is_replaced() {
    let folder = tempfile::tempdir().expect("a folder");
    let spec = write(folder.path(), HOUSE);
    let to = |name: &str| folder.path().join(name).display().to_string();
    std::fs::create_dir(folder.path().join("a.cfg.json")).expect("a folder");
    let output = xtask(&["wave", "render", &spec, "-o", &to("a.cfg")]);
    assert_eq!(output.status.code(), Some(2), "{}", words(&output));
    assert!(words(&output).contains("a.cfg.json: cannot write: it is a folder"), "{}", words(&output));
    assert_eq!(names(folder.path()), ["a.cfg.json", "house.toml"]);

    let made = Command::new("mkfifo").arg(to("pipe.wav")).status().expect("mkfifo starts");
    assert!(made.success());
    for arguments in [["wave", "render"], ["wave", "show"]] {
        let output = xtask(&[&arguments[..], &[&spec, "-o", &to("pipe.wav")]].concat());
        assert_eq!(output.status.code(), Some(2), "{}", words(&output));
        assert!(words(&output).contains("it is a device, a file was expected"), "{}", words(&output));
    }
    let pipe = std::fs::metadata(folder.path().join("pipe.wav")).expect("still there");
    assert!(!pipe.is_file());
}

#[test]
fn ctrl_c_leaves_what_was_there_before() {
    let folder = tempfile::tempdir().expect("a folder");
    // An hour: half a gigabyte of text, unless it is cut short.
    let spec = write(folder.path(), &HOUSE.replace("0.5", "3600"));
    let old = folder.path().join("a.csv");
    std::fs::write(&old, "old").expect("written");
    let child = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["wave", "render", &spec, "-o", &old.display().to_string()])
        .stderr(Stdio::piped())
        .spawn()
        .expect("xtask starts");
    let part = folder.path().join(format!("a.csv.{}.part", child.id()));
    let until = Instant::now() + Duration::from_secs(30);
    // It is under way when bytes are there.
    while std::fs::metadata(&part).map_or(0, |about| about.len()) == 0 {
        assert!(Instant::now() < until, "it never began");
        std::thread::yield_now();
    }
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill starts");
    assert!(killed.success());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(3), "{}", words(&output));
    assert!(words(&output).contains("interrupted; nothing was written"), "{}", words(&output));
    assert_eq!(names(folder.path()), ["a.csv", "house.toml"]);
    assert_eq!(text(old), "old");
}

#[test]
fn a_picture_has_each_channel_and_a_table_has_the_three_points() {
    let folder = tempfile::tempdir().expect("a folder");
    let spec = write(folder.path(), HOUSE);
    let output = xtask(&["wave", "show", &spec]);
    let svg = String::from_utf8(output.stdout).expect("text");
    assert!(
        svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\"") && svg.ends_with("</svg>\n"),
        "{svg}"
    );
    assert_eq!(svg.matches("<path class=\"w ").count(), 6);
    assert!(!svg.contains("NaN") && !svg.contains("inf"), "only numbers are drawn");
    let output = xtask(&["wave", "show", &spec, "--at", "0.6"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(words(&output).contains("--at 0.6: expected 0 to below 0.5 s"), "{}", words(&output));

    let output = xtask(&["wave", "show", &spec, "--json"]);
    let page: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let watts = |point: &str| page["truth"][point]["total"]["p_w"].as_f64().expect("known");
    assert!((watts("primary") - 2300.0).abs() < 1e-6 && (watts("samples") - 2300.0).abs() < 1.0, "{page}");
}

#[test]
fn an_upload_needs_whole_cycles_and_a_channel_of_the_waveform() {
    let folder = tempfile::tempdir().expect("a folder");
    let upload = |text: &str, channel: &str| {
        let spec = write(folder.path(), text);
        let port = "/dev/no-such-port";
        let output =
            xtask(&["wave", "upload", &spec, "--channel", channel, "--port", port, "--dialect", "rigol"]);
        (output.status.code(), words(&output))
    };
    for (text, channel, code, expected) in [
        (HOUSE.to_string(), "i1", 3, "port /dev/no-such-port is not available"),
        (HOUSE.to_string(), "i9", 2, "--channel i9: this waveform has u1, u2, u3, i1, i2, i3"),
        (HOUSE.replace("0.5", "0.015"), "i1", 2, "they take 160 samples, the waveform has 120"),
        (
            HOUSE.replace("[front", "[net]\nf_hz = [[0, 50], [0.1, 51]]\n[front"),
            "i1",
            2,
            "the frequency changes at 0.1 s",
        ),
    ] {
        let (got, words) = upload(&text, channel);
        assert_eq!(got, Some(code), "{words}");
        assert!(words.contains(expected), "{words}");
    }
}
