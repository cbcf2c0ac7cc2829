//! From bytes to elements: link layers, block transfer, ciphering, APDUs, A-XDR. Knows no vendor and no ampere.
//!
//! Foreign bytes never give a `Result` and never a panic: they give items and problems, and every input byte
//! belongs to exactly one item. nom's errors never leave this module.
//!
//! | file | what |
//! |---|---|
//! | [`framer`] | stream → items (frames and junk), resynchronisation, timeouts |
//! | [`hdlc`], [`mbus`], [`p1`], [`llc`] | one link layer each: probe, parse, encode |
//! | [`assemble`] | items → APDU: segments, then blocks and ciphering undone |
//! | [`blocks`] | general block transfer |
//! | [`cipher`] | general-glo-ciphering |
//! | [`apdu`] | data-notification and its date-time |
//! | [`axdr`] | A-XDR elements |
//! | `ber` | lengths, as A-XDR, ciphering and blocks carry them |
//! | [`rows`] | the registers of a notification body, whatever its shape |
//! | [`time`] | COSEM date-time, twelve bytes |

pub mod apdu;
pub mod assemble;
pub mod axdr;
pub(crate) mod ber;
pub mod blocks;
pub mod cipher;
pub mod crc;
pub mod framer;
pub mod hdlc;
pub mod llc;
pub mod mbus;
pub mod p1;
pub mod rows;
pub mod time;

/// What is wrong with foreign bytes, and where.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Problem {
    /// Offset of the byte where it shows, from the start of the bytes that were decoded.
    pub offset: usize,
    /// What it is.
    pub kind: ProblemKind,
}

/// Everything that can be wrong below the meaning of a register.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProblemKind {
    /// The bytes end inside a value.
    Truncated,
    /// A tag that no document of these meters names.
    UnknownTag(u8),
    /// A length in more than two bytes, or in a form that says none: its first byte.
    LengthForm(u8),
    /// More nesting than [`axdr::DEPTH_MAX`].
    TooDeep,
    /// More elements than [`axdr::COUNT_MAX`].
    TooMany,
    /// Bytes left over behind a complete body.
    Trailing(usize),
    /// An APDU that is no data-notification: its tag.
    UnknownApdu(u8),
    /// A date-time field of a form that no meter sends: its first byte.
    DateTimeForm(u8),
    /// A segment or block that does not continue the one before it.
    OutOfOrder,
    /// More bytes in one APDU than any meter of this family sends.
    TooLong,
    /// Ciphered, and no key was given.
    NoKey,
    /// Ciphered, and the authentication tag does not fit the keys.
    Authentication,
    /// A ciphering header that cannot be read.
    CipherHeader,
    /// A ciphering header without a system title: the nonce cannot be built from the telegram alone.
    NoSystemTitle,
    /// Deciphering with the encryption key gives no APDU.
    WrongKey,
    /// A security suite or mode that is not AES-128-GCM: the security control byte.
    SecurityControl(u8),
}

impl core::fmt::Display for ProblemKind {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            ProblemKind::Truncated => write!(f, "the bytes end inside a value"),
            ProblemKind::UnknownTag(tag) => write!(f, "unknown data tag {tag:02x}"),
            ProblemKind::LengthForm(byte) => {
                write!(f, "length starts with {byte:02x}; in a telegram it has two bytes at most")
            }
            ProblemKind::TooDeep => write!(f, "nested deeper than {} levels", axdr::DEPTH_MAX),
            ProblemKind::TooMany => write!(f, "more than {} elements", axdr::COUNT_MAX),
            ProblemKind::Trailing(count) => write!(f, "{count} bytes left over behind the body"),
            ProblemKind::UnknownApdu(tag) => write!(f, "APDU with tag {tag:02x} is no data-notification"),
            ProblemKind::DateTimeForm(byte) => write!(f, "date-time field starts with {byte:02x}"),
            ProblemKind::OutOfOrder => write!(f, "segment or block out of order"),
            ProblemKind::TooLong => write!(f, "APDU longer than any meter of this family sends"),
            ProblemKind::NoKey => write!(f, "ciphered, and no key was given"),
            ProblemKind::Authentication => write!(f, "authentication tag does not fit the keys"),
            ProblemKind::CipherHeader => write!(f, "unreadable ciphering header"),
            ProblemKind::NoSystemTitle => write!(f, "ciphering header without a system title"),
            ProblemKind::WrongKey => write!(f, "deciphering with this encryption key gives no APDU"),
            ProblemKind::SecurityControl(byte) => {
                write!(f, "security control {byte:02x} is not AES-128-GCM with unicast key")
            }
        }
    }
}
