//! What procfs has besides processes: a table.
//!
//! Owns names, places and permissions. A number in `/proc/sys` is kept there to be set and read back (`sysctl(8)`): what
//! it would tune, this kernel has none of.

use super::{ipc, machine, memory, net, settings, system as text};
use crate::errno::Result;
use crate::system::System;

/// One entry.
pub(super) struct Fixed {
    /// Its directory's place in the table.
    pub(super) parent: u8,
    pub(super) name: &'static str,
    pub(super) perm: u16,
    pub(super) kind: FixedKind,
}

/// Makes a part of a text, from where the one before ended.
type MakePart = fn(&mut System, u64) -> (Vec<u8>, Option<u64>);

/// What an entry is.
#[derive(Clone, Copy)]
pub(super) enum FixedKind {
    Directory,
    Text(fn(&mut System) -> Vec<u8>),
    /// A text that is made in parts: where one goes on, and the part with where the next does.
    Parts(MakePart),
    /// Numbers that the superuser may change.
    Setting(Setting),
    /// A number that is kept: what it is at first, and the range that it can be set to.
    Number {
        default: i64,
        least: i64,
        most: i64,
    },
    /// `self`
    OwnProcess,
    /// `thread-self`
    OwnThread,
    Link(&'static str),
}

/// How a setting is shown and changed.
#[derive(Clone, Copy)]
pub(super) struct Setting {
    pub(super) show: fn(&mut System) -> Vec<u8>,
    /// Takes what was written, or answers `EINVAL`.
    pub(super) set: fn(&mut System, &[u8]) -> Result<()>,
}

const fn directory(parent: u8, name: &'static str) -> Fixed {
    Fixed { parent, name, perm: 0o555, kind: FixedKind::Directory }
}

const fn file(parent: u8, name: &'static str, make: fn(&mut System) -> Vec<u8>) -> Fixed {
    Fixed { parent, name, perm: 0o444, kind: FixedKind::Text(make) }
}

const fn parts(parent: u8, name: &'static str, make: MakePart) -> Fixed {
    Fixed { parent, name, perm: 0o444, kind: FixedKind::Parts(make) }
}

const fn setting(
    parent: u8,
    name: &'static str,
    show: fn(&mut System) -> Vec<u8>,
    set: fn(&mut System, &[u8]) -> Result<()>,
) -> Fixed {
    Fixed { parent, name, perm: 0o644, kind: FixedKind::Setting(Setting { show, set }) }
}

/// A file that only root reads.
const fn private(parent: u8, name: &'static str, make: fn(&mut System) -> Vec<u8>) -> Fixed {
    Fixed { parent, name, perm: 0o400, kind: FixedKind::Text(make) }
}

const fn number(parent: u8, name: &'static str, default: i64, least: i64, most: i64) -> Fixed {
    Fixed { parent, name, perm: 0o644, kind: FixedKind::Number { default, least, most } }
}

const fn link(name: &'static str, kind: FixedKind) -> Fixed {
    Fixed { parent: ROOT, name, perm: 0o777, kind }
}

const ROOT: u8 = 0;
const SYS: u8 = 1;
const KERNEL: u8 = 2;
const RANDOM: u8 = 3;
const VM: u8 = 4;
const FS: u8 = 5;
/// What `net` of each process shows; seen only there.
pub(super) const NET: u8 = 6;
const SYS_NET: u8 = 7;
const CORE: u8 = 8;
const UNIX: u8 = 9;
const INOTIFY: u8 = 10;
const PTY: u8 = 11;
const PRESSURE: u8 = 12;
const TTY: u8 = 13;
const TTY_DRIVER: u8 = 14;
const TTY_LDISC: u8 = 15;
const EPOLL: u8 = 16;
const IPV4: u8 = 17;
const DRIVER: u8 = 18;
const BUS: u8 = 19;
const IRQ: u8 = 20;
const PROC_FS: u8 = 21;
const DEV: u8 = 22;
const DEV_TTY: u8 = 23;
const DEBUG: u8 = 24;
const ABI: u8 = 25;
const SYSVIPC: u8 = 26;
const MQUEUE: u8 = 27;
/// The directory of what is seen only elsewhere: none.
const HIDDEN: u8 = u8::MAX;

/// All entries; directories stand before what is in them, the root first. Listings have this order.
pub(super) const FIXED: &[Fixed] = &[
    directory(ROOT, ""),
    directory(ROOT, "sys"),
    directory(SYS, "kernel"),
    directory(KERNEL, "random"),
    directory(SYS, "vm"),
    directory(SYS, "fs"),
    directory(HIDDEN, "net"),
    directory(SYS, "net"),
    directory(SYS_NET, "core"),
    directory(SYS_NET, "unix"),
    directory(FS, "inotify"),
    directory(KERNEL, "pty"),
    directory(ROOT, "pressure"),
    directory(ROOT, "tty"),
    directory(TTY, "driver"),
    directory(TTY, "ldisc"),
    directory(FS, "epoll"),
    directory(SYS_NET, "ipv4"),
    directory(ROOT, "driver"),
    directory(ROOT, "bus"),
    directory(ROOT, "irq"),
    directory(ROOT, "fs"),
    directory(SYS, "dev"),
    directory(DEV, "tty"),
    directory(SYS, "debug"),
    directory(SYS, "abi"),
    directory(ROOT, "sysvipc"),
    directory(FS, "mqueue"),
    link("self", FixedKind::OwnProcess),
    link("thread-self", FixedKind::OwnThread),
    link("mounts", FixedKind::Link("self/mounts")),
    link("net", FixedKind::Link("self/net")),
    file(ROOT, "buddyinfo", memory::buddyinfo),
    file(ROOT, "cmdline", text::cmdline),
    file(ROOT, "consoles", text::empty),
    file(ROOT, "cpuinfo", machine::cpuinfo),
    file(ROOT, "devices", text::devices),
    file(ROOT, "diskstats", text::empty),
    file(ROOT, "filesystems", text::filesystems),
    file(ROOT, "interrupts", machine::interrupts),
    file(ROOT, "loadavg", machine::loadavg),
    file(ROOT, "locks", text::locks),
    file(ROOT, "meminfo", memory::meminfo),
    file(ROOT, "misc", text::misc),
    file(ROOT, "modules", text::empty),
    private(ROOT, "pagetypeinfo", memory::pagetypeinfo),
    file(ROOT, "partitions", text::partitions),
    private(ROOT, "slabinfo", memory::slabinfo),
    file(ROOT, "softirqs", machine::softirqs),
    file(ROOT, "stat", machine::stat),
    file(ROOT, "swaps", text::swaps),
    file(ROOT, "uptime", machine::uptime),
    file(ROOT, "version", text::version),
    private(ROOT, "vmallocinfo", text::empty),
    file(ROOT, "vmstat", memory::vmstat),
    file(ROOT, "zoneinfo", memory::zoneinfo),
    file(PRESSURE, "cpu", machine::pressure),
    file(PRESSURE, "io", machine::pressure),
    file(PRESSURE, "memory", machine::pressure),
    file(TTY, "drivers", text::tty_drivers),
    file(TTY, "ldiscs", text::tty_ldiscs),
    file(KERNEL, "pid_max", text::pid_max),
    file(KERNEL, "threads-max", text::threads_max),
    file(KERNEL, "ostype", text::ostype),
    file(KERNEL, "osrelease", text::osrelease),
    file(KERNEL, "version", text::os_version),
    setting(KERNEL, "hostname", settings::hostname, settings::set_hostname),
    file(KERNEL, "domainname", text::domainname),
    file(KERNEL, "cap_last_cap", text::cap_last_cap),
    file(KERNEL, "ngroups_max", text::ngroups_max),
    file(KERNEL, "arch", text::architecture),
    file(KERNEL, "core_pattern", text::core_pattern),
    setting(KERNEL, "shmmax", ipc::shm_max, ipc::set_shm_max),
    setting(KERNEL, "shmall", ipc::shm_all, ipc::set_shm_all),
    setting(KERNEL, "shmmni", ipc::shm_count, ipc::set_shm_count),
    setting(KERNEL, "sem", ipc::sem, ipc::set_sem),
    setting(KERNEL, "msgmax", ipc::msg_max, ipc::set_msg_max),
    setting(KERNEL, "msgmnb", ipc::msg_queue_bytes, ipc::set_msg_queue_bytes),
    setting(KERNEL, "msgmni", ipc::msg_queues, ipc::set_msg_queues),
    file(KERNEL, "tainted", text::zero),
    file(KERNEL, "overflowuid", text::overflow_id),
    file(KERNEL, "overflowgid", text::overflow_id),
    file(KERNEL, "printk", text::printk),
    number(KERNEL, "randomize_va_space", 0, 0, 2),
    number(KERNEL, "core_uses_pid", 0, 0, 1),
    number(KERNEL, "panic", 0, -1, i32::MAX as i64),
    number(KERNEL, "panic_on_oops", 0, 0, 1),
    number(KERNEL, "dmesg_restrict", 1, 0, 1),
    number(KERNEL, "kptr_restrict", 1, 0, 2),
    number(KERNEL, "perf_event_paranoid", 4, -1, 4),
    number(KERNEL, "unprivileged_bpf_disabled", 2, 0, 2),
    number(KERNEL, "sched_autogroup_enabled", 0, 0, 1),
    number(KERNEL, "sysrq", 0, 0, 511),
    number(KERNEL, "print-fatal-signals", 0, 0, 1),
    number(KERNEL, "hung_task_timeout_secs", 0, 0, i32::MAX as i64),
    number(KERNEL, "numa_balancing", 0, 0, 1),
    file(RANDOM, "boot_id", text::boot_id),
    file(RANDOM, "uuid", text::uuid),
    file(RANDOM, "entropy_avail", text::entropy_avail),
    file(RANDOM, "poolsize", text::entropy_avail),
    file(PTY, "max", text::pty_max),
    file(PTY, "nr", text::pty_count),
    file(PTY, "reserve", text::zero),
    file(VM, "max_map_count", text::max_map_count),
    file(VM, "mmap_min_addr", text::mmap_min_addr),
    number(VM, "overcommit_memory", 1, 0, 2),
    number(VM, "overcommit_ratio", 50, 0, i32::MAX as i64),
    number(VM, "overcommit_kbytes", 0, 0, i64::MAX),
    number(VM, "swappiness", 60, 0, 200),
    number(VM, "dirty_ratio", 20, 0, 100),
    number(VM, "dirty_background_ratio", 10, 0, 100),
    number(VM, "dirty_bytes", 0, 0, i64::MAX),
    number(VM, "dirty_background_bytes", 0, 0, i64::MAX),
    number(VM, "dirty_expire_centisecs", 3000, 0, i32::MAX as i64),
    number(VM, "dirty_writeback_centisecs", 500, 0, i32::MAX as i64),
    number(VM, "vfs_cache_pressure", 100, 0, i32::MAX as i64),
    number(VM, "min_free_kbytes", 8192, 0, i32::MAX as i64),
    number(VM, "nr_hugepages", 0, 0, 0),
    number(VM, "oom_kill_allocating_task", 0, 0, 1),
    number(VM, "panic_on_oom", 0, 0, 2),
    number(VM, "page-cluster", 3, 0, 31),
    number(VM, "laptop_mode", 0, 0, i32::MAX as i64),
    number(VM, "zone_reclaim_mode", 0, 0, 7),
    number(VM, "user_reserve_kbytes", 65536, 0, i64::MAX),
    number(VM, "admin_reserve_kbytes", 8192, 0, i64::MAX),
    file(FS, "file-max", text::file_max),
    file(FS, "file-nr", text::file_nr),
    file(FS, "inode-nr", text::inode_nr),
    file(FS, "inode-state", text::inode_state),
    file(FS, "dentry-state", text::dentry_state),
    file(FS, "nr_open", text::nr_open),
    file(FS, "pipe-max-size", text::pipe_max_size),
    file(FS, "overflowuid", text::overflow_id),
    file(FS, "overflowgid", text::overflow_id),
    number(FS, "pipe-user-pages-hard", 0, 0, i64::MAX),
    number(FS, "pipe-user-pages-soft", 16384, 0, i64::MAX),
    number(FS, "aio-max-nr", 65536, 0, i64::MAX),
    file(FS, "aio-nr", text::zero),
    number(FS, "lease-break-time", 45, 0, i32::MAX as i64),
    number(FS, "leases-enable", 1, 0, 1),
    number(FS, "protected_fifos", 0, 0, 2),
    number(FS, "protected_hardlinks", 0, 0, 1),
    number(FS, "protected_regular", 0, 0, 2),
    number(FS, "protected_symlinks", 0, 0, 1),
    number(FS, "suid_dumpable", 0, 0, 2),
    number(FS, "mount-max", 100000, 1, i32::MAX as i64),
    file(INOTIFY, "max_queued_events", text::inotify_events),
    file(INOTIFY, "max_user_instances", text::inotify_instances),
    file(INOTIFY, "max_user_watches", text::inotify_watches),
    setting(MQUEUE, "msg_default", ipc::mq_messages_usual, ipc::set_mq_messages_usual),
    setting(MQUEUE, "msg_max", ipc::mq_messages, ipc::set_mq_messages),
    setting(MQUEUE, "msgsize_default", ipc::mq_bytes_usual, ipc::set_mq_bytes_usual),
    setting(MQUEUE, "msgsize_max", ipc::mq_bytes, ipc::set_mq_bytes),
    setting(MQUEUE, "queues_max", ipc::mq_queues, ipc::set_mq_queues),
    parts(SYSVIPC, "shm", System::report_segments),
    parts(SYSVIPC, "sem", System::report_semaphores),
    parts(SYSVIPC, "msg", System::report_queues),
    file(EPOLL, "max_user_watches", text::epoll_watches),
    number(DEV_TTY, "ldisc_autoload", 1, 0, 1),
    number(DEV_TTY, "legacy_tiocsti", 0, 0, 1),
    file(NET, "unix", net::unix),
    file(NET, "dev", net::dev),
    file(NET, "protocols", net::protocols),
    file(NET, "sockstat", net::sockstat),
    file(NET, "sockstat6", net::sockstat6),
    file(NET, "tcp", net::tcp),
    file(NET, "tcp6", net::tcp6),
    file(NET, "udp", net::udp),
    file(NET, "udp6", net::udp6),
    file(NET, "packet", net::packet),
    file(NET, "netlink", net::netlink),
    file(NET, "arp", net::arp),
    file(NET, "route", net::route),
    file(NET, "ipv6_route", text::empty),
    file(NET, "if_inet6", text::empty),
    file(NET, "snmp", net::snmp),
    file(NET, "netstat", net::netstat),
    file(CORE, "somaxconn", net::backlog),
    file(CORE, "wmem_default", net::buffer_default),
    file(CORE, "rmem_default", net::buffer_default),
    file(CORE, "wmem_max", net::buffer_max),
    file(CORE, "rmem_max", net::buffer_max),
    file(CORE, "optmem_max", net::control_max),
    number(CORE, "netdev_max_backlog", 1000, 0, i32::MAX as i64),
    file(UNIX, "max_dgram_qlen", net::datagram_queue),
    file(IPV4, "ip_local_port_range", net::port_range),
    number(IPV4, "ip_forward", 0, 0, 1),
    number(IPV4, "tcp_fin_timeout", 60, 0, i32::MAX as i64),
    number(IPV4, "tcp_keepalive_time", 7200, 0, i32::MAX as i64),
    number(IPV4, "tcp_syncookies", 1, 0, 2),
    number(IPV4, "ip_unprivileged_port_start", 1024, 0, 65535),
];

/// Whether an entry is in `/proc/sys`.
pub(super) fn is_setting(mut entry: u8) -> bool {
    while entry != ROOT && entry != SYS && entry != HIDDEN {
        entry = FIXED.get(usize::from(entry)).map_or(ROOT, |fixed| fixed.parent);
    }
    entry == SYS
}

const _: () = {
    // The constants above are places in the table.
    let names: [(u8, &str); 28] = [
        (ROOT, ""),
        (SYS, "sys"),
        (KERNEL, "kernel"),
        (RANDOM, "random"),
        (VM, "vm"),
        (FS, "fs"),
        (NET, "net"),
        (SYS_NET, "net"),
        (CORE, "core"),
        (UNIX, "unix"),
        (INOTIFY, "inotify"),
        (PTY, "pty"),
        (PRESSURE, "pressure"),
        (TTY, "tty"),
        (TTY_DRIVER, "driver"),
        (TTY_LDISC, "ldisc"),
        (EPOLL, "epoll"),
        (IPV4, "ipv4"),
        (DRIVER, "driver"),
        (BUS, "bus"),
        (IRQ, "irq"),
        (PROC_FS, "fs"),
        (DEV, "dev"),
        (DEV_TTY, "tty"),
        (DEBUG, "debug"),
        (ABI, "abi"),
        (SYSVIPC, "sysvipc"),
        (MQUEUE, "mqueue"),
    ];
    assert!(FIXED.len() < HIDDEN as usize);
    let mut at = 0;
    while at < names.len() {
        let (place, name) = names[at];
        assert!(place as usize == at && FIXED[place as usize].name.len() == name.len());
        at += 1;
    }
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fixed_parent_is_a_directory_before_its_children() {
        for (index, entry) in FIXED.iter().enumerate() {
            let parent = usize::from(entry.parent);
            if entry.parent == HIDDEN {
                assert_eq!(index, usize::from(NET));
                continue;
            }
            assert!(parent < index || index == 0);
            assert!(matches!(FIXED[parent].kind, FixedKind::Directory));
        }
    }

    #[test]
    fn no_directory_has_a_name_twice() {
        for (index, entry) in FIXED.iter().enumerate() {
            let same = |other: &&Fixed| other.parent == entry.parent && other.name == entry.name;
            assert_eq!(FIXED[..index].iter().filter(same).count(), 0, "{}", entry.name);
        }
    }

    #[test]
    fn numbers_begin_in_their_range() {
        for entry in FIXED {
            if let FixedKind::Number { default, least, most } = entry.kind {
                assert!((least..=most).contains(&default), "{}", entry.name);
            }
        }
    }
}
