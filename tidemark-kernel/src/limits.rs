//! Every bound the kernel enforces, by name and with its unit.

use crate::time::Nanos;

/// What one guest system may use. All bounds are settable when it is created.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Guest memory (anonymous pages, file pages, page tables), in bytes.
    pub memory_bytes: u64,
    /// Live processes and zombies.
    pub processes: u32,
    /// Live threads of all processes.
    pub threads: u32,
    /// Open file descriptions of all processes.
    pub open_files: u32,
    /// Descriptors of one process at the most (`RLIMIT_NOFILE`'s hard value).
    pub descriptors: u32,
    /// Bytes a pipe holds (`pipe(7)`).
    pub pipe_bytes: u32,
    /// Bytes of a socket's send and of its receive buffer that can be asked for (`net.core.wmem_max`, `socket(7)`).
    pub socket_bytes: u32,
    /// Bytes in a path, its final NUL included (`PATH_MAX`).
    pub path_bytes: usize,
    /// Bytes in one name (`NAME_MAX`).
    pub name_bytes: usize,
    /// Symbolic links followed in one look-up (`path_resolution(7)`).
    pub symlinks: u32,
    /// Bytes of arguments and environment of an `execve` together.
    pub exec_bytes: u64,
    /// Mapped areas of one address space (`vm.max_map_count`).
    pub mappings: u32,
    /// Bytes that a memory file system may hold beyond `memory_bytes`' bound, in inodes.
    pub inodes: u32,
    /// Stack bytes of a new process (`RLIMIT_STACK`'s soft value).
    pub stack_bytes: u64,
    /// Queued real-time signals of one process (`RLIMIT_SIGPENDING`).
    pub queued_signals: u32,
    /// Pseudoterminals (`/proc/sys/kernel/pty/max`).
    pub terminals: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            memory_bytes: 2 << 30,
            processes: 4096,
            threads: 16_384,
            open_files: 65_536,
            descriptors: 4096,
            pipe_bytes: 64 << 10,
            socket_bytes: crate::net::limits::BUFFER_BYTES,
            path_bytes: 4096,
            name_bytes: 255,
            symlinks: 40,
            exec_bytes: 2 << 20,
            mappings: 65_530,
            inodes: 1 << 20,
            stack_bytes: 8 << 20,
            queued_signals: 4096,
            terminals: 4096,
        }
    }
}

/// Ids run from 1 to this, as `/proc/sys/kernel/pid_max` says.
pub const PID_MAX: u32 = 32_768;

/// Bytes that one step under the kernel's lock copies or clears at the most, so that no hold exceeds 50 µs: also where
/// each page has to be made first, and costs the host a page fault.
pub const STEP_BYTES: u64 = 16 << 10;

/// Items (descriptors, names, waiters, deadlines) that one step under the lock handles at the most, where each costs some
/// tenths of a microsecond.
pub const STEP_ITEMS: usize = 64;

/// Descriptors that one step closes at the most: with each, its open file may end.
pub const STEP_CLOSED: usize = STEP_ITEMS / 2;

/// Page-table entries that one step under the lock changes at the most.
pub const STEP_PAGES: u64 = 512;

/// The longest the kernel may be held in one go.
pub const LOCK_HOLD: Nanos = 50_000;
