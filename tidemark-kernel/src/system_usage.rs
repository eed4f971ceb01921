//! What a guest system holds at a moment: for whoever watches it, and for tests that look for leaks.
//!
//! Owns the sums; what is counted belongs to the parts.

use crate::fs::node::FsId;
use crate::kernel::Kernel;
use crate::limits::STEP_ITEMS;

/// What a guest system holds. What is not used any more counts until [`Kernel::background_step`] is done with it. When every
/// program has ended and what it left was cleaned up, all of it is zero but the frames (those that files take, and a few of
/// the kernel's own) and what outlives programs by its nature: System V objects and POSIX message queues.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct SystemUsage {
    /// Processes and zombies, process 1 not counted.
    pub processes: usize,
    /// Threads.
    pub threads: usize,
    /// Address spaces, also those that are being taken apart.
    pub address_spaces: usize,
    /// Open file descriptions, those of requests of the application included.
    pub open_files: usize,
    /// Tables of descriptors.
    pub descriptor_tables: usize,
    /// Pipes, those of standard streams included.
    pub pipes: usize,
    /// The application's ends of standard streams.
    pub streams: usize,
    /// Sockets, those that wait to be accepted included.
    pub sockets: usize,
    /// Pseudoterminals.
    pub terminals: usize,
    /// Files with locks on them.
    pub locked_files: usize,
    /// Deadlines: of timers, sleeping threads, time limits.
    pub timers: usize,
    /// Threads that wait on futexes.
    pub futex_waiters: usize,
    /// System V shared memory, semaphore sets and message queues, and POSIX message queues. Programs remove them, or nobody.
    pub ipc_objects: usize,
    /// Guest memory in use, in bytes.
    pub memory_bytes: u64,
    /// The most that was ever in use, in bytes.
    pub memory_high_water: u64,
}

/// How much of the guest's memory files take, summed in steps.
#[derive(Clone, Copy, Debug, Default)]
pub struct FileFrames {
    filesystem: u32,
    node: u32,
    /// Bytes so far.
    pub bytes: u64,
}

impl Kernel {
    /// What the system holds now.
    pub fn usage(&self) -> SystemUsage {
        let sys = &self.sys;
        let frames = sys.mem.frames.usage();
        let files = sys.fs.counts();
        SystemUsage {
            processes: sys.tasks.process_count().saturating_sub(1),
            threads: sys.tasks.thread_count(),
            address_spaces: sys.mem.space_count(),
            open_files: files.open_files,
            descriptor_tables: files.fd_tables,
            pipes: files.pipes,
            streams: files.streams,
            sockets: files.sockets,
            terminals: files.terminals,
            locked_files: files.locked,
            timers: sys.timers.len(),
            futex_waiters: sys.futexes.len(),
            ipc_objects: sys.ipc.count() + files.message_queues,
            memory_bytes: frames.used,
            memory_high_water: frames.high_water,
        }
    }

    /// Adds a part of the file systems to a sum; whether there is more.
    pub fn file_frames_step(&self, sum: &mut FileFrames) -> bool {
        const STEP: u32 = 16 * STEP_ITEMS as u32;
        match self.sys.fs.file_bytes(FsId(sum.filesystem), sum.node..sum.node.saturating_add(STEP)) {
            None => return false,
            Some((bytes, true)) => {
                sum.bytes += bytes;
                sum.node += STEP;
            }
            Some((bytes, false)) => {
                sum.bytes += bytes;
                (sum.filesystem, sum.node) = (sum.filesystem + 1, 0);
            }
        }
        true
    }
}
