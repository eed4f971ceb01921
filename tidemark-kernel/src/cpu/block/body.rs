//! Bodies: a second form of long straight lines, in which one slot does what several instructions do together.
//!
//! A body stands behind the page's own slots. The line's first slot hops to it, and its last one hops to where the line ends;
//! the line's own slots stay, for who jumps into it. Slots of a body run in the order of the line. One that stands for a
//! pattern does so in the place of the pattern's last instruction; those it absorbs have no slot, and their registers never get
//! their results.
//!
//! Nobody can see that: a result is absorbed only if the line overwrites it, no other instruction reads it, and where the
//! line can be left half-way, at a load or a store that faults, it can be worked out from what is in the registers there
//! ([`Body::leave`]). Counts are as in the page, in the body's order: a slot retires what it absorbs.

use super::super::decode::Instr;
use super::super::hart::{RegIndex, RegisterFile};
use super::build::{Placement, build_slot};
use super::line::{Line, lines};
use super::pattern::{Pattern, patterns};
use super::{Op, SLOT_BYTES, Slot};
use Op::Hop;

/// A body is kept if it has at most so many slots of eight that the line had.
const KEPT_OF_EIGHT: usize = 6;

/// A line that has a body.
pub(super) struct Body {
    line: Line,
    /// Which instruction's slot has a result in it that has none of its own.
    absorbed_by: Vec<Option<usize>>,
    /// The slot of each instruction that has one, as its place among all slots; rising.
    steps: Vec<(usize, usize)>,
}

/// Adds bodies to a page's slots, of which there is one a halfword and one more.
pub(super) fn add_bodies(slots: &mut Vec<Slot>, decoded: &[Option<Instr>]) -> Vec<Body> {
    lines(decoded).into_iter().filter_map(|line| add_body(slots, line)).collect()
}

fn add_body(slots: &mut Vec<Slot>, line: Line) -> Option<Body> {
    let mut chosen = Choice { absorbed_by: vec![None; line.len()], patterns: Vec::new() };
    chosen.patterns.resize_with(line.len(), || None);
    // From the end: what is inside a larger pattern is no pattern of its own.
    for last in (0..line.len()).rev() {
        if chosen.absorbed_by[last].is_none() {
            chosen.choose(&line, last);
        }
    }
    let Choice { absorbed_by, patterns } = chosen;
    let count = absorbed_by.iter().filter(|absorbed| absorbed.is_none()).count();
    if count * 8 > line.len() * KEPT_OF_EIGHT {
        return None;
    }
    let &(start, _) = line.instrs.first()?;
    let &(last, last_instr) = line.instrs.last()?;
    let end = last + usize::from(last_instr.len / 2);
    let hop = |from: usize, to: usize, count: u16| Slot {
        op: Hop,
        count,
        imm: (to as i32 - from as i32) * SLOT_BYTES as i32,
        ..Slot::leave()
    };
    let mut left = slots[start].count;
    slots[start] = hop(start, slots.len(), left);
    let mut steps = Vec::with_capacity(count);
    for (number, (place, instr)) in line.instrs.iter().enumerate() {
        if absorbed_by[number].is_some() {
            continue;
        }
        steps.push((slots.len(), number));
        match &patterns[number] {
            Some(pattern) => {
                slots.push(Slot { count: left, ..slot_of(pattern, instr) });
                left -= pattern.absorbs.len() as u16;
            }
            None => {
                let mut slot = build_slot(instr, Placement::Isolated);
                if slot.op == Op::Auipc {
                    slot.imm = slot.imm.wrapping_add(2 * *place as i32);
                }
                slots.push(Slot { count: left, ..slot });
                // What is behind a slot of four bytes is not reached.
                slots.extend((1..instr.len / 2).map(|_| Slot::leave()));
            }
        }
        left -= 1;
    }
    slots.push(hop(slots.len(), end, left));
    Some(Body { line, absorbed_by, steps })
}

/// What a line is made into.
struct Choice {
    /// The instruction that each one's result goes into alone.
    absorbed_by: Vec<Option<usize>>,
    /// What instructions are the last of.
    patterns: Vec<Option<Pattern>>,
}

impl Choice {
    /// Takes the largest pattern that ends with instruction `last`, if there is one that nobody can see.
    fn choose(&mut self, line: &Line, last: usize) {
        for pattern in patterns(line, last) {
            let is_free = |number: usize| {
                let inside = |user: usize| user == last || pattern.absorbs.contains(&user);
                self.absorbed_by[number].is_none() && line.is_private(number, inside)
            };
            if line.instr(last).rd == 0 || !pattern.absorbs.iter().all(|number| is_free(*number)) {
                continue;
            }
            let is_absorbed =
                |number: usize| self.absorbed_by[number].is_some() || pattern.absorbs.contains(&number);
            let is_right = pattern.reads.iter().all(|value| line.is_in_register(*value, last, is_absorbed))
                && line.can_be_left(is_absorbed);
            if is_right {
                pattern.absorbs.iter().for_each(|number| self.absorbed_by[*number] = Some(last));
                self.patterns[last] = Some(pattern);
                return;
            }
        }
    }
}

fn slot_of(pattern: &Pattern, last: &Instr) -> Slot {
    let read = |place: usize| RegIndex::new(pattern.reads.get(place).map_or(0, |value| value.register));
    Slot {
        op: pattern.op,
        rd: RegIndex::new(last.rd),
        rs1: read(0),
        rs2: read(1),
        rs3: read(2),
        count: 0,
        imm: pattern.imm,
        aux: pattern.aux,
    }
}

impl Body {
    /// Makes registers what they must be where the body is left at a slot, if that is one of its own. Returns the
    /// instruction's place in the page, in halfwords, and how many instructions before it no slot has executed.
    pub(super) fn leave(&self, slot: usize, registers: &mut RegisterFile) -> Option<(usize, u64)> {
        let step = self.steps.binary_search_by_key(&slot, |(slot, _)| *slot).ok()?;
        let number = self.steps[step].1;
        let is_absorbed = |number: usize| self.absorbed_by[number].is_some();
        let due = self.line.due(number, is_absorbed, |register| registers.get(RegIndex::new(register)));
        for (register, value) in due {
            registers.set(RegIndex::new(register), value);
        }
        let waiting = self.absorbed_by[..number].iter().flatten().filter(|by| **by >= number).count();
        Some((self.line.instrs[number].0, waiting as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::decode::Opcode;
    use super::super::HALFWORDS;
    use super::*;

    fn instr(op: Opcode, rd: u8, rs1: u8, rs2: u8, imm: i32) -> Instr {
        Instr { op, rd, rs1, rs2, rs3: 0, rm: 0, len: 4, imm }
    }

    /// The operations of the body that a page with these instructions gets.
    fn body_of(instrs: &[Instr]) -> Vec<Op> {
        let mut decoded = vec![None; HALFWORDS];
        for (number, instr) in instrs.iter().enumerate() {
            decoded[2 * number] = Some(*instr);
        }
        decoded[2 * instrs.len()] = Some(instr(Opcode::Ecall, 0, 0, 0, 0));
        let mut slots = vec![Slot::leave(); HALFWORDS + 1];
        slots[0].count = instrs.len() as u16 + 1;
        let bodies = add_bodies(&mut slots, &decoded);
        assert_eq!(slots[0].op == Hop, !bodies.is_empty());
        let body = &slots[HALFWORDS + 1..];
        assert!(
            body.iter()
                .filter(|slot| slot.op != Op::Leave)
                .map(|slot| slot.count)
                .is_sorted_by(|a, b| a >= b)
        );
        body.iter().map(|slot| slot.op).filter(|op| !matches!(op, Op::Leave | Hop)).collect()
    }

    /// `rd` is `rs1` rotated right, with `rd` and `other` used on the way.
    fn rotation(rd: u8, other: u8, rs1: u8, right: i32) -> [Instr; 3] {
        [
            instr(Opcode::Srliw, rd, rs1, 0, right),
            instr(Opcode::Slliw, other, rs1, 0, 32 - right),
            instr(Opcode::Or, rd, rd, other, 0),
        ]
    }

    /// SHA-256's Σ0 of `x10`, to `x5`, with a word loaded in between.
    fn sigma() -> Vec<Instr> {
        let mut instrs = [rotation(5, 6, 10, 2), rotation(7, 6, 10, 13), rotation(6, 28, 10, 22)].concat();
        instrs.insert(4, instr(Opcode::Lw, 29, 2, 0, 8));
        instrs.push(instr(Opcode::Xor, 5, 5, 7, 0));
        instrs.push(instr(Opcode::Xor, 5, 5, 6, 0));
        instrs
    }

    #[test]
    fn a_sum_of_rotations_is_one_slot() {
        // The second time overwrites what the first left in registers, the third is what is left there.
        let ops = body_of(&[sigma(), sigma(), sigma()].concat());
        assert_eq!(ops[..4], [Op::Lw, Op::XorRotatesW, Op::Lw, Op::XorRotatesW]);
        assert!(ops.len() > 6, "what others may look for in registers is there: {ops:?}");
    }

    #[test]
    fn what_could_not_be_worked_out_at_a_fault_is_not_absorbed() {
        let rotated = |between: &[Instr]| {
            let [right, left, or] = rotation(5, 6, 10, 7);
            // What was rotated is overwritten before the access that may fault.
            [&[right, left], between, &[or, instr(Opcode::Addi, 6, 0, 0, 0)]].concat()
        };
        let lost = [instr(Opcode::Addi, 10, 5, 0, 1), instr(Opcode::Lw, 29, 2, 0, 0)];
        let kept = [instr(Opcode::Lw, 29, 2, 0, 0)];
        assert!(!body_of(&rotated(&lost).repeat(8)).contains(&Op::RotateW));
        assert!(body_of(&rotated(&kept).repeat(8)).contains(&Op::RotateW));
    }

    #[test]
    fn what_is_short_or_has_few_shifts_gets_none() {
        assert!(body_of(&sigma()).is_empty());
        assert!(body_of(&[instr(Opcode::Xor, 5, 5, 6, 0)].repeat(60)).is_empty());
    }
}
