//! What the reference dongle makes of bytes: the whole decoder of the core, in the steps that a dongle prints.

use super::{Decoded, Step};
use hanbench_core::meters::estimate::missing_l2;
use hanbench_core::meters::stream::{Entry, Stream};
use hanbench_core::reading::{self, json::number, json::reading_object};
use hanbench_core::wire::{assemble::Assembled, cipher::Keys, framer::Content, framer::Junk, hdlc};
use serde_json::{Map, Value};

/// The decoder of the reference dongle, to be given to [`super::run`]. `keys`: of a meter that ciphers.
pub fn reference(keys: Keys) -> impl FnMut(&[u8], reading::Instant) -> Decoded {
    let mut stream = Stream::new(None, keys);
    // The frames of a message that comes in parts.
    let mut apart = Vec::new();
    move |bytes, now| {
        let mut steps = Vec::new();
        let mut each = |entry: &Entry<'_>| steps.extend(step(entry, &mut apart, keys));
        if stream.next_timeout().is_some_and(|due| now >= due) {
            stream.timeout(now, &mut each);
        }
        stream.push(bytes, now, &mut each);
        Decoded { steps, next_timeout: stream.next_timeout() }
    }
}

/// What the dongle says of one item.
fn step(entry: &Entry<'_>, apart: &mut Vec<u8>, keys: Keys) -> Option<Step> {
    if entry.assembly.outcome == Assembled::Pending {
        apart.extend(entry.item.bytes);
        return None;
    }
    if let Some(claim) = claim(entry) {
        let mut bytes = std::mem::take(apart);
        bytes.extend(entry.item.bytes);
        return Some(Step::Good { claim, bytes });
    }
    apart.clear();
    let reason = match (entry.item.content, entry.assembly.outcome) {
        (Content::Junk(Junk::NoFrame), _) => return None,
        (Content::Junk(junk), _) => junk.to_string(),
        (_, Assembled::Refused { problem, .. }) => problem.kind.to_string(),
        (Content::Hdlc(frame), _) if frame.is_good() => "carries no telegram".into(),
        _ => "frame checksum is wrong or the frame is cut".into(),
    };
    Some(Step::Bad { reason, unchecked: unchecked(entry, keys) })
}

fn claim(entry: &Entry<'_>) -> Option<Map<String, Value>> {
    let decoded = entry.decoded.as_ref()?;
    let reading = &decoded.telegram.as_ref()?.reading;
    let mut claim = reading_object(reading);
    // A model that was only assumed may have a neutral after all.
    let profile = decoded.profile.filter(|_| !decoded.assumed);
    let estimates = profile.map(|profile| missing_l2(profile, reading)).unwrap_or_default();
    let named = [("current_l2_a", estimates.current_l2), ("voltage_l2_v", estimates.voltage_l2)];
    let mut estimated = Vec::new();
    for (key, value) in named.into_iter().filter_map(|(key, value)| Some((key, value?))) {
        claim.insert(key.into(), number(value));
        estimated.push(Value::from(key));
    }
    if !estimated.is_empty() {
        claim.insert("estimated".into(), Value::Array(estimated));
    }
    Some(claim)
}

/// What a decoder that does not look at the checksum would say. Only a broken variant prints it.
fn unchecked(entry: &Entry<'_>, keys: Keys) -> Option<Map<String, Value>> {
    let frame: hdlc::Frame<'_> = match entry.item.content {
        Content::Hdlc(frame) => frame,
        _ => return None,
    };
    let mut stream = Stream::new(None, keys);
    let mut again = Vec::new();
    hdlc::encode(&mut again, frame.destination, frame.source, frame.control, false, frame.information);
    let mut found = None;
    stream.push(&again, reading::Instant(0), |entry| found = claim(entry));
    found
}
