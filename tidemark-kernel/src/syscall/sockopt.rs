//! setsockopt, getsockopt.

use super::{Cx, SysResult};
use crate::addr::GuestAddr;
use crate::errno::{Errno, Result};
use crate::fs::descriptors::Fd;
use crate::fs::file::FileKind;
use crate::fs::flags::OpenFlags;
use crate::net::options::{BIND_TO_DEVICE, PEER_GROUPS, PEER_NAME, PEER_PIDFD};
use crate::net::unix::address::encode;
use crate::task::ProcessRef;
use crate::wait::Flow;

/// `SOL_SOCKET`
pub(super) const SOL_SOCKET: i32 = 1;
/// Bytes of the longest option that is looked at.
const OPTION_BYTES: usize = 16;

/// `setsockopt(2)`
pub fn setsockopt(cx: &mut Cx<'_>, fd: Fd, level: i32, option: u32, value: GuestAddr, len: i32) -> SysResult {
    let (_, socket) = cx.socket(fd)?;
    let len = usize::try_from(len).map_err(|_| Errno::EINVAL)?;
    // The family has no options of its own.
    if level != SOL_SOCKET {
        return Err(Errno::EOPNOTSUPP);
    }
    let mut bytes = [0; OPTION_BYTES];
    let bytes = bytes.get_mut(..len.min(OPTION_BYTES)).unwrap_or_default();
    cx.read_user(value, bytes)?;
    // There are no network interfaces; the empty name is none.
    if option == BIND_TO_DEVICE {
        return if bytes.first().is_none_or(|byte| *byte == 0) {
            Ok(Flow::Done(0))
        } else {
            Err(Errno::ENODEV)
        };
    }
    let parts = cx.parts()?;
    parts.fs.sockets.set_option(socket, option, bytes, parts.who.creds)?;
    Ok(Flow::Done(0))
}

/// `getsockopt(2)`
pub fn getsockopt(
    cx: &mut Cx<'_>,
    fd: Fd,
    level: i32,
    option: u32,
    value: GuestAddr,
    len_at: GuestAddr,
) -> SysResult {
    let (_, socket) = cx.socket(fd)?;
    if level != SOL_SOCKET {
        return Err(Errno::EOPNOTSUPP);
    }
    let room: i32 = cx.read_pod(len_at)?;
    let room = usize::try_from(room).map_err(|_| Errno::EINVAL)?;
    let bytes = match option {
        PEER_PIDFD => return peer_pidfd(cx, fd, value, len_at, room),
        PEER_NAME => {
            let bytes = encode(cx.sys.fs.sockets.peer_name(socket)?.as_deref());
            // As Linux has it: no part of a name.
            if bytes.len() < room {
                return Err(Errno::EINVAL);
            }
            bytes
        }
        PEER_GROUPS => {
            let peer = cx.sys.fs.sockets.get(socket)?.peer_creds().ok_or(Errno::ENODATA)?;
            let bytes: Vec<u8> = peer.groups.iter().flat_map(|group| group.to_le_bytes()).collect();
            // Who gave too little room is told how much it takes.
            if bytes.len() > room {
                cx.write_pod(len_at, &(bytes.len() as i32))?;
                return Err(Errno::ERANGE);
            }
            bytes
        }
        option => cx.sys.fs.sockets.option(socket, option, room)?,
    };
    let fits = bytes.len().min(room);
    cx.write_user(value, bytes.get(..fits).unwrap_or_default())?;
    cx.write_pod(len_at, &(fits as i32))?;
    Ok(Flow::Done(0))
}

impl Cx<'_> {
    /// A new descriptor of a process.
    ///
    /// # Errors
    /// `ENFILE`, `EMFILE`.
    pub(super) fn open_process(&mut self, process: ProcessRef) -> Result<Fd> {
        let file = self.sys.fs.open_anonymous(FileKind::Process(process), OpenFlags(0))?;
        self.install(file, true)
    }
}

/// `SO_PEERPIDFD`: a descriptor of the process at the other end.
fn peer_pidfd(cx: &mut Cx<'_>, fd: Fd, value: GuestAddr, len_at: GuestAddr, room: usize) -> SysResult {
    const BYTES: usize = 4;
    let (_, socket) = cx.socket(fd)?;
    let peer = cx.sys.fs.sockets.get(socket)?.peer_creds().ok_or(Errno::ENODATA)?.process;
    if room < BYTES {
        return Err(Errno::EINVAL);
    }
    cx.sys.tasks.referred(peer).ok_or(Errno::ESRCH)?;
    let opened = cx.open_process(peer)?;
    let written = cx.write_pod(value, &opened.get()).and_then(|()| cx.write_pod(len_at, &(BYTES as i32)));
    if let Err(error) = written {
        let table = cx.fd_table();
        cx.sys.fs.close(table, opened, &mut cx.sys.woken)?;
        return Err(error);
    }
    Ok(Flow::Done(0))
}
