//! The 32-bit encodings.

use super::{F0, Instr, Opcode, RM_DYN, field, sign_extend};
use Opcode::*;

pub(super) fn decode(bits: u32) -> Instr {
    let decoded = match field(bits, 6, 2) {
        0b00000 => load(bits),
        0b00001 => load_fp(bits),
        0b00011 => misc_mem(bits),
        0b00100 => op_imm(bits),
        0b00101 => Some(upper(Auipc, bits)),
        0b00110 => op_imm_32(bits),
        0b01000 => store(bits),
        0b01001 => store_fp(bits),
        0b01011 => amo(bits),
        0b01100 => op(bits).map(|op| r_type(op, bits)),
        0b01101 => Some(upper(Lui, bits)),
        0b01110 => op_32(bits).map(|op| r_type(op, bits)),
        0b10000 => fused([FmaddS, FmaddD], bits),
        0b10001 => fused([FmsubS, FmsubD], bits),
        0b10010 => fused([FnmsubS, FnmsubD], bits),
        0b10011 => fused([FnmaddS, FnmaddD], bits),
        0b10100 => op_fp(bits),
        0b11000 => branch(bits),
        0b11001 => (funct3(bits) == 0).then(|| i_type(Jalr, bits)),
        0b11011 => Some(Instr::new(Jal, 4).rd(rd(bits)).imm(j_immediate(bits))),
        0b11100 => system(bits),
        _ => None,
    };
    decoded.unwrap_or(Instr::illegal(bits, 4))
}

const fn rd(bits: u32) -> u32 {
    field(bits, 11, 7)
}

const fn rs1(bits: u32) -> u32 {
    field(bits, 19, 15)
}

const fn rs2(bits: u32) -> u32 {
    field(bits, 24, 20)
}

const fn funct3(bits: u32) -> u32 {
    field(bits, 14, 12)
}

const fn funct7(bits: u32) -> u32 {
    field(bits, 31, 25)
}

/// The I-type immediate: bits 31–20.
const fn i_immediate(bits: u32) -> i32 {
    (bits as i32) >> 20
}

const fn s_immediate(bits: u32) -> i32 {
    (((bits as i32) >> 25) << 5) | field(bits, 11, 7) as i32
}

const fn b_immediate(bits: u32) -> i32 {
    let value = (field(bits, 31, 31) << 12)
        | (field(bits, 7, 7) << 11)
        | (field(bits, 30, 25) << 5)
        | (field(bits, 11, 8) << 1);
    sign_extend(value, 13)
}

const fn j_immediate(bits: u32) -> i32 {
    let value = (field(bits, 31, 31) << 20)
        | (field(bits, 19, 12) << 12)
        | (field(bits, 20, 20) << 11)
        | (field(bits, 30, 21) << 1);
    sign_extend(value, 21)
}

const fn r_type(op: Opcode, bits: u32) -> Instr {
    Instr::new(op, 4).rd(rd(bits)).rs1(rs1(bits)).rs2(rs2(bits))
}

const fn i_type(op: Opcode, bits: u32) -> Instr {
    Instr::new(op, 4).rd(rd(bits)).rs1(rs1(bits)).imm(i_immediate(bits))
}

const fn upper(op: Opcode, bits: u32) -> Instr {
    Instr::new(op, 4).rd(rd(bits)).imm((bits & 0xffff_f000) as i32)
}

fn load(bits: u32) -> Option<Instr> {
    let op = [Lb, Lh, Lw, Ld, Lbu, Lhu, Lwu].get(funct3(bits) as usize)?;
    Some(i_type(*op, bits))
}

fn store(bits: u32) -> Option<Instr> {
    let op = [Sb, Sh, Sw, Sd].get(funct3(bits) as usize)?;
    Some(Instr::new(*op, 4).rs1(rs1(bits)).rs2(rs2(bits)).imm(s_immediate(bits)))
}

fn branch(bits: u32) -> Option<Instr> {
    let op = match funct3(bits) {
        0 => Beq,
        1 => Bne,
        4 => Blt,
        5 => Bge,
        6 => Bltu,
        7 => Bgeu,
        _ => return None,
    };
    Some(Instr::new(op, 4).rs1(rs1(bits)).rs2(rs2(bits)).imm(b_immediate(bits)))
}

fn misc_mem(bits: u32) -> Option<Instr> {
    // The other fields are reserved for finer fences and ignored (manual, 2.7 and chapter 6).
    match funct3(bits) {
        0 => Some(Instr::new(Fence, 4)),
        1 => Some(Instr::new(FenceI, 4)),
        _ => None,
    }
}

fn op_imm(bits: u32) -> Option<Instr> {
    let shift = |op| Some(i_type(op, bits).imm(field(bits, 25, 20) as i32));
    let unary = |op| Some(i_type(op, bits).imm(0));
    match (funct3(bits), field(bits, 31, 26)) {
        (0, _) => Some(i_type(Addi, bits)),
        (2, _) => Some(i_type(Slti, bits)),
        (3, _) => Some(i_type(Sltiu, bits)),
        (4, _) => Some(i_type(Xori, bits)),
        (6, _) => Some(i_type(Ori, bits)),
        (7, _) => Some(i_type(Andi, bits)),
        (1, 0b000000) => shift(Slli),
        (1, 0b001010) => shift(Bseti),
        (1, 0b010010) => shift(Bclri),
        (1, 0b011010) => shift(Binvi),
        (1, 0b011000) => match field(bits, 25, 20) {
            0 => unary(Clz),
            1 => unary(Ctz),
            2 => unary(Cpop),
            4 => unary(SextB),
            5 => unary(SextH),
            _ => None,
        },
        (5, 0b000000) => shift(Srli),
        (5, 0b010000) => shift(Srai),
        (5, 0b010010) => shift(Bexti),
        (5, 0b011000) => shift(Rori),
        (5, 0b001010) if field(bits, 25, 20) == 0b000111 => unary(OrcB),
        (5, 0b011010) if field(bits, 25, 20) == 0b111000 => unary(Rev8),
        _ => None,
    }
}

fn op_imm_32(bits: u32) -> Option<Instr> {
    let shift = |op| Some(i_type(op, bits).imm(rs2(bits) as i32));
    match (funct3(bits), funct7(bits)) {
        (0, _) => Some(i_type(Addiw, bits)),
        (1, 0b0000000) => shift(Slliw),
        (1, 0b0000100 | 0b0000101) => Some(i_type(SlliUw, bits).imm(field(bits, 25, 20) as i32)),
        (1, 0b0110000) => match rs2(bits) {
            0 => Some(i_type(Clzw, bits).imm(0)),
            1 => Some(i_type(Ctzw, bits).imm(0)),
            2 => Some(i_type(Cpopw, bits).imm(0)),
            _ => None,
        },
        (5, 0b0000000) => shift(Srliw),
        (5, 0b0100000) => shift(Sraiw),
        (5, 0b0110000) => shift(Roriw),
        _ => None,
    }
}

fn op(bits: u32) -> Option<Opcode> {
    Some(match (funct7(bits), funct3(bits)) {
        (0b0000000, f3) => [Add, Sll, Slt, Sltu, Xor, Srl, Or, And][f3 as usize],
        (0b0000001, f3) => [Mul, Mulh, Mulhsu, Mulhu, Div, Divu, Rem, Remu][f3 as usize],
        (0b0100000, 0) => Sub,
        (0b0100000, 4) => Xnor,
        (0b0100000, 5) => Sra,
        (0b0100000, 6) => Orn,
        (0b0100000, 7) => Andn,
        (0b0010000, 2) => Sh1add,
        (0b0010000, 4) => Sh2add,
        (0b0010000, 6) => Sh3add,
        (0b0000101, 4) => Min,
        (0b0000101, 5) => Minu,
        (0b0000101, 6) => Max,
        (0b0000101, 7) => Maxu,
        (0b0110000, 1) => Rol,
        (0b0110000, 5) => Ror,
        (0b0100100, 1) => Bclr,
        (0b0100100, 5) => Bext,
        (0b0110100, 1) => Binv,
        (0b0010100, 1) => Bset,
        (0b0000111, 5) => CzeroEqz,
        (0b0000111, 7) => CzeroNez,
        _ => return None,
    })
}

fn op_32(bits: u32) -> Option<Opcode> {
    Some(match (funct7(bits), funct3(bits)) {
        (0b0000000, 0) => Addw,
        (0b0000000, 1) => Sllw,
        (0b0000000, 5) => Srlw,
        (0b0100000, 0) => Subw,
        (0b0100000, 5) => Sraw,
        (0b0000001, 0) => Mulw,
        (0b0000001, 4) => Divw,
        (0b0000001, 5) => Divuw,
        (0b0000001, 6) => Remw,
        (0b0000001, 7) => Remuw,
        (0b0000100, 0) => AddUw,
        (0b0000100, 4) if rs2(bits) == 0 => ZextH,
        (0b0010000, 2) => Sh1addUw,
        (0b0010000, 4) => Sh2addUw,
        (0b0010000, 6) => Sh3addUw,
        (0b0110000, 1) => Rolw,
        (0b0110000, 5) => Rorw,
        _ => return None,
    })
}

fn amo(bits: u32) -> Option<Instr> {
    let [word, double] = match field(bits, 31, 27) {
        0b00010 if rs2(bits) == 0 => [LrW, LrD],
        0b00011 => [ScW, ScD],
        0b00001 => [AmoswapW, AmoswapD],
        0b00000 => [AmoaddW, AmoaddD],
        0b00100 => [AmoxorW, AmoxorD],
        0b01100 => [AmoandW, AmoandD],
        0b01000 => [AmoorW, AmoorD],
        0b10000 => [AmominW, AmominD],
        0b10100 => [AmomaxW, AmomaxD],
        0b11000 => [AmominuW, AmominuD],
        0b11100 => [AmomaxuW, AmomaxuD],
        _ => return None,
    };
    // The aq and rl bits are not kept: every atomic is executed sequentially consistent, which is stronger.
    match funct3(bits) {
        2 => Some(r_type(word, bits)),
        3 => Some(r_type(double, bits)),
        _ => None,
    }
}

fn system(bits: u32) -> Option<Instr> {
    let op = match funct3(bits) {
        0 => {
            return match bits {
                0x0000_0073 => Some(Instr::new(Ecall, 4)),
                0x0010_0073 => Some(Instr::new(Ebreak, 4)),
                _ => None,
            };
        }
        1 => Csrrw,
        2 => Csrrs,
        3 => Csrrc,
        5 => Csrrwi,
        6 => Csrrsi,
        7 => Csrrci,
        _ => return None,
    };
    let csr = field(bits, 31, 20);
    let reads_only = rs1(bits) == 0 && !matches!(op, Csrrw | Csrrwi);
    csr_exists(csr, reads_only).then(|| Instr::new(op, 4).rd(rd(bits)).rs1(rs1(bits)).imm(csr as i32))
}

/// Whether user mode has this CSR, for reading alone or also for writing.
fn csr_exists(csr: u32, reads_only: bool) -> bool {
    match csr {
        0x001..=0x003 => true,
        0xc00..=0xc02 => reads_only,
        _ => false,
    }
}

fn load_fp(bits: u32) -> Option<Instr> {
    let op = match funct3(bits) {
        2 => Flw,
        3 => Fld,
        _ => return None,
    };
    Some(i_type(op, bits).rd(rd(bits) + u32::from(F0)))
}

fn store_fp(bits: u32) -> Option<Instr> {
    let op = match funct3(bits) {
        2 => Fsw,
        3 => Fsd,
        _ => return None,
    };
    Some(Instr::new(op, 4).rs1(rs1(bits)).rs2(rs2(bits) + u32::from(F0)).imm(s_immediate(bits)))
}

/// The rounding mode field, unless it is one of the reserved values.
fn rounding_mode(bits: u32) -> Option<u8> {
    let rm = funct3(bits) as u8;
    (rm <= 4 || rm == RM_DYN).then_some(rm)
}

/// An operation whose register operands are all floating-point.
fn fp_type(op: Opcode, bits: u32) -> Instr {
    let f0 = u32::from(F0);
    Instr::new(op, 4).rd(rd(bits) + f0).rs1(rs1(bits) + f0).rs2(rs2(bits) + f0)
}

fn fused([single, double]: [Opcode; 2], bits: u32) -> Option<Instr> {
    let op = match field(bits, 26, 25) {
        0 => single,
        1 => double,
        _ => return None,
    };
    let rs3 = field(bits, 31, 27) as u8 + F0;
    Some(Instr { rs3, rm: rounding_mode(bits)?, ..fp_type(op, bits) })
}

fn op_fp(bits: u32) -> Option<Instr> {
    let f0 = u32::from(F0);
    let rounded = |op| Some(Instr { rm: rounding_mode(bits)?, ..fp_type(op, bits) });
    let unary = |op| Some(Instr { rm: rounding_mode(bits)?, ..fp_type(op, bits).rs2(0) });
    let to_integer = |op| Some(unary(op)?.rd(rd(bits)));
    let from_integer = |op| Some(unary(op)?.rs1(rs1(bits)));
    let compare = |op| Some(fp_type(op, bits).rd(rd(bits)));
    let inspect = |op| Some(fp_type(op, bits).rd(rd(bits)).rs2(0));
    let pick = |ops: &[Opcode]| ops.get(funct3(bits) as usize).copied();
    let pick_rs2 = |ops: [Opcode; 4]| ops.get(rs2(bits) as usize).copied();
    match (funct7(bits), rs2(bits)) {
        (0b0000000, _) => rounded(FaddS),
        (0b0000001, _) => rounded(FaddD),
        (0b0000100, _) => rounded(FsubS),
        (0b0000101, _) => rounded(FsubD),
        (0b0001000, _) => rounded(FmulS),
        (0b0001001, _) => rounded(FmulD),
        (0b0001100, _) => rounded(FdivS),
        (0b0001101, _) => rounded(FdivD),
        (0b0101100, 0) => unary(FsqrtS),
        (0b0101101, 0) => unary(FsqrtD),
        (0b0010000, _) => Some(fp_type(pick(&[FsgnjS, FsgnjnS, FsgnjxS])?, bits)),
        (0b0010001, _) => Some(fp_type(pick(&[FsgnjD, FsgnjnD, FsgnjxD])?, bits)),
        (0b0010100, _) => Some(fp_type(pick(&[FminS, FmaxS])?, bits)),
        (0b0010101, _) => Some(fp_type(pick(&[FminD, FmaxD])?, bits)),
        (0b0100000, 1) => unary(FcvtSD),
        (0b0100001, 0) => unary(FcvtDS),
        (0b1010000, _) => compare(pick(&[FleS, FltS, FeqS])?),
        (0b1010001, _) => compare(pick(&[FleD, FltD, FeqD])?),
        (0b1100000, _) => to_integer(pick_rs2([FcvtWS, FcvtWuS, FcvtLS, FcvtLuS])?),
        (0b1100001, _) => to_integer(pick_rs2([FcvtWD, FcvtWuD, FcvtLD, FcvtLuD])?),
        (0b1101000, _) => from_integer(pick_rs2([FcvtSW, FcvtSWu, FcvtSL, FcvtSLu])?),
        (0b1101001, _) => from_integer(pick_rs2([FcvtDW, FcvtDWu, FcvtDL, FcvtDLu])?),
        (0b1110000, 0) => inspect(pick(&[FmvXW, FclassS])?),
        (0b1110001, 0) => inspect(pick(&[FmvXD, FclassD])?),
        (0b1111000, 0) if funct3(bits) == 0 => Some(i_type(FmvWX, bits).rd(rd(bits) + f0).imm(0)),
        (0b1111001, 0) if funct3(bits) == 0 => Some(i_type(FmvDX, bits).rd(rd(bits) + f0).imm(0)),
        _ => None,
    }
}
