//! Everything that a run played, of all kinds: the evidence that its results rest on.

use super::balance::trial::{self as loops, LoopTrial};
use super::ct::{self, CtTrial};
use super::judge;
use super::probe::{self, ProbeTrial};
use super::results::Outcome;
use super::trial::Trial;

/// The trials of a run, each kind in the order it was played.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Trials {
    /// Telegrams into a dongle.
    pub han: Vec<Trial>,
    /// Waveforms into a clamp dongle.
    pub clamps: Vec<CtTrial>,
    /// Steps done with a debug probe.
    pub probes: Vec<ProbeTrial>,
    /// Scenarios with a balancer.
    pub loops: Vec<LoopTrial>,
}

/// Path of a trial below the folder of its run, as results name it.
pub fn evidence_path(name: &str) -> String {
    format!("evidence/{name}.json")
}

impl Trials {
    /// Judges all of them.
    pub fn judge(&self) -> Vec<Outcome> {
        let han = self.han.iter().flat_map(|one| judge::judge(one, &evidence_path(&one.stimulus.name)));
        let clamps = self.clamps.iter().flat_map(|one| ct::judge(one, &evidence_path(&one.name)));
        let loops = self.loops.iter().flat_map(|one| loops::judge(one, &evidence_path(&one.name)));
        let probes = self.probes.iter().flat_map(|one| probe::judge(one, &evidence_path(&one.name)));
        probes.chain(han).chain(clamps).chain(loops).collect()
    }

    /// Gives every trial another name.
    pub fn rename(&mut self, named: impl Fn(&str) -> String) {
        let han = self.han.iter_mut().map(|one| &mut one.stimulus.name);
        let clamps = self.clamps.iter_mut().map(|one| &mut one.name);
        let loops = self.loops.iter_mut().map(|one| &mut one.name);
        let probes = self.probes.iter_mut().map(|one| &mut one.name);
        han.chain(clamps).chain(loops).chain(probes).for_each(|name| *name = named(name));
    }

    /// Adds those of another run.
    pub fn append(&mut self, mut other: Trials) {
        self.han.append(&mut other.han);
        self.clamps.append(&mut other.clamps);
        self.loops.append(&mut other.loops);
        self.probes.append(&mut other.probes);
    }
}
