//! The guest's files as an application sees them, in the shape of `tokio::fs`.
//!
//! Every operation acts as the superuser, from the root, and never waits for a guest. Long reads and writes go in parts,
//! between which guests run: they are not atomic.

use tidemark_kernel::errno::{Errno, Result as KernelResult};
use tidemark_kernel::fs::FileId;
use tidemark_kernel::fs::flags::OpenFlags;
use tidemark_kernel::fs::node::{Attr, FileType};
use tidemark_kernel::fs::request::{DirItem, DirPart};
use tidemark_kernel::time::Now;
use tidemark_kernel::{Kernel, limits};
use tidemark_runtime::Runtime;

use crate::error::Crashed;

/// Permission bits of a file that [`Files::write`] makes.
const NEW_FILE: u16 = 0o644;
/// Permission bits of a folder that [`Files::create_dir`] makes.
const NEW_DIR: u16 = 0o755;
/// Bytes that one request moves.
const PART: usize = limits::STEP_BYTES as usize;

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
    /// The sandbox is dead.
    #[error(transparent)]
    Crashed(#[from] Crashed),
}

impl FileError {
    /// The guest system's answer; `None` when the sandbox is dead.
    pub fn errno(&self) -> Option<Errno> {
        match self {
            FileError::Refused { errno, .. } => Some(*errno),
            FileError::Crashed(_) => None,
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
        job: impl FnOnce(&mut Kernel, &[u8], Now) -> KernelResult<T> + Send + 'static,
    ) -> Result<T, FileError> {
        let owned = path.to_vec();
        let answer = self.runtime.with_kernel(move |kernel, now| job(kernel, &owned, now)).await?;
        answer.map_err(|errno| refused(doing, path, errno))
    }

    /// All of a file.
    ///
    /// # Errors
    /// `ENOENT`, `EISDIR` and the others of `open(2)` and `read(2)`.
    pub async fn read(&self, path: impl AsRef<[u8]>) -> Result<Vec<u8>, FileError> {
        let path = path.as_ref();
        let open = |kernel: &mut Kernel, path: &[u8], now| kernel.fs_open(path, OpenFlags::READ_ONLY, 0, now);
        let file = OpenFile { id: self.ask("open", path, open).await?, runtime: &self.runtime };
        let mut content = Vec::new();
        loop {
            let (id, offset) = (file.id, content.len() as u64);
            let part = self.ask("read", path, move |kernel, _, now| {
                let mut part = vec![0; PART];
                let count = kernel.fs_read(id, offset, &mut part, now)?;
                part.truncate(count);
                Ok(part)
            });
            let part = part.await?;
            if part.is_empty() {
                return Ok(content);
            }
            content.extend_from_slice(&part);
        }
    }

    /// Makes `content` all of a file, which is created if it is not there.
    ///
    /// # Errors
    /// `ENOENT` when its folder is not there, `ENOSPC` and the others of `open(2)` and `write(2)`; a part may be written
    /// then.
    pub async fn write(&self, path: impl AsRef<[u8]>, content: impl AsRef<[u8]>) -> Result<(), FileError> {
        const FLAGS: OpenFlags = OpenFlags::WRITE_ONLY.with(OpenFlags::CREATE).with(OpenFlags::TRUNCATE);
        let (path, content) = (path.as_ref(), content.as_ref());
        let open = |kernel: &mut Kernel, path: &[u8], now| kernel.fs_open(path, FLAGS, NEW_FILE, now);
        let file = OpenFile { id: self.ask("open", path, open).await?, runtime: &self.runtime };
        let mut offset = 0;
        while let rest @ [_, ..] = &content[offset..] {
            let part = rest[..rest.len().min(PART)].to_vec();
            let (id, at) = (file.id, offset as u64);
            offset +=
                self.ask("write", path, move |kernel, _, now| kernel.fs_write(id, at, &part, now)).await?;
        }
        Ok(())
    }

    /// What a path leads to; a symbolic link at its end is followed.
    ///
    /// # Errors
    /// Those of `stat(2)`.
    pub async fn metadata(&self, path: impl AsRef<[u8]>) -> Result<Attr, FileError> {
        self.ask("look at", path.as_ref(), |kernel, path, now| kernel.fs_stat(path, true, now)).await
    }

    /// As [`metadata`](Self::metadata), but of a symbolic link itself.
    ///
    /// # Errors
    /// Those of `lstat(2)`.
    pub async fn symlink_metadata(&self, path: impl AsRef<[u8]>) -> Result<Attr, FileError> {
        self.ask("look at", path.as_ref(), |kernel, path, now| kernel.fs_stat(path, false, now)).await
    }

    /// The entries of a folder, without `.` and `..`.
    ///
    /// # Errors
    /// `ENOTDIR` and the others of path look-up.
    pub async fn read_dir(&self, path: impl AsRef<[u8]>) -> Result<Vec<DirItem>, FileError> {
        let path = path.as_ref();
        let mut entries = Vec::new();
        let mut position = Some(0);
        while let Some(at) = position {
            let list = move |kernel: &mut Kernel, path: &[u8], now| kernel.fs_read_dir(path, at, now);
            let DirPart { items, next } = self.ask("list", path, list).await?;
            entries.extend(items);
            position = next;
        }
        Ok(entries)
    }

    /// Makes a folder.
    ///
    /// # Errors
    /// Those of `mkdir(2)`.
    pub async fn create_dir(&self, path: impl AsRef<[u8]>) -> Result<(), FileError> {
        self.ask("make folder", path.as_ref(), |kernel, path, now| kernel.fs_make_dir(path, NEW_DIR, now))
            .await
    }

    /// Makes a folder and those above it; folders that are there already are fine.
    ///
    /// # Errors
    /// `ENOTDIR` when something else is in the way, and the others of `mkdir(2)`.
    pub async fn create_dir_all(&self, path: impl AsRef<[u8]>) -> Result<(), FileError> {
        let path = path.as_ref();
        let ends = (1..=path.len()).filter(|end| *end == path.len() || path[*end] == b'/');
        for end in ends {
            match self.create_dir(&path[..end]).await {
                Err(error) if error.errno() == Some(Errno::EEXIST) => {}
                result => result?,
            }
        }
        match self.metadata(path).await?.kind {
            FileType::Directory => Ok(()),
            _ => Err(refused("make folder", path, Errno::ENOTDIR)),
        }
    }

    /// Removes a file, a symbolic link or another name that is no folder.
    ///
    /// # Errors
    /// Those of `unlink(2)`.
    pub async fn remove_file(&self, path: impl AsRef<[u8]>) -> Result<(), FileError> {
        self.ask("remove", path.as_ref(), |kernel, path, now| kernel.fs_remove(path, false, now)).await
    }

    /// Removes an empty folder.
    ///
    /// # Errors
    /// Those of `rmdir(2)`.
    pub async fn remove_dir(&self, path: impl AsRef<[u8]>) -> Result<(), FileError> {
        self.ask("remove folder", path.as_ref(), |kernel, path, now| kernel.fs_remove(path, true, now)).await
    }

    /// Moves a name, replacing what has the new one.
    ///
    /// # Errors
    /// Those of `rename(2)`.
    pub async fn rename(&self, from: impl AsRef<[u8]>, to: impl AsRef<[u8]>) -> Result<(), FileError> {
        let to = to.as_ref().to_vec();
        self.ask("rename", from.as_ref(), move |kernel, from, now| kernel.fs_rename(from, &to, now)).await
    }

    /// Makes a symbolic link at `link` that leads to `target`.
    ///
    /// # Errors
    /// Those of `symlink(2)`.
    pub async fn symlink(&self, target: impl AsRef<[u8]>, link: impl AsRef<[u8]>) -> Result<(), FileError> {
        let target = target.as_ref().to_vec();
        self.ask("make link", link.as_ref(), move |kernel, link, now| kernel.fs_symlink(&target, link, now))
            .await
    }

    /// Where a symbolic link leads.
    ///
    /// # Errors
    /// Those of `readlink(2)`.
    pub async fn read_link(&self, path: impl AsRef<[u8]>) -> Result<Vec<u8>, FileError> {
        self.ask("read link", path.as_ref(), |kernel, path, now| kernel.fs_read_link(path, now)).await
    }

    /// Sets permission bits (`0o7777`).
    ///
    /// # Errors
    /// Those of `chmod(2)`.
    pub async fn set_permissions(&self, path: impl AsRef<[u8]>, mode: u32) -> Result<(), FileError> {
        self.ask("change", path.as_ref(), move |kernel, path, now| kernel.fs_set_mode(path, mode, now)).await
    }
}

fn refused(doing: &'static str, path: &[u8], errno: Errno) -> FileError {
    FileError::Refused { doing, path: String::from_utf8_lossy(path).into_owned(), errno }
}

/// Closes the file also when the operation on it fails or its future is dropped.
struct OpenFile<'a> {
    id: FileId,
    runtime: &'a Runtime,
}

impl Drop for OpenFile<'_> {
    fn drop(&mut self) {
        let id = self.id;
        self.runtime.post(move |kernel, now| kernel.fs_close(id, now));
    }
}
