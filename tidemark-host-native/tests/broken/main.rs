//! Deliberately broken hosts: each breaks one rule of the contract, and the suite says which.
//!
//! They are the native host with one part replaced, one part's breakages in a file.

use std::sync::mpsc::channel;
use std::time::Duration;

use tidemark_host::conformance::{Options, Report, start};
use tidemark_host::{Capability, Host};

mod clock;
mod entropy;
mod memory;
mod patched;
mod wakeups;
mod workers;

use patched::Patched;

/// A broken host makes many checks wait in vain, each as long as the suite's patience.
const TIME_LIMIT: Duration = Duration::from_secs(120);

/// What these hosts break does not happen however long one waits: a short wait tells as much.
fn judge(host: &impl Host) -> Report {
    judge_by(host, Options { patience: Duration::from_millis(400), cases: 12, ..Options::default() })
}

fn judge_by(host: &impl Host, options: Options) -> Report {
    let (tell, told) = channel();
    let progress = start(host, options, move |report| tell.send(report).unwrap()).unwrap();
    told.recv_timeout(TIME_LIMIT).unwrap_or_else(|_| progress.snapshot())
}

/// Asserts that `host` fails `check`.
#[track_caller]
fn fails(host: &impl Host, check: &str) {
    fails_one_of(host, &[check]);
}

/// Asserts that `host` fails one of `checks`: for what shows only where threads happen to meet.
#[track_caller]
fn fails_one_of(host: &impl Host, checks: &[&str]) {
    let report = judge(host);
    assert!(checks.iter().any(|check| report.has_failed(check)), "expected to fail in {checks:?}: {report}");
}

/// Otherwise the failures below would not come from what was broken.
#[test]
fn a_host_patched_with_nothing_conforms() {
    let host = Patched::native();
    let report = judge_by(&host, Options::default());
    assert!(report.is_success(), "{report}");
}

#[test]
fn declaring_what_is_absent() {
    let mut host = Patched::native();
    host.capabilities = host.capabilities.with(Capability::Code).with(Capability::TcpConnect);
    // With all patience: on a busy machine nothing else may seem to fail.
    let report = judge_by(&host, Options::default());
    assert!(report.has_failed("capabilities: the code engine is there as declared"), "{report}");
    assert!(report.has_failed("capabilities: sockets are there as declared"), "{report}");
    assert_eq!(report.failed.len(), 2, "{report}");
}

#[test]
fn denying_that_workers_may_block() {
    let mut host = Patched::native();
    host.capabilities = host.capabilities.without(Capability::ParallelWorkers, "nothing");
    fails(&host, "wakeups: a worker that must not block is told so");
}
