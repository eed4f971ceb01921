//! Fusion: one slot that executes two instructions, for pairs that compilers put side by side.
//!
//! Half of an interpreter's time goes into getting from one instruction to the next, so a pair in one slot is nearly
//! free. The second instruction's own slot stays, for who jumps there, and to fault at: when a fused slot's second half
//! faults, its first half has been executed and the cursor stands at the second one's slot.
//!
//! What the fields hold, for first instruction `a` and second `b`, where it is not the first one's own meaning: of two
//! register-immediate instructions or memory accesses, `rs2` and `rs3` are `b`'s registers and `aux` its immediate. Of
//! an instruction and a branch, `rs2` and `rs3` are what the branch compares, `imm` is `a`'s immediate in the low half
//! and, in slots, how far to go on in the high one; `aux` is the change of credit in the low half (filled in by
//! `link_branches`) and, in slots, how far to jump in the high one.

use super::super::decode::{Instr, Opcode};
use super::super::hart::RegIndex;
use super::{Op, Slot};
use Opcode::*;

/// Makes `slot`, which is that of `a` at `offset` in its page, execute `b` too, if the pair is a known one. `b_is_local`
/// tells whether `b` is a branch to a slot of the same page.
pub(super) fn fuse(slot: &mut Slot, (a, b): (&Instr, &Instr), offset: i32, b_is_local: bool) {
    let fused = constant(slot, a, b)
        .or_else(|| address(slot, a, b, offset))
        .or_else(|| shifts(slot, a, b))
        .or_else(|| pair(slot, a, b))
        .or_else(|| if b_is_local { branch(slot, a, b) } else { None });
    if let Some(fused) = fused {
        *slot = fused;
    }
}

/// Whether `b` goes on with `a`'s result and overwrites it.
fn chained(a: &Instr, b: &Instr) -> bool {
    a.rd != 0 && b.rd == a.rd && b.rs1 == a.rd
}

fn halfwords(a: &Instr, b: &Instr) -> u8 {
    (a.len + b.len) / 2
}

/// One of three forms, by the length of both instructions.
fn by_length(a: &Instr, b: &Instr, forms: [Op; 3]) -> Op {
    forms[usize::from(halfwords(a, b) - 2)]
}

/// `lui` and `addi` or `addiw`: a constant, if it has 32 bits.
fn constant(slot: &Slot, a: &Instr, b: &Instr) -> Option<Slot> {
    if a.op != Lui || !chained(a, b) {
        return None;
    }
    let imm = match b.op {
        Addiw => a.imm.wrapping_add(b.imm),
        Addi => a.imm.checked_add(b.imm)?,
        _ => return None,
    };
    Some(Slot { op: by_length(a, b, [Op::Li, Op::Li3, Op::Li4]), imm, ..*slot })
}

/// `auipc` and what completes the address.
fn address(slot: &Slot, a: &Instr, b: &Instr, offset: i32) -> Option<Slot> {
    if a.op != Auipc || a.rd == 0 || b.rs1 != a.rd {
        return None;
    }
    // `slot.imm` is `auipc`'s result from the page's first byte on.
    let imm = slot.imm.checked_add(b.imm)?;
    let link = offset + 8;
    match b.op {
        Addi if b.rd == a.rd => {
            Some(Slot { op: by_length(a, b, [Op::Auipc, Op::Auipc3, Op::Auipc4]), imm, ..*slot })
        }
        Ld if b.rd == a.rd && b.len == 4 => Some(Slot { op: Op::AuipcLd, imm, aux: slot.imm, ..*slot }),
        Jalr if b.rd == a.rd && b.len == 4 => Some(Slot { op: Op::Call, imm, aux: link, ..*slot }),
        Jalr if b.rd == 0 && b.len == 4 => Some(Slot { op: Op::TailCall, imm, aux: slot.imm, ..*slot }),
        _ => None,
    }
}

/// A shift left and one right, which extends; a shift left and an addition, which indexes.
fn shifts(slot: &Slot, a: &Instr, b: &Instr) -> Option<Slot> {
    if a.op != Slli || a.rd == 0 || b.rd != a.rd {
        return None;
    }
    let add = |other: u8| {
        let op = by_length(a, b, [Op::SlliAdd2, Op::SlliAdd3, Op::SlliAdd4]);
        (other != a.rd).then(|| Slot { op, rs2: RegIndex::new(other), ..*slot })
    };
    let right = |forms| Some(Slot { op: by_length(a, b, forms), aux: b.imm, ..*slot });
    match b.op {
        Srli if b.rs1 == a.rd => right([Op::SlliSrli2, Op::SlliSrli3, Op::SlliSrli4]),
        Srai if b.rs1 == a.rd => right([Op::SlliSrai2, Op::SlliSrai3, Op::SlliSrai4]),
        Add if b.rs1 == a.rd => add(b.rs2),
        Add if b.rs2 == a.rd => add(b.rs1),
        _ => None,
    }
}

/// Two of a kind side by side, dependent or not; a multiplication and the addition of its result.
fn pair(slot: &Slot, a: &Instr, b: &Instr) -> Option<Slot> {
    let size = halfwords(a, b);
    let op = match (a.op, b.op, size) {
        (Mul, Add, _) => return multiply_add(slot, a, b, [Op::MulAdd3, Op::MulAdd4]),
        (FmulD, FaddD, _) => return multiply_add_double(slot, a, b),
        (Mulw, Addw, _) => return multiply_add(slot, a, b, [Op::MulwAddw3, Op::MulwAddw4]),
        // `c.mv`: both sources are in `rs2`.
        (Add, Add, 2) if a.rs1 == 0 && b.rs1 == 0 && a.rd != 0 && b.rd != 0 => {
            let (rs1, rs2, rs3) = (slot.rs2, RegIndex::new(b.rd), RegIndex::new(b.rs2));
            return Some(Slot { op: Op::MvMv2, rs1, rs2, rs3, ..*slot });
        }
        (Addi, Addi, _) => by_length(a, b, [Op::AddiAddi2, Op::AddiAddi3, Op::AddiAddi4]),
        (Addiw, Addiw, _) => by_length(a, b, [Op::AddiwAddiw2, Op::AddiwAddiw3, Op::AddiwAddiw4]),
        // Into an integer or a floating-point register alike.
        (Ld | Fld, Ld | Fld, 2) => Op::LdLd2,
        (Ld | Fld, Addi, 2) => Op::LdAddi2,
        (Addi | Add, Add, _) | (Add, Addi, _) => return sums(slot, a, b),
        (Lw, Lw, 2) => Op::LwLw2,
        (Lw, Lw, 4) if a.len == 4 => Op::LwLw4,
        // The second store's registers do not fit; on the stack, both bases are the same.
        (Sd, Sd, 2) if a.rs1 == b.rs1 => {
            return Some(Slot { op: Op::SdSd2, rs3: RegIndex::new(b.rs2), aux: b.imm, ..*slot });
        }
        _ => return None,
    };
    if a.rd == 0 || b.rd == 0 {
        return None;
    }
    Some(Slot { op, rs2: RegIndex::new(b.rd), rs3: RegIndex::new(b.rs1), aux: b.imm, ..*slot })
}

/// Sums of which those without an immediate go to one of their operands; then the other one is `rs1` or `rs3`.
fn sums(slot: &Slot, a: &Instr, b: &Instr) -> Option<Slot> {
    let other = |instr: &Instr| match instr.rd {
        0 => None,
        rd if rd == instr.rs1 => Some(RegIndex::new(instr.rs2)),
        rd if rd == instr.rs2 => Some(RegIndex::new(instr.rs1)),
        _ => None,
    };
    if a.rd == 0 || b.rd == 0 {
        return None;
    }
    let rs2 = RegIndex::new(b.rd);
    match (a.op, b.op, halfwords(a, b)) {
        (Addi, Add, _) => {
            let op = by_length(a, b, [Op::AddiAdd2, Op::AddiAdd3, Op::AddiAdd4]);
            Some(Slot { op, rs2, rs3: other(b)?, ..*slot })
        }
        (Add, Addi, 2) => {
            let (rs1, rs3) = (other(a)?, RegIndex::new(b.rs1));
            Some(Slot { op: Op::AddAddi2, rs1, rs2, rs3, aux: b.imm, ..*slot })
        }
        (Add, Add, 2) => Some(Slot { op: Op::AddAdd2, rs1: other(a)?, rs2, rs3: other(b)?, ..*slot }),
        _ => None,
    }
}

/// A product added to a sum of doubles, each rounded: only where both may be the host's. `rs3` is the sum.
fn multiply_add_double(slot: &Slot, a: &Instr, b: &Instr) -> Option<Slot> {
    let other = if b.rs1 == a.rd { b.rs2 } else { b.rs1 };
    let fits = (b.rs1 == a.rd || b.rs2 == a.rd) && other == b.rd && b.rd != a.rd && a.rm == b.rm;
    fits.then(|| Slot { op: Op::FmulFaddD, rs3: RegIndex::new(b.rd), ..*slot })
}

/// The addition's other operand has to be its destination, as in a sum: `rs3`.
fn multiply_add(slot: &Slot, a: &Instr, b: &Instr, forms: [Op; 2]) -> Option<Slot> {
    let other = if b.rs1 == a.rd { b.rs2 } else { b.rs1 };
    let fits = (b.rs1 == a.rd || b.rs2 == a.rd) && other == b.rd && a.rd != 0 && b.rd != 0 && b.rd != a.rd;
    fits.then(|| Slot { op: forms[usize::from(halfwords(a, b) - 3)], rs3: RegIndex::new(b.rd), ..*slot })
}

/// An instruction that computes or loads something and a branch, mostly on that.
fn branch(slot: &Slot, a: &Instr, b: &Instr) -> Option<Slot> {
    let mut fused = *slot;
    let op = match (a.op, b.op) {
        // Sums into one of their operands: the other one is `rs1`.
        (Addw | Add, Bne) => {
            let other = match a.rd {
                rd if rd == a.rs1 => a.rs2,
                rd if rd == a.rs2 => a.rs1,
                _ => return None,
            };
            fused.rs1 = RegIndex::new(other);
            if a.op == Add { Op::AddBne } else { Op::AddwBne }
        }
        (Addi, Beq) => Op::AddiBeq,
        (Addi, Bne) => Op::AddiBne,
        (Addi, Blt) => Op::AddiBlt,
        (Addi, Bge) => Op::AddiBge,
        (Addi, Bltu) => Op::AddiBltu,
        (Addi, Bgeu) => Op::AddiBgeu,
        (Addiw, Beq) => Op::AddiwBeq,
        (Addiw, Bne) => Op::AddiwBne,
        (Addiw, Blt) => Op::AddiwBlt,
        (Addiw, Bge) => Op::AddiwBge,
        (Addiw, Bltu) => Op::AddiwBltu,
        (Addiw, Bgeu) => Op::AddiwBgeu,
        (Lw, Beq) => Op::LwBeq,
        (Lw, Bne) => Op::LwBne,
        (Lw, Blt) => Op::LwBlt,
        (Lw, Bge) => Op::LwBge,
        (Lw, Bltu) => Op::LwBltu,
        (Lw, Bgeu) => Op::LwBgeu,
        (Ld, Beq) => Op::LdBeq,
        (Ld, Bne) => Op::LdBne,
        (Lbu, Beq) => Op::LbuBeq,
        (Lbu, Bne) => Op::LbuBne,
        (Andi, Beq) => Op::AndiBeq,
        (Andi, Bne) => Op::AndiBne,
        (Srli, Beq) => Op::SrliBeq,
        (Srli, Bne) => Op::SrliBne,
        _ => return None,
    };
    if a.rd == 0 {
        return None;
    }
    let go_on = i32::from(halfwords(a, b));
    let jump = (i32::from(a.len) + b.imm) / 2;
    let imm = go_on << 16 | (a.imm & 0xffff);
    Some(Slot { op, rs2: RegIndex::new(b.rs1), rs3: RegIndex::new(b.rs2), imm, aux: jump << 16, ..fused })
}

/// Whether a slot is an instruction and a branch.
pub(super) fn ends_in_branch(op: Op) -> bool {
    use Op::*;
    matches!(
        op,
        AddiBeq
            | AddiBne
            | AddiBlt
            | AddiBge
            | AddiBltu
            | AddiBgeu
            | AddiwBeq
            | AddiwBne
            | AddiwBlt
            | AddiwBge
            | AddiwBltu
            | AddiwBgeu
            | LwBeq
            | LwBne
            | LwBlt
            | LwBge
            | LwBltu
            | LwBgeu
            | LdBeq
            | LdBne
            | LbuBeq
            | LbuBne
            | AndiBeq
            | AndiBne
            | SrliBeq
            | SrliBne
            | AddwBne
            | AddBne
    )
}
