//! The run queue: which guest thread runs next, and on which worker.
//!
//! Owns order and affinity; lives under the kernel's lock, because a thread is dispatched under it anyway.

use std::collections::VecDeque;

use tidemark_kernel::task::Tid;
use tidemark_kernel::worker::WorkerId;

use crate::schedule::{QueueDice, Schedule};

/// Runnable threads.
#[derive(Default)]
pub(crate) struct RunQueue {
    shared: VecDeque<Tid>,
    /// Per worker: a thread woken by the one it runs, which is likely to wait for it soon. Running it here next saves a
    /// wake-up of another worker (microseconds) and keeps caches warm.
    next: Vec<Next>,
    /// Workers that wait for work.
    idle: u32,
    /// Says who is next, where that is not the first.
    dice: Option<QueueDice>,
}

/// A worker's own next thread, and how often in a row it took precedence over the threads for everybody.
#[derive(Clone, Default)]
struct Next {
    tid: Option<Tid>,
    streak: u32,
}

/// Two threads that wake each other in turn keep a worker to themselves this many times before others have theirs.
const STREAK: u32 = 64;

/// Whether another worker must be told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub(crate) enum Wake {
    No,
    One,
}

impl RunQueue {
    pub(crate) fn new(workers: u16, schedule: Schedule) -> Self {
        RunQueue {
            shared: VecDeque::new(),
            next: vec![Next::default(); usize::from(workers)],
            idle: 0,
            dice: QueueDice::new(schedule),
        }
    }

    /// Adds a thread for whichever worker is free first.
    pub(crate) fn push(&mut self, tid: Tid) -> Wake {
        self.shared.push_back(tid);
        self.wake()
    }

    /// Adds a thread that `waker`'s current thread woke. What was its next before goes to everybody.
    pub(crate) fn push_sync(&mut self, tid: Tid, waker: WorkerId) -> Wake {
        if self.dice.is_some() {
            return self.push(tid);
        }
        match self.next.get_mut(usize::from(waker.0)) {
            Some(next) => match next.tid.replace(tid) {
                Some(earlier) => self.push(earlier),
                None => Wake::No,
            },
            None => self.push(tid),
        }
    }

    /// The thread this worker should run next.
    pub(crate) fn pop(&mut self, worker: WorkerId) -> Option<Tid> {
        let own = self.next.get_mut(usize::from(worker.0))?;
        match own.tid.take() {
            Some(tid) if own.streak < STREAK || self.shared.is_empty() => {
                own.streak += 1;
                Some(tid)
            }
            tid => {
                own.streak = 0;
                self.shared.extend(tid);
                match &mut self.dice {
                    // Whoever is last takes the place of the one that goes: there is no order to be kept.
                    Some(dice) => self.shared.swap_remove_back(dice.place(self.shared.len())),
                    None => self.shared.pop_front(),
                }
            }
        }
    }

    /// The worker's thread runs on though it woke another: others may have that one.
    pub(crate) fn publish_next(&mut self, worker: WorkerId) -> Wake {
        match self.next.get_mut(usize::from(worker.0)).and_then(|next| next.tid.take()) {
            Some(tid) => self.push(tid),
            None => Wake::No,
        }
    }

    /// Whether this worker keeps a thread for itself.
    pub(crate) fn has_next(&self, worker: WorkerId) -> bool {
        self.next.get(usize::from(worker.0)).is_some_and(|next| next.tid.is_some())
    }

    /// Whether a thread waits that this worker could run.
    pub(crate) fn has_work(&self, worker: WorkerId) -> bool {
        !self.shared.is_empty() || self.has_next(worker)
    }

    pub(crate) fn set_idle(&mut self, idle: bool) {
        if idle {
            self.idle += 1;
        } else {
            self.idle = self.idle.saturating_sub(1);
        }
    }

    fn wake(&self) -> Wake {
        if self.idle > 0 { Wake::One } else { Wake::No }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::RandomSchedule;

    fn tid(n: u32) -> Tid {
        Tid::new(n).unwrap()
    }

    #[test]
    fn a_sync_wake_stays_with_its_waker_until_published() {
        let (a, b) = (WorkerId(0), WorkerId(1));
        let mut queue = RunQueue::new(2, Schedule::Fair);
        queue.set_idle(true);
        assert_eq!(queue.push_sync(tid(1), a), Wake::No);
        assert!(!queue.has_work(b));
        assert_eq!(queue.push_sync(tid(2), a), Wake::One);
        assert_eq!(queue.pop(b), Some(tid(1)));
        assert_eq!(queue.publish_next(a), Wake::One);
        assert_eq!(queue.pop(b), Some(tid(2)));
        assert_eq!(queue.pop(a), None);
    }

    #[test]
    fn a_pair_that_wakes_each_other_lets_others_in() {
        let worker = WorkerId(0);
        let mut queue = RunQueue::new(1, Schedule::Fair);
        assert_eq!(queue.push(tid(9)), Wake::No);
        let mut turns = 0;
        loop {
            assert_eq!(queue.push_sync(tid(1 + turns % 2), worker), Wake::No);
            if queue.pop(worker) == Some(tid(9)) {
                break;
            }
            turns += 1;
            assert!(turns <= STREAK);
        }
        assert_eq!(turns, STREAK);
    }

    #[test]
    fn at_random_anybody_is_next_and_nobody_twice() {
        let popped = |seed| {
            let mut queue = RunQueue::new(2, Schedule::Random(RandomSchedule::new(seed)));
            for n in 1..=20 {
                assert_eq!(queue.push_sync(tid(n), WorkerId(0)), Wake::No);
            }
            assert!(queue.has_work(WorkerId(1)) && !queue.has_next(WorkerId(0)));
            let order: Vec<Tid> = std::iter::from_fn(|| queue.pop(WorkerId(1))).collect();
            let mut sorted = order.clone();
            sorted.sort();
            assert!(sorted.into_iter().eq((1..=20).map(tid)));
            order
        };
        assert_eq!(popped(1), popped(1));
        assert_ne!(popped(1), popped(2));
    }

    #[test]
    fn first_come_first_served() {
        let mut queue = RunQueue::new(1, Schedule::Fair);
        assert_eq!(queue.push(tid(3)), Wake::No);
        assert_eq!(queue.push(tid(1)), Wake::No);
        assert_eq!(queue.pop(WorkerId(0)), Some(tid(3)));
        assert_eq!(queue.pop(WorkerId(0)), Some(tid(1)));
    }
}
