//! See the workspace's ARCHITECTURE.md.

pub mod cpu;
pub mod mem;
