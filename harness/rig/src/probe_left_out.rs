//! The place of `probe` in a build without debug probes: every use of one ends with one clear message.

use crate::config::ProbeTable;
use crate::dut::Firmware;
use crate::error::RigError;
use crate::line::Line;
use crate::samples::SampleSink;
use hanbench_core::verdict::probe::ProbeTrial;
use std::path::PathBuf;

const LEFT_OUT: &str = "this hanbench was built without the feature `probe`";

/// A chip behind a debug probe, of which this build has none.
#[derive(Debug)]
pub enum ChipBench {}

impl ChipBench {
    pub(crate) fn ready<'a>(
        _slot: &'a mut Option<ChipBench>,
        _table: Option<&ProbeTable>,
        _virtual_chip: Option<PathBuf>,
    ) -> Result<&'a mut ChipBench, RigError> {
        Err(left_out())
    }

    pub(crate) fn start(&mut self) -> Result<Firmware, RigError> {
        match *self {}
    }

    pub(crate) fn take_line(&mut self) -> Option<Line> {
        match *self {}
    }

    pub(crate) fn samples(&mut self) -> Result<Box<dyn SampleSink + Send>, RigError> {
        match *self {}
    }
}

/// Cannot be done by this build.
///
/// # Errors
/// Always.
pub fn play(
    _table: &ProbeTable,
    _checks: Vec<String>,
    _virtual_chip: Option<PathBuf>,
) -> Result<ProbeTrial, RigError> {
    Err(left_out())
}

/// What results call the chip of a rig.
pub fn subject(table: &ProbeTable) -> String {
    table.settings.chip.clone()
}

fn left_out() -> RigError {
    RigError::Unavailable { what: "the debug probe".into(), why: LEFT_OUT.into() }
}

/// The selectors of the probes that this build can drive: none.
pub fn list() -> Vec<String> {
    Vec::new()
}

/// Why this build cannot reach the chip of a rig.
pub fn obstacle(_table: &ProbeTable) -> Option<&'static str> {
    Some(LEFT_OUT)
}

/// Not known to this build.
pub(crate) fn broken_names() -> Vec<&'static str> {
    Vec::new()
}

/// Not known to this build.
pub(crate) fn fault_names() -> Vec<&'static str> {
    Vec::new()
}
