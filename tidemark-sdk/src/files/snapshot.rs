//! Snapshots: the guest's file tree, or what changed in it, as a layer.
//!
//! Owns how a walk over the tree becomes a layer file. Contents go from the guest to the writer in parts: neither the
//! tree's contents nor one file's are held in memory, and the kernel is free between two parts.

use std::collections::{BTreeMap, HashMap};
use std::io::{Cursor, Seek, Write};
use std::sync::Arc;

use tidemark_kernel::fs::layer::format::Device;
use tidemark_kernel::fs::layer::{Layer, LayerError};
use tidemark_kernel::fs::snapshot::{LayerContent, SnapshotItem, SnapshotNode, SnapshotPart, SnapshotWalk};
use tidemark_runtime::Runtime;

use super::open::OpenFile;
use super::{FileError, PART, refused};
use crate::error::Gone;
use crate::layer::{Attributes, BuildError, LayerBuilder, LayerPath, UnsafePath, layer_from_bytes};

/// What of the guest's root file system a snapshot takes.
///
/// Owners, permissions, modification times, extended attributes, hard and symbolic links, devices, named pipes and
/// sockets' names are kept. What lies on other mounts, such as `/proc` or a folder of the host, is not taken, nor are
/// files without a name. Holes in files become zeroes.
#[derive(Clone, Debug)]
pub struct Snapshot {
    changes: bool,
    max_bytes: u64,
}

/// Bytes of contents that a snapshot takes at the most unless it says otherwise: a file with a hole of an exabyte costs a
/// guest nothing.
const DEFAULT_MAX_BYTES: u64 = 64 << 30;

impl Snapshot {
    /// The whole tree. As a sandbox's only layer it gives the same tree again.
    pub fn whole() -> Snapshot {
        Snapshot { changes: false, max_bytes: DEFAULT_MAX_BYTES }
    }

    /// What differs from the sandbox's layers, removals included. Put on top of the same layers it gives the same tree
    /// again.
    pub fn changes() -> Snapshot {
        Snapshot { changes: true, max_bytes: DEFAULT_MAX_BYTES }
    }

    /// Sets how many bytes the contents of all files may have together; 64 GiB at first.
    #[must_use]
    pub fn max_bytes(mut self, max_bytes: u64) -> Snapshot {
        self.max_bytes = max_bytes;
        self
    }
}

/// Why there is no snapshot. What was written to the writer is no layer then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// The guest's files could not be read.
    #[error(transparent)]
    Files(#[from] FileError),
    /// The layer could not be written, or the tree does not fit into one.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The files are larger than [`Snapshot::max_bytes`].
    #[error("the guest's files are larger than the {max_bytes} bytes that the snapshot may have")]
    TooLarge {
        /// The bound.
        max_bytes: u64,
    },
    /// What was written is no layer.
    #[error(transparent)]
    Layer(#[from] LayerError),
}

impl From<Gone> for SnapshotError {
    fn from(crashed: Gone) -> Self {
        SnapshotError::Files(crashed.into())
    }
}

impl From<UnsafePath> for SnapshotError {
    fn from(path: UnsafePath) -> Self {
        SnapshotError::Build(path.into())
    }
}

/// Takes a snapshot, written to `out`, which must be empty.
pub(super) async fn take<W: Write + Seek>(
    runtime: &Runtime,
    what: &Snapshot,
    out: W,
) -> Result<W, SnapshotError> {
    let mut walk = if what.changes { SnapshotWalk::changes() } else { SnapshotWalk::whole() };
    let mut taker = Taker {
        what,
        builder: LayerBuilder::new(out)?,
        at: LayerPath::root(),
        open: Vec::new(),
        written: 0,
        first_names: HashMap::new(),
    };
    loop {
        let (part, file);
        (walk, part, file) = step(runtime, walk).await?;
        for item in part.items {
            taker.item(item, file.as_ref()).await?;
        }
        if part.done {
            return Ok(taker.builder.finish()?);
        }
    }
}

/// Takes a snapshot into memory.
pub(super) async fn take_layer(runtime: &Runtime, what: &Snapshot) -> Result<Arc<Layer>, SnapshotError> {
    let bytes = take(runtime, what, Cursor::new(Vec::new())).await?.into_inner();
    Ok(layer_from_bytes(bytes)?)
}

/// A step of the walk; the file that it opened closes itself.
async fn step(
    runtime: &Runtime,
    mut walk: SnapshotWalk,
) -> Result<(SnapshotWalk, SnapshotPart, Option<OpenFile>), SnapshotError> {
    let closes = runtime.clone();
    let answer = runtime.with_kernel(move |kernel, now| {
        let part = kernel.fs_snapshot_step(&mut walk, now)?;
        let file = part.items.last().and_then(|item| match item {
            SnapshotItem::Entry { name, node: SnapshotNode::File { file, .. }, .. } => {
                Some(OpenFile::new(*file, name.clone(), closes))
            }
            _ => None,
        });
        Ok((walk, part, file))
    });
    Ok(answer.await?.map_err(|errno| refused("list", b"/", errno))?)
}

/// A directory that the walk is in.
struct OpenDirectory {
    parent: LayerPath,
    /// What to write before anything in it, if it was not written yet.
    unwritten: Option<Attributes>,
}

struct Taker<'a, W> {
    what: &'a Snapshot,
    builder: LayerBuilder<W>,
    /// The directory that the walk is in.
    at: LayerPath,
    open: Vec<OpenDirectory>,
    /// Bytes of contents.
    written: u64,
    /// The paths of files that have more names.
    first_names: HashMap<u64, LayerPath>,
}

const OPAQUE: &[u8] = b"trusted.overlay.opaque";
const WHITEOUT: Device = Device { major: 0, minor: 0 };

impl<W: Write + Seek> Taker<'_, W> {
    async fn item(&mut self, item: SnapshotItem, file: Option<&OpenFile>) -> Result<(), SnapshotError> {
        match item {
            SnapshotItem::Leave => {
                if let Some(left) = self.open.pop() {
                    self.at = left.parent;
                }
                Ok(())
            }
            SnapshotItem::Removed { name } => {
                let path = self.at.join(&name)?;
                self.write_directories()?;
                Ok(self.builder.char_device(&path, Attributes::default(), WHITEOUT)?)
            }
            SnapshotItem::Entry { name, meta, xattrs, ino, nlink, changed, node } => {
                let path = if name.is_empty() { LayerPath::root() } else { self.at.join(&name)? };
                let attributes = Attributes { meta, xattrs: kept(xattrs) };
                match node {
                    // A layer always says what the root is like.
                    SnapshotNode::Directory { opaque } => {
                        self.enter(path, attributes, opaque, changed || name.is_empty())
                    }
                    node => self.leaf(path, attributes, node, (ino, nlink), changed, file).await,
                }
            }
        }
    }

    fn enter(
        &mut self,
        path: LayerPath,
        mut attributes: Attributes,
        opaque: bool,
        changed: bool,
    ) -> Result<(), SnapshotError> {
        if opaque {
            attributes.xattrs.insert(OPAQUE.to_vec(), b"y".to_vec());
        }
        let parent = std::mem::replace(&mut self.at, path);
        self.open.push(OpenDirectory { parent, unwritten: Some(attributes) });
        if changed { self.write_directories() } else { Ok(()) }
    }

    /// Writes the directories that the walk is in.
    fn write_directories(&mut self) -> Result<(), SnapshotError> {
        let first = self.open.iter().rposition(|open| open.unwritten.is_none()).map_or(0, |at| at + 1);
        for depth in first..self.open.len() {
            let path = self.open.get(depth + 1).map_or(&self.at, |below| &below.parent).clone();
            if let Some(attributes) = self.open[depth].unwritten.take() {
                self.builder.directory(&path, attributes)?;
            }
        }
        Ok(())
    }

    async fn leaf(
        &mut self,
        path: LayerPath,
        attributes: Attributes,
        node: SnapshotNode,
        (ino, nlink): (u64, u32),
        changed: bool,
        file: Option<&OpenFile>,
    ) -> Result<(), SnapshotError> {
        if let (SnapshotNode::File { below: Some(below), .. }, Some(file), false) = (&node, file, changed)
            && self.is_same(file, below).await?
        {
            return Ok(());
        }
        self.write_directories()?;
        if let Some(first) = self.first_names.get(&ino) {
            return Ok(self.builder.hard_link(&path, first)?);
        }
        let builder = &mut self.builder;
        match node {
            SnapshotNode::Directory { .. } => {}
            SnapshotNode::LayerFile(content) => {
                self.copy_layer(&content, &path)?;
                self.builder.end_file(&path, attributes)?;
            }
            SnapshotNode::File { .. } => {
                if let Some(file) = file {
                    self.copy_file(file).await?;
                }
                self.builder.end_file(&path, attributes)?;
            }
            SnapshotNode::Symlink(target) => builder.symlink(&path, attributes, &target)?,
            SnapshotNode::Char(device) => builder.char_device(&path, attributes, device)?,
            SnapshotNode::Block(device) => builder.block_device(&path, attributes, device)?,
            SnapshotNode::Fifo => builder.fifo(&path, attributes)?,
            SnapshotNode::Socket => builder.socket(&path, attributes)?,
        }
        if nlink > 1 {
            self.first_names.insert(ino, path);
        }
        Ok(())
    }

    /// Whether an open file has the bytes that a layer has.
    async fn is_same(&self, file: &OpenFile, below: &LayerContent) -> Result<bool, SnapshotError> {
        let mut done = 0;
        while done < below.size {
            let part = file.read(done, PART).await?;
            let mut other = vec![0; part.len()];
            let same = below.layer.read_at(below.offset + done, &mut other).is_ok() && part == other;
            if part.is_empty() || !same {
                return Ok(false);
            }
            done += part.len() as u64;
        }
        Ok(true)
    }

    async fn copy_file(&mut self, file: &OpenFile) -> Result<(), SnapshotError> {
        let mut done = 0;
        loop {
            let part = file.read(done, PART).await?;
            if part.is_empty() {
                return Ok(());
            }
            done += part.len() as u64;
            self.write(&part)?;
        }
    }

    /// Copies what a layer has. The kernel is not asked.
    fn copy_layer(&mut self, content: &LayerContent, path: &LayerPath) -> Result<(), SnapshotError> {
        let mut buffer = vec![0; PART];
        let mut done = 0;
        while done < content.size {
            let len = (content.size - done).min(PART as u64) as usize;
            content.layer.read_at(content.offset + done, &mut buffer[..len]).map_err(|unreadable| {
                BuildError::Read { what: path.to_string(), source: std::io::Error::other(unreadable) }
            })?;
            self.write(&buffer[..len])?;
            done += len as u64;
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        self.written = self.written.saturating_add(bytes.len() as u64);
        if self.written > self.what.max_bytes {
            return Err(SnapshotError::TooLarge { max_bytes: self.what.max_bytes });
        }
        Ok(self.builder.append_content(bytes)?)
    }
}

/// Extended attributes but those that would steer the merging of layers.
fn kept(xattrs: Vec<(Vec<u8>, Vec<u8>)>) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let steers = |name: &[u8]| name.starts_with(b"trusted.overlay.") || name.starts_with(b"user.overlay.");
    xattrs.into_iter().filter(|(name, _)| !steers(name)).collect()
}
