//! Bounds of sockets, with the values Linux has by default.

/// Bytes of a new socket's send and receive buffers, and the most that can be asked for (`net.core.wmem_default`,
/// `net.core.wmem_max` and their `rmem` kin, `socket(7)`).
pub const BUFFER_BYTES: u32 = 212_992;

/// The least a send buffer has, in bytes (`SOCK_MIN_SNDBUF`).
pub(crate) const MIN_SEND_BUFFER: u32 = 4608;

/// The least a receive buffer has, in bytes (`SOCK_MIN_RCVBUF`).
pub(crate) const MIN_RECEIVE_BUFFER: u32 = 2304;

/// What a message counts beside its bytes: `SKB_TRUESIZE(0)`, the bookkeeping of Linux's socket buffers.
pub(crate) const MESSAGE_OVERHEAD: usize = 576;

/// Bytes of a stream that go into one message: a write is cut into these.
pub(crate) const STREAM_CHUNK: usize = 32 << 10;

/// Part of the send buffer that a message cannot have (`unix_dgram_sendmsg`).
pub(crate) const MESSAGE_RESERVE: usize = 32;

/// Messages that wait at a datagram socket before those who send to it wait (`net.unix.max_dgram_qlen`).
pub const DATAGRAM_QUEUE: usize = 10;

/// The longest queue of connections that `listen(2)` can ask for (`net.core.somaxconn`).
pub const BACKLOG: usize = 4096;

/// Descriptors in one message (`SCM_MAX_FD`, `unix(7)`).
pub(crate) const RIGHTS: usize = 253;

/// Bytes of control data in one message (`net.core.optmem_max`, `cmsg(3)`).
pub const CONTROL_BYTES: u64 = 20_480;

/// Sockets there may be for each open file that there may be: those that wait to be accepted have none.
pub(crate) const SOCKETS_PER_FILE: usize = 2;

/// Buffers of messages that are kept for the next ones.
pub(crate) const SPARE_BUFFERS: usize = 64;

/// Connections of a closed listener that one step ends.
pub(crate) const CLOSE_STEP: usize = 64;
