//! A regular file's content: pages in frames, read from a layer on first touch, absent where nothing was written.
//!
//! Owns size, holes and the frames' references. Does not own offsets, locks or permissions: those are an open file's.

use std::ops::Range;
use std::sync::Arc;

use super::export::LayerContent;
use super::pages::PageMap;
use crate::addr::PAGE_SIZE;
use crate::errno::{Errno, Result};
use crate::fs::layer::Layer;
use crate::mem::frames::Frames;
use crate::mem::io::{IoSink, IoSource};
use crate::mem::ram::FrameNo;

/// Largest size of a file: what `loff_t` holds.
pub(crate) const MAX_FILE_SIZE: u64 = i64::MAX as u64;

/// Where a file's first bytes come from.
#[derive(Debug)]
pub(crate) struct Backing {
    pub(crate) layer: Arc<Layer>,
    /// The content's offset in the layer file.
    pub(crate) offset: u64,
    /// How much of it still shows: cutting the file short hides the rest for good.
    pub(crate) len: u64,
}

/// The content of one regular file.
#[derive(Debug, Default)]
pub(crate) struct Content {
    size: u64,
    backing: Option<Backing>,
    pages: PageMap,
    /// `F_SEAL_…`; `None` for a file that cannot be sealed.
    seals: Option<u32>,
    /// What the pages are made from on first touch, where there is no layer.
    text: Option<Box<[u8]>>,
    /// Whether the bytes that no page has are the host's, to be read from there first.
    remote: bool,
    /// Whether all of its pages are wanted as long as it is used.
    pub(crate) pinned: bool,
    /// How often it was changed, or found changed, as what the host has.
    changes: u64,
    /// Areas that map it.
    pub(crate) mappings: u32,
}

impl Content {
    /// Content that shows a file of a layer.
    pub(crate) fn backed(backing: Backing) -> Content {
        Content {
            size: backing.len,
            backing: Some(backing),
            pages: PageMap::default(),
            seals: None,
            text: None,
            remote: false,
            changes: 0,
            pinned: false,
            mappings: 0,
        }
    }

    /// Makes it these bytes, which the kernel itself provides and keeps off the frames.
    pub(crate) fn set_text(&mut self, text: &[u8]) {
        self.size = text.len() as u64;
        self.text = Some(text.into());
    }

    /// Size in bytes.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Bytes that it takes: in memory, or in its layer.
    pub(crate) fn allocated(&self) -> u64 {
        let backed = self.backed_len().div_ceil(PAGE_SIZE);
        self.pages.len().max(backed) * PAGE_SIZE
    }

    /// Bytes that it takes in memory.
    pub(crate) fn bytes_in_memory(&self) -> u64 {
        self.pages.len() * PAGE_SIZE
    }

    /// The seals of a file that can be sealed (`memfd_create(2)`).
    pub(crate) fn seals(&self) -> Option<u32> {
        self.seals
    }

    /// Sets the seals.
    pub(crate) fn set_seals(&mut self, seals: u32) {
        self.seals = Some(seals);
    }

    /// The first byte behind all pages, in memory or in the layer.
    pub(crate) fn extent(&self) -> u64 {
        let pages = self.pages.last().map_or(0, |index| (index + 1).saturating_mul(PAGE_SIZE));
        pages.max(self.backed_len())
    }

    /// How much of its layer's bytes still shows.
    pub(super) fn layer_len(&self) -> u64 {
        self.backed_len()
    }

    /// Its bytes in the layer, if it is what the layer has; else what the layer has, if the pages in memory may be the
    /// same.
    pub(super) fn whole_layer(&self) -> std::result::Result<LayerContent, Option<LayerContent>> {
        let backing = self.backing.as_ref().filter(|backing| backing.len == self.size).ok_or(None)?;
        let whole =
            LayerContent { layer: Arc::clone(&backing.layer), offset: backing.offset, size: backing.len };
        if self.pages.len() == 0 { Ok(whole) } else { Err(Some(whole)) }
    }

    fn backed_len(&self) -> u64 {
        if self.remote {
            return self.size;
        }
        self.backing.as_ref().map_or(0, |backing| backing.len)
    }

    /// The frame of a page that is there or can be read from the layer; `None` for a hole.
    fn load(&mut self, index: u64, frames: &mut Frames) -> Result<Option<FrameNo>> {
        if let Some(frame) = self.pages.get(index) {
            return Ok(Some(frame));
        }
        let start = index.saturating_mul(PAGE_SIZE);
        if let Some(text) = self.text.as_ref().filter(|text| start < text.len() as u64) {
            let rest = &text[start as usize..];
            let frame = frames.alloc(0).ok_or(Errno::ENOMEM)?;
            frames.ram().write_bytes(frame.offset(), &rest[..rest.len().min(PAGE_SIZE as usize)]);
            self.pages.insert(index, frame);
            return Ok(Some(frame));
        }
        // Whoever needs it has it brought in first: see `fs::hosted`.
        if self.remote && start < self.size {
            return Err(Errno::EIO);
        }
        let Some(backing) = self.backing.as_ref().filter(|backing| start < backing.len) else {
            return Ok(None);
        };
        let len = (backing.len - start).min(PAGE_SIZE) as usize;
        let mut bytes = [0; PAGE_SIZE as usize];
        let bytes = &mut bytes[..len];
        backing.layer.read_at(backing.offset + start, bytes).map_err(|_| Errno::EIO)?;
        let frame = frames.alloc(0).ok_or(Errno::ENOMEM)?;
        frames.ram().write_bytes(frame.offset(), bytes);
        self.pages.insert(index, frame);
        Ok(Some(frame))
    }

    /// The frame of a page within the file, made if it was a hole. The reference stays with the file.
    ///
    /// # Errors
    /// `EIO` from the layer; `ENOSPC` without a frame.
    pub(crate) fn page(&mut self, index: u64, frames: &mut Frames) -> Result<Option<FrameNo>> {
        if index >= self.size.div_ceil(PAGE_SIZE) {
            return Ok(None);
        }
        self.page_or_new(index, frames).map(Some)
    }

    /// Whether a page is within the file and, where a frame is named, held in that frame.
    pub(crate) fn holds(&self, index: u64, frame: Option<FrameNo>) -> bool {
        let within = index < self.size.div_ceil(PAGE_SIZE);
        within && frame.is_none_or(|frame| self.pages.get(index) == Some(frame))
    }

    fn page_or_new(&mut self, index: u64, frames: &mut Frames) -> Result<FrameNo> {
        if let Some(frame) = self.load(index, frames)? {
            return Ok(frame);
        }
        self.new_page(index, frames)
    }

    fn new_page(&mut self, index: u64, frames: &mut Frames) -> Result<FrameNo> {
        let frame = frames.alloc(0).ok_or(Errno::ENOSPC)?;
        self.pages.insert(index, frame);
        Ok(frame)
    }

    /// Reads from `pos` on until the sink is full or the file ends; how many bytes.
    ///
    /// # Errors
    /// `EIO` from the layer and `ENOMEM` without a frame, if nothing was read before.
    pub(crate) fn read(&mut self, mut pos: u64, sink: &mut IoSink<'_>, frames: &mut Frames) -> Result<u64> {
        let start = pos;
        while !sink.is_full() && pos < self.size {
            let within = pos % PAGE_SIZE;
            let len = (PAGE_SIZE - within).min(self.size - pos).min(sink.remaining() as u64);
            match self.load(pos / PAGE_SIZE, frames) {
                Ok(Some(frame)) => sink.put_ram(frame.offset() + within, len as usize),
                Ok(None) => sink.put_zeros(len as usize),
                Err(error) if pos == start => return Err(error),
                Err(_) => break,
            };
            pos += len;
        }
        Ok(pos - start)
    }

    /// Writes at `pos` what the source has, growing the file to `limit` bytes at the most; how many bytes.
    ///
    /// # Errors
    /// `EFBIG` beyond the limit or the largest size, `ENOSPC` without a frame, `EIO` from the layer, if nothing was written before.
    pub(crate) fn write(
        &mut self,
        mut pos: u64,
        source: &mut IoSource<'_>,
        limit: u64,
        frames: &mut Frames,
    ) -> Result<u64> {
        let start = pos;
        let limit = limit.min(MAX_FILE_SIZE);
        if !source.is_empty() && pos >= limit {
            return Err(Errno::EFBIG);
        }
        if pos > self.size {
            self.zero_after_end(frames);
        }
        while !source.is_empty() && pos < limit {
            let index = pos / PAGE_SIZE;
            let within = pos % PAGE_SIZE;
            let len = (PAGE_SIZE - within).min(source.remaining() as u64).min(limit - pos);
            // What is overwritten as a whole need not be read from the layer first.
            let frame = match self.pages.get(index) {
                None if len == PAGE_SIZE => self.new_page(index, frames),
                _ => self.page_or_new(index, frames),
            };
            match frame {
                Ok(frame) => source.take_to_ram(frame.offset() + within, len as usize),
                Err(error) if pos == start => return Err(error),
                Err(_) => break,
            };
            pos += len;
            self.size = self.size.max(pos);
        }
        Ok(pos - start)
    }

    /// Cuts or extends to `size` bytes; what was cut off comes back for its frames to be freed.
    pub(crate) fn truncate(&mut self, size: u64, frames: &mut Frames) -> PageMap {
        self.changes += 1;
        let mut cut = PageMap::default();
        if size < self.size {
            if let Some(backing) = &mut self.backing {
                backing.len = backing.len.min(size);
            }
            cut = self.pages.split_off(size.div_ceil(PAGE_SIZE));
            self.zero_within_page(size, PAGE_SIZE - size % PAGE_SIZE, frames);
        } else {
            self.zero_after_end(frames);
        }
        self.size = size;
        cut
    }

    /// Makes `start..end` read as zeroes, within the present size or not; gives back whole pages.
    ///
    /// # Errors
    /// `EIO` from the layer, `ENOSPC` without a frame to hide a layer's page with.
    pub(crate) fn punch(&mut self, start: u64, end: u64, frames: &mut Frames) -> Result<()> {
        let (first, last) = (start.div_ceil(PAGE_SIZE), end / PAGE_SIZE);
        // The edges' pages are made first where a layer has them.
        for (at, len) in [
            (start, (first * PAGE_SIZE).min(end).saturating_sub(start)),
            (last * PAGE_SIZE, if first <= last { end % PAGE_SIZE } else { 0 }),
        ] {
            if len > 0 {
                self.load(at / PAGE_SIZE, frames)?;
                self.zero_within_page(at, len, frames);
            }
        }
        while let Some(frame) = self.pages.take_first(first, last) {
            frames.release(frame);
        }
        let backed_pages = self.backed_len().div_ceil(PAGE_SIZE);
        for index in first..last.min(backed_pages) {
            self.new_page(index, frames)?;
        }
        Ok(())
    }

    /// Gives every page of `start..end` a frame.
    ///
    /// # Errors
    /// `ENOSPC` when frames run out; those made stay.
    pub(crate) fn reserve(&mut self, start: u64, end: u64, frames: &mut Frames) -> Result<()> {
        for index in start / PAGE_SIZE..end.div_ceil(PAGE_SIZE) {
            self.page_or_new(index, frames)?;
        }
        Ok(())
    }

    /// Zeroes what follows the end in the last page, before the file grows over it: a mapping may have stored there.
    fn zero_after_end(&mut self, frames: &Frames) {
        if !self.size.is_multiple_of(PAGE_SIZE) {
            self.zero_within_page(self.size, PAGE_SIZE - self.size % PAGE_SIZE, frames);
        }
    }

    fn zero_within_page(&mut self, at: u64, len: u64, frames: &Frames) {
        if let Some(frame) = self.pages.get(at / PAGE_SIZE) {
            frames.ram().zero(frame.offset() + at % PAGE_SIZE, len.min(PAGE_SIZE - at % PAGE_SIZE) as usize);
        }
    }

    /// The next byte at `pos` or later that is not in a hole (`SEEK_DATA`).
    pub(crate) fn next_data(&self, pos: u64) -> Option<u64> {
        if pos < self.backed_len() {
            return Some(pos);
        }
        let page = self.pages.first(pos / PAGE_SIZE, self.size.div_ceil(PAGE_SIZE))?;
        Some((page * PAGE_SIZE).max(pos)).filter(|at| *at < self.size)
    }

    /// The next byte at `pos` or later that is in a hole (`SEEK_HOLE`); the end counts as one.
    pub(crate) fn next_hole(&self, pos: u64) -> u64 {
        let mut at = pos.max(self.backed_len());
        while at < self.size && self.pages.get(at / PAGE_SIZE).is_some() {
            at = (at / PAGE_SIZE + 1) * PAGE_SIZE;
        }
        at.min(self.size)
    }

    /// Content of `size` bytes that the host has.
    pub(crate) fn remote(size: u64) -> Content {
        Content { size, remote: true, ..Content::default() }
    }

    /// The first page among those of `start..end` that the host is to be asked for.
    pub(crate) fn first_missing(&self, start: u64, end: u64) -> Option<u64> {
        let end = end.min(self.size);
        if !self.remote || start >= end {
            return None;
        }
        (start / PAGE_SIZE..end.div_ceil(PAGE_SIZE)).find(|index| self.pages.get(*index).is_none())
    }

    /// Enters bytes of the host's from page `index` on, where there are no pages yet.
    ///
    /// # Errors
    /// `ENOMEM` without a frame.
    pub(crate) fn enter(&mut self, index: u64, bytes: &[u8], frames: &mut Frames) -> Result<()> {
        for (index, page) in (index..).zip(bytes.chunks(PAGE_SIZE as usize)) {
            if self.pages.get(index).is_none() && index < self.size.div_ceil(PAGE_SIZE) {
                let frame = frames.alloc(0).ok_or(Errno::ENOMEM)?;
                frames.ram().write_bytes(frame.offset(), page);
                self.pages.insert(index, frame);
            }
        }
        Ok(())
    }

    /// The host's file ends earlier than was thought.
    pub(crate) fn end_at(&mut self, end: u64) {
        self.size = self.size.min(end);
    }

    /// The host's file has this size now; what is known of it stays true.
    pub(crate) fn set_remote_size(&mut self, size: u64) {
        self.size = size;
    }

    /// The host's file has other content and this size: gives up the pages, unless mappings show them.
    pub(crate) fn renew(&mut self, size: u64) -> PageMap {
        self.size = size;
        self.changes += 1;
        if self.mappings > 0 { PageMap::default() } else { std::mem::take(&mut self.pages) }
    }

    /// Gives up the pages but for these: the host has them.
    pub(crate) fn forget_but(&mut self, kept: Range<u64>) -> PageMap {
        let mut forgotten = std::mem::take(&mut self.pages);
        for index in kept {
            if let Some(frame) = forgotten.take_first(index, index + 1) {
                self.pages.insert(index, frame);
            }
        }
        forgotten
    }

    /// How often it was changed, or found changed.
    pub(crate) fn changes(&self) -> u64 {
        self.changes
    }

    /// Brings the pages that are here up to a write of the host's file.
    pub(crate) fn wrote(&mut self, mut offset: u64, mut bytes: &[u8], frames: &Frames) {
        self.changes += 1;
        while !bytes.is_empty() {
            let within = offset % PAGE_SIZE;
            let (now, rest) = bytes.split_at(bytes.len().min((PAGE_SIZE - within) as usize));
            if let Some(frame) = self.pages.get(offset / PAGE_SIZE) {
                frames.ram().write_bytes(frame.offset() + within, now);
            }
            offset += now.len() as u64;
            bytes = rest;
        }
    }

    /// Gives up all pages, for their frames to be freed.
    pub(crate) fn into_pages(self) -> PageMap {
        self.pages
    }
}
