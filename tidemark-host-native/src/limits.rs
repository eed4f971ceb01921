//! This host's named bounds and its defaults.

use std::time::Duration;

/// The region reserved unless the configuration says otherwise, in bytes. Address space only: nothing is committed.
pub const DEFAULT_RESERVED_BYTES: u64 = 64 << 30;

/// The smallest region worth starting with, in bytes. Where the platform grants less address space than asked for (an
/// address-space limit, a 32-bit machine), halves are tried down to this.
pub const MIN_RESERVED_BYTES: u64 = 512 << 20;

/// Workers at once unless the configuration says otherwise.
pub const DEFAULT_MAX_WORKERS: usize = 512;

/// Threads kept idle after their worker exited, for the next one.
pub const MAX_IDLE_WORKERS: usize = 64;

/// How long a wait spins before it sleeps. A sleep and a wake-up cost about 5 µs, so what comes within the first
/// microsecond is cheaper to await awake; longer spinning takes the core from whoever should notify.
pub const SPIN: Duration = Duration::from_micros(1);

/// Stack of the threads that run the control event loop and the deadlines of async waits, in bytes.
pub const SERVICE_STACK_BYTES: usize = 2 << 20;

/// How long an HTTP connection waits for its next request.
pub const IDLE_CONNECTION_LIFE: Duration = Duration::from_secs(90);

/// What an HTTP/1 connection reads ahead, heads included, in bytes. A head must fit.
pub const HTTP1_BUFFER_BYTES: usize = 128 << 10;

/// What an HTTP/2 stream may send before it is read, in bytes: a window of RFC 9113, 5.2.
pub const HTTP2_STREAM_WINDOW_BYTES: u32 = 1 << 20;

/// The same for all streams of a connection together, in bytes.
pub const HTTP2_CONNECTION_WINDOW_BYTES: u32 = 4 << 20;

/// The longest WebSocket message that is received, in bytes.
pub const MAX_MESSAGE_BYTES: usize = 64 << 20;

/// The longest reason of a WebSocket's close frame, in bytes (RFC 6455, 5.5: 125 with the code).
pub const MAX_CLOSE_REASON_BYTES: usize = 123;

/// How long a WebSocket waits for the peer's close frame before it closes the connection.
pub const CLOSE_HANDSHAKE_LIFE: Duration = Duration::from_secs(10);
