//! Noise that depends on nothing but seed, channel and sample number, so that any stretch can be made alone.
//!
//! Two samples share one 64-bit word: a Weyl sequence through three rounds of Philox 2×32, each a bijection, so that
//! every bit is fair. A sample is the sum of four bytes: nearly Gaussian (excess kurtosis −0.3), never beyond 3.45 σ.
//! Only operations on 32 × 32 bits, of which compilers make vector code on every machine.

/// Step of the Weyl sequence: 2⁶⁴ over the golden ratio, odd.
const WEYL: u64 = 0x9E37_79B9_7F4A_7C15;
/// Philox multipliers of Salmon et al. 2011; their 2×32 variant uses the first.
const MULTIPLIERS: [u64; 3] = [0xD256_D193, 0xCD9E_8D57, 0xD251_1F53];
/// Mean of the sum of four bytes.
const MEAN: f32 = 4.0 * 127.5;
/// Variance of the sum of four bytes: 4·(256² − 1)/12.
const VARIANCE: f64 = 21_845.0;
/// Every other byte of a word.
const BYTES: u64 = 0x00FF_00FF_00FF_00FF;

/// The noise of one channel.
#[derive(Clone, Copy, Debug)]
pub struct Noise {
    key: u64,
    gain: f32,
}

impl Noise {
    /// Noise of mean 0 with the root mean square `rms`, in the caller's unit.
    pub fn new(seed: u64, channel: u8, rms: f64) -> Noise {
        let key = scatter(scatter(seed) ^ u64::from(channel));
        Noise { key, gain: (rms / VARIANCE.sqrt()) as f32 }
    }

    /// Adds the noise of the samples `from`, `from + 1`, … to `values`.
    pub fn add(&self, from: u64, values: &mut [f32]) {
        if self.gain == 0.0 {
            return;
        }
        // A stretch may start in the middle of a pair.
        let odd = usize::from(from % 2 == 1).min(values.len());
        let (first, rest) = values.split_at_mut(odd);
        if let [first] = first {
            *first += self.pair(self.word(from / 2))[1];
        }
        let mut word = self.word((from + odd as u64) / 2);
        let (pairs, last) = rest.as_chunks_mut::<2>();
        for values in pairs {
            let noise = self.pair(word);
            values[0] += noise[0];
            values[1] += noise[1];
            word = word.wrapping_add(WEYL);
        }
        if let [last] = last {
            *last += self.pair(word)[0];
        }
    }

    fn word(&self, pair: u64) -> u64 {
        self.key.wrapping_add(pair.wrapping_mul(WEYL))
    }

    #[inline(always)]
    fn pair(&self, word: u64) -> [f32; 2] {
        let mut word = word;
        for multiplier in MULTIPLIERS {
            let product = (word & 0xFFFF_FFFF).wrapping_mul(multiplier);
            word = product.rotate_left(32) ^ (word >> 32);
        }
        let halves = (word & BYTES) + ((word >> 8) & BYTES);
        let sums = halves + (halves >> 16);
        let (low, high) = ((sums & 0xFFFF) as i32, ((sums >> 32) & 0xFFFF) as i32);
        [(low as f32 - MEAN) * self.gain, (high as f32 - MEAN) * self.gain]
    }
}

/// Splitmix64's finaliser: neighbouring seeds and channels share nothing.
fn scatter(value: u64) -> u64 {
    let value = value.wrapping_add(WEYL);
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNT: usize = 1 << 20;

    fn made(seed: u64, channel: u8, from: u64) -> Vec<f64> {
        let mut values = vec![0.0; COUNT];
        Noise::new(seed, channel, 2.5).add(from, &mut values);
        values.into_iter().map(f64::from).collect()
    }

    /// Mean product in units of its standard error.
    fn related(a: &[f64], b: &[f64]) -> f64 {
        let sum: f64 = a.iter().zip(b).map(|(a, b)| a * b / 6.25).sum();
        sum / (a.len().min(b.len()) as f64).sqrt()
    }

    #[test]
    fn mean_rms_and_shape_are_as_stated() {
        let values = made(42, 3, 1 << 33);
        let moment =
            |power: i32| values.iter().map(|value| (value / 2.5).powi(power)).sum::<f64>() / COUNT as f64;
        let error = 1.0 / (COUNT as f64).sqrt();
        assert!(moment(1).abs() < 4.0 * error, "mean {}", moment(1));
        assert!((moment(2) - 1.0).abs() < 6.0 * error, "variance {}", moment(2));
        assert!(moment(3).abs() < 15.0 * error, "skew {}", moment(3));
        assert!((moment(4) - 2.7).abs() < 40.0 * error, "kurtosis {}", moment(4));
    }

    #[test]
    fn no_sample_tells_of_another() {
        let values = made(42, 0, 0);
        for lag in (1..200).chain([1024, 4096, 65_536]) {
            let found = related(&values, &values[lag..]);
            assert!(found.abs() < 5.0, "lag {lag}: {found}");
        }
        for other in [made(42, 1, 0), made(43, 0, 0), made(42 + (1 << 32), 0, 0)] {
            let found = related(&values, &other);
            assert!(found.abs() < 5.0, "{found}");
        }
    }

    #[test]
    fn any_stretch_is_the_slice() {
        let noise = Noise::new(7, 2, 1.0);
        let mut whole = [0.0; 64];
        noise.add(1000, &mut whole);
        for from in 0..64 {
            for to in from..64 {
                let mut part = vec![0.0; to - from];
                noise.add(1000 + from as u64, &mut part);
                assert_eq!(part, whole[from..to]);
            }
        }
    }
}
