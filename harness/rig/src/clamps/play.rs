//! One waveform into one clamp dongle.
//!
//! At [`Speed::Max`] samples go as fast as the dongle takes them; else each block goes when its last sample would
//! have been taken, at a deadline that counts from the start. Claims carry device time, so that neither moves a
//! window.
//!
//! The end is known when the dongle says `{"event":"end"}`. One that does not say it is given a quiet time.

use super::fixtures::Waveform;
use crate::adapter::Adapter;
use crate::dut::{Running, Stream, TextLine};
use crate::error::RigError;
use crate::hearing::{End, Hearing, TICK};
use crate::line::WriteFailure;
use crate::pace::{Lateness, sharpen_timers, wait};
use crate::samples::{SAMPLES_MAX, SampleSink};
use crate::session::Speed;
use hanbench_core::verdict::ct::{CT_TRIAL_VERSION, CtTerms, CtTrial, SamplesSent};
use hanbench_core::wave::frontend::Converter;
use hanbench_core::wave::told::{Declared, told};
use hanbench_core::wave::{network, sensor};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::time::{Duration, Instant};

/// Blocks in a second of samples: a dongle is never more than 20 ms behind the line.
const BLOCKS_A_SECOND: f64 = 50.0;
/// After so many seconds of samples without any claim, and a quiet time on top, a dongle is silent: the longest
/// interval of a meter's list is ten seconds.
const SILENT_AFTER_S: f64 = 20.0;
/// A dongle that keeps talking behind the end of its samples is listened to for so many quiet times.
const TALK_MAX: u32 = 10;

pub(super) struct Play<'a> {
    sink: &'a mut dyn SampleSink,
    heard: Hearing<'a>,
    speed: Speed,
    quiet: Duration,
    /// When the dongle printed its last line.
    last: Instant,
    /// Samples that the dongle says it got, once it says that it is done.
    done: Option<u64>,
    /// The dongle says that samples are missing.
    gap: Option<Gap>,
    /// Nothing can be lost on the way: a pty, RAM.
    lossless: bool,
    /// Samples of each input in a block, and handed over until now.
    block: u64,
    handed: u64,
    lateness: Lateness,
    sent: Option<SamplesSent>,
    trouble: bool,
}

/// Numbers of samples: due, and come. Either may be missing.
struct Gap {
    expected: Option<u64>,
    got: Option<u64>,
}

impl<'a> Play<'a> {
    pub(super) fn new(
        (sink, lossless): (&'a mut dyn SampleSink, bool),
        dut: &'a mut Running,
        adapter: &'a mut Adapter,
        speed: Speed,
        quiet: Duration,
    ) -> Play<'a> {
        sharpen_timers();
        let heard = Hearing::new(dut, adapter);
        Play {
            sink,
            last: heard.start,
            heard,
            speed,
            quiet,
            done: None,
            gap: None,
            lossless,
            block: 1,
            handed: 0,
            lateness: Lateness::default(),
            sent: None,
            trouble: false,
        }
    }

    /// Plays the whole waveform. `early` are lines that came while the dongle started.
    pub(super) fn run(&mut self, waveform: &Waveform, early: Vec<TextLine>) -> Result<(), RigError> {
        let ended = self.hear(&early).and_then(|()| self.samples(waveform)).and_then(|()| self.settle());
        let ended = match ended {
            Err(known @ (End::Lost(_) | End::Restarted(_))) => Err(known),
            Ok(()) if self.done.is_some() => Ok(()),
            unsure => self.heard.all_heard(self.quiet).and(unsure),
        };
        let Err(end) = ended else { return Ok(()) };
        self.trouble = true;
        self.heard.ended(end)
    }

    /// The dongle said that it was done with everything: it can be given the next waveform.
    pub(super) fn said_done(&self) -> bool {
        self.done.is_some() && !self.trouble
    }

    pub(super) fn into_trial(self, waveform: &Waveform, checks: &[String], terms: &CtTerms) -> CtTrial {
        CtTrial {
            version: CT_TRIAL_VERSION,
            name: waveform.name.clone(),
            subject: waveform.subject.clone(),
            checks: checks.to_vec(),
            spec: waveform.text.clone(),
            terms: terms.clone(),
            sent: self.sent,
            events: self.heard.into_events(),
            pacing: self.speed.factor().and_then(|_| self.lateness.pacing()),
        }
    }

    fn samples(&mut self, waveform: &Waveform) -> Result<(), End> {
        let spec = &waveform.spec;
        let mut converter = Converter::new(
            spec,
            &sensor::at_clamp(&spec.clamps, spec.waveform.rate, &network::segments(spec)),
        );
        let device = waveform.device;
        let (range_a, pulses_per_kwh, summed) = (device.range_a, device.pulses_per_kwh, device.summed);
        let told = told(spec, &converter, Declared { range_a, pulses_per_kwh, summed });
        let written = self.sink.head(&told);
        self.written(written)?;
        let (rate, total) = (spec.waveform.rate, spec.waveform.samples());
        let channels = spec.waveform.channels.len();
        let largest = SAMPLES_MAX / channels.max(1);
        let frames = ((rate.hz() / BLOCKS_A_SECOND) as usize).clamp(1, largest);
        let mut block = vec![0_i16; frames * channels];
        self.block = frames as u64;
        let (mut hash, mut from) = (Sha256::new(), 0_u64);
        // Making the waveform took time that is not the line's.
        let start = Instant::now();
        while from < total {
            let count = frames.min(usize::try_from(total - from).unwrap_or(frames));
            let block = &mut block[..count * channels];
            converter.fill(from, block);
            let bytes: Vec<u8> = block.iter().flat_map(|sample| sample.to_le_bytes()).collect();
            hash.update(&bytes);
            let until = from + count as u64;
            if let Some(factor) = self.speed.factor() {
                let due = start + Duration::from_secs_f64(rate.seconds(until) / factor);
                self.pump_until(due.checked_sub(TICK).unwrap_or(due))?;
                let waited = wait(due, 0);
                self.written(waited)?;
                self.lateness.note(due);
            }
            let written = self.sink.write(from, block);
            self.written(written)?;
            self.handed = until;
            self.pump(Instant::now())?;
            from = until;
            self.give_up_on_silence(rate.seconds(from), start)?;
        }
        let written = self.sink.end(total);
        self.written(written)?;
        self.sent = Some(SamplesSent {
            frames: total,
            bytes: total * channels as u64 * 2,
            sha256: hanbench_core::hex::text(&hash.finalize()),
            clipped: converter.clipped().to_vec(),
        });
        Ok(())
    }

    /// Stops when many seconds of samples brought no claim at all, and time enough to make one has passed.
    fn give_up_on_silence(&self, device_s: f64, start: Instant) -> Result<(), End> {
        let within = self.speed.factor().map_or(0.0, |factor| SILENT_AFTER_S / factor);
        let patience = Duration::from_secs_f64(within) + self.quiet;
        if self.heard.claims == 0 && device_s >= SILENT_AFTER_S && start.elapsed() >= patience {
            return Err(End::Misbehaved(format!("no claim for {SILENT_AFTER_S} s of samples")));
        }
        Ok(())
    }

    fn written(&mut self, result: Result<(), WriteFailure>) -> Result<(), End> {
        result.map_err(|failure| self.heard.unwritten(failure))
    }

    /// Until the dongle says that it is done, or says nothing for the quiet time.
    fn settle(&mut self) -> Result<(), End> {
        let over = Instant::now();
        let limit = over + self.quiet * TALK_MAX;
        while self.done.is_none() {
            let until = (self.last.max(over) + self.quiet).min(limit);
            if Instant::now() >= until {
                return Ok(());
            }
            self.pump(until)?;
        }
        let sent = self.sent.as_ref().map_or(0, |sent| sent.frames);
        if let Some(got) = self.done.filter(|got| *got != sent) {
            let said = format!("the dongle got {got} of {sent} samples");
            return Err(if self.lossless { End::Misbehaved(said) } else { End::Stopped(said) });
        }
        Ok(())
    }

    fn pump_until(&mut self, until: Instant) -> Result<(), End> {
        while Instant::now() < until {
            self.pump(until)?;
        }
        Ok(())
    }

    /// Hears what arrives, waiting for it no longer than a tick or `until`.
    fn pump(&mut self, until: Instant) -> Result<(), End> {
        let lines = self.heard.take(until)?;
        self.understand(&lines);
        if let Some(gap) = self.gap.take() {
            return Err(self.blame(&gap));
        }
        self.heard.exit()
    }

    /// Whose fault a gap is. A pty loses nothing and neither does RAM, so there it is the dongle's own. On a cable samples
    /// are lost by noise, and nobody can tell them from those that the dongle lost itself; but one that names a sample with
    /// which no block began, or that was not sent yet, counts wrong. The number that it says was due proves nothing: where
    /// the head of this waveform was lost, it is of the one before.
    fn blame(&self, gap: &Gap) -> End {
        let word = |number: Option<u64>| number.map_or("?".to_string(), |number| number.to_string());
        let said = format!("number {} was due and {} came", word(gap.expected), word(gap.got));
        let begins = |got: u64| got.is_multiple_of(self.block) || got == self.handed;
        if self.lossless {
            End::Misbehaved(format!("the dongle lost samples that were handed to it: {said}"))
        } else if gap.got.is_some_and(|got| got > self.handed + self.block || !begins(got)) {
            End::Misbehaved(format!("the dongle tells of a block that was never sent: {said}"))
        } else {
            End::Stopped(format!("samples were lost on the way into the dongle: {said}"))
        }
    }

    fn hear(&mut self, lines: &[TextLine]) -> Result<(), End> {
        self.understand(lines);
        self.heard.hear(lines)
    }

    fn understand(&mut self, lines: &[TextLine]) {
        for line in lines {
            self.last = self.last.max(line.at);
            if line.stream == Stream::Readings && !line.cut {
                self.event(&line.text);
            }
        }
    }

    /// What a clamp dongle says of the stream itself.
    fn event(&mut self, text: &str) {
        let Ok(Value::Object(object)) = serde_json::from_str::<Value>(text) else { return };
        let object: Map<String, Value> = object;
        let number = |key: &str| object.get(key).and_then(Value::as_u64);
        match object.get("event").and_then(Value::as_str) {
            Some("end") => self.done = number("samples").or(self.done),
            Some("gap") => self.gap = Some(Gap { expected: number("expected"), got: number("got") }),
            _ => {}
        }
    }
}
