//! One address space: what the kernel knows of it beside the page table.
//!
//! Owns the record and the reference count. What is done with it is in [`Mm`](super::mm::Mm)'s files.

use std::collections::VecDeque;
use std::sync::Arc;

use super::area::Area;
use super::areas::{Areas, is_data};
use super::frames::Frames;
use super::layout;
use super::page_table::PageTable;
use super::ram::FrameNo;
use super::shared::SpaceShared;
use super::work::Work;
use crate::cpu::core::SpaceId;
use crate::task::Pid;

/// An address space.
#[derive(Debug)]
pub struct Space {
    pub(super) shared: Arc<SpaceShared>,
    /// Processes that use it (`vfork` and `CLONE_VM` share one).
    pub(super) users: u32,
    /// The process that used it last, once it left it.
    pub(super) leaver: Option<Pid>,
    /// What is mapped.
    pub(super) areas: Areas,
    /// Resident pages.
    pub(super) resident: Resident,
    /// The most pages that were resident when one was about to go.
    peak: u64,
    /// Where the program's parts are.
    pub(super) marks: Marks,
    /// How far a growing stack may reach, in bytes (`RLIMIT_STACK`).
    pub(super) stack_limit: u64,
    /// How long all areas together may be, in bytes (`RLIMIT_AS`).
    pub(super) size_limit: u64,
    /// How long the heap, and all data, may be, in bytes (`RLIMIT_DATA`).
    pub(super) data_limit: u64,
    /// Whether areas mapped from now on are locked (`mlockall(2)`, `MCL_FUTURE`).
    pub(super) lock_future: bool,
    /// Kinds of barriers that were registered, as `membarrier(2)` numbers the registrations.
    pub(super) barriers: u32,
    /// What was begun and goes on step by step; until it is done, nothing else changes areas.
    pub(super) work: VecDeque<Work>,
    /// Counts changes that were begun.
    pub(super) changes: u64,
    /// Frames taken out of the page table that a worker may still reach through an old translation.
    pub(super) zombies: Vec<FrameNo>,
    /// Below this address, page-table nodes of a space that is being taken apart are gone.
    pub(super) pruned: u64,
}

/// Resident pages, by where they come from (`/proc/PID/status`, `RssAnon` and so on).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Resident {
    /// Private pages.
    pub anonymous: u64,
    /// Pages of files and of shared memory.
    pub shared: u64,
}

/// Addresses that `execve` fixed (`prctl(2)`, `PR_SET_MM`; `/proc/PID/stat`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Marks {
    /// First address of the program's code.
    pub code_start: u64,
    /// First address after it.
    pub code_end: u64,
    /// Where the heap begins.
    pub heap_start: u64,
    /// Where the heap ends: the program break.
    pub heap_end: u64,
    /// The stack pointer at the start.
    pub stack_start: u64,
    /// The strings of the argument vector.
    pub arguments: (u64, u64),
    /// The strings of the environment.
    pub environment: (u64, u64),
    /// The auxiliary vector.
    pub auxiliary: (u64, u64),
    /// The vDSO's first address; 0 if there is none.
    pub vdso: u64,
}

impl Space {
    /// Notes that a kind of barrier will be asked for (`membarrier(2)`).
    pub(crate) fn register_barriers(&mut self, kind: u32) {
        self.barriers |= kind;
    }

    /// The kinds that were registered.
    pub(crate) fn registered_barriers(&self) -> u32 {
        self.barriers
    }

    /// An empty space with one user; none when there is no frame for its page table.
    pub(super) fn new(id: SpaceId, stack_limit: u64, frames: &mut Frames) -> Option<Self> {
        let table = PageTable::new(frames.ram(), frames).ok()?;
        Some(Self {
            shared: Arc::new(SpaceShared::new(id, table)),
            users: 1,
            leaver: None,
            areas: Areas::new(layout::map_top(stack_limit)),
            resident: Resident::default(),
            peak: 0,
            marks: Marks::default(),
            stack_limit,
            size_limit: u64::MAX,
            data_limit: u64::MAX,
            lock_future: false,
            barriers: 0,
            work: VecDeque::new(),
            changes: 0,
            zombies: Vec::new(),
            pruned: 0,
        })
    }

    /// Its id.
    pub fn id(&self) -> SpaceId {
        self.shared.id
    }

    /// The part that harts share.
    pub fn shared(&self) -> &Arc<SpaceShared> {
        &self.shared
    }

    /// What is mapped.
    pub fn areas(&self) -> &Areas {
        &self.areas
    }

    /// Resident pages.
    pub fn resident(&self) -> Resident {
        self.resident
    }

    /// The most pages that were ever resident.
    pub fn peak_resident(&self) -> u64 {
        self.peak.max(self.resident.anonymous + self.resident.shared)
    }

    /// A page is about to go.
    pub(super) fn note_peak(&mut self) {
        self.peak = self.peak_resident();
    }

    /// Where the program's parts are.
    pub fn marks(&self) -> Marks {
        self.marks
    }

    /// The same, to change.
    pub fn marks_mut(&mut self) -> &mut Marks {
        &mut self.marks
    }

    /// Sets how far the stack may grow, how long all areas and how long all data may be, in bytes (`setrlimit(2)`:
    /// `RLIMIT_STACK`, `RLIMIT_AS`, `RLIMIT_DATA`).
    pub fn set_limits(&mut self, stack: u64, size: u64, data: u64) {
        (self.stack_limit, self.size_limit, self.data_limit) = (stack, size, data);
    }

    /// Whether `growth` more bytes in an area like this one are within the limits (Linux, `mm/mmap.c`, `may_expand_vm`).
    pub(super) fn admits(&self, area: &Area, growth: u64) -> bool {
        let within = |size: u64, limit: u64| size.saturating_add(growth) <= limit;
        within(self.areas.total(), self.size_limit)
            && (!is_data(area) || within(self.areas.data(), self.data_limit))
    }
}
