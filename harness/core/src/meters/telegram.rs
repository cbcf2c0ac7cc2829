//! The content of one telegram, whatever link carried it: what decoding gives and encoding takes.

use crate::reading::Reading;
use crate::wire::{apdu::TimeForm, time::CosemTime};

/// The head of an HDLC frame as sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Address<'a> {
    /// Destination address.
    pub destination: &'a [u8],
    /// Source address.
    pub source: &'a [u8],
    /// Control byte.
    pub control: u8,
}

/// The content of one telegram, complete enough to be encoded again byte for byte.
#[derive(Clone, PartialEq, Debug)]
pub struct Telegram<'a> {
    /// The head of the frame; `None` when it came without HDLC.
    pub address: Option<Address<'a>>,
    /// Long-invoke-id-and-priority.
    pub invoke_id: u32,
    /// How the date-time of the APDU is written.
    pub time_form: TimeForm,
    /// The date-time of the APDU as sent.
    pub time: Option<CosemTime>,
    /// The clock object as sent.
    pub clock: Option<CosemTime>,
    /// The values.
    pub reading: Reading<'a>,
}
