//! What a thread or process has used so far (`getrusage(2)`).

use crate::time::Nanos;

/// What calls moved (`/proc/PID/io`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct IoUsage {
    /// Bytes that reading calls gave.
    pub read_bytes: u64,
    /// Bytes that writing calls took.
    pub written_bytes: u64,
    /// Reading calls.
    pub reads: u64,
    /// Writing calls.
    pub writes: u64,
}

/// Counters that are summed over threads and over children waited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Usage {
    /// CPU time.
    pub cpu: Nanos,
    /// As much of it as the program itself computed; the rest the kernel did for it.
    pub user: Nanos,
    /// Page faults served without reading a file.
    pub minor_faults: u64,
    /// Times it gave up the processor to wait.
    pub voluntary_switches: u64,
    /// Times it was made to give up the processor.
    pub involuntary_switches: u64,
    /// Instructions executed.
    pub instructions: u64,
    /// The largest resident set, in bytes; the maximum, not the sum.
    pub peak_resident: u64,
    /// Bytes read and written.
    pub io: IoUsage,
}

impl Usage {
    /// CPU time that the kernel took.
    pub const fn system(&self) -> Nanos {
        self.cpu.saturating_sub(self.user)
    }

    /// Adds what another used.
    pub fn add(&mut self, other: &Usage) {
        self.cpu = self.cpu.saturating_add(other.cpu);
        self.user = self.user.saturating_add(other.user);
        self.minor_faults = self.minor_faults.saturating_add(other.minor_faults);
        self.voluntary_switches = self.voluntary_switches.saturating_add(other.voluntary_switches);
        self.involuntary_switches = self.involuntary_switches.saturating_add(other.involuntary_switches);
        self.instructions = self.instructions.saturating_add(other.instructions);
        self.peak_resident = self.peak_resident.max(other.peak_resident);
        self.io.read_bytes = self.io.read_bytes.saturating_add(other.io.read_bytes);
        self.io.written_bytes = self.io.written_bytes.saturating_add(other.io.written_bytes);
        self.io.reads += other.io.reads;
        self.io.writes += other.io.writes;
    }
}
