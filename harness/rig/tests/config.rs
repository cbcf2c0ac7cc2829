//! Mistakes in rig files are found, pointed at, and explained.

use hanbench_core::clamps::Fault;
use hanbench_core::verdict::ct::device::DEVICES;
use hanbench_rig::balancer::Spec;
use hanbench_rig::config::{ClampKind, Dut, Input, Parity, ProbeKind, ProbeTable, Readings, Rig};
use hanbench_rig::dongle::Broken;
use hanbench_rig::error::RigError;
use std::path::Path;
use std::time::Duration;

fn parse(text: &str) -> Rig {
    Rig::parse(text, "rigs/oslo-1.toml").unwrap_or_else(|error| panic!("{}", error.pretty()))
}

/// Place and words of the error that a text gives.
fn mistake(text: &str) -> String {
    let error = Rig::parse(text, "oslo-1.toml").expect_err(text);
    assert_eq!(error.exit_code(), 2);
    error.to_string()
}

#[test]
fn the_example_of_the_contract_is_enough() {
    let rig = parse(
        "[dut]\nkind = \"process\"\ncommand = [\"python3\", \"-u\", \"my_dongle.py\", \"{han}\"]\nreadings = \"jsonl\"\n",
    );
    assert_eq!((rig.name.as_str(), &rig.input), ("oslo-1", &Input::Pty));
    assert_eq!(rig.terms, hanbench_core::verdict::trial::DutTerms::default());
    let Dut::Process { command, readings } = rig.dut else { panic!() };
    assert_eq!((command.len(), readings), (4, Readings::Jsonl));
}

#[test]
fn a_balancer_is_one_of_ours_or_any_program() {
    let balancer = |table: &str| parse(&format!("[dut]\nkind = \"virtual\"\n[balancer]\n{table}")).balancer;
    let said = |table: &str| balancer(table).map(|one| one.name());
    assert_eq!(parse("[dut]\nkind = \"virtual\"\n").balancer, None);
    assert_eq!(said("kind = \"reference\"\n").as_deref(), Some("reference"));
    assert_eq!(said("kind = \"rule\"\nname = \"smartevse\"\n").as_deref(), Some("smartevse"));
    let program = "kind = \"process\"\ncommand = [\"a\", \"b c\"]\n";
    let words = vec!["a".to_string(), "b c".to_string()];
    assert_eq!(balancer(program), Some(Spec::Process(words.clone(), Duration::from_secs(10))));
    let patient = format!("{program}answer_within_s = 0.5\n");
    assert_eq!(balancer(&patient), Some(Spec::Process(words, Duration::from_millis(500))));
    let rig = parse(&format!("[dut]\nkind = \"virtual\"\nname = \"Pow-U\"\n[balancer]\n{program}"));
    assert_eq!(rig.about, "Pow-U, balancer `process:a b c`");
}

#[test]
fn everything_that_is_said_arrives() {
    let rig = parse(
        r#"
        name = "bench 2"
        [input]
        kind = "serial"
        port = "/dev/ttyUSB0"
        baud = 115200
        parity = "even"
        [dut]
        kind = "serial"
        port = "/dev/ttyUSB1"
        readings = "amsreader-json"
        supports = ["aidon", "p1"]
        omits = ["timestamp", "current_l2_a"]
        claim_within_s = 0.5
        scale_told = true
        name = "Pow-U"
        firmware = "2.4"
        "#,
    );
    assert_eq!(rig.input, Input::Serial { port: "/dev/ttyUSB0".into(), baud: 115_200, parity: Parity::Even });
    assert_eq!(
        rig.dut,
        Dut::Serial { port: "/dev/ttyUSB1".into(), baud: 115_200, readings: Readings::AmsreaderJson }
    );
    assert_eq!((rig.terms.claim_within_us, rig.terms.scale_told), (500_000, true));
    assert_eq!(rig.terms.supports, ["aidon", "p1"]);
    assert_eq!(rig.terms.omits, ["timestamp", "current_l2_a"]);
    assert_eq!(rig.about, "Pow-U, 2.4, on /dev/ttyUSB1");
    let broken = parse("[dut]\nkind = \"virtual\"\nbroken = \"float32\"\n");
    assert_eq!(broken.dut, Dut::Virtual { broken: Some(Broken::Float32), key_file: None });
}

#[test]
fn a_mistake_names_its_place_and_the_word_that_was_meant() {
    for (text, words) in [
        ("[dut]\nkind = \"virtual\"\nsuports = []\n", "oslo-1.toml:3:1: unknown field `suports`"),
        ("[dut]\nkind = \"virtual\"\nsuports = []\n", "did you mean `supports`?"),
        ("[inputt]\n[dut]\nkind = \"virtual\"\n", "did you mean `input`?"),
        ("[dut]\nkind = \"proces\"\n", "oslo-1.toml:2:8: [dut] kind \"proces\" is unknown"),
        ("[dut]\nkind = \"proces\"\n", "did you mean \"process\"?"),
        (
            "[dut]\nkind = \"virtual\"\nsupports = [\"aidon\", \"adon\"]\n",
            "oslo-1.toml:3:22: `supports` \"adon\"",
        ),
        ("[dut]\nkind = \"virtual\"\nsupports = [\"adon\"]\n", "did you mean \"aidon\"?"),
        ("[dut]\nkind = \"virtual\"\nomits = [\"current_l2\"]\n", "did you mean `current_l2_a`?"),
        ("[dut]\nkind = \"virtual\"\nbroken = \"slient\"\n", "did you mean \"silent\"?"),
        ("[dut]\nkind = \"virtual\"\nclaim_within_s = 0\n", "expected 0.05 to 60 seconds"),
        ("[dut]\nkind = \"virtual\"\nclaim_within_s = nan\n", "expected 0.05 to 60 seconds"),
        (
            "[dut]\nkind = \"virtual\"\nclaim_within_s = \"2\"\n",
            "oslo-1.toml:3:18: `claim_within_s` is \"2\"; expected a number",
        ),
        ("[dut]\nkind = \"rtt\"\n", "[dut] kind \"rtt\" needs a table [probe]"),
        ("[dut]\nkind = \"http\"\n", "[dut] kind \"http\" cannot be used in this version"),
        ("[dut]\nkind = \"virtual\"\nbaud = 9600\n", "[dut] kind \"virtual\" has no `baud`"),
        ("[dut]\nkind = \"process\"\nkey_file = \"x\"\n", "[dut] kind \"process\" has no `key_file`"),
        ("[dut]\nkind = \"virtual\"\nreadings = \"jsonl\"\n", "[dut] kind \"virtual\" has no `readings`"),
        ("[dut]\nkind = \"process\"\n", "[dut] kind \"process\" needs `command`"),
        ("[dut]\nkind = \"process\"\ncommand = []\n", "`command` is empty"),
        ("[dut]\nkind = \"process\"\ncommand = [\"a\"]\n", "oslo-1.toml:3:11: `command` never says {han}"),
        ("[dut]\nkind = \"process\"\ncommand = \"a {han}\"\n", "`command` is \"a {han}\"; expected a list"),
        (
            "[dut]\nkind = \"process\"\ncommand = [\"a\", \"{han}\"]\nreadings = \"tibber-pulse\"\n",
            "`readings` \"tibber-pulse\" arrives by MQTT",
        ),
        (
            "[dut]\nkind = \"process\"\ncommand = [\"a\", \"{han}\"]\nreadings = \"json\"\n",
            "`readings` \"json\" is unknown; expected jsonl",
        ),
        ("[input]\nkind = \"serial\"\n[dut]\nkind = \"virtual\"\n", "needs `port`"),
        ("[input]\nport = \"x\"\n[dut]\nkind = \"virtual\"\n", "[input] kind \"pty\" has no `port`"),
        (
            "[dut]\nkind = \"virtual\"\n[balancer]\n",
            "oslo-1.toml:3:1: [balancer] needs `kind`; expected reference",
        ),
        ("[dut]\nkind = \"virtual\"\n[balancer]\nkind = \"ocpp\"\n", "kind \"ocpp\" cannot be used yet"),
        ("[dut]\nkind = \"virtual\"\n[balancer]\nkind = \"mqtt\"\n", "expected reference, rule, process"),
        ("[dut]\nkind = \"virtual\"\n[balancer]\nkind = \"refrence\"\n", "did you mean \"reference\"?"),
        ("[dut]\nkind = \"virtual\"\n[balancer]\nkind = \"rule\"\n", "needs `name`; expected none, evcc"),
        (
            "[dut]\nkind = \"virtual\"\n[balancer]\nkind = \"rule\"\nname = \"evc\"\n",
            "oslo-1.toml:5:8: [balancer] name \"evc\" is unknown",
        ),
        ("[dut]\nkind = \"virtual\"\n[balancer]\nkind = \"process\"\n", "\"process\" needs `command`"),
        ("[dut]\nkind = \"virtual\"\n[balancer]\nkind = \"process\"\ncommand = []\n", "`command` is empty"),
        (
            "[dut]\nkind = \"virtual\"\n[balancer]\nkind = \"reference\"\ncommand = [\"a\"]\n",
            "[balancer] kind \"reference\" has no `command`",
        ),
        (
            "[dut]\nkind = \"virtual\"\n[balancer]\nkind = \"process\"\ncommand = [\"a\"]\nanswer_within_s = nan\n",
            "expected 0.1 to 600 seconds",
        ),
        ("[dut]\nkind = \"virtual\"\n[balancer]\ncomand = []\n", "did you mean `command`?"),
        (
            "[dut]\nkind = \"virtual\"\n[balancer]\nkind = \"reference\"\ndongle = \"duck\"\n",
            "[balancer] dongle \"duck\" is unknown",
        ),
        (
            "[input]\nkind = \"tcp\"\naddress = \"host\"\n[dut]\nkind = \"virtual\"\n",
            "expected \"host:port\"",
        ),
        (
            "[input]\nkind = \"rfc2217\"\naddress = \"h:1\"\n[dut]\nkind = \"virtual\"\n",
            "cannot be used in this version",
        ),
        (
            "[input]\nkind = \"tcp\"\naddress = \"h:1\"\n[dut]\nkind = \"virtual\"\n",
            "the virtual dongle listens on a pty",
        ),
        (
            "[dut]\nkind = \"virtual\"\nsupports = [\"aidon\", \"ciphering\"]\n",
            "oslo-1.toml:3:22: `supports` lists \"ciphering\", but without `key_file`",
        ),
        (
            "[input]\nkind = \"serial\"\nport = \"x\"\nbaud = 24\n[dut]\nkind = \"virtual\"\n",
            "oslo-1.toml:4:8: `baud` is 24; expected 300 to 4000000",
        ),
        (
            "[input]\nkind = \"serial\"\nport = \"x\"\nparity = \"evn\"\n[dut]\nkind = \"virtual\"\n",
            "did you mean `even`?",
        ),
        (
            "[input]\nkind = \"tcp\"\naddress = \"h:1\"\n[dut]\nkind = \"process\"\ncommand = [\"a\", \"{han}\"]\n",
            "only [input] kind \"pty\" has such a path",
        ),
        ("[dut]\nkind = \"serial\"\nport = \"x\"\n", "cannot listen on a pty"),
        ("name = \"x\"\n", "missing field `dut`"),
        ("[dut\n", "oslo-1.toml:1:"),
        ("", "missing field `dut`"),
        ("[dut]\nkind = \"virtual\"\nkind = \"process\"\n", "duplicate key"),
    ] {
        let found = mistake(text);
        assert!(found.contains(words), "{text}\n  gave  {found}\n  not   {words}");
    }
}

#[test]
fn the_long_form_shows_the_line_with_a_caret() {
    let error = Rig::parse("[dut]\nkind = \"proces\" # ø\n", "oslo-1.toml").expect_err("a mistake");
    let pretty = error.pretty();
    assert!(pretty.contains("kind = \"proces\" # ø"), "{pretty}");
    assert!(pretty.contains("┬") && pretty.contains("help: did you mean \"process\"?"), "{pretty}");
    assert_eq!(pretty.matches("did you mean").count(), 1, "{pretty}");
}

#[test]
fn columns_count_characters_and_no_span_can_split_one() {
    assert!(
        mistake("name = \"ø\" = 1\n").starts_with("oslo-1.toml:1:12:"),
        "{}",
        mistake("name = \"ø\" = 1\n")
    );
    for text in ["ø", "\"ø", "[ø]\n", "name = ø"] {
        Rig::parse(text, "x").expect_err(text).pretty();
    }
}

#[test]
fn a_missing_file_is_input_and_a_missing_port_is_the_rig() {
    let error = Rig::load(Path::new("no/such/rig.toml")).expect_err("no file");
    assert!(matches!(error, RigError::File(_)) && error.exit_code() == 2);
    assert!(error.to_string().contains("no/such/rig.toml"));
    let rig = parse(
        "[input]\nkind = \"serial\"\nport = \"/dev/no-such-port\"\n[dut]\nkind = \"serial\"\nport = \"/dev/neither\"\n",
    );
    let error =
        hanbench_rig::Session::open(rig, hanbench_rig::Speed::Max, None).expect_err("there is no such port");
    assert_eq!(error.exit_code(), 3);
    assert!(error.to_string().contains("port /dev/no-such-port is not available"), "{error}");
    // A program is started by the first trial; the way in must be there before.
    let rig = parse(
        "[input]\nkind = \"serial\"\nport = \"/dev/no-such-port\"\n[dut]\nkind = \"process\"\ncommand = [\"true\"]\n",
    );
    let error =
        hanbench_rig::Session::open(rig, hanbench_rig::Speed::Max, None).expect_err("there is no such port");
    assert_eq!(error.exit_code(), 3);
}

#[test]
fn the_rig_files_of_this_repository_are_right() {
    let rigs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rigs");
    let mut seen = 0;
    for entry in std::fs::read_dir(&rigs).expect("the folder rigs") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            Rig::load(&path).unwrap_or_else(|error| panic!("{}", error.pretty()));
            seen += 1;
        }
    }
    assert!(seen >= 4, "{seen} rig files");
}

#[test]
fn a_key_file_lies_beside_its_rig_file_and_a_bad_one_is_input() {
    let key_file = |text: &str| match parse(text).dut {
        Dut::Virtual { key_file: Some(path), .. } => path,
        other => panic!("{other:?}"),
    };
    assert_eq!(key_file("[dut]\nkind = \"virtual\"\nkey_file = \"my.keys\"\n"), Path::new("rigs/my.keys"));
    assert_eq!(
        key_file("[dut]\nkind = \"virtual\"\nkey_file = \"/etc/my.keys\"\n"),
        Path::new("/etc/my.keys")
    );
    let rig = parse("[dut]\nkind = \"virtual\"\nkey_file = \"no-such.keys\"\n");
    let error = hanbench_rig::Session::open(rig, hanbench_rig::Speed::Max, None).expect_err("no such file");
    assert_eq!(error.exit_code(), 2);
    assert_eq!(error.to_string(), "rigs/no-such.keys: there is no such file; a key file was expected");
}

/// What the ciphered captures say they were made with is what the reference dongle is given.
#[test]
fn the_example_keys_are_those_of_the_captures() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let rig = Rig::load(&root.join("rigs/virtual.toml")).expect("a rig");
    let Dut::Virtual { key_file: Some(path), .. } = rig.dut else { panic!("a key file") };
    let keys = hanbench_rig::keys::load(&path).expect("keys");
    let text = |key: Option<[u8; 16]>| hanbench_core::hex::text(&key.expect("a key"));
    let said = format!("{} {}", text(keys.encryption), text(keys.authentication));
    let captures = hanbench_rig::library::load(&root).expect("captures");
    let ciphered: Vec<_> = captures.iter().filter_map(|one| one.header.get("keys")).collect();
    assert!(!ciphered.is_empty() && ciphered.iter().all(|keys| **keys == said), "{ciphered:?}");
}

#[test]
fn the_docs_say_what_every_broken_dongle_must_fail() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/describe-a-rig.md");
    let text = std::fs::read_to_string(path).expect("the recipe");
    for broken in Broken::ALL {
        let start = format!("| `{}` | {} | ", broken.name(), broken.describe());
        let fails = text.lines().find_map(|line| line.strip_prefix(&start));
        let fails = fails.unwrap_or_else(|| panic!("no row {start}"));
        let is_id = |word: &&str| ["han.", "l2.", "scaling."].iter().any(|suite| word.starts_with(suite));
        let named: Vec<&str> = fails.split('`').filter(is_id).collect();
        assert!(!named.is_empty(), "{fails}");
        for id in named {
            assert!(hanbench_core::verdict::checks::find(id).is_some(), "{id} is no check");
        }
    }
}

#[test]
fn who_sets_the_ratio_follows_from_the_rig_file() {
    use hanbench_core::verdict::trial::RatioSetting;
    let setting = |text: &str| parse(text).terms.ratio;
    let program = |words: &str| format!("[dut]\nkind = \"process\"\ncommand = [\"x\", \"{{han}}\"{words}]\n");
    let fixed = |ratio: &str| RatioSetting::Fixed(ratio.into());
    assert_eq!(setting("[dut]\nkind = \"virtual\"\n"), RatioSetting::Running);
    assert_eq!(setting("[dut]\nkind = \"virtual\"\nratio = \"100 : 5\"\n"), fixed("100:5"));
    assert_eq!(setting(&program("")), fixed("1:1"));
    assert_eq!(setting(&program(", \"--ct={ratio}\"")), RatioSetting::AtStart);
    assert_eq!(setting(&(program("") + "ratio = \"50:1\"\n")), fixed("50:1"));
    let both = program(", \"{ratio}\"") + "ratio = \"50:1\"\n";
    assert!(mistake(&both).contains("expected one of the two"), "{}", mistake(&both));
    let wrong = program("") + "ratio = \"5:100\"\n";
    assert!(mistake(&wrong).contains("the secondary is larger"), "{}", mistake(&wrong));
}

#[test]
fn a_main_fuse_is_whole_amperes() {
    let text = |fuse: &str| format!("[dut]\nkind = \"virtual\"\n[site]\nmain_fuse_a = {fuse}\n");
    assert_eq!(parse(&text("63")).terms.main_fuse_a, Some(63));
    assert_eq!(parse("[dut]\nkind = \"virtual\"\n").terms.main_fuse_a, None);
    for wrong in ["0", "-63", "10001"] {
        assert!(mistake(&text(wrong)).contains("expected 1 to 10000 A"), "{}", mistake(&text(wrong)));
    }
}

#[test]
fn clamps_are_virtual_on_a_virtual_rig_and_said_everywhere_else() {
    assert_eq!(parse("[dut]\nkind = \"virtual\"\n").clamps, None);
    let clamps = parse("[dut]\nkind = \"virtual\"\n[clamps]\n").clamps.expect("a table");
    assert_eq!(clamps.kind, ClampKind::Virtual { broken: None });
    assert_eq!(clamps.terms.devices, DEVICES.map(|device| device.name));
    let text = "[dut]\nkind = \"virtual\"\n[clamps]\ndevices = [\"pulse-meter\"]\nomits = [\"frequency_hz\"]\n\
                broken = \"fixed-window\"\n";
    let clamps = parse(text).clamps.expect("a table");
    assert_eq!(clamps.kind, ClampKind::Virtual { broken: Some(("fixed-window", Fault::FixedWindow)) });
    assert_eq!(
        (clamps.terms.devices, clamps.terms.omits),
        (vec!["pulse-meter".into()], vec!["frequency_hz".into()])
    );
    let text = "[dut]\nkind = \"virtual\"\n[clamps]\nkind = \"serial\"\nport = \"/dev/x\"\n\
                devices = [\"amp-guard-home\"]\n";
    let clamps = parse(text).clamps.expect("a table");
    assert_eq!(clamps.kind, ClampKind::Serial { port: "/dev/x".into(), baud: 2_000_000 });
}

#[test]
fn a_mistake_about_clamps_names_its_place() {
    let base = "[input]\nkind = \"serial\"\nport = \"/dev/in\"\n[dut]\nkind = \"serial\"\nport = \"/dev/out\"\n[clamps]\n";
    let home = "devices = [\"amp-guard-home\"]";
    for (keys, words) in [
        (
            "omits = []".to_string(),
            "oslo-1.toml:7:1: [clamps] needs `kind`; expected virtual, process, serial",
        ),
        ("kind = \"seriell\"".into(), "oslo-1.toml:8:8: [clamps] kind \"seriell\" is unknown"),
        (
            "kind = \"process\"\ncommand = [\"x\", \"{samples}\"]".into(),
            "oslo-1.toml:8:8: [clamps] needs `devices`",
        ),
        (format!("kind = \"process\"\n{home}"), "oslo-1.toml:8:8: [clamps] kind \"process\" needs `command`"),
        (format!("kind = \"process\"\n{home}\ncommand = []"), "oslo-1.toml:10:11: `command` is empty"),
        (
            format!("kind = \"process\"\n{home}\ncommand = [\"x\"]"),
            "oslo-1.toml:10:11: `command` never says {samples}",
        ),
        (format!("kind = \"serial\"\n{home}"), "oslo-1.toml:8:8: [clamps] kind \"serial\" needs `port`"),
        (
            format!("kind = \"serial\"\n{home}\nport = \"/dev/in\""),
            "oslo-1.toml:10:8: [input] has this port already",
        ),
        (
            format!("kind = \"serial\"\n{home}\nport = \"/dev/out\""),
            "oslo-1.toml:10:8: [dut] has this port already",
        ),
        (format!("kind = \"serial\"\n{home}\nport = \"/dev/y\"\nbaud = 1"), "oslo-1.toml:11:8: `baud` is 1"),
        (
            "kind = \"virtual\"\nport = \"/dev/y\"".into(),
            "oslo-1.toml:9:8: [clamps] kind \"virtual\" has no `port`",
        ),
        ("kind = \"virtual\"\ndevices = [\"amp-gard-home\"]".into(), "did you mean \"amp-guard-home\"?"),
        ("kind = \"virtual\"\ndevices = []".into(), "oslo-1.toml:9:11: `devices` is empty"),
        ("kind = \"virtual\"\nbroken = \"absolut-power\"".into(), "did you mean \"absolute-power\"?"),
        ("kind = \"virtual\"\nomits = [\"curent_l1_a\"]".into(), "did you mean `current_l1_a`?"),
        ("kind = \"virtual\"\nrate = 1".into(), "oslo-1.toml:9:1: unknown field `rate`"),
    ] {
        let found = mistake(&format!("{base}{keys}\n"));
        assert!(found.contains(words), "{found}\nlacks {words}");
    }
}

#[test]
fn a_probe_is_read_with_its_chip_and_key() {
    let rig = parse(
        "[dut]\nkind = \"virtual\"\n[probe]\nselector = \"1366:1015-2:000123:x\"\nchip = \"nRF52840_xxAA\"\n\
         speed_khz = 4000\nconnect_under_reset = true\nsigned_by = \"release.pub.pem\"\n",
    );
    let ProbeTable { kind, settings: probe, image, flash } = rig.probe.expect("a probe");
    assert_eq!((kind, image, flash), (ProbeKind::Usb, None, true));
    assert_eq!((probe.selector.as_str(), probe.chip.as_str()), ("1366:1015-2:000123:x", "nRF52840_xxAA"));
    assert_eq!((probe.speed_khz, probe.connect_under_reset), (Some(4000), true));
    assert_eq!(probe.signed_by.as_deref(), Some(Path::new("rigs/release.pub.pem")));
    let least = "[dut]\nkind = \"virtual\"\n[probe]\nselector = \"c251:f001\"\nchip = \"STM32F103C8\"\n";
    let probe = parse(least).probe.expect("a probe").settings;
    assert_eq!((probe.speed_khz, probe.connect_under_reset, probe.signed_by), (None, false, None));
    assert_eq!(parse("[dut]\nkind = \"virtual\"\n").probe, None);
}

#[test]
fn mistakes_in_a_probe_are_pointed_at() {
    let with = |lines: &str| mistake(&format!("[dut]\nkind = \"virtual\"\n[probe]\n{lines}\n"));
    let cases = [
        ("chip = \"x\"", "oslo-1.toml:3:1: [probe] needs `selector`"),
        ("selector = \"1366:1015\"", "[probe] needs `chip`"),
        (
            "selector = \"J-Link\"\nchip = \"x\"",
            "oslo-1.toml:4:12: `selector` is \"J-Link\"; expected \"VID:PID\"",
        ),
        ("selector = \"1366\"\nchip = \"x\"", "expected \"VID:PID\""),
        ("selector = \"1366:10155\"\nchip = \"x\"", "expected \"VID:PID\""),
        (
            "selector = \"1366:1015\"\nchip = \"x\"\nspeed_khz = 0",
            "`speed_khz` is 0; expected 1 to 50000 kHz",
        ),
        ("selector = \"1366:1015\"\nchips = \"x\"", "did you mean `chip`?"),
        ("kind = \"virtal\"", "did you mean \"virtual\"?"),
        ("kind = \"virtual\"\nselector = \"1366:1015\"", "[probe] kind \"virtual\" has no `selector`"),
        ("kind = \"virtual\"\nimage = \"a.elf\"", "[probe] kind \"virtual\" has no `image`"),
        ("selector = \"1366:1015\"\nchip = \"x\"\nfault = \"slow\"", "[probe] kind \"usb\" has no `fault`"),
        ("kind = \"virtual\"\nsigned_by = \"a.pem\"", "[probe] kind \"virtual\" has no `signed_by`"),
        ("kind = \"process\"\nchip = \"x\"", "[probe] kind \"process\" needs `command`"),
        ("kind = \"process\"\nchip = \"x\"\ncommand = [\"sim\"]", "`command` never says {socket}"),
    ];
    for (lines, words) in cases {
        assert!(with(lines).contains(words), "{lines}: {}", with(lines));
    }
}

#[test]
fn firmware_speaks_over_rtt_where_there_is_a_chip_that_hears_the_line() {
    let on = |probe: &str, input: &str| format!("[dut]\nkind = \"rtt\"\n[probe]\n{probe}\n{input}");
    let usb = "selector = \"1366:1015\"\nchip = \"nRF52840_xxAA\"\n";
    let serial = "[input]\nkind = \"serial\"\nport = \"/dev/ttyUSB0\"";
    let rig = parse(&on("kind = \"virtual\"", ""));
    assert_eq!(rig.dut, Dut::Rtt { readings: Readings::Jsonl });
    let real = parse(&on(&format!("{usb}image = \"fw/dongle.elf\"\nflash = false"), serial));
    let probe = real.probe.expect("a probe");
    assert_eq!((probe.image.as_deref(), probe.flash), (Some(Path::new("rigs/fw/dongle.elf")), false));
    let image = format!("{usb}image = \"a.elf\"");
    let program =
        |words: &str| format!("kind = \"process\"\nchip = \"x\"\nimage = \"a.elf\"\ncommand = [{words}]");
    assert!(parse(&on(&program("\"sim\", \"{socket}\", \"{han}\""), "")).probe.is_some());
    let cases = [
        (on(&image, ""), "a real chip cannot listen on a pty"),
        (on(usb, serial), "needs `image` under [probe]"),
        (on("kind = \"virtual\"", serial), "[input] kind must be \"pty\""),
        (on(&program("\"sim\", \"{socket}\""), ""), "a real chip cannot listen on a pty"),
        (
            "[dut]\nkind = \"virtual\"\n[clamps]\nkind = \"ram\"\n".into(),
            "[clamps] kind \"ram\" needs a table [probe]",
        ),
    ];
    for (text, words) in cases {
        assert!(mistake(&text).contains(words), "{text}: {}", mistake(&text));
    }
    let clamps =
        parse("[dut]\nkind = \"rtt\"\n[probe]\nkind = \"virtual\"\n[clamps]\nkind = \"ram\"\n").clamps;
    let clamps = clamps.expect("clamps");
    assert_eq!((clamps.kind, clamps.terms.devices.len()), (ClampKind::Ram, DEVICES.len()));
}
