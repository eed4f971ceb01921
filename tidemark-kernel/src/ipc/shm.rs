//! Shared memory segments (`shm_overview(7)`'s System V kin: `shmget(2)`, `shmop(2)`, `shmctl(2)`).
//!
//! Owns what is known of a segment and when it ends. Its pages are an object of `mem`, which also counts how often it is
//! attached: each mapped area is one.

use super::ids::{Object, Permissions};
use super::limits::SHM_MIN;
use super::{Found, Ipc, Key};
use crate::addr::PAGE_SIZE;
use crate::errno::{Errno, Result};
use crate::limits::STEP_ITEMS;
use crate::mem::object::ObjectId;
use crate::mem::{Memory, SegmentEvent};
use crate::system::System;
use crate::task::{Creds, Pid};
use crate::time::NANOS_PER_SECOND;

/// A segment.
#[derive(Debug)]
pub(crate) struct Segment {
    permissions: Permissions,
    /// Bytes, as asked for.
    pub(crate) size: u64,
    /// Its pages, with a reference.
    pub(crate) object: ObjectId,
    /// When it was attached and detached last and changed last, in seconds of `CLOCK_REALTIME`; 0 is never.
    pub(crate) attached: u64,
    pub(crate) detached: u64,
    pub(crate) changed: u64,
    pub(crate) creator: Pid,
    /// Who attached or detached it last.
    pub(crate) last: Option<Pid>,
    /// Ends with its last attachment (`SHM_DEST`).
    pub(crate) doomed: bool,
    /// `SHM_LOCKED`: nothing is ever swapped out anyhow.
    pub(crate) locked: bool,
}

impl Object for Segment {
    fn permissions(&self) -> &Permissions {
        &self.permissions
    }
    fn permissions_mut(&mut self) -> &mut Permissions {
        &mut self.permissions
    }
}

impl Segment {
    /// Whole pages it takes.
    pub(crate) fn pages(&self) -> u64 {
        self.size.div_ceil(PAGE_SIZE)
    }
}

impl Ipc {
    /// The segment of a key, made if it is wanted (`shmget(2)`). Its id.
    ///
    /// # Errors
    /// As `shmget(2)` lists them.
    pub(crate) fn get_segment(
        &mut self,
        mem: &mut Memory,
        (key, size, flags): (Key, u64, u32),
        (creds, creator): (&Creds, Pid),
        now: u64,
    ) -> Result<i32> {
        let found = self.segments.look_up(key, flags, creds, |segment| {
            if size > segment.size { Err(Errno::EINVAL) } else { Ok(()) }
        })?;
        if let Found::There(id) = found {
            return Ok(id);
        }
        let limits = &self.limits;
        if size < SHM_MIN || size > limits.shm_max {
            return Err(Errno::EINVAL);
        }
        let pages = size.div_ceil(PAGE_SIZE);
        if self.pages().checked_add(pages).is_none_or(|all| all > limits.shm_all) {
            return Err(Errno::ENOSPC);
        }
        if self.segments.len() >= limits.shm_count as usize {
            return Err(Errno::ENOSPC);
        }
        if size > limits.memory_bytes {
            return Err(Errno::ENOMEM);
        }
        self.segments.insert(key, flags, creds, limits.shm_count, |permissions| Segment {
            permissions,
            size,
            object: mem.create_segment(permissions.id, pages),
            attached: 0,
            detached: 0,
            changed: now,
            creator,
            last: None,
            doomed: false,
            locked: false,
        })
    }

    /// Pages of all segments.
    pub(crate) fn pages(&self) -> u64 {
        self.segments.iter().map(|(_, segment)| segment.pages()).sum()
    }

    /// Removes a segment (`IPC_RMID`), or has it end with its last attachment.
    pub(crate) fn doom_segment(&mut self, mem: &mut Memory, id: i32) {
        self.segments.hide(id);
        let Ok(segment) = self.segments.get_mut(id) else { return };
        segment.doomed = true;
        if mem.segment_attachments(segment.object) == 0 {
            self.end_segment(mem, id);
        }
    }

    fn end_segment(&mut self, mem: &mut Memory, id: i32) {
        if let Some(segment) = self.segments.remove(id) {
            mem.release_segment(segment.object);
        }
    }
}

impl System {
    /// Takes note of segments that were detached: some end with that. Whether more are left.
    pub(crate) fn settle_segments(&mut self) -> bool {
        for _ in 0..STEP_ITEMS {
            let Some(SegmentEvent { id, by }) = self.mem.take_detached() else { return false };
            let now = self.mem.seen_by_programs(self.now).realtime / NANOS_PER_SECOND;
            let Ok(segment) = self.ipc.segments.get_mut(id) else { continue };
            segment.detached = now;
            segment.last = by.or(segment.last);
            if segment.doomed && self.mem.segment_attachments(segment.object) == 0 {
                self.ipc.end_segment(&mut self.mem, id);
            }
        }
        true
    }
}
