//! What the kernel did last, by a short name: so that whoever measures it can tell what took long.
//!
//! Owns the kinds. Measures nothing: the kernel has no clock.

use core::fmt;

use crate::kernel::Kernel;
use crate::syscall::table;

/// What an input made the kernel do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Operation {
    /// Something of the application's: a start, a stream, a request for files.
    #[default]
    Application,
    /// A step of this system call, by number.
    Call(u16),
    /// A page fault.
    PageFault,
    /// Another fault of an instruction.
    Fault,
    /// A look at a thread between two stretches of its program: signals, stops, the end of its slice.
    Return,
    /// Deadlines.
    Timers,
    /// Taking apart what is not used any more.
    Background,
}

/// Call numbers from here on are one operation: Linux has none, and they answer `ENOSYS`.
const CALLS: u16 = 512;

const KINDS: [Operation; 6] = [
    Operation::Application,
    Operation::PageFault,
    Operation::Fault,
    Operation::Return,
    Operation::Timers,
    Operation::Background,
];

impl Operation {
    /// How many there are.
    pub const COUNT: usize = CALLS as usize + KINDS.len();

    pub(crate) fn call(number: u64) -> Operation {
        let last = CALLS - 1;
        Operation::Call(u16::try_from(number).unwrap_or(last).min(last))
    }

    /// Its place in a table of [`COUNT`](Self::COUNT).
    pub fn index(self) -> usize {
        match self {
            Operation::Call(number) => usize::from(number.min(CALLS - 1)),
            kind => usize::from(CALLS) + KINDS.iter().position(|other| *other == kind).unwrap_or(0),
        }
    }

    /// The operation at a place in such a table.
    pub fn from_index(index: usize) -> Option<Operation> {
        match u16::try_from(index) {
            Ok(number) if number < CALLS => Some(Operation::Call(number)),
            _ => KINDS.get(index - usize::from(CALLS)).copied(),
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match *self {
            Operation::Call(number) => match table::row(number.into()) {
                Some(row) => row.name,
                None => return write!(f, "syscall_{number}"),
            },
            Operation::Application => "(application)",
            Operation::PageFault => "(page fault)",
            Operation::Fault => "(fault)",
            Operation::Return => "(return)",
            Operation::Timers => "(timers)",
            Operation::Background => "(background)",
        };
        f.pad(name)
    }
}

impl Kernel {
    /// What the latest input made it do. An input that went on with a system call counts as the call.
    pub fn operation(&self) -> Operation {
        self.sys.operation
    }

    /// What is done next, unless the kernel finds it to be something else.
    pub fn begin_operation(&mut self, operation: Operation) {
        self.sys.operation = operation;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_has_its_place_and_name() {
        let all: Vec<_> = (0..Operation::COUNT).filter_map(Operation::from_index).collect();
        assert_eq!(all.len(), Operation::COUNT);
        assert!(all.iter().enumerate().all(|(index, operation)| operation.index() == index));
        assert_eq!(Operation::from_index(Operation::COUNT), None);
        assert_eq!(Operation::call(64).to_string(), "write");
        assert_eq!(Operation::call(u64::MAX), Operation::Call(CALLS - 1));
        assert!(table::ROWS.iter().all(|row| row.number < u64::from(CALLS)));
    }
}
