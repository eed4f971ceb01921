//! New threads and processes out of a running one (`clone(2)`).
//!
//! Owns which combinations of flags there are, and what is shared, copied or new. The copy of the address space, which
//! takes steps, is `mem`'s and made before.

use super::create::INIT;
use super::thread::Thread;
use super::{Pid, Process, Resource, Tid, Uid};
use crate::addr::GuestAddr;
use crate::call::A0;
use crate::cpu::core::SpaceId;
use crate::cpu::hart::Hart;
use crate::errno::{Errno, Result};
use crate::signal::Signal;
use crate::status::{ProcessEvent, Status};
use crate::system::System;
use crate::task::Capabilities;
use crate::wait::Entry;

const SP: usize = 2;
const TP: usize = 4;

/// Bits of `clone(2)`'s flags.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct CloneFlags(pub(crate) u64);

impl CloneFlags {
    pub(crate) const VM: CloneFlags = CloneFlags(0x100);
    pub(crate) const FS: CloneFlags = CloneFlags(0x200);
    pub(crate) const FILES: CloneFlags = CloneFlags(0x400);
    pub(crate) const SIGHAND: CloneFlags = CloneFlags(0x800);
    pub(crate) const PIDFD: CloneFlags = CloneFlags(0x1000);
    pub(crate) const VFORK: CloneFlags = CloneFlags(0x4000);
    pub(crate) const PARENT: CloneFlags = CloneFlags(0x8000);
    pub(crate) const THREAD: CloneFlags = CloneFlags(0x1_0000);
    pub(crate) const SYSVSEM: CloneFlags = CloneFlags(0x4_0000);
    pub(crate) const SETTLS: CloneFlags = CloneFlags(0x8_0000);
    pub(crate) const PARENT_SETTID: CloneFlags = CloneFlags(0x10_0000);
    pub(crate) const CHILD_CLEARTID: CloneFlags = CloneFlags(0x20_0000);
    /// Without meaning since Linux 2.6.2, but glibc passes it.
    pub(crate) const DETACHED: CloneFlags = CloneFlags(0x40_0000);
    /// About tracers, of which there are none.
    pub(crate) const UNTRACED: CloneFlags = CloneFlags(0x80_0000);
    pub(crate) const CHILD_SETTID: CloneFlags = CloneFlags(0x100_0000);
    pub(crate) const IO: CloneFlags = CloneFlags(0x8000_0000);
    /// `clone3` only.
    pub(crate) const CLEAR_SIGHAND: CloneFlags = CloneFlags(0x1_0000_0000);

    const KNOWN: u64 = Self::VM.0
        | Self::FS.0
        | Self::FILES.0
        | Self::SIGHAND.0
        | Self::PIDFD.0
        | Self::VFORK.0
        | Self::PARENT.0
        | Self::THREAD.0
        | Self::SYSVSEM.0
        | Self::SETTLS.0
        | Self::PARENT_SETTID.0
        | Self::CHILD_CLEARTID.0
        | Self::DETACHED.0
        | Self::UNTRACED.0
        | Self::CHILD_SETTID.0
        | Self::IO.0
        | Self::CLEAR_SIGHAND.0;

    /// Whether all of these are set.
    pub(crate) const fn has(self, other: CloneFlags) -> bool {
        self.0 & other.0 == other.0
    }

    /// Checks the combination.
    ///
    /// # Errors
    /// `EINVAL` as `clone(2)` lists it, and for what is not implemented: namespaces, sharing handlers between
    /// processes, threads with files of their own.
    pub(crate) fn validated(self) -> Result<CloneFlags> {
        let thread = self.has(Self::THREAD);
        let shared = CloneFlags(Self::VM.0 | Self::FS.0 | Self::FILES.0 | Self::SIGHAND.0);
        let valid = self.0 & !Self::KNOWN == 0
            && (!thread || self.has(shared))
            && (thread || !self.has(Self::SIGHAND))
            && !(thread && self.has(Self::PIDFD))
            && !(self.has(Self::SIGHAND) && self.has(Self::CLEAR_SIGHAND))
            && !(thread && self.has(Self::VFORK) && !self.has(Self::VM));
        if valid { Ok(self) } else { Err(Errno::EINVAL) }
    }
}

/// A request for a thread or process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CloneRequest {
    /// What is shared and set.
    pub(crate) flags: CloneFlags,
    /// What a new process's parent is sent at its end.
    pub(crate) exit_signal: Option<Signal>,
    /// The stack pointer; zero keeps the caller's.
    pub(crate) stack: u64,
    /// The thread pointer, with `SETTLS`.
    pub(crate) tls: u64,
    /// Where the caller finds the new id.
    pub(crate) parent_tid: GuestAddr,
    /// Where the new thread finds its id, and where that is cleared at its end.
    pub(crate) child_tid: GuestAddr,
    /// The id it is to have, if that is asked for.
    pub(crate) tid: Option<Tid>,
}

impl System {
    /// Whether another thread or process of the caller's user may exist.
    ///
    /// # Errors
    /// `EAGAIN` (`RLIMIT_NPROC`).
    pub(crate) fn check_task_limit(&mut self, pid: Pid) -> Result<()> {
        let process = self.tasks.process_mut(pid).ok_or(Errno::ESRCH)?;
        process.too_many = false;
        let process = self.tasks.process(pid).ok_or(Errno::ESRCH)?;
        let limit = process.rlimits.soft(Resource::Processes);
        let exempt = process.creds.uid == 0
            || process.creds.can(Capabilities::SYS_RESOURCE)
            || process.creds.can(Capabilities::SYS_ADMIN);
        if exempt || limit >= u64::from(self.limits.threads) {
            return Ok(());
        }
        if self.tasks_of_user(process.creds.uid) >= limit { Err(Errno::EAGAIN) } else { Ok(()) }
    }

    fn tasks_of_user(&self, uid: Uid) -> u64 {
        let of_user = self.tasks.processes().filter(|process| process.creds.uid == uid);
        of_user.map(|process| process.threads.len() as u64).sum()
    }

    /// The process is about to become another user's: remembers whether that one has too many, which only executing a
    /// program will tell (`execve(2)`, EAGAIN).
    pub(crate) fn note_task_limit(&mut self, pid: Pid, uid: Uid) {
        let count = self.tasks_of_user(uid);
        let Some(process) = self.tasks.process_mut(pid) else { return };
        process.too_many = uid != 0 && count > process.rlimits.soft(Resource::Processes);
    }

    /// Whether the process may execute a program.
    ///
    /// # Errors
    /// `EAGAIN` (`RLIMIT_NPROC`).
    pub(crate) fn check_noted_limit(&mut self, pid: Pid) -> Result<()> {
        let Some(process) = self.tasks.process(pid).filter(|process| process.too_many) else { return Ok(()) };
        if self.tasks_of_user(process.creds.uid) > process.rlimits.soft(Resource::Processes) {
            return Err(Errno::EAGAIN);
        }
        self.tasks.process_mut(pid).ok_or(Errno::ESRCH)?.too_many = false;
        Ok(())
    }

    /// Makes a thread of the caller's process.
    ///
    /// # Errors
    /// `EAGAIN` when a limit is reached.
    pub(crate) fn clone_thread(&mut self, tid: Tid, hart: &Hart, request: &CloneRequest) -> Result<Tid> {
        let new = self.new_thread_id(request.tid)?;
        let now = self.now.monotonic;
        let parent = self.tasks.thread(tid).ok_or(Errno::ESRCH)?;
        let process = self.tasks.process(parent.pid).ok_or(Errno::ESRCH)?;
        let hart = child_hart(hart, request);
        let mut thread = Thread::new(new, parent.pid, parent.name, hart, &process.shared, now);
        thread.inherit(parent, request);
        let space = process.space;
        let pid = parent.pid;
        self.tasks.insert_thread(Box::new(thread));
        self.tasks.process_mut(pid).ok_or(Errno::ESRCH)?.threads.push(new);
        self.trace_clone(tid, new, request.flags, false);
        self.publish_clone(space, space, new, request);
        Ok(new)
    }

    /// Makes a process that runs in `space`, of which the caller has counted a user for it.
    ///
    /// # Errors
    /// `EAGAIN` when a limit is reached. The space is still the caller's to give up then.
    pub(crate) fn clone_process(
        &mut self,
        tid: Tid,
        hart: &Hart,
        request: &CloneRequest,
        space: SpaceId,
    ) -> Result<Pid> {
        let flags = request.flags;
        // Copying the memory took its time: what a signal has ended meanwhile has no children any more, or one to a whole
        // group would miss them (Linux, `copy_process`). Nobody sees the error.
        if self.must_exit(tid) {
            return Err(Errno::EINTR);
        }
        let pid = self.new_process_id(request.tid)?;
        let now = self.now.monotonic;
        let caller = self.tasks.thread(tid).ok_or(Errno::ESRCH)?;
        let caller_pid = caller.pid;
        let from = self.tasks.process(caller_pid).ok_or(Errno::ESRCH)?;
        let (Some(fd_table), Some(fs_context)) = (from.fd_table, from.fs_context) else {
            return Err(Errno::ESRCH);
        };
        let fd_table = if flags.has(CloneFlags::FILES) {
            self.fs.share_fd_table(fd_table)
        } else {
            self.fs.clone_fd_table(fd_table)?
        };
        let fs_context = if flags.has(CloneFlags::FS) {
            self.fs.share_context(fs_context)
        } else {
            self.fs.clone_context(fs_context)?
        };
        let parent = if flags.has(CloneFlags::PARENT) { from.parent } else { Some(caller_pid) };
        let mut process = Process::new(pid, parent, from.creds.clone(), &self.limits, now);
        process.inherit(from);
        process.space = space;
        process.fd_table = Some(fd_table);
        process.fs_context = Some(fs_context);
        process.exit_signal =
            if flags.has(CloneFlags::PARENT) { from.exit_signal } else { request.exit_signal };
        if flags.has(CloneFlags::CLEAR_SIGHAND) {
            process.signals.actions.clear_handlers();
        }
        process.exe = from.exe;
        if let Some(exe) = process.exe {
            self.fs.retain(exe);
        }
        process.threads.push(pid.0);
        if flags.has(CloneFlags::VFORK) {
            process.vfork_parent = Some(tid);
        }
        let mut thread =
            Thread::new(pid.0, pid, caller.name, child_hart(hart, request), &process.shared, now);
        thread.inherit(caller, request);
        let caller_space = from.space;
        self.tasks.insert_process(Box::new(process));
        self.tasks.insert_thread(Box::new(thread));
        if let Some(parent) = parent.and_then(|parent| self.tasks.process_mut(parent)) {
            parent.children.push(pid);
        }
        self.tell_process(|| ProcessEvent::Started { pid, parent: parent.unwrap_or(INIT) });
        self.trace_clone(tid, pid.0, flags, request.exit_signal == Some(Signal::CHLD));
        self.publish_clone(caller_space, space, pid.0, request);
        Ok(pid)
    }

    /// Writes ids where they were asked for and lets the thread run.
    fn publish_clone(&mut self, caller: SpaceId, space: SpaceId, tid: Tid, request: &CloneRequest) {
        // As on Linux, an address that cannot be written is the guest's loss.
        if request.flags.has(CloneFlags::PARENT_SETTID) {
            let _: Result<()> = self.write_pod_in(caller, request.parent_tid, &tid.get());
        }
        if request.flags.has(CloneFlags::CHILD_SETTID) {
            let _: Result<()> = self.write_pod_in(space, request.child_tid, &tid.get());
        }
        self.statuses.push_back(Status::Runnable { tid, sync: false });
    }

    /// The process left its parent's memory: the parent's `vfork` returns.
    pub(crate) fn complete_vfork(&mut self, pid: Pid) {
        let Some(waiter) = self.tasks.process_mut(pid).and_then(|process| process.vfork_parent.take()) else {
            return;
        };
        let Some(thread) = self.tasks.thread_mut(waiter) else { return };
        thread.killable_only = false;
        if let Some(parked) = &mut thread.parked {
            parked.completed = Some(Ok(u64::from(pid.get())));
        }
        let park = thread.park.0;
        self.trace_vfork_done(waiter, pid);
        self.unpark(waiter, park, Entry::Event);
    }
}

impl Process {
    fn inherit(&mut self, from: &Process) {
        self.group = from.group;
        self.session = from.session;
        self.terminal = from.terminal;
        self.rlimits = from.rlimits;
        self.timers.limit_cpu(from.rlimits.soft(Resource::Cpu));
        self.signals.actions = from.signals.actions.clone();
        self.dumpable = from.dumpable;
        self.no_new_privs = from.no_new_privs;
        self.personality = from.personality;
        self.no_huge_pages = from.no_huge_pages;
        self.memory_failure = from.memory_failure;
        self.kept = from.kept;
        let traced = from.shared.traced.load(core::sync::atomic::Ordering::Relaxed);
        self.shared.traced.store(traced, core::sync::atomic::Ordering::Relaxed);
    }
}

impl Thread {
    fn inherit(&mut self, from: &Thread, request: &CloneRequest) {
        self.signals.mask = from.signals.saved_mask.unwrap_or(from.signals.mask);
        self.scheduling = from.scheduling.inherited();
        // A thread that shares memory must not use its creator's stack; a vfork child does for a moment.
        if !request.flags.has(CloneFlags::VM) || request.flags.has(CloneFlags::VFORK) {
            self.signals.alt_stack = from.signals.alt_stack;
        }
        if request.flags.has(CloneFlags::CHILD_CLEARTID) {
            self.clear_child_tid = request.child_tid;
        }
    }
}

fn child_hart(hart: &Hart, request: &CloneRequest) -> Box<Hart> {
    let mut child = Box::new(hart.clone());
    child.clear_reservation();
    child.set_x(A0, 0);
    if request.stack != 0 {
        child.set_x(SP, request.stack);
    }
    if request.flags.has(CloneFlags::SETTLS) {
        child.set_x(TP, request.tls);
    }
    child
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_shapes_programs_use_are_valid() {
        for flags in [0, 0x3d0f00, 0x4100, 0x120_0000, 0x1_0000_4100] {
            assert!(CloneFlags(flags).validated().is_ok(), "{flags:#x}");
        }
    }

    #[test]
    fn combinations_that_clone_2_forbids() {
        // THREAD without SIGHAND, SIGHAND without VM, a namespace, SIGHAND with CLEAR_SIGHAND.
        for flags in [0x1_0100, 0x1_0800, 0x2000_0000, 0x1_0001_0f00] {
            assert_eq!(CloneFlags(flags).validated(), Err(Errno::EINVAL), "{flags:#x}");
        }
    }
}
