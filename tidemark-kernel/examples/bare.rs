//! Runs a static riscv64 ELF that needs only `write` and `exit` on the bare processor, and says how fast.
//!
//! `cargo run --release -p tidemark-kernel --example bare -- PROGRAM`

#[path = "../tests/support/bare.rs"]
#[allow(dead_code, reason = "shared with tests that use more")]
mod bare;

use std::io::Write;
use std::time::Instant;

/// Instructions in a slice: some milliseconds.
const SLICE: u64 = 2_000_000;

fn main() {
    let Some(path) = std::env::args().nth(1) else {
        eprintln!("usage: bare PROGRAM");
        std::process::exit(2);
    };
    let elf = std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let mut machine = bare::Machine::new(256 << 20);
    machine.load_elf(&elf);
    let start = Instant::now();
    let end = machine.run_program(SLICE);
    let seconds = start.elapsed().as_secs_f64();
    std::io::stdout().write_all(&machine.output).expect("standard output");
    let (instret, pc) = (machine.hart.instret(), machine.hart.pc());
    eprintln!(
        "{end:?} at {pc:#x}: {instret} instructions, {seconds:.3} s, {:.0} M/s",
        instret as f64 / seconds / 1e6
    );
}
