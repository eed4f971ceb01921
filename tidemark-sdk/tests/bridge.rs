//! Files that the application answers for: bridges against their contract, and guests on top of them.

mod support;

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures::executor::block_on;
use futures::future::BoxFuture;
use futures::{FutureExt, select};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use support::{ECALL, elf, exit_with, layer, li};
use tidemark_host_native::{NativeConfig, NativeHost};
use tidemark_sdk::bridge::conformance::{Operation, compare};
use tidemark_sdk::bridge::{
    Access, Bridged, Changed, FileBridge, FileStat, HostFolder, MemoryFiles, MountOptions, Names, Opened,
    Rename, Space, Subject, Written,
};
use tidemark_sdk::{Config, Errno, FileType, Tidemark};

fn operation() -> impl Strategy<Value = Operation> {
    let how = prop_oneof![Just(Rename::Replace), Just(Rename::NoReplace), Just(Rename::Exchange)];
    prop_oneof![
        any::<u8>().prop_map(Operation::Stat),
        any::<u8>().prop_map(Operation::StatOpen),
        any::<u8>().prop_map(Operation::List),
        any::<(u8, bool)>().prop_map(|(at, truncate)| Operation::Open(at, truncate)),
        any::<(u8, bool)>().prop_map(|(at, exclusive)| Operation::Create(at, exclusive)),
        (any::<u8>(), 0u16..600).prop_map(|(file, offset)| Operation::Read(file, offset)),
        (any::<u8>(), prop::option::of(0u16..600), any::<u8>())
            .prop_map(|(file, offset, len)| Operation::Write(file, offset, len)),
        any::<u8>().prop_map(Operation::MakeDirectory),
        any::<u8>().prop_map(Operation::Symlink),
        any::<(u8, u8)>().prop_map(|(from, to)| Operation::Link(from, to)),
        (any::<u8>(), any::<u8>(), how).prop_map(|(from, to, how)| Operation::Rename(from, to, how)),
        any::<(u8, bool)>().prop_map(|(at, directory)| Operation::Remove(at, directory)),
        any::<(u8, u16)>().prop_map(|(at, perm)| Operation::SetMode(at, perm)),
        (any::<u8>(), 0u16..600).prop_map(|(at, size)| Operation::SetSize(at, size)),
        (any::<u8>(), 0u16..600).prop_map(|(file, size)| Operation::SetOpenSize(file, size)),
        any::<u8>().prop_map(Operation::Sync),
        any::<u8>().prop_map(Operation::Close),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn a_folder_is_as_the_model(operations in prop::collection::vec(operation(), 1..60)) {
        let folder = tempfile::tempdir().unwrap();
        let bridge = HostFolder::open(folder.path()).unwrap();
        block_on(compare(&bridge, &operations)).map_err(TestCaseError::fail)?;
    }
}

#[test]
fn the_suite_tells_a_broken_bridge() {
    let bridge = Wrapped::new(MemoryFiles::new(), Fault::LosesWrites);
    let operations = [Operation::Create(0, true), Operation::Write(0, Some(0), 9), Operation::Stat(0)];
    assert!(block_on(compare(&bridge, &operations)).is_err());
    let bridge = Wrapped::new(MemoryFiles::new(), Fault::None);
    assert_eq!(block_on(compare(&bridge, &operations)), Ok(()));
}

fn sandbox(bridge: impl FileBridge, options: MountOptions) -> Tidemark {
    let host = NativeHost::new(&NativeConfig::default()).unwrap();
    let layer = layer(&[("seven", exit_with(7)), ("opener", opener("/mnt/stuck\0\0"))]);
    Tidemark::create(host, Config::default().layer(layer).mount("/mnt", bridge, options)).unwrap()
}

#[test]
fn the_application_reaches_them_through_the_guest() {
    let files = MemoryFiles::new();
    let tidemark = sandbox(files.clone(), MountOptions::default());
    let fs = tidemark.files();
    let content: Vec<u8> = (0..300_001u32).map(|byte| (byte % 251) as u8).collect();
    block_on(async {
        fs.create_dir_all("/mnt/a/b").await.unwrap();
        fs.write("/mnt/a/b/file", &content).await.unwrap();
        assert_eq!(files.get("a/b/file").unwrap(), content);
        assert_eq!(fs.read("/mnt/a/b/file").await.unwrap(), content);
        fs.rename("/mnt/a/b/file", "/mnt/a/moved").await.unwrap();
        assert_eq!(files.get("a/b/file"), Err(Errno::ENOENT));
        fs.symlink("moved", "/mnt/a/link").await.unwrap();
        assert_eq!(fs.read_link("/mnt/a/link").await.unwrap(), b"moved");
        assert_eq!(fs.metadata("/mnt/a/link").await.unwrap().size, 300_001);
        assert_eq!(fs.symlink_metadata("/mnt/a/link").await.unwrap().kind, FileType::Symlink);
        fs.remove_file("/mnt/a/moved").await.unwrap();
        assert_eq!(files.get("a/moved"), Err(Errno::ENOENT));
        // What changes outside is seen by whoever opens it next.
        files.put("late", "one", 0o644).unwrap();
        assert_eq!(fs.read("/mnt/late").await.unwrap(), b"one");
        files.put("late", "three", 0o644).unwrap();
        assert_eq!(fs.read("/mnt/late").await.unwrap(), b"three");
    });
}

#[test]
fn programs_run_from_them() {
    let files = MemoryFiles::new();
    files.put("bin/seven", exit_with(7), 0o755).unwrap();
    let script = "#!/mnt/bin/seven\n".to_owned() + &"#".repeat(200_000);
    files.put("script", script, 0o755).unwrap();
    files.put("plain", exit_with(7), 0o644).unwrap();
    let tidemark = sandbox(files, MountOptions::default());
    block_on(async {
        for program in ["/mnt/bin/seven", "/mnt/script"] {
            let output = tidemark.command(program).output().await.unwrap();
            assert_eq!(output.status.code(), Some(7), "{program}");
        }
        assert!(tidemark.command("/mnt/plain").output().await.is_err(), "it may not be executed");
        let mut command = tidemark.command("seven");
        let output = command.current_dir("/mnt/bin").env("PATH", ".").output().await.unwrap();
        assert_eq!(output.status.code(), Some(7));
    });
}

#[test]
fn what_is_read_only_stays_as_it_is() {
    let files = MemoryFiles::new();
    files.put("here", "text", 0o644).unwrap();
    let mut options = MountOptions::default();
    options.read_only = true;
    let fs = sandbox(files.clone(), options).files();
    block_on(async {
        assert_eq!(fs.read("/mnt/here").await.unwrap(), b"text");
        let refused = [
            fs.write("/mnt/here", "other").await,
            fs.create_dir("/mnt/new").await,
            fs.remove_file("/mnt/here").await,
            fs.rename("/mnt/here", "/mnt/there").await,
            fs.set_permissions("/mnt/here", 0o777).await,
        ];
        for answer in refused {
            assert_eq!(answer.unwrap_err().errno(), Some(Errno::EROFS));
        }
    });
    assert_eq!(files.get("here").unwrap(), b"text");
}

#[test]
fn nothing_leads_out_of_a_folder() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret"), "secret").unwrap();
    let inside = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(outside.path(), inside.path().join("out")).unwrap();
    std::os::unix::fs::symlink(outside.path().join("secret"), inside.path().join("file")).unwrap();
    std::os::unix::fs::symlink("/", inside.path().join("root")).unwrap();
    let bridge = HostFolder::open(inside.path()).unwrap();
    let write = Access { read: true, write: true, truncate: true };
    block_on(async {
        for path in ["out/secret", "root/etc/passwd", "../secret", "out/../../secret", ".."] {
            let stat = bridge.stat(&Subject::Path(path.into())).await;
            assert!(stat.is_err(), "{path}: {stat:?}");
            assert!(bridge.open(path.as_bytes(), write).await.is_err(), "{path}");
            assert!(bridge.remove(path.as_bytes(), false).await.is_err(), "{path}");
        }
        assert_eq!(bridge.open(b"file", write).await.map(drop), Err(Errno::ELOOP));
        assert!(bridge.create(b"out/new", write, true, 0o600, (0, 0)).await.is_err());
        assert!(bridge.list(b"out", 0).await.is_err(), "a link is not a directory");
        let mode = Changed { perm: Some(0o777), ..Changed::default() };
        assert!(bridge.change(&Subject::Path(b"file".to_vec()), mode).await.is_err());
    });
    assert_eq!(std::fs::read(outside.path().join("secret")).unwrap(), b"secret");
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 1);
}

/// A program that opens a file, for which it waits, and exits with 3 if it ever gets an answer.
fn opener(path: &str) -> Vec<u8> {
    const AUIPC_A1: u32 = 0x17 | (11 << 7);
    let code = |offset: i32| {
        [
            AUIPC_A1,
            (offset as u32) << 20 | 11 << 15 | 11 << 7 | 0x13, // addi a1, a1, offset
            li(10, -100),
            li(12, 0),
            li(17, 56),
            ECALL,
            li(10, 3),
            li(17, 94),
            ECALL,
        ]
    };
    let mut words = code(4 * 9).to_vec();
    words.extend(path.as_bytes().chunks(4).map(|word| u32::from_le_bytes(word.try_into().unwrap())));
    elf(&words)
}

#[test]
fn a_signal_ends_a_wait_for_an_answer_that_never_comes() {
    let bridge = Wrapped::new(MemoryFiles::new(), Fault::NeverAnswers);
    let (asked, dropped) = (Arc::clone(&bridge.asked), Arc::clone(&bridge.dropped));
    let tidemark = sandbox(bridge, MountOptions::default());
    block_on(async {
        let child = tidemark.command("/opener").spawn().await.unwrap();
        while asked.load(Ordering::SeqCst) == 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(dropped.load(Ordering::SeqCst), 0);
        // Others go on meanwhile.
        assert_eq!(tidemark.command("/seven").output().await.unwrap().status.code(), Some(7));
        child.signal(15).await.unwrap();
        let status = child.wait().await.unwrap();
        assert_eq!(status.signal(), Some(15), "{status:?}");
        for _ in 0..5000 {
            if dropped.load(Ordering::SeqCst) > 0 {
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        panic!("nobody wants the answer any more, but it is still worked on");
    });
}

#[test]
fn the_end_of_the_sandbox_ends_its_questions() {
    let bridge = Wrapped::new(MemoryFiles::new(), Fault::NeverAnswers);
    let tidemark = sandbox(bridge, MountOptions::default());
    block_on(async {
        let fs = tidemark.files();
        let mut read = Box::pin(fs.read("/mnt/stuck")).fuse();
        let mut ended = Box::pin(tidemark.shutdown()).fuse();
        select! {
            read = read => assert!(read.is_err(), "the sandbox is gone"),
            () = ended => assert!(read.await.is_err(), "the sandbox is gone"),
        }
    });
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    LosesWrites,
    NeverAnswers,
}

/// A bridge with a fault.
struct Wrapped {
    inner: MemoryFiles,
    fault: Fault,
    asked: Arc<AtomicU32>,
    dropped: Arc<AtomicU32>,
}

impl Wrapped {
    fn new(inner: MemoryFiles, fault: Fault) -> Wrapped {
        Wrapped { inner, fault, asked: Arc::default(), dropped: Arc::default() }
    }
}

struct CountDrop(Arc<AtomicU32>);

impl Drop for CountDrop {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl FileBridge for Wrapped {
    fn stat<'a>(&'a self, of: &'a Subject) -> Bridged<'a, FileStat> {
        if self.fault == Fault::NeverAnswers && *of == Subject::Path(b"stuck".to_vec()) {
            let counter = CountDrop(Arc::clone(&self.dropped));
            self.asked.fetch_add(1, Ordering::SeqCst);
            return async move {
                let _counter = counter;
                pending().await
            }
            .boxed();
        }
        self.inner.stat(of)
    }

    fn list<'a>(&'a self, path: &'a [u8], position: u64) -> Bridged<'a, Names> {
        self.inner.list(path, position)
    }

    fn open<'a>(&'a self, path: &'a [u8], access: Access) -> Bridged<'a, Opened> {
        self.inner.open(path, access)
    }

    fn create<'a>(
        &'a self,
        path: &'a [u8],
        access: Access,
        exclusive: bool,
        perm: u16,
        owner: (u32, u32),
    ) -> Bridged<'a, Opened> {
        self.inner.create(path, access, exclusive, perm, owner)
    }

    fn read(&self, handle: u64, offset: u64, len: usize) -> Bridged<'_, Vec<u8>> {
        self.inner.read(handle, offset, len)
    }

    fn write(&self, handle: u64, offset: Option<u64>, data: Arc<[u8]>) -> Bridged<'_, Written> {
        let data = if self.fault == Fault::LosesWrites { data[..1].into() } else { data };
        self.inner.write(handle, offset, data)
    }

    fn make_directory<'a>(&'a self, path: &'a [u8], perm: u16, owner: (u32, u32)) -> Bridged<'a, FileStat> {
        self.inner.make_directory(path, perm, owner)
    }

    fn symlink<'a>(&'a self, path: &'a [u8], target: &'a [u8], owner: (u32, u32)) -> Bridged<'a, FileStat> {
        self.inner.symlink(path, target, owner)
    }

    fn link<'a>(&'a self, from: &'a [u8], to: &'a [u8]) -> Bridged<'a, FileStat> {
        self.inner.link(from, to)
    }

    fn rename<'a>(&'a self, from: &'a [u8], to: &'a [u8], how: Rename) -> Bridged<'a, ()> {
        self.inner.rename(from, to, how)
    }

    fn remove<'a>(&'a self, path: &'a [u8], directory: bool) -> Bridged<'a, ()> {
        self.inner.remove(path, directory)
    }

    fn change<'a>(&'a self, of: &'a Subject, to: Changed) -> Bridged<'a, FileStat> {
        self.inner.change(of, to)
    }

    fn sync(&self, handle: u64) -> Bridged<'_, ()> {
        self.inner.sync(handle)
    }

    fn space(&self) -> Bridged<'_, Space> {
        self.inner.space()
    }

    fn close(&self, handle: u64) -> BoxFuture<'_, ()> {
        self.inner.close(handle)
    }
}
