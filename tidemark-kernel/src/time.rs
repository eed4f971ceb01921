//! Time as the kernel knows it: a value that comes in with every input.
//!
//! Owns `Now` and the kernel's nanosecond type; reads no clock itself.

/// Nanoseconds on some clock, or a span of them.
pub type Nanos = u64;

/// The moment an input was made, on the clocks the kernel keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Nanoseconds of `CLOCK_MONOTONIC`, from an arbitrary start; never steps back.
    pub monotonic: Nanos,
    /// Nanoseconds since 1970-01-01 UTC (`CLOCK_REALTIME`).
    pub realtime: Nanos,
}

/// Nanoseconds in a second.
pub const NANOS_PER_SECOND: Nanos = 1_000_000_000;
