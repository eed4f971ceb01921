//! The execution form of an instruction: sixteen bytes, everything in it ready to use.

use super::super::decode::{Opcode, architectural_ops};
use super::super::hart::RegIndex;

macro_rules! define_op {
    ($($name:ident,)*) => {
        /// What the interpreter dispatches on.
        ///
        /// The architectural operations stand for their four-byte instructions and, of branches and `jal`, for
        /// those whose target is in the same page. Names that end in `C` are the two-byte copies, so that where
        /// the next slot is needs no look at a length. `Far` means a target in another page.
        #[repr(u16)]
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub(in super::super) enum Op {
            $($name,)*
            // Two-byte copies of what compressed code is made of.
            AddiC, AddiwC, LiC, LuiC, AndiC, SlliC, SrliC, SraiC, AddC, MvC, SubC, XorC, OrC, AndC, AddwC, SubwC,
            LwC, LdC, FldC, SwC, SdC, FsdC, NopC, EbreakC, IllegalC,
            BeqzC, BnezC, JC, JrC, JalrC,
            // Targets in another page.
            BeqFar, BneFar, BltFar, BgeFar, BltuFar, BgeuFar, BeqzFarC, BnezFarC, JalFar, JFarC,
            // Simpler forms of common cases.
            Beqz, Bnez, Li, Nop, Jr, J,
            // Two instructions in one slot (see `fuse`). A number is the length of both in halfwords.
            Li3, Li4, Auipc3, Auipc4, AuipcLd, Call, TailCall,
            SlliSrli2, SlliSrli3, SlliSrli4, SlliSrai2, SlliSrai3, SlliSrai4, SlliAdd2, SlliAdd3, SlliAdd4,
            AddiAddi2, AddiAddi3, AddiAddi4, AddiwAddiw2, AddiwAddiw3, AddiwAddiw4,
            MulAdd3, MulAdd4, MulwAddw3, MulwAddw4,
            MvMv2, AddiAdd2, AddiAdd3, AddiAdd4, AddAddi2, AddAdd2, LdAddi2, FmulFaddD, LdLd2, SdSd2, LwLw2, LwLw4,
            // An instruction and a branch inside the page.
            AddiBeq, AddiBne, AddiBlt, AddiBge, AddiBltu, AddiBgeu, AddiwBeq, AddiwBne, AddiwBlt, AddiwBge, AddiwBltu, AddiwBgeu, LwBeq, LwBne, LwBlt, LwBge, LwBltu, LwBgeu, LdBeq, LdBne, LbuBeq, LbuBne, AndiBeq, AndiBne, SrliBeq, SrliBne, AddwBne, AddBne,
            // Several instructions of a line's body, each in one slot (see `pattern`); on to another slot.
            RotateW, Rotate, RotateAddW, XorRotatesW, XorRotates, XorRotatesShiftW, XorRotatesShift, Choose, RingElement,
            AddAddW, AddAdd, XorXor, OrOr, XorAnd, AndXor, AndOr, OrAnd, NotAnd, Hop,
            // Leaves the page at this slot without executing anything.
            Leave,
        }

        impl From<Opcode> for Op {
            fn from(op: Opcode) -> Self {
                match op { $(Opcode::$name => Self::$name,)* }
            }
        }
    };
}
architectural_ops!(define_op!);

/// Bytes of a slot; byte offsets in a page times eight are byte offsets in its slots.
pub(in super::super) const SLOT_BYTES: usize = size_of::<Slot>();

/// An instruction ready to execute.
///
/// Register fields index [`Hart`](super::super::hart::Hart)'s file: 0–31 integer, 32–63 floating-point, and the
/// sink for writes to `x0`. What `imm` and `aux` hold depends on the operation: see `build`.
#[repr(C, align(16))]
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Slot {
    pub(in super::super) op: Op,
    pub(in super::super) rd: RegIndex,
    pub(in super::super) rs1: RegIndex,
    pub(in super::super) rs2: RegIndex,
    pub(in super::super) rs3: RegIndex,
    pub(in super::super) count: u16,
    pub(in super::super) imm: i32,
    pub(in super::super) aux: i32,
}

const _: () = assert!(SLOT_BYTES == 16);

impl Slot {
    /// A slot that leaves the page.
    pub(super) const fn leave() -> Self {
        let x0 = RegIndex::new(0);
        Self { op: Op::Leave, rd: RegIndex::SINK, rs1: x0, rs2: x0, rs3: x0, count: 0, imm: 0, aux: 0 }
    }
}
