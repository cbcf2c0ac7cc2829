//! The settings, turned into what the other steps look up: which lines a terminal loads, which circuits are in front.
//!
//! Settings come from people. What cannot be is named and replaced by something safe; nothing here fails.

use super::mutation::Mutation;
use crate::balance::Site;
use num_complex::Complex64;
use std::ops::Range;

/// cos 30°.
const COS_30: f64 = 0.866_025_403_784_438_6;
/// Directions of the voltages L1–L2, L2–L3, L3–L1: 30°, −90°, 150° (balancing, section 2.2).
const BRANCH: [Complex64; 3] =
    [Complex64::new(COS_30, 0.5), Complex64::new(0.0, -1.0), Complex64::new(-COS_30, 0.5)];

/// What a current adds to each line.
pub(super) type Lines = [Complex64; 3];

/// One bit for each terminal, L1 lowest.
pub(super) type Terminals = u8;

/// All three.
pub(super) const THREE: Terminals = 0b111;
/// L1 alone.
pub(super) const ONE: Terminals = 0b001;

/// The settings, made ready.
#[derive(Debug)]
pub(super) struct Layout {
    /// As told.
    pub site: Site,
    /// Loads lie between lines.
    pub three_wire: bool,
    /// Lines that carry current: 1 or 3.
    pub lines: usize,
    /// From meter phase to line, both from 0.
    pub phase: [usize; 3],
    /// What is wrong with the settings, for people.
    pub faults: Vec<String>,
    terminals: Vec<[Lines; 3]>,
    paths: Vec<usize>,
    spans: Vec<Range<usize>>,
}

impl Layout {
    pub fn new(mut site: Site, mutation: Option<Mutation>) -> Layout {
        let mut faults = Vec::new();
        mend(&mut site, &mut faults);
        let three_wire = !site.grid.has_neutral() && site.grid.lines() == 3;
        let lines = site.grid.lines();
        let straight = mutation == Some(Mutation::WrongPhaseOrder);
        let order = |order: [u8; 3]| {
            if straight || lines == 1 { [0, 1, 2] } else { order.map(|line| usize::from(line) - 1) }
        };
        let phase = order(site.phase_order);
        let terminals = site.chargers.iter().map(|charger| loads(order(charger.order), three_wire, lines));
        let terminals = terminals.collect();
        let (mut paths, mut spans) = (Vec::new(), Vec::new());
        for charger in &site.chargers {
            let first = paths.len();
            let mut at = Some(charger.circuit);
            while let Some(circuit) = at {
                paths.push(circuit);
                at = site.circuits[circuit].parent;
            }
            spans.push(first..paths.len());
        }
        Layout { three_wire, lines, phase, faults, terminals, paths, spans, site }
    }

    /// The circuits in front of a charger, its own first.
    pub fn path(&self, charger: usize) -> &[usize] {
        &self.paths[self.spans[charger].clone()]
    }

    /// What a milliampere through each of these terminals adds to each line.
    pub fn load(&self, charger: usize, terminals: Terminals) -> Lines {
        self.drawn(charger, [0, 1, 2].map(|at| f64::from(terminals >> at & 1)))
    }

    /// What these currents through the terminals add to each line.
    pub fn drawn(&self, charger: usize, ma: [f64; 3]) -> Lines {
        let mut lines = Lines::default();
        for (terminal, (load, through)) in self.terminals[charger].iter().zip(ma).enumerate() {
            // On three wires L1 and L2 are the two ends of one branch, and its current counts once.
            let ma = if self.three_wire && terminal == 1 && ma[0] != 0.0 { 0.0 } else { through };
            for (line, share) in lines.iter_mut().zip(load) {
                *line += *share * ma;
            }
        }
        lines
    }

    /// Terminals that are wired.
    pub fn wired(&self, charger: usize) -> Terminals {
        if self.site.chargers[charger].phases == 3 && self.lines == 3 { THREE } else { ONE }
    }
}

/// What a milliampere through each terminal adds to each line. On three wires the terminals L1 and L2 are the branch
/// between their lines and the terminal L3 is the branch from its line to that of L1: that is how a car that uses
/// three of them charges there, with L1 in common (balancing, section 2.2).
fn loads(order: [usize; 3], three_wire: bool, lines: usize) -> [Lines; 3] {
    let mut loads = [Lines::default(); 3];
    for (terminal, load) in loads.iter_mut().enumerate() {
        if lines == 1 {
            load[0] = Complex64::ONE;
        } else if three_wire {
            let (from, to) = if terminal == 2 { (order[2], order[0]) } else { (order[0], order[1]) };
            // The branch that begins at `from` ends at the next line; otherwise it is the one that ends here, reversed
            // alike at both ends, which a load does not notice.
            let branch = if (from + 1) % 3 == to { from } else { to };
            load[branch] += BRANCH[branch];
            load[(branch + 1) % 3] -= BRANCH[branch];
        } else {
            load[order[terminal]] = Complex64::ONE;
        }
    }
    loads
}

fn is_order(order: [u8; 3]) -> bool {
    let mut sorted = order;
    sorted.sort_unstable();
    sorted == [1, 2, 3]
}

/// Replaces what cannot be, and says so.
fn mend(site: &mut Site, faults: &mut Vec<String>) {
    if !is_order(site.phase_order) {
        faults.push(format!("phase order {:?} is not each of 1, 2, 3 once", site.phase_order));
        site.phase_order = [1, 2, 3];
    }
    if site.circuits.is_empty() {
        faults.push("there is no circuit".into());
        site.circuits.push(crate::balance::Circuit { name: "main".into(), parent: None, limit_ma: 0 });
    }
    for at in 0..site.circuits.len() {
        let parent = site.circuits[at].parent.filter(|parent| *parent < at).or((at > 0).then_some(0));
        if parent != site.circuits[at].parent {
            faults.push(format!("circuit {} has no circuit in front of it", site.circuits[at].name));
            site.circuits[at].parent = parent;
        }
    }
    for charger in &mut site.chargers {
        if !is_order(charger.order) {
            faults.push(format!("{}: order {:?} is not each of 1, 2, 3 once", charger.name, charger.order));
            charger.order = [1, 2, 3];
        }
        if charger.circuit >= site.circuits.len() {
            faults.push(format!("{}: there is no circuit number {}", charger.name, charger.circuit));
            charger.circuit = 0;
        }
        charger.step_ma = charger.step_ma.max(1);
    }
}
