//! A host whose calls fail by a plan.
//!
//! A plan sees each call that may fail, before it is made, and says how it fails or lets it pass. What fails is not passed
//! on: nothing has happened then.

#![allow(unsafe_code, reason = "forwards `SharedMemory`, which is unsafe to implement")]

use std::fmt;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use super::{Call, Wrapped};
use crate::Host;
use crate::clock::Monotonic;
use crate::control::{Control, ControlSide, ControlTask};
use crate::entropy::Entropy;
use crate::error::{ErrorKind, HostError};
use crate::fetch::{Body, Fetch, Redirects};
use crate::memory::{Discarded, SharedMemory};
use crate::sockets::{Destination, Sockets};
use crate::wakeups::{WaitOutcome, Wakeups, Word};
use crate::workers::{OnEnd, Role, Turn, Workers};

type Plan = Arc<dyn Fn(Call) -> Option<ErrorKind> + Send + Sync>;

/// A part whose calls fail by a plan.
#[derive(Clone)]
pub struct Faulty<P> {
    inner: P,
    plan: Plan,
}

/// A host whose calls fail by a plan.
pub type FaultyHost<H> = Wrapped<
    H,
    Faulty<<H as Host>::Memory>,
    Faulty<<H as Host>::Workers>,
    Faulty<<H as Host>::Wakeups>,
    <H as Host>::Clock,
    Faulty<<H as Host>::Entropy>,
    Faulty<<H as Host>::Control>,
>;

/// `host`, whose calls fail where `plan` names an error; it is called on whichever thread makes the call. A
/// [`Call::Wait`] cannot fail: it ends at once, as for no reason, whatever error is named. [`Call::Notify`] and
/// [`Call::Discard`] always pass, since what they do must not be lost.
pub fn faulty<H: Host>(
    host: H,
    plan: impl Fn(Call) -> Option<ErrorKind> + Send + Sync + 'static,
) -> FaultyHost<H> {
    let plan: Plan = Arc::new(plan);
    Wrapped {
        memory: Faulty::new(host.memory().clone(), &plan),
        workers: Faulty::new(host.workers().clone(), &plan),
        wakeups: Faulty::new(host.wakeups().clone(), &plan),
        clock: host.clock().clone(),
        entropy: Faulty::new(host.entropy().clone(), &plan),
        control: Faulty::new(host.control().clone(), &plan),
        host,
    }
}

impl<P> Faulty<P> {
    fn new(inner: P, plan: &Plan) -> Self {
        Self { inner, plan: Arc::clone(plan) }
    }

    fn allow(&self, call: Call) -> Result<(), HostError> {
        match (self.plan)(call) {
            Some(kind) => Err(HostError::new(kind, format!("calling {call}")).with_source("a fault by plan")),
            None => Ok(()),
        }
    }
}

// SAFETY: every answer is the inner memory's, which vouches for it, or a refusal.
unsafe impl<M: SharedMemory> SharedMemory for Faulty<M> {
    fn base(&self) -> *mut u8 {
        self.inner.base()
    }

    fn grow(&self, bytes: u64) -> Result<Range<u64>, HostError> {
        self.allow(Call::Grow)?;
        self.inner.grow(bytes)
    }

    fn discard(&self, range: Range<u64>) -> Result<Discarded, HostError> {
        self.inner.discard(range)
    }

    fn reserved(&self) -> u64 {
        self.inner.reserved()
    }

    fn committed(&self) -> u64 {
        self.inner.committed()
    }

    fn high_water(&self) -> u64 {
        self.inner.high_water()
    }
}

impl<W: Workers> Workers for Faulty<W> {
    type Handle = W::Handle;

    fn spawn(&self, role: Role, entry: Box<dyn Turn>, on_end: OnEnd) -> Result<W::Handle, HostError> {
        self.allow(Call::Spawn)?;
        self.inner.spawn(role, entry, on_end)
    }

    fn start_ahead(&self, role: Role, count: usize) -> Result<(), HostError> {
        self.allow(Call::StartAhead)?;
        self.inner.start_ahead(role, count)
    }
}

impl<K: Wakeups> Wakeups for Faulty<K> {
    type Wait = K::Wait;

    fn wait(&self, word: &AtomicU32, expected: u32, deadline: Option<Monotonic>) -> WaitOutcome {
        match self.allow(Call::Wait) {
            Ok(()) => self.inner.wait(word, expected, deadline),
            Err(_) => WaitOutcome::Woken,
        }
    }

    fn wait_async(&self, word: &Word, expected: u32, deadline: Option<Monotonic>) -> K::Wait {
        self.inner.wait_async(word, expected, deadline)
    }

    fn notify(&self, word: &AtomicU32, count: u32) -> u32 {
        self.inner.notify(word, count)
    }
}

impl<E: Entropy> Entropy for Faulty<E> {
    fn fill(&self, out: &mut [u8]) -> Result<(), HostError> {
        self.allow(Call::Fill)?;
        self.inner.fill(out)
    }
}

impl<T: Control> Control for Faulty<T> {
    type Fetch = Faulty<T::Fetch>;
    type Sockets = Faulty<T::Sockets>;

    fn start(&self, task: ControlTask<Self::Fetch, Self::Sockets>, on_end: OnEnd) -> Result<(), HostError> {
        self.allow(Call::StartTask)?;
        let plan = Arc::clone(&self.plan);
        let faulty = move |side: ControlSide<T::Fetch, T::Sockets>| {
            task(ControlSide::new(Faulty::new(side.fetch, &plan), Faulty::new(side.sockets, &plan)))
        };
        self.inner.start(Box::new(faulty), on_end)
    }
}

impl<F: Fetch> Fetch for Faulty<F> {
    async fn fetch(
        &self,
        request: http::Request<Body>,
        redirects: Redirects,
    ) -> Result<http::Response<Body>, HostError> {
        self.allow(Call::Fetch)?;
        self.inner.fetch(request, redirects).await
    }
}

impl<S: Sockets> Sockets for Faulty<S> {
    type Stream = S::Stream;
    type Listener = S::Listener;
    type WebSocket = S::WebSocket;

    async fn connect(&self, to: Destination) -> Result<S::Stream, HostError> {
        self.allow(Call::Connect)?;
        self.inner.connect(to).await
    }

    async fn listen(&self, address: SocketAddr) -> Result<S::Listener, HostError> {
        self.allow(Call::Listen)?;
        self.inner.listen(address).await
    }

    async fn web_socket(&self, uri: http::Uri, protocols: Vec<String>) -> Result<S::WebSocket, HostError> {
        self.allow(Call::WebSocket)?;
        self.inner.web_socket(uri, protocols).await
    }
}

impl<P: fmt::Debug> fmt::Debug for Faulty<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Faulty").field(&self.inner).finish()
    }
}
