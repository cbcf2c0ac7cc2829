//! Rows of one item of a stream: HDLC frame, M-Bus frame, P1 telegram, junk.

use super::rows::{Out, note};
use super::{Annotated, apdu, names, put_inside, put_problems, telegram};
use crate::meters::profile::{Holds, Profile};
use crate::meters::stream::Entry;
use crate::meters::{Decoded, Decoder};
use crate::reading::{Field, Key, LocalTime};
use crate::wire::framer::{Content, Junk};
use crate::wire::{crc, hdlc, llc, mbus, p1};

/// Follows the items of one stream.
pub(super) struct Link {
    forced: Option<&'static Profile>,
    /// Profile of the last telegram, for damaged frames.
    last: Option<&'static Profile>,
    /// A segmented HDLC message is open: what comes next without an LLC continues it.
    segmented: bool,
}

impl Link {
    pub(super) fn new(forced: Option<&'static Profile>) -> Self {
        Link { forced, last: None, segmented: false }
    }

    /// The rows of one item; true when it is a frame.
    pub(super) fn entry(
        &mut self,
        entry: &Entry<'_>,
        rows: &mut Vec<Annotated>,
        problems: &mut Vec<Annotated>,
    ) -> bool {
        let (bytes, base) = (entry.item.bytes, entry.item.offset as usize);
        let decoded = entry.decoded.as_ref();
        self.last = decoded.and_then(|decoded| decoded.profile).or(self.last);
        let (start, end) = match entry.item.content {
            Content::Hdlc(frame) => self.hdlc(rows, bytes, base, &frame, entry),
            Content::Mbus(frame) => self.mbus(rows, bytes, base, &frame, entry),
            Content::P1(frame) => p1(rows, bytes, base, &frame, decoded),
            Content::Junk(why) => self.junk(rows, bytes, base, why),
        };
        let payload = bytes.get(start..end).unwrap_or(&[]);
        put_inside(rows, payload, &entry.assembly, decoded);
        put_problems(problems, base + start, payload, &entry.assembly, decoded);
        !matches!(entry.item.content, Content::Junk(_))
    }

    /// Gives where the payload (the APDU, the block, the segment) stands in `bytes`.
    fn hdlc(
        &mut self,
        rows: &mut Vec<Annotated>,
        bytes: &[u8],
        base: usize,
        frame: &hdlc::Frame<'_>,
        entry: &Entry<'_>,
    ) -> (usize, usize) {
        let continues = self.segmented && llc::strip(frame.information).is_none();
        if frame.is_good() {
            self.segmented = frame.segmented;
            let flag = if frame.opening_flag { "" } else { " behind a flag that two frames share" };
            let what = format!("HDLC frame, {} bytes{flag}{}", bytes.len(), telegram(entry.decoded.as_ref()));
            rows.push(note(base, what, ""));
        } else {
            rows.push(note(base, "damaged HDLC frame", damage(bytes, frame)));
        }
        let mut out = Out::new(rows, bytes, base);
        let (end, payload) = hdlc_head(&mut out, frame);
        out.within(end, |out| match (frame.is_good(), continues, frame.segmented) {
            (false, ..) => self.unproven(out),
            (true, false, true) => apdu::part(out, "first segment"),
            (true, true, true) => apdu::part(out, "segment, more follow"),
            (true, true, false) => apdu::part(out, "last segment"),
            (true, false, false) => apdu::whole(out, &entry.assembly, entry.decoded.as_ref()),
        });
        hdlc_tail(&mut out, frame);
        (payload, end)
    }

    /// Content a damaged frame carries, in the words it would have if it were good.
    fn unproven(&self, out: &mut Out<'_>) {
        let known = self.forced.or(self.last);
        let mut decoder = known.map_or_else(Decoder::new, Decoder::with_profile);
        let decoded = decoder.decode(out.rest(), None);
        apdu::plain_or_wrapped(out, Some(&decoded));
    }

    fn mbus(
        &mut self,
        rows: &mut Vec<Annotated>,
        bytes: &[u8],
        base: usize,
        frame: &mbus::Frame<'_>,
        entry: &Entry<'_>,
    ) -> (usize, usize) {
        self.segmented = false;
        let length = usize::from(bytes.get(1).copied().unwrap_or(0));
        // As the frame reader has it: a length below its own fields has lost its ninth bit.
        let length = if length < mbus::FIELDS { length + 256 } else { length };
        if frame.checksum_ok {
            let what = format!("M-Bus frame, {} bytes{}", bytes.len(), telegram(entry.decoded.as_ref()));
            rows.push(note(base, what, ""));
        } else {
            let why = if bytes.len() < length + 6 { "cut short" } else { "checksum or stop byte is wrong" };
            rows.push(note(base, "damaged M-Bus frame", format!("{why}; not read")));
        }
        let mut out = Out::new(rows, bytes, base);
        mbus_head(&mut out, frame, length);
        let (start, end) = (out.at, (length + 4).min(bytes.len()));
        out.within(end, |out| match (frame.checksum_ok, frame.segment, frame.last) {
            (false, ..) => self.unproven(out),
            (true, 0, true) => apdu::whole(out, &entry.assembly, entry.decoded.as_ref()),
            (true, number, _) => apdu::part(out, &format!("segment {number}")),
        });
        let summed = bytes.get(4..end).unwrap_or(&[]).iter().fold(0_u8, |sum, &byte| sum.wrapping_add(byte));
        let sent = bytes.get(end).copied();
        let value = if sent == Some(summed) { "ok".into() } else { format!("wrong, should be {summed:02x}") };
        out.row(1, "checksum", value);
        out.row(1, "stop", if bytes.get(end + 1) == Some(&mbus::STOP) { "" } else { "wrong, should be 16" });
        out.upto(bytes.len(), "left over", "");
        (start, end)
    }

    /// Junk; what looks like the head of an HDLC frame is read as far as it goes.
    fn junk(&self, rows: &mut Vec<Annotated>, bytes: &[u8], base: usize, why: Junk) -> (usize, usize) {
        rows.push(note(base, format!("junk, {} bytes", bytes.len()), why.to_string()));
        let mut out = Out::new(rows, bytes, base);
        if let (Junk::HeaderChecksum, Some(frame)) = (why, hdlc::Frame::decode(bytes)) {
            let (end, _) = hdlc_head(&mut out, &frame);
            if llc::strip(frame.information).is_some() {
                out.within(end, |out| self.unproven(out));
            }
            out.upto(end, "unreadable", "behind a header that is wrong");
            hdlc_tail(&mut out, &frame);
        }
        out.upto(bytes.len(), "junk", "");
        (bytes.len(), bytes.len())
    }
}

/// Content is wrong with a frame that is not good.
fn damage(bytes: &[u8], frame: &hdlc::Frame<'_>) -> String {
    let there = bytes.len() - usize::from(frame.opening_flag);
    let mut wrong = Vec::new();
    if there <= frame.length {
        wrong.push(format!("cut short: {} bytes announced between the flags, {there} there", frame.length));
    } else {
        if check_sent(bytes, frame) != Some(check_right(bytes, frame)) {
            wrong.push("frame check sequence is wrong".into());
        }
        if !frame.closing_flag {
            wrong.push("no closing flag where the length says".into());
        }
    }
    wrong.join(", ") + "; not read"
}

/// The frame check sequence that stands in the frame.
fn check_sent(bytes: &[u8], frame: &hdlc::Frame<'_>) -> Option<u16> {
    let body = &bytes[usize::from(frame.opening_flag)..];
    let sent = body.get(frame.length.checked_sub(2)?..frame.length)?;
    Some(u16::from_le_bytes(sent.try_into().ok()?))
}

/// The frame check sequence that would be right.
fn check_right(bytes: &[u8], frame: &hdlc::Frame<'_>) -> u16 {
    let body = &bytes[usize::from(frame.opening_flag)..];
    crc::x25(&body[..frame.length.saturating_sub(2).min(body.len())])
}

fn check_words(sent: Option<u16>, right: u16) -> String {
    let [low, high] = right.to_le_bytes();
    if sent == Some(right) { "ok".into() } else { format!("wrong, should be {low:02x} {high:02x}") }
}

/// Flag to LLC. Gives where the information ends and where its payload starts.
fn hdlc_head(out: &mut Out<'_>, frame: &hdlc::Frame<'_>) -> (usize, usize) {
    let flag = usize::from(frame.opening_flag);
    out.row(flag, "opening flag", "");
    let segmentation = if frame.segmented { "S=1: more frames follow" } else { "S=0" };
    out.row(2, "frame format", format!("type 3, {segmentation}, length {}", frame.length));
    out.row(frame.destination.len(), "destination address", "");
    out.row(frame.source.len(), "source address", "");
    out.row(1, "control", "");
    let header = out.bytes.get(flag..out.at).unwrap_or(&[]);
    if frame.length <= header.len() + 2 {
        // A frame without information has one check only, which is its frame check.
        return (out.at, out.at);
    }
    let sent = out.rest().first_chunk().copied().map(u16::from_le_bytes);
    out.row(2, "header check sequence (HCS)", check_words(sent, crc::x25(header)));
    let end = (flag + frame.length.saturating_sub(2)).min(out.bytes.len()).max(out.at);
    if llc::strip(frame.information).is_some() {
        apdu::llc(out);
    }
    (end, out.at)
}

/// Frame check and closing flag, as far as they are there.
fn hdlc_tail(out: &mut Out<'_>, frame: &hdlc::Frame<'_>) {
    let behind = usize::from(frame.opening_flag) + frame.length;
    let value = check_words(check_sent(out.bytes, frame), check_right(out.bytes, frame));
    out.upto(behind, "frame check sequence (FCS)", value);
    out.upto(behind + 1, "closing flag", if frame.closing_flag { "" } else { "wrong, should be 7e" });
}

/// Start byte to DTSAP.
fn mbus_head(out: &mut Out<'_>, frame: &mbus::Frame<'_>, length: usize) {
    let wrapped = if length > 255 { ", the ninth bit is lost on the wire" } else { "" };
    out.row(1, "start", "");
    out.row(1, "length", format!("{length} bytes from C to the last data byte{wrapped}"));
    out.row(1, "length again", "");
    out.row(1, "start again", "");
    out.row(1, "C", "send user data");
    out.row(
        1,
        "A",
        if frame.address == 0xFF { "broadcast".into() } else { format!("address {}", frame.address) },
    );
    let last = if frame.last { "the last one" } else { "more follow" };
    out.row(1, "CI", format!("segment {}, {last}", frame.segment));
    out.row(1, "STSAP", "");
    out.row(1, "DTSAP", "");
}

/// A P1 telegram line by line.
fn p1(
    rows: &mut Vec<Annotated>,
    bytes: &[u8],
    base: usize,
    frame: &p1::Frame<'_>,
    decoded: Option<&Decoded<'_>>,
) -> (usize, usize) {
    let check = match frame.crc_ok {
        Some(true) => "CRC ok".into(),
        None => "no CRC sent".into(),
        Some(false) => "damaged: CRC is wrong; not read".to_string(),
    };
    let family = decoded.map_or(String::new(), |decoded| format!(", family {}", decoded.family.word()));
    let what = format!("P1 telegram, {} bytes{family}", bytes.len());
    rows.push(note(base, what, check));
    let mut out = Out::new(rows, bytes, base);
    let mut lines = frame.lines().peekable();
    while out.at < bytes.len() {
        let rest = out.rest();
        let end = out.at + rest.iter().position(|&byte| byte == b'\n').map_or(rest.len(), |at| at + 1);
        let text = rest[..end - out.at].trim_ascii_end().escape_ascii().to_string();
        match lines.next_if(|line| line.offset == out.at) {
            Some(line) => {
                let (meaning, value) = p1_line(&line, decoded);
                out.upto(end, meaning, value);
            }
            None if out.at == 0 => out.upto(end, "ident", text),
            None if rest[0] == b'!' => {
                let value = p1_end(bytes, out.at, frame.crc_ok);
                out.upto(end, "end", format!("{text}{value}"));
            }
            None => out.upto(end, "blank line", ""),
        }
    }
    (0, 0)
}

/// The check behind the exclamation mark at `mark`.
fn p1_end(bytes: &[u8], mark: usize, crc_ok: Option<bool>) -> String {
    match crc_ok {
        None => ": no CRC".into(),
        Some(true) => ": CRC ok".into(),
        Some(false) => format!(": CRC wrong, should be {:04X}", crc::arc(&bytes[..=mark])),
    }
}

fn p1_line(line: &p1::Line<'_>, decoded: Option<&Decoded<'_>>) -> (String, String) {
    let Some(register) = line.register else {
        return ("line".into(), format!("{}: not made like a register; skipped", line.text));
    };
    let sent = &line.text[line.text.find('(').unwrap_or(0)..];
    let holds = names::register(register.obis);
    let name = match holds {
        Some(holds) => names::holds(holds, register.obis),
        None => names::unnamed(register.obis),
    };
    let value = match (holds, decoded.and_then(|decoded| decoded.telegram.as_ref())) {
        (Some(Holds::Number(key)), Some(telegram)) => p1_number(sent, key, telegram.reading.get(key)),
        (Some(Holds::Clock), Some(telegram)) => p1_time(sent, telegram.reading.timestamp),
        (Some(_), _) => sent.into(),
        (None, _) => format!("{sent}: not read"),
    };
    (format!("{} {name}", register.obis), value)
}

fn p1_time(sent: &str, time: Option<LocalTime>) -> String {
    let Some(time) = time else { return format!("{sent}: impossible or unspecified: no time") };
    let offset = time.utc_offset_min.map_or("not specified".into(), |offset| format!("UTC{offset:+} min"));
    format!("{sent} = {time}, {offset}")
}

fn p1_number(sent: &str, key: Key, field: Field) -> String {
    match field {
        Field::Present(value) => format!("{sent} = {value} {}", key.kind().unit()).trim_end().into(),
        Field::Invalid(raw) => format!("{sent}: digits {raw} give no value; left out"),
        Field::Absent => format!("{sent}: no value; left out"),
    }
}
