//! Resource limits of a process (`getrlimit(2)`).
//!
//! Owns the values and who may change them; each is enforced where its resource is given out.

use crate::limits::Limits;

/// No limit.
pub const INFINITY: u64 = u64::MAX;

/// A resource, by its asm-generic number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(usize)]
pub enum Resource {
    /// CPU time in seconds.
    Cpu = 0,
    /// Size of a file in bytes.
    FileSize = 1,
    /// Data segment in bytes.
    Data = 2,
    /// Stack in bytes.
    Stack = 3,
    /// Core file in bytes.
    Core = 4,
    /// Resident set in bytes; without effect, as on Linux.
    ResidentSet = 5,
    /// Processes and threads of the user.
    Processes = 6,
    /// One more than the highest descriptor.
    Descriptors = 7,
    /// Locked memory in bytes.
    LockedMemory = 8,
    /// Address space in bytes.
    AddressSpace = 9,
    /// File locks; without effect, as on Linux.
    Locks = 10,
    /// Queued signals.
    PendingSignals = 11,
    /// Bytes in POSIX message queues.
    MessageQueues = 12,
    /// Ceiling of the nice value.
    Nice = 13,
    /// Ceiling of the real-time priority.
    RealtimePriority = 14,
    /// Microseconds of real-time scheduling without a blocking call.
    RealtimeTime = 15,
}

/// How many resources there are.
pub const RESOURCES: usize = 16;

impl Resource {
    /// From the guest's number.
    pub const fn new(number: u32) -> Option<Resource> {
        Some(match number {
            0 => Resource::Cpu,
            1 => Resource::FileSize,
            2 => Resource::Data,
            3 => Resource::Stack,
            4 => Resource::Core,
            5 => Resource::ResidentSet,
            6 => Resource::Processes,
            7 => Resource::Descriptors,
            8 => Resource::LockedMemory,
            9 => Resource::AddressSpace,
            10 => Resource::Locks,
            11 => Resource::PendingSignals,
            12 => Resource::MessageQueues,
            13 => Resource::Nice,
            14 => Resource::RealtimePriority,
            15 => Resource::RealtimeTime,
            _ => return None,
        })
    }
}

/// A soft and a hard value, [`INFINITY`] for none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RLimit {
    /// What is enforced.
    pub soft: u64,
    /// What the soft value may be raised to.
    pub hard: u64,
}

impl RLimit {
    const fn both(value: u64) -> RLimit {
        RLimit { soft: value, hard: value }
    }
}

/// The limits of a process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RLimits {
    table: [RLimit; RESOURCES],
}

/// `RLIMIT_NOFILE`'s usual soft value.
const SOFT_DESCRIPTORS: u64 = 1024;
/// `RLIMIT_MEMLOCK`'s default, 8 MiB since Linux 5.16.
const LOCKED_BYTES: u64 = 8 << 20;
/// `RLIMIT_MSGQUEUE`'s default.
const MESSAGE_QUEUE_BYTES: u64 = 819_200;

impl RLimits {
    /// What the first processes get.
    pub fn new(limits: &Limits) -> RLimits {
        let mut table = [RLimit::both(INFINITY); RESOURCES];
        table[Resource::Stack as usize].soft = limits.stack_bytes;
        table[Resource::Core as usize].soft = 0;
        table[Resource::Processes as usize] = RLimit::both(u64::from(limits.threads));
        let descriptors = u64::from(limits.descriptors);
        table[Resource::Descriptors as usize] =
            RLimit { soft: SOFT_DESCRIPTORS.min(descriptors), hard: descriptors };
        table[Resource::LockedMemory as usize] = RLimit::both(LOCKED_BYTES);
        table[Resource::PendingSignals as usize] = RLimit::both(u64::from(limits.queued_signals));
        table[Resource::MessageQueues as usize] = RLimit::both(MESSAGE_QUEUE_BYTES);
        table[Resource::Nice as usize] = RLimit::both(0);
        table[Resource::RealtimePriority as usize] = RLimit::both(0);
        RLimits { table }
    }

    /// Both values.
    pub const fn get(&self, resource: Resource) -> RLimit {
        self.table[resource as usize]
    }

    /// The value that is enforced.
    pub const fn soft(&self, resource: Resource) -> u64 {
        self.table[resource as usize].soft
    }

    /// Sets both; whether that is permitted is the caller's check.
    pub fn set(&mut self, resource: Resource, limit: RLimit) {
        self.table[resource as usize] = limit;
    }
}
