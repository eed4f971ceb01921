//! Address spaces against a model: random changes, compared page by page, and every frame given back at the end.

use std::collections::{BTreeMap, HashMap};

use proptest::prelude::*;

use super::area::{AreaFlags, Backing, Prot};
use super::frames::tests::TestSupply;
use super::mm::Outside;
use super::object::FilePages;
use super::ram::FrameNo;
use super::ram::tests::TestRam;
use super::{Advice, FaultOutcome, Forking, Frames, Mapping, Memory, Place, Remapping, Target};
use crate::addr::PAGE_SIZE;
use crate::cpu::core::SpaceId;
use crate::cpu::exit::Access;
use crate::errno::{Errno, Result};
use crate::fs::FileId;
use crate::time::Now;

/// Where the model's pages lie.
const BASE: u64 = 0x4000_0000;
const PAGES: u64 = 96;
const FILE_PAGES: u64 = 40;

/// One file of known content: page `i` begins with `1000 + i`.
#[derive(Default)]
struct TestFiles {
    pages: HashMap<u64, FrameNo>,
    references: i64,
}

impl FilePages for TestFiles {
    fn page(&mut self, _file: FileId, index: u64, frames: &mut Frames) -> Result<Option<FrameNo>> {
        if index >= FILE_PAGES {
            return Ok(None);
        }
        if let Some(frame) = self.pages.get(&index) {
            return Ok(Some(*frame));
        }
        let frame = frames.alloc(0).ok_or(Errno::ENOMEM)?;
        frames.ram().store(frame.offset(), 1000 + index);
        self.pages.insert(index, frame);
        Ok(Some(frame))
    }

    fn holds(&self, _file: FileId, index: u64, frame: Option<FrameNo>) -> bool {
        index < FILE_PAGES && frame.is_none_or(|frame| self.pages.get(&index) == Some(&frame))
    }

    fn stored(&mut self, _file: FileId, _now: Now) {}

    fn retain(&mut self, _file: FileId) {
        self.references += 1;
    }

    fn release(&mut self, _file: FileId) {
        self.references -= 1;
    }
}

struct World {
    test: TestRam,
    mem: Memory,
    files: TestFiles,
}

impl World {
    fn new(frames: u32) -> Self {
        let test = TestRam::new(frames);
        let supply = Box::new(TestSupply { next: 0, end: test.ram().len() });
        let mem = Memory::new(test.ram(), supply, test.ram().len());
        Self { test, mem, files: TestFiles::default() }
    }

    fn outside(files: &mut TestFiles) -> Outside<'_> {
        Outside { files, workers: &[], areas_max: 1000, now: Now::default() }
    }

    fn with<R>(&mut self, space: SpaceId, f: impl FnOnce(&mut super::Mm<'_>) -> R) -> R {
        let mut mm = self.mem.mm(space, Self::outside(&mut self.files)).unwrap();
        let result = f(&mut mm);
        while !mm.advance() {}
        result
    }

    fn access(&mut self, space: SpaceId, addr: u64, access: Access) -> Result<u64, (u8, i32)> {
        match self.mem.fault_in(space, addr, access, false, Self::outside(&mut self.files)) {
            FaultOutcome::Resolved => {
                let pte = self.mem.table(space).unwrap().walk(addr);
                Ok(pte.frame().unwrap().offset() + addr % PAGE_SIZE)
            }
            FaultOutcome::Signal(fault) => Err((fault.signal.number(), fault.code)),
            other => panic!("nobody else runs: {other:?}"),
        }
    }

    fn read(&mut self, space: SpaceId, addr: u64) -> Result<u64, (u8, i32)> {
        self.access(space, addr, Access::Read).map(|offset| self.test.ram().load(offset))
    }

    fn write(&mut self, space: SpaceId, addr: u64, value: u64) -> Result<(), (u8, i32)> {
        self.access(space, addr, Access::Write).map(|offset| self.test.ram().store(offset, value))
    }

    fn fork(&mut self, space: SpaceId) -> SpaceId {
        let mut begun = false;
        loop {
            match self.mem.fork_step(space, &mut begun, Self::outside(&mut self.files)).unwrap() {
                Forking::Done(child) => return child,
                Forking::NotYet(_) => {}
            }
        }
    }

    fn end(mut self, spaces: impl IntoIterator<Item = SpaceId>) {
        spaces.into_iter().for_each(|space| self.mem.release_space(space));
        while self.mem.release_step(Self::outside(&mut self.files)) {}
        assert_eq!(self.files.references, 0, "every reference to the file was given back");
        assert!(self.mem.objects.is_empty(), "so was every reference to shared memory");
        self.files.pages.drain().for_each(|(_, frame)| assert!(self.mem.frames.release(frame)));
        let image = std::mem::take(&mut self.mem.image);
        image.vdso.into_iter().chain(image.vvar).for_each(|frame| assert!(self.mem.frames.release(frame)));
        assert_eq!(self.mem.frames.usage().used, 0, "every frame is free");
    }
}

/// What the model knows of a page.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Page {
    prot: Prot,
    origin: Origin,
    /// The private content, if it differs from the origin's.
    value: Option<u64>,
    wiped: bool,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Origin {
    Zeroes,
    Object { serial: u64, page: u64 },
    File { page: u64, shared: bool },
}

#[derive(Clone, Default)]
struct Model {
    pages: BTreeMap<u64, Page>,
}

/// Contents that several spaces see.
#[derive(Default)]
struct Common {
    objects: HashMap<(u64, u64), u64>,
    file: HashMap<u64, u64>,
    serial: u64,
}

impl Common {
    fn read(&self, page: &Page) -> Result<u64, (u8, i32)> {
        if let Some(value) = page.value {
            return Ok(value);
        }
        match page.origin {
            Origin::Zeroes => Ok(0),
            Origin::Object { serial, page } => Ok(self.objects.get(&(serial, page)).copied().unwrap_or(0)),
            Origin::File { page, .. } if page >= FILE_PAGES => Err((7, 2)),
            Origin::File { page, .. } => Ok(self.file.get(&page).copied().unwrap_or(1000 + page)),
        }
    }

    fn write(&mut self, page: &mut Page, value: u64) -> Result<(), (u8, i32)> {
        self.read(page)?;
        match page.origin {
            Origin::Object { serial, page } => {
                self.objects.insert((serial, page), value);
            }
            Origin::File { page, shared: true } => {
                self.file.insert(page, value);
            }
            Origin::Zeroes | Origin::File { .. } => page.value = Some(value),
        }
        Ok(())
    }
}

#[derive(Clone, Debug)]
enum Op {
    Map { at: u64, len: u64, prot: u32, kind: u8, offset: u64 },
    Unmap { at: u64, len: u64 },
    Protect { at: u64, len: u64, prot: u32 },
    Move { at: u64, len: u64, to: u64, new_len: u64 },
    Drop { at: u64, len: u64 },
    WipeOnFork { at: u64, len: u64 },
    Write { at: u64, value: u64 },
    Read { at: u64 },
    Fork,
    End,
}

fn op() -> impl Strategy<Value = (usize, Op)> {
    let (at, len) = (0..PAGES, 1..24u64);
    let ops = prop_oneof![
        4 => (at.clone(), len.clone(), 0..8u32, 0..4u8, 0..FILE_PAGES)
            .prop_map(|(at, len, prot, kind, offset)| Op::Map { at, len, prot, kind, offset }),
        2 => (at.clone(), len.clone()).prop_map(|(at, len)| Op::Unmap { at, len }),
        3 => (at.clone(), len.clone(), 0..8u32).prop_map(|(at, len, prot)| Op::Protect { at, len, prot }),
        2 => (at.clone(), len.clone(), at.clone(), len.clone())
            .prop_map(|(at, len, to, new_len)| Op::Move { at, len, to, new_len }),
        1 => (at.clone(), len.clone()).prop_map(|(at, len)| Op::Drop { at, len }),
        1 => (at.clone(), len).prop_map(|(at, len)| Op::WipeOnFork { at, len }),
        12 => (at.clone(), 1..u64::MAX).prop_map(|(at, value)| Op::Write { at, value }),
        6 => at.prop_map(|at| Op::Read { at }),
        1 => Just(Op::Fork),
        1 => Just(Op::End),
    ];
    (0..4usize, ops)
}

fn addr(page: u64) -> u64 {
    BASE + page * PAGE_SIZE
}

fn wrong(page: Option<&Page>, access: Access) -> Option<(u8, i32)> {
    match page {
        None => Some((11, 1)),
        Some(page) if !page.prot.permits(access) => Some((11, 2)),
        Some(_) => None,
    }
}

fn run(ops: Vec<(usize, Op)>) {
    let mut world = World::new(2048);
    let mut common = Common::default();
    let first = world.mem.create_space(8 << 20).unwrap();
    let mut spaces = vec![(first, Model::default())];
    let fork_limit = 4;
    for (which, op) in ops {
        let count = spaces.len();
        let index = which % count;
        let (space, ref mut model) = spaces[index];
        match op {
            Op::Map { at, len, prot, kind, offset } => {
                let prot = Prot::from_bits(prot);
                let (backing, origin): (_, Box<dyn Fn(u64) -> Origin>) = match kind {
                    0 => (Backing::Anonymous, Box::new(|_| Origin::Zeroes)),
                    1 => {
                        common.serial += 1;
                        let (object, serial) = (world.mem.objects.create(), common.serial);
                        let origin = move |page| Origin::Object { serial, page };
                        (Backing::Shared { object, page: 0 }, Box::new(origin))
                    }
                    _ => {
                        let shared = kind == 3;
                        world.files.references += 1;
                        let origin = move |page| Origin::File { page: offset + page, shared };
                        (Backing::File { file: FileId(1), page: offset, shared }, Box::new(origin))
                    }
                };
                let mapping = Mapping {
                    place: Place::Fixed(addr(at)),
                    len: len * PAGE_SIZE,
                    prot,
                    flags: AreaFlags::EMPTY,
                    backing,
                    // Populating a private file mapping would copy pages at once, which may or may not show later.
                    populate: offset % 8 == 0 && kind < 2,
                };
                assert_eq!(world.with(space, |mm| mm.map(mapping)), Ok(addr(at)));
                for page in 0..len {
                    let new = Page { prot, origin: origin(page), value: None, wiped: false };
                    model.pages.insert(at + page, new);
                }
            }
            Op::Unmap { at, len } => {
                world.with(space, |mm| mm.unmap(addr(at)..addr(at + len))).unwrap();
                (at..at + len).for_each(|page| {
                    model.pages.remove(&page);
                });
            }
            Op::Protect { at, len, prot } => {
                let prot = Prot::from_bits(prot);
                let mapped = (at..at + len).take_while(|page| model.pages.contains_key(page)).count() as u64;
                let expected = if mapped == len { Ok(()) } else { Err(Errno::ENOMEM) };
                assert_eq!(world.with(space, |mm| mm.protect(addr(at)..addr(at + len), prot)), expected);
                (at..at + mapped).for_each(|page| model.pages.get_mut(&page).unwrap().prot = prot);
            }
            Op::Move { at, len, to, new_len } => {
                let remapping = Remapping {
                    old: addr(at),
                    old_len: len * PAGE_SIZE,
                    new_len: new_len * PAGE_SIZE,
                    target: Target::Fixed(addr(to)),
                    keep_old: false,
                };
                let result = world.with(space, |mm| mm.remap(remapping));
                if at < to + new_len && to < at + len {
                    assert!(result.is_err());
                } else if result == Ok(addr(to)) {
                    let old: Vec<_> = (at..at + len).map(|page| model.pages.remove(&page).unwrap()).collect();
                    (to..to + new_len).for_each(|page| {
                        model.pages.remove(&page);
                    });
                    let whole = |first: &Page, page: u64| match first.origin {
                        Origin::Zeroes => Origin::Zeroes,
                        Origin::Object { serial, page: start } => {
                            Origin::Object { serial, page: start + page }
                        }
                        Origin::File { page: start, shared } => Origin::File { page: start + page, shared },
                    };
                    for page in 0..new_len {
                        let fresh = Page { value: None, origin: whole(&old[0], page), ..old[0] };
                        let moved = old.get(page as usize).copied().unwrap_or(fresh);
                        model.pages.insert(to + page, moved);
                    }
                } else {
                    assert_eq!(result, Err(Errno::EFAULT));
                }
            }
            Op::Drop { at, len } => {
                let mapped = (at..at + len).filter(|page| model.pages.contains_key(page)).count() as u64;
                let expected = if mapped == len { Ok(()) } else { Err(Errno::ENOMEM) };
                let range = addr(at)..addr(at + len);
                assert_eq!(world.with(space, |mm| mm.advise(range, Advice::Drop)), expected);
                model.pages.range_mut(at..at + len).for_each(|(_, page)| page.value = None);
            }
            Op::WipeOnFork { at, len } => {
                let advice = Advice::Flags { set: AreaFlags::WIPE_ON_FORK, unset: AreaFlags::EMPTY };
                let result = world.with(space, |mm| mm.advise(addr(at)..addr(at + len), advice));
                if result != Err(Errno::EINVAL) {
                    model.pages.range_mut(at..at + len).for_each(|(_, page)| page.wiped = true);
                }
            }
            Op::Write { at, value } => {
                let expected = match wrong(model.pages.get(&at), Access::Write) {
                    Some(signal) => Err(signal),
                    None => common.write(model.pages.get_mut(&at).unwrap(), value),
                };
                assert_eq!(world.write(space, addr(at), value), expected, "page {at}");
            }
            Op::Read { at } => {
                let expected = match wrong(model.pages.get(&at), Access::Read) {
                    Some(signal) => Err(signal),
                    None => common.read(&model.pages[&at]),
                };
                assert_eq!(world.read(space, addr(at)), expected, "page {at}");
            }
            Op::Fork if count < fork_limit => {
                let mut child = model.clone();
                let wiped = child.pages.values_mut().filter(|page| page.wiped);
                wiped.for_each(|page| page.value = None);
                spaces.push((world.fork(space), child));
            }
            Op::End if count > 1 => {
                world.mem.release_space(spaces.swap_remove(index).0);
                world.mem.release_step(World::outside(&mut world.files));
            }
            Op::Fork | Op::End => {}
        }
    }
    for (space, model) in &spaces {
        for page in 0..PAGES + 24 {
            let expected = match wrong(model.pages.get(&page), Access::Read) {
                Some(signal) => Err(signal),
                None => common.read(&model.pages[&page]),
            };
            assert_eq!(world.read(*space, addr(page)), expected, "page {page}");
        }
        let mapped = model.pages.len() as u64 * PAGE_SIZE;
        world.with(*space, |mm| assert_eq!(mm.space().areas().total(), mapped));
    }
    world.end(spaces.into_iter().map(|(space, _)| space));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn spaces_agree_with_a_map_of_pages(ops in proptest::collection::vec(op(), 1..120)) {
        run(ops);
    }
}
