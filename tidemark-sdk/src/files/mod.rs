//! The guest's files as an application sees them, in the shape of `tokio::fs`.
//!
//! Every operation acts as the superuser, from the root, and never waits for a guest. Long ones go in parts, between
//! which guests run: they are not atomic. A dropped future leaves done what was done, and nothing open.
//!
//! This file owns contents; names are in `names`, attributes in `attributes`, many files at once in `batch`, snapshots in
//! `snapshot`, what happens to files in `watch`.

mod attributes;
mod batch;
mod names;
mod open;
mod snapshot;
mod watch;

use std::io::{Seek, Write};
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt as _};
use tidemark_kernel::Kernel;
use tidemark_kernel::errno::{Errno, Result as KernelResult};
use tidemark_kernel::fs::flags::OpenFlags;
use tidemark_kernel::fs::layer::Layer;
use tidemark_kernel::limits;
use tidemark_kernel::time::Now;
use tidemark_runtime::Runtime;

use crate::error::Gone;
use open::OpenFile;

pub use batch::Batch;
pub use names::SpecialFile;
pub use snapshot::{Snapshot, SnapshotError};
pub use watch::{FileChange, FileEvent, Watch};

/// Permission bits of a file that [`Files::write`] makes.
const NEW_FILE: u16 = 0o644;
/// Permission bits of a folder that [`Files::create_dir`] makes.
const NEW_DIR: u16 = 0o755;
/// Bytes that one request moves.
const PART: usize = limits::STEP_BYTES as usize;
/// Bytes in a path, its final NUL included (`PATH_MAX`).
const PATH_MAX: usize = 4096;

/// Why something was not done to the guest's files.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The guest system refused it.
    #[error("cannot {doing} {path} in the guest: {errno}")]
    Refused {
        /// What was tried.
        doing: &'static str,
        /// Where.
        path: String,
        /// Why not, as the guest would have been told.
        errno: Errno,
    },
    /// The sandbox is gone.
    #[error(transparent)]
    Gone(#[from] Gone),
}

impl FileError {
    /// The guest system's answer; `None` when the sandbox is gone.
    pub fn errno(&self) -> Option<Errno> {
        match self {
            FileError::Refused { errno, .. } => Some(*errno),
            FileError::Gone(_) => None,
        }
    }
}

/// The guest's file tree. Paths are bytes, looked up from the guest's root.
#[derive(Clone)]
pub struct Files {
    runtime: Runtime,
}

impl Files {
    pub(crate) fn new(runtime: Runtime) -> Files {
        Files { runtime }
    }

    async fn ask<T: Send + 'static>(
        &self,
        doing: &'static str,
        path: &[u8],
        mut job: impl FnMut(&mut Kernel, &[u8], Now) -> KernelResult<T> + Send + 'static,
    ) -> Result<T, FileError> {
        check_path(path).map_err(|errno| refused(doing, path, errno))?;
        let owned = path.to_vec();
        let answer = self.runtime.with_bridges(move |kernel, now| job(kernel, &owned, now)).await?;
        answer.map_err(|errno| refused(doing, path, errno))
    }

    async fn open(&self, path: &[u8], flags: OpenFlags) -> Result<OpenFile, FileError> {
        let closes = self.runtime.clone();
        // Made where it is opened: it is closed also if nobody waits for it any more.
        let open = move |kernel: &mut Kernel, path: &[u8], now| {
            let file = kernel.fs_open(path, flags, NEW_FILE, now)?;
            Ok(OpenFile::new(file, path.to_vec(), closes.clone()))
        };
        self.ask("open", path, open).await
    }

    /// All of a file.
    ///
    /// # Errors
    /// `ENOENT`, `EISDIR` and the others of `open(2)` and `read(2)`.
    pub async fn read(&self, path: impl AsRef<[u8]>) -> Result<Vec<u8>, FileError> {
        let file = self.open(path.as_ref(), OpenFlags::READ_ONLY).await?;
        let mut content = Vec::new();
        loop {
            let part = file.read(content.len() as u64, PART).await?;
            if part.is_empty() {
                return Ok(content);
            }
            content.extend_from_slice(&part);
        }
    }

    /// At most `len` bytes of a file from `offset` on; fewer only at its end.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub async fn read_at(
        &self,
        path: impl AsRef<[u8]>,
        offset: u64,
        len: usize,
    ) -> Result<Vec<u8>, FileError> {
        let file = self.open(path.as_ref(), OpenFlags::READ_ONLY).await?;
        let mut content = Vec::new();
        while content.len() < len {
            let at = offset.saturating_add(content.len() as u64);
            let part = file.read(at, len - content.len()).await?;
            if part.is_empty() {
                break;
            }
            content.extend_from_slice(&part);
        }
        Ok(content)
    }

    /// A file's bytes as they are asked for, in parts of at most 16 KiB. The file stays open, also when its name is
    /// removed, until the stream is dropped.
    ///
    /// # Errors
    /// As [`read`](Self::read); those of reading come from the stream, which ends then.
    pub async fn reader(
        &self,
        path: impl AsRef<[u8]>,
    ) -> Result<BoxStream<'static, Result<Bytes, FileError>>, FileError> {
        let file = self.open(path.as_ref(), OpenFlags::READ_ONLY).await?;
        Ok(stream::try_unfold((file, 0), |(file, offset)| async move {
            let part = file.read(offset, PART).await?;
            let next = offset + part.len() as u64;
            Ok((!part.is_empty()).then(|| (Bytes::from(part), (file, next))))
        })
        .boxed())
    }

    /// Makes `content` all of a file, which is created (mode 0644) if it is not there.
    ///
    /// # Errors
    /// `ENOENT` when its folder is not there, `ENOSPC` and the others of `open(2)` and `write(2)`; a part may be written
    /// then.
    pub async fn write(&self, path: impl AsRef<[u8]>, content: impl AsRef<[u8]>) -> Result<(), FileError> {
        let flags = OpenFlags::WRITE_ONLY.with(OpenFlags::CREATE).with(OpenFlags::TRUNCATE);
        self.open(path.as_ref(), flags).await?.write_all(0, content.as_ref()).await
    }

    /// As [`write`](Self::write), but the file must not be there before.
    ///
    /// # Errors
    /// `EEXIST`, and as [`write`](Self::write).
    pub async fn write_new(
        &self,
        path: impl AsRef<[u8]>,
        content: impl AsRef<[u8]>,
    ) -> Result<(), FileError> {
        let flags = OpenFlags::WRITE_ONLY.with(OpenFlags::CREATE).with(OpenFlags::EXCLUSIVE);
        self.open(path.as_ref(), flags).await?.write_all(0, content.as_ref()).await
    }

    /// Writes over a part of a file that is there, from `offset` on; it grows as needed.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub async fn write_at(
        &self,
        path: impl AsRef<[u8]>,
        offset: u64,
        content: impl AsRef<[u8]>,
    ) -> Result<(), FileError> {
        self.open(path.as_ref(), OpenFlags::WRITE_ONLY).await?.write_all(offset, content.as_ref()).await
    }

    /// Adds `content` at the end of a file, which is created if it is not there. Each part goes to what is the end then:
    /// what others append meanwhile is not overwritten.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub async fn append(&self, path: impl AsRef<[u8]>, content: impl AsRef<[u8]>) -> Result<(), FileError> {
        let flags = OpenFlags::WRITE_ONLY.with(OpenFlags::CREATE).with(OpenFlags::APPEND);
        self.open(path.as_ref(), flags).await?.write_all(0, content.as_ref()).await
    }

    /// Watches files and folders, none at first: see [`Watch`].
    ///
    /// # Errors
    /// `EMFILE` when there are 128 already.
    pub async fn watch(&self) -> Result<Watch, FileError> {
        Watch::new(&self.runtime).await
    }

    /// Makes many files, folders and links in few requests: see [`Batch`].
    ///
    /// # Errors
    /// The first refusal; what came before it is made.
    pub async fn write_batch(&self, batch: Batch) -> Result<(), FileError> {
        batch::write(&self.runtime, batch).await
    }

    /// Writes the tree, or what changed in it, to `out` as a layer file; `out` must be empty, and is given back unflushed.
    /// Guests may run meanwhile: what they change is in it or not, as in an archive of a tree in use. `out` is written to
    /// on the calling task.
    ///
    /// # Errors
    /// See [`SnapshotError`]; what was written is no layer then.
    pub async fn snapshot<W: Write + Seek>(&self, what: &Snapshot, out: W) -> Result<W, SnapshotError> {
        snapshot::take(&self.runtime, what, out).await
    }

    /// As [`snapshot`](Self::snapshot), but in memory, for the next sandbox.
    ///
    /// # Errors
    /// See [`SnapshotError`].
    pub async fn snapshot_layer(&self, what: &Snapshot) -> Result<Arc<Layer>, SnapshotError> {
        snapshot::take_layer(&self.runtime, what).await
    }
}

/// Refuses what no program could name.
fn check_path(path: &[u8]) -> KernelResult<()> {
    if path.len() >= PATH_MAX {
        Err(Errno::ENAMETOOLONG)
    } else if path.contains(&0) {
        Err(Errno::EINVAL)
    } else {
        Ok(())
    }
}

fn refused(doing: &'static str, path: &[u8], errno: Errno) -> FileError {
    FileError::Refused { doing, path: String::from_utf8_lossy(path).into_owned(), errno }
}
