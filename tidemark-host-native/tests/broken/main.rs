//! Deliberately broken hosts: each breaks one rule of the contract, and the suite says which.
//!
//! They are the native host with one part replaced, one part's breakages in a file.

use std::sync::LazyLock;
use std::time::Duration;

use tidemark_host::conformance::peer::Peer;
use tidemark_host::conformance::{Options, Report, judge};
use tidemark_host::{Capability, Host};

mod clock;
mod control;
mod entropy;
mod fetch;
mod memory;
mod net;
mod patched;
mod tcp;
mod wakeups;
mod web_socket;
mod workers;

use patched::Patched;

/// One for all tests: every exchange has a name of its own.
static PEER: LazyLock<Peer> = LazyLock::new(|| Peer::start().unwrap());

fn options() -> Options {
    Options { peer: Some(PEER.addresses().clone()), ..Options::default() }
}

/// Asserts that `host` fails `check`. What these hosts break does not happen however long one waits: a short wait tells
/// as much.
#[track_caller]
fn fails(host: &impl Host, check: &str) {
    let short = Options { patience: Duration::from_millis(400), cases: 12, ..options() };
    let report = judge(host, Options { check: Some(check.to_owned()), ..short });
    assert!(report.has_failed(check), "expected to fail in {check:?}: {report}");
}

/// Asserts that `host` fails one of `checks`: for what shows only where threads happen to meet.
#[track_caller]
fn fails_one_of(host: &impl Host, checks: &[&str]) {
    let reports: Vec<Report> = checks
        .iter()
        .map(|check| judge(host, Options { check: Some((*check).to_owned()), ..options() }))
        .collect();
    let any = reports.iter().zip(checks).any(|(report, check)| report.has_failed(check));
    assert!(any, "expected to fail in {checks:?}: {reports:?}");
}

/// Otherwise the failures below would not come from what was broken.
#[test]
fn a_host_patched_with_nothing_conforms() {
    let host = Patched::native();
    let report = judge(&host, options());
    assert!(report.is_success(), "{report}");
}

#[test]
fn declaring_what_is_absent() {
    let mut host = Patched::native();
    host.capabilities = host.capabilities.with(Capability::Code);
    fails(&host, "capabilities: the code engine is there as declared");
}

#[test]
fn doing_what_is_not_declared() {
    let fetch = "capabilities: fetch is there as declared";
    let sockets = "capabilities: sockets are there as declared";
    let pretended = [
        (Capability::Fetch, fetch),
        (Capability::FetchRedirects, fetch),
        (Capability::FetchStreamedRequest, fetch),
        (Capability::TcpConnect, sockets),
        (Capability::TcpListen, sockets),
        (Capability::WebSocket, sockets),
    ];
    for (capability, check) in pretended {
        let mut host = Patched::native();
        host.capabilities = host.capabilities.without(capability, "nothing");
        fails(&host, check);
    }
}

/// What cannot be judged is not passed over.
#[test]
fn declaring_sockets_without_a_peer_to_judge_them() {
    let check = Some("tcp: a peer that refuses is told".to_owned());
    let report = judge(&Patched::native(), Options { check, ..Options::default() });
    let [(_, failure)] = &report.failed[..] else { panic!("{report}") };
    assert!(failure.to_string().contains("conformance::peer::Peer::start()"), "{failure}");
}

/// The check that failed, the seed and the smallest script that fails are told.
#[test]
fn a_failure_is_told_with_its_script() {
    let host = wakeups::host(wakeups::How::MiscountsWoken);
    let check = "wakeups: generated async waits and notifications";
    let report = judge(&host, Options { check: Some(check.to_owned()), ..options() });
    let [(name, failure)] = &report.failed[..] else { panic!("{report}") };
    let failure = failure.to_string();
    assert_eq!(*name, check);
    assert!(failure.contains("seed 0x74696465"), "{failure}");
    // One wait, one notification: nothing less fails.
    let steps = failure.matches("Wait {").count() + failure.matches("Notify {").count();
    assert!(steps == 2 && !failure.contains("Drop {") && !failure.contains("Store {"), "{failure}");
}

#[test]
fn denying_that_workers_may_block() {
    let mut host = Patched::native();
    host.capabilities = host.capabilities.without(Capability::ParallelWorkers, "nothing");
    fails(&host, "wakeups: a worker that must not block is told so");
}
