//! What is due when: all deadlines on `CLOCK_MONOTONIC`, in order.
//!
//! Owns the order of deadlines; what happens at one is up to its target's owner, who also cancels it when it is not expected
//! any more.

use std::collections::BTreeSet;

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
    queue: BTreeSet<(Nanos, Due)>,
}

impl Timers {
    /// Adds one.
    pub fn add(&mut self, at: Nanos, due: Due) {
        self.queue.insert((at, due));
    }

    /// Takes one out that nobody waits for any more, if it is there.
    pub fn cancel(&mut self, at: Nanos, due: Due) {
        self.queue.remove(&(at, due));
    }

    /// Takes the earliest that is due at `now`.
    pub fn pop(&mut self, now: Nanos) -> Option<Due> {
        let (at, _) = self.queue.first()?;
        if *at > now {
            return None;
        }
        self.queue.pop_first().map(|(_, due)| due)
    }

    /// The earliest moment something is due.
    pub fn next(&self) -> Option<Nanos> {
        self.queue.first().map(|(at, _)| *at)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
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
        timers.cancel(20, Due::Park { tid, park: 1 });
        assert_eq!(timers.len(), 1, "that was another");
        timers.cancel(20, Due::Park { tid, park: 2 });
        assert_eq!(timers.next(), None);
    }
}
