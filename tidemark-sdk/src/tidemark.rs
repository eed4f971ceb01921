//! The facade: one sandbox, made on any host.
//!
//! Generic over the host only in [`Tidemark::create`]; the handles it gives are not.

use std::sync::Arc;

use tidemark_host::Host;
use tidemark_kernel::fs::layer::Layer;
use tidemark_kernel::limits::Limits;
use tidemark_kernel::task::ProcessInfo;
use tidemark_runtime::{
    BridgeMount, Config as RuntimeConfig, FileBridge, LockMeasure, LockReport, MountOptions, Runtime,
    Schedule, Usage,
};

use crate::error::{Gone, PipeError, StartError};
use crate::files::Files;
use crate::process::{self, Command, PipeReader, PipeWriter, ProcessEvents};

/// Where lines about system calls go.
type TraceSink = Arc<dyn Fn(&str) + Send + Sync>;

/// What a sandbox is made of. Start from [`Config::default`].
#[derive(Clone, Default)]
pub struct Config {
    runtime: RuntimeConfig,
    trace: Option<TraceSink>,
}

impl Config {
    /// Adds a layer on top of those added before. The guest sees all of them as one tree, and writes go to memory above
    /// them.
    #[must_use]
    pub fn layer(mut self, layer: Arc<Layer>) -> Config {
        self.runtime.layers.push(layer);
        self
    }

    /// Mounts files that the application answers for at a directory of the guest (absolute; made if it is not there), over
    /// what is there. Mounts are made in the order they are added, and not inside each other.
    #[must_use]
    pub fn mount(mut self, path: impl AsRef<[u8]>, bridge: impl FileBridge, options: MountOptions) -> Config {
        let (path, bridge) = (path.as_ref().to_vec(), Arc::new(bridge));
        self.runtime.mounts.push(BridgeMount { path, bridge, options });
        self
    }

    /// Sets what the guest may use.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Config {
        self.runtime.limits = limits;
        self
    }

    /// Sets the guest's host name; `tidemark` at first.
    #[must_use]
    pub fn hostname(mut self, name: impl Into<String>) -> Config {
        self.runtime.hostname = name.into();
        self
    }

    /// Sets how many workers run guest threads; one a core at first.
    #[must_use]
    pub fn workers(mut self, count: u16) -> Config {
        self.runtime.workers = Some(count);
        self
    }

    /// Fixes the seed of the guest's randomness, so that two runs see the same; from the host's entropy at first.
    #[must_use]
    pub fn seed(mut self, seed: [u8; 32]) -> Config {
        self.runtime.seed = Some(seed);
        self
    }

    /// Sets how guest threads take turns; fairly at first. At random, from a seed, what goes wrong only with certain orders of
    /// events is found: see [`RandomSchedule`](crate::RandomSchedule).
    #[must_use]
    pub fn schedule(mut self, schedule: Schedule) -> Config {
        self.runtime.schedule = schedule;
        self
    }

    /// Sends a line for each system call of these names (all, if there are none) to `sink`, in the shape of strace(1). Classes
    /// are `%file` and its like; `!` before a name shows all but that.
    #[must_use]
    pub fn trace<N: Into<String>>(
        mut self,
        names: impl IntoIterator<Item = N>,
        sink: impl Fn(&str) + Send + Sync + 'static,
    ) -> Config {
        self.runtime.trace = Some(names.into_iter().map(Into::into).collect());
        self.trace = Some(Arc::new(sink));
        self
    }

    /// Measures how long the kernel's lock is held; costs clock readings a system call.
    #[must_use]
    pub fn measure_lock(mut self, how: LockMeasure) -> Config {
        self.runtime.measure_lock = how;
        self
    }
}

/// One sandbox: a guest system with its files and processes. Clones are handles to the same one; it ends when the last
/// handle is gone, or at [`shutdown`](Self::shutdown).
#[derive(Clone)]
pub struct Tidemark {
    runtime: Runtime,
}

impl Tidemark {
    /// Makes a sandbox on `host`.
    ///
    /// # Errors
    /// See [`StartError`]; nothing is left behind.
    pub fn create<H: Host>(host: H, config: Config) -> Result<Tidemark, StartError> {
        let trace = config.trace;
        let sink = move |line: &str| {
            if let Some(trace) = &trace {
                trace(line);
            }
        };
        Ok(Tidemark { runtime: Runtime::start(host, config.runtime, sink)? })
    }

    /// A command that runs `program`: a path in the guest, or a name to look up in the command's `PATH`.
    pub fn command(&self, program: impl AsRef<[u8]>) -> Command {
        Command::new(self.runtime.clone(), program.as_ref().to_vec())
    }

    /// The guest's files.
    pub fn files(&self) -> Files {
        Files::new(self.runtime.clone())
    }

    /// A pipe between programs: the reading end is for one's standard input, the writing end for another's standard
    /// output. The bytes don't pass the application.
    ///
    /// ```no_run
    /// # async fn example(tidemark: &tidemark_sdk::Tidemark) -> Result<(), Box<dyn std::error::Error>> {
    /// let (reader, writer) = tidemark.pipe().await?;
    /// let seq = tidemark.command("seq").arg("9").stdout(writer).spawn().await?;
    /// let sorted = tidemark.command("sort").arg("-r").stdin(reader).beside(&seq).output().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`PipeError`].
    pub async fn pipe(&self) -> Result<(PipeReader, PipeWriter), PipeError> {
        process::pipe(&self.runtime).await
    }

    /// The processes there are, process 1, which is the kernel's, first.
    ///
    /// # Errors
    /// [`Gone`] when the sandbox is gone.
    pub async fn processes(&self) -> Result<Vec<ProcessInfo>, Gone> {
        process::processes(&self.runtime).await
    }

    /// What becomes of every process from now on: begun, another program, ended.
    pub fn process_events(&self) -> ProcessEvents {
        self.runtime.process_events()
    }

    /// What the sandbox holds, after what is not used any more was cleaned up. When every program has ended and the
    /// application has dropped their handles, [`SystemUsage`](crate::SystemUsage) counts nothing but memory, and that is
    /// [`Usage::file_bytes`] and what the kernel held before the first program.
    ///
    /// # Errors
    /// [`Gone`] when the sandbox is gone: it holds nothing then.
    pub async fn usage(&self) -> Result<Usage, Gone> {
        self.runtime.usage().await
    }

    /// Workers that have not ended; none after [`shutdown`](Self::shutdown).
    pub fn workers(&self) -> u32 {
        self.runtime.workers()
    }

    /// Ends the sandbox and everything in it, and waits for its workers' end. Calls on its handles answer
    /// [`Gone::ShutDown`] from then on.
    pub async fn shutdown(&self) {
        self.runtime.shutdown().await;
    }

    /// How long the kernel's lock was held so far; empty without [`Config::measure_lock`].
    pub fn lock_report(&self) -> LockReport {
        self.runtime.lock_report()
    }
}
