//! A search for scenarios that break an invariant, and the smallest one that still does.
//!
//! Ask and tell: the search proposes a scenario, whoever runs it says how bad it was. It keeps the worst, changes it a
//! little, and starts anew from time to time. The seed decides everything. Refuses a clock: how long to search is the
//! caller's business.

mod genome;

pub use genome::{Broken, Gene, Genome};

use fastrand::Rng;

/// After so many proposals that were no worse the search starts anew.
const PATIENCE: u32 = 120;

/// A search for the worst scenario.
pub struct Search {
    rng: Rng,
    best: Option<(f64, Genome)>,
    asked: Genome,
    tried: u32,
}

impl Search {
    /// A search that this seed decides.
    pub fn new(seed: u64) -> Search {
        Search { rng: Rng::with_seed(seed), best: None, asked: Genome::default(), tried: 0 }
    }

    /// The next scenario to try.
    pub fn ask(&mut self) -> &Genome {
        self.asked = match &self.best {
            Some((_, best)) if self.tried < PATIENCE => best.changed(&mut self.rng),
            _ => {
                self.best = None;
                self.tried = 0;
                Genome::draw(&mut self.rng)
            }
        };
        &self.asked
    }

    /// How bad the scenario was that was asked for last: larger is worse.
    pub fn tell(&mut self, badness: f64) {
        self.tried += 1;
        if self.best.as_ref().is_none_or(|(best, _)| badness > *best) {
            self.best = Some((badness, self.asked.clone()));
            self.tried = 0;
        }
    }
}

/// The smallest scenario that still breaks the invariant: `breaks` says whether one does. Things are left out one by
/// one as long as that helps, then times and amperes are rounded.
pub fn shrink(genome: &Genome, breaks: &mut dyn FnMut(&Genome) -> bool) -> Genome {
    let mut smallest = genome.clone();
    let mut at = 0;
    while at < smallest.genes.len() {
        let mut smaller = smallest.clone();
        smaller.genes.remove(at);
        if breaks(&smaller) {
            smallest = smaller;
            at = 0;
        } else {
            at += 1;
        }
    }
    for at in 0..smallest.genes.len() {
        let mut rounder = smallest.clone();
        rounder.genes[at] = rounder.genes[at].rounded();
        let rounder = rounder.possible();
        if rounder.genes.len() == smallest.genes.len() && breaks(&rounder) {
            smallest = rounder;
        }
    }
    smallest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;

    #[test]
    fn everything_drawn_is_a_scenario_and_the_seed_decides_it() {
        let drawn = |seed| {
            let mut search = Search::new(seed);
            let mut texts = Vec::new();
            for turn in 0..300 {
                let text = search.ask().to_toml("drawn");
                Scenario::parse(&text, &|name| Err(name.into()))
                    .unwrap_or_else(|error| panic!("{error}:\n{text}"));
                search.tell(f64::from(turn % 7));
                texts.push(text);
            }
            texts
        };
        assert_eq!(drawn(3), drawn(3));
        assert_ne!(drawn(3), drawn(4));
    }

    /// What a balancer can help is hunted for: only a charger that nobody reaches may not forget its limit, and the
    /// house is held back only until everybody has fallen back.
    #[test]
    fn no_more_is_left_out_than_nobody_could_survive() {
        let outage = |what| Gene::Outage { what, at_s: 600, for_s: 600 };
        let load = |at_s, a| Gene::Load { line: 0, at_s, for_s: 100, a };
        let left = |genes: &[Gene]| Genome { genes: genes.to_vec() }.possible().genes.len();
        let reboot = |charger| Gene::Reboot { charger, at_s: 900 };
        assert_eq!(left(&[outage(Broken::Meter), reboot(0)]), 2);
        assert_eq!(left(&[outage(Broken::Charger), reboot(1)]), 2);
        assert_eq!(left(&[outage(Broken::Charger), reboot(0)]), 1);
        assert_eq!(left(&[outage(Broken::Cloud), reboot(1)]), 1);
        assert_eq!(left(&[outage(Broken::Cloud), load(605, 10)]), 1);
        assert_eq!(left(&[outage(Broken::Cloud), load(605, 5), load(625, 5)]), 2);
        assert_eq!(left(&[outage(Broken::Cloud), load(605, 9)]), 2);
        assert_eq!(left(&[outage(Broken::Cloud), load(700, 14)]), 2);
        // The house alone stays within its fuse, and its steps are those that a fuse outlasts.
        assert_eq!(left(&[load(600, 14), load(620, 1)]), 1);
        assert_eq!(left(&[load(600, 14), load(650, 4)]), 1);
    }

    #[test]
    fn what_is_not_needed_is_left_out() {
        let mut rng = Rng::with_seed(1);
        let wanted = |genome: &Genome| {
            let loads = genome.genes.iter().filter(|gene| matches!(gene, Gene::Load { .. })).count();
            let cars = genome.genes.iter().filter(|gene| matches!(gene, Gene::Car { .. })).count();
            loads >= 1 && cars >= 1
        };
        let genome = std::iter::repeat_with(|| Genome::draw(&mut rng))
            .find(|genome| genome.genes.len() > 5 && wanted(genome))
            .expect("some drawn scenario has a load");
        assert_eq!(shrink(&genome, &mut |genome| wanted(genome)).genes.len(), 2);
    }
}
