//! Who is told by a signal that an open file can be read or written: `O_ASYNC`, `F_SETOWN` and `F_SETSIG` (`fcntl(2)`,
//! "Managing signals"), and of urgent bytes (`SIGURG`).
//!
//! Owns the owner of an open file and what is sent to it. The file stands in the queue of what it is open on, as an epoll
//! item does.

use super::file::FileKind;
use super::{FileId, Vfs};
use crate::errno::{Errno, Result};
use crate::signal::{SigInfo, Signal};
use crate::system::System;
use crate::task::{Pid, ProcessRef, Tid, Uid};
use crate::tty::TerminalFile;
use crate::wait::{Events, WaitTarget, Waiter};

/// Whom an open file belongs to as far as signals go.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Whom {
    #[default]
    Nobody,
    /// `F_OWNER_TID`
    Thread(Tid),
    /// `F_OWNER_PID`
    Process(ProcessRef),
    /// `F_OWNER_PGRP`
    Group(Pid),
}

/// The owner of an open file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Owner {
    pub(crate) whom: Whom,
    /// The ids of who named the owner: it must be allowed to send it signals.
    pub(crate) uid: Uid,
    pub(crate) euid: Uid,
    /// What is sent (`F_SETSIG`); a plain `SIGIO` if nothing was named.
    pub(crate) signal: Option<Signal>,
    /// The descriptor by which signals were switched on (`si_fd`).
    pub(crate) fd: u32,
}

/// Why a signal is sent, with the numbers of `si_code` (`sigaction(2)`, "SIGIO/SIGPOLL").
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Reason {
    In = 1,
    Out = 2,
    Priority = 5,
    HungUp = 6,
}

impl Reason {
    /// What `si_band` says, as `poll(2)` numbers it (`band_table` of `fs/fcntl.c`).
    const fn band(self) -> u64 {
        match self {
            Reason::In => 0x41,
            Reason::Out => 0x304,
            Reason::Priority => 0x82,
            Reason::HungUp => 0x18,
        }
    }
}

/// `si_code` where the reason could be taken for one of the signal's own (`SI_SIGIO`).
const SI_SIGIO: i32 = -5;

impl Vfs {
    /// Whether an open file tells its owner anything (`O_ASYNC` has an effect).
    ///
    /// # Errors
    /// `EBADF` when it is closed.
    pub(crate) fn has_signals(&self, file: FileId) -> Result<bool> {
        Ok(matches!(
            self.file(file)?.kind,
            FileKind::Pipe(_) | FileKind::Socket(_) | FileKind::Terminal(_) | FileKind::Inotify(_)
        ))
    }

    /// An open file's owner.
    ///
    /// # Errors
    /// `EBADF` when it is closed.
    pub(crate) fn owner(&self, file: FileId) -> Result<Owner> {
        Ok(self.file(file)?.owner.as_deref().copied().unwrap_or_default())
    }

    /// Changes an open file's owner.
    ///
    /// # Errors
    /// `EBADF` when it is closed.
    pub(crate) fn set_owner_of(&mut self, file: FileId, change: impl FnOnce(&mut Owner)) -> Result<()> {
        change(self.file_mut(file)?.owner.get_or_insert_default());
        Ok(())
    }

    /// Begins to tell an open file's owner, or ends it. `fd` is the descriptor by which that was asked.
    ///
    /// # Errors
    /// `EBADF` when it is closed.
    pub(crate) fn tell_owner(&mut self, file: FileId, on: bool, fd: u32) -> Result<()> {
        if !on {
            self.stop_waiting(file, WaitTarget::Owner(file));
            return Ok(());
        }
        let open = self.file(file)?;
        let events = match open.kind {
            FileKind::Pipe(_) if open.readable && open.writable => Events::IN.union(Events::OUT),
            FileKind::Pipe(_) if open.readable => Events::IN,
            FileKind::Pipe(_) => Events::OUT,
            _ => Events::ALL,
        };
        self.set_owner_of(file, |owner| owner.fd = fd)?;
        if let Some(queue) = self.queue_of(file)? {
            queue.add(Waiter { target: WaitTarget::Owner(file), events });
        }
        Ok(())
    }

    /// Why the owner of a file is told of these events.
    fn reason(&self, file: FileId, events: Events) -> Result<Reason> {
        let open = self.file(file)?;
        Ok(match open.kind {
            // The other end of a pipe that closes makes this one ready.
            FileKind::Pipe(_) if !open.readable => Reason::Out,
            FileKind::Pipe(_) if open.writable && !events.intersects(Events::IN) => Reason::Out,
            FileKind::Pipe(_) => Reason::In,
            FileKind::Socket(_) if events.intersects(Events::HUP) => Reason::HungUp,
            _ if events.intersects(Events::IN) => Reason::In,
            _ => Reason::Out,
        })
    }
}

impl System {
    /// An open file became ready: its owner is told.
    pub(crate) fn signal_owner(&mut self, file: FileId, events: Events) {
        let (Ok(owner), Ok(reason)) = (self.fs.owner(file), self.fs.reason(file, events)) else { return };
        self.send_to_owner(&owner, |signal| match signal {
            Some(signal) => io_signal(signal, reason, owner.fd),
            None => SigInfo::kernel(Signal::IO),
        });
    }

    /// A socket got an urgent byte.
    pub(crate) fn signal_urgent(&mut self, file: FileId) {
        let Ok(owner) = self.fs.owner(file) else { return };
        self.send_to_owner(&owner, |_| SigInfo::kernel(Signal::URG));
        let is_async = self.fs.file(file).is_ok_and(|open| open.flags.has(super::flags::OpenFlags::ASYNC));
        if is_async && let Some(signal) = owner.signal {
            self.send_to_owner(&owner, |_| io_signal(signal, Reason::Priority, owner.fd));
        }
    }

    fn send_to_owner(&mut self, owner: &Owner, info: impl Fn(Option<Signal>) -> SigInfo) {
        let chosen = info(owner.signal);
        match owner.whom {
            Whom::Nobody => {}
            Whom::Thread(tid) => {
                let Some(pid) = self.tasks.thread(tid).map(|thread| thread.pid) else { return };
                if self.may_be_told(owner, pid) && self.send_to_thread(tid, chosen) == Err(Errno::EAGAIN) {
                    // Too many are queued: the plain one says at least that something happened.
                    let _ = self.send_to_thread(tid, info(None));
                }
            }
            Whom::Process(process) => {
                let Some(pid) = self.tasks.referred(process).map(|process| process.pid) else { return };
                self.signal_member(owner, pid, chosen, &info);
            }
            Whom::Group(group) => {
                for pid in self.tasks.groups().members(group).to_vec() {
                    self.signal_member(owner, pid, chosen, &info);
                }
            }
        }
    }

    fn signal_member(
        &mut self,
        owner: &Owner,
        pid: Pid,
        chosen: SigInfo,
        info: &impl Fn(Option<Signal>) -> SigInfo,
    ) {
        if self.may_be_told(owner, pid) && self.send_to_process(pid, chosen) == Err(Errno::EAGAIN) {
            let _ = self.send_to_process(pid, info(None));
        }
    }

    /// Whether who named the owner may send it signals (`sigio_perm`).
    fn may_be_told(&self, owner: &Owner, pid: Pid) -> bool {
        let Some(process) = self.tasks.process(pid) else { return false };
        let target = [process.creds.uid, process.creds.suid];
        owner.euid == 0 || target.contains(&owner.euid) || target.contains(&owner.uid)
    }

    /// Who owns a terminal's file when signals are switched on and nobody was named: its foreground group, or who asks
    /// (`__tty_fasync`).
    pub(crate) fn first_owner(&self, file: FileId, caller: ProcessRef) -> Option<Whom> {
        let TerminalFile { pty, .. } = self.fs.terminal_of(file).ok()?;
        let group = self.fs.terminals.get(pty).ok()?.group;
        Some(group.map_or(Whom::Process(caller), Whom::Group))
    }
}

/// A signal that says what happened to which descriptor.
fn io_signal(signal: Signal, reason: Reason, fd: u32) -> SigInfo {
    let own_codes =
        [Signal::ILL, Signal::FPE, Signal::SEGV, Signal::BUS, Signal::TRAP, Signal::CHLD, Signal::SYS];
    let code = if own_codes.contains(&signal) { SI_SIGIO } else { reason as i32 };
    SigInfo { signal, errno: 0, code, fields: [reason.band(), u64::from(fd), 0, 0] }
}
