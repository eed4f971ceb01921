//! Why a hart returned to the kernel.

/// What a memory access was for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Access {
    /// A load, or the load half of LR.
    Read,
    /// A store, SC or AMO.
    Write,
    /// An instruction fetch.
    Execute,
}

/// Why [`Hart::run`](super::hart::Hart::run) returned. In every case the registers are exactly those before
/// the instruction at `pc`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Exit {
    /// `pc` is at an `ecall`; the kernel moves it on by [`ECALL_LEN`].
    Ecall,
    /// `pc` is at an `ebreak` or `c.ebreak`.
    Ebreak,
    /// The budget is used up.
    Budget,
    /// The attention word is not zero.
    Attention,
    /// The page table does not allow the access at `addr`.
    PageFault {
        /// The first byte that could not be accessed.
        addr: u64,
        /// What the access was for.
        access: Access,
    },
    /// An AMO, LR or SC whose address is not a multiple of its size; Linux sends SIGBUS.
    Misaligned {
        /// The accessed address.
        addr: u64,
    },
    /// An instruction this processor does not have; Linux sends SIGILL.
    Illegal {
        /// The instruction's bits, 16 or 32 of them.
        instr: u32,
    },
}

/// Bytes of an `ecall` instruction, which has no compressed form.
pub const ECALL_LEN: u64 = 4;
