//! The guest's files from outside, seen from inside too.

mod support;

use futures::executor::block_on;
use support::{exit_with, layer};
use tidemark_host_native::{NativeConfig, NativeHost};
use tidemark_sdk::{
    Batch, Config, Errno, FileChange, FileEvent, FileType, Rename, SetTime, SpecialFile, Tidemark, Timestamp,
};

fn sandbox() -> Tidemark {
    let host = NativeHost::new(&NativeConfig::default()).unwrap();
    Tidemark::create(host, Config::default().layer(layer(&[("seven", exit_with(7))]))).unwrap()
}

#[test]
fn what_is_written_is_read() {
    let fs = sandbox().files();
    // Several requests long, and not a whole number of them.
    let content: Vec<u8> = (0..300_001u32).map(|i| (i % 251) as u8).collect();
    block_on(async {
        fs.create_dir_all("/a/b/c").await.unwrap();
        fs.write("/a/b/c/file", &content).await.unwrap();
        assert_eq!(fs.read("/a/b/c/file").await.unwrap(), content);
        let metadata = fs.metadata("/a/b/c/file").await.unwrap();
        assert_eq!((metadata.size, metadata.perm, metadata.kind), (300_001, 0o644, FileType::Regular));
        fs.write("/a/b/c/file", "short").await.unwrap();
        assert_eq!(fs.read("/a/b/c/file").await.unwrap(), b"short");
    });
}

#[test]
fn names_come_and_go() {
    let fs = sandbox().files();
    block_on(async {
        fs.create_dir("/d").await.unwrap();
        fs.write("/d/x", "x").await.unwrap();
        fs.symlink("x", "/d/link").await.unwrap();
        assert_eq!(fs.read_link("/d/link").await.unwrap(), b"x");
        assert_eq!(fs.symlink_metadata("/d/link").await.unwrap().kind, FileType::Symlink);
        fs.rename("/d/x", "/d/y").await.unwrap();
        let mut names: Vec<_> =
            fs.read_dir("/d").await.unwrap().into_iter().map(|entry| entry.name).collect();
        names.sort();
        assert_eq!(names, [b"link".to_vec(), b"y".to_vec()]);
        fs.remove_file("/d/link").await.unwrap();
        fs.remove_file("/d/y").await.unwrap();
        fs.remove_dir("/d").await.unwrap();
        assert_eq!(fs.metadata("/d").await.unwrap_err().errno(), Some(Errno::ENOENT));
    });
}

#[test]
fn a_refusal_says_what_and_why() {
    let fs = sandbox().files();
    let error = block_on(fs.read("/absent")).unwrap_err();
    assert_eq!(error.to_string(), "cannot open /absent in the guest: ENOENT");
    assert_eq!(block_on(fs.create_dir_all("/seven/below")).unwrap_err().errno(), Some(Errno::ENOTDIR));
}

#[test]
fn a_program_put_there_runs() {
    let tidemark = sandbox();
    let fs = tidemark.files();
    block_on(async {
        fs.write("/nine", exit_with(9)).await.unwrap();
        assert!(tidemark.command("/nine").output().await.is_err(), "not executable yet");
        fs.set_permissions("/nine", 0o755).await.unwrap();
        assert_eq!(tidemark.command("/nine").output().await.unwrap().status.code(), Some(9));
    });
}

#[test]
fn many_files_go_in_at_once() {
    let fs = sandbox().files();
    let long: Vec<u8> = (0..100_000u32).map(|i| (i % 249) as u8).collect();
    block_on(async {
        let mut batch = Batch::new().folder("/w", 0o700).file("/w/long", 0o600, long.clone());
        for n in 0..100 {
            batch = batch.file(format!("/w/deep/er/{n}"), 0o640, n.to_string());
        }
        let batch = batch.symlink("/w/link", "long").file("/w/long2", 0o644, long.clone());
        fs.write_batch(batch.clone()).await.unwrap();
        assert_eq!(fs.read("/w/link").await.unwrap(), long);
        assert_eq!(fs.read("/w/long2").await.unwrap(), long);
        assert_eq!(fs.read("/w/deep/er/99").await.unwrap(), b"99");
        assert_eq!(fs.metadata("/w/deep/er/7").await.unwrap().perm, 0o640);
        assert_eq!(fs.metadata("/w").await.unwrap().perm, 0o700);
        // What is there is replaced: a link, not what it leads to.
        fs.write_batch(Batch::new().file("/w/link", 0o644, "own")).await.unwrap();
        assert_eq!(fs.read("/w/long").await.unwrap(), long);
        fs.write_batch(batch).await.unwrap();
        let error = fs.write_batch(Batch::new().file("/w/long/x", 0o644, "")).await.unwrap_err();
        assert_eq!(error.to_string(), "cannot make /w/long/x in the guest: ENOTDIR");
        let error = fs.write_batch(Batch::new().folder("/w/long", 0o755)).await.unwrap_err();
        assert_eq!(error.errno(), Some(Errno::EEXIST));
    });
}

#[test]
fn trees_are_removed_whole() {
    let fs = sandbox().files();
    block_on(async {
        let mut batch = Batch::new().file("/keep/me", 0o644, "x").symlink("/t/a/out", "/keep");
        for n in 0..700 {
            batch = batch.file(format!("/t/{}/{n}", n % 3), 0o644, "");
        }
        fs.write_batch(batch).await.unwrap();
        assert_eq!(fs.remove_dir("/t").await.unwrap_err().errno(), Some(Errno::ENOTEMPTY));
        fs.remove_all("/t").await.unwrap();
        assert!(!fs.exists("/t").await.unwrap());
        assert!(fs.exists("/keep/me").await.unwrap(), "links are not followed");
        assert_eq!(fs.remove_all("/t").await.unwrap_err().errno(), Some(Errno::ENOENT));
        fs.symlink("keep", "/l").await.unwrap();
        fs.remove_all("/l").await.unwrap();
        assert!(fs.exists("/keep").await.unwrap());
    });
}

#[test]
fn attributes_are_set_and_told() {
    let fs = sandbox().files();
    block_on(async {
        fs.write("/f", "0123456789").await.unwrap();
        fs.set_owner("/f", Some(1000), Some(100)).await.unwrap();
        fs.set_permissions("/f", 0o4750).await.unwrap();
        let time = Timestamp { seconds: 1_234_567_890, nanoseconds: 123_456_789 };
        fs.set_times("/f", SetTime::Omit, SetTime::At(time)).await.unwrap();
        fs.symlink("f", "/l").await.unwrap();
        fs.set_symlink_owner("/l", None, Some(7)).await.unwrap();
        fs.set_symlink_times("/l", SetTime::At(time), SetTime::Now).await.unwrap();
        fs.hard_link("/f", "/g").await.unwrap();
        fs.set_xattr("/f", "user.note", "hello").await.unwrap();
        let f = fs.metadata("/l").await.unwrap();
        assert_eq!((f.uid, f.gid, f.perm, f.mtime, f.nlink), (1000, 100, 0o4750, time, 2));
        let l = fs.symlink_metadata("/l").await.unwrap();
        assert_eq!((l.gid, l.atime, l.kind), (7, time, FileType::Symlink));
        assert_eq!(fs.xattr("/g", "user.note").await.unwrap(), b"hello");
        assert_eq!(fs.xattr_names("/g").await.unwrap(), [b"user.note".to_vec()]);
        fs.remove_xattr("/g", "user.note").await.unwrap();
        assert_eq!(fs.xattr("/f", "user.note").await.unwrap_err().errno(), Some(Errno::ENODATA));
        fs.set_len("/f", 4).await.unwrap();
        fs.append("/g", "abc").await.unwrap();
        fs.write_at("/g", 1, "X").await.unwrap();
        assert_eq!(fs.read("/f").await.unwrap(), b"0X23abc");
        assert_eq!(fs.read_at("/f", 2, 3).await.unwrap(), b"23a");
        assert_eq!(fs.write_new("/f", "").await.unwrap_err().errno(), Some(Errno::EEXIST));
        fs.create_special("/p", SpecialFile::Fifo, 0o600).await.unwrap();
        assert_eq!(fs.metadata("/p").await.unwrap().kind, FileType::Fifo);
        assert_eq!(
            fs.rename_with("/p", "/f", Rename::NoReplace).await.unwrap_err().errno(),
            Some(Errno::EEXIST)
        );
        let bad = SetTime::At(Timestamp { seconds: 0, nanoseconds: 1_000_000_000 });
        assert_eq!(fs.set_times("/f", bad, bad).await.unwrap_err().errno(), Some(Errno::EINVAL));
        assert_eq!(fs.read("/\0").await.unwrap_err().errno(), Some(Errno::EINVAL));
        assert_eq!(fs.read("x".repeat(4096)).await.unwrap_err().errno(), Some(Errno::ENAMETOOLONG));
    });
}

#[test]
fn what_happens_to_files_is_told() {
    let tidemark = sandbox();
    let fs = tidemark.files();
    block_on(async {
        fs.create_dir_all("/w/in").await.unwrap();
        fs.write("/other", "").await.unwrap();
        let mut watch = fs.watch().await.unwrap();
        assert_eq!(watch.add("/absent").await.unwrap_err().errno(), Some(Errno::ENOENT));
        watch.add("/w").await.unwrap();
        watch.add("/other").await.unwrap();
        fs.write("/w/a", "x").await.unwrap();
        fs.write("/w/in/unseen", "x").await.unwrap();
        fs.rename("/w/a", "/w/b").await.unwrap();
        fs.set_permissions("/w/b", 0o600).await.unwrap();
        fs.create_dir("/w/d").await.unwrap();
        fs.remove_all("/w/d").await.unwrap();
        fs.remove_file("/other").await.unwrap();
        let mut seen = Vec::new();
        while seen.len() < 10 {
            let FileEvent::Changed { path, change, .. } = watch.next().await.unwrap() else { panic!() };
            let change = match change {
                FileChange::MovedFrom { cookie } | FileChange::MovedTo { cookie } => {
                    assert_ne!(cookie, 0);
                    "moved".to_owned()
                }
                other => format!("{other:?}"),
            };
            seen.push(format!("{} {change}", String::from_utf8(path).unwrap()));
        }
        let expected = [
            "/w/a Created",
            "/w/a Modified",
            "/w/a Written",
            "/w/a moved",
            "/w/b moved",
            "/w/b Attributes",
            "/w/d Created",
            "/w/d Removed",
            "/other Attributes",
            "/other SelfRemoved",
        ];
        assert_eq!(seen, expected);
        watch.remove("/w").await.unwrap();
        assert_eq!(watch.remove("/nothing").await.unwrap_err().errno(), Some(Errno::EINVAL));
        fs.write("/w/c", "").await.unwrap();
        watch.add("/w/in").await.unwrap();
        // A reader that is too slow is told, and waits for what comes after.
        for _ in 0..9000 {
            fs.write("/w/in/f", "x").await.unwrap();
        }
        let mut events = 0;
        while watch.next().await.unwrap() != FileEvent::Overflow {
            events += 1;
        }
        assert_eq!(events, 16_384 - 1, "the end of the first watch counts, too");
        fs.remove_file("/w/in/f").await.unwrap();
        let event = watch.next().await.unwrap();
        assert!(matches!(event, FileEvent::Changed { change: FileChange::Removed, folder: false, .. }));
        drop(watch);
        while tidemark.usage().await.unwrap().system.open_files > 0 {}
    });
}
