//! Fuzz target: see [`tidemark_fuzz::syscalls`].

#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tidemark_fuzz::syscalls(bytes));

#[cfg(not(fuzzing))]
fn main() {
    eprintln!("this is a fuzz target: run `cargo xtask fuzz syscalls`");
}
