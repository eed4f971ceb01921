//! The table of address spaces.
//!
//! Owns their ids, which are never reused, since workers tag their translation caches with them.

use super::space::Space;
use crate::cpu::core::SpaceId;

/// Bits of an id that are the place in the table; above them is a serial number.
const SLOT_BITS: u32 = 20;

/// All address spaces.
#[derive(Default, Debug)]
pub struct Spaces {
    slots: Vec<Option<Box<Space>>>,
    free: Vec<u32>,
    serial: u64,
}

impl Spaces {
    /// Enters the space that `make` builds for the id it is given; none when `make` gives none or the table is full.
    pub(super) fn insert_with(&mut self, make: impl FnOnce(SpaceId) -> Option<Space>) -> Option<SpaceId> {
        let slot = self.free.last().copied().unwrap_or(self.slots.len() as u32);
        if slot >= 1 << SLOT_BITS {
            return None;
        }
        let id = SpaceId::new((self.serial + 1) << SLOT_BITS | u64::from(slot));
        let space = make(id)?;
        self.serial += 1;
        match self.free.pop() {
            Some(slot) => self.slots[slot as usize] = Some(Box::new(space)),
            None => self.slots.push(Some(Box::new(space))),
        }
        Some(id)
    }

    /// The space of this id.
    pub fn get(&self, id: SpaceId) -> Option<&Space> {
        self.slots.get(slot(id))?.as_deref().filter(|space| space.id() == id)
    }

    /// The space of this id.
    pub fn get_mut(&mut self, id: SpaceId) -> Option<&mut Space> {
        self.slots.get_mut(slot(id))?.as_deref_mut().filter(|space| space.id() == id)
    }

    /// Takes a space out.
    pub(super) fn remove(&mut self, id: SpaceId) -> Option<Box<Space>> {
        self.get(id)?;
        self.free.push(slot(id) as u32);
        self.slots[slot(id)].take()
    }

    /// All spaces.
    pub fn iter(&self) -> impl Iterator<Item = &Space> {
        self.slots.iter().flatten().map(Box::as_ref)
    }
}

fn slot(id: SpaceId) -> usize {
    (id.get() & ((1 << SLOT_BITS) - 1)) as usize
}
