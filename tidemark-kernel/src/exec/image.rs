//! Mapping a program and its interpreter into a new address space.
//!
//! Owns where the parts go. Pages come when they are touched, straight from the files.

use super::elf::{self, ElfError, Header, Image, Segment};
use crate::addr::{GuestAddr, PAGE_SIZE};
use crate::cpu::core::SpaceId;
use crate::errno::{Errno, Result};
use crate::fs::FileId;
use crate::mem::area::{AreaFlags, Backing, KernelPages, Prot};
use crate::mem::{Mapping, Place, layout};
use crate::system::System;

/// An ELF file, its headers read.
#[derive(Clone, Debug)]
pub(super) struct Elf {
    pub(super) file: FileId,
    pub(super) image: Image,
}

/// Where an ELF file was mapped.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mapped {
    /// First address after it.
    pub(super) end: u64,
    /// What is added to the file's addresses.
    pub(super) bias: u64,
    /// Where it starts.
    pub(super) entry: u64,
    /// Where its program headers are.
    pub(super) segments: u64,
    /// First and last address of its code.
    pub(super) code: (u64, u64),
}

/// Where a file that can be anywhere goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Base {
    /// To the place of position-independent programs.
    Program,
    /// Where there is room.
    Anywhere,
}

impl System {
    /// Maps an ELF file.
    ///
    /// # Errors
    /// `ENOMEM` where there is no room; `EINVAL` for a segment that does not lie in the file as in memory, modulo a page,
    /// since pages are mapped straight from the file; `EFAULT` where the file is shorter than it says.
    pub(super) fn map_elf(&mut self, space: SpaceId, elf: &Elf, base: Base) -> Result<Mapped> {
        let (start, end) = elf.image.span();
        let bias = match (elf.image.header.relocatable, base) {
            (false, _) => 0,
            (true, Base::Program) => layout::PROGRAM_BASE.wrapping_sub(start),
            (true, Base::Anywhere) => self.mm(space)?.find_free(end - start)?.wrapping_sub(start),
        };
        for segment in &elf.image.segments {
            self.map_segment(space, elf.file, segment, bias)?;
        }
        let code = elf.image.segments.iter().filter(|segment| segment.execute);
        let code_start = code.clone().map(|segment| segment.vaddr).min().unwrap_or(start);
        let code_end = code.map(|segment| segment.vaddr + segment.file_bytes).max().unwrap_or(end);
        Ok(Mapped {
            end: end.wrapping_add(bias),
            bias,
            entry: elf.image.header.entry.wrapping_add(bias),
            segments: elf.image.table_vaddr.map_or(0, |addr| addr.wrapping_add(bias)),
            code: (code_start.wrapping_add(bias), code_end.wrapping_add(bias)),
        })
    }

    fn map_segment(&mut self, space: SpaceId, file: FileId, segment: &Segment, bias: u64) -> Result<()> {
        let start = segment.page_start().wrapping_add(bias);
        let end = segment.end().wrapping_add(bias);
        let file_end = (segment.vaddr + segment.file_bytes).wrapping_add(bias);
        let pages_end = if segment.file_bytes == 0 { start } else { file_end.next_multiple_of(PAGE_SIZE) };
        let prot = rights(segment);
        if pages_end > start {
            let into_page = segment.vaddr % PAGE_SIZE;
            let offset = segment.offset.checked_sub(into_page).filter(|at| at.is_multiple_of(PAGE_SIZE));
            let page = offset.ok_or(Errno::EINVAL)? / PAGE_SIZE;
            let backing = self.mm(space)?.file_backing(file, page, false);
            self.map_part(space, start, pages_end, prot, backing)?;
        }
        if end > pages_end {
            let end = end.next_multiple_of(PAGE_SIZE);
            self.map_part(space, pages_end, end, prot, Backing::Anonymous)?;
        }
        // What lies in the last page after the file's part is zero, where the program could tell (Linux: `padzero`).
        let rest = (pages_end.saturating_sub(file_end)) as usize;
        if segment.memory_bytes > segment.file_bytes && rest > 0 && segment.write {
            self.write_space(space, GuestAddr(file_end), &[0; PAGE_SIZE as usize][..rest])?;
        }
        Ok(())
    }

    fn map_part(&mut self, space: SpaceId, start: u64, end: u64, prot: Prot, backing: Backing) -> Result<()> {
        let mapping = Mapping {
            place: Place::Fixed(start),
            len: end - start,
            prot,
            flags: AreaFlags::EMPTY,
            backing,
            populate: false,
        };
        let mut mm = self.mm(space)?;
        mm.map_held(mapping)?;
        // Nothing is mapped twice but a page that two segments share, so that few steps are needed.
        while !mm.advance() {}
        Ok(())
    }

    /// Maps the vDSO and its data, and notes where.
    pub(super) fn map_vdso(&mut self, space: SpaceId) -> Result<u64> {
        let image = &self.mem.image;
        let (vvar, vdso) = (image.vvar.len() as u64 * PAGE_SIZE, image.vdso.len() as u64 * PAGE_SIZE);
        let start = self.mm(space)?.find_free(vvar + vdso)?;
        let code = start + vvar;
        let pages = |pages| Backing::Kernel { pages, page: 0 };
        self.map_part(space, start, code, Prot::READ, pages(KernelPages::Vvar))?;
        self.map_part(space, code, code + vdso, Prot::READ.union(Prot::EXEC), pages(KernelPages::Vdso))?;
        self.mm(space)?.space_mut().marks_mut().vdso = code;
        Ok(code)
    }

    /// Maps a stack that ends at [`layout::STACK_TOP`], with room for `used` bytes.
    pub(super) fn map_stack(&mut self, space: SpaceId, used: u64, executable: bool) -> Result<()> {
        /// What is mapped beyond what is used (Linux, `setup_arg_pages`).
        const EXPAND_BYTES: u64 = 128 << 10;
        let len = used.saturating_add(EXPAND_BYTES).next_multiple_of(PAGE_SIZE);
        let prot = if executable { Prot::WRITE.union(Prot::EXEC) } else { Prot::WRITE };
        let mapping = Mapping {
            place: Place::Fixed(layout::STACK_TOP - len),
            len,
            prot,
            flags: AreaFlags::GROWS_DOWN.with(AreaFlags::STACK),
            backing: Backing::Anonymous,
            populate: false,
        };
        self.mm(space)?.map(mapping)?;
        Ok(())
    }

    /// Copies from a file's start `offset` on; how many bytes there were.
    pub(crate) fn read_program(&mut self, file: FileId, offset: u64, bytes: &mut [u8]) -> Result<usize> {
        let size = self.fs.file_size(file)?;
        let len = usize::try_from(size.saturating_sub(offset)).unwrap_or(usize::MAX).min(bytes.len());
        let mut done = 0;
        while done < len {
            let at = offset + done as u64;
            let Some(frame) = self.fs.page(file, at / PAGE_SIZE, &mut self.mem.frames)? else { break };
            let piece = ((PAGE_SIZE - at % PAGE_SIZE) as usize).min(len - done);
            let ram = self.mem.frames.ram();
            ram.read_bytes(frame.offset() + at % PAGE_SIZE, &mut bytes[done..done + piece]);
            done += piece;
        }
        Ok(done)
    }

    /// Reads the headers of an ELF file.
    ///
    /// # Errors
    /// `ENOEXEC` for what is none that can run here.
    pub(super) fn read_elf(&mut self, file: FileId) -> Result<Elf> {
        let mut bytes = [0; elf::HEADER_BYTES];
        let len = self.read_program(file, 0, &mut bytes)?;
        let header = Header::parse(&bytes[..len]).map_err(refusal)?;
        let mut table = vec![0; header.table_bytes()];
        let len = self.read_program(file, header.table_offset, &mut table)?;
        let image = Image::parse(header, &table[..len]).map_err(refusal)?;
        Ok(Elf { file, image })
    }

    /// The interpreter that an ELF file names.
    pub(super) fn interpreter_path(&mut self, elf: &Elf) -> Result<Option<Vec<u8>>> {
        let Some((offset, len)) = elf.image.interpreter else { return Ok(None) };
        let mut path = vec![0; usize::try_from(len).map_err(|_| Errno::ENOEXEC)?];
        let len = self.read_program(elf.file, offset, &mut path)?;
        let path = elf::interpreter_path(&path[..len]).map_err(refusal)?;
        Ok(Some(path.to_vec()))
    }
}

/// What `execve(2)` says of a file that cannot run.
fn refusal(_: ElfError) -> Errno {
    Errno::ENOEXEC
}

fn rights(segment: &Segment) -> Prot {
    let right = |has, prot| if has { prot } else { Prot::NONE };
    right(segment.read, Prot::READ)
        .union(right(segment.write, Prot::WRITE))
        .union(right(segment.execute, Prot::EXEC))
}
