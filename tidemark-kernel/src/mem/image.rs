//! The frames that the kernel lends to every address space: the vDSO's code and the data it reads.

use std::sync::atomic::{AtomicU32, Ordering, fence};

use super::frames::Frames;
use super::ram::{FrameNo, GuestRam};
use crate::addr::PAGE_SIZE;
use crate::errno::{Errno, Result};
use crate::exec::vdso::{
    self, VVAR_HWPROBE, VVAR_HWPROBE_KEYS, VVAR_HWPROBE_KNOWN, VVAR_REALTIME_OFFSET, VVAR_SEQUENCE,
};
use crate::syscall::hwprobe_value;
use crate::time::{Nanos, Now};

/// How far the realtime offset may be off before it is corrected, in nanoseconds: less than a program could tell,
/// more than what reading two clocks one after the other makes.
const OFFSET_SLACK: u64 = 20_000;

/// The frames that the kernel lends to every space.
#[derive(Debug, Default)]
pub struct KernelImage {
    /// The vDSO's code.
    pub(crate) vdso: Vec<FrameNo>,
    /// The data it reads, in the page before it.
    pub(crate) vvar: Vec<FrameNo>,
    /// What the data says is to be added to `CLOCK_MONOTONIC` for `CLOCK_REALTIME`, in nanoseconds.
    realtime_offset: u64,
}

impl KernelImage {
    /// The vDSO and its data in frames.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub(super) fn new(frames: &mut Frames) -> Result<KernelImage> {
        let mut image = KernelImage::default();
        for page in vdso::IMAGE.chunks(PAGE_SIZE as usize) {
            let frame = frames.alloc(0).ok_or(Errno::ENOMEM)?;
            frames.ram().write_bytes(frame.offset(), page);
            image.vdso.push(frame);
        }
        let data = frames.alloc(0).ok_or(Errno::ENOMEM)?;
        image.vvar.push(data);
        let (mut known, ram) = (0_u64, frames.ram());
        for key in 0..VVAR_HWPROBE_KEYS {
            if let Some(value) = hwprobe_value(key) {
                known |= 1 << key;
                ram.write_bytes(data.offset() + VVAR_HWPROBE + 8 * key, &value.to_le_bytes());
            }
        }
        ram.write_bytes(data.offset() + VVAR_HWPROBE_KNOWN, &known.to_le_bytes());
        Ok(image)
    }

    /// `CLOCK_REALTIME` as the vDSO tells it.
    pub(super) fn realtime(&self, monotonic: Nanos) -> Nanos {
        monotonic.wrapping_add(self.realtime_offset)
    }

    /// Corrects what the vDSO adds to the monotonic clock, if the clocks have drifted apart. Programs and the kernel
    /// then agree on `CLOCK_REALTIME` to within a few microseconds.
    pub(super) fn sync_clock(&mut self, now: Now, ram: GuestRam) {
        let offset = vdso::realtime_offset(now);
        if offset.wrapping_sub(self.realtime_offset).wrapping_add(OFFSET_SLACK) > 2 * OFFSET_SLACK
            && let Some(frame) = self.vvar.first()
        {
            self.realtime_offset = offset;
            let sequence: &AtomicU32 = ram.atomic_u32(frame.offset() + VVAR_SEQUENCE);
            // Odd while it changes: harts read it without the lock, and read again.
            sequence.fetch_add(1, Ordering::Relaxed);
            fence(Ordering::Release);
            ram.atomic_u64(frame.offset() + VVAR_REALTIME_OFFSET).store(offset, Ordering::Relaxed);
            sequence.fetch_add(1, Ordering::Release);
        }
    }
}
