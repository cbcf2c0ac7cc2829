//! What a waveform file may say, and the line of what it may not.

use crate::{file, load};
use hanbench_core::wave::spec::{Channel, Spec};

/// A file that uses every table and nearly every key.
const FULL: &str = r#"
[waveform]
name = "full"
rate = [48000, 6]
duration_s = 2.0
seed = 42
channels = ["u1", "u3", "i1", "i2", "i3"]
[net]
kind = "tt"
u_v = [230, 231.5, 229.0]
f_hz = [[0, 50], [0.5, 49.93], [1.0, 50.02, 0.5]]
unbalance = { k2 = 0.01, phi2_deg = 40, k0 = 0.02 }
u_harm = [[5, 2.5, 180], [7, 1.5, 0]]
z_phase_ohm = [0.24, 0.15]
z_neutral_ohm = [0.16, 0.10]
[[load]]
at = "L1-N"
kind = "current"
i_a = 32
pf = 0.9
lead = true
harm = [[3, 10, 180]]
dc_a = 0.5
from_s = 0.5
to_s = 1.5
ramp_s = 0.4
[[load]]
at = "L2-L3"
kind = "impedance"
r_ohm = 23
x_ohm = -4
burst_s = [0.04, 0.06]
[[load]]
at = "L1-L2-L3-N"
kind = "profile"
profile = "ev_obc_6"
i_a = 6
[[load]]
at = "L3-N"
kind = "half-wave"
i_peak_a = 50
decay_s = 0.1
[[event]]
kind = "sag"
phases = [2]
residual = 0.4
t_s = 1.2
cycles = 25
phase_on_deg = 90
[[event]]
kind = "interruption"
t_s = 1.8
duration_s = 0.1
[[event]]
kind = "flicker"
depth_pct = 1
f_hz = 8.8
t_s = 0
duration_s = 1
[expect]
device = "amp-guard-home"
settle_s = 1.0
findings = ["Clamp 2 is turned round: its arrow must point from the grid to the loads."]
[[expect.broken]]
dongle = "abs-power"
fails = ["ct.power.direction"]
"#;

#[test]
fn a_full_file_is_read() {
    let spec = Spec::parse(FULL).unwrap();
    assert_eq!(spec.waveform.samples(), 16_000);
    assert_eq!(spec.waveform.channels, [Channel::U1, Channel::U3, Channel::I1, Channel::I2, Channel::I3]);
    assert_eq!(spec.expect.broken[0].fails, ["ct.power.direction"]);
    assert_eq!(spec.events[1].phases, [1, 2, 3]);
}

#[test]
fn the_resolved_form_is_the_same_file() {
    let lost = file(1.0, "[[event]]\nkind = \"lost-neutral\"\nt_s = 0.5\nduration_s = 0.2\n");
    let it =
        file(1.0, &format!("[net]\nkind = \"it\"\n{}", load("L1-L2-L3", "kind = \"impedance\"\nr_ohm = 9")));
    for text in [FULL.to_string(), lost, it, file(1.0, "[net]\nkind = \"split\""), file(0.1, "")] {
        let spec = Spec::parse(&text).unwrap();
        let resolved = toml::to_string(&spec).unwrap();
        assert_eq!(Spec::parse(&resolved), Ok(spec), "{resolved}");
    }
}

#[test]
fn defaults_are_filled_in() {
    let resolved = serde_json::to_value(Spec::parse(&file(1.0, "")).unwrap()).unwrap();
    assert_eq!(resolved["waveform"]["channels"], serde_json::json!(["u1", "u2", "u3", "i1", "i2", "i3"]));
    assert_eq!(resolved["net"]["u_v"], serde_json::json!([230.0, 230.0, 230.0]));
    assert_eq!(resolved["net"]["f_hz"], serde_json::json!([[0.0, 50.0, 0.0]]));
    assert_eq!(resolved["net"]["neutral"], "ok");
}

/// Each piece starts at line 4 of the file.
#[test]
fn mistakes_are_refused_with_their_line() {
    let cases = [
        ("[net]\nkind = \"tn\"\nvolts = 3", 6, "unknown field `volts`"),
        ("[net]\nu_v = nan", 5, "`u_v` is NaN"),
        ("[net]\nu_v = [230, 230]", 5, "2 numbers; this net has 3 lines"),
        ("[net]\nf_hz = inf", 5, "inf Hz"),
        ("[net]\nf_hz = [[0, 50], [0.5, 51, 0.4], [0.8, 50]]", 5, "ends at 0.9 s"),
        ("[net]\nu_harm = [\n[5, 1, 0],\n[51, 1, 0]]", 7, "harmonic 51"),
        ("[net]\nu_harm = [[5, 1, 0],\n[5, 2, 0]]", 6, "named twice"),
        ("[net]\nkind = \"it\"\nneutral = \"open\"", 6, "no neutral"),
        ("[net]\nkind = \"single\"\nunbalance = { k2 = 0.1 }", 6, "three lines"),
        ("[[load]]\nat = \"L2-N\"\nkind = \"half-wave\"", 4, "`i_peak_a` is missing"),
        ("[[load]]\nat = \"L2-N\"\nkind = \"current\"\ni_a = 1\npf = 1.01", 8, "`pf` is 1.01"),
        ("[[load]]\nat = \"L2-N\"\nkind = \"current\"\ni_a = 1\nr_ohm = 2", 8, "has no `r_ohm`"),
        ("[[load]]\nat = \"L2-N\"\nkind = \"impedance\"\nr_ohm = 0", 7, "`r_ohm` is 0"),
        ("[[load]]\nat = \"L2-N\"\nkind = \"profile\"\nprofile = \"ev\"\ni_a = 1", 7, "expected ev_obc_32"),
        ("[net]\nkind = \"it\"\n[[load]]\nat = \"L1-N\"\nkind = \"impedance\"\nr_ohm = 1", 7, "no neutral"),
        (
            "[net]\nkind = \"single\"\n[[load]]\nat = \"L2-N\"\nkind = \"impedance\"\nr_ohm = 1",
            7,
            "no line L2",
        ),
        (
            "[net]\nu_v = [230, 0, 230]\n[[load]]\nat = \"L2-N\"\nkind = \"impedance\"\nr_ohm = 1",
            7,
            "no voltage",
        ),
        (
            "[[load]]\nat = \"L1-L2-L3\"\nkind = \"profile\"\nprofile = \"ev_obc_6\"\ni_a = 1",
            6,
            "harmonic 3 of",
        ),
        ("[[load]]\nat = \"L1-L2-L3\"\nkind = \"current\"\ni_a = 1\ndc_a = 1", 6, "direct current"),
        ("[[load]]\nat = \"L1-N\"\nkind = \"impedance\"\nr_ohm = 9\nfrom_s = 3", 8, "`from_s` is 3"),
        (
            "[net]\nneutral = \"open\"\n[[load]]\nat = \"L1-N\"\nkind = \"current\"\ni_a = 9",
            6,
            "open neutral",
        ),
        ("[[event]]\nkind = \"sag\"\nt_s = 0.1\nduration_s = 0.1", 4, "`residual` is missing"),
        ("[[event]]\nkind = \"swell\"\nresidual = 0.9\nt_s = 0.1\nduration_s = 0.1", 6, "`residual` is 0.9"),
        (
            "[[event]]\nkind = \"interruption\"\nphases = [1, 4]\nt_s = 0.1\nduration_s = 0.1",
            6,
            "lines of 1 to 3",
        ),
        ("[[event]]\nkind = \"interruption\"\nt_s = 0.1\nduration_s = 0.1\ncycles = 3", 8, "expected one of"),
        ("[expect]\nsettle_s = 2", 5, "`settle_s` is 2"),
        ("[expect]\n[[expect.broken]]\ndongle = \"x\"\nfails = []", 5, "`fails` is empty"),
    ];
    for (rest, line, what) in cases {
        let error = Spec::parse(&file(1.0, rest)).expect_err(rest);
        assert_eq!(error.line, line, "{error}\n{rest}");
        assert!(error.to_string().contains(what), "{error}\n{rest}");
    }
}

#[test]
fn a_bad_rate_is_refused_with_its_line() {
    let cases = [
        ("[waveform]\nrate_hz = -8000\nduration_s = 1", 2, "-8000"),
        ("[waveform]\nrate = [8000, 0]\nduration_s = 1", 2, "8000/0"),
        ("[waveform]\nduration_s = 1", 1, "`rate_hz` is missing"),
        ("[waveform]\nrate_hz = 8000\nrate = [8000, 1]\nduration_s = 1", 3, "expected one of"),
        ("[waveform]\nrate_hz = 400\nduration_s = 0.001", 3, "shorter than one sample"),
        ("[waveform]\nrate_hz = 8000\nduration_s = 1\nchannels = [\"u1\",\n\"u1\"]", 5, "named twice"),
        ("[waveform]\nrate_hz = 8000\nduration_s = 1\nchannels = [\"u4\"]", 4, "u4"),
        (
            "[waveform]\nrate_hz = 1000\nduration_s = 1\n[net]\nu_harm = [[9, 1, 0], [10, 1, 0]]",
            5,
            "harmonic 10 of 50 Hz",
        ),
        (
            "[waveform]\nrate_hz = 1000\nduration_s = 1\n[[load]]\nat=\"L1-N\"\nkind=\"profile\"\nprofile=\"led_smps\"\ni_a=1",
            7,
            "harmonic 15",
        ),
        (
            "[waveform]\nrate_hz = 8000\nduration_s = 1e5\n[[event]]\nkind=\"flicker\"\ndepth_pct=1\nf_hz=20\nt_s=0\nduration_s=1e5",
            1,
            "segments",
        ),
    ];
    for (text, line, what) in cases {
        let error = Spec::parse(text).expect_err(text);
        assert_eq!(error.line, line, "{error}\n{text}");
        assert!(error.to_string().contains(what), "{error}\n{text}");
    }
}
