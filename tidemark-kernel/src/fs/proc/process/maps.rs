//! What a process has mapped: `maps`, `smaps`, `smaps_rollup`, `pagemap`, and its memory itself (`proc_pid_maps(5)` and
//! its neighbours).

use super::super::text::Rest;
use super::super::{Owner, check_inside};
use super::{Memory, space};
use crate::addr::{GuestAddr, PAGE_SIZE};
use crate::errno::{Errno, Result};
use crate::fs::node::Location;
use crate::limits::STEP_PAGES;
use crate::mem::area::{Area, AreaFlags, Backing, KernelPages, Prot};
use crate::mem::page_table::{Pte, VA_END};
use crate::ptrace::Poked;
use crate::system::System;
use crate::task::{Capabilities, Pid, Tid};

/// Areas that one part of `maps` tells of.
const PART: usize = 16;

/// What a part of a text is, and where the next goes on.
type Part = (Vec<u8>, Option<Rest>);

pub(super) fn maps(sys: &System, pid: Pid, root: Location, from: Rest) -> Part {
    let Some(space) = space(sys, pid) else { return (Vec::new(), None) };
    let mut text = Vec::new();
    for (number, area) in space.areas().overlapping(from.from..u64::MAX).enumerate() {
        if number == PART {
            return (text, Some(Rest { from: area.start, ..from }));
        }
        header(sys, root, area, &mut text);
    }
    (text, None)
}

/// An area's line in `maps`.
fn header(sys: &System, root: Location, area: &Area, text: &mut Vec<u8>) {
    /// Where the name begins in a line (`show_map_vma` in Linux).
    const NAME_COLUMN: usize = 73;
    let flag = |prot, letter| if area.prot.contains(prot) { letter } else { '-' };
    let (offset, dev, ino, name) = match area.backing {
        Backing::File { file, page, .. } => {
            let at = sys.fs.file(file).map(|file| file.at).ok();
            let ino = at.and_then(|at| sys.fs.attr(at).ok()).map_or(0, |attr| attr.ino);
            let dev = at.map_or(0, |at| sys.fs.dev_minor(at));
            let path = at.and_then(|at| sys.fs.shown_path(root, at).ok()).unwrap_or_default();
            (page * PAGE_SIZE, dev, ino, escaped(&path))
        }
        Backing::Kernel { pages: KernelPages::Vdso, .. } => (0, 0, 0, b"[vdso]".to_vec()),
        Backing::Kernel { pages: KernelPages::Vvar, .. } => (0, 0, 0, b"[vvar]".to_vec()),
        Backing::Shared { object, page } => match sys.segment_name(object) {
            Some((id, name)) => (page * PAGE_SIZE, 1, id, name),
            None => (page * PAGE_SIZE, 1, 1, b"/dev/zero (deleted)".to_vec()),
        },
        Backing::Anonymous if area.flags.contains(AreaFlags::HEAP) => (0, 0, 0, b"[heap]".to_vec()),
        Backing::Anonymous if area.flags.contains(AreaFlags::STACK) => (0, 0, 0, b"[stack]".to_vec()),
        Backing::Anonymous => (0, 0, 0, Vec::new()),
    };
    let line = format!(
        "{:08x}-{:08x} {}{}{}{} {offset:08x} {:02x}:{dev:02x} {ino} ",
        area.start,
        area.end,
        flag(Prot::READ, 'r'),
        flag(Prot::WRITE, 'w'),
        flag(Prot::EXEC, 'x'),
        if area.is_shared() { 's' } else { 'p' },
        0
    );
    text.extend_from_slice(line.as_bytes());
    if !name.is_empty() {
        text.extend(core::iter::repeat_n(b' ', NAME_COLUMN.saturating_sub(line.len())));
        text.extend_from_slice(&name);
    }
    text.push(b'\n');
}

/// A path whose newlines do not end the line.
fn escaped(path: &[u8]) -> Vec<u8> {
    path.iter()
        .flat_map(|byte| if *byte == b'\n' { &b"\\012"[..] } else { core::slice::from_ref(byte) })
        .copied()
        .collect()
}

/// What was counted of an area's pages, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(in super::super) struct Tally {
    resident: u64,
    /// Each page's share of those who map it.
    proportional: u64,
    /// As [`proportional`](Self::proportional), of pages that hold what was written.
    proportional_dirty: u64,
    shared_clean: u64,
    shared_dirty: u64,
    private_clean: u64,
    private_dirty: u64,
    anonymous: u64,
    locked: u64,
}

impl Tally {
    fn count(&mut self, sys: &System, area: &Area, pte: Pte) {
        let Some(frame) = pte.frame() else { return };
        let borrowed = pte.flags() & Pte::SOFT != 0;
        // A file's pages are its own besides.
        let own = u32::from(borrowed);
        let users = sys.mem.frames.references(frame).saturating_sub(own).max(1);
        let dirty = !borrowed || area.is_shared() && area.prot.contains(Prot::WRITE);
        let share = PAGE_SIZE / u64::from(users);
        self.resident += PAGE_SIZE;
        self.proportional += share;
        self.proportional_dirty += if dirty { share } else { 0 };
        *match (users > 1, dirty) {
            (true, true) => &mut self.shared_dirty,
            (true, false) => &mut self.shared_clean,
            (false, true) => &mut self.private_dirty,
            (false, false) => &mut self.private_clean,
        } += PAGE_SIZE;
        self.anonymous += if borrowed { 0 } else { PAGE_SIZE };
        self.locked += if area.flags.contains(AreaFlags::LOCKED) { share } else { 0 };
    }

    fn rows(&self, rollup: bool) -> String {
        let file = if rollup { self.proportional.saturating_sub(self.anonymous) } else { 0 };
        let rows: [(&str, u64, bool); 22] = [
            ("Rss", self.resident, true),
            ("Pss", self.proportional, true),
            ("Pss_Dirty", self.proportional_dirty, true),
            ("Pss_Anon", self.anonymous.min(self.proportional), rollup),
            ("Pss_File", file, rollup),
            ("Pss_Shmem", 0, rollup),
            ("Shared_Clean", self.shared_clean, true),
            ("Shared_Dirty", self.shared_dirty, true),
            ("Private_Clean", self.private_clean, true),
            ("Private_Dirty", self.private_dirty, true),
            ("Referenced", self.resident, true),
            ("Anonymous", self.anonymous, true),
            ("KSM", 0, true),
            ("LazyFree", 0, true),
            ("AnonHugePages", 0, true),
            ("ShmemPmdMapped", 0, true),
            ("FilePmdMapped", 0, true),
            ("Shared_Hugetlb", 0, true),
            ("Private_Hugetlb", 0, true),
            ("Swap", 0, true),
            ("SwapPss", 0, true),
            ("Locked", self.locked, true),
        ];
        rows.iter().filter(|row| row.2).map(|(name, bytes, _)| row(name, *bytes)).collect()
    }
}

fn row(name: &str, bytes: u64) -> String {
    let name = format!("{name}:");
    format!("{name:<15} {:>8} kB\n", bytes >> 10)
}

/// Counts an area's pages from an address on, as far as a step goes. Where it goes on, if it does.
fn count(sys: &System, area: &Area, pid: Pid, from: u64, budget: &mut u64, tally: &mut Tally) -> Option<u64> {
    let space = space(sys, pid)?;
    for leaf in space.shared().table.leaves(from.max(area.start)..area.end) {
        let mut page = leaf.range().start;
        while page < leaf.range().end {
            if *budget == 0 {
                return Some(page);
            }
            *budget -= 1;
            tally.count(sys, area, leaf.get(page));
            page += PAGE_SIZE;
        }
    }
    None
}

pub(super) fn smaps(sys: &System, pid: Pid, root: Location, from: Rest) -> Part {
    let Some(space) = space(sys, pid) else { return (Vec::new(), None) };
    let mut text = Vec::new();
    let mut budget = STEP_PAGES;
    let Rest { mut from, mut tally } = from;
    for (number, area) in space.areas().overlapping(from..u64::MAX).enumerate() {
        if number == PART || budget == 0 {
            return (text, Some(Rest { from: area.start.max(from), tally }));
        }
        if let Some(next) = count(sys, area, pid, from, &mut budget, &mut tally) {
            return (text, Some(Rest { from: next, tally }));
        }
        header(sys, root, area, &mut text);
        let page_kib = PAGE_SIZE >> 10;
        text.extend_from_slice(row("Size", area.len()).as_bytes());
        text.extend_from_slice(
            format!("KernelPageSize: {page_kib:>8} kB\nMMUPageSize:    {page_kib:>8} kB\n").as_bytes(),
        );
        text.extend_from_slice(core::mem::take(&mut tally).rows(false).as_bytes());
        text.extend_from_slice(format!("THPeligible:           0\nVmFlags: {}\n", vm_flags(area)).as_bytes());
        from = area.end;
    }
    (text, None)
}

/// The area's flags by their two letters (`proc_pid_smaps(5)`).
fn vm_flags(area: &Area) -> String {
    let has = |prot| area.prot.contains(prot);
    let flag = |flag| area.flags.contains(flag);
    let may_write = !flag(AreaFlags::NO_WRITE);
    [
        (has(Prot::READ), "rd "),
        (has(Prot::WRITE), "wr "),
        (has(Prot::EXEC), "ex "),
        (area.is_shared(), "sh "),
        (true, "mr "),
        (may_write, "mw "),
        (true, "me "),
        (area.is_shared() && may_write, "ms "),
        (flag(AreaFlags::GROWS_DOWN) || flag(AreaFlags::STACK), "gd "),
        (flag(AreaFlags::LOCKED), "lo "),
        (flag(AreaFlags::DONT_FORK), "dc "),
        (flag(AreaFlags::WIPE_ON_FORK), "wf "),
        (matches!(area.backing, Backing::Kernel { .. }), "de "),
        (matches!(area.backing, Backing::Anonymous), "ac "),
    ]
    .iter()
    .filter(|(set, _)| *set)
    .map(|(_, letters)| *letters)
    .collect()
}

pub(super) fn smaps_rollup(sys: &System, pid: Pid, from: Rest) -> Part {
    let Some(space) = space(sys, pid) else { return (Vec::new(), None) };
    let mut budget = STEP_PAGES;
    let Rest { from, mut tally } = from;
    for area in space.areas().overlapping(from..u64::MAX) {
        if budget == 0 {
            return (Vec::new(), Some(Rest { from: area.start.max(from), tally }));
        }
        budget = budget.saturating_sub(1);
        if let Some(next) = count(sys, area, pid, from, &mut budget, &mut tally) {
            return (Vec::new(), Some(Rest { from: next, tally }));
        }
    }
    let start = space.areas().iter().next().map_or(0, |area| area.start);
    let end = space.areas().iter().next_back().map_or(0, |area| area.end);
    let text = format!(
        "{start:08x}-{end:08x} ---p 00000000 00:00 0                          [rollup]\n{}",
        tally.rows(true)
    );
    (text.into_bytes(), None)
}

/// Bytes that one look at memory gives at the most.
const LOOK_BYTES: u64 = 4096;

/// What is read at an offset of `mem` or `pagemap`.
///
/// # Errors
/// `EIO` for memory that is not there; `EINVAL` for an offset within an entry; `EACCES`, `ESRCH`.
pub(in super::super) fn look_at_memory(
    sys: &mut System,
    owner: Owner,
    caller: Option<(Pid, Tid)>,
    which: Memory,
    position: u64,
) -> Result<Vec<u8>> {
    let process = sys.tasks.process(owner.pid).ok_or(Errno::ESRCH)?;
    check_inside(&sys.view(caller), process)?;
    let Some(space) = sys.mem.spaces.get(process.space) else { return Ok(Vec::new()) };
    match which {
        Memory::Itself => {
            let id = space.id();
            // Up to the page's end: the next one may not be there.
            let len = PAGE_SIZE - position % PAGE_SIZE;
            let mut bytes = vec![0; len.min(LOOK_BYTES) as usize];
            sys.peek(id, GuestAddr(position), &mut bytes)?;
            Ok(bytes)
        }
        Memory::Pages => {
            const ENTRY_BYTES: u64 = 8;
            if !position.is_multiple_of(ENTRY_BYTES) {
                return Err(Errno::EINVAL);
            }
            let first = position / ENTRY_BYTES;
            let end = (VA_END / PAGE_SIZE).min(first.saturating_add(LOOK_BYTES / ENTRY_BYTES));
            let shows_frames = caller.is_none_or(|(pid, _)| {
                sys.tasks.process(pid).is_some_and(|process| process.creds.can(Capabilities::SYS_ADMIN))
            });
            let entry =
                |page: u64| page_entry(sys, space.shared().table.walk(page * PAGE_SIZE), shows_frames);
            Ok((first..end).flat_map(|page| entry(page).to_le_bytes()).collect())
        }
    }
}

/// An entry of `pagemap` (`proc_pid_pagemap(5)`).
fn page_entry(sys: &System, pte: Pte, shows_frames: bool) -> u64 {
    const PRESENT: u64 = 1 << 63;
    const FILE: u64 = 1 << 61;
    const EXCLUSIVE: u64 = 1 << 56;
    let Some(frame) = pte.frame() else { return 0 };
    let borrowed = pte.flags() & Pte::SOFT != 0;
    let users = sys.mem.frames.references(frame).saturating_sub(borrowed.into());
    let number = if shows_frames { u64::from(frame.get()) } else { 0 };
    PRESENT | if borrowed { FILE } else { 0 } | if users <= 1 { EXCLUSIVE } else { 0 } | number
}

/// What is written at an offset of `mem`: how much of it was taken.
///
/// # Errors
/// `EIO` for memory that cannot be written, `EINVAL` for `pagemap`; `EACCES`, `ESRCH`.
pub(in super::super) fn change_memory(
    sys: &mut System,
    owner: Owner,
    caller: (Pid, Tid),
    which: Memory,
    position: u64,
    bytes: &[u8],
) -> Result<usize> {
    let process = sys.tasks.process(owner.pid).ok_or(Errno::ESRCH)?;
    check_inside(&sys.view(Some(caller)), process)?;
    if which == Memory::Pages {
        return Err(Errno::EINVAL);
    }
    let Some(id) = sys.mem.spaces.get(process.space).map(|space| space.id()) else { return Ok(0) };
    let part = &bytes[..bytes.len().min((PAGE_SIZE - position % PAGE_SIZE) as usize)];
    match sys.poke(id, GuestAddr(position), part)? {
        Poked::Done => Ok(part.len()),
        Poked::Again => Err(Errno::WALK_ON),
    }
}
