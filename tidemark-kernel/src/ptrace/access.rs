//! How a debugger reads and changes memory past its rights, such as to set a breakpoint in a program's code.

use crate::addr::{GuestAddr, PAGE_SIZE};
use crate::cpu::core::SpaceId;
use crate::cpu::exit::Access;
use crate::errno::{Errno, Result};
use crate::mem::FaultOutcome;
use crate::system::System;

/// What a forced write came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Poked {
    /// It is done.
    Done,
    /// To be tried again when others had the lock.
    Again,
}

impl System {
    /// Reads memory of a space, whatever the rights of its pages.
    ///
    /// # Errors
    /// `EIO` where nothing is mapped.
    pub(crate) fn peek(&mut self, space: SpaceId, addr: GuestAddr, bytes: &mut [u8]) -> Result<()> {
        let mut done = 0;
        while done < bytes.len() {
            let at = addr.add(done as u64).map_err(|_| Errno::EIO)?;
            let (offset, len) =
                self.forced_run(space, at, bytes.len() - done, Access::Read)?.ok_or(Errno::EIO)?;
            self.mem.frames.ram().read_bytes(offset, &mut bytes[done..done + len]);
            done += len;
        }
        Ok(())
    }

    /// Writes memory of a space, whatever the rights of its pages: private ones become the space's own. Harts look at
    /// instructions there anew.
    ///
    /// # Errors
    /// `EIO` where nothing is mapped, or others share what cannot be written.
    pub(crate) fn poke(&mut self, space: SpaceId, addr: GuestAddr, bytes: &[u8]) -> Result<Poked> {
        let mut done = 0;
        while done < bytes.len() {
            let at = addr.add(done as u64).map_err(|_| Errno::EIO)?;
            let Some((offset, len)) = self.forced_run(space, at, bytes.len() - done, Access::Write)? else {
                return Ok(Poked::Again);
            };
            self.mem.frames.ram().write_bytes(offset, &bytes[done..done + len]);
            done += len;
        }
        if let Ok(mut mm) = self.mm(space) {
            mm.flush_instructions();
        }
        Ok(Poked::Done)
    }

    /// The run of guest RAM at an address, up to the page's end. None while a fork goes on that has the page.
    fn forced_run(
        &mut self,
        space: SpaceId,
        at: GuestAddr,
        len: usize,
        access: Access,
    ) -> Result<Option<(u64, usize)>> {
        match self.force_in(space, at.0, access) {
            FaultOutcome::Resolved => {}
            FaultOutcome::Flush if access == Access::Read => {}
            FaultOutcome::Flush | FaultOutcome::Again => return Ok(None),
            FaultOutcome::Signal(_) => return Err(Errno::EIO),
        }
        let frame = self.mem.table(space)?.walk(at.0).frame().ok_or(Errno::EIO)?;
        let room = (PAGE_SIZE - at.page_offset()) as usize;
        Ok(Some((frame.offset() + at.page_offset(), room.min(len))))
    }
}
