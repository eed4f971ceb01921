//! Path look-up and trees against what the man pages say, and against naive models.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::flags::OpenFlags;
use super::names::Rename;
use super::node::FileType;
use super::testing::{Bench, Put, layer};
use crate::errno::Errno;
use crate::task::Creds;

#[test]
fn slashes_dots_and_links_lead_where_they_should() {
    let mut bench = Bench::new();
    bench.mkdir("a").unwrap();
    bench.mkdir("a/b/").unwrap();
    bench.write_file("a/b/f", b"x").unwrap();
    bench.symlink("b", "a/to_b").unwrap();
    bench.symlink("/a/b/f", "abs").unwrap();
    bench.symlink("loop2", "loop1").unwrap();
    bench.symlink("loop1", "loop2").unwrap();
    bench.symlink("nowhere", "dangling").unwrap();
    let file = bench.find("/a/b/f").unwrap();
    for path in ["a//b/./f", "/../../a/b/f", "a/to_b/f", "a/to_b/../b/f", "abs", "a/b/../../a/b/f"] {
        assert_eq!(bench.find(path), Ok(file), "{path}");
    }
    let long = "n".repeat(256);
    for (path, error) in [
        ("", Errno::ENOENT),
        ("a/b/f/", Errno::ENOTDIR),
        ("a/b/f/.", Errno::ENOTDIR),
        ("a/b/f/x", Errno::ENOTDIR),
        ("abs/", Errno::ENOTDIR),
        ("a/nothing/x", Errno::ENOENT),
        ("loop1", Errno::ELOOP),
        ("dangling", Errno::ENOENT),
        (&long, Errno::ENAMETOOLONG),
    ] {
        assert_eq!(bench.find(path), Err(error), "{path}");
    }
    assert_eq!(bench.kind("abs"), Ok(FileType::Symlink));
    assert_eq!(bench.kind("a/to_b/"), Ok(FileType::Directory), "a slash follows the link");
}

#[test]
fn forty_links_are_followed_and_no_more() {
    let mut bench = Bench::new();
    bench.write_file("l0", b"").unwrap();
    for n in 1..=41 {
        bench.symlink(&format!("l{}", n - 1), &format!("l{n}")).unwrap();
    }
    assert!(bench.find("l40").is_ok());
    assert_eq!(bench.find("l41"), Err(Errno::ELOOP));
}

#[test]
fn creation_follows_the_rules_of_open() {
    let mut bench = Bench::new();
    let create = OpenFlags::READ_WRITE.with(OpenFlags::CREATE);
    bench.mkdir("d").unwrap();
    bench.symlink("d/made", "link").unwrap();
    bench.symlink("d", "dirlink").unwrap();
    for (path, flags, error) in [
        ("d", create, Errno::EISDIR),
        ("new/", create, Errno::EISDIR),
        ("/", create, Errno::EISDIR),
        ("d/.", create, Errno::EISDIR),
        ("link", create.with(OpenFlags::EXCLUSIVE), Errno::EEXIST),
        ("link", create.with(OpenFlags::NO_FOLLOW), Errno::ELOOP),
        ("dirlink", OpenFlags::DIRECTORY.with(OpenFlags::NO_FOLLOW), Errno::ENOTDIR),
        ("d", OpenFlags::WRITE_ONLY, Errno::EISDIR),
        ("missing/x", create, Errno::ENOENT),
    ] {
        assert_eq!(bench.open(path, flags), Err(error), "{path}");
    }
    bench.open("link", create).unwrap();
    assert_eq!(bench.kind("d/made"), Ok(FileType::Regular), "made through a dangling link");
    assert_eq!(bench.open("d/made", create.with(OpenFlags::EXCLUSIVE)), Err(Errno::EEXIST));
}

#[test]
fn removing_follows_the_rules_of_unlink_and_rmdir() {
    let mut bench = Bench::new();
    bench.mkdir("d").unwrap();
    bench.write_file("d/f", b"").unwrap();
    for (path, directory, error) in [
        ("d", true, Errno::ENOTEMPTY),
        ("d", false, Errno::EISDIR),
        ("d/f", true, Errno::ENOTDIR),
        ("d/f/", false, Errno::ENOTDIR),
        ("d/.", true, Errno::EINVAL),
        ("d/..", true, Errno::ENOTEMPTY),
        ("/", true, Errno::EBUSY),
        ("dev", true, Errno::EBUSY),
        ("d/g", false, Errno::ENOENT),
    ] {
        assert_eq!(bench.remove(path, directory), Err(error), "{path}");
    }
    bench.remove("d/f", false).unwrap();
    bench.remove("d", true).unwrap();
    assert_eq!(bench.find("d"), Err(Errno::ENOENT));
}

#[test]
fn an_open_file_outlives_its_name_and_its_pages_are_freed_after() {
    let mut bench = Bench::new();
    let before = bench.frames.usage().used;
    bench.write_file("f", &[7; 10_000]).unwrap();
    let file = bench.open("f", OpenFlags::READ_ONLY).unwrap();
    bench.remove("f", false).unwrap();
    let mut content = [0; 10];
    assert_eq!(bench.read(file, Some(9_995), &mut content), Ok(5));
    assert_eq!(content[..5], [7; 5]);
    assert_eq!(bench.fs.attr(bench.fs.file(file).unwrap().at).unwrap().nlink, 0);
    bench.close(file);
    bench.with(|fs, _, env, _| assert!(!fs.free_doomed(100, env.frames)));
    assert_eq!(bench.frames.usage().used, before);
}

#[test]
fn permissions_are_those_of_the_caller() {
    let mut bench = Bench::new();
    bench.mkdir("private").unwrap();
    bench.write_file("private/f", b"").unwrap();
    bench.mkdir("shared").unwrap();
    let set_mode = |bench: &mut Bench, path: &str, mode| {
        let at = bench.find(path).unwrap();
        bench.with(|fs, who, env, _| fs.set_mode(who, env, at, mode))
    };
    set_mode(&mut bench, "private", 0o700).unwrap();
    set_mode(&mut bench, "shared", 0o1777).unwrap();
    bench.write_file("shared/roots", b"").unwrap();
    bench.creds = Creds::user(1000, 1000);
    assert_eq!(bench.find("private/f"), Err(Errno::EACCES));
    assert_eq!(bench.write_file("nope", b""), Err(Errno::EACCES));
    assert_eq!(bench.remove("shared/roots", false), Err(Errno::EPERM), "the sticky bit");
    assert_eq!(bench.open("shared/roots", OpenFlags::WRITE_ONLY), Err(Errno::EACCES));
    bench.write_file("shared/mine", b"").unwrap();
    bench.rename("shared/mine", "shared/still", Rename::Replace).unwrap();
    bench.remove("shared/still", false).unwrap();
    assert_eq!(set_mode(&mut bench, "shared", 0o777), Err(Errno::EPERM));
}

#[test]
fn layers_merge_with_whiteouts_and_opaque_directories() {
    let lower = layer(&[
        ("etc", Put::Directory),
        ("etc/a", Put::File(b"lower a")),
        ("etc/b", Put::File(b"lower b")),
        ("gone", Put::File(b"")),
        ("opaque", Put::Directory),
        ("opaque/hidden", Put::File(b"")),
        ("swap", Put::Directory),
        ("swap/x", Put::File(b"")),
    ]);
    let upper = layer(&[
        ("etc", Put::Directory),
        ("etc/a", Put::File(b"upper a")),
        ("etc/c", Put::Symlink("a")),
        ("gone", Put::Whiteout),
        ("opaque", Put::OpaqueDirectory),
        ("opaque/seen", Put::File(b"")),
        ("swap", Put::File(b"now a file")),
    ]);
    let mut bench = Bench::over(vec![lower, upper]);
    assert_eq!(bench.list("etc").unwrap(), ["a", "c", "b"]);
    assert_eq!(bench.read_file("etc/a").unwrap(), b"upper a");
    assert_eq!(bench.read_file("etc/b").unwrap(), b"lower b");
    assert_eq!(bench.read_file("etc/c").unwrap(), b"upper a");
    assert_eq!(bench.find("gone"), Err(Errno::ENOENT));
    assert_eq!(bench.list("opaque").unwrap(), ["seen"]);
    assert_eq!(bench.find("opaque/hidden"), Err(Errno::ENOENT));
    assert_eq!(bench.read_file("swap").unwrap(), b"now a file");
    let root = bench.list("/").unwrap();
    assert!(!root.contains(&"gone".to_owned()) && root.contains(&"proc".to_owned()), "{root:?}");
}

#[test]
fn changes_over_a_layer_stay_above_it() {
    let content: Vec<u8> = (0..10_000u32).map(|n| n as u8).collect();
    let paths = [
        ("d", Put::Directory),
        ("d/f", Put::File(&content)),
        ("d/g", Put::Link("d/f")),
        ("d/sub", Put::Directory),
        ("d/sub/deep", Put::File(b"deep")),
    ];
    let shared = layer(&paths);
    let mut bench = Bench::over(vec![shared.clone()]);
    let (f, g) = (bench.find("d/f").unwrap(), bench.find("d/g").unwrap());
    assert_eq!(f, g, "hard links are one node");
    let file = bench.open("d/f", OpenFlags::READ_WRITE).unwrap();
    bench.write(file, Some(4090), b"0123456789").unwrap();
    let mut expected = content.clone();
    expected[4090..4100].copy_from_slice(b"0123456789");
    assert_eq!(bench.read_file("d/g").unwrap(), expected, "seen by the other name");
    bench.remove("d/f", false).unwrap();
    assert_eq!(bench.list("d").unwrap(), ["g", "sub"]);
    bench.write_file("d/f", b"new").unwrap();
    assert_eq!(bench.list("d").unwrap(), ["g", "sub", "f"]);
    assert_eq!(bench.read_file("d/g").unwrap(), expected);
    bench.rename("d/sub", "moved", Rename::Replace).unwrap();
    assert_eq!(bench.read_file("moved/deep").unwrap(), b"deep");
    assert_eq!(bench.list("d").unwrap(), ["g", "f"]);
    assert_eq!(bench.remove("moved", true), Err(Errno::ENOTEMPTY));
    bench.remove("moved/deep", false).unwrap();
    bench.remove("moved", true).unwrap();
    // Cut short, then grown: the layer's bytes don't come back.
    bench
        .with(|fs, who, env, cwd| {
            let at = fs.resolve(who, cwd, b"d/g", true)?;
            fs.set_size(who, env, at, 5000)?;
            fs.set_size(who, env, at, 10_000)
        })
        .unwrap();
    expected[5000..].fill(0);
    assert_eq!(bench.read_file("d/g").unwrap(), expected);
    assert_eq!(Bench::over(vec![shared]).read_file("d/f").unwrap(), content, "the layer is as it was");
}

#[test]
fn a_listing_survives_changes_in_the_middle() {
    let mut bench =
        Bench::over(vec![layer(&[("a", Put::File(b"")), ("b", Put::File(b"")), ("c", Put::File(b""))])]);
    bench.mkdir("d").unwrap();
    for n in 0..6 {
        bench.write_file(&format!("d/{n}"), b"").unwrap();
    }
    let dir = bench.find("d").unwrap();
    let mut seen = Vec::new();
    let mut position = 0;
    for step in 0.. {
        let entry = bench.with(|fs, who, _, _| {
            let entry = fs.next_entry(&who.view, dir, position).unwrap();
            entry.map(|entry| (String::from_utf8_lossy(&entry.name).into_owned(), entry.next))
        });
        let Some((name, next)) = entry else { break };
        position = next;
        if step == 4 {
            // `.`, `..`, 0, 1, 2 were listed.
            bench.remove("d/0", false).unwrap();
            bench.remove("d/4", false).unwrap();
            bench.write_file("d/new", b"").unwrap();
        }
        seen.push(name);
    }
    assert_eq!(seen, [".", "..", "0", "1", "2", "3", "5", "new"]);
}

#[test]
fn links_count_and_renames_exchange() {
    let mut bench = Bench::new();
    bench.mkdir("d").unwrap();
    bench.mkdir("d/e").unwrap();
    bench.write_file("f", b"f").unwrap();
    bench.link("f", "d/g").unwrap();
    assert_eq!(bench.link("d", "dd"), Err(Errno::EPERM));
    let nlink = |bench: &mut Bench, path: &str| {
        let at = bench.find(path).unwrap();
        bench.fs.attr(at).unwrap().nlink
    };
    assert_eq!((nlink(&mut bench, "d"), nlink(&mut bench, "f")), (3, 2));
    assert_eq!(bench.rename("d", "d/e/x", Rename::Replace), Err(Errno::EINVAL));
    assert_eq!(bench.rename("d/e", "d", Rename::Replace), Err(Errno::ENOTEMPTY));
    assert_eq!(bench.rename("f", "d/g", Rename::Replace), Ok(()), "the same file: nothing happens");
    assert_eq!(nlink(&mut bench, "f"), 2);
    assert_eq!(bench.rename("f", "d/e", Rename::NoReplace), Err(Errno::EEXIST));
    bench.rename("f", "d/e", Rename::Exchange).unwrap();
    assert_eq!((bench.kind("f"), bench.kind("d/e")), (Ok(FileType::Directory), Ok(FileType::Regular)));
    assert_eq!(nlink(&mut bench, "d"), 2);
    let up = bench.find("f/..").unwrap();
    assert_eq!(Ok(up), bench.find("/"), "the moved directory's parent is the new one");
}

#[derive(Clone, Debug)]
enum Op {
    Make(String, u8),
    Remove(String, bool),
    Rename(String, String, u8),
    List(String),
}

fn path() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(&["a", "b", "c"][..]), 1..4).prop_map(|parts| parts.join("/"))
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        (path(), 0u8..2).prop_map(|(path, kind)| Op::Make(path, kind)),
        (path(), any::<bool>()).prop_map(|(path, directory)| Op::Remove(path, directory)),
        (path(), path(), 0u8..2).prop_map(|(from, to, how)| Op::Rename(from, to, how)),
        path().prop_map(Op::List),
    ]
}

/// A naive tree: full paths, `None` for directories and a number for a file's content.
#[derive(Default)]
struct Model(BTreeMap<String, Option<u8>>);

impl Model {
    fn parent_check(&self, path: &str) -> Result<(), Errno> {
        let parts: Vec<&str> = path.split('/').collect();
        for len in 1..parts.len() {
            match self.0.get(&parts[..len].join("/")) {
                None => return Err(Errno::ENOENT),
                Some(Some(_)) => return Err(Errno::ENOTDIR),
                Some(None) => {}
            }
        }
        Ok(())
    }

    fn children(&self, path: &str) -> Vec<String> {
        let prefix = format!("{path}/");
        let below = self.0.keys().filter_map(|key| key.strip_prefix(&prefix));
        below.filter(|rest| !rest.contains('/')).map(str::to_owned).collect()
    }

    fn make(&mut self, path: &str, content: Option<u8>) -> Result<(), Errno> {
        self.parent_check(path)?;
        if self.0.contains_key(path) {
            return Err(Errno::EEXIST);
        }
        self.0.insert(path.to_owned(), content);
        Ok(())
    }

    fn remove(&mut self, path: &str, directory: bool) -> Result<(), Errno> {
        self.parent_check(path)?;
        match (self.0.get(path).ok_or(Errno::ENOENT)?, directory) {
            (None, false) => return Err(Errno::EISDIR),
            (Some(_), true) => return Err(Errno::ENOTDIR),
            (None, true) if !self.children(path).is_empty() => return Err(Errno::ENOTEMPTY),
            _ => {}
        }
        self.0.remove(path);
        Ok(())
    }

    fn rename(&mut self, from: &str, to: &str, no_replace: bool) -> Result<(), Errno> {
        self.parent_check(from)?;
        self.parent_check(to)?;
        let moved = *self.0.get(from).ok_or(Errno::ENOENT)?;
        let replaced = self.0.get(to).copied();
        if no_replace && replaced.is_some() {
            return Err(Errno::EEXIST);
        }
        let inside = |path: &str, dir: &str| path.starts_with(&format!("{dir}/"));
        if replaced.is_some() && inside(from, to) {
            return Err(Errno::ENOTEMPTY);
        }
        if moved.is_none() && inside(to, from) {
            return Err(Errno::EINVAL);
        }
        if from == to {
            return Ok(());
        }
        match (moved, replaced) {
            (None, Some(Some(_))) => return Err(Errno::ENOTDIR),
            (Some(_), Some(None)) => return Err(Errno::EISDIR),
            (None, Some(None)) if !self.children(to).is_empty() => return Err(Errno::ENOTEMPTY),
            _ => {}
        }
        let taken: Vec<(String, Option<u8>)> = self
            .0
            .iter()
            .filter(|(key, _)| *key == from || inside(key, from))
            .map(|(key, value)| (key.clone(), *value))
            .collect();
        for (key, _) in &taken {
            self.0.remove(key);
        }
        for (key, value) in taken {
            self.0.insert(format!("{to}{}", &key[from.len()..]), value);
        }
        Ok(())
    }
}

proptest! {
    /// Any sequence of changes leaves the tree that a map of full paths says, over an empty root and over layers.
    #[test]
    fn trees_agree_with_a_map_of_paths(ops in prop::collection::vec(op(), 1..60), layered in any::<bool>()) {
        let mut model = Model::default();
        let mut bench = if layered {
            model.0.extend([("a".to_owned(), None), ("a/a".to_owned(), Some(3)), ("a/b".to_owned(), None)]);
            model.0.extend([("a/b/c".to_owned(), Some(4)), ("b".to_owned(), Some(5))]);
            Bench::over(vec![
                layer(&[("a", Put::Directory), ("a/b", Put::Directory), ("a/c", Put::File(b"\x09")), ("b", Put::Directory)]),
                layer(&[
                    ("a", Put::Directory),
                    ("a/a", Put::File(&[3])),
                    ("a/b", Put::Directory),
                    ("a/b/c", Put::File(&[4])),
                    ("a/c", Put::Whiteout),
                    ("b", Put::File(&[5])),
                ]),
            ])
        } else {
            Bench::new()
        };
        for (number, op) in ops.into_iter().enumerate() {
            match op {
                Op::Make(path, 0) => prop_assert_eq!(bench.mkdir(&path), model.make(&path, None), "mkdir {}", path),
                Op::Make(path, _) => {
                    let flags = OpenFlags::WRITE_ONLY.with(OpenFlags::CREATE).with(OpenFlags::EXCLUSIVE);
                    let made = bench.open(&path, flags).map(|file| {
                        bench.write(file, None, &[number as u8]).unwrap();
                        bench.close(file);
                    });
                    prop_assert_eq!(made, model.make(&path, Some(number as u8)), "create {}", path);
                }
                Op::Remove(path, directory) => {
                    prop_assert_eq!(bench.remove(&path, directory), model.remove(&path, directory), "remove {}", path);
                }
                Op::Rename(from, to, how) => {
                    let kind = if how == 0 { Rename::Replace } else { Rename::NoReplace };
                    let expected = model.rename(&from, &to, how == 1);
                    prop_assert_eq!(bench.rename(&from, &to, kind), expected, "rename {} {}", from, to);
                }
                Op::List(path) => {
                    let expected = match (model.parent_check(&path), model.0.get(&path)) {
                        (Err(error), _) => Err(error),
                        (_, None) => Err(Errno::ENOENT),
                        (_, Some(Some(_))) => Err(Errno::ENOTDIR),
                        (_, Some(None)) => Ok(model.children(&path)),
                    };
                    let listed = bench.list(&path).map(|mut names| {
                        names.sort();
                        names
                    });
                    prop_assert_eq!(listed, expected, "list {}", path);
                }
            }
        }
        let files: Vec<(String, u8)> = model.0.iter().filter_map(|(path, kind)| Some((path.clone(), (*kind)?))).collect();
        for (path, content) in files {
            prop_assert_eq!(bench.read_file(&path), Ok(vec![content]), "content of {}", path);
        }
    }

    /// Any sequence of writes, cuts and holes leaves the bytes that a plain vector has.
    #[test]
    fn content_agrees_with_a_vector(
        ops in prop::collection::vec((0u8..6, 0usize..30_000, 0usize..9_000), 1..40),
        backed in 0usize..20_000,
    ) {
        let mut model: Vec<u8> = (0..backed).map(|n| (n / 7) as u8).collect();
        let mut bench = Bench::over(vec![layer(&[("f", Put::File(&model))])]);
        let file = bench.open("f", OpenFlags::READ_WRITE).unwrap();
        for (number, (op, at, len)) in ops.into_iter().enumerate() {
            match op {
                0 | 1 => {
                    let bytes = vec![number as u8 + 1; len];
                    prop_assert_eq!(bench.write(file, Some(at as u64), &bytes), Ok(len as u64));
                    if len > 0 {
                        model.resize(model.len().max(at + len), 0);
                        model[at..at + len].copy_from_slice(&bytes);
                    }
                }
                2 => {
                    bench.with(|fs, _, env, _| fs.set_open_size(file, at as u64, env)).unwrap();
                    model.resize(at, 0);
                }
                3 if len > 0 => {
                    const PUNCH_KEEP: u32 = 3;
                    let mut done = 0;
                    while let Some(step) = bench
                        .with(|fs, _, env, _| fs.allocate(file, PUNCH_KEEP, at as u64, len as u64, done, env))
                        .unwrap()
                    {
                        done = step;
                    }
                    let end = model.len().min(at + len);
                    if at < end {
                        model[at..end].fill(0);
                    }
                }
                4 => {
                    // Every byte that is not in a hole is found by SEEK_DATA.
                    let data = bench.fs.seek(file, at as i64, 3);
                    let first = (at..model.len()).find(|&n| model[n] != 0);
                    if let Some(first) = first {
                        prop_assert!(data.is_ok_and(|data| data <= first as u64), "{:?} after {}", data, first);
                    }
                }
                _ => {
                    let mut bytes = vec![0; len];
                    let done = bench.read(file, Some(at as u64), &mut bytes).unwrap() as usize;
                    let expected = model.get(at..model.len().min(at + len)).unwrap_or_default();
                    prop_assert_eq!(&bytes[..done], expected);
                }
            }
            prop_assert_eq!(bench.fs.file_size(file), Ok(model.len() as u64));
        }
        prop_assert_eq!(bench.read_file("f").unwrap(), model);
    }
}
