//! A worker's core: the caches that stay with the worker while harts come and go.

use super::code_cache::{CodeCache, CodeTable, fetch};
use super::exec::{Machine, Stop, execute};
use super::exit::Exit;
use super::hart::Hart;
use super::tlb::Tlb;
use crate::mem::page_table::PageTable;
use crate::mem::ram::{FRAME_SIZE, GuestRam};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Address spaces that a worker keeps caches for.
const CACHED_SPACES_MAX: usize = 4;

/// Instructions between two looks at the attention word, about.
const SLICE: u64 = 2000;

/// What `rdtime` reads. The worker-side clock, or the instruction count under the simulator.
pub trait TickSource: Send {
    /// The time in ticks of the guest's `time` counter, at `instret` retired instructions of the reading hart.
    fn ticks(&self, instret: u64) -> u64;
}

/// Names an address space; never reused while any worker may hold caches for it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct SpaceId(u64);

impl SpaceId {
    /// The address space with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// An address space as a hart sees it.
#[derive(Clone, Copy, Debug)]
pub struct SpaceView<'a> {
    /// Keys the worker's caches.
    pub id: SpaceId,
    /// What is mapped.
    pub table: PageTable,
    /// Counts changes that make cached translations wrong. The kernel raises it after it takes away a mapping
    /// or permission, before the shootdown; adding one needs nothing.
    pub tlb_gen: &'a AtomicU64,
    /// Counts instruction-cache flushes of the whole address space; `fence.i` and `riscv_flush_icache` raise it.
    pub icache_gen: &'a AtomicU64,
}

/// A worker's translation and code caches.
///
/// It keeps those of the few address spaces that it ran last, so that going to and fro between processes finds
/// them warm.
pub struct WorkerCore {
    ram: GuestRam,
    code: Arc<CodeTable>,
    ticks: Box<dyn TickSource>,
    caches: Vec<SpaceCache>,
    /// Counts runs, to know which caches were not used for longest.
    clock: u64,
}

/// What a worker caches of one address space, and as of which generations.
struct SpaceCache {
    id: SpaceId,
    tlb_gen: u64,
    icache_gen: u64,
    last_used: u64,
    tlb: Box<Tlb>,
    code: CodeCache,
}

impl WorkerCore {
    /// A core with empty caches.
    pub fn new(ram: GuestRam, code: Arc<CodeTable>, ticks: Box<dyn TickSource>) -> Self {
        Self { ram, code, ticks, caches: Vec::new(), clock: 0 }
    }

    pub(super) fn run(
        &mut self,
        hart: &mut Hart,
        space: &SpaceView<'_>,
        budget: u64,
        attention: &AtomicU32,
    ) -> Exit {
        let index = self.select(space.id);
        let cache = &mut self.caches[index];
        let mut left = budget;
        loop {
            if attention.load(Ordering::Acquire) != 0 {
                return Exit::Attention;
            }
            if left == 0 {
                return Exit::Budget;
            }
            cache.refresh(space);
            let slice = left.min(SLICE);
            let (exit, used) =
                run_slice(cache, (self.ram, &self.code, &*self.ticks), hart, space, slice, left);
            left -= used;
            if let Some(exit) = exit {
                return exit;
            }
        }
    }

    /// The caches of an address space: its own, new ones, or those that were not used for longest, emptied.
    fn select(&mut self, id: SpaceId) -> usize {
        self.clock += 1;
        let index = match self.caches.iter().position(|cache| cache.id == id) {
            Some(index) => index,
            None if self.caches.len() < CACHED_SPACES_MAX => {
                self.caches.push(SpaceCache::new(id));
                self.caches.len() - 1
            }
            None => {
                let ages = self.caches.iter().enumerate();
                let (oldest, _) =
                    ages.min_by_key(|(_, cache)| cache.last_used).expect("the limit is not zero");
                self.caches[oldest].reuse(id);
                oldest
            }
        };
        self.caches[index].last_used = self.clock;
        index
    }
}

impl SpaceCache {
    fn new(id: SpaceId) -> Self {
        // Empty caches are right at any generation.
        let (tlb, code) = (Box::new(Tlb::new()), CodeCache::new());
        Self { id, tlb_gen: 0, icache_gen: 0, last_used: 0, tlb, code }
    }

    fn reuse(&mut self, id: SpaceId) {
        self.id = id;
        self.tlb.flush();
        self.code.clear();
    }

    /// Drops what the address space's generations say is no longer right.
    fn refresh(&mut self, space: &SpaceView<'_>) {
        // Acquire pairs with the kernel's increment: the page table that is walked next is at least that new.
        let tlb_gen = space.tlb_gen.load(Ordering::Acquire);
        let icache_gen = space.icache_gen.load(Ordering::Acquire);
        if tlb_gen != self.tlb_gen {
            self.tlb_gen = tlb_gen;
            self.tlb.flush();
            self.code.invalidate();
        }
        if icache_gen != self.icache_gen {
            self.icache_gen = icache_gen;
            self.code.invalidate();
        }
    }
}

/// Runs about `slice` instructions, and never more than `limit`. Returns how many, and an exit if there is one.
fn run_slice(
    cache: &mut SpaceCache,
    (ram, code, ticks): (GuestRam, &CodeTable, &dyn TickSource),
    hart: &mut Hart,
    space: &SpaceView<'_>,
    slice: u64,
    limit: u64,
) -> (Option<Exit>, u64) {
    let mut used = 0;
    let mut alone = false;
    while used < slice {
        let pc = hart.pc;
        let slots = match cache.code.slots(code, ram, &space.table, pc) {
            Ok(slots) => slots,
            Err(exit) => return (Some(exit), used),
        };
        // SAFETY: a page has a slot for each of its halfwords.
        let start = unsafe { slots.add((pc % FRAME_SIZE / 2) as usize) };
        // SAFETY: as above; `code` keeps the page alive.
        let line = u64::from(unsafe { (*start).count });
        let (origin, slots, start, budget) = if !alone && (1..=limit - used).contains(&line) {
            (pc & !(FRAME_SIZE - 1), slots, start, line.max(slice - used))
        } else {
            // An instruction on two pages, one that wants it, or a straight line that is longer than the rest of the budget.
            match cache.code.isolated(ram, &space.table, pc) {
                Ok(slots) => (pc, slots, slots, 1),
                Err(exit) => return (Some(exit), used),
            }
        };
        let mut machine = Machine::new(
            (&mut *hart, &mut cache.tlb, &cache.code.hot),
            (ram, &space.table, ticks),
            (origin, slots),
            budget as i64,
        );
        // SAFETY: the slots come from `cache.code`, which is not changed during the call, and the budget covers
        // the straight line from `start`.
        let stop = unsafe { execute(&mut machine, start) };
        let Machine { budget: rest, exit, in_body, origin, .. } = machine;
        let mut done = budget - rest as u64;
        if let Some(slot) = in_body
            && let Some((offset, executed)) = cache.code.leave_body(origin, slot, hart)
        {
            hart.pc = origin + offset;
            done += executed;
        }
        used += done;
        hart.instret = hart.instret.wrapping_add(done);
        alone = stop == Stop::Alone;
        match stop {
            Stop::Page | Stop::Alone => {}
            Stop::FenceI => {
                space.icache_gen.fetch_add(1, Ordering::AcqRel);
                cache.refresh(space);
            }
            Stop::Exit => return (Some(exit), used),
            Stop::IllegalRounding => {
                let instr = fetch(ram, &space.table, hart.pc);
                return (Some(instr.map_or_else(|exit| exit, |instr| Exit::Illegal { instr })), used);
            }
        }
    }
    (None, used)
}
