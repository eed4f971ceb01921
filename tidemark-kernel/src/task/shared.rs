//! What a worker can answer for a thread without the kernel's lock: cached ids.
//!
//! Owns the words and the fast path; the kernel writes them under its lock whenever the values change.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use crate::cpu::exit::ECALL_LEN;
use crate::cpu::hart::Hart;

/// Ids of a process.
#[derive(Debug, Default)]
pub struct ProcessShared {
    /// Process id.
    pub pid: AtomicU32,
    /// Its parent's.
    pub ppid: AtomicU32,
    /// Real user id.
    pub uid: AtomicU32,
    /// Effective user id.
    pub euid: AtomicU32,
    /// Real group id.
    pub gid: AtomicU32,
    /// Effective group id.
    pub egid: AtomicU32,
    /// Every call must enter the kernel, because it is traced.
    pub traced: AtomicBool,
}

/// Ids of a thread.
#[derive(Debug, Default)]
pub struct ThreadShared {
    /// Thread id.
    pub tid: AtomicU32,
    /// Those of its process.
    pub process: Arc<ProcessShared>,
}

const GETPID: u64 = 172;
const GETPPID: u64 = 173;
const GETUID: u64 = 174;
const GETEUID: u64 = 175;
const GETGID: u64 = 176;
const GETEGID: u64 = 177;
const GETTID: u64 = 178;

/// Answers the call that `hart` stands at if it is one that needs no lock, and moves on past it.
///
/// The worker calls it at [`Exit::Ecall`](crate::cpu::exit::Exit::Ecall) and goes on running when it answers true. A
/// signal that is pending is not missed: it raises the worker's attention word, which ends the run at once.
pub fn fast_call(thread: &ThreadShared, hart: &mut Hart) -> bool {
    let process = &*thread.process;
    let word = match hart.x(17) {
        GETPID => &process.pid,
        GETPPID => &process.ppid,
        GETUID => &process.uid,
        GETEUID => &process.euid,
        GETGID => &process.gid,
        GETEGID => &process.egid,
        GETTID => &thread.tid,
        _ => return false,
    };
    if process.traced.load(Ordering::Relaxed) {
        return false;
    }
    hart.set_x(10, u64::from(word.load(Ordering::Relaxed)));
    hart.set_pc(hart.pc().wrapping_add(ECALL_LEN));
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_ids_and_nothing_else() {
        let thread = ThreadShared::default();
        thread.process.ppid.store(7, Ordering::Relaxed);
        let mut hart = Hart::new();
        hart.set_pc(0x1000);
        hart.set_x(17, GETPPID);
        assert!(fast_call(&thread, &mut hart));
        assert_eq!((hart.x(10), hart.pc()), (7, 0x1004));
        hart.set_x(17, 64);
        assert!(!fast_call(&thread, &mut hart));
        hart.set_x(17, GETPPID);
        thread.process.traced.store(true, Ordering::Relaxed);
        assert!(!fast_call(&thread, &mut hart));
        assert_eq!(hart.pc(), 0x1004);
    }
}
