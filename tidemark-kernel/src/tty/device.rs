//! Terminals as files: `/dev/ptmx` makes one, `/dev/pts` names them, `/dev/tty` is the caller's own (`pts(4)`,
//! `tty(4)`).
//!
//! Owns opening, closing and moving bytes; permission to use a terminal is [`job`](super::job)'s.

use super::ldisc::Taken;
use super::pty::End;
use super::termios::{Termios, WindowSize, input};
use super::{News, PtyId};
use crate::errno::{Errno, Result};
use crate::fs::file::FileKind;
use crate::fs::flags::OpenFlags;
use crate::fs::layer::format::Device;
use crate::fs::node::{Birth, Location, NewNode, NodeKey, timestamp};
use crate::fs::path::Walker;
use crate::fs::view::Env;
use crate::fs::{FileId, Vfs};
use crate::mem::io::{IoSink, IoSource};
use crate::task::{Capabilities, Creds};
use crate::wait::{WaitTarget, Waiter, Woken};

/// `UNIX98_PTY_SLAVE_MAJOR`
pub(crate) const SLAVE_MAJOR: u32 = 136;
/// `UNIX98_PTY_MASTER_MAJOR`
pub(super) const MASTER_MAJOR: u32 = 128;
/// `TTYAUX_MAJOR`: `/dev/tty`, `/dev/console` and `/dev/ptmx` are its minors 0, 1 and 2.
const AUX_MAJOR: u32 = 5;

/// The group that Debian's `/dev/pts` gives terminals to, `tty`, so that `write(1)` works.
const TTY_GROUP: u32 = 5;
/// Permissions of a new terminal in `/dev/pts`.
const SLAVE_PERM: u16 = 0o620;

/// An open file that is an end of a terminal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct TerminalFile {
    pub(crate) pty: PtyId,
    pub(crate) end: End,
}

/// What a character device of the terminals' major numbers is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TerminalDevice {
    /// `/dev/tty`
    Own,
    /// `/dev/console`
    Console,
    /// `/dev/ptmx`
    Multiplexer,
    /// `/dev/pts/N`
    Slave(PtyId),
}

impl TerminalDevice {
    /// The terminal device of these numbers, if they are one's.
    pub(crate) fn of(device: Device) -> Option<TerminalDevice> {
        match (device.major, device.minor) {
            (AUX_MAJOR, 0) => Some(TerminalDevice::Own),
            (AUX_MAJOR, 1) => Some(TerminalDevice::Console),
            (AUX_MAJOR, 2) => Some(TerminalDevice::Multiplexer),
            (SLAVE_MAJOR, number) => Some(TerminalDevice::Slave(PtyId(number))),
            _ => None,
        }
    }
}

impl Vfs {
    /// Opens a terminal's device node.
    ///
    /// # Errors
    /// `ENXIO` for `/dev/tty` without a controlling terminal, `ENODEV` for such a console, `EIO` for a terminal that is
    /// locked or gone, `EBUSY` for one in exclusive use, `ENOSPC` when there are too many.
    pub(crate) fn open_terminal(
        &mut self,
        who: &Walker<'_>,
        env: &Env<'_>,
        at: Location,
        device: TerminalDevice,
        flags: OpenFlags,
    ) -> Result<FileId> {
        let caller = who.view.caller.and_then(|(pid, _)| who.view.tasks.process(pid));
        let own = caller.and_then(|process| process.terminal);
        match device {
            TerminalDevice::Multiplexer => self.open_multiplexer(who.creds, env, at, flags),
            TerminalDevice::Slave(pty) => self.open_slave(who.creds, at, pty, flags),
            TerminalDevice::Own => self.open_slave(who.creds, at, own.ok_or(Errno::ENXIO)?, flags),
            TerminalDevice::Console => self.open_slave(who.creds, at, own.ok_or(Errno::ENODEV)?, flags),
        }
    }

    fn open_multiplexer(
        &mut self,
        creds: &Creds,
        env: &Env<'_>,
        at: Location,
        flags: OpenFlags,
    ) -> Result<FileId> {
        let pty = self.new_terminal(creds, env)?;
        let kind = FileKind::Terminal(TerminalFile { pty, end: End::Master });
        match self.finish_open(at, kind, flags) {
            Ok(file) => {
                self.terminals.get_mut(pty)?.masters += 1;
                Ok(file)
            }
            Err(error) => {
                self.forget_unused(pty);
                Err(error)
            }
        }
    }

    /// Makes a terminal and its name in `/dev/pts`, owned by who asks.
    ///
    /// # Errors
    /// `ENOSPC` when there are too many.
    pub(super) fn new_terminal(&mut self, creds: &Creds, env: &Env<'_>) -> Result<PtyId> {
        let pty = self.terminals.insert(self.limits.terminals)?;
        let birth =
            Birth { perm: SLAVE_PERM, uid: creds.fsuid, gid: TTY_GROUP, time: timestamp(env.now.realtime) };
        let device = NewNode::Char(Device { major: SLAVE_MAJOR, minor: pty.0 });
        let dir = self.pts_root();
        let made = self
            .tree_mut(dir)
            .and_then(|tree| tree.create(dir.node, pty.0.to_string().as_bytes(), device, birth));
        if let Err(error) = made {
            self.terminals.remove_if_unused(pty);
            return Err(error);
        }
        Ok(pty)
    }

    fn pts_root(&self) -> Location {
        Location { mount: self.pts_mount, node: NodeKey(0) }
    }

    /// Opens a terminal's slave end through the node `at`.
    pub(super) fn open_slave(
        &mut self,
        creds: &Creds,
        at: Location,
        id: PtyId,
        flags: OpenFlags,
    ) -> Result<FileId> {
        let pty = self.terminals.get(id)?;
        if pty.exclusive && !creds.can(Capabilities::SYS_ADMIN) {
            return Err(Errno::EBUSY);
        }
        if pty.locked || pty.masters == 0 {
            return Err(Errno::EIO);
        }
        let end = End::Slave { hangups: pty.hangups };
        let file = self.finish_open(at, FileKind::Terminal(TerminalFile { pty: id, end }), flags)?;
        self.terminals.get_mut(id)?.open_slave();
        Ok(file)
    }

    /// Opens the slave end of a master, whatever names can be reached (`TIOCGPTPEER`).
    ///
    /// # Errors
    /// As [`Vfs::open_terminal`].
    pub(super) fn open_peer(&mut self, creds: &Creds, id: PtyId, flags: OpenFlags) -> Result<FileId> {
        let dir = self.pts_root();
        let node = self.tree_mut(dir)?.lookup(dir.node, id.0.to_string().as_bytes())?;
        self.open_slave(creds, Location { mount: dir.mount, node }, id, flags)
    }

    /// An open file that is a terminal ended.
    pub(crate) fn close_terminal(&mut self, file: TerminalFile, env: &mut Env<'_>) {
        match file.end {
            End::Master => self.close_master(file.pty, env.woken),
            End::Slave { .. } => {
                if let Ok(pty) = self.terminals.get_mut(file.pty) {
                    pty.close_slave(env.woken);
                }
                self.terminals.remove_if_unused(file.pty);
            }
        }
    }

    /// A master was closed; the last one hangs the terminal up and takes its name away.
    pub(super) fn close_master(&mut self, id: PtyId, woken: &mut Woken) {
        let Ok(pty) = self.terminals.get_mut(id) else { return };
        if pty.close_master() {
            self.hang_up(id, woken);
            self.forget_name(id);
        }
        self.terminals.remove_if_unused(id);
    }

    /// Hangs a terminal up: what its processes are told follows at the end of the step.
    pub(crate) fn hang_up(&mut self, id: PtyId, woken: &mut Woken) {
        let Ok(pty) = self.terminals.get_mut(id) else { return };
        if let (Some(session), group) = pty.hang_up(woken) {
            self.terminals.news.push(News::HungUp { pty: id, session, group });
        }
    }

    pub(super) fn forget_unused(&mut self, id: PtyId) {
        if self.terminals.get(id).is_ok_and(|pty| pty.masters == 0) {
            self.forget_name(id);
        }
        self.terminals.remove_if_unused(id);
    }

    fn forget_name(&mut self, id: PtyId) {
        let dir = self.pts_root();
        if let Ok(tree) = self.tree_mut(dir) {
            // Its directory's times are all that shows the moment.
            let _ = tree.unlink(dir.node, id.0.to_string().as_bytes(), Default::default());
        }
    }

    /// The terminal that an open file is an end of.
    ///
    /// # Errors
    /// `ENOTTY` for every other file, `EBADF` for a closed one.
    pub(crate) fn terminal_of(&self, file: FileId) -> Result<TerminalFile> {
        match self.file(file)?.kind {
            FileKind::Terminal(terminal) => Ok(terminal),
            _ => Err(Errno::ENOTTY),
        }
    }

    /// Moves bytes out of a terminal.
    ///
    /// # Errors
    /// `EAGAIN` when there are none, `EIO`.
    pub(crate) fn read_terminal(
        &mut self,
        file: TerminalFile,
        sink: &mut IoSink<'_>,
        woken: &mut Woken,
    ) -> Result<Taken> {
        let taken = self.terminals.get_mut(file.pty)?.read(file.end, sink, woken);
        // Room made for input may have let a signal's key through.
        self.terminals.note_signals(file.pty);
        taken
    }

    /// Moves bytes into a terminal.
    ///
    /// # Errors
    /// `EAGAIN` when there is no room, `EIO` when its other end is gone.
    pub(crate) fn write_terminal(
        &mut self,
        file: TerminalFile,
        source: &mut IoSource<'_>,
        woken: &mut Woken,
    ) -> Result<usize> {
        let done = self.terminals.get_mut(file.pty)?.write(file.end, source, woken);
        self.terminals.note_signals(file.pty);
        done
    }

    /// Has a waiter told of changes at an end of a terminal.
    pub(super) fn wait_at(&mut self, file: TerminalFile, waiter: Waiter) {
        if let Ok(pty) = self.terminals.get_mut(file.pty) {
            pty.queue(file.end).add(waiter);
        }
    }

    pub(super) fn stop_waiting_at(&mut self, file: TerminalFile, target: WaitTarget) {
        if let Ok(pty) = self.terminals.get_mut(file.pty) {
            pty.queue(file.end).remove(target);
        }
    }

    /// Gives a terminal that the application makes its attributes: as a terminal emulator does, UTF-8 is erased by
    /// characters.
    pub(super) fn prepare_for_application(&mut self, id: PtyId, size: WindowSize, woken: &mut Woken) {
        let Ok(pty) = self.terminals.get_mut(id) else { return };
        pty.locked = false;
        pty.size = size;
        let mut termios = Termios::default();
        termios.input |= input::IUTF8;
        pty.set_termios(termios, woken);
    }
}
