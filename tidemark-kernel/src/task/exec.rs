//! What `execve(2)` makes of a process: one thread, another program, the same process.
//!
//! Owns the ending of the other threads, the change of identity of the thread that goes on, and what is reset. Loading
//! the program is `exec`'s.

use core::sync::atomic::Ordering;

use super::thread::Name;
use super::{Pid, RunState, Tid};
use crate::addr::GuestAddr;
use crate::cpu::core::SpaceId;
use crate::kernel::{Kernel, Running};
use crate::signal::AltStack;
use crate::syscall::trace;
use crate::system::System;

impl System {
    /// Puts the process into a new space, of which it is a user already. The thread is its only one; its registers are
    /// the caller's to set. It leaves its old space when it leaves the kernel.
    pub(crate) fn replace_program(&mut self, tid: Tid, space: SpaceId, name: Name) {
        let Some(pid) = self.tasks.thread(tid).map(|thread| thread.pid) else { return };
        self.clear_tid_at_exec(tid);
        self.complete_vfork(pid);
        let tid = self.take_leaders_id(tid, pid);
        let Some(process) = self.tasks.process_mut(pid) else { return };
        process.exec_by = None;
        process.execed = true;
        process.dumpable = true;
        process.space = space;
        process.signals.actions.reset_for_exec();
        process.timers.after_exec();
        process.creds.after_exec();
        process.publish();
        let fd_table = process.fd_table;
        let Some(thread) = self.tasks.thread_mut(tid) else { return };
        thread.name = name;
        thread.signals.alt_stack = AltStack::default();
        thread.robust_list = GuestAddr::NULL;
        if let Some(table) = fd_table {
            self.fs.close_on_exec(table, &mut self.woken);
        }
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
        let old = running.space.id;
        self.sys.leave_space(tid, &running.space);
        self.sys.mem.release_space(old);
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
