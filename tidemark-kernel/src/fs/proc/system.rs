//! The texts of procfs that are about the system as a whole.

use crate::fs::inotify::{MAX_INSTANCES, MAX_QUEUED, MAX_WATCHES};
use crate::limits::PID_MAX;
use crate::syscall::{RELEASE, VERSION};
use crate::system::System;
use crate::task::LAST_CAPABILITY;

pub(super) fn line(value: impl core::fmt::Display) -> Vec<u8> {
    format!("{value}\n").into_bytes()
}

pub(super) fn version(_sys: &mut System) -> Vec<u8> {
    line(format!("Linux version {RELEASE} (tidemark) {VERSION}"))
}

pub(super) fn filesystems(_sys: &mut System) -> Vec<u8> {
    ["sysfs", "tmpfs", "proc", "devtmpfs", "sockfs", "pipefs", "devpts", "overlay"]
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

/// What there is nothing of here.
pub(super) fn empty(_sys: &mut System) -> Vec<u8> {
    Vec::new()
}

pub(super) fn misc(_sys: &mut System) -> Vec<u8> {
    Vec::new()
}

pub(super) fn partitions(_sys: &mut System) -> Vec<u8> {
    b"major minor  #blocks  name\n\n".to_vec()
}

pub(super) fn swaps(_sys: &mut System) -> Vec<u8> {
    b"Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n".to_vec()
}

pub(super) fn tty_drivers(_sys: &mut System) -> Vec<u8> {
    b"/dev/tty             /dev/tty        5       0 system:/dev/tty\n\
      /dev/console         /dev/console    5       1 system:console\n\
      /dev/ptmx            /dev/ptmx       5       2 system\n\
      pty_slave            /dev/pts      136 0-1048575 pty:slave\n\
      pty_master           /dev/ptm      128 0-1048575 pty:master\n"
        .to_vec()
}

pub(super) fn tty_ldiscs(_sys: &mut System) -> Vec<u8> {
    b"n_tty       0\n".to_vec()
}

pub(super) fn architecture(_sys: &mut System) -> Vec<u8> {
    line(crate::syscall::MACHINE)
}

/// What an id is shown as that does not fit: `nobody`.
pub(super) fn overflow_id(_sys: &mut System) -> Vec<u8> {
    line(65_534)
}

pub(super) fn printk(_sys: &mut System) -> Vec<u8> {
    line("4\t4\t1\t7")
}

pub(super) fn pty_max(sys: &mut System) -> Vec<u8> {
    line(sys.limits.terminals)
}

pub(super) fn pty_count(sys: &mut System) -> Vec<u8> {
    line(sys.fs.terminals.count())
}

/// Nodes in use and free, of the root's file system.
fn nodes(sys: &System) -> (u64, u64) {
    let (used, most) = sys.fs.tree(sys.fs.root()).map_or((0, 0), |tree| tree.node_counts());
    (used, most.saturating_sub(used))
}

pub(super) fn inode_nr(sys: &mut System) -> Vec<u8> {
    let (used, _) = nodes(sys);
    line(format!("{used}\t0"))
}

pub(super) fn inode_state(sys: &mut System) -> Vec<u8> {
    let (used, _) = nodes(sys);
    line(format!("{used}\t0\t0\t0\t0\t0\t0"))
}

pub(super) fn dentry_state(sys: &mut System) -> Vec<u8> {
    let (used, _) = nodes(sys);
    line(format!("{used}\t0\t45\t0\t0\t0"))
}

pub(super) fn epoll_watches(_sys: &mut System) -> Vec<u8> {
    line(crate::fs::epoll::MAX_ITEMS)
}

/// Advisory locks (`proc_locks(5)`).
pub(super) fn locks(sys: &mut System) -> Vec<u8> {
    let mut text = String::new();
    for (number, lock) in sys.fs.held_locks().iter().enumerate() {
        text += &format!("{}: {lock}\n", number + 1);
    }
    text.into_bytes()
}
