//! Terminals of the application: a process's terminal whose master end is streams (`StreamId`).
//!
//! Owns making such a terminal and its master's reading, writing and closing; the table of streams is `fs`'s.

use super::PtyId;
use super::TerminalFile;
use super::pty::End;
use super::termios::WindowSize;
use crate::errno::{Errno, Result};
use crate::fs::flags::OpenFlags;
use crate::fs::{FileId, Vfs};
use crate::kernel::Kernel;
use crate::mem::io::{IoSink, IoSource};
use crate::mem::ram::GuestRam;
use crate::status::{StreamId, StreamRead, StreamWrite};
use crate::system::System;
use crate::task::Pid;
use crate::time::Now;
use crate::wait::{Events, WaitTarget, Waiter, Woken};

/// What a stream of the application is to a master.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Role {
    /// Reads what the terminal shows.
    Screen,
    /// Writes what is typed.
    Keyboard,
    /// Changes the size.
    Window,
}

impl System {
    /// Makes a terminal for a new process, which leads its session and is controlled by it from now on.
    ///
    /// # Errors
    /// `ENOSPC` when there are too many.
    pub(crate) fn new_spawned_terminal(&mut self, pid: Pid, size: WindowSize) -> Result<PtyId> {
        let parts = self.parts(pid, pid.0)?;
        let pty = parts.fs.new_terminal(parts.who.creds, &parts.env)?;
        parts.fs.prepare_for_application(pty, size, parts.env.woken);
        self.control(pid, pty);
        Ok(pty)
    }

    /// Opens the slave end for one of the process's standard streams.
    ///
    /// # Errors
    /// `ENFILE`.
    pub(crate) fn open_spawned_terminal(&mut self, pid: Pid, pty: PtyId) -> Result<FileId> {
        let parts = self.parts(pid, pid.0)?;
        parts.fs.open_peer(parts.who.creds, pty, OpenFlags::READ_WRITE)
    }
}

impl Vfs {
    /// Counts a stream as a master.
    pub(crate) fn open_master_stream(&mut self, pty: PtyId) -> Result<()> {
        self.terminals.get_mut(pty)?.masters += 1;
        Ok(())
    }

    /// Has the application told, once, when its stream can go on.
    pub(crate) fn watch_master(&mut self, id: StreamId, pty: PtyId, role: Role) {
        let events = match role {
            Role::Screen => Events::IN.union(Events::HUP),
            Role::Keyboard => Events::OUT.union(Events::ERR),
            Role::Window => return,
        };
        let file = TerminalFile { pty, end: End::Master };
        self.wait_at(file, Waiter { target: WaitTarget::Stream(id), events });
    }

    pub(crate) fn read_master_stream(
        &mut self,
        id: StreamId,
        pty: PtyId,
        buffer: &mut [u8],
        ram: GuestRam,
        woken: &mut Woken,
    ) -> StreamRead {
        let file = TerminalFile { pty, end: End::Master };
        match self.read_terminal(file, &mut IoSink::Kernel { ram, buffer }, woken) {
            Ok(taken) if taken.count > 0 => StreamRead::Data(taken.count),
            Err(Errno::EIO) => StreamRead::Closed,
            _ => {
                self.watch_master(id, pty, Role::Screen);
                StreamRead::Empty
            }
        }
    }

    pub(crate) fn write_master_stream(
        &mut self,
        id: StreamId,
        pty: PtyId,
        bytes: &[u8],
        ram: GuestRam,
        woken: &mut Woken,
    ) -> StreamWrite {
        if self.terminals.get(pty).is_ok_and(|pty| pty.abandoned) {
            return StreamWrite::Closed;
        }
        let file = TerminalFile { pty, end: End::Master };
        // A part at a time: the application's next call goes on.
        let part = &bytes[..bytes.len().min(super::limits::STEP_BYTES as usize)];
        match self.write_terminal(file, &mut IoSource::Kernel { ram, buffer: part }, woken) {
            Err(Errno::EAGAIN) => {
                self.watch_master(id, pty, Role::Keyboard);
                StreamWrite::Accepted(0)
            }
            Err(_) => StreamWrite::Closed,
            Ok(done) => {
                if done < part.len() {
                    self.watch_master(id, pty, Role::Keyboard);
                }
                StreamWrite::Accepted(done)
            }
        }
    }

    pub(crate) fn close_master_stream(&mut self, id: StreamId, pty: PtyId, woken: &mut Woken) {
        self.stop_waiting_at(TerminalFile { pty, end: End::Master }, WaitTarget::Stream(id));
        self.close_master(pty, woken);
    }

    /// Gives a new terminal up that no stream holds yet.
    pub(crate) fn forget_terminal(&mut self, pty: PtyId) {
        self.forget_unused(pty);
    }
}

impl Kernel {
    /// Sets the size of the terminal that a stream belongs to; programs that use it are told by `SIGWINCH`. Nothing
    /// happens if the stream is closed or no terminal's.
    pub fn resize_terminal(&mut self, stream: StreamId, size: WindowSize, now: Now) {
        self.sys.now = now;
        if let Some(pty) = self.sys.fs.terminal_of_stream(stream) {
            // It is there as long as its stream.
            let _ = self.sys.fs.resize_terminal(TerminalFile { pty, end: End::Master }, size);
        }
        self.settle();
    }
}
