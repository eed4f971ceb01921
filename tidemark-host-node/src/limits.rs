//! This host's named bounds.

/// How many workers may exist at once. Each has an isolate of its own, of some megabytes.
pub const MAX_WORKERS: usize = 128;

/// How often a wait looks at its word before it sleeps: about a microsecond's worth.
pub const SPINS_BEFORE_WAIT: u32 = 200;

/// The longest sleep that is asked of the control event loop at once, in nanoseconds: timers of JavaScript hold 31 bits
/// of milliseconds (HTML, 8.7 "Timers").
pub const MAX_CONTROL_SLEEP_NANOS: u64 = (i32::MAX as u64) * 1_000_000;

/// The most bytes that one call for randomness may ask of the platform (Web Cryptography API, 10.1.1
/// "The getRandomValues method").
pub const MAX_ENTROPY_CHUNK_BYTES: usize = 65_536;

/// How far the realtime clock may be from what the monotonic one predicts before it is taken to have been set, in
/// nanoseconds: twice the step of the platform's clock.
pub const REALTIME_SLACK_NANOS: u64 = 2_000_000;
