//! What an application does to attributes: modes, owners, times, sizes, extended attributes.

use crate::errno::{Errno, Result};
use crate::fs::attributes::{MAX_XATTR_NAME, MAX_XATTR_VALUE, SetTime};
use crate::kernel::Kernel;
use crate::time::Now;

impl Kernel {
    /// Sets permission bits.
    ///
    /// # Errors
    /// Those of `chmod(2)`.
    pub fn fs_set_mode(&mut self, path: &[u8], mode: u32, now: Now) -> Result<()> {
        self.fs_request(now, |fs, who, env, root| {
            let at = fs.resolve(who, root, path, true)?;
            fs.set_mode(who, env, at, mode)
        })
    }

    /// Sets owner and group; `None` leaves one as it is. A symbolic link's own if `follow` is not set.
    ///
    /// # Errors
    /// Those of `chown(2)`.
    pub fn fs_set_owner(
        &mut self,
        path: &[u8],
        (uid, gid): (Option<u32>, Option<u32>),
        follow: bool,
        now: Now,
    ) -> Result<()> {
        // The value that means 'leave it' in the call itself (`chown(2)`).
        if uid == Some(u32::MAX) || gid == Some(u32::MAX) {
            return Err(Errno::EINVAL);
        }
        self.fs_request(now, |fs, who, env, root| {
            let at = fs.resolve(who, root, path, follow)?;
            fs.set_owner(who, env, at, uid, gid)
        })
    }

    /// Sets the times of last access and modification. A symbolic link's own if `follow` is not set.
    ///
    /// # Errors
    /// Those of `utimensat(2)`.
    pub fn fs_set_times(
        &mut self,
        path: &[u8],
        (atime, mtime): (SetTime, SetTime),
        follow: bool,
        now: Now,
    ) -> Result<()> {
        let valid = |time| !matches!(time, SetTime::At(at) if at.nanoseconds >= 1_000_000_000);
        if !valid(atime) || !valid(mtime) {
            return Err(Errno::EINVAL);
        }
        self.fs_request(now, |fs, who, env, root| {
            let at = fs.resolve(who, root, path, follow)?;
            fs.set_times(who, env, at, atime, mtime)
        })
    }

    /// Sets a regular file's size.
    ///
    /// # Errors
    /// Those of `truncate(2)`.
    pub fn fs_set_size(&mut self, path: &[u8], size: u64, now: Now) -> Result<()> {
        self.fs_request(now, |fs, who, env, root| {
            let at = fs.resolve(who, root, path, true)?;
            fs.set_size(who, env, at, size)
        })
    }

    /// An extended attribute's value; a symbolic link is not followed.
    ///
    /// # Errors
    /// Those of `lgetxattr(2)`.
    pub fn fs_xattr(&mut self, path: &[u8], name: &[u8], now: Now) -> Result<Vec<u8>> {
        self.fs_request(now, |fs, who, _, root| {
            let at = fs.resolve(who, root, path, false)?;
            fs.xattr(who, at, name).map(<[u8]>::to_vec)
        })
    }

    /// The names of the extended attributes; a symbolic link is not followed.
    ///
    /// # Errors
    /// Those of `llistxattr(2)`.
    pub fn fs_xattr_names(&mut self, path: &[u8], now: Now) -> Result<Vec<Vec<u8>>> {
        self.fs_request(now, |fs, who, _, root| {
            let at = fs.resolve(who, root, path, false)?;
            Ok(fs.xattr_names(who, at)?.into_iter().map(<[u8]>::to_vec).collect())
        })
    }

    /// Sets an extended attribute, or removes it; a symbolic link is not followed.
    ///
    /// # Errors
    /// Those of `lsetxattr(2)` and `lremovexattr(2)`.
    pub fn fs_set_xattr(&mut self, path: &[u8], name: &[u8], value: Option<&[u8]>, now: Now) -> Result<()> {
        if name.is_empty() || name.len() > MAX_XATTR_NAME {
            return Err(Errno::ERANGE);
        }
        if value.is_some_and(|value| value.len() > MAX_XATTR_VALUE) {
            return Err(Errno::E2BIG);
        }
        self.fs_request(now, |fs, who, env, root| {
            let at = fs.resolve(who, root, path, false)?;
            match value {
                Some(value) => fs.set_xattr(who, env, at, name, value, (false, false)),
                None => fs.remove_xattr(who, env, at, name),
            }
        })
    }
}
