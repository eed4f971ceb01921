//! The control loop: one task on the host's event loop that serves handles. It never blocks and never waits for a guest.
//!
//! Owns pending reads, writes and waits for exits. Timers and scheduling are the pool workers': whoever is about to idle
//! waits with the earliest deadline.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use futures::channel::oneshot;
use futures::future::{Either, select};
use futures::pin_mut;
use tidemark_host::{Clock, Host, Wakeups};
use tidemark_kernel::task::Pid;
use tidemark_kernel::time::Now;
use tidemark_kernel::{
    ExitStatus, Kernel, Operation, SpawnError, SpawnRequest, Spawned, Status, StreamId, StreamRead,
    StreamWrite,
};

use crate::bridge::FileBridge;
use crate::io::READ_BYTES;
use crate::lock::Dead;
use crate::process::Exit;
use crate::questions::Questions;
use crate::request::{Request, Started};
use crate::runtime::Shared;

/// Requests served before the loop lets others run.
const BATCH: u32 = 256;

/// Runs until the sandbox is shut down or dead.
pub(crate) async fn run<H: Host>(shared: Arc<Shared<H>>, bridges: Vec<Arc<dyn FileBridge>>) {
    let mut control = Control {
        shared,
        reads: HashMap::new(),
        unread: HashMap::new(),
        writes: HashMap::new(),
        exits: HashMap::new(),
        questions: Questions::new(bridges),
        waiting: HashMap::new(),
        next_number: 0,
        buffer: vec![0; READ_BYTES].into_boxed_slice(),
    };
    control.serve().await;
}

struct Read {
    max: usize,
    reply: oneshot::Sender<Bytes>,
}

struct Write {
    data: Bytes,
    taken: usize,
    reply: oneshot::Sender<Result<(), usize>>,
}

struct Control<H: Host> {
    shared: Arc<Shared<H>>,
    reads: HashMap<StreamId, Read>,
    /// Bytes taken out of a stream for a reader that had gone meanwhile: the next reader gets them first.
    unread: HashMap<StreamId, Bytes>,
    writes: HashMap<StreamId, Write>,
    exits: HashMap<Pid, oneshot::Sender<Exit>>,
    /// What bridges are asked.
    questions: Questions,
    /// Requests that wait for an answer, by their numbers.
    waiting: HashMap<u64, Request>,
    next_number: u64,
    buffer: Box<[u8]>,
}

enum Flow {
    Go,
    Stop,
}

impl<H: Host> Control<H> {
    async fn serve(&mut self) {
        loop {
            let word = self.shared.requests.word().clone();
            let seen = word.atomic().load(Ordering::SeqCst);
            match self.round() {
                Ok(Flow::Go) => {}
                Ok(Flow::Stop) | Err(Dead) => return,
            }
            if self.shared.crash.is_set() {
                return;
            }
            let news = self.shared.host.wakeups().wait_async(&word, seen, None);
            let answered = {
                let answer = self.questions.next();
                pin_mut!(news, answer);
                match select(news, answer).await {
                    Either::Left(_) => None,
                    Either::Right((answered, _)) => Some(answered),
                }
            };
            if let Some((id, answer)) = answered
                && self.with_kernel(|kernel, now| kernel.host_answer(id, answer, now)).is_err()
            {
                return;
            }
        }
    }

    fn round(&mut self) -> Result<Flow, Dead> {
        for _ in 0..BATCH {
            for status in self.shared.take_events() {
                self.event(status)?;
            }
            match self.shared.requests.pop() {
                Some(request) => {
                    if let Flow::Stop = self.request(request)? {
                        return Ok(Flow::Stop);
                    }
                }
                None => return Ok(Flow::Go),
            }
        }
        self.shared.requests.ring();
        Ok(Flow::Go)
    }

    fn event(&mut self, status: Status) -> Result<(), Dead> {
        match status {
            Status::StreamReadable(stream) => {
                if let Some(read) = self.reads.remove(&stream) {
                    self.read(stream, read)?;
                }
            }
            Status::StreamWritable(stream) => {
                if let Some(write) = self.writes.remove(&stream) {
                    self.write(stream, write)?;
                }
            }
            Status::Exited { pid, status } => self.exited(pid, status),
            Status::Host { id, bridge, call } => self.questions.put(id, bridge, call),
            Status::RequestReady(number) => {
                if let Some(request) = self.waiting.remove(&number) {
                    self.patient(number, request)?;
                }
            }
            Status::Trace(line) => (self.shared.trace)(&line),
            // Runnable threads go to the run queue where they arise; new kinds are for those who ask for them.
            _ => {}
        }
        Ok(())
    }

    fn request(&mut self, request: Request) -> Result<Flow, Dead> {
        match request {
            Request::Spawn { .. } | Request::Patient(_) => {
                self.next_number += 1;
                self.patient(self.next_number, request)?;
            }
            Request::Read { stream, max, reply } => self.read(stream, Read { max, reply })?,
            Request::Write { stream, data, reply } => self.write(stream, Write { data, taken: 0, reply })?,
            Request::Close { stream } => {
                self.reads.remove(&stream);
                self.writes.remove(&stream);
                self.unread.remove(&stream);
                self.with_kernel(|kernel, now| kernel.stream_close(stream, now))?;
            }
            Request::Job(job) => self.with_kernel(job)?,
            Request::Shutdown { reply } => {
                self.shared.stop();
                let _ = reply.send(());
                return Ok(Flow::Stop);
            }
        }
        Ok(Flow::Go)
    }

    /// Does what may ask bridges, or keeps it until they have answered.
    fn patient(&mut self, number: u64, mut request: Request) -> Result<(), Dead> {
        match &mut request {
            Request::Spawn { request: wanted, .. } => {
                let spawned = self.with_kernel(|kernel, now| {
                    kernel.ask_for(number, now, |kernel| kernel.spawn(SpawnRequest::clone(wanted), now))
                })?;
                match (spawned, request) {
                    (Some(spawned), Request::Spawn { reply, .. }) => {
                        // An asker that has gone leaves the process running, as a dropped handle does.
                        let _ = reply.send(self.started(spawned));
                    }
                    (_, request) => _ = self.waiting.insert(number, request),
                }
            }
            Request::Patient(job) => {
                let is_done = self.with_kernel(|kernel, now| job(kernel, number, now))?;
                if !is_done {
                    self.waiting.insert(number, request);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn started(&mut self, spawned: Result<Spawned, SpawnError>) -> Result<Started, SpawnError> {
        spawned.map(|spawned| {
            let (told, exit) = oneshot::channel();
            self.exits.insert(spawned.pid, told);
            Started { spawned, exit }
        })
    }

    fn exited(&mut self, pid: Pid, status: ExitStatus) {
        if let Some(told) = self.exits.remove(&pid) {
            // Nobody may be interested.
            let _ = told.send(Exit { status });
        }
    }

    fn read(&mut self, stream: StreamId, read: Read) -> Result<(), Dead> {
        if let Some(bytes) = self.unread.remove(&stream) {
            self.answer(stream, read.reply, bytes);
            return Ok(());
        }
        if read.reply.is_canceled() {
            return Ok(());
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        let room = read.max.min(buffer.len());
        let result = self.with_kernel(|kernel, now| kernel.stream_read(stream, &mut buffer[..room], now));
        match result {
            Ok(StreamRead::Data(count)) => {
                self.answer(stream, read.reply, Bytes::copy_from_slice(&buffer[..count]));
            }
            Ok(StreamRead::Closed) => self.answer(stream, read.reply, Bytes::new()),
            Ok(StreamRead::Empty) => {
                self.reads.insert(stream, read);
            }
            Err(Dead) => {}
        }
        self.buffer = buffer;
        result.map(drop)
    }

    fn answer(&mut self, stream: StreamId, reply: oneshot::Sender<Bytes>, bytes: Bytes) {
        if let Err(bytes) = reply.send(bytes)
            && !bytes.is_empty()
        {
            self.unread.insert(stream, bytes);
        }
    }

    fn write(&mut self, stream: StreamId, mut write: Write) -> Result<(), Dead> {
        while write.taken < write.data.len() {
            let rest = write.data.slice(write.taken..);
            match self.with_kernel(|kernel, now| kernel.stream_write(stream, &rest, now))? {
                StreamWrite::Accepted(0) => {
                    self.writes.insert(stream, write);
                    return Ok(());
                }
                StreamWrite::Accepted(count) => write.taken += count,
                StreamWrite::Closed => {
                    let _ = write.reply.send(Err(write.taken));
                    return Ok(());
                }
            }
        }
        let _ = write.reply.send(Ok(()));
        Ok(())
    }

    /// Runs `job` under the lock, then sends what it made runnable to the workers.
    fn with_kernel<T>(&self, job: impl FnOnce(&mut Kernel, Now) -> T) -> Result<T, Dead> {
        let shared = &self.shared;
        let mut locked = shared.lock.lock_control()?;
        let monotonic = shared.host.clock().monotonic().as_nanos();
        let realtime = monotonic.wrapping_add(shared.realtime_offset());
        let now = Now { monotonic, realtime };
        locked.begin(monotonic);
        locked.kernel.begin_operation(Operation::Application);
        let value = job(&mut locked.kernel, now);
        let wakes = shared.settle(&mut locked, None);
        locked.end(|| shared.host.clock().monotonic().as_nanos());
        shared.wake_workers(wakes);
        Ok(value)
    }
}
