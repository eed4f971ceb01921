//! The guest's files from outside, seen from inside too.

mod support;

use futures::executor::block_on;
use support::{exit_with, layer};
use tidemark_host_native::{NativeConfig, NativeHost};
use tidemark_sdk::{Config, Errno, FileType, Tidemark};

fn sandbox() -> Tidemark {
    let host = NativeHost::new(&NativeConfig::default()).unwrap();
    Tidemark::create(host, Config::default().layer(layer(&[("seven", exit_with(7))]))).unwrap()
}

#[test]
fn what_is_written_is_read() {
    let fs = sandbox().fs();
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
    let fs = sandbox().fs();
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
    let fs = sandbox().fs();
    let error = block_on(fs.read("/absent")).unwrap_err();
    assert_eq!(error.to_string(), "cannot open /absent in the guest: ENOENT");
    assert_eq!(block_on(fs.create_dir_all("/seven/below")).unwrap_err().errno(), Some(Errno::ENOTDIR));
}

#[test]
fn a_program_put_there_runs() {
    let tidemark = sandbox();
    let fs = tidemark.fs();
    block_on(async {
        fs.write("/nine", exit_with(9)).await.unwrap();
        assert!(tidemark.command("/nine").output().await.is_err(), "not executable yet");
        fs.set_permissions("/nine", 0o755).await.unwrap();
        assert_eq!(tidemark.command("/nine").output().await.unwrap().status.code(), Some(9));
    });
}
