//! Bytes that tell where they belong: what the suite and its peer send each other.
//!
//! Every block is cut from one table of random bytes, at a place that depends on a seed and on the block's number: one
//! byte lost, repeated or moved is found, neither side keeps what it sent, and it costs little more than copying.

use std::sync::LazyLock;

use bytes::Bytes;

/// The step in which the pattern is made, in bytes.
const BLOCK: usize = 4096;

/// Places that a block may be cut at.
const PLACES: u64 = 1 << 16;

/// The random bytes.
static TABLE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let steps = (PLACES + BLOCK as u64) / 8;
    (0..steps).flat_map(|number| mix(0, number).to_le_bytes()).collect()
});

/// The `length` bytes at `offset` of the pattern of `seed`.
pub(super) fn bytes(seed: u64, offset: u64, length: usize) -> Bytes {
    let skipped = (offset % BLOCK as u64) as usize;
    let mut bytes = Vec::with_capacity(skipped + length + BLOCK);
    let mut number = offset / BLOCK as u64;
    while bytes.len() < skipped + length {
        let place = (mix(seed, number) % PLACES) as usize;
        bytes.extend_from_slice(&TABLE[place..place + BLOCK]);
        number += 1;
    }
    Bytes::from(bytes).slice(skipped..skipped + length)
}

/// Reads a pattern chunk by chunk.
#[derive(Clone, Debug)]
pub(super) struct Checker {
    seed: u64,
    offset: u64,
}

impl Checker {
    /// Expects the pattern of `seed` from its beginning.
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, offset: 0 }
    }

    /// How many bytes were read.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Reads the next bytes; an error says where they differ.
    pub(super) fn read(&mut self, found: &[u8]) -> Result<(), String> {
        let expected = bytes(self.seed, self.offset, found.len());
        if expected != found {
            let position = found.iter().zip(&expected).position(|(found, expected)| found != expected);
            let place = self.offset + position.unwrap_or(0) as u64;
            return Err(format!("byte {place} is not the one that was sent"));
        }
        self.offset += found.len() as u64;
        Ok(())
    }
}

/// SplitMix64 (Steele, Lea, Flood: "Fast Splittable Pseudorandom Number Generators", 2014).
fn mix(seed: u64, number: u64) -> u64 {
    let mut mixed = seed.wrapping_add(number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_make_the_whole() {
        let whole = bytes(7, 0, 10_000);
        for at in [0, 1, 4095, 4096, 4097, 8192, 9_999] {
            assert_eq!(bytes(7, at as u64, 10_000 - at), whole.slice(at..));
        }
    }

    #[test]
    fn a_moved_byte_is_found() {
        let mut checker = Checker::new(7);
        assert_eq!(checker.read(&bytes(7, 0, 10)), Ok(()));
        assert!(checker.read(&bytes(7, 11, 10)).is_err());
        assert_eq!(checker.offset(), 10);
        assert_ne!(bytes(7, 0, BLOCK), bytes(7, BLOCK as u64, BLOCK));
        assert_ne!(bytes(7, 0, BLOCK), bytes(8, 0, BLOCK));
    }
}
