//! Reading from a terminal: lines, MIN and TIME, and the background's turn to stop (`termios(3)`).

use super::TerminalFile;
use super::job::Permission;
use super::pty::{End, RawRead};
use crate::addr::GuestAddr;
use crate::errno::{Errno, Result};
use crate::fs::FileId;
use crate::fs::flags::OpenFlags;
use crate::signal::Signal;
use crate::syscall::{Cx, SysResult};
use crate::time::{NANOS_PER_SECOND, Nanos};
use crate::wait::{Entry, Events, Flow, Restart};

/// The unit of `TIME`.
const TENTH: Nanos = NANOS_PER_SECOND / 10;

/// One entry of a call that reads a terminal. `buffer` gives the guest's buffer that a byte falls into, and what is left
/// of it; `total` is how much the call asks for.
///
/// # Errors
/// `EIO` from an orphaned background, or from a master whose slaves are gone; `EAGAIN`; `EFAULT`.
pub(crate) fn read(
    cx: &mut Cx<'_>,
    file: FileId,
    terminal: TerminalFile,
    total: u64,
    no_wait: bool,
    buffer: impl Fn(u64) -> Option<(GuestAddr, u64)>,
) -> SysResult {
    if matches!(terminal.end, End::Slave { .. })
        && cx.sys.fs.terminals.get(terminal.pty)?.is_alive(terminal.end)
        && cx.sys.check_foreground(cx.tid, terminal.pty, Signal::TTIN)? == Permission::Signalled
    {
        return interrupted(cx);
    }
    if cx.entry != Entry::First && cx.progress.done == 0 {
        let pty = cx.sys.fs.terminals.get(terminal.pty)?;
        if !pty.is_alive(terminal.end) && pty.masters == 0 {
            // It waited when the master went; a call that begins now finds the end of the file.
            return Err(Errno::EIO);
        }
    }
    let before = cx.progress.done;
    loop {
        let done = cx.progress.done;
        let Some((addr, len)) = buffer(done) else { return Ok(Flow::Done(done)) };
        let taken = match cx.user_sink(addr, len.min(super::limits::STEP_BYTES)) {
            Ok(mut sink) => cx.sys.fs.read_terminal(terminal, &mut sink, &mut cx.sys.woken),
            Err(error) => Err(error),
        };
        match taken {
            Ok(taken) => {
                cx.progress.done += taken.count as u64;
                if taken.ended {
                    return Ok(Flow::Done(cx.progress.done));
                }
            }
            Err(Errno::EAGAIN) => return wait_for_more(cx, file, terminal, total, done > before, no_wait),
            Err(_) if done > 0 => return Ok(Flow::Done(done)),
            Err(error) => return Err(error),
        }
    }
}

/// Nothing is left to read: whether that ends the call. `fresh`: some bytes came just now.
fn wait_for_more(
    cx: &mut Cx<'_>,
    file: FileId,
    terminal: TerminalFile,
    total: u64,
    fresh: bool,
    no_wait: bool,
) -> SysResult {
    let done = cx.progress.done;
    let raw = cx.sys.fs.terminals.get(terminal.pty)?.raw_read(terminal.end);
    let RawRead { min, time } = raw.unwrap_or(RawRead { min: 1, time: 0 });
    if done >= u64::from(min).max(1).min(total) {
        return Ok(Flow::Done(done));
    }
    let now = cx.sys.now.monotonic;
    let wait = Nanos::from(time) * TENTH;
    let deadline = match (min, time) {
        (0, 0) => return Ok(Flow::Done(done)),
        // From the call's beginning on.
        (0, _) => Some(cx.deadline_after(wait)),
        (_, 0) => None,
        // From each byte to the next.
        (_, _) if done == 0 => None,
        (_, _) if fresh => Some(now.saturating_add(wait)),
        (_, _) => cx.progress.deadline,
    };
    cx.progress.deadline = deadline;
    if deadline.is_some_and(|at| at <= now) {
        return Ok(Flow::Done(done));
    }
    if done > 0 && cx.entry == Entry::Signal {
        return Ok(Flow::Done(done));
    }
    if no_wait || cx.sys.fs.file(file)?.flags.has(OpenFlags::NON_BLOCK) {
        return if done > 0 { Ok(Flow::Done(done)) } else { Err(Errno::EAGAIN) };
    }
    cx.wait_even_if_nonblocking(file, Events::IN)
}

/// Whether a program in the background may write (`TOSTOP`); what its call answers if not.
///
/// # Errors
/// `EIO` from an orphaned background.
pub(crate) fn check_write(cx: &mut Cx<'_>, terminal: TerminalFile) -> Result<Option<Flow>> {
    let pty = cx.sys.fs.terminals.get(terminal.pty)?;
    if terminal.end == End::Master || !pty.is_alive(terminal.end) || !pty.stops_background() {
        return Ok(None);
    }
    match cx.sys.check_foreground(cx.tid, terminal.pty, Signal::TTOU)? {
        Permission::Granted => Ok(None),
        Permission::Signalled => interrupted(cx).map(Some),
    }
}

/// The background's call ends, or is made again once its group is in the foreground.
pub(super) fn interrupted(cx: &mut Cx<'_>) -> SysResult {
    match cx.progress.done {
        0 => Ok(Flow::Interrupted(Restart::System)),
        done => Ok(Flow::Done(done)),
    }
}
