//! A directory's names: those made here, those of the layers beneath, and what hides which.
//!
//! Owns names and the positions that make directory streams stable; nodes are `tree`'s.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use crate::fs::layer::Layer;
use crate::fs::layer::format::Index;

/// A directory of a layer, by the layer's place (0 is the topmost) and inode number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Below {
    pub(super) layer: u16,
    pub(super) inode: u32,
}

/// What a name stands for here.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) node: u32,
    /// Where it stands in the listing; `None`: where its layer lists it.
    position: Option<u64>,
}

/// Names that were made here are listed after those of layers, at positions from here on.
const FIRST_OWN_POSITION: u64 = 1 << 40;

/// One directory.
#[derive(Debug, Default)]
pub(super) struct Directory {
    pub(super) parent: u32,
    entries: BTreeMap<Box<[u8]>, Entry>,
    listing: BTreeMap<u64, Box<[u8]>>,
    next_position: u64,
    /// Names of `below` that were removed.
    hidden: BTreeSet<Box<[u8]>>,
    /// What shows through, topmost first.
    pub(super) below: Vec<Below>,
}

impl Directory {
    pub(super) fn new(parent: u32, below: Vec<Below>) -> Directory {
        Directory { parent, below, next_position: FIRST_OWN_POSITION, ..Directory::default() }
    }

    /// Whether no name is known here.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The node of a name that is known here.
    pub(super) fn known(&self, name: &[u8]) -> Option<u32> {
        self.entries.get(name).map(|entry| entry.node)
    }

    /// Whether layers still answer for this name.
    pub(super) fn shows_below(&self, name: &[u8]) -> bool {
        !self.below.is_empty() && !self.hidden.contains(name)
    }

    /// Enters a node that a layer has under this name.
    pub(super) fn adopt(&mut self, name: &[u8], node: u32) {
        self.entries.insert(name.into(), Entry { node, position: None });
    }

    /// Enters a new name, at the end of the listing.
    pub(super) fn insert(&mut self, name: &[u8], node: u32) {
        let position = self.next_position;
        self.next_position += 1;
        self.listing.insert(position, name.into());
        self.entries.insert(name.into(), Entry { node, position: Some(position) });
    }

    /// Removes a name that is known here, and hides it in the layers.
    pub(super) fn remove(&mut self, name: &[u8]) -> Option<u32> {
        let entry = self.entries.remove(name)?;
        match entry.position {
            Some(position) => drop(self.listing.remove(&position)),
            None => drop(self.hidden.insert(name.into())),
        }
        Some(entry.node)
    }

    /// Puts another node behind a name that is known here.
    pub(super) fn replace(&mut self, name: &[u8], node: u32) {
        if let Some(entry) = self.entries.get_mut(name) {
            entry.node = node;
        }
    }

    /// The next name to list at `position` or after, with the position after it.
    pub(super) fn next_listed<'a>(
        &'a self,
        position: u64,
        layers: &'a [Arc<Layer>],
    ) -> Option<(Found<'a>, u64)> {
        let mut start = 0u64;
        for (depth, below) in self.below.iter().enumerate() {
            let index = index_of(layers, below.layer)?;
            let end = start + index.entry_count(below.inode) as u64;
            if position < end {
                let skip = position.saturating_sub(start);
                let entries = index.entries(below.inode, usize::try_from(skip).unwrap_or(usize::MAX));
                for (entry, at) in entries.zip(start + skip..) {
                    if self.lists(depth, entry.name, layers) && !index.is_whiteout(entry.inode) {
                        let found = match self.entries.get(entry.name) {
                            Some(known) => Found { name: entry.name, node: Ok(known.node) },
                            None => Found {
                                name: entry.name,
                                node: Err(Below { layer: below.layer, inode: entry.inode }),
                            },
                        };
                        return Some((found, at + 1));
                    }
                }
            }
            start = end;
        }
        let (&at, name) = self.listing.range(position.max(FIRST_OWN_POSITION)..).next()?;
        let node = self.entries.get(name)?.node;
        Some((Found { name, node: Ok(node) }, at + 1))
    }

    /// The next name in bytewise order that was removed here, and may have been made again.
    pub(super) fn next_hidden(&self, after: Option<&[u8]>) -> Option<&[u8]> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.hidden.range::<[u8], _>((start, Bound::Unbounded)).next().map(Box::as_ref)
    }

    /// Whether the name of the layer at `depth` is the one that shows.
    fn lists(&self, depth: usize, name: &[u8], layers: &[Arc<Layer>]) -> bool {
        if self.hidden.contains(name) || self.entries.get(name).is_some_and(|entry| entry.position.is_some())
        {
            return false;
        }
        !self.below.iter().take(depth).any(|above| {
            index_of(layers, above.layer).is_some_and(|index| index.lookup(above.inode, name).is_some())
        })
    }
}

/// The tree of the layer at a place.
pub(super) fn index_of(layers: &[Arc<Layer>], place: u16) -> Option<&Index> {
    layers.get(usize::from(place)).map(|layer| layer.index())
}

/// A listed name.
#[derive(Debug)]
pub(super) struct Found<'a> {
    pub(super) name: &'a [u8],
    /// The node, or the layer's inode that it will be made from.
    pub(super) node: Result<u32, Below>,
}
