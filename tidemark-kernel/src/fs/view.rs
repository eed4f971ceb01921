//! What file operations see of the rest of the kernel: lent for one operation.

use super::Vfs;
use super::path::{Resolve, Walker};
use crate::entropy::Entropy;
use crate::errno::{Errno, Result};
use crate::limits::Limits;
use crate::mem::frames::{FrameUsage, Frames};
use crate::mem::spaces::Spaces;
use crate::net::socket::Sender;
use crate::system::System;
use crate::task::{Capabilities, Pid, Resource, Tasks, Tid};
use crate::time::Now;
use crate::timers::Timers;
use crate::wait::Woken;

/// What procfs shows.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// Processes and threads.
    pub tasks: &'a Tasks,
    /// Address spaces.
    pub spaces: &'a Spaces,
    /// Memory in use.
    pub usage: FrameUsage,
    /// What the system may use.
    pub limits: &'a Limits,
    /// The moment.
    pub now: Now,
    /// The moment the kernel was made.
    pub boot: Now,
    /// Workers that run guest threads: what guests take for processors.
    pub workers: usize,
    /// Who looks: what `/proc/self` and `/proc/thread-self` are.
    pub caller: Option<(Pid, Tid)>,
}

/// What reading, writing and closing change outside the files.
pub struct Env<'a> {
    /// Pages come from here.
    pub frames: &'a mut Frames,
    /// Who was woken.
    pub woken: &'a mut Woken,
    /// Random bytes come from here.
    pub entropy: &'a mut Entropy,
    /// Timers of timerfds.
    pub timers: &'a mut Timers,
    /// The moment.
    pub now: Now,
    /// How long a file may become, in bytes (`RLIMIT_FSIZE`).
    pub file_limit: u64,
    /// Whether set-id bits survive a write (`CAP_FSETID`).
    pub keep_set_id: bool,
    /// Who writes, to those who read from sockets.
    pub(crate) sender: Sender,
}

/// The kernel, taken apart for one operation on files on behalf of a process.
pub struct Parts<'a> {
    /// Files.
    pub fs: &'a mut Vfs,
    /// Who asks.
    pub who: Walker<'a>,
    /// What changes besides.
    pub env: Env<'a>,
}

impl System {
    /// What procfs shows to a thread, or to the application.
    pub(crate) fn view(&self, caller: Option<(Pid, Tid)>) -> View<'_> {
        View {
            tasks: &self.tasks,
            spaces: &self.mem.spaces,
            usage: self.mem.frames.usage(),
            limits: &self.limits,
            now: self.now,
            boot: self.boot,
            workers: self.workers.len(),
            caller,
        }
    }

    /// Takes the kernel apart for an operation of a thread.
    ///
    /// # Errors
    /// `ESRCH` when the process has ended.
    pub(crate) fn parts(&mut self, pid: Pid, tid: Tid) -> Result<Parts<'_>> {
        let process = self.tasks.process(pid).ok_or(Errno::ESRCH)?;
        let context = self.fs.context(process.fs_context.ok_or(Errno::ESRCH)?)?;
        let view = View {
            tasks: &self.tasks,
            spaces: &self.mem.spaces,
            usage: self.mem.frames.usage(),
            limits: &self.limits,
            now: self.now,
            boot: self.boot,
            workers: self.workers.len(),
            caller: Some((pid, tid)),
        };
        Ok(Parts {
            who: Walker {
                creds: &process.creds,
                root: context.root,
                cwd: context.cwd,
                view,
                limits: Resolve::default(),
                in_steps: None,
            },
            fs: &mut self.fs,
            env: Env {
                frames: &mut self.mem.frames,
                woken: &mut self.woken,
                entropy: &mut self.entropy,
                timers: &mut self.timers,
                now: self.now,
                file_limit: process.rlimits.soft(Resource::FileSize),
                keep_set_id: process.creds.can(Capabilities::FSETID),
                sender: Sender::real(process),
            },
        })
    }
}
