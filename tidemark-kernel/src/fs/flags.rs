//! `open(2)`'s flags, with asm-generic's numbers as riscv64 uses them.

/// Flags as a guest gives them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct OpenFlags(pub u32);

impl OpenFlags {
    /// `O_RDONLY`
    pub const READ_ONLY: OpenFlags = OpenFlags(0);
    /// `O_WRONLY`
    pub const WRITE_ONLY: OpenFlags = OpenFlags(1);
    /// `O_RDWR`
    pub const READ_WRITE: OpenFlags = OpenFlags(2);
    /// `O_ACCMODE`
    pub const ACCESS_MODE: OpenFlags = OpenFlags(3);
    /// `O_CREAT`
    pub const CREATE: OpenFlags = OpenFlags(0o100);
    /// `O_EXCL`
    pub const EXCLUSIVE: OpenFlags = OpenFlags(0o200);
    /// `O_NOCTTY`
    pub const NO_CTTY: OpenFlags = OpenFlags(0o400);
    /// `O_TRUNC`
    pub const TRUNCATE: OpenFlags = OpenFlags(0o1000);
    /// `O_APPEND`
    pub const APPEND: OpenFlags = OpenFlags(0o2000);
    /// `O_NONBLOCK`
    pub const NON_BLOCK: OpenFlags = OpenFlags(0o4000);
    /// `O_DSYNC`
    pub const DATA_SYNC: OpenFlags = OpenFlags(0o10000);
    /// `FASYNC`, `O_ASYNC`
    pub const ASYNC: OpenFlags = OpenFlags(0o20000);
    /// `O_DIRECT`
    pub const DIRECT: OpenFlags = OpenFlags(0o40000);
    /// `O_LARGEFILE`: set by the kernel for every file of a 64-bit program.
    pub const LARGE_FILE: OpenFlags = OpenFlags(0o100000);
    /// `O_DIRECTORY`
    pub const DIRECTORY: OpenFlags = OpenFlags(0o200000);
    /// `O_NOFOLLOW`
    pub const NO_FOLLOW: OpenFlags = OpenFlags(0o400000);
    /// `O_NOATIME`
    pub const NO_ATIME: OpenFlags = OpenFlags(0o1000000);
    /// `O_CLOEXEC`
    pub const CLOSE_ON_EXEC: OpenFlags = OpenFlags(0o2000000);
    /// `O_SYNC` without `O_DSYNC`
    pub const SYNC: OpenFlags = OpenFlags(0o4000000);
    /// `O_PATH`
    pub const PATH: OpenFlags = OpenFlags(0o10000000);
    /// `O_TMPFILE` without `O_DIRECTORY`
    pub const TMPFILE: OpenFlags = OpenFlags(0o20000000);

    /// What stays with the open file and `F_GETFL` shows.
    pub const STATUS: OpenFlags = OpenFlags(
        Self::APPEND.0
            | Self::NON_BLOCK.0
            | Self::DATA_SYNC.0
            | Self::ASYNC.0
            | Self::DIRECT.0
            | Self::NO_ATIME.0
            | Self::SYNC.0
            | Self::DIRECTORY.0
            | Self::NO_FOLLOW.0
            | Self::PATH.0
            | Self::TMPFILE.0,
    );

    /// What `F_SETFL` can change.
    pub const CHANGEABLE: OpenFlags =
        OpenFlags(Self::APPEND.0 | Self::NON_BLOCK.0 | Self::ASYNC.0 | Self::DIRECT.0 | Self::NO_ATIME.0);

    /// Every flag there is.
    pub const KNOWN: OpenFlags = OpenFlags(
        Self::STATUS.0
            | Self::ACCESS_MODE.0
            | Self::CREATE.0
            | Self::EXCLUSIVE.0
            | Self::NO_CTTY.0
            | Self::TRUNCATE.0
            | Self::LARGE_FILE.0
            | Self::CLOSE_ON_EXEC.0,
    );

    /// What a program is told of an open file's flags: `O_LARGEFILE` for all but those that are only paths.
    pub const fn shown(self) -> OpenFlags {
        if self.has(Self::PATH) { self } else { self.with(Self::LARGE_FILE) }
    }

    /// Whether all of `other` are set.
    pub const fn has(self, other: OpenFlags) -> bool {
        self.0 & other.0 == other.0
    }

    /// Those in both.
    pub const fn and(self, other: OpenFlags) -> OpenFlags {
        OpenFlags(self.0 & other.0)
    }

    /// Those in either.
    pub const fn with(self, other: OpenFlags) -> OpenFlags {
        OpenFlags(self.0 | other.0)
    }

    /// Those not in `other`.
    pub const fn without(self, other: OpenFlags) -> OpenFlags {
        OpenFlags(self.0 & !other.0)
    }

    /// Whether the access mode lets one read. Mode 3 needs both permissions and gives neither (`open(2)`).
    pub const fn reads(self) -> bool {
        matches!(self.0 & 3, 0 | 2)
    }

    /// Whether the access mode lets one write.
    pub const fn writes(self) -> bool {
        matches!(self.0 & 3, 1 | 2)
    }
}
