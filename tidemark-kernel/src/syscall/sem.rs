//! Semaphores of System V: `semget(2)`, `semop(2)`, `semtimedop(2)`, `semctl(2)`.

use super::ipc::{IPC_INFO, IPC_RMID, IPC_SET, IPC_STAT, IpcPerm};
use super::{Cx, SysResult};
use crate::addr::GuestAddr;
use crate::errno::{Errno, Result};
use crate::ipc::limits::{SEM_OPERATIONS_MOST, SEM_UNDO_MAX, SEM_VALUE_MAX};
use crate::ipc::sem::{Operation, Set, Tried};
use crate::ipc::{Object, Wanted};
use crate::limits::STEP_BYTES;
use crate::mem::Pod;
use crate::system::System;
use crate::task::Pid;
use crate::time::Timespec;
use crate::wait::{Entry, Flow, ParkSeq, Restart};

/// `semget(2)`.
pub fn semget(cx: &mut Cx<'_>, key: i32, nsems: i32, semflg: u32) -> SysResult {
    let now = cx.seconds();
    let System { ipc, tasks, .. } = &mut *cx.sys;
    let creds = &tasks.process(cx.pid).ok_or(Errno::ESRCH)?.creds;
    let id = ipc.semaphores.look_up(&ipc.limits, (key, nsems, semflg), creds, now)?;
    Ok(Flow::Done(id as u64))
}

/// `semop(2)`.
pub fn semop(cx: &mut Cx<'_>, semid: i32, sops: GuestAddr, nsops: u32) -> SysResult {
    semtimedop(cx, semid, sops, nsops, GuestAddr::NULL)
}

/// `semtimedop(2)`.
pub fn semtimedop(cx: &mut Cx<'_>, semid: i32, sops: GuestAddr, nsops: u32, timeout: GuestAddr) -> SysResult {
    match cx.entry {
        Entry::First => begin(cx, semid, sops, nsops, timeout),
        // Whoever lets the operations go on completes the call, so that here it was woken for something else.
        entry => {
            let tid = cx.tid;
            let Ok(set) = cx.sys.ipc.semaphores.table.get_mut(semid) else { return Err(Errno::EIDRM) };
            match entry {
                Entry::Signal => {
                    set.stop_waiting(tid);
                    Ok(Flow::Interrupted(Restart::Never))
                }
                Entry::Timeout => {
                    set.stop_waiting(tid);
                    Err(Errno::EAGAIN)
                }
                _ if set.stop_waiting(tid) => block(cx, semid),
                _ => Err(Errno::EIDRM),
            }
        }
    }
}

fn begin(cx: &mut Cx<'_>, semid: i32, sops: GuestAddr, nsops: u32, timeout: GuestAddr) -> SysResult {
    let timeout = match timeout.is_null() {
        true => None,
        false => Some(cx.read_pod::<Timespec>(timeout)?),
    };
    if nsops == 0 {
        return Err(Errno::EINVAL);
    }
    if nsops > cx.sys.ipc.limits.sem_operations.min(SEM_OPERATIONS_MOST) {
        return Err(Errno::E2BIG);
    }
    let mut bytes = vec![0; nsops as usize * Operation::SIZE];
    cx.read_user(sops, &mut bytes)?;
    let operations: Vec<Operation> = bytes.chunks_exact(Operation::SIZE).map(Operation::from_bytes).collect();
    let timeout = timeout.map(|timeout| timeout.nanos()).transpose()?;
    let set = cx.sys.ipc.semaphores.table.get(semid)?;
    if operations.iter().any(|operation| usize::from(operation.number) >= set.values.all().len()) {
        return Err(Errno::EFBIG);
    }
    let alters = operations.iter().any(|operation| operation.change != 0);
    cx.check_wanted(set.permissions(), if alters { Wanted::WRITE } else { Wanted::READ })?;
    if let Some(timeout) = timeout {
        cx.deadline_after(timeout);
    }
    cx.progress.state = Some(Box::new(operations));
    block(cx, semid)
}

/// Does the operations, or waits until they can be done.
fn block(cx: &mut Cx<'_>, semid: i32) -> SysResult {
    let state = cx.progress.state.take().and_then(|state| state.downcast::<Vec<Operation>>().ok());
    let Some(operations) = state else { return Err(Errno::EINVAL) };
    let (tid, pid, now) = (cx.tid, cx.pid, cx.seconds());
    // The park about to begin is the next one.
    let park = ParkSeq(cx.thread().park.0 + 1);
    let semaphores = &mut cx.sys.ipc.semaphores;
    let set = semaphores.table.get_mut(semid)?;
    match set.values.attempt(pid, &operations)? {
        Tried::Done => {
            set.operated = now;
            if operations.iter().any(Operation::has_undo) {
                semaphores.note_undo(pid, semid);
            }
            semaphores.note_change(semid);
            Ok(Flow::Done(0))
        }
        Tried::Blocked(place) => {
            set.wait((tid, park, pid), (*operations).clone(), place);
            cx.progress.state = Some(operations);
            Ok(cx.block())
        }
    }
}

crate::pod! {
    /// `struct semid64_ds` of asm-generic/sembuf.h.
    struct SemIdDs {
        perm: IpcPerm,
        operated: u64,
        changed: u64,
        count: u64,
        unused: [u64; 2],
    }
}

crate::pod! {
    /// `struct seminfo`.
    struct SemInfo {
        map: i32,
        sets: i32,
        total: i32,
        undo_structures: i32,
        per_set: i32,
        operations: i32,
        undo_entries: i32,
        undo_bytes: i32,
        value_max: i32,
        undo_max: i32,
    }
}

/// Bytes of Linux's `struct sem_undo`, which `seminfo` tells of in `semusz`.
const SEM_UNDO_BYTES: i32 = 20;

const GETPID: u32 = 11;
const GETVAL: u32 = 12;
const GETALL: u32 = 13;
const GETNCNT: u32 = 14;
const GETZCNT: u32 = 15;
const SETVAL: u32 = 16;
const SETALL: u32 = 17;
const SEM_STAT: u32 = 18;
const SEM_INFO: u32 = 19;
const SEM_STAT_ANY: u32 = 20;

/// `semctl(2)`.
pub fn semctl(cx: &mut Cx<'_>, semid: i32, semnum: i32, cmd: u32, arg: u64) -> SysResult {
    if semid < 0 {
        return Err(Errno::EINVAL);
    }
    let table = &cx.sys.ipc.semaphores.table;
    let buf = GuestAddr(arg);
    match cmd {
        IPC_INFO | SEM_INFO => {
            let highest = table.highest();
            let info = info(cx, cmd == SEM_INFO);
            cx.answer(buf, &info, highest as u64)
        }
        IPC_STAT | SEM_STAT | SEM_STAT_ANY => {
            let set = if cmd == IPC_STAT { table.get(semid)? } else { table.at_place(semid)? };
            let permissions = *set.permissions();
            if cmd != SEM_STAT_ANY {
                cx.check_wanted(&permissions, Wanted::READ)?;
            }
            let info = SemIdDs {
                perm: IpcPerm::new(&permissions, permissions.mode),
                operated: set.operated,
                changed: set.changed,
                count: set.values.all().len() as u64,
                unused: [0; 2],
            };
            let number = if cmd == IPC_STAT { 0 } else { permissions.id as u64 };
            cx.answer(buf, &info, number)
        }
        GETALL => get_all(cx, semid, buf),
        SETALL => set_all(cx, semid, buf),
        GETVAL | GETPID | GETNCNT | GETZCNT => {
            let set = table.get(semid)?;
            cx.check_wanted(set.permissions(), Wanted::READ)?;
            let number = number_in(set, semnum)?;
            let semaphore = set.values.all()[usize::from(number)];
            Ok(Flow::Done(match cmd {
                GETVAL => semaphore.value.into(),
                GETPID => semaphore.last.map_or(0, Pid::get).into(),
                _ => set.waiting_for(number, cmd == GETZCNT) as u64,
            }))
        }
        SETVAL => {
            let value =
                i32::from_le_bytes([arg as u8, (arg >> 8) as u8, (arg >> 16) as u8, (arg >> 24) as u8]);
            let value = u16::try_from(value).ok().filter(|value| i32::from(*value) <= SEM_VALUE_MAX);
            let value = value.ok_or(Errno::ERANGE)?;
            let set = table.get(semid)?;
            let number = number_in(set, semnum)?;
            cx.check_wanted(set.permissions(), Wanted::WRITE)?;
            store(cx, semid, number, &[value])
        }
        IPC_SET => {
            let new: SemIdDs = cx.read_pod(buf)?;
            cx.sys.ipc.semaphores.table.get(semid)?.permissions().check_owner(cx.creds()?)?;
            let now = cx.seconds();
            let set = cx.sys.ipc.semaphores.table.get_mut(semid)?;
            new.perm.apply(set.permissions_mut())?;
            set.changed = now;
            Ok(Flow::Done(0))
        }
        IPC_RMID => {
            table.get(semid)?.permissions().check_owner(cx.creds()?)?;
            cx.sys.remove_semaphores(semid);
            Ok(Flow::Done(0))
        }
        _ => Err(Errno::EINVAL),
    }
}

fn info(cx: &Cx<'_>, used: bool) -> SemInfo {
    let limits = &cx.sys.ipc.limits;
    let semaphores = &cx.sys.ipc.semaphores;
    let number = |value: u64| i32::try_from(value).unwrap_or(i32::MAX);
    let total = number(limits.sem_total.into());
    SemInfo {
        map: total,
        sets: number(limits.sem_sets.into()),
        total,
        undo_structures: total,
        per_set: number(limits.sem_per_set.into()),
        operations: number(limits.sem_operations.into()),
        undo_entries: number(limits.sem_operations.into()),
        // With SEM_INFO these two say what is in use.
        undo_bytes: if used { semaphores.table.len() as i32 } else { SEM_UNDO_BYTES },
        value_max: SEM_VALUE_MAX,
        undo_max: if used { number(semaphores.total) } else { SEM_UNDO_MAX },
    }
}

/// A semaphore that a set has.
///
/// # Errors
/// `EINVAL`.
fn number_in(set: &Set, number: i32) -> Result<u16> {
    let number = u16::try_from(number).map_err(|_| Errno::EINVAL)?;
    if usize::from(number) < set.values.all().len() { Ok(number) } else { Err(Errno::EINVAL) }
}

fn store(cx: &mut Cx<'_>, semid: i32, first: u16, values: &[u16]) -> SysResult {
    let (pid, now) = (cx.pid, cx.seconds());
    let semaphores = &mut cx.sys.ipc.semaphores;
    let set = semaphores.table.get_mut(semid)?;
    set.values.set(first, values, pid);
    set.changed = now;
    semaphores.note_change(semid);
    Ok(Flow::Done(0))
}

/// `GETALL`: the values as they are at one moment, written in steps.
fn get_all(cx: &mut Cx<'_>, semid: i32, to: GuestAddr) -> SysResult {
    if cx.progress.state.is_none() {
        let set = cx.sys.ipc.semaphores.table.get(semid)?;
        cx.check_wanted(set.permissions(), Wanted::READ)?;
        let bytes: Vec<u8> = set.values.all().iter().flat_map(|one| one.value.to_le_bytes()).collect();
        cx.progress.state = Some(Box::new(bytes));
    }
    let state = cx.progress.state.take().and_then(|state| state.downcast::<Vec<u8>>().ok());
    let Some(bytes) = state else { return Err(Errno::EINVAL) };
    let done = cx.progress.done as usize;
    let end = bytes.len().min(done + STEP_BYTES as usize);
    cx.write_user(to.add(done as u64)?, &bytes[done..end])?;
    if end == bytes.len() {
        return Ok(Flow::Done(0));
    }
    cx.progress.done = end as u64;
    cx.progress.state = Some(bytes);
    Ok(Flow::Again)
}

/// `SETALL`: the values are read in steps, and set all at once.
fn set_all(cx: &mut Cx<'_>, semid: i32, from: GuestAddr) -> SysResult {
    let set = cx.sys.ipc.semaphores.table.get(semid)?;
    cx.check_wanted(set.permissions(), Wanted::WRITE)?;
    let count = set.values.all().len();
    let state = cx.progress.state.take().and_then(|state| state.downcast::<Vec<u8>>().ok());
    let mut bytes = state.unwrap_or_default();
    let done = bytes.len();
    let end = (2 * count).min(done + STEP_BYTES as usize);
    bytes.resize(end, 0);
    cx.read_user(from.add(done as u64)?, &mut bytes[done..])?;
    if end < 2 * count {
        cx.progress.state = Some(bytes);
        return Ok(Flow::Again);
    }
    let values: Vec<u16> = bytes.chunks_exact(2).map(u16::from_bytes).collect();
    if values.iter().any(|value| i32::from(*value) > SEM_VALUE_MAX) {
        return Err(Errno::ERANGE);
    }
    store(cx, semid, 0, &values)
}
