//! What the fuzz targets do with their bytes. Each function must return, whatever it is given; a panic is a finding.
//!
//! `cargo xtask fuzz` runs them under libFuzzer, starting from the seeds in `seeds/TARGET`; `cargo test` replays the
//! seeds. A finding is fixed and becomes a seed.

mod arguments;
mod executable;
mod instructions;
mod layer_index;
mod memory;
mod syscalls;

pub use executable::executable;
pub use instructions::instructions;
pub use layer_index::layer_index;
pub use syscalls::syscalls;

/// A target: what to call with which bytes.
pub type Target = fn(&[u8]);

/// Every target by the name of its program and of its folder of seeds.
pub const TARGETS: [(&str, Target); 4] = [
    ("executable", executable),
    ("instructions", instructions),
    ("layer_index", layer_index),
    ("syscalls", syscalls),
];
