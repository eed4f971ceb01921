//! The suite that judges a host, ours or another's: every rule of the contract that can be observed.
//!
//! It runs as a control task of the host it judges ([`start`]), natively, in Node and in a page's worker alike, and
//! answers with a [`Report`]. A failed check never panics. Where operation sequences are generated, a failure is shrunk
//! and told with its seed. It judges the required parts and that the capability report is true; what stands behind
//! declared fetch and sockets needs a peer and is not judged here.
//!
//! A host that breaks the rules badly enough stops the suite itself (a control loop that runs nothing): whoever drives
//! it sets a time limit and then asks [`Progress`] where it hung.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::control::{Control, ControlSide};
use crate::error::HostError;
use crate::workers::WorkerEnd;
use crate::{Fetch, Host, Sockets};

mod addresses;
mod capability;
mod clock;
mod control;
mod entropy;
mod generate;
mod memory;
mod pattern;
#[cfg(all(feature = "conformance-peer", not(target_family = "wasm")))]
pub mod peer;
mod suite;
mod wakeups;
mod workers;

pub use addresses::PeerAddresses;
use suite::Suite;

/// How a run of the suite goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Where generated sequences start from. The same seed gives the same sequences.
    pub seed: u64,
    /// How many sequences are generated for each property.
    pub cases: u32,
    /// How long the suite waits for what must happen "at once" or "eventually" before it calls it a failure.
    pub patience: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { seed: 0x7469_6465, cases: 24, patience: Duration::from_secs(10) }
    }
}

/// Begins a run of the suite on the control event loop of `host`; `on_report` is called there when it has ended, be it
/// by a panic of the suite.
///
/// # Errors
/// What [`Control::start`] says.
pub fn start<H: Host>(
    host: &H,
    options: Options,
    on_report: impl FnOnce(Report) + Send + 'static,
) -> Result<Progress, HostError> {
    let progress = Progress::default();
    let (of_task, of_end) = (progress.clone(), progress.clone());
    let judged = host.clone();
    let task = move |side| -> crate::ControlFuture { Box::pin(run(judged, side, options, of_task)) };
    let on_end = move |end| {
        let mut report = of_end.snapshot();
        if end != WorkerEnd::Exited {
            let check = report.running.take().unwrap_or("the suite");
            report.failed.push((check, Failure::new(format!("the suite's own task {end}"))));
        }
        on_report(report);
    };
    host.control().start(Box::new(task), Box::new(on_end))?;
    Ok(progress)
}

/// The parts in the order in which they rely on each other: nothing can be awaited without a clock and timed waits.
async fn run<H: Host>(
    host: H,
    side: ControlSide<impl Fetch, impl Sockets>,
    options: Options,
    progress: Progress,
) {
    let suite = Suite::new(host, options);
    clock::check_here(&suite, &progress).await;
    if progress.has_failed() {
        return;
    }
    wakeups::check_timed(&suite, &progress).await;
    if progress.has_failed() {
        return;
    }
    workers::check(&suite, &progress).await;
    wakeups::check(&suite, &progress).await;
    clock::check_across_workers(&suite, &progress).await;
    memory::check(&suite, &progress).await;
    entropy::check(&suite, &progress).await;
    control::check(&suite, &progress).await;
    capability::check(&suite, &side, &progress).await;
}

/// What a run has found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The names of the checks that held.
    pub passed: Vec<&'static str>,
    /// The checks that did not, and how.
    pub failed: Vec<(&'static str, Failure)>,
    /// The check under way, in a report on a run that has not ended.
    pub running: Option<&'static str>,
}

impl Report {
    /// Whether the run has ended and every check held.
    pub fn is_success(&self) -> bool {
        self.failed.is_empty() && self.running.is_none() && !self.passed.is_empty()
    }

    /// Whether the check of this name failed.
    pub fn has_failed(&self, name: &str) -> bool {
        self.failed.iter().any(|(failed, _)| *failed == name)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} checks held, {} failed", self.passed.len(), self.failed.len())?;
        for (name, failure) in &self.failed {
            write!(f, "\n  FAILED {name}: {failure}")?;
        }
        if let Some(name) = self.running {
            write!(f, "\n  still in: {name}")?;
        }
        Ok(())
    }
}

/// A run under way, to ask where it hangs.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    report: Arc<Mutex<Report>>,
}

impl Progress {
    /// What has been found so far.
    pub fn snapshot(&self) -> Report {
        self.lock().clone()
    }

    fn has_failed(&self) -> bool {
        !self.lock().failed.is_empty()
    }

    /// Awaits one check and enters its result.
    async fn record(&self, name: &'static str, check: impl Future<Output = Result<(), Failure>>) {
        self.lock().running = Some(name);
        let result = check.await;
        let mut report = self.lock();
        report.running = None;
        match result {
            Ok(()) => report.passed.push(name),
            Err(failure) => report.failed.push((name, failure)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Report> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a check failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    message: String,
}

impl Failure {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<HostError> for Failure {
    fn from(error: HostError) -> Self {
        let mut message = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            message = format!("{message}: {cause}");
            source = cause.source();
        }
        Self { message }
    }
}

/// Fails with `message` unless `holds`.
fn require(holds: bool, message: impl FnOnce() -> String) -> Result<(), Failure> {
    if holds { Ok(()) } else { Err(Failure::new(message())) }
}
