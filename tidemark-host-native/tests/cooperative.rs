//! A host without threads can exist: the native one, its workers replaced by tasks on the control event loop.
//!
//! All turns run in rotation on one thread, where nothing may block; the suite's cooperative half judges it.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use tidemark_host::conformance::peer::Peer;
use tidemark_host::conformance::{Options, judge};
use tidemark_host::{
    Capability, Control, ControlFuture, HostError, OnEnd, Role, Turn, TurnResult, Wakeups, WorkerEnd,
    WorkerHandle, WorkerId, Workers,
};
use tidemark_host_native::{NativeControl, NativeWakeups};

#[expect(dead_code, reason = "shared with the broken hosts, which replace other parts too")]
#[path = "broken/patched.rs"]
mod patched;

use patched::Patched;

#[derive(Clone)]
struct Cooperative {
    control: NativeControl,
    wakeups: NativeWakeups,
    next_id: Arc<AtomicU64>,
}

impl Workers for Cooperative {
    type Handle = CooperativeWorker;

    fn spawn(
        &self,
        _role: Role,
        mut entry: Box<dyn Turn>,
        on_end: OnEnd,
    ) -> Result<CooperativeWorker, HostError> {
        let id = WorkerId::from_raw(self.next_id.fetch_add(1, Ordering::Relaxed));
        let (end, wakeups) = (Arc::new(OnceLock::new()), self.wakeups.clone());
        let task = move |_| -> ControlFuture {
            Box::pin(async move {
                loop {
                    match entry.turn() {
                        TurnResult::Again | TurnResult::Yield => GiveWay { given: false }.await,
                        TurnResult::Park { word, expected, deadline } => {
                            wakeups.wait_async(&word, expected, deadline).await;
                        }
                        TurnResult::Exit => return,
                        _ => GiveWay { given: false }.await,
                    }
                }
            })
        };
        let of_task = Arc::clone(&end);
        let on_end = Box::new(move |end: WorkerEnd| {
            let _ = of_task.set(end.clone());
            on_end(end);
        });
        self.control.start(Box::new(task), on_end)?;
        Ok(CooperativeWorker { id, end })
    }

    fn start_ahead(&self, _role: Role, _count: usize) -> Result<(), HostError> {
        Ok(())
    }
}

struct CooperativeWorker {
    id: WorkerId,
    end: Arc<OnceLock<WorkerEnd>>,
}

impl WorkerHandle for CooperativeWorker {
    fn id(&self) -> WorkerId {
        self.id
    }

    fn end(&self) -> Option<WorkerEnd> {
        self.end.get().cloned()
    }
}

/// Lets the loop's other tasks go first, once.
struct GiveWay {
    given: bool,
}

impl Future for GiveWay {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.given {
            return Poll::Ready(());
        }
        self.given = true;
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

#[test]
fn a_host_without_threads_conforms() {
    let native = Patched::native();
    let (control, wakeups) = (native.control.clone(), native.wakeups.clone());
    let mut host = native.replace_workers(Cooperative { control, wakeups, next_id: Arc::default() });
    host.capabilities = host.capabilities.without(Capability::ParallelWorkers, "threads");
    let peer = Peer::start().unwrap();
    let report = judge(&host, Options { peer: Some(peer.addresses().clone()), ..Options::default() });
    assert!(report.is_success(), "{report}");
}
