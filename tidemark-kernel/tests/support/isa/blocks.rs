//! Random straight-line code with forward jumps.
//!
//! The code never writes `sp` or `x8`, which point into the data area, and reaches memory through these two, or
//! through a register that the instruction before made from them. Words that our decoder calls illegal are mixed in: the
//! oracle has to call them so too.

use super::assemble::{
    addi, auipc, branch, compressed_add, compressed_addi, compressed_branch, compressed_move,
    compressed_slli, i_type, jal, jalr, lui, r_type, s_type,
};
use super::random::Random;
use tidemark_kernel::cpu::decode::{F0, Instr, Opcode, decode, is_wide};

/// Registers with an address.
const POINTERS: [u8; 2] = [2, 8];

/// Largest distance that random loads and stores go from a pointer, backward and forward.
const REACH: i32 = 256;

/// Appends `count` random instructions (a little more, as some come in groups) and returns how many.
pub(crate) fn random_block(random: &mut Random, count: usize, code: &mut Vec<u8>) -> usize {
    let mut made = 0;
    while made < count {
        made += random_group(random, code);
    }
    made
}

/// Appends an instruction, or a few that belong together.
fn random_group(random: &mut Random, code: &mut Vec<u8>) -> usize {
    match random.below(32) {
        0 => atomic(random, code),
        1 => reserved_pair(random, code),
        2 | 3 => jump_forward(random, code),
        4..=7 => idiom(random, code),
        8..=14 => {
            let halfword = single(random, compressed_candidate);
            code.extend((halfword as u16).to_le_bytes());
            1
        }
        _ => {
            let word = single(random, wide_candidate);
            code.extend(word.to_le_bytes());
            1
        }
    }
}

/// A candidate that may be executed anywhere in a block.
fn single(random: &mut Random, candidate: fn(&mut Random) -> u32) -> u32 {
    loop {
        let bits = candidate(random);
        let illegal_allowed = random.one_in(300);
        if is_allowed(bits, &decode(bits), illegal_allowed) {
            return bits;
        }
    }
}

fn compressed_candidate(random: &mut Random) -> u32 {
    loop {
        let bits = random.next() as u16;
        if !is_wide(bits) {
            return bits.into();
        }
    }
}

fn wide_candidate(random: &mut Random) -> u32 {
    // Major opcodes by weight: what has many operations comes more often.
    const MAJORS: [u32; 28] = [
        0x03, 0x03, 0x07, 0x0f, 0x13, 0x13, 0x13, 0x17, 0x1b, 0x1b, 0x23, 0x27, 0x33, 0x33, 0x33, 0x33, 0x37,
        0x3b, 0x3b, 0x43, 0x47, 0x4b, 0x4f, 0x53, 0x53, 0x53, 0x53, 0x73,
    ];
    // Where the operation lies in bits 31–25, most values mean nothing.
    const FUNCT7: [u32; 24] = [
        0x00, 0x01, 0x04, 0x05, 0x07, 0x08, 0x09, 0x0c, 0x0d, 0x10, 0x11, 0x14, 0x15, 0x20, 0x21, 0x24, 0x2c,
        0x2d, 0x30, 0x34, 0x50, 0x51, 0x60, 0x61,
    ];
    const FUNCT7_MORE: [u32; 6] = [0x68, 0x69, 0x70, 0x71, 0x78, 0x79];
    if random.one_in(500) {
        return random.next() as u32 | 3;
    }
    let major = MAJORS[random.below(MAJORS.len() as u64) as usize];
    let mut bits = (random.next() as u32 & !0x7f) | major;
    if matches!(major, 0x33 | 0x3b | 0x53) && !random.one_in(50) {
        let pool = if major == 0x53 && random.one_in(4) { &FUNCT7_MORE[..] } else { &FUNCT7 };
        bits = (bits & 0x01ff_ffff) | pool[random.below(pool.len() as u64) as usize] << 25;
    }
    if matches!(major, 0x13 | 0x1b) && matches!(bits >> 12 & 7, 1 | 5) && !random.one_in(50) {
        const SHIFTS: [u32; 8] = [0x00, 0x10, 0x20, 0x14, 0x24, 0x30, 0x34, 0x04];
        bits = (bits & 0x03ff_ffff) | SHIFTS[random.below(8) as usize] << 25;
    }
    if matches!(major, 0x03 | 0x07) {
        let base = POINTERS[random.below(2) as usize];
        bits = (bits & 0x7fff) | u32::from(base) << 15 | (displacement(random) as u32) << 20;
    }
    if matches!(major, 0x23 | 0x27) {
        let base = POINTERS[random.below(2) as usize];
        bits = s_type(displacement(random), bits >> 20 & 31, base.into(), bits >> 12 & 7, major);
    }
    if major == 0x73 {
        bits = (bits & 0xf_ffff) | (1 + random.below(3) as u32) << 20;
    }
    // Rounding modes: dynamic as often as the five others together.
    if matches!(major, 0x43 | 0x47 | 0x4b | 0x4f | 0x53) && random.one_in(2) {
        bits |= 7 << 12;
    }
    bits
}

fn displacement(random: &mut Random) -> i32 {
    random.below(2 * REACH as u64) as i32 - REACH
}

fn is_allowed(bits: u32, instr: &Instr, illegal_allowed: bool) -> bool {
    use Opcode::*;
    match instr.op {
        Illegal => return illegal_allowed && !is_judged_elsewhere(bits),
        Jal | Jalr | Beq | Bne | Blt | Bge | Bltu | Bgeu | Ecall | Ebreak => return false,
        // A data-dependent address; they come with one.
        op if is_atomic(op) => return false,
        Lb | Lh | Lw | Ld | Lbu | Lhu | Lwu | Flw | Fld | Sb | Sh | Sw | Sd | Fsw | Fsd => {
            let reachable = (-REACH..2 * REACH).contains(&instr.imm) && POINTERS.contains(&instr.rs1);
            if !reachable {
                return false;
            }
        }
        Csrrw | Csrrs | Csrrc | Csrrwi | Csrrsi | Csrrci if !(1..=3).contains(&instr.imm) => return false,
        _ => {}
    }
    !POINTERS.contains(&instr.rd)
}

/// Illegal words where the oracle, which is a user-mode emulation, differs from a Linux machine: the privileged
/// instructions and CSRs, and vector instructions, some of which qemu 10 executes even where the extension is off.
fn is_judged_elsewhere(bits: u32) -> bool {
    match bits & 0x7f {
        0x73 | 0x57 => true,
        0x07 | 0x27 => matches!(bits >> 12 & 7, 0 | 5 | 6 | 7),
        _ => false,
    }
}

fn is_atomic(op: Opcode) -> bool {
    let name = format!("{op:?}");
    name.starts_with("Amo") || name.starts_with("Lr") || name.starts_with("Sc")
}

/// A register that code may write, other than `x0`.
fn writable(random: &mut Random) -> u32 {
    loop {
        let register = 1 + random.below(31) as u32;
        if !POINTERS.contains(&(register as u8)) {
            return register;
        }
    }
}

fn push(code: &mut Vec<u8>, words: &[u32]) -> usize {
    words.iter().for_each(|word| code.extend(word.to_le_bytes()));
    words.len()
}

/// An AMO, or an SC without reservation.
fn atomic(random: &mut Random, code: &mut Vec<u8>) -> usize {
    const FUNCT5: [u32; 10] = [0x03, 0x01, 0x00, 0x04, 0x0c, 0x08, 0x10, 0x14, 0x18, 0x1c];
    let (address, rd, rs2) = (writable(random), writable(random), random.below(32) as u32);
    let funct7 = FUNCT5[random.below(10) as usize] << 2 | random.below(4) as u32;
    let offset = displacement(random) & !7;
    let amo = r_type(funct7, rs2, address, 2 + random.below(2) as u32, rd, 0x2f);
    push(code, &[addi(address, 8, offset), amo])
}

/// LR and SC on one address, in half of the cases with a store to it between them.
fn reserved_pair(random: &mut Random, code: &mut Vec<u8>) -> usize {
    let (address, loaded) = (writable(random), writable(random));
    if address == loaded {
        return 0;
    }
    let (rs2, rd, size) = (random.below(32) as u32, writable(random), 2 + random.below(2) as u32);
    let offset = displacement(random) & !7;
    let mut words = vec![addi(address, 8, offset), r_type(0x02 << 2, 0, address, size, loaded, 0x2f)];
    if random.one_in(2) {
        words.push(s_type(offset, random.below(32) as u32, 8, size, 0x23));
    }
    words.push(r_type(0x03 << 2 | random.below(4) as u32, rs2, address, size, rd, 0x2f));
    push(code, &words)
}

/// A pair that compilers make: the second goes on with the first one's result. Interpreters like to fuse those.
fn idiom(random: &mut Random, code: &mut Vec<u8>) -> usize {
    let (rd, other, shift) = (writable(random), writable(random), random.below(64) as i32);
    let imm = random.below(4096) as i32 - 2048;
    let upper = random.next() as u32;
    let compressed = random.one_in(2);
    let push_short = |code: &mut Vec<u8>, halfword: u16| code.extend(halfword.to_le_bytes());
    match random.below(12) {
        0 => push(code, &[lui(rd, upper), addi(rd, rd, imm)]),
        1 => push(code, &[lui(rd, upper), i_type(imm, rd, 0, rd, 0x1b)]),
        2 => push(code, &[auipc(rd, upper), addi(rd, rd, imm)]),
        // Loads code, which is the same everywhere.
        3 => push(code, &[auipc(rd, 0), i_type(-8 * random.below(8) as i32, rd, 3, rd, 0x03)]),
        // slli, then srli or srai.
        4 | 5 => {
            let right = i_type(random.below(64) as i32 | (random.below(2) as i32) << 10, rd, 5, rd, 0x13);
            if compressed {
                push_short(code, compressed_slli(rd, shift as u32));
                push(code, &[right]);
            } else {
                push(code, &[i_type(shift, other, 1, rd, 0x13), right]);
            }
            2
        }
        // slli, then add.
        6 => {
            push(code, &[i_type(shift, random.below(32) as u32, 1, rd, 0x13)]);
            if compressed {
                push_short(code, compressed_add(rd, other));
            } else if random.one_in(2) {
                push(code, &[r_type(0, other, rd, 0, rd, 0x33)]);
            } else {
                push(code, &[r_type(0, rd, other, 0, rd, 0x33)]);
            }
            2
        }
        // mul or mulw, then add or addw.
        7 => {
            let opcode = if random.one_in(2) { 0x33 } else { 0x3b };
            let (rs1, rs2) = (random.below(32) as u32, random.below(32) as u32);
            let sum = if random.one_in(2) { (other, rd) } else { (rd, other) };
            push(code, &[r_type(1, rs2, rs1, 0, rd, opcode), r_type(0, sum.0, sum.1, 0, other, opcode)])
        }
        // fmul.d, then fadd.d, rounded dynamically.
        8 => {
            let (rd, other) = (random.below(32) as u32, random.below(32) as u32);
            let (rs1, rs2) = (random.below(32) as u32, random.below(32) as u32);
            push(code, &[r_type(0x09, rs2, rs1, 7, rd, 0x53), r_type(0x01, other, rd, 7, other, 0x53)])
        }
        9 => {
            push_short(code, compressed_move(rd, other));
            push_short(code, compressed_move(writable(random), rd));
            2
        }
        // Sums side by side.
        10 => {
            let sum = |random: &mut Random, code: &mut Vec<u8>| {
                let (rd, rs2) = (writable(random), writable(random));
                match random.below(4) {
                    0 => push_short(code, compressed_add(rd, rs2)),
                    1 => push_short(code, compressed_addi(rd, imm >> 6)),
                    2 => code.extend(r_type(0, rs2, rd, 0, rd, 0x33).to_le_bytes()),
                    _ => code.extend(addi(rd, rs2, imm).to_le_bytes()),
                }
            };
            sum(random, code);
            sum(random, code);
            2
        }
        // Something and a branch over an instruction, mostly on that.
        _ => {
            const FUNCT3: [u32; 6] = [0, 1, 4, 5, 6, 7];
            let funct3 = FUNCT3[random.below(6) as usize];
            let first = match random.below(8) {
                0 => addi(rd, random.below(32) as u32, imm),
                1 => i_type(imm, random.below(32) as u32, 0, rd, 0x1b),
                2 => i_type(imm, random.below(32) as u32, 7, rd, 0x13),
                3 => i_type(shift, random.below(32) as u32, 5, rd, 0x13),
                4 => r_type(0, rd, other, 0, rd, 0x33),
                5 => r_type(0, other, rd, 0, rd, 0x3b),
                6 => i_type(displacement(random), 8, 2 + random.below(2) as u32, rd, 0x03),
                _ => i_type(displacement(random), 8, 4, rd, 0x03),
            };
            let against = if random.one_in(3) { 0 } else { random.below(32) as u32 };
            let (rs1, rs2) = if random.one_in(4) { (against, rd) } else { (rd, against) };
            push(code, &[first, branch(funct3, rs1, rs2, 8), addi(other, 0, imm)])
        }
    }
}

/// A jump or branch over some instructions.
fn jump_forward(random: &mut Random, code: &mut Vec<u8>) -> usize {
    let mut skipped: Vec<u8> = Vec::new();
    let mut made = 1;
    for _ in 0..random.below(4) {
        let bits = if random.one_in(2) {
            single(random, compressed_candidate)
        } else {
            single(random, wide_candidate)
        };
        let len = if is_wide(bits as u16) { 4 } else { 2 };
        skipped.extend(&bits.to_le_bytes()[..len]);
        made += 1;
    }
    let distance = skipped.len() as i32;
    match random.below(5) {
        0 => made += push(code, &[jal(writable(random), distance + 4)]) - 1,
        1 => {
            // Bit 0 of the target is ignored.
            let (base, odd) = (writable(random), random.below(2) as i32);
            made += push(code, &[auipc(base, 0), jalr(writable(random), distance + 8 + odd, base)]) - 1;
        }
        2 => {
            let bits = compressed_branch(random.one_in(2), random.below(8) as u32, distance as u32 + 2);
            code.extend(bits.to_le_bytes());
        }
        _ => {
            const FUNCT3: [u32; 6] = [0, 1, 4, 5, 6, 7];
            let funct3 = FUNCT3[random.below(6) as usize];
            push(code, &[branch(funct3, random.below(32) as u32, random.below(32) as u32, distance + 4)]);
        }
    }
    code.extend(skipped);
    made
}

/// Sanity of the constants above: floating-point registers are no pointers.
const _: () = assert!(POINTERS[0] < F0 && POINTERS[1] < F0);
