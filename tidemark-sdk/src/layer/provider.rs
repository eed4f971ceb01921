//! Trees that an application provides: what is where is known at the start, contents are asked for when a guest first
//! touches them.
//!
//! Owns the contract, and how such a tree is mounted as a layer. Files that change while a guest runs, or that take long
//! to read, are no layer's.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::sync::Arc;

use bytes::Bytes;
use tidemark_kernel::fs::layer::{Layer, LayerData, LayerError, Unreadable};

use super::format::{Device, FormatError, HEADER_LEN, Header, PAGE_SIZE};
use super::{Attributes, BuildError, LayerBuilder, LayerPath};

/// A read-only file tree of an application's own making: a bundle in memory, an archive with an index, files generated on
/// demand.
///
/// [`mount`] makes a layer of it, for [`Config::layer`](crate::Config::layer). Layers may be shared by any number of
/// sandboxes, so that one provider may be asked by several workers at once.
///
/// ```
/// use std::sync::Arc;
/// use tidemark_sdk::layer::{Attributes, ContentId, LayerPath, Provided, Provider, ProviderError, Unreadable, mount};
///
/// /// A folder with a file for each number, which has its square.
/// struct Squares;
///
/// impl Provider for Squares {
///     fn entries(&self) -> Result<Vec<Provided>, ProviderError> {
///         let file = |n: u64| {
///             let path = LayerPath::new(format!("squares/{n}").as_bytes())?;
///             let size = (n * n).to_string().len() as u64;
///             Ok(Provided::file(path, Attributes::with_mode(0o444), ContentId(n), size))
///         };
///         (0..100).map(file).collect()
///     }
///
///     fn read_at(&self, content: ContentId, offset: u64, to: &mut [u8]) -> Result<(), Unreadable> {
///         let text = (content.0 * content.0).to_string();
///         let start = usize::try_from(offset).map_err(|_| Unreadable)?;
///         to.copy_from_slice(text.as_bytes().get(start..start + to.len()).ok_or(Unreadable)?);
///         Ok(())
///     }
/// }
///
/// let layer = mount(Arc::new(Squares))?;
/// let config = tidemark_sdk::Config::default().layer(layer);
/// # Ok::<(), tidemark_sdk::layer::ProviderError>(())
/// ```
pub trait Provider: Send + Sync {
    /// Everything that is in the tree. Asked for once, when it is mounted. What comes later replaces what came before it,
    /// folders that are missing on the way are made (mode 0755), a hard link's target comes before it.
    ///
    /// # Errors
    /// [`ProviderError`], of the provider's own making or from making paths; nothing is mounted then.
    fn entries(&self) -> Result<Vec<Provided>, ProviderError>;

    /// Fills `to` with the bytes of a content from `offset` on; they lie within the size that the entry states, and are
    /// the same at any time. Asked for with the kernel's lock held, up to a page at a time: it answers in microseconds,
    /// waits for nothing and calls nothing of the sandbox's.
    ///
    /// # Errors
    /// [`Unreadable`] when they cannot be had: the guest sees `EIO`.
    fn read_at(&self, content: ContentId, offset: u64, to: &mut [u8]) -> Result<(), Unreadable>;
}

/// A provider's own name for the bytes of a file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ContentId(pub u64);

/// One name in a provider's tree.
#[derive(Clone, Debug)]
pub struct Provided {
    path: LayerPath,
    attributes: Attributes,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    Folder,
    File(ContentId, u64),
    Symlink(Vec<u8>),
    HardLink(LayerPath),
    CharDevice(Device),
    BlockDevice(Device),
    Fifo,
}

impl Provided {
    /// A folder.
    pub fn folder(path: LayerPath, attributes: Attributes) -> Provided {
        Provided { path, attributes, what: What::Folder }
    }

    /// A file of `size` bytes.
    pub fn file(path: LayerPath, attributes: Attributes, content: ContentId, size: u64) -> Provided {
        Provided { path, attributes, what: What::File(content, size) }
    }

    /// A symbolic link.
    pub fn symlink(path: LayerPath, attributes: Attributes, target: impl AsRef<[u8]>) -> Provided {
        Provided { path, attributes, what: What::Symlink(target.as_ref().to_vec()) }
    }

    /// Another name of what is at `target`; its attributes are that one's.
    pub fn hard_link(path: LayerPath, target: LayerPath) -> Provided {
        Provided { path, attributes: Attributes::default(), what: What::HardLink(target) }
    }

    /// A character device.
    pub fn char_device(path: LayerPath, attributes: Attributes, device: Device) -> Provided {
        Provided { path, attributes, what: What::CharDevice(device) }
    }

    /// A block device.
    pub fn block_device(path: LayerPath, attributes: Attributes, device: Device) -> Provided {
        Provided { path, attributes, what: What::BlockDevice(device) }
    }

    /// A named pipe.
    pub fn fifo(path: LayerPath, attributes: Attributes) -> Provided {
        Provided { path, attributes, what: What::Fifo }
    }
}

/// Why a provider's tree was not mounted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProviderError {
    /// Its entries are no tree.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// It could not say what is in it.
    #[error("the provider failed: {0}")]
    Provider(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// What was made of it is no layer.
    #[error(transparent)]
    Layer(#[from] LayerError),
}

impl From<super::UnsafePath> for ProviderError {
    fn from(path: super::UnsafePath) -> Self {
        ProviderError::Build(path.into())
    }
}

/// Makes a layer of a provider's tree.
///
/// # Errors
/// See [`ProviderError`].
pub fn mount(provider: Arc<dyn Provider>) -> Result<Arc<Layer>, ProviderError> {
    let mut builder = LayerBuilder::new(Cursor::new(Vec::new()))?;
    let mut contents = BTreeMap::new();
    for Provided { path, attributes, what } in provider.entries()? {
        match what {
            What::Folder => builder.directory(&path, attributes)?,
            What::File(content, size) => {
                let offset = builder.provided_file(&path, attributes, size)?;
                contents.insert(offset, content);
            }
            What::Symlink(target) => builder.symlink(&path, attributes, &target)?,
            What::HardLink(target) => builder.hard_link(&path, &target)?,
            What::CharDevice(device) => builder.char_device(&path, attributes, device)?,
            What::BlockDevice(device) => builder.block_device(&path, attributes, device)?,
            What::Fifo => builder.fifo(&path, attributes)?,
        }
    }
    let written = builder.finish()?.into_inner();
    let header: Vec<u8> = written.get(..HEADER_LEN).unwrap_or_default().to_vec();
    let index_offset = Header::decode(&header).map_err(LayerError::from)?.index_offset;
    // No content was written, so that the index follows the header's page.
    let index = written.get(PAGE_SIZE as usize..).ok_or(LayerError::from(FormatError::Truncated))?.to_vec();
    let data = ProvidedData { provider, header, index_offset, index, contents };
    Ok(Arc::new(Layer::open(Box::new(data))?))
}

/// The layer file that a provider's tree would be.
struct ProvidedData {
    provider: Arc<dyn Provider>,
    header: Vec<u8>,
    index_offset: u64,
    index: Vec<u8>,
    /// Where which content starts.
    contents: BTreeMap<u64, ContentId>,
}

impl LayerData for ProvidedData {
    fn read_at(&self, offset: u64, to: &mut [u8]) -> Result<(), Unreadable> {
        let own = match offset.checked_sub(self.index_offset) {
            Some(within) => Some((&self.index, within)),
            None if offset < PAGE_SIZE => Some((&self.header, offset)),
            None => None,
        };
        if let Some((bytes, start)) = own {
            let start = usize::try_from(start).map_err(|_| Unreadable)?;
            let end = start.checked_add(to.len()).ok_or(Unreadable)?;
            to.copy_from_slice(bytes.get(start..end).ok_or(Unreadable)?);
            return Ok(());
        }
        let (start, content) = self.contents.range(..=offset).next_back().ok_or(Unreadable)?;
        self.provider.read_at(*content, offset - start, to)
    }
}

/// A tree in memory.
///
/// ```
/// use std::sync::Arc;
/// use tidemark_sdk::layer::{MemoryProvider, mount};
///
/// let tree = MemoryProvider::new()
///     .file("app/main.py", 0o644, "print('hello')\n")?
///     .file("app/run", 0o755, "#!/bin/sh\nexec python3 /app/main.py\n")?
///     .symlink("app/latest", "main.py")?;
/// let layer = mount(Arc::new(tree))?;
/// # Ok::<(), tidemark_sdk::layer::ProviderError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct MemoryProvider {
    entries: Vec<Provided>,
    contents: Vec<Bytes>,
}

impl MemoryProvider {
    /// Nothing yet.
    pub fn new() -> MemoryProvider {
        MemoryProvider::default()
    }

    /// Adds a file, owned by root.
    ///
    /// # Errors
    /// [`ProviderError::Build`] for a path that leads out of the tree.
    pub fn file(
        mut self,
        path: impl AsRef<[u8]>,
        mode: u16,
        content: impl Into<Bytes>,
    ) -> Result<MemoryProvider, ProviderError> {
        let (path, content) = (LayerPath::new(path.as_ref())?, content.into());
        let id = ContentId(self.contents.len() as u64);
        let attributes = Attributes::with_mode(mode);
        self.entries.push(Provided::file(path, attributes, id, content.len() as u64));
        self.contents.push(content);
        Ok(self)
    }

    /// Adds a folder, owned by root.
    ///
    /// # Errors
    /// As [`file`](Self::file).
    pub fn folder(mut self, path: impl AsRef<[u8]>, mode: u16) -> Result<MemoryProvider, ProviderError> {
        let path = LayerPath::new(path.as_ref())?;
        self.entries.push(Provided::folder(path, Attributes::with_mode(mode)));
        Ok(self)
    }

    /// Adds a symbolic link.
    ///
    /// # Errors
    /// As [`file`](Self::file).
    pub fn symlink(
        mut self,
        path: impl AsRef<[u8]>,
        target: impl AsRef<[u8]>,
    ) -> Result<MemoryProvider, ProviderError> {
        let path = LayerPath::new(path.as_ref())?;
        self.entries.push(Provided::symlink(path, Attributes::with_mode(0o777), target));
        Ok(self)
    }
}

impl Provider for MemoryProvider {
    fn entries(&self) -> Result<Vec<Provided>, ProviderError> {
        Ok(self.entries.clone())
    }

    fn read_at(&self, content: ContentId, offset: u64, to: &mut [u8]) -> Result<(), Unreadable> {
        let content =
            usize::try_from(content.0).ok().and_then(|at| self.contents.get(at)).ok_or(Unreadable)?;
        let start = usize::try_from(offset).map_err(|_| Unreadable)?;
        let end = start.checked_add(to.len()).ok_or(Unreadable)?;
        to.copy_from_slice(content.get(start..end).ok_or(Unreadable)?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_in_memory_is_the_layer_it_would_be() {
        let long = vec![7; 10_000];
        let tree = MemoryProvider::new()
            .folder("d", 0o700)
            .and_then(|tree| tree.file("d/long", 0o644, long.clone()))
            .and_then(|tree| tree.file("empty", 0o600, ""))
            .and_then(|tree| tree.file("short", 0o755, "short"))
            .and_then(|tree| tree.symlink("link", "d/long"))
            .expect("safe paths");
        let layer = mount(Arc::new(tree)).expect("a layer");
        let index = layer.index();
        let find = |folder, name: &str| index.lookup(folder, name.as_bytes()).expect("there");
        let read = |inode| match index.inode(inode).expect("there").kind {
            super::super::format::InodeKind::File { offset, size } => {
                let mut bytes = vec![0; size as usize];
                layer.read_at(offset, &mut bytes).expect("readable");
                bytes
            }
            ref other => panic!("{other:?}"),
        };
        let d = find(index.root(), "d");
        assert_eq!(read(find(d, "long")), long);
        assert_eq!(read(find(index.root(), "short")), b"short");
        assert_eq!(read(find(index.root(), "empty")), b"");
        assert_eq!(index.inode(d).expect("there").meta.mode, 0o700);
        assert_eq!(index.symlink_target(find(index.root(), "link")), Some(&b"d/long"[..]));
    }

    #[test]
    fn entries_that_are_no_tree_are_refused() {
        assert!(MemoryProvider::new().file("../up", 0o644, "").is_err());
        let twice = MemoryProvider::new().file("a", 0o644, "").and_then(|tree| tree.file("a/b", 0o644, ""));
        assert!(matches!(mount(Arc::new(twice.expect("safe paths"))), Err(ProviderError::Build(_))));
    }
}
