//! A hart: the user-visible state of one guest thread, plain data that any worker can run.

use super::core::{SpaceView, WorkerCore};
use super::exit::Exit;
use std::sync::atomic::AtomicU32;

/// Index of `f0` in the register file.
const F0: u8 = 32;
/// Registers in the file: `x0`–`x31`, `f0`–`f31`, and the sink.
const REGISTERS: usize = 65;

/// The index of a register in a [`RegisterFile`]: 0–31 integer, 32–63 floating-point, 64 the sink.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct RegIndex(u8);

impl RegIndex {
    /// Where writes to `x0` go, so that they need no test.
    pub(super) const SINK: Self = Self(64);

    /// The register with this number.
    ///
    /// # Panics
    ///
    /// If there is none. The decoder's fields have five bits, so no instruction leads here.
    pub(super) const fn new(number: u8) -> Self {
        assert!((number as usize) < REGISTERS, "register number");
        Self(number)
    }

    /// The register's number.
    pub(super) const fn number(self) -> u8 {
        self.0
    }
}

/// All registers of a hart in one array. The zero register is never written.
#[derive(Clone, Debug)]
pub(super) struct RegisterFile([u64; REGISTERS]);

impl RegisterFile {
    #[inline(always)]
    pub(super) fn get(&self, index: RegIndex) -> u64 {
        // SAFETY: `RegIndex::new` checked the number against the array's length.
        unsafe { *self.0.get_unchecked(usize::from(index.0)) }
    }

    #[inline(always)]
    pub(super) fn set(&mut self, index: RegIndex, value: u64) {
        // SAFETY: as in `get`.
        unsafe { *self.0.get_unchecked_mut(usize::from(index.0)) = value }
    }
}

/// The load reservation of LR: SC succeeds where the memory still holds the value that LR saw.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Reservation {
    pub(super) addr: u64,
    pub(super) value: u64,
    pub(super) size: u8,
}

/// Integer and floating-point registers, `pc`, `fcsr`, reservation and instruction count of a guest thread.
///
/// The register file comes first, so that the interpreter reaches all of it through one pointer.
#[repr(C)]
#[derive(Clone, Debug)]
pub struct Hart {
    pub(super) regs: RegisterFile,
    pub(super) pc: u64,
    pub(super) fcsr: u32,
    pub(super) reservation: Option<Reservation>,
    pub(super) instret: u64,
}

impl Default for Hart {
    fn default() -> Self {
        Self { regs: RegisterFile([0; REGISTERS]), pc: 0, fcsr: 0, reservation: None, instret: 0 }
    }
}

impl Hart {
    /// All registers zero.
    pub fn new() -> Self {
        Self::default()
    }

    /// Integer register `x{n}`; `x0` is zero.
    ///
    /// # Panics
    ///
    /// If `n` is not below 32, as for the other register accessors.
    pub fn x(&self, n: usize) -> u64 {
        assert!(n < 32, "integer register number");
        self.regs.0[n]
    }

    /// Sets integer register `x{n}`; `x0` stays zero.
    pub fn set_x(&mut self, n: usize, value: u64) {
        assert!(n < 32, "integer register number");
        if n != 0 {
            self.regs.0[n] = value;
        }
    }

    /// The 64 bits of floating-point register `f{n}`, NaN-boxed if it holds a single.
    pub fn f(&self, n: usize) -> u64 {
        assert!(n < 32, "floating-point register number");
        self.regs.0[usize::from(F0) + n]
    }

    /// Sets the 64 bits of floating-point register `f{n}`.
    pub fn set_f(&mut self, n: usize, bits: u64) {
        assert!(n < 32, "floating-point register number");
        self.regs.0[usize::from(F0) + n] = bits;
    }

    /// The address of the next instruction.
    pub fn pc(&self) -> u64 {
        self.pc
    }

    /// Sets the address of the next instruction. Bit 0 is cleared, as by `jalr`.
    pub fn set_pc(&mut self, pc: u64) {
        self.pc = pc & !1;
    }

    /// The floating-point control and status register: flags in bits 0–4, rounding mode in bits 5–7.
    pub fn fcsr(&self) -> u32 {
        self.fcsr
    }

    /// Sets the floating-point control and status register; bits above 7 do not exist.
    pub fn set_fcsr(&mut self, fcsr: u32) {
        self.fcsr = fcsr & 0xff;
    }

    /// Instructions retired since the hart was made.
    pub fn instret(&self) -> u64 {
        self.instret
    }

    /// Drops the reservation of LR, so that the next SC fails: what a trap to a signal handler does.
    pub fn clear_reservation(&mut self) {
        self.reservation = None;
    }

    /// Runs at most `budget` instructions of an address space, exactly `budget` unless something else stops the hart before.
    ///
    /// `attention` is polled on entry and at least every few thousand instructions; a value other than zero ends the run. Another
    /// hart can use that to stop this one. The generations in `space` are read on entry. Never blocks.
    pub fn run(
        &mut self,
        core: &mut WorkerCore,
        space: &SpaceView<'_>,
        budget: u64,
        attention: &AtomicU32,
    ) -> Exit {
        core.run(self, space, budget, attention)
    }
}
