//! Copying between the kernel and a guest's address space.
//!
//! Owns the calls that every handler uses on a pointer from a guest. Data is copied in once and then validated: the
//! guest's own copy may change at any moment. Faults on the way (demand-zero, copy-on-write, pages of files) are
//! resolved inline; what the guest itself could not access is `EFAULT`.

use super::FaultOutcome;
use super::io::{IoSink, IoSource, Segments};
use super::page_table::{PageTable, Pte};
use super::ram::{FrameNo, GuestRam};
use crate::addr::{GuestAddr, PAGE_SIZE};
use crate::cpu::core::SpaceId;
use crate::cpu::exit::Access;
use crate::errno::{Errno, Result};
use crate::limits::STEP_BYTES;
use crate::syscall::Cx;
use crate::system::System;

/// A value with a fixed layout in guest memory: little-endian, its fields in order, padding written out.
///
/// Structures get it from [`pod!`](crate::pod).
pub trait Pod: Sized {
    /// Bytes in guest memory, at most [`MAX_POD_BYTES`].
    const SIZE: usize;

    /// Reads it from the first [`SIZE`](Self::SIZE) bytes.
    fn from_bytes(bytes: &[u8]) -> Self;

    /// Writes it to the first [`SIZE`](Self::SIZE) bytes.
    fn to_bytes(&self, bytes: &mut [u8]);
}

/// The largest [`Pod`], in bytes: a signal frame's context is the largest that occurs.
pub const MAX_POD_BYTES: usize = 1024;

macro_rules! numbers {
    ($($ty:ty),*) => {$(
        impl Pod for $ty {
            const SIZE: usize = size_of::<$ty>();
            fn from_bytes(bytes: &[u8]) -> Self {
                let mut raw = [0; size_of::<$ty>()];
                raw.copy_from_slice(&bytes[..Self::SIZE]);
                <$ty>::from_le_bytes(raw)
            }
            fn to_bytes(&self, bytes: &mut [u8]) {
                bytes[..Self::SIZE].copy_from_slice(&self.to_le_bytes());
            }
        }
    )*};
}
numbers!(u8, u16, u32, u64, i8, i16, i32, i64);

impl Pod for GuestAddr {
    const SIZE: usize = 8;
    fn from_bytes(bytes: &[u8]) -> Self {
        GuestAddr(u64::from_bytes(bytes))
    }
    fn to_bytes(&self, bytes: &mut [u8]) {
        self.0.to_bytes(bytes);
    }
}

impl<T: Pod, const N: usize> Pod for [T; N] {
    const SIZE: usize = T::SIZE * N;
    fn from_bytes(bytes: &[u8]) -> Self {
        std::array::from_fn(|i| T::from_bytes(&bytes[i * T::SIZE..]))
    }
    fn to_bytes(&self, bytes: &mut [u8]) {
        self.iter().enumerate().for_each(|(i, item)| item.to_bytes(&mut bytes[i * T::SIZE..]));
    }
}

/// Declares a structure as it lies in guest memory, and its [`Pod`] implementation. Padding is a field.
#[macro_export]
macro_rules! pod {
    ($(#[$meta:meta])* $vis:vis struct $name:ident {
        $($(#[$field_meta:meta])* $field_vis:vis $field:ident: $ty:ty),* $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        $vis struct $name {
            $($(#[$field_meta])* $field_vis $field: $ty,)*
        }

        impl $crate::mem::Pod for $name {
            const SIZE: usize = 0 $(+ <$ty as $crate::mem::Pod>::SIZE)*;
            #[allow(unused_assignments)]
            fn from_bytes(bytes: &[u8]) -> Self {
                let mut at = 0;
                $(
                    let $field = <$ty as $crate::mem::Pod>::from_bytes(&bytes[at..]);
                    at += <$ty as $crate::mem::Pod>::SIZE;
                )*
                Self { $($field),* }
            }
            #[allow(unused_assignments)]
            fn to_bytes(&self, bytes: &mut [u8]) {
                let mut at = 0;
                $(
                    <$ty as $crate::mem::Pod>::to_bytes(&self.$field, &mut bytes[at..]);
                    at += <$ty as $crate::mem::Pod>::SIZE;
                )*
            }
        }
    };
}

impl System {
    /// Copies out of an address space.
    ///
    /// # Errors
    /// `EFAULT` when a byte of it cannot be read there; `bytes` is then partly filled.
    pub fn read_space(&mut self, space: SpaceId, addr: GuestAddr, bytes: &mut [u8]) -> Result<()> {
        let table = self.mem.table(space)?;
        let mut done = 0;
        while done < bytes.len() {
            let (offset, len) = self.user_run(space, table, addr, done, bytes.len(), Access::Read)?;
            table_ram(self).read_bytes(offset, &mut bytes[done..done + len]);
            done += len;
        }
        Ok(())
    }

    /// Copies into an address space.
    ///
    /// # Errors
    /// `EFAULT` when a byte of it cannot be written there; those before it are written.
    pub fn write_space(&mut self, space: SpaceId, addr: GuestAddr, bytes: &[u8]) -> Result<()> {
        let table = self.mem.table(space)?;
        let mut done = 0;
        while done < bytes.len() {
            let (offset, len) = self.user_run(space, table, addr, done, bytes.len(), Access::Write)?;
            table_ram(self).write_bytes(offset, &bytes[done..done + len]);
            done += len;
        }
        Ok(())
    }

    /// Reads a value out of an address space; it need not be aligned.
    ///
    /// # Errors
    /// As [`read_space`](Self::read_space).
    pub fn read_pod_in<T: Pod>(&mut self, space: SpaceId, addr: GuestAddr) -> Result<T> {
        with_buffer::<T, _>(|bytes| {
            self.read_space(space, addr, bytes)?;
            Ok(T::from_bytes(bytes))
        })
    }

    /// Writes a value into an address space; it need not be aligned.
    ///
    /// # Errors
    /// As [`write_space`](Self::write_space).
    pub fn write_pod_in<T: Pod>(&mut self, space: SpaceId, addr: GuestAddr, value: &T) -> Result<()> {
        with_buffer::<T, _>(|bytes| {
            value.to_bytes(bytes);
            self.write_space(space, addr, bytes)
        })
    }

    /// The NUL-terminated string at an address, without its NUL, if that comes within `max` bytes.
    ///
    /// # Errors
    /// `EFAULT` when it runs into memory that cannot be read; `too_long` when there is no NUL in `max` bytes.
    pub fn read_cstr_in(
        &mut self,
        space: SpaceId,
        addr: GuestAddr,
        max: usize,
        too_long: Errno,
    ) -> Result<Vec<u8>> {
        let table = self.mem.table(space)?;
        let mut string = Vec::new();
        let mut piece = [0; 256];
        while string.len() < max {
            let limit = (string.len() + piece.len()).min(max);
            let (offset, len) = self.user_run(space, table, addr, string.len(), limit, Access::Read)?;
            let piece = &mut piece[..len];
            table_ram(self).read_bytes(offset, piece);
            if let Some(end) = piece.iter().position(|byte| *byte == 0) {
                string.extend_from_slice(&piece[..end]);
                return Ok(string);
            }
            string.extend_from_slice(piece);
        }
        Err(too_long)
    }

    /// Resolves up to [`STEP_BYTES`] of `len` bytes for bulk I/O; fewer where a later page cannot be accessed.
    ///
    /// # Errors
    /// `EFAULT` when not even the first byte can be accessed.
    pub fn segments_in(
        &mut self,
        space: SpaceId,
        addr: GuestAddr,
        len: u64,
        write: bool,
    ) -> Result<Segments> {
        let table = self.mem.table(space)?;
        let access = if write { Access::Write } else { Access::Read };
        let limit = len.min(STEP_BYTES) as usize;
        let mut segments = Segments::empty();
        while segments.len() < limit {
            match self.user_run(space, table, addr, segments.len(), limit, access) {
                Ok((offset, len)) => segments.push(offset, len),
                Err(errno) if segments.is_empty() => return Err(errno),
                Err(_) => break,
            }
        }
        Ok(segments)
    }

    /// The run of guest RAM at `addr + done`, up to `limit - done` bytes and the page's end.
    fn user_run(
        &mut self,
        space: SpaceId,
        table: PageTable,
        addr: GuestAddr,
        done: usize,
        limit: usize,
        access: Access,
    ) -> Result<(u64, usize)> {
        let at = addr.add(done as u64)?;
        let need = if access == Access::Write { Pte::WRITE } else { Pte::READ };
        let pte = table.walk(at.0);
        let frame = match pte.frame().filter(|_| pte.allows(need)) {
            Some(frame) => frame,
            None => self.user_fault(space, table, at.0, access)?,
        };
        let len = ((PAGE_SIZE - at.page_offset()) as usize).min(limit - done);
        Ok((frame.offset() + at.page_offset(), len))
    }

    /// The frame of a page after resolving a fault on it.
    #[cold]
    fn user_fault(&mut self, space: SpaceId, table: PageTable, addr: u64, access: Access) -> Result<FrameNo> {
        loop {
            match self.fault_in(space, addr, access) {
                FaultOutcome::Resolved => {}
                FaultOutcome::Again => continue,
                FaultOutcome::Signal(_) => return Err(Errno::EFAULT),
                // The thread that made the call does not return to its program before others have flushed (see
                // `Kernel`). If it is for a fork in progress that they must, the child is not running yet: storing
                // to what both have is as if it had been done before the fork.
                FaultOutcome::Flush => {}
            }
            return table.walk(addr).frame().ok_or(Errno::EFAULT);
        }
    }

    /// The offset in guest RAM of an aligned word, for futexes: `write` also breaks copy-on-write.
    ///
    /// # Errors
    /// `EFAULT` when it cannot be accessed.
    pub fn word_in(&mut self, space: SpaceId, addr: GuestAddr, write: bool) -> Result<u64> {
        let table = self.mem.table(space)?;
        let access = if write { Access::Write } else { Access::Read };
        self.user_run(space, table, addr, 0, 4, access).map(|(offset, _)| offset)
    }
}

fn table_ram(sys: &System) -> GuestRam {
    sys.mem.frames.ram()
}

/// Runs `f` on a buffer of exactly the value's size; the branches are decided at compile time.
fn with_buffer<T: Pod, R>(f: impl FnOnce(&mut [u8]) -> R) -> R {
    const { assert!(T::SIZE <= MAX_POD_BYTES) };
    if T::SIZE <= 16 {
        f(&mut [0; 16][..T::SIZE])
    } else if T::SIZE <= 128 {
        f(&mut [0; 128][..T::SIZE])
    } else {
        f(&mut [0; MAX_POD_BYTES][..T::SIZE])
    }
}

impl Cx<'_> {
    /// The address space of the calling process.
    pub fn space(&mut self) -> SpaceId {
        self.process().space
    }

    /// Copies from the caller's memory.
    ///
    /// # Errors
    /// `EFAULT` when a byte of it cannot be read.
    pub fn read_user(&mut self, addr: GuestAddr, bytes: &mut [u8]) -> Result<()> {
        let space = self.space();
        self.sys.read_space(space, addr, bytes)
    }

    /// Copies to the caller's memory.
    ///
    /// # Errors
    /// `EFAULT` when a byte of it cannot be written; those before it are written.
    pub fn write_user(&mut self, addr: GuestAddr, bytes: &[u8]) -> Result<()> {
        let space = self.space();
        self.sys.write_space(space, addr, bytes)
    }

    /// Reads a value from the caller's memory.
    ///
    /// # Errors
    /// `EFAULT` when it cannot be read.
    pub fn read_pod<T: Pod>(&mut self, addr: GuestAddr) -> Result<T> {
        let space = self.space();
        self.sys.read_pod_in(space, addr)
    }

    /// Writes a value to the caller's memory.
    ///
    /// # Errors
    /// `EFAULT` when it cannot be written.
    pub fn write_pod<T: Pod>(&mut self, addr: GuestAddr, value: &T) -> Result<()> {
        let space = self.space();
        self.sys.write_pod_in(space, addr, value)
    }

    /// The NUL-terminated string at an address, without its NUL, if that comes within `max` bytes.
    ///
    /// # Errors
    /// `EFAULT` when it cannot be read; `too_long` when there is no NUL in `max` bytes.
    pub fn read_cstr(&mut self, addr: GuestAddr, max: usize, too_long: Errno) -> Result<Vec<u8>> {
        let space = self.space();
        self.sys.read_cstr_in(space, addr, max, too_long)
    }

    /// Resolves up to [`STEP_BYTES`] of the caller's memory for bulk I/O.
    ///
    /// # Errors
    /// `EFAULT` when not even the first byte can be accessed.
    pub fn user_segments(&mut self, addr: GuestAddr, len: u64, write: bool) -> Result<Segments> {
        let space = self.space();
        self.sys.segments_in(space, addr, len, write)
    }

    /// Up to [`STEP_BYTES`] of the caller's memory as the target of a read.
    ///
    /// # Errors
    /// `EFAULT` when not even the first byte can be written.
    pub fn user_sink(&mut self, addr: GuestAddr, len: u64) -> Result<IoSink<'static>> {
        let segments = self.user_segments(addr, len, true)?;
        Ok(IoSink::User { ram: self.sys.mem.frames.ram(), segments })
    }

    /// Up to [`STEP_BYTES`] of the caller's memory as the source of a write.
    ///
    /// # Errors
    /// `EFAULT` when not even the first byte can be read.
    pub fn user_source(&mut self, addr: GuestAddr, len: u64) -> Result<IoSource<'static>> {
        let segments = self.user_segments(addr, len, false)?;
        Ok(IoSource::User { ram: self.sys.mem.frames.ram(), segments })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pod! {
        /// As `struct pollfd`, with a nested array.
        struct Sample {
            fd: i32,
            events: u16,
            pad: [u8; 2],
            times: [u64; 2],
        }
    }

    #[test]
    fn structures_are_little_endian_and_packed_in_order() {
        assert_eq!(Sample::SIZE, 24);
        let sample = Sample { fd: -2, events: 0x102, pad: [0; 2], times: [3, 0x0807_0605_0403_0201] };
        let mut bytes = [0xaa; 24];
        sample.to_bytes(&mut bytes);
        assert_eq!(bytes[..9], [0xfe, 0xff, 0xff, 0xff, 2, 1, 0, 0, 3]);
        assert_eq!(bytes[16..], [1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(Sample::from_bytes(&bytes), sample);
    }
}
