//! What all sockets have, whatever their family: type, options, a pending error, what is shut down, who waits.

use std::sync::Arc;

use super::limits::{BUFFER_BYTES, MIN_RECEIVE_BUFFER, MIN_SEND_BUFFER};
use super::options::Kept;
use super::unix::Unix;
use crate::errno::Errno;
use crate::fs::FileId;
use crate::task::{Gid, Process, ProcessRef, Uid};
use crate::time::Nanos;
use crate::wait::WaitQueue;

/// A socket, by its place in the kernel's table.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct SocketId(pub(crate) u32);

/// A socket that may be gone meanwhile, its place another's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct SocketKey {
    pub(super) id: SocketId,
    pub(super) ino: u64,
}

/// What a socket carries (`socket(2)`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Kind {
    /// `SOCK_STREAM`
    Stream,
    /// `SOCK_DGRAM`
    Datagram,
    /// `SOCK_SEQPACKET`
    SeqPacket,
}

impl Kind {
    /// The number in `socket(2)`.
    pub(crate) const fn number(self) -> u32 {
        match self {
            Kind::Stream => 1,
            Kind::Datagram => 2,
            Kind::SeqPacket => 5,
        }
    }

    /// Whether it listens and accepts.
    pub(crate) const fn has_connections(self) -> bool {
        !matches!(self, Kind::Datagram)
    }
}

/// An address family that is implemented.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Domain {
    /// `AF_UNIX`
    Unix,
}

impl Domain {
    /// The number in `socket(2)`.
    pub(crate) const fn number(self) -> u32 {
        match self {
            Domain::Unix => 1,
        }
    }
}

/// What a family keeps for a socket. The set is closed: who adds one is led to all places by the compiler.
#[derive(Debug)]
pub(super) enum Family {
    Unix(Unix),
}

/// One socket.
#[derive(Debug)]
pub(crate) struct Socket {
    /// `st_ino`; also what tells it from a later one of the same id.
    pub(super) ino: u64,
    pub(super) kind: Kind,
    /// Its open file; `None` while it waits to be accepted.
    pub(super) file: Option<FileId>,
    pub(super) uid: Uid,
    pub(super) gid: Gid,
    /// Permission bits of its node in sockfs: those that a path it is bound to gets.
    pub(super) perm: u16,
    pub(super) options: Options,
    /// `SO_ERROR`: told once.
    pub(super) error: Option<Errno>,
    pub(super) shut: Shut,
    pub(super) queue: WaitQueue,
    pub(super) family: Family,
}

impl Socket {
    /// Its address family.
    pub(crate) fn domain(&self) -> Domain {
        match self.family {
            Family::Unix(_) => Domain::Unix,
        }
    }

    pub(super) fn unix(&self) -> &Unix {
        match &self.family {
            Family::Unix(unix) => unix,
        }
    }

    pub(super) fn unix_mut(&mut self) -> &mut Unix {
        match &mut self.family {
            Family::Unix(unix) => unix,
        }
    }
}

/// Which halves are shut down, by whichever side (`shutdown(2)`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Shut {
    pub(crate) receive: bool,
    pub(crate) send: bool,
}

impl Shut {
    pub(super) const BOTH: Shut = Shut { receive: true, send: true };

    pub(super) fn add(&mut self, other: Shut) {
        self.receive |= other.receive;
        self.send |= other.send;
    }

    pub(super) fn is_both(self) -> bool {
        self == Shut::BOTH
    }
}

/// Who sent or connected (`struct ucred`, `unix(7)`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Ucred {
    pub(crate) pid: i32,
    pub(crate) uid: Uid,
    pub(crate) gid: Gid,
}

impl Ucred {
    /// What a socket without a peer tells.
    pub(crate) const NOBODY: Ucred = Ucred { pid: 0, uid: u32::MAX, gid: u32::MAX };
}

/// Who sent a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Sender {
    pub(crate) ids: Ucred,
    /// `None` for the application.
    pub(crate) process: Option<ProcessRef>,
}

impl Sender {
    /// The application.
    pub(crate) const NOBODY: Sender = Sender { ids: Ucred::NOBODY, process: None };

    /// A process as it appears to the other end: by its real ids (`unix(7)`, `SCM_CREDENTIALS`).
    pub(crate) fn real(process: &Process) -> Sender {
        let creds = &process.creds;
        let ids = Ucred { pid: process.pid.get() as i32, uid: creds.uid, gid: creds.gid };
        Sender { ids, process: Some(process.reference()) }
    }
}

/// Who was at the other end when the connection was made.
#[derive(Clone, Debug)]
pub(crate) struct PeerCreds {
    pub(crate) ids: Ucred,
    pub(crate) process: ProcessRef,
    pub(crate) groups: Arc<[Gid]>,
}

impl PeerCreds {
    /// A process as the other end of a connection sees it: by its effective ids.
    pub(crate) fn of(process: &Process) -> PeerCreds {
        let creds = &process.creds;
        let ids = Ucred { pid: process.pid.get() as i32, uid: creds.euid, gid: creds.egid };
        PeerCreds { ids, process: process.reference(), groups: creds.groups.as_slice().into() }
    }
}

/// Settings of `SOL_SOCKET` (`socket(7)`).
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// Those that are on, as bits by option number.
    pub(super) switches: u128,
    /// Doubled, as Linux shows it.
    pub(super) send_buffer: u32,
    pub(super) receive_buffer: u32,
    pub(super) receive_low: i32,
    pub(super) receive_timeout: Option<Nanos>,
    pub(super) send_timeout: Option<Nanos>,
    /// Numbers that are kept without effect, by option number.
    pub(super) kept: Kept,
    /// Where `MSG_PEEK` looks next, in bytes, if that is switched on (`SO_PEEK_OFF`).
    pub(super) peek_offset: Option<usize>,
    pub(super) stamps: Stamps,
    /// `l_onoff` and `l_linger`, in seconds.
    pub(super) linger: (bool, i32),
}

impl Default for Options {
    fn default() -> Self {
        Options {
            switches: 0,
            send_buffer: BUFFER_BYTES,
            receive_buffer: BUFFER_BYTES,
            receive_low: 1,
            receive_timeout: None,
            send_timeout: None,
            kept: Kept::default(),
            peek_offset: None,
            stamps: Stamps::default(),
            linger: (false, 0),
        }
    }
}

/// Whether a receiver is told when a message was sent, and in which shape.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Stamps {
    pub(crate) on: bool,
    /// A `struct timespec` (`SO_TIMESTAMPNS`), not a `struct timeval`.
    pub(crate) nanos: bool,
    /// Asked for by the option's number for 64-bit times.
    pub(crate) new: bool,
}

impl Options {
    /// Asks for a send buffer; Linux doubles the number for its bookkeeping.
    pub(super) fn set_send_buffer(&mut self, bytes: u32, most: u32) {
        self.send_buffer = bytes.min(most).saturating_mul(2).max(MIN_SEND_BUFFER);
    }

    /// Asks for a receive buffer.
    pub(super) fn set_receive_buffer(&mut self, bytes: u32, most: u32) {
        self.receive_buffer = bytes.min(most).saturating_mul(2).max(MIN_RECEIVE_BUFFER);
    }

    /// Whether a switch is on, by option number.
    pub(crate) fn is_on(&self, option: u32) -> bool {
        option < u128::BITS && self.switches >> option & 1 != 0
    }

    pub(super) fn switch(&mut self, option: u32, on: bool) {
        let bit = 1_u128.checked_shl(option).unwrap_or(0);
        self.switches = if on { self.switches | bit } else { self.switches & !bit };
    }
}

impl Socket {
    /// Its type.
    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether receivers are told who sent (`SO_PASSCRED`).
    pub(crate) fn passes_creds(&self) -> bool {
        self.options.is_on(super::options::PASS_CREDS)
    }

    /// Whether receivers get a descriptor of who sent (`SO_PASSPIDFD`).
    pub(crate) fn passes_pidfd(&self) -> bool {
        self.options.is_on(super::options::PASS_PIDFD)
    }

    /// Whether receivers want to know who sent, in either way.
    pub(crate) fn knows_senders(&self) -> bool {
        self.passes_creds() || self.passes_pidfd()
    }

    /// When and how receivers are told of the moment a message was sent.
    pub(crate) fn stamps(&self) -> Stamps {
        self.options.stamps
    }

    /// Where peeking begins (`SO_PEEK_OFF`).
    pub(crate) fn peek_offset(&self) -> Option<usize> {
        self.options.peek_offset
    }

    /// Bytes were looked at, or taken: what is looked at next moves with them.
    pub(super) fn move_peek_offset(&mut self, bytes: usize, peeked: bool) {
        if let Some(offset) = &mut self.options.peek_offset {
            *offset = if peeked { offset.saturating_add(bytes) } else { offset.saturating_sub(bytes) };
        }
    }

    /// The permission bits of its node.
    pub(crate) fn perm(&self) -> u16 {
        self.perm
    }

    /// How long receiving, or sending, waits at the most; `None` for ever.
    pub(crate) fn patience(&self, sends: bool) -> Option<Nanos> {
        if sends { self.options.send_timeout } else { self.options.receive_timeout }
    }

    /// Bytes that a receiver waits for (`SO_RCVLOWAT`).
    pub(crate) fn receive_low(&self) -> u64 {
        self.options.receive_low.max(1) as u64
    }
}
