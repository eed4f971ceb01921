//! Watching files: what programs, and the application, do to them.
//!
//! Owns the form in which it is told; which changes are told, and how many wait for a slow reader, is the guest system's
//! `inotify(7)`.

use std::collections::{HashMap, VecDeque};

use tidemark_kernel::errno::Errno;
use tidemark_kernel::fs::request::WatchMask;
use tidemark_runtime::{FileWatch, Runtime};

use super::{FileError, check_path, refused};
use crate::error::Gone;

/// What happened to a watched file or folder, or to something in a watched folder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum FileChange {
    /// It was made, or got another name.
    Created,
    /// Its content changed.
    Modified,
    /// It was closed after it had been open for writing.
    Written,
    /// Mode, owner, times, extended attributes or link count changed.
    Attributes,
    /// It was moved away. `cookie` is that of the [`MovedTo`](Self::MovedTo) that belongs to it, if that is watched, too.
    MovedFrom {
        /// Tells moves apart.
        cookie: u32,
    },
    /// It was moved here.
    MovedTo {
        /// Tells moves apart.
        cookie: u32,
    },
    /// It was removed.
    Removed,
    /// The watched file or folder itself was moved: its path is not what it was.
    SelfMoved,
    /// The watched file or folder itself is gone, and watched no longer.
    SelfRemoved,
}

/// One thing that happened.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum FileEvent {
    /// Something changed.
    Changed {
        /// The path that was watched, as it was given, and the name in it.
        path: Vec<u8>,
        /// What happened.
        change: FileChange,
        /// Whether it happened to a folder.
        folder: bool,
    },
    /// Events were lost, because nobody read them: look again.
    Overflow,
}

/// Watches files and folders of the guest: for each folder, what is directly in it. Up to 16,384 events wait to be read;
/// then they are lost, which is told. Dropping it ends the watching.
pub struct Watch {
    watch: FileWatch,
    paths: HashMap<i32, Vec<u8>>,
    events: VecDeque<FileEvent>,
}

/// What is told.
const MASK: WatchMask = WatchMask::CREATE
    .with(WatchMask::MODIFY)
    .with(WatchMask::CLOSE_WRITE)
    .with(WatchMask::ATTRIB)
    .with(WatchMask::MOVED_FROM)
    .with(WatchMask::MOVED_TO)
    .with(WatchMask::DELETE)
    .with(WatchMask::MOVE_SELF)
    .with(WatchMask::DELETE_SELF);

impl Watch {
    pub(super) async fn new(runtime: &Runtime) -> Result<Watch, FileError> {
        let watch = runtime.watch_files().await?.map_err(|errno| refused("watch", b"/", errno))?;
        Ok(Watch { watch, paths: HashMap::new(), events: VecDeque::new() })
    }

    /// Watches a file or folder, too. A symbolic link is followed.
    ///
    /// # Errors
    /// `ENOENT` and the others of `inotify_add_watch(2)`.
    pub async fn add(&mut self, path: impl AsRef<[u8]>) -> Result<(), FileError> {
        let path = path.as_ref();
        check_path(path).map_err(|errno| refused("watch", path, errno))?;
        let added = self.watch.add(path.to_vec(), MASK).await?;
        let watch = added.map_err(|errno| refused("watch", path, errno))?;
        self.paths.insert(watch, path.to_vec());
        Ok(())
    }

    /// Watches a path no longer. What happened before is still told.
    ///
    /// # Errors
    /// `EINVAL` for a path that is not watched.
    pub async fn remove(&mut self, path: impl AsRef<[u8]>) -> Result<(), FileError> {
        let path = path.as_ref();
        let not_watched = || refused("stop watching", path, Errno::EINVAL);
        let watch = self.paths.iter().find(|(_, known)| *known == path).map(|(watch, _)| *watch);
        self.watch.remove(watch.ok_or_else(not_watched)?).await?.map_err(|_| not_watched())
    }

    /// What happened next; waits for it. Dropping the future loses nothing.
    ///
    /// # Errors
    /// [`Gone`] when the sandbox is gone.
    pub async fn next(&mut self) -> Result<FileEvent, Gone> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(event);
            }
            let bytes = self.watch.read().await?;
            if bytes.is_empty() {
                return Err(Gone::ShutDown);
            }
            let mut rest = &bytes[..];
            while let Some((record, after)) = Record::split(rest) {
                rest = after;
                self.take(&record);
            }
        }
    }

    fn take(&mut self, record: &Record<'_>) {
        let has = |bit: WatchMask| record.mask.intersects(bit);
        if has(WatchMask::OVERFLOW) {
            self.events.push_back(FileEvent::Overflow);
            return;
        }
        if has(WatchMask::IGNORED) {
            self.paths.remove(&record.watch);
            return;
        }
        let Some(watched) = self.paths.get(&record.watch) else { return };
        let cookie = record.cookie;
        let changes = [
            (WatchMask::CREATE, FileChange::Created),
            (WatchMask::MODIFY, FileChange::Modified),
            (WatchMask::CLOSE_WRITE, FileChange::Written),
            (WatchMask::ATTRIB, FileChange::Attributes),
            (WatchMask::MOVED_FROM, FileChange::MovedFrom { cookie }),
            (WatchMask::MOVED_TO, FileChange::MovedTo { cookie }),
            (WatchMask::DELETE, FileChange::Removed),
            (WatchMask::MOVE_SELF, FileChange::SelfMoved),
            (WatchMask::DELETE_SELF, FileChange::SelfRemoved),
        ];
        let mut path = watched.clone();
        if !record.name.is_empty() {
            if path.last() != Some(&b'/') {
                path.push(b'/');
            }
            path.extend_from_slice(record.name);
        }
        let folder = has(WatchMask::IS_DIRECTORY);
        let changes = changes.into_iter().filter(|(bit, _)| has(*bit));
        let events = changes.map(|(_, change)| FileEvent::Changed { path: path.clone(), change, folder });
        self.events.extend(events);
    }
}

/// One `struct inotify_event`.
struct Record<'a> {
    watch: i32,
    mask: WatchMask,
    cookie: u32,
    name: &'a [u8],
}

impl<'a> Record<'a> {
    fn split(bytes: &'a [u8]) -> Option<(Record<'a>, &'a [u8])> {
        let (watch, rest) = bytes.split_first_chunk()?;
        let (mask, rest) = rest.split_first_chunk()?;
        let (cookie, rest) = rest.split_first_chunk()?;
        let (len, rest) = rest.split_first_chunk()?;
        let (name, rest) = rest.split_at_checked(u32::from_le_bytes(*len) as usize)?;
        let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
        let record = Record {
            watch: i32::from_le_bytes(*watch),
            mask: WatchMask(u32::from_le_bytes(*mask)),
            cookie: u32::from_le_bytes(*cookie),
            name: &name[..end],
        };
        Some((record, rest))
    }
}
