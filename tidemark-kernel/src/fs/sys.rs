//! `/sys`: what programs look for there, as directories and short texts that never change (the kernel's
//! `Documentation/ABI/testing/sysfs-devices-system-cpu` and `cputopology.rst`).

use std::ops::RangeInclusive;

use super::dispatch::FileSystem;
use super::node::{Location, NewNode};
use super::tree::Tree;
use super::{Vfs, birth};

/// Processors that a machine can have at the most, less one.
const KERNEL_MAX: &str = "511\n";

/// Directories of what a guest has none of: programs look into them before they conclude that.
const EMPTY: &[&str] = &[
    "block",
    "bus",
    "class/block",
    "class/net",
    "class/tty",
    "dev/block",
    "dev/char",
    "devices/virtual",
    "firmware",
    "fs/cgroup",
    "hypervisor",
    "module",
    "power",
];

impl Vfs {
    /// Mounts `/sys`.
    pub(super) fn mount_sys(&mut self) {
        let Ok(at) = self.make_in(self.root, "sys", NewNode::Directory, 0o555) else { return };
        let tree = Tree::empty("sysfs", birth(0o555), self.limits.inodes);
        let sys = self.mount(FileSystem::Tree(Box::new(tree)), Some(at), "sysfs");
        self.put_text(sys, "kernel/mm/transparent_hugepage/enabled", "always madvise [never]\n");
        self.put_text(sys, "kernel/mm/transparent_hugepage/hpage_pmd_size", "2097152\n");
        for directory in EMPTY {
            self.put_directory(sys, directory);
        }
        self.put_nodes(sys);
        self.put_processors(sys);
        if let Some(mount) = self.mounts.get_mut(sys.mount) {
            mount.read_only = true;
        }
    }

    /// All memory and processors are one NUMA node (the kernel's `ABI/stable/sysfs-devices-node`).
    fn put_nodes(&mut self, sys: Location) {
        const HERE: &str = "devices/system/node";
        let last = self.workers.saturating_sub(1);
        for name in ["online", "possible", "has_cpu", "has_memory", "has_normal_memory"] {
            self.put_text(sys, &format!("{HERE}/{name}"), "0\n");
        }
        self.put_text(sys, &format!("{HERE}/node0/cpulist"), &list(last));
        self.put_text(sys, &format!("{HERE}/node0/cpumap"), &mask(0..=last, last));
        self.put_text(sys, &format!("{HERE}/node0/distance"), "10\n");
    }

    /// Workers, as processors: one package, a core each, no caches and no frequencies to tell.
    fn put_processors(&mut self, sys: Location) {
        const HERE: &str = "devices/system/cpu";
        let last = self.workers.saturating_sub(1);
        let all = list(last);
        for name in ["online", "possible", "present"] {
            self.put_text(sys, &format!("{HERE}/{name}"), &all);
        }
        self.put_text(sys, &format!("{HERE}/offline"), "\n");
        self.put_text(sys, &format!("{HERE}/kernel_max"), KERNEL_MAX);
        let everyone = mask(0..=last, last);
        for number in 0..=last {
            let itself = mask(number..=number, last);
            let number = format!("{number}\n");
            let topology = format!("{HERE}/cpu{}/topology", number.trim_end());
            for (name, text) in [
                ("core_id", number.as_str()),
                ("physical_package_id", "0\n"),
                ("core_cpus", &itself),
                ("core_cpus_list", &number),
                ("thread_siblings", &itself),
                ("thread_siblings_list", &number),
                ("core_siblings", &everyone),
                ("core_siblings_list", &all),
                ("package_cpus", &everyone),
                ("package_cpus_list", &all),
            ] {
                self.put_text(sys, &format!("{topology}/{name}"), text);
            }
        }
    }

    fn put_text(&mut self, sys: Location, path: &str, text: &str) {
        let (dir, name) = path.rsplit_once('/').unwrap_or(("", path));
        let file =
            self.put_directory(sys, dir).and_then(|dir| self.make_in(dir, name, NewNode::File, 0o444).ok());
        let Some(file) = file else { return };
        if let Ok(content) = self.tree_mut(file).and_then(|tree| tree.content_mut(file.node)) {
            content.set_text(text.as_bytes());
        }
    }

    /// The directory at `path`, made where it is missing. `None` if the tree has no room: then guests see less.
    fn put_directory(&mut self, sys: Location, path: &str) -> Option<Location> {
        let mut parts = path.split('/').filter(|part| !part.is_empty());
        parts.try_fold(sys, |dir, part| self.make_in(dir, part, NewNode::Directory, 0o555).ok())
    }
}

/// All processors up to `last` as a list.
fn list(last: u16) -> String {
    if last == 0 { "0\n".to_owned() } else { format!("0-{last}\n") }
}

/// Processors as a bit mask of those up to `last`: groups of 32 bits, the highest first.
fn mask(processors: RangeInclusive<u16>, last: u16) -> String {
    let group = |group: u16| -> u32 {
        (0..32).filter(|bit| processors.contains(&(group * 32 + bit))).map(|bit| 1 << bit).sum()
    };
    let groups: Vec<String> = (0..=last / 32).rev().map(|number| format!("{:08x}", group(number))).collect();
    format!("{}\n", groups.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_have_a_bit_each() {
        assert_eq!(mask(0..=0, 0), "00000001\n");
        assert_eq!(mask(1..=1, 3), "00000002\n");
        assert_eq!(mask(0..=33, 33), "00000003,ffffffff\n");
    }
}
