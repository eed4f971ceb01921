//! What a program leaves in its sandbox when it has ended: nothing.
//!
//! Owns what counts as left, and how long it may take to go. The counts are the sandbox's own ([`Tidemark::usage`]).

use std::time::{Duration, Instant};

use tidemark_sdk::{Tidemark, Usage};

use crate::supervised::Failure;

/// How long what a program left running may take to end by itself, unless a test says otherwise.
pub const LEFTOVERS_END: Duration = Duration::from_secs(20);
/// Between two looks at what is left.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Fails if a sandbox holds more than `before` and does not give it up within `patience`; then ends the sandbox, and fails if
/// a worker does not end with it.
///
/// # Errors
/// What is left, in words.
pub async fn end_without_leaks(
    tidemark: &Tidemark,
    before: &Usage,
    patience: Duration,
) -> Result<(), Failure> {
    let until = Instant::now() + patience;
    loop {
        let left = left(before, &tidemark.usage().await?);
        if left.is_empty() {
            break;
        }
        if Instant::now() > until {
            let processes: Vec<String> = tidemark.processes().await?.iter().map(describe).collect();
            return Err(format!("left behind: {} ({})", left.join(", "), processes.join(", ")).into());
        }
        std::thread::sleep(LOOK_AGAIN);
    }
    tidemark.shutdown().await;
    match tidemark.workers() {
        0 => Ok(()),
        workers => Err(format!("left behind: {workers} workers, after the sandbox was ended").into()),
    }
}

fn describe(process: &tidemark_sdk::ProcessInfo) -> String {
    format!("{} {}", process.pid, String::from_utf8_lossy(&process.name))
}

/// What a sandbox holds now and did not before, each with how much more that is.
pub fn left(before: &Usage, now: &Usage) -> Vec<String> {
    let more = counts(before).into_iter().zip(counts(now)).filter(|((_, before), (_, now))| now > before);
    more.map(|((name, before), (_, now))| format!("{} {name}", now - before)).collect()
}

/// Everything that a program can hold. Memory is what is not in files: those may stay.
fn counts(usage: &Usage) -> [(&'static str, u64); 14] {
    let system = &usage.system;
    let count = |value: usize| value as u64;
    [
        ("processes", count(system.processes)),
        ("threads", count(system.threads)),
        ("address spaces", count(system.address_spaces)),
        ("open files", count(system.open_files)),
        ("tables of descriptors", count(system.descriptor_tables)),
        ("pipes", count(system.pipes)),
        ("streams", count(system.streams)),
        ("sockets", count(system.sockets)),
        ("terminals", count(system.terminals)),
        ("locked files", count(system.locked_files)),
        ("timers", count(system.timers)),
        ("futex waiters", count(system.futex_waiters)),
        ("IPC objects", count(system.ipc_objects)),
        ("bytes of memory", system.memory_bytes.saturating_sub(usage.file_bytes)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A change to what a sandbox holds, and how it is told.
    type Leak = (fn(&mut Usage), &'static str);

    #[test]
    fn whatever_is_left_is_named() {
        let leaks: [Leak; 14] = [
            (|usage| usage.system.processes += 1, "1 processes"),
            (|usage| usage.system.threads += 2, "2 threads"),
            (|usage| usage.system.address_spaces += 1, "1 address spaces"),
            (|usage| usage.system.open_files += 1, "1 open files"),
            (|usage| usage.system.descriptor_tables += 1, "1 tables of descriptors"),
            (|usage| usage.system.pipes += 1, "1 pipes"),
            (|usage| usage.system.streams += 3, "3 streams"),
            (|usage| usage.system.sockets += 1, "1 sockets"),
            (|usage| usage.system.terminals += 1, "1 terminals"),
            (|usage| usage.system.locked_files += 1, "1 locked files"),
            (|usage| usage.system.timers += 1, "1 timers"),
            (|usage| usage.system.futex_waiters += 1, "1 futex waiters"),
            (|usage| usage.system.ipc_objects += 1, "1 IPC objects"),
            (|usage| usage.system.memory_bytes += 4096, "4096 bytes of memory"),
        ];
        for (leak, told) in leaks {
            let before = Usage::default();
            let mut now = before;
            assert!(left(&before, &now).is_empty());
            leak(&mut now);
            assert_eq!(left(&before, &now), [told]);
        }
    }

    #[test]
    fn memory_of_files_may_stay() {
        let (before, mut now) = (Usage::default(), Usage::default());
        (now.system.memory_bytes, now.file_bytes) = (1 << 20, 1 << 20);
        assert!(left(&before, &now).is_empty());
        now.file_bytes -= 4096;
        assert_eq!(left(&before, &now), ["4096 bytes of memory"]);
    }
}
