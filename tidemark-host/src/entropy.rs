//! Randomness from the platform.
//!
//! Owns the one call that fills bytes. It owns no generator: the kernel seeds its own from this, as an input.

use crate::error::HostError;

/// The host's source of cryptographically secure random bytes. Worker side.
pub trait Entropy: Clone + Send + Sync + 'static {
    /// Fills all of `out`. The bytes may lie in shared memory: a host whose platform refuses to write there fills a
    /// buffer of its own and copies.
    ///
    /// # Errors
    /// The platform's error where it has no working generator; `out` is then unspecified and must not be used.
    ///
    /// # Blocking
    /// Only until the platform's generator is seeded, at the machine's start.
    ///
    /// # Checked by
    /// - `entropy: every byte of every length is filled`
    /// - `entropy: an empty buffer is filled`
    /// - `entropy: workers get bytes of their own`
    fn fill(&self, out: &mut [u8]) -> Result<(), HostError>;
}
