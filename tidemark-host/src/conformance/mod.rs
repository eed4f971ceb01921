//! The suite that judges a host, ours or another's: every rule of the contract that can be observed.
//!
//! It runs as a control task of the host it judges ([`start`]), natively, in Node and in a page's worker alike, and
//! answers with a [`Report`]. A failed check never panics. Where operation sequences are generated, a failure is shrunk
//! and told with its seed. Both directions are judged: what the host declares works, what it does not declare is
//! refused. What is behind declared fetch and sockets needs somebody to talk to: a peer, whose addresses are an option.
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
mod code;
mod control;
mod drive;
mod entropy;
mod fetch;
mod generate;
mod memory;
mod net;
mod part;
mod pattern;
#[cfg(all(feature = "conformance-peer", not(target_family = "wasm")))]
pub mod peer;
mod suite;
mod tcp;
mod wakeups;
mod web_socket;
mod workers;

pub use addresses::PeerAddresses;
pub use drive::{assert_success, judge, judged};
pub use part::Part;
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
    /// The part to judge; all of them unless one is named.
    pub part: Option<Part>,
    /// The name of the one check to run; all of them unless one is named.
    pub check: Option<String>,
    /// Where the peer is. A host that declares neither fetch nor sockets needs none.
    pub peer: Option<PeerAddresses>,
    /// How long a run may take, for those that drive it ([`judge`], [`judged`], the macro).
    pub time_limit: Duration,
}

/// Names the environment's variable that sets [`Options::seed`], in decimal or, after `0x`, hexadecimal.
pub const SEED_VARIABLE: &str = "TIDEMARK_CONFORMANCE_SEED";

/// Names the environment's variable that sets [`Options::cases`].
pub const CASES_VARIABLE: &str = "TIDEMARK_CONFORMANCE_CASES";

impl Default for Options {
    fn default() -> Self {
        Self {
            seed: 0x7469_6465,
            cases: 24,
            patience: Duration::from_secs(10),
            part: None,
            check: None,
            peer: None,
            time_limit: Duration::from_secs(120),
        }
    }
}

impl Options {
    /// The default, with what the environment says ([`SEED_VARIABLE`], [`CASES_VARIABLE`]). In WebAssembly there is no
    /// environment, and it is the default.
    pub fn from_environment() -> Self {
        let number = |name| {
            let text = std::env::var(name).ok()?;
            match text.strip_prefix("0x") {
                Some(digits) => u64::from_str_radix(digits, 16).ok(),
                None => text.parse().ok(),
            }
        };
        let default = Self::default();
        let cases = number(CASES_VARIABLE).and_then(|cases| u32::try_from(cases).ok());
        Self {
            seed: number(SEED_VARIABLE).unwrap_or(default.seed),
            cases: cases.unwrap_or(default.cases),
            ..default
        }
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
    let progress = Progress { only: options.check.clone(), ..Progress::default() };
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

/// First what every part relies on: nothing can be awaited without a clock and timed waits.
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
    for part in Part::ALL {
        if suite.options.part.is_none_or(|only| only == part) {
            check_part(part, &suite, &side, &progress).await;
        }
    }
}

async fn check_part<H: Host>(
    part: Part,
    suite: &Suite<H>,
    side: &ControlSide<impl Fetch, impl Sockets>,
    progress: &Progress,
) {
    match part {
        Part::Workers => workers::check(suite, progress).await,
        Part::Wakeups => wakeups::check(suite, progress).await,
        Part::Clock => clock::check_across_workers(suite, progress).await,
        Part::Memory => memory::check(suite, progress).await,
        Part::Entropy => entropy::check(suite, progress).await,
        Part::Control => control::check(suite, progress).await,
        Part::Capabilities => capability::check(suite, side, progress).await,
        Part::Fetch => fetch::check(suite, &side.fetch, progress).await,
        Part::WebSocket => web_socket::check(suite, &side.sockets, progress).await,
        Part::Tcp => tcp::check(suite, &side.sockets, progress).await,
        Part::Code => code::check(suite, progress).await,
    }
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
    /// The one check to run.
    only: Option<String>,
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
        if self.only.as_ref().is_some_and(|only| only != name) {
            return;
        }
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
