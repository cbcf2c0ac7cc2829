//! `dongle`: the reference dongle, started by `run` as a program of its own behind a pty.

use crate::failure::{Failure, Outcome, PASSED};
use crate::flags::DongleFlags;
use hanbench_core::meters::stream::{Entry, Stream};
use hanbench_core::reading::Instant;
use hanbench_core::reading::json::reading_object;
use hanbench_core::wire::{assemble::Assembled, framer::Content, hdlc};
use hanbench_rig::dongle::{Broken, Decoded, Step, run as run_dongle};
use serde_json::{Map, Value};

/// Runs until the line hangs up.
pub fn run(flags: &DongleFlags) -> Outcome {
    let broken = flags.broken.as_deref().map(variant).transpose()?;
    let mut stream = Stream::default();
    let mut apart = Vec::new();
    let result = run_dongle(&flags.han, broken, std::io::stdout(), |bytes, now| {
        let mut steps = Vec::new();
        let mut each = |entry: &Entry<'_>| steps.extend(step(entry, &mut apart));
        if stream.next_timeout().is_some_and(|due| now >= due) {
            stream.timeout(now, &mut each);
        }
        stream.push(bytes, now, &mut each);
        Decoded { steps, next_timeout: stream.next_timeout() }
    });
    result.map_err(|error| Failure::input(format!("dongle at {}: {error}", flags.han)))?;
    Ok(PASSED)
}

fn variant(name: &str) -> Result<Broken, Failure> {
    Broken::from_name(name).ok_or_else(|| {
        let names: Vec<_> = Broken::ALL.iter().map(|broken| broken.name()).collect();
        Failure::input(format!("there is no broken dongle {name:?}; expected one of: {}", names.join(", ")))
    })
}

/// Content the dongle says of one item. `apart` collects the frames of a message that comes in parts.
fn step(entry: &Entry<'_>, apart: &mut Vec<u8>) -> Option<Step> {
    if entry.assembly.outcome == Assembled::Pending {
        apart.extend(entry.item.bytes);
        return None;
    }
    let telegram = entry.decoded.as_ref().and_then(|decoded| decoded.telegram.as_ref());
    if let Some(telegram) = telegram {
        let mut bytes = std::mem::take(apart);
        bytes.extend(entry.item.bytes);
        return Some(Step::Good { claim: reading_object(&telegram.reading), bytes });
    }
    apart.clear();
    let reason = match (entry.item.content, entry.assembly.outcome) {
        (Content::Junk(hanbench_core::wire::framer::Junk::NoFrame), _) => return None,
        (Content::Junk(junk), _) => junk.to_string(),
        (_, Assembled::Refused { problem, .. }) => problem.kind.to_string(),
        (Content::Hdlc(frame), _) if frame.is_good() => "carries no telegram".into(),
        _ => "frame checksum is wrong or the frame is cut".into(),
    };
    Some(Step::Bad { reason, unchecked: unchecked(entry) })
}

/// Content a decoder that does not look at the checksum would say. Only a broken variant prints it.
fn unchecked(entry: &Entry<'_>) -> Option<Map<String, Value>> {
    let frame: hdlc::Frame<'_> = match entry.item.content {
        Content::Hdlc(frame) => frame,
        _ => return None,
    };
    let mut stream = Stream::default();
    let mut again = Vec::new();
    hdlc::encode(&mut again, frame.destination, frame.source, frame.control, false, frame.information);
    let mut claim = None;
    stream.push(&again, Instant(0), |entry| {
        let telegram = entry.decoded.as_ref().and_then(|decoded| decoded.telegram.as_ref());
        claim = telegram.map(|telegram| reading_object(&telegram.reading));
    });
    claim
}
