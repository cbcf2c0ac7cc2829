//! What the telegrams of an import tell of their meter, for the header of a capture.
//!
//! Refuses to guess: what no telegram tells, or two telegrams tell differently, is `unknown`.

use std::collections::BTreeSet;

use super::Chunk;
use crate::meters::Decoded;
use crate::meters::profile::Elements;
use crate::meters::stream::{Entry, Stream};
use crate::reading::Family;
use crate::reading::{Instant, Reading};
use crate::wire::framer::Content;

/// `family`, `model` and `system`.
pub(super) fn meter<'a>(chunks: impl Iterator<Item = &'a Chunk>) -> [(&'static str, String); 3] {
    let mut told = Told::default();
    let mut stream = Stream::default();
    for chunk in chunks {
        if chunk.apdu {
            stream.raw(&chunk.bytes).1.iter().for_each(|decoded| told.take(decoded));
        } else {
            let now = Instant(chunk.t_us.unwrap_or(0));
            stream.push(&chunk.bytes, now, |entry| told.entry(entry));
        }
    }
    stream.finish(|entry| told.entry(entry));
    if told.families.len() > 1 {
        // The log of several meters.
        told = Told::default();
    }
    [("family", only(&told.families)), ("model", only(&told.models)), ("system", only(&told.systems))]
}

#[derive(Default)]
struct Told {
    families: BTreeSet<String>,
    models: BTreeSet<String>,
    systems: BTreeSet<String>,
}

impl Told {
    fn entry(&mut self, entry: &Entry<'_>) {
        entry.decoded.iter().for_each(|decoded| self.take(decoded));
        // P1 has no register for it: the first line is the model.
        if let (Content::P1(telegram), Some(_)) = (entry.item.content, &entry.decoded) {
            self.models.insert(telegram.ident().replace('\\', ""));
        }
    }

    fn take(&mut self, decoded: &Decoded<'_>) {
        let Some(telegram) = &decoded.telegram else { return };
        if decoded.family != Family::Other {
            self.families.insert(decoded.family.word().to_string());
        }
        let printable = |text: &&[u8]| text.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ');
        if let Some(model) = telegram.reading.meter_type.map(Reading::trimmed).filter(printable) {
            self.models.insert(String::from_utf8_lossy(model).trim().to_string());
        }
        // A list that names no meter fits the first profile of its family as well as any.
        if let Some(profile) = decoded.profile.filter(|_| !decoded.assumed) {
            let system = match profile.elements {
                Elements::One => "1-phase",
                Elements::Two => "3-phase IT",
                Elements::Three => "3-phase TN",
            };
            self.systems.insert(system.to_string());
        }
    }
}

fn only(told: &BTreeSet<String>) -> String {
    let mut told = told.iter().filter(|text| !text.is_empty());
    match (told.next(), told.next()) {
        (Some(one), None) => one.clone(),
        _ => "unknown".to_string(),
    }
}
