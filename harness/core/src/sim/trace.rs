//! What happened, folded into one number: the same number twice means the same run twice.

/// The folded trace. Not for keeping secrets; two different runs have the same value once in 2⁶⁴.
#[derive(Clone, Copy, Default, Debug)]
pub struct Trace(u64);

impl Trace {
    /// Adds numbers.
    pub fn words(&mut self, words: &[u64]) {
        for word in words {
            // The finaliser of splitmix64: every bit of the state changes every bit of the next.
            let mut mixed = (self.0 ^ word).wrapping_add(0x9E37_79B9_7F4A_7C15);
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            self.0 = mixed ^ (mixed >> 31);
        }
    }

    /// Adds bytes, and how many there were.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.words(&[bytes.len() as u64]);
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.words(&[u64::from_le_bytes(word)]);
        }
    }

    /// The number.
    pub fn value(self) -> u64 {
        self.0
    }
}
