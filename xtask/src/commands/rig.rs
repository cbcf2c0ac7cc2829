//! `rig`: what this computer has that a bench could be made of, and which benches are described.
//!
//! Opens nothing and asks nobody over the network: that something is there does not mean that it works.

use crate::failure::{Failure, INPUT, LOST, Outcome, PASSED};
use crate::flags::{RigCommand, RigFlags, RigListFlags};
use crate::{console, workspace};
use hanbench_rig::balancer::Spec;
use hanbench_rig::config::{ClampKind, Dut, Input, ProbeKind, ProbeSettings, ProbeTable};
use hanbench_rig::probe::obstacle;
use hanbench_rig::scan::{self, Port};
use hanbench_rig::{Rig, RigError};
use std::path::{Path, PathBuf};

/// Runs one of the commands.
pub fn run(flags: &RigFlags) -> Outcome {
    match &flags.command {
        RigCommand::Scan => {
            let here = Here::look()?;
            console::out(&found(&here)?);
            Ok(PASSED)
        }
        RigCommand::List(flags) => list(flags),
    }
}

/// What is plugged in.
struct Here {
    ports: Vec<Port>,
    /// `selector  name` of each probe; none where this build drives no probes.
    probes: Option<Vec<String>>,
    usb: Option<bool>,
}

impl Here {
    fn look() -> Result<Here, RigError> {
        let probes = cfg!(feature = "probe").then(hanbench_rig::probe::list);
        Ok(Here { ports: scan::ports()?, probes, usb: scan::usb() })
    }
}

/// Everything that was found, with the line for a rig file below it.
fn found(here: &Here) -> Result<String, Failure> {
    let probes = here.probes.as_deref().unwrap_or_default();
    if here.ports.is_empty() && probes.is_empty() {
        return Err(Failure { code: LOST, text: nothing(here) });
    }
    let mut text = String::from("serial ports, for [input] or [dut] with kind = \"serial\"\n");
    if here.ports.is_empty() {
        text += "  none\n";
    }
    for port in &here.ports {
        let device = port.device.as_ref().map_or(String::new(), |device| format!(", now {device}"));
        text += &format!("  {}{device}\n    port = {:?}\n", port.about, port.path);
    }
    text += "debug probes, for [probe]\n";
    text += match here.probes.as_deref() {
        None => "  not looked for: this build has no feature `probe`\n",
        Some([]) => "  none\n",
        Some(_) => "",
    };
    for probe in probes {
        let (selector, name) = probe.split_once("  ").unwrap_or((probe, "a probe without a name"));
        text += &format!("  {name}\n    selector = {selector:?}\n");
    }
    Ok(text)
}

fn nothing(here: &Here) -> String {
    let what = match here.probes {
        Some(_) => "no serial port and no debug probe was found",
        None => "no serial port was found, and this build, without feature `probe`, looks for no debug probe",
    };
    let why = match here.usb {
        Some(false) => "this computer has no USB subsystem, as is usual in a container or a virtual machine",
        Some(true) => "this computer has USB; is the cable plugged in, and is it one that carries data?",
        None => "is the cable plugged in, and is it one that carries data?",
    };
    format!("{what}: {why}. `cargo xtask rig list` shows the benches that need neither")
}

/// Shows every rig file of a folder.
fn list(flags: &RigListFlags) -> Outcome {
    let folder = flags.folder.clone().map_or_else(|| workspace::root().map(|root| root.join("rigs")), Ok)?;
    let entries = folder.read_dir().map_err(|error| Failure::file("list", &folder, &error))?;
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    if files.is_empty() {
        return Err(Failure::input(format!("{}: no rig file; *.toml was expected", folder.display())));
    }
    let (here, mut code) = (Here::look()?, PASSED);
    for path in files {
        let shown = workspace::shown(&std::env::current_dir().unwrap_or_default(), &path);
        match Rig::load(&path) {
            Ok(rig) => console::out(&described(&shown, &parts(&rig, &here))),
            Err(error) => {
                code = INPUT;
                console::out(&format!("{shown}: cannot be used\n"));
                console::error(&error.pretty());
            }
        }
    }
    Ok(code)
}

/// One thing that a rig names.
struct Part {
    what: &'static str,
    words: String,
    /// Whether it is here; `None` where only a connection would tell.
    here: Option<bool>,
}

impl Part {
    fn new(what: &'static str, words: impl Into<String>, here: impl Into<Option<bool>>) -> Part {
        Part { what, words: words.into(), here: here.into() }
    }
}

fn described(file: &str, parts: &[Part]) -> String {
    let missing = parts.iter().any(|part| part.here == Some(false));
    let mut text = format!("{file}: {}\n", if missing { "something is missing" } else { "all is here" });
    for Part { what, words, here } in parts {
        let note = match here {
            Some(true) => "",
            Some(false) => ": not here",
            None => ": not asked",
        };
        text += &format!("  {what:<9} {words}{note}\n");
    }
    text
}

fn parts(rig: &Rig, here: &Here) -> Vec<Part> {
    let mut parts = vec![input(&rig.input, here), dut(&rig.dut, here)];
    parts.extend(rig.probe.as_ref().map(|probe| chip(probe, here)));
    if let Some(clamps) = &rig.clamps {
        parts.push(match &clamps.kind {
            ClampKind::Virtual { .. } => Part::new("clamps", "virtual", true),
            ClampKind::Process { command } => started("clamps", command),
            ClampKind::Serial { port, baud } => serial("clamps", port, *baud, here),
            ClampKind::Ram => Part::new("clamps", "RAM of the chip at the probe", true),
        });
    }
    parts.extend(rig.balancer.as_ref().map(|balancer| match balancer {
        Spec::BuiltIn(_) => Part::new("balancer", balancer.name(), true),
        Spec::Process(command, _) => started("balancer", command),
    }));
    parts
}

fn input(input: &Input, here: &Here) -> Part {
    match input {
        Input::Pty => Part::new("input", "pty", cfg!(unix)),
        Input::Serial { port, baud, .. } => serial("input", port, *baud, here),
        Input::Tcp { address } => Part::new("input", format!("tcp {address}"), None),
    }
}

fn dut(dut: &Dut, here: &Here) -> Part {
    match dut {
        Dut::Virtual { key_file: Some(file), .. } if !file.is_file() => {
            Part::new("DUT", format!("virtual, with the keys of {}", file.display()), false)
        }
        Dut::Virtual { .. } => Part::new("DUT", "virtual", true),
        Dut::Process { command, .. } => started("DUT", command),
        Dut::Serial { port, baud, .. } => serial("DUT", port, *baud, here),
        Dut::Rtt { .. } => Part::new("DUT", "RTT of the chip at the probe", true),
    }
}

fn chip(probe: &ProbeTable, here: &Here) -> Part {
    let ProbeSettings { selector, chip, .. } = &probe.settings;
    if let Some(file) = probe.image.as_ref().filter(|file| !file.is_file()) {
        return Part::new("probe", format!("{chip} with the image {}", file.display()), false);
    }
    match &probe.kind {
        ProbeKind::Usb => {
            Part::new("probe", format!("{selector} with {chip}"), plugged_in(&probe.settings, here))
        }
        ProbeKind::Virtual { .. } => {
            Part::new("probe", format!("simulated {chip}"), obstacle(probe).is_none())
        }
        ProbeKind::Process { command } => started("probe", command),
    }
}

fn serial(what: &'static str, port: &str, baud: u32, here: &Here) -> Part {
    let known = here.ports.iter().any(|found| found.path == port || found.device.as_deref() == Some(port));
    Part::new(what, format!("serial port {port}, {baud} baud"), known || Path::new(port).exists())
}

/// A program and its arguments: only the program is looked for.
fn started(what: &'static str, command: &[String]) -> Part {
    let program = command.first().is_some_and(|name| scan::program(Path::new(name)).is_some());
    Part::new(what, format!("`{}`", command.join(" ")), program)
}

/// Whether a probe with this selector is there. One behind a socket has the socket in the place of a serial number.
fn plugged_in(probe: &ProbeSettings, here: &Here) -> Option<bool> {
    let serial = probe.selector.splitn(3, ':').nth(2).unwrap_or_default();
    if let Some(socket) = serial.strip_prefix("unix:") {
        return Some(Path::new(socket).exists());
    }
    if serial.starts_with("tcp:") {
        return None;
    }
    let wanted = probe.selector.to_lowercase();
    let fits = |found: &String| {
        let found = found.split("  ").next().unwrap_or_default().to_lowercase();
        found == wanted || found.starts_with(&format!("{wanted}:"))
    };
    here.probes.as_ref().map(|probes| probes.iter().any(fits))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bench() -> Here {
        let port = Port {
            path: "/dev/serial/by-id/usb-x-port0".into(),
            device: Some("/dev/ttyUSB0".into()),
            about: "FTDI FT232R (0403:6001)".into(),
        };
        Here { ports: vec![port], probes: Some(vec!["1366:1015:000123  J-Link".into()]), usb: Some(true) }
    }

    #[test]
    fn what_is_found_is_shown_as_it_is_written_into_a_rig_file() {
        let text = found(&bench()).expect("a port and a probe");
        assert!(text.contains("FTDI FT232R (0403:6001), now /dev/ttyUSB0\n"), "{text}");
        for line in
            ["    port = \"/dev/serial/by-id/usb-x-port0\"\n", "    selector = \"1366:1015:000123\"\n"]
        {
            assert!(text.contains(line), "{text}");
        }
        let no_probe = found(&Here { probes: Some(vec![]), ..bench() }).expect("a port");
        assert!(no_probe.ends_with("debug probes, for [probe]\n  none\n"), "{no_probe}");
    }

    #[test]
    fn nothing_at_all_is_no_rig_and_says_whether_there_is_usb() {
        let bare = |usb| Here { ports: vec![], probes: Some(vec![]), usb };
        let failure = found(&bare(Some(false))).expect_err("nothing there");
        assert_eq!(failure.code, 3);
        assert!(failure.text.contains("no debug probe") && failure.text.contains("no USB subsystem"));
        assert!(!found(&bare(Some(true))).expect_err("nothing there").text.contains("no USB subsystem"));
    }

    #[test]
    fn a_rig_says_what_of_it_is_missing() {
        let text = "[input]\nkind = \"serial\"\nport = \"/dev/ttyUSB0\"\n[dut]\nkind = \"process\"\n\
                    command = [\"no-such-dongle\"]\n[probe]\nselector = \"1366:1015\"\nchip = \"nRF52840_xxAA\"\n";
        let rig = Rig::parse(text, "rigs/x.toml").expect("a rig");
        let shown = described("rigs/x.toml", &parts(&rig, &bench()));
        let expected = "rigs/x.toml: something is missing\n  input     serial port /dev/ttyUSB0, 2400 baud\n  \
                        DUT       `no-such-dongle`: not here\n  probe     1366:1015 with nRF52840_xxAA\n";
        assert_eq!(shown, expected);
        let mut probe = rig.probe.expect("a probe").settings;
        probe.selector = "1366:101".into();
        assert_eq!(plugged_in(&probe, &bench()), Some(false));
        probe.selector = "20b7:9db1:unix:/no/such/socket".into();
        assert_eq!(plugged_in(&probe, &bench()), Some(false));
        probe.selector = "20b7:9db1:tcp:localhost:1234".into();
        assert_eq!(plugged_in(&probe, &bench()), None);
    }
}
