//! The contract's named bounds: sizes that callers and hosts both rely on.

/// The step in which [`SharedMemory`](crate::SharedMemory) grows, in bytes: WebAssembly's page size (WebAssembly core
/// specification 2.0, 4.2.8 "Memory Instances").
pub const GROWTH_STEP_BYTES: u64 = 64 * 1024;

/// The smallest stack a [`Role`](crate::Role) may ask for, in bytes. Less does not hold a panic's own frames.
pub const MIN_STACK_BYTES: usize = 64 * 1024;

/// The stack of a role that asks for nothing, in bytes: what the WebAssembly linker gives by default.
pub const DEFAULT_STACK_BYTES: usize = 1024 * 1024;

/// The largest stack a [`Role`](crate::Role) may ask for, in bytes. In WebAssembly stacks come out of the module's
/// 4 GiB, one for each worker.
pub const MAX_STACK_BYTES: usize = 16 * 1024 * 1024;
