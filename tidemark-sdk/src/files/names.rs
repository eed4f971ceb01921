//! Names: listing, making, linking, moving and removing them.

use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use tidemark_kernel::Kernel;
use tidemark_kernel::errno::Errno;
use tidemark_kernel::fs::layer::format::Device;
use tidemark_kernel::fs::node::{FileType, NewNode};
use tidemark_kernel::fs::request::{DirItem, DirPart, Rename};

use super::{FileError, Files, NEW_DIR, refused};

/// A node that is neither file, folder nor symbolic link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SpecialFile {
    /// A character device.
    CharDevice(Device),
    /// A block device.
    BlockDevice(Device),
    /// A named pipe.
    Fifo,
    /// A Unix socket's name.
    Socket,
}

impl Files {
    /// The entries of a folder, without `.` and `..`.
    ///
    /// # Errors
    /// `ENOTDIR` and the others of path look-up.
    pub async fn read_dir(&self, path: impl AsRef<[u8]>) -> Result<Vec<DirItem>, FileError> {
        self.entries(path).try_collect().await
    }

    /// As [`read_dir`](Self::read_dir), as they are asked for: of a folder of any size, few are held in memory.
    pub fn entries(&self, path: impl AsRef<[u8]>) -> BoxStream<'static, Result<DirItem, FileError>> {
        let state = (self.clone(), path.as_ref().to_vec(), Some(0));
        let parts = stream::try_unfold(state, |(files, path, position)| async move {
            let Some(at) = position else { return Ok(None) };
            let list = move |kernel: &mut Kernel, path: &[u8], now| kernel.fs_read_dir(path, at, now);
            let DirPart { items, next } = files.ask("list", &path, list).await?;
            Ok::<_, FileError>(Some((stream::iter(items.into_iter().map(Ok)), (files, path, next))))
        });
        parts.try_flatten().boxed()
    }

    /// Makes a folder (mode 0755).
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

    /// Makes a device, a named pipe or a socket's name with these permission bits.
    ///
    /// # Errors
    /// Those of `mknod(2)`.
    pub async fn create_special(
        &self,
        path: impl AsRef<[u8]>,
        what: SpecialFile,
        mode: u16,
    ) -> Result<(), FileError> {
        let new = match what {
            SpecialFile::CharDevice(device) => NewNode::Char(device),
            SpecialFile::BlockDevice(device) => NewNode::Block(device),
            SpecialFile::Fifo => NewNode::Fifo,
            SpecialFile::Socket => NewNode::Socket,
        };
        self.ask("make", path.as_ref(), move |kernel, path, now| {
            kernel.fs_make_node(path, new.clone(), mode, now)
        })
        .await
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

    /// Removes a folder with all that is in it, or another name; symbolic links are removed, not followed.
    ///
    /// # Errors
    /// `EBUSY` for a folder that something is mounted on, `ENOTEMPTY` when guests make files as fast as they are removed,
    /// and the others of `unlink(2)` and `rmdir(2)`; a part is removed then.
    pub async fn remove_all(&self, path: impl AsRef<[u8]>) -> Result<(), FileError> {
        let path = path.as_ref();
        if self.symlink_metadata(path).await?.kind != FileType::Directory {
            return self.remove_file(path).await;
        }
        // Folders whose entries are still to be removed; a folder is seen again once they are.
        let mut folders = vec![(path.to_vec(), false)];
        while let Some((folder, emptied)) = folders.pop() {
            if emptied {
                self.remove_dir(&folder).await?;
                continue;
            }
            folders.push((folder.clone(), true));
            let mut entries = self.entries(&folder);
            while let Some(entry) = entries.try_next().await? {
                let below = [&folder[..], b"/", &entry.name].concat();
                match entry.kind {
                    FileType::Directory => folders.push((below, false)),
                    _ => match self.remove_file(&below).await {
                        Err(error) if error.errno() == Some(Errno::ENOENT) => {}
                        result => result?,
                    },
                }
            }
        }
        Ok(())
    }

    /// Moves a name, replacing what has the new one.
    ///
    /// # Errors
    /// Those of `rename(2)`.
    pub async fn rename(&self, from: impl AsRef<[u8]>, to: impl AsRef<[u8]>) -> Result<(), FileError> {
        self.rename_with(from, to, Rename::Replace).await
    }

    /// Moves a name; `how` says what becomes of the one that has the new name.
    ///
    /// # Errors
    /// Those of `renameat2(2)`.
    pub async fn rename_with(
        &self,
        from: impl AsRef<[u8]>,
        to: impl AsRef<[u8]>,
        how: Rename,
    ) -> Result<(), FileError> {
        let to = second("rename", to.as_ref())?;
        self.ask("rename", from.as_ref(), move |kernel, from, now| kernel.fs_rename(from, &to, how, now))
            .await
    }

    /// Gives a file another name; a symbolic link is not followed.
    ///
    /// # Errors
    /// Those of `link(2)`.
    pub async fn hard_link(
        &self,
        original: impl AsRef<[u8]>,
        link: impl AsRef<[u8]>,
    ) -> Result<(), FileError> {
        let link = second("link", link.as_ref())?;
        self.ask("link", original.as_ref(), move |kernel, original, now| kernel.fs_link(original, &link, now))
            .await
    }

    /// Makes a symbolic link at `link` that leads to `target`.
    ///
    /// # Errors
    /// Those of `symlink(2)`.
    pub async fn symlink(&self, target: impl AsRef<[u8]>, link: impl AsRef<[u8]>) -> Result<(), FileError> {
        let target = second("link to", target.as_ref())?;
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
}

/// The second path of a request that has two.
fn second(doing: &'static str, path: &[u8]) -> Result<Vec<u8>, FileError> {
    super::check_path(path).map_err(|errno| refused(doing, path, errno))?;
    Ok(path.to_vec())
}
