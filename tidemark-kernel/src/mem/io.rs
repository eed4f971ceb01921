//! Where the bytes of a read go and those of a write come from: guest memory, or a buffer of the kernel's own.
//!
//! Owns the resolved runs of guest RAM that one step of bulk I/O covers. Resolving them is `user`'s.

use super::ram::GuestRam;
use crate::addr::PAGE_SIZE;
use crate::limits::STEP_BYTES;

/// Runs that [`STEP_BYTES`] of guest memory can fall into, if it starts inside a page.
const MAX_RUNS: usize = (STEP_BYTES / PAGE_SIZE) as usize + 1;

/// A piece of guest memory, resolved: runs of (offset in guest RAM, length), in the guest's order. At most
/// [`STEP_BYTES`] long. Good until the kernel's lock is given away.
#[derive(Clone, Debug)]
pub struct Segments {
    runs: [(u64, u32); MAX_RUNS],
    count: u8,
    next: u8,
    remaining: usize,
}

impl Segments {
    /// No bytes.
    pub const fn empty() -> Self {
        Self { runs: [(0, 0); MAX_RUNS], count: 0, next: 0, remaining: 0 }
    }

    /// Appends a run; runs that adjoin in guest RAM become one.
    pub(super) fn push(&mut self, offset: u64, len: usize) {
        if len == 0 {
            return;
        }
        self.remaining += len;
        if let Some((last, last_len)) = self.runs[..self.count as usize].last_mut()
            && *last + u64::from(*last_len) == offset
        {
            *last_len += len as u32;
            return;
        }
        self.runs[self.count as usize] = (offset, len as u32);
        self.count += 1;
    }

    /// Bytes in all runs.
    pub fn len(&self) -> usize {
        self.remaining
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.remaining == 0
    }

    /// The runs left, as (offset in guest RAM, length).
    pub fn runs(&self) -> impl Iterator<Item = (u64, usize)> + '_ {
        self.runs[self.next as usize..self.count as usize].iter().map(|&(offset, len)| (offset, len as usize))
    }

    /// Takes up to `limit` bytes off the front, as one run.
    fn take(&mut self, limit: usize) -> Option<(u64, usize)> {
        if self.next == self.count || limit == 0 {
            return None;
        }
        let run = &mut self.runs[self.next as usize];
        let (offset, len) = (run.0, (run.1 as usize).min(limit));
        run.0 += len as u64;
        run.1 -= len as u32;
        if run.1 == 0 {
            self.next += 1;
        }
        self.remaining -= len;
        Some((offset, len))
    }
}

/// Where a read puts its bytes, front to back.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "lives on the stack for one step")]
pub enum IoSink<'a> {
    /// Guest memory.
    User {
        /// All of it.
        ram: GuestRam,
        /// The part to fill.
        segments: Segments,
    },
    /// A buffer of the kernel.
    Kernel {
        /// The memory that [`put_ram`](IoSink::put_ram) reads from.
        ram: GuestRam,
        /// The part still to fill.
        buffer: &'a mut [u8],
    },
}

impl IoSink<'_> {
    /// Bytes it still takes.
    pub fn remaining(&self) -> usize {
        match self {
            IoSink::User { segments, .. } => segments.len(),
            IoSink::Kernel { buffer, .. } => buffer.len(),
        }
    }

    /// Whether it takes no more.
    pub fn is_full(&self) -> bool {
        self.remaining() == 0
    }

    /// Puts `len` bytes of guest RAM from a byte offset; what does not fit is left. How many were put.
    pub fn put_ram(&mut self, offset: u64, len: usize) -> usize {
        match self {
            IoSink::User { ram, segments } => {
                let ram = *ram;
                each_run(segments, len, |done, to, len| ram.copy_within(offset + done as u64, to, len))
            }
            IoSink::Kernel { ram, buffer } => {
                let to = take_front(buffer, len);
                ram.read_bytes(offset, to);
                to.len()
            }
        }
    }

    /// Puts bytes; what does not fit is left. How many were put.
    pub fn put_bytes(&mut self, bytes: &[u8]) -> usize {
        match self {
            IoSink::User { ram, segments } => {
                let ram = *ram;
                each_run(segments, bytes.len(), |done, to, len| ram.write_bytes(to, &bytes[done..done + len]))
            }
            IoSink::Kernel { buffer, .. } => {
                let to = take_front(buffer, bytes.len());
                to.copy_from_slice(&bytes[..to.len()]);
                to.len()
            }
        }
    }

    /// Puts `len` zero bytes; what does not fit is left. How many were put.
    pub fn put_zeros(&mut self, len: usize) -> usize {
        match self {
            IoSink::User { ram, segments } => {
                let ram = *ram;
                each_run(segments, len, |_, to, len| ram.zero(to, len))
            }
            IoSink::Kernel { buffer, .. } => {
                let to = take_front(buffer, len);
                to.fill(0);
                to.len()
            }
        }
    }
}

/// Where a write takes its bytes from, front to back.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "lives on the stack for one step")]
pub enum IoSource<'a> {
    /// Guest memory.
    User {
        /// All of it.
        ram: GuestRam,
        /// The part to take from.
        segments: Segments,
    },
    /// A buffer of the kernel.
    Kernel {
        /// The memory that [`take_to_ram`](IoSource::take_to_ram) writes to.
        ram: GuestRam,
        /// The part not yet taken.
        buffer: &'a [u8],
    },
}

impl IoSource<'_> {
    /// Bytes it still has.
    pub fn remaining(&self) -> usize {
        match self {
            IoSource::User { segments, .. } => segments.len(),
            IoSource::Kernel { buffer, .. } => buffer.len(),
        }
    }

    /// Whether it has no more.
    pub fn is_empty(&self) -> bool {
        self.remaining() == 0
    }

    /// Copies up to `len` bytes to guest RAM at a byte offset. How many there were.
    pub fn take_to_ram(&mut self, offset: u64, len: usize) -> usize {
        match self {
            IoSource::User { ram, segments } => {
                let ram = *ram;
                each_run(segments, len, |done, from, len| ram.copy_within(from, offset + done as u64, len))
            }
            IoSource::Kernel { ram, buffer } => {
                let (front, rest) = buffer.split_at(len.min(buffer.len()));
                *buffer = rest;
                ram.write_bytes(offset, front);
                front.len()
            }
        }
    }

    /// Copies the next bytes into `to`. How many there were.
    pub fn take_bytes(&mut self, to: &mut [u8]) -> usize {
        match self {
            IoSource::User { ram, segments } => {
                let ram = *ram;
                each_run(segments, to.len(), |done, from, len| {
                    ram.read_bytes(from, &mut to[done..done + len])
                })
            }
            IoSource::Kernel { buffer, .. } => {
                let (front, rest) = buffer.split_at(to.len().min(buffer.len()));
                *buffer = rest;
                to[..front.len()].copy_from_slice(front);
                front.len()
            }
        }
    }
}

/// Runs `copy(bytes done, offset, length)` over up to `len` bytes of segments. How many bytes those were.
fn each_run(segments: &mut Segments, len: usize, mut copy: impl FnMut(usize, u64, usize)) -> usize {
    let mut done = 0;
    while let Some((offset, run)) = segments.take(len - done) {
        copy(done, offset, run);
        done += run;
    }
    done
}

/// Splits up to `len` bytes off the front of a buffer.
fn take_front<'a>(buffer: &mut &'a mut [u8], len: usize) -> &'a mut [u8] {
    let whole = std::mem::take(buffer);
    let (front, rest) = whole.split_at_mut(len.min(whole.len()));
    *buffer = rest;
    front
}

#[cfg(test)]
mod tests {
    use super::super::ram::tests::TestRam;
    use super::*;

    fn segments(runs: &[(u64, usize)]) -> Segments {
        let mut segments = Segments::empty();
        runs.iter().for_each(|&(offset, len)| segments.push(offset, len));
        segments
    }

    #[test]
    fn adjoining_runs_become_one() {
        let segments = segments(&[(4000, 96), (4096, 100), (0, 0), (9000, 1)]);
        assert_eq!(segments.runs().collect::<Vec<_>>(), [(4000, 196), (9000, 1)]);
        assert_eq!(segments.len(), 197);
    }

    #[test]
    fn a_sink_spreads_bytes_over_runs_and_stops_when_full() {
        let test = TestRam::new(4);
        let ram = test.ram();
        let mut sink = IoSink::User { ram, segments: segments(&[(10, 3), (4096, 4)]) };
        assert_eq!(sink.put_bytes(b"abcde"), 5);
        ram.write_bytes(8192, b"xyz");
        assert_eq!(sink.put_ram(8192, 3), 2);
        assert_eq!((sink.remaining(), sink.put_zeros(5)), (0, 0));
        assert!(ram.equals(10, b"abc") && ram.equals(4096, b"dexy"));
    }

    #[test]
    fn sources_of_both_kinds_give_the_same_bytes() {
        let test = TestRam::new(4);
        let ram = test.ram();
        ram.write_bytes(100, b"hello");
        ram.write_bytes(5000, b" world");
        let user = IoSource::User { ram, segments: segments(&[(100, 5), (5000, 6)]) };
        let kernel = IoSource::Kernel { ram, buffer: b"hello world" };
        for mut source in [user, kernel] {
            let mut head = [0; 4];
            assert_eq!(source.take_bytes(&mut head), 4);
            assert_eq!(source.take_to_ram(9000, 100), 7);
            assert!(source.is_empty() && source.take_bytes(&mut head) == 0);
            assert!(&head == b"hell" && ram.equals(9000, b"o world"));
        }
    }

    #[test]
    fn a_kernel_sink_fills_front_to_back() {
        let test = TestRam::new(1);
        test.ram().write_bytes(7, b"RAM");
        let mut buffer = [9; 6];
        let mut sink = IoSink::Kernel { ram: test.ram(), buffer: &mut buffer };
        assert_eq!((sink.put_zeros(1), sink.put_ram(7, 3), sink.put_bytes(b"ab+")), (1, 3, 2));
        assert_eq!(&buffer, b"\0RAMab");
    }
}
