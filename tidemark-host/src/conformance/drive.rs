//! Driving a run from a test: to its end or its time limit, blocking or awaiting.

use std::pin::Pin;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::{Failure, Options, Report, start};
use crate::control::{Control, ControlFuture};
use crate::wakeups::{WaitOutcome, Wakeups, Word};
use crate::{Clock, Host};

/// Judges `host` and blocks until the run has ended or [`Options::time_limit`] has passed; what hangs is then told as
/// the check under way. Not for event loops, which must not be blocked: those await [`judged`].
pub fn judge(host: &impl Host, options: Options) -> Report {
    let (tell, told) = channel();
    let time_limit = options.time_limit;
    // A receiver that is gone has given up waiting.
    let told_of = move |report| drop(tell.send(report));
    match start(host, options, told_of) {
        Ok(progress) => told.recv_timeout(time_limit).unwrap_or_else(|_| progress.snapshot()),
        Err(error) => Report::of_failure("starting the suite", error.into()),
    }
}

/// The same for tests that are async, such as those of `wasm-bindgen-test`. The host's own deadlines keep the time.
pub async fn judged<H: Host>(host: &H, options: Options) -> Report {
    let answer = Arc::new(Mutex::new(Answer::default()));
    let deadline = host.clock().monotonic().saturating_add(options.time_limit);
    let to = Arc::clone(&answer);
    let progress = match start(host, options, move |report| Answer::give(&to, report)) {
        Ok(progress) => progress,
        Err(error) => return Report::of_failure("starting the suite", error.into()),
    };
    let (of_limit, to) = (host.clone(), Arc::clone(&answer));
    let limit = move |_| -> ControlFuture {
        Box::pin(async move {
            let (never, forever) = (Word::new(0), Some(deadline));
            while of_limit.wakeups().wait_async(&never, 0, forever).await != WaitOutcome::TimedOut {}
            Answer::give(&to, progress.snapshot());
        })
    };
    if let Err(error) = host.control().start(Box::new(limit), Box::new(|_| ())) {
        return Report::of_failure("starting the time limit", error.into());
    }
    Awaited(answer).await
}

/// Fails the calling test unless the report is a success, telling how to repeat the run.
///
/// # Panics
/// If a check failed or hung.
pub fn assert_success(report: &Report, options: &Options) {
    let part = options.part.map_or("all parts", |part| part.name());
    assert!(
        report.is_success(),
        "{part}, seed {:#x} ({}={:#x} repeats it): {report}",
        options.seed,
        super::SEED_VARIABLE,
        options.seed,
    );
}

/// A report to come, and who waits for it.
#[derive(Debug, Default)]
struct Answer {
    report: Option<Report>,
    waker: Option<Waker>,
}

impl Answer {
    /// The first report counts.
    fn give(answer: &Mutex<Self>, report: Report) {
        let mut answer = lock(answer);
        answer.report.get_or_insert(report);
        let waker = answer.waker.take();
        drop(answer);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

struct Awaited(Arc<Mutex<Answer>>);

impl Future for Awaited {
    type Output = Report;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Report> {
        let mut answer = lock(&self.0);
        match answer.report.take() {
            Some(report) => Poll::Ready(report),
            None => {
                answer.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// A panic cannot leave an answer half given, so a poisoned lock is as good as any.
fn lock(answer: &Mutex<Answer>) -> MutexGuard<'_, Answer> {
    answer.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Report {
    fn of_failure(what: &'static str, failure: Failure) -> Self {
        Self { failed: vec![(what, failure)], ..Self::default() }
    }
}

/// The suite as tests, one a [`Part`](crate::conformance::Part), so that failures are told apart.
///
/// `host` is an expression that makes the host, evaluated for each test; `options` one of
/// [`Options`](crate::conformance::Options), whose `part` is set by each test.
///
/// ```ignore
/// mod conformance {
///     tidemark_host::conformance_tests! {
///         host: MyHost::new(),
///         options: tidemark_host::conformance::Options::from_environment(),
///     }
/// }
/// ```
///
/// These are native tests that block. With an attribute first they are async functions under that attribute, for a
/// harness that awaits them: `#[wasm_bindgen_test]`, `#[tokio::test]`.
///
/// ```ignore
/// tidemark_host::conformance_tests! {
///     #[wasm_bindgen_test::wasm_bindgen_test]
///     host: MyHost::current(),
///     options: tidemark_host::conformance::Options::default(),
/// }
/// ```
#[macro_export]
macro_rules! conformance_tests {
    (host: $host:expr, options: $options:expr $(,)?) => {
        $crate::conformance_tests!(@parts [#[test]] [] [judge] $host, $options);
    };
    (#[$test:meta] host: $host:expr, options: $options:expr $(,)?) => {
        $crate::conformance_tests!(@parts [#[$test]] [async] [judged] $host, $options);
    };
    (@parts $test:tt $async:tt $judge:tt $host:expr, $options:expr) => {
        $crate::conformance_tests!(@part $test $async $judge workers Workers $host, $options);
        $crate::conformance_tests!(@part $test $async $judge wakeups Wakeups $host, $options);
        $crate::conformance_tests!(@part $test $async $judge clock Clock $host, $options);
        $crate::conformance_tests!(@part $test $async $judge memory Memory $host, $options);
        $crate::conformance_tests!(@part $test $async $judge entropy Entropy $host, $options);
        $crate::conformance_tests!(@part $test $async $judge control Control $host, $options);
        $crate::conformance_tests!(@part $test $async $judge capabilities Capabilities $host, $options);
        $crate::conformance_tests!(@part $test $async $judge fetch Fetch $host, $options);
        $crate::conformance_tests!(@part $test $async $judge web_socket WebSocket $host, $options);
        $crate::conformance_tests!(@part $test $async $judge tcp Tcp $host, $options);
        $crate::conformance_tests!(@part $test $async $judge code Code $host, $options);
    };
    (@part [$(#[$test:meta])*] [] [$judge:ident] $name:ident $part:ident $host:expr, $options:expr) => {
        $(#[$test])*
        fn $name() {
            let options = $crate::conformance::Options {
                part: Some($crate::conformance::Part::$part),
                ..$options
            };
            let report = $crate::conformance::$judge(&$host, options.clone());
            $crate::conformance::assert_success(&report, &options);
        }
    };
    (@part [$(#[$test:meta])*] [async] [$judge:ident] $name:ident $part:ident $host:expr, $options:expr) => {
        $(#[$test])*
        async fn $name() {
            let options = $crate::conformance::Options {
                part: Some($crate::conformance::Part::$part),
                ..$options
            };
            let report = $crate::conformance::$judge(&$host, options.clone()).await;
            $crate::conformance::assert_success(&report, &options);
        }
    };
}
