//! For tests: a guest assembled as raw instruction words, and a runtime of one thread that runs it to its end.
//!
//! Deterministic: time advances by the instruction count and, when nothing can run, to the next deadline.

pub(crate) mod asm;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::addr::GuestAddr;
use crate::cpu::code_cache::CodeTable;
use crate::cpu::core::{TickSource, WorkerCore};
use crate::cpu::exit::Exit;
use crate::cpu::hart::Hart;
use crate::create::KernelConfig;
use crate::kernel::{Kernel, Step};
use crate::limits::Limits;
use crate::mem::area::{AreaFlags, Backing, Prot};
use crate::mem::frames::tests::TestSupply;
use crate::mem::ram::tests::TestRam;
use crate::mem::{Lent, Mapping, Place};
use crate::status::{ExitStatus, Status};
use crate::task::{Creds, Name, Pid, Process, Thread, Tid};
use crate::time::{Nanos, Now};
use crate::worker::WorkerId;

/// Where the program's words go.
pub(crate) const TEXT: u64 = 0x10000;
/// Where its data is: some pages of zeroes.
pub(crate) const DATA: u64 = 0x100000;
/// Bytes of data.
pub(crate) const DATA_BYTES: u64 = 0x40000;
/// First address after its stack, which lies in the data.
pub(crate) const STACK: u64 = DATA + DATA_BYTES;

/// Guest memory of a test.
const FRAMES: u32 = 8192;
/// Instructions of a slice.
const SLICE: u64 = 1000;
/// Slices after which a test counts as hanging.
const MOST_SLICES: u32 = 2_000_000;

struct NoTicks;

impl TickSource for NoTicks {
    fn ticks(&self, instret: u64) -> u64 {
        instret
    }
}

/// One kernel with its runtime.
pub(crate) struct Machine {
    pub(crate) kernel: Kernel,
    // The kernel's memory: it lives as long as the kernel.
    _ram: TestRam,
    /// Guest memory that the kernel itself takes.
    own_bytes: u64,
    core: WorkerCore,
    runnable: VecDeque<Tid>,
    /// Instructions of a slice.
    slice: u64,
    /// Whether threads are set aside between the steps of a call.
    sets_aside: bool,
    now: Nanos,
    /// The ends of processes that were started, in order.
    pub(crate) exited: Vec<(Pid, ExitStatus)>,
    /// Traced calls.
    pub(crate) trace: Vec<String>,
}

impl Machine {
    pub(crate) fn new(limits: Limits) -> Machine {
        let ram = TestRam::new(FRAMES);
        let supply = Box::new(TestSupply { next: 0, end: ram.ram().len() });
        let lent = Lent { ram: ram.ram(), supply };
        let kernel = Kernel::new(KernelConfig { limits, trace: true, ..KernelConfig::new(lent, [7; 32]) });
        let core = WorkerCore::new(ram.ram(), Arc::new(CodeTable::default()), Box::new(NoTicks));
        let kernel = kernel.unwrap();
        Machine {
            own_bytes: kernel.sys.mem.frames.usage().used,
            kernel,
            _ram: ram,
            core,
            runnable: VecDeque::new(),
            slice: SLICE,
            sets_aside: false,
            now: 1,
            exited: Vec::new(),
            trace: Vec::new(),
        }
    }

    fn moment(&self) -> Now {
        Now { monotonic: self.now, realtime: 1_700_000_000_000_000_000 + self.now }
    }

    /// Starts a process from instruction words.
    pub(crate) fn start(&mut self, words: &[u32], uid: u32) -> Pid {
        let sys = &mut self.kernel.sys;
        let space = sys.mem.create_space(1 << 20).unwrap();
        for (at, len, prot) in
            [(TEXT, 0x10000, Prot::WRITE.union(Prot::EXEC)), (DATA, DATA_BYTES, Prot::WRITE)]
        {
            let mapping = Mapping {
                place: Place::Fixed(at),
                len,
                prot,
                flags: AreaFlags::EMPTY,
                backing: Backing::Anonymous,
                populate: false,
            };
            let mut mm = sys.mm(space).unwrap();
            mm.map(mapping).unwrap();
            while !mm.advance() {}
        }
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        sys.write_space(space, GuestAddr(TEXT), &bytes).unwrap();
        let pid = sys.new_process_id(None).unwrap();
        let init = crate::task::INIT;
        let mut process = Process::new(pid, Some(init), Creds::user(uid, uid), &sys.limits.clone(), self.now);
        process.space = space;
        process.fd_table = Some(sys.fs.new_fd_table());
        process.fs_context = Some(sys.fs.new_context());
        process.threads.push(pid.0);
        process.spawned = true;
        let mut hart = Box::new(Hart::new());
        hart.set_pc(TEXT);
        hart.set_x(2, STACK);
        let thread = Thread::new(pid.0, pid, Name::new(b"test"), hart, &process.shared, self.now);
        sys.tasks.insert_process(Box::new(process));
        sys.tasks.insert_thread(Box::new(thread));
        sys.tasks.process_mut(init).unwrap().children.push(pid);
        self.runnable.push_back(pid.0);
        pid
    }

    /// Runs until no process that was started is left.
    pub(crate) fn run(&mut self) {
        for _ in 0..MOST_SLICES {
            self.drain();
            match self.runnable.pop_front() {
                Some(tid) => self.turn(tid),
                None if self.kernel.sys.tasks.thread_count() == 0 => return,
                None => {
                    let next = self.kernel.next_deadline().expect("threads wait for what never happens");
                    self.now = self.now.max(next);
                    self.kernel.tick(self.moment());
                }
            }
        }
        panic!("the test does not end: {:?}", self.trace.last());
    }

    /// Memory, threads, processes, futex waiters and deadlines are as before the first program.
    pub(crate) fn assert_nothing_is_left(&mut self) {
        while self.kernel.background_step(self.moment()) {}
        let sys = &self.kernel.sys;
        assert_eq!(sys.tasks.thread_count(), 0);
        assert_eq!(sys.tasks.process_count(), 1, "only process 1 is left");
        assert!(sys.futexes.is_empty());
        assert!(sys.timers.is_empty(), "{:?}", sys.timers);
        assert!(sys.fs.no_walks());
        assert_eq!(sys.mem.frames.usage().used, self.own_bytes, "every frame is free");
    }

    /// Gives a thread the worker until it waits or had its slice.
    fn turn(&mut self, tid: Tid) {
        let workers = self.kernel.workers();
        let mut step = self.kernel.dispatch(tid, WorkerId(0), self.moment());
        loop {
            self.now += 100;
            step = match step {
                Step::Run(mut running) => {
                    let attention = &workers[0].attention;
                    attention.store(0, Ordering::SeqCst);
                    let space = Arc::clone(&running.space);
                    match running.hart.run(&mut self.core, &space.view(), self.slice, attention) {
                        Exit::Budget => self.kernel.preempt(running, self.moment()),
                        exit => self.kernel.trap(running, exit, self.moment()),
                    }
                }
                Step::Flush { running, .. } => self.kernel.flushed(running, self.moment()),
                Step::Again(running) if self.sets_aside => {
                    match self.kernel.set_aside(running, self.moment()) {
                        Step::Again(running) => self.kernel.resume(running, self.moment()),
                        step => step,
                    }
                }
                Step::Again(running) => self.kernel.resume(running, self.moment()),
                Step::Released => return,
            };
        }
    }

    fn drain(&mut self) {
        while let Some(status) = self.kernel.poll_status() {
            match status {
                Status::Runnable { tid, .. } => self.runnable.push_back(tid),
                Status::Exited { pid, status, .. } => self.exited.push((pid, status)),
                Status::Trace { line, .. } => self.trace.push(line),
                _ => {}
            }
        }
    }
}

/// Runs one program to its end: with slices of the usual length, and once more with others having turns wherever they can.
pub(crate) fn run(words: &[u32]) -> ExitStatus {
    let ended = run_on(words, Machine::new(Limits::default()));
    let interrupted = Machine { slice: 1, sets_aside: true, ..Machine::new(Limits::default()) };
    assert_eq!(run_on(words, interrupted), ended, "with slices of one instruction");
    ended
}

fn run_on(words: &[u32], mut machine: Machine) -> ExitStatus {
    let pid = machine.start(words, 0);
    machine.run();
    machine.assert_nothing_is_left();
    let ended = machine.exited.iter().find(|(other, _)| *other == pid);
    ended.expect("the program ends").1
}
