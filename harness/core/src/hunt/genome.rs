//! A scenario as a list of things that happen, which can be drawn, changed, made smaller and written as a file.
//!
//! Refuses what no balancer can survive, and nothing else. The house alone never draws more than the fuse is rated for,
//! and on a line it adds at most 14 A in half a minute, which is what a fuse outlasts until the next reading if there is
//! some margin (balancing, section 2.3). When something breaks, nobody can react until chargers have noticed, so that
//! the house adds no more than 9 A from half a minute before until a minute behind the break (balancing, sections 5e
//! and 5d, there invariant 6); after that everybody is at the offline limit, which is one that is safe without any
//! balancing (B-62): none. A charger that forgets its limit while nobody reaches it, itself and not another one, is
//! beyond every balancer too.

use fastrand::Rng;
use std::fmt::Write;

/// Length of a scenario, seconds.
const DURATION_S: u32 = 1800;
/// Nothing happens before cars have had time to reach their share, seconds.
const CALM_S: u32 = 300;
/// The main fuse, amperes.
const FUSE_A: u32 = 25;
/// What the house draws all the time on each line, amperes.
const BASE_A: [u32; 3] = [8, 6, 4];
/// Largest step, amperes.
const STEP_MAX_A: u32 = 14;
/// Most that the house adds around an outage, amperes.
const BLIND_MAX_A: u32 = 9;
/// A reading every ten seconds, links, a charger that starts: so long may nobody know, seconds.
const AROUND_S: u32 = 30;
/// So long after something broke everybody is at the offline limit, seconds.
const FALLEN_S: u32 = 60;
/// Most chargers.
const CHARGERS: u32 = 3;
/// Most genes of a drawn scenario.
const GENES_MAX: usize = 12;

/// Something that happens. Times in seconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Gene {
    /// A car comes and takes up to so many amperes on three phases, or on one.
    Car {
        /// At which charger, from 0.
        charger: u32,
        /// When.
        at_s: u32,
        /// How much it can take.
        max_a: u32,
        /// It uses one phase: the charger's first.
        single: bool,
    },
    /// The house draws more on one line for a while.
    Load {
        /// Line from 0.
        line: usize,
        /// When.
        at_s: u32,
        /// How long.
        for_s: u32,
        /// How much.
        a: u32,
    },
    /// Something does not work for a while.
    Outage {
        /// What: the meter's link, the dongle, the cloud.
        what: Broken,
        /// When.
        at_s: u32,
        /// How long.
        for_s: u32,
    },
    /// A charger starts again.
    Reboot {
        /// Which, from 0.
        charger: u32,
        /// When.
        at_s: u32,
    },
}

/// What can break.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Broken {
    /// The link of the dongle.
    Meter,
    /// All links.
    Cloud,
    /// The link of the first charger.
    Charger,
}

impl Broken {
    const ALL: [Broken; 3] = [Broken::Meter, Broken::Cloud, Broken::Charger];
}

impl Gene {
    fn draw(rng: &mut Rng) -> Gene {
        let at_s = rng.u32(CALM_S..DURATION_S - 60);
        match rng.u32(0..10) {
            0..3 => Gene::Car {
                charger: rng.u32(0..CHARGERS),
                at_s: rng.u32(0..DURATION_S / 2),
                max_a: rng.u32(6..=32),
                single: rng.bool(),
            },
            3..8 => Gene::Load {
                line: rng.usize(0..3),
                at_s,
                for_s: rng.u32(10..600),
                a: rng.u32(1..=STEP_MAX_A),
            },
            8 => Gene::Outage { what: Broken::ALL[rng.usize(0..3)], at_s, for_s: rng.u32(5..600) },
            _ => Gene::Reboot { charger: rng.u32(0..CHARGERS), at_s },
        }
    }

    /// From when to when nobody reaches this charger.
    fn cut(&self, charger: u32) -> Option<(u32, u32)> {
        match *self {
            Gene::Outage { what: Broken::Cloud, at_s, for_s } => Some((at_s, at_s + for_s)),
            Gene::Outage { what: Broken::Charger, at_s, for_s } if charger == 0 => Some((at_s, at_s + for_s)),
            _ => None,
        }
    }

    /// When something breaks.
    fn breaks_s(&self) -> Option<u32> {
        match *self {
            Gene::Outage { at_s, .. } | Gene::Reboot { at_s, .. } => Some(at_s),
            Gene::Car { .. } | Gene::Load { .. } => None,
        }
    }

    /// The same a little earlier, later, larger or smaller.
    fn nudge(&mut self, rng: &mut Rng) {
        let shift =
            |t_s: u32, rng: &mut Rng| t_s.saturating_add_signed(rng.i32(-15..=15)).clamp(0, DURATION_S - 60);
        match self {
            Gene::Car { at_s, max_a, .. } => {
                *at_s = shift(*at_s, rng);
                *max_a = max_a.saturating_add_signed(rng.i32(-4..=4)).clamp(6, 32);
            }
            Gene::Load { at_s, for_s, a, .. } => {
                *at_s = shift(*at_s, rng).max(CALM_S);
                *for_s = for_s.saturating_add_signed(rng.i32(-60..=60)).clamp(10, 900);
                *a = a.saturating_add_signed(rng.i32(-2..=4)).clamp(1, STEP_MAX_A);
            }
            Gene::Outage { at_s, for_s, .. } => {
                *at_s = shift(*at_s, rng).max(CALM_S);
                *for_s = for_s.saturating_add_signed(rng.i32(-60..=60)).clamp(5, 900);
            }
            Gene::Reboot { at_s, .. } => *at_s = shift(*at_s, rng).max(CALM_S),
        }
    }

    /// The same with rounder numbers: times to ten seconds, the car the usual one.
    pub(super) fn rounded(self) -> Gene {
        let round = |t_s: u32| (t_s + 5) / 10 * 10;
        match self {
            Gene::Car { charger, at_s, max_a, single } => {
                Gene::Car { charger, at_s: round(at_s), max_a: (max_a + 2) / 4 * 4, single }
            }
            Gene::Load { line, at_s, for_s, a } => {
                Gene::Load { line, at_s: round(at_s), for_s: round(for_s).max(10), a }
            }
            Gene::Outage { what, at_s, for_s } => {
                Gene::Outage { what, at_s: round(at_s), for_s: round(for_s).max(10) }
            }
            Gene::Reboot { charger, at_s } => Gene::Reboot { charger, at_s: round(at_s) },
        }
    }
}

/// Nobody can react to what comes now, because something breaks at `broken_s`.
fn is_blind(at_s: u32, broken_s: u32) -> bool {
    at_s + AROUND_S >= broken_s && at_s <= broken_s + FALLEN_S
}

/// What the house adds on this line meanwhile, amperes.
fn blind_a(drawn: &[Gene], line: usize, broken_s: u32) -> u32 {
    let others = drawn.iter().filter_map(|other| match *other {
        Gene::Load { line: there, at_s, a, .. } if there == line && is_blind(at_s, broken_s) => Some(a),
        _ => None,
    });
    others.sum()
}

/// A scenario.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Genome {
    /// What happens, in no order.
    pub genes: Vec<Gene>,
}

impl Genome {
    /// Some genes, at least a car and a load.
    pub fn draw(rng: &mut Rng) -> Genome {
        let mut genes = vec![Gene::Car { charger: 0, at_s: 0, max_a: 16, single: rng.bool() }];
        genes.extend((1..rng.usize(2..GENES_MAX)).map(|_| Gene::draw(rng)));
        Genome { genes }.possible()
    }

    /// The same with one change.
    pub fn changed(&self, rng: &mut Rng) -> Genome {
        let mut genes = self.genes.clone();
        let at = rng.usize(0..genes.len().max(1));
        match rng.u32(0..6) {
            0 if genes.len() < GENES_MAX => genes.push(Gene::draw(rng)),
            1 if genes.len() > 1 => {
                genes.remove(at);
            }
            _ => {
                if let Some(gene) = genes.get_mut(at) {
                    gene.nudge(rng);
                }
            }
        }
        Genome { genes }.possible()
    }

    /// Without what cannot be: two cars at one charger, and a house that draws more than its fuse.
    pub(super) fn possible(mut self) -> Genome {
        let mut taken = [false; CHARGERS as usize];
        self.genes.retain(|gene| match gene {
            Gene::Car { charger, .. } => !std::mem::replace(&mut taken[*charger as usize], true),
            _ => true,
        });
        let all = self.genes.clone();
        self.genes.retain(|gene| match *gene {
            Gene::Reboot { charger, at_s } => {
                let cuts = all.iter().filter_map(|other| other.cut(charger));
                cuts.into_iter().all(|(from, to)| at_s + AROUND_S < from || at_s > to)
            }
            _ => true,
        });
        let breaks: Vec<u32> = self.genes.iter().filter_map(Gene::breaks_s).collect();
        let mut drawn: Vec<Gene> = Vec::new();
        self.genes.retain(|gene| {
            let Gene::Load { line, at_s, for_s, a } = *gene else { return true };
            // Pessimistic: everything on this line that overlaps counts together.
            let others = drawn.iter().filter_map(|other| match *other {
                Gene::Load { line: there, at_s: from, for_s: lasts, a }
                    if there == line && from < at_s + for_s && at_s < from + lasts =>
                {
                    Some(a)
                }
                _ => None,
            });
            let together = a + others.sum::<u32>();
            // What goes off meanwhile does not count: the fuse has been warmed by it.
            let soon = drawn.iter().filter_map(|other| match *other {
                Gene::Load { line: there, at_s: from, a, .. }
                    if there == line && from.abs_diff(at_s) <= AROUND_S =>
                {
                    Some(a)
                }
                _ => None,
            });
            let rises = a + soon.sum::<u32>();
            let blind = breaks.iter().filter(|broken_s| is_blind(at_s, **broken_s));
            let endured =
                blind.into_iter().all(|broken_s| a + blind_a(&drawn, line, *broken_s) <= BLIND_MAX_A);
            let fits = BASE_A[line] + together <= FUSE_A && rises <= STEP_MAX_A && endured;
            if fits {
                drawn.push(*gene);
            }
            fits
        });
        self
    }

    /// The scenario file.
    pub fn to_toml(&self, about: &str) -> String {
        let mut text = format!(
            "[scenario]\nabout = {about:?}\nsource = \"found by cargo xtask hunt\"\nduration_s = {DURATION_S}\n\n\
             [fuse]\nrated_a = {FUSE_A}\n"
        );
        if self.genes.iter().any(|gene| gene.breaks_s().is_some()) {
            text += "\n[told]\nmax_offline_a = 0\n";
        }
        // Writing into a String cannot fail.
        let mut put = |piece: String| {
            let _ = write!(text, "{piece}");
        };
        for (line, a) in BASE_A.iter().enumerate() {
            put(format!("\n[[load]]\nat = \"L{}\"\na = {a}\n", line + 1));
        }
        for charger in 0..CHARGERS {
            let used = self.genes.iter().any(|gene| {
                matches!(gene, Gene::Car { charger: at, .. } | Gene::Reboot { charger: at, .. } if *at == charger)
                    || charger == 0
            });
            if used {
                put(format!("\n[[charger]]\nname = \"cp{}\"\nresets_to_a = 32\n", charger + 1));
            }
        }
        for gene in &self.genes {
            put(match *gene {
                Gene::Car { charger, at_s, max_a, single } => format!(
                    "\n[[car]]\ncharger = \"cp{}\"\nfrom_s = {at_s}\nmax_a = {max_a}\nphases = {}\n",
                    charger + 1,
                    if single { 1 } else { 3 }
                ),
                Gene::Load { line, at_s, for_s, a } => format!(
                    "\n[[load]]\nat = \"L{}\"\na = 0\nsteps = [[{at_s}, {a}], [{}, 0]]\n",
                    line + 1,
                    at_s + for_s
                ),
                Gene::Outage { what, at_s, for_s } => {
                    let for_s = for_s.min(DURATION_S - at_s);
                    match what {
                        Broken::Meter => {
                            format!("\n[[event]]\nat_s = {at_s}\nwhat = \"meter-down\"\nfor_s = {for_s}\n")
                        }
                        Broken::Cloud => {
                            format!("\n[[event]]\nat_s = {at_s}\nwhat = \"cloud-down\"\nfor_s = {for_s}\n")
                        }
                        Broken::Charger => format!(
                            "\n[[event]]\nat_s = {at_s}\nwhat = \"charger-down\"\ncharger = \"cp1\"\nfor_s = {for_s}\n"
                        ),
                    }
                }
                Gene::Reboot { charger, at_s } => {
                    format!(
                        "\n[[event]]\nat_s = {at_s}\nwhat = \"reboot\"\ncharger = \"cp{}\"\n",
                        charger + 1
                    )
                }
            });
        }
        text
    }
}
