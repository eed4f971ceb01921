//! Memory mappings: `mmap(2)` and its family.
//!
//! Owns the meaning of raw arguments and the steps of longer changes; the changes themselves are `mem`'s.

use std::ops::Range;

use super::{Cx, Param, SysResult};
use crate::addr::{ADDRESS_LIMIT, GuestAddr, PAGE_SIZE, page_align_up};
use crate::errno::{Errno, Result};
use crate::fs::descriptors::Fd;
use crate::fs::io::Mapping as FileContent;
use crate::mem::area::{AreaFlags, Backing, Prot};
use crate::mem::{Advice, Mapping, Mm, Place, Remapping, Target};
use crate::wait::{Entry, Flow};

const PROT_MASK: u32 = 7;
const PROT_GROWSDOWN: u32 = 0x0100_0000;
const PROT_GROWSUP: u32 = 0x0200_0000;

const MAP_TYPE: u32 = 0xf;
const MAP_SHARED: u32 = 1;
const MAP_PRIVATE: u32 = 2;
const MAP_SHARED_VALIDATE: u32 = 3;
const MAP_FIXED: u32 = 0x10;
const MAP_ANONYMOUS: u32 = 0x20;
const MAP_GROWSDOWN: u32 = 0x100;
const MAP_LOCKED: u32 = 0x2000;
const MAP_POPULATE: u32 = 0x8000;
const MAP_NONBLOCK: u32 = 0x1_0000;
const MAP_HUGETLB: u32 = 0x4_0000;
const MAP_FIXED_NOREPLACE: u32 = 0x10_0000;
/// Every flag of `mmap(2)`; `MAP_SHARED_VALIDATE` refuses others.
const MAP_KNOWN: u32 = MAP_TYPE | 0x1f_ff30;
/// `MAP_SYNC`, which needs persistent memory.
const MAP_SYNC: u32 = 0x8_0000;

impl Cx<'_> {
    /// Runs a change of the caller's address space: begins it, and goes on with it step by step. `begin` answers the
    /// call's value; what it leaves to do is done before the call returns that.
    pub(super) fn change(&mut self, begin: impl FnOnce(&mut Mm<'_>) -> Result<u64>) -> SysResult {
        let space = self.space();
        let mut mm = self.sys.mm(space)?;
        if self.progress.state.is_none() {
            // Another thread's change goes on: help it along, then come back for the own one.
            if !mm.advance() {
                return Ok(mm.wait_flow());
            }
            mm.begin_change();
            let result = begin(&mut mm);
            if mm.is_idle() {
                return result.map(Flow::Done);
            }
            self.progress.state = Some(Box::new(Begun { result, change: mm.change_number() }));
            return Ok(mm.wait_flow());
        }
        let state = self.progress.state.as_ref().and_then(|state| state.downcast_ref::<Begun>());
        let Some(&Begun { result, change }) = state else { return Err(Errno::EINVAL) };
        // Once others' changes follow, the own one is done.
        if mm.change_number() == change && !mm.advance() {
            return Ok(mm.wait_flow());
        }
        result.map(Flow::Done)
    }
}

/// A change that goes on, and what the call answers when it is done.
struct Begun {
    result: Result<u64>,
    change: u64,
}

/// A page-aligned range of whole pages.
///
/// # Errors
/// `EINVAL` when the start is not page-aligned; `overflow` when the range leaves the address space.
fn page_range(start: GuestAddr, len: u64, overflow: Errno) -> Result<Range<u64>> {
    if !start.is_page_aligned() {
        return Err(Errno::EINVAL);
    }
    let end = page_align_up(len).and_then(|len| start.0.checked_add(len)).ok_or(overflow)?;
    Ok(start.0..end)
}

/// `mmap(2)`.
pub fn mmap(
    cx: &mut Cx<'_>,
    addr: GuestAddr,
    length: u64,
    prot: u32,
    flags: u32,
    fd: i32,
    offset: u64,
) -> SysResult {
    if cx.entry != Entry::First && cx.progress.state.is_some() {
        return cx.change(|_| Err(Errno::EINVAL));
    }
    if length == 0 || !offset.is_multiple_of(PAGE_SIZE) {
        return Err(Errno::EINVAL);
    }
    let len = page_align_up(length).filter(|len| *len <= ADDRESS_LIMIT).ok_or(Errno::ENOMEM)?;
    if offset.checked_add(len).is_none_or(|end| end > i64::MAX as u64) {
        return Err(Errno::EOVERFLOW);
    }
    let shared = match flags & MAP_TYPE {
        MAP_SHARED => true,
        MAP_PRIVATE => false,
        MAP_SHARED_VALIDATE if flags & !MAP_KNOWN != 0 || flags & MAP_SYNC != 0 => {
            return Err(Errno::EOPNOTSUPP);
        }
        MAP_SHARED_VALIDATE => true,
        _ => return Err(Errno::EINVAL),
    };
    // There are no huge pages to be had, as on a Linux whose pool is empty.
    if flags & MAP_HUGETLB != 0 && flags & MAP_ANONYMOUS != 0 {
        return Err(Errno::ENOMEM);
    }
    let place = match flags & (MAP_FIXED | MAP_FIXED_NOREPLACE) {
        0 if addr.is_null() => Place::Anywhere,
        0 => Place::Hint(addr.0),
        MAP_FIXED => Place::Fixed(addr.0),
        _ => Place::FixedFree(addr.0),
    };
    let rights = Prot::from_bits(prot & PROT_MASK);
    let mut area_flags = AreaFlags::EMPTY;
    if flags & MAP_GROWSDOWN != 0 {
        if shared || flags & MAP_ANONYMOUS == 0 {
            return Err(Errno::EINVAL);
        }
        area_flags = area_flags.with(AreaFlags::GROWS_DOWN);
    }
    if flags & MAP_LOCKED != 0 {
        super::mlock::check_may_lock(cx)?;
        area_flags = area_flags.with(AreaFlags::LOCKED);
    }
    super::mlock::check_new_lock(cx, len, flags & MAP_LOCKED != 0)?;
    let content = if flags & MAP_ANONYMOUS != 0 {
        Content::Zeroes
    } else {
        file_content(cx, fd, (offset, len), rights, shared, &mut area_flags)?
    };
    let populate = flags & MAP_LOCKED != 0 || flags & (MAP_POPULATE | MAP_NONBLOCK) == MAP_POPULATE;
    cx.change(|mm| {
        let backing = match content {
            Content::Zeroes if shared => mm.new_shared_backing(),
            Content::Zeroes => Backing::Anonymous,
            Content::File(file) => mm.file_backing(file, offset / PAGE_SIZE, shared),
        };
        mm.map_held(Mapping { place, len, prot: rights, flags: area_flags, backing, populate })
    })
}

/// What a mapping shows.
#[derive(Clone, Copy)]
enum Content {
    Zeroes,
    File(crate::fs::FileId),
}

/// What a mapping of a descriptor shows, if it may be mapped with these rights.
fn file_content(
    cx: &mut Cx<'_>,
    fd: i32,
    (offset, len): (u64, u64),
    rights: Prot,
    shared: bool,
    area_flags: &mut AreaFlags,
) -> Result<Content> {
    let fd = <Fd as Param>::decode(fd as u64, cx)?;
    let file = cx.file(fd)?;
    let content = cx.sys.fs.mapping_of(file);
    let (readable, writable) = cx.sys.fs.access_of(file)?;
    let stores = shared && rights.contains(Prot::WRITE);
    if !readable || (stores && !writable) {
        return Err(Errno::EACCES);
    }
    let sealed = cx.sys.fs.is_sealed_for_writing(file);
    if stores && sealed {
        return Err(Errno::EPERM);
    }
    if shared && (!writable || sealed) {
        *area_flags = area_flags.with(AreaFlags::NO_WRITE);
    }
    match content? {
        FileContent::Zeroes => Ok(Content::Zeroes),
        FileContent::Pages => {
            if cx.sys.fs.file(file)?.handle.is_some() {
                // What is stored would not reach the host.
                if stores {
                    return Err(Errno::ENODEV);
                }
                if shared {
                    *area_flags = area_flags.with(AreaFlags::NO_WRITE);
                }
                cx.sys.fs.fetch_to_map(file, offset, len)?;
            }
            let now = cx.now();
            cx.sys.fs.mapped(file, now);
            Ok(Content::File(file))
        }
    }
}

/// `munmap(2)`.
pub fn munmap(cx: &mut Cx<'_>, addr: GuestAddr, length: u64) -> SysResult {
    let range = page_range(addr, length, Errno::EINVAL)?;
    if range.is_empty() || range.end > ADDRESS_LIMIT {
        return Err(Errno::EINVAL);
    }
    cx.change(|mm| mm.unmap(range).map(|()| 0))
}

/// `mprotect(2)`.
pub fn mprotect(cx: &mut Cx<'_>, addr: GuestAddr, len: u64, prot: u32) -> SysResult {
    let grows = prot & (PROT_GROWSDOWN | PROT_GROWSUP);
    if prot & !(PROT_MASK | PROT_GROWSDOWN | PROT_GROWSUP) != 0 || grows == PROT_GROWSDOWN | PROT_GROWSUP {
        return Err(Errno::EINVAL);
    }
    let range = page_range(addr, len, Errno::ENOMEM)?;
    if range.is_empty() {
        return Ok(Flow::Done(0));
    }
    cx.change(|mm| {
        let start = match grows {
            0 => range.start,
            PROT_GROWSDOWN => {
                let area = mm.space().areas().find(range.start).ok_or(Errno::ENOMEM)?;
                let growing = area.flags.contains(AreaFlags::GROWS_DOWN);
                if growing { area.start } else { return Err(Errno::EINVAL) }
            }
            _ => return Err(Errno::EINVAL),
        };
        mm.protect(start..range.end, Prot::from_bits(prot & PROT_MASK)).map(|()| 0)
    })
}

/// `brk(2)`, the system call: answers the break, moved or not.
pub fn brk(cx: &mut Cx<'_>, addr: GuestAddr) -> SysResult {
    cx.change(|mm| Ok(mm.set_break(addr.0)))
}

/// `mremap(2)`.
pub fn mremap(
    cx: &mut Cx<'_>,
    old_address: GuestAddr,
    old_size: u64,
    new_size: u64,
    flags: u32,
    new_address: GuestAddr,
) -> SysResult {
    const MAYMOVE: u32 = 1;
    const FIXED: u32 = 2;
    const DONTUNMAP: u32 = 4;
    let consistent = flags & !(MAYMOVE | FIXED | DONTUNMAP) == 0
        && (flags & (FIXED | DONTUNMAP) == 0 || flags & MAYMOVE != 0)
        && (flags & DONTUNMAP == 0 || old_size == new_size);
    let lens = page_align_up(old_size).zip(page_align_up(new_size));
    let (old_len, new_len) = lens.ok_or(Errno::EINVAL)?;
    if !consistent || !old_address.is_page_aligned() || new_len == 0 {
        return Err(Errno::EINVAL);
    }
    let target = match flags & (MAYMOVE | FIXED) {
        0 => Target::InPlace,
        MAYMOVE => Target::Anywhere,
        _ => Target::Fixed(new_address.0),
    };
    let keep_old = flags & DONTUNMAP != 0;
    if new_len > old_len {
        super::mlock::check_growth(cx, old_address.0, new_len - old_len)?;
    }
    cx.change(|mm| {
        if keep_old && !mm.can_keep_old(old_address.0) {
            return Err(Errno::EINVAL);
        }
        mm.remap(Remapping { old: old_address.0, old_len, new_len, target, keep_old })
    })
}

/// `madvise(2)`.
pub fn madvise(cx: &mut Cx<'_>, addr: GuestAddr, length: u64, advice: i32) -> SysResult {
    let flags = |set, unset| Advice::Flags { set, unset };
    let advice = match advice {
        // NORMAL, RANDOM, SEQUENTIAL, WILLNEED, (NO)HUGEPAGE, DONTDUMP, DODUMP, COLD, PAGEOUT: no effect to be seen.
        0..=3 | 14..=17 | 20 | 21 => Advice::None,
        4 | 24 => Advice::Drop,
        8 => Advice::Free,
        9 => return Err(Errno::EOPNOTSUPP),
        10 => flags(AreaFlags::DONT_FORK, AreaFlags::EMPTY),
        11 => flags(AreaFlags::EMPTY, AreaFlags::DONT_FORK),
        18 => flags(AreaFlags::WIPE_ON_FORK, AreaFlags::EMPTY),
        19 => flags(AreaFlags::EMPTY, AreaFlags::WIPE_ON_FORK),
        22 | 23 => Advice::Populate,
        _ => return Err(Errno::EINVAL),
    };
    let range = page_range(addr, length, Errno::EINVAL)?;
    if range.is_empty() {
        return Ok(Flow::Done(0));
    }
    cx.change(|mm| mm.advise(range, advice).map(|()| 0))
}

/// Pages that one step of `mincore` tells of.
const RESIDENCY_STEP: u64 = 4096;

/// `mincore(2)`.
pub fn mincore(cx: &mut Cx<'_>, addr: GuestAddr, length: u64, vec: GuestAddr) -> SysResult {
    let range = page_range(addr, length, Errno::ENOMEM)?;
    if range.end > ADDRESS_LIMIT {
        return Err(Errno::ENOMEM);
    }
    let pages = (range.end - range.start) / PAGE_SIZE;
    let step = (pages - cx.progress.done.min(pages)).min(RESIDENCY_STEP);
    let from = range.start + cx.progress.done * PAGE_SIZE;
    let space = cx.space();
    let resident = cx.sys.mm(space)?.residency(from..from + step * PAGE_SIZE)?;
    cx.write_user(vec.add(cx.progress.done)?, &resident)?;
    cx.progress.done += step;
    Ok(if cx.progress.done < pages { Flow::Again } else { Flow::Done(0) })
}

/// `msync(2)`. What is stored to a shared mapping is in the file at once.
pub fn msync(cx: &mut Cx<'_>, addr: GuestAddr, length: u64, flags: i32) -> SysResult {
    const ASYNC: i32 = 1;
    const INVALIDATE: i32 = 2;
    const SYNC: i32 = 4;
    if flags & !(ASYNC | INVALIDATE | SYNC) != 0 || flags & (ASYNC | SYNC) == ASYNC | SYNC {
        return Err(Errno::EINVAL);
    }
    let range = page_range(addr, length, Errno::ENOMEM)?;
    let space = cx.space();
    let mm = cx.sys.mm(space)?;
    if flags & INVALIDATE != 0 {
        let mut areas = mm.space().areas().overlapping(range.clone());
        if areas.any(|area| area.flags.contains(AreaFlags::LOCKED)) {
            return Err(Errno::EBUSY);
        }
    }
    if mm.space().areas().covers(range) { Ok(Flow::Done(0)) } else { Err(Errno::ENOMEM) }
}

/// `membarrier(2)`.
pub fn membarrier(cx: &mut Cx<'_>, command: i32, flags: u32, _cpu: i32) -> SysResult {
    const GLOBAL: i32 = 1;
    const GLOBAL_EXPEDITED: i32 = 1 << 1;
    const REGISTER_GLOBAL: i32 = 1 << 2;
    const PRIVATE: i32 = 1 << 3;
    const REGISTER_PRIVATE: i32 = 1 << 4;
    const PRIVATE_SYNC_CORE: i32 = 1 << 5;
    const REGISTER_SYNC_CORE: i32 = 1 << 6;
    const GET_REGISTRATIONS: i32 = 1 << 9;
    const ALL: i32 = ((1 << 7) - 1) | GET_REGISTRATIONS;
    if flags != 0 {
        return Err(Errno::EINVAL);
    }
    let space = cx.space();
    match command {
        0 => Ok(Flow::Done(ALL as u64)),
        REGISTER_GLOBAL | REGISTER_PRIVATE | REGISTER_SYNC_CORE => {
            cx.sys.mm(space)?.space_mut().register_barriers(command as u32);
            Ok(Flow::Done(0))
        }
        GET_REGISTRATIONS => Ok(Flow::Done(cx.sys.mm(space)?.space().registered_barriers().into())),
        PRIVATE | PRIVATE_SYNC_CORE
            if cx.sys.mm(space)?.space().registered_barriers() & (command << 1) as u32 == 0 =>
        {
            Err(Errno::EPERM)
        }
        // The call returns when every worker that runs the space has started from a new generation, which orders its
        // memory accesses before and after. A hart of another space is ordered by taking the lock.
        GLOBAL | GLOBAL_EXPEDITED | PRIVATE => {
            cx.sys.mm(space)?.start_generation();
            Ok(Flow::Done(0))
        }
        PRIVATE_SYNC_CORE => {
            cx.sys.mm(space)?.flush_instructions();
            Ok(Flow::Done(0))
        }
        _ => Err(Errno::EINVAL),
    }
}

/// `riscv_flush_icache` (the kernel's `arch/riscv/kernel/sys_riscv.c`).
pub fn riscv_flush_icache(cx: &mut Cx<'_>, _start: GuestAddr, _end: GuestAddr, flags: u64) -> SysResult {
    const LOCAL: u64 = 1;
    if flags & !LOCAL != 0 {
        return Err(Errno::EINVAL);
    }
    let space = cx.space();
    // Local too is done everywhere, as the thread may run on another worker next.
    cx.sys.mm(space)?.flush_instructions();
    Ok(Flow::Done(0))
}
