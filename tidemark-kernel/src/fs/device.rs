//! Character devices that need no hardware (`null(4)`, `full(4)`, `random(4)`).

use super::layer::format::Device;
use crate::errno::{Errno, Result};

/// A device the kernel has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum DeviceKind {
    /// Swallows everything, gives nothing.
    Null,
    /// Gives zeroes.
    Zero,
    /// Gives zeroes, takes nothing.
    Full,
    /// Gives random bytes: `random` and `urandom`.
    Random,
}

/// The devices of `/dev`: name, numbers, permissions (`Documentation/admin-guide/devices.txt`).
pub(crate) const DEVICES: &[(&str, u32, u32, u16)] = &[
    ("null", 1, 3, 0o666),
    ("zero", 1, 5, 0o666),
    ("full", 1, 7, 0o666),
    ("random", 1, 8, 0o666),
    ("urandom", 1, 9, 0o666),
    ("tty", 5, 0, 0o666),
    ("console", 5, 1, 0o600),
    ("ptmx", 5, 2, 0o666),
];

impl DeviceKind {
    /// The device of a character node.
    ///
    /// # Errors
    /// `ENXIO` where there is none behind the numbers.
    pub(crate) fn of(device: Device) -> Result<DeviceKind> {
        match (device.major, device.minor) {
            (1, 3) => Ok(DeviceKind::Null),
            (1, 5) => Ok(DeviceKind::Zero),
            (1, 7) => Ok(DeviceKind::Full),
            (1, 8 | 9) => Ok(DeviceKind::Random),
            _ => Err(Errno::ENXIO),
        }
    }
}
