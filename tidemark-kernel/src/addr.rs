//! Guest virtual addresses and ranges of them.
//!
//! A number from a register becomes a [`GuestAddr`] once, where it enters; arithmetic on it is checked from then on.

use crate::errno::{Errno, Result};

/// Bytes in a page and in a frame.
pub const PAGE_SIZE: u64 = 4096;

/// First address past what a guest can map: 2^47 as on Linux's Sv48.
pub const ADDRESS_LIMIT: u64 = 1 << 47;

/// A guest virtual address. Any 64-bit value: validity is checked where it is used.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct GuestAddr(pub u64);

impl GuestAddr {
    /// The null pointer, which Linux reads as 'absent' in many calls.
    pub const NULL: GuestAddr = GuestAddr(0);

    /// Whether this is the null pointer.
    pub const fn is_null(self) -> bool {
        self.0 == 0
    }

    /// This address plus `bytes`.
    ///
    /// # Errors
    /// `EFAULT` when the sum leaves the 64-bit space.
    #[expect(clippy::should_implement_trait, reason = "it can fail, as addition cannot")]
    pub fn add(self, bytes: u64) -> Result<GuestAddr> {
        self.0.checked_add(bytes).map(GuestAddr).ok_or(Errno::EFAULT)
    }

    /// The start of the page that holds this address.
    pub const fn page_start(self) -> GuestAddr {
        GuestAddr(self.0 & !(PAGE_SIZE - 1))
    }

    /// The offset inside its page.
    pub const fn page_offset(self) -> u64 {
        self.0 & (PAGE_SIZE - 1)
    }

    /// Whether this is the first byte of a page.
    pub const fn is_page_aligned(self) -> bool {
        self.page_offset() == 0
    }
}

/// `bytes` rounded up to whole pages, in bytes; `None` on overflow.
pub const fn page_align_up(bytes: u64) -> Option<u64> {
    match bytes.checked_add(PAGE_SIZE - 1) {
        Some(sum) => Some(sum & !(PAGE_SIZE - 1)),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_is_checked() {
        assert_eq!(GuestAddr(u64::MAX).add(1), Err(Errno::EFAULT));
        assert_eq!(page_align_up(1), Some(PAGE_SIZE));
        assert_eq!(page_align_up(u64::MAX), None);
        assert_eq!(GuestAddr(0x1fff).page_start(), GuestAddr(0x1000));
    }
}
