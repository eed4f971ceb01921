//! A stopped thread's registers as `PTRACE_GETREGSET` gives them (`elf(5)`'s notes; arch/riscv/kernel/ptrace.c).

use crate::cpu::hart::Hart;

/// A set of registers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum RegisterSet {
    /// `NT_PRSTATUS`: `pc`, then `x1` to `x31`.
    General,
    /// `NT_PRFPREG`: `f0` to `f31`, then `fcsr`.
    Float,
}

/// Bytes of a register in either set.
pub(crate) const REGISTER_BYTES: usize = 8;

impl RegisterSet {
    /// From the number of its note.
    pub(crate) const fn new(number: u64) -> Option<RegisterSet> {
        match number {
            1 => Some(RegisterSet::General),
            2 => Some(RegisterSet::Float),
            _ => None,
        }
    }

    /// Its bytes.
    pub(crate) fn get(self, hart: &Hart) -> Vec<u8> {
        let words: Vec<u64> = match self {
            RegisterSet::General => core::iter::once(hart.pc()).chain((1..32).map(|n| hart.x(n))).collect(),
            RegisterSet::Float => {
                (0..32).map(|n| hart.f(n)).chain(core::iter::once(u64::from(hart.fcsr()))).collect()
            }
        };
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    /// Sets registers from bytes, as far as they go.
    pub(crate) fn set(self, hart: &mut Hart, bytes: &[u8]) {
        for (index, raw) in bytes.chunks_exact(REGISTER_BYTES).enumerate() {
            let mut word = [0; REGISTER_BYTES];
            word.copy_from_slice(raw);
            let word = u64::from_le_bytes(word);
            match (self, index) {
                (RegisterSet::General, 0) => hart.set_pc(word),
                (RegisterSet::General, 1..=31) => hart.set_x(index, word),
                (RegisterSet::Float, 0..=31) => hart.set_f(index, word),
                (RegisterSet::Float, 32) => hart.set_fcsr(word as u32),
                _ => {}
            }
        }
        hart.clear_reservation();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_go_round() {
        let mut hart = Hart::new();
        hart.set_pc(0x1000);
        (1..32).for_each(|n| hart.set_x(n, n as u64));
        (0..32).for_each(|n| hart.set_f(n, 100 + n as u64));
        hart.set_fcsr(0x61);
        let mut other = Hart::new();
        for set in [RegisterSet::General, RegisterSet::Float] {
            set.set(&mut other, &set.get(&hart));
        }
        assert_eq!((other.pc(), other.x(31), other.f(0), other.fcsr()), (0x1000, 31, 100, 0x61));
        // sizeof(struct user_regs_struct) and of struct __riscv_d_ext_state.
        assert_eq!(RegisterSet::General.get(&hart).len(), 256);
        assert_eq!(RegisterSet::Float.get(&hart).len(), 264);
    }
}
