//! What a user is told when something is not as it should be: the words and the exit code, of the real program.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn xtask(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_xtask")).args(arguments).output().expect("xtask starts")
}

/// Exit code and words of a command that has something to complain about.
fn told(arguments: &[&str]) -> (Option<i32>, String) {
    let output = xtask(arguments);
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn assert_told(arguments: &[&str], code: i32, words: &str) {
    let (found, text) = told(arguments);
    assert_eq!(found, Some(code), "{arguments:?}: {text}");
    assert!(text.contains(words), "{arguments:?} says {text:?} and not {words:?}");
    assert!(!text.contains("os error"), "{arguments:?}: {text}");
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

const FRAME: &str =
    "7ea02a410883130413e6e7000f40000000000101020309060100010700ff06000004d202020f00161b19f27e";

/// A file in a folder of its own.
fn file(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).expect("written");
    path.display().to_string()
}

#[test]
fn a_line_that_lost_a_digit_is_named_by_every_command_that_reads_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = file(folder.path(), "two.txt", &format!("{FRAME}\n{}\n", &FRAME[1..]));
    let words = "odd number of hex digits (87)";
    for arguments in [vec!["decode", &log], vec!["decode", "--json", "--quiet", &log], vec!["explain", &log]]
    {
        let output = xtask(&arguments);
        let shown = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert!(
            shown.lines().any(|line| line.contains("2") && line.contains(words)),
            "{arguments:?}: {shown}"
        );
    }
    let (code, text) = told(&["import", &log]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains(&format!("{log}:2: an {words}; left out")), "{text}");
    let lone = file(folder.path(), "one.txt", &FRAME[1..]);
    for command in ["decode", "explain", "import"] {
        assert_told(&[command, &lone], 2, &format!("one.txt:1: an {words}"));
    }
    assert_told(&["explain", &FRAME[1..]], 2, words);
    assert_told(&["explain", "nope.csv"], 2, "nope.csv: there is no such file");
    let (code, text) = told(&["explain", "7e"]);
    assert_eq!((code, text.contains("checksum")), (Some(0), false), "{text}");
}

#[test]
fn a_capture_with_a_bad_row_is_refused_by_every_command_that_reads_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let rows = format!("0,rx,{FRAME}\n5,rx,{FRAME}0\n9,rx,{FRAME}\n");
    let text = format!("# family = aidon\n# evidence = rebuilt\nt_us,dir,hex\n{rows}");
    let capture = file(folder.path(), "bad.csv", &text);
    for command in ["decode", "explain", "import"] {
        assert_told(&[command, &capture], 2, &format!("{capture}:5: found 89 hex digits; expected an even"));
    }
}

#[test]
fn a_file_where_a_folder_belongs_and_evidence_that_is_gone_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name).display().to_string();
    let plain = file(folder.path(), "plain", "");
    let one = ["run", "--quiet", "--filter", "han.field.value captures/aidon/6525-it3.csv", "--out"];
    assert_told(&[&one[..], &[&plain]].concat(), 2, "plain: it is a file, a folder was expected");
    assert_told(&[&one[..], &[&at("plain/run")]].concat(), 2, "plain/run: cannot make the folder: a part of");
    let run = at("run");
    assert_eq!(told(&[&one[..], &[&run]].concat()).0, Some(0));
    assert_told(&["report", &run, "--out", &plain], 2, "plain: it is a file, a folder was expected");
    assert_told(&["report", &plain], 2, "plain: it is a file; the folder of a run was expected");
    assert_told(&["report", &at("none")], 2, "none: there is no such folder");
    let evidence = folder.path().join("run/evidence/rig.toml");
    std::fs::remove_file(&evidence).expect("it was there");
    assert_told(&["report", &run], 2, "rig.toml: SHA256SUMS names it, and it is not there");
}

#[test]
fn a_bench_that_is_not_there_leaves_no_report() {
    let folder = tempfile::tempdir().expect("a folder");
    let inputs =
        ["kind = \"serial\"\nport = \"/dev/no-such-port\"", "kind = \"tcp\"\naddress = \"127.0.0.1:1\""];
    for input in inputs {
        for dut in ["kind = \"process\"\ncommand = [\"true\"]", "kind = \"serial\"\nport = \"/dev/neither\""]
        {
            let rig = file(folder.path(), "rig.toml", &format!("[input]\n{input}\n[dut]\n{dut}\n"));
            let out = folder.path().join("run");
            assert_told(&["run", "--rig", &rig, "--out", &out.display().to_string()], 3, "is not available");
            assert!(!out.exists(), "{input} {dut}");
        }
    }
}

#[test]
fn what_was_asked_for_and_cannot_be_is_said_with_what_can() {
    let folder = tempfile::tempdir().expect("a folder");
    for command in ["record", "emulate"] {
        let more: &[&str] = if command == "emulate" { &["--profile", "kaifa-ma304h3e"] } else { &[] };
        let port = if command == "emulate" { "pty" } else { "/dev/null" };
        for seconds in ["1e30", "0", "inf", "31536001"] {
            let arguments = [&[command, "--port", port, "--for", seconds], more].concat();
            assert_told(&arguments, 2, "above 0 and up to 31536000 (a year)");
        }
        assert_told(&[&[command, "--port", ""], more].concat(), 2, "--port");
    }
    for list in [&[][..], &["--list"]] {
        assert_told(&[&["run", "--filter", "nomatch"], list].concat(), 4, "no check matches");
    }
    let rig = file(folder.path(), "rig.toml", "[dut]\nkind = \"proces\"\n");
    let (code, text) = told(&["run", "--rig", &rig]);
    assert_eq!((code, text.matches("did you mean").count()), (Some(2), 1), "{text}");
    let plain = root().join("rigs/virtual.toml").display().to_string();
    let text = std::fs::read_to_string(plain).expect("a rig file");
    let keyless: Vec<&str> = text.lines().filter(|line| !line.starts_with("key_file")).collect();
    let rig = file(folder.path(), "keyless.toml", &keyless.join("\n"));
    assert_told(&["run", "--rig", &rig, "--list"], 2, "lists \"ciphering\", but without `key_file`");
}

#[cfg(unix)]
#[test]
fn what_is_no_serial_port_is_said_to_be_none() {
    for port in ["/dev/null", "/dev/zero", "Cargo.toml"] {
        assert_told(&["record", "--port", port, "--for", "1"], 3, "it is no serial port");
    }
}

/// A balancer that does not answer has survived nothing, and nobody searches for an hour to find that the result
/// cannot be written.
#[test]
fn a_hunt_says_at_once_what_makes_it_useless() {
    let folder = tempfile::tempdir().expect("a folder");
    let found = folder.path().join("found.toml").display().to_string();
    let started = std::time::Instant::now();
    assert_told(&["hunt", "--balancer", "process:false", "-o", &found], 1, "the balancer was gone");
    let nowhere = folder.path().join("no/found.toml").display().to_string();
    assert_told(&["hunt", "-o", &nowhere], 2, "there is no such file or folder");
    assert_told(&["hunt", "-o", &folder.path().display().to_string()], 2, "it is a folder");
    assert!(started.elapsed().as_secs() < 30, "{:?}", started.elapsed());
    assert!(!Path::new(&found).exists());
}

#[cfg(unix)]
#[test]
fn scenarios_are_found_once_and_plotted_once_each() {
    let folder = tempfile::tempdir().expect("a folder");
    let text =
        std::fs::read_to_string(root().join("fixtures/scenarios/outage-none.toml")).expect("a scenario");
    let one = file(folder.path(), "one.toml", &text);
    std::os::unix::fs::symlink(folder.path(), folder.path().join("again")).expect("a link");
    let output = xtask(&["sim", "--json", &folder.path().display().to_string()]);
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 1);
    let plots = folder.path().join("plots").display().to_string();
    assert_told(&["sim", &one, &one, "--plots", &plots], 2, "two scenarios are called one");
}

/// One bad file does not hide the others, and nothing is opened to find out what is here.
#[test]
fn benches_are_listed_with_what_of_them_is_missing() {
    let folder = tempfile::tempdir().expect("a folder");
    let name = folder.path().display().to_string();
    assert_told(&["rig", "list", &name], 2, "no rig file; *.toml was expected");
    file(folder.path(), "good.toml", "[dut]\nkind = \"virtual\"\n");
    let gone = "[input]\nkind = \"tcp\"\naddress = \"localhost:1\"\n\
                [dut]\nkind = \"serial\"\nport = \"/dev/no-such-port\"\n";
    file(folder.path(), "gone.toml", gone);
    let output = xtask(&["rig", "list", &name]);
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{shown}");
    assert!(shown.contains("good.toml: all is here\n"), "{shown}");
    assert!(
        shown.contains("gone.toml: something is missing\n  input     tcp localhost:1: not asked\n"),
        "{shown}"
    );
    assert!(shown.contains("serial port /dev/no-such-port, 115200 baud: not here\n"), "{shown}");
    file(folder.path(), "bad.toml", "[dut]\nkind = \"virtuel\"\n");
    let output = xtask(&["rig", "list", &name]);
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(2), "{shown}");
    assert!(
        shown.contains("bad.toml: cannot be used\n") && shown.contains("good.toml: all is here"),
        "{shown}"
    );
}
