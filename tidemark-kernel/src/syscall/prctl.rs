//! `prctl(2)`, as far as programs use it.

use super::{Cx, SysResult};
use crate::addr::GuestAddr;
use crate::errno::Errno;
use crate::signal::Signal;
use crate::task::{Capabilities, LAST_CAPABILITY, NAME_BYTES, Name, SecureBits};
use crate::wait::Flow;

const PR_SET_PDEATHSIG: i32 = 1;
const PR_GET_PDEATHSIG: i32 = 2;
const PR_GET_DUMPABLE: i32 = 3;
const PR_SET_DUMPABLE: i32 = 4;
const PR_GET_KEEPCAPS: i32 = 7;
const PR_SET_KEEPCAPS: i32 = 8;
const PR_GET_TIMING: i32 = 13;
const PR_SET_TIMING: i32 = 14;
const PR_SET_NAME: i32 = 15;
const PR_GET_NAME: i32 = 16;
const PR_GET_SECCOMP: i32 = 21;
const PR_CAPBSET_READ: i32 = 23;
const PR_CAPBSET_DROP: i32 = 24;
const PR_GET_SECUREBITS: i32 = 27;
const PR_SET_SECUREBITS: i32 = 28;
const PR_SET_TIMERSLACK: i32 = 29;
const PR_GET_TIMERSLACK: i32 = 30;
const PR_MCE_KILL: i32 = 33;
const PR_MCE_KILL_GET: i32 = 34;
const PR_SET_MM: i32 = 35;
const PR_SET_CHILD_SUBREAPER: i32 = 36;
const PR_GET_CHILD_SUBREAPER: i32 = 37;
const PR_SET_NO_NEW_PRIVS: i32 = 38;
const PR_GET_NO_NEW_PRIVS: i32 = 39;
const PR_SET_THP_DISABLE: i32 = 41;
const PR_GET_THP_DISABLE: i32 = 42;
const PR_CAP_AMBIENT: i32 = 47;

const PR_CAP_AMBIENT_IS_SET: u64 = 1;
const PR_CAP_AMBIENT_RAISE: u64 = 2;
const PR_CAP_AMBIENT_LOWER: u64 = 3;
const PR_CAP_AMBIENT_CLEAR_ALL: u64 = 4;

/// `prctl(2)`.
pub fn prctl(cx: &mut Cx<'_>, option: i32, arg2: u64, arg3: u64, arg4: u64, arg5: u64) -> SysResult {
    let answer = match option {
        PR_SET_PDEATHSIG => {
            let signal = match arg2 {
                0 => None,
                number => {
                    let number = u32::try_from(number).map_err(|_| Errno::EINVAL)?;
                    Some(Signal::new(number).ok_or(Errno::EINVAL)?)
                }
            };
            cx.process().parent_death_signal = signal;
            0
        }
        PR_GET_PDEATHSIG => {
            let signal = cx.process().parent_death_signal.map_or(0, Signal::number);
            cx.write_pod(GuestAddr(arg2), &i32::from(signal))?;
            0
        }
        PR_GET_DUMPABLE => u64::from(cx.process().dumpable),
        PR_SET_DUMPABLE => {
            cx.process().dumpable = boolean(arg2)?;
            0
        }
        PR_GET_KEEPCAPS => u64::from(cx.process().creds.secure.has(SecureBits::KEEP_CAPS)),
        PR_SET_KEEPCAPS => {
            let keep = boolean(arg2)?;
            let secure = &mut cx.process().creds.secure;
            if secure.locks(SecureBits::KEEP_CAPS) {
                return Err(Errno::EPERM);
            }
            *secure = secure.with(SecureBits::KEEP_CAPS, keep);
            0
        }
        PR_GET_SECUREBITS => u64::from(cx.process().creds.secure.0),
        PR_SET_SECUREBITS => {
            let wanted = SecureBits(u32::try_from(arg2).map_err(|_| Errno::EPERM)?);
            if !cx.can(Capabilities::SETPCAP) || !cx.process().creds.secure.may_become(wanted) {
                return Err(Errno::EPERM);
            }
            cx.process().creds.secure = wanted;
            0
        }
        // Statistical, as on Linux (`PR_TIMING_STATISTICAL`).
        PR_GET_TIMING => 0,
        PR_SET_TIMING if arg2 == 0 => 0,
        PR_SET_NAME => {
            let name = read_name(cx, GuestAddr(arg2))?;
            cx.thread().name = name;
            0
        }
        PR_GET_NAME => {
            let name = cx.thread().name;
            cx.write_user(GuestAddr(arg2), name.padded())?;
            0
        }
        // No filter is installed, and none can be.
        PR_GET_SECCOMP => 0,
        PR_CAPBSET_READ => {
            let capability = capability(arg2)?;
            u64::from(cx.process().creds.bounding.has(capability))
        }
        PR_CAPBSET_DROP => {
            let capability = capability(arg2)?;
            if !cx.can(Capabilities::SETPCAP) {
                return Err(Errno::EPERM);
            }
            let creds = &mut cx.process().creds;
            creds.bounding = creds.bounding.without(capability);
            0
        }
        PR_SET_TIMERSLACK => {
            let slack = &mut cx.thread().scheduling.slack;
            slack.now = if (arg2 as i64) <= 0 { slack.default } else { arg2 };
            0
        }
        PR_GET_TIMERSLACK => cx.thread().scheduling.slack.now,
        PR_MCE_KILL => {
            cx.process().memory_failure = memory_failure(arg2, arg3, (arg4, arg5))?;
            0
        }
        PR_MCE_KILL_GET if (arg2, arg3, arg4, arg5) == (0, 0, 0, 0) => u64::from(cx.process().memory_failure),
        // Moving a process's marks is for restoring checkpoints, as in a kernel without CONFIG_CHECKPOINT_RESTORE.
        PR_SET_MM if !cx.can(Capabilities::SYS_RESOURCE) => return Err(Errno::EPERM),
        PR_SET_THP_DISABLE if (arg3, arg4, arg5) == (0, 0, 0) => {
            cx.process().no_huge_pages = arg2 != 0;
            0
        }
        PR_GET_THP_DISABLE if (arg2, arg3, arg4, arg5) == (0, 0, 0, 0) => {
            u64::from(cx.process().no_huge_pages)
        }
        PR_SET_CHILD_SUBREAPER => {
            cx.process().subreaper = arg2 != 0;
            0
        }
        PR_GET_CHILD_SUBREAPER => {
            let subreaper = cx.process().subreaper;
            cx.write_pod(GuestAddr(arg2), &i32::from(subreaper))?;
            0
        }
        PR_SET_NO_NEW_PRIVS => {
            if (arg2, arg3, arg4, arg5) != (1, 0, 0, 0) {
                return Err(Errno::EINVAL);
            }
            cx.process().no_new_privs = true;
            0
        }
        PR_GET_NO_NEW_PRIVS => {
            if (arg2, arg3, arg4, arg5) != (0, 0, 0, 0) {
                return Err(Errno::EINVAL);
            }
            u64::from(cx.process().no_new_privs)
        }
        PR_CAP_AMBIENT if (arg4, arg5) == (0, 0) => ambient(cx, arg2, arg3)?,
        // Names of mappings (PR_SET_VMA) are not kept: as a kernel without CONFIG_ANON_VMA_NAME.
        _ => return Err(Errno::EINVAL),
    };
    Ok(Flow::Done(answer))
}

fn boolean(value: u64) -> Result<bool, Errno> {
    match value {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Errno::EINVAL),
    }
}

fn capability(number: u64) -> Result<Capabilities, Errno> {
    if number <= u64::from(LAST_CAPABILITY) { Ok(Capabilities(1 << number)) } else { Err(Errno::EINVAL) }
}

/// What is to happen to a process whose memory fails: `PR_MCE_KILL_LATE`, `_EARLY` or `_DEFAULT`.
fn memory_failure(operation: u64, policy: u64, rest: (u64, u64)) -> Result<u8, Errno> {
    const CLEAR: u64 = 0;
    const SET: u64 = 1;
    const DEFAULT: u8 = 2;
    match (operation, policy) {
        _ if rest != (0, 0) => Err(Errno::EINVAL),
        (CLEAR, 0) => Ok(DEFAULT),
        (SET, 0..=2) => Ok(policy as u8),
        _ => Err(Errno::EINVAL),
    }
}

/// At most 15 bytes of a string that may end anywhere before.
fn read_name(cx: &mut Cx<'_>, addr: GuestAddr) -> Result<Name, Errno> {
    let mut bytes = [0; NAME_BYTES];
    for (index, byte) in bytes.iter_mut().take(NAME_BYTES - 1).enumerate() {
        *byte = cx.read_pod(addr.add(index as u64)?)?;
        if *byte == 0 {
            break;
        }
    }
    Ok(Name::new(&bytes))
}

fn ambient(cx: &mut Cx<'_>, operation: u64, number: u64) -> Result<u64, Errno> {
    let creds = &mut cx.process().creds;
    if operation == PR_CAP_AMBIENT_CLEAR_ALL {
        if number != 0 {
            return Err(Errno::EINVAL);
        }
        creds.ambient = Capabilities::NONE;
        return Ok(0);
    }
    let capability = capability(number)?;
    match operation {
        PR_CAP_AMBIENT_IS_SET => return Ok(u64::from(creds.ambient.has(capability))),
        PR_CAP_AMBIENT_RAISE
            if !creds.permitted.and(creds.inheritable).has(capability)
                || creds.secure.has(SecureBits::NO_AMBIENT_RAISE) =>
        {
            return Err(Errno::EPERM);
        }
        PR_CAP_AMBIENT_RAISE => creds.ambient = creds.ambient.union(capability),
        PR_CAP_AMBIENT_LOWER => creds.ambient = creds.ambient.without(capability),
        _ => return Err(Errno::EINVAL),
    }
    Ok(0)
}
