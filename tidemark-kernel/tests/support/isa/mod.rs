//! Random programs that run here and under an oracle with the same results, if all is well.

pub(crate) mod assemble;
mod blocks;
pub(crate) mod edges;
pub(crate) mod program;
pub(crate) mod random;
pub(crate) mod runner;
