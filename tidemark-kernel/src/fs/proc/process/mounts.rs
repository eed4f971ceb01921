//! What is mounted, as a process sees it: `mounts`, `mountinfo`, `mountstats` (`proc_pid_mountinfo(5)` and its neighbours).

use crate::fs::node::Location;
use crate::system::System;

/// A path with what separates fields written in octal (`getmntent(3)`).
fn escaped(path: &[u8]) -> Vec<u8> {
    path.iter()
        .flat_map(|&byte| match byte {
            b' ' | b'\t' | b'\n' | b'\\' | b'#' => format!("\\{byte:03o}").into_bytes(),
            byte => vec![byte],
        })
        .collect()
}

/// A mount that can be seen from a root.
struct Seen {
    id: u32,
    parent: u32,
    /// Its device's minor number.
    minor: u32,
    /// Where it is.
    path: Vec<u8>,
    kind: &'static str,
    source: String,
    options: &'static str,
}

fn seen_mounts(sys: &System, root: Location) -> Vec<Seen> {
    let fs = &sys.fs;
    fs.mounts()
        .filter_map(|(id, mount)| {
            let at = Location { mount: id, node: mount.root };
            let is_top = at == fs.root();
            if mount.covers.is_none() && !is_top {
                return None;
            }
            let path = fs.path_from(root, at).ok()??;
            let options = if mount.read_only { "ro" } else { "rw" };
            let parent = mount.covers.map_or(id.0, |covers| covers.mount.0);
            Some(Seen {
                id: id.0,
                parent,
                minor: fs.dev_minor(at),
                path: escaped(&path),
                kind: fs.type_name(at),
                source: mount.source.clone(),
                options,
            })
        })
        .collect()
}

pub(super) fn mounts(sys: &System, root: Location) -> Vec<u8> {
    let line = |seen: &Seen| {
        let Seen { source, path, kind, options, .. } = seen;
        [source.as_bytes(), b" ", path, format!(" {kind} {options},relatime 0 0\n").as_bytes()].concat()
    };
    seen_mounts(sys, root).iter().flat_map(line).collect()
}

pub(super) fn mount_info(sys: &System, root: Location) -> Vec<u8> {
    let line = |seen: &Seen| {
        let Seen { id, parent, minor, path, kind, source, options } = seen;
        let start = format!("{id} {parent} 0:{minor} / ");
        let end = format!(" {options},relatime - {kind} {source} {options}\n");
        [start.as_bytes(), path, end.as_bytes()].concat()
    };
    seen_mounts(sys, root).iter().flat_map(line).collect()
}

pub(super) fn mount_stats(sys: &System, root: Location) -> Vec<u8> {
    let line = |seen: &Seen| {
        let start = format!("device {} mounted on ", seen.source);
        [start.as_bytes(), &seen.path, format!(" with fstype {}\n", seen.kind).as_bytes()].concat()
    };
    seen_mounts(sys, root).iter().flat_map(line).collect()
}
