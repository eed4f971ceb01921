//! POSIX message queues: `mq_open(2)` and its family.

use super::files::PathAddr;
use super::{Cx, SysResult};
use crate::addr::GuestAddr;
use crate::errno::{Errno, Result};
use crate::fs::FileId;
use crate::fs::descriptors::Fd;
use crate::fs::file::FileKind;
use crate::fs::flags::OpenFlags;
use crate::ipc::limits::MQ_PRIORITIES;
use crate::ipc::posix::{Notice, Opening, QueueId, Shape};
use crate::signal::{SigInfo, Signal};
use crate::task::Resource;
use crate::time::{Clock, Timespec};
use crate::wait::{Entry, Events, Flow};

crate::pod! {
    /// `struct mq_attr`.
    struct MqAttr {
        flags: i64,
        messages_max: i64,
        message_bytes: i64,
        messages: i64,
        reserved: [u64; 4],
    }
}

/// The name of a queue, as the C library passes it: without the slash.
///
/// # Errors
/// `EFAULT`, `ENAMETOOLONG`; `ENOENT` for no name; `EACCES` for more than one.
fn name(cx: &mut Cx<'_>, at: PathAddr) -> Result<Vec<u8>> {
    let longest = cx.sys.limits.name_bytes;
    let bytes = cx.path(at)?;
    match bytes.as_slice() {
        [] => Err(Errno::ENOENT),
        b"." | b".." => Err(Errno::EACCES),
        bytes if bytes.contains(&b'/') => Err(Errno::EACCES),
        bytes if bytes.len() > longest => Err(Errno::ENAMETOOLONG),
        _ => Ok(bytes),
    }
}

/// `mq_open(2)`.
pub fn mq_open(
    cx: &mut Cx<'_>,
    name_at: PathAddr,
    oflag: OpenFlags,
    mode: u32,
    attr: GuestAddr,
) -> SysResult {
    let create = oflag.has(OpenFlags::CREATE);
    let shape = match create && !attr.is_null() {
        true => {
            let attr: MqAttr = cx.read_pod(attr)?;
            let count = |value: i64| u64::try_from(value).map_err(|_| Errno::EINVAL);
            Some(Shape { messages: count(attr.messages_max)?, message_bytes: count(attr.message_bytes)? })
        }
        false => None,
    };
    let name = name(cx, name_at)?;
    if !oflag.reads() && !oflag.writes() {
        return Err(Errno::EINVAL);
    }
    let wanted = if oflag.reads() { 4 } else { 0 } | if oflag.writes() { 2 } else { 0 };
    let context = cx.fs_context();
    let umask = cx.sys.fs.umask(context)?;
    let how = Opening {
        wanted,
        create,
        exclusive: oflag.has(OpenFlags::EXCLUSIVE),
        mode: mode & 0o777 & !u32::from(umask),
        shape,
        bytes_max: cx.process().rlimits.soft(Resource::MessageQueues),
    };
    let crate::system::System { fs, tasks, .. } = &mut *cx.sys;
    let creds = &tasks.process(cx.pid).ok_or(Errno::ESRCH)?.creds;
    let queue = fs.message_queues.open(&name, &how, creds)?;
    let access = oflag.and(OpenFlags::ACCESS_MODE.with(OpenFlags::NON_BLOCK));
    let file = match fs.open_anonymous_as(FileKind::MessageQueue(queue), access) {
        Ok(file) => file,
        Err(errno) => {
            fs.message_queues.close(queue);
            return Err(errno);
        }
    };
    // Closed on exec, whatever was asked for (`mq_open(3)`).
    let fd = cx.install(file, true)?;
    Ok(Flow::Done(fd.get().into()))
}

/// `mq_unlink(2)`.
pub fn mq_unlink(cx: &mut Cx<'_>, name_at: PathAddr) -> SysResult {
    let name = name(cx, name_at)?;
    let crate::system::System { fs, tasks, .. } = &mut *cx.sys;
    let creds = &tasks.process(cx.pid).ok_or(Errno::ESRCH)?.creds;
    fs.message_queues.unlink(&name, creds)?;
    Ok(Flow::Done(0))
}

/// The queue behind a descriptor.
///
/// # Errors
/// `EBADF`: something else is.
fn queue_of(cx: &Cx<'_>, file: FileId) -> Result<QueueId> {
    match cx.sys.fs.file(file)?.kind {
        FileKind::MessageQueue(queue) => Ok(queue),
        _ => Err(Errno::EBADF),
    }
}

/// Fixes until when the call waits, at its first entry.
///
/// # Errors
/// `EINVAL`, `EFAULT`.
fn take_timeout(cx: &mut Cx<'_>, at: GuestAddr) -> Result<()> {
    if cx.entry == Entry::First && !at.is_null() {
        let until = cx.read_pod::<Timespec>(at)?.nanos()?;
        cx.progress.deadline = Some(Clock::Realtime.deadline(until, cx.now()));
    }
    Ok(())
}

/// Waits for a queue that is not ready.
fn wait(cx: &mut Cx<'_>, file: FileId, events: Events) -> SysResult {
    let patient = !cx.sys.fs.file(file)?.flags.has(OpenFlags::NON_BLOCK);
    let past = cx.progress.deadline.is_some_and(|deadline| deadline <= cx.sys.now.monotonic);
    if patient && (past || cx.entry == Entry::Timeout) {
        return Err(Errno::ETIMEDOUT);
    }
    cx.wait_for(file, events)
}

/// `mq_timedsend(2)`.
pub fn mq_timedsend(
    cx: &mut Cx<'_>,
    mqdes: Fd,
    msg_ptr: GuestAddr,
    msg_len: u64,
    msg_prio: u32,
    abs_timeout: GuestAddr,
) -> SysResult {
    if msg_prio >= MQ_PRIORITIES {
        return Err(Errno::EINVAL);
    }
    take_timeout(cx, abs_timeout)?;
    let file = cx.file(mqdes)?;
    let id = queue_of(cx, file)?;
    if !cx.sys.fs.file(file)?.writable {
        return Err(Errno::EBADF);
    }
    let queue = cx.sys.fs.message_queues.get(id)?;
    if msg_len > queue.shape.message_bytes {
        return Err(Errno::EMSGSIZE);
    }
    if !queue.has_room() {
        return wait(cx, file, Events::OUT);
    }
    cx.sys.fs.message_queues.check_memory(msg_len)?;
    let mut data = vec![0; msg_len as usize].into_boxed_slice();
    cx.read_user(msg_ptr, &mut data)?;
    let crate::system::System { fs, woken, .. } = &mut *cx.sys;
    let notice = fs.message_queues.get_mut(id)?.push(msg_prio, data, woken);
    if let Some(notice) = notice {
        tell(cx, &notice)?;
    }
    Ok(Flow::Done(0))
}

/// Tells who asked that a message came.
fn tell(cx: &mut Cx<'_>, notice: &Notice) -> Result<()> {
    let uid = cx.process().creds.uid;
    let target = cx.sys.tasks.referred(notice.process).map(|process| process.pid);
    if let (Some(target), Some((signal, value))) = (target, notice.signal) {
        let info = SigInfo::message(signal, cx.pid, uid, value);
        // The message was sent, whether or not its signal could be queued.
        let _: Result<()> = cx.sys.send_to_process(target, info);
    }
    Ok(())
}

/// `mq_timedreceive(2)`.
pub fn mq_timedreceive(
    cx: &mut Cx<'_>,
    mqdes: Fd,
    msg_ptr: GuestAddr,
    msg_len: u64,
    msg_prio: GuestAddr,
    abs_timeout: GuestAddr,
) -> SysResult {
    take_timeout(cx, abs_timeout)?;
    let file = cx.file(mqdes)?;
    let id = queue_of(cx, file)?;
    if !cx.sys.fs.file(file)?.readable {
        return Err(Errno::EBADF);
    }
    let tid = cx.tid;
    let crate::system::System { fs, woken, .. } = &mut *cx.sys;
    let queue = fs.message_queues.get_mut(id)?;
    queue.set_waiting(tid, false);
    if msg_len < queue.shape.message_bytes {
        return Err(Errno::EMSGSIZE);
    }
    let Some((priority, data)) = queue.pop(woken) else {
        let flow = wait(cx, file, Events::IN);
        if let Ok(Flow::Block { .. }) = flow {
            cx.sys.fs.message_queues.get_mut(id)?.set_waiting(tid, true);
        }
        return flow;
    };
    cx.write_user(msg_ptr, &data)?;
    if !msg_prio.is_null() {
        cx.write_pod(msg_prio, &priority)?;
    }
    Ok(Flow::Done(data.len() as u64))
}

/// `SIGEV_SIGNAL`, `SIGEV_NONE`, `SIGEV_THREAD`.
const SIGEV_SIGNAL: i32 = 0;
const SIGEV_NONE: i32 = 1;
const SIGEV_THREAD: i32 = 2;

crate::pod! {
    /// The used part of `struct sigevent`.
    struct SigEvent {
        value: u64,
        signal: i32,
        how: i32,
    }
}

/// `mq_notify(2)`.
pub fn mq_notify(cx: &mut Cx<'_>, mqdes: Fd, sevp: GuestAddr) -> SysResult {
    let event = match sevp.is_null() {
        true => None,
        false => Some(cx.read_pod::<SigEvent>(sevp)?),
    };
    let signal = match event {
        // Linux takes it for a signal that nobody gets.
        Some(SigEvent { how: SIGEV_SIGNAL, signal: 0, .. }) => None,
        Some(SigEvent { how: SIGEV_SIGNAL, signal, value }) => {
            let signal = u32::try_from(signal).ok().and_then(Signal::new).ok_or(Errno::EINVAL)?;
            Some((signal, value))
        }
        Some(SigEvent { how: SIGEV_NONE, .. }) | None => None,
        // The C library would wait at a netlink socket, of which there are none.
        Some(SigEvent { how: SIGEV_THREAD, .. }) => return Err(Errno::ENOSYS),
        Some(_) => return Err(Errno::EINVAL),
    };
    let file = cx.file(mqdes)?;
    let id = queue_of(cx, file)?;
    let process = cx.process().reference();
    let old = cx.sys.fs.message_queues.get(id)?.notice;
    let taken = old.is_some_and(|old| {
        let owner = cx.sys.tasks.referred(old.process);
        owner.is_some_and(|owner| !owner.is_zombie())
    });
    let queue = cx.sys.fs.message_queues.get_mut(id)?;
    match event {
        None => {
            queue.notice.take_if(|notice| notice.process == process);
        }
        Some(_) if taken => return Err(Errno::EBUSY),
        Some(_) => queue.notice = Some(Notice { process, signal }),
    }
    Ok(Flow::Done(0))
}

/// A process that closes a queue is not told of its messages any more (`mq_close(3)`).
///
/// # Errors
/// `EBADF`.
pub(super) fn before_close(cx: &mut Cx<'_>, fd: Fd) -> Result<()> {
    let file = cx.file(fd)?;
    if let FileKind::MessageQueue(queue) = cx.sys.fs.file(file)?.kind {
        let process = cx.process().reference();
        cx.sys.fs.message_queues.forget(queue, process);
    }
    Ok(())
}

/// `mq_getsetattr(2)`.
pub fn mq_getsetattr(cx: &mut Cx<'_>, mqdes: Fd, newattr: GuestAddr, oldattr: GuestAddr) -> SysResult {
    let new = match newattr.is_null() {
        true => None,
        false => Some(cx.read_pod::<MqAttr>(newattr)?),
    };
    let non_block = OpenFlags::NON_BLOCK;
    if new.is_some_and(|new| new.flags & !i64::from(non_block.0) != 0) {
        return Err(Errno::EINVAL);
    }
    let file = cx.file(mqdes)?;
    let queue = cx.sys.fs.message_queues.get(queue_of(cx, file)?)?;
    let flags = cx.sys.fs.file(file)?.flags;
    let old = MqAttr {
        flags: flags.and(non_block).0.into(),
        messages_max: queue.shape.messages as i64,
        message_bytes: queue.shape.message_bytes as i64,
        messages: queue.len() as i64,
        reserved: [0; 4],
    };
    if let Some(new) = new {
        let open = cx.sys.fs.file_mut(file)?;
        open.flags = match new.flags {
            0 => flags.without(non_block),
            _ => flags.with(non_block),
        };
    }
    if !oldattr.is_null() {
        cx.write_pod(oldattr, &old)?;
    }
    Ok(Flow::Done(0))
}
