//! System calls with any arguments, in any order, by any number of threads: a guest can never panic the kernel.
//!
//! No instruction is executed: threads of a real process call, and where one returns to its program it makes the next
//! call. What pointers point at is a page of things that calls look at: paths, times, vectors, addresses of each other.

use std::collections::VecDeque;
use std::io::Cursor;
use std::sync::{Arc, OnceLock};

use tidemark_kernel::cpu::exit::Exit;
use tidemark_kernel::fs::layer::Layer;
use tidemark_kernel::limits::Limits;
use tidemark_kernel::mem::lend;
use tidemark_kernel::syscall::ROWS;
use tidemark_kernel::task::Tid;
use tidemark_kernel::time::Now;
use tidemark_kernel::worker::WorkerId;
use tidemark_kernel::{Kernel, KernelConfig, SpawnRequest, Status, Step};
use tidemark_sdk::layer::{Attributes, LayerBuilder, LayerPath, layer_from_bytes};

use crate::arguments::{Arguments, image};
use crate::memory::Region;

/// Steps in a run, calls and their continuations: what waits for itself ends by it.
const STEPS: u32 = 4_000;
/// Nanoseconds that a step takes.
const STEP_NANOS: u64 = 1_000;
/// No host's clock gets there: 146 years. Who sleeps longer sleeps for ever.
const END_OF_TIME: u64 = 1 << 62;

/// Makes the calls that the bytes spell (`arguments.rs`).
pub fn syscalls(bytes: &[u8]) {
    let mut machine = Machine::start();
    let mut calls = Arguments::new(bytes);
    for _ in 0..STEPS {
        machine.drain();
        let Some(tid) = machine.runnable.pop_front() else {
            if !machine.pass_time() {
                return;
            }
            continue;
        };
        if !machine.turn(tid, &mut calls) {
            return;
        }
    }
}

struct Machine {
    kernel: Kernel,
    now: u64,
    runnable: VecDeque<Tid>,
}

impl Machine {
    fn start() -> Self {
        let mut limits = Limits::default();
        (limits.memory_bytes, limits.processes, limits.threads) = (8 << 20, 16, 32);
        (limits.open_files, limits.descriptors, limits.inodes) = (256, 64, 512);
        let mut config = KernelConfig::new(lend(Region::new()), [1; 32]);
        (config.limits, config.layers) = (limits, vec![files()]);
        let mut machine = Machine {
            kernel: Kernel::new(config).expect("a kernel can be made"),
            now: 1,
            runnable: VecDeque::new(),
        };
        let mut request = SpawnRequest::default();
        (request.program, request.argv) = (b"/program".to_vec(), vec![b"program".to_vec()]);
        let now = machine.moment();
        machine.kernel.spawn(request, now).expect("the program can be started");
        machine
    }

    /// Lets a thread call until it waits or is gone. False once there are no calls left.
    fn turn(&mut self, tid: Tid, calls: &mut Arguments<'_>) -> bool {
        let mut step = self.kernel.dispatch(tid, WorkerId(0), self.moment());
        for _ in 0..STEPS {
            self.now += STEP_NANOS;
            step = match step {
                Step::Run(mut running) => {
                    let Some(call) = calls.next(ROWS) else { return false };
                    running.hart.set_x(17, call.number);
                    for (index, argument) in call.arguments.into_iter().enumerate() {
                        running.hart.set_x(10 + index, argument);
                    }
                    let preempted = call.then_others;
                    match self.kernel.trap(running, Exit::Ecall, self.moment()) {
                        Step::Run(running) if preempted => self.kernel.preempt(running, self.moment()),
                        step => step,
                    }
                }
                Step::Flush { running, .. } => self.kernel.flushed(running, self.moment()),
                Step::Again(running) => self.kernel.resume(running, self.moment()),
                Step::Released => return true,
            };
        }
        false
    }

    fn drain(&mut self) {
        while let Some(status) = self.kernel.poll_status() {
            if let Status::Runnable { tid, .. } = status {
                self.runnable.push_back(tid);
            }
        }
    }

    /// Goes on to the next deadline. False if there is none that anybody sees.
    fn pass_time(&mut self) -> bool {
        let now = self.moment();
        if self.kernel.background_step(now) {
            return true;
        }
        let Some(next) = self.kernel.next_deadline().filter(|next| *next < END_OF_TIME) else { return false };
        self.now = self.now.max(next);
        let now = self.moment();
        self.kernel.tick(now);
        true
    }

    fn moment(&self) -> Now {
        /// Some day of 2023, in nanoseconds since 1970.
        const REALTIME: u64 = 1_700_000_000_000_000_000;
        Now { monotonic: self.now, realtime: REALTIME.saturating_add(self.now) }
    }
}

/// The guest's files: the program, and some to open. Made once.
fn files() -> Arc<Layer> {
    static FILES: OnceLock<Arc<Layer>> = OnceLock::new();
    let make = || {
        let mut builder = LayerBuilder::new(Cursor::new(Vec::new()))?;
        let mut put = |path: &str, mode, mut content: &[u8]| {
            let mut attributes = Attributes::default();
            attributes.meta.mode = mode;
            builder.file(&LayerPath::new(path.as_bytes())?, attributes, &mut content).map(|_| ())
        };
        put("program", 0o755, &image())?;
        put("dir/file", 0o644, &[b'x'; 10_000])?;
        put("script", 0o755, b"#!/program -x\n")?;
        builder.finish().map(Cursor::into_inner)
    };
    let bytes = || make().expect("the files can be packed");
    Arc::clone(FILES.get_or_init(|| layer_from_bytes(bytes()).expect("what was packed is a layer")))
}
