//! Instruction decoding: 16 or 32 bits to one clear form, with compressed instructions expanded.
//!
//! Owns: the encodings of rv64imafdc, Zicsr, Zifencei, Zba, Zbb, Zbs and Zicond, and which of them are reserved.
//! Does not own: what instructions do, nor the form they are executed in (`cpu::block`). Nothing here depends
//! on how code is run, so that an interpreter and a translator can share it.
//!
//! Source: The RISC-V Instruction Set Manual, Volume I, version 20240411, chapter 35 (instruction listings)
//! and chapter 26 ("C").

mod compressed;
mod wide;

/// Lists the architectural operations for a macro that needs all of them: this module's [`Opcode`], and the
/// execution forms built on it. (One list, since a second copy could drift.)
macro_rules! architectural_ops {
    ($then:ident!) => {
        $then! {
            Illegal,
            // RV64I
            Lui, Auipc, Jal, Jalr, Beq, Bne, Blt, Bge, Bltu, Bgeu,
            Lb, Lh, Lw, Ld, Lbu, Lhu, Lwu, Sb, Sh, Sw, Sd,
            Addi, Slti, Sltiu, Xori, Ori, Andi, Slli, Srli, Srai,
            Add, Sub, Sll, Slt, Sltu, Xor, Srl, Sra, Or, And,
            Addiw, Slliw, Srliw, Sraiw, Addw, Subw, Sllw, Srlw, Sraw,
            Fence, FenceI, Ecall, Ebreak,
            // Zicsr
            Csrrw, Csrrs, Csrrc, Csrrwi, Csrrsi, Csrrci,
            // M
            Mul, Mulh, Mulhsu, Mulhu, Div, Divu, Rem, Remu, Mulw, Divw, Divuw, Remw, Remuw,
            // A
            LrW, LrD, ScW, ScD,
            AmoswapW, AmoaddW, AmoxorW, AmoandW, AmoorW, AmominW, AmomaxW, AmominuW, AmomaxuW,
            AmoswapD, AmoaddD, AmoxorD, AmoandD, AmoorD, AmominD, AmomaxD, AmominuD, AmomaxuD,
            // Zba
            Sh1add, Sh2add, Sh3add, AddUw, Sh1addUw, Sh2addUw, Sh3addUw, SlliUw,
            // Zbb
            Andn, Orn, Xnor, Clz, Ctz, Cpop, Clzw, Ctzw, Cpopw, Max, Maxu, Min, Minu, SextB, SextH, ZextH,
            Rol, Ror, Rori, Rolw, Rorw, Roriw, OrcB, Rev8,
            // Zbs
            Bclr, Bclri, Bext, Bexti, Binv, Binvi, Bset, Bseti,
            // Zicond
            CzeroEqz, CzeroNez,
            // F and D
            Flw, Fld, Fsw, Fsd,
            FmaddS, FmsubS, FnmsubS, FnmaddS, FmaddD, FmsubD, FnmsubD, FnmaddD,
            FaddS, FsubS, FmulS, FdivS, FsqrtS, FaddD, FsubD, FmulD, FdivD, FsqrtD,
            FsgnjS, FsgnjnS, FsgnjxS, FminS, FmaxS, FsgnjD, FsgnjnD, FsgnjxD, FminD, FmaxD,
            FeqS, FltS, FleS, FclassS, FeqD, FltD, FleD, FclassD,
            FmvXW, FmvWX, FmvXD, FmvDX, FcvtSD, FcvtDS,
            FcvtWS, FcvtWuS, FcvtLS, FcvtLuS, FcvtWD, FcvtWuD, FcvtLD, FcvtLuD,
            FcvtSW, FcvtSWu, FcvtSL, FcvtSLu, FcvtDW, FcvtDWu, FcvtDL, FcvtDLu,
        }
    };
}
pub(crate) use architectural_ops;

macro_rules! define_opcode {
    ($($name:ident,)*) => {
        /// An architectural operation, named as in the manual.
        #[allow(missing_docs, reason = "the manual documents them")]
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum Opcode { $($name,)* }
    };
}
architectural_ops!(define_opcode!);

/// Number of the first floating-point register in [`Instr`]'s register fields.
pub const F0: u8 = 32;

/// The rounding mode field that means "as `frm` says".
pub const RM_DYN: u8 = 7;

/// A decoded instruction.
///
/// Register fields are 0–31 for `x0`–`x31` and 32–63 for `f0`–`f31`; a field that the operation does not have is
/// zero. `imm` is the sign-extended immediate (for `lui` and `auipc` already shifted), the shift amount, the CSR
/// number, or an illegal instruction's bits. For CSR immediates `rs1` holds the five-bit value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Instr {
    /// What to do.
    pub op: Opcode,
    /// Destination register.
    pub rd: u8,
    /// First source register.
    pub rs1: u8,
    /// Second source register.
    pub rs2: u8,
    /// Third source register, of fused multiply-add.
    pub rs3: u8,
    /// Rounding mode: 0–4, or [`RM_DYN`].
    pub rm: u8,
    /// Length in bytes, 2 or 4.
    pub len: u8,
    /// Immediate.
    pub imm: i32,
}

impl Instr {
    const fn new(op: Opcode, len: u8) -> Self {
        Self { op, rd: 0, rs1: 0, rs2: 0, rs3: 0, rm: 0, len, imm: 0 }
    }

    const fn illegal(bits: u32, len: u8) -> Self {
        Self { imm: bits as i32, ..Self::new(Opcode::Illegal, len) }
    }

    const fn rd(self, rd: u32) -> Self {
        Self { rd: rd as u8, ..self }
    }

    const fn rs1(self, rs1: u32) -> Self {
        Self { rs1: rs1 as u8, ..self }
    }

    const fn rs2(self, rs2: u32) -> Self {
        Self { rs2: rs2 as u8, ..self }
    }

    const fn imm(self, imm: i32) -> Self {
        Self { imm, ..self }
    }
}

/// Whether an instruction with this first halfword has 32 bits. (Longer ones do not exist; they are illegal.)
pub const fn is_wide(first_halfword: u16) -> bool {
    first_halfword & 3 == 3
}

/// Decodes the instruction whose first bytes are `bits`; of a compressed one only the low half is looked at.
pub fn decode(bits: u32) -> Instr {
    if is_wide(bits as u16) { wide::decode(bits) } else { compressed::decode(bits as u16) }
}

/// Bits `low..=high` of `bits`.
const fn field(bits: u32, high: u32, low: u32) -> u32 {
    (bits >> low) & ((1 << (high - low + 1)) - 1)
}

/// The low `width` bits of `value`, sign-extended.
const fn sign_extend(value: u32, width: u32) -> i32 {
    ((value << (32 - width)) as i32) >> (32 - width)
}

#[cfg(test)]
mod tests;
