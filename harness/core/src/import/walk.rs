//! Finds telegrams in bytes: a minimal walker over HDLC, wired M-Bus and P1 frames and bare APDUs.
//!
//! It answers two questions only: where does a telegram begin and end, and do its checks fit. It refuses to
//! decode. Sources: HAN protocol sheet sections 2 (frame formats, checks) and 3 (data-notification, ciphering).

use crc::{CRC_16_ARC, CRC_16_IBM_SDLC, Crc, Table};

/// CRC-16/X-25: header and frame check sequence of HDLC.
pub(super) const X25: Crc<u16, Table<1>> = Crc::<u16, Table<1>>::new(&CRC_16_IBM_SDLC);
/// CRC-16/ARC: the four digits behind the `!` of a P1 telegram.
pub(super) const ARC: Crc<u16, Table<1>> = Crc::<u16, Table<1>>::new(&CRC_16_ARC);

/// The longest P1 telegram that is looked for. Swedish and Dutch telegrams have 0.5 to 2 KiB.
const P1_MAX: usize = 8192;

/// What a telegram is wrapped in, outermost first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Link {
    Hdlc,
    Mbus,
    P1,
    /// From `E6 E7 00` on.
    Llc,
    /// A general-glo-ciphering APDU, `DB`.
    Ciphered,
    /// A data-notification APDU, `0F`.
    Apdu,
}

impl Link {
    /// Whether the bytes are as on the serial line.
    pub(super) fn is_wire(self) -> bool {
        matches!(self, Link::Hdlc | Link::Mbus | Link::P1)
    }
}

/// Whether the checks of a telegram fit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Check {
    /// Length and every checksum fit.
    Intact,
    /// The end is missing: this many bytes, where the length is known.
    Cut(usize),
    /// The length fits, the checksum over the frame does not.
    BadChecksum,
    /// The header itself is damaged, or the closing flag is not where the length says.
    BadHeader,
    /// Nothing to check: an APDU without link layer, or a P1 telegram without CRC.
    None,
}

/// The beginning of a telegram, as far as its first bytes tell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Start {
    pub(super) link: Link,
    pub(super) check: Check,
    /// Bytes of the whole telegram by its own length field.
    pub(super) len: Option<usize>,
    /// A checksum or a long fixed pattern vouches for it, so that it counts anywhere in a stream.
    pub(super) strong: bool,
}

/// A telegram within bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Frame {
    pub(super) start: usize,
    /// End, exclusive.
    pub(super) end: usize,
    pub(super) link: Link,
    pub(super) check: Check,
}

/// What begins at the first byte, if a telegram does.
pub(super) fn probe(bytes: &[u8]) -> Option<Start> {
    match *bytes.first()? {
        0x7e => hdlc(bytes),
        0x68 => mbus(bytes),
        b'/' => p1(bytes),
        0xe6 if bytes.starts_with(&[0xe6, 0xe7, 0x00]) => Some(unchecked(Link::Llc)),
        0xdb if bytes.starts_with(&[0xdb, 0x08]) && cipher_header(bytes).is_some() => {
            Some(unchecked(Link::Ciphered))
        }
        0x0f if is_notification(bytes) => Some(unchecked(Link::Apdu)),
        _ => None,
    }
}

fn unchecked(link: Link) -> Start {
    Start { link, check: Check::None, len: None, strong: false }
}

/// Length of the header of an HDLC frame that starts with its opening flag, flag and HCS included.
pub(super) fn hdlc_header_len(bytes: &[u8]) -> Option<usize> {
    let mut at = 3;
    for _address in 0..2 {
        let last = bytes.iter().skip(at).take(4).position(|byte| byte & 1 == 1)?;
        at += last + 1;
    }
    Some(at + 3)
}

fn hdlc(bytes: &[u8]) -> Option<Start> {
    let (&high, &low) = (bytes.get(1)?, bytes.get(2)?);
    if high & 0xf0 != 0xa0 {
        return None;
    }
    let len = (usize::from(high & 7) << 8 | usize::from(low)) + 2;
    // Format, two addresses, control, HCS, FCS and both flags.
    if len < 11 {
        return None;
    }
    let header_ok = hdlc_header_len(bytes).is_some_and(|header| {
        header <= len
            && bytes.get(1..header).is_some_and(|header| {
                let (covered, sent) = header.split_at(header.len() - 2);
                X25.checksum(covered).to_le_bytes() == sent
            })
    });
    let check = match bytes.get(..len) {
        _ if !header_ok => Check::BadHeader,
        None => Check::Cut(len - bytes.len()),
        Some(frame) if frame[len - 1] != 0x7e => Check::BadHeader,
        Some(frame) if X25.checksum(&frame[1..len - 3]).to_le_bytes() == frame[len - 3..len - 1] => {
            Check::Intact
        }
        Some(_) => Check::BadChecksum,
    };
    Some(Start { link: Link::Hdlc, check, len: Some(len), strong: header_ok })
}

/// `68 L L 68 … CS 16`. Sagemcom lets L wrap at 256 for a longer frame.
fn mbus(bytes: &[u8]) -> Option<Start> {
    let [0x68, first, second, 0x68, ..] = *bytes else {
        return None;
    };
    if first != second {
        return None;
    }
    let whole = |len: usize| {
        bytes.get(..len).is_some_and(|frame| frame[len - 1] == 0x16 && mbus_sum(frame) == frame[len - 2])
    };
    let short = usize::from(first) + 6;
    // Control, address and CI are the least a frame can hold.
    let fits = [short, short + 256].into_iter().find(|&len| len >= 9 && whole(len));
    let len = fits.unwrap_or(if short >= 9 { short } else { short + 256 });
    let check = match (fits, bytes.len() < len) {
        (Some(_), _) => Check::Intact,
        (None, true) => Check::Cut(len - bytes.len()),
        (None, false) => Check::BadChecksum,
    };
    Some(Start { link: Link::Mbus, check, len: Some(len), strong: fits.is_some() })
}

/// The checksum byte of a whole M-Bus frame: the sum from the control byte to the last data byte.
pub(super) fn mbus_sum(frame: &[u8]) -> u8 {
    frame[4..frame.len() - 2].iter().fold(0, |sum, byte| sum.wrapping_add(*byte))
}

/// `/XXX5…` to `!` and, where sent, four digits of CRC and the line end.
fn p1(bytes: &[u8]) -> Option<Start> {
    let head = bytes.get(1..5)?;
    if !head[..3].iter().all(u8::is_ascii_alphabetic) || !head[3].is_ascii_digit() {
        return None;
    }
    let window = &bytes[..bytes.len().min(P1_MAX)];
    let text_end = window.iter().position(|&byte| byte == 0 || byte >= 0x80).unwrap_or(window.len());
    let Some(mark) = window[..text_end].iter().position(|&byte| byte == b'!') else {
        return Some(Start { link: Link::P1, check: Check::Cut(0), len: None, strong: false });
    };
    let crc = window.get(mark + 1..mark + 5).filter(|crc| crc.iter().all(u8::is_ascii_hexdigit));
    let check = match crc {
        None => Check::None,
        Some(sent) if p1_crc(&window[..=mark]).as_bytes().eq_ignore_ascii_case(sent) => Check::Intact,
        Some(_) => Check::BadChecksum,
    };
    let mut len = mark + 1 + crc.map_or(0, <[u8]>::len);
    for line_end in [b'\r', b'\n'] {
        len += usize::from(window.get(len) == Some(&line_end));
    }
    Some(Start { link: Link::P1, check, len: Some(len), strong: true })
}

/// The CRC digits over everything from `/` to `!`.
pub(super) fn p1_crc(covered: &[u8]) -> String {
    format!("{:04X}", ARC.checksum(covered))
}

/// `0F`, four bytes of invoke-id, one of the date-time forms that meters send, and a body.
fn is_notification(bytes: &[u8]) -> bool {
    let body = match bytes.get(5..) {
        Some([0x00, body @ ..]) => body,
        Some([0x0c, rest @ ..]) | Some([0x09, 0x0c, rest @ ..]) | Some([0x19, rest @ ..])
            if matches!(rest.first(), Some(0x07 | 0x08)) =>
        {
            match rest.get(12..) {
                Some(body) => body,
                None => return true,
            }
        }
        _ => return false,
    };
    matches!(body.first(), Some(0x01 | 0x02 | 0x09 | 0x0a) | None)
}

/// Offset of what follows the invocation counter of a general-glo-ciphering APDU, and its security control.
fn cipher_header(bytes: &[u8]) -> Option<(usize, u8)> {
    let title = usize::from(*bytes.get(1)?);
    let at = 2 + title;
    let at = match *bytes.get(at)? {
        long @ 0x81..=0x84 => at + 1 + usize::from(long & 0x0f),
        0x80.. => return None,
        _ => at + 1,
    };
    let security = *bytes.get(at)?;
    // Suite 0 or 1, and at least one of authenticated and encrypted.
    (security & 0x0f <= 1 && security & 0x30 != 0).then_some((at + 5, security))
}

/// What a telegram carries inside ciphering, as far as that can be seen without a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Inside {
    /// Not ciphered.
    Plain,
    /// Ciphered.
    Ciphered,
    /// A ciphering header, and plain text behind it: dumped after deciphering in place (field bugs, section 0
    /// item 5).
    Deciphered,
}

/// Looks behind link layer and LLC of one telegram.
pub(super) fn inside(telegram: &[u8], link: Link) -> Inside {
    let information = match link {
        Link::Hdlc => hdlc_header_len(telegram).unwrap_or(0),
        // Start, both lengths, start, control, address, CI, STSAP, DTSAP.
        Link::Mbus => 9,
        Link::P1 | Link::Llc | Link::Ciphered | Link::Apdu => 0,
    };
    let apdu = telegram.get(information..).unwrap_or_default();
    let apdu = apdu.strip_prefix(&[0xe6, 0xe7, 0x00]).unwrap_or(apdu);
    match cipher_header(apdu) {
        Some((plain, _)) if apdu[0] == 0xdb => {
            let rest = apdu.get(plain..).unwrap_or_default();
            if rest.len() > 6 && rest[0] == 0x0f && is_notification(rest) {
                Inside::Deciphered
            } else {
                Inside::Ciphered
            }
        }
        _ => Inside::Plain,
    }
}

/// All telegrams in `bytes`, in order; what lies between two of them belongs to neither.
///
/// `breaks` are the offsets at which a line of text began, ascending. A beginning that no checksum vouches
/// for counts at such a place only, at the start, or right behind another telegram.
pub(super) fn frames(bytes: &[u8], breaks: &[usize]) -> Vec<Frame> {
    let mut frames: Vec<Frame> = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let behind = frames.last().is_some_and(|last| last.end == at && last.check == Check::Intact);
        let anchored = at == 0 || behind || breaks.binary_search(&at).is_ok();
        let Some(start) = begins(bytes, at, anchored) else {
            at += 1;
            continue;
        };
        let declared = start.len.map(|len| at + len).filter(|&end| end <= bytes.len());
        let end = match (start.check, declared) {
            (Check::Intact, Some(end)) => end,
            (Check::BadChecksum | Check::None, Some(end)) => {
                end.min(next_start(bytes, at, breaks, start.link))
            }
            _ => next_start(bytes, at, breaks, start.link),
        };
        // Another telegram begins before this one is over: that is an end missing, not a wrong header.
        let missing = start.len.filter(|_| start.strong).map_or(0, |len| (at + len).saturating_sub(end));
        let check = if missing > 0 { Check::Cut(missing) } else { start.check };
        frames.push(Frame { start: at, end, link: start.link, check });
        at = end;
    }
    frames
}

/// A telegram that begins at `at`, either by itself or with the closing flag of the frame before it.
fn begins(bytes: &[u8], at: usize, anchored: bool) -> Option<Start> {
    let start = probe(&bytes[at..]).filter(|start| start.strong || anchored);
    let shared = || {
        let flag = at.checked_sub(1).filter(|&flag| anchored && bytes[flag] == 0x7e)?;
        let start = hdlc(&bytes[flag..]).filter(|start| start.strong)?;
        Some(Start { len: start.len.map(|len| len - 1), ..start })
    };
    start.or_else(shared)
}

/// Where the telegram after the damaged or unbounded one at `from` begins, or the end.
fn next_start(bytes: &[u8], from: usize, breaks: &[usize], link: Link) -> usize {
    let strong = |at: usize| match bytes[at] {
        0x7e | 0x68 | b'/' => probe(&bytes[at..]).is_some_and(|start| start.strong),
        _ => false,
    };
    let line = |at: usize| {
        breaks.binary_search(&at).is_ok()
            && probe(&bytes[at..]).is_some_and(|start| start.link.is_wire() || !link.is_wire())
    };
    (from + 1..bytes.len()).find(|&at| strong(at) || line(at)).unwrap_or(bytes.len())
}
