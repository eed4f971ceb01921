//! Guest programs as tests: finding them, running one in a sandbox of its own, comparing with what the oracle did.
//!
//! Two suites: the small C programs of tests/guests, each with an `.expected` file beside it taken from qemu or a real
//! Linux, and in [`userland`] the command lines of real Debian programs in tests/userland. A guest program that is known
//! to fail here has a `.gap` file beside it, with the reason and what it does instead; that is asserted too, so that
//! closing a gap is noticed.

#![forbid(unsafe_code)]

mod leaks;
mod program;
mod run;
mod schedule;
pub mod sim;
mod supervised;
pub mod userland;
mod verdict;

pub use leaks::{LEFTOVERS_END, end_without_leaks, left};
pub use program::{Program, families, programs, sources};
pub use run::{Outcome, run};
pub use schedule::schedule;
pub use verdict::check_family;
