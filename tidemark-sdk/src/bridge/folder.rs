//! A folder of the machine, as a bridge.
//!
//! No path leads out of it: the folders on the way are opened by cap-std one below the other, never through a link, and the
//! last name is used as it is, never through a link either. Files of the user who runs the application are
//! root's in the guest; others keep their owners.
//!
//! Everything here blocks, so it runs on threads of the `blocking` crate.

#![allow(
    clippy::unnecessary_cast,
    clippy::useless_conversion,
    reason = "the types of what systems tell of files differ between them"
)]

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use blocking::unblock;
use cap_fs_ext::DirExt;
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use futures::FutureExt;
use futures::future::BoxFuture;
use rustix::fs::{AtFlags, Gid, Mode, OFlags, RenameFlags, Stat, Timestamps, Uid};
use tidemark_kernel::Errno;
use tidemark_kernel::fs::node::{Attr, FileType};

use super::{
    Access, Bridged, Changed, Device, FileBridge, FileStat, ListedName, Names, Opened, Rename, SetTime,
    Space, Subject, Timestamp, Written,
};

/// A folder of the machine, to be mounted in a guest.
#[derive(Clone, Debug)]
pub struct HostFolder {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    root: Dir,
    root_device: u64,
    own: (u32, u32),
    read_only: bool,
    files: Mutex<HashMap<u64, Arc<OpenFile>>>,
    next: AtomicU64,
}

#[derive(Debug)]
struct OpenFile {
    file: File,
    /// Whether the host appends what is written, wherever it is to go (`O_APPEND`). Held while something is written.
    appends: Mutex<bool>,
}

impl HostFolder {
    /// Opens a folder. Blocks as `open(2)` does.
    ///
    /// # Errors
    /// The platform's: it is not there, not a folder, not readable.
    pub fn open(path: impl AsRef<Path>) -> io::Result<HostFolder> {
        HostFolder::with(path.as_ref(), false)
    }

    /// As [`open`](Self::open), but whatever would change something is refused with `EROFS`.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_read_only(path: impl AsRef<Path>) -> io::Result<HostFolder> {
        HostFolder::with(path.as_ref(), true)
    }

    fn with(path: &Path, read_only: bool) -> io::Result<HostFolder> {
        let root = Dir::open_ambient_dir(path, ambient_authority())?;
        // What cannot be listed is found out now rather than by the guest.
        root.entries()?;
        let root_device = rustix::fs::fstat(&root)?.st_dev as u64;
        let own = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        Ok(HostFolder {
            inner: Arc::new(Inner {
                root,
                root_device,
                own,
                read_only,
                files: Mutex::new(HashMap::new()),
                next: AtomicU64::new(1),
            }),
        })
    }

    /// Runs `job` where it may block.
    fn run<T: Send + 'static>(
        &self,
        changes: bool,
        job: impl FnOnce(&Inner) -> Result<T, Errno> + Send + 'static,
    ) -> Bridged<'static, T> {
        let inner = Arc::clone(&self.inner);
        if changes && inner.read_only {
            return async { Err(Errno::EROFS) }.boxed();
        }
        unblock(move || job(&inner)).boxed()
    }
}

/// What the host's error is to the guest. Their numbers are those of Linux on Linux only.
fn errno(error: impl Into<io::Error>) -> Errno {
    let error: io::Error = error.into();
    use rustix::io::Errno as Host;
    let Some(host) = Host::from_io_error(&error) else {
        return match error.kind() {
            // cap-std's answer to a path that would lead out.
            io::ErrorKind::PermissionDenied => Errno::EACCES,
            io::ErrorKind::NotFound => Errno::ENOENT,
            _ => Errno::EIO,
        };
    };
    match host {
        Host::PERM => Errno::EPERM,
        Host::NOENT => Errno::ENOENT,
        Host::ACCESS => Errno::EACCES,
        Host::EXIST => Errno::EEXIST,
        Host::XDEV => Errno::EXDEV,
        Host::NOTDIR => Errno::ENOTDIR,
        Host::ISDIR => Errno::EISDIR,
        Host::INVAL => Errno::EINVAL,
        Host::NFILE | Host::MFILE => Errno::ENFILE,
        Host::TXTBSY => Errno::ETXTBSY,
        Host::FBIG => Errno::EFBIG,
        Host::NOSPC => Errno::ENOSPC,
        Host::ROFS => Errno::EROFS,
        Host::MLINK => Errno::EMLINK,
        Host::NAMETOOLONG => Errno::ENAMETOOLONG,
        Host::NOTEMPTY => Errno::ENOTEMPTY,
        Host::LOOP => Errno::ELOOP,
        Host::DQUOT => Errno::EDQUOT,
        Host::STALE => Errno::ESTALE,
        Host::BUSY => Errno::EBUSY,
        Host::BADF => Errno::EBADF,
        Host::NOMEM => Errno::ENOMEM,
        Host::OPNOTSUPP => Errno::EOPNOTSUPP,
        Host::NXIO => Errno::ENXIO,
        _ => Errno::EIO,
    }
}

/// The folder a name is in, and the name: `.` for the root.
struct Place<'a> {
    dir: Option<Dir>,
    root: &'a Dir,
    name: &'a OsStr,
}

impl AsFd for Place<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.dir.as_ref().unwrap_or(self.root).as_fd()
    }
}

impl Inner {
    fn place<'a>(&'a self, path: &'a [u8]) -> Result<Place<'a>, Errno> {
        let (parent, name) = match path.iter().rposition(|byte| *byte == b'/') {
            Some(slash) => (Some(&path[..slash]), &path[slash + 1..]),
            None => (None, path),
        };
        // The kernel resolves these itself; nobody else is to make them mean something.
        if name == b".." || name == b"." || path.contains(&0) || (name.is_empty() && !path.is_empty()) {
            return Err(Errno::EINVAL);
        }
        let name = if name.is_empty() { OsStr::new(".") } else { OsStr::from_bytes(name) };
        let mut dir = None;
        for name in parent.into_iter().flat_map(|parent| parent.split(|byte| *byte == b'/')) {
            let above = dir.as_ref().unwrap_or(&self.root);
            // A link in the place of a directory is none, wherever it leads.
            let opened =
                above.open_dir_nofollow(OsStr::from_bytes(name)).map_err(|error| match errno(error) {
                    Errno::ELOOP => Errno::ENOTDIR,
                    errno => errno,
                })?;
            dir = Some(opened);
        }
        Ok(Place { dir, root: &self.root, name })
    }

    fn file(&self, handle: u64) -> Result<Arc<OpenFile>, Errno> {
        self.files().get(&handle).cloned().ok_or(Errno::EBADF)
    }

    fn files(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Arc<OpenFile>>> {
        // Its holders only insert and remove.
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stat_path(&self, path: &[u8]) -> Result<FileStat, Errno> {
        let place = self.place(path)?;
        let stat = rustix::fs::statat(&place, place.name, AtFlags::SYMLINK_NOFOLLOW).map_err(errno)?;
        let attr = self.attr(&stat);
        let target = match attr.kind {
            FileType::Symlink => {
                rustix::fs::readlinkat(&place, place.name, Vec::new()).map_err(errno)?.into_bytes()
            }
            _ => Vec::new(),
        };
        Ok(FileStat { attr, target })
    }

    fn stat_file(&self, file: &File) -> Result<FileStat, Errno> {
        let stat = rustix::fs::fstat(file).map_err(errno)?;
        Ok(FileStat { attr: self.attr(&stat), target: Vec::new() })
    }

    fn attr(&self, stat: &Stat) -> Attr {
        let mode = u32::from(stat.st_mode);
        let kind = FileType::from_mode(mode).unwrap_or(FileType::Socket);
        let mut attr =
            Attr::synthetic(self.ino(stat.st_dev as u64, stat.st_ino), kind, (mode & 0o7777) as u16);
        attr.nlink = u32::try_from(stat.st_nlink).unwrap_or(u32::MAX);
        (attr.uid, attr.gid) = if stat.st_uid == self.own.0 { (0, 0) } else { (stat.st_uid, stat.st_gid) };
        attr.rdev = Device {
            major: rustix::fs::major(stat.st_rdev as _),
            minor: rustix::fs::minor(stat.st_rdev as _),
        };
        attr.size = u64::try_from(stat.st_size).unwrap_or(0);
        attr.allocated = u64::try_from(stat.st_blocks).unwrap_or(0) * 512;
        let time = |seconds: i64, nanoseconds: i64| Timestamp {
            seconds,
            nanoseconds: u32::try_from(nanoseconds).unwrap_or(0),
        };
        attr.atime = time(stat.st_atime as i64, stat.st_atime_nsec as i64);
        attr.mtime = time(stat.st_mtime as i64, stat.st_mtime_nsec as i64);
        attr.ctime = time(stat.st_ctime as i64, stat.st_ctime_nsec as i64);
        // When it was made is not told by all systems.
        attr.btime = attr.ctime;
        attr
    }

    /// A file's number, also where another file system is mounted in the folder.
    fn ino(&self, device: u64, ino: u64) -> u64 {
        /// Spreads device numbers over all bits (2^64 divided by the golden ratio).
        const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
        ino ^ (device ^ self.root_device).wrapping_mul(SPREAD)
    }

    fn open(&self, path: &[u8], access: Access, more: OFlags, perm: u16) -> Result<(File, FileStat), Errno> {
        let mode = match (access.read, access.write) {
            (_, false) => OFlags::RDONLY,
            (false, true) => OFlags::WRONLY,
            (true, true) => OFlags::RDWR,
        };
        if self.read_only && (access.write || access.truncate) {
            return Err(Errno::EROFS);
        }
        let place = self.place(path)?;
        // A pipe that somebody put there is not waited for.
        let flags = mode | more | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let mode = Mode::from_raw_mode(perm.into());
        let file = File::from(rustix::fs::openat(&place, place.name, flags, mode).map_err(errno)?);
        let stat = self.stat_file(&file)?;
        if stat.attr.kind != FileType::Regular {
            return Err(if stat.attr.kind == FileType::Directory { Errno::EISDIR } else { Errno::ENXIO });
        }
        if access.truncate {
            rustix::fs::ftruncate(&file, 0).map_err(errno)?;
            let stat = self.stat_file(&file)?;
            return Ok((file, stat));
        }
        Ok((file, stat))
    }

    fn keep(&self, (file, stat): (File, FileStat)) -> Opened {
        let handle = self.next.fetch_add(1, Ordering::Relaxed);
        self.files().insert(handle, Arc::new(OpenFile { file, appends: Mutex::new(false) }));
        Opened { handle, stat }
    }

    /// Gives a new file to the guest's user, where this process may.
    fn give(&self, place: &Place<'_>, (uid, gid): (u32, u32)) {
        if (uid, gid) != (0, 0) && self.own.0 == 0 {
            let flags = AtFlags::SYMLINK_NOFOLLOW;
            // Otherwise it is the running user's: root's, that is.
            let _ = rustix::fs::chownat(place, place.name, self.host_uid(uid), self.host_gid(gid), flags);
        }
    }

    fn host_uid(&self, uid: u32) -> Option<Uid> {
        Some(Uid::from_raw(if uid == 0 { self.own.0 } else { uid }))
    }

    fn host_gid(&self, gid: u32) -> Option<Gid> {
        Some(Gid::from_raw(if gid == 0 { self.own.1 } else { gid }))
    }

    fn list(&self, path: &[u8]) -> Result<Names, Errno> {
        let place = self.place(path)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let dir = rustix::fs::openat(&place, place.name, flags, Mode::empty()).map_err(errno)?;
        let device = rustix::fs::fstat(&dir).map_err(errno)?.st_dev as u64;
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&dir).map_err(errno)? {
            let entry = entry.map_err(errno)?;
            let name = entry.file_name().to_bytes();
            if name == b"." || name == b".." {
                continue;
            }
            use rustix::fs::FileType as Host;
            let kind = match entry.file_type() {
                Host::RegularFile => FileType::Regular,
                Host::Directory => FileType::Directory,
                Host::Symlink => FileType::Symlink,
                Host::Fifo => FileType::Fifo,
                Host::Socket => FileType::Socket,
                Host::CharacterDevice => FileType::Char,
                Host::BlockDevice => FileType::Block,
                // Not all file systems say.
                Host::Unknown => rustix::fs::statat(&dir, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW)
                    .ok()
                    .and_then(|stat| FileType::from_mode(stat.st_mode.into()))
                    .unwrap_or(FileType::Regular),
            };
            names.push(ListedName { name: name.to_vec(), ino: self.ino(device, entry.ino()), kind });
        }
        Ok(Names { names: names.into(), next: None })
    }

    fn change(&self, of: &Subject, to: Changed) -> Result<FileStat, Errno> {
        match of {
            Subject::Handle(handle) => {
                let open = self.file(*handle)?;
                let file = &open.file;
                if let Some(size) = to.size {
                    rustix::fs::ftruncate(file, size).map_err(errno)?;
                }
                if to.uid.is_some() || to.gid.is_some() {
                    let (uid, gid) = self.host_owner(to);
                    rustix::fs::fchown(file, uid, gid).map_err(errno)?;
                }
                if let Some(perm) = to.perm {
                    rustix::fs::fchmod(file, Mode::from_raw_mode(perm.into())).map_err(errno)?;
                }
                if let Some(times) = times(to) {
                    rustix::fs::futimens(file, &times).map_err(errno)?;
                }
                self.stat_file(file)
            }
            Subject::Path(path) => {
                let before = self.stat_path(path)?;
                let place = self.place(path)?;
                if let Some(size) = to.size {
                    let access = Access { write: true, ..Access::default() };
                    let (file, _) = self.open(path, access, OFlags::empty(), 0)?;
                    rustix::fs::ftruncate(&file, size).map_err(errno)?;
                }
                if to.uid.is_some() || to.gid.is_some() {
                    let (uid, gid) = self.host_owner(to);
                    rustix::fs::chownat(&place, place.name, uid, gid, AtFlags::SYMLINK_NOFOLLOW)
                        .map_err(errno)?;
                }
                if let Some(perm) = to.perm {
                    // A symbolic link has no permissions of its own, and changing them would follow it.
                    if before.attr.kind == FileType::Symlink {
                        return Err(Errno::EOPNOTSUPP);
                    }
                    self.set_mode(&place, perm)?;
                }
                if let Some(times) = times(to) {
                    rustix::fs::utimensat(&place, place.name, &times, AtFlags::SYMLINK_NOFOLLOW)
                        .map_err(errno)?;
                }
                self.stat_path(path)
            }
        }
    }

    /// Sets permissions of what is no symbolic link, through a descriptor, so that it cannot become one meanwhile; where
    /// the file may not be read, by its name.
    fn set_mode(&self, place: &Place<'_>, perm: u16) -> Result<(), Errno> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let mode = Mode::from_raw_mode(perm.into());
        match rustix::fs::openat(place, place.name, flags, Mode::empty()) {
            Ok(file) => rustix::fs::fchmod(&file, mode).map_err(errno),
            Err(rustix::io::Errno::ACCESS) => {
                rustix::fs::chmodat(place, place.name, mode, AtFlags::empty()).map_err(errno)
            }
            Err(error) => Err(errno(error)),
        }
    }

    fn host_owner(&self, to: Changed) -> (Option<Uid>, Option<Gid>) {
        (to.uid.and_then(|uid| self.host_uid(uid)), to.gid.and_then(|gid| self.host_gid(gid)))
    }

    fn rename(&self, from: &[u8], to: &[u8], how: Rename) -> Result<(), Errno> {
        let (from, to) = (self.place(from)?, self.place(to)?);
        let result = match how {
            Rename::Replace => rustix::fs::renameat(&from, from.name, &to, to.name),
            Rename::NoReplace => {
                rustix::fs::renameat_with(&from, from.name, &to, to.name, RenameFlags::NOREPLACE)
            }
            Rename::Exchange => {
                rustix::fs::renameat_with(&from, from.name, &to, to.name, RenameFlags::EXCHANGE)
            }
        };
        result.map_err(errno)
    }
}

fn times(to: Changed) -> Option<Timestamps> {
    if to.atime.is_none() && to.mtime.is_none() {
        return None;
    }
    let time = |time: Option<SetTime>| match time {
        None | Some(SetTime::Omit) => rustix::fs::Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_OMIT },
        Some(SetTime::Now) => rustix::fs::Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_NOW },
        Some(SetTime::At(time)) => {
            rustix::fs::Timespec { tv_sec: time.seconds, tv_nsec: time.nanoseconds.into() }
        }
    };
    Some(Timestamps { last_access: time(to.atime), last_modification: time(to.mtime) })
}

impl FileBridge for HostFolder {
    fn stat<'a>(&'a self, of: &'a Subject) -> Bridged<'a, FileStat> {
        let of = of.clone();
        self.run(false, move |inner| match of {
            Subject::Path(path) => inner.stat_path(&path),
            Subject::Handle(handle) => inner.stat_file(&inner.file(handle)?.file),
        })
    }

    fn list<'a>(&'a self, path: &'a [u8], _position: u64) -> Bridged<'a, Names> {
        let path = path.to_vec();
        self.run(false, move |inner| inner.list(&path))
    }

    fn open<'a>(&'a self, path: &'a [u8], access: Access) -> Bridged<'a, Opened> {
        let path = path.to_vec();
        self.run(access.write || access.truncate, move |inner| {
            Ok(inner.keep(inner.open(&path, access, OFlags::empty(), 0)?))
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
        let path = path.to_vec();
        self.run(true, move |inner| {
            // First as new, so that it is known whose permissions it gets.
            match inner.open(&path, access, OFlags::CREATE | OFlags::EXCL, perm) {
                Ok((file, _)) => {
                    inner.give(&inner.place(&path)?, owner);
                    // The umask of this process is not the guest's.
                    rustix::fs::fchmod(&file, Mode::from_raw_mode(perm.into())).map_err(errno)?;
                    let stat = inner.stat_file(&file)?;
                    Ok(inner.keep((file, stat)))
                }
                Err(Errno::EEXIST) if !exclusive => {
                    Ok(inner.keep(inner.open(&path, access, OFlags::empty(), 0)?))
                }
                Err(errno) => Err(errno),
            }
        })
    }

    fn read(&self, handle: u64, offset: u64, len: usize) -> Bridged<'_, Vec<u8>> {
        self.run(false, move |inner| {
            let open = inner.file(handle)?;
            let file = &open.file;
            let mut bytes = vec![0; len];
            let mut done = 0;
            while done < len {
                match file.read_at(&mut bytes[done..], offset.saturating_add(done as u64)) {
                    Ok(0) => break,
                    Ok(count) => done += count,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(errno(error)),
                }
            }
            bytes.truncate(done);
            Ok(bytes)
        })
    }

    fn write(&self, handle: u64, offset: Option<u64>, data: Arc<[u8]>) -> Bridged<'_, Written> {
        self.run(true, move |inner| {
            let open = inner.file(handle)?;
            let (count, end) = open.write(offset, &data)?;
            Ok(Written { count, end, stat: inner.stat_file(&open.file)? })
        })
    }

    fn make_directory<'a>(&'a self, path: &'a [u8], perm: u16, owner: (u32, u32)) -> Bridged<'a, FileStat> {
        let path = path.to_vec();
        self.run(true, move |inner| {
            let place = inner.place(&path)?;
            rustix::fs::mkdirat(&place, place.name, Mode::from_raw_mode(perm.into())).map_err(errno)?;
            inner.give(&place, owner);
            inner.set_mode(&place, perm)?;
            inner.stat_path(&path)
        })
    }

    fn symlink<'a>(&'a self, path: &'a [u8], target: &'a [u8], owner: (u32, u32)) -> Bridged<'a, FileStat> {
        let (path, target) = (path.to_vec(), target.to_vec());
        self.run(true, move |inner| {
            let place = inner.place(&path)?;
            rustix::fs::symlinkat(target.as_slice(), &place, place.name).map_err(errno)?;
            inner.give(&place, owner);
            inner.stat_path(&path)
        })
    }

    fn link<'a>(&'a self, from: &'a [u8], to: &'a [u8]) -> Bridged<'a, FileStat> {
        let (from, to) = (from.to_vec(), to.to_vec());
        self.run(true, move |inner| {
            let (old, new) = (inner.place(&from)?, inner.place(&to)?);
            rustix::fs::linkat(&old, old.name, &new, new.name, AtFlags::empty()).map_err(errno)?;
            inner.stat_path(&to)
        })
    }

    fn rename<'a>(&'a self, from: &'a [u8], to: &'a [u8], how: Rename) -> Bridged<'a, ()> {
        let (from, to) = (from.to_vec(), to.to_vec());
        self.run(true, move |inner| inner.rename(&from, &to, how))
    }

    fn remove<'a>(&'a self, path: &'a [u8], directory: bool) -> Bridged<'a, ()> {
        let path = path.to_vec();
        self.run(true, move |inner| {
            let place = inner.place(&path)?;
            let flags = if directory { AtFlags::REMOVEDIR } else { AtFlags::empty() };
            rustix::fs::unlinkat(&place, place.name, flags).map_err(errno)
        })
    }

    fn change<'a>(&'a self, of: &'a Subject, to: Changed) -> Bridged<'a, FileStat> {
        let of = of.clone();
        self.run(true, move |inner| inner.change(&of, to))
    }

    fn sync(&self, handle: u64) -> Bridged<'_, ()> {
        self.run(false, move |inner| inner.file(handle)?.file.sync_all().map_err(errno))
    }

    fn space(&self) -> Bridged<'_, Space> {
        self.run(false, |inner| {
            let space = rustix::fs::fstatvfs(&inner.root).map_err(errno)?;
            Ok(Space {
                block_bytes: space.f_frsize,
                blocks: space.f_blocks,
                free: space.f_bfree,
                available: space.f_bavail,
                files: space.f_files,
                free_files: space.f_ffree,
            })
        })
    }

    fn close(&self, handle: u64) -> BoxFuture<'_, ()> {
        let inner = Arc::clone(&self.inner);
        unblock(move || drop(inner.files().remove(&handle))).boxed()
    }
}

impl OpenFile {
    /// Writes at an offset or at the end: how much, and where the end of it is.
    fn write(&self, offset: Option<u64>, data: &[u8]) -> Result<(usize, u64), Errno> {
        let mut appends = self.appends.lock().unwrap_or_else(PoisonError::into_inner);
        if *appends != offset.is_none() {
            let mut flags = rustix::fs::fcntl_getfl(&self.file).map_err(errno)?;
            flags.set(OFlags::APPEND, offset.is_none());
            rustix::fs::fcntl_setfl(&self.file, flags).map_err(errno)?;
            *appends = offset.is_none();
        }
        match offset {
            Some(offset) => {
                let count = self.file.write_at(data, offset).map_err(errno)?;
                Ok((count, offset.saturating_add(count as u64)))
            }
            None => {
                let count = rustix::io::write(&self.file, data).map_err(errno)?;
                // An appending write leaves the file's own offset behind what it wrote, and nothing else uses that.
                let end = rustix::fs::seek(&self.file, rustix::fs::SeekFrom::Current(0)).map_err(errno)?;
                Ok((count, end))
            }
        }
    }
}
