//! eventfd2, timerfd_*, signalfd4, memfd_create.

use super::{Cx, SysResult};
use crate::addr::GuestAddr;
use crate::errno::{Errno, Result};
use crate::fs::FileId;
use crate::fs::descriptors::Fd;
use crate::fs::event::{EventCounter, TimerFile};
use crate::fs::file::FileKind;
use crate::fs::flags::OpenFlags;
use crate::signal::{SigInfo, SigSet, Signal};
use crate::task::Capabilities;
use crate::time::{Clock, Timespec};
use crate::wait::{Events, Flow};

const CLOEXEC_NONBLOCK: OpenFlags = OpenFlags::CLOSE_ON_EXEC.with(OpenFlags::NON_BLOCK);

/// `eventfd2(2)`
pub fn eventfd2(cx: &mut Cx<'_>, initval: u32, flags: u32) -> SysResult {
    const EFD_SEMAPHORE: u32 = 1;
    let open = OpenFlags(flags & !EFD_SEMAPHORE);
    if open.without(CLOEXEC_NONBLOCK) != OpenFlags(0) {
        return Err(Errno::EINVAL);
    }
    let counter = EventCounter::new(initval.into(), flags & EFD_SEMAPHORE != 0);
    install(cx, FileKind::Counter(Box::new(counter)), open)
}

pub(super) fn install(cx: &mut Cx<'_>, kind: FileKind, flags: OpenFlags) -> SysResult {
    let file = cx.sys.fs.open_anonymous(kind, flags.and(OpenFlags::NON_BLOCK))?;
    let fd = cx.install(file, flags.has(OpenFlags::CLOSE_ON_EXEC))?;
    Ok(Flow::Done(fd.get().into()))
}

/// `timerfd_create(2)`
pub fn timerfd_create(cx: &mut Cx<'_>, clockid: i32, flags: OpenFlags) -> SysResult {
    if flags.without(CLOEXEC_NONBLOCK) != OpenFlags(0) {
        return Err(Errno::EINVAL);
    }
    // The alarm clocks wake a sleeping machine, which not everybody may; this one does not sleep.
    if matches!(clockid, 8 | 9) && !cx.can(Capabilities::WAKE_ALARM) {
        return Err(Errno::EPERM);
    }
    let clock = match clockid {
        0 | 8 => Clock::Realtime,
        1 | 7 | 9 => Clock::Monotonic,
        _ => return Err(Errno::EINVAL),
    };
    install(cx, FileKind::Timer(Box::new(TimerFile::new(clock))), flags)
}

fn write_setting(cx: &mut Cx<'_>, to: GuestAddr, (left, interval): (u64, u64)) -> Result<()> {
    cx.write_pod(to, &Timespec::new(interval))?;
    cx.write_pod(to.add(16)?, &Timespec::new(left))
}

/// `timerfd_settime(2)`; `struct itimerspec` is interval, then value.
pub fn timerfd_settime(cx: &mut Cx<'_>, fd: Fd, flags: u32, new: GuestAddr, old: GuestAddr) -> SysResult {
    const ABSTIME: u32 = 1;
    const CANCEL_ON_SET: u32 = 2;
    let interval = cx.read_pod::<Timespec>(new)?.nanos()?;
    let value = cx.read_pod::<Timespec>(new.add(16)?)?.nanos()?;
    if flags & !(ABSTIME | CANCEL_ON_SET) != 0 {
        return Err(Errno::EINVAL);
    }
    let file = cx.usable_file(fd)?;
    let clock = cx.sys.fs.timer(file)?.clock;
    let now = cx.now();
    let next = (value != 0).then(|| {
        if flags & ABSTIME != 0 { clock.deadline(value, now) } else { now.monotonic.saturating_add(value) }
    });
    let parts = cx.parts()?;
    let mut env = parts.env;
    let before = parts.fs.set_timer(file, next, interval, &mut env)?;
    if !old.is_null() {
        write_setting(cx, old, before)?;
    }
    Ok(Flow::Done(0))
}

/// `timerfd_gettime(2)`
pub fn timerfd_gettime(cx: &mut Cx<'_>, fd: Fd, to: GuestAddr) -> SysResult {
    let file = cx.usable_file(fd)?;
    let setting = cx.sys.fs.timer(file)?.get(cx.now());
    write_setting(cx, to, setting)?;
    Ok(Flow::Done(0))
}

/// `signalfd4(2)`
pub fn signalfd4(cx: &mut Cx<'_>, fd: i32, mask: GuestAddr, size: usize, flags: OpenFlags) -> SysResult {
    const SIGSET_BYTES: usize = 8;
    if flags.without(CLOEXEC_NONBLOCK) != OpenFlags(0) || size != SIGSET_BYTES {
        return Err(Errno::EINVAL);
    }
    let mask = SigSet::from_bits(cx.read_pod(mask)?).without(SigSet::UNSTOPPABLE);
    if fd == -1 {
        return install(cx, FileKind::Signals(mask), flags);
    }
    let file = cx.usable_file(Fd::new(fd)?)?;
    cx.sys.fs.set_signal_mask(file, mask)?;
    Ok(Flow::Done(fd as u64))
}

/// Bytes of a `struct signalfd_siginfo`.
const SIGNALFD_BYTES: u64 = 128;

/// A signal as `struct signalfd_siginfo` has it.
fn signalfd_siginfo(info: &SigInfo) -> [u8; SIGNALFD_BYTES as usize] {
    let [first, second, third, fourth] = info.fields;
    let mut bytes = [0; SIGNALFD_BYTES as usize];
    let mut put = |at: usize, value: u64, len: usize| {
        bytes[at..at + len].copy_from_slice(&value.to_le_bytes()[..len]);
    };
    put(0, info.signal.number().into(), 4);
    put(4, info.errno as u64, 4);
    put(8, info.code as u64, 4);
    if info.timer_id().is_some() {
        put(24, first, 4);
        put(32, first >> 32, 4);
        put(44, second, 4);
        put(48, second, 8);
        return bytes;
    }
    // A positive code is a fault's or a child's; else the signal was sent, perhaps with a value.
    if info.code > 0 && info.signal != Signal::CHLD && info.code != SI_KERNEL {
        put(72, first, 8);
        return bytes;
    }
    put(12, first, 4);
    put(16, first >> 32, 4);
    if info.signal == Signal::CHLD && info.code > 0 {
        put(40, second, 4);
        put(56, third, 8);
        put(64, fourth, 8);
    } else {
        put(44, second, 4);
        put(48, second, 8);
    }
    bytes
}

/// `SI_KERNEL`: without an origin.
const SI_KERNEL: i32 = 0x80;

/// Reads pending signals from a signalfd, as many as fit.
pub(super) fn read_signals(
    cx: &mut Cx<'_>,
    file: FileId,
    mask: SigSet,
    to: GuestAddr,
    len: u64,
) -> SysResult {
    if len < SIGNALFD_BYTES {
        return Err(Errno::EINVAL);
    }
    let mut done = 0;
    while done + SIGNALFD_BYTES <= len {
        let Some(info) = cx.sys.take_signal(cx.tid, mask) else { break };
        cx.write_user(to.add(done)?, &signalfd_siginfo(&info))?;
        done += SIGNALFD_BYTES;
    }
    if done > 0 { Ok(Flow::Done(done)) } else { cx.wait_for(file, Events::IN) }
}

/// `memfd_create(2)`
pub fn memfd_create(cx: &mut Cx<'_>, name: GuestAddr, flags: u32) -> SysResult {
    const MFD_CLOEXEC: u32 = 1;
    const MFD_ALLOW_SEALING: u32 = 2;
    const MFD_NOEXEC_SEAL: u32 = 8;
    const MFD_EXEC: u32 = 16;
    /// Longest name, its NUL not counted.
    const MAX_NAME: usize = 249;
    if flags & !(MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL | MFD_EXEC) != 0
        || flags & (MFD_NOEXEC_SEAL | MFD_EXEC) == MFD_NOEXEC_SEAL | MFD_EXEC
    {
        return Err(Errno::EINVAL);
    }
    let name = cx.read_cstr(name, MAX_NAME + 1, Errno::EINVAL)?;
    let no_exec = flags & MFD_NOEXEC_SEAL != 0;
    let sealing = flags & MFD_ALLOW_SEALING != 0 || no_exec;
    let parts = cx.parts()?;
    let file = parts.fs.open_memory_file(&parts.who, &parts.env, &name, sealing, no_exec)?;
    let fd = cx.install(file, flags & MFD_CLOEXEC != 0)?;
    Ok(Flow::Done(fd.get().into()))
}
