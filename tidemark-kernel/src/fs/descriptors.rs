//! Tables of file descriptors: which number is which open file.
//!
//! Owns numbers, their close-on-exec flags, and what copies of a table share. The open files' references are counted by
//! the caller.

use std::sync::Arc;

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
///
/// It is in pieces, which a copy shares until one of both changes something in them: a `fork` takes as long with
/// thousands of descriptors as with three, and growth moves nothing. So it is the *piece* that has a reference of each of
/// its files, and who changes a shared one is told which files have got another reference by that.
#[derive(Debug, Default)]
pub(crate) struct FdTable {
    /// Processes that share it.
    pub(crate) refs: u32,
    /// `None` where no descriptor is open.
    pieces: Vec<Option<Arc<Piece>>>,
    /// All pieces before this one are full.
    first_with_room: usize,
}

/// Descriptors in a piece: as many as a word has bits.
const PIECE: usize = u64::BITS as usize;

/// A run of descriptors.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    files: [FileId; PIECE],
    /// A bit a descriptor, set where it is open.
    open: u64,
    /// A bit a descriptor, set where it is closed by `execve`.
    close_on_exec: u64,
}

impl Piece {
    const EMPTY: Piece = Piece { files: [FileId(0); PIECE], open: 0, close_on_exec: 0 };

    fn get(&self, at: usize) -> Option<Slot> {
        let bit = 1 << at;
        let slot = Slot { file: self.files[at], close_on_exec: self.close_on_exec & bit != 0 };
        (self.open & bit != 0).then_some(slot)
    }

    /// Every open descriptor's file.
    pub(crate) fn files(&self) -> impl Iterator<Item = FileId> + '_ {
        (0..PIECE).filter_map(|at| Some(self.get(at)?.file))
    }
}

impl FdTable {
    /// An empty table of one process.
    pub(crate) fn new() -> FdTable {
        FdTable { refs: 1, ..FdTable::default() }
    }

    fn piece(&self, at: usize) -> Option<&Piece> {
        self.pieces.get(at)?.as_deref()
    }

    /// A piece for changing it. If it was shared, `keep` is told the files that have one reference more now.
    fn piece_mut(&mut self, at: usize, mut keep: impl FnMut(FileId)) -> Option<&mut Piece> {
        let piece = self.pieces.get_mut(at)?.as_mut()?;
        if Arc::get_mut(piece).is_none() {
            piece.files().for_each(&mut keep);
        }
        Some(Arc::make_mut(piece))
    }

    /// What a descriptor stands for.
    ///
    /// # Errors
    /// `EBADF` when it is not open.
    pub(crate) fn get(&self, fd: Fd) -> Result<Slot> {
        let (piece, at) = place(fd);
        self.piece(piece).and_then(|piece| piece.get(at)).ok_or(Errno::EBADF)
    }

    /// Changes the close-on-exec flag. `keep` is told of files as by [`FdTable::set`].
    ///
    /// # Errors
    /// `EBADF` when it is not open.
    pub(crate) fn set_close_on_exec(
        &mut self,
        fd: Fd,
        close_on_exec: bool,
        keep: impl FnMut(FileId),
    ) -> Result<()> {
        if self.get(fd)?.close_on_exec == close_on_exec {
            return Ok(());
        }
        let (piece, at) = place(fd);
        let piece = self.piece_mut(piece, keep).ok_or(Errno::EBADF)?;
        piece.close_on_exec ^= 1 << at;
        Ok(())
    }

    /// The lowest free descriptor from `min` on, below `limit`.
    ///
    /// # Errors
    /// `EMFILE` when there is none.
    pub(crate) fn lowest_free(&self, min: u32, limit: u32) -> Result<Fd> {
        let min = min as usize;
        let mut at = min.max(self.first_with_room * PIECE);
        while at / PIECE < self.pieces.len() {
            let open = self.piece(at / PIECE).map_or(0, |piece| piece.open);
            let free = !open & (u64::MAX << (at % PIECE));
            if free != 0 {
                at = at / PIECE * PIECE + free.trailing_zeros() as usize;
                break;
            }
            at = (at / PIECE + 1) * PIECE;
        }
        if at >= limit as usize { Err(Errno::EMFILE) } else { Ok(Fd(at as u32)) }
    }

    /// Opens a descriptor, to which the caller's reference of the file goes; what it stood for before comes back with
    /// its own. `keep` is told the files that have to be counted once more.
    pub(crate) fn set(&mut self, fd: Fd, slot: Slot, keep: impl FnMut(FileId)) -> Option<Slot> {
        let (number, at) = place(fd);
        if self.pieces.len() <= number {
            self.pieces.resize(number + 1, None);
        }
        self.pieces[number].get_or_insert_with(|| Arc::new(Piece::EMPTY));
        let piece = self.piece_mut(number, keep)?;
        let (old, bit) = (piece.get(at), 1 << at);
        piece.files[at] = slot.file;
        piece.open |= bit;
        piece.close_on_exec &= !bit;
        piece.close_on_exec |= if slot.close_on_exec { bit } else { 0 };
        while self.piece(self.first_with_room).is_some_and(|piece| piece.open == u64::MAX) {
            self.first_with_room += 1;
        }
        old
    }

    /// Closes a descriptor; what it stood for comes back with its reference. `keep` is told of files as by
    /// [`FdTable::set`].
    ///
    /// # Errors
    /// `EBADF` when it is not open.
    pub(crate) fn remove(&mut self, fd: Fd, keep: impl FnMut(FileId)) -> Result<Slot> {
        let slot = self.get(fd)?;
        let (number, at) = place(fd);
        let piece = self.piece_mut(number, keep).ok_or(Errno::EBADF)?;
        piece.open &= !(1 << at);
        piece.close_on_exec &= !(1 << at);
        if piece.open == 0 {
            self.pieces[number] = None;
        }
        self.first_with_room = self.first_with_room.min(number);
        Ok(slot)
    }

    /// Closes all descriptors of the first piece that has some. The files' references are the piece's.
    pub(crate) fn take_piece(&mut self) -> Option<Arc<Piece>> {
        self.first_with_room = 0;
        self.pieces.iter_mut().find_map(Option::take)
    }

    /// Whether no descriptor is open.
    pub(crate) fn is_empty(&self) -> bool {
        self.pieces.iter().all(Option::is_none)
    }

    /// All open descriptors from `min` on, ascending.
    pub(crate) fn iter_from(&self, min: u32) -> impl Iterator<Item = (Fd, Slot)> + '_ {
        let first = min as usize / PIECE;
        let pieces = self.pieces.get(first..).unwrap_or_default().iter().zip(first..);
        let pieces = pieces.filter_map(|(piece, number)| Some((piece.as_deref()?, number * PIECE)));
        let slots = pieces.flat_map(|(piece, start)| {
            (0..PIECE).filter_map(move |at| Some((Fd((start + at) as u32), piece.get(at)?)))
        });
        slots.skip_while(move |(fd, _)| fd.0 < min)
    }

    /// The first descriptors that are marked to be closed by `execve`.
    pub(crate) fn marked(&self, most: usize) -> Vec<Fd> {
        let pieces =
            self.pieces.iter().zip(0..).filter_map(|(piece, number)| Some((piece.as_ref()?, number)));
        let marked = pieces.flat_map(|(piece, number)| {
            let bits = piece.close_on_exec;
            (0..PIECE).filter(move |at| bits >> at & 1 != 0).map(move |at| Fd((number * PIECE + at) as u32))
        });
        marked.take(most).collect()
    }

    /// A copy for another process.
    pub(crate) fn duplicate(&self) -> FdTable {
        // Not the room left by higher numbers that were open once.
        let pieces = self.pieces.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
        FdTable {
            refs: 1,
            pieces: self.pieces[..pieces].to_vec(),
            first_with_room: self.first_with_room.min(pieces),
        }
    }

    /// How many numbers there is room for (`FDSize` of `/proc/PID/status`).
    pub(crate) fn size(&self) -> usize {
        self.pieces.len() * PIECE
    }
}

/// A descriptor's piece, and its place there.
fn place(fd: Fd) -> (usize, usize) {
    (fd.0 as usize / PIECE, fd.0 as usize % PIECE)
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
                            prop_assert_eq!(table.set(fd, slot, |_| {}), None);
                            model.insert(fd.get(), slot.file);
                        }
                    }
                    2 => {
                        let old = table.set(Fd(number), slot, |_| {}).map(|slot| slot.file);
                        prop_assert_eq!(old, model.insert(number, slot.file));
                    }
                    _ => {
                        let old = table.remove(Fd(number), |_| {}).ok().map(|slot| slot.file);
                        prop_assert_eq!(old, model.remove(&number));
                    }
                }
                let listed: Vec<_> = table.iter_from(0).map(|(fd, slot)| (fd.get(), slot.file)).collect();
                prop_assert_eq!(listed, model.clone().into_iter().collect::<Vec<_>>());
            }
        }
    }
    #[test]
    fn a_copy_shares_what_neither_changes() {
        let slot = |number| Slot { file: FileId(number), close_on_exec: number % 2 == 1 };
        let mut table = FdTable::new();
        let count = 3 * PIECE as u32;
        let mut kept = Vec::new();
        for number in 0..count {
            table.set(Fd(number), slot(number), |file| kept.push(file.0));
        }
        assert!(kept.is_empty(), "nothing is shared yet");
        let mut copy = table.duplicate();
        // A whole piece, and only that, gets references of its own.
        let changed = Fd(PIECE as u32 + 3);
        assert_eq!(copy.remove(changed, |file| kept.push(file.0)), Ok(slot(changed.0)));
        assert!(kept.iter().copied().eq(PIECE as u32..2 * PIECE as u32));
        assert_eq!((copy.get(changed), table.get(changed)), (Err(Errno::EBADF), Ok(slot(changed.0))));
        table.set_close_on_exec(Fd(64), true, |_| panic!("the piece is its own by now")).unwrap();
        assert_eq!(copy.marked(usize::MAX).len(), count as usize / 2 - 1);
        assert_eq!(table.marked(3), [Fd(1), Fd(3), Fd(5)]);
        // The last that has a piece has its references.
        let held: Vec<bool> =
            std::iter::from_fn(|| copy.take_piece()).map(|piece| Arc::into_inner(piece).is_some()).collect();
        assert_eq!(held, [false, true, false]);
    }
}
