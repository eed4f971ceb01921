//! Open file descriptions (`open(2)`): what descriptors and mappings refer to.
//!
//! Owns the table, the reference counts and what ends with the last reference. What reading and writing does is
//! [`io`](super::io)'s.

use super::epoll::Epoll;
use super::event::{EventCounter, TimerFile};
use super::flags::OpenFlags;
use super::hosted::Listing;
use super::inotify::{Inotify, Mask};
use super::node::Location;
use super::owner::Owner;
use super::pipe::PipeId;
use super::view::Env;
use super::{FileId, Vfs};
use crate::errno::{Errno, Result};
use crate::ipc::posix::QueueId;
use crate::limits::STEP_ITEMS;
use crate::net::socket::{Sender, SocketId};
use crate::signal::SigSet;
use crate::system::System;
use crate::task::ProcessRef;
use crate::tty::TerminalFile;
use crate::wait::WaitTarget;

/// One open file description.
#[derive(Debug)]
pub(crate) struct OpenFile {
    /// Descriptors, mappings and operations under way that refer to it.
    refs: u32,
    /// How many of these are in messages of sockets.
    pub(crate) in_flight: u32,
    /// What was opened.
    pub(crate) at: Location,
    pub(crate) kind: FileKind,
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    /// Whether it is a program that runs (`open(2)`, `ETXTBSY`).
    runs: bool,
    /// Status flags and access mode.
    pub(crate) flags: OpenFlags,
    /// Offset in bytes; in a directory, the position of the next entry.
    pub(crate) position: u64,
    /// What the host knows it by, if that answers for it.
    pub(crate) handle: Option<u64>,
    /// The names in a directory that the host answers for.
    pub(crate) listing: Option<Box<Listing>>,
    /// Who gets signals of it.
    pub(crate) owner: Option<Box<Owner>>,
    /// The epoll items that watch it.
    pub(crate) watchers: Vec<(FileId, u64)>,
}

/// What an open file is.
#[derive(Debug)]
pub(crate) enum FileKind {
    /// A regular file of a tree.
    Regular,
    /// A directory.
    Directory,
    /// Opened with `O_PATH`: a place, not content.
    Path,
    /// An end of a pipe, or both.
    Pipe(PipeId),
    /// An end of a terminal.
    Terminal(TerminalFile),
    /// A character device.
    Device(super::device::DeviceKind),
    /// What a kernel file system made up when it was opened.
    Text(super::proc::Text),
    /// An eventfd.
    Counter(Box<EventCounter>),
    /// A timerfd.
    Timer(Box<TimerFile>),
    /// A signalfd, for these signals.
    Signals(SigSet),
    /// An epoll instance.
    Epoll(Box<Epoll>),
    /// An inotify instance.
    Inotify(Box<Inotify>),
    /// A socket.
    Socket(SocketId),
    /// A POSIX message queue.
    MessageQueue(QueueId),
    /// A process (`pidfd_open(2)`).
    Process(ProcessRef),
}

impl OpenFile {
    /// One reference more.
    pub(super) fn retain(&mut self) {
        self.refs += 1;
    }

    /// Descriptors, mappings, messages and operations under way that refer to it.
    pub(crate) fn references(&self) -> u32 {
        self.refs
    }
}

impl Vfs {
    /// Opens a file description with one reference. The caller holds `at` for it.
    ///
    /// # Errors
    /// `ENFILE` at the limit of open files.
    pub(crate) fn new_file(&mut self, at: Location, kind: FileKind, flags: OpenFlags) -> Result<FileId> {
        if self.files.len() as u64 >= u64::from(self.limits.open_files) {
            return Err(Errno::ENFILE);
        }
        let is_path = flags.has(OpenFlags::PATH);
        if matches!(kind, FileKind::Regular) && flags.writes() {
            self.count_writer(at, 1);
        }
        Ok(FileId(self.files.insert(OpenFile {
            refs: 1,
            in_flight: 0,
            at,
            kind,
            readable: flags.reads() && !is_path,
            writable: flags.writes() && !is_path,
            runs: false,
            flags: flags.and(OpenFlags::STATUS.with(OpenFlags::ACCESS_MODE)),
            position: 0,
            handle: None,
            listing: None,
            owner: None,
            watchers: Vec::new(),
        })))
    }

    fn count_writer(&mut self, at: Location, delta: i32) {
        if let Ok(tree) = self.tree_mut(at) {
            tree.count_writer(at.node, delta);
        }
    }

    /// Notes that a program runs from an open file: until that ends, the file is not opened for writing.
    pub(crate) fn mark_running(&mut self, file: FileId) {
        let Ok(open) = self.file_mut(file) else { return };
        let at = open.at;
        if !core::mem::replace(&mut open.runs, true)
            && let Ok(tree) = self.tree_mut(at)
        {
            tree.count_run(at.node, 1);
        }
    }

    /// Whether a node may be written as far as programs are concerned that run from it.
    ///
    /// # Errors
    /// `ETXTBSY`
    pub(crate) fn check_not_running(&self, at: Location) -> Result<()> {
        if self.tree(at).is_some_and(|tree| tree.is_running(at.node)) { Err(Errno::ETXTBSY) } else { Ok(()) }
    }

    /// The open file of an id.
    ///
    /// # Errors
    /// `EBADF` when it is closed.
    pub(crate) fn file(&self, file: FileId) -> Result<&OpenFile> {
        self.files.get(file.0).ok_or(Errno::EBADF)
    }

    /// The open file of an id.
    ///
    /// # Errors
    /// `EBADF` when it is closed.
    pub(crate) fn file_mut(&mut self, file: FileId) -> Result<&mut OpenFile> {
        self.files.get_mut(file.0).ok_or(Errno::EBADF)
    }

    /// One reference more.
    pub fn retain(&mut self, file: FileId) {
        if let Some(open) = self.files.get_mut(file.0) {
            open.retain();
        }
    }

    /// One reference less. What the last one ends is ended by [`System::close_released`], soon after.
    pub fn release(&mut self, file: FileId) {
        if let Some(open) = self.files.get_mut(file.0) {
            debug_assert!(open.refs > 0, "a file is released as often as it is retained");
            open.refs = open.refs.saturating_sub(1);
            let circular = open.in_flight > 0 && open.refs == open.in_flight;
            if open.refs == 0 {
                self.released.push(file);
            } else if circular && matches!(open.kind, FileKind::Socket(_)) {
                self.suspect_garbage();
            }
        }
    }

    /// Ends files that lost their last reference, as far as one step goes. Whether more is left.
    pub(crate) fn end_released(&mut self, env: &mut Env<'_>) -> bool {
        for _ in 0..STEP_ITEMS {
            self.drop_rights();
            match self.released.pop() {
                Some(file) => {
                    if !self.end_file(file, env) {
                        self.released.push(file);
                        return true;
                    }
                }
                None if self.sockets_need_collecting() => self.collect_garbage(env),
                None => {
                    let more = self.close_doomed(env);
                    if more || !self.has_dropped_rights() {
                        return more;
                    }
                }
            }
        }
        true
    }

    /// Ends a file. False where it watches so many others that it is to be called again.
    fn end_file(&mut self, id: FileId, env: &mut Env<'_>) -> bool {
        // Another reference may have been made since (a descriptor received through procfs, say).
        if self.file(id).is_ok_and(|file| file.refs > 0) {
            return true;
        }
        if !self.forget_watched(id) || !self.forget_watches(id) {
            return false;
        }
        let watchers = self.file_mut(id).map(|file| core::mem::take(&mut file.watchers)).unwrap_or_default();
        for (epoll, item) in &watchers {
            self.stop_waiting(id, WaitTarget::Epoll { epoll: *epoll, item: *item });
        }
        self.end_watching(&watchers);
        if self.file(id).is_ok_and(|file| file.flags.has(OpenFlags::ASYNC)) {
            self.stop_waiting(id, WaitTarget::Owner(id));
        }
        let writable = self.file(id).is_ok_and(|file| file.writable);
        self.notify_file(id, if writable { Mask::CLOSE_WRITE } else { Mask::CLOSE_NO_WRITE });
        let Some(file) = self.files.remove(id.0) else { return true };
        match file.kind {
            FileKind::Pipe(pipe) => self.close_pipe(pipe, file.at, file.readable, file.writable, env),
            FileKind::Terminal(terminal) => self.close_terminal(terminal, env),
            FileKind::Socket(socket) => self.close_socket(socket, env),
            FileKind::MessageQueue(queue) => self.message_queues.close(queue),
            FileKind::Timer(timer) => {
                if let Some((at, due)) = timer.deadline(id.0) {
                    env.timers.cancel(at, due);
                }
            }
            FileKind::Regular => {
                if file.writable {
                    self.count_writer(file.at, -1);
                }
                if file.runs
                    && let Ok(tree) = self.tree_mut(file.at)
                {
                    tree.count_run(file.at.node, -1);
                }
                if let Some(locks) = self.locks_of(file.at) {
                    locks.release_description(id, env.woken);
                    if locks.is_empty() {
                        self.locked.remove(&file.at);
                    }
                }
                if let Some(handle) = file.handle {
                    self.give_back_handle(file.at, handle);
                }
            }
            _ => {}
        }
        self.unhold(file.at);
        true
    }
}

/// Pages of removed files that one step frees at the most: a fraction of a step's time, as it comes on top, and in some
/// steps twice.
const FREE_PAGES: u64 = 96;

impl System {
    /// Ends what lost its last reference, and frees some of the pages of removed files. Whether more are left.
    pub(crate) fn close_released(&mut self) -> bool {
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
        let more_files = self.fs.end_released(&mut env);
        self.fs.settle_watchers(env.woken);
        self.fs.free_doomed(FREE_PAGES, env.frames) || more_files
    }
}
