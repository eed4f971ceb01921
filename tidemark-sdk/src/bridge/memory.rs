//! Files in the application's memory, as a bridge: the simplest one that does everything, and the model that
//! [`conformance`](super::conformance) compares others with.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, ready};
use tidemark_kernel::Errno;
use tidemark_kernel::fs::node::{Attr, FileType};

use super::{
    Access, Bridged, Changed, FileBridge, FileStat, ListedName, Names, Opened, Rename, SetTime, Space,
    Subject, Timestamp, Written,
};

/// Names in a part of a listing.
const PART: usize = 256;
/// What a directory's size is said to be, in bytes.
const DIRECTORY_BYTES: u64 = 4096;

/// Files in memory. Clones are handles to the same ones, so that an application can look at what a guest made.
#[derive(Clone, Debug, Default)]
pub struct MemoryFiles {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    nodes: HashMap<u64, Node>,
    open: HashMap<u64, u64>,
    next: u64,
}

#[derive(Debug)]
struct Node {
    body: Body,
    perm: u16,
    owner: (u32, u32),
    /// Names that lead here; a directory's is one.
    names: u32,
    /// Open files.
    opens: u32,
    times: [Timestamp; 3],
}

#[derive(Debug)]
enum Body {
    File(Vec<u8>),
    Directory(BTreeMap<Vec<u8>, u64>),
    Symlink(Vec<u8>),
}

const ROOT: u64 = 1;

impl Default for State {
    fn default() -> State {
        let mut root = Node::new(Body::Directory(BTreeMap::new()), 0o755, (0, 0));
        root.names = 1;
        State { nodes: HashMap::from([(ROOT, root)]), open: HashMap::new(), next: ROOT + 1 }
    }
}

impl Node {
    fn new(body: Body, perm: u16, owner: (u32, u32)) -> Node {
        let now = now();
        Node { body, perm, owner, names: 0, opens: 0, times: [now, now, now] }
    }

    fn kind(&self) -> FileType {
        match self.body {
            Body::File(_) => FileType::Regular,
            Body::Directory(_) => FileType::Directory,
            Body::Symlink(_) => FileType::Symlink,
        }
    }

    fn touch(&mut self) {
        let now = now();
        self.times[1] = now;
        self.times[2] = now;
    }
}

fn now() -> Timestamp {
    let since = since_epoch();
    Timestamp {
        seconds: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        nanoseconds: since.subsec_nanos(),
    }
}

#[cfg(not(target_arch = "wasm32"))]
fn since_epoch() -> Duration {
    use std::time::{SystemTime, UNIX_EPOCH};
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// There is no clock to ask without the host.
#[cfg(target_arch = "wasm32")]
fn since_epoch() -> Duration {
    Duration::ZERO
}

impl MemoryFiles {
    /// No files but an empty root.
    pub fn new() -> MemoryFiles {
        MemoryFiles::default()
    }

    /// Puts a file there, with the directories above it.
    ///
    /// # Errors
    /// `EISDIR`, `ENOTDIR` where something else has one of the names.
    pub fn put(&self, path: &str, content: impl Into<Vec<u8>>, perm: u16) -> Result<(), Errno> {
        let mut state = self.lock();
        let (parents, name) = match path.rsplit_once('/') {
            Some((parents, name)) => (Some(parents), name),
            None => (None, path),
        };
        let mut at = ROOT;
        for parent in parents.into_iter().flat_map(|parents| parents.split('/')) {
            at = match state.directory(at)?.get(parent.as_bytes()) {
                Some(known) => *known,
                None => {
                    let made = Node::new(Body::Directory(BTreeMap::new()), 0o755, (0, 0));
                    state.enter(at, parent.as_bytes(), made)?
                }
            };
        }
        match state.directory(at)?.get(name.as_bytes()).copied() {
            Some(known) => state.file(known).map(|file| *file = content.into()),
            None => {
                let file = Node::new(Body::File(content.into()), perm, (0, 0));
                state.enter(at, name.as_bytes(), file).map(drop)
            }
        }
    }

    /// All of a file.
    ///
    /// # Errors
    /// `ENOENT`, `EISDIR`, `ENOTDIR`.
    pub fn get(&self, path: &str) -> Result<Vec<u8>, Errno> {
        let mut state = self.lock();
        let node = state.find(path.as_bytes())?;
        state.file(node).map(|file| file.clone())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change is made as a whole after its checks.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut State) -> Result<T, Errno>,
    ) -> Bridged<'static, T> {
        ready(job(&mut self.lock())).boxed()
    }
}

impl State {
    fn node(&mut self, node: u64) -> Result<&mut Node, Errno> {
        self.nodes.get_mut(&node).ok_or(Errno::ENOENT)
    }

    fn directory(&mut self, node: u64) -> Result<&mut BTreeMap<Vec<u8>, u64>, Errno> {
        match &mut self.node(node)?.body {
            Body::Directory(names) => Ok(names),
            Body::Symlink(_) | Body::File(_) => Err(Errno::ENOTDIR),
        }
    }

    fn file(&mut self, node: u64) -> Result<&mut Vec<u8>, Errno> {
        match &mut self.node(node)?.body {
            Body::File(content) => Ok(content),
            Body::Directory(_) => Err(Errno::EISDIR),
            Body::Symlink(_) => Err(Errno::ELOOP),
        }
    }

    fn find(&mut self, path: &[u8]) -> Result<u64, Errno> {
        let mut at = ROOT;
        for name in path.split(|byte| *byte == b'/').filter(|name| !name.is_empty()) {
            at = *self.directory(at)?.get(name).ok_or(Errno::ENOENT)?;
        }
        Ok(at)
    }

    /// The directory of a path, and the last name.
    fn place<'a>(&mut self, path: &'a [u8]) -> Result<(u64, &'a [u8]), Errno> {
        let (parent, name) = match path.iter().rposition(|byte| *byte == b'/') {
            Some(slash) => (&path[..slash], &path[slash + 1..]),
            None => (&path[..0], path),
        };
        let parent = self.find(parent)?;
        self.directory(parent)?;
        // The root has no name to be made, moved or removed.
        if name.is_empty() { Err(Errno::EBUSY) } else { Ok((parent, name)) }
    }

    fn enter(&mut self, dir: u64, name: &[u8], mut node: Node) -> Result<u64, Errno> {
        let number = self.next;
        if self.directory(dir)?.contains_key(name) {
            return Err(Errno::EEXIST);
        }
        node.names = 1;
        self.nodes.insert(number, node);
        self.next += 1;
        self.directory(dir)?.insert(name.to_vec(), number);
        self.node(dir)?.touch();
        Ok(number)
    }

    fn subject(&mut self, of: &Subject) -> Result<u64, Errno> {
        match of {
            Subject::Path(path) => self.find(path),
            Subject::Handle(handle) => self.open.get(handle).copied().ok_or(Errno::EBADF),
        }
    }

    fn stat(&mut self, number: u64) -> Result<FileStat, Errno> {
        let node = self.node(number)?;
        let mut attr = Attr::synthetic(number, node.kind(), node.perm);
        (attr.uid, attr.gid) = node.owner;
        [attr.atime, attr.mtime, attr.ctime] = node.times;
        attr.btime = attr.ctime;
        attr.nlink = node.names;
        let mut target = Vec::new();
        attr.size = match &node.body {
            Body::File(content) => content.len() as u64,
            Body::Directory(_) => DIRECTORY_BYTES,
            Body::Symlink(text) => {
                target.clone_from(text);
                text.len() as u64
            }
        };
        attr.allocated = attr.size.div_ceil(512) * 512;
        let children: Vec<u64> = match &node.body {
            Body::Directory(names) => names.values().copied().collect(),
            _ => Vec::new(),
        };
        if attr.kind == FileType::Directory {
            let is_directory = |child: &u64| {
                self.nodes.get(child).is_some_and(|node| matches!(node.body, Body::Directory(_)))
            };
            attr.nlink = 2 + children.iter().filter(|child| is_directory(child)).count() as u32;
        }
        Ok(FileStat { attr, target })
    }

    fn open(&mut self, node: u64, access: Access) -> Result<Opened, Errno> {
        let content = self.file(node)?;
        if access.truncate {
            content.clear();
            self.node(node)?.touch();
        }
        let handle = self.next;
        self.next += 1;
        self.open.insert(handle, node);
        self.node(node)?.opens += 1;
        Ok(Opened { handle, stat: self.stat(node)? })
    }

    /// A name is gone.
    fn leave(&mut self, dir: u64, name: &[u8]) -> Result<(), Errno> {
        let Some(node) = self.directory(dir)?.remove(name) else { return Err(Errno::ENOENT) };
        self.node(dir)?.touch();
        self.node(node)?.names -= 1;
        self.node(node)?.times[2] = now();
        self.end(node);
        Ok(())
    }

    fn end(&mut self, node: u64) {
        if self.nodes.get(&node).is_some_and(|node| node.names == 0 && node.opens == 0) {
            self.nodes.remove(&node);
        }
    }

    fn check_removal(&mut self, node: u64, directory: bool) -> Result<(), Errno> {
        match (&self.node(node)?.body, directory) {
            (Body::Directory(names), true) if !names.is_empty() => Err(Errno::ENOTEMPTY),
            (Body::Directory(_), false) => Err(Errno::EISDIR),
            (Body::File(_) | Body::Symlink(_), true) => Err(Errno::ENOTDIR),
            _ => Ok(()),
        }
    }

    fn rename(&mut self, from: &[u8], to: &[u8], how: Rename) -> Result<(), Errno> {
        let ((from_dir, from_name), (to_dir, to_name)) = (self.place(from)?, self.place(to)?);
        let moved = *self.directory(from_dir)?.get(from_name).ok_or(Errno::ENOENT)?;
        let replaced = self.directory(to_dir)?.get(to_name).copied();
        let is_directory = |state: &mut State, node| {
            state.node(node).is_ok_and(|node| matches!(node.body, Body::Directory(_)))
        };
        let inside = |inner: &[u8], outer: &[u8]| {
            inner.strip_prefix(outer).is_some_and(|rest| rest.first() == Some(&b'/'))
        };
        match (how, replaced) {
            (Rename::NoReplace, Some(_)) => return Err(Errno::EEXIST),
            (Rename::Exchange, None) => return Err(Errno::ENOENT),
            _ => {}
        }
        if is_directory(self, moved) && inside(to, from) {
            return Err(Errno::EINVAL);
        }
        if how == Rename::Exchange {
            let Some(other) = replaced else { return Err(Errno::ENOENT) };
            if is_directory(self, other) && inside(from, to) {
                return Err(Errno::EINVAL);
            }
            self.directory(from_dir)?.insert(from_name.to_vec(), other);
            self.directory(to_dir)?.insert(to_name.to_vec(), moved);
        } else {
            match replaced {
                Some(old) if old == moved => return Ok(()),
                Some(old) => {
                    // Over its own ancestor, which cannot be empty.
                    let directory = is_directory(self, moved);
                    self.check_removal(old, directory)?;
                    self.leave(to_dir, to_name)?;
                }
                None => {}
            }
            self.directory(from_dir)?.remove(from_name);
            self.directory(to_dir)?.insert(to_name.to_vec(), moved);
        }
        self.node(from_dir)?.touch();
        self.node(to_dir)?.touch();
        self.node(moved)?.times[2] = now();
        Ok(())
    }

    fn change(&mut self, number: u64, to: Changed) -> Result<FileStat, Errno> {
        if let Some(size) = to.size {
            let size = usize::try_from(size).map_err(|_| Errno::EFBIG)?;
            self.file(number)?.resize(size, 0);
            self.node(number)?.touch();
        }
        if to.perm.is_some() && matches!(self.node(number)?.body, Body::Symlink(_)) {
            return Err(Errno::EOPNOTSUPP);
        }
        let node = self.node(number)?;
        node.perm = to.perm.unwrap_or(node.perm);
        node.owner = (to.uid.unwrap_or(node.owner.0), to.gid.unwrap_or(node.owner.1));
        for (place, time) in [(0, to.atime), (1, to.mtime)] {
            match time {
                Some(SetTime::At(time)) => node.times[place] = time,
                Some(SetTime::Now) => node.times[place] = now(),
                Some(SetTime::Omit) | None => {}
            }
        }
        node.times[2] = now();
        self.stat(number)
    }
}

impl FileBridge for MemoryFiles {
    fn stat<'a>(&'a self, of: &'a Subject) -> Bridged<'a, FileStat> {
        self.with(|state| {
            let node = state.subject(of)?;
            state.stat(node)
        })
    }

    fn list<'a>(&'a self, path: &'a [u8], position: u64) -> Bridged<'a, Names> {
        self.with(|state| {
            let dir = state.find(path)?;
            let start = usize::try_from(position).map_err(|_| Errno::EINVAL)?;
            let listed: Vec<(Vec<u8>, u64)> = state
                .directory(dir)?
                .iter()
                .skip(start)
                .take(PART)
                .map(|(name, node)| (name.clone(), *node))
                .collect();
            let next = (listed.len() == PART).then_some(position + PART as u64);
            let mut names = Vec::with_capacity(listed.len());
            for (name, ino) in listed {
                names.push(ListedName { name, ino, kind: state.node(ino)?.kind() });
            }
            Ok(Names { names: names.into(), next })
        })
    }

    fn open<'a>(&'a self, path: &'a [u8], access: Access) -> Bridged<'a, Opened> {
        self.with(|state| {
            let node = state.find(path)?;
            state.open(node, access)
        })
    }

    fn create<'a>(
        &'a self,
        path: &'a [u8],
        access: Access,
        exclusive: bool,
        perm: u16,
        owner: (u32, u32),
    ) -> Bridged<'a, Opened> {
        self.with(|state| {
            let (dir, name) = state.place(path)?;
            let node = match state.directory(dir)?.get(name).copied() {
                Some(_) if exclusive => return Err(Errno::EEXIST),
                Some(known) => known,
                None => state.enter(dir, name, Node::new(Body::File(Vec::new()), perm, owner))?,
            };
            state.open(node, access)
        })
    }

    fn read(&self, handle: u64, offset: u64, len: usize) -> Bridged<'_, Vec<u8>> {
        self.with(|state| {
            let node = state.subject(&Subject::Handle(handle))?;
            let content = state.file(node)?;
            let start = usize::try_from(offset).unwrap_or(usize::MAX).min(content.len());
            let end = start.saturating_add(len).min(content.len());
            Ok(content[start..end].to_vec())
        })
    }

    fn write(&self, handle: u64, offset: Option<u64>, data: Arc<[u8]>) -> Bridged<'_, Written> {
        self.with(|state| {
            let node = state.subject(&Subject::Handle(handle))?;
            let content = state.file(node)?;
            let start = match offset {
                Some(offset) => usize::try_from(offset).map_err(|_| Errno::EFBIG)?,
                None => content.len(),
            };
            let end = start.checked_add(data.len()).ok_or(Errno::EFBIG)?;
            if content.len() < end {
                content.resize(end, 0);
            }
            content[start..end].copy_from_slice(&data);
            state.node(node)?.touch();
            Ok(Written { count: data.len(), end: end as u64, stat: state.stat(node)? })
        })
    }

    fn make_directory<'a>(&'a self, path: &'a [u8], perm: u16, owner: (u32, u32)) -> Bridged<'a, FileStat> {
        self.with(|state| {
            let (dir, name) = state.place(path)?;
            let made = state.enter(dir, name, Node::new(Body::Directory(BTreeMap::new()), perm, owner))?;
            state.stat(made)
        })
    }

    fn symlink<'a>(&'a self, path: &'a [u8], target: &'a [u8], owner: (u32, u32)) -> Bridged<'a, FileStat> {
        self.with(|state| {
            let (dir, name) = state.place(path)?;
            let made = state.enter(dir, name, Node::new(Body::Symlink(target.to_vec()), 0o777, owner))?;
            state.stat(made)
        })
    }

    fn link<'a>(&'a self, from: &'a [u8], to: &'a [u8]) -> Bridged<'a, FileStat> {
        self.with(|state| {
            let node = state.find(from)?;
            let (dir, name) = state.place(to)?;
            if state.directory(dir)?.contains_key(name) {
                return Err(Errno::EEXIST);
            }
            if matches!(state.node(node)?.body, Body::Directory(_)) {
                return Err(Errno::EPERM);
            }
            state.directory(dir)?.insert(name.to_vec(), node);
            state.node(dir)?.touch();
            state.node(node)?.names += 1;
            state.node(node)?.times[2] = now();
            state.stat(node)
        })
    }

    fn rename<'a>(&'a self, from: &'a [u8], to: &'a [u8], how: Rename) -> Bridged<'a, ()> {
        self.with(|state| state.rename(from, to, how))
    }

    fn remove<'a>(&'a self, path: &'a [u8], directory: bool) -> Bridged<'a, ()> {
        self.with(|state| {
            let (dir, name) = state.place(path)?;
            let node = *state.directory(dir)?.get(name).ok_or(Errno::ENOENT)?;
            state.check_removal(node, directory)?;
            state.leave(dir, name)
        })
    }

    fn change<'a>(&'a self, of: &'a Subject, to: Changed) -> Bridged<'a, FileStat> {
        self.with(|state| {
            let node = state.subject(of)?;
            state.change(node, to)
        })
    }

    fn sync(&self, handle: u64) -> Bridged<'_, ()> {
        self.with(|state| state.subject(&Subject::Handle(handle)).map(drop))
    }

    fn space(&self) -> Bridged<'_, Space> {
        self.with(|state| {
            Ok(Space { block_bytes: 4096, files: state.nodes.len() as u64, ..Space::default() })
        })
    }

    fn close(&self, handle: u64) -> BoxFuture<'_, ()> {
        let mut state = self.lock();
        if let Some(node) = state.open.remove(&handle) {
            if let Ok(node) = state.node(node) {
                node.opens -= 1;
            }
            state.end(node);
        }
        ready(()).boxed()
    }
}
