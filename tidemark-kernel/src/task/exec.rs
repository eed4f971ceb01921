//! What `execve(2)` makes of a process: one thread, another program, the same process.
//!
//! Owns the ending of the other threads, the change of identity of the thread that goes on, and what is reset. Loading
//! the program is `exec`'s.

use core::sync::atomic::Ordering;

use super::thread::Name;
use super::{Gid, Pid, RunState, Tid, Uid};
use crate::addr::{GuestAddr, PAGE_SIZE};
use crate::cpu::core::SpaceId;
use crate::errno::{Errno, Result};
use crate::exec::Identity;
use crate::fs::FileId;
use crate::kernel::{Kernel, Running};
use crate::signal::AltStack;
use crate::status::{ProcessEvent, Status};
use crate::syscall::trace;
use crate::system::System;

/// As whom a program runs (`execve(2)`: set-user-ID and set-group-ID programs).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct ExecIdentity {
    /// The effective user id it gets, if the file sets one.
    pub(crate) euid: Option<Uid>,
    /// The effective group id it gets, if the file sets one.
    pub(crate) egid: Option<Gid>,
}

impl ExecIdentity {
    /// What the program is told of it by its auxiliary vector.
    pub(crate) fn told(&self, sys: &System, pid: Pid) -> Identity {
        let Some(process) = sys.tasks.process(pid) else { return Identity::default() };
        let creds = &process.creds;
        let (euid, egid) = (self.euid.unwrap_or(creds.euid), self.egid.unwrap_or(creds.egid));
        let secure = euid != creds.uid || egid != creds.gid;
        Identity { uid: creds.uid, euid, gid: creds.gid, egid, secure }
    }
}

/// Mode bits of a program that runs as its owner, as its group, and that may be run by the group.
const SET_UID: u32 = 0o4000;
const SET_GID: u32 = 0o2000;
const GROUP_EXEC: u32 = 0o0010;

impl System {
    /// As whom the file runs when a process executes it.
    pub(crate) fn exec_identity(&self, pid: Pid, program: FileId) -> ExecIdentity {
        let gains = self.tasks.process(pid).is_some_and(|process| !process.no_new_privs);
        let attr = self.fs.file(program).and_then(|file| self.fs.attr(file.at));
        let Ok(attr) = attr else { return ExecIdentity::default() };
        let mode = u32::from(attr.perm);
        let sets_gid = SET_GID | GROUP_EXEC;
        ExecIdentity {
            euid: (gains && mode & SET_UID != 0).then_some(attr.uid),
            egid: (gains && mode & sets_gid == sets_gid).then_some(attr.gid),
        }
    }

    /// Puts the process into a new space, of which it is a user already, to run `program`, whose reference goes over. The
    /// thread is its only one; its registers are the caller's to set. It leaves its old space when it leaves the kernel.
    ///
    /// # Errors
    /// `EBADF` when the descriptors, shared with another process, cannot be copied. Nothing has changed then.
    pub(crate) fn replace_program(
        &mut self,
        tid: Tid,
        space: SpaceId,
        program: FileId,
        name: Name,
        identity: &ExecIdentity,
    ) -> Result<()> {
        let pid = self.tasks.thread(tid).ok_or(Errno::ESRCH)?.pid;
        self.own_fd_table(pid)?;
        self.clear_tid_at_exec(tid);
        self.complete_vfork(pid);
        let tid = self.take_leaders_id(tid, pid);
        // POSIX timers go, interval timers stay (`execve(2)`). There are few, most often none.
        while self.delete_posix_timers(pid) {}
        let process = self.tasks.process_mut(pid).ok_or(Errno::ESRCH)?;
        process.exec_by = None;
        process.execed = true;
        let left = core::mem::replace(&mut process.space, space);
        process.signals.actions.reset_for_exec();
        process.creds.euid = identity.euid.unwrap_or(process.creds.euid);
        process.creds.egid = identity.egid.unwrap_or(process.creds.egid);
        process.creds.after_exec();
        process.dumpable = process.creds.euid == process.creds.uid && process.creds.egid == process.creds.gid;
        process.publish();
        let reference = process.reference();
        let old = process.exe.replace(program);
        self.fs.message_queues.forget_everywhere(reference);
        self.fs.mark_running(program);
        self.count_resident(pid, left);
        if let Some(thread) = self.tasks.thread_mut(tid) {
            thread.name = name;
            thread.signals.alt_stack = AltStack::default();
            thread.robust_list = GuestAddr::NULL;
        }
        if let Some(old) = old {
            self.fs.release(old);
        }
        self.tell_process(|| ProcessEvent::Executed { pid, name: name.as_bytes().to_vec() });
        Ok(())
    }

    /// A process leaves a space: what was resident there counts for it.
    pub(super) fn count_resident(&mut self, pid: Pid, space: SpaceId) {
        let Some(space) = self.mem.spaces.get(space) else { return };
        let bytes = space.peak_resident() * PAGE_SIZE;
        if let Some(process) = self.tasks.process_mut(pid) {
            process.usage.peak_resident = process.usage.peak_resident.max(bytes);
        }
    }

    /// Tells the runtime of a process, if it asked to be told of all.
    pub(super) fn tell_process(&mut self, event: impl FnOnce() -> ProcessEvent) {
        if self.tell_processes {
            self.statuses.push_back(Status::Process(event()));
        }
    }

    /// Makes the process's descriptors no other process's any more.
    fn own_fd_table(&mut self, pid: Pid) -> Result<()> {
        let table = self.tasks.process(pid).and_then(|process| process.fd_table).ok_or(Errno::EBADF)?;
        if !self.fs.fd_table_is_shared(table) {
            return Ok(());
        }
        let own = self.fs.clone_fd_table(table)?;
        // Others use it, so that nothing is closed.
        self.release_fd_table(table);
        if let Some(process) = self.tasks.process_mut(pid) {
            process.fd_table = Some(own);
        }
        Ok(())
    }

    /// A step of what is left to do before a program that was executed begins: closing what is marked so, taking apart
    /// its predecessor's memory. Whether more is left.
    pub(crate) fn after_exec_step(&mut self, pid: Pid) -> bool {
        let table = self.tasks.process(pid).and_then(|process| process.fd_table);
        if let Some(table) = table
            && self.fs.close_on_exec(table, &mut self.woken)
        {
            return true;
        }
        self.release_step()
    }

    /// The old program's memory hears of its thread's end, as if it had exited.
    fn clear_tid_at_exec(&mut self, tid: Tid) {
        let Some(thread) = self.tasks.thread(tid) else { return };
        let Some(space) = self.tasks.process(thread.pid).map(|process| process.space) else { return };
        self.clear_child_tid(tid, space);
    }

    /// The thread that executes a program becomes the process's first, whatever its id was.
    fn take_leaders_id(&mut self, tid: Tid, pid: Pid) -> Tid {
        if tid == pid.0 {
            return tid;
        }
        let Some(mut thread) = self.tasks.remove_thread(tid) else { return tid };
        thread.tid = pid.0;
        thread.shared.tid.store(pid.get(), Ordering::Relaxed);
        if let RunState::Running(worker) = thread.state
            && let Some(current) = self.current.get_mut(usize::from(worker.0))
        {
            *current = Some(pid.0);
        }
        self.tasks.insert_thread(thread);
        self.trace_renamed(tid, pid.0);
        if let Some(process) = self.tasks.process_mut(pid) {
            process.threads = vec![pid.0];
        }
        pid.0
    }
}

impl Kernel {
    /// Follows a thread that executed a program to its new id and address space.
    pub(crate) fn after_exec(&mut self, mut running: Running) -> Running {
        let id = running.shared.tid.load(Ordering::Relaxed);
        running.tid = Tid::new(id).unwrap_or(running.tid);
        let tid = running.tid;
        let Some(thread) = self.sys.tasks.thread(tid) else { return running };
        let RunState::Running(worker) = thread.state else { return running };
        let Some(process) = self.sys.tasks.process(thread.pid) else { return running };
        if process.space == running.space.id {
            return running;
        }
        let (old, pid) = (running.space.id, thread.pid);
        self.sys.leave_space(tid, &running.space);
        self.sys.mem.leave_space(old, pid);
        if let Some(space) = self.sys.enter_space(tid, worker) {
            running.space = space;
        }
        if let Some(thread) = self.sys.tasks.thread_mut(tid) {
            thread.reclaiming = true;
        }
        if self.sys.trace {
            trace::end(&mut self.sys, tid, Some(0));
        }
        running
    }
}
