//! The 16-bit encodings, expanded to the 32-bit instructions they stand for.

use super::{F0, Instr, Opcode, field, sign_extend};
use Opcode::*;

const RA: u32 = 1;
const SP: u32 = 2;

pub(super) fn decode(halfword: u16) -> Instr {
    let bits = u32::from(halfword);
    let decoded = match (field(bits, 1, 0), field(bits, 15, 13)) {
        (0, 0) => addi4spn(bits),
        (0, 1) => Some(load(Fld, bits, double_offset(bits)).rd(rd_short(bits) + u32::from(F0))),
        (0, 2) => Some(load(Lw, bits, word_offset(bits))),
        (0, 3) => Some(load(Ld, bits, double_offset(bits))),
        (0, 5) => Some(store(Fsd, bits, double_offset(bits)).rs2(rd_short(bits) + u32::from(F0))),
        (0, 6) => Some(store(Sw, bits, word_offset(bits))),
        (0, 7) => Some(store(Sd, bits, double_offset(bits))),
        (1, 0) => Some(Instr::new(Addi, 2).rd(rd(bits)).rs1(rd(bits)).imm(immediate(bits))),
        (1, 1) if rd(bits) == 0 => None,
        (1, 1) => Some(Instr::new(Addiw, 2).rd(rd(bits)).rs1(rd(bits)).imm(immediate(bits))),
        (1, 2) => Some(Instr::new(Addi, 2).rd(rd(bits)).imm(immediate(bits))),
        (1, 3) => lui_or_addi16sp(bits),
        (1, 4) => arithmetic(bits),
        (1, 5) => Some(Instr::new(Jal, 2).imm(jump_offset(bits))),
        (1, 6) => Some(Instr::new(Beq, 2).rs1(rs1_short(bits)).imm(branch_offset(bits))),
        (1, 7) => Some(Instr::new(Bne, 2).rs1(rs1_short(bits)).imm(branch_offset(bits))),
        (2, 0) => Some(Instr::new(Slli, 2).rd(rd(bits)).rs1(rd(bits)).imm(shift_amount(bits))),
        (2, 1) => Some(load_sp(Fld, bits, double_sp_offset(bits)).rd(rd(bits) + u32::from(F0))),
        (2, 2 | 3) if rd(bits) == 0 => None,
        (2, 2) => Some(load_sp(Lw, bits, word_sp_offset(bits))),
        (2, 3) => Some(load_sp(Ld, bits, double_sp_offset(bits))),
        (2, 4) => jump_or_move(bits),
        (2, 5) => Some(store_sp(Fsd, bits, double_sp_store(bits)).rs2(rs2(bits) + u32::from(F0))),
        (2, 6) => Some(store_sp(Sw, bits, word_sp_store(bits))),
        (2, 7) => Some(store_sp(Sd, bits, double_sp_store(bits))),
        _ => None,
    };
    decoded.unwrap_or(Instr::illegal(bits, 2))
}

const fn rd(bits: u32) -> u32 {
    field(bits, 11, 7)
}

const fn rs2(bits: u32) -> u32 {
    field(bits, 6, 2)
}

/// The three-bit register field of bits 4–2: `x8`–`x15`.
const fn rd_short(bits: u32) -> u32 {
    8 + field(bits, 4, 2)
}

/// The three-bit register field of bits 9–7.
const fn rs1_short(bits: u32) -> u32 {
    8 + field(bits, 9, 7)
}

/// The six-bit signed immediate of CI.
const fn immediate(bits: u32) -> i32 {
    sign_extend((field(bits, 12, 12) << 5) | field(bits, 6, 2), 6)
}

const fn shift_amount(bits: u32) -> i32 {
    ((field(bits, 12, 12) << 5) | field(bits, 6, 2)) as i32
}

const fn word_offset(bits: u32) -> u32 {
    (field(bits, 5, 5) << 6) | (field(bits, 12, 10) << 3) | (field(bits, 6, 6) << 2)
}

const fn double_offset(bits: u32) -> u32 {
    (field(bits, 6, 5) << 6) | (field(bits, 12, 10) << 3)
}

const fn word_sp_offset(bits: u32) -> u32 {
    (field(bits, 3, 2) << 6) | (field(bits, 12, 12) << 5) | (field(bits, 6, 4) << 2)
}

const fn double_sp_offset(bits: u32) -> u32 {
    (field(bits, 4, 2) << 6) | (field(bits, 12, 12) << 5) | (field(bits, 6, 5) << 3)
}

const fn word_sp_store(bits: u32) -> u32 {
    (field(bits, 8, 7) << 6) | (field(bits, 12, 9) << 2)
}

const fn double_sp_store(bits: u32) -> u32 {
    (field(bits, 9, 7) << 6) | (field(bits, 12, 10) << 3)
}

const fn branch_offset(bits: u32) -> i32 {
    let value = (field(bits, 12, 12) << 8)
        | (field(bits, 6, 5) << 6)
        | (field(bits, 2, 2) << 5)
        | (field(bits, 11, 10) << 3)
        | (field(bits, 4, 3) << 1);
    sign_extend(value, 9)
}

const fn jump_offset(bits: u32) -> i32 {
    let value = (field(bits, 12, 12) << 11)
        | (field(bits, 8, 8) << 10)
        | (field(bits, 10, 9) << 8)
        | (field(bits, 6, 6) << 7)
        | (field(bits, 7, 7) << 6)
        | (field(bits, 2, 2) << 5)
        | (field(bits, 11, 11) << 4)
        | (field(bits, 5, 3) << 1);
    sign_extend(value, 12)
}

const fn load(op: Opcode, bits: u32, offset: u32) -> Instr {
    Instr::new(op, 2).rd(rd_short(bits)).rs1(rs1_short(bits)).imm(offset as i32)
}

const fn store(op: Opcode, bits: u32, offset: u32) -> Instr {
    Instr::new(op, 2).rs1(rs1_short(bits)).rs2(rd_short(bits)).imm(offset as i32)
}

const fn load_sp(op: Opcode, bits: u32, offset: u32) -> Instr {
    Instr::new(op, 2).rd(rd(bits)).rs1(SP).imm(offset as i32)
}

const fn store_sp(op: Opcode, bits: u32, offset: u32) -> Instr {
    Instr::new(op, 2).rs1(SP).rs2(rs2(bits)).imm(offset as i32)
}

fn addi4spn(bits: u32) -> Option<Instr> {
    let offset = (field(bits, 10, 7) << 6)
        | (field(bits, 12, 11) << 4)
        | (field(bits, 5, 5) << 3)
        | (field(bits, 6, 6) << 2);
    (offset != 0).then(|| Instr::new(Addi, 2).rd(rd_short(bits)).rs1(SP).imm(offset as i32))
}

fn lui_or_addi16sp(bits: u32) -> Option<Instr> {
    if rd(bits) == SP {
        let value = (field(bits, 12, 12) << 9)
            | (field(bits, 4, 3) << 7)
            | (field(bits, 5, 5) << 6)
            | (field(bits, 2, 2) << 5)
            | (field(bits, 6, 6) << 4);
        return (value != 0).then(|| Instr::new(Addi, 2).rd(SP).rs1(SP).imm(sign_extend(value, 10)));
    }
    (immediate(bits) != 0).then(|| Instr::new(Lui, 2).rd(rd(bits)).imm(immediate(bits) << 12))
}

fn arithmetic(bits: u32) -> Option<Instr> {
    let rd = rs1_short(bits);
    let immediate_form = |op, imm| Some(Instr::new(op, 2).rd(rd).rs1(rd).imm(imm));
    let op = match (field(bits, 11, 10), field(bits, 12, 12), field(bits, 6, 5)) {
        (0, _, _) => return immediate_form(Srli, shift_amount(bits)),
        (1, _, _) => return immediate_form(Srai, shift_amount(bits)),
        (2, _, _) => return immediate_form(Andi, immediate(bits)),
        (_, 0, 0) => Sub,
        (_, 0, 1) => Xor,
        (_, 0, 2) => Or,
        (_, 0, _) => And,
        (_, _, 0) => Subw,
        (_, _, 1) => Addw,
        _ => return None,
    };
    Some(Instr::new(op, 2).rd(rd).rs1(rd).rs2(rd_short(bits)))
}

fn jump_or_move(bits: u32) -> Option<Instr> {
    match (field(bits, 12, 12), rd(bits), rs2(bits)) {
        (0, 0, 0) => None,
        (0, target, 0) => Some(Instr::new(Jalr, 2).rs1(target)),
        (0, rd, source) => Some(Instr::new(Add, 2).rd(rd).rs2(source)),
        (_, 0, 0) => Some(Instr::new(Ebreak, 2)),
        (_, target, 0) => Some(Instr::new(Jalr, 2).rd(RA).rs1(target)),
        (_, rd, source) => Some(Instr::new(Add, 2).rd(rd).rs1(rd).rs2(source)),
    }
}
