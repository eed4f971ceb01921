//! One address space.

use std::sync::Arc;

use super::frames::Frames;
use super::page_table::PageTable;
use super::shared::SpaceShared;
use crate::cpu::core::SpaceId;

/// An address space: its lock-free part and what the kernel knows of it.
#[derive(Debug)]
pub struct Space {
    pub(super) shared: Arc<SpaceShared>,
}

impl Space {
    /// An empty space; none when there is no frame for its page table.
    pub(super) fn new(id: SpaceId, frames: &mut Frames) -> Option<Self> {
        let table = PageTable::new(frames.ram(), frames).ok()?;
        Some(Self { shared: Arc::new(SpaceShared::new(id, table)) })
    }

    /// Its id.
    pub fn id(&self) -> SpaceId {
        self.shared.id
    }
}
