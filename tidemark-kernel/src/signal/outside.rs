//! Signals that come from outside the guest's own calls: from the application and from what a call ran into.

use super::{SigInfo, Signal};
use crate::errno::{Errno, Result};
use crate::fs::tree::content::MAX_FILE_SIZE;
use crate::kernel::Kernel;
use crate::operation::Operation;
use crate::system::System;
use crate::task::{ProcessRef, Resource, Tid};
use crate::time::Now;

impl Kernel {
    /// Sends a signal to a process that the application started, as the system's superuser would.
    ///
    /// # Errors
    /// `ESRCH` when there is no such process (any more), `EINVAL` for a number that is no signal.
    pub fn signal(&mut self, process: ProcessRef, signal: u8, now: Now) -> Result<()> {
        self.sys.now = now;
        let signal = Signal::new(u32::from(signal)).ok_or(Errno::EINVAL)?;
        let process = self.sys.tasks.referred(process).filter(|process| !process.is_zombie());
        let pid = process.ok_or(Errno::ESRCH)?.pid;
        let sent = self.sys.send_to_process(pid, SigInfo::kill(signal, None, 0));
        self.settle();
        sent
    }

    /// Work that no thread waits for: taking apart memory and files that are not used any more, and what the application's
    /// requests left. One step; whether there is more.
    pub fn background_step(&mut self, now: Now) -> bool {
        self.sys.operation = Operation::Background;
        self.sys.now = now;
        let more_files = self.sys.close_released();
        let more = self.sys.cut_step() || self.sys.release_step() || self.sys.settle_ipc() || more_files;
        self.settle();
        more || !self.sys.woken.later.is_empty()
    }
}

impl System {
    /// A thread's writing call fails: with these errors goes a signal (`pipe(7)`; `setrlimit(2)`, `RLIMIT_FSIZE`).
    pub(crate) fn signal_failed_write(&mut self, tid: Tid, error: Errno) {
        let signal = match error {
            Errno::EPIPE => Signal::PIPE,
            Errno::EFBIG if self.file_limit(tid) < MAX_FILE_SIZE => Signal::XFSZ,
            _ => return,
        };
        // The thread is in a call, so it is there.
        let _: Result<()> = self.send_to_thread(tid, SigInfo::kernel(signal));
    }

    /// How long a file may become that a thread writes, in bytes (`RLIMIT_FSIZE`).
    pub(crate) fn file_limit(&self, tid: Tid) -> u64 {
        let process = self.tasks.thread(tid).and_then(|thread| self.tasks.process(thread.pid));
        process.map_or(u64::MAX, |process| process.rlimits.soft(Resource::FileSize))
    }
}
