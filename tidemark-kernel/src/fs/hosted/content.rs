//! Content of files that the host answers for: pages that are asked for before they are read, and writes that go through.

use super::asks::{Effect, Heard};
use super::call::{Changed, FileCall, Subject};
use crate::addr::PAGE_SIZE;
use crate::errno::{Errno, Result};
use crate::fs::inotify::Mask;
use crate::fs::node::Location;
use crate::fs::view::Env;
use crate::fs::{FileId, Vfs};
use crate::mem::io::IoSource;

/// Bytes that one question asks for at the most: entering them is one step under the lock.
const READ_BYTES: u64 = 64 << 10;

impl Vfs {
    /// Has the bytes of an open file from `offset` on brought in, as far as the file goes. Nothing to do for files that the
    /// host does not answer for.
    ///
    /// # Errors
    /// What the bridge answers; [`Errno::WALK_ON`].
    pub(crate) fn fetch(&mut self, file: FileId, offset: u64, len: u64) -> Result<()> {
        let open = self.file(file)?;
        let (at, handle) = (open.at, open.handle);
        if !self.is_hosted(at) || len == 0 {
            return Ok(());
        }
        let handle = handle.ok_or(Errno::EIO)?;
        let end = offset.saturating_add(len);
        let content = self.tree(at).ok_or(Errno::EIO)?.content(at.node)?;
        let now = self.asks.now;
        // Somebody outside may have added to the file.
        if end > content.size() && !self.tree(at).is_some_and(|tree| tree.is_fresh(at.node, now)) {
            self.ask(at, FileCall::Stat(Subject::Handle(handle)), Effect::Attributes(at.node))?;
        }
        let content = self.tree(at).ok_or(Errno::EIO)?.content(at.node)?;
        let Some(index) = content.first_missing(offset, end) else { return Ok(()) };
        let start = index * PAGE_SIZE;
        let len = READ_BYTES.min(content.size() - start) as usize;
        let effect = Effect::Pages(at.node, content.changes());
        self.ask(at, FileCall::Read { handle, offset: start, len }, effect)?;
        Err(Errno::WALK_ON)
    }

    /// Has the bytes of an open file from `offset` on brought in to be mapped: they stay as long as the file is used.
    ///
    /// # Errors
    /// As [`Vfs::fetch`].
    pub(crate) fn fetch_to_map(&mut self, file: FileId, offset: u64, len: u64) -> Result<()> {
        let at = self.file(file)?.at;
        if self.is_hosted(at) {
            self.tree_mut(at)?.pin(at.node);
        }
        self.fetch(file, offset, len)
    }

    /// Writes from a source: at `offset`, or at the file's end. How many bytes were taken, and where the file's offset
    /// is then.
    ///
    /// # Errors
    /// `EFBIG`, what the bridge answers; [`Errno::WALK_ON`].
    pub(crate) fn host_write(
        &mut self,
        file: FileId,
        offset: Option<u64>,
        source: &mut IoSource<'_>,
        limit: u64,
    ) -> Result<(u64, u64)> {
        let open = self.file(file)?;
        let (at, handle) = (open.at, open.handle.ok_or(Errno::EIO)?);
        let start = match offset {
            Some(offset) => offset,
            None => self.file_size(file)?,
        };
        if source.is_empty() {
            return Ok((0, start));
        }
        let limit = limit.min(crate::fs::tree::content::MAX_FILE_SIZE);
        let room = limit.checked_sub(start).filter(|room| *room > 0).ok_or(Errno::EFBIG)?;
        let mut bytes = vec![0; source.remaining().min(usize::try_from(room).unwrap_or(usize::MAX))];
        source.take_bytes(&mut bytes);
        let call = FileCall::Write { handle, offset, data: bytes.into() };
        match self.ask(at, call, Effect::Wrote(at.node))? {
            Heard::Written { count, end } => Ok((count as u64, end)),
            _ => Err(Errno::EIO),
        }
    }

    /// Sets a file's size.
    ///
    /// # Errors
    /// What the bridge answers; [`Errno::WALK_ON`].
    pub(crate) fn host_truncate(&mut self, at: Location, handle: Option<u64>, size: u64) -> Result<()> {
        self.host_change(at, handle, Changed { size: Some(size), ..Changed::default() })?;
        self.notify(at, Mask::MODIFY);
        Ok(())
    }

    /// The cache of a file that was given another size.
    pub(super) fn cut_hosted(&mut self, at: Location, size: u64, env: &mut Env<'_>) -> Result<()> {
        let tree = self.tree_mut(at)?;
        let content = tree.content_mut(at.node)?;
        let old = content.size();
        let cut = content.truncate(size, env.frames);
        tree.doom(cut);
        if size < old {
            self.add_cut(at, size.div_ceil(PAGE_SIZE)..old.div_ceil(PAGE_SIZE));
        }
        Ok(())
    }

    /// Brings what was written to an open file to where it lasts.
    ///
    /// # Errors
    /// What the bridge answers; [`Errno::WALK_ON`].
    pub(crate) fn sync_file(&mut self, file: FileId) -> Result<()> {
        let open = self.file(file)?;
        match (open.at, open.handle) {
            (at, Some(handle)) => self.ask(at, FileCall::Sync { handle }, Effect::Nothing).map(drop),
            _ => Ok(()),
        }
    }
}
