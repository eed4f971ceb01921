//! Where decoded code is kept: a table that all workers share, and each worker's look-up per address space.
//!
//! Owns: finding the [`CodePage`] for a guest address, and knowing that it still is what the frame holds. Does not own:
//! decoding, or when to look again; the owner ([`super::core`]) calls [`CodeCache::invalidate`].
//!
//! Nothing tracks writes to code. A page keeps the bytes it was decoded from, and is compared with the frame before its
//! first use and again after every invalidation (`fence.i`, or a changed address space). That is exactly as
//! fresh as RISC-V demands, and makes a frame that was given to someone else harmless.

use super::block::{CodePage, Isolated, Slot};
use super::decode::is_wide;
use super::exit::{Access, Exit};
use super::hart::Hart;
use crate::mem::page_table::{PageTable, Pte};
use crate::mem::ram::{FRAME_SHIFT, FRAME_SIZE, FrameNo, GuestRam};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

/// Locks of the shared table, to keep workers from meeting.
const SHARDS: usize = 16;

/// Decoded pages that the shared table keeps, over all shards. Each has about 36 KiB, and more with bodies.
pub const SHARED_PAGES_MAX: usize = 2048;

/// Pages of an address space that a worker finds without a lock. Their decoded pages stay alive.
const LOCAL_PAGES: usize = 512;

/// Isolated instructions that a worker keeps for an address space.
const LOCAL_ISOLATED: usize = 64;

/// Decoded code, by frame, for all workers. Bounded; the oldest page of a shard makes way.
pub struct CodeTable {
    shards: [Mutex<Shard>; SHARDS],
}

#[derive(Default)]
struct Shard {
    pages: HashMap<FrameNo, Arc<CodePage>>,
    order: VecDeque<FrameNo>,
}

impl Default for CodeTable {
    fn default() -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::default()) }
    }
}

impl CodeTable {
    /// An empty table.
    pub fn new() -> Self {
        Self::default()
    }

    /// A decode of what the frame holds now.
    fn page(&self, ram: GuestRam, frame: FrameNo) -> Arc<CodePage> {
        let shard = &self.shards[frame.get() as usize % SHARDS];
        // A panic elsewhere cannot leave a shard half changed, so poisoning tells nothing here.
        let lock = || shard.lock().unwrap_or_else(PoisonError::into_inner);
        let cached = lock().pages.get(&frame).cloned();
        if let Some(page) = cached.filter(|page| ram.equals(frame.offset(), page.source())) {
            return page;
        }
        let mut source = Box::new([0; FRAME_SIZE as usize]);
        ram.read_bytes(frame.offset(), &mut source[..]);
        let page = Arc::new(CodePage::build(source));
        let mut shard = lock();
        if shard.pages.insert(frame, Arc::clone(&page)).is_none() {
            shard.order.push_back(frame);
            if shard.order.len() > SHARED_PAGES_MAX / SHARDS
                && let Some(oldest) = shard.order.pop_front()
            {
                shard.pages.remove(&oldest);
            }
        }
        page
    }
}

/// A page that execution may jump to at once.
#[derive(Clone, Copy)]
pub(super) struct HotPage {
    /// The guest page's address, or [`HotPage::NONE`].
    va: u64,
    slots: *const Slot,
}

impl HotPage {
    /// Not a page address.
    const NONE: u64 = 1;
    const EMPTY: Self = Self { va: Self::NONE, slots: std::ptr::null() };

    /// The page's slots, if this is the page at `va`.
    #[inline(always)]
    pub(super) fn slots(&self, va: u64) -> Option<*const Slot> {
        if self.va == va { Some(self.slots) } else { None }
    }
}

/// The pages that a worker may jump to without asking, direct-mapped by page number.
pub(super) type HotPages = [HotPage; LOCAL_PAGES];

/// Index in [`HotPages`] of an address's page.
#[inline(always)]
pub(super) fn hot_index(va: u64) -> usize {
    (va >> FRAME_SHIFT) as usize % LOCAL_PAGES
}

/// A worker's decoded code for one address space.
pub(super) struct CodeCache {
    pub(super) hot: Box<HotPages>,
    /// What keeps `hot`'s pointers alive, and pages that must be compared before they are hot again.
    held: Box<[Option<Held>]>,
    isolated: Box<[(u64, Isolated)]>,
}

struct Held {
    va: u64,
    frame: FrameNo,
    page: Arc<CodePage>,
}

// SAFETY: the pointers in `hot` point into pages that `held` keeps alive and that never change.
unsafe impl Send for CodeCache {}

impl CodeCache {
    pub(super) fn new() -> Self {
        Self {
            hot: Box::new([HotPage::EMPTY; LOCAL_PAGES]),
            held: std::iter::repeat_with(|| None).take(LOCAL_PAGES).collect(),
            isolated: vec![(HotPage::NONE, Isolated::build(0)); LOCAL_ISOLATED].into_boxed_slice(),
        }
    }

    /// Trusts no page any more until it has been compared with its frame again.
    pub(super) fn invalidate(&mut self) {
        self.hot.fill(HotPage::EMPTY);
        self.isolated.iter_mut().for_each(|(va, _)| *va = HotPage::NONE);
    }

    /// Forgets everything, for another address space.
    pub(super) fn clear(&mut self) {
        self.invalidate();
        self.held.fill_with(|| None);
    }

    /// The slots of the page at `va`, which stay valid until the next call of a method that takes `&mut self`
    /// with another page of the same index.
    ///
    /// # Errors
    ///
    /// [`Exit::PageFault`] at `pc` when the page may not be executed.
    pub(super) fn slots(
        &mut self,
        shared: &CodeTable,
        ram: GuestRam,
        table: &PageTable,
        pc: u64,
    ) -> Result<*const Slot, Exit> {
        let va = pc & !(FRAME_SIZE - 1);
        let index = hot_index(va);
        if let Some(slots) = self.hot[index].slots(va) {
            return Ok(slots);
        }
        let frame = executable_frame(table, pc)?;
        let held = match &mut self.held[index] {
            Some(held)
                if held.va == va && held.frame == frame && ram.equals(frame.offset(), held.page.source()) =>
            {
                held
            }
            place => place.insert(Held { va, frame, page: shared.page(ram, frame) }),
        };
        self.hot[index] = HotPage { va, slots: held.page.slots() };
        Ok(held.page.slots())
    }

    /// Finishes what execution left half-way at a slot of a body: see [`CodePage::leave_body`].
    pub(super) fn leave_body(&self, origin: u64, slot: usize, hart: &mut Hart) -> Option<(u64, u64)> {
        let held = self.held[hot_index(origin)].as_ref().filter(|held| held.va == origin)?;
        held.page.leave_body(slot, &mut hart.regs)
    }

    /// The instruction at `pc` alone. The slots stay valid until the next call of a method that takes `&mut self`.
    ///
    /// # Errors
    ///
    /// [`Exit::PageFault`] when it may not be executed; for one on two pages, at the page that forbids it.
    pub(super) fn isolated(
        &mut self,
        ram: GuestRam,
        table: &PageTable,
        pc: u64,
    ) -> Result<*const Slot, Exit> {
        let (va, isolated) = &mut self.isolated[(pc >> 1) as usize % LOCAL_ISOLATED];
        if *va != pc {
            *isolated = Isolated::build(fetch(ram, table, pc)?);
            *va = pc;
        }
        Ok(isolated.slots())
    }
}

/// The two or four bytes of the instruction at `pc`.
///
/// # Errors
///
/// [`Exit::PageFault`] as for [`CodeCache::isolated`].
pub(super) fn fetch(ram: GuestRam, table: &PageTable, pc: u64) -> Result<u32, Exit> {
    let halfword = |at: u64| -> Result<u16, Exit> {
        Ok(ram.load(executable_frame(table, at)?.offset() + at % FRAME_SIZE))
    };
    let low = halfword(pc)?;
    let high = if is_wide(low) { halfword(pc.wrapping_add(2))? } else { 0 };
    Ok(u32::from(low) | u32::from(high) << 16)
}

/// The frame of the page at `va`, if it may be executed.
fn executable_frame(table: &PageTable, va: u64) -> Result<FrameNo, Exit> {
    let pte = table.walk(va);
    let fault = Exit::PageFault { addr: va, access: Access::Execute };
    pte.frame().filter(|_| pte.allows(Pte::EXECUTE)).ok_or(fault)
}
