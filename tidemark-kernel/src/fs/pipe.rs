//! Pipes and named pipes: a bounded queue of bytes with counted ends (`pipe(7)`, `fifo(7)`).
//!
//! Owns the bytes, the counts and who waits. Which descriptor is which end, and signals, are above.

use std::collections::VecDeque;

use crate::errno::{Errno, Result};
use crate::mem::io::{IoSink, IoSource};
use crate::wait::{Events, WaitQueue, Woken};

/// A pipe, by its place in the kernel's table.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PipeId(pub u32);

/// Writes of up to this many bytes are not interleaved with others' (`PIPE_BUF`).
pub const PIPE_BUF: usize = 4096;
/// Bytes a pipe holds at first, if the sum of all is not too large (`pipe(7)`).
pub const DEFAULT_CAPACITY: usize = 64 << 10;
/// Bytes that `F_SETPIPE_SZ` can ask for (`/proc/sys/fs/pipe-max-size`).
pub const MAX_CAPACITY: usize = 1 << 20;

/// A pipe.
#[derive(Debug)]
pub(crate) struct Pipe {
    /// The bytes, in pieces that are made when they are written to: growth and a change of the capacity move nothing.
    pieces: VecDeque<Box<Piece>>,
    /// Where in the first piece the first byte is.
    start: usize,
    len: usize,
    capacity: usize,
    /// Packets among the bytes (`pipe2(2)`, `O_DIRECT`).
    packets: Packets,
    pub(crate) readers: u32,
    pub(crate) writers: u32,
    /// How often each end was opened; a named pipe's open waits for the other's count to move (`fifo(7)`).
    pub(crate) reader_opens: u64,
    pub(crate) writer_opens: u64,
    pub(crate) queue: WaitQueue,
    /// `st_ino`
    pub(crate) ino: u64,
}

/// Bytes in one piece of memory.
const PIECE: usize = PIPE_BUF;

type Piece = [u8; PIECE];

impl Pipe {
    pub(crate) fn new(capacity: usize, ino: u64) -> Pipe {
        Pipe {
            pieces: VecDeque::new(),
            start: 0,
            len: 0,
            capacity: capacity.max(PIPE_BUF),
            packets: Packets::default(),
            readers: 0,
            writers: 0,
            reader_opens: 0,
            writer_opens: 0,
            queue: WaitQueue::default(),
            ino,
        }
    }

    /// Bytes to read.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Bytes it can hold.
    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    /// Bytes that fit. A packet takes a page, however short it is.
    pub(crate) fn room(&self) -> usize {
        self.capacity.saturating_sub(self.len + self.packets.padding)
    }

    /// Bytes of the packet that is next to be read, if it is one.
    pub(crate) fn next_packet(&self) -> Option<usize> {
        self.packets.first().filter(|(before, _)| *before == 0).map(|(_, len)| len)
    }

    /// What `poll(2)` tells a reader.
    pub(crate) fn poll_reader(&self) -> Events {
        let data = if self.len > 0 { Events::IN } else { Events::default() };
        // A named pipe that never had a writer is not 'hung up'.
        let gone = self.writers == 0 && self.writer_opens > 0;
        data.union(if gone { Events::HUP } else { Events::default() })
    }

    /// What `poll(2)` tells a writer.
    pub(crate) fn poll_writer(&self) -> Events {
        let room = if self.room() >= PIPE_BUF { Events::OUT } else { Events::default() };
        room.union(if self.readers == 0 { Events::ERR } else { Events::default() })
    }

    /// Moves bytes out. `Ok(0)` is the end of the file.
    ///
    /// # Errors
    /// `EAGAIN` when it is empty but has writers.
    pub(crate) fn read(&mut self, sink: &mut IoSink<'_>, woken: &mut Woken) -> Result<usize> {
        if sink.is_full() {
            return Ok(0);
        }
        if self.len == 0 {
            return if self.writers == 0 { Ok(0) } else { Err(Errno::EAGAIN) };
        }
        let could_write = self.room() >= PIPE_BUF;
        let mut done = 0;
        let packet = self.next_packet();
        // Up to the next packet, or one whole packet.
        let end = packet.or(self.packets.first().map(|(before, _)| before)).unwrap_or(self.len);
        while done < end && !sink.is_full() {
            let moved = sink.put_bytes(self.run(0, end - done));
            self.drop_first(moved);
            done += moved;
        }
        if let Some(len) = packet {
            // What the reader has no room for is lost.
            while done < len {
                let lost = (len - done).min(PIECE - self.start);
                self.drop_first(lost);
                done += lost;
            }
        }
        if !could_write && self.room() >= PIPE_BUF {
            self.queue.wake(Events::OUT, woken);
        } else {
            // The writers' owners are told of every read (`pipe_read`).
            self.queue.signal(Events::OUT, woken);
        }
        Ok(done)
    }

    /// Moves bytes in, as many as fit; up to [`PIPE_BUF`] of `total` bytes together or not at all. `total` is the
    /// whole write's length, of which the source may be a part.
    ///
    /// # Errors
    /// `EAGAIN` when nothing fits, `EPIPE` without readers; neither for nothing to write (`pipe_write`).
    pub(crate) fn write(
        &mut self,
        source: &mut IoSource<'_>,
        total: usize,
        woken: &mut Woken,
    ) -> Result<usize> {
        if total == 0 {
            return Ok(0);
        }
        if self.readers == 0 {
            return Err(Errno::EPIPE);
        }
        let wanted = source.remaining();
        if wanted == 0 {
            return Ok(0);
        }
        let room = self.room();
        if room == 0 || (total <= PIPE_BUF && room < wanted) {
            return Err(Errno::EAGAIN);
        }
        let len = wanted.min(room);
        let mut done = 0;
        while done < len {
            let free = self.free_run();
            let run = free.len().min(len - done);
            let moved = source.take_bytes(&mut free[..run]);
            self.len += moved;
            done += moved;
            if moved == 0 {
                break;
            }
        }
        self.queue.wake(Events::IN, woken);
        Ok(done)
    }

    /// Moves bytes in as packets, each of up to [`PIPE_BUF`] bytes.
    ///
    /// # Errors
    /// As [`Pipe::write`].
    pub(crate) fn write_packets(&mut self, source: &mut IoSource<'_>, woken: &mut Woken) -> Result<usize> {
        if source.remaining() == 0 {
            return Ok(0);
        }
        if self.readers == 0 {
            return Err(Errno::EPIPE);
        }
        if self.room() < PIPE_BUF {
            return Err(Errno::EAGAIN);
        }
        let mut done = 0;
        while source.remaining() > 0 && self.room() >= PIPE_BUF {
            let mut packet = [0; PIPE_BUF];
            let taken = source.take_bytes(&mut packet);
            if taken == 0 {
                break;
            }
            self.packets.push(self.len, taken);
            self.append(&packet[..taken]);
            done += taken;
        }
        self.queue.wake(Events::IN, woken);
        Ok(done)
    }

    /// Puts bytes in, for which there is room.
    fn append(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let free = self.free_run();
            let run = free.len().min(bytes.len());
            let (now, rest) = bytes.split_at(run);
            free[..run].copy_from_slice(now);
            self.len += run;
            bytes = rest;
        }
    }

    /// Copies bytes to another pipe without taking them (`tee(2)`).
    ///
    /// # Errors
    /// `EAGAIN` when this one is empty and has writers, or the other is full; `EPIPE` when that has no readers.
    pub(crate) fn tee(&self, to: &mut Pipe, limit: usize, woken: &mut Woken) -> Result<usize> {
        if to.readers == 0 {
            return Err(Errno::EPIPE);
        }
        if self.len == 0 {
            return if self.writers == 0 { Ok(0) } else { Err(Errno::EAGAIN) };
        }
        let len = limit.min(self.len).min(to.room());
        if len == 0 && limit > 0 {
            return Err(Errno::EAGAIN);
        }
        let mut done = 0;
        while done < len {
            let from = self.run(done, len - done);
            let free = to.free_run();
            let run = free.len().min(from.len());
            free[..run].copy_from_slice(&from[..run]);
            to.len += run;
            done += run;
        }
        to.queue.wake(Events::IN, woken);
        Ok(len)
    }

    /// Up to `most` bytes from the one at `at` on, which is there, as far as they lie together.
    fn run(&self, at: usize, most: usize) -> &[u8] {
        let at = self.start + at;
        let within = at % PIECE;
        let piece = &self.pieces[at / PIECE];
        &piece[within..(within + most).min(PIECE)]
    }

    /// Room after the last byte: some, in one piece.
    fn free_run(&mut self) -> &mut [u8] {
        let end = self.start + self.len;
        if end / PIECE == self.pieces.len() {
            self.pieces.push_back(Box::new([0; PIECE]));
        }
        &mut self.pieces[end / PIECE][end % PIECE..]
    }

    fn drop_first(&mut self, count: usize) {
        self.start += count;
        self.len -= count;
        self.packets.dropped(count);
        if self.len == 0 {
            // One piece is kept for what comes next.
            self.start = 0;
            if self.pieces.len() > 1 {
                self.pieces.truncate(1);
            }
        } else if self.start == PIECE {
            self.pieces.pop_front();
            self.start = 0;
        }
    }

    /// Changes the capacity (`F_SETPIPE_SZ`): a power of two of at least a page.
    ///
    /// # Errors
    /// `EPERM` for too much, `EBUSY` when it holds more.
    pub(crate) fn set_capacity(&mut self, wanted: u64, woken: &mut Woken) -> Result<usize> {
        let size = usize::try_from(wanted).ok().filter(|size| *size <= MAX_CAPACITY).ok_or(Errno::EPERM)?;
        let size = size.next_power_of_two().max(PIPE_BUF);
        if size < self.len + self.packets.padding {
            return Err(Errno::EBUSY);
        }
        self.capacity = size;
        if self.room() >= PIPE_BUF {
            self.queue.wake(Events::OUT, woken);
        }
        Ok(size)
    }

    /// One end more.
    pub(crate) fn open(&mut self, read: bool, write: bool, woken: &mut Woken) {
        if read {
            self.readers += 1;
            self.reader_opens += 1;
        }
        if write {
            self.writers += 1;
            self.writer_opens += 1;
        }
        // Those who wait in a named pipe's `open`.
        self.queue.wake(Events::PRI, woken);
    }

    /// One end less; the other side learns when it was the last. Whether both sides are gone.
    pub(crate) fn close(&mut self, read: bool, write: bool, woken: &mut Woken) -> bool {
        if read {
            self.readers -= 1;
            if self.readers == 0 {
                self.queue.wake(Events::ERR.union(Events::OUT), woken);
            }
        }
        if write {
            self.writers -= 1;
            if self.writers == 0 {
                self.queue.wake(Events::HUP.union(Events::IN), woken);
            }
        }
        self.readers == 0 && self.writers == 0
    }
}

/// Where packets are among a pipe's bytes.
#[derive(Debug, Default)]
struct Packets {
    /// Each one's first byte, counted from the first that ever went through, and its length.
    list: VecDeque<(u64, usize)>,
    /// Bytes that were taken out.
    taken: u64,
    /// What packets take beside their bytes: each has a page to itself.
    padding: usize,
}

impl Packets {
    /// The next packet: how many other bytes come before it, and its length.
    fn first(&self) -> Option<(usize, usize)> {
        self.list.front().map(|(start, len)| (start.saturating_sub(self.taken) as usize, *len))
    }

    /// A packet was put in behind `before` bytes.
    fn push(&mut self, before: usize, len: usize) {
        if len > 0 {
            self.list.push_back((self.taken + before as u64, len));
            self.padding += PIPE_BUF.saturating_sub(len);
        }
    }

    /// Bytes were taken out.
    fn dropped(&mut self, count: usize) {
        self.taken += count as u64;
        while let Some(&(start, len)) = self.list.front()
            && start + len as u64 <= self.taken
        {
            self.padding = self.padding.saturating_sub(PIPE_BUF.saturating_sub(len));
            self.list.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;
    use crate::mem::ram::tests::TestRam;

    proptest! {
        /// Any sequence of reads, writes and resizes moves the bytes of a plain queue.
        #[test]
        fn agrees_with_a_queue(ops in prop::collection::vec((0u8..8, 0usize..20_000), 1..100)) {
            let test = TestRam::new(1);
            let ram = test.ram();
            let mut woken = Woken::default();
            let mut pipe = Pipe::new(DEFAULT_CAPACITY, 1);
            pipe.open(true, true, &mut woken);
            let mut model: VecDeque<u8> = VecDeque::new();
            let mut next = 0u8;
            for (op, len) in ops {
                match op {
                    0..=2 => {
                        let bytes: Vec<u8> = (0..len).map(|_| { next = next.wrapping_add(7); next }).collect();
                        let room = pipe.capacity() - model.len();
                        let mut source = IoSource::Kernel { ram, buffer: &bytes };
                        let result = pipe.write(&mut source, len, &mut woken);
                        let expected = if len == 0 {
                            Ok(0)
                        } else if room == 0 || (len <= PIPE_BUF && room < len) {
                            Err(Errno::EAGAIN)
                        } else {
                            Ok(len.min(room))
                        };
                        prop_assert_eq!(result, expected);
                        model.extend(&bytes[..result.unwrap_or(0)]);
                    }
                    3..=6 => {
                        let mut buffer = vec![0; len];
                        let mut sink = IoSink::Kernel { ram, buffer: &mut buffer };
                        let result = pipe.read(&mut sink, &mut woken);
                        if len > 0 && model.is_empty() {
                            prop_assert_eq!(result, Err(Errno::EAGAIN));
                        } else {
                            let expected: Vec<u8> = model.drain(..len.min(model.len())).collect();
                            prop_assert_eq!(result, Ok(expected.len()));
                            prop_assert_eq!(&buffer[..expected.len()], &expected[..]);
                        }
                    }
                    _ => {
                        let size = len.next_power_of_two().max(PIPE_BUF);
                        let result = pipe.set_capacity(len as u64, &mut woken);
                        let expected = if size < model.len() { Err(Errno::EBUSY) } else { Ok(size) };
                        prop_assert_eq!(result, expected);
                    }
                }
                prop_assert_eq!(pipe.len(), model.len());
            }
        }
    }

    #[test]
    fn ends_that_are_gone_are_told() {
        let test = TestRam::new(1);
        let mut woken = Woken::default();
        let mut pipe = Pipe::new(DEFAULT_CAPACITY, 1);
        pipe.open(true, false, &mut woken);
        assert!(pipe.poll_reader().is_empty(), "nobody has written yet: not hung up");
        pipe.open(false, true, &mut woken);
        assert!(!pipe.close(false, true, &mut woken));
        assert_eq!(pipe.poll_reader(), Events::HUP);
        let mut buffer = [0; 4];
        let mut sink = IoSink::Kernel { ram: test.ram(), buffer: &mut buffer };
        assert_eq!(pipe.read(&mut sink, &mut woken), Ok(0));
        pipe.open(false, true, &mut woken);
        assert!(!pipe.close(true, false, &mut woken));
        let mut source = IoSource::Kernel { ram: test.ram(), buffer: b"x" };
        assert_eq!(pipe.write(&mut source, 1, &mut woken), Err(Errno::EPIPE));
        assert!(pipe.poll_writer().intersects(Events::ERR));
        assert!(pipe.close(false, true, &mut woken));
    }
}
