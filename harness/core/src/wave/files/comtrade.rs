//! COMTRADE, IEEE C37.111: what relay test sets and power-quality benches play. Written from knowledge of the standard,
//! not re-read for this; `fixtures/waveforms/verify.py` has a reader that is not ours read it.
//!
//! A value is `a·code + b`, in volts and primary amperes (`P`); primary and secondary are those of the transformer in
//! front of the clamp, so that a bench that drives the secondary of 100:5 divides by twenty. The date is always
//! 1 January 2000: the same spec gives the same bytes.

use super::{Layout, Unfit};
use std::fmt::Write as _;
use std::io::Write as _;

/// How the samples of a `.dat` are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Data {
    /// Text, edition of 1999.
    Ascii,
    /// 16 bits, low byte first, edition of 1999.
    Binary,
    /// 32 bits, low byte first, edition of 2013.
    Binary32,
}

/// Longest name that a line may hold.
const NAME_MAX: usize = 64;
/// The date of the first sample and of the trigger.
const DATE: &str = "01/01/2000,00:00:00.000000";
/// Largest sample number: ten digits of text, 32 bits of binary.
const TEXT_MAX: u64 = 9_999_999_999;
const BINARY_MAX: u64 = u32::MAX as u64;

pub(super) fn check(layout: &Layout, data: Data) -> Result<(), Unfit> {
    let most = if data == Data::Ascii { TEXT_MAX } else { BINARY_MAX };
    if layout.frames <= most {
        return Ok(());
    }
    let what = "samples of each channel, and COMTRADE numbers them up to";
    Err(Unfit(format!("{} {what} {most}; shorten `duration_s`, or write .i16", layout.frames)))
}

/// The smallest code of the file: in BINARY −32768 says that a value is missing.
fn lowest(data: Data, code: i32) -> i32 {
    if data == Data::Binary { code.max(-32_767) } else { code }
}

/// Microseconds of one step of a time stamp: as many as it takes for the last to fit 31 bits.
fn time_step(layout: &Layout) -> u64 {
    let last = layout.rate.seconds(layout.frames) * 1e6;
    let mut step = 1;
    while last / step as f64 >= f64::from(i32::MAX) {
        step *= 10;
    }
    step
}

fn stamp(layout: &Layout, step: u64, number: u64) -> u64 {
    (layout.rate.seconds(number) * 1e6 / step as f64).round() as u64
}

/// Letters that every reader takes and that end no field.
fn plain(name: &str) -> String {
    let plain = |letter: char| if letter.is_ascii_graphic() && letter != ',' { letter } else { '_' };
    name.chars().map(plain).take(NAME_MAX).collect()
}

/// The text of the `.cfg`.
pub(super) fn cfg(layout: &Layout, data: Data) -> String {
    let (year, kind) = match data {
        Data::Ascii => (1999, "ASCII"),
        Data::Binary => (1999, "BINARY"),
        Data::Binary32 => (2013, "BINARY32"),
    };
    let count = layout.columns.len();
    let mut text = format!("{},hanbench,{year}\r\n{count},{count}A,0D\r\n", plain(&layout.name));
    for (column, number) in layout.columns.iter().zip(1..) {
        let (a, b) = (column.scale.per_lsb, 0.0 - column.scale.zero * column.scale.per_lsb);
        let [low, high] = column.codes;
        let [primary, secondary] = column.ratio;
        // Writing to a text does not fail.
        let _ = write!(
            text,
            "{number},{},{},,{},{a},{b},{},{},{high},{primary},{secondary},P\r\n",
            column.name,
            column.phase,
            column.unit,
            column.skew_us,
            lowest(data, low),
        );
    }
    let (rate, step) = (layout.rate.hz(), time_step(layout));
    let _ = write!(text, "{}\r\n1\r\n{rate},{}\r\n{DATE}\r\n{DATE}\r\n", layout.f_hz, layout.frames);
    let _ = write!(text, "{kind}\r\n{step}\r\n");
    if data == Data::Binary32 {
        // Universal time; the clock's quality is good, no leap second.
        text.push_str("0,0\r\n0,0\r\n");
    }
    text
}

/// Rows of the `.dat`; gives how many codes had to be moved by one.
pub(super) fn rows(layout: &Layout, data: Data, first: u64, samples: &[i16], out: &mut Vec<u8>) -> u64 {
    let step = time_step(layout);
    let mut altered = 0;
    for (frame, number) in samples.chunks_exact(layout.columns.len().max(1)).zip(first..) {
        let stamp = stamp(layout, step, number);
        if data == Data::Ascii {
            // Writing to memory does not fail.
            let _ = write!(out, "{},{stamp}", number + 1);
            for code in frame {
                let _ = write!(out, ",{code}");
            }
            out.extend(b"\r\n");
            continue;
        }
        // Both fit: `check` and `time_step` have seen to that.
        out.extend((number as u32 + 1).to_le_bytes());
        out.extend((stamp as u32).to_le_bytes());
        for code in frame.iter().map(|code| i32::from(*code)) {
            let kept = lowest(data, code);
            altered += u64::from(kept != code);
            let length = if data == Data::Binary { 2 } else { 4 };
            out.extend(&kept.to_le_bytes()[..length]);
        }
    }
    altered
}
