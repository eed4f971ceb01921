//! The example passes the suite that every host passes.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use custom_host::CustomHost;
use tidemark_host::conformance::{Options, start};
use tidemark_host::{Host, Wakeups, Word};

#[test]
fn the_custom_host_conforms() {
    let host = CustomHost::new(64 << 20).unwrap();
    let (done, report) = (Word::new(0), Arc::new(Mutex::new(None)));
    let (ring, to, wakeups) = (done.clone(), Arc::clone(&report), host.wakeups().clone());
    let on_report = move |found| {
        *to.lock().unwrap() = Some(found);
        ring.atomic().store(1, Ordering::SeqCst);
        wakeups.notify(ring.atomic(), 1);
    };
    start(&host, Options::default(), on_report).unwrap();
    host.run(async {
        while done.atomic().load(Ordering::SeqCst) == 0 {
            host.wakeups().wait_async(&done, 0, None).await;
        }
    });
    let report = report.lock().unwrap().take().unwrap();
    assert!(report.is_success(), "{report}");
}
