//! The texts of procfs that are about the system as a whole.

use crate::addr::PAGE_SIZE;
use crate::fs::inotify::{MAX_INSTANCES, MAX_QUEUED, MAX_WATCHES};
use crate::limits::PID_MAX;
use crate::syscall::{RELEASE, VERSION};
use crate::system::System;
use crate::task::{LAST_CAPABILITY, RunState};
use crate::time::{NANOS_PER_SECOND, clock_ticks};

pub(super) fn line(value: impl core::fmt::Display) -> Vec<u8> {
    format!("{value}\n").into_bytes()
}

/// Nanoseconds since the kernel was made.
fn uptime_nanos(sys: &System) -> u64 {
    sys.now.monotonic.saturating_sub(sys.boot.monotonic)
}

/// CPU time that all processes used, ended ones' as far as somebody waited for them.
fn busy_nanos(sys: &System) -> u64 {
    let running: u64 = sys.tasks.threads().map(|thread| thread.cpu_time(sys.now.monotonic)).sum();
    let ended: u64 =
        sys.tasks.processes().map(|process| process.usage.cpu + process.children_usage.cpu).sum();
    running + ended
}

fn runnable(sys: &System) -> usize {
    sys.tasks
        .threads()
        .filter(|thread| matches!(thread.state, RunState::Runnable | RunState::Running(_)))
        .count()
}

pub(super) fn cpuinfo(sys: &mut System) -> Vec<u8> {
    let mut text = String::new();
    for hart in 0..sys.workers.len() {
        text += &format!(
            "processor\t: {hart}\nhart\t\t: {hart}\nisa\t\t: rv64imafdc_zicond_zicsr_zifencei_zba_zbb_zbs\n\
             mmu\t\t: sv48\nuarch\t\t: tidemark\n\n"
        );
    }
    text.into_bytes()
}

pub(super) fn meminfo(sys: &mut System) -> Vec<u8> {
    let usage = sys.mem.frames.usage();
    let anonymous: u64 = sys.mem.spaces.iter().map(|space| space.resident().anonymous * PAGE_SIZE).sum();
    let free = usage.budget.saturating_sub(usage.used);
    let cached = usage.used.saturating_sub(anonymous);
    let rows = [
        ("MemTotal", usage.budget),
        ("MemFree", free),
        ("MemAvailable", free),
        ("Buffers", 0),
        ("Cached", cached),
        ("SwapCached", 0),
        ("Active", usage.used),
        ("Inactive", 0),
        ("SwapTotal", 0),
        ("SwapFree", 0),
        ("Dirty", 0),
        ("Writeback", 0),
        ("AnonPages", anonymous),
        ("Mapped", 0),
        ("Shmem", cached),
        ("Slab", 0),
        ("SReclaimable", 0),
        ("SUnreclaim", 0),
        ("CommitLimit", usage.budget),
        ("Committed_AS", usage.used),
    ];
    let text = rows.iter().map(|(name, bytes)| {
        let name = format!("{name}:");
        format!("{name:<15} {:>8} kB\n", bytes >> 10)
    });
    text.collect::<String>().into_bytes()
}

pub(super) fn stat(sys: &mut System) -> Vec<u8> {
    let workers = sys.workers.len().max(1) as u64;
    let busy = clock_ticks(busy_nanos(sys));
    let all = clock_ticks(uptime_nanos(sys)) * workers;
    let cpu = |share: u64| format!("{} 0 0 {} 0 0 0 0 0 0", busy / share, all.saturating_sub(busy) / share);
    let mut text = format!("cpu  {}\n", cpu(1));
    for hart in 0..workers {
        text += &format!("cpu{hart} {}\n", cpu(workers));
    }
    let boot = sys.boot.realtime / NANOS_PER_SECOND;
    let blocked = 0;
    text += &format!(
        "intr 0\nctxt 0\nbtime {boot}\nprocesses {}\nprocs_running {}\nprocs_blocked {blocked}\n",
        sys.tasks.last_id(),
        runnable(sys)
    );
    text.into_bytes()
}

/// The averages are not kept; the rest is true.
pub(super) fn loadavg(sys: &mut System) -> Vec<u8> {
    let threads = sys.tasks.threads().count();
    line(format!("0.00 0.00 0.00 {}/{threads} {}", runnable(sys), sys.tasks.last_id()))
}

pub(super) fn uptime(sys: &mut System) -> Vec<u8> {
    let hundredths = |nanos: u64| {
        let ticks = nanos / (NANOS_PER_SECOND / 100);
        format!("{}.{:02}", ticks / 100, ticks % 100)
    };
    let up = uptime_nanos(sys);
    let idle = (up * sys.workers.len() as u64).saturating_sub(busy_nanos(sys));
    line(format!("{} {}", hundredths(up), hundredths(idle)))
}

pub(super) fn version(_sys: &mut System) -> Vec<u8> {
    line(format!("Linux version {RELEASE} (tidemark) {VERSION}"))
}

pub(super) fn filesystems(_sys: &mut System) -> Vec<u8> {
    ["tmpfs", "devtmpfs", "devpts", "proc", "sysfs", "sockfs", "pipefs", "overlay"]
        .iter()
        .map(|name| format!("nodev\t{name}\n"))
        .collect::<String>()
        .into_bytes()
}

pub(super) fn cmdline(_sys: &mut System) -> Vec<u8> {
    line("")
}

pub(super) fn devices(_sys: &mut System) -> Vec<u8> {
    b"Character devices:\n  1 mem\n  5 /dev/tty\n  5 /dev/console\n  5 /dev/ptmx\n128 ptm\n136 pts\n\nBlock devices:\n".to_vec()
}

pub(super) fn vmstat(sys: &mut System) -> Vec<u8> {
    let usage = sys.mem.frames.usage();
    let free = usage.budget.saturating_sub(usage.used) / PAGE_SIZE;
    line(format!("nr_free_pages {free}\npgpgin 0\npgpgout 0\npswpin 0\npswpout 0"))
}

pub(super) fn pid_max(_sys: &mut System) -> Vec<u8> {
    line(PID_MAX)
}

pub(super) fn threads_max(sys: &mut System) -> Vec<u8> {
    line(sys.limits.threads)
}

pub(super) fn ostype(_sys: &mut System) -> Vec<u8> {
    line("Linux")
}

pub(super) fn osrelease(_sys: &mut System) -> Vec<u8> {
    line(RELEASE)
}

pub(super) fn os_version(_sys: &mut System) -> Vec<u8> {
    line(VERSION)
}

pub(super) fn hostname(sys: &mut System) -> Vec<u8> {
    [&sys.hostname[..], b"\n"].concat()
}

pub(super) fn domainname(_sys: &mut System) -> Vec<u8> {
    line("(none)")
}

pub(super) fn cap_last_cap(_sys: &mut System) -> Vec<u8> {
    line(LAST_CAPABILITY)
}

/// `NGROUPS_MAX`
pub(super) fn ngroups_max(_sys: &mut System) -> Vec<u8> {
    line(65_536)
}

pub(super) fn core_pattern(_sys: &mut System) -> Vec<u8> {
    line("core")
}

pub(super) fn zero(_sys: &mut System) -> Vec<u8> {
    line(0)
}

pub(super) fn one(_sys: &mut System) -> Vec<u8> {
    line(1)
}

/// A random UUID of version 4 (RFC 9562, section 5.4).
fn format_uuid(mut bytes: [u8; 16]) -> Vec<u8> {
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    line(format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]))
}

pub(super) fn uuid(sys: &mut System) -> Vec<u8> {
    let mut bytes = [0; 16];
    sys.entropy.fill(&mut bytes);
    format_uuid(bytes)
}

/// The same as long as the system lives.
pub(super) fn boot_id(sys: &mut System) -> Vec<u8> {
    let entropy = &mut sys.entropy;
    let bytes = sys.fs.boot_id.get_or_insert_with(|| {
        let mut bytes = [0; 16];
        entropy.fill(&mut bytes);
        bytes
    });
    format_uuid(*bytes)
}

/// Bits, as Linux says since 5.18: always full.
pub(super) fn entropy_avail(_sys: &mut System) -> Vec<u8> {
    line(256)
}

pub(super) fn max_map_count(sys: &mut System) -> Vec<u8> {
    line(sys.limits.mappings)
}

pub(super) fn mmap_min_addr(_sys: &mut System) -> Vec<u8> {
    line(65_536)
}

pub(super) fn inotify_events(_sys: &mut System) -> Vec<u8> {
    line(MAX_QUEUED)
}

pub(super) fn inotify_instances(_sys: &mut System) -> Vec<u8> {
    line(MAX_INSTANCES)
}

pub(super) fn inotify_watches(_sys: &mut System) -> Vec<u8> {
    line(MAX_WATCHES)
}

pub(super) fn file_max(sys: &mut System) -> Vec<u8> {
    line(sys.limits.open_files)
}

pub(super) fn file_nr(sys: &mut System) -> Vec<u8> {
    line(format!("{}\t0\t{}", sys.fs.open_files(), sys.limits.open_files))
}

pub(super) fn nr_open(sys: &mut System) -> Vec<u8> {
    line(sys.limits.descriptors)
}

pub(super) fn pipe_max_size(_sys: &mut System) -> Vec<u8> {
    line(crate::fs::pipe::MAX_CAPACITY)
}
