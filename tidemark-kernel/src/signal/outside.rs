//! Signals that come from outside the guest's own calls: from the application and from what a call ran into.

use super::{SigInfo, Signal};
use crate::errno::{Errno, Result};
use crate::kernel::Kernel;
use crate::system::System;
use crate::task::{Pid, Tid};
use crate::time::Now;

impl Kernel {
    /// Sends a signal to a process, as the system's superuser would.
    ///
    /// # Errors
    /// `ESRCH` when there is no such process (any more), `EINVAL` for a number that is no signal.
    pub fn signal(&mut self, pid: Pid, signal: u8, now: Now) -> Result<()> {
        self.sys.now = now;
        let signal = Signal::new(u32::from(signal)).ok_or(Errno::EINVAL)?;
        if self.sys.tasks.process(pid).is_none_or(|process| process.is_zombie()) {
            return Err(Errno::ESRCH);
        }
        let sent = self.sys.send_to_process(pid, SigInfo::kill(signal, None, 0));
        self.settle();
        sent
    }

    /// Work that no thread waits for: taking apart memory that is not used any more. One step; whether there is more.
    pub fn background_step(&mut self, now: Now) -> bool {
        self.sys.now = now;
        self.sys.release_step()
    }
}

impl System {
    /// A thread wrote to a pipe that nobody reads (`pipe(7)`).
    pub(crate) fn raise_sigpipe(&mut self, tid: Tid) {
        // The thread is in a call, so it is there.
        let _: Result<()> = self.send_to_thread(tid, SigInfo::kernel(Signal::PIPE));
    }
}
