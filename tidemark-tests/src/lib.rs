//! Guest programs as tests: finding them, running one in a sandbox of its own, comparing with what the oracle did.
//!
//! Owns no expectation: those are the `.expected` files beside the programs (tests/guests/README.md), taken from
//! qemu or a real Linux. A program that is known to fail here has a `.gap` file beside it, with the reason and what
//! it does instead; that is asserted too, so that closing a gap is noticed.

#![forbid(unsafe_code)]

mod program;
mod run;
mod verdict;

pub use program::{Program, families, programs, sources};
pub use run::{Outcome, run};
pub use verdict::check_family;
