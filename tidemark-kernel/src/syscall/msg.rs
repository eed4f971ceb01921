//! Message queues of System V: `msgget(2)`, `msgsnd(2)`, `msgrcv(2)`, `msgctl(2)`.

use super::ipc::{IPC_INFO, IPC_NOWAIT, IPC_RMID, IPC_SET, IPC_STAT, IpcPerm};
use super::{Cx, SysResult};
use crate::addr::GuestAddr;
use crate::errno::{Errno, Result};
use crate::ipc::limits::MESSAGE_MOST;
use crate::ipc::msg::{Message, Queue, Select};
use crate::ipc::{Object, Wanted};
use crate::system::System;
use crate::task::{Capabilities, Pid};
use crate::wait::{Entry, Events, Flow, Restart};

/// `msgget(2)`.
pub fn msgget(cx: &mut Cx<'_>, key: i32, msgflg: u32) -> SysResult {
    let now = cx.seconds();
    let System { ipc, tasks, .. } = &mut *cx.sys;
    let creds = &tasks.process(cx.pid).ok_or(Errno::ESRCH)?.creds;
    let id = ipc.queues.look_up(&ipc.limits, (key, msgflg), creds, now)?;
    Ok(Flow::Done(id as u64))
}

/// Bytes of `mtype`, which precedes a message's text.
const TYPE_BYTES: u64 = 8;

/// `msgsnd(2)`.
pub fn msgsnd(cx: &mut Cx<'_>, msqid: i32, msgp: GuestAddr, msgsz: u64, msgflg: u32) -> SysResult {
    if cx.entry == Entry::First {
        let kind: i64 = cx.read_pod(msgp)?;
        let length =
            u32::try_from(msgsz).ok().filter(|length| *length <= longest(cx)).ok_or(Errno::EINVAL)?;
        if msqid < 0 || kind < 1 {
            return Err(Errno::EINVAL);
        }
        let mut data = vec![0; length as usize].into_boxed_slice();
        cx.read_user(msgp.add(TYPE_BYTES)?, &mut data)?;
        cx.progress.state = Some(Box::new(Message { kind, data }));
    }
    let queue = again(cx, cx.sys.ipc.queues.table.get(msqid))?;
    cx.check_wanted(queue.permissions(), Wanted::WRITE)?;
    if queue.has_room(msgsz) {
        cx.sys.ipc.queues.check_memory(msgsz)?;
        let state = cx.progress.state.take().and_then(|state| state.downcast::<Message>().ok());
        let Some(message) = state else { return Err(Errno::EINVAL) };
        let now = cx.seconds();
        let System { ipc, woken, .. } = &mut *cx.sys;
        ipc.queues.push(msqid, *message, cx.pid, now, woken)?;
        return Ok(Flow::Done(0));
    }
    wait(cx, msqid, msgflg, Events::OUT, Errno::EAGAIN)
}

/// The longest message there may be, in bytes.
fn longest(cx: &Cx<'_>) -> u32 {
    cx.sys.ipc.limits.msg_max.min(MESSAGE_MOST)
}

/// A queue that was there when the call began and is not any more was removed.
fn again<'a>(cx: &Cx<'_>, queue: Result<&'a Queue>) -> Result<&'a Queue> {
    queue.map_err(|errno| if cx.entry == Entry::First { errno } else { Errno::EIDRM })
}

/// Waits for a queue, if the caller will.
fn wait(cx: &mut Cx<'_>, msqid: i32, flags: u32, events: Events, unwilling: Errno) -> SysResult {
    if flags & IPC_NOWAIT != 0 {
        return Err(unwilling);
    }
    if cx.entry == Entry::Signal {
        return Ok(Flow::Interrupted(Restart::NoHandler));
    }
    let waiter = cx.waiter(events);
    cx.sys.ipc.queues.table.get_mut(msqid)?.waiters.add(waiter);
    Ok(Flow::Block { deadline: None })
}

const MSG_NOERROR: u32 = 0o10000;
const MSG_EXCEPT: u32 = 0o20000;
const MSG_COPY: u32 = 0o40000;

/// `msgrcv(2)`.
pub fn msgrcv(
    cx: &mut Cx<'_>,
    msqid: i32,
    msgp: GuestAddr,
    msgsz: u64,
    msgtyp: i64,
    msgflg: u32,
) -> SysResult {
    if msqid < 0 || i64::try_from(msgsz).is_err() {
        return Err(Errno::EINVAL);
    }
    let copy = msgflg & MSG_COPY != 0;
    if copy && (msgflg & MSG_EXCEPT != 0 || msgflg & IPC_NOWAIT == 0) {
        return Err(Errno::EINVAL);
    }
    let queue = again(cx, cx.sys.ipc.queues.table.get(msqid))?;
    cx.check_wanted(queue.permissions(), Wanted::READ)?;
    let select = match msgtyp {
        place if copy => Select::Place(place as u64),
        0 => Select::Any,
        1.. if msgflg & MSG_EXCEPT != 0 => Select::NotKind(msgtyp),
        1.. => Select::Kind(msgtyp),
        _ => Select::UpTo(msgtyp.checked_neg().unwrap_or(i64::MAX)),
    };
    let found = queue.find(select).and_then(|place| Some((place, queue.peek(place)?)));
    let Some((place, message)) = found else {
        return wait(cx, msqid, msgflg, Events::IN, Errno::ENOMSG);
    };
    if message.data.len() as u64 > msgsz && msgflg & MSG_NOERROR == 0 {
        return Err(Errno::E2BIG);
    }
    let message = if copy {
        // Linux copies whole messages only, whatever `MSG_NOERROR` says (`copy_msg`).
        if message.data.len() as u64 > msgsz {
            return Err(Errno::EINVAL);
        }
        message.clone()
    } else {
        let now = cx.seconds();
        let System { ipc, woken, .. } = &mut *cx.sys;
        ipc.queues.take(msqid, place, cx.pid, now, woken)?
    };
    // As on Linux, a message whose buffer turns out to be bad is lost.
    let length = message.data.len().min(usize::try_from(msgsz).unwrap_or(usize::MAX));
    cx.write_pod(msgp, &message.kind)?;
    cx.write_user(msgp.add(TYPE_BYTES)?, &message.data[..length])?;
    Ok(Flow::Done(length as u64))
}

crate::pod! {
    /// `struct msqid64_ds` of asm-generic/msgbuf.h.
    struct MsgIdDs {
        perm: IpcPerm,
        sent: u64,
        received: u64,
        changed: u64,
        bytes: u64,
        messages: u64,
        bytes_max: u64,
        last_sender: u32,
        last_receiver: u32,
        unused: [u64; 2],
    }
}

crate::pod! {
    /// `struct msginfo`.
    struct MsgInfo {
        pool: i32,
        map: i32,
        max: i32,
        queue_bytes: i32,
        queues: i32,
        segment_size: i32,
        messages: i32,
        segments: u16,
        pad: u16,
    }
}

const MSG_STAT: u32 = 11;
const MSG_INFO: u32 = 12;
const MSG_STAT_ANY: u32 = 13;

/// `msgctl(2)`.
pub fn msgctl(cx: &mut Cx<'_>, msqid: i32, cmd: u32, buf: GuestAddr) -> SysResult {
    if msqid < 0 {
        return Err(Errno::EINVAL);
    }
    let table = &cx.sys.ipc.queues.table;
    match cmd {
        IPC_INFO | MSG_INFO => {
            let highest = table.highest();
            let info = info(cx, cmd == MSG_INFO);
            cx.answer(buf, &info, highest as u64)
        }
        IPC_STAT | MSG_STAT | MSG_STAT_ANY => {
            let queue = if cmd == IPC_STAT { table.get(msqid)? } else { table.at_place(msqid)? };
            let permissions = *queue.permissions();
            if cmd != MSG_STAT_ANY {
                cx.check_wanted(&permissions, Wanted::READ)?;
            }
            let info = MsgIdDs {
                perm: IpcPerm::new(&permissions, permissions.mode),
                sent: queue.sent,
                received: queue.received,
                changed: queue.changed,
                bytes: queue.bytes,
                messages: queue.len() as u64,
                bytes_max: queue.bytes_max,
                last_sender: queue.last_sender.map_or(0, Pid::get),
                last_receiver: queue.last_receiver.map_or(0, Pid::get),
                unused: [0; 2],
            };
            let number = if cmd == IPC_STAT { 0 } else { permissions.id as u64 };
            cx.answer(buf, &info, number)
        }
        IPC_SET => set(cx, msqid, buf),
        IPC_RMID => {
            table.get(msqid)?.permissions().check_owner(cx.creds()?)?;
            let System { ipc, woken, .. } = &mut *cx.sys;
            ipc.queues.remove(msqid, woken);
            Ok(Flow::Done(0))
        }
        _ => Err(Errno::EINVAL),
    }
}

fn set(cx: &mut Cx<'_>, msqid: i32, buf: GuestAddr) -> SysResult {
    let new: MsgIdDs = cx.read_pod(buf)?;
    cx.sys.ipc.queues.table.get(msqid)?.permissions().check_owner(cx.creds()?)?;
    let raises = new.bytes_max > u64::from(cx.sys.ipc.limits.msg_queue_bytes);
    if raises && !cx.can(Capabilities::SYS_RESOURCE) {
        return Err(Errno::EPERM);
    }
    let now = cx.seconds();
    let System { ipc, woken, .. } = &mut *cx.sys;
    let queue = ipc.queues.table.get_mut(msqid)?;
    new.perm.apply(queue.permissions_mut())?;
    queue.bytes_max = new.bytes_max;
    queue.changed = now;
    // Who waits may do so in vain now, or have room.
    queue.waiters.wake(Events::IN.union(Events::OUT), woken);
    Ok(Flow::Done(0))
}

fn info(cx: &Cx<'_>, used: bool) -> MsgInfo {
    /// `MSGSSZ` and `MSGSEG`, unused since System V.
    const SEGMENT_SIZE: i32 = 16;
    const SEGMENTS: u16 = 0xffff;
    let (limits, queues) = (&cx.sys.ipc.limits, &cx.sys.ipc.queues);
    let number = |value: u64| i32::try_from(value).unwrap_or(i32::MAX);
    let (count, per_queue) = (u64::from(limits.msg_queues), u64::from(limits.msg_queue_bytes));
    MsgInfo {
        // With MSG_INFO these three say what is in use.
        pool: number(if used { queues.table.len() as u64 } else { count * per_queue / 1024 }),
        map: number(if used { queues.messages } else { per_queue }),
        max: number(limits.msg_max.into()),
        queue_bytes: number(per_queue),
        queues: number(count),
        segment_size: SEGMENT_SIZE,
        messages: number(if used { queues.bytes } else { per_queue }),
        segments: SEGMENTS,
        pad: 0,
    }
}
