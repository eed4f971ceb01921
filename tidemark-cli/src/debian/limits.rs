//! The bounds of dealing with a Debian mirror.

use std::time::Duration;

/// Largest `InRelease` that is read, in bytes: fifty times trixie's.
pub(crate) const MAX_INRELEASE_LEN: u64 = 8 * 1024 * 1024;
/// Largest `Packages` index once unpacked, in bytes: ten times trixie's.
pub(crate) const MAX_PACKAGES_LEN: u64 = 512 * 1024 * 1024;
/// How long to wait for a connection.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a server may send nothing before it counts as gone.
pub(crate) const STALL_TIMEOUT: Duration = Duration::from_secs(60);
/// How much of its key a name in the cache carries, in hexadecimal digits: enough that two never meet.
pub(crate) const KEY_DIGITS: usize = 32;
/// The most that the control data of one package takes once unpacked, in bytes.
pub(crate) const MAX_CONTROL_LEN: u64 = 64 * 1024 * 1024;
/// How many packages are downloaded at a time.
pub(crate) const MAX_DOWNLOADS: usize = 6;
/// How often a download is tried that breaks off, each time from where it broke off.
pub(crate) const MAX_ATTEMPTS: u32 = 5;
