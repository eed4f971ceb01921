//! The few instructions that the test driver itself is made of.

pub(crate) fn addi(rd: u32, rs1: u32, imm: i32) -> u32 {
    i_type(imm, rs1, 0, rd, 0x13)
}

pub(crate) fn lui(rd: u32, value: u32) -> u32 {
    (value & 0xffff_f000) | rd << 7 | 0x37
}

pub(crate) fn auipc(rd: u32, value: u32) -> u32 {
    (value & 0xffff_f000) | rd << 7 | 0x17
}

pub(crate) fn i_type(imm: i32, rs1: u32, funct3: u32, rd: u32, opcode: u32) -> u32 {
    (imm as u32) << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | opcode
}

pub(crate) fn r_type(funct7: u32, rs2: u32, rs1: u32, funct3: u32, rd: u32, opcode: u32) -> u32 {
    funct7 << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | opcode
}

pub(crate) fn s_type(imm: i32, rs2: u32, rs1: u32, funct3: u32, opcode: u32) -> u32 {
    let imm = imm as u32;
    (imm >> 5 & 0x7f) << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 | (imm & 0x1f) << 7 | opcode
}

pub(crate) fn ld(rd: u32, offset: i32, rs1: u32) -> u32 {
    i_type(offset, rs1, 3, rd, 0x03)
}

pub(crate) fn lhu(rd: u32, offset: i32, rs1: u32) -> u32 {
    i_type(offset, rs1, 5, rd, 0x03)
}

pub(crate) fn sd(rs2: u32, offset: i32, rs1: u32) -> u32 {
    s_type(offset, rs2, rs1, 3, 0x23)
}

pub(crate) fn fld(rd: u32, offset: i32, rs1: u32) -> u32 {
    i_type(offset, rs1, 3, rd, 0x07)
}

pub(crate) fn fsd(rs2: u32, offset: i32, rs1: u32) -> u32 {
    s_type(offset, rs2, rs1, 3, 0x27)
}

pub(crate) fn branch(funct3: u32, rs1: u32, rs2: u32, offset: i32) -> u32 {
    let imm = offset as u32;
    (imm >> 12 & 1) << 31
        | (imm >> 5 & 0x3f) << 25
        | rs2 << 20
        | rs1 << 15
        | funct3 << 12
        | (imm >> 1 & 0xf) << 8
        | (imm >> 11 & 1) << 7
        | 0x63
}

pub(crate) fn jal(rd: u32, offset: i32) -> u32 {
    let imm = offset as u32;
    (imm >> 20 & 1) << 31
        | (imm >> 1 & 0x3ff) << 21
        | (imm >> 11 & 1) << 20
        | (imm & 0xff000)
        | rd << 7
        | 0x6f
}

pub(crate) fn jalr(rd: u32, offset: i32, rs1: u32) -> u32 {
    i_type(offset, rs1, 0, rd, 0x67)
}

/// `csrrw rd, csr, rs1`.
pub(crate) fn csrrw(rd: u32, csr: u32, rs1: u32) -> u32 {
    csr << 20 | rs1 << 15 | 1 << 12 | rd << 7 | 0x73
}

/// `csrrs rd, csr, x0`.
pub(crate) fn csrr(rd: u32, csr: u32) -> u32 {
    csr << 20 | 2 << 12 | rd << 7 | 0x73
}

/// A compressed branch on `x8 + short` being zero (or not), forward.
pub(crate) fn compressed_branch(if_zero: bool, short: u32, offset: u32) -> u16 {
    let funct3 = if if_zero { 6 } else { 7 };
    (funct3 << 13
        | (offset >> 8 & 1) << 12
        | (offset >> 3 & 3) << 10
        | short << 7
        | (offset >> 6 & 3) << 5
        | (offset >> 1 & 3) << 3
        | (offset >> 5 & 1) << 2
        | 1) as u16
}

/// `c.mv rd, rs2`.
pub(crate) fn compressed_move(rd: u32, rs2: u32) -> u16 {
    (0x8 << 12 | rd << 7 | rs2 << 2 | 2) as u16
}

/// `c.add rd, rs2`.
pub(crate) fn compressed_add(rd: u32, rs2: u32) -> u16 {
    (0x9 << 12 | rd << 7 | rs2 << 2 | 2) as u16
}

/// `c.addi rd, imm`, of six bits.
pub(crate) fn compressed_addi(rd: u32, imm: i32) -> u16 {
    let imm = imm as u32;
    ((imm >> 5 & 1) << 12 | rd << 7 | (imm & 31) << 2 | 1) as u16
}

/// `c.slli rd, shift`.
pub(crate) fn compressed_slli(rd: u32, shift: u32) -> u16 {
    ((shift >> 5 & 1) << 12 | rd << 7 | (shift & 31) << 2 | 2) as u16
}

pub(crate) const ECALL: u32 = 0x73;
pub(crate) const FCSR: u32 = 3;
