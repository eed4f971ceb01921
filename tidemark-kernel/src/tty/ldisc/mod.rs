//! The line discipline (`termios(3)`; Linux's `n_tty`): from keys pressed to what a program reads.
//!
//! Owns input processing, line editing and echo, for one terminal. It follows Linux's `drivers/tty/n_tty.c` rule by
//! rule, since programs depend on the order of those rules. Which end writes, who waits and who is signalled is the
//! pseudoterminal's; output processing is [`output`](super::output)'s.

use std::collections::VecDeque;

use super::ctype;
use super::limits::INPUT_BYTES;
use super::output::Output;
use super::packet;
use super::termios::{DISABLED, Special, Termios, input, local};
use crate::mem::io::IoSink;
use crate::signal::Signal;

/// One byte of input, and whether a line ends with it. The end of a file is a line's end with a zero byte, which is not
/// given to the program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Cell {
    byte: u8,
    ends: bool,
}

impl Cell {
    fn is_end_of_file(self) -> bool {
        self.ends && self.byte == DISABLED
    }
}

/// What one look at the input gave a reader.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Taken {
    /// Bytes put into the sink.
    pub(crate) count: usize,
    /// Whether the reading ends with them: a line is whole.
    pub(crate) ended: bool,
}

/// The state of one terminal's discipline.
#[derive(Debug, Default)]
pub(crate) struct Discipline {
    pub(crate) termios: Termios,
    pub(crate) output: Output,
    input: VecDeque<Cell>,
    /// How many of the input's cells belong to whole lines.
    whole: usize,
    /// The next byte is taken literally.
    literal: bool,
    /// Between the slashes of `ECHOPRT`.
    erasing: bool,
    /// Stopped by `TCOOFF`, which only `TCOON` ends.
    held_by_call: bool,
    /// Signals for the foreground group, not sent yet.
    pub(crate) raised: Vec<Signal>,
    /// What packet mode tells of (`TIOCPKT`).
    pub(crate) status: u8,
}

impl Discipline {
    /// How many bytes can be received now.
    pub(crate) fn room(&self) -> usize {
        let mut room = INPUT_BYTES.saturating_sub(self.input.len());
        if self.termios.input(input::PARMRK) {
            // A byte may become several.
            room = room.div_ceil(3);
        }
        // A line without an end is received whatever its length, so that it can be ended or erased.
        let overflow = self.termios.is_canonical() && self.whole == 0;
        room.saturating_sub(1).max(usize::from(overflow))
    }

    /// Whether a reader finds something. `poll(2)` waits for `MIN` bytes, if there is no `TIME`.
    pub(crate) fn has_input(&self, for_poll: bool) -> bool {
        if self.termios.is_canonical() {
            return self.whole > 0;
        }
        let least = match (self.termios.character(Special::Min), self.termios.character(Special::Time)) {
            (min @ 1.., 0) if for_poll => usize::from(min),
            _ => 1,
        };
        self.input.len() >= least
    }

    /// Bytes that could be read (`FIONREAD`).
    pub(crate) fn readable_bytes(&self) -> usize {
        match self.termios.is_canonical() {
            true => self.input.iter().take(self.whole).filter(|cell| !cell.is_end_of_file()).count(),
            false => self.input.len(),
        }
    }

    /// Gives a reader a line, or what is there. `None` when it has to wait.
    pub(crate) fn take(&mut self, sink: &mut IoSink<'_>) -> Option<Taken> {
        if !self.has_input(false) {
            return None;
        }
        match self.termios.is_canonical() {
            true => Some(self.take_line(sink)),
            false => Some(self.take_bytes(sink)),
        }
    }

    fn take_line(&mut self, sink: &mut IoSink<'_>) -> Taken {
        let mut count = 0;
        while self.whole > 0 {
            let Some(&cell) = self.input.front() else { break };
            // A reader whose buffer ends just before an end of file has met it.
            let fits = cell.is_end_of_file() || sink.put_bytes(&[cell.byte]) == 1;
            if !fits {
                break;
            }
            count += usize::from(!cell.is_end_of_file());
            self.input.pop_front();
            self.whole -= 1;
            if cell.ends {
                return Taken { count, ended: true };
            }
        }
        Taken { count, ended: false }
    }

    fn take_bytes(&mut self, sink: &mut IoSink<'_>) -> Taken {
        let mut count = 0;
        while let Some(cell) = self.input.front() {
            if sink.put_bytes(&[cell.byte]) == 0 {
                break;
            }
            self.input.pop_front();
            count += 1;
        }
        self.whole = self.whole.min(self.input.len());
        Taken { count, ended: false }
    }

    /// Changes the attributes (`n_tty_set_termios`, `pty_set_termios`).
    pub(crate) fn set_termios(&mut self, new: Termios) {
        let old = std::mem::replace(&mut self.termios, new);
        let changed = old.local ^ self.termios.local;
        if changed & (local::ICANON | local::EXTPROC) != 0 {
            for cell in &mut self.input {
                cell.ends = false;
            }
            self.whole = 0;
            if self.termios.local(local::ICANON)
                && let Some(last) = self.input.back_mut()
            {
                // What was typed before is a line.
                last.ends = true;
                self.whole = self.input.len();
            }
            (self.erasing, self.literal) = (false, false);
        }
        if old.input(input::IXON) && !self.termios.input(input::IXON) && !self.held_by_call {
            self.start();
        }
        let by_client = |termios: &Termios| {
            const CTRL_Q: u8 = 0x11;
            const CTRL_S: u8 = 0x13;
            termios.input(input::IXON)
                && termios.character(Special::Stop) == CTRL_S
                && termios.character(Special::Start) == CTRL_Q
        };
        let (before, now) = (by_client(&old), by_client(&self.termios));
        if before != now {
            self.status &= !(packet::DO_STOP | packet::NO_STOP);
            self.status |= if now { packet::DO_STOP } else { packet::NO_STOP };
        }
        if (old.local | self.termios.local) & local::EXTPROC != 0 {
            self.status |= packet::IOCTL;
        }
    }

    /// Forgets input (`TCIFLUSH`).
    pub(crate) fn flush_input(&mut self) {
        self.input.clear();
        self.whole = 0;
        (self.erasing, self.literal) = (false, false);
        self.status |= packet::FLUSH_READ;
    }

    /// Forgets output (`TCOFLUSH`).
    pub(crate) fn flush_output(&mut self) {
        self.output.flush();
        self.status |= packet::FLUSH_WRITE;
    }

    /// Lets output go on, unless a call stopped it.
    fn start(&mut self) {
        if !self.output.is_stopped() || self.held_by_call {
            return;
        }
        self.output.set_stopped(false);
        self.status = self.status & !packet::STOP | packet::START;
    }

    /// Stops output.
    fn stop(&mut self) {
        if !self.output.is_stopped() {
            self.output.set_stopped(true);
            self.status = self.status & !packet::START | packet::STOP;
        }
    }

    /// `TCOOFF`
    pub(crate) fn hold(&mut self) {
        if !self.held_by_call {
            self.held_by_call = true;
            self.stop();
        }
    }

    /// `TCOON`
    pub(crate) fn unhold(&mut self) {
        if self.held_by_call {
            self.held_by_call = false;
            self.start();
        }
    }

    /// Heeds a byte that stops or starts output though there is no room to receive it. Whether it was one.
    pub(crate) fn flow_control(&mut self, byte: u8) -> bool {
        if !self.termios.input(input::IXON) || self.termios.local(local::EXTPROC) {
            return false;
        }
        if self.termios.is(byte, Special::Start) {
            self.start();
        } else if self.termios.is(byte, Special::Stop) {
            self.stop();
        } else {
            return false;
        }
        true
    }

    /// Receives a byte that was typed. There is [`room`](Self::room).
    pub(crate) fn receive(&mut self, mut byte: u8) {
        if self.input.len() >= INPUT_BYTES {
            // Past the longest line, a byte replaces the one before.
            self.input.pop_back();
        }
        let literal = std::mem::take(&mut self.literal);
        if self.termios.input(input::ISTRIP) {
            byte &= 0x7f;
        }
        if self.termios.input(input::IUCLC) && self.termios.local(local::IEXTEN) {
            byte = ctype::to_lower(byte);
        }
        if self.termios.local(local::EXTPROC) {
            self.put(byte, false);
        } else if literal {
            self.receive_plain(byte, false);
        } else {
            self.receive_special(byte);
        }
    }

    fn receive_special(&mut self, mut byte: u8) {
        if self.flow_control(byte) {
            return;
        }
        if self.termios.local(local::ISIG) {
            for (special, signal) in
                [(Special::Intr, Signal::INT), (Special::Quit, Signal::QUIT), (Special::Susp, Signal::TSTP)]
            {
                if self.termios.is(byte, special) {
                    return self.receive_signal(byte, signal);
                }
            }
        }
        let mut is_return = false;
        match byte {
            b'\r' if self.termios.input(input::IGNCR) => return self.restart_by_any(),
            b'\r' if self.termios.input(input::ICRNL) => {
                byte = b'\n';
                is_return = true;
            }
            b'\n' if self.termios.input(input::INLCR) => byte = b'\r',
            _ => {}
        }
        self.restart_by_any();
        if self.termios.local(local::ICANON) && self.receive_editing(byte) {
            return;
        }
        self.receive_plain(byte, is_return);
    }

    /// A signal's character: flushes both queues, unless `NOFLSH`.
    fn receive_signal(&mut self, byte: u8, signal: Signal) {
        self.raised.push(signal);
        if !self.termios.local(local::NOFLSH) {
            self.output.forget_batch();
            self.flush_output();
            self.flush_input();
        }
        if self.termios.input(input::IXON) {
            self.start();
        }
        if self.termios.local(local::ECHO) {
            self.echo(byte);
        }
    }

    /// Under `IXANY` any byte lets output go on.
    fn restart_by_any(&mut self) {
        if self.termios.input(input::IXON) && self.termios.input(input::IXANY) {
            self.start();
        }
    }

    /// A byte without a meaning of its own. A newline is echoed as one only if it is the return key's.
    fn receive_plain(&mut self, byte: u8, is_return: bool) {
        self.restart_by_any();
        if self.termios.local(local::ECHO) {
            self.finish_erasing();
            if is_return {
                self.echo_as_it_is(b'\n');
            } else {
                self.mark_first_column();
                self.echo(byte);
            }
        }
        self.put_marked(byte);
    }

    /// What edits or ends a line. Whether the byte did.
    fn receive_editing(&mut self, byte: u8) -> bool {
        let extended = self.termios.local(local::IEXTEN);
        let echoes = self.termios.local(local::ECHO);
        let is = |special| self.termios.is(byte, special);
        if is(Special::Erase) {
            self.erase(Erase::Character);
        } else if is(Special::Kill) {
            self.kill();
        } else if extended && is(Special::WordErase) {
            self.erase(Erase::Word);
        } else if extended && is(Special::LiteralNext) {
            self.literal = true;
            if echoes {
                self.finish_erasing();
                if self.termios.local(local::ECHOCTL) {
                    self.echo_as_it_is(b'^');
                    self.echo_as_it_is(b'\x08');
                }
            }
        } else if extended && echoes && is(Special::Reprint) {
            self.reprint(byte);
        } else if byte == b'\n' {
            if echoes || self.termios.local(local::ECHONL) {
                self.echo_as_it_is(b'\n');
            }
            self.end_line(b'\n');
        } else if is(Special::Eof) {
            self.end_line(DISABLED);
        } else if is(Special::Eol) || extended && is(Special::Eol2) {
            if echoes {
                self.mark_first_column();
                self.echo(byte);
            }
            if byte == u8::MAX && self.termios.input(input::PARMRK) {
                self.put(byte, false);
            }
            self.end_line(byte);
        } else {
            return false;
        }
        true
    }

    fn end_line(&mut self, byte: u8) {
        self.put(byte, true);
        self.whole = self.input.len();
    }

    /// Shows the line being edited once more, on a line of its own.
    fn reprint(&mut self, byte: u8) {
        self.finish_erasing();
        self.echo(byte);
        self.echo_as_it_is(b'\n');
        for at in self.whole..self.input.len() {
            let byte = self.input[at].byte;
            self.echo(byte);
        }
    }

    fn kill(&mut self) {
        if self.input.len() == self.whole {
            return;
        }
        let shows = |flag| self.termios.local(flag);
        if !shows(local::ECHO) {
            self.input.truncate(self.whole);
        } else if shows(local::ECHOK) && shows(local::ECHOKE) && shows(local::ECHOE) {
            self.erase(Erase::Line);
        } else {
            self.input.truncate(self.whole);
            self.finish_erasing();
            self.echo(self.termios.character(Special::Kill));
            if self.termios.local(local::ECHOK) {
                self.echo_as_it_is(b'\n');
            }
        }
    }

    /// Takes characters back, and from the screen.
    fn erase(&mut self, what: Erase) {
        let mut seen_word = false;
        while self.input.len() > self.whole {
            let mut head = self.input.len() - 1;
            while self.termios.is_continuation(self.input[head].byte) && head > self.whole {
                head -= 1;
            }
            let first = self.input[head].byte;
            if self.termios.is_continuation(first) {
                // A character that has no beginning is not erased in part.
                break;
            }
            if what == Erase::Word {
                if ctype::is_alphanumeric(first) || first == b'_' {
                    seen_word = true;
                } else if seen_word {
                    break;
                }
            }
            let rest: Vec<u8> = self.input.iter().skip(head + 1).map(|cell| cell.byte).collect();
            self.input.truncate(head);
            if self.termios.local(local::ECHO) {
                self.show_erased(what, first, &rest);
            }
            if what == Erase::Character {
                break;
            }
        }
        if self.input.len() == self.whole && self.termios.local(local::ECHO) {
            self.finish_erasing();
        }
    }

    fn show_erased(&mut self, what: Erase, first: u8, rest: &[u8]) {
        if self.termios.local(local::ECHOPRT) {
            if !self.erasing {
                self.echo_as_it_is(b'\\');
                self.erasing = true;
            }
            self.echo(first);
            for &byte in rest {
                self.echo_as_it_is(byte);
                self.output.step_back();
            }
        } else if what == Erase::Character && !self.termios.local(local::ECHOE) {
            self.echo(self.termios.character(Special::Erase));
        } else if first == b'\t' {
            let (used, after_tab) = self.columns_since_tab();
            self.output.echo_back_over_tab(used, after_tab);
        } else {
            let shown_as_caret = self.termios.local(local::ECHOCTL);
            let columns = match ctype::is_control(first) {
                true if shown_as_caret => 2,
                true => 0,
                false => 1,
            };
            for _ in 0..columns {
                for byte in *b"\x08 \x08" {
                    self.echo_as_it_is(byte);
                }
            }
        }
    }

    /// Columns that the line being edited takes up to its end, from its beginning or its last tab.
    fn columns_since_tab(&self) -> (usize, bool) {
        let mut columns = 0;
        for cell in self.input.iter().skip(self.whole).rev() {
            match cell.byte {
                b'\t' => return (columns, true),
                byte if ctype::is_control(byte) => {
                    columns += if self.termios.local(local::ECHOCTL) { 2 } else { 0 };
                }
                byte => columns += usize::from(!self.termios.is_continuation(byte)),
            }
        }
        (columns, false)
    }

    fn finish_erasing(&mut self) {
        if std::mem::take(&mut self.erasing) {
            self.echo_as_it_is(b'/');
        }
    }

    fn mark_first_column(&mut self) {
        if self.input.len() == self.whole {
            self.output.mark_line();
        }
    }

    fn echo(&mut self, byte: u8) {
        if self.termios.local(local::ECHOCTL) && ctype::is_control(byte) && byte != b'\t' {
            self.output.echo_caret(byte);
        } else {
            self.echo_as_it_is(byte);
        }
    }

    fn echo_as_it_is(&mut self, byte: u8) {
        self.output.echo(&self.termios, byte);
    }

    /// Puts a byte, doubled where a program is to tell it from a mark.
    fn put_marked(&mut self, byte: u8) {
        if byte == u8::MAX && self.termios.input(input::PARMRK) {
            self.put(byte, false);
        }
        self.put(byte, false);
    }

    fn put(&mut self, byte: u8, ends: bool) {
        self.input.push_back(Cell { byte, ends });
    }
}

/// How much is taken back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Erase {
    Character,
    Word,
    Line,
}

#[cfg(test)]
mod tests;
