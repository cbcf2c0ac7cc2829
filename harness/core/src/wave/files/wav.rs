//! WAV. More than two channels need the extensible form of the header, by the rules of the format's owner.

use super::{Layout, Unfit};

/// Bytes that the size fields can say.
const LARGEST: u64 = u32::MAX as u64;
/// Tail of the identifier that says PCM in an extensible header; the first two bytes are the old format tag.
const PCM_GUID: [u8; 14] = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];

/// Bytes of the `fmt ` chunk without its head.
fn format_length(layout: &Layout) -> u32 {
    if layout.columns.len() > 2 { 40 } else { 16 }
}

fn data_length(layout: &Layout) -> u64 {
    layout.frames.saturating_mul(layout.columns.len() as u64 * 2)
}

/// Everything behind the first size field: `WAVE`, the `fmt ` chunk, the head of `data`, the samples.
fn riff_length(layout: &Layout) -> u64 {
    data_length(layout).saturating_add(4 + 8 + u64::from(format_length(layout)) + 8)
}

pub(super) fn check(layout: &Layout) -> Result<(), Unfit> {
    if !layout.rate.num.is_multiple_of(layout.rate.den) {
        return Err(Unfit(format!(
            "a WAV says a whole number of samples per second, and this is {}/{}; write .csv, .i16 or .cfg",
            layout.rate.num, layout.rate.den
        )));
    }
    let over = riff_length(layout).saturating_sub(LARGEST);
    if over == 0 {
        return Ok(());
    }
    let frame = layout.columns.len() as u64 * 2;
    let fits = layout.rate.seconds((data_length(layout) - over) / frame).floor();
    Err(Unfit(format!(
        "a WAV holds 4 GiB, and this would be {:.1} GiB; shorten `duration_s` to {fits} or less, or write .i16",
        data_length(layout) as f64 / f64::from(1 << 30)
    )))
}

/// The header. Sizes fit: [`check`] has seen to that.
pub(super) fn head(layout: &Layout) -> Vec<u8> {
    let channels = layout.columns.len() as u16;
    let rate = layout.rate.num / layout.rate.den;
    let extensible = format_length(layout) == 40;
    let mut head = Vec::with_capacity(68);
    head.extend(b"RIFF");
    head.extend((riff_length(layout) as u32).to_le_bytes());
    head.extend(b"WAVEfmt ");
    head.extend(format_length(layout).to_le_bytes());
    head.extend(if extensible { 0xfffe_u16 } else { 1 }.to_le_bytes());
    head.extend(channels.to_le_bytes());
    head.extend(rate.to_le_bytes());
    head.extend((rate * u32::from(channels) * 2).to_le_bytes());
    head.extend((channels * 2).to_le_bytes());
    head.extend(16_u16.to_le_bytes());
    if extensible {
        // Length of the rest, valid bits, and no loudspeaker for any channel.
        head.extend([22, 0, 16, 0, 0, 0, 0, 0]);
        head.extend(1_u16.to_le_bytes());
        head.extend(PCM_GUID);
    }
    head.extend(b"data");
    head.extend((data_length(layout) as u32).to_le_bytes());
    head
}
