//! A bench for tests of files: a [`Vfs`] with memory, a user and a clock, without a kernel around it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::layer::Layer;
use super::layer::format::{Device, HEADER_LEN, Header, Meta, Node, NodeKind, PAGE_SIZE, encode};
use super::node::{FileType, Location, NewNode};
use super::open::How;
use super::path::{Resolve, Walker};
use super::view::{Env, View};
use super::{FileId, Vfs};
use crate::entropy::{Entropy, SEED_BYTES};
use crate::errno::Result;
use crate::fs::flags::OpenFlags;
use crate::limits::Limits;
use crate::mem::frames::Frames;
use crate::mem::frames::tests::frames;
use crate::mem::io::{IoSink, IoSource};
use crate::mem::ram::tests::TestRam;
use crate::mem::spaces::Spaces;
use crate::net::socket::Sender;
use crate::task::{Creds, Tasks};
use crate::time::Now;
use crate::timers::Timers;
use crate::wait::Woken;

pub(crate) struct Bench {
    pub(crate) fs: Vfs,
    pub(crate) creds: Creds,
    pub(crate) cwd: Location,
    pub(crate) frames: Frames,
    pub(crate) woken: Woken,
    pub(crate) now: Now,
    tasks: Tasks,
    spaces: Spaces,
    timers: Timers,
    entropy: Entropy,
    limits: Limits,
    _ram: TestRam,
}

impl Bench {
    pub(crate) fn new() -> Bench {
        Bench::over(Vec::new())
    }

    /// Over layers, lowest first.
    pub(crate) fn over(layers: Vec<Arc<Layer>>) -> Bench {
        let limits = Limits::default();
        let ram = TestRam::new(2048);
        let fs = Vfs::over_layers(&limits, 2, layers).unwrap();
        Bench {
            cwd: fs.root(),
            fs,
            creds: Creds::user(0, 0),
            frames: frames(&ram, 2000 * PAGE_SIZE),
            woken: Woken::default(),
            now: Now { monotonic: 0, realtime: 1_000_000_007 },
            tasks: Tasks::default(),
            spaces: Spaces::default(),
            timers: Timers::default(),
            entropy: Entropy::new([1; SEED_BYTES]),
            limits,
            _ram: ram,
        }
    }

    /// Lends the parts for one operation.
    pub(crate) fn with<R>(
        &mut self,
        f: impl FnOnce(&mut Vfs, &Walker<'_>, &mut Env<'_>, Location) -> R,
    ) -> R {
        let view = View {
            tasks: &self.tasks,
            spaces: &self.spaces,
            usage: self.frames.usage(),
            limits: &self.limits,
            boot: Now::default(),
            now: self.now,
            workers: 2,
            caller: None,
        };
        let who = Walker {
            creds: &self.creds,
            root: self.fs.root(),
            cwd: self.cwd,
            view,
            limits: Resolve::default(),
            in_steps: None,
        };
        let mut env = Env {
            frames: &mut self.frames,
            woken: &mut self.woken,
            entropy: &mut self.entropy,
            timers: &mut self.timers,
            now: self.now,
            file_limit: u64::MAX,
            keep_set_id: true,
            sender: Sender::NOBODY,
        };
        f(&mut self.fs, &who, &mut env, self.cwd)
    }

    pub(crate) fn open(&mut self, path: &str, flags: OpenFlags) -> Result<FileId> {
        let how = How { flags, perm: 0o644 };
        self.with(|fs, who, env, cwd| fs.open(who, env, cwd, path.as_bytes(), how))
    }

    pub(crate) fn mkdir(&mut self, path: &str) -> Result<()> {
        self.with(|fs, who, env, cwd| fs.make(who, env, cwd, path.as_bytes(), NewNode::Directory, 0o755))
            .map(|_| ())
    }

    pub(crate) fn symlink(&mut self, target: &str, path: &str) -> Result<()> {
        let new = NewNode::Symlink(target.as_bytes());
        self.with(|fs, who, env, cwd| fs.make(who, env, cwd, path.as_bytes(), new, 0o777)).map(|_| ())
    }

    pub(crate) fn remove(&mut self, path: &str, directory: bool) -> Result<()> {
        self.with(|fs, who, env, cwd| fs.remove(who, env, cwd, path.as_bytes(), directory))
    }

    pub(crate) fn rename(&mut self, from: &str, to: &str, how: super::names::Rename) -> Result<()> {
        self.with(|fs, who, env, cwd| fs.rename(who, env, (cwd, from.as_bytes()), (cwd, to.as_bytes()), how))
    }

    pub(crate) fn link(&mut self, from: &str, to: &str) -> Result<()> {
        self.with(|fs, who, env, cwd| {
            let node = fs.resolve(who, cwd, from.as_bytes(), false)?;
            fs.link(who, env, node, cwd, to.as_bytes())
        })
    }

    pub(crate) fn find(&mut self, path: &str) -> Result<Location> {
        self.with(|fs, who, _, cwd| fs.resolve(who, cwd, path.as_bytes(), true))
    }

    pub(crate) fn write_file(&mut self, path: &str, content: &[u8]) -> Result<()> {
        let file =
            self.open(path, OpenFlags::WRITE_ONLY.with(OpenFlags::CREATE).with(OpenFlags::TRUNCATE))?;
        let result = self.write(file, None, content);
        self.close(file);
        result.map(|_| ())
    }

    pub(crate) fn read_file(&mut self, path: &str) -> Result<Vec<u8>> {
        let file = self.open(path, OpenFlags::READ_ONLY)?;
        let mut content = vec![0; 1 << 20];
        let result = self.read(file, None, &mut content);
        self.close(file);
        content.truncate(result? as usize);
        Ok(content)
    }

    pub(crate) fn write(&mut self, file: FileId, offset: Option<u64>, bytes: &[u8]) -> Result<u64> {
        self.with(|fs, _, env, _| {
            let mut source = IoSource::Kernel { ram: env.frames.ram(), buffer: bytes };
            fs.write(file, offset, &mut source, bytes.len(), env)
        })
    }

    pub(crate) fn read(&mut self, file: FileId, offset: Option<u64>, to: &mut [u8]) -> Result<u64> {
        self.with(|fs, _, env, _| {
            let mut sink = IoSink::Kernel { ram: env.frames.ram(), buffer: to };
            fs.read(file, offset, &mut sink, env)
        })
    }

    pub(crate) fn close(&mut self, file: FileId) {
        self.fs.release(file);
        while self.with(|fs, _, env, _| fs.end_released(env)) {}
    }

    /// The names of a directory, without dots, as it lists them.
    pub(crate) fn list(&mut self, path: &str) -> Result<Vec<String>> {
        let dir = self.find(path)?;
        self.with(|fs, who, _, _| {
            let mut names = Vec::new();
            let mut position = 0;
            while let Some(entry) = fs.next_entry(&who.view, dir, position)? {
                position = entry.next;
                names.push(String::from_utf8_lossy(&entry.name).into_owned());
            }
            Ok(names.split_off(2))
        })
    }

    pub(crate) fn kind(&mut self, path: &str) -> Result<FileType> {
        let at = self.with(|fs, who, _, cwd| fs.resolve(who, cwd, path.as_bytes(), false))?;
        self.fs.kind(at)
    }
}

/// What stands at a path of a test's layer.
pub(crate) enum Put<'a> {
    File(&'a [u8]),
    Directory,
    OpaqueDirectory,
    Symlink(&'a str),
    Whiteout,
    /// Another name of an earlier path.
    Link(&'a str),
}

/// A layer with these paths; parents come before children.
pub(crate) fn layer(paths: &[(&str, Put<'_>)]) -> Arc<Layer> {
    let node = |kind| Node { meta: Meta { mode: 0o755, ..Meta::default() }, kind, xattrs: BTreeMap::new() };
    let mut nodes = vec![node(NodeKind::Directory(BTreeMap::new()))];
    let mut known: BTreeMap<String, u32> = BTreeMap::from([(String::new(), 0)]);
    let mut contents = vec![0; PAGE_SIZE as usize];
    for (path, put) in paths {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        let number = match put {
            Put::Link(other) => known[*other],
            _ => nodes.len() as u32,
        };
        match put {
            Put::File(bytes) => {
                let offset = if bytes.is_empty() { 0 } else { contents.len() as u64 };
                nodes.push(node(NodeKind::File { offset, size: bytes.len() as u64 }));
                contents.extend_from_slice(bytes);
                contents.resize(contents.len().next_multiple_of(PAGE_SIZE as usize), 0);
            }
            Put::Directory | Put::OpaqueDirectory => {
                let mut made = node(NodeKind::Directory(BTreeMap::new()));
                if matches!(put, Put::OpaqueDirectory) {
                    made.xattrs.insert(b"trusted.overlay.opaque".to_vec(), b"y".to_vec());
                }
                nodes.push(made);
            }
            Put::Symlink(target) => nodes.push(node(NodeKind::Symlink(target.as_bytes().to_vec()))),
            Put::Whiteout => nodes.push(node(NodeKind::CharDevice(Device { major: 0, minor: 0 }))),
            Put::Link(_) => {}
        }
        known.insert((*path).to_owned(), number);
        match &mut nodes[known[parent] as usize].kind {
            NodeKind::Directory(entries) => entries.insert(name.as_bytes().to_vec(), number),
            _ => panic!("{parent} is no directory"),
        };
    }
    let index = encode(&nodes).unwrap();
    let header = Header {
        index_offset: contents.len() as u64,
        index_len: index.len() as u64,
        file_len: (contents.len() + index.len()) as u64,
        index_sha256: <sha2::Sha256 as sha2::Digest>::digest(&index).into(),
    };
    contents[..HEADER_LEN].copy_from_slice(&header.encode());
    contents.extend_from_slice(&index);
    Arc::new(Layer::open(Box::new(contents)).unwrap())
}
