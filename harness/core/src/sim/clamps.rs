//! What a dongle with clamps reads: the currents of the plant behind its clamps, by the truth of the waveform.
//!
//! What is measured goes the way of a waveform file: the lines at the main switch as one steady segment, through the
//! clamps as they really sit, and the closed form of what is true behind them. A current has the sign of its power, and
//! power pairs each clamp with the voltage that the fitter believes it belongs to; so a clamp on the wrong line says
//! half of the power with the wrong sign, as on a site (ct-waveforms, section 0).
//!
//! The dongle itself has no error but its steps of a tenth of an ampere, and the end of its range.

use crate::balance::Sample;
use crate::plant::network::Plant;
use crate::plant::{Phasor, System};
use crate::scenario::{Clamps, Scenario};
use crate::wave::spec::{Clamp, Conductor, Secondary};
use crate::wave::truth::{Truth, over, over_three_wire};
use crate::wave::{Rate, Segment, Signal, Spectrum, sensor};

/// Samples per second of the segment: the truth is a closed form and does not depend on it.
const RATE: Rate = Rate { num: 8_000, den: 1 };
/// A turn of the fundamental takes so many of them: 50 Hz.
const CYCLE: u64 = 160;
/// A dongle averages a second.
const WINDOW: u64 = 8_000;
/// Steps of what it says, milliamperes.
const STEP_MA: f64 = 100.0;

/// The clamps of a site.
pub(super) struct ClampSite {
    settings: Clamps,
    clamps: Vec<Clamp>,
    /// The line of each voltage, from 0.
    volts: [usize; 3],
    system: System,
    /// Primary over secondary amperes of transformers in front; the dongle does not know of them.
    ratio: f64,
}

impl ClampSite {
    pub(super) fn new(scenario: &Scenario, settings: Clamps) -> ClampSite {
        let (primary, secondary) = scenario.meter.ratio.fraction();
        let lines = [Conductor::L1, Conductor::L2, Conductor::L3];
        let clamps = Clamp::perfect_on_all().into_iter().enumerate().map(|(phase, perfect)| {
            let (model, gain_pct) = (settings.model, settings.gain_ppm as f64 / 1e4);
            let ratio_pct = model.map_or(&[[f64::MAX, 0.0]][..], |model| model.ratio_pct);
            Clamp {
                on: lines[settings.order[phase]],
                direction: if settings.reversed[phase] { -1 } else { 1 },
                rated_a: settings.range_ma as f64 / 1000.0,
                outer_ratio: [f64::from(primary), f64::from(secondary)],
                ratio_pct: ratio_pct.iter().map(|[up_to, pct]| [*up_to, pct + gain_pct]).collect(),
                phase_deg: model.map_or(Vec::new(), |model| model.phase_deg.to_vec()),
                secondary: Secondary::Ok,
                ..perfect
            }
        });
        ClampSite {
            settings,
            clamps: clamps.collect(),
            volts: scenario.site.phase_order.map(|line| usize::from(line) - 1),
            system: crate::scenario::system(scenario.grid),
            ratio: f64::from(primary) / f64::from(secondary),
        }
    }

    /// How often the dongle speaks, milliseconds.
    pub(super) fn every_ms(&self) -> u64 {
        self.settings.every_ms
    }

    /// What it says now.
    pub(super) fn sample(&self, plant: &Plant) -> Sample {
        let Some(truth) = self.truth(plant) else { return Sample::default() };
        let mut sample = Sample { list: 2, ..Sample::default() };
        for (phase, line) in truth.lines.iter().enumerate() {
            sample.u_mv[phase] = line.u.map(|wave| (wave.rms * 1000.0).round() as i64);
            let Some(current) = line.i else { continue };
            let steps = (current.rms / self.ratio * 1000.0 / STEP_MA).round();
            let seen_ma = ((steps * STEP_MA) as i64).min(self.settings.range_ma);
            let fed_in = self.settings.signed && line.power.is_some_and(|power| power.p_w < 0.0);
            sample.i_ma[phase] = Some(if fed_in { -seen_ma } else { seen_ma });
        }
        if self.settings.signed {
            sample.p_w = truth.total.map(|total| (total.p_w / self.ratio).round() as i64);
        }
        sample
    }

    fn truth(&self, plant: &Plant) -> Option<Truth> {
        let steady = |phasor: Phasor| Signal::Steady(Spectrum { dc: 0.0, parts: vec![(1, phasor)] });
        let phasors = plant.phasors();
        let three_wire = self.system == System::ThreeIt;
        let volts = self.volts.map(|line| match three_wire {
            true => phasors.voltage[line] - phasors.voltage[(line + 1) % 3],
            false => phasors.voltage[line],
        });
        let segment = Segment {
            from: 0,
            to: WINDOW,
            turn: 0,
            step: u64::MAX / CYCLE + 1,
            u: volts.map(steady),
            i: phasors.current.map(steady),
        };
        let behind = sensor::at_clamp(&self.clamps, RATE, &[segment]);
        if three_wire { over_three_wire(&behind, RATE, 0, WINDOW) } else { over(&behind, RATE, 0, WINDOW) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plant::network::{Node, Place};
    use crate::scenario::Measured;

    /// What is said of 10 A, 6 A and 4 A on L1, L2 and L3, watts in phase with their voltages.
    fn said(meter: &str, told: &str) -> ([Option<i64>; 3], Option<i64>) {
        let text = format!(
            "[scenario]\nabout = \"x\"\nsource = \"x\"\nduration_s = 60\n[fuse]\nrated_a = 25\n[meter]\nclamps_a = 100\n{meter}\n\
             [told]\n{told}\n"
        );
        let scenario = Scenario::parse(&text, &|name| Err(name.into())).unwrap();
        let Measured::Clamps(clamps) = scenario.meter.measured else { panic!("no clamps") };
        let main = Node { parent: None, fuse: None };
        let mut plant = Plant::new(System::ThreeTn, 230.0, vec![main], Vec::new());
        for (branch, amperes) in [10.0, 6.0, 4.0].into_iter().enumerate() {
            let load = plant.add_load(0, Place::Branch(branch));
            plant.set_load(load, amperes, 1.0, false);
        }
        plant.refresh();
        let sample = ClampSite::new(&scenario, clamps).sample(&plant);
        assert_eq!(sample.u_mv, [Some(230_000); 3]);
        (sample.i_ma, sample.p_w)
    }

    #[test]
    fn a_clamp_on_the_wrong_line_says_half_of_the_power_with_the_wrong_sign() {
        let ma = |ma: [i64; 3]| ma.map(Some);
        assert_eq!(said("", ""), (ma([10_000, 6_000, 4_000]), Some(4_600)));
        assert_eq!(said("reversed = [2]", ""), (ma([10_000, -6_000, 4_000]), Some(1_840)));
        assert_eq!(said("order = [2, 3, 1]", ""), (ma([-6_000, -4_000, -10_000]), Some(-2_300)));
        let entered = said("order = [2, 3, 1]", "phase_order = [2, 3, 1]");
        assert_eq!(entered, (ma([6_000, 4_000, 10_000]), Some(4_600)));
        let both = said("order = [2, 3, 1]\nreversed = [1, 2, 3]", "");
        assert_eq!(both, (ma([6_000, 4_000, 10_000]), Some(2_300)), "two mistakes hide the sign of one");
    }

    #[test]
    fn steps_range_ratio_and_one_voltage_are_those_of_the_dongle() {
        let ma = |ma: [i64; 3]| ma.map(Some);
        assert_eq!(said("voltages = 1\nreversed = [2]", ""), (ma([10_000, 6_000, 4_000]), None));
        assert_eq!(said("gain_pct = -3", "").0, ma([9_700, 5_800, 3_900]));
        assert_eq!(said("ratio = \"100:5\"", ""), (ma([500, 300, 200]), Some(230)));
        // Of the SCT-013-000: −2 % from 3 A to 7.5 A, nothing to 20 A; 3° of lead.
        assert_eq!(said("clamp = \"sct-013-000\"", ""), (ma([10_000, 5_900, 3_900]), Some(4_548)));
    }
}
