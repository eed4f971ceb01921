//! Snapshots give the same tree again, whatever was done to it before.

mod support;

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::io::Cursor;
use std::sync::Arc;

use futures::executor::block_on;
use proptest::prelude::*;
use support::{exit_with, layer};
use tidemark_host_native::{NativeConfig, NativeHost};
use tidemark_sdk::layer::{Layer, layer_from_bytes};
use tidemark_sdk::{
    Batch, Config, Device, FileType, Files, SetTime, Snapshot, SnapshotError, SpecialFile, Tidemark,
    Timestamp,
};

fn sandbox(layers: &[Arc<Layer>]) -> Tidemark {
    let host = NativeHost::new(&NativeConfig::default()).unwrap();
    let config =
        layers.iter().fold(Config::default().workers(1), |config, layer| config.layer(Arc::clone(layer)));
    Tidemark::create(host, config).unwrap()
}

/// What of a node must come back.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    kind: FileType,
    perm: u16,
    owner: (u32, u32),
    mtime: Timestamp,
    rdev: Option<(u32, u32)>,
    /// The digest of a file's bytes or a link's target.
    content: u64,
    xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
    /// The first of its names.
    same_as: Vec<u8>,
    nlink: Option<u32>,
}

fn digest(bytes: &[u8]) -> u64 {
    let mut hasher = std::hash::DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

/// Says where two trees differ.
fn check_same(tree: &BTreeMap<Vec<u8>, Seen>, before: &BTreeMap<Vec<u8>, Seen>, what: &str) {
    for path in tree.keys().chain(before.keys()) {
        assert_eq!(tree.get(path), before.get(path), "{what}: {}", path.escape_ascii());
    }
}

/// The root file system by path.
async fn tree(files: &Files) -> BTreeMap<Vec<u8>, Seen> {
    let mut seen = BTreeMap::new();
    let mut first_names = BTreeMap::new();
    let mut folders = vec![Vec::new()];
    while let Some(folder) = folders.pop() {
        let mut entries = files.read_dir([&folder[..], b"/"].concat()).await.unwrap();
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        let mut names: Vec<_> =
            entries.iter().map(|entry| [&folder[..], b"/", &entry.name].concat()).collect();
        if folder.is_empty() {
            names.retain(|name| !matches!(&name[..], b"/dev" | b"/proc" | b"/sys"));
            names.push(b"/".to_vec());
        }
        for path in names {
            let attr = files.symlink_metadata(&path).await.unwrap();
            let mut xattrs = BTreeMap::new();
            for name in files.xattr_names(&path).await.unwrap() {
                xattrs.insert(name.clone(), files.xattr(&path, &name).await.unwrap());
            }
            let content = match attr.kind {
                FileType::Regular => files.read(&path).await.unwrap(),
                FileType::Symlink => files.read_link(&path).await.unwrap(),
                _ => Vec::new(),
            };
            let is_folder = attr.kind == FileType::Directory;
            if is_folder && path != b"/" {
                folders.push(path.clone());
            }
            let device = matches!(attr.kind, FileType::Char | FileType::Block);
            let same_as = first_names.entry(attr.ino).or_insert_with(|| path.clone()).clone();
            let node = Seen {
                kind: attr.kind,
                perm: attr.perm,
                owner: (attr.uid, attr.gid),
                mtime: attr.mtime,
                rdev: device.then_some((attr.rdev.major, attr.rdev.minor)),
                content: digest(&content),
                xattrs,
                same_as: if is_folder { Vec::new() } else { same_as },
                nlink: (!is_folder).then_some(attr.nlink),
            };
            seen.insert(path, node);
        }
    }
    seen
}

/// Takes both kinds of snapshot and checks that each gives the tree again.
async fn check_round_trips(layers: &[Arc<Layer>], tidemark: &Tidemark) {
    let files = tidemark.files();
    let before = tree(&files).await;
    let whole = files.snapshot_layer(&Snapshot::whole()).await.unwrap();
    check_same(&tree(&sandbox(&[whole]).files()).await, &before, "the whole tree");
    let changes = files.snapshot_layer(&Snapshot::changes()).await.unwrap();
    let over = [layers, &[changes]].concat();
    let again = sandbox(&over);
    check_same(&tree(&again.files()).await, &before, "the changes");
    check_same(&tree(&files).await, &before, "taking it changed nothing");
    // A snapshot of the stack that did not change since is of what the kernel itself makes, at the most.
    let nothing = again.files().snapshot_layer(&Snapshot::changes()).await.unwrap();
    assert_eq!(nothing.index().len(), 1, "nothing changed");
}

/// A layer with what is hard to keep: hard links, links, folders in folders, attributes.
fn base() -> Arc<Layer> {
    let tidemark = sandbox(&[layer(&[("seven", exit_with(7))])]);
    let files = tidemark.files();
    block_on(async {
        let mut batch = Batch::new().symlink("/d/up", "../a").file("/big", 0o644, vec![7; 70_000]);
        for name in ["/a", "/b", "/d/a", "/d/b", "/d/e/a", "/e/a", "/e/e/b"] {
            batch = batch.file(name, 0o640, name.repeat(1000));
        }
        files.write_batch(batch).await.unwrap();
        files.hard_link("/a", "/d/linked").await.unwrap();
        files.hard_link("/a", "/e/linked").await.unwrap();
        files.set_xattr("/d/a", "user.x", "1").await.unwrap();
        let zero = Device { major: 1, minor: 5 };
        files.create_special("/e/zero", SpecialFile::CharDevice(zero), 0o666).await.unwrap();
        files.snapshot_layer(&Snapshot::whole()).await.unwrap()
    })
}

#[test]
fn every_kind_of_change_comes_back() {
    let base = base();
    block_on(async {
        let tidemark = sandbox(std::slice::from_ref(&base));
        let files = tidemark.files();
        check_round_trips(std::slice::from_ref(&base), &tidemark).await;
        // Another layer's names: removed, replaced by other kinds, moved, moved away and made again.
        files.remove_file("/b").await.unwrap();
        files.remove_all("/e").await.unwrap();
        files.write("/e", "a file now").await.unwrap();
        files.rename("/d", "/moved").await.unwrap();
        files.create_dir("/d").await.unwrap();
        files.write("/d/b", "fresh").await.unwrap();
        files.write_at("/moved/linked", 3, "changed through another name").await.unwrap();
        files.set_owner("/big", Some(12), None).await.unwrap();
        // Kinds.
        files.create_special("/fifo", SpecialFile::Fifo, 0o600).await.unwrap();
        files.create_special("/sock", SpecialFile::Socket, 0o755).await.unwrap();
        let device = Device { major: 8, minor: 300 };
        files.create_special("/block", SpecialFile::BlockDevice(device), 0o660).await.unwrap();
        files.write("/sparse", "").await.unwrap();
        files.set_len("/sparse", 100_000).await.unwrap();
        files.write_at("/sparse", 50_000, "x").await.unwrap();
        files.set_permissions("/sparse", 0o6755).await.unwrap();
        files.set_xattr("/sparse", "security.capability", [1, 0, 0, 2]).await.unwrap();
        files.hard_link("/sparse", "/moved/sparse").await.unwrap();
        files.symlink("nowhere", "/tmp/link").await.unwrap();
        check_round_trips(std::slice::from_ref(&base), &tidemark).await;
    });
}

#[test]
fn only_what_changed_is_in_the_changes() {
    let base = base();
    block_on(async {
        let files = sandbox(std::slice::from_ref(&base)).files();
        // Read, and so in memory, but the same.
        files.read("/big").await.unwrap();
        files.write("/d/e/new", "new").await.unwrap();
        let changes =
            files.snapshot(&Snapshot::changes(), Cursor::new(Vec::new())).await.unwrap().into_inner();
        assert!(changes.len() < 3 * 4096, "{} bytes", changes.len());
        let changes = layer_from_bytes(changes).unwrap();
        let index = changes.index();
        let names = |folder| index.entries(folder, 0).map(|entry| entry.name.to_vec()).collect::<Vec<_>>();
        assert_eq!(names(index.root()), [b"d".to_vec()]);
        let d = index.lookup(index.root(), b"d").unwrap();
        assert_eq!(names(d), [b"e".to_vec()]);
        assert_eq!(names(index.lookup(d, b"e").unwrap()), [b"new".to_vec()]);
    });
}

#[test]
fn a_snapshot_has_a_bound() {
    block_on(async {
        let files = sandbox(&[]).files();
        files.write("/hole", "").await.unwrap();
        files.set_len("/hole", 1 << 60).await.unwrap();
        let bounded = Snapshot::whole().max_bytes(100_000);
        assert!(matches!(
            files.snapshot_layer(&bounded).await,
            Err(SnapshotError::TooLarge { max_bytes: 100_000 })
        ));
    });
}

#[derive(Clone, Debug)]
enum Change {
    Write(usize, Vec<u8>),
    WriteAt(usize, u16, Vec<u8>),
    Cut(usize, u16),
    Folder(usize),
    Symlink(usize, usize),
    Link(usize, usize),
    Fifo(usize),
    Remove(usize),
    Rename(usize, usize, bool),
    Mode(usize, u32),
    Owner(usize, u32),
    Time(usize, i64),
    Xattr(usize, Option<u8>),
}

const PATHS: [&str; 16] = [
    "/a",
    "/b",
    "/big",
    "/d",
    "/d/a",
    "/d/b",
    "/d/e",
    "/d/e/a",
    "/d/e/n",
    "/d/linked",
    "/e",
    "/e/a",
    "/e/e",
    "/e/e/b",
    "/e/zero",
    "/tmp/n",
];

async fn apply(files: &Files, change: Change) {
    use Change::*;
    // Refusals are as good as any other outcome.
    let _ = match change {
        Write(at, content) => files.write(PATHS[at], content).await,
        WriteAt(at, offset, content) => files.write_at(PATHS[at], offset.into(), content).await,
        Cut(at, len) => files.set_len(PATHS[at], len.into()).await,
        Folder(at) => files.create_dir(PATHS[at]).await,
        Symlink(at, to) => files.symlink(PATHS[to], PATHS[at]).await,
        Link(at, to) => files.hard_link(PATHS[at], PATHS[to]).await,
        Fifo(at) => files.create_special(PATHS[at], SpecialFile::Fifo, 0o600).await,
        Remove(at) => files.remove_all(PATHS[at]).await,
        Rename(from, to, exchange) => {
            let how = if exchange { tidemark_sdk::Rename::Exchange } else { tidemark_sdk::Rename::Replace };
            files.rename_with(PATHS[from], PATHS[to], how).await
        }
        Mode(at, mode) => files.set_permissions(PATHS[at], mode).await,
        Owner(at, id) => files.set_symlink_owner(PATHS[at], Some(id), Some(id + 1)).await,
        Time(at, seconds) => {
            let time = SetTime::At(Timestamp { seconds, nanoseconds: 5 });
            files.set_symlink_times(PATHS[at], time, time).await
        }
        Xattr(at, Some(value)) => files.set_xattr(PATHS[at], "user.x", [value]).await,
        Xattr(at, None) => files.remove_xattr(PATHS[at], "user.x").await,
    };
}

fn change() -> impl Strategy<Value = Change> {
    let path = || 0..PATHS.len();
    let bytes = || prop::collection::vec(any::<u8>(), 0..40);
    prop_oneof![
        (path(), bytes()).prop_map(|(at, content)| Change::Write(at, content)),
        (path(), any::<u16>(), bytes())
            .prop_map(|(at, offset, content)| Change::WriteAt(at, offset, content)),
        (path(), any::<u16>()).prop_map(|(at, len)| Change::Cut(at, len)),
        path().prop_map(Change::Folder),
        (path(), path()).prop_map(|(at, to)| Change::Symlink(at, to)),
        (path(), path()).prop_map(|(at, to)| Change::Link(at, to)),
        path().prop_map(Change::Fifo),
        path().prop_map(Change::Remove),
        (path(), path(), any::<bool>()).prop_map(|(from, to, exchange)| Change::Rename(from, to, exchange)),
        (path(), 0..0o10000u32).prop_map(|(at, mode)| Change::Mode(at, mode)),
        (path(), 0..3u32).prop_map(|(at, id)| Change::Owner(at, id)),
        (path(), -5..5i64).prop_map(|(at, seconds)| Change::Time(at, seconds)),
        (path(), any::<Option<u8>>()).prop_map(|(at, value)| Change::Xattr(at, value)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_changes_come_back(
        first in prop::collection::vec(change(), 0..25),
        second in prop::collection::vec(change(), 0..25),
    ) {
        static BASE: std::sync::LazyLock<Arc<Layer>> = std::sync::LazyLock::new(base);
        let mut layers = vec![Arc::clone(&BASE)];
        block_on(async {
            let tidemark = sandbox(&layers);
            for change in first {
                apply(&tidemark.files(), change).await;
            }
            check_round_trips(&layers, &tidemark).await;
            // On two layers, the upper one with whiteouts and opaque folders.
            layers.push(tidemark.files().snapshot_layer(&Snapshot::changes()).await.unwrap());
            let tidemark = sandbox(&layers);
            for change in second {
                apply(&tidemark.files(), change).await;
            }
            check_round_trips(&layers, &tidemark).await;
        });
    }
}
