//! Terminals (`tty(4)`, `pty(7)`, `termios(3)`): pseudoterminals with Linux's line discipline and job control.
//!
//! - [`termios`]: attributes and their layout; [`ldisc`]: input, editing and echo; [`output`]: output processing;
//! - [`pty`]: the two ends of one terminal, and who waits; [`packet`]: what packet mode tells;
//! - [`device`]: `/dev/ptmx`, `/dev/pts`, `/dev/tty`, and open files that are terminals;
//! - [`job`]: controlling terminals, foreground groups, hanging up; [`stream`]: masters that the application holds;
//! - [`read`] and [`ioctl`]: the system calls' part.
//!
//! No terminal knows a process but by its group's number. What changes at a terminal and concerns processes is noted as
//! [`News`] and done at the end of the kernel's step, as Linux does in a work queue.

mod ctype;
mod device;
pub(crate) mod ioctl;
pub(crate) mod job;
mod ldisc;
pub(crate) mod limits;
mod output;
mod packet;
pub(crate) mod pty;
pub(crate) mod read;
mod stream;
mod termios;

pub(crate) use device::{TerminalDevice, TerminalFile};
pub(crate) use stream::Role;
pub use termios::WindowSize;

use pty::Pty;

use crate::errno::{Errno, Result};
use crate::signal::Signal;
use crate::task::Pid;

/// A pseudoterminal, by its number in `/dev/pts`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PtyId(pub u32);

/// What happened at a terminal and concerns processes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum News {
    /// A key or a change of size signals the foreground group.
    Signal {
        /// The group.
        group: Pid,
        /// The signal.
        signal: Signal,
    },
    /// The terminal that controlled a session is gone.
    HungUp {
        /// The terminal.
        pty: PtyId,
        /// The session.
        session: Pid,
        /// The group that was in the foreground.
        group: Option<Pid>,
    },
}

/// All terminals.
#[derive(Debug, Default)]
pub(crate) struct Terminals {
    /// By number: the lowest free one is given.
    table: Vec<Option<Box<Pty>>>,
    news: Vec<News>,
}

impl Terminals {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.table.iter().flatten().count()
    }

    /// The terminal of a number.
    ///
    /// # Errors
    /// `EIO` when there is none.
    pub(crate) fn get(&self, id: PtyId) -> Result<&Pty> {
        self.table.get(id.0 as usize).and_then(Option::as_deref).ok_or(Errno::EIO)
    }

    /// The terminal of a number.
    ///
    /// # Errors
    /// `EIO` when there is none.
    pub(crate) fn get_mut(&mut self, id: PtyId) -> Result<&mut Pty> {
        self.table.get_mut(id.0 as usize).and_then(Option::as_deref_mut).ok_or(Errno::EIO)
    }

    /// Makes a terminal, locked, without open files.
    ///
    /// # Errors
    /// `ENOSPC` at the limit.
    fn insert(&mut self, limit: u32) -> Result<PtyId> {
        let free = self.table.iter().position(Option::is_none).unwrap_or(self.table.len());
        if free >= limit as usize {
            return Err(Errno::ENOSPC);
        }
        let pty = Some(Box::new(Pty::new()));
        match self.table.get_mut(free) {
            Some(place) => *place = pty,
            None => self.table.push(pty),
        }
        Ok(PtyId(free as u32))
    }

    /// Removes a terminal that neither end is open of.
    fn remove_if_unused(&mut self, id: PtyId) {
        if self.get(id).is_ok_and(|pty| pty.masters == 0 && pty.slaves == 0) {
            self.table[id.0 as usize] = None;
        }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.table.iter().flatten().count()
    }

    /// Takes up the signals that a terminal's keys raised.
    fn note_signals(&mut self, id: PtyId) {
        let Some(pty) = self.table.get_mut(id.0 as usize).and_then(Option::as_deref_mut) else { return };
        let raised = pty.discipline.raised.drain(..);
        if let Some(group) = pty.group {
            self.news.extend(raised.map(|signal| News::Signal { group, signal }));
        }
    }

    /// What happened since this was last asked.
    fn take_news(&mut self) -> Vec<News> {
        std::mem::take(&mut self.news)
    }
}
