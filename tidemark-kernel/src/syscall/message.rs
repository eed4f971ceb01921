//! Sending and receiving: the send and recv families, and read and write of sockets.
//!
//! A call may go in steps and wait in between. What it keeps meanwhile holds no references, so that a thread that is
//! killed in it leaves nothing behind.

mod receive;
mod send;

pub(super) use receive::{read_socket, recvfrom, recvmmsg, recvmsg};
pub(super) use send::{sendmmsg, sendmsg, sendto, write_socket};

use super::io::Buffers;
use super::{Cx, SysResult};
use crate::addr::GuestAddr;
use crate::errno::{Errno, Result};
use crate::fs::FileId;
use crate::net::socket::SocketId;
use crate::pod;
use crate::wait::{Entry, Events, Flow, Restart};

const MSG_OOB: u32 = 1;
const MSG_PEEK: u32 = 2;
const MSG_CTRUNC: u32 = 8;
const MSG_TRUNC: u32 = 0x20;
const MSG_DONTWAIT: u32 = 0x40;
const MSG_WAITALL: u32 = 0x100;
const MSG_NOSIGNAL: u32 = 0x4000;
const MSG_WAITFORONE: u32 = 0x1_0000;
const MSG_CMSG_CLOEXEC: u32 = 0x4000_0000;

/// Messages of one `sendmmsg` or `recvmmsg` (`UIO_MAXIOV`).
const MESSAGES: u32 = 1024;
/// Bytes of a `struct mmsghdr`: a `struct msghdr`, a length and padding.
const MMSGHDR_BYTES: u64 = 64;
/// Where the length is in it.
const MMSG_LEN: u64 = 56;

pod! {
    /// `struct msghdr` of a 64-bit machine, 56 bytes.
    struct MsgHdr {
        name: GuestAddr,
        name_len: i32,
        pad: u32,
        iov: GuestAddr,
        iov_len: u64,
        control: GuestAddr,
        control_len: u64,
        flags: u32,
        pad2: u32,
    }
}

/// Where fields that a receiver writes are in a `struct msghdr`.
const NAME_LEN_AT: u64 = 8;
const CONTROL_LEN_AT: u64 = 40;
const FLAGS_AT: u64 = 48;

/// What one entry of a transfer came to.
#[derive(Debug)]
enum Turn {
    /// It is done, with this result.
    Done(u64),
    /// It goes on later: it waits, or gives others the lock.
    Later(Flow),
}

impl Cx<'_> {
    /// Waits for `events` of a socket, if the caller wants to wait.
    ///
    /// # Errors
    /// `EAGAIN`.
    fn wait_for_socket(&mut self, file: FileId, events: Events, dont_wait: bool) -> SysResult {
        if dont_wait { Err(Errno::EAGAIN) } else { self.wait_for(file, events) }
    }

    /// Waits until another socket takes messages, or connections, again.
    ///
    /// # Errors
    /// `EAGAIN`.
    pub(super) fn wait_for_room(&mut self, file: FileId, other: SocketId, dont_wait: bool) -> SysResult {
        if dont_wait || self.sys.fs.file(file)?.flags.has(crate::fs::flags::OpenFlags::NON_BLOCK) {
            return Err(Errno::EAGAIN);
        }
        let limited = self.limit_wait(file, Events::OUT)?;
        if self.entry == Entry::Signal {
            let restart = if limited { Restart::Never } else { Restart::System };
            return Ok(Flow::Interrupted(restart));
        }
        let waiter = self.waiter(Events::OUT);
        self.sys.fs.sockets.wait_for_room(other, waiter)?;
        Ok(self.block())
    }
}

/// The buffers of a `struct msghdr`.
fn buffers_of(cx: &mut Cx<'_>, header: &MsgHdr) -> Result<Buffers> {
    Buffers::read(cx, header.iov, header.iov_len, Errno::EMSGSIZE)
}

/// Ends a call by what a turn came to; a transfer that goes on is kept.
fn end_call<T: Send + 'static>(cx: &mut Cx<'_>, turn: Result<Turn>, kept: T) -> SysResult {
    match turn? {
        Turn::Done(value) => Ok(Flow::Done(value)),
        Turn::Later(flow) => {
            cx.progress.state = Some(Box::new(kept));
            Ok(flow)
        }
    }
}

/// What an earlier entry kept.
fn kept<T: 'static>(cx: &mut Cx<'_>) -> Option<T> {
    cx.progress.state.take()?.downcast().ok().map(|kept| *kept)
}
