//! Layers built from files and archives, read back through the format's decoder.

use std::io::Cursor;

use super::format::{Device, Index, InodeKind, Meta, PAGE_SIZE, Timestamp, decode};
use super::*;

type Builder = LayerBuilder<Cursor<Vec<u8>>>;

/// A finished layer and its bytes.
struct Layer {
    index: Index,
    bytes: Vec<u8>,
}

impl Layer {
    fn finish(builder: Builder) -> Self {
        let bytes = builder.finish().expect("finish").into_inner();
        Self { index: decode(&bytes).expect("valid"), bytes }
    }

    fn find(&self, path: &str) -> Option<u32> {
        path.split('/').try_fold(self.index.root(), |at, name| self.index.lookup(at, name.as_bytes()))
    }

    fn meta(&self, path: &str) -> &Meta {
        &self.index.inode(self.find(path).expect(path)).expect("inode").meta
    }

    fn content(&self, path: &str) -> &[u8] {
        match self.index.inode(self.find(path).expect(path)).expect("inode").kind {
            InodeKind::File { offset, size } => &self.bytes[offset as usize..(offset + size) as usize],
            ref other => panic!("{path} is {other:?}"),
        }
    }

    fn names(&self, path: &str) -> Vec<String> {
        let directory = if path.is_empty() { self.index.root() } else { self.find(path).expect(path) };
        let name = |entry: format::DirEntry<'_>| String::from_utf8_lossy(entry.name).into_owned();
        self.index.entries(directory, 0).map(name).collect()
    }
}

fn builder() -> Builder {
    LayerBuilder::new(Cursor::new(Vec::new())).expect("memory")
}

fn path(path: &str) -> LayerPath {
    LayerPath::new(path.as_bytes()).expect(path)
}

fn mode(mode: u16) -> Attributes {
    Attributes { meta: Meta { mode, ..Meta::default() }, ..Attributes::default() }
}

fn file(builder: &mut Builder, at: &str, content: &str) -> Result<u64, BuildError> {
    builder.file(&path(at), mode(0o644), &mut content.as_bytes())
}

#[test]
fn contents_start_on_pages_with_zeroed_tails() {
    let mut builder = builder();
    let big = "x".repeat(PAGE_SIZE as usize + 1);
    file(&mut builder, "a/one", &big).expect("file");
    file(&mut builder, "a/two", "hello").expect("file");
    file(&mut builder, "a/empty", "").expect("file");
    let layer = Layer::finish(builder);
    assert_eq!(layer.content("a/one"), big.as_bytes());
    assert_eq!(layer.content("a/two"), b"hello");
    assert_eq!(layer.content("a/empty"), b"");
    assert_eq!(layer.names("a"), ["empty", "one", "two"]);
    assert_eq!(layer.meta("a").mode, 0o755, "made on the way");
    for name in ["a/one", "a/two"] {
        let InodeKind::File { offset, size } =
            layer.index.inode(layer.find(name).expect(name)).expect(name).kind
        else {
            panic!("{name} is no file")
        };
        let tail = (offset + size) as usize..(offset + size).next_multiple_of(PAGE_SIZE) as usize;
        assert!(layer.bytes[tail].iter().all(|&byte| byte == 0), "{name}");
    }
}

#[test]
fn what_comes_later_wins() {
    let mut builder = builder();
    builder.directory(&path("etc"), mode(0o700)).expect("directory");
    file(&mut builder, "etc/motd", "old").expect("file");
    file(&mut builder, "etc/kept", "kept").expect("file");
    builder.directory(&path("etc"), mode(0o755)).expect("directory");
    file(&mut builder, "etc/motd", "new").expect("file");
    builder.symlink(&path("etc/kept"), mode(0o777), b"motd").expect("symlink");
    let layer = Layer::finish(builder);
    assert_eq!(layer.content("etc/motd"), b"new");
    assert_eq!(layer.meta("etc").mode, 0o755);
    assert_eq!(layer.index.symlink_target(layer.find("etc/kept").expect("kept")), Some(b"motd".as_slice()));
    assert_eq!(layer.index.len(), 4, "what was replaced is not in the index");
}

#[test]
fn directories_are_not_replaced() {
    let mut builder = builder();
    file(&mut builder, "a/b", "").expect("file");
    assert!(matches!(file(&mut builder, "a", ""), Err(BuildError::Conflict { .. })));
    assert!(matches!(file(&mut builder, ".", ""), Err(BuildError::Conflict { .. })));
    assert!(matches!(file(&mut builder, "a/b/c", ""), Err(BuildError::Conflict { .. })));
}

#[test]
fn no_path_leads_through_a_symbolic_link() {
    let mut builder = builder();
    builder.symlink(&path("bin"), mode(0o777), b"/etc").expect("symlink");
    let expected = "unsafe path /bin/passwd: it leads through the symbolic link /bin";
    assert_eq!(file(&mut builder, "bin/passwd", "").expect_err("refused").to_string(), expected);
    assert!(matches!(builder.directory(&path("bin"), mode(0o755)), Err(BuildError::ThroughSymlink { .. })));
    file(&mut builder, "real", "").expect("file");
    assert!(matches!(
        builder.hard_link(&path("x"), &path("bin/passwd")),
        Err(BuildError::ThroughSymlink { .. })
    ));
    assert!(matches!(
        builder.hard_link(&path("bin/x"), &path("real")),
        Err(BuildError::ThroughSymlink { .. })
    ));
}

#[test]
fn hard_links_share_an_inode_and_follow_nothing() {
    let mut builder = builder();
    file(&mut builder, "perl", "#!").expect("file");
    builder.hard_link(&path("usr/bin/perl5"), &path("perl")).expect("link");
    builder.symlink(&path("s"), mode(0o777), b"perl").expect("symlink");
    builder.hard_link(&path("t"), &path("s")).expect("link to a link");
    assert!(matches!(builder.hard_link(&path("y"), &path("none")), Err(BuildError::Conflict { .. })));
    assert!(matches!(builder.hard_link(&path("y"), &path("usr")), Err(BuildError::Conflict { .. })));
    let layer = Layer::finish(builder);
    assert_eq!(layer.find("perl"), layer.find("usr/bin/perl5"));
    assert_eq!(layer.find("s"), layer.find("t"));
    assert_eq!(layer.index.inode(layer.find("perl").expect("perl")).expect("inode").nlink, 2);
}

/// A tar archive made by hand, for entries that well-behaved writers refuse.
#[derive(Default)]
struct Tar {
    bytes: Vec<u8>,
}

impl Tar {
    fn entry(mut self, kind: u8, name: &str, link: &str, content: &[u8]) -> Self {
        let mut header = ::tar::Header::new_ustar();
        let raw = header.as_mut_bytes();
        raw[..name.len()].copy_from_slice(name.as_bytes());
        raw[157..157 + link.len()].copy_from_slice(link.as_bytes());
        raw[156] = kind;
        header.set_mode(0o100_640);
        header.set_uid(7);
        header.set_gid(8);
        header.set_mtime(1_700_000_000);
        header.set_size(content.len() as u64);
        header.set_device_major(1).expect("ustar");
        header.set_device_minor(3).expect("ustar");
        header.set_cksum();
        self.bytes.extend_from_slice(header.as_bytes());
        self.bytes.extend_from_slice(content);
        self.bytes.resize(self.bytes.len().next_multiple_of(512), 0);
        self
    }

    fn end(mut self) -> Vec<u8> {
        self.bytes.extend_from_slice(&[0; 1024]);
        self.bytes
    }
}

fn pax(records: &[(&str, &str)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (key, value) in records {
        // The length counts its own digits (POSIX, pax).
        let rest = format!(" {key}={value}\n");
        let len = (1..).find(|len| rest.len() + len.to_string().len() == *len).expect("fixed point");
        out.extend_from_slice(format!("{len}{rest}").as_bytes());
    }
    out
}

#[test]
fn every_kind_of_tar_entry_is_packed() {
    let extensions = pax(&[("mtime", "-1.25"), ("SCHILY.xattr.user.note", "hi")]);
    let archive = Tar::default()
        .entry(b'5', "./", "", b"")
        .entry(b'5', "./dev/", "", b"")
        .entry(b'3', "./dev/null", "", b"")
        .entry(b'4', "./dev/loop", "", b"")
        .entry(b'6', "./dev/pipe", "", b"")
        .entry(b'x', "pax", "", &extensions)
        .entry(b'0', "./hello", "", b"hello\n")
        .entry(b'1', "./again", "./hello", b"")
        .entry(b'2', "./link", "/etc/../hello", b"")
        .end();
    let mut builder = builder();
    append_tar(&mut builder, archive.as_slice(), "test.tar").expect("packed");
    let layer = Layer::finish(builder);
    let kind = |path: &str| &layer.index.inode(layer.find(path).expect(path)).expect(path).kind;
    let null = Device { major: 1, minor: 3 };
    assert_eq!(kind("dev/null"), &InodeKind::CharDevice(null));
    assert_eq!(kind("dev/loop"), &InodeKind::BlockDevice(null));
    assert_eq!(kind("dev/pipe"), &InodeKind::Fifo);
    assert_eq!(layer.content("hello"), b"hello\n");
    assert_eq!(layer.find("again"), layer.find("hello"));
    let link = layer.find("link").expect("link");
    assert_eq!(layer.index.symlink_target(link), Some(b"/etc/../hello".as_slice()));
    let meta = layer.meta("dev/null");
    assert_eq!((meta.mode, meta.uid, meta.gid, meta.mtime.seconds), (0o640, 7, 8, 1_700_000_000));
    assert_eq!(layer.meta("hello").mtime, Timestamp { seconds: -2, nanoseconds: 750_000_000 });
    let xattrs: Vec<_> = layer.index.xattrs(layer.find("hello").expect("hello")).collect();
    assert_eq!(xattrs, [(b"user.note".as_slice(), b"hi".as_slice())]);
}

#[test]
fn later_archives_go_over_earlier_ones() {
    let mut builder = builder();
    for content in ["one", "two"] {
        let archive = Tar::default()
            .entry(b'5', "./usr/", "", b"")
            .entry(b'0', "./usr/both", "", content.as_bytes())
            .entry(b'0', &format!("./usr/{content}"), "", b"")
            .end();
        append_tar(&mut builder, archive.as_slice(), content).expect("packed");
    }
    let layer = Layer::finish(builder);
    assert_eq!(layer.content("usr/both"), b"two");
    assert_eq!(layer.names("usr"), ["both", "one", "two"]);
}

#[test]
fn entries_that_lead_out_are_refused() {
    let error = |archive: Tar| {
        let mut builder = builder();
        append_tar(&mut builder, archive.end().as_slice(), "bad.tar").expect_err("refused").to_string()
    };
    for (name, why) in [
        ("../evil", "it contains \"..\""),
        ("./usr/../../evil", "it contains \"..\""),
        ("/etc/passwd", "it is absolute"),
    ] {
        let expected = format!("unsafe path {name:?}: {why}");
        assert_eq!(error(Tar::default().entry(b'0', name, "", b"x")), expected);
        assert_eq!(error(Tar::default().entry(b'5', name, "", b"")), expected);
        let as_target = Tar::default().entry(b'1', "ok", name, b"");
        assert_eq!(error(as_target), expected, "as a hard link's target");
    }
    let through = Tar::default().entry(b'2', "a", "/etc", b"").entry(b'0', "a/passwd", "", b"x");
    assert_eq!(error(through), "unsafe path /a/passwd: it leads through the symbolic link /a");
}

#[test]
fn truncated_archives_are_refused() {
    let archive = Tar::default().entry(b'0', "f", "", &[b'x'; 2000]).end();
    for len in [100, 512, 600, 2511] {
        let result = append_tar(&mut builder(), &archive[..len], "cut.tar");
        assert!(matches!(result, Err(BuildError::Read { .. })), "cut to {len}: {result:?}");
    }
}

#[test]
fn what_is_no_archive_is_refused_without_quoting_it() {
    let error = append_tar(&mut builder(), [0x1b; 2000].as_slice(), "noise").expect_err("refused");
    assert_eq!(error.to_string(), "cannot read noise: it is no tar archive, or a damaged one");
}

#[test]
fn unknown_entries_are_refused_by_name() {
    let archive = Tar::default().entry(b'V', "label", "", b"").end();
    let error = append_tar(&mut builder(), archive.as_slice(), "odd.tar").expect_err("refused");
    assert_eq!(error.to_string(), "unsupported archive entry at /label: type 'V'");
}
