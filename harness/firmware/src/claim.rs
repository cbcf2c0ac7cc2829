//! What the dongle says of an item of the stream: one line of JSON, with the keys of the contract, section 2.
//!
//! Written by hand, because the only JSON that a reading has otherwise needs the standard library. Refuses to fill a hole,
//! except the L2 of three wires, which it marks as estimated.

use alloc::string::String;
use core::fmt::{Display, Write};
use hanbench_core::meters::Decoded;
use hanbench_core::meters::estimate::missing_l2;
use hanbench_core::meters::stream::Entry;
use hanbench_core::reading::{Field, Key, LocalTime, Reading};
use hanbench_core::wire::assemble::Assembled;
use hanbench_core::wire::framer::{Content, Junk};

/// The line for an item, with its end; nothing for the parts of a message that is not whole yet, and for noise.
pub fn line(entry: &Entry<'_>) -> Option<String> {
    if entry.assembly.outcome == Assembled::Pending {
        return None;
    }
    if let Some(decoded) = entry.decoded.as_ref()
        && let Some(telegram) = &decoded.telegram
    {
        return Some(claim(decoded, &telegram.reading));
    }
    match (entry.item.content, entry.assembly.outcome) {
        (Content::Junk(Junk::NoFrame), _) => None,
        (Content::Junk(junk), _) => Some(rejected(&junk)),
        (_, Assembled::Refused { problem, .. }) => Some(rejected(&problem.kind)),
        (Content::Hdlc(frame), _) if frame.is_good() => Some(rejected(&"carries no telegram")),
        _ => Some(rejected(&"frame checksum is wrong or the frame is cut")),
    }
}

fn rejected(reason: &dyn Display) -> String {
    let mut object = Object::new();
    object.text("event", &"rejected");
    object.text("reason", reason);
    object.end()
}

fn claim(decoded: &Decoded<'_>, reading: &Reading<'_>) -> String {
    // A model that was only assumed may have a neutral after all.
    let profile = decoded.profile.filter(|_| !decoded.assumed);
    let estimates = profile.map(|profile| missing_l2(profile, reading)).unwrap_or_default();
    let estimates = [(Key::CurrentL2, estimates.current_l2), (Key::VoltageL2, estimates.voltage_l2)];
    let estimated = |key: Key| estimates.iter().any(|(other, value)| *other == key && value.is_some());
    let mut object = Object::new();
    for (key, field) in reading.numbers() {
        // A zero that stands for "not measured" gives way to its estimate.
        if let (Field::Present(value), false) = (field, estimated(key)) {
            object.raw(key.name(), &value);
        }
    }
    texts(&mut object, reading);
    for (key, value) in estimates {
        if let Some(value) = value {
            object.raw(key.name(), &value);
        }
    }
    object
        .list("estimated", estimates.iter().filter(|(_, value)| value.is_some()).map(|(key, _)| key.name()));
    object.end()
}

/// All that is no number with a name.
fn texts(object: &mut Object, reading: &Reading<'_>) {
    for (name, text) in
        [("meter_id", reading.meter_id), ("meter_type", reading.meter_type), ("list_id", reading.list_id)]
    {
        if let Some(text) = text {
            object.text(name, &String::from_utf8_lossy(Reading::trimmed(text)));
        }
    }
    if let Some(time) = reading.timestamp {
        let names = ["timestamp", "timestamp_utc_offset_min", "timestamp_status"];
        self::time(object, names, time);
    }
    if let Some(time) = reading.clock {
        self::time(object, ["clock", "clock_utc_offset_min", "clock_status"], time);
    }
    for (obis, raw) in reading.others() {
        let [a, b, c, d, e, f] = obis.0;
        object.raw(&alloc::format!("obis_{a}.{b}.{c}.{d}.{e}.{f}"), raw);
    }
}

fn time(object: &mut Object, [digits, offset, status]: [&str; 3], time: LocalTime) {
    object.text(digits, &time);
    match time.utc_offset_min {
        Some(minutes) => object.raw(offset, &minutes),
        None => object.raw(offset, &"null"),
    }
    if let Some(byte) = time.status {
        object.raw(status, &byte);
    }
}

/// A JSON object on one line. Names are written as they are: all of them are ours.
struct Object(String);

impl Object {
    fn new() -> Object {
        Object(String::from("{"))
    }

    fn name(&mut self, name: &str) {
        let comma = if self.0.len() > 1 { "," } else { "" };
        self.add(&format_args!("{comma}\"{name}\":"));
    }

    /// A number or another word of JSON.
    fn raw(&mut self, name: &str, value: &dyn Display) {
        self.name(name);
        self.add(value);
    }

    fn text(&mut self, name: &str, value: &dyn Display) {
        self.name(name);
        self.0.push('"');
        let _ = write!(Escaped(&mut self.0), "{value}");
        self.0.push('"');
    }

    /// A list of names; none, no list.
    fn list<'a>(&mut self, name: &str, items: impl Iterator<Item = &'a str>) {
        let mut opened = false;
        for item in items {
            if !opened {
                self.name(name);
            }
            self.add(&format_args!("{}\"{item}\"", if opened { "," } else { "[" }));
            opened = true;
        }
        if opened {
            self.0.push(']');
        }
    }

    fn add(&mut self, what: &dyn Display) {
        // A String takes everything.
        let _ = write!(self.0, "{what}");
    }

    fn end(mut self) -> String {
        self.0.push_str("}\n");
        self.0
    }
}

/// Text between quotes.
struct Escaped<'a>(&'a mut String);

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        for letter in text.chars() {
            match letter {
                '"' | '\\' => self.0.extend(['\\', letter]),
                '\0'..='\u{1f}' => write!(self.0, "\\u{:04x}", u32::from(letter))?,
                _ => self.0.push(letter),
            }
        }
        Ok(())
    }
}
