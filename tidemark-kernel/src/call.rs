//! A system call's way: from the trap into its handler, through its waits, to the registers.
//!
//! Owns what is common to all calls. What a call does is its handler's; what it waits for its object's.

use crate::cpu::exit::ECALL_LEN;
use crate::errno::Errno;
use crate::fs::hosted::asks::Asker;
use crate::kernel::{Kernel, Running, Step};
use crate::operation::Operation;
use crate::ptrace::{Next, Reason};
use crate::syscall::{self, Cx, trace};
use crate::task::Tid;
use crate::wait::{Entry, Flow, Parked, Progress};

/// The register of a call's number, `a7`.
pub(crate) const A7: usize = 17;
/// Calls that go on in another program.
const EXECVE: u64 = 221;
const EXECVEAT: u64 = 281;
/// The register of its first argument and of its result, `a0`.
pub(crate) const A0: usize = 10;

// Calls that `/proc/PID/io` counts, by their numbers (`asm-generic/unistd.h`).
const READ: u64 = 63;
const WRITE: u64 = 64;
const READV: u64 = 65;
const WRITEV: u64 = 66;
const PREAD: u64 = 67;
const PWRITE: u64 = 68;
const PREADV: u64 = 69;
const PWRITEV: u64 = 70;
const SENDFILE: u64 = 71;
const COPY_FILE_RANGE: u64 = 285;
const PREADV2: u64 = 286;
const PWRITEV2: u64 = 287;

impl Kernel {
    /// The guest made a call.
    pub(crate) fn first_call(&mut self, mut running: Running) -> Step {
        let next = running.hart.pc().wrapping_add(ECALL_LEN);
        running.hart.set_pc(next);
        let number = running.hart.x(A7);
        let args = core::array::from_fn(|i| running.hart.x(A0 + i));
        let spare = self.sys.tasks.thread_mut(running.tid).and_then(|thread| thread.spare.take());
        let parked = match spare {
            Some(mut parked) => {
                *parked = Parked::new(number, args);
                parked
            }
            None => Box::new(Parked::new(number, args)),
        };
        if self.sys.trace {
            trace::begin(&mut self.sys, running.tid, number, &args);
        }
        if self.stops_at_calls(running.tid) {
            return self.trace_stop(running, Reason::Entry, Next::Enter(parked));
        }
        self.call(running, Entry::First, parked)
    }

    /// Enters the handler of the call that `running` is in.
    pub(crate) fn continue_call(&mut self, running: Running) -> Step {
        let Some(thread) = self.sys.tasks.thread_mut(running.tid) else { return Step::Released };
        let entry = thread.entry;
        match thread.parked.take() {
            Some(parked) => match parked.asking {
                None => self.call(running, entry, parked),
                Some(resume) => match self.after_host(running, parked, resume, entry) {
                    Ok((running, parked)) => self.call(running, resume, parked),
                    Err(step) => step,
                },
            },
            None => self.return_to_guest(running),
        }
    }

    pub(crate) fn call(&mut self, mut running: Running, entry: Entry, mut parked: Box<Parked>) -> Step {
        let Some(pid) = self.sys.tasks.thread(running.tid).map(|thread| thread.pid) else {
            return Step::Released;
        };
        self.sys.operation = Operation::call(parked.number);
        let flow = match parked.completed.take() {
            Some(result) => result.map(Flow::Done),
            None => {
                let mut cx = Cx {
                    sys: &mut self.sys,
                    tid: running.tid,
                    pid,
                    hart: &mut running.hart,
                    entry,
                    progress: &mut parked.progress,
                };
                cx.sys.fs.asks.begin(Asker::Thread(running.tid), cx.sys.now);
                let flow = syscall::table::dispatch(&mut cx, parked.number, &parked.args);
                cx.sys.fs.asks.end();
                flow
            }
        };
        if matches!(flow, Err(Errno::WALK_ON)) {
            self.sys.fs.hold_files(&mut parked.progress.files);
            if self.sys.fs.asks.is_pending(Asker::Thread(running.tid)) {
                return self.wait_for_host(running, parked, entry);
            }
            self.keep_call(running.tid, parked, entry);
            return Step::Again(running);
        }
        self.sys.fs.forget_walks(running.tid);
        if let Ok(Flow::Done(_)) | Err(_) = &flow {
            self.count_io(running.tid, parked.number, flow.as_ref().ok());
        }
        if let Ok(Flow::Block { .. } | Flow::Again | Flow::Shootdown | Flow::ShootdownOf(_)) = &flow {
            self.sys.fs.hold_files(&mut parked.progress.files);
        }
        match flow {
            Ok(Flow::Done(value)) => {
                self.finish_call(&mut running, parked, value);
                self.after_call(running)
            }
            Err(errno) => {
                self.finish_call(&mut running, parked, errno.to_register());
                self.after_call(running)
            }
            Ok(Flow::Yield(value)) => {
                self.finish_call(&mut running, parked, value);
                match self.after_call(running) {
                    Step::Run(running) => self.requeue(running),
                    step => step,
                }
            }
            Ok(Flow::Block { deadline }) => {
                parked.deadline = deadline;
                self.park_traced(running, parked)
            }
            Ok(Flow::Again) => {
                self.keep_call(running.tid, parked, Entry::Step);
                Step::Again(running)
            }
            Ok(Flow::Shootdown) => {
                self.keep_call(running.tid, parked, Entry::Step);
                Step::flush(running)
            }
            Ok(Flow::ShootdownOf(space)) => {
                self.keep_call(running.tid, parked, Entry::Step);
                let generation = space.generation();
                Step::Flush { running, space, generation }
            }
            Ok(Flow::Interrupted(restart)) => {
                // If it is made again, it begins with its descriptors as they are then.
                self.sys.fs.let_go_of_files(&mut parked.progress.files);
                self.trace_interrupted(running, restart, parked)
            }
            Ok(Flow::NoReturn) => {
                let running = self.after_exec(running);
                let executed = matches!(parked.number, EXECVE | EXECVEAT);
                if self.sys.trace {
                    trace::end(&mut self.sys, running.tid, None);
                }
                self.keep_spare(running.tid, parked);
                if executed {
                    self.trace_exec(running.tid);
                }
                self.after_call(running)
            }
        }
    }

    /// The call is over: its result goes to the guest, its box is kept for the next.
    pub(crate) fn finish_call(&mut self, running: &mut Running, parked: Box<Parked>, value: u64) {
        running.hart.set_x(A0, value);
        if self.sys.trace {
            trace::end(&mut self.sys, running.tid, Some(value));
        }
        self.keep_spare(running.tid, parked);
        if let Some(thread) = self.sys.tasks.thread_mut(running.tid)
            && let Some(mask) = thread.signals.saved_mask.take()
        {
            thread.signals.mask = mask;
        }
    }

    /// Counts what a call read or wrote (`/proc/PID/io`).
    fn count_io(&mut self, tid: Tid, number: u64, done: Option<&Flow>) {
        let (reads, writes) = match number {
            READ | READV | PREAD | PREADV | PREADV2 => (1, 0),
            WRITE | WRITEV | PWRITE | PWRITEV | PWRITEV2 => (0, 1),
            SENDFILE | COPY_FILE_RANGE => (1, 1),
            _ => return,
        };
        let Some(thread) = self.sys.tasks.thread_mut(tid) else { return };
        let bytes = match done {
            Some(Flow::Done(bytes)) => *bytes,
            _ => 0,
        };
        let io = &mut thread.usage.io;
        io.reads += reads;
        io.writes += writes;
        io.read_bytes = io.read_bytes.saturating_add(reads * bytes);
        io.written_bytes = io.written_bytes.saturating_add(writes * bytes);
    }

    /// Keeps the box of a call that is over.
    pub(crate) fn keep_spare(&mut self, tid: Tid, mut parked: Box<Parked>) {
        let mut files = core::mem::take(&mut parked.progress.files);
        self.sys.fs.let_go_of_files(&mut files);
        // Their lists are kept, too.
        parked.progress = Progress { files, ..Progress::default() };
        if let Some(thread) = self.sys.tasks.thread_mut(tid) {
            thread.spare = Some(parked);
        }
    }

    /// Between two steps of a call: how it is entered next.
    fn keep_call(&mut self, tid: Tid, parked: Box<Parked>, entry: Entry) {
        if let Some(thread) = self.sys.tasks.thread_mut(tid) {
            thread.parked = Some(parked);
            thread.entry = entry;
        }
    }
}

impl Parked {
    fn new(number: u64, args: [u64; 6]) -> Parked {
        Parked { number, args, progress: Progress::default(), deadline: None, completed: None, asking: None }
    }
}
