//! What files are like: kinds, sizes, permissions, owners, times, extended attributes.

use tidemark_kernel::errno::Errno;
use tidemark_kernel::fs::node::Attr;
use tidemark_kernel::fs::request::SetTime;

use super::{FileError, Files};

impl Files {
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

    /// Whether a path leads to something; a symbolic link at its end is followed.
    ///
    /// # Errors
    /// Those of `stat(2)` but `ENOENT` and `ENOTDIR`, which are the answer.
    pub async fn exists(&self, path: impl AsRef<[u8]>) -> Result<bool, FileError> {
        match self.metadata(path).await {
            Ok(_) => Ok(true),
            Err(error) if matches!(error.errno(), Some(Errno::ENOENT | Errno::ENOTDIR)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Sets permission bits (`0o7777`); a symbolic link is followed.
    ///
    /// # Errors
    /// Those of `chmod(2)`.
    pub async fn set_permissions(&self, path: impl AsRef<[u8]>, mode: u32) -> Result<(), FileError> {
        self.ask("change", path.as_ref(), move |kernel, path, now| kernel.fs_set_mode(path, mode, now)).await
    }

    /// Sets owner and group; `None` leaves one as it is. A symbolic link is followed. As `chown(2)` does, this takes the
    /// set-id bits off a file.
    ///
    /// # Errors
    /// Those of `chown(2)`.
    pub async fn set_owner(
        &self,
        path: impl AsRef<[u8]>,
        uid: Option<u32>,
        gid: Option<u32>,
    ) -> Result<(), FileError> {
        self.owner(path.as_ref(), (uid, gid), true).await
    }

    /// As [`set_owner`](Self::set_owner), but of a symbolic link itself.
    ///
    /// # Errors
    /// Those of `lchown(2)`.
    pub async fn set_symlink_owner(
        &self,
        path: impl AsRef<[u8]>,
        uid: Option<u32>,
        gid: Option<u32>,
    ) -> Result<(), FileError> {
        self.owner(path.as_ref(), (uid, gid), false).await
    }

    async fn owner(
        &self,
        path: &[u8],
        ids: (Option<u32>, Option<u32>),
        follow: bool,
    ) -> Result<(), FileError> {
        self.ask("change the owner of", path, move |kernel, path, now| {
            kernel.fs_set_owner(path, ids, follow, now)
        })
        .await
    }

    /// Sets the times of last access and last modification; a symbolic link is followed.
    ///
    /// # Errors
    /// Those of `utimensat(2)`.
    pub async fn set_times(
        &self,
        path: impl AsRef<[u8]>,
        accessed: SetTime,
        modified: SetTime,
    ) -> Result<(), FileError> {
        self.times(path.as_ref(), (accessed, modified), true).await
    }

    /// As [`set_times`](Self::set_times), but of a symbolic link itself.
    ///
    /// # Errors
    /// Those of `utimensat(2)`.
    pub async fn set_symlink_times(
        &self,
        path: impl AsRef<[u8]>,
        accessed: SetTime,
        modified: SetTime,
    ) -> Result<(), FileError> {
        self.times(path.as_ref(), (accessed, modified), false).await
    }

    async fn times(&self, path: &[u8], times: (SetTime, SetTime), follow: bool) -> Result<(), FileError> {
        self.ask("set the times of", path, move |kernel, path, now| {
            kernel.fs_set_times(path, times, follow, now)
        })
        .await
    }

    /// Cuts a file to `size` bytes, or extends it by a hole.
    ///
    /// # Errors
    /// Those of `truncate(2)`.
    pub async fn set_len(&self, path: impl AsRef<[u8]>, size: u64) -> Result<(), FileError> {
        self.ask("set the size of", path.as_ref(), move |kernel, path, now| {
            kernel.fs_set_size(path, size, now)
        })
        .await
    }

    /// An extended attribute by its full name (`user.comment`); a symbolic link is not followed.
    ///
    /// # Errors
    /// `ENODATA` when it has none of this name, and the others of `lgetxattr(2)`.
    pub async fn xattr(&self, path: impl AsRef<[u8]>, name: impl AsRef<[u8]>) -> Result<Vec<u8>, FileError> {
        let name = name.as_ref().to_vec();
        self.ask("read an attribute of", path.as_ref(), move |kernel, path, now| {
            kernel.fs_xattr(path, &name, now)
        })
        .await
    }

    /// The names of the extended attributes; a symbolic link is not followed.
    ///
    /// # Errors
    /// Those of `llistxattr(2)`.
    pub async fn xattr_names(&self, path: impl AsRef<[u8]>) -> Result<Vec<Vec<u8>>, FileError> {
        let path = path.as_ref();
        self.ask("list attributes of", path, |kernel, path, now| kernel.fs_xattr_names(path, now)).await
    }

    /// Sets an extended attribute; a symbolic link is not followed.
    ///
    /// # Errors
    /// Those of `lsetxattr(2)`.
    pub async fn set_xattr(
        &self,
        path: impl AsRef<[u8]>,
        name: impl AsRef<[u8]>,
        value: impl AsRef<[u8]>,
    ) -> Result<(), FileError> {
        let value = value.as_ref().to_vec();
        self.change_xattr(path.as_ref(), name.as_ref(), Some(value)).await
    }

    /// Removes an extended attribute; a symbolic link is not followed.
    ///
    /// # Errors
    /// Those of `lremovexattr(2)`.
    pub async fn remove_xattr(
        &self,
        path: impl AsRef<[u8]>,
        name: impl AsRef<[u8]>,
    ) -> Result<(), FileError> {
        self.change_xattr(path.as_ref(), name.as_ref(), None).await
    }

    async fn change_xattr(&self, path: &[u8], name: &[u8], value: Option<Vec<u8>>) -> Result<(), FileError> {
        let name = name.to_vec();
        self.ask("set an attribute of", path, move |kernel, path, now| {
            kernel.fs_set_xattr(path, &name, value.as_deref(), now)
        })
        .await
    }
}
