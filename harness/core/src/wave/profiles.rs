//! Shapes of current that real loads draw, as data. The percentages are chosen for the bench, not measured.

/// A named shape.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Profile {
    /// Its name in a waveform file.
    pub name: &'static str,
    /// Degrees by which the fundamental of the current leads the open-circuit voltage; 180 feeds in.
    pub lead_deg: f64,
    /// Order, percent of the fundamental, degrees.
    pub harmonics: &'static [(u8, f64, f64)],
}

/// All shapes.
pub const ALL: [Profile; 6] = [
    // An on-board charger at 16 to 32 A.
    Profile {
        name: "ev_obc_32",
        lead_deg: 0.0,
        harmonics: &[
            (3, 2.5, 180.0),
            (5, 2.0, 0.0),
            (7, 1.5, 180.0),
            (9, 0.8, 0.0),
            (11, 0.8, 180.0),
            (13, 0.5, 0.0),
        ],
    },
    // The same throttled to 6 A: distortion grows as the set-point falls.
    Profile {
        name: "ev_obc_6",
        lead_deg: 12.0,
        harmonics: &[
            (3, 8.0, 160.0),
            (5, 5.0, 20.0),
            (7, 4.0, 190.0),
            (9, 2.5, 10.0),
            (11, 2.0, 170.0),
            (13, 1.5, 0.0),
        ],
    },
    // A heat pump of one phase with power factor correction.
    Profile {
        name: "heat_pump",
        lead_deg: -5.0,
        harmonics: &[(3, 12.0, 180.0), (5, 6.0, 0.0), (7, 4.0, 180.0), (9, 2.0, 0.0), (11, 1.5, 180.0)],
    },
    // A drive of three phases without power factor correction.
    Profile {
        name: "six_pulse",
        lead_deg: -10.0,
        harmonics: &[
            (5, 60.0, 180.0),
            (7, 35.0, 0.0),
            (11, 9.0, 180.0),
            (13, 7.0, 0.0),
            (17, 5.0, 180.0),
            (19, 4.0, 0.0),
        ],
    },
    // Lamps and small supplies with a capacitor behind the rectifier.
    Profile {
        name: "led_smps",
        lead_deg: 5.0,
        harmonics: &[
            (3, 82.0, 180.0),
            (5, 58.0, 0.0),
            (7, 36.0, 180.0),
            (9, 20.0, 0.0),
            (11, 11.0, 180.0),
            (13, 8.0, 0.0),
            (15, 6.0, 180.0),
        ],
    },
    // A photovoltaic inverter that feeds in.
    Profile {
        name: "pv_export",
        lead_deg: 180.0,
        harmonics: &[
            (3, 1.5, 0.0),
            (5, 1.2, 180.0),
            (7, 0.8, 0.0),
            (9, 0.4, 0.0),
            (11, 0.5, 180.0),
            (13, 0.4, 0.0),
        ],
    },
];

/// The shape of that name.
pub fn named(name: &str) -> Option<&'static Profile> {
    ALL.iter().find(|profile| profile.name == name)
}
