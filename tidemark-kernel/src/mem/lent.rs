//! From the host's memory to guest RAM: the one place where the two meet.

#![allow(
    unsafe_code,
    reason = "vouches for guest RAM on the strength of `SharedMemory`, which is unsafe to implement"
)]

use std::ops::Range;

use tidemark_host::SharedMemory;

use super::frames::FrameSupply;
use super::ram::GuestRam;

/// What a host lends: the region as guest RAM, and the way to more of it.
pub struct Lent {
    /// The region.
    pub ram: GuestRam,
    /// More of it.
    pub supply: Box<dyn FrameSupply>,
}

/// Takes a host's memory as guest RAM. Whoever uses the handle keeps the host alive as long: the kernel does by the
/// supply, a runtime by its host.
pub fn lend<M: SharedMemory>(memory: M) -> Lent {
    // SAFETY: `SharedMemory` guarantees a fixed, aligned base, and that the host keeps out of the ranges that `grow`
    // returned; frames are made of those alone. The reserved length is a multiple of the growth step.
    let ram = unsafe { GuestRam::new(memory.base(), memory.reserved()) };
    Lent { ram, supply: Box::new(Supply(memory)) }
}

struct Supply<M>(M);

impl<M: SharedMemory> FrameSupply for Supply<M> {
    fn grow(&mut self, bytes: u64) -> Option<Range<u64>> {
        self.0.grow(bytes).ok()
    }
}
