//! What procfs has besides processes: a table.

use super::{net, system as text};
use crate::system::System;

/// One entry.
pub(super) struct Fixed {
    /// Its directory's place in the table.
    pub(super) parent: u8,
    pub(super) name: &'static str,
    pub(super) perm: u16,
    pub(super) kind: FixedKind,
}

/// What an entry is.
#[derive(Clone, Copy)]
pub(super) enum FixedKind {
    Directory,
    Text(fn(&mut System) -> Vec<u8>),
    /// `self`
    OwnProcess,
    /// `thread-self`
    OwnThread,
    Link(&'static str),
}

const fn directory(parent: u8, name: &'static str) -> Fixed {
    Fixed { parent, name, perm: 0o555, kind: FixedKind::Directory }
}

const fn file(parent: u8, name: &'static str, make: fn(&mut System) -> Vec<u8>) -> Fixed {
    Fixed { parent, name, perm: 0o444, kind: FixedKind::Text(make) }
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
const NET: u8 = 6;
const SYS_NET: u8 = 7;
const CORE: u8 = 8;
const UNIX: u8 = 9;
const INOTIFY: u8 = 10;

/// All entries; directories stand before what is in them, the root first. Listings have this order.
pub(super) const FIXED: &[Fixed] = &[
    directory(ROOT, ""),
    directory(ROOT, "sys"),
    directory(SYS, "kernel"),
    directory(KERNEL, "random"),
    directory(SYS, "vm"),
    directory(SYS, "fs"),
    directory(ROOT, "net"),
    directory(SYS, "net"),
    directory(SYS_NET, "core"),
    directory(SYS_NET, "unix"),
    directory(FS, "inotify"),
    link("self", FixedKind::OwnProcess),
    link("thread-self", FixedKind::OwnThread),
    link("mounts", FixedKind::Link("self/mounts")),
    file(ROOT, "cpuinfo", text::cpuinfo),
    file(ROOT, "meminfo", text::meminfo),
    file(ROOT, "stat", text::stat),
    file(ROOT, "loadavg", text::loadavg),
    file(ROOT, "uptime", text::uptime),
    file(ROOT, "version", text::version),
    file(ROOT, "filesystems", text::filesystems),
    file(ROOT, "cmdline", text::cmdline),
    file(ROOT, "devices", text::devices),
    file(ROOT, "vmstat", text::vmstat),
    file(KERNEL, "pid_max", text::pid_max),
    file(KERNEL, "threads-max", text::threads_max),
    file(KERNEL, "ostype", text::ostype),
    file(KERNEL, "osrelease", text::osrelease),
    file(KERNEL, "version", text::os_version),
    file(KERNEL, "hostname", text::hostname),
    file(KERNEL, "domainname", text::domainname),
    file(KERNEL, "cap_last_cap", text::cap_last_cap),
    file(KERNEL, "ngroups_max", text::ngroups_max),
    file(KERNEL, "randomize_va_space", text::zero),
    file(KERNEL, "core_pattern", text::core_pattern),
    file(RANDOM, "boot_id", text::boot_id),
    file(RANDOM, "uuid", text::uuid),
    file(RANDOM, "entropy_avail", text::entropy_avail),
    file(RANDOM, "poolsize", text::entropy_avail),
    file(VM, "overcommit_memory", text::one),
    file(VM, "max_map_count", text::max_map_count),
    file(VM, "mmap_min_addr", text::mmap_min_addr),
    file(VM, "swappiness", text::zero),
    file(FS, "file-max", text::file_max),
    file(FS, "file-nr", text::file_nr),
    file(FS, "nr_open", text::nr_open),
    file(FS, "pipe-max-size", text::pipe_max_size),
    file(INOTIFY, "max_queued_events", text::inotify_events),
    file(INOTIFY, "max_user_instances", text::inotify_instances),
    file(INOTIFY, "max_user_watches", text::inotify_watches),
    file(NET, "unix", net::unix),
    file(CORE, "somaxconn", net::backlog),
    file(CORE, "wmem_default", net::buffer_default),
    file(CORE, "rmem_default", net::buffer_default),
    file(CORE, "wmem_max", net::buffer_max),
    file(CORE, "rmem_max", net::buffer_max),
    file(CORE, "optmem_max", net::control_max),
    file(UNIX, "max_dgram_qlen", net::datagram_queue),
];

const _: () = {
    // The constants above are places in the table.
    let names: [(u8, &str); 10] = [
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
    ];
    let mut at = 0;
    while at < names.len() {
        let (place, name) = names[at];
        assert!(FIXED[place as usize].name.len() == name.len());
        at += 1;
    }
};
