//! What is due when: one heap of deadlines on `CLOCK_MONOTONIC`.
//!
//! Owns the order of deadlines; what happens at one is up to its target's owner. A timer is cancelled by becoming
//! stale: its target no longer expects it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::task::{Pid, Tid};
use crate::time::Nanos;
use crate::wait::ParkSeq;

/// What a deadline is for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Due {
    /// A parked thread's deadline; stale unless it is still in this park.
    Park {
        /// The thread.
        tid: Tid,
        /// The park.
        park: u64,
    },
    /// A process's real-time interval timer (`setitimer(2)`); stale unless armed for this very moment.
    RealTimer(Pid),
    /// A POSIX timer (`timer_create(2)`) of a process, by id and arming count.
    PosixTimer {
        /// The process.
        pid: Pid,
        /// Its id.
        id: u32,
        /// Which arming.
        armed: u32,
    },
    /// The time limit of a program that the application started; stale unless it still has one.
    TimeLimit(Pid),
    /// A timerfd, by its key among open objects and arming count.
    TimerFd {
        /// Its key.
        key: u32,
        /// Which arming.
        armed: u32,
    },
}

/// All deadlines.
#[derive(Default, Debug)]
pub struct Timers {
    heap: BinaryHeap<Reverse<(Nanos, Due)>>,
}

impl Timers {
    /// Adds one.
    pub fn add(&mut self, at: Nanos, due: Due) {
        self.heap.push(Reverse((at, due)));
    }

    /// Takes the earliest that is due at `now`.
    pub fn pop(&mut self, now: Nanos) -> Option<Due> {
        let Reverse((at, _)) = self.heap.peek()?;
        if *at > now {
            return None;
        }
        self.heap.pop().map(|Reverse((_, due))| due)
    }

    /// The earliest moment something is due.
    pub fn next(&self) -> Option<Nanos> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// Drops entries for which `stale` says so, once they are many: parks that ended early leave one each.
    pub fn prune(&mut self, live: usize, mut stale: impl FnMut(Nanos, &Due) -> bool) {
        if self.heap.len() > 64 + 4 * live {
            self.heap.retain(|Reverse((at, due))| !stale(*at, due));
        }
    }
}

impl ParkSeq {
    /// The number, for a deadline's key.
    pub const fn get(self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn earliest_first_and_not_before_its_time() {
        let tid = Tid::new(1).unwrap();
        let mut timers = Timers::default();
        timers.add(20, Due::Park { tid, park: 2 });
        timers.add(10, Due::Park { tid, park: 1 });
        assert_eq!(timers.pop(9), None);
        assert_eq!(timers.pop(15), Some(Due::Park { tid, park: 1 }));
        assert_eq!(timers.pop(15), None);
        assert_eq!(timers.next(), Some(20));
    }
}
