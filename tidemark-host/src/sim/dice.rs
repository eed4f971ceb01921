//! Choices from a seed.
//!
//! ChaCha with 8 rounds: the same numbers on every platform and in every version of the generator's crate. Each user has
//! a stream of its own, so that one more choice of one of them does not change those of the others.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Who throws.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stream {
    Schedule,
    Clock,
    Entropy,
    Memory,
    Workers,
    Wakeups,
}

/// One stream of choices.
#[derive(Clone, Debug)]
pub(super) struct Dice(ChaCha8Rng);

impl Dice {
    pub(super) fn new(seed: u64, stream: Stream) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream as u64);
        Self(rng)
    }

    /// A number below `end`; 0 if that is 0. The bias of the remainder is far below what a test could see.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        match end {
            0 => 0,
            end => self.0.next_u64() % end,
        }
    }

    /// An index of a list of `length` entries.
    pub(super) fn index(&mut self, length: usize) -> usize {
        // Below `length`, so it fits.
        self.below(length as u64) as usize
    }

    /// Whether something happens that does so `per_mille` times in a thousand. What never happens throws no dice.
    pub(super) fn happens(&mut self, per_mille: u32) -> bool {
        per_mille > 0 && self.below(1000) < u64::from(per_mille)
    }

    pub(super) fn fill(&mut self, out: &mut [u8]) {
        self.0.fill_bytes(out);
    }
}
