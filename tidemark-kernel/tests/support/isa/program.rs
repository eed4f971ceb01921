//! The test driver around random blocks: a static ELF that runs unchanged here and under the oracle.
//!
//! Each block starts with all registers and `fcsr` set from a table of its own, and ends with all of them stored.
//! A hash over these and the data area, which lives on from block to block, is the block's result. The program
//! writes all results to standard output. Illegal instructions are skipped by a signal handler.

use super::assemble::*;
use super::blocks::random_block;
use super::random::Random;

/// First address of the one segment.
const BASE: u64 = 0x1_0000;
/// What code reads and writes: 1 KiB, then the registers' dump, so that one loop hashes both.
const DATA: u64 = BASE + 0x100;
const DATA_BYTES: u64 = 0x400;
const DUMP: u64 = DATA + DATA_BYTES;
/// Integer registers, floating-point registers, `fcsr`.
const DUMP_BYTES: u64 = 65 * 8;
/// The running hash, and where the next result goes.
const HASH: u64 = BASE + 0x800;
const OUT_POINTER: u64 = HASH + 8;
/// The argument of `rt_sigaction` and that of `sigaltstack`.
const ACTION: u64 = HASH + 16;
const ALTERNATE: u64 = ACTION + 32;
pub(super) const OUT: u64 = BASE + 0x1000;
const CODE: u64 = BASE + 0x4000;
/// Bytes of signal stack, behind everything else.
const SIGNAL_STACK: u64 = 0x1_0000;

/// Blocks in a program. Its results have to fit between `OUT` and `CODE`, and code into the reach of `jal`.
pub(crate) const BLOCKS: usize = 800;
/// Random instructions in a block, at least.
pub(crate) const BLOCK_INSTRUCTIONS: usize = 100;

/// `sp` and `x8` in blocks.
const POINTERS: [(u32, u64); 2] = [(2, DATA + 0x100), (8, DATA + 0x200)];

const T0: u32 = 5;
const BASE_REGISTER: u32 = 8;

/// Where a program stops early, to look at the registers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Focus {
    /// The block that is the last one.
    pub(crate) block: usize,
    /// How many instructions of it are generated.
    pub(crate) instructions: usize,
}

/// A generated program.
pub(crate) struct Program {
    /// The ELF file.
    pub(crate) elf: Vec<u8>,
    /// Random instructions in it.
    pub(crate) instructions: usize,
    /// The last block's code.
    pub(crate) last_block: Vec<u8>,
}

/// Generates the program of a seed. With a focus, it ends after that block and also writes data and dump.
pub(crate) fn generate(seed: u64, focus: Option<Focus>) -> Program {
    let mut random = Random::new(seed);
    let mut image = Image::new();
    for at in (0..DATA_BYTES).step_by(8) {
        let value = if random.one_in(2) { random.integer() } else { random.float() };
        image.put(DATA + at, value);
    }
    image.put(HASH, seed);
    image.put(OUT_POINTER, OUT);

    let to_start = image.here();
    image.emit(&[0]);
    let handler = image.here();
    image.signal_handler();
    let set_up = image.here();
    image.set_up();
    let dump = image.here();
    image.dump();
    let start = image.here();
    image.patch(to_start, jal(0, (start - to_start) as i32));
    image.put(ACTION, handler);
    // SA_SIGINFO | SA_ONSTACK
    image.put(ACTION + 8, 0x0800_0004);
    image.call(132, [ALTERNATE, 0, 0, 0]);
    image.call(134, [4, ACTION, 0, 8]);

    let mut instructions = 0;
    let mut last_block = Vec::new();
    let blocks = focus.map_or(BLOCKS, |focus| focus.block + 1);
    for block in 0..blocks {
        // A generator for each block, so that a shortened one leaves the others alone.
        let mut random = Random::new(random.next());
        let table = image.table(&mut random);
        image.address(BASE_REGISTER, table);
        image.jump_to(T0, set_up);
        image.emit(&[ld(T0, 8 * T0 as i32, BASE_REGISTER)]);
        image.address(POINTERS[1].0, POINTERS[1].1);
        let count = match focus {
            Some(focus) if focus.block == block => focus.instructions,
            _ => BLOCK_INSTRUCTIONS,
        };
        last_block.clear();
        instructions += random_block(&mut random, count, &mut last_block);
        image.bytes.extend_from_slice(&last_block);
        image.address(BASE_REGISTER, DUMP);
        image.emit(&[sd(T0, 8 * T0 as i32, BASE_REGISTER)]);
        image.jump_to(T0, dump);
    }
    image.call(64, [1, OUT, 8 * blocks as u64, 0]);
    if focus.is_some() {
        image.call(64, [1, DATA, DATA_BYTES + DUMP_BYTES, 0]);
    }
    image.call(93, [0; 4]);
    image.align(16);
    let stack = image.here();
    image.put(ALTERNATE, stack);
    image.put(ALTERNATE + 16, SIGNAL_STACK);
    Program { elf: image.into_elf(), instructions, last_block }
}

/// A program under construction.
pub(super) struct Image {
    pub(super) bytes: Vec<u8>,
}

impl Image {
    /// With room for the header and the data area, up to where code begins.
    pub(super) fn new() -> Self {
        Self { bytes: vec![0; (CODE - BASE) as usize] }
    }

    pub(super) fn here(&self) -> u64 {
        BASE + self.bytes.len() as u64
    }

    fn put(&mut self, at: u64, value: u64) {
        let at = (at - BASE) as usize;
        self.bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
    }

    pub(super) fn patch(&mut self, at: u64, word: u32) {
        let at = (at - BASE) as usize;
        self.bytes[at..at + 4].copy_from_slice(&word.to_le_bytes());
    }

    pub(super) fn emit(&mut self, words: &[u32]) {
        words.iter().for_each(|word| self.bytes.extend(word.to_le_bytes()));
    }

    pub(super) fn align(&mut self, to: usize) {
        self.bytes.resize(self.bytes.len().next_multiple_of(to), 0);
    }

    /// Sets a register to an address.
    pub(super) fn address(&mut self, rd: u32, address: u64) {
        let low = ((address as i32) << 20) >> 20;
        self.emit(&[lui(rd, (address as i32 - low) as u32), addi(rd, rd, low)]);
    }

    fn jump_to(&mut self, link: u32, target: u64) {
        let distance = target as i64 - self.here() as i64;
        assert!(distance.abs() < 1 << 20, "within the reach of jal");
        self.emit(&[jal(link, distance as i32)]);
    }

    pub(super) fn call(&mut self, number: i32, arguments: [u64; 4]) {
        for (register, argument) in (10..).zip(arguments) {
            self.address(register, argument);
        }
        self.emit(&[addi(17, 0, number), ECALL]);
    }

    /// A block's initial registers, jumped over.
    fn table(&mut self, random: &mut Random) -> u64 {
        // Keep the position's alignment random: blocks are to begin at any halfword.
        if random.one_in(2) {
            self.bytes.extend(1u16.to_le_bytes());
        }
        let from = self.here();
        self.emit(&[0]);
        self.align(8);
        let table = self.here();
        for register in 0..32 {
            let value = POINTERS.iter().find(|(pointer, _)| *pointer == register);
            let value = value.map_or_else(|| random.integer(), |(_, address)| *address);
            self.bytes.extend(value.to_le_bytes());
        }
        (0..32).for_each(|_| self.bytes.extend(random.float().to_le_bytes()));
        // Half of the blocks start as most code runs: nearest even, inexact already raised.
        let fcsr = if random.one_in(2) { 1 } else { random.below(5) << 5 | random.below(32) };
        self.bytes.extend(fcsr.to_le_bytes());
        if random.one_in(2) {
            self.bytes.extend(1u16.to_le_bytes());
        }
        self.patch(from, jal(0, (self.here() - from) as i32));
        table
    }

    /// Sets all registers from the table at `x8`, other than itself and `t0`, which is the link.
    fn set_up(&mut self) {
        self.emit(&[ld(1, 512, BASE_REGISTER), csrrw(0, FCSR, 1)]);
        for register in 0..32 {
            self.emit(&[fld(register, 256 + 8 * register as i32, BASE_REGISTER)]);
        }
        for register in (1..32).filter(|register| ![T0, BASE_REGISTER].contains(register)) {
            self.emit(&[ld(register, 8 * register as i32, BASE_REGISTER)]);
        }
        self.emit(&[jalr(0, 0, T0)]);
    }

    /// Stores all registers at `x8`, other than itself and `t0`, which is the link; hashes; notes the result.
    fn dump(&mut self) {
        for register in (1..32).filter(|register| ![T0, BASE_REGISTER].contains(register)) {
            self.emit(&[sd(register, 8 * register as i32, BASE_REGISTER)]);
        }
        for register in 0..32 {
            self.emit(&[fsd(register, 256 + 8 * register as i32, BASE_REGISTER)]);
        }
        self.emit(&[csrr(6, FCSR), sd(6, 512, BASE_REGISTER)]);
        let (at, end, hash, factor, word, pointer) = (10, 11, 12, 13, 14, 15);
        self.address(at, DATA);
        self.address(end, DUMP + DUMP_BYTES);
        self.address(pointer, HASH);
        self.address(factor, 0x3779_7f4b);
        self.emit(&[
            ld(hash, 0, pointer),
            // The loop.
            ld(word, 0, at),
            r_type(0, word, hash, 4, hash, 0x33),
            r_type(1, factor, hash, 0, hash, 0x33),
            i_type(29, hash, 5, word, 0x13),
            r_type(0, word, hash, 4, hash, 0x33),
            addi(at, at, 8),
            branch(1, at, end, -24),
            sd(hash, 0, pointer),
            ld(at, 8, pointer),
            sd(hash, 0, at),
            addi(at, at, 8),
            sd(at, 8, pointer),
            jalr(0, 0, T0),
        ]);
    }

    /// Moves the interrupted `pc`, at byte 176 of the `ucontext` in `a2`, over the instruction there, and counts where
    /// `x0` would be dumped, so that an illegal instruction is told from one that does nothing.
    fn signal_handler(&mut self) {
        self.address(7, DUMP);
        self.emit(&[ld(6, 0, 7), addi(6, 6, 1), sd(6, 0, 7)]);
        self.emit(&[
            ld(5, 176, 12),
            lhu(6, 0, 5),
            i_type(3, 6, 7, 6, 0x13),
            addi(6, 6, -3),
            // 4 bytes if the low bits are both set, 2 otherwise.
            i_type(1, 6, 3, 6, 0x13),
            i_type(1, 6, 1, 6, 0x13),
            addi(6, 6, 2),
            r_type(0, 6, 5, 0, 5, 0x33),
            sd(5, 176, 12),
            addi(17, 0, 139),
            ECALL,
        ]);
    }

    /// The image as a static executable with one segment.
    pub(super) fn into_elf(mut self) -> Vec<u8> {
        let size = self.bytes.len() as u64;
        let mut header = Vec::new();
        header.extend(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
        // ET_EXEC, EM_RISCV, version 1
        header.extend([2, 0, 243, 0, 1, 0, 0, 0]);
        for value in [CODE, 64, 0] {
            header.extend(value.to_le_bytes());
        }
        // Flags: RVC, double-float ABI; header sizes and counts.
        header.extend([5, 0, 0, 0, 64, 0, 56, 0, 1, 0, 64, 0, 0, 0, 0, 0]);
        // PT_LOAD, RWX
        header.extend([1, 0, 0, 0, 7, 0, 0, 0]);
        for value in [0, BASE, BASE, size, size + SIGNAL_STACK, 0x1000] {
            header.extend(value.to_le_bytes());
        }
        self.bytes[..header.len()].copy_from_slice(&header);
        self.bytes
    }
}
