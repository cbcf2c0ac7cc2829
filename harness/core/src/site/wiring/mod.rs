//! Three clamps on three lines: the 48 ways to place them, and what each one makes of the readings.
//!
//! Channel k multiplies its own voltage with the current its clamp sits on. A clamp on another line turns the angle of
//! the channel's power by ±120°, a clamp turned round by 180°, so each channel is off by a multiple of 60° and the
//! three numbers tell the 48 ways apart, *if* the angle of the loads is known to within ±30° (power factor above
//! 0.866). Without that, the ways fall into 8 groups of 6 that differ by a common angle: three clamps rotated and
//! turned round on a heater look like a load with power factor 0.5. A load switched on one line settles it
//! ([`classify::after_step`]).
//!
//! For systems with a neutral. On three wires a channel has no voltage of its own and this table does not apply.

pub mod classify;

use super::wrapped;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Where the clamps of channels 1, 2 and 3 sit, and which are turned round.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Combination {
    on: [u8; 3],
    reversed: [bool; 3],
}

/// The six orders, the right one first, then the three swaps, then the two rotations.
const ORDERS: [[u8; 3]; 6] = [[1, 2, 3], [2, 1, 3], [3, 2, 1], [1, 3, 2], [2, 3, 1], [3, 1, 2]];

impl Combination {
    /// Every clamp on its own line, arrows towards the loads.
    pub const RIGHT: Combination = Combination { on: [1, 2, 3], reversed: [false; 3] };

    /// Channel k's clamp on line `on[k]`, turned round where `reversed[k]`. `None` unless every line 1, 2, 3 has one clamp.
    pub fn new(on: [u8; 3], reversed: [bool; 3]) -> Option<Combination> {
        ORDERS.contains(&on).then_some(Combination { on, reversed })
    }

    /// The line (1, 2, 3) of each channel's clamp.
    pub fn on(self) -> [u8; 3] {
        self.on
    }

    /// Which clamps are turned round.
    pub fn reversed(self) -> [bool; 3] {
        self.reversed
    }

    /// All 48, the right one first.
    pub fn all() -> impl Iterator<Item = Combination> {
        ORDERS.into_iter().flat_map(|on| {
            (0..8_u8)
                .map(move |bits| Combination { on, reversed: [bits & 1 != 0, bits & 2 != 0, bits & 4 != 0] })
        })
    }

    /// How many steps of 60° (0 to 5) each channel's angle between voltage and current is off.
    fn sixths(self) -> [u8; 3] {
        let mut sixths = [0; 3];
        for (channel, slot) in (1_u8..).zip(&mut sixths) {
            let at = usize::from(channel - 1);
            let lines = (self.on[at] + 3 - channel) % 3;
            *slot = (2 * lines + if self.reversed[at] { 3 } else { 0 }) % 6;
        }
        sixths
    }

    /// Angle of each channel's power in degrees, above −180 and up to 180, where every load lags by `phi_deg`.
    pub fn angles_deg(self, phi_deg: f64) -> [f64; 3] {
        self.sixths().map(|sixth| wrapped(phi_deg + 60.0 * f64::from(sixth)))
    }

    /// What the sum of the three powers reads over what it is, in sixths, for equal loads at unity power factor.
    pub fn total_sixths(self) -> i8 {
        // Twice the cosine of 0°, 60°, … 300°.
        self.sixths().iter().map(|sixth| [2, 1, -1, -2, -1, 1][usize::from(*sixth)]).sum()
    }

    /// The same ratio for equal loads that all lag by `phi_deg`, which must not be ±90.
    pub fn total_ratio(self, phi_deg: f64) -> f64 {
        let cosine = |degrees: f64| libm::cos(degrees.to_radians());
        self.angles_deg(phi_deg).into_iter().map(cosine).sum::<f64>() / (3.0 * cosine(phi_deg))
    }

    /// The six combinations that read alike when the angle of the load is free, with the degrees by which that load
    /// lags more than the load of `self`. `self` comes first, with 0.
    pub fn look_alikes(self) -> Vec<(Combination, f64)> {
        let own = self.sixths();
        let mut alike: Vec<(Combination, f64)> = Combination::all()
            .filter_map(|other| {
                let shift = |channel: usize| (own[channel] + 6 - other.sixths()[channel]) % 6;
                let same = shift(0) == shift(1) && shift(1) == shift(2);
                same.then(|| (other, wrapped(60.0 * f64::from(shift(0)))))
            })
            .collect();
        alike.sort_by(|(_, one), (_, other)| one.abs().total_cmp(&other.abs()));
        alike
    }

    /// One plain sentence for whoever stands before the board.
    pub fn sentence(self) -> String {
        match (self.misplaced(), self.turned()) {
            (None, None) => "All three clamps are right.".into(),
            (Some(place), None) => format!("{}.", capital(&place)),
            (None, Some(turn)) => format!("{}.", capital(&turn)),
            (Some(place), Some(turn)) => format!("{}, and {turn}.", capital(&place)),
        }
    }

    fn misplaced(self) -> Option<String> {
        let wrong: Vec<u8> =
            (1..=3).filter(|channel| self.on[usize::from(channel - 1)] != *channel).collect();
        match wrong.as_slice() {
            [] => None,
            [one, other] => Some(format!(
                "clamps {one} and {other} are swapped: clamp {one} sits on L{other} and clamp {other} on L{one}"
            )),
            _ => {
                let [first, second, third] = self.on;
                Some(format!(
                    "all three clamps sit on the wrong line: clamp 1 on L{first}, clamp 2 on L{second}, clamp 3 on L{third}"
                ))
            }
        }
    }

    fn turned(self) -> Option<String> {
        let turned: Vec<u8> = (1..=3).filter(|channel| self.reversed[usize::from(channel - 1)]).collect();
        let arrows = "must point from the grid to the loads";
        match turned.as_slice() {
            [] => None,
            [one] => Some(format!("clamp {one} is turned round: its arrow {arrows}")),
            [one, other] => Some(format!("clamps {one} and {other} are turned round: their arrows {arrows}")),
            _ => Some(format!("all three clamps are turned round: their arrows {arrows}")),
        }
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

impl core::fmt::Display for Combination {
    /// Lines in the order of the channels, a minus for a clamp turned round: `1 2 3`, `2 -1 3`.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        for (at, (line, reversed)) in self.on.iter().zip(self.reversed).enumerate() {
            let space = if at == 0 { "" } else { " " };
            let sign = if reversed { "-" } else { "" };
            write!(f, "{space}{sign}{line}")?;
        }
        Ok(())
    }
}
