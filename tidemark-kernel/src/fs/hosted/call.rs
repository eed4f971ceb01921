//! What is asked of a bridge, and what it answers.
//!
//! Paths are relative to the bridge's root: names with single slashes between them, never `.` or `..`, never through a
//! symbolic link; the root itself is empty.

use std::sync::Arc;

use crate::errno::Errno;
use crate::fs::attributes::SetTime;
use crate::fs::names::Rename;
use crate::fs::node::Attr;

/// A bridge, by its place among those that the application mounted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct BridgeId(pub u32);

/// One question to a bridge, until it is answered.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct HostCallId(pub u64);

/// What a question is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Subject {
    /// What has this path.
    Path(Vec<u8>),
    /// An open file, which may have lost its name.
    Handle(u64),
}

/// How a file is opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Access {
    /// For reading.
    pub read: bool,
    /// For writing.
    pub write: bool,
    /// It is emptied first.
    pub truncate: bool,
}

/// What is changed of a file's attributes; `None` is left as it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Changed {
    /// Permission, set-id and sticky bits.
    pub perm: Option<u16>,
    /// Owner.
    pub uid: Option<u32>,
    /// Group.
    pub gid: Option<u32>,
    /// Size in bytes.
    pub size: Option<u64>,
    /// Last access.
    pub atime: Option<SetTime>,
    /// Last modification.
    pub mtime: Option<SetTime>,
}

/// A question to a bridge.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FileCall {
    /// Attributes, not following a symbolic link. Answer: [`FileAnswer::Stat`].
    Stat(Subject),
    /// Part of a directory, from a position on that an answer named, at first 0. Answer: [`FileAnswer::Names`].
    List {
        /// The directory.
        path: Vec<u8>,
        /// Where to go on.
        position: u64,
    },
    /// Open an existing regular file. Answer: [`FileAnswer::Opened`].
    Open {
        /// The file.
        path: Vec<u8>,
        /// How.
        access: Access,
    },
    /// Make a regular file and open it. Answer: [`FileAnswer::Opened`].
    Create {
        /// Its path.
        path: Vec<u8>,
        /// How it is opened.
        access: Access,
        /// Whether one that exists is an error.
        exclusive: bool,
        /// Its permissions.
        perm: u16,
        /// Its owner and group.
        owner: (u32, u32),
    },
    /// Bytes of an open file; fewer than asked for only at its end. Answer: [`FileAnswer::Data`].
    Read {
        /// The open file.
        handle: u64,
        /// From this byte on.
        offset: u64,
        /// This many.
        len: usize,
    },
    /// Write to an open file. Answer: [`FileAnswer::Written`].
    Write {
        /// The open file.
        handle: u64,
        /// At this byte; `None`: at its end, wherever that is then.
        offset: Option<u64>,
        /// The bytes.
        data: Arc<[u8]>,
    },
    /// Make a directory. Answer: [`FileAnswer::Stat`].
    MakeDirectory {
        /// Its path.
        path: Vec<u8>,
        /// Its permissions.
        perm: u16,
        /// Its owner and group.
        owner: (u32, u32),
    },
    /// Make a symbolic link. Answer: [`FileAnswer::Stat`].
    Symlink {
        /// Its path.
        path: Vec<u8>,
        /// Where it leads: any bytes.
        target: Vec<u8>,
        /// Its owner and group.
        owner: (u32, u32),
    },
    /// Give what is no directory another name. Answer: [`FileAnswer::Stat`].
    Link {
        /// What.
        from: Vec<u8>,
        /// Its new path.
        to: Vec<u8>,
    },
    /// Move a name. Answer: [`FileAnswer::Done`].
    Rename {
        /// From here,
        from: Vec<u8>,
        /// to there.
        to: Vec<u8>,
        /// How.
        how: Rename,
    },
    /// Remove a name. Answer: [`FileAnswer::Done`].
    Remove {
        /// Which.
        path: Vec<u8>,
        /// Whether it is a directory's.
        directory: bool,
    },
    /// Change attributes, not following a symbolic link. Answer: [`FileAnswer::Stat`].
    Change {
        /// Of what.
        of: Subject,
        /// How.
        to: Changed,
    },
    /// Bring an open file to where it survives a crash of the machine. Answer: [`FileAnswer::Done`].
    Sync {
        /// The open file.
        handle: u64,
    },
    /// How full the file system is. Answer: [`FileAnswer::Space`].
    Space,
    /// The open file is not used any more. Its answer is ignored.
    Close {
        /// The open file.
        handle: u64,
    },
}

impl FileCall {
    /// Whether it may change something: then it is not to be given up half way, and nobody but a fatal signal ends the
    /// wait for it.
    pub fn changes(&self) -> bool {
        match self {
            FileCall::Stat(_) | FileCall::List { .. } | FileCall::Read { .. } | FileCall::Space => false,
            FileCall::Open { access, .. } => access.truncate,
            _ => true,
        }
    }

    /// Whether this is the question that was asked already. What is written may have been changed by another thread
    /// meanwhile; it is the same write.
    pub(crate) fn is_same(&self, other: &FileCall) -> bool {
        use FileCall::*;
        match (self, other) {
            (Stat(a), Stat(b)) => a == b,
            (List { path: a, position: at }, List { path: b, position: bt }) => (a, at) == (b, bt),
            (Open { path: a, access: how }, Open { path: b, access: what }) => (a, how) == (b, what),
            (Create { path: a, .. }, Create { path: b, .. }) => a == b,
            (Read { handle: a, offset: at, len }, Read { handle: b, offset: bt, len: ben }) => {
                (a, at, len) == (b, bt, ben)
            }
            (Write { handle: a, offset: at, data }, Write { handle: b, offset: bt, data: batch }) => {
                (a, at, data.len()) == (b, bt, batch.len())
            }
            (MakeDirectory { path: a, .. }, MakeDirectory { path: b, .. }) => a == b,
            (Symlink { path: a, .. }, Symlink { path: b, .. }) => a == b,
            // What got another name may be known by that by now.
            (Link { to: a, .. }, Link { to: b, .. }) => a == b,
            (Rename { from: a, to: at, how }, Rename { from: b, to: bt, how: what }) => {
                (a, at, how) == (b, bt, what)
            }
            (Remove { path: a, .. }, Remove { path: b, .. }) => a == b,
            (Change { of: a, to: at }, Change { of: b, to: bt }) => (a, at) == (b, bt),
            (Sync { handle: a }, Sync { handle: b }) => a == b,
            (Space, Space) => true,
            _ => false,
        }
    }
}

/// Attributes of a file at the host.
#[derive(Clone, Debug)]
pub struct FileStat {
    /// What `stat(2)` tells. `ino` tells files apart and finds names of one file; 0 if the bridge has no such number.
    pub attr: Attr,
    /// Where a symbolic link leads; empty for everything else.
    pub target: Vec<u8>,
}

/// A name in a directory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListedName {
    /// The name.
    pub name: Vec<u8>,
    /// `d_ino`; 0 if the bridge has no such number.
    pub ino: u64,
    /// Its type.
    pub kind: crate::fs::node::FileType,
}

/// How full a file system is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Space {
    /// Bytes in a block.
    pub block_bytes: u64,
    /// Blocks there are.
    pub blocks: u64,
    /// Blocks that are free.
    pub free: u64,
    /// Blocks that an ordinary user may still take.
    pub available: u64,
    /// Files there may be.
    pub files: u64,
    /// Files that may still be made.
    pub free_files: u64,
}

/// A bridge's answer.
#[derive(Clone, Debug)]
pub enum FileAnswer {
    /// It is done.
    Done,
    /// Attributes.
    Stat(FileStat),
    /// An open file: the bridge's own number for it.
    Opened {
        /// The number.
        handle: u64,
        /// Its attributes, after it was emptied, if it was.
        stat: FileStat,
    },
    /// Part of a directory, without `.` and `..`.
    Names {
        /// The names.
        names: Arc<[ListedName]>,
        /// Where to go on; `None` at the end.
        next: Option<u64>,
    },
    /// Bytes.
    Data(Vec<u8>),
    /// What a write did.
    Written {
        /// Bytes that were taken.
        count: usize,
        /// Where in the file the first byte after them is.
        end: u64,
        /// Attributes after it.
        stat: FileStat,
    },
    /// How full it is.
    Space(Space),
}

/// What a bridge answers to a question: an error is for the guest.
pub type Answered = Result<FileAnswer, Errno>;
