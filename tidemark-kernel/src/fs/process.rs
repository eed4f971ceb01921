//! What a process has of the files: its table of descriptors and its context, as clone, exec and exit see them.

use std::sync::Arc;

use super::context::FsContext;
use super::descriptors::{Fd, FdTable, Slot};
use super::locks::LockOwner;
use super::node::Location;
use super::{FdTableId, FileId, FsContextId, Vfs};
use crate::errno::{Errno, Result};
use crate::limits::STEP_CLOSED;
use crate::system::System;
use crate::wait::Woken;

/// `umask` of the first process.
const FIRST_UMASK: u16 = 0o022;

impl Vfs {
    /// An empty table for one process.
    pub fn new_fd_table(&mut self) -> FdTableId {
        FdTableId(self.fd_tables.insert(FdTable::new()))
    }

    /// The same table for one process more (`CLONE_FILES`).
    pub fn share_fd_table(&mut self, id: FdTableId) -> FdTableId {
        if let Some(table) = self.fd_tables.get_mut(id.0) {
            table.refs += 1;
        }
        id
    }

    /// A copy of a table: other numbers' changes, the same open files (`fork`).
    ///
    /// # Errors
    /// `EBADF` for a table that is gone.
    pub fn clone_fd_table(&mut self, id: FdTableId) -> Result<FdTableId> {
        let copy = self.table(id)?.duplicate();
        Ok(FdTableId(self.fd_tables.insert(copy)))
    }

    /// Closes some of what is marked close-on-exec (`execve(2)`). Whether more may be left.
    pub(crate) fn close_on_exec(&mut self, id: FdTableId, woken: &mut Woken) -> bool {
        let Ok(table) = self.table(id) else { return false };
        let step = table.marked(STEP_CLOSED);
        for fd in &step {
            // What was just listed is open.
            let _ = self.close(id, *fd, woken);
        }
        step.len() == STEP_CLOSED
    }

    /// Whether more than one process uses the table.
    pub fn fd_table_is_shared(&self, id: FdTableId) -> bool {
        self.fd_tables.get(id.0).is_some_and(|table| table.refs > 1)
    }

    pub(crate) fn table(&self, id: FdTableId) -> Result<&FdTable> {
        self.fd_tables.get(id.0).ok_or(Errno::EBADF)
    }

    /// A table for changing it, and what counts files that have another reference by that.
    fn table_mut(&mut self, id: FdTableId) -> Result<(&mut FdTable, impl FnMut(FileId))> {
        let Vfs { fd_tables, files, .. } = self;
        let keep = |file: FileId| {
            if let Some(open) = files.get_mut(file.0) {
                open.retain();
            }
        };
        Ok((fd_tables.get_mut(id.0).ok_or(Errno::EBADF)?, keep))
    }

    /// Changes a descriptor's close-on-exec flag.
    ///
    /// # Errors
    /// `EBADF` when it is not open.
    pub(crate) fn set_close_on_exec(&mut self, id: FdTableId, fd: Fd, close_on_exec: bool) -> Result<()> {
        let (table, keep) = self.table_mut(id)?;
        table.set_close_on_exec(fd, close_on_exec, keep)
    }

    /// The open file of a descriptor.
    ///
    /// # Errors
    /// `EBADF` when it is not open.
    pub fn file_of(&self, table: FdTableId, fd: Fd) -> Result<FileId> {
        Ok(self.table(table)?.get(fd)?.file)
    }

    /// Gives an open file the lowest free descriptor from `min` on, below `limit` (`RLIMIT_NOFILE`). The caller's
    /// reference becomes the descriptor's; on an error it is given up.
    ///
    /// # Errors
    /// `EMFILE` when there is no such descriptor.
    pub fn install(
        &mut self,
        table: FdTableId,
        file: FileId,
        close_on_exec: bool,
        min: u32,
        limit: u64,
    ) -> Result<Fd> {
        let limit = u32::try_from(limit).unwrap_or(u32::MAX).min(self.limits.descriptors);
        let free = self.table(table).and_then(|table| table.lowest_free(min, limit));
        match free {
            Ok(fd) => {
                let (table, keep) = self.table_mut(table)?;
                table.set(fd, Slot { file, close_on_exec }, keep);
                Ok(fd)
            }
            Err(error) => {
                self.release(file);
                Err(error)
            }
        }
    }

    /// Gives an open file this very descriptor; what that was before is closed (`dup3(2)`). The caller's reference
    /// becomes the descriptor's.
    ///
    /// # Errors
    /// `EBADF` for a table that is gone.
    pub fn install_at(
        &mut self,
        table: FdTableId,
        fd: Fd,
        file: FileId,
        close_on_exec: bool,
        woken: &mut Woken,
    ) -> Result<()> {
        let (changed, keep) = self.table_mut(table)?;
        let old = changed.set(fd, Slot { file, close_on_exec }, keep);
        if let Some(slot) = old {
            self.descriptor_closed(table, slot, woken);
        }
        Ok(())
    }

    /// Closes a descriptor.
    ///
    /// # Errors
    /// `EBADF` when it is not open.
    pub fn close(&mut self, table: FdTableId, fd: Fd, woken: &mut Woken) -> Result<()> {
        let (changed, keep) = self.table_mut(table)?;
        let slot = changed.remove(fd, keep)?;
        self.descriptor_closed(table, slot, woken);
        Ok(())
    }

    fn descriptor_closed(&mut self, table: FdTableId, slot: Slot, woken: &mut Woken) {
        self.unlock_records(table, slot.file, woken);
        self.release(slot.file);
    }

    fn unlock_records(&mut self, table: FdTableId, file: FileId, woken: &mut Woken) {
        // Any closing of a file gives up all of the process's record locks on it (`fcntl_locking(2)`).
        if let Some(at) = self.file(file).ok().map(|file| file.at)
            && let Some(locks) = self.locks_of(at)
        {
            locks.unlock(LockOwner::Process { table, pid: 0 }, 0, u64::MAX, woken);
        }
    }

    /// The context of the application's first processes: everything at the root.
    pub fn new_context(&mut self) -> FsContextId {
        let root = self.mounts.cross(self.root);
        self.hold(root);
        self.hold(root);
        FsContextId(self.contexts.insert(FsContext { refs: 1, cwd: root, root, umask: FIRST_UMASK }))
    }

    /// The same context for one process more (`CLONE_FS`).
    pub fn share_context(&mut self, id: FsContextId) -> FsContextId {
        if let Some(context) = self.contexts.get_mut(id.0) {
            context.refs += 1;
        }
        id
    }

    /// A copy of a context (`fork`).
    ///
    /// # Errors
    /// `ESRCH` for a context that is gone.
    pub fn clone_context(&mut self, id: FsContextId) -> Result<FsContextId> {
        let copy = FsContext { refs: 1, ..*self.context(id)? };
        self.hold(copy.cwd);
        self.hold(copy.root);
        Ok(FsContextId(self.contexts.insert(copy)))
    }

    pub(crate) fn context(&self, id: FsContextId) -> Result<&FsContext> {
        self.contexts.get(id.0).ok_or(Errno::ESRCH)
    }

    /// Sets the working directory.
    ///
    /// # Errors
    /// `ESRCH` for a context that is gone.
    pub(crate) fn set_cwd(&mut self, id: FsContextId, cwd: Location) -> Result<()> {
        self.hold(cwd);
        let context = self.contexts.get_mut(id.0).ok_or(Errno::ESRCH)?;
        let old = core::mem::replace(&mut context.cwd, cwd);
        self.unhold(old);
        Ok(())
    }

    /// Sets the root directory.
    ///
    /// # Errors
    /// `ESRCH` for a context that is gone.
    pub(crate) fn set_root(&mut self, id: FsContextId, root: Location) -> Result<()> {
        self.hold(root);
        let context = self.contexts.get_mut(id.0).ok_or(Errno::ESRCH)?;
        let old = core::mem::replace(&mut context.root, root);
        self.unhold(old);
        Ok(())
    }

    /// Sets the umask; the one before comes back.
    ///
    /// # Errors
    /// `ESRCH` for a context that is gone.
    pub fn set_umask(&mut self, id: FsContextId, umask: u16) -> Result<u16> {
        let context = self.contexts.get_mut(id.0).ok_or(Errno::ESRCH)?;
        Ok(core::mem::replace(&mut context.umask, umask & 0o777))
    }

    /// The umask.
    ///
    /// # Errors
    /// `ESRCH` for a context that is gone.
    pub fn umask(&self, id: FsContextId) -> Result<u16> {
        Ok(self.context(id)?.umask)
    }
}

impl System {
    /// A process gives its table up; the last one's files are closed, a step at a time. True when that is done, false when
    /// it is to be called again.
    pub(crate) fn release_fd_table(&mut self, id: FdTableId) -> bool {
        let Some(table) = self.fs.fd_tables.get_mut(id.0) else { return true };
        // Zero is a table that is being emptied.
        table.refs = table.refs.saturating_sub(1);
        if table.refs > 0 {
            return true;
        }
        if let Some(piece) = table.take_piece() {
            for file in piece.files() {
                self.fs.unlock_records(id, file, &mut self.woken);
            }
            // Another table may still have it.
            for file in Arc::into_inner(piece).iter().flat_map(|piece| piece.files()) {
                self.fs.release(file);
            }
        }
        let more = self.fs.table(id).is_ok_and(|table| !table.is_empty());
        if self.close_released() || more {
            return false;
        }
        self.fs.fd_tables.remove(id.0);
        true
    }

    /// A process gives its working directory, root and umask up.
    pub(crate) fn release_fs_context(&mut self, id: FsContextId) {
        let Some(context) = self.fs.contexts.get_mut(id.0) else { return };
        context.refs = context.refs.saturating_sub(1);
        if context.refs == 0
            && let Some(context) = self.fs.contexts.remove(id.0)
        {
            self.fs.unhold(context.cwd);
            self.fs.unhold(context.root);
        }
    }
}
