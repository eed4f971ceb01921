//! The runtime: starts the workers and the control loop, and is the handle to them.
//!
//! Owns start, stop and what all roles share. Generic over the host only until it is started.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tidemark_host::{
    Capabilities, Clock, Control as _, Entropy, Host, Role, Wakeups, Word, WorkerEnd, Workers,
};
use tidemark_kernel::cpu::code_cache::CodeTable;
use tidemark_kernel::cpu::core::{TickSource, WorkerCore};
use tidemark_kernel::errno::Errno;
use tidemark_kernel::fs::hosted::BridgeId;
use tidemark_kernel::fs::hosted::MountRequest;
use tidemark_kernel::mem::lend;
use tidemark_kernel::time::Now;
use tidemark_kernel::worker::{ATTENTION_TRAP, WorkerId, WorkerSlot};
use tidemark_kernel::{FileFrames, Kernel, KernelConfig, ProcessEvent, SpawnError, SpawnRequest, Status};

use crate::bridge::BridgeMount;
use crate::config::{Config, MAX_WORKERS, StartError};
use crate::control;
use crate::feed::{Feed, feed};
use crate::gone::{CrashCell, Gone};
use crate::holds::{Holds, LockReport};
use crate::lock::{KernelLock, Locked};
use crate::process::Process;
use crate::queue::{RunQueue, Wake};
use crate::request::{Request, Requests, Sink};
use crate::running::{Running, Usage};
use crate::schedule::Schedule;
use crate::trace::TraceFilter;
use crate::watch::FileWatch;
use crate::worker::PoolWorker;

/// What workers and the control loop share.
pub(crate) struct Shared<H: Host> {
    pub(crate) host: H,
    pub(crate) lock: KernelLock<H::Wakeups>,
    pub(crate) slots: Arc<[WorkerSlot]>,
    /// Idle workers park on it; it counts pieces of work.
    pub(crate) work: Word,
    /// The kernel's earliest deadline, `u64::MAX` for none: how long a worker may run a hart.
    pub(crate) next_deadline: AtomicU64,
    pub(crate) stopping: AtomicBool,
    pub(crate) crash: CrashCell,
    pub(crate) requests: Requests,
    pub(crate) trace: Trace,
    /// Realtime minus monotonic, in nanoseconds, the same for all.
    realtime_offset: AtomicU64,
    /// News for the control loop.
    events: Mutex<Vec<Status>>,
}

/// Takes a line of the trace and the name of the call that it is about, if it is about one.
type Trace = Box<dyn Fn(Option<&str>, &str) + Send + Sync>;

/// How far the realtime clock must have been set, in nanoseconds, for the guest's to follow. Less is the noise of reading
/// two clocks, and would make time go back between two workers.
const CLOCK_STEP: u64 = 1_000_000;

/// Realtime minus monotonic; `None` if too long passed between the readings to tell.
fn clock_distance(clock: &impl Clock) -> Option<u64> {
    /// Nanoseconds between two readings of the monotonic clock around one of the realtime clock, at the most.
    const READING: u64 = 20_000;
    let before = clock.monotonic().as_nanos();
    let realtime = clock.realtime().as_nanos();
    let spent = clock.monotonic().as_nanos().saturating_sub(before);
    (spent <= READING).then(|| realtime.wrapping_sub(before + spent / 2))
}

impl<H: Host> Shared<H> {
    /// Takes what the kernel has to say after an input: runnable threads into the queue, news to the control loop.
    /// Returns how many idle workers to wake, without the lock.
    pub(crate) fn settle(&self, locked: &mut Locked, waker: Option<WorkerId>) -> u32 {
        let mut wakes = 0;
        let mut news = false;
        while let Some(status) = locked.kernel.poll_status() {
            match (status, waker) {
                (Status::Runnable { tid, sync: true }, Some(waker)) => {
                    wakes += u32::from(locked.queue.push_sync(tid, waker) == Wake::One);
                }
                (Status::Runnable { tid, .. }, _) => {
                    wakes += u32::from(locked.queue.push(tid) == Wake::One);
                }
                (status, _) => {
                    self.lock_events().push(status);
                    news = true;
                }
            }
        }
        let deadline = locked.kernel.next_deadline().unwrap_or(u64::MAX);
        self.next_deadline.store(deadline, Ordering::Relaxed);
        if news {
            self.requests.ring();
        }
        wakes
    }

    /// Realtime minus monotonic, brought up to date if the realtime clock was set.
    pub(crate) fn realtime_offset(&self) -> u64 {
        let known = self.realtime_offset.load(Ordering::Relaxed);
        match clock_distance(self.host.clock()) {
            Some(now) if now.abs_diff(known) > CLOCK_STEP => {
                self.realtime_offset.store(now, Ordering::Relaxed);
                now
            }
            _ => known,
        }
    }

    pub(crate) fn wake_workers(&self, count: u32) {
        if count > 0 {
            self.work.atomic().fetch_add(1, Ordering::SeqCst);
            self.host.wakeups().notify(self.work.atomic(), count);
        }
    }

    /// Has the control loop come back to something.
    pub(crate) fn push_event(&self, status: Status) {
        self.lock_events().push(status);
        self.requests.ring();
    }

    pub(crate) fn take_events(&self) -> Vec<Status> {
        std::mem::take(&mut *self.lock_events())
    }

    fn lock_events(&self) -> std::sync::MutexGuard<'_, Vec<Status>> {
        // Its holders only push and take: what a panicking one left is whole.
        self.events.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Ends the workers at their next look.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        self.requests.close();
        self.rouse();
    }

    /// A worker or the control loop died: so does the sandbox, and nothing else.
    fn crashed(&self, role: &str, end: &WorkerEnd) {
        self.crash.set(format!("{role}: {end}"));
        self.lock.kill();
        self.rouse();
        self.requests.ring();
        self.requests.close();
    }

    fn rouse(&self) {
        for slot in self.slots.iter() {
            slot.raise(ATTENTION_TRAP);
        }
        self.wake_workers(u32::MAX);
    }
}

/// `rdtime` counts nanoseconds of the host's monotonic clock.
struct ClockTicks<C: Clock>(C);

impl<C: Clock> TickSource for ClockTicks<C> {
    fn ticks(&self, _instret: u64) -> u64 {
        self.0.monotonic().as_nanos()
    }
}

/// One sandbox: a guest system and what runs it. Clones are handles to the same one; when the last is dropped it ends.
#[derive(Clone)]
pub struct Runtime {
    inner: Arc<Inner>,
}

struct Inner {
    requests: Requests,
    running: Running,
    capabilities: Capabilities,
    lock_report: Box<dyn Fn() -> LockReport + Send + Sync>,
    stop: Box<dyn Fn() + Send + Sync>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        (self.stop)();
    }
}

const POOL: Role = Role::new("tidemark-pool");

impl Runtime {
    /// Starts a sandbox on `host`: creates the kernel, the pool workers and the control loop. `trace` gets the lines
    /// that [`Config::trace`] asks for.
    ///
    /// # Errors
    /// See [`StartError`]; whatever was started before is stopped.
    pub fn start<H: Host>(
        host: H,
        config: Config,
        trace: impl Fn(&str) + Send + Sync + 'static,
    ) -> Result<Runtime, StartError> {
        let filter = TraceFilter::new(config.trace.clone().unwrap_or_default())?;
        let workers = worker_count(&host, &config);
        let seed = match (config.seed, config.schedule) {
            (Some(seed), _) => seed,
            (None, Schedule::Random(random)) => random.guest_seed(),
            (None, Schedule::Fair) => {
                let mut seed = [0; 32];
                host.entropy().fill(&mut seed)?;
                seed
            }
        };
        let lent = lend(host.memory().clone());
        let ram = lent.ram;
        let monotonic = host.clock().monotonic().as_nanos();
        let realtime_offset = host.clock().realtime().as_nanos().wrapping_sub(monotonic);
        let mut kernel_config = KernelConfig::new(lent, seed);
        kernel_config.limits = config.limits.clone();
        kernel_config.workers = workers;
        kernel_config.layers = config.layers.clone();
        kernel_config.mounts = mount_requests(&config.mounts);
        kernel_config.hostname = config.hostname.clone();

        kernel_config.trace = config.trace.is_some();
        kernel_config.now = Now { monotonic, realtime: monotonic.wrapping_add(realtime_offset) };
        let kernel = Kernel::new(kernel_config)?;

        let crash = CrashCell::default();
        let requests = Requests::new(host.wakeups().clone(), crash.clone());
        let slots = kernel.workers();
        let locked = Locked { kernel, queue: RunQueue::new(workers, config.schedule) };
        let shared = Arc::new(Shared {
            lock: KernelLock::new(locked, host.wakeups().clone(), Holds::new(config.measure_lock)),
            slots,
            work: Word::new(0),
            next_deadline: AtomicU64::new(u64::MAX),
            stopping: AtomicBool::new(false),
            realtime_offset: AtomicU64::new(realtime_offset),
            crash,
            requests: requests.clone(),
            trace: Box::new(move |call, line| {
                if filter.admits(call) {
                    trace(line);
                }
            }),
            events: Mutex::new(Vec::new()),
            host,
        });

        let stop_on_error = Arc::clone(&shared);
        let running = Running::new();
        let start = || -> Result<(), StartError> {
            let code = Arc::new(CodeTable::new());
            for index in 0..workers {
                let ticks = Box::new(ClockTicks(shared.host.clock().clone()));
                let core = WorkerCore::new(ram, Arc::clone(&code), ticks);
                let entry = PoolWorker::new(Arc::clone(&shared), WorkerId(index), core, config.schedule);
                let (told, ends) = (Arc::clone(&shared), running.clone());
                let on_end = Box::new(move |end: WorkerEnd| {
                    match end {
                        WorkerEnd::Exited => {}
                        end => told.crashed("pool worker", &end),
                    }
                    ends.worker_ends();
                });
                running.worker_begins();
                let spawned = shared.host.workers().spawn(POOL, Box::new(entry), on_end);
                spawned.inspect_err(|_| running.worker_ends())?;
            }
            let served = Arc::clone(&shared);
            let bridges = config.mounts.into_iter().map(|mount| mount.bridge).collect();
            let (told, ends) = (Arc::clone(&shared), running.clone());
            shared.host.control().start(
                Box::new(move |_side| Box::pin(control::run(served, bridges))),
                Box::new(move |end: WorkerEnd| {
                    match end {
                        WorkerEnd::Exited => told.stop(),
                        end => told.crashed("control loop", &end),
                    }
                    ends.control_ends();
                }),
            )?;
            Ok(())
        };
        if let Err(error) = start() {
            stop_on_error.stop();
            return Err(error);
        }
        let (reported, stopped) = (Arc::clone(&shared), requests.clone());
        Ok(Runtime {
            inner: Arc::new(Inner {
                requests,
                running,
                capabilities: shared.host.capabilities().clone(),
                lock_report: Box::new(move || reported.lock.report()),
                stop: Box::new(move || {
                    let (reply, _) = futures::channel::oneshot::channel();
                    stopped.send(Request::Shutdown { reply });
                }),
            }),
        })
    }

    /// Starts a program in the guest.
    ///
    /// # Errors
    /// `Ok(Err(_))` when the guest system could not start it; [`Gone`] when the sandbox is gone.
    pub async fn spawn(&self, request: SpawnRequest) -> Result<Result<Process, SpawnError>, Gone> {
        self.spawn_into(request, [None, None]).await
    }

    /// As [`spawn`](Self::spawn), with what takes standard output and standard error as they come, where they are piped.
    /// A sink is called on the control loop: it must be short, and a program waits while it is not. It is dropped at the
    /// stream's end.
    ///
    /// # Errors
    /// As [`spawn`](Self::spawn).
    pub async fn spawn_into(
        &self,
        request: SpawnRequest,
        sinks: [Option<Sink>; 2],
    ) -> Result<Result<Process, SpawnError>, Gone> {
        let request = Box::new(request);
        self.inner.requests.ask(|reply| Request::Spawn { request, sinks, reply }).await
    }

    /// What becomes of every process from now on. Of a slow reader's events some are lost, and told as such.
    pub fn process_events(&self) -> Feed<ProcessEvent> {
        let (sender, events) = feed();
        self.inner.requests.send(Request::Watch(sender));
        events
    }

    /// A stream of what happens to files, none at first.
    ///
    /// # Errors
    /// `Ok(Err(_))` when the guest system allows no more; [`Gone`] when the sandbox is gone.
    pub async fn watch_files(&self) -> Result<Result<FileWatch, Errno>, Gone> {
        FileWatch::open(&self.inner.requests).await
    }

    /// What the guest system and the workers hold. What is not used any more is cleaned up first.
    ///
    /// # Errors
    /// [`Gone`] when the sandbox is gone; all is released then.
    pub async fn usage(&self) -> Result<Usage, Gone> {
        while self.with_kernel(|kernel, now| kernel.background_step(now)).await? {}
        let mut files = FileFrames::default();
        loop {
            let more;
            (files, more) = self
                .with_kernel(move |kernel, _| {
                    let more = kernel.file_frames_step(&mut files);
                    (files, more)
                })
                .await?;
            if !more {
                break;
            }
        }
        let system = self.with_kernel(|kernel, _| kernel.usage()).await?;
        Ok(Usage { system, file_bytes: files.bytes, workers: self.workers() })
    }

    /// Workers that have not ended: none after [`shutdown`](Self::shutdown).
    pub fn workers(&self) -> u32 {
        self.inner.running.workers()
    }

    /// Runs `job` on the kernel, under its lock, and waits for what it returns. It must be short: the lock is everybody's,
    /// see `tidemark_kernel::limits::LOCK_HOLD`.
    ///
    /// # Errors
    /// [`Gone`] when the sandbox is gone.
    pub async fn with_kernel<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Kernel, Now) -> T + Send + 'static,
    ) -> Result<T, Gone> {
        self.inner.requests.with_kernel(job).await
    }

    /// As [`with_kernel`](Self::with_kernel), for a job that may ask [bridges](crate::FileBridge): it is run again, from its
    /// start, whenever one has answered, until it needs to ask no more. What it did before it will do again.
    ///
    /// # Errors
    /// [`Gone`] when the sandbox is gone.
    pub async fn with_bridges<T: Send + 'static>(
        &self,
        job: impl FnMut(&mut Kernel, Now) -> T + Send + 'static,
    ) -> Result<T, Gone> {
        self.inner.requests.with_bridges(job).await
    }

    /// As [`with_kernel`](Self::with_kernel), but returns at once; on a sandbox that is gone nothing happens.
    pub fn post(&self, job: impl FnOnce(&mut Kernel, Now) + Send + 'static) {
        self.inner.requests.send(Request::Job(Box::new(job)));
    }

    /// Ends the sandbox: its processes are gone. Handles answer [`Gone::ShutDown`] from then on. Waits for the end of its
    /// workers.
    pub async fn shutdown(&self) {
        // A sandbox that is gone is shut down already.
        let _ = self.inner.requests.ask(|reply| Request::Shutdown { reply }).await;
        self.inner.running.ended().await;
    }

    /// What the host has.
    pub fn capabilities(&self) -> &Capabilities {
        &self.inner.capabilities
    }

    /// How long the kernel's lock was held so far; empty unless [`Config::measure_lock`] is set.
    pub fn lock_report(&self) -> LockReport {
        (self.inner.lock_report)()
    }
}

fn mount_requests(mounts: &[BridgeMount]) -> Vec<MountRequest> {
    const NANOS_PER_MILLISECOND: u64 = 1_000_000;
    let requests = mounts.iter().zip(0..).map(|(mount, number)| MountRequest {
        path: mount.path.clone(),
        bridge: BridgeId(number),
        read_only: mount.options.read_only,
        attribute_lifetime: mount.options.attribute_milliseconds.saturating_mul(NANOS_PER_MILLISECOND),
        source: mount.options.source.clone(),
    });
    requests.collect()
}

fn worker_count<H: Host>(host: &H, config: &Config) -> u16 {
    let cores = host.capabilities().parallelism().get();
    let wanted = config.workers.unwrap_or(u16::try_from(cores).unwrap_or(MAX_WORKERS));
    wanted.clamp(1, MAX_WORKERS)
}
