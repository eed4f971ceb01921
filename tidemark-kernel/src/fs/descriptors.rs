//! Tables of file descriptors: which number is which open file.
//!
//! Owns numbers and their close-on-exec flags. The open files' references are counted by the caller.

use super::FileId;
use crate::errno::{Errno, Result};

/// A file descriptor's number, not negative. Whether it is open is for its table to say.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Fd(u32);

impl Fd {
    /// From a guest's `int`.
    ///
    /// # Errors
    /// `EBADF` below zero.
    pub fn new(raw: i32) -> Result<Fd> {
        u32::try_from(raw).map(Fd).map_err(|_| Errno::EBADF)
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

/// What a descriptor stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Slot {
    pub(crate) file: FileId,
    pub(crate) close_on_exec: bool,
}

/// One table.
#[derive(Debug, Default)]
pub(crate) struct FdTable {
    /// Processes that share it.
    pub(crate) refs: u32,
    slots: Vec<Option<Slot>>,
    /// A bit a descriptor, set where it is open.
    open: Vec<u64>,
    /// All words of `open` before this one are full.
    first_with_room: usize,
}

const WORD: usize = u64::BITS as usize;

impl FdTable {
    /// An empty table of one process.
    pub(crate) fn new() -> FdTable {
        FdTable { refs: 1, ..FdTable::default() }
    }

    /// What a descriptor stands for.
    ///
    /// # Errors
    /// `EBADF` when it is not open.
    pub(crate) fn get(&self, fd: Fd) -> Result<Slot> {
        self.slots.get(fd.0 as usize).copied().flatten().ok_or(Errno::EBADF)
    }

    /// Changes the close-on-exec flag.
    ///
    /// # Errors
    /// `EBADF` when it is not open.
    pub(crate) fn set_close_on_exec(&mut self, fd: Fd, close_on_exec: bool) -> Result<()> {
        let slot = self.slots.get_mut(fd.0 as usize).and_then(Option::as_mut).ok_or(Errno::EBADF)?;
        slot.close_on_exec = close_on_exec;
        Ok(())
    }

    /// The lowest free descriptor from `min` on, below `limit`.
    ///
    /// # Errors
    /// `EMFILE` when there is none.
    pub(crate) fn lowest_free(&self, min: u32, limit: u32) -> Result<Fd> {
        let min = min as usize;
        let mut at = min.max(self.first_with_room * WORD);
        while let Some(word) = self.open.get(at / WORD) {
            let free = !word & (u64::MAX << (at % WORD));
            if free != 0 {
                at = at / WORD * WORD + free.trailing_zeros() as usize;
                break;
            }
            at = (at / WORD + 1) * WORD;
        }
        if at >= limit as usize { Err(Errno::EMFILE) } else { Ok(Fd(at as u32)) }
    }

    /// Opens a descriptor; what it stood for before comes back.
    pub(crate) fn set(&mut self, fd: Fd, slot: Slot) -> Option<Slot> {
        let at = fd.0 as usize;
        if self.slots.len() <= at {
            let len = (at / WORD + 1) * WORD;
            self.slots.resize(len, None);
            self.open.resize(len / WORD, 0);
        }
        self.open[at / WORD] |= 1 << (at % WORD);
        while self.open.get(self.first_with_room) == Some(&u64::MAX) {
            self.first_with_room += 1;
        }
        self.slots[at].replace(slot)
    }

    /// Closes a descriptor.
    ///
    /// # Errors
    /// `EBADF` when it is not open.
    pub(crate) fn remove(&mut self, fd: Fd) -> Result<Slot> {
        let at = fd.0 as usize;
        let slot = self.slots.get_mut(at).and_then(Option::take).ok_or(Errno::EBADF)?;
        self.open[at / WORD] &= !(1 << (at % WORD));
        self.first_with_room = self.first_with_room.min(at / WORD);
        Ok(slot)
    }

    /// All open descriptors from `min` on, ascending.
    pub(crate) fn iter_from(&self, min: u32) -> impl Iterator<Item = (Fd, Slot)> + '_ {
        let slots = self.slots.get(min as usize..).unwrap_or_default();
        slots.iter().zip(min..).filter_map(|(slot, fd)| Some((Fd(fd), (*slot)?)))
    }

    /// A copy for another process, whose open files are to be counted once more.
    pub(crate) fn duplicate(&self) -> FdTable {
        // Not the room left by higher numbers that were open once.
        let words = self.open.iter().rposition(|word| *word != 0).map_or(0, |last| last + 1);
        FdTable {
            refs: 1,
            slots: self.slots[..words * WORD].to_vec(),
            open: self.open[..words].to_vec(),
            first_with_room: self.first_with_room.min(words),
        }
    }

    /// How many numbers there is room for (`FDSize` of `/proc/PID/status`).
    pub(crate) fn size(&self) -> usize {
        self.slots.len()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn agrees_with_a_plain_map(ops in prop::collection::vec((0u8..4, 0u32..300), 1..400)) {
            let mut table = FdTable::default();
            let mut model: BTreeMap<u32, FileId> = BTreeMap::new();
            for (op, number) in ops {
                let slot = Slot { file: FileId(number), close_on_exec: false };
                match op {
                    0 | 1 => {
                        let min = if op == 0 { 0 } else { number };
                        let expected = (min..280).find(|fd| !model.contains_key(fd));
                        let free = table.lowest_free(min, 280);
                        prop_assert_eq!(free.ok().map(Fd::get), expected);
                        if let Ok(fd) = free {
                            prop_assert_eq!(table.set(fd, slot), None);
                            model.insert(fd.get(), slot.file);
                        }
                    }
                    2 => {
                        let old = table.set(Fd(number), slot).map(|slot| slot.file);
                        prop_assert_eq!(old, model.insert(number, slot.file));
                    }
                    _ => {
                        let old = table.remove(Fd(number)).ok().map(|slot| slot.file);
                        prop_assert_eq!(old, model.remove(&number));
                    }
                }
                let listed: Vec<_> = table.iter_from(0).map(|(fd, slot)| (fd.get(), slot.file)).collect();
                prop_assert_eq!(listed, model.clone().into_iter().collect::<Vec<_>>());
            }
        }
    }
}
