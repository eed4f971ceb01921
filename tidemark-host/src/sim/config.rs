//! What a simulation is made of: its seed, and how unkind the world is.

/// The world of a [`Sim`](super::Sim). The same values give the same run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SimConfig {
    /// Where every choice comes from.
    pub seed: u64,
    /// The length that the shared memory cannot exceed, in bytes; address space, of which only what is used costs memory.
    pub reserved_bytes: u64,
    /// The realtime clock at the start, in nanoseconds since 1970.
    pub epoch_nanos: u64,
    /// How many steps the world takes before it is called stuck: enough for whatever ends.
    pub step_limit: u64,
    /// What goes wrong, and how often.
    pub faults: Faults,
}

impl SimConfig {
    /// A world without faults: any schedule, every deadline kept.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            reserved_bytes: 1 << 30,
            // 2025-01-01T00:00:00Z
            epoch_nanos: 1_735_689_600_000_000_000,
            step_limit: 100_000_000,
            faults: Faults::NONE,
        }
    }

    /// The same world with these faults.
    #[must_use]
    pub fn with_faults(mut self, faults: Faults) -> Self {
        self.faults = faults;
        self
    }

    /// The same world, stuck after `steps` steps.
    #[must_use]
    pub fn with_step_limit(mut self, steps: u64) -> Self {
        self.step_limit = steps;
        self
    }

    /// The same world with a memory of `bytes` at the most.
    #[must_use]
    pub fn with_reserved_bytes(mut self, bytes: u64) -> Self {
        self.reserved_bytes = bytes;
        self
    }
}

/// Chances in a thousand, each of what the contract allows a host to do and hosts seldom do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Faults {
    /// A wait ends for no reason.
    pub spurious_wakeups: u32,
    /// Between two steps the whole world stands still for up to 20 ms, as when a laptop's lid was closed for a moment.
    pub stalls: u32,
    /// A reading of the clock takes up to 8 ms, as when the thread was put aside right there. Whoever looks at the clock to
    /// see whether it has run for long enough finds that it has.
    pub preemptions: u32,
    /// A request to grow the memory is refused, as by a platform that is short of it for now.
    pub refused_growth: u32,
    /// A worker is refused.
    pub refused_workers: u32,
    /// A worker was promised, and is lost before its first turn.
    pub lost_workers: u32,
}

impl Faults {
    /// None at all.
    pub const NONE: Self = Self {
        spurious_wakeups: 0,
        stalls: 0,
        preemptions: 0,
        refused_growth: 0,
        refused_workers: 0,
        lost_workers: 0,
    };

    /// What a program must not notice: wakeups for no reason, stalls, preemption anywhere.
    pub const UNNOTICED: Self = Self { spurious_wakeups: 100, stalls: 10, preemptions: 50, ..Self::NONE };

    /// The same faults, with memory refused `per_mille` times in a thousand.
    #[must_use]
    pub const fn refusing_growth(mut self, per_mille: u32) -> Self {
        self.refused_growth = per_mille;
        self
    }

    /// The same faults, with workers refused and lost `per_mille` times in a thousand each.
    #[must_use]
    pub const fn losing_workers(mut self, per_mille: u32) -> Self {
        self.refused_workers = per_mille;
        self.lost_workers = per_mille;
        self
    }
}
