//! `--strace`: a line a call, in the manner of strace(1).

use core::fmt::Write;

use super::ParamKind;
use super::table::row;
use crate::addr::GuestAddr;
use crate::errno::Errno;
use crate::signal::Signal;
use crate::status::Status;
use crate::system::System;
use crate::task::Tid;

/// Bytes of a path that are shown.
const SHOWN_PATH: usize = 256;

/// The call begins: its arguments are shown as they are now, since `execve` replaces the memory they lie in.
pub(crate) fn begin(sys: &mut System, tid: Tid, number: u64, args: &[u64; 6]) {
    let mut line = format!("[{}] ", tid.get());
    match row(number) {
        Some(row) => {
            line.push_str(row.name);
            line.push('(');
            for (index, (&(_, kind), &raw)) in row.params.iter().zip(args).enumerate() {
                if index > 0 {
                    line.push_str(", ");
                }
                argument(sys, tid, &mut line, kind, raw);
            }
            line.push(')');
        }
        None => {
            // Writing to a string cannot fail.
            let _ = write!(
                line,
                "syscall_{number}({:#x}, {:#x}, {:#x}, {:#x}, {:#x}, {:#x})",
                args[0], args[1], args[2], args[3], args[4], args[5]
            );
        }
    }
    if let Some(thread) = sys.tasks.thread_mut(tid) {
        thread.trace = Some(line);
    }
}

/// The call ends with this in `a0`; none if it does not return.
pub(crate) fn end(sys: &mut System, tid: Tid, value: Option<u64>) {
    let result = match value {
        None => "?".to_owned(),
        Some(value) => match Errno::from_register(value) {
            Some(errno) => format!("-1 {errno}"),
            None if value < 1 << 32 => format!("{value}"),
            None => format!("{value:#x}"),
        },
    };
    finish(sys, tid, &result);
}

/// A handler interrupts the call.
pub(crate) fn interrupted(sys: &mut System, tid: Tid, again: bool) {
    finish(sys, tid, if again { "? ERESTARTSYS" } else { "-1 EINTR" });
}

/// A thread is about to run a handler.
pub(crate) fn signal(sys: &mut System, tid: Tid, signal: Signal) {
    sys.statuses.push_back(Status::Trace(format!("[{}] --- {signal} ---", tid.get())));
}

fn finish(sys: &mut System, tid: Tid, result: &str) {
    let Some(mut line) = sys.tasks.thread_mut(tid).and_then(|thread| thread.trace.take()) else { return };
    line.push_str(" = ");
    line.push_str(result);
    sys.statuses.push_back(Status::Trace(line));
}

fn argument(sys: &mut System, tid: Tid, line: &mut String, kind: ParamKind, raw: u64) {
    // Writing to a string cannot fail.
    let _ = match kind {
        ParamKind::Signed => write!(line, "{}", raw as i64 as i32),
        ParamKind::Unsigned => write!(line, "{raw}"),
        ParamKind::Flags => write!(line, "{raw:#x}"),
        ParamKind::Mode => write!(line, "{:#o}", raw as u32),
        ParamKind::Descriptor => match raw as i32 {
            -100 => write!(line, "AT_FDCWD"),
            fd => write!(line, "{fd}"),
        },
        ParamKind::Address if raw == 0 => write!(line, "NULL"),
        ParamKind::Address => write!(line, "{raw:#x}"),
        ParamKind::Path => match path(sys, tid, raw) {
            Some(path) => write!(line, "\"{}\"", path.escape_ascii()),
            None => write!(line, "{raw:#x}"),
        },
        ParamKind::Signal => match Signal::new(raw as u32) {
            Some(signal) => write!(line, "{signal}"),
            None => write!(line, "{}", raw as i32),
        },
    };
}

fn path(sys: &mut System, tid: Tid, raw: u64) -> Option<Vec<u8>> {
    let thread = sys.tasks.thread(tid)?;
    let space = sys.tasks.process(thread.pid)?.space;
    let mut path = Vec::new();
    while path.len() < SHOWN_PATH {
        let mut byte = [0];
        sys.read_space(space, GuestAddr(raw.checked_add(path.len() as u64)?), &mut byte).ok()?;
        if byte[0] == 0 {
            break;
        }
        path.push(byte[0]);
    }
    Some(path)
}
