//! The guest's randomness: one generator for `getrandom`, `/dev/urandom`, `AT_RANDOM` and the kernel's own hashing.
//!
//! Owns the generator. Its seed comes from outside, so that a simulated system repeats itself.

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Bytes of a seed.
pub const SEED_BYTES: usize = 32;

/// A ChaCha20 generator.
pub struct Entropy {
    generator: ChaCha20Rng,
}

impl Entropy {
    /// A generator that this seed determines.
    pub fn new(seed: [u8; SEED_BYTES]) -> Entropy {
        Entropy { generator: ChaCha20Rng::from_seed(seed) }
    }

    /// Fills `out` with random bytes.
    pub fn fill(&mut self, out: &mut [u8]) {
        self.generator.fill_bytes(out);
    }

    /// 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.generator.next_u64()
    }
}

impl core::fmt::Debug for Entropy {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        // The state is a secret of the guest.
        f.write_str("Entropy(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seed_determines_the_bytes() {
        let bytes = |seed: u8| {
            let mut out = [0; 100];
            Entropy::new([seed; SEED_BYTES]).fill(&mut out);
            out
        };
        assert_eq!(bytes(1), bytes(1));
        assert_ne!(bytes(1), bytes(2));
    }
}
