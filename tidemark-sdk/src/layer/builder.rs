//! Building a layer file: contents are written as they come, the tree is kept in memory until the end.

use std::collections::BTreeMap;
use std::io::{self, Read, Seek, SeekFrom, Write};

use sha2::{Digest, Sha256};

use super::format::{self, Device, FormatError, HEADER_LEN, Header, Meta, Node, NodeKind, PAGE_SIZE};
use super::limits::{COPY_BUFFER_LEN, MAX_LAYER_LEN};
use super::path::{LayerPath, UnsafePath};

/// Writes a layer to `W`, file by file.
///
/// What comes later wins, as with archives unpacked one over the other: a directory keeps its entries and
/// takes the new attributes, anything else is replaced. Two changes are refused, because no package means
/// them: a directory replaced by something else, and a path that leads through a symbolic link.
/// Directories that are missing on the way are made with mode 0755, owned by root.
#[derive(Debug)]
pub struct LayerBuilder<W> {
    out: W,
    /// Where the next content goes; always a multiple of the page size.
    position: u64,
    /// Bytes written of the file that is being made.
    pending: u64,
    /// All inodes made so far; the root first. Those replaced stay, unnamed, until [`LayerBuilder::finish`].
    nodes: Vec<Node>,
}

/// An inode's attributes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    /// Mode, owner and time.
    pub meta: Meta,
    /// Extended attributes, by full name.
    pub xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// What stands at a path of a layer that is being built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A directory.
    Directory,
    /// A regular file.
    File,
    /// A symbolic link, with its target.
    Symlink(Vec<u8>),
    /// A device, a named pipe or a socket's name.
    Special,
}

impl Attributes {
    /// These permission bits, owned by root, at the epoch.
    pub fn with_mode(mode: u16) -> Attributes {
        Attributes { meta: Meta { mode, ..Meta::default() }, ..Attributes::default() }
    }
}

/// Why a layer could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A path leads out of the tree.
    #[error(transparent)]
    UnsafePath(#[from] UnsafePath),
    /// A path leads through a symbolic link, and so to somewhere other than it says.
    #[error("unsafe path {path}: it leads through the symbolic link {link}")]
    ThroughSymlink {
        /// The path.
        path: String,
        /// The link on the way.
        link: String,
    },
    /// A path needs a directory where there is something else, or the other way round.
    #[error("conflict at {path}: {why}")]
    Conflict {
        /// Where.
        path: String,
        /// What stands in the way.
        why: &'static str,
    },
    /// An archive holds something that a layer cannot.
    #[error("unsupported archive entry at {path}: {what}")]
    Unsupported {
        /// Where.
        path: String,
        /// What it is.
        what: String,
    },
    /// What is being packed could not be read, or is damaged or truncated.
    #[error("cannot read {what}: {source}")]
    Read {
        /// What was being read.
        what: String,
        /// Why it failed.
        source: io::Error,
    },
    /// The layer could not be written.
    #[error("cannot write the layer: {0}")]
    Write(#[source] io::Error),
    /// The tree does not fit the format.
    #[error(transparent)]
    Format(#[from] FormatError),
}

const ROOT: u32 = 0;
const ZEROES: [u8; PAGE_SIZE as usize] = [0; PAGE_SIZE as usize];

impl<W: Write + Seek> LayerBuilder<W> {
    /// Starts a layer at the current end of nothing: `out` must be empty and is written from its start.
    ///
    /// # Errors
    /// [`BuildError::Write`].
    pub fn new(mut out: W) -> Result<Self, BuildError> {
        // The header is known last; its page is reserved first.
        out.write_all(&ZEROES).map_err(BuildError::Write)?;
        Ok(Self { out, position: PAGE_SIZE, pending: 0, nodes: vec![default_directory()] })
    }

    /// Goes on with a layer that was finished before: its tree is `nodes`, and its contents end at `position`, to which
    /// `out` is moved.
    pub(super) fn go_on(mut out: W, nodes: Vec<Node>, position: u64) -> Result<Self, BuildError> {
        out.seek(SeekFrom::Start(position)).map_err(BuildError::Write)?;
        Ok(Self { out, position, pending: 0, nodes })
    }

    /// Makes a directory, or gives an existing one new attributes.
    ///
    /// # Errors
    /// [`BuildError::ThroughSymlink`], [`BuildError::Conflict`], [`BuildError::Format`] beyond a limit.
    pub fn directory(&mut self, path: &LayerPath, attributes: Attributes) -> Result<(), BuildError> {
        let number = self.make_directories(path, path.names())?;
        let node = self.node(number);
        node.meta = attributes.meta;
        node.xattrs = attributes.xattrs;
        Ok(())
    }

    /// Makes a file with what `content` yields; returns its size in bytes.
    ///
    /// # Errors
    /// As [`LayerBuilder::directory`], and [`BuildError::Read`], [`BuildError::Write`].
    pub fn file(
        &mut self,
        path: &LayerPath,
        attributes: Attributes,
        content: &mut dyn Read,
    ) -> Result<u64, BuildError> {
        let mut buffer = vec![0; COPY_BUFFER_LEN];
        loop {
            match content.read(&mut buffer) {
                Ok(0) => return self.end_file(path, attributes),
                Ok(count) => self.append_content(&buffer[..count])?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(BuildError::Read { what: path.to_string(), source }),
            }
        }
    }

    /// Writes the next bytes of a file that [`LayerBuilder::end_file`] will give its name.
    ///
    /// # Errors
    /// [`BuildError::Write`], [`BuildError::Format`] beyond a limit.
    pub fn append_content(&mut self, bytes: &[u8]) -> Result<(), BuildError> {
        self.out.write_all(bytes).map_err(BuildError::Write)?;
        self.pending = self.pending.checked_add(bytes.len() as u64).ok_or(FormatError::Limit("file size"))?;
        if self.position.saturating_add(self.pending) > MAX_LAYER_LEN {
            return Err(FormatError::Limit("layer size").into());
        }
        Ok(())
    }

    /// Makes a file with what [`LayerBuilder::append_content`] wrote since the last one; returns its size in bytes.
    ///
    /// # Errors
    /// As [`LayerBuilder::file`].
    pub fn end_file(&mut self, path: &LayerPath, attributes: Attributes) -> Result<u64, BuildError> {
        let size = std::mem::take(&mut self.pending);
        let offset = if size == 0 { 0 } else { self.position };
        let padding = size.next_multiple_of(PAGE_SIZE) - size;
        self.out.write_all(&ZEROES[..padding as usize]).map_err(BuildError::Write)?;
        self.position = self.position.checked_add(size + padding).ok_or(FormatError::Limit("layer size"))?;
        self.insert(path, attributes, NodeKind::File { offset, size })?;
        Ok(size)
    }

    /// Makes a file of `size` bytes that are not written: where they would start.
    pub(super) fn provided_file(
        &mut self,
        path: &LayerPath,
        attributes: Attributes,
        size: u64,
    ) -> Result<u64, BuildError> {
        let offset = self.position;
        let room = size.checked_next_multiple_of(PAGE_SIZE).and_then(|room| offset.checked_add(room));
        self.position = room.ok_or(FormatError::Limit("layer size"))?;
        self.insert(path, attributes, NodeKind::File { offset: if size == 0 { 0 } else { offset }, size })?;
        Ok(offset)
    }

    /// Makes a symbolic link. Its target is data: it may be absolute, and may lead anywhere in the guest.
    ///
    /// # Errors
    /// As [`LayerBuilder::directory`].
    pub fn symlink(
        &mut self,
        path: &LayerPath,
        attributes: Attributes,
        target: &[u8],
    ) -> Result<(), BuildError> {
        self.insert(path, attributes, NodeKind::Symlink(target.to_vec()))
    }

    /// Makes a character device.
    ///
    /// # Errors
    /// As [`LayerBuilder::directory`].
    pub fn char_device(
        &mut self,
        path: &LayerPath,
        attributes: Attributes,
        device: Device,
    ) -> Result<(), BuildError> {
        self.insert(path, attributes, NodeKind::CharDevice(device))
    }

    /// Makes a block device.
    ///
    /// # Errors
    /// As [`LayerBuilder::directory`].
    pub fn block_device(
        &mut self,
        path: &LayerPath,
        attributes: Attributes,
        device: Device,
    ) -> Result<(), BuildError> {
        self.insert(path, attributes, NodeKind::BlockDevice(device))
    }

    /// Makes a named pipe.
    ///
    /// # Errors
    /// As [`LayerBuilder::directory`].
    pub fn fifo(&mut self, path: &LayerPath, attributes: Attributes) -> Result<(), BuildError> {
        self.insert(path, attributes, NodeKind::Fifo)
    }

    /// Makes a Unix socket's name.
    ///
    /// # Errors
    /// As [`LayerBuilder::directory`].
    pub fn socket(&mut self, path: &LayerPath, attributes: Attributes) -> Result<(), BuildError> {
        self.insert(path, attributes, NodeKind::Socket)
    }

    /// Gives what is at `target` a second name. The link is to the inode: a symbolic link is not followed.
    ///
    /// # Errors
    /// As [`LayerBuilder::directory`]; [`BuildError::Conflict`] if there is no `target` or it is a directory.
    pub fn hard_link(&mut self, path: &LayerPath, target: &LayerPath) -> Result<(), BuildError> {
        let conflict = |why| Err(BuildError::Conflict { path: path.to_string(), why });
        let Some(number) = self.find(target)? else {
            return conflict("the hard link's target does not exist");
        };
        if matches!(self.node(number).kind, NodeKind::Directory(_)) {
            return conflict("the hard link's target is a directory");
        }
        self.name(path, number)
    }

    /// Removes what is at `path`, a directory with all that is in it; nothing there is fine. The contents of removed files
    /// stay in the layer file, unreachable.
    ///
    /// # Errors
    /// [`BuildError::ThroughSymlink`] and [`BuildError::Conflict`] as for any path; the root cannot be removed.
    pub fn remove(&mut self, path: &LayerPath) -> Result<(), BuildError> {
        let Some((parents, name)) = path.split_last() else {
            return Err(BuildError::Conflict { path: path.to_string(), why: "the root cannot be removed" });
        };
        let mut at = ROOT;
        for (depth, parent) in parents.iter().enumerate() {
            let Some(next) = self.child(at, parent) else { return Ok(()) };
            at = self.expect_directory(next, path, depth)?;
        }
        if let NodeKind::Directory(entries) = &mut self.node(at).kind {
            entries.remove(name);
        }
        Ok(())
    }

    /// Removes all that is in a directory, which stays; nothing there is fine.
    ///
    /// # Errors
    /// As [`LayerBuilder::remove`].
    pub fn clear(&mut self, path: &LayerPath) -> Result<(), BuildError> {
        if let Some(number) = self.find(path)?
            && let NodeKind::Directory(entries) = &mut self.node(number).kind
        {
            entries.clear();
        }
        Ok(())
    }

    /// The names in a directory; none for anything else.
    pub fn names_in(&self, path: &LayerPath) -> Vec<Vec<u8>> {
        let Ok(Some(number)) = self.find(path) else { return Vec::new() };
        match &self.nodes[number as usize].kind {
            NodeKind::Directory(entries) => entries.keys().cloned().collect(),
            _ => Vec::new(),
        }
    }

    /// What is at `path`, following no symbolic link.
    pub fn kind_at(&self, path: &LayerPath) -> Option<EntryKind> {
        let number = self.find(path).ok()??;
        Some(match &self.nodes[number as usize].kind {
            NodeKind::Directory(_) => EntryKind::Directory,
            NodeKind::File { .. } => EntryKind::File,
            NodeKind::Symlink(target) => EntryKind::Symlink(target.clone()),
            _ => EntryKind::Special,
        })
    }

    /// Whether there is anything at `path`, following no symbolic link.
    pub fn contains(&self, path: &LayerPath) -> bool {
        matches!(self.find(path), Ok(Some(_)))
    }

    /// Writes the index and the header; gives back what was written to, unflushed.
    ///
    /// # Errors
    /// [`BuildError::Write`], or [`BuildError::Format`] if a limit is exceeded.
    pub fn finish(self) -> Result<W, BuildError> {
        self.finish_sized().map(|(out, _)| out)
    }

    /// As [`LayerBuilder::finish`]; also gives the layer's size in bytes. What stands behind that in `out`, as it may where
    /// a layer was gone on with, must be cut off.
    ///
    /// # Errors
    /// As [`LayerBuilder::finish`].
    pub fn finish_sized(mut self) -> Result<(W, u64), BuildError> {
        let index = format::encode(&self.reachable())?;
        let index_len = u64::try_from(index.len()).map_err(|_| FormatError::Limit("index size"))?;
        let header = Header {
            index_offset: self.position,
            index_len,
            file_len: self.position.checked_add(index_len).ok_or(FormatError::Limit("layer size"))?,
            index_sha256: Sha256::digest(&index).into(),
        };
        let header_bytes: [u8; HEADER_LEN] = header.encode();
        self.out.write_all(&index).map_err(BuildError::Write)?;
        self.out.seek(SeekFrom::Start(0)).map_err(BuildError::Write)?;
        self.out.write_all(&header_bytes).map_err(BuildError::Write)?;
        Ok((self.out, header.file_len))
    }

    fn insert(&mut self, path: &LayerPath, attributes: Attributes, kind: NodeKind) -> Result<(), BuildError> {
        let number = self.add(Node { meta: attributes.meta, kind, xattrs: attributes.xattrs })?;
        self.name(path, number)
    }

    /// Enters inode `number`, which is not a directory, under `path`.
    fn name(&mut self, path: &LayerPath, number: u32) -> Result<(), BuildError> {
        const IS_DIRECTORY: &str = "a directory would be replaced by something else";
        let conflict = || BuildError::Conflict { path: path.to_string(), why: IS_DIRECTORY };
        let (parents, name) = path.split_last().ok_or_else(conflict)?;
        let directory = self.make_directories(path, parents)?;
        if let Some(existing) = self.child(directory, name)
            && matches!(self.node(existing).kind, NodeKind::Directory(_))
        {
            return Err(conflict());
        }
        if let NodeKind::Directory(entries) = &mut self.node(directory).kind {
            entries.insert(name.to_vec(), number);
        }
        Ok(())
    }

    /// Walks `names`, part of `path`, making what is missing; returns the last directory.
    fn make_directories(&mut self, path: &LayerPath, names: &[Vec<u8>]) -> Result<u32, BuildError> {
        let mut at = ROOT;
        for (depth, name) in names.iter().enumerate() {
            at = match self.child(at, name) {
                Some(next) => self.expect_directory(next, path, depth)?,
                None => {
                    let next = self.add(default_directory())?;
                    if let NodeKind::Directory(entries) = &mut self.node(at).kind {
                        entries.insert(name.clone(), next);
                    }
                    next
                }
            };
        }
        Ok(at)
    }

    fn find(&self, path: &LayerPath) -> Result<Option<u32>, BuildError> {
        let mut at = ROOT;
        for (depth, name) in path.names().iter().enumerate() {
            if depth > 0 {
                self.expect_directory(at, path, depth - 1)?;
            }
            match self.child(at, name) {
                Some(next) => at = next,
                None => return Ok(None),
            }
        }
        Ok(Some(at))
    }

    fn expect_directory(&self, number: u32, path: &LayerPath, depth: usize) -> Result<u32, BuildError> {
        match &self.nodes[number as usize].kind {
            NodeKind::Directory(_) => Ok(number),
            NodeKind::Symlink(_) => {
                let link = path.names()[..=depth].iter().fold(String::new(), |link, name| {
                    link + "/" + &String::from_utf8_lossy(name).escape_debug().to_string()
                });
                Err(BuildError::ThroughSymlink { path: path.to_string(), link })
            }
            _ => Err(BuildError::Conflict {
                path: path.to_string(),
                why: "something that is not a directory is in the way",
            }),
        }
    }

    fn child(&self, directory: u32, name: &[u8]) -> Option<u32> {
        match &self.nodes[directory as usize].kind {
            NodeKind::Directory(entries) => entries.get(name).copied(),
            _ => None,
        }
    }

    /// The node that a number of ours stands for; numbers are only made by [`Self::add`].
    fn node(&mut self, number: u32) -> &mut Node {
        &mut self.nodes[number as usize]
    }

    fn add(&mut self, node: Node) -> Result<u32, BuildError> {
        if self.nodes.len() >= format::limits::MAX_RECORDS {
            return Err(FormatError::Limit("number of inodes").into());
        }
        self.nodes.push(node);
        Ok((self.nodes.len() - 1) as u32)
    }

    /// The tree without what was replaced, numbered in the order of a walk: what lies together in the tree
    /// lies together in the index.
    fn reachable(&self) -> Vec<Node> {
        let mut numbers = BTreeMap::from([(ROOT, ROOT)]);
        let mut order = vec![ROOT];
        let mut next = 0;
        while let Some(&number) = order.get(next) {
            next += 1;
            if let NodeKind::Directory(entries) = &self.nodes[number as usize].kind {
                for &child in entries.values() {
                    numbers.entry(child).or_insert_with(|| {
                        order.push(child);
                        (order.len() - 1) as u32
                    });
                }
            }
        }
        let renumbered = |number: &u32| {
            let mut node = self.nodes[*number as usize].clone();
            if let NodeKind::Directory(entries) = &mut node.kind {
                entries.values_mut().for_each(|child| *child = numbers[child]);
            }
            node
        };
        order.iter().map(renumbered).collect()
    }
}

fn default_directory() -> Node {
    Node {
        meta: Meta { mode: 0o755, ..Meta::default() },
        kind: NodeKind::Directory(BTreeMap::new()),
        xattrs: BTreeMap::new(),
    }
}
