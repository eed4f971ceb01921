//! What the handlers of System V IPC share: the structures' common head, and who calls.

use super::Cx;
use crate::addr::GuestAddr;
use crate::errno::{Errno, Result};
use crate::ipc::{Permissions, Wanted};
use crate::task::Creds;
use crate::time::NANOS_PER_SECOND;

/// Commands of every `*ctl` call.
pub(super) const IPC_RMID: u32 = 0;
pub(super) const IPC_SET: u32 = 1;
pub(super) const IPC_STAT: u32 = 2;
pub(super) const IPC_INFO: u32 = 3;

/// Do not wait.
pub(super) const IPC_NOWAIT: u32 = 0o4000;

crate::pod! {
    /// `struct ipc64_perm` of asm-generic/ipcbuf.h.
    pub(super) struct IpcPerm {
        key: i32,
        uid: u32,
        gid: u32,
        creator_uid: u32,
        creator_gid: u32,
        mode: u32,
        serial: u16,
        pad: [u8; 6],
        unused: [u64; 2],
    }
}

impl IpcPerm {
    /// With a mode that may have marks besides the permissions.
    pub(super) fn new(permissions: &Permissions, mode: u32) -> IpcPerm {
        IpcPerm {
            key: permissions.key,
            uid: permissions.uid,
            gid: permissions.gid,
            creator_uid: permissions.creator_uid,
            creator_gid: permissions.creator_gid,
            mode,
            serial: permissions.serial(),
            pad: [0; 6],
            unused: [0; 2],
        }
    }

    /// What `IPC_SET` takes of it.
    ///
    /// # Errors
    /// `EINVAL`.
    pub(super) fn apply(&self, permissions: &mut Permissions) -> Result<()> {
        permissions.set(self.uid, self.gid, self.mode)
    }
}

impl Cx<'_> {
    /// The moment as objects keep it: seconds of `CLOCK_REALTIME`.
    pub(super) fn seconds(&self) -> u64 {
        self.now().realtime / NANOS_PER_SECOND
    }

    /// The calling process's credentials.
    ///
    /// # Errors
    /// `ESRCH`, which a calling process never sees.
    pub(super) fn creds(&self) -> Result<&Creds> {
        self.sys.tasks.process(self.pid).map(|process| &process.creds).ok_or(Errno::ESRCH)
    }

    /// Checks that the caller may use an object.
    ///
    /// # Errors
    /// `EACCES`.
    pub(super) fn check_wanted(&self, permissions: &Permissions, wanted: Wanted) -> Result<()> {
        permissions.check(self.creds()?, wanted)
    }

    /// Answers a command with a number and a structure that it fills.
    ///
    /// # Errors
    /// `EFAULT`.
    pub(super) fn answer<T: crate::mem::Pod>(
        &mut self,
        to: GuestAddr,
        value: &T,
        number: u64,
    ) -> super::SysResult {
        self.write_pod(to, value)?;
        Ok(crate::wait::Flow::Done(number))
    }
}
