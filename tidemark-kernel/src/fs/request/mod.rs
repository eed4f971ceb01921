//! What an application does to a guest's files: the requests behind the SDK's `files()`.
//!
//! Requests act as the superuser, from the root, and never wait. One moves at most [`STEP_BYTES`], so that none holds the
//! kernel for long; a caller goes on where one ended.

mod attributes;
mod watch;

pub use super::attributes::SetTime;
pub use super::inotify::Mask as WatchMask;
pub use super::names::Rename;

use super::node::{Attr, FileType, Listed, Location, NewNode};
use super::open::How;
use super::path::{Resolve, Walker};
use super::view::{Env, View};
use super::{FileId, Vfs};
use crate::errno::{Errno, Result};
use crate::fs::flags::OpenFlags;
use crate::fs::proc::TextState;
use crate::kernel::Kernel;
use crate::limits::STEP_BYTES;
use crate::mem::io::{IoSink, IoSource};
use crate::net::socket::Sender;
use crate::system::System;
use crate::task::Creds;
use crate::time::Now;

/// One entry that a directory lists to the application.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DirItem {
    /// Its name.
    pub name: Vec<u8>,
    /// Its type.
    pub kind: FileType,
}

/// Part of a directory.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DirPart {
    /// Entries, without `.` and `..`.
    pub items: Vec<DirItem>,
    /// Where to go on; `None` at the end.
    pub next: Option<u64>,
}

/// Entries that one request lists at the most.
const LIST_STEP: usize = 256;

impl System {
    /// Runs `f` with the files, as the superuser.
    fn as_root<R>(&mut self, f: impl FnOnce(&mut Vfs, &Walker<'_>, &mut Env<'_>, Location) -> R) -> R {
        let creds = Creds::user(0, 0);
        let view = View {
            tasks: &self.tasks,
            spaces: &self.mem.spaces,
            usage: self.mem.frames.usage(),
            limits: &self.limits,
            now: self.now,
            boot: self.boot,
            workers: self.workers.len(),
            caller: None,
        };
        let root = self.fs.root();
        let limits = Resolve::default();
        let who = Walker { creds: &creds, root, cwd: root, view, limits, in_steps: None };
        let mut env = Env {
            frames: &mut self.mem.frames,
            woken: &mut self.woken,
            entropy: &mut self.entropy,
            timers: &mut self.timers,
            now: self.now,
            file_limit: u64::MAX,
            keep_set_id: true,
            sender: Sender::NOBODY,
        };
        f(&mut self.fs, &who, &mut env, root)
    }
}

impl Kernel {
    fn fs_request<R>(
        &mut self,
        now: Now,
        f: impl FnOnce(&mut Vfs, &Walker<'_>, &mut Env<'_>, Location) -> Result<R>,
    ) -> Result<R> {
        self.sys.now = now;
        let result = self.sys.as_root(f);
        self.settle();
        result
    }

    /// Opens a file; [`Kernel::fs_close`] ends it. With [`OpenFlags::CREATE`] it is made with these permissions.
    ///
    /// # Errors
    /// Those of `open(2)`.
    pub fn fs_open(&mut self, path: &[u8], flags: OpenFlags, perm: u16, now: Now) -> Result<FileId> {
        // A request never waits, not for a named pipe's other end either.
        let how = How { flags: flags.and(OpenFlags::KNOWN).with(OpenFlags::NON_BLOCK), perm };
        self.fs_request(now, |fs, who, env, root| fs.open(who, env, root, path, how))
    }

    /// Closes a file that [`Kernel::fs_open`] opened.
    pub fn fs_close(&mut self, file: FileId, now: Now) {
        self.sys.now = now;
        self.sys.fs.release(file);
        self.settle();
    }

    /// Reads from `offset` on; 0 bytes are the end. At most [`STEP_BYTES`] are read.
    ///
    /// # Errors
    /// `EISDIR`, `ESPIPE` for what has no offsets, `EIO`, `ENOMEM`.
    pub fn fs_read(&mut self, file: FileId, offset: u64, to: &mut [u8], now: Now) -> Result<usize> {
        self.sys.now = now;
        let len = to.len().min(STEP_BYTES as usize);
        while self.sys.make_text(file, offset, None)? == TextState::Behind {}
        self.fs_request(now, |fs, _, env, _| {
            let mut sink = IoSink::Kernel { ram: env.frames.ram(), buffer: &mut to[..len] };
            Ok(fs.read(file, Some(offset), &mut sink, env)? as usize)
        })
    }

    /// Writes at `offset`; how many bytes were taken, at most [`STEP_BYTES`].
    ///
    /// # Errors
    /// `EBADF` when not open for writing, `ESPIPE`, `EFBIG`, `ENOSPC`.
    pub fn fs_write(&mut self, file: FileId, offset: u64, from: &[u8], now: Now) -> Result<usize> {
        let from = &from[..from.len().min(STEP_BYTES as usize)];
        self.fs_request(now, |fs, _, env, _| {
            let mut source = IoSource::Kernel { ram: env.frames.ram(), buffer: from };
            let taken = fs.write(file, Some(offset), &mut source, from.len(), env)? as usize;
            if taken > 0 {
                fs.notify_file(file, WatchMask::MODIFY);
            }
            Ok(taken)
        })
    }

    /// A node's attributes; whether a symbolic link at the end is followed.
    ///
    /// # Errors
    /// Those of `stat(2)`.
    pub fn fs_stat(&mut self, path: &[u8], follow: bool, now: Now) -> Result<Attr> {
        let at = self.fs_request(now, |fs, who, _, root| fs.resolve(who, root, path, follow))?;
        self.sys.attr_of(at)
    }

    /// Part of a directory, from `position` on: 0, or what the part before said.
    ///
    /// # Errors
    /// `ENOENT`, `ENOTDIR` and others of path look-up.
    pub fn fs_read_dir(&mut self, path: &[u8], position: u64, now: Now) -> Result<DirPart> {
        self.fs_request(now, |fs, who, _, root| {
            let dir = fs.resolve(who, root, path, true)?;
            let mut part = DirPart { items: Vec::new(), next: Some(position) };
            while let Some(at) = part.next.filter(|_| part.items.len() < LIST_STEP) {
                let entry = fs.next_entry(&who.view, dir, at)?;
                part.next = entry.as_ref().map(|entry| entry.next);
                if let Some(Listed { name, kind, .. }) = entry
                    && !matches!(&*name, b"." | b"..")
                {
                    part.items.push(DirItem { name: name.into_owned(), kind });
                }
            }
            Ok(part)
        })
    }

    /// Makes a directory.
    ///
    /// # Errors
    /// Those of `mkdir(2)`.
    pub fn fs_make_dir(&mut self, path: &[u8], perm: u16, now: Now) -> Result<()> {
        self.fs_request(now, |fs, who, env, root| {
            fs.make(who, env, root, path, NewNode::Directory, perm & 0o7777).map(|_| ())
        })
    }

    /// Makes a symbolic link at `path`.
    ///
    /// # Errors
    /// Those of `symlink(2)`.
    pub fn fs_symlink(&mut self, target: &[u8], path: &[u8], now: Now) -> Result<()> {
        if target.is_empty() {
            return Err(Errno::ENOENT);
        }
        if target.len() >= self.sys.limits.path_bytes {
            return Err(Errno::ENAMETOOLONG);
        }
        self.fs_request(now, |fs, who, env, root| {
            fs.make(who, env, root, path, NewNode::Symlink(target), 0o777).map(|_| ())
        })
    }

    /// Where a symbolic link leads.
    ///
    /// # Errors
    /// Those of `readlink(2)`.
    pub fn fs_read_link(&mut self, path: &[u8], now: Now) -> Result<Vec<u8>> {
        self.fs_request(now, |fs, who, _, root| {
            let link = fs.resolve(who, root, path, false)?;
            fs.link_text(who, link)
        })
    }

    /// Removes a name; `directory` says of which kind.
    ///
    /// # Errors
    /// Those of `unlink(2)` and `rmdir(2)`.
    pub fn fs_remove(&mut self, path: &[u8], directory: bool, now: Now) -> Result<()> {
        self.fs_request(now, |fs, who, env, root| fs.remove(who, env, root, path, directory))
    }

    /// Moves a name.
    ///
    /// # Errors
    /// Those of `renameat2(2)`.
    pub fn fs_rename(&mut self, from: &[u8], to: &[u8], how: Rename, now: Now) -> Result<()> {
        self.fs_request(now, |fs, who, env, root| fs.rename(who, env, (root, from), (root, to), how))
    }

    /// Makes a device, a named pipe or a socket's name.
    ///
    /// # Errors
    /// Those of `mknod(2)`.
    pub fn fs_make_node(&mut self, path: &[u8], new: NewNode<'_>, perm: u16, now: Now) -> Result<()> {
        self.fs_request(now, |fs, who, env, root| {
            fs.make(who, env, root, path, new, perm & 0o7777).map(|_| ())
        })
    }

    /// Gives a node another name; a symbolic link is not followed.
    ///
    /// # Errors
    /// Those of `link(2)`.
    pub fn fs_link(&mut self, original: &[u8], link: &[u8], now: Now) -> Result<()> {
        self.fs_request(now, |fs, who, env, root| {
            let node = fs.resolve(who, root, original, false)?;
            fs.link(who, env, node, root, link)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::Machine;
    use crate::limits::Limits;

    const NOW: Now = Now { monotonic: 5_000_000_000, realtime: 1_700_000_000_000_000_000 };

    fn write(kernel: &mut Kernel, path: &[u8], content: &[u8]) {
        let flags = OpenFlags::WRITE_ONLY.with(OpenFlags::CREATE).with(OpenFlags::TRUNCATE);
        let file = kernel.fs_open(path, flags, 0o640, NOW).unwrap();
        let mut done = 0;
        while done < content.len() {
            done += kernel.fs_write(file, done as u64, &content[done..], NOW).unwrap();
        }
        kernel.fs_close(file, NOW);
    }

    fn read(kernel: &mut Kernel, path: &[u8]) -> Vec<u8> {
        let file = kernel.fs_open(path, OpenFlags::READ_ONLY, 0, NOW).unwrap();
        let (mut content, mut buffer) = (Vec::new(), vec![0; 100_000]);
        loop {
            let count = kernel.fs_read(file, content.len() as u64, &mut buffer, NOW).unwrap();
            content.extend_from_slice(&buffer[..count]);
            if count == 0 {
                kernel.fs_close(file, NOW);
                return content;
            }
        }
    }

    #[test]
    fn files_go_in_and_come_out_in_steps() {
        let mut machine = Machine::new(Limits::default());
        let kernel = &mut machine.kernel;
        let content: Vec<u8> = (0..300_000u32).map(|n| (n / 3) as u8).collect();
        kernel.fs_make_dir(b"/project", 0o755, NOW).unwrap();
        write(kernel, b"/project/a", &content);
        assert_eq!(read(kernel, b"/project/a"), content);
        let attr = kernel.fs_stat(b"/project/a", true, NOW).unwrap();
        assert_eq!((attr.size, attr.perm, attr.mtime.seconds), (300_000, 0o640, 1_700_000_000));
        kernel.fs_symlink(b"a", b"/project/link", NOW).unwrap();
        assert_eq!(kernel.fs_read_link(b"/project/link", NOW), Ok(b"a".to_vec()));
        kernel.fs_rename(b"/project/a", b"/project/b", Rename::Replace, NOW).unwrap();
        assert_eq!(kernel.fs_stat(b"/project/link", true, NOW).map(|_| ()), Err(Errno::ENOENT));
        let part = kernel.fs_read_dir(b"/project", 0, NOW).unwrap();
        let names: Vec<&[u8]> = part.items.iter().map(|item| &item.name[..]).collect();
        assert_eq!((names, part.next), (vec![&b"link"[..], b"b"], None));
        assert_eq!(kernel.fs_remove(b"/project", true, NOW), Err(Errno::ENOTEMPTY));
        let before = kernel.sys.mem.frames.usage().used;
        kernel.fs_remove(b"/project/b", false, NOW).unwrap();
        assert!(kernel.sys.mem.frames.usage().used < before, "its pages are free again");
    }

    #[test]
    fn a_long_directory_comes_in_parts() {
        let mut machine = Machine::new(Limits::default());
        let kernel = &mut machine.kernel;
        for n in 0..600 {
            write(kernel, format!("/tmp/{n}").as_bytes(), b"");
        }
        let (mut names, mut next) = (Vec::new(), Some(0));
        while let Some(position) = next {
            let part = kernel.fs_read_dir(b"/tmp", position, NOW).unwrap();
            assert!(part.items.len() <= LIST_STEP);
            names.extend(part.items.into_iter().map(|item| item.name));
            next = part.next;
        }
        let expected: Vec<Vec<u8>> = (0..600).map(|n| n.to_string().into_bytes()).collect();
        assert_eq!(names, expected);
    }

    #[test]
    fn procfs_tells_of_the_system() {
        let mut machine = Machine::new(Limits::default());
        let kernel = &mut machine.kernel;
        let text =
            |kernel: &mut Kernel, path: &str| String::from_utf8(read(kernel, path.as_bytes())).unwrap();
        assert_eq!(text(kernel, "/proc/uptime"), "5.00 5.00\n");
        assert_eq!(text(kernel, "/proc/sys/kernel/pid_max"), "32768\n");
        assert!(text(kernel, "/proc/meminfo").starts_with("MemTotal:        2097152 kB\n"));
        assert!(text(kernel, "/proc/1/mounts").contains("proc /proc proc rw,relatime 0 0\n"));
        let boot_id = text(kernel, "/proc/sys/kernel/random/boot_id");
        assert_eq!((boot_id.len(), boot_id.as_bytes()[14]), (37, b'4'));
        assert_eq!(boot_id, text(kernel, "/proc/sys/kernel/random/boot_id"));
        assert_ne!(
            text(kernel, "/proc/sys/kernel/random/uuid"),
            text(kernel, "/proc/sys/kernel/random/uuid")
        );
        assert!(text(kernel, "/proc/1/status").contains("\nPid:\t1\nPPid:\t0\n"));
        let fields = text(kernel, "/proc/1/stat");
        assert_eq!(fields.split_whitespace().count(), 52, "{fields}");
        assert_eq!(text(kernel, "/sys/devices/system/cpu/online"), "0\n");
        assert_eq!(text(kernel, "/sys/devices/system/cpu/cpu0/topology/core_cpus"), "00000001\n");
        assert_eq!(text(kernel, "/sys/devices/system/cpu/cpu0/topology/core_siblings_list"), "0\n");
        assert_eq!(kernel.fs_open(b"/proc/4000/stat", OpenFlags::READ_ONLY, 0, NOW), Err(Errno::ENOENT));
        let write_only = OpenFlags::WRITE_ONLY.with(OpenFlags::CREATE);
        assert_eq!(kernel.fs_open(b"/proc/new", write_only, 0o644, NOW), Err(Errno::ENOENT));
        assert_eq!(kernel.fs_open(b"/sys/kernel/new", write_only, 0o644, NOW), Err(Errno::EROFS));
    }
}
