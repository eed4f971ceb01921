//! Straight lines as graphs of values: which instruction's result each operand is, and who uses it.
//!
//! Owns: finding the lines of a page that are worth it, their values, and what absorbed values are worth when a line is left
//! half-way. Does not own: which values are absorbed (`pattern`), or the slots that come of it (`body`).

use super::super::decode::{Instr, Opcode};
use super::HALFWORDS;
use Opcode::*;

/// Shorter lines gain less than entering and leaving a body costs.
const LEAST_INSTRUCTIONS: usize = 24;
/// What is not made of shifts has little that patterns find: one in so many instructions is needed.
const LEAST_SHIFTS_IN: usize = 6;
/// Longer lines are cut: the work per instruction grows with a line's length.
const MOST_INSTRUCTIONS: usize = 768;

/// Instructions that run one after the other and only compute, load and store.
pub(super) struct Line {
    /// Each with its place in the page, in halfwords.
    pub(super) instrs: Vec<(usize, Instr)>,
    /// The values of `rs1` and `rs2` of each.
    operands: Vec<[Value; 2]>,
    /// Who reads each result.
    users: Vec<Vec<usize>>,
    /// Whether each result is still in its register at the line's end.
    lasts: Vec<bool>,
}

/// A value and the register that it is read from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value {
    pub(super) register: u8,
    pub(super) source: Source,
}

/// Where a value comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Source {
    /// It was there when the line began.
    Before,
    /// The result of an instruction of the line.
    Result(usize),
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source && (self.source != Source::Before || self.register == other.register)
    }
}

/// The lines of a page that are worth a body, where each is entered from elsewhere at its first instruction only (or at any
/// other, as the page has it).
pub(super) fn lines(decoded: &[Option<Instr>]) -> Vec<Line> {
    // What a jump leads to begins a line, so that loops have one.
    let mut begins = vec![false; HALFWORDS];
    let mut at = 0;
    while let Some(instr) = decoded.get(at).copied().flatten() {
        let target = at as i64 + i64::from(instr.imm / 2);
        if let (Jal | Beq | Bne | Blt | Bge | Bltu | Bgeu, Ok(target)) = (instr.op, usize::try_from(target))
            && let Some(begins) = begins.get_mut(target)
        {
            *begins = true;
        }
        at += usize::from(instr.len / 2);
    }
    let (mut lines, mut current) = (Vec::new(), Vec::new());
    let mut finish = |instrs: &mut Vec<(usize, Instr)>| {
        if is_worth_it(instrs) {
            lines.push(Line::new(std::mem::take(instrs)));
        }
        instrs.clear();
    };
    at = 0;
    while let Some(instr) = decoded.get(at).copied().flatten() {
        if begins[at] || current.len() == MOST_INSTRUCTIONS {
            finish(&mut current);
        }
        if is_memory(instr.op) || is_pure(instr.op) {
            current.push((at, instr));
        } else {
            finish(&mut current);
        }
        at += usize::from(instr.len / 2);
    }
    finish(&mut current);
    lines
}

fn is_worth_it(instrs: &[(usize, Instr)]) -> bool {
    let shifts =
        instrs.iter().filter(|(_, instr)| matches!(instr.op, Slli | Srli | Slliw | Srliw | Rori | Roriw));
    instrs.len() >= LEAST_INSTRUCTIONS && shifts.count() * LEAST_SHIFTS_IN >= instrs.len()
}

impl Line {
    pub(super) fn new(instrs: Vec<(usize, Instr)>) -> Self {
        let mut held = [Source::Before; 32];
        let mut users = vec![Vec::new(); instrs.len()];
        let mut lasts = vec![false; instrs.len()];
        let mut operands = Vec::with_capacity(instrs.len());
        for (number, (_, instr)) in instrs.iter().enumerate() {
            let values = [instr.rs1, instr.rs2].map(|register| {
                let source = held[usize::from(register)];
                if let Source::Result(of) = source
                    && users[of].last() != Some(&number)
                {
                    users[of].push(number);
                }
                Value { register, source }
            });
            operands.push(values);
            if writes(instr) {
                held[usize::from(instr.rd)] = Source::Result(number);
            }
        }
        for source in held {
            if let Source::Result(of) = source {
                lasts[of] = true;
            }
        }
        Self { instrs, operands, users, lasts }
    }

    pub(super) fn len(&self) -> usize {
        self.instrs.len()
    }

    pub(super) fn instr(&self, number: usize) -> &Instr {
        &self.instrs[number].1
    }

    pub(super) fn operands(&self, number: usize) -> [Value; 2] {
        self.operands[number]
    }

    /// The instruction that a value is the result of, if that is one of these.
    pub(super) fn made_by(&self, value: Value, ops: &[Opcode]) -> Option<usize> {
        match value.source {
            Source::Result(number) if ops.contains(&self.instr(number).op) => Some(number),
            _ => None,
        }
    }

    /// Whether nobody but `readers` needs the result of an instruction, and it can be worked out later.
    pub(super) fn is_private(&self, number: usize, readers: impl Fn(usize) -> bool) -> bool {
        let instr = self.instr(number);
        writes(instr)
            && !self.lasts[number]
            && compute(instr, 0, 0).is_some()
            && self.users[number].iter().all(|user| readers(*user))
    }

    /// Whether a value is in its register when instruction `reader` runs, where `is_absorbed` tells whose results never get
    /// there.
    pub(super) fn is_in_register(
        &self,
        value: Value,
        reader: usize,
        is_absorbed: impl Fn(usize) -> bool,
    ) -> bool {
        let from = match value.source {
            Source::Before => 0,
            Source::Result(number) if is_absorbed(number) => return false,
            Source::Result(number) => number + 1,
        };
        (from..reader).all(|number| {
            let instr = self.instr(number);
            !writes(instr) || instr.rd != value.register || is_absorbed(number)
        })
    }

    /// Whether all registers can be worked out wherever the line can be left, which is where it loads or stores.
    pub(super) fn can_be_left(&self, is_absorbed: impl Fn(usize) -> bool) -> bool {
        let mut state = State::default();
        (0..self.len()).all(|number| {
            let fine = !is_memory(self.instr(number).op)
                || (0..32_u8).all(|register| {
                    state.is_right(register)
                        || self.is_known(state.due[usize::from(register)], register, &state)
                });
            state.step(self.instr(number), number, is_absorbed(number));
            fine
        })
    }

    fn is_known(&self, source: Source, register: u8, state: &State) -> bool {
        if state.holds(source, register) {
            return true;
        }
        let Source::Result(number) = source else { return false };
        compute(self.instr(number), 0, 0).is_some()
            && self.operands(number).iter().all(|value| self.is_known(value.source, value.register, state))
    }

    /// What the registers must be where the line is left before instruction `number`, of those that are not: by register and
    /// value. `register` tells what they are.
    pub(super) fn due(
        &self,
        number: usize,
        is_absorbed: impl Fn(usize) -> bool,
        register: impl Fn(u8) -> u64,
    ) -> Vec<(u8, u64)> {
        let mut state = State::default();
        (0..number).for_each(|number| state.step(self.instr(number), number, is_absorbed(number)));
        let wrong = (0..32_u8).filter(|number| !state.is_right(*number));
        wrong
            .filter_map(|number| {
                Some((number, self.value(state.due[usize::from(number)], number, &state, &register)?))
            })
            .collect()
    }

    fn value(&self, source: Source, from: u8, state: &State, register: &impl Fn(u8) -> u64) -> Option<u64> {
        if state.holds(source, from) {
            return Some(register(from));
        }
        let Source::Result(number) = source else { return None };
        let [a, b] =
            self.operands(number).map(|value| self.value(value.source, value.register, state, register));
        compute(self.instr(number), a?, b?)
    }
}

/// What is in the registers, and what should be, at a point of a line.
#[derive(Clone)]
struct State {
    held: [Source; 32],
    due: [Source; 32],
}

impl Default for State {
    fn default() -> Self {
        Self { held: [Source::Before; 32], due: [Source::Before; 32] }
    }
}

impl State {
    fn step(&mut self, instr: &Instr, number: usize, is_absorbed: bool) {
        if writes(instr) {
            self.due[usize::from(instr.rd)] = Source::Result(number);
            if !is_absorbed {
                self.held[usize::from(instr.rd)] = Source::Result(number);
            }
        }
    }

    fn is_right(&self, register: u8) -> bool {
        self.held[usize::from(register)] == self.due[usize::from(register)]
    }

    fn holds(&self, source: Source, register: u8) -> bool {
        self.held[usize::from(register)] == source
    }
}

/// Whether an instruction of a line has a result.
fn writes(instr: &Instr) -> bool {
    instr.rd != 0 && !matches!(instr.op, Sb | Sh | Sw | Sd)
}

pub(super) fn is_memory(op: Opcode) -> bool {
    matches!(op, Lb | Lh | Lw | Ld | Lbu | Lhu | Lwu | Sb | Sh | Sw | Sd)
}

/// Whether an instruction does nothing but compute an integer, without leaving the interpreter's loop on any host.
fn is_pure(op: Opcode) -> bool {
    compute(&Instr { op, rd: 0, rs1: 0, rs2: 0, rs3: 0, rm: 0, len: 4, imm: 0 }, 0, 0).is_some()
        || matches!(
            op,
            Lui | Auipc
                | Slti
                | Sltiu
                | Ori
                | Srai
                | Sub
                | Sll
                | Slt
                | Sltu
                | Srl
                | Sra
                | Sraiw
                | Subw
                | Sllw
                | Srlw
        )
        || matches!(
            op,
            Sraw | Mul | Mulw | Sh1add | Sh2add | Sh3add | AddUw | SlliUw | Andn | Orn | Xnor | Rev8
        )
        || matches!(op, SextB | SextH | ZextH | Rol | Ror | Rolw | Rorw)
}

/// The result of an instruction that can be absorbed, from its operands.
fn compute(instr: &Instr, a: u64, b: u64) -> Option<u64> {
    let sext = |value: u32| value as i32 as u64;
    let (imm, shift) = (i64::from(instr.imm) as u64, instr.imm as u32);
    Some(match instr.op {
        Add => a.wrapping_add(b),
        Addw => sext((a as u32).wrapping_add(b as u32)),
        And => a & b,
        Or => a | b,
        Xor => a ^ b,
        Addi => a.wrapping_add(imm),
        Addiw => sext((a as u32).wrapping_add(imm as u32)),
        Andi => a & imm,
        Xori => a ^ imm,
        Slli => a << (shift & 63),
        Srli => a >> (shift & 63),
        Slliw => sext((a as u32) << (shift & 31)),
        Srliw => sext((a as u32) >> (shift & 31)),
        Rori => a.rotate_right(shift & 63),
        Roriw => sext((a as u32).rotate_right(shift & 31)),
        _ => return None,
    })
}
