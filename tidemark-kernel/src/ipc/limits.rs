//! Bounds of System V IPC, with the values and the names Linux has (`proc(5)`, `/proc/sys/kernel`).

use super::posix::Shape;
use crate::errno::{Errno, Result};
use crate::limits::STEP_BYTES;

/// The least bytes of a segment (`SHMMIN`).
pub(crate) const SHM_MIN: u64 = 1;

/// The largest value of a semaphore (`SEMVMX`).
pub(crate) const SEM_VALUE_MAX: i32 = 32_767;

/// How far an undo value may be from zero (`SEMAEM`).
pub(crate) const SEM_UNDO_MAX: i32 = SEM_VALUE_MAX;

/// Operations that one `semop` may do at the most, however high its limit is set: they are tried in one step.
pub(crate) const SEM_OPERATIONS_MOST: u32 = 1000;

/// Semaphores of all sets that can be asked for: the kernel keeps them outside the guest's memory. Linux has 1024000000.
pub(crate) const SEM_TOTAL_MOST: u32 = 1_024_000;

/// Bytes of one message at the most, however high the limit is set: they are copied in one step.
pub(crate) const MESSAGE_MOST: u32 = STEP_BYTES as u32;

/// Bytes of the messages in all queues, their bookkeeping included: the kernel keeps them outside the guest's memory.
pub(crate) const MESSAGES_TOTAL: u64 = 64 << 20;

/// What a message counts beside its bytes (`struct msg_msg`).
pub(crate) const MESSAGE_OVERHEAD: u64 = 48;

/// Objects of one kind that can be told apart (`IPCMNI`).
pub(crate) const OBJECTS_MOST: u32 = 32_768;

/// The limits that `/proc/sys/kernel` shows, and lets the superuser change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct IpcLimits {
    /// Bytes of a segment (`SHMMAX`).
    pub(crate) shm_max: u64,
    /// Pages of all segments (`SHMALL`).
    pub(crate) shm_all: u64,
    /// Segments (`SHMMNI`).
    pub(crate) shm_count: u32,
    /// Bytes of guest memory there are: no segment can be larger.
    pub(crate) memory_bytes: u64,
    /// Semaphores of a set (`SEMMSL`).
    pub(crate) sem_per_set: u32,
    /// Semaphores of all sets (`SEMMNS`).
    pub(crate) sem_total: u32,
    /// Operations of one `semop` (`SEMOPM`).
    pub(crate) sem_operations: u32,
    /// Sets (`SEMMNI`).
    pub(crate) sem_sets: u32,
    /// Bytes of a message (`MSGMAX`).
    pub(crate) msg_max: u32,
    /// Bytes in a new queue (`MSGMNB`).
    pub(crate) msg_queue_bytes: u32,
    /// Queues (`MSGMNI`).
    pub(crate) msg_queues: u32,
}

impl IpcLimits {
    pub(crate) fn new(memory_bytes: u64) -> IpcLimits {
        // `ULONG_MAX - (1UL << 24)`: as good as none, and the sum of two does not overflow.
        let endless = u64::MAX - (1 << 24);
        IpcLimits {
            shm_max: endless,
            shm_all: endless,
            shm_count: 4096,
            memory_bytes,
            sem_per_set: 32_000,
            sem_total: SEM_TOTAL_MOST,
            sem_operations: 500,
            sem_sets: 32_000,
            msg_max: 8192,
            msg_queue_bytes: 16_384,
            msg_queues: 32_000,
        }
    }
}

/// Priorities of messages in POSIX queues, from zero (`MQ_PRIO_MAX`).
pub(crate) const MQ_PRIORITIES: u32 = 32_768;

/// What a message counts beside its bytes, and a priority's list: `struct msg_msg` and `struct posix_msg_tree_node`.
pub(crate) const MQ_OVERHEAD: u64 = 48;

/// Messages of a queue, and bytes of a message, that the privileged can ask for (`HARD_MSGMAX`; Linux has 16 MiB for the
/// latter). A message is copied in one step.
pub(crate) const MQ_MESSAGES_MOST: u32 = 65_536;
pub(crate) const MQ_MESSAGE_MOST: u32 = STEP_BYTES as u32;

/// The least that the limit on bytes of a message can be set to (`mq_overview(7)`).
pub(crate) const MQ_MESSAGE_LEAST: u32 = 128;

/// The limits that `/proc/sys/fs/mqueue` shows, and lets the superuser change (`mq_overview(7)`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct MqLimits {
    /// Messages of a queue that is made without saying how many.
    pub(crate) messages_usual: u32,
    /// Messages of a queue.
    pub(crate) messages: u32,
    /// Bytes of its messages.
    pub(crate) message_bytes_usual: u32,
    /// Bytes of a message.
    pub(crate) message_bytes: u32,
    /// Queues.
    pub(crate) queues: u32,
}

impl Default for MqLimits {
    fn default() -> Self {
        MqLimits {
            messages_usual: 10,
            messages: 10,
            message_bytes_usual: 8192,
            message_bytes: 8192,
            queues: 256,
        }
    }
}

impl MqLimits {
    /// What a queue holds whose maker does not say.
    pub(crate) fn usual(&self) -> Shape {
        Shape {
            messages: self.messages.min(self.messages_usual).into(),
            message_bytes: self.message_bytes.min(self.message_bytes_usual).into(),
        }
    }

    /// What a queue is to hold, if it may.
    ///
    /// # Errors
    /// `EINVAL`.
    pub(crate) fn checked(&self, shape: Shape, privileged: bool) -> Result<Shape> {
        let (messages, bytes) = match privileged {
            true => (MQ_MESSAGES_MOST, MQ_MESSAGE_MOST),
            false => (self.messages, self.message_bytes),
        };
        let fits = (1..=messages.into()).contains(&shape.messages)
            && (1..=bytes.into()).contains(&shape.message_bytes);
        if fits { Ok(shape) } else { Err(Errno::EINVAL) }
    }
}
