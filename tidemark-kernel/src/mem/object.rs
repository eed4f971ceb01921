//! What mappings refer to: anonymous memory that several address spaces share, and files seen from here.
//!
//! Owns the pages of shared anonymous mappings and the counting of references that areas hold.

use std::collections::VecDeque;

use super::Memory;
use super::area::Backing;
use super::frames::Frames;
use super::ram::FrameNo;
use crate::errno::{Errno, Result};
use crate::fs::FileId;
use crate::fs::tree::pages::PageMap;
use crate::task::Pid;
use crate::time::Now;

/// Pages of objects that are gone that one step frees.
const FREE_PAGES: u64 = 256;

/// What memory asks of the file side.
pub trait FilePages {
    /// The frame that holds page `index` of a file, brought in if need be; `None` past the file's last page. The
    /// frame's reference stays with the file.
    ///
    /// # Errors
    /// `EIO` when it cannot be read, `ENOMEM` or `ENOSPC` without a frame.
    fn page(&mut self, file: FileId, index: u64, frames: &mut Frames) -> Result<Option<FrameNo>>;

    /// Whether page `index` is within a file and, where a frame is named, held in that frame.
    fn holds(&self, file: FileId, index: u64, frame: Option<FrameNo>) -> bool;

    /// A page of a file was mapped because something is stored to it.
    fn stored(&mut self, file: FileId, now: Now);

    /// One more area that maps an open file.
    fn retain(&mut self, file: FileId);

    /// One area less.
    fn release(&mut self, file: FileId);
}

/// A shared anonymous mapping's memory, by its place in the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ObjectId(u32);

/// The memory of all shared anonymous mappings.
#[derive(Default, Debug)]
pub struct Objects {
    slots: Vec<Option<Object>>,
    free: Vec<u32>,
    /// Pages of objects that are gone, to be freed in steps.
    doomed: Vec<PageMap>,
    /// Segments that were detached, for their owner to take note of.
    detached: VecDeque<SegmentEvent>,
}

#[derive(Debug)]
struct Object {
    /// Areas that map it, and the segment that it is the memory of.
    references: u32,
    pages: PageMap,
    segment: Option<SegmentLink>,
}

/// The System V segment that an object is the memory of.
#[derive(Clone, Copy, Debug)]
struct SegmentLink {
    id: i32,
    /// Whole pages it has: there is nothing behind them.
    pages: u64,
}

/// An area that showed a segment is gone: it was detached once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct SegmentEvent {
    /// The segment's id.
    pub(crate) id: i32,
    /// The process that ended with that, or went on to another program.
    pub(crate) by: Option<Pid>,
}

impl Objects {
    /// A new object with one reference.
    pub(super) fn create(&mut self) -> ObjectId {
        self.insert(None)
    }

    fn insert(&mut self, segment: Option<SegmentLink>) -> ObjectId {
        let object = Some(Object { references: 1, pages: PageMap::default(), segment });
        match self.free.pop() {
            Some(slot) => {
                self.slots[slot as usize] = object;
                ObjectId(slot)
            }
            None => {
                self.slots.push(object);
                ObjectId(self.slots.len() as u32 - 1)
            }
        }
    }

    /// The frame of a page, made of zeroes if it is not there; `None` past the end. The reference stays here.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub(super) fn page(&mut self, id: ObjectId, index: u64, frames: &mut Frames) -> Result<Option<FrameNo>> {
        let object = self.object(id);
        if object.segment.is_some_and(|segment| index >= segment.pages) {
            return Ok(None);
        }
        if let Some(frame) = object.pages.get(index) {
            return Ok(Some(frame));
        }
        let frame = frames.alloc(0).ok_or(Errno::ENOMEM)?;
        object.pages.insert(index, frame);
        Ok(Some(frame))
    }

    fn get(&self, id: ObjectId) -> Option<&Object> {
        self.slots.get(id.0 as usize)?.as_ref()
    }

    fn object(&mut self, id: ObjectId) -> &mut Object {
        // Areas hold references, so what they name is there.
        self.slots[id.0 as usize].as_mut().expect("a mapped object is in the table")
    }

    fn release(&mut self, id: ObjectId, by: Option<Pid>) {
        let object = self.object(id);
        object.references -= 1;
        if let Some(segment) = object.segment {
            self.detached.push_back(SegmentEvent { id: segment.id, by });
        }
        let object = self.object(id);
        if object.references == 0
            && let Some(object) = self.slots[id.0 as usize].take()
        {
            self.free.push(id.0);
            if object.pages.len() > 0 {
                self.doomed.push(object.pages);
            }
        }
    }

    /// Whether pages of objects that are gone wait to be freed.
    pub(super) fn has_doomed(&self) -> bool {
        !self.doomed.is_empty()
    }

    /// Frees some pages of objects that are gone. Whether more are left.
    pub(super) fn free_doomed(&mut self, frames: &mut Frames) -> bool {
        let mut budget = FREE_PAGES;
        while let Some(pages) = self.doomed.last_mut() {
            while let Some(frame) = pages.take_first(0, u64::MAX) {
                frames.release(frame);
                budget -= 1;
                if budget == 0 {
                    return true;
                }
            }
            self.doomed.pop();
        }
        false
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Counts the references that areas hold on what backs them.
pub(super) struct Backings<'a> {
    /// The process that leaves the areas behind, if that is why they go.
    pub(super) leaver: Option<Pid>,
    pub(super) objects: &'a mut Objects,
    pub(super) files: &'a mut (dyn FilePages + 'static),
}

impl Backings<'_> {
    pub(super) fn retain(&mut self, backing: Backing) {
        match backing {
            Backing::Shared { object, .. } => self.objects.object(object).references += 1,
            Backing::File { file, .. } => self.files.retain(file),
            Backing::Anonymous | Backing::Kernel { .. } => {}
        }
    }

    pub(super) fn release(&mut self, backing: Backing) {
        match backing {
            Backing::Shared { object, .. } => self.objects.release(object, self.leaver),
            Backing::File { file, .. } => self.files.release(file),
            Backing::Anonymous | Backing::Kernel { .. } => {}
        }
    }
}

impl Memory {
    /// Memory of a System V segment, with a reference.
    pub(crate) fn create_segment(&mut self, id: i32, pages: u64) -> ObjectId {
        self.objects.insert(Some(SegmentLink { id, pages }))
    }

    /// The segment is gone: its memory goes with it, as nobody has it attached.
    pub(crate) fn release_segment(&mut self, object: ObjectId) {
        self.objects.object(object).segment = None;
        self.objects.release(object, None);
    }

    /// How often a segment is attached: the areas that show it.
    pub(crate) fn segment_attachments(&self, object: ObjectId) -> u32 {
        self.objects.get(object).map_or(0, |object| object.references.saturating_sub(1))
    }

    /// Pages of a segment that are in memory.
    pub(crate) fn segment_pages(&self, object: ObjectId) -> u64 {
        self.objects.get(object).map_or(0, |object| object.pages.len())
    }

    /// The id of the segment whose memory an object is.
    pub(crate) fn segment_of(&self, object: ObjectId) -> Option<i32> {
        self.objects.get(object)?.segment.map(|segment| segment.id)
    }

    /// The next segment that was detached.
    pub(crate) fn take_detached(&mut self) -> Option<SegmentEvent> {
        self.objects.detached.pop_front()
    }
}
