//! Areas (VMAs): runs of pages that are mapped alike.
//!
//! Owns what is known of one run and when two make one. The pages behind it are the page table's and `fault`'s.

use std::ops::Range;

use super::object::ObjectId;
use super::page_table::Pte;
use crate::addr::PAGE_SIZE;
use crate::cpu::exit::Access;
use crate::fs::FileId;

/// What may be done with pages (`mmap(2)`, `PROT_*`). Writing implies reading, as on RISC-V no page is write-only.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Prot(u8);

impl Prot {
    /// Nothing.
    pub const NONE: Prot = Prot(0);
    /// Loads.
    pub const READ: Prot = Prot(1);
    /// Loads and stores.
    pub const WRITE: Prot = Prot(3);
    /// Instruction fetch.
    pub const EXEC: Prot = Prot(4);

    /// From `PROT_READ`, `PROT_WRITE` and `PROT_EXEC`; other bits are the caller's to check.
    pub const fn from_bits(bits: u32) -> Prot {
        let implied = if bits & 2 != 0 { 1 } else { 0 };
        Prot((bits as u8 & 7) | implied)
    }

    /// The rights in either.
    pub const fn union(self, other: Prot) -> Prot {
        Prot(self.0 | other.0)
    }

    /// Whether all of `other`'s rights are among these.
    pub const fn contains(self, other: Prot) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether this kind of access is allowed.
    pub const fn permits(self, access: Access) -> bool {
        self.contains(match access {
            Access::Read => Prot::READ,
            Access::Write => Prot::WRITE,
            Access::Execute => Prot::EXEC,
        })
    }

    /// The same rights without storing.
    pub const fn read_only(self) -> Prot {
        Prot(self.0 & !2)
    }

    /// As page-table flags.
    pub const fn pte_flags(self) -> u64 {
        let mut flags = 0;
        if self.0 & 1 != 0 {
            flags |= Pte::READ;
        }
        if self.0 & 2 != 0 {
            flags |= Pte::WRITE;
        }
        if self.0 & 4 != 0 {
            flags |= Pte::EXECUTE;
        }
        flags
    }
}

impl std::fmt::Debug for Prot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bit = |bit, name| if self.0 & bit != 0 { name } else { '-' };
        write!(f, "{}{}{}", bit(1, 'r'), bit(2, 'w'), bit(4, 'x'))
    }
}

/// Properties of an area besides its rights, as a set.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct AreaFlags(u16);

impl AreaFlags {
    /// None.
    pub const EMPTY: AreaFlags = AreaFlags(0);
    /// Grows towards lower addresses when touched there (`MAP_GROWSDOWN`).
    pub const GROWS_DOWN: AreaFlags = AreaFlags(1);
    /// Counted as locked (`mlock(2)`).
    pub const LOCKED: AreaFlags = AreaFlags(1 << 1);
    /// Not inherited by `fork` (`MADV_DONTFORK`).
    pub const DONT_FORK: AreaFlags = AreaFlags(1 << 2);
    /// Zeroes in the child after `fork` (`MADV_WIPEONFORK`).
    pub const WIPE_ON_FORK: AreaFlags = AreaFlags(1 << 3);
    /// A shared mapping of a file that was not opened for writing: `PROT_WRITE` cannot be added.
    pub const NO_WRITE: AreaFlags = AreaFlags(1 << 4);
    /// The heap that `brk` moves the end of.
    pub const HEAP: AreaFlags = AreaFlags(1 << 5);
    /// The stack that the program started with.
    pub const STACK: AreaFlags = AreaFlags(1 << 6);

    /// Whether all of `other` are set.
    pub const fn contains(self, other: AreaFlags) -> bool {
        self.0 & other.0 == other.0
    }

    /// With `other`.
    pub const fn with(self, other: AreaFlags) -> AreaFlags {
        AreaFlags(self.0 | other.0)
    }

    /// Without `other`.
    pub const fn without(self, other: AreaFlags) -> AreaFlags {
        AreaFlags(self.0 & !other.0)
    }
}

/// Where an area's pages come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Backing {
    /// Zeroes, private.
    Anonymous,
    /// Zeroes, shared with whoever inherits the mapping.
    Shared {
        /// What holds the pages.
        object: ObjectId,
        /// Index in it of the area's first page.
        page: u64,
    },
    /// A file.
    File {
        /// The file; the area holds a reference.
        file: FileId,
        /// Index in the file of the area's first page.
        page: u64,
        /// Whether stores go to the file.
        shared: bool,
    },
    /// Pages that the kernel lends to every space: the vDSO's code or data.
    Kernel {
        /// Which.
        pages: KernelPages,
        /// Index of the area's first page.
        page: u64,
    },
}

/// Pages of the kernel's own that programs see.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KernelPages {
    /// The vDSO's code (`vdso(7)`).
    Vdso,
    /// The data its code reads.
    Vvar,
}

impl Backing {
    /// The same for an area that starts `pages` further on.
    fn advanced(self, pages: u64) -> Backing {
        match self {
            Backing::Anonymous => Backing::Anonymous,
            Backing::Shared { object, page } => Backing::Shared { object, page: page + pages },
            Backing::File { file, page, shared } => Backing::File { file, page: page + pages, shared },
            Backing::Kernel { pages: which, page } => Backing::Kernel { pages: which, page: page + pages },
        }
    }
}

/// A run of pages that are mapped alike.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Area {
    /// First address, page-aligned.
    pub start: u64,
    /// First address after it, page-aligned.
    pub end: u64,
    /// What may be done with it.
    pub prot: Prot,
    /// Its other properties.
    pub flags: AreaFlags,
    /// Where its pages come from.
    pub backing: Backing,
}

impl Area {
    /// Its addresses.
    pub fn range(&self) -> Range<u64> {
        self.start..self.end
    }

    /// Length in bytes.
    pub fn len(&self) -> u64 {
        self.end - self.start
    }

    /// Whether it covers nothing.
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Whether stores are seen by others who map the same.
    pub fn is_shared(&self) -> bool {
        matches!(
            self.backing,
            Backing::Shared { .. } | Backing::File { shared: true, .. } | Backing::Kernel { .. }
        )
    }

    /// Index in the file or object of the page at an address inside the area.
    pub(super) fn backing_page(&self, addr: u64) -> u64 {
        let pages = (addr - self.start) / PAGE_SIZE;
        match self.backing {
            Backing::Anonymous => pages,
            Backing::Shared { page, .. } | Backing::File { page, .. } | Backing::Kernel { page, .. } => {
                page + pages
            }
        }
    }

    /// Cuts off and returns the part from `at` on, which lies inside. The part needs a reference of its own.
    pub(super) fn split_off(&mut self, at: u64) -> Area {
        let mut rest = self.clone();
        rest.backing = self.backing.advanced((at - self.start) / PAGE_SIZE);
        rest.start = at;
        self.end = at;
        rest
    }

    /// Whether `next` goes on where this one ends, so that both can be one.
    pub(super) fn continues_in(&self, next: &Area) -> bool {
        self.end == next.start
            && self.prot == next.prot
            && self.flags == next.flags
            && self.backing.advanced((self.end - self.start) / PAGE_SIZE) == next.backing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writing_implies_reading() {
        assert_eq!(Prot::from_bits(2), Prot::WRITE);
        assert!(Prot::from_bits(2).permits(Access::Read));
        assert!(!Prot::from_bits(4).permits(Access::Read));
        assert_eq!(Prot::WRITE.union(Prot::EXEC).read_only(), Prot::READ.union(Prot::EXEC));
    }

    #[test]
    fn a_split_area_goes_on_in_its_rest() {
        let backing = Backing::File { file: FileId(3), page: 7, shared: false };
        let mut area =
            Area { start: 0x1000, end: 0x5000, prot: Prot::READ, flags: AreaFlags::EMPTY, backing };
        let whole = area.clone();
        let rest = area.split_off(0x3000);
        assert_eq!(rest.backing, Backing::File { file: FileId(3), page: 9, shared: false });
        assert_eq!((area.end, rest.start, rest.end), (0x3000, 0x3000, 0x5000));
        assert!(area.continues_in(&rest) && !rest.continues_in(&area));
        assert_eq!(rest.backing_page(0x4000), whole.backing_page(0x4000));
    }
}
