//! Output processing (`termios(3)`, `c_oflag`): columns, tabs, newlines; and the bytes on their way to the master.
//!
//! Owns the queue that the master reads, and echoes that wait while output is stopped or the queue is full.

use std::collections::VecDeque;

use super::ctype;
use super::limits::{ECHO_BYTES, OUTPUT_BYTES, OUTPUT_KEPT};
use super::termios::{Termios, output};
use crate::mem::io::IoSink;

/// Columns between two tab stops.
const TAB: usize = 8;

/// What a terminal shows, as far as the master has not read it.
#[derive(Debug, Default)]
pub(crate) struct Output {
    queue: VecDeque<u8>,
    /// Echoes behind the queue; programs' output waits for them.
    held: VecDeque<u8>,
    column: usize,
    /// Where the line being edited began.
    line_column: usize,
    stopped: bool,
    /// What there was when the keys that are being received began to come.
    batch: Batch,
}

/// A moment to go back to.
#[derive(Clone, Copy, Debug, Default)]
struct Batch {
    queued: usize,
    column: usize,
    line_column: usize,
}

/// What becomes of one byte of output: at most a tab's worth of spaces.
#[derive(Clone, Copy)]
struct Processed {
    bytes: [u8; TAB],
    len: usize,
}

impl Processed {
    fn one(byte: u8) -> Processed {
        Processed { bytes: [byte; TAB], len: 1 }
    }
}

impl Output {
    /// Bytes for the master to read.
    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    /// How many bytes programs can write now, whatever becomes of them in processing.
    pub(crate) fn room(&self) -> usize {
        if self.stopped || !self.held.is_empty() {
            return 0;
        }
        OUTPUT_BYTES.saturating_sub(self.queue.len()) / TAB
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped
    }

    pub(crate) fn set_stopped(&mut self, stopped: bool) {
        self.stopped = stopped;
        self.release();
    }

    /// Writes a program's bytes, no more than there is [`room`](Self::room) for.
    pub(crate) fn write(&mut self, termios: &Termios, bytes: &[u8]) {
        if !termios.output(output::OPOST) {
            self.queue.extend(bytes);
            return;
        }
        for &byte in bytes {
            let processed = self.process(termios, byte);
            self.queue.extend(&processed.bytes[..processed.len]);
        }
    }

    /// Sends the master a byte as it is, past all that waits.
    pub(super) fn write_plain(&mut self, byte: u8) {
        if self.queue.len() < OUTPUT_BYTES {
            self.queue.push_back(byte);
        }
    }

    /// Echoes one byte, processed as a program's.
    pub(crate) fn echo(&mut self, termios: &Termios, byte: u8) {
        let processed = match termios.output(output::OPOST) {
            true => self.process(termios, byte),
            false => Processed::one(byte),
        };
        self.echo_plain(&processed.bytes[..processed.len]);
    }

    /// Echoes a control character as a caret and a letter.
    pub(crate) fn echo_caret(&mut self, byte: u8) {
        self.echo_plain(&[b'^', byte ^ 0o100]);
        self.column += 2;
    }

    /// Goes back over a tab that was `used` columns after the line's beginning, or after the tab before.
    pub(crate) fn echo_back_over_tab(&mut self, used: usize, after_tab: bool) {
        let column = if after_tab { used } else { used + self.line_column };
        let back = TAB - column % TAB;
        self.echo_plain(&[b'\x08'; TAB][..back]);
        self.column = self.column.saturating_sub(back);
    }

    /// The byte echoed last takes no column of its own: it continues a character.
    pub(crate) fn step_back(&mut self) {
        self.column = self.column.saturating_sub(1);
    }

    /// The line being edited begins here.
    pub(crate) fn mark_line(&mut self) {
        self.line_column = self.column;
    }

    /// Moves bytes out to the master.
    pub(crate) fn take(&mut self, sink: &mut IoSink<'_>) -> usize {
        let mut done = 0;
        while !self.queue.is_empty() && !sink.is_full() {
            let moved = sink.put_bytes(self.queue.as_slices().0);
            self.queue.drain(..moved);
            done += moved;
        }
        self.release();
        done
    }

    /// Keys are received: until they all are, their echoes can be forgotten.
    pub(crate) fn begin_batch(&mut self) {
        self.batch = Batch { queued: self.queue.len(), column: self.column, line_column: self.line_column };
    }

    /// Forgets the echoes of the keys received together (Linux sends them when all are).
    pub(crate) fn forget_batch(&mut self) {
        self.queue.truncate(self.batch.queued);
        (self.column, self.line_column) = (self.batch.column, self.batch.line_column);
    }

    /// Forgets what the master has not begun to receive (`TCOFLUSH`).
    pub(crate) fn flush(&mut self) {
        self.queue.truncate(OUTPUT_KEPT);
        self.held.clear();
    }

    /// Forgets everything: the master flushes its input.
    pub(crate) fn discard(&mut self) {
        self.queue.clear();
        self.release();
    }

    fn echo_plain(&mut self, bytes: &[u8]) {
        if !self.stopped && self.held.is_empty() && self.queue.len() + bytes.len() <= OUTPUT_BYTES {
            self.queue.extend(bytes);
        } else if self.held.len() + bytes.len() <= ECHO_BYTES {
            self.held.extend(bytes);
        }
        // Else nobody reads the terminal: an echo less.
    }

    /// Echoes that waited follow where they fit.
    fn release(&mut self) {
        if self.stopped {
            return;
        }
        let count = self.held.len().min(OUTPUT_BYTES.saturating_sub(self.queue.len()));
        self.queue.extend(self.held.drain(..count));
    }

    /// Processes one byte under `OPOST`, moving the column.
    fn process(&mut self, termios: &Termios, mut byte: u8) -> Processed {
        match byte {
            b'\n' => {
                if termios.output(output::ONLRET) {
                    self.column = 0;
                }
                if termios.output(output::ONLCR) {
                    (self.column, self.line_column) = (0, 0);
                    return Processed { bytes: *b"\r\n\0\0\0\0\0\0", len: 2 };
                }
                self.line_column = self.column;
            }
            b'\r' => {
                if termios.output(output::ONOCR) && self.column == 0 {
                    return Processed { bytes: [0; TAB], len: 0 };
                }
                if termios.output(output::OCRNL) {
                    byte = b'\n';
                    if termios.output(output::ONLRET) {
                        (self.column, self.line_column) = (0, 0);
                    }
                } else {
                    (self.column, self.line_column) = (0, 0);
                }
            }
            b'\t' => {
                let spaces = TAB - self.column % TAB;
                self.column += spaces;
                if termios.output & output::TABDLY == output::XTABS {
                    return Processed { bytes: [b' '; TAB], len: spaces };
                }
            }
            b'\x08' => self.column = self.column.saturating_sub(1),
            _ if !ctype::is_control(byte) => {
                if termios.output(output::OLCUC) {
                    byte = ctype::to_upper(byte);
                }
                if !termios.is_continuation(byte) {
                    self.column += 1;
                }
            }
            _ => {}
        }
        Processed::one(byte)
    }
}
