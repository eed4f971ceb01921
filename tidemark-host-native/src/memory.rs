//! The shared region: one reserved mapping, committed from its start as it grows.
//!
//! Owns the accounting and the bounds. The system calls are in one file a platform, `unix.rs` and `windows.rs`.

#![allow(unsafe_code, reason = "vouches for the mapping that the kernel's raw accesses rely on")]

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tidemark_host::limits::GROWTH_STEP_BYTES;
use tidemark_host::{Discarded, ErrorKind, HostError, SharedMemory};

use crate::limits::MIN_RESERVED_BYTES;

#[cfg(unix)]
#[path = "memory/unix.rs"]
mod platform;
#[cfg(windows)]
#[path = "memory/windows.rs"]
mod platform;

use platform::Reservation;

/// A mapping of reserved address space whose first part is committed.
#[derive(Clone, Debug)]
pub struct NativeMemory {
    region: Arc<Region>,
}

#[derive(Debug)]
struct Region {
    reservation: Reservation,
    /// Held while growing, so that ranges are handed out once each.
    growing: Mutex<()>,
    /// The length of the committed part, in bytes; a multiple of the growth step.
    committed: AtomicU64,
}

impl NativeMemory {
    /// Reserves a region of `wanted` bytes, rounded down to the growth step, or of the largest half, quarter and so on
    /// that the platform grants.
    ///
    /// # Errors
    /// `InvalidInput` if less than one step is wanted; `Exhausted` if the platform grants not even
    /// [`MIN_RESERVED_BYTES`].
    pub(crate) fn reserve(wanted: u64) -> Result<Self, HostError> {
        let mut bytes = wanted - wanted % GROWTH_STEP_BYTES;
        if bytes == 0 {
            return Err(HostError::new(
                ErrorKind::InvalidInput,
                format!("reserving {wanted} bytes of memory"),
            ));
        }
        let reservation = loop {
            match Reservation::new(bytes) {
                Ok(reservation) => break reservation,
                Err(_) if bytes / 2 >= MIN_RESERVED_BYTES => {
                    bytes = bytes / 2 - bytes / 2 % GROWTH_STEP_BYTES
                }
                Err(error) => {
                    let doing = format!("reserving {bytes} bytes of address space");
                    return Err(HostError::new(ErrorKind::Exhausted, doing).with_source(error));
                }
            }
        };
        let region = Region { reservation, growing: Mutex::new(()), committed: AtomicU64::new(0) };
        Ok(Self { region: Arc::new(region) })
    }
}

// SAFETY: the base is that of one reservation, which is unmapped when the last clone is dropped and nowhere else; its
// alignment is `Reservation`'s duty. A range is handed out once, under the lock, after it was made readable and
// writable; nothing revokes that, and nothing here accesses a byte of it (`discard` is an explicit request).
unsafe impl SharedMemory for NativeMemory {
    fn base(&self) -> *mut u8 {
        self.region.reservation.base()
    }

    fn grow(&self, bytes: u64) -> Result<Range<u64>, HostError> {
        if bytes == 0 {
            return Err(HostError::new(ErrorKind::InvalidInput, "growing memory by 0 bytes"));
        }
        let region = &*self.region;
        let _growing = region.growing.lock().unwrap_or_else(PoisonError::into_inner);
        let start = region.committed.load(Ordering::Relaxed);
        let end = bytes
            .checked_next_multiple_of(GROWTH_STEP_BYTES)
            .and_then(|bytes| start.checked_add(bytes))
            .filter(|&end| end <= region.reservation.len());
        let Some(end) = end else {
            let (reserved, doing) = (region.reservation.len(), format!("growing memory by {bytes} bytes"));
            let why = format!("{start} of {reserved} reserved bytes are in use");
            return Err(HostError::new(ErrorKind::Exhausted, doing).with_source(why));
        };
        region.reservation.commit(start..end).map_err(|error| {
            HostError::new(ErrorKind::Exhausted, format!("growing memory by {bytes} bytes"))
                .with_source(error)
        })?;
        region.committed.store(end, Ordering::Release);
        Ok(start..end)
    }

    fn discard(&self, range: Range<u64>) -> Result<Discarded, HostError> {
        let aligned =
            range.start.is_multiple_of(GROWTH_STEP_BYTES) && range.end.is_multiple_of(GROWTH_STEP_BYTES);
        if !aligned || range.is_empty() || range.end > self.committed() {
            return Err(HostError::new(
                ErrorKind::InvalidInput,
                format!("discarding bytes {range:?} of memory"),
            ));
        }
        let doing = "giving memory back";
        self.region.reservation.discard(range).map_err(|error| HostError::from_io(doing, error))
    }

    fn reserved(&self) -> u64 {
        self.region.reservation.len()
    }

    fn committed(&self) -> u64 {
        self.region.committed.load(Ordering::Acquire)
    }

    fn high_water(&self) -> u64 {
        self.committed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reservation_beyond_the_address_space_is_halved() {
        let memory = NativeMemory::reserve(1 << 50).unwrap();
        assert!(memory.reserved() >= MIN_RESERVED_BYTES);
        assert!(memory.reserved() < 1 << 50);
    }

    #[test]
    fn no_step_at_all_is_refused() {
        let error = NativeMemory::reserve(GROWTH_STEP_BYTES - 1).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
}
