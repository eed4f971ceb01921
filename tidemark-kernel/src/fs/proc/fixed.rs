//! What procfs has besides processes: a table.

use super::{ipc, net, system as text};
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
const SYSVIPC: u8 = 11;
const MQUEUE: u8 = 12;

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
    directory(ROOT, "sysvipc"),
    directory(FS, "mqueue"),
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
    setting(KERNEL, "shmmax", ipc::shm_max, ipc::set_shm_max),
    setting(KERNEL, "shmall", ipc::shm_all, ipc::set_shm_all),
    setting(KERNEL, "shmmni", ipc::shm_count, ipc::set_shm_count),
    setting(KERNEL, "sem", ipc::sem, ipc::set_sem),
    setting(KERNEL, "msgmax", ipc::msg_max, ipc::set_msg_max),
    setting(KERNEL, "msgmnb", ipc::msg_queue_bytes, ipc::set_msg_queue_bytes),
    setting(KERNEL, "msgmni", ipc::msg_queues, ipc::set_msg_queues),
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
    setting(MQUEUE, "msg_default", ipc::mq_messages_usual, ipc::set_mq_messages_usual),
    setting(MQUEUE, "msg_max", ipc::mq_messages, ipc::set_mq_messages),
    setting(MQUEUE, "msgsize_default", ipc::mq_bytes_usual, ipc::set_mq_bytes_usual),
    setting(MQUEUE, "msgsize_max", ipc::mq_bytes, ipc::set_mq_bytes),
    setting(MQUEUE, "queues_max", ipc::mq_queues, ipc::set_mq_queues),
    parts(SYSVIPC, "shm", System::report_segments),
    parts(SYSVIPC, "sem", System::report_semaphores),
    parts(SYSVIPC, "msg", System::report_queues),
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
    let names: [(u8, &str); 12] = [
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
        (SYSVIPC, "sysvipc"),
        (MQUEUE, "mqueue"),
    ];
    let mut at = 0;
    while at < names.len() {
        let (place, name) = names[at];
        assert!(FIXED[place as usize].name.len() == name.len());
        at += 1;
    }
};
