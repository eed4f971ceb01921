//! Long straight lines of shifts and logic, as hash functions are made of: however they are executed, in one go or an
//! instruction at a time, and wherever a load or a store in them faults, registers, memory and counts are the same.

#[path = "support/isa/assemble.rs"]
#[allow(dead_code, reason = "shared with a generator that uses other parts")]
mod assemble;
#[path = "support/bare.rs"]
#[allow(dead_code, reason = "shared with a program that uses other parts")]
mod bare;

use assemble::*;
use bare::Machine;
use tidemark_kernel::cpu::exit::Exit;
use tidemark_kernel::mem::page_table::Pte;

const CODE: u64 = 0x10000;
/// Mapped from the start, and then one page for each fault.
const DATA: u64 = 0x20000;
const PAGE: u64 = 4096;
const EBREAK: u32 = 0x0010_0073;
const PLENTY: u64 = 1_000_000;
/// How often a line runs: each time with another page that is not there yet.
const ROUNDS: u32 = 4;
const SEEDS: u64 = 400;

// What lines do not write: data that is there, data that is not, the size of a page, rounds left.
const THERE: u32 = 11;
const ABSENT: u32 = 8;
const STRIDE: u32 = 9;
const LEFT: u32 = 18;
/// What lines compute with; few, so that results are overwritten soon.
const REGISTERS: [u32; 9] = [5, 6, 7, 12, 13, 14, 15, 28, 29];

struct Random(u64);

impl Random {
    fn below(&mut self, end: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % u64::from(end)) as u32
    }

    fn register(&mut self) -> u32 {
        REGISTERS[self.below(REGISTERS.len() as u32) as usize]
    }
}

/// `slliw`, `srliw` or, of 64 bits, `slli` and `srli`.
fn shift(right: bool, is_word: bool, rd: u32, rs1: u32, amount: u32) -> u32 {
    i_type(amount as i32, rs1, if right { 5 } else { 1 }, rd, if is_word { 0x1b } else { 0x13 })
}

fn logic(random: &mut Random, rd: u32, rs1: u32, rs2: u32) -> u32 {
    match random.below(6) {
        0 => r_type(0, rs2, rs1, 4, rd, 0x33),
        1 => r_type(0, rs2, rs1, 6, rd, 0x33),
        2 => r_type(0, rs2, rs1, 7, rd, 0x33),
        3 => r_type(0, rs2, rs1, 0, rd, 0x33),
        4 => r_type(0, rs2, rs1, 0, rd, 0x3b),
        _ => i_type(-1, rs1, 4, rd, 0x13),
    }
}

/// Pieces of hash functions, their instructions shuffled as far as nobody can see, and loads and stores between.
fn line(random: &mut Random) -> Vec<u32> {
    let mut words = Vec::new();
    while words.len() < 120 {
        let [a, b, c, of] = [(); 4].map(|()| random.register());
        let is_word = random.below(2) == 0;
        let amount = 1 + random.below(if is_word { 31 } else { 63 });
        let back = if is_word { 32 } else { 64 } - amount;
        match random.below(10) {
            0..4 => {
                words.push(shift(false, is_word, a, of, amount));
                between(random, &mut words);
                words.push(shift(true, is_word, b, of, back));
                between(random, &mut words);
                words.push(r_type(0, a, b, if random.below(2) == 0 { 6 } else { 4 }, c, 0x33));
            }
            4 => words.push(shift(true, is_word, a, of, amount)),
            5 => {
                // An element of a small ring, and a choice by a mask.
                words.push(i_type(random.below(16) as i32, of, 0, a, 0x1b));
                words.push(i_type(15, a, 7, a, 0x13));
                words.push(shift(false, false, a, a, 2));
                words.push(r_type(0, THERE, a, 0, b, 0x33));
                words.push(i_type(-1, of, 4, a, 0x13));
                words.push(r_type(0, c, a, 7, a, 0x33));
                words.push(r_type(0, b, of, 7, b, 0x33));
                words.push(r_type(0, b, a, 4, c, 0x33));
            }
            6..9 => words.push(logic(random, a, b, c)),
            _ => access(random, &mut words),
        }
    }
    words
}

fn between(random: &mut Random, words: &mut Vec<u32>) {
    match random.below(4) {
        0 => access(random, words),
        1 => {
            let [a, b, c] = [(); 3].map(|()| random.register());
            words.push(logic(random, a, b, c));
        }
        _ => {}
    }
}

fn access(random: &mut Random, words: &mut Vec<u32>) {
    let base = if random.below(4) == 0 { ABSENT } else { THERE };
    let offset = 8 * random.below(64) as i32;
    let register = random.register();
    words.push(if random.below(2) == 0 { ld(register, offset, base) } else { sd(register, offset, base) });
}

fn program(seed: u64) -> Vec<u32> {
    let mut random = Random(seed);
    let mut words = line(&mut random);
    words.push(r_type(0, STRIDE, ABSENT, 0, ABSENT, 0x33));
    words.push(addi(LEFT, LEFT, -1));
    words.push(branch(1, LEFT, 0, -4 * words.len() as i32));
    words.push(EBREAK);
    words
}

fn machine(words: &[u32], seed: u64) -> Machine {
    let mut machine = Machine::new(4 << 20);
    machine.map(CODE, PAGE, Pte::READ | Pte::WRITE | Pte::EXECUTE);
    machine.map(DATA, PAGE, Pte::READ | Pte::WRITE);
    machine.write(CODE, &words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>());
    machine.hart.set_pc(CODE);
    let mut random = Random(!seed);
    for register in REGISTERS {
        machine.hart.set_x(
            register as usize,
            u64::from(random.below(1 << 31)) << 33 | u64::from(random.below(1 << 31)),
        );
    }
    for (register, value) in [(THERE, DATA), (ABSENT, DATA + PAGE), (STRIDE, PAGE), (LEFT, ROUNDS.into())] {
        machine.hart.set_x(register as usize, value);
    }
    machine
}

/// The exit, the registers, where it stands and how many instructions it took.
fn state(machine: &Machine, exit: Exit) -> (Exit, Vec<u64>, u64, u64) {
    let registers = (0..32).map(|register| machine.hart.x(register)).collect();
    (exit, registers, machine.hart.pc(), machine.hart.instret())
}

fn one_at_a_time(machine: &mut Machine) -> Exit {
    loop {
        match machine.run(1) {
            Exit::Budget => {}
            exit => return exit,
        }
    }
}

#[test]
fn nobody_can_tell_how_a_line_was_executed() {
    let mut faults = 0;
    for seed in 0..SEEDS {
        let words = program(seed);
        assert!(4 * words.len() as u64 <= PAGE);
        let [mut fast, mut slow] = [(); 2].map(|()| machine(&words, seed));
        loop {
            let (exit, expected) = (fast.run(PLENTY), one_at_a_time(&mut slow));
            assert_eq!(state(&fast, exit), state(&slow, expected), "seed {seed}");
            match exit {
                Exit::PageFault { addr, .. } => {
                    faults += 1;
                    for machine in [&mut fast, &mut slow] {
                        machine.map(addr & !(PAGE - 1), PAGE, Pte::READ | Pte::WRITE);
                    }
                }
                exit => {
                    assert_eq!(exit, Exit::Ebreak, "seed {seed}");
                    break;
                }
            }
        }
        assert_eq!(fast.read(DATA, PAGE as usize), slow.read(DATA, PAGE as usize), "seed {seed}");
    }
    assert!(faults > SEEDS, "lines are left half-way: {faults} times");
}

#[test]
fn budgets_are_exact_in_long_lines() {
    for seed in 0..40 {
        let words = program(seed);
        let [mut parts, mut slow] = [(); 2].map(|()| machine(&words, seed));
        for machine in [&mut parts, &mut slow] {
            machine.map(DATA + PAGE, u64::from(ROUNDS) * PAGE, Pte::READ | Pte::WRITE);
        }
        for budget in (1..400).step_by(37).cycle() {
            let exit = parts.run(budget);
            let mut expected = Exit::Budget;
            for _ in 0..budget {
                expected = slow.run(1);
                if expected != Exit::Budget {
                    break;
                }
            }
            assert_eq!(state(&parts, exit), state(&slow, expected), "seed {seed}");
            if exit != Exit::Budget {
                break;
            }
        }
    }
}
