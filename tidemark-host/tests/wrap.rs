//! Wrapped hosts are hosts: they conform, and do what their wrapper says.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use tidemark_host::conformance::{Options, Report, start};
use tidemark_host::sim::{Sim, SimConfig};
use tidemark_host::wrap::{Call, Recording, Traced, faulty, recorded, replayed, traced};
use tidemark_host::{
    Absent, Body, Clock, Control, ControlFuture, ControlSide, Entropy, ErrorKind, Fetch, Host, Redirects,
    Role, SharedMemory, TurnResult, Wakeups, Word, Workers,
};

const ROLE: Role = Role::new("wrapped");

fn world(seed: u64) -> Sim {
    Sim::new(SimConfig::new(seed)).unwrap()
}

/// Runs the suite on a host of this world.
fn judge(sim: &mut Sim, host: &impl Host) -> Report {
    let (done, told) = (Word::new(0), Arc::new(Mutex::new(None)));
    let (ring, report, wakeups) = (done.clone(), Arc::clone(&told), host.wakeups().clone());
    let on_report = move |found| {
        *report.lock().unwrap() = Some(found);
        ring.atomic().store(1, Ordering::SeqCst);
        wakeups.notify(ring.atomic(), 1);
    };
    start(host, Options::default(), on_report).unwrap();
    sim.run(async {
        while done.atomic().load(Ordering::SeqCst) == 0 {
            host.wakeups().wait_async(&done, 0, None).await;
        }
    })
    .unwrap();
    told.lock().unwrap().take().unwrap()
}

#[test]
fn a_wrapped_host_conforms() {
    let mut sim = world(1);
    let inner = faulty(recorded(sim.host().clone()).0, |_| None);
    let host = traced(inner, |_, _| {});
    let report = judge(&mut sim, &host);
    assert!(report.is_success(), "{report}");
}

#[test]
fn each_call_is_told_with_what_it_answered() {
    let mut sim = world(2);
    let lines = Arc::new(Mutex::new(Vec::new()));
    let to = Arc::clone(&lines);
    let host =
        traced(sim.host().clone(), move |call, line| to.lock().unwrap().push(format!("{call} {line}")));
    host.memory().grow(1).unwrap();
    host.memory().grow(0).unwrap_err();
    host.entropy().fill(&mut [0; 7]).unwrap();
    host.workers().spawn(ROLE, Box::new(|| TurnResult::Exit), Box::new(|_| {})).unwrap();
    let word = Word::new(0);
    host.wakeups().notify(word.atomic(), 3);
    let (ring, wakeups) = (word.clone(), host.wakeups().clone());
    let task = move |side: ControlSide<Traced<Absent>, Traced<Absent>>| -> ControlFuture {
        Box::pin(async move {
            let request = http::Request::get("http://example.org/x").body(Body::Empty).unwrap();
            side.fetch.fetch(request, Redirects::Follow).await.unwrap_err();
            ring.atomic().store(1, Ordering::SeqCst);
            wakeups.notify(ring.atomic(), 1);
        })
    };
    host.control().start(Box::new(task), Box::new(|_| {})).unwrap();
    sim.run(host.wakeups().wait_async(&word, 0, None)).unwrap();
    let told = lines.lock().unwrap().join("\n");
    for line in [
        "SharedMemory::grow 1 bytes -> 0x0..0x10000",
        "SharedMemory::grow 0 bytes -> invalid input",
        "Entropy::fill 7 bytes -> filled",
        "Workers::spawn wrapped -> started",
        "3 at most -> 0",
        "Control::start task -> started",
        "Fetch::fetch GET http://example.org/x -> this host has no HTTP fetch",
    ] {
        assert!(told.contains(line), "{line:?} is not in\n{told}");
    }
}

#[test]
fn calls_fail_as_planned_and_are_not_made() {
    let sim = world(3);
    let asked = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&asked);
    let host = faulty(sim.host().clone(), move |call| match call {
        Call::Grow if counted.fetch_add(1, Ordering::SeqCst) == 1 => Some(ErrorKind::Exhausted),
        Call::Spawn => Some(ErrorKind::PermissionDenied),
        _ => None,
    });
    assert!(host.memory().grow(1).is_ok());
    assert_eq!(host.memory().grow(1).unwrap_err().kind(), ErrorKind::Exhausted);
    assert_eq!(host.memory().committed(), 65536);
    assert!(host.memory().grow(1).is_ok());
    let told = Arc::new(AtomicU32::new(0));
    let ends = Arc::clone(&told);
    let on_end = Box::new(move |_| _ = ends.fetch_add(1, Ordering::SeqCst));
    let refused = host.workers().spawn(ROLE, Box::new(|| TurnResult::Exit), on_end).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::PermissionDenied);
    assert_eq!(told.load(Ordering::SeqCst), 0, "a worker that was refused has no end");
}

#[test]
fn what_was_recorded_comes_in_again() {
    let read = |host: &dyn Fn() -> (u64, u64)| (0..5).map(|_| host()).collect::<Vec<_>>();
    let (host, recording) = recorded(world(4).host().clone());
    let first = read(&|| (host.clock().monotonic().as_nanos(), host.clock().realtime().as_nanos()));
    let mut bytes = [0; 16];
    host.entropy().fill(&mut bytes).unwrap();
    let recording = recording.lock().unwrap().clone();

    // Through text, as it would be kept.
    let text = serde_json::to_string(&recording).unwrap();
    let again: Recording = serde_json::from_str(&text).unwrap();
    assert_eq!(again, recording);
    let host = replayed(world(5).host().clone(), again.clone());
    let second = read(&|| (host.clock().monotonic().as_nanos(), host.clock().realtime().as_nanos()));
    assert_eq!(first, second);
    let mut replayed_bytes = [0; 16];
    host.entropy().fill(&mut replayed_bytes).unwrap();
    assert_eq!(bytes, replayed_bytes);
    // Used up: the clock goes on, and not back.
    let last = second.last().unwrap().0;
    assert!(host.clock().monotonic().as_nanos() >= last);
    host.entropy().fill(&mut replayed_bytes).unwrap();
    assert_ne!(bytes, replayed_bytes);

    let host = replayed(world(6).host().clone(), again);
    assert_eq!(host.entropy().fill(&mut [0; 3]).unwrap_err().kind(), ErrorKind::InvalidInput);
}
