//! What handles ask of the control loop, and the queue that carries it there.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use crossbeam_queue::SegQueue;
use futures::channel::oneshot;
use tidemark_host::{Wakeups, Word};
use tidemark_kernel::task::GroupSignal;
use tidemark_kernel::time::Now;
use tidemark_kernel::{Kernel, ProcessEvent, SpawnError, SpawnRequest, StreamId};

use crate::feed::FeedSender;
use crate::gone::{CrashCell, Gone};
use crate::process::Process;

/// A piece of work under the kernel's lock, on the control loop; short.
pub(crate) type KernelJob = Box<dyn FnOnce(&mut Kernel, Now) + Send>;

/// A piece of work that may ask bridges, by the number of the request; false if it waits for an answer.
pub(crate) type PatientJob = Box<dyn FnMut(&mut Kernel, u64, Now) -> bool + Send>;

/// What a handle asks for. The answer is the reply's end of a channel; a dropped one means the sandbox is gone.
pub(crate) enum Request {
    Spawn {
        request: Box<SpawnRequest>,
        /// What takes the output as it comes, instead of a handle that asks for it.
        sinks: Sinks,
        reply: oneshot::Sender<Result<Process, SpawnError>>,
    },
    /// At most this many bytes, at least one unless the stream ended.
    Read {
        stream: StreamId,
        max: usize,
        reply: oneshot::Sender<Bytes>,
    },
    /// All of the bytes, or how many were taken before the readers were gone.
    Write {
        stream: StreamId,
        data: Bytes,
        reply: oneshot::Sender<Result<(), usize>>,
    },
    Close {
        stream: StreamId,
    },
    Job(KernelJob),
    /// A job that may have to be done again; whether it is done.
    Patient(PatientJob),
    /// Tell of every process.
    Watch(FeedSender<ProcessEvent>),
    Shutdown {
        reply: oneshot::Sender<()>,
    },
}

/// Takes output as it comes, in the order it was written.
pub type Sink = Box<dyn FnMut(Bytes) + Send>;

/// Sinks for standard output and standard error.
pub(crate) type Sinks = [Option<Sink>; 2];

/// The way to the control loop. Clones are the same queue.
#[derive(Clone)]
pub(crate) struct Requests {
    inner: Arc<Inner>,
}

struct Inner {
    queue: SegQueue<Request>,
    /// Counts requests and kernel events; the control loop waits on it.
    word: Word,
    notify: Box<dyn Fn(&Word) + Send + Sync>,
    crash: CrashCell,
    /// Nobody serves the queue any more.
    closed: AtomicBool,
}

impl Requests {
    pub(crate) fn new<W: Wakeups>(wakeups: W, crash: CrashCell) -> Self {
        let notify = Box::new(move |word: &Word| {
            wakeups.notify(word.atomic(), 1);
        });
        Requests {
            inner: Arc::new(Inner {
                queue: SegQueue::new(),
                word: Word::new(0),
                notify,
                crash,
                closed: AtomicBool::new(false),
            }),
        }
    }

    /// Queues a request and wakes the loop. Never blocks.
    pub(crate) fn send(&self, request: Request) {
        self.inner.queue.push(request);
        if self.inner.closed.load(Ordering::SeqCst) {
            self.drain();
        } else {
            self.ring();
        }
    }

    /// The loop has ended: requests that nobody will serve are dropped, now and later, which answers their askers.
    pub(crate) fn close(&self) {
        // Whoever queues a request after the draining below sees this and drains it.
        self.inner.closed.store(true, Ordering::SeqCst);
        self.drain();
    }

    fn drain(&self) {
        while self.inner.queue.pop().is_some() {}
    }

    /// Wakes the loop.
    pub(crate) fn ring(&self) {
        self.inner.word.atomic().fetch_add(1, Ordering::SeqCst);
        (self.inner.notify)(&self.inner.word);
    }

    pub(crate) fn pop(&self) -> Option<Request> {
        self.inner.queue.pop()
    }

    pub(crate) fn word(&self) -> &Word {
        &self.inner.word
    }

    /// Sends a request made from a reply's end and waits for the reply.
    pub(crate) async fn ask<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<T>) -> Request,
    ) -> Result<T, Gone> {
        if let Some(crashed) = self.inner.crash.get() {
            return Err(crashed);
        }
        let (reply, answer) = oneshot::channel();
        self.send(request(reply));
        answer.await.map_err(|_| self.inner.crash.or_shut_down())
    }

    /// Runs `job` under the kernel's lock and waits for what it returns. It must be short: see `limits::LOCK_HOLD`.
    pub(crate) async fn with_kernel<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Kernel, Now) -> T + Send + 'static,
    ) -> Result<T, Gone> {
        self.ask(|reply| {
            Request::Job(Box::new(move |kernel, now| {
                // The asker may have gone; the job is done all the same.
                let _ = reply.send(job(kernel, now));
            }))
        })
        .await
    }

    /// As [`with_kernel`](Self::with_kernel), for a job that is done again when a bridge has answered.
    pub(crate) async fn with_bridges<T: Send + 'static>(
        &self,
        mut job: impl FnMut(&mut Kernel, Now) -> T + Send + 'static,
    ) -> Result<T, Gone> {
        self.ask(|reply| {
            let mut reply = Some(reply);
            Request::Patient(Box::new(move |kernel, number, now| {
                match kernel.ask_for(number, now, |kernel| job(kernel, now)) {
                    Some(value) => {
                        if let Some(reply) = reply.take() {
                            // The asker may have gone; the job is done all the same.
                            let _ = reply.send(value);
                        }
                        true
                    }
                    None => false,
                }
            }))
        })
        .await
    }

    /// Sends a signal to a whole group, in as many jobs as it takes.
    pub(crate) fn send_group(&self, mut sending: GroupSignal) {
        let requests = self.clone();
        self.send(Request::Job(Box::new(move |kernel, now| {
            if kernel.signal_group_step(&mut sending, now) {
                requests.send_group(sending);
            }
        })));
    }

    pub(crate) fn crash(&self) -> &CrashCell {
        &self.inner.crash
    }
}
