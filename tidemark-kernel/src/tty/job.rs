//! Controlling terminals and job control (`credentials(7)`, `tty_ioctl(4)`, `setsid(2)`; Linux's `tty_jobctrl.c`).
//!
//! Owns which session a terminal controls, which group is in its foreground, who may use it from the background, and
//! what a hang-up means to processes.

use super::pty::End;
use super::{News, PtyId, TerminalFile};
use crate::errno::{Errno, Result};
use crate::fs::FileId;
use crate::fs::flags::OpenFlags;
use crate::signal::{Disposition, SigInfo, Signal};
use crate::system::System;
use crate::task::{Capabilities, Pid, Process, Tid};

/// Whether a call at a terminal goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub(crate) enum Permission {
    /// It does.
    Granted,
    /// The caller's group, in the background, was signalled: the call is interrupted.
    Signalled,
}

impl System {
    /// Whether a thread may read from a terminal, or with [`Signal::TTOU`] change it: from the background, its group is
    /// stopped (`__tty_check_change`).
    ///
    /// # Errors
    /// `EIO` where stopping would be of no use: the group is orphaned, or does not heed `SIGTTIN`.
    pub(crate) fn check_foreground(&mut self, tid: Tid, pty: PtyId, signal: Signal) -> Result<Permission> {
        let thread = self.tasks.thread(tid).ok_or(Errno::ESRCH)?;
        let process = self.tasks.process(thread.pid).ok_or(Errno::ESRCH)?;
        let foreground = self.fs.terminals.get(pty)?.group;
        let group = process.group;
        if process.terminal != Some(pty) || foreground.is_none() || foreground == Some(group) {
            return Ok(Permission::Granted);
        }
        let ignored = thread.signals.mask.contains(signal)
            || process.signals.actions.get(signal).disposition == Disposition::Ignore;
        if ignored {
            return if signal == Signal::TTIN { Err(Errno::EIO) } else { Ok(Permission::Granted) };
        }
        if self.group_is_orphaned(group) {
            return Err(Errno::EIO);
        }
        self.signal_group(group, signal);
        Ok(Permission::Signalled)
    }

    /// Sends a signal of the kernel's to every process of a group.
    pub(crate) fn signal_group(&mut self, group: Pid, signal: Signal) {
        for pid in self.tasks.groups().members(group).to_vec() {
            // One that ended meanwhile needs none.
            let _: Result<()> = self.send_to_process(pid, SigInfo::kernel(signal));
        }
    }

    /// A process opened a file: a session leader without a controlling terminal gets one by that (`open(2)`,
    /// `O_NOCTTY`).
    pub(crate) fn terminal_opened(&mut self, pid: Pid, file: FileId, flags: OpenFlags) {
        let Ok(TerminalFile { pty, end: End::Slave { .. } }) = self.fs.terminal_of(file) else { return };
        let readable = self.fs.file(file).is_ok_and(|open| open.readable);
        let free = self.fs.terminals.get(pty).is_ok_and(|pty| pty.session.is_none());
        let Some(process) = self.tasks.process(pid) else { return };
        let wants = process.session == pid && process.terminal.is_none() && !flags.has(OpenFlags::NO_CTTY);
        if wants && free && readable {
            self.control(pid, pty);
        }
    }

    /// Makes a terminal the controlling one of a session leader.
    pub(super) fn control(&mut self, pid: Pid, pty: PtyId) {
        let Some(process) = self.tasks.process_mut(pid) else { return };
        process.terminal = Some(pty);
        process.left_foreground = None;
        let (session, group) = (process.session, process.group);
        if let Ok(pty) = self.fs.terminals.get_mut(pty) {
            pty.session = Some(session);
            pty.group = Some(group);
        }
    }

    /// `TIOCSCTTY`; with `steal`, from another session.
    ///
    /// # Errors
    /// `EPERM` when the caller does not lead a session, has a controlling terminal, or may not steal or read this one.
    pub(super) fn set_controlling(&mut self, pid: Pid, id: PtyId, readable: bool, steal: bool) -> Result<()> {
        let process = self.tasks.process(pid).ok_or(Errno::ESRCH)?;
        let leads = process.session == pid;
        let privileged = process.creds.can(Capabilities::SYS_ADMIN);
        let controlled = self.fs.terminals.get(id)?.session;
        if leads && controlled == Some(process.session) {
            return Ok(());
        }
        if !leads || process.terminal.is_some() {
            return Err(Errno::EPERM);
        }
        if let Some(other) = controlled {
            if !steal || !privileged {
                return Err(Errno::EPERM);
            }
            self.detach_session(other);
        }
        if !readable && !privileged {
            return Err(Errno::EPERM);
        }
        self.control(pid, id);
        Ok(())
    }

    /// `TIOCNOTTY`: the process gives its controlling terminal up; a session leader, for all of its session.
    ///
    /// # Errors
    /// `ENOTTY` when this is not the caller's controlling terminal.
    pub(super) fn give_up_controlling(&mut self, pid: Pid, id: PtyId) -> Result<()> {
        let process = self.tasks.process_mut(pid).ok_or(Errno::ESRCH)?;
        if process.terminal != Some(id) {
            return Err(Errno::ENOTTY);
        }
        if process.session == pid {
            self.release_terminal(id, pid, &[Signal::HUP, Signal::CONT]);
        }
        if let Some(process) = self.tasks.process_mut(pid) {
            process.terminal = None;
        }
        Ok(())
    }

    /// A process is about to end: a session leader's terminal is free again, and its foreground group is hung up.
    pub(crate) fn leave_terminal(&mut self, pid: Pid) {
        let Some(process) = self.tasks.process_mut(pid) else { return };
        if process.session != pid {
            process.terminal = None;
            return;
        }
        let left = process.left_foreground.take();
        match process.terminal.take() {
            Some(terminal) => self.release_terminal(terminal, pid, &[Signal::HUP]),
            None => {
                // The terminal was hung up before: its foreground group hears of it now.
                for signal in [Signal::HUP, Signal::CONT] {
                    if let Some(group) = left {
                        self.signal_group(group, signal);
                    }
                }
            }
        }
    }

    /// A session gives its terminal up, of which the foreground group is told by these signals.
    fn release_terminal(&mut self, id: PtyId, session: Pid, signals: &[Signal]) {
        let group = self.fs.terminals.get(id).ok().and_then(|pty| pty.group);
        for &signal in signals {
            if let Some(group) = group {
                self.signal_group(group, signal);
            }
        }
        if let Ok(pty) = self.fs.terminals.get_mut(id) {
            (pty.session, pty.group) = (None, None);
        }
        self.detach_session(session);
    }

    /// No process of the session has a controlling terminal any more.
    fn detach_session(&mut self, session: Pid) {
        self.for_session(session, |process| process.terminal = None);
    }

    fn for_session(&mut self, session: Pid, mut change: impl FnMut(&mut Process)) {
        let of_session = self.tasks.processes().filter(|process| process.session == session);
        let members: Vec<Pid> = of_session.map(|process| process.pid).collect();
        for pid in members {
            if let Some(process) = self.tasks.process_mut(pid) {
                change(process);
            }
        }
    }

    /// `tcsetpgrp(3)`: sets the foreground group.
    ///
    /// # Errors
    /// `ENOTTY` when it is not the caller's controlling terminal, `EINVAL` for no number of a group, `ESRCH` for one
    /// that does not exist, `EPERM` for another session's.
    pub(super) fn set_foreground(&mut self, pid: Pid, id: PtyId, group: i32) -> Result<()> {
        let group = u32::try_from(group).map_err(|_| Errno::EINVAL)?;
        let process = self.tasks.process(pid).ok_or(Errno::ESRCH)?;
        let session = process.session;
        if process.terminal != Some(id) || self.fs.terminals.get(id)?.session != Some(session) {
            return Err(Errno::ENOTTY);
        }
        let group = Tid::new(group).map(Pid).ok_or(Errno::ESRCH)?;
        let member = self.tasks.groups().members(group).first().copied();
        match member.and_then(|member| self.tasks.process(member)) {
            Some(member) if member.session != session => Err(Errno::EPERM),
            Some(_) => {
                self.fs.terminals.get_mut(id)?.group = Some(group);
                Ok(())
            }
            // The number of a process that leads no group (`session_of_pgrp` finds none).
            None if self.tasks.process(group).is_some() => Err(Errno::EPERM),
            None => Err(Errno::ESRCH),
        }
    }

    /// Does to processes what happened at terminals.
    pub(crate) fn settle_terminals(&mut self) {
        for news in self.fs.terminals.take_news() {
            match news {
                News::Signal { group, signal } => self.signal_group(group, signal),
                News::HungUp { pty, session, group } => self.session_hung_up(pty, session, group),
            }
        }
    }

    /// A session lost its terminal: its leader is told, and the foreground group once that ends
    /// (`tty_signal_session_leader`).
    fn session_hung_up(&mut self, pty: PtyId, session: Pid, group: Option<Pid>) {
        self.for_session(session, |process| {
            if process.terminal == Some(pty) {
                process.terminal = None;
            }
        });
        let Some(leader) = self.tasks.process_mut(session) else { return };
        leader.left_foreground = group;
        for signal in [Signal::HUP, Signal::CONT] {
            // One that ended meanwhile needs none.
            let _: Result<()> = self.send_to_process(session, SigInfo::kernel(signal));
        }
    }
}
