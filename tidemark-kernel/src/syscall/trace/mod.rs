//! `--strace`: a line a call, in the manner of strace(1).
//!
//! Owns the lines: when they begin, break off and end. The table of calls says what parameters there are; [`show`] how each is
//! shown, [`data`] what pointers lead to, [`names`] what numbers are called.

mod data;
mod names;
mod show;

use core::fmt::Write;

use self::data::Reader;
use self::show::Call;
use super::table::row;
use crate::errno::Errno;
use crate::signal::{SigInfo, Signal};
use crate::status::{ExitStatus, Status};
use crate::system::System;
use crate::task::{Pid, Tid};

/// A call whose line is not complete.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Traced {
    number: u64,
    args: [u64; 6],
    /// The parameters that could be shown when it began.
    begun: Vec<String>,
    /// Whether these were printed already, as the call waits.
    broken_off: bool,
}

impl Traced {
    fn name(&self) -> &'static str {
        row(self.number).map_or("syscall", |row| row.name)
    }
}

/// The call begins: what it is given is shown as it is now, since it may change the memory that lies in.
pub(crate) fn begin(sys: &mut System, tid: Tid, number: u64, args: &[u64; 6]) {
    let mut begun = Vec::new();
    match row(number) {
        Some(row) => {
            let call = Call { row, args, result: None };
            for index in 0..call.shown() {
                match call.param(&mut Reader { sys, tid }, index) {
                    Some(shown) => begun.push(shown),
                    None => break,
                }
            }
        }
        None => begun.extend(args.iter().map(|arg| format!("{arg:#x}"))),
    }
    if let Some(thread) = sys.tasks.thread_mut(tid) {
        thread.trace = Some(Box::new(Traced { number, args: *args, begun, broken_off: false }));
    }
}

/// The call waits: what is known of it is shown, so that one sees what it waits in.
pub(crate) fn waits(sys: &mut System, tid: Tid) {
    let Some(traced) = sys.tasks.thread_mut(tid).and_then(|thread| thread.trace.as_mut()) else { return };
    if core::mem::replace(&mut traced.broken_off, true) {
        return;
    }
    let mut line = start(tid);
    let _ = write!(line, "{}({}", shown_name(traced), traced.begun.join(", "));
    let shown = |row| Call { row, args: &traced.args, result: None }.shown();
    let complete = row(traced.number).is_none_or(|row| shown(row) == traced.begun.len());
    line.push_str(if complete { " <unfinished ...>" } else { ", <unfinished ...>" });
    let call = traced.name();
    sys.statuses.push_back(Status::Trace { call: Some(call), line });
}

/// The call ends with this in `a0`; none if it does not return.
pub(crate) fn end(sys: &mut System, tid: Tid, value: Option<u64>) {
    let result = match value {
        None => "?".to_owned(),
        Some(value) => match Errno::from_register(value) {
            Some(errno) => format!("-1 {errno} ({})", names::meaning(errno.number())),
            None if is_address(sys, tid) || value >= 1 << 32 => format!("{value:#x}"),
            None => value.to_string(),
        },
    };
    finish(sys, tid, &result, value);
}

/// Whether the call that a thread is in answers an address.
fn is_address(sys: &System, tid: Tid) -> bool {
    let traced = sys.tasks.thread(tid).and_then(|thread| thread.trace.as_ref());
    traced.is_some_and(|traced| matches!(traced.name(), "brk" | "mmap" | "mremap" | "shmat"))
}

/// A handler interrupts the call.
pub(crate) fn interrupted(sys: &mut System, tid: Tid, again: bool) {
    const AGAIN: &str = "? ERESTARTSYS (To be restarted if SA_RESTART is set)";
    finish(sys, tid, if again { AGAIN } else { "-1 EINTR (Interrupted system call)" }, None);
}

/// A thread is about to run a handler.
pub(crate) fn signal(sys: &mut System, tid: Tid, info: &SigInfo) {
    let mut line = start(tid);
    let _ = write!(line, "--- {} {{si_signo={}, si_code={}", info.signal, info.signal, info.code_name());
    // A process sent it, or its end was it.
    let (low, high) = (info.fields[0] as u32, (info.fields[0] >> 32) as u32);
    let _ = match info.is_fault() {
        true => write!(line, ", si_addr={:#x}", info.fields[0]),
        false => write!(line, ", si_pid={low}, si_uid={high}"),
    };
    if info.signal == Signal::CHLD && info.code > 0 {
        let _ = write!(line, ", si_status={}", info.fields[1] as i32);
    }
    line.push_str("} ---");
    sys.statuses.push_back(Status::Trace { call: None, line });
}

/// A process ended.
pub(crate) fn exited(sys: &mut System, pid: Pid, status: ExitStatus) {
    let mut line = start(pid.0);
    // Writing to a string cannot fail.
    let _ = match status {
        ExitStatus::Code(code) => write!(line, "+++ exited with {code} +++"),
        ExitStatus::Signal { number, core } => {
            let name = Signal::new(number.into());
            let name = name.map_or_else(|| number.to_string(), |signal| signal.to_string());
            write!(line, "+++ killed by {name}{} +++", if core { " (core dumped)" } else { "" })
        }
    };
    sys.statuses.push_back(Status::Trace { call: None, line });
}

fn finish(sys: &mut System, tid: Tid, result: &str, value: Option<u64>) {
    let Some(mut traced) = sys.tasks.thread_mut(tid).and_then(|thread| thread.trace.take()) else { return };
    let known = traced.begun.len();
    if let Some(row) = row(traced.number) {
        let call =
            Call { row, args: &traced.args, result: Some(value.unwrap_or(Errno::EFAULT.to_register())) };
        for index in known..call.shown() {
            traced.begun.extend(call.param(&mut Reader { sys, tid }, index));
        }
    }
    let mut line = start(tid);
    // Writing to a string cannot fail.
    let _ = match traced.broken_off {
        false => write!(line, "{}({})", shown_name(&traced), traced.begun.join(", ")),
        true => {
            let rest = traced.begun.get(known..).unwrap_or_default().join(", ");
            write!(line, "<... {} resumed>{rest})", shown_name(&traced))
        }
    };
    line.push_str(" = ");
    line.push_str(result);
    sys.statuses.push_back(Status::Trace { call: Some(traced.name()), line });
}

fn shown_name(traced: &Traced) -> String {
    match row(traced.number) {
        Some(row) => row.name.to_owned(),
        None => format!("syscall_{:#x}", traced.number),
    }
}

fn start(tid: Tid) -> String {
    format!("[pid {}] ", tid.get())
}
