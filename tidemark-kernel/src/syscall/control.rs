//! Control data of messages (`cmsg(3)`): open files and credentials, to and from a guest's bytes.

use super::Cx;
use super::sockopt::SOL_SOCKET;
use crate::addr::GuestAddr;
use crate::errno::{Errno, Result};
use crate::fs::FileId;
use crate::fs::descriptors::Fd;
use crate::net::limits::{CONTROL_BYTES, RIGHTS};
use crate::net::socket::{Sender, Stamps, Ucred};
use crate::pod;
use crate::task::{Capabilities, Pid, Tid};
use crate::time::{Nanos, Timespec, Timeval};

/// `SCM_RIGHTS`
const SCM_RIGHTS: i32 = 1;
/// `SCM_CREDENTIALS`
const SCM_CREDENTIALS: i32 = 2;
/// `SCM_PIDFD`
const SCM_PIDFD: i32 = 4;
/// Bytes of a `struct cmsghdr`; also what parts are aligned to, halved.
const HEADER: u64 = 16;
const ALIGN: u64 = 8;

pod! {
    /// `struct cmsghdr`
    struct Header {
        len: u64,
        level: i32,
        kind: i32,
    }
}

/// What a sender adds to a message.
#[derive(Clone, Debug, Default)]
pub(super) struct Control {
    /// Descriptors whose open files go along.
    pub(super) rights: Vec<Fd>,
    /// As whom it sends, if not as itself.
    pub(super) sender: Option<Sender>,
}

impl Control {
    /// Reads and checks a sender's control data.
    ///
    /// # Errors
    /// `EFAULT`, `EINVAL` for what is malformed or unknown, `EBADF` for a descriptor that is not open, `EPERM` for
    /// another's credentials, `ENOBUFS` for too many bytes.
    pub(super) fn read(cx: &mut Cx<'_>, addr: GuestAddr, len: u64) -> Result<Control> {
        let mut control = Control::default();
        if len > CONTROL_BYTES {
            return Err(Errno::ENOBUFS);
        }
        let mut bytes = vec![0; len as usize];
        cx.read_user(addr, &mut bytes)?;
        let mut rest = &bytes[..];
        while rest.len() as u64 >= HEADER {
            let header = <Header as crate::mem::Pod>::from_bytes(rest);
            if header.len < HEADER || header.len > rest.len() as u64 {
                return Err(Errno::EINVAL);
            }
            let body = rest.get(HEADER as usize..header.len as usize).unwrap_or_default();
            if header.level == SOL_SOCKET {
                match header.kind {
                    SCM_RIGHTS => control.add_rights(cx, body)?,
                    SCM_CREDENTIALS => control.sender = Some(checked_creds(cx, body)?),
                    _ => return Err(Errno::EINVAL),
                }
            }
            let next = header.len.next_multiple_of(ALIGN).min(rest.len() as u64);
            rest = rest.get(next as usize..).unwrap_or_default();
        }
        Ok(control)
    }

    fn add_rights(&mut self, cx: &mut Cx<'_>, body: &[u8]) -> Result<()> {
        let (numbers, _) = body.as_chunks::<4>();
        if self.rights.len() + numbers.len() > RIGHTS {
            return Err(Errno::EINVAL);
        }
        for number in numbers {
            let fd = Fd::new(i32::from_le_bytes(*number))?;
            cx.file(fd)?;
            self.rights.push(fd);
        }
        Ok(())
    }

    /// The open files of its descriptors.
    ///
    /// # Errors
    /// `EBADF` for one that was closed meanwhile.
    pub(super) fn files(&self, cx: &mut Cx<'_>) -> Result<Vec<FileId>> {
        self.rights.iter().map(|fd| cx.file(*fd)).collect()
    }
}

/// Credentials that a sender gives: its own ids, or any with the capability for it (`unix(7)`, `SCM_CREDENTIALS`).
fn checked_creds(cx: &mut Cx<'_>, body: &[u8]) -> Result<Sender> {
    let ([pid, uid, gid], []) = body.as_chunks::<4>() else { return Err(Errno::EINVAL) };
    let given =
        Ucred { pid: i32::from_le_bytes(*pid), uid: u32::from_le_bytes(*uid), gid: u32::from_le_bytes(*gid) };
    let own_pid = cx.pid.get() as i32;
    let creds = &cx.process().creds;
    let pid_fits = given.pid == own_pid || creds.can(Capabilities::SYS_ADMIN);
    let uid_fits =
        [creds.uid, creds.euid, creds.suid].contains(&given.uid) || creds.can(Capabilities::SETUID);
    let gid_fits =
        [creds.gid, creds.egid, creds.sgid].contains(&given.gid) || creds.can(Capabilities::SETGID);
    if !(pid_fits && uid_fits && gid_fits) {
        return Err(Errno::EPERM);
    }
    let tid = u32::try_from(given.pid).ok().and_then(Tid::new).ok_or(Errno::ESRCH)?;
    let process = cx.sys.tasks.process(Pid(tid)).ok_or(Errno::ESRCH)?.reference();
    Ok(Sender { ids: given, process: Some(process) })
}

/// A receiver's room for control data, filled from its start.
#[derive(Debug)]
pub(super) struct Room {
    at: GuestAddr,
    left: u64,
    /// Bytes written.
    pub(super) used: u64,
    /// Whether something did not fit (`MSG_CTRUNC`).
    pub(super) truncated: bool,
}

impl Room {
    pub(super) fn new(at: GuestAddr, len: u64) -> Room {
        Room { at, left: if at.is_null() { 0 } else { len }, used: 0, truncated: false }
    }

    fn advance(&mut self, bytes: u64) {
        let bytes = bytes.next_multiple_of(ALIGN).min(self.left);
        self.at = GuestAddr(self.at.0.wrapping_add(bytes));
        self.left -= bytes;
        self.used += bytes;
    }

    /// Writes one part, as much of it as fits (`put_cmsg`). Whether it came to lie there.
    fn put<T: crate::mem::Pod>(&mut self, cx: &mut Cx<'_>, kind: i32, body: &T) -> bool {
        if self.left < HEADER {
            self.truncated = true;
            return false;
        }
        let whole = HEADER + size_of::<T>() as u64;
        let len = whole.min(self.left);
        self.truncated |= len < whole;
        let mut bytes = vec![0; whole as usize];
        crate::mem::Pod::to_bytes(&Header { len, level: SOL_SOCKET, kind }, &mut bytes);
        if let Some(rest) = bytes.get_mut(HEADER as usize..) {
            crate::mem::Pod::to_bytes(body, rest);
        }
        // As in Linux, a receiver that gave bad memory gets its bytes all the same.
        let written = cx.write_user(self.at, bytes.get(..len as usize).unwrap_or_default()).is_ok();
        if written {
            self.advance(len);
        }
        written
    }

    /// Writes the sender's credentials.
    pub(super) fn put_creds(&mut self, cx: &mut Cx<'_>, creds: Ucred) {
        self.put(cx, SCM_CREDENTIALS, &[creds.pid as u32, creds.uid, creds.gid]);
    }

    /// Writes when the message was sent, in the shape that was asked for (`socket(7)`, `SO_TIMESTAMP`).
    pub(super) fn put_stamp(&mut self, cx: &mut Cx<'_>, stamps: Stamps, sent_at: Nanos) {
        let kind = stamps.option() as i32;
        match stamps.nanos {
            true => self.put(cx, kind, &Timespec::new(sent_at)),
            false => self.put(cx, kind, &Timeval::new(sent_at)),
        };
    }

    /// Opens a descriptor of the sender's process, if there is room for its number (`unix(7)`, `SCM_PIDFD`).
    pub(super) fn put_pidfd(&mut self, cx: &mut Cx<'_>, sender: Sender) {
        let Some(reference) = sender.process else { return };
        if self.left < HEADER + 4 {
            self.truncated = true;
            return;
        }
        // The number of an error stands for a process that has been waited for.
        let opened = match cx.sys.tasks.referred(reference) {
            Some(_) => cx.open_process(reference),
            None => Err(Errno::ESRCH),
        };
        let number = opened.map_or_else(|error| -i32::from(error.number()), |fd| fd.get() as i32);
        if !self.put(cx, SCM_PIDFD, &number)
            && let Ok(fd) = opened
        {
            let table = cx.fd_table();
            let _ = cx.sys.fs.close(table, fd, &mut cx.sys.woken);
        }
    }

    /// Opens descriptors for the files, as many as there is room for; the others are closed.
    pub(super) fn put_rights(&mut self, cx: &mut Cx<'_>, files: Vec<FileId>, close_on_exec: bool) {
        let fits = self.left.saturating_sub(HEADER) / 4;
        let body = GuestAddr(self.at.0.wrapping_add(HEADER));
        let mut opened = 0;
        let all = files.len() as u64;
        let mut files = files.into_iter();
        while opened < fits {
            let Some(file) = files.next() else { break };
            let Ok(fd) = cx.install(file, close_on_exec) else { break };
            let at = GuestAddr(body.0.wrapping_add(opened * 4));
            if cx.write_pod(at, &fd.get()).is_err() {
                let table = cx.fd_table();
                let _ = cx.sys.fs.close(table, fd, &mut cx.sys.woken);
                break;
            }
            opened += 1;
        }
        files.for_each(|file| cx.sys.fs.release(file));
        self.truncated |= opened < all;
        if opened > 0 {
            let len = HEADER + opened * 4;
            let header = Header { len, level: SOL_SOCKET, kind: SCM_RIGHTS };
            if cx.write_pod(self.at, &header).is_ok() {
                self.advance(len);
            }
        }
    }
}
