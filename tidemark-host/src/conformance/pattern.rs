//! Bytes that tell where they belong: what the suite and its peer send each other.
//!
//! Every eight bytes are a function of a seed and of their place, so that one byte lost, repeated or moved is found, and
//! neither side keeps what it sent.

use bytes::Bytes;

/// The step in which the pattern is made, in bytes.
const STEP: usize = 8;

/// The `length` bytes at `offset` of the pattern of `seed`.
pub(super) fn bytes(seed: u64, offset: u64, length: usize) -> Bytes {
    let mut bytes = Vec::with_capacity(length + 2 * STEP);
    let skipped = (offset % STEP as u64) as usize;
    let mut number = offset / STEP as u64;
    while bytes.len() < skipped + length {
        bytes.extend_from_slice(&step(seed, number));
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
        if let Some(position) = found.iter().zip(&expected).position(|(found, expected)| found != expected) {
            return Err(format!("byte {} is not the one that was sent", self.offset + position as u64));
        }
        self.offset += found.len() as u64;
        Ok(())
    }
}

/// SplitMix64 (Steele, Lea, Flood: "Fast Splittable Pseudorandom Number Generators", 2014).
fn step(seed: u64, number: u64) -> [u8; STEP] {
    let mut mixed = seed.wrapping_add(number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (mixed ^ (mixed >> 31)).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_make_the_whole() {
        let whole = bytes(7, 0, 100);
        for at in 0..100 {
            assert_eq!(bytes(7, at as u64, 100 - at), whole.slice(at..));
        }
    }

    #[test]
    fn a_moved_byte_is_found() {
        let mut checker = Checker::new(7);
        assert_eq!(checker.read(&bytes(7, 0, 10)), Ok(()));
        assert!(checker.read(&bytes(7, 11, 10)).is_err());
        assert_eq!(checker.offset(), 10);
    }
}
