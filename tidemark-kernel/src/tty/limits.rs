//! Bounds of a terminal, in bytes.

/// What a program has not read yet, a line's newline included (`N_TTY_BUF_SIZE`, `termios(3)`).
pub(super) const INPUT_BYTES: usize = 4096;
/// What was written to the master and finds no room among the above.
pub(super) const RAW_BYTES: usize = 8192;
/// What the master has not read yet.
pub(super) const OUTPUT_BYTES: usize = 12 << 10;
/// What of it a flush leaves: Linux flushes only what has not reached the master's own input queue.
pub(super) const OUTPUT_KEPT: usize = 4095;
/// Echoes that wait while output is stopped.
pub(super) const ECHO_BYTES: usize = 4096;
/// What one step under the kernel's lock writes to a terminal at the most: each byte is looked at.
pub(crate) const STEP_BYTES: u64 = 2048;
