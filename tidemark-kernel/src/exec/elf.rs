//! ELF executables for riscv64 (ELF-64 object file format 1.5; RISC-V ELF psABI).
//!
//! Owns the reading and validating of headers. It answers what `execve(2)` would have to map; mapping is the caller's.
//! Every number comes from a file that may be hostile: arithmetic is checked, and nothing here panics.

use crate::addr::{ADDRESS_LIMIT, PAGE_SIZE};

/// Bytes of the file header.
pub const HEADER_BYTES: usize = 64;

/// Bytes of one program header.
pub const PROGRAM_HEADER_BYTES: usize = 56;

/// Program headers at the most: Linux refuses more than 64 KiB of them (`fs/binfmt_elf.c`).
pub const MAX_PROGRAM_HEADERS: u16 = (65_536 / PROGRAM_HEADER_BYTES) as u16;

/// Bytes of an interpreter's path at the most, its NUL included (`PATH_MAX`).
pub const MAX_INTERPRETER_BYTES: u64 = 4096;

/// Why a file is not an executable of ours. `execve` answers `ENOEXEC` for all but [`BadInterpreter`](Self::BadInterpreter).
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ElfError {
    /// No ELF magic.
    #[error("it is not an ELF file")]
    NotElf,
    /// For another machine.
    #[error("it is an ELF file for another machine (e_machine {machine}); this system runs riscv64 (243)")]
    OtherMachine {
        /// `e_machine`.
        machine: u16,
    },
    /// 32-bit, big-endian, or of a type that cannot be executed.
    #[error("it is an ELF file of a kind that cannot be executed here: {0}")]
    Kind(&'static str),
    /// A header says something impossible.
    #[error("its ELF headers are damaged: {0}")]
    Damaged(&'static str),
    /// The interpreter's path is.
    #[error("its interpreter's path is damaged")]
    BadInterpreter,
}

/// The file header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    /// Whether it can be placed anywhere (`ET_DYN`).
    pub relocatable: bool,
    /// Where execution starts, in the file's own addresses.
    pub entry: u64,
    /// Where the program headers are in the file.
    pub table_offset: u64,
    /// How many there are.
    pub table_count: u16,
}

impl Header {
    /// Bytes of the program headers.
    pub fn table_bytes(&self) -> usize {
        usize::from(self.table_count) * PROGRAM_HEADER_BYTES
    }

    /// Reads a file's first [`HEADER_BYTES`] bytes.
    ///
    /// # Errors
    /// [`ElfError`] for anything but a riscv64 Linux executable.
    pub fn parse(bytes: &[u8]) -> Result<Header, ElfError> {
        if bytes.get(..4) != Some(b"\x7fELF") {
            return Err(ElfError::NotElf);
        }
        let bytes: &[u8; HEADER_BYTES] =
            bytes.first_chunk().ok_or(ElfError::Damaged("the file is shorter than its header"))?;
        let [_, _, _, _, class, order, version, ..] = *bytes;
        if class != 2 {
            return Err(ElfError::Kind("32-bit"));
        }
        if order != 1 {
            return Err(ElfError::Kind("big-endian"));
        }
        if version != 1 {
            return Err(ElfError::Damaged("version"));
        }
        let machine = half(bytes, 18);
        if machine != 243 {
            return Err(ElfError::OtherMachine { machine });
        }
        let relocatable = match half(bytes, 16) {
            2 => false,
            3 => true,
            1 => return Err(ElfError::Kind("an object file")),
            4 => return Err(ElfError::Kind("a core file")),
            _ => return Err(ElfError::Kind("an unknown type")),
        };
        if usize::from(half(bytes, 54)) != PROGRAM_HEADER_BYTES {
            return Err(ElfError::Damaged("size of a program header"));
        }
        let table_count = half(bytes, 56);
        if table_count == 0 || table_count > MAX_PROGRAM_HEADERS {
            return Err(ElfError::Damaged("number of program headers"));
        }
        Ok(Header { relocatable, entry: word(bytes, 24), table_offset: word(bytes, 32), table_count })
    }
}

/// A part of the file that is mapped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Segment {
    /// Where its first byte goes, in the file's own addresses; need not be page-aligned.
    pub vaddr: u64,
    /// Bytes in memory; those past `file_bytes` are zero.
    pub memory_bytes: u64,
    /// Where its first byte is in the file; `vaddr` and `offset` agree modulo the page size, or are copied.
    pub offset: u64,
    /// Bytes in the file.
    pub file_bytes: u64,
    /// May be read.
    pub read: bool,
    /// May be written.
    pub write: bool,
    /// May be executed.
    pub execute: bool,
}

impl Segment {
    /// Address of its first page.
    pub fn page_start(&self) -> u64 {
        self.vaddr & !(PAGE_SIZE - 1)
    }

    /// First address after it.
    pub fn end(&self) -> u64 {
        // Checked when it was read.
        self.vaddr + self.memory_bytes
    }
}

/// What an executable asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Image {
    /// The file header.
    pub header: Header,
    /// What to map, by rising address, without overlap.
    pub segments: Vec<Segment>,
    /// Where the program headers are in memory, in the file's own addresses (`AT_PHDR`).
    pub table_vaddr: Option<u64>,
    /// Where the interpreter's path is in the file: offset, and length with its NUL.
    pub interpreter: Option<(u64, u64)>,
    /// Whether the stack must be executable (`PT_GNU_STACK`; without one, it need not be on riscv64).
    pub executable_stack: bool,
}

impl Image {
    /// Reads the program headers: the file's [`Header::table_bytes`] bytes from [`Header::table_offset`].
    ///
    /// # Errors
    /// [`ElfError`] where they are damaged.
    pub fn parse(header: Header, table: &[u8]) -> Result<Image, ElfError> {
        let mut image = Image {
            header,
            segments: Vec::new(),
            table_vaddr: None,
            interpreter: None,
            executable_stack: false,
        };
        let (entries, _) = table.as_chunks::<PROGRAM_HEADER_BYTES>();
        if entries.len() != usize::from(header.table_count) {
            return Err(ElfError::Damaged("program headers past the end of the file"));
        }
        for entry in entries {
            image.entry(entry)?;
        }
        if image.segments.is_empty() {
            return Err(ElfError::Damaged("nothing to load"));
        }
        if image.table_vaddr.is_none() {
            image.table_vaddr = image.vaddr_of(header.table_offset);
        }
        Ok(image)
    }

    fn entry(&mut self, entry: &[u8; PROGRAM_HEADER_BYTES]) -> Result<(), ElfError> {
        const PT_LOAD: u32 = 1;
        const PT_INTERP: u32 = 3;
        const PT_PHDR: u32 = 6;
        const PT_GNU_STACK: u32 = 0x6474_e551;
        let (flags, offset, vaddr) = (flags(entry), word(entry, 8), word(entry, 16));
        let (file_bytes, memory_bytes) = (word(entry, 32), word(entry, 40));
        match u32::from_le_bytes([entry[0], entry[1], entry[2], entry[3]]) {
            PT_LOAD if memory_bytes == 0 => {}
            PT_LOAD => {
                let end = vaddr.checked_add(memory_bytes).filter(|end| *end <= ADDRESS_LIMIT - PAGE_SIZE);
                let end = end.ok_or(ElfError::Damaged("a segment outside the address space"))?;
                if file_bytes > memory_bytes || offset.checked_add(file_bytes).is_none() {
                    return Err(ElfError::Damaged("size of a segment"));
                }
                if self.segments.last().is_some_and(|last| last.end() > vaddr) {
                    return Err(ElfError::Damaged("segments out of order"));
                }
                debug_assert!(end >= vaddr);
                let [read, write, execute] = [flags & 4 != 0, flags & 2 != 0, flags & 1 != 0];
                self.segments.push(Segment { vaddr, memory_bytes, offset, file_bytes, read, write, execute });
            }
            PT_INTERP => {
                if !(2..=MAX_INTERPRETER_BYTES).contains(&file_bytes)
                    || offset.checked_add(file_bytes).is_none()
                {
                    return Err(ElfError::BadInterpreter);
                }
                // Linux takes the first.
                self.interpreter.get_or_insert((offset, file_bytes));
            }
            PT_PHDR => self.table_vaddr = Some(vaddr),
            PT_GNU_STACK => self.executable_stack = flags & 1 != 0,
            _ => {}
        }
        Ok(())
    }

    /// Where a place in the file is in memory, if it is loaded.
    fn vaddr_of(&self, offset: u64) -> Option<u64> {
        let holds = |segment: &&Segment| {
            offset.checked_sub(segment.offset).is_some_and(|inside| inside < segment.file_bytes)
        };
        self.segments.iter().find(holds).map(|segment| segment.vaddr + (offset - segment.offset))
    }

    /// The page-aligned addresses from its first to after its last segment, in the file's own addresses.
    pub fn span(&self) -> (u64, u64) {
        let start = self.segments.first().map_or(0, Segment::page_start);
        let end = self.segments.last().map_or(0, Segment::end);
        (start, end.next_multiple_of(PAGE_SIZE))
    }
}

/// The path in an interpreter's bytes.
///
/// # Errors
/// [`ElfError::BadInterpreter`] unless they end in their only NUL.
pub fn interpreter_path(bytes: &[u8]) -> Result<&[u8], ElfError> {
    match bytes.split_last() {
        Some((0, path)) if !path.is_empty() && !path.contains(&0) => Ok(path),
        _ => Err(ElfError::BadInterpreter),
    }
}

/// Reads headers and program headers of a whole file in memory.
///
/// # Errors
/// As [`Header::parse`] and [`Image::parse`].
pub fn parse(file: &[u8]) -> Result<Image, ElfError> {
    let header = Header::parse(file)?;
    let past_end = ElfError::Damaged("program headers past the end of the file");
    let start = usize::try_from(header.table_offset).map_err(|_| past_end)?;
    let end = start.checked_add(header.table_bytes()).ok_or(past_end)?;
    Image::parse(header, file.get(start..end).ok_or(past_end)?)
}

/// What a file that cannot be executed here is instead, and what to do, by its first bytes (`e_ident`, `e_machine`).
pub fn what_else(head: &[u8]) -> &'static str {
    const NEITHER: &str = "it is neither a riscv64 ELF program nor a script that begins with #!";
    match head {
        [] => "it is empty",
        [b'#', b'!', ..] => "the first line of the script names no interpreter: it must be #! and a path",
        [0x7f, b'E', b'L', b'F', 2, 1, ..] => match head.get(18..20) {
            Some([0xf3, 0]) => "it is a riscv64 program, but damaged or cut short: get it again",
            Some([0x3e, 0]) => "it is an x86-64 program, and this is a riscv64 system: get it for riscv64",
            Some([0xb7, 0]) => "it is an AArch64 program, and this is a riscv64 system: get it for riscv64",
            Some(_) => {
                "it is a program for another processor, and this is a riscv64 system: get it for riscv64"
            }
            None => "it is an ELF program that was cut short: get it again",
        },
        [0x7f, b'E', b'L', b'F', 1, ..] => {
            "it is a 32-bit program, and this is a riscv64 system: get it for riscv64"
        }
        [0x7f, b'E', b'L', b'F', ..] => "it is an ELF program, but damaged or not for riscv64: get it again",
        [b'M', b'Z', ..] => "it is a Windows program, and this is a riscv64 Linux system: get it for that",
        [0xcf | 0xce, 0xfa, 0xed, 0xfe, ..] => {
            "it is a macOS program, and this is a riscv64 Linux system: get it for that"
        }
        _ => NEITHER,
    }
}

fn half(bytes: &[u8; HEADER_BYTES], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn flags(entry: &[u8; PROGRAM_HEADER_BYTES]) -> u32 {
    u32::from_le_bytes([entry[4], entry[5], entry[6], entry[7]])
}

fn word<const N: usize>(bytes: &[u8; N], at: usize) -> u64 {
    // Offsets are constants within `N`.
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(word)
}

#[cfg(test)]
mod tests {
    use super::super::vdso::IMAGE;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_vdso_is_an_image() {
        let image = parse(IMAGE).unwrap();
        assert!(image.header.relocatable && image.interpreter.is_none());
        let [segment] = image.segments[..] else { panic!("one segment") };
        assert_eq!((segment.vaddr, segment.offset, segment.read, segment.write), (0, 0, true, false));
        assert_eq!(image.table_vaddr, Some(64));
    }

    fn damaged(at: usize, bytes: &[u8]) -> Result<Image, ElfError> {
        let mut file = IMAGE.to_vec();
        file[at..at + bytes.len()].copy_from_slice(bytes);
        parse(&file)
    }

    #[test]
    fn others_are_refused_with_the_reason() {
        assert_eq!(parse(b"#!/bin/sh\n").unwrap_err(), ElfError::NotElf);
        assert_eq!(parse(b"\x7fELF").unwrap_err(), ElfError::Damaged("the file is shorter than its header"));
        assert_eq!(damaged(18, &[62, 0]).unwrap_err(), ElfError::OtherMachine { machine: 62 });
        assert_eq!(damaged(4, &[1]).unwrap_err(), ElfError::Kind("32-bit"));
        assert_eq!(damaged(16, &[1]).unwrap_err(), ElfError::Kind("an object file"));
        assert_eq!(damaged(56, &[0, 0]).unwrap_err(), ElfError::Damaged("number of program headers"));
        // The first program header's addresses and sizes.
        assert!(matches!(damaged(64 + 16, &u64::MAX.to_le_bytes()), Err(ElfError::Damaged(_))));
        assert!(matches!(damaged(64 + 32, &u64::MAX.to_le_bytes()), Err(ElfError::Damaged(_))));
        assert!(matches!(damaged(32, &u64::MAX.to_le_bytes()), Err(ElfError::Damaged(_))));
    }

    #[test]
    fn interpreter_paths_end_in_their_only_nul() {
        assert_eq!(interpreter_path(b"/lib/ld.so\0"), Ok(&b"/lib/ld.so"[..]));
        for bad in [&b"/lib/ld.so"[..], b"\0", b"", b"/lib\0/ld\0"] {
            assert_eq!(interpreter_path(bad), Err(ElfError::BadInterpreter));
        }
    }

    proptest! {
        #[test]
        fn no_damage_panics(at in 0..IMAGE.len(), bytes in proptest::collection::vec(any::<u8>(), 1..16)) {
            let mut file = IMAGE.to_vec();
            for (place, byte) in file[at..].iter_mut().zip(bytes) {
                *place = byte;
            }
            if let Ok(image) = parse(&file) {
                let (start, end) = image.span();
                prop_assert!(start < end);
            }
        }
    }
}
