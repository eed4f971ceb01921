//! Real command lines of Debian's riscv64 programs: the rows of tests/userland, run in Tidemark and on the oracle.
//!
//! Owns the form of the rows and how they are run and judged; tests/userland/README.md tells it to those who write rows.
//! Packages come through the `tidemark` command, as they do for anybody.

mod guest;
mod judge;
mod node;
mod oracle;
mod outside;
mod pace;
mod roots;
mod suite;
mod table;
mod unpack;

pub use node::Node;
pub use oracle::Oracle;
pub use pace::{Pace, pace_report};
pub use roots::Roots;
pub use suite::{Mode, Place, Report, Selection, prepare, run};
pub use table::{Family, Row, SLOW, families};
