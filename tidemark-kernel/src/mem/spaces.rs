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
    /// An id for a space that is being made; none when the table is full.
    pub(super) fn reserve(&mut self) -> Option<SpaceId> {
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None if self.slots.len() < 1 << SLOT_BITS => {
                self.slots.push(None);
                self.slots.len() as u32 - 1
            }
            None => return None,
        };
        self.serial += 1;
        Some(SpaceId::new(self.serial << SLOT_BITS | u64::from(slot)))
    }

    /// Enters a space under its reserved id.
    pub(super) fn insert(&mut self, space: Box<Space>) -> SpaceId {
        let id = space.id();
        self.slots[slot(id)] = Some(space);
        id
    }

    /// Gives back an id whose space was not entered.
    pub(super) fn cancel(&mut self, id: SpaceId) {
        self.free.push(slot(id) as u32);
    }

    /// How many there are, those that are being made included.
    pub(super) fn count(&self) -> usize {
        self.slots.len() - self.free.len()
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

    /// The space with the next higher id, and how many places were looked at: a space made later has a higher one.
    pub(super) fn after(&self, id: Option<SpaceId>) -> (Option<SpaceId>, usize) {
        let later = self.iter().map(Space::id).filter(|other| id.is_none_or(|id| other.get() > id.get()));
        (later.min_by_key(|id| id.get()), self.slots.len())
    }

    /// All spaces.
    pub fn iter(&self) -> impl Iterator<Item = &Space> {
        self.slots.iter().flatten().map(Box::as_ref)
    }
}

fn slot(id: SpaceId) -> usize {
    (id.get() & ((1 << SLOT_BITS) - 1)) as usize
}
