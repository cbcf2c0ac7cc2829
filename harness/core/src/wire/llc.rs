//! The three bytes between an HDLC information field and the APDU (IEC 62056-46). Only the meter's direction.

/// Destination LSAP, source LSAP, quality, as every meter of this family sends them.
pub const LLC: [u8; 3] = [0xE6, 0xE7, 0x00];

/// The bytes behind the LLC; `None` where there is no LLC.
pub fn strip(bytes: &[u8]) -> Option<&[u8]> {
    bytes.strip_prefix(&LLC)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_meters_direction_is_an_llc() {
        assert_eq!(strip(&[0xE6, 0xE7, 0x00, 0x0F]), Some(&[0x0F][..]));
        assert_eq!(strip(&[0xE6, 0xE6, 0x00, 0x0F]), None);
        assert_eq!(strip(&[0xE6, 0xE7]), None);
    }
}
