//! What is known of clamps: data.
//!
//! Phase: break-point lists at 50 Hz as IoTaWatt publishes them. Ratio: of the SCT-013-000 one specimen, measured by
//! OpenEnergyMonitor, each value up to halfway to the next. Classes: IEC 61869-2, table 201, as published copies show it;
//! a clamp "of a class" here stands at the limit, with both errors positive.

/// `[amperes, value]`: the value holds up to so many amperes RMS in the clamp, the last one for all above.
pub type Row = [f64; 2];

/// A clamp that can be bought.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Model {
    /// As the waveform file names it.
    pub name: &'static str,
    /// Rated amperes RMS.
    pub rated_a: f64,
    /// Percent by which it delivers too much.
    pub ratio_pct: &'static [Row],
    /// Degrees by which the delivered current leads.
    pub phase_deg: &'static [Row],
}

/// Above all currents.
const ALL: f64 = 1e9;

/// Clamps by name.
pub const MODELS: [Model; 6] = [
    Model {
        name: "sct-013-000",
        rated_a: 100.0,
        ratio_pct: &[
            [0.75, 1.36],
            [3.0, 0.8],
            [7.5, -2.0],
            [20.0, 0.0],
            [45.0, 1.67],
            [80.0, 2.0],
            [110.0, 1.44],
            [130.0, 0.33],
            [150.0, -1.86],
            [170.0, -6.88],
            [190.0, -12.56],
            [225.0, -18.1],
            [ALL, -30.08],
        ],
        phase_deg: &[[4.0, 3.1], [8.0, 3.0], [12.0, 2.9], [17.0, 2.8], [26.0, 2.7], [38.0, 2.6], [ALL, 2.5]],
    },
    Model {
        name: "sct-019-000",
        rated_a: 200.0,
        ratio_pct: &[],
        phase_deg: &[[4.0, 3.2], [6.0, 3.0], [8.0, 2.8], [12.0, 2.7], [22.0, 2.6], [ALL, 2.5]],
    },
    Model {
        name: "acuct-h063-100",
        rated_a: 100.0,
        ratio_pct: &[],
        phase_deg: &[[12.0, 0.8], [32.0, 0.7], [ALL, 0.6]],
    },
    Model { name: "acuct-h100-200", rated_a: 200.0, ratio_pct: &[], phase_deg: &[[50.0, 0.3], [ALL, 0.25]] },
    Model {
        name: "ecs16100",
        rated_a: 100.0,
        ratio_pct: &[],
        phase_deg: &[[6.0, 1.2], [19.0, 1.1], [50.0, 1.0], [ALL, 0.95]],
    },
    Model {
        name: "ecs24400",
        rated_a: 400.0,
        ratio_pct: &[],
        phase_deg: &[[10.0, 0.8], [30.0, 0.6], [90.0, 0.5], [ALL, 0.45]],
    },
];

/// Limits of an accuracy class.
#[derive(Clone, Copy, Debug)]
pub struct Class {
    /// As the waveform file names it.
    pub name: &'static str,
    /// Percent of the rated current, percent of ratio error, minutes of phase error. Between two rows the limit of the
    /// upper one is kept, which is the tighter.
    pub limits: &'static [[f64; 3]],
}

/// Classes by name. Classes 3 and 5 have no limit of phase: theirs is 0 here.
pub const CLASSES: [Class; 8] = [
    Class { name: "0.1", limits: &[[5.0, 0.4, 15.0], [20.0, 0.2, 8.0], [120.0, 0.1, 5.0]] },
    Class { name: "0.2", limits: &[[5.0, 0.75, 30.0], [20.0, 0.35, 15.0], [120.0, 0.2, 10.0]] },
    Class { name: "0.2S", limits: &[[1.0, 0.75, 30.0], [5.0, 0.35, 15.0], [120.0, 0.2, 10.0]] },
    Class { name: "0.5", limits: &[[5.0, 1.5, 90.0], [20.0, 0.75, 45.0], [120.0, 0.5, 30.0]] },
    Class { name: "0.5S", limits: &[[1.0, 1.5, 90.0], [5.0, 0.75, 45.0], [120.0, 0.5, 30.0]] },
    Class { name: "1", limits: &[[5.0, 3.0, 180.0], [20.0, 1.5, 90.0], [120.0, 1.0, 60.0]] },
    Class { name: "3", limits: &[[120.0, 3.0, 0.0]] },
    Class { name: "5", limits: &[[120.0, 5.0, 0.0]] },
];

impl Class {
    /// Ratio and phase tables of a clamp at the limits of the class.
    pub fn tables(&self, rated_a: f64) -> [Vec<Row>; 2] {
        let of = |value: fn(&[f64; 3]) -> f64| {
            self.limits.iter().map(|row| [row[0] / 100.0 * rated_a, value(row)]).collect()
        };
        [of(|row| row[1]), of(|row| row[2] / 60.0)]
    }
}

/// The value of a table at a current; 0 without a table.
pub fn at(table: &[Row], amperes: f64) -> f64 {
    table.iter().find(|row| amperes <= row[0]).or(table.last()).map_or(0.0, |row| row[1])
}
