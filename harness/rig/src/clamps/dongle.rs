//! The virtual clamp dongle: a program that reads blocks of samples from a serial device and prints claims. The
//! measuring is [`hanbench_core::clamps`]; this file knows ports, blocks and lines.
//!
//! Lines beside the claims: `{"event":"ready"}` once, `{"event":"gap","expected":…,"got":…}` when samples are missing
//! (numbers of samples; what follows is not measured), `{"event":"end","samples":…}` when a waveform is over and
//! everything about it was said.

use crate::samples::{Block, Decoder};
use hanbench_core::clamps::{Alarm, ClampDongle, Fault, Output};
use hanbench_core::reading::json::reading_object;
use hanbench_core::samples::Settings;
use serde_json::{Map, Value, json};
use std::io::{self, ErrorKind, Read, Write};
use std::time::Duration;

/// A pty takes any speed.
const BAUD: u32 = 115_200;
/// A block in whose middle nothing comes for so long is not whole.
const READ_WAIT: Duration = Duration::from_millis(200);

/// Runs until the port hangs up.
///
/// # Errors
///
/// The device cannot be opened, or `out` is closed.
pub fn run(path: &str, fault: Option<Fault>, mut out: impl Write) -> io::Result<()> {
    let mut port = serialport::new(path, BAUD).timeout(READ_WAIT).open()?;
    let (mut decoder, mut dongle) = (Decoder::default(), Blocks::new(fault));
    let mut buffer = vec![0; 65_536];
    writeln!(out, "{{\"event\":\"ready\"}}")?;
    out.flush()?;
    loop {
        let blocks = match port.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => decoder.push(&buffer[..count]),
            Err(error) if error.kind() == ErrorKind::TimedOut => decoder.paused(),
            Err(error) if error.kind() == ErrorKind::Interrupted => Vec::new(),
            // A hang-up has many names: broken pipe, input/output error, no such device.
            Err(_) => return Ok(()),
        };
        let lines: Vec<Value> = blocks.into_iter().flat_map(|block| dongle.take(block)).collect();
        for line in &lines {
            writeln!(out, "{line}")?;
        }
        if !lines.is_empty() {
            out.flush()?;
        }
    }
}

/// Blocks → lines.
#[derive(Debug)]
pub struct Blocks {
    fault: Option<Fault>,
    /// The dongle of the present waveform; none before a head and behind a gap.
    dongle: Option<(ClampDongle, usize)>,
    /// Number of the next block and of the next sample.
    next: (u32, u64),
    /// A gap of this waveform was told.
    told: bool,
}

impl Blocks {
    /// Before the first block.
    pub fn new(fault: Option<Fault>) -> Blocks {
        Blocks { fault, dongle: None, next: (0, 0), told: false }
    }

    /// What the dongle says to a block.
    pub fn take(&mut self, block: Block) -> Vec<Value> {
        match block {
            Block::Head(json) => {
                (self.next, self.told) = ((0, 0), false);
                let settings = serde_json::from_slice::<Settings>(&json);
                self.dongle = None;
                match settings {
                    Ok(settings) => {
                        let inputs = settings.inputs.len().max(1);
                        self.dongle = Some((ClampDongle::new(settings, self.fault), inputs));
                        Vec::new()
                    }
                    Err(error) => {
                        self.told = true;
                        vec![json!({"event": "rejected", "reason": format!("the head: {error}")})]
                    }
                }
            }
            Block::Data { number, first, samples } => {
                if (number, first) != self.next {
                    return self.gap(first);
                }
                let Some((dongle, inputs)) = &mut self.dongle else { return self.gap(first) };
                self.next = (number.wrapping_add(1), first + (samples.len() / *inputs) as u64);
                dongle.push(&samples).iter().map(claim).collect()
            }
            Block::End { frames } => {
                if self.dongle.is_none() || frames != self.next.1 {
                    return self.gap(frames);
                }
                self.dongle = None;
                vec![json!({"event": "end", "samples": frames})]
            }
        }
    }

    fn gap(&mut self, got: u64) -> Vec<Value> {
        self.dongle = None;
        if std::mem::replace(&mut self.told, true) {
            return Vec::new();
        }
        vec![json!({"event": "gap", "expected": self.next.1, "got": got})]
    }
}

/// A claim: the reading with its window in device time, and what there is of alarms, pulses and estimates.
fn claim(output: &Output) -> Value {
    let mut claim: Map<String, Value> = reading_object(&output.reading);
    claim.insert("samples".into(), output.end.into());
    claim.insert("window_s".into(), json!(output.seconds));
    let alarm = |alarm: &Alarm| match alarm {
        Alarm::OverRange(line) => format!("over-range:l{}", line + 1),
        Alarm::PhaseOrder => "phase-order".into(),
    };
    let lists: [(&str, Vec<Value>); 3] = [
        ("alarms", output.alarms.iter().map(|one| alarm(one).into()).collect()),
        ("pulses", output.pulses.iter().map(|pulse| (*pulse).into()).collect()),
        ("estimated", output.estimated.iter().map(|key| key.name().into()).collect()),
    ];
    let said = lists.into_iter().filter(|(_, list)| !list.is_empty());
    claim.extend(said.map(|(name, list)| (name.to_string(), Value::Array(list))));
    Value::Object(claim)
}
