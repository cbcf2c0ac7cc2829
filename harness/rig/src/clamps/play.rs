//! One waveform into one clamp dongle.
//!
//! At [`Speed::Max`] samples go as fast as the dongle takes them; else each block goes when its last sample would
//! have been taken, at a deadline that counts from the start. Claims carry device time, so that neither moves a
//! window.
//!
//! The end is known when the dongle says `{"event":"end"}`. One that does not say it is given a quiet time.

use super::fixtures::Waveform;
use crate::adapter::Adapter;
use crate::config::Readings;
use crate::dut::{Gone, Running, Stream, TextLine};
use crate::error::RigError;
use crate::interrupt::interrupted;
use crate::line::WriteFailure;
use crate::pace::{Lateness, WRITE_WITHIN, sharpen_timers, wait};
use crate::samples::{SAMPLES_MAX, SampleSink};
use crate::session::Speed;
use hanbench_core::verdict::ct::{CT_TRIAL_VERSION, CtTerms, CtTrial, SamplesSent};
use hanbench_core::verdict::trial::{Event, What};
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
/// Most events of one trial, and most text in bytes.
const EVENTS_MAX: usize = 10_000;
const TEXT_MAX: usize = 4 << 20;
/// Longest wait for lines before Ctrl-C and exit are looked at.
const TICK: Duration = Duration::from_millis(20);
/// A dongle that keeps talking behind the end of its samples is listened to for so many quiet times.
const TALK_MAX: u32 = 10;

/// Why a trial ended early.
enum End {
    /// The rig or the user is the reason.
    Stopped(String),
    /// The dongle is.
    Misbehaved(String),
    Exited(String),
    Lost(RigError),
}

pub(super) struct Play<'a> {
    sink: &'a mut dyn SampleSink,
    dut: &'a mut Running,
    adapter: Adapter,
    speed: Speed,
    quiet: Duration,
    start: Instant,
    events: Vec<Event>,
    text: usize,
    claims: usize,
    /// When the dongle printed its last line.
    heard: Instant,
    /// Samples that the dongle says it got, once it says that it is done.
    done: Option<u64>,
    /// The dongle says that samples are missing.
    gap: Option<String>,
    lateness: Lateness,
    sent: Option<SamplesSent>,
    trouble: bool,
}

impl<'a> Play<'a> {
    pub(super) fn new(
        sink: &'a mut dyn SampleSink,
        dut: &'a mut Running,
        speed: Speed,
        quiet: Duration,
    ) -> Play<'a> {
        sharpen_timers();
        let start = Instant::now();
        Play {
            sink,
            dut,
            adapter: Adapter::new(Readings::Jsonl),
            speed,
            quiet,
            start,
            events: Vec::new(),
            text: 0,
            claims: 0,
            heard: start,
            done: None,
            gap: None,
            lateness: Lateness::default(),
            sent: None,
            trouble: false,
        }
    }

    /// Plays the whole waveform. `early` are lines that came while the dongle started.
    pub(super) fn run(&mut self, waveform: &Waveform, early: Vec<TextLine>) -> Result<(), RigError> {
        let ended = self.hear(early).and_then(|()| self.samples(waveform)).and_then(|()| self.settle());
        let Err(end) = ended else { return Ok(()) };
        self.trouble = true;
        match end {
            End::Stopped(why) => self.note(Instant::now(), What::Stopped { why, misbehaved: false }),
            End::Misbehaved(why) => self.note(Instant::now(), What::Stopped { why, misbehaved: true }),
            End::Exited(how) => self.note(Instant::now(), What::Exited { how }),
            End::Lost(error) => return Err(error),
        }
        Ok(())
    }

    /// The dongle said that it was done with everything: it can be given the next waveform.
    pub(super) fn said_done(&self) -> bool {
        self.done.is_some() && !self.trouble
    }

    pub(super) fn into_trial(mut self, waveform: &Waveform, checks: &[String], terms: &CtTerms) -> CtTrial {
        self.events.sort_by_key(|event| event.t_us);
        CtTrial {
            version: CT_TRIAL_VERSION,
            name: waveform.name.clone(),
            subject: waveform.subject.clone(),
            checks: checks.to_vec(),
            spec: waveform.text.clone(),
            terms: terms.clone(),
            sent: self.sent,
            events: self.events,
            pacing: self.speed.factor().and_then(|_| self.lateness.pacing()),
        }
    }

    fn samples(&mut self, waveform: &Waveform) -> Result<(), End> {
        let spec = &waveform.spec;
        let mut converter = Converter::new(spec, &sensor::at_clamp(spec, &network::segments(spec)));
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
        if self.claims == 0 && device_s >= SILENT_AFTER_S && start.elapsed() >= patience {
            return Err(End::Misbehaved(format!("no claim for {SILENT_AFTER_S} s of samples")));
        }
        Ok(())
    }

    fn written(&mut self, result: Result<(), WriteFailure>) -> Result<(), End> {
        result.or_else(|failure| match failure {
            WriteFailure::Interrupted(_) => Err(End::Stopped("interrupted".into())),
            WriteFailure::Stuck(_) => self.exit().and_then(|()| {
                let seconds = WRITE_WITHIN.as_secs();
                Err(End::Misbehaved(format!("the DUT does not read: no byte was taken for {seconds} s")))
            }),
            WriteFailure::Lost(error) => Err(End::Lost(error)),
        })
    }

    /// Until the dongle says that it is done, or says nothing for the quiet time.
    fn settle(&mut self) -> Result<(), End> {
        let over = Instant::now();
        let limit = over + self.quiet * TALK_MAX;
        while self.done.is_none() {
            let until = (self.heard.max(over) + self.quiet).min(limit);
            if Instant::now() >= until {
                return Ok(());
            }
            self.pump(until)?;
        }
        let sent = self.sent.as_ref().map_or(0, |sent| sent.frames);
        if let Some(got) = self.done.filter(|got| *got != sent) {
            return Err(End::Stopped(format!("the dongle got {got} of {sent} samples")));
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
        if interrupted() {
            return Err(End::Stopped("interrupted".into()));
        }
        let lines = self.dut.inbox().take(until.min(Instant::now() + TICK));
        self.hear(lines)?;
        if self.dut.inbox().take_flooded() {
            return Err(flooded());
        }
        if let Some(what) = self.gap.take() {
            return Err(End::Stopped(what));
        }
        self.exit()
    }

    fn hear(&mut self, lines: Vec<TextLine>) -> Result<(), End> {
        for line in lines {
            if let Running::Program(program) = &mut *self.dut
                && line.stream == Stream::Log
            {
                program.note_words(&line.text);
            }
            self.text += line.text.len();
            self.heard = self.heard.max(line.at);
            if line.stream == Stream::Readings && !line.cut {
                self.event(&line.text);
            }
            for (at, what) in self.adapter.line(&line) {
                self.note(at, what);
            }
            if self.events.len() >= EVENTS_MAX || self.text > TEXT_MAX {
                return Err(flooded());
            }
        }
        Ok(())
    }

    /// What a clamp dongle says of the stream itself.
    fn event(&mut self, text: &str) {
        let Ok(Value::Object(object)) = serde_json::from_str::<Value>(text) else { return };
        let object: Map<String, Value> = object;
        let number = |key: &str| object.get(key).and_then(Value::as_u64);
        match object.get("event").and_then(Value::as_str) {
            Some("end") => self.done = number("samples").or(self.done),
            Some("gap") => {
                let word = |key: &str| number(key).map_or("?".to_string(), |number| number.to_string());
                self.gap = Some(format!(
                    "samples were lost on the way into the dongle: number {} was due and {} came",
                    word("expected"),
                    word("got")
                ));
            }
            _ => {}
        }
    }

    fn note(&mut self, at: Instant, what: What) {
        self.claims += usize::from(matches!(what, What::Claim { .. }));
        let since = at.saturating_duration_since(self.start);
        let t_us = u64::try_from(since.as_micros()).unwrap_or(u64::MAX);
        self.events.push(Event { t_us, what });
    }

    /// Ends the trial when the dongle is gone, after its last lines were heard.
    fn exit(&mut self) -> Result<(), End> {
        match self.dut.gone() {
            None => Ok(()),
            Some(Gone::Lost(error)) => Err(End::Lost(error)),
            Some(Gone::Exited(how)) => {
                let lines = self.dut.inbox().take(Instant::now());
                self.hear(lines)?;
                let words = match &*self.dut {
                    Running::Program(program) => program.last_words(),
                    Running::Console(_) => String::new(),
                };
                let last = if words.is_empty() { "it printed no error".to_string() } else { words };
                Err(End::Exited(format!("{how}: {last}")))
            }
        }
    }
}

fn flooded() -> End {
    let mib = TEXT_MAX >> 20;
    End::Misbehaved(format!("the DUT printed more than {EVENTS_MAX} lines or {mib} MiB in one trial"))
}
