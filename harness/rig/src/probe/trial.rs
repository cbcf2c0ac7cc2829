//! The steps of the suite `probe`, one after the other, and what came of each. Ends at the first that fails.

use super::{Channels, ChipBench, Deadlines, Format, ProbeError};
use crate::config::{ProbeKind, ProbeTable};
use crate::dut::Gone;
use crate::error::RigError;
use crate::hearing::micros;
use crate::interrupt::interrupted;
use hanbench_core::verdict::probe::{Came, PROBE_TRIAL_VERSION, ProbeTrial, Step, What};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// A word in the RAM of firmware that the bench may write at any time.
const PROBE_WORD: &str = "hanbench_probe";
/// Most bytes of it that are written.
const PROBE_WORD_MAX: u64 = 64;
/// How long firmware that has started may be silent.
const LINE_WITHIN: Duration = Duration::from_secs(2);

type Done = Result<Came, ProbeError>;

/// Does the steps with the probe of a rig. `virtual_chip` as in [`ChipBench::open`].
///
/// # Errors
/// What stands in for the chip cannot be started, or the image cannot be read.
pub fn play(
    table: &ProbeTable,
    checks: Vec<String>,
    virtual_chip: Option<PathBuf>,
) -> Result<ProbeTrial, RigError> {
    let mut chip = ChipBench::open(table, virtual_chip)?;
    let within = Deadlines::default();
    let (mut done, mut channels) = (Steps(Vec::new()), None);
    // Behind a failure nothing is tried: `None` ends the chain.
    let _ = done
        .add(What::Attach, within.attach, || attach(&mut chip))
        .and_then(|()| done.add(What::Flash, within.flash, || flash(&mut chip, table, false)))
        .and_then(|()| done.add(What::FlashAgain, within.flash, || flash(&mut chip, table, true)))
        .and_then(|()| done.add(What::Reset, within.step * 2, || restart(&mut chip, &mut channels)))
        .and_then(|()| done.add(What::Hear, LINE_WITHIN + within.step, || hear(&mut chip, channels.as_ref())))
        .and_then(|()| done.add(What::Ram, within.step * 4, || ram(&mut chip)));
    let subject = subject(table);
    Ok(ProbeTrial {
        version: PROBE_TRIAL_VERSION,
        name: format!("probe-{}", table.settings.chip.to_lowercase()),
        subject,
        checks,
        steps: done.0,
    })
}

/// What results call the chip of a rig.
pub fn subject(table: &ProbeTable) -> String {
    match table.kind {
        ProbeKind::Virtual { .. } => format!("{}, simulated", table.settings.chip),
        ProbeKind::Usb | ProbeKind::Process { .. } => table.settings.chip.clone(),
    }
}

struct Steps(Vec<Step>);

impl Steps {
    /// Does a step; nothing when that failed.
    fn add(&mut self, what: What, within: Duration, work: impl FnOnce() -> Done) -> Option<()> {
        let started = Instant::now();
        let done = if interrupted() { Err(ProbeError::rig("begin", "interrupted")) } else { work() };
        let came = done.unwrap_or_else(|error| Came::Failed { cause: error.cause, why: error.to_string() });
        let failed = matches!(came, Came::Failed { .. });
        let (took_us, within_us) = (micros(started.elapsed()), micros(within));
        self.0.push(Step { what, took_us, within_us, came });
        (!failed).then_some(())
    }
}

fn attach(chip: &mut ChipBench) -> Done {
    let probe = chip.probe()?;
    let about = probe.about();
    Ok(Came::Done(format!("{}, {}, {} kHz", about.probe, about.chip, about.speed_khz)))
}

fn flash(chip: &mut ChipBench, table: &ProbeTable, again: bool) -> Done {
    if chip.image().is_none() {
        return Ok(no_image());
    }
    if !table.flash {
        return Ok(Came::Missing(
            "the rig file says `flash = false`: the bench may not write the image".into(),
        ));
    }
    let flashed = chip.flash()?;
    let bytes = flashed.bytes;
    Ok(match (flashed.written, again) {
        (true, false) => Came::Done(format!("{bytes} bytes written, and each read back")),
        (true, true) => Came::Wrong("the image that was just written was not there any more".into()),
        (false, _) => {
            Came::Done(format!("{bytes} bytes were there already, each read back; nothing written"))
        }
    })
}

fn restart(chip: &mut ChipBench, channels: &mut Option<Channels>) -> Done {
    match chip.image().map(super::Image::format) {
        None => return Ok(no_image()),
        Some(Format::Hex | Format::Bin) => {
            return Ok(Came::Missing("the image is no ELF, and only its symbols say where RTT is".into()));
        }
        Some(Format::Elf) => *channels = Some(chip.restart()?),
    }
    Ok(Came::Done("the firmware offered RTT after the reset".into()))
}

fn hear(chip: &mut ChipBench, channels: Option<&Channels>) -> Done {
    let Some(channels) = channels else {
        return Ok(Came::Missing("without an ELF as `image` it is not known where RTT is".into()));
    };
    let mut firmware = chip.listen(channels)?;
    match firmware.hear_line(LINE_WITHIN) {
        Ok(true) => Ok(Came::Done("a whole line arrived".into())),
        Ok(false) => {
            let what =
                "no line on the first up channel; does the firmware speak when it starts? Nothing came";
            Err(ProbeError::late("RTT", LINE_WITHIN, what))
        }
        Err(Gone::Lost(RigError::Probe(error))) => Err(error),
        Err(Gone::Lost(error)) => Err(ProbeError::rig("RTT", error.to_string())),
        Err(Gone::Exited(why) | Gone::Restarted(why)) => Err(ProbeError::rig("RTT", why)),
    }
}

fn ram(chip: &mut ChipBench) -> Done {
    let Some(symbol) = chip.image().and_then(|image| image.symbol(PROBE_WORD).ok()) else {
        return Ok(Came::Missing(format!(
            "the image has no symbol `{PROBE_WORD}`, which the bench may write"
        )));
    };
    chip.symbol(PROBE_WORD)?;
    let len = usize::try_from(symbol.size.clamp(4, PROBE_WORD_MAX)).unwrap_or(4);
    let mut probe = chip.probe()?;
    let before = probe.read(symbol.address, len)?;
    // Every bit both ways, and no two neighbours alike.
    for start in [0x55_u8, 0xAA] {
        let wanted: Vec<u8> = (0..len).map(|place| start ^ (place as u8).wrapping_mul(0x11)).collect();
        probe.write(symbol.address, &wanted)?;
        let came = probe.read(symbol.address, len)?;
        if came != wanted {
            let text = hanbench_core::hex::text;
            let said =
                format!("{} was written to `{PROBE_WORD}`, and {} came back", text(&wanted), text(&came));
            return Ok(Came::Wrong(said));
        }
    }
    probe.write(symbol.address, &before)?;
    Ok(Came::Done(format!("{len} bytes of `{PROBE_WORD}` written and read back, twice")))
}

fn no_image() -> Came {
    Came::Missing("the rig file names no `image` under [probe]".into())
}
