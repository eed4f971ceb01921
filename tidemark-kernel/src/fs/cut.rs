//! Pages that a file gives up: cut off by a truncation, or punched out.
//!
//! Owns which of them mappings may still show. Taking them out of the mappings is memory's: see `mem::cut`.

use std::ops::Range;

use super::node::Location;
use super::{FileId, Vfs};
use crate::mem::ram::FrameNo;

/// Pages that a file gave up.
#[derive(Debug)]
pub(crate) struct Cut {
    /// The file.
    pub(crate) at: Location,
    /// Their indices.
    pub(crate) pages: Range<u64>,
}

impl Vfs {
    /// A file gave up pages. Nothing to be done if no area maps it.
    pub(super) fn add_cut(&mut self, at: Location, pages: Range<u64>) {
        let content = self.tree(at).and_then(|tree| tree.content(at.node).ok());
        if !pages.is_empty() && content.is_some_and(|content| content.mappings > 0) {
            self.cuts.push_back(Cut { at, pages });
        }
    }

    /// The next pages that are to be taken out of mappings.
    pub(crate) fn next_cut(&mut self) -> Option<Cut> {
        self.cuts.pop_front()
    }

    /// Whether [`Vfs::next_cut`] has one.
    pub(crate) fn has_cuts(&self) -> bool {
        !self.cuts.is_empty()
    }

    /// Whether page `index` is within a regular file and, where a frame is named, held in that frame.
    pub(crate) fn holds(&self, file: FileId, index: u64, frame: Option<FrameNo>) -> bool {
        let content = self.file(file).ok().and_then(|open| self.tree(open.at)?.content(open.at.node).ok());
        content.is_some_and(|content| content.holds(index, frame))
    }

    /// Counts an area more or less that maps a file.
    pub(super) fn count_mapping(&mut self, file: FileId, change: i32) {
        let Ok(at) = self.file(file).map(|open| open.at) else { return };
        if let Ok(content) = self.tree_mut(at).and_then(|tree| tree.content_mut(at.node)) {
            content.mappings = content.mappings.saturating_add_signed(change);
        }
    }
}
