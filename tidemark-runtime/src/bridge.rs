//! `FileBridge`: files that the application answers for.
//!
//! Owns the contract, and the way from a question of the kernel's to the bridge's method. What is cached of the answers,
//! and for how long, is the kernel's: see [`tidemark_kernel::fs::hosted`].

use std::sync::Arc;

use futures::future::BoxFuture;
use tidemark_kernel::Errno;
use tidemark_kernel::fs::hosted::{
    Access, Changed, FileAnswer, FileCall, FileStat, ListedName, Rename, Space, Subject,
};

/// What a method of a bridge answers: an error is for the guest, `errno(3)`.
pub type Bridged<'a, T> = BoxFuture<'a, Result<T, Errno>>;

/// Part of a directory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Names {
    /// Names, without `.` and `..`.
    pub names: Arc<[ListedName]>,
    /// Where to go on, larger than where this part began; `None` at the end.
    pub next: Option<u64>,
}

/// An open file.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The bridge's number for it, until [`FileBridge::close`].
    pub handle: u64,
    /// Its attributes, after it was emptied, if it was.
    pub stat: FileStat,
}

/// What a write did.
#[derive(Clone, Debug)]
pub struct Written {
    /// Bytes that were taken, at least one.
    pub count: usize,
    /// Where in the file the first byte after them is.
    pub end: u64,
    /// Attributes after it.
    pub stat: FileStat,
}

/// Files that an application answers for, as the guest sees them in a mount.
///
/// Methods run on the control side, many at a time, in any order that the guest's calls allow. None may block: a bridge to
/// what blocks passes it on to threads of its own. A future that is dropped is one whose answer nobody wants any more; only
/// those of [`stat`](Self::stat), [`list`](Self::list), [`read`](Self::read) and [`space`](Self::space) are.
///
/// Paths are relative to the bridge's root: names with single slashes between, never `.` or `..`; the root is empty. They
/// never lead through a symbolic link as far as the guest knows: links are the guest's to follow. What a bridge finds to be
/// otherwise (somebody put a link there) it refuses with `ENOTDIR` or `ELOOP`, and never follows.
///
/// The guest's permissions were checked when a method is called. A bridge without owners or permissions answers all the
/// same for all, and ignores or refuses (`EPERM`) changes.
pub trait FileBridge: Send + Sync + 'static {
    /// Attributes, not following a symbolic link.
    ///
    /// # Errors
    /// `ENOENT`, `ENOTDIR`, `EIO`.
    fn stat<'a>(&'a self, of: &'a Subject) -> Bridged<'a, FileStat>;

    /// Part of a directory from a position on: 0, or what the part before named.
    ///
    /// # Errors
    /// `ENOENT`, `ENOTDIR`, `EIO`.
    fn list<'a>(&'a self, path: &'a [u8], position: u64) -> Bridged<'a, Names>;

    /// Opens an existing regular file.
    ///
    /// # Errors
    /// `ENOENT`, `EACCES`, `EISDIR`, `EROFS`, `EMFILE`, `EIO`.
    fn open<'a>(&'a self, path: &'a [u8], access: Access) -> Bridged<'a, Opened>;

    /// Makes a regular file and opens it; if it exists and that is not to be, it is opened.
    ///
    /// # Errors
    /// `EEXIST`, `ENOENT`, `EACCES`, `ENOSPC`, `EROFS`, `EIO`.
    fn create<'a>(
        &'a self,
        path: &'a [u8],
        access: Access,
        exclusive: bool,
        perm: u16,
        owner: (u32, u32),
    ) -> Bridged<'a, Opened>;

    /// Bytes of an open file from `offset` on; fewer than `len` only at its end.
    ///
    /// # Errors
    /// `EBADF`, `EIO`.
    fn read(&self, handle: u64, offset: u64, len: usize) -> Bridged<'_, Vec<u8>>;

    /// Writes to an open file: at `offset`, or (`None`) at its end, wherever that is then.
    ///
    /// # Errors
    /// `EBADF`, `ENOSPC`, `EFBIG`, `EIO`.
    fn write(&self, handle: u64, offset: Option<u64>, data: Arc<[u8]>) -> Bridged<'_, Written>;

    /// Makes a directory.
    ///
    /// # Errors
    /// `EEXIST`, `ENOENT`, `EACCES`, `ENOSPC`, `EROFS`, `EIO`.
    fn make_directory<'a>(&'a self, path: &'a [u8], perm: u16, owner: (u32, u32)) -> Bridged<'a, FileStat>;

    /// Makes a symbolic link. Where it leads is kept byte for byte and never looked at.
    ///
    /// # Errors
    /// As [`make_directory`](Self::make_directory); `EPERM` where there are none.
    fn symlink<'a>(&'a self, path: &'a [u8], target: &'a [u8], owner: (u32, u32)) -> Bridged<'a, FileStat>;

    /// Gives what is no directory another name.
    ///
    /// # Errors
    /// As [`make_directory`](Self::make_directory); `EPERM` where there are none, `EMLINK`.
    fn link<'a>(&'a self, from: &'a [u8], to: &'a [u8]) -> Bridged<'a, FileStat>;

    /// Moves a name, at once and as a whole.
    ///
    /// # Errors
    /// `ENOENT`, `EEXIST`, `ENOTEMPTY`, `ENOTDIR`, `EISDIR`, `EROFS`, `EIO`; `EINVAL` for a way that it cannot.
    fn rename<'a>(&'a self, from: &'a [u8], to: &'a [u8], how: Rename) -> Bridged<'a, ()>;

    /// Removes a name: of an empty directory, or of what is none.
    ///
    /// # Errors
    /// `ENOENT`, `ENOTEMPTY`, `ENOTDIR`, `EISDIR`, `EROFS`, `EIO`.
    fn remove<'a>(&'a self, path: &'a [u8], directory: bool) -> Bridged<'a, ()>;

    /// Changes attributes, not following a symbolic link; all that are named, or answers an error.
    ///
    /// # Errors
    /// `ENOENT`, `EPERM`, `EROFS`, `EFBIG`, `EIO`.
    fn change<'a>(&'a self, of: &'a Subject, to: Changed) -> Bridged<'a, FileStat>;

    /// Brings what was written to an open file to where it survives a crash of the machine.
    ///
    /// # Errors
    /// `EBADF`, `EIO`.
    fn sync(&self, handle: u64) -> Bridged<'_, ()>;

    /// How full the file system is.
    ///
    /// # Errors
    /// `EIO`.
    fn space(&self) -> Bridged<'_, Space>;

    /// An open file is not used any more.
    fn close(&self, handle: u64) -> BoxFuture<'_, ()>;
}

/// How a bridge is mounted.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MountOptions {
    /// Nothing can be changed through it: `EROFS`.
    pub read_only: bool,
    /// How long names and attributes are taken for true before the bridge is asked again, in milliseconds. 0 asks at
    /// every use.
    pub attribute_milliseconds: u64,
    /// What the guest's `/proc/mounts` names first.
    pub source: String,
}

impl Default for MountOptions {
    fn default() -> Self {
        MountOptions { read_only: false, attribute_milliseconds: 100, source: "host".to_owned() }
    }
}

/// A bridge, and where it is mounted.
#[derive(Clone)]
pub struct BridgeMount {
    /// The directory in the guest, absolute; made if it is not there.
    pub path: Vec<u8>,
    /// Who answers.
    pub bridge: Arc<dyn FileBridge>,
    /// How.
    pub options: MountOptions,
}

impl core::fmt::Debug for BridgeMount {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("BridgeMount")
            .field("path", &String::from_utf8_lossy(&self.path))
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// Puts a question to a bridge.
pub(crate) async fn put(bridge: Arc<dyn FileBridge>, call: FileCall) -> Result<FileAnswer, Errno> {
    let opened = |opened: Opened| FileAnswer::Opened { handle: opened.handle, stat: opened.stat };
    Ok(match call {
        FileCall::Stat(of) => FileAnswer::Stat(bridge.stat(&of).await?),
        FileCall::List { path, position } => {
            let Names { names, next } = bridge.list(&path, position).await?;
            FileAnswer::Names { names, next }
        }
        FileCall::Open { path, access } => opened(bridge.open(&path, access).await?),
        FileCall::Create { path, access, exclusive, perm, owner } => {
            opened(bridge.create(&path, access, exclusive, perm, owner).await?)
        }
        FileCall::Read { handle, offset, len } => FileAnswer::Data(bridge.read(handle, offset, len).await?),
        FileCall::Write { handle, offset, data } => {
            let Written { count, end, stat } = bridge.write(handle, offset, data).await?;
            FileAnswer::Written { count, end, stat }
        }
        FileCall::MakeDirectory { path, perm, owner } => {
            FileAnswer::Stat(bridge.make_directory(&path, perm, owner).await?)
        }
        FileCall::Symlink { path, target, owner } => {
            FileAnswer::Stat(bridge.symlink(&path, &target, owner).await?)
        }
        FileCall::Link { from, to } => FileAnswer::Stat(bridge.link(&from, &to).await?),
        FileCall::Rename { from, to, how } => {
            bridge.rename(&from, &to, how).await?;
            FileAnswer::Done
        }
        FileCall::Remove { path, directory } => {
            bridge.remove(&path, directory).await?;
            FileAnswer::Done
        }
        FileCall::Change { of, to } => FileAnswer::Stat(bridge.change(&of, to).await?),
        FileCall::Sync { handle } => {
            bridge.sync(handle).await?;
            FileAnswer::Done
        }
        FileCall::Space => FileAnswer::Space(bridge.space().await?),
        FileCall::Close { handle } => {
            bridge.close(handle).await;
            FileAnswer::Done
        }
    })
}
