//! The two check sequences of this family of meters. Refuses to guess: which one a link uses is its own rule.

use crc::{CRC_16_ARC, CRC_16_IBM_SDLC, Crc, Table};

// Sixteen bytes per step: checking a frame must not cost a step per byte.
static X25: Crc<u16, Table<16>> = Crc::<u16, Table<16>>::new(&CRC_16_IBM_SDLC);
static ARC: Crc<u16, Table<16>> = Crc::<u16, Table<16>>::new(&CRC_16_ARC);

/// CRC-16/X-25, the HCS and FCS of HDLC (ISO/IEC 13239; protocol sheet, section 2). Sent low byte first.
pub fn x25(bytes: &[u8]) -> u16 {
    X25.checksum(bytes)
}

/// CRC-16/ARC, the check of a P1 telegram from `/` to `!` (DSMR 5.0.2, section 6.2).
pub fn arc(bytes: &[u8]) -> u16 {
    ARC.checksum(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_values_of_the_catalogue() {
        assert_eq!(x25(b"123456789"), 0x906E);
        assert_eq!(arc(b"123456789"), 0xBB3D);
    }
}
