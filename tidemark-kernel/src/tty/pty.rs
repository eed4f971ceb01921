//! A pseudoterminal (`pty(7)`): a terminal whose keyboard and screen are the holders of its master end.
//!
//! Owns the two ends, what is between them, and who waits for either. Line discipline and output processing are
//! [`ldisc`](super::ldisc)'s and [`output`](super::output)'s; who controls it and may use it, [`job`](super::job)'s.

use std::collections::VecDeque;

use super::ldisc::{Discipline, Taken};
use super::limits::{INPUT_BYTES, RAW_BYTES, STEP_BYTES};
use super::packet;
use super::termios::{RawTermios, Special, Termios, WindowSize};
use crate::errno::{Errno, Result};
use crate::mem::io::{IoSink, IoSource};
use crate::task::Pid;
use crate::wait::{Events, WaitQueue, Woken};

/// Which end of a pseudoterminal an open file is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum End {
    /// The keyboard and screen.
    Master,
    /// The terminal that programs use, opened when it had been hung up so often.
    Slave {
        /// See [`Pty::hangups`].
        hangups: u32,
    },
}

/// What makes a read of non-canonical input return (`termios(3)`, MIN and TIME).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct RawRead {
    /// Bytes.
    pub(crate) min: u8,
    /// Tenths of a second.
    pub(crate) time: u8,
}

/// A pseudoterminal.
#[derive(Debug, Default)]
pub(crate) struct Pty {
    pub(crate) discipline: Discipline,
    /// Written to the master, not yet received by the discipline.
    raw: VecDeque<u8>,
    /// Open files and streams that are its master end; zero is hung up for good.
    pub(crate) masters: u32,
    /// Open files that are its slave end.
    pub(crate) slaves: u32,
    /// Whether it had slaves and has none.
    pub(crate) abandoned: bool,
    /// How often it was hung up: an older slave is dead.
    pub(crate) hangups: u32,
    /// `TIOCSPTLCK`: the slave cannot be opened.
    pub(crate) locked: bool,
    /// `TIOCEXCL`: it cannot be opened once more.
    pub(crate) exclusive: bool,
    /// `TIOCSLCKTRMIOS`: attributes that stay as they are.
    pub(crate) locks: RawTermios,
    /// `TIOCPKT`
    pub(crate) packets: bool,
    pub(crate) size: WindowSize,
    /// The session that it controls.
    pub(crate) session: Option<Pid>,
    /// The foreground process group.
    pub(crate) group: Option<Pid>,
    pub(crate) master_queue: WaitQueue,
    pub(crate) slave_queue: WaitQueue,
}

impl Default for WindowSize {
    fn default() -> WindowSize {
        WindowSize::new(0, 0)
    }
}

impl Pty {
    /// A new one, locked, whose ends are closed.
    pub(super) fn new() -> Pty {
        Pty { locked: true, ..Pty::default() }
    }

    /// Whether this end can still be used: a slave that was hung up cannot.
    pub(crate) fn is_alive(&self, end: End) -> bool {
        match end {
            End::Master => true,
            End::Slave { hangups } => hangups == self.hangups,
        }
    }

    /// The queue of those who wait at an end.
    pub(crate) fn queue(&mut self, end: End) -> &mut WaitQueue {
        match end {
            End::Master => &mut self.master_queue,
            End::Slave { .. } => &mut self.slave_queue,
        }
    }

    /// What `poll(2)` tells at an end.
    pub(crate) fn poll(&self, end: End) -> Events {
        let when = |condition, events| if condition { events } else { Events::default() };
        match end {
            End::Master => {
                let status = self.has_status();
                when(status, Events::IN.union(Events::PRI))
                    .union(when(self.discipline.output.len() > 0, Events::IN))
                    .union(when(self.raw_room() > 0, Events::OUT))
                    .union(when(self.abandoned, Events::HUP))
            }
            End::Slave { .. } if !self.is_alive(end) => {
                Events::IN.union(Events::OUT).union(Events::ERR).union(Events::HUP)
            }
            End::Slave { .. } => when(self.discipline.has_input(true), Events::IN)
                .union(when(self.discipline.output.room() > 0, Events::OUT)),
        }
    }

    /// What makes a read at this end return; `None` where whole lines are read.
    pub(crate) fn raw_read(&self, end: End) -> Option<RawRead> {
        let termios = &self.discipline.termios;
        match end {
            End::Master => Some(RawRead { min: 1, time: 0 }),
            End::Slave { .. } if termios.is_canonical() => None,
            End::Slave { .. } => {
                Some(RawRead { min: termios.character(Special::Min), time: termios.character(Special::Time) })
            }
        }
    }

    /// Moves bytes out of an end.
    ///
    /// # Errors
    /// `EAGAIN` when there are none, `EIO` at a master that has none and whose slaves are gone.
    pub(crate) fn read(&mut self, end: End, sink: &mut IoSink<'_>, woken: &mut Woken) -> Result<Taken> {
        match end {
            End::Master => self.read_master(sink, woken),
            End::Slave { .. } if !self.is_alive(end) => Ok(Taken { count: 0, ended: true }),
            End::Slave { .. } => {
                let taken = self.discipline.take(sink).ok_or(Errno::EAGAIN)?;
                self.pump();
                self.tell(woken);
                Ok(taken)
            }
        }
    }

    fn read_master(&mut self, sink: &mut IoSink<'_>, woken: &mut Woken) -> Result<Taken> {
        if sink.is_full() {
            return Ok(Taken { count: 0, ended: true });
        }
        if self.has_status() {
            let status = std::mem::take(&mut self.discipline.status);
            return Ok(Taken { count: sink.put_bytes(&[status]), ended: true });
        }
        if self.discipline.output.len() == 0 {
            return Err(if self.abandoned { Errno::EIO } else { Errno::EAGAIN });
        }
        let header = if self.packets { sink.put_bytes(&[packet::DATA]) } else { 0 };
        let count = header + self.discipline.output.take(sink);
        self.slave_queue.wake(Events::OUT, woken);
        Ok(Taken { count, ended: self.packets })
    }

    /// Moves bytes into an end, as many as fit.
    ///
    /// # Errors
    /// `EAGAIN` when nothing fits, `EIO` at a slave whose master is gone.
    pub(crate) fn write(&mut self, end: End, source: &mut IoSource<'_>, woken: &mut Woken) -> Result<usize> {
        let done = match end {
            End::Slave { .. } if !self.is_alive(end) => return Err(Errno::EIO),
            _ if source.is_empty() => return Ok(0),
            End::Master => self.write_master(source),
            End::Slave { .. } => self.write_slave(source),
        };
        self.tell(woken);
        if done == 0 { Err(Errno::EAGAIN) } else { Ok(done) }
    }

    /// How many bytes a write to an end may put now; what would fail is to be tried.
    pub(crate) fn room(&self, end: End) -> u64 {
        match end {
            End::Master => (self.raw_room() as u64).min(STEP_BYTES),
            End::Slave { .. } if !self.is_alive(end) => 1,
            End::Slave { .. } => (self.discipline.output.room() as u64).min(STEP_BYTES),
        }
    }

    fn write_master(&mut self, source: &mut IoSource<'_>) -> usize {
        let mut done = 0;
        let mut byte = [0];
        self.discipline.output.begin_batch();
        while self.raw_room() > 0 && source.take_bytes(&mut byte) == 1 {
            done += 1;
            if self.raw.is_empty() && self.discipline.room() > 0 {
                self.discipline.receive(byte[0]);
            } else if !self.discipline.flow_control(byte[0]) {
                // Bytes wait for room; those that stop and start output do not.
                self.raw.push_back(byte[0]);
            }
        }
        done
    }

    /// Takes a byte as typed (`TIOCSTI`); where there is no room it is lost.
    pub(crate) fn type_byte(&mut self, byte: u8, woken: &mut Woken) {
        self.discipline.output.begin_batch();
        if self.discipline.room() > 0 {
            self.discipline.receive(byte);
        }
        self.tell(woken);
    }

    fn write_slave(&mut self, source: &mut IoSource<'_>) -> usize {
        /// Bytes taken from the program at a time.
        const CHUNK: usize = 256;
        let mut done = 0;
        let mut chunk = [0; CHUNK];
        loop {
            let fits = self.discipline.output.room().min(CHUNK);
            let count = source.take_bytes(&mut chunk[..fits]);
            if count == 0 {
                return done;
            }
            self.discipline.output.write(&self.discipline.termios, &chunk[..count]);
            done += count;
        }
    }

    /// Bytes that can be written to the master.
    fn raw_room(&self) -> usize {
        RAW_BYTES.saturating_sub(self.raw.len())
    }

    /// Has the discipline receive what waited for room.
    fn pump(&mut self) {
        self.discipline.output.begin_batch();
        // No more than a reader can have made room for, and a line without an end does not take all.
        for _ in 0..INPUT_BYTES {
            if self.discipline.room() == 0 {
                return;
            }
            let Some(byte) = self.raw.pop_front() else { return };
            self.discipline.receive(byte);
        }
    }

    /// Changes the attributes that are not locked.
    pub(crate) fn set_termios(&mut self, termios: Termios, woken: &mut Woken) {
        let termios = termios.locked(&self.discipline.termios, &self.locks);
        self.discipline.set_termios(termios);
        self.pump();
        self.tell(woken);
    }

    /// Forgets the terminal's input: what was typed and not read.
    pub(crate) fn flush_input(&mut self, woken: &mut Woken) {
        self.raw.clear();
        self.discipline.flush_input();
        self.tell(woken);
    }

    /// Forgets what was written to the master and finds no room.
    pub(super) fn forget_raw(&mut self) {
        self.raw.clear();
    }

    /// Has everyone look again who may go on. Cheap where nobody waits.
    pub(crate) fn tell(&mut self, woken: &mut Woken) {
        if !self.packets {
            self.discipline.status = 0;
        }
        for end in [End::Master, End::Slave { hangups: self.hangups }] {
            let mut events = self.poll(end);
            if matches!(end, End::Slave { .. }) && self.discipline.has_input(false) {
                // Fewer bytes than `poll(2)` waits for may be all that a reader asked for.
                events = events.union(Events::IN);
            }
            if !events.is_empty() {
                self.queue(end).wake(events, woken);
            }
        }
    }

    /// One slave more.
    pub(crate) fn open_slave(&mut self) {
        self.slaves += 1;
        self.abandoned = false;
    }

    /// One slave less; after the last, the master reads what is left and then gets an error.
    pub(crate) fn close_slave(&mut self, woken: &mut Woken) {
        self.slaves = self.slaves.saturating_sub(1);
        if self.slaves == 0 {
            self.abandoned = true;
            self.master_queue.wake(Events::HUP.union(Events::IN), woken);
        }
    }

    /// One master less. Whether it was the last, and those who use the terminal are hung up.
    pub(crate) fn close_master(&mut self) -> bool {
        self.masters = self.masters.saturating_sub(1);
        self.masters == 0
    }

    /// Ends every open slave: its reads find the end of the file, its writes an error. The session and group that it
    /// had come back.
    pub(crate) fn hang_up(&mut self, woken: &mut Woken) -> (Option<Pid>, Option<Pid>) {
        self.hangups = self.hangups.wrapping_add(1);
        self.raw.clear();
        self.discipline.flush_input();
        self.discipline.status = 0;
        let all = Events::IN.union(Events::OUT).union(Events::ERR).union(Events::HUP);
        self.slave_queue.wake(all, woken);
        (self.session.take(), self.group.take())
    }

    fn has_status(&self) -> bool {
        self.packets && self.discipline.status != 0
    }
}
