//! Packet mode (`TIOCPKT`, `ioctl_tty(2)`): what the first byte of a read from the master tells.

/// Data follows.
pub(super) const DATA: u8 = 0;
/// The terminal's input was flushed.
pub(super) const FLUSH_READ: u8 = 1;
/// Its output was flushed.
pub(super) const FLUSH_WRITE: u8 = 2;
/// Output is stopped.
pub(super) const STOP: u8 = 4;
/// Output goes on.
pub(super) const START: u8 = 8;
/// `^S` and `^Q` are a program's own now.
pub(super) const NO_STOP: u8 = 16;
/// `^S` and `^Q` stop and start.
pub(super) const DO_STOP: u8 = 32;
/// Attributes changed under `EXTPROC`.
pub(super) const IOCTL: u8 = 64;
