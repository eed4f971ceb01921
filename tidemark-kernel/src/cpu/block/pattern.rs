//! Patterns: results that one slot computes from several instructions, wherever these stand in a line.
//!
//! They are those of hash functions, block ciphers and random numbers, which compilers for rv64gc write without the
//! instructions for bits and schedule apart: rotations, sums of rotations (the Σ and σ of SHA-2), choices by a mask
//! (SHA-2's Ch, MD5's F and G), sums and differences of three, elements of small rings.

use super::super::decode::Opcode;
use super::Op;
use super::line::{Line, Value};
use Opcode::*;

/// A slot for the last of several instructions.
#[derive(Debug)]
pub(super) struct Pattern {
    pub(super) op: Op,
    /// What is in `rs1`, `rs2` and `rs3`, as far as the operation reads them.
    pub(super) reads: Vec<Value>,
    pub(super) imm: i32,
    pub(super) aux: i32,
    /// The instructions whose results nobody else may need.
    pub(super) absorbs: Vec<usize>,
}

/// A value rotated right, by instructions or by one.
struct Rotation {
    of: Value,
    right: i32,
    bits: i32,
    absorbs: Vec<usize>,
}

/// What an instruction could be the last of, largest first.
pub(super) fn patterns(line: &Line, last: usize) -> impl Iterator<Item = Pattern> {
    let all: [fn(&Line, usize) -> Option<Pattern>; 6] =
        [three_rotations, choice, ring_element, rotation_and_sum, alone, of_three];
    // By value: the caller changes what it knows of the line in between.
    all.into_iter().filter_map(|find| find(line, last)).collect::<Vec<_>>().into_iter()
}

/// Whether two operands are combined so that bits that only one of them has are in the result.
fn joins(op: Opcode, bits: i32) -> bool {
    matches!(op, Or | Xor) || op == if bits == 32 { Addw } else { Add }
}

fn rotation(line: &Line, number: usize) -> Option<Rotation> {
    let instr = line.instr(number);
    let [a, b] = line.operands(number);
    match instr.op {
        Rori => return Some(Rotation { of: a, right: instr.imm, bits: 64, absorbs: vec![] }),
        Roriw => return Some(Rotation { of: a, right: instr.imm, bits: 32, absorbs: vec![] }),
        _ => {}
    }
    for (left, right) in [(a, b), (b, a)] {
        for (left_op, right_op, bits) in [(Slliw, Srliw, 32), (Slli, Srli, 64)] {
            let (Some(left), Some(right)) =
                (line.made_by(left, &[left_op]), line.made_by(right, &[right_op]))
            else {
                continue;
            };
            let (to_left, to_right) = (line.instr(left).imm, line.instr(right).imm);
            let of = line.operands(left)[0];
            if joins(instr.op, bits)
                && of == line.operands(right)[0]
                && to_right > 0
                && to_left + to_right == bits
            {
                return Some(Rotation { of, right: to_right, bits, absorbs: vec![left, right] });
            }
        }
    }
    None
}

/// A rotation that is an operand; the instruction that makes it is absorbed, too.
fn rotated(line: &Line, value: Value) -> Option<Rotation> {
    let number = line.made_by(value, &[Or, Xor, Add, Addw, Rori, Roriw])?;
    let mut found = rotation(line, number)?;
    found.absorbs.push(number);
    Some(found)
}

/// Σ and σ: three rotations, or two and a shift to the right, of one value, by exclusive or.
fn three_rotations(line: &Line, last: usize) -> Option<Pattern> {
    if line.instr(last).op != Xor {
        return None;
    }
    let [a, b] = line.operands(last);
    for (inner, outer) in [(a, b), (b, a)] {
        let Some(number) = line.made_by(inner, &[Xor]) else { continue };
        let [first, second] = line.operands(number);
        let terms = [first, second, outer];
        // The term that may be a shift.
        for shifted in [2, 1, 0, 3] {
            let mut absorbs = vec![number];
            let mut rotations = Vec::new();
            let mut shift = None;
            for (place, term) in terms.iter().enumerate() {
                if place == shifted {
                    if let Some(of) = line.made_by(*term, &[Srli, Srliw]) {
                        absorbs.push(of);
                        shift = Some(of);
                    }
                } else if let Some(found) = rotated(line, *term) {
                    absorbs.extend(&found.absorbs);
                    rotations.push(found);
                }
            }
            let Some(Rotation { of, bits, .. }) = rotations.first() else { continue };
            if rotations.iter().any(|other| other.of != *of || other.bits != *bits) {
                continue;
            }
            let amounts = |third: i32| rotations[0].right | rotations[1].right << 8 | third << 16;
            let (op, imm) = match (rotations.len(), shift) {
                (3, _) => {
                    (if *bits == 32 { Op::XorRotatesW } else { Op::XorRotates }, amounts(rotations[2].right))
                }
                (2, Some(shift)) => {
                    let instr = line.instr(shift);
                    let fits = line.operands(shift)[0] == *of && (instr.op == Srliw) == (*bits == 32);
                    if !fits {
                        continue;
                    }
                    (if *bits == 32 { Op::XorRotatesShiftW } else { Op::XorRotatesShift }, amounts(instr.imm))
                }
                _ => continue,
            };
            return Some(Pattern { op, reads: vec![*of], imm, aux: 0, absorbs });
        }
    }
    None
}

/// The bits of one value where a mask is set, of another where it is not.
fn choice(line: &Line, last: usize) -> Option<Pattern> {
    let op = line.instr(last).op;
    if !matches!(op, Xor | Or | Add) {
        return None;
    }
    let [a, b] = line.operands(last);
    for (x, y) in [(a, b), (b, a)] {
        let Some(masked) = line.made_by(x, &[And]) else { continue };
        let [p, q] = line.operands(masked);
        for (p, q) in [(p, q), (q, p)] {
            // ((a ^ b) & mask) ^ b
            if op == Xor
                && let Some(difference) = line.made_by(p, &[Xor])
            {
                let [f, g] = line.operands(difference);
                for (f, g) in [(f, g), (g, f)] {
                    if g == y {
                        let absorbs = vec![masked, difference];
                        return Some(Pattern {
                            op: Op::Choose,
                            reads: vec![q, f, y],
                            imm: 0,
                            aux: 0,
                            absorbs,
                        });
                    }
                }
            }
            // (!mask & b) ^ (mask & a)
            let (Some(inverse), Some(other)) = (inverse(line, p), line.made_by(y, &[And])) else { continue };
            let [r, s] = line.operands(other);
            for (mask, value) in [(r, s), (s, r)] {
                if mask == line.operands(inverse)[0] {
                    let absorbs = vec![masked, inverse, other];
                    return Some(Pattern {
                        op: Op::Choose,
                        reads: vec![mask, value, q],
                        imm: 0,
                        aux: 0,
                        absorbs,
                    });
                }
            }
        }
    }
    None
}

/// The instruction that makes a value by inverting all bits.
fn inverse(line: &Line, value: Value) -> Option<usize> {
    line.made_by(value, &[Xori]).filter(|number| line.instr(*number).imm == -1)
}

/// The address of an element: `base + (((index + constant) & mask) << scale)`, also without the constant.
fn ring_element(line: &Line, last: usize) -> Option<Pattern> {
    if line.instr(last).op != Add {
        return None;
    }
    let [a, b] = line.operands(last);
    for (scaled, base) in [(a, b), (b, a)] {
        let Some(scale) = line.made_by(scaled, &[Slli]) else { continue };
        let Some(mask) = line.made_by(line.operands(scale)[0], &[Andi]) else { continue };
        // Also of a sum of 32 bits, the mask leaves only bits below the sign.
        let bits = line.instr(mask).imm;
        if bits < 0 {
            continue;
        }
        let mut pattern = Pattern {
            op: Op::RingElement,
            reads: vec![line.operands(mask)[0], base],
            imm: 0,
            aux: bits | line.instr(scale).imm << 16,
            absorbs: vec![scale, mask],
        };
        if let Some(sum) = line.made_by(pattern.reads[0], &[Addi, Addiw]) {
            pattern.imm = line.instr(sum).imm;
            pattern.reads[0] = line.operands(sum)[0];
            pattern.absorbs.push(sum);
        }
        return Some(pattern);
    }
    None
}

/// A rotation of 32 bits and a sum with it.
fn rotation_and_sum(line: &Line, last: usize) -> Option<Pattern> {
    if line.instr(last).op != Addw {
        return None;
    }
    let [a, b] = line.operands(last);
    for (turned, other) in [(a, b), (b, a)] {
        if let Some(Rotation { of, right, bits: 32, absorbs }) = rotated(line, turned) {
            return Some(Pattern { op: Op::RotateAddW, reads: vec![of, other], imm: right, aux: 0, absorbs });
        }
    }
    None
}

fn alone(line: &Line, last: usize) -> Option<Pattern> {
    let Rotation { of, right, bits, absorbs } = rotation(line, last)?;
    let op = if bits == 32 { Op::RotateW } else { Op::Rotate };
    (!absorbs.is_empty()).then(|| Pattern { op, reads: vec![of], imm: right, aux: 0, absorbs })
}

/// Two operations on three values.
fn of_three(line: &Line, last: usize) -> Option<Pattern> {
    let [a, b] = line.operands(last);
    for (inner, outer) in [(a, b), (b, a)] {
        let Some(number) = line.made_by(inner, &[Addw, Add, Xor, Or, And, Xori]) else { continue };
        let [p, q] = line.operands(number);
        let op = match (line.instr(number).op, line.instr(last).op) {
            (Addw, Addw) => Op::AddAddW,
            (Add, Add) => Op::AddAdd,
            (Xor, Xor) => Op::XorXor,
            (Or, Or) => Op::OrOr,
            (Xor, And) => Op::XorAnd,
            (And, Xor) => Op::AndXor,
            (And, Or) => Op::AndOr,
            (Or, And) => Op::OrAnd,
            (Xori, And) if line.instr(number).imm == -1 => {
                return Some(Pattern {
                    op: Op::NotAnd,
                    reads: vec![p, outer],
                    imm: 0,
                    aux: 0,
                    absorbs: vec![number],
                });
            }
            _ => continue,
        };
        return Some(Pattern { op, reads: vec![p, q, outer], imm: 0, aux: 0, absorbs: vec![number] });
    }
    None
}
