//! What a clamp device declares of itself, as data with sources.

use crate::wave::spec::Spec;

/// A class of clamp devices.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Device {
    /// Name in waveform and rig files.
    pub name: &'static str,
    /// What it is, for people.
    pub about: &'static str,
    /// End of the current range, amperes.
    pub range_a: f64,
    /// End of the voltage range, volts.
    pub range_v: f64,
    /// Accuracy class of clamp and device together, see [`super::limits`].
    pub class: f64,
    /// Pulses per kilowatt-hour; 0 for none.
    pub pulses_per_kwh: u32,
    /// Opposite phases are added before energy is counted.
    pub summed: bool,
    /// Where the figures come from.
    pub source: &'static str,
}

/// The one that most waveforms are for; the others differ from it in what they say.
const HOME: Device = Device {
    name: "amp-guard-home",
    about: "three blue clamps 0-100 A, one or three voltages",
    range_a: 100.0,
    range_v: 390.0,
    class: 1.0,
    pulses_per_kwh: 0,
    summed: true,
    source: "Charge Amps Amp Guard installation manual, section 2; the class is our own limit",
};

/// All known devices.
pub const DEVICES: [Device; 4] = [
    HOME,
    Device {
        name: "amp-guard-public",
        about: "three black clamps 0-400 A, one or three voltages",
        range_a: 400.0,
        ..HOME
    },
    Device {
        name: "amp-guard-secondary",
        about: "three clamps 0-5 A on the secondary side of measuring transformers",
        range_a: 5.0,
        source: "scale factor of the Zaptec APM article; the rest is our own limit",
        ..HOME
    },
    Device {
        name: "pulse-meter",
        about: "three clamps 0-100 A and an S0 output of 1000 pulses per kWh",
        pulses_per_kwh: 1000,
        source: "pulse constant of the Kamstrup OMNIPOWER data sheet; the rest is our own limit",
        ..HOME
    },
];

/// The device that a waveform is for, by its `[expect]`; `amp-guard-home` where it names none.
pub fn of(spec: &Spec) -> Option<&'static Device> {
    find(spec.expect.device.as_deref().unwrap_or(HOME.name))
}

/// The device of this name.
pub fn find(name: &str) -> Option<&'static Device> {
    DEVICES.iter().find(|device| device.name == name)
}
