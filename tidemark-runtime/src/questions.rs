//! Questions to bridges that are under way: so many at a time, the rest in their order.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use futures::StreamExt;
use futures::future::{AbortHandle, Abortable, Aborted, BoxFuture, FutureExt};
use futures::stream::FuturesUnordered;
use tidemark_kernel::Errno;
use tidemark_kernel::fs::hosted::BridgeId;
use tidemark_kernel::fs::hosted::{FileAnswer, FileCall, HostCallId};

use crate::bridge::{FileBridge, put};

/// Questions that are put to bridges at a time.
const AT_A_TIME: usize = 64;

/// An answer, and to which question.
pub(crate) type Answer = (HostCallId, Result<FileAnswer, Errno>);

/// A question that was answered or given up.
type Settled = (HostCallId, Result<Result<FileAnswer, Errno>, Aborted>);

/// What was asked and is not answered.
pub(crate) struct Questions {
    bridges: Vec<Arc<dyn FileBridge>>,
    queue: VecDeque<(HostCallId, BridgeId, FileCall)>,
    under_way: FuturesUnordered<BoxFuture<'static, Settled>>,
    aborts: HashMap<HostCallId, AbortHandle>,
}

impl Questions {
    pub(crate) fn new(bridges: Vec<Arc<dyn FileBridge>>) -> Self {
        Questions {
            bridges,
            queue: VecDeque::new(),
            under_way: FuturesUnordered::new(),
            aborts: HashMap::new(),
        }
    }

    /// Puts a question, or gives one up.
    pub(crate) fn put(&mut self, id: HostCallId, bridge: BridgeId, call: Option<FileCall>) {
        match call {
            Some(call) => self.queue.push_back((id, bridge, call)),
            None => {
                self.queue.retain(|(queued, ..)| *queued != id);
                if let Some(abort) = self.aborts.remove(&id) {
                    abort.abort();
                }
            }
        }
        self.begin_some();
    }

    /// The next answer. Waits for ever while nothing is asked.
    pub(crate) async fn next(&mut self) -> Answer {
        loop {
            if self.under_way.is_empty() {
                futures::future::pending::<()>().await;
            }
            if let Some((id, result)) = self.under_way.next().await {
                self.aborts.remove(&id);
                self.begin_some();
                if let Ok(answer) = result {
                    return (id, answer);
                }
            }
        }
    }

    fn begin_some(&mut self) {
        while self.under_way.len() < AT_A_TIME
            && let Some((id, bridge, call)) = self.queue.pop_front()
        {
            let bridge = self.bridges.get(bridge.0 as usize).cloned();
            let asked = async move {
                match bridge {
                    Some(bridge) => put(bridge, call).await,
                    None => Err(Errno::EIO),
                }
            };
            let (abort, registration) = AbortHandle::new_pair();
            self.aborts.insert(id, abort);
            self.under_way.push(Abortable::new(asked, registration).map(move |result| (id, result)).boxed());
        }
    }
}
