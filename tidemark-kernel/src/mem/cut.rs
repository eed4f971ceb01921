//! Files that were cut short, or had holes punched: pages of theirs that are still mapped go (`truncate(2)`, `mmap(2)`).
//!
//! Owns the search for such pages, through all address spaces, in steps. Cutting is rare for files that are mapped, so
//! that mappings are searched for then rather than listed a file all the time.
//!
//! # Why none is missed
//! The file is cut before the search begins, so that faults no longer bring its pages back. Spaces are searched in the
//! order of their ids: a copy made meanwhile has a higher one than its original. Within a space, areas move only by
//! `mremap`, which has the pages that it moved looked at itself; an area that was moving before is among the work.

use std::ops::Range;
use std::sync::Arc;

use super::area::{Area, Backing};
use super::mm::Mm;
use super::work::Work;
use crate::addr::PAGE_SIZE;
use crate::cpu::core::SpaceId;
use crate::fs::Vfs;
use crate::fs::cut::Cut;
use crate::limits::STEP_PAGES;
use crate::system::System;
use crate::wait::Flow;

/// Places in the table of spaces that cost as much to look at as one area.
const PLACES_AN_AREA: u64 = 16;

/// A search that goes on.
#[derive(Debug)]
pub(super) struct Cutting {
    cut: Cut,
    /// The space that is being searched, or was last.
    space: Option<SpaceId>,
    stage: Stage,
}

/// How far a space is.
#[derive(Debug)]
enum Stage {
    /// On to the next space.
    Next,
    /// Areas from an address on are to be looked at.
    Search {
        /// The address.
        from: u64,
        /// Whether one before it may show pages of the cut.
        found: bool,
    },
    /// Its pages are being taken out, by the work of this and earlier changes.
    Take(u64),
    /// The workers that run it are to drop translations older than this.
    Flush(u64),
}

impl System {
    /// Goes on with taking out of mappings what files gave up: one step. Whether more is left.
    pub(crate) fn cut_step(&mut self) -> bool {
        let begin = |fs: &mut Vfs| fs.next_cut().map(|cut| Cutting { cut, space: None, stage: Stage::Next });
        let Some(mut cutting) = self.mem.cutting.take().or_else(|| begin(&mut self.fs)) else { return false };
        if self.go_on_cutting(&mut cutting) {
            self.mem.cutting = Some(cutting);
        }
        self.is_cutting()
    }

    /// Whether [`System::cut_step`] has something to do.
    pub(crate) fn is_cutting(&self) -> bool {
        self.mem.cutting.is_some() || self.fs.has_cuts()
    }

    /// What a call answers while it waits for the end of [`System::cut_step`].
    pub(crate) fn wait_for_cut(&self) -> Flow {
        match &self.mem.cutting {
            Some(Cutting { space: Some(id), stage: Stage::Flush(_), .. }) => match self.mem.spaces.get(*id) {
                Some(space) => Flow::ShootdownOf(Arc::clone(space.shared())),
                None => Flow::Again,
            },
            _ => Flow::Again,
        }
    }

    /// Whether the search goes on.
    fn go_on_cutting(&mut self, cutting: &mut Cutting) -> bool {
        let mut budget = STEP_PAGES;
        while budget > 0 {
            if matches!(cutting.stage, Stage::Next) {
                let (next, places) = self.mem.spaces.after(cutting.space);
                if next.is_none() {
                    return false;
                }
                (cutting.space, cutting.stage) = (next, Stage::Search { from: 0, found: false });
                budget = budget.saturating_sub(1 + places as u64 / PLACES_AN_AREA);
            }
            let Some(id) = cutting.space else { return false };
            if let Stage::Search { from, found } = cutting.stage {
                let (ranges, next) = self.search(id, &cutting.cut, from, &mut budget);
                let found = found || !ranges.is_empty();
                let change = self.mm(id).map(|mm| {
                    mm.space.work.extend(ranges.into_iter().map(Work::Cut));
                    mm.change_number()
                });
                cutting.stage = match (next, change) {
                    (Some(from), Ok(_)) => Stage::Search { from, found },
                    (None, Ok(change)) if found => Stage::Take(change),
                    _ => Stage::Next,
                };
                if found {
                    break;
                }
            } else if self.take_out_cut(id, cutting) {
                cutting.stage = Stage::Next;
            } else {
                break;
            }
        }
        true
    }

    /// The addresses at which a space may show pages of a cut, among areas from an address on; where to go on.
    fn search(&self, id: SpaceId, cut: &Cut, from: u64, budget: &mut u64) -> (Vec<Range<u64>>, Option<u64>) {
        let Some(space) = self.mem.spaces.get(id) else { return (Vec::new(), None) };
        let mut found = Vec::new();
        let mut look = |area: &Area| {
            if let Backing::File { file, page, .. } = area.backing
                && self.fs.file(file).is_ok_and(|open| open.at == cut.at)
            {
                let place = |index: u64| {
                    let pages = index.saturating_sub(page).saturating_mul(PAGE_SIZE);
                    area.start.saturating_add(pages).min(area.end)
                };
                let range = place(cut.pages.start)..place(cut.pages.end);
                if !range.is_empty() {
                    found.push(range);
                }
            }
        };
        if from == 0 {
            // What is on its way there.
            for work in &space.work {
                if let Work::Insert(area) = work {
                    look(area);
                }
            }
        }
        for area in space.areas().overlapping(from..u64::MAX) {
            if *budget == 0 {
                return (found, Some(area.start));
            }
            *budget -= 1;
            look(area);
        }
        (found, None)
    }

    /// Takes out what was found in a space. Whether all is, and no hart can reach it.
    fn take_out_cut(&mut self, id: SpaceId, cutting: &mut Cutting) -> bool {
        let Ok(mut mm) = self.mm(id) else { return true };
        if let Stage::Take(change) = cutting.stage {
            // Once others' changes follow, what was found is done.
            if mm.change_number() == change && !mm.advance() {
                return false;
            }
            cutting.stage = Stage::Flush(mm.space.shared.generation());
        }
        let Stage::Flush(generation) = cutting.stage else { return true };
        mm.has_flushed(generation)
    }
}

impl Mm<'_> {
    /// Whether every worker that runs the space has dropped translations older than `generation`; frees what waited for
    /// it.
    fn has_flushed(&mut self, generation: u64) -> bool {
        self.release_zombies();
        self.space.shared.is_flushed(generation, self.outside.workers)
    }
}
