//! What a thread asked of the scheduler (`sched(7)`, `ioprio_set(2)`): kept, told and inherited.
//!
//! Threads take turns all alike, whatever stands here; so what would be a promise, a real-time policy, is never granted.

/// A policy that is granted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Policy {
    /// `SCHED_OTHER`
    #[default]
    Other,
    /// `SCHED_BATCH`
    Batch,
    /// `SCHED_IDLE`
    Idle,
}

impl Policy {
    /// The policy of a number; `None` for one that is not granted.
    pub const fn new(number: u32) -> Option<Policy> {
        match number {
            0 => Some(Policy::Other),
            3 => Some(Policy::Batch),
            5 => Some(Policy::Idle),
            _ => None,
        }
    }

    /// The number.
    pub const fn number(self) -> u32 {
        match self {
            Policy::Other => 0,
            Policy::Batch => 3,
            Policy::Idle => 5,
        }
    }
}

/// What one thread asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Scheduling {
    /// How it is scheduled.
    pub policy: Policy,
    /// `SCHED_RESET_ON_FORK`, which is not passed on.
    pub reset_on_fork: bool,
    /// The processors it asked for, a bit each; `None` is all.
    pub affinity: Option<u64>,
    /// Class and level of its I/O as `ioprio_set(2)` packs them; zero if it asked for none.
    pub io_priority: u16,
    /// -20 to 19, the higher the humbler.
    pub nice: i8,
    /// How late its waits may end.
    pub slack: Slack,
}

/// How late waits may end, in nanoseconds (`PR_SET_TIMERSLACK`). They end as soon as can be, whatever stands here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Slack {
    /// What was set.
    pub now: u64,
    /// What it goes back to: that of the thread's creator.
    pub default: u64,
}

impl Default for Slack {
    fn default() -> Slack {
        const FIRST: u64 = 50_000;
        Slack { now: FIRST, default: FIRST }
    }
}

impl Scheduling {
    /// What a thread or process made by this one has.
    pub fn inherited(&self) -> Scheduling {
        // The policies that the flag resets are those that are not granted.
        let nice = if self.reset_on_fork { self.nice.max(0) } else { self.nice };
        let slack = Slack { now: self.slack.now, default: self.slack.now };
        Scheduling { reset_on_fork: false, nice, slack, ..*self }
    }
}
