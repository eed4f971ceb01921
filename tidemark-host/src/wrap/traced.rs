//! A host that tells a listener of each call and how it went.
//!
//! Readings of clocks and async waits are not told: they are too many, and change nothing.

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
use crate::error::HostError;
use crate::fetch::{Body, Fetch, Redirects};
use crate::memory::{Discarded, SharedMemory};
use crate::sockets::{Destination, Sockets};
use crate::wakeups::{WaitOutcome, Wakeups, Word};
use crate::workers::{OnEnd, Role, Turn, Workers};

/// Told of a call that has returned: what it was asked and what it answered, in a line.
type Listen = Arc<dyn Fn(Call, fmt::Arguments<'_>) + Send + Sync>;

/// A part whose calls are told.
#[derive(Clone)]
pub struct Traced<P> {
    inner: P,
    listen: Listen,
}

/// A host whose calls are told.
pub type TracedHost<H> = Wrapped<
    H,
    Traced<<H as Host>::Memory>,
    Traced<<H as Host>::Workers>,
    Traced<<H as Host>::Wakeups>,
    <H as Host>::Clock,
    Traced<<H as Host>::Entropy>,
    Traced<<H as Host>::Control>,
>;

/// `host`, of whose calls `listen` is told when they have returned, on the thread that made them: it must be quick, and
/// must not call the host.
pub fn traced<H: Host>(
    host: H,
    listen: impl Fn(Call, fmt::Arguments<'_>) + Send + Sync + 'static,
) -> TracedHost<H> {
    let listen: Listen = Arc::new(listen);
    Wrapped {
        memory: Traced::new(host.memory().clone(), &listen),
        workers: Traced::new(host.workers().clone(), &listen),
        wakeups: Traced::new(host.wakeups().clone(), &listen),
        clock: host.clock().clone(),
        entropy: Traced::new(host.entropy().clone(), &listen),
        control: Traced::new(host.control().clone(), &listen),
        host,
    }
}

impl<P> Traced<P> {
    fn new(inner: P, listen: &Listen) -> Self {
        Self { inner, listen: Arc::clone(listen) }
    }

    /// Tells of a call, and passes its result on.
    fn told<T>(
        &self,
        call: Call,
        asked: fmt::Arguments<'_>,
        result: Result<T, HostError>,
        answer: impl FnOnce(&T) -> String,
    ) -> Result<T, HostError> {
        match &result {
            Ok(value) => (self.listen)(call, format_args!("{asked} -> {}", answer(value))),
            Err(error) => (self.listen)(call, format_args!("{asked} -> {error}")),
        }
        result
    }
}

// SAFETY: every answer is the inner memory's, which vouches for it.
unsafe impl<M: SharedMemory> SharedMemory for Traced<M> {
    fn base(&self) -> *mut u8 {
        self.inner.base()
    }

    fn grow(&self, bytes: u64) -> Result<Range<u64>, HostError> {
        let result = self.inner.grow(bytes);
        self.told(Call::Grow, format_args!("{bytes} bytes"), result, |range| format!("{range:#x?}"))
    }

    fn discard(&self, range: Range<u64>) -> Result<Discarded, HostError> {
        let result = self.inner.discard(range.clone());
        self.told(Call::Discard, format_args!("{range:#x?}"), result, |answer| format!("{answer:?}"))
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

impl<W: Workers> Workers for Traced<W> {
    type Handle = W::Handle;

    fn spawn(&self, role: Role, entry: Box<dyn Turn>, on_end: OnEnd) -> Result<W::Handle, HostError> {
        let listen = Arc::clone(&self.listen);
        let told_end: OnEnd = Box::new(move |end| {
            listen(Call::Spawn, format_args!("{} ended: {end}", role.name()));
            on_end(end);
        });
        let result = self.inner.spawn(role, entry, told_end);
        self.told(Call::Spawn, format_args!("{}", role.name()), result, |_| "started".to_owned())
    }

    fn start_ahead(&self, role: Role, count: usize) -> Result<(), HostError> {
        let result = self.inner.start_ahead(role, count);
        self.told(Call::StartAhead, format_args!("{count} {}", role.name()), result, |()| {
            "started".to_owned()
        })
    }
}

impl<K: Wakeups> Wakeups for Traced<K> {
    type Wait = K::Wait;

    fn wait(&self, word: &AtomicU32, expected: u32, deadline: Option<Monotonic>) -> WaitOutcome {
        let outcome = self.inner.wait(word, expected, deadline);
        (self.listen)(Call::Wait, format_args!("{:p} at {expected} -> {outcome:?}", word.as_ptr()));
        outcome
    }

    fn wait_async(&self, word: &Word, expected: u32, deadline: Option<Monotonic>) -> K::Wait {
        self.inner.wait_async(word, expected, deadline)
    }

    fn notify(&self, word: &AtomicU32, count: u32) -> u32 {
        let woken = self.inner.notify(word, count);
        (self.listen)(Call::Notify, format_args!("{:p}, {count} at most -> {woken}", word.as_ptr()));
        woken
    }
}

impl<E: Entropy> Entropy for Traced<E> {
    fn fill(&self, out: &mut [u8]) -> Result<(), HostError> {
        let result = self.inner.fill(out);
        // The bytes are secrets.
        self.told(Call::Fill, format_args!("{} bytes", out.len()), result, |()| "filled".to_owned())
    }
}

impl<T: Control> Control for Traced<T> {
    type Fetch = Traced<T::Fetch>;
    type Sockets = Traced<T::Sockets>;

    fn start(&self, task: ControlTask<Self::Fetch, Self::Sockets>, on_end: OnEnd) -> Result<(), HostError> {
        let (listen, of_end) = (Arc::clone(&self.listen), Arc::clone(&self.listen));
        let traced = move |side: ControlSide<T::Fetch, T::Sockets>| {
            let (fetch, sockets) = (Traced::new(side.fetch, &listen), Traced::new(side.sockets, &listen));
            task(ControlSide::new(fetch, sockets))
        };
        let told_end: OnEnd = Box::new(move |end| {
            of_end(Call::StartTask, format_args!("task ended: {end}"));
            on_end(end);
        });
        let result = self.inner.start(Box::new(traced), told_end);
        self.told(Call::StartTask, format_args!("task"), result, |()| "started".to_owned())
    }
}

impl<F: Fetch> Fetch for Traced<F> {
    async fn fetch(
        &self,
        request: http::Request<Body>,
        redirects: Redirects,
    ) -> Result<http::Response<Body>, HostError> {
        let asked = format!("{} {}", request.method(), request.uri());
        let result = self.inner.fetch(request, redirects).await;
        self.told(Call::Fetch, format_args!("{asked}"), result, |response| response.status().to_string())
    }
}

impl<S: Sockets> Sockets for Traced<S> {
    type Stream = S::Stream;
    type Listener = S::Listener;
    type WebSocket = S::WebSocket;

    async fn connect(&self, to: Destination) -> Result<S::Stream, HostError> {
        let result = self.inner.connect(to.clone()).await;
        self.told(Call::Connect, format_args!("{to:?}"), result, |_| "connected".to_owned())
    }

    async fn listen(&self, address: SocketAddr) -> Result<S::Listener, HostError> {
        let result = self.inner.listen(address).await;
        self.told(Call::Listen, format_args!("{address}"), result, |_| "listening".to_owned())
    }

    async fn web_socket(&self, uri: http::Uri, protocols: Vec<String>) -> Result<S::WebSocket, HostError> {
        let result = self.inner.web_socket(uri.clone(), protocols).await;
        self.told(Call::WebSocket, format_args!("{uri}"), result, |_| "open".to_owned())
    }
}

impl<P: fmt::Debug> fmt::Debug for Traced<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Traced").field(&self.inner).finish()
    }
}
