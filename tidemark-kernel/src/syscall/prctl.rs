//! `prctl(2)`, as far as programs use it.

use super::{Cx, SysResult};
use crate::addr::GuestAddr;
use crate::errno::Errno;
use crate::signal::Signal;
use crate::task::{Capabilities, LAST_CAPABILITY, NAME_BYTES, Name};
use crate::wait::Flow;

const PR_SET_PDEATHSIG: i32 = 1;
const PR_GET_PDEATHSIG: i32 = 2;
const PR_GET_DUMPABLE: i32 = 3;
const PR_SET_DUMPABLE: i32 = 4;
const PR_GET_KEEPCAPS: i32 = 7;
const PR_SET_KEEPCAPS: i32 = 8;
const PR_SET_NAME: i32 = 15;
const PR_GET_NAME: i32 = 16;
const PR_GET_SECCOMP: i32 = 21;
const PR_CAPBSET_READ: i32 = 23;
const PR_CAPBSET_DROP: i32 = 24;
const PR_SET_TIMERSLACK: i32 = 29;
const PR_GET_TIMERSLACK: i32 = 30;
const PR_SET_CHILD_SUBREAPER: i32 = 36;
const PR_GET_CHILD_SUBREAPER: i32 = 37;
const PR_SET_NO_NEW_PRIVS: i32 = 38;
const PR_GET_NO_NEW_PRIVS: i32 = 39;
const PR_CAP_AMBIENT: i32 = 47;

const PR_CAP_AMBIENT_IS_SET: u64 = 1;
const PR_CAP_AMBIENT_RAISE: u64 = 2;
const PR_CAP_AMBIENT_LOWER: u64 = 3;
const PR_CAP_AMBIENT_CLEAR_ALL: u64 = 4;

/// Nanoseconds that a wait may be late by default; reported, and without effect.
const TIMER_SLACK: u64 = 50_000;

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
        PR_GET_KEEPCAPS => u64::from(cx.process().creds.keep_caps),
        PR_SET_KEEPCAPS => {
            cx.process().creds.keep_caps = boolean(arg2)?;
            0
        }
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
        PR_SET_TIMERSLACK => 0,
        PR_GET_TIMERSLACK => TIMER_SLACK,
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
        PR_CAP_AMBIENT => ambient(cx, arg2, arg3)?,
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
        creds.ambient = Capabilities::NONE;
        return Ok(0);
    }
    let capability = capability(number)?;
    match operation {
        PR_CAP_AMBIENT_IS_SET => return Ok(u64::from(creds.ambient.has(capability))),
        PR_CAP_AMBIENT_RAISE if !creds.permitted.and(creds.inheritable).has(capability) => {
            return Err(Errno::EPERM);
        }
        PR_CAP_AMBIENT_RAISE => creds.ambient = creds.ambient.union(capability),
        PR_CAP_AMBIENT_LOWER => creds.ambient = creds.ambient.without(capability),
        _ => return Err(Errno::EINVAL),
    }
    Ok(0)
}
