//! From a decoded instruction to its slot: execution form, operands, counts, fusion.
//!
//! What `imm` and `aux` hold: by default the immediate, and the rounding mode. `lui`, `li`: the value. `auipc` and far
//! jumps: `imm` is the value or target in bytes from the page's first byte (from the instruction, when isolated).
//! Jumps inside the page: `imm` is the distance in bytes of slots, `aux` what the credit changes by.
//! Floating-point operations that the host may answer: `imm` is what `fcsr` must be for that.
//! `jalr`: `aux` is the link in bytes from the page's first byte.

use super::super::decode::{Instr, Opcode, RM_DYN};
use super::super::exec::{FCSR_FAST, FCSR_NEVER};
use super::super::hart::RegIndex;
use super::fuse::{ends_in_branch, fuse};
use super::{HALFWORDS, Op, SLOT_BYTES, Slot};
use crate::mem::ram::FRAME_SIZE;

/// Where an instruction stands.
pub(super) enum Placement<'a> {
    /// At halfword `index` of a page whose later slots are built; `following` are the instructions that were
    /// decoded one and two halfwords further on.
    InPage { index: usize, slots: &'a [Slot], following: [Option<Instr>; 2] },
    /// Alone: its own address is the origin, and every target is far.
    Isolated,
}

impl Placement<'_> {
    fn offset(&self) -> i32 {
        match self {
            Self::InPage { index, .. } => 2 * *index as i32,
            Self::Isolated => 0,
        }
    }

    /// The count of the slot `halfwords` further on.
    fn count_after(&self, halfwords: usize) -> u16 {
        match self {
            Self::InPage { index, slots, .. } => slots[index + halfwords].count,
            Self::Isolated => 0,
        }
    }

    /// Whether a target, in bytes from the origin, is a slot of the same page.
    fn holds(&self, target: i32) -> bool {
        matches!(self, Self::InPage { .. }) && (0..FRAME_SIZE as i32).contains(&target)
    }
}

pub(super) fn build_slot(instr: &Instr, place: Placement<'_>) -> Slot {
    let offset = place.offset();
    let compressed = instr.len == 2;
    let target = offset.wrapping_add(instr.imm);
    let local = place.holds(target);
    let mut slot = Slot {
        op: plain_op(instr),
        rd: if instr.rd == 0 { RegIndex::SINK } else { RegIndex::new(instr.rd) },
        rs1: RegIndex::new(instr.rs1),
        rs2: RegIndex::new(instr.rs2),
        rs3: RegIndex::new(instr.rs3),
        count: 0,
        imm: instr.imm,
        aux: instr.rm.into(),
    };
    let mut falls_through = true;
    match instr.op {
        Opcode::Illegal | Opcode::Ecall | Opcode::Ebreak => falls_through = false,
        Opcode::Auipc => slot.imm = target,
        Opcode::Jal => {
            falls_through = false;
            slot.op = match (compressed, local, instr.rd) {
                (true, true, _) => Op::JC,
                (true, false, _) => Op::JFarC,
                (false, true, 0) => Op::J,
                (false, true, _) => Op::Jal,
                (false, false, _) => Op::JalFar,
            };
            slot.imm = if local { slot_distance(instr.imm) } else { target };
            if !local {
                slot.aux = offset.wrapping_add(instr.len.into());
            }
        }
        Opcode::Jalr => {
            falls_through = false;
            slot.op = match (compressed, instr.rd) {
                (true, 0) => Op::JrC,
                (true, _) => Op::JalrC,
                (false, 0) => Op::Jr,
                (false, _) => Op::Jalr,
            };
            slot.aux = offset.wrapping_add(instr.len.into());
        }
        op if is_branch(op) => {
            slot.op = branch_op(instr, local);
            slot.imm = if local { slot_distance(instr.imm) } else { target };
        }
        op if takes_host_float(op) => slot.imm = fast_condition(instr),
        _ => {}
    }
    let halfwords = usize::from(instr.len / 2);
    slot.count = 1 + if falls_through { place.count_after(halfwords) } else { 0 };
    if let Placement::InPage { following, .. } = &place
        && let Some(next) = &following[halfwords - 1]
        && falls_through
    {
        let next_offset = offset + i32::from(instr.len);
        let is_local_branch = is_branch(next.op) && place.holds(next_offset + next.imm);
        fuse(&mut slot, (instr, next), offset, is_local_branch);
    }
    slot
}

fn is_branch(op: Opcode) -> bool {
    use Opcode::*;
    matches!(op, Beq | Bne | Blt | Bge | Bltu | Bgeu)
}

/// Whether the host's arithmetic may answer for an operation.
fn takes_host_float(op: Opcode) -> bool {
    use Opcode::*;
    matches!(
        op,
        FaddD
            | FsubD
            | FmulD
            | FdivD
            | FsqrtD
            | FmaddD
            | FmsubD
            | FnmsubD
            | FnmaddD
            | FcvtSD
            | FcvtDS
            | FcvtDW
    ) || matches!(op, FaddS | FsubS | FmulS | FdivS | FsqrtS | FmaddS | FmsubS | FnmsubS | FnmaddS)
        || matches!(op, FcvtDL | FcvtWD | FcvtLD)
}

/// What the rounding mode and inexact flag in `fcsr` must be for that.
fn fast_condition(instr: &Instr) -> i32 {
    const TOWARD_ZERO: u8 = 1;
    // The host cuts off when it converts to integers, and rounds to nearest even elsewhere.
    let fast = match instr.op {
        Opcode::FcvtWD | Opcode::FcvtLD => instr.rm == TOWARD_ZERO,
        _ => instr.rm == 0 || instr.rm == RM_DYN,
    };
    if fast { FCSR_FAST } else { FCSR_NEVER }
}

/// Second pass over a page: what the credit changes by on jumps inside it, now that all counts are known.
pub(super) fn link_branches(slots: &mut [Slot]) {
    for i in 0..HALFWORDS {
        if is_local_jump(slots[i].op) {
            let target = i as i32 + slots[i].imm / SLOT_BYTES as i32;
            slots[i].aux = i32::from(slots[i].count) - 1 - i32::from(slots[target as usize].count);
        } else if ends_in_branch(slots[i].op) {
            let jump = slots[i].aux >> 16;
            let credit = i32::from(slots[i].count) - 2 - i32::from(slots[(i as i32 + jump) as usize].count);
            slots[i].aux = jump << 16 | (credit & 0xffff);
        }
    }
}

pub(super) fn is_local_jump(op: Op) -> bool {
    use Op::*;
    matches!(op, Beq | Bne | Blt | Bge | Bltu | Bgeu | Beqz | Bnez | BeqzC | BnezC | Jal | J | JC)
}

/// Instruction bytes to slot bytes: a halfword is a slot.
fn slot_distance(bytes: i32) -> i32 {
    bytes / 2 * SLOT_BYTES as i32
}

/// The form of an instruction that does not jump.
fn plain_op(instr: &Instr) -> Op {
    use Opcode as O;
    if instr.len == 2 {
        return match instr.op {
            O::Addi if instr.rd == 0 => Op::NopC,
            O::Addi if instr.rs1 == 0 => Op::LiC,
            O::Addi => Op::AddiC,
            O::Addiw => Op::AddiwC,
            O::Lui => Op::LuiC,
            O::Andi => Op::AndiC,
            O::Slli => Op::SlliC,
            O::Srli => Op::SrliC,
            O::Srai => Op::SraiC,
            O::Add if instr.rs1 == 0 => Op::MvC,
            O::Add => Op::AddC,
            O::Sub => Op::SubC,
            O::Xor => Op::XorC,
            O::Or => Op::OrC,
            O::And => Op::AndC,
            O::Addw => Op::AddwC,
            O::Subw => Op::SubwC,
            O::Lw => Op::LwC,
            O::Ld => Op::LdC,
            O::Fld => Op::FldC,
            O::Sw => Op::SwC,
            O::Sd => Op::SdC,
            O::Fsd => Op::FsdC,
            O::Ebreak => Op::EbreakC,
            // Jumps get their form from their target; nothing else is compressed.
            _ => Op::IllegalC,
        };
    }
    match instr.op {
        O::Addi if instr.rd == 0 => Op::Nop,
        O::Addi if instr.rs1 == 0 => Op::Li,
        op => op.into(),
    }
}

fn branch_op(instr: &Instr, local: bool) -> Op {
    use Opcode as O;
    let with_zero = instr.rs2 == 0;
    match (instr.op, instr.len, local) {
        (O::Beq, 2, true) => Op::BeqzC,
        (O::Beq, 2, false) => Op::BeqzFarC,
        (_, 2, true) => Op::BnezC,
        (_, 2, false) => Op::BnezFarC,
        (O::Beq, _, true) if with_zero => Op::Beqz,
        (O::Bne, _, true) if with_zero => Op::Bnez,
        (op, _, true) => op.into(),
        (O::Beq, _, false) => Op::BeqFar,
        (O::Bne, _, false) => Op::BneFar,
        (O::Blt, _, false) => Op::BltFar,
        (O::Bge, _, false) => Op::BgeFar,
        (O::Bltu, _, false) => Op::BltuFar,
        _ => Op::BgeuFar,
    }
}
