//! Random instructions, compared with qemu register for register, flags and memory included.
//!
//! The committed corpus names seeds and what qemu 10 made of them; `cargo test` replays it offline. With
//! `TIDEMARK_QEMU` set to a `qemu-riscv64` of version 10, the test goes on with fresh seeds against it:
//!
//! - `TIDEMARK_ISA_SEEDS`: how many (default 10; a seed is about 80,000 instructions);
//! - `TIDEMARK_ISA_FIRST`: the first one (default: from the clock; it is printed);
//! - `TIDEMARK_ISA_RECORD`: writes them as the new corpus, and the table of edge cases, instead of judging.

#[path = "support/bare.rs"]
#[allow(dead_code, reason = "shared with a program that uses other parts")]
mod bare;
mod support {
    pub(crate) use super::bare;
    #[path = "../support/isa/mod.rs"]
    pub(crate) mod isa;
}

use std::time::{SystemTime, UNIX_EPOCH};
use support::isa::edges;
use support::isa::program::{BLOCK_INSTRUCTIONS, BLOCKS, Focus, generate};
use support::isa::runner::{Qemu, run_here};
use tidemark_kernel::cpu::decode::{decode, is_wide};

const CORPUS: &str = include_str!("data/isa_random.txt");
const CORPUS_PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/isa_random.txt");
const EDGES: &str = include_str!("data/isa_edges.txt");
const EDGES_PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/isa_edges.txt");

/// Instructions in a slice where slices are not what is tested.
const SLICE: u64 = 1_000_000;

#[test]
fn corpus_gives_what_qemu_gave() {
    let lines = CORPUS.lines().filter(|line| !line.starts_with('#'));
    for line in lines {
        let (seed, expected) = line.split_once(' ').expect("seed and digest");
        let (output, _) = run_here(&generate(number(seed), None).elf, SLICE);
        assert_eq!(format!("{:016x}", digest(&output)), expected, "seed {seed} differs from qemu");
    }
}

/// Each computing instruction on operands at the edges of its format: one line an instruction.
#[test]
fn edges_give_what_qemu_gave() {
    let elf = edges::program();
    let words = edges::instructions();
    let digests = |output: Vec<u8>| -> Vec<String> {
        assert_eq!(output.len(), 8 * words.len());
        let words = words.iter().zip(output.chunks(8));
        words
            .map(|(word, digest)| {
                format!("{word:08x} {:016x}", u64::from_le_bytes(digest.try_into().unwrap()))
            })
            .collect()
    };
    if let (Some(qemu), Ok(_)) = (Qemu::from_env(), std::env::var("TIDEMARK_ISA_RECORD")) {
        let header = "# instruction, digest of qemu 10's results on all operands (TIDEMARK_ISA_RECORD)\n";
        let text = header.to_string() + &digests(qemu.run(&elf)).join("\n") + "\n";
        std::fs::write(EDGES_PATH, text).expect("the table is writable");
        return;
    }
    let found = digests(run_here(&elf, SLICE).0);
    let expected: Vec<&str> = EDGES.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(found.len(), expected.len(), "instructions in the table");
    for (found, expected) in found.iter().zip(expected) {
        let bits = u32::from_str_radix(&found[..8], 16).expect("an instruction word");
        assert_eq!(found, expected, "{:?} differs from qemu", decode(bits));
    }
}

/// Any slicing gives the same results after the same number of instructions.
#[test]
fn slices_do_not_matter() {
    let elf = generate(1, None).elf;
    let whole = run_here(&elf, SLICE);
    for slice in [1, 2, 3, 7, 50, 333, 2001] {
        assert_eq!(run_here(&elf, slice), whole, "in slices of {slice}");
    }
}

#[test]
fn fresh_seeds_agree_with_qemu() {
    let Some(qemu) = Qemu::from_env() else { return };
    let setting = |name| std::env::var(name).ok();
    let count = setting("TIDEMARK_ISA_SEEDS").map_or(10, |value| number(&value));
    let clock = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs() << 20);
    let first = setting("TIDEMARK_ISA_FIRST").map_or_else(clock, |value| number(&value));
    println!("{count} seeds from {first}");
    let mut corpus =
        String::from("# seed, digest of qemu 10's results (TIDEMARK_ISA_RECORD, see isa_random.rs)\n");
    let mut instructions = 0;
    for seed in (first..).take(count as usize) {
        let program = generate(seed, None);
        instructions += program.instructions;
        let expected = qemu.run(&program.elf);
        assert_eq!(expected.len(), 8 * BLOCKS, "seed {seed}: all blocks ran under qemu");
        corpus += &format!("{seed} {:016x}\n", digest(&expected));
        let (found, _) = run_here(&program.elf, SLICE);
        if setting("TIDEMARK_ISA_RECORD").is_none() && found != expected {
            let block = found.chunks(8).zip(expected.chunks(8)).position(|(a, b)| a != b);
            panic!("{}", explain(&qemu, seed, block.expect("a block that differs")));
        }
    }
    println!("{instructions} random instructions compared");
    if setting("TIDEMARK_ISA_RECORD").is_some() {
        std::fs::write(CORPUS_PATH, corpus).expect("the corpus is writable");
    }
}

/// Finds the instruction of a block from which on the results differ, and tells how.
fn explain(qemu: &Qemu, seed: u64, block: usize) -> String {
    for instructions in 1..=BLOCK_INSTRUCTIONS {
        let program = generate(seed, Some(Focus { block, instructions }));
        let (expected, found) = (qemu.run(&program.elf), run_here(&program.elf, SLICE).0);
        if expected == found {
            continue;
        }
        let skip = 8 * (block + 1);
        let words = |output: &[u8]| -> Vec<u64> {
            output[skip..].chunks(8).map(|word| u64::from_le_bytes(word.try_into().expect("words"))).collect()
        };
        let (expected, found) = (words(&expected), words(&found));
        let differences = (0..expected.len())
            .filter(|i| expected[*i] != found[*i])
            .map(|i| format!("  {}: qemu {:#018x}, here {:#018x}\n", place_name(i), expected[i], found[i]));
        return format!(
            "seed {seed}, block {block} differs after:\n{}{}",
            listing(&program.last_block),
            differences.collect::<String>()
        );
    }
    format!("seed {seed}, block {block} differs, but not when it is looked at")
}

fn place_name(index: usize) -> String {
    match index {
        0..128 => format!("data+{:#x}", 8 * index),
        128 => "illegal instructions".into(),
        129..160 => format!("x{}", index - 128),
        160..192 => format!("f{}", index - 160),
        _ => "fcsr".into(),
    }
}

/// The last instructions of a block.
fn listing(code: &[u8]) -> String {
    let mut lines = Vec::new();
    let mut at = 0;
    while at < code.len() {
        let half =
            |at: usize| code.get(at..at + 2).map_or(0, |bytes| u16::from_le_bytes([bytes[0], bytes[1]]));
        let len = if is_wide(half(at)) { 4 } else { 2 };
        let bits = u32::from(half(at)) | if len == 4 { u32::from(half(at + 2)) << 16 } else { 0 };
        lines.push(format!("  {bits:08x} {:?}\n", decode(bits)));
        at += len;
    }
    lines.split_off(lines.len().saturating_sub(8)).concat()
}

/// FNV-1a, 64 bits.
fn digest(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}

fn number(text: &str) -> u64 {
    text.parse().unwrap_or_else(|_| panic!("{text:?} is not a number"))
}
