//! Program images: what a file must look like to be executed, and what a new program finds in its memory.
//!
//! - [`elf`]: reads headers, validates all of them, decides nothing. [`script`]: `#!` lines.
//! - [`stack`]: arguments, environment and auxiliary vector as a program finds them.
//! - [`vdso`]: the code that the kernel lends to every program.
//!
//! Who may execute what, and what becomes of the process, is `task`'s.

pub mod elf;
pub mod script;
pub mod stack;
pub mod vdso;
