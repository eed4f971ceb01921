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
    Kernel, Operation, ProcessEvent, SpawnError, SpawnRequest, Spawned, Status, StreamId, StreamRead,
    StreamWrite,
};

use crate::bridge::FileBridge;
use crate::feed::FeedSender;
use crate::io::READ_BYTES;
use crate::lock::Dead;
use crate::process::{Exit, Process};
use crate::questions::Questions;
use crate::request::{Request, Sink, Sinks};
use crate::runtime::Shared;

/// Requests served before the loop lets others run.
const BATCH: u32 = 256;

/// Bytes that a sink is given before others are served: no pipe holds more, unless a program asks for it.
const POUR_BYTES: usize = 64 << 10;

/// Runs until the sandbox is shut down or dead.
pub(crate) async fn run<H: Host>(shared: Arc<Shared<H>>, bridges: Vec<Arc<dyn FileBridge>>) {
    let mut control = Control {
        shared,
        reads: HashMap::new(),
        unread: HashMap::new(),
        writes: HashMap::new(),
        exits: HashMap::new(),
        sinks: HashMap::new(),
        watchers: Vec::new(),
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

/// A process that the application started.
struct Watched {
    told: oneshot::Sender<Exit>,
    /// Its streams that go to sinks.
    sinks: [Option<StreamId>; 2],
}

struct Control<H: Host> {
    shared: Arc<Shared<H>>,
    reads: HashMap<StreamId, Read>,
    /// Bytes taken out of a stream for a reader that had gone meanwhile: the next reader gets them first.
    unread: HashMap<StreamId, Bytes>,
    writes: HashMap<StreamId, Write>,
    exits: HashMap<Pid, Watched>,
    sinks: HashMap<StreamId, Sink>,
    /// Who is told of every process.
    watchers: Vec<FeedSender<ProcessEvent>>,
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
                self.pour(stream)?;
            }
            Status::StreamWritable(stream) => {
                if let Some(write) = self.writes.remove(&stream) {
                    self.write(stream, write)?;
                }
            }
            Status::Exited { pid, status, usage, timed_out } => {
                self.exited(pid, Exit { status, usage, timed_out })?;
            }
            Status::Process(event) => self.tell(&event)?,
            Status::Host { id, bridge, call } => self.questions.put(id, bridge, call),
            Status::RequestReady(number) => {
                if let Some(request) = self.waiting.remove(&number) {
                    self.patient(number, request)?;
                }
            }
            Status::Trace { call, line } => (self.shared.trace)(call, &line),
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
            Request::Watch(watcher) => {
                self.watchers.push(watcher);
                self.with_kernel(|kernel, _| kernel.tell_processes(true))?;
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
                    (Some(spawned), Request::Spawn { sinks, reply, .. }) => {
                        // An asker that has gone leaves the process running and its streams closed, as a dropped handle
                        // does.
                        let _ = reply.send(self.started(spawned, sinks)?);
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

    fn started(
        &mut self,
        spawned: Result<Spawned, SpawnError>,
        sinks: Sinks,
    ) -> Result<Result<Process, SpawnError>, Dead> {
        let spawned = match spawned {
            Ok(spawned) => spawned,
            Err(error) => return Ok(Err(error)),
        };
        let mut streams = spawned.streams;
        let mut poured = [None; 2];
        for ((stream, poured), sink) in streams[1..].iter_mut().zip(&mut poured).zip(sinks) {
            if let Some(sink) = sink
                && let Some(stream) = stream.take()
            {
                *poured = Some(stream);
                self.sinks.insert(stream, sink);
            }
        }
        let (told, exit) = oneshot::channel();
        self.exits.insert(spawned.pid, Watched { told, sinks: poured });
        for stream in poured.into_iter().flatten() {
            self.pour(stream)?;
        }
        Ok(Ok(Process::new(&spawned, streams, exit, self.shared.requests.clone())))
    }

    fn exited(&mut self, pid: Pid, exit: Exit) -> Result<(), Dead> {
        let Some(watched) = self.exits.remove(&pid) else { return Ok(()) };
        // What it wrote comes before the news of its end.
        for stream in watched.sinks.into_iter().flatten() {
            self.pour(stream)?;
        }
        // Nobody may be interested.
        let _ = watched.told.send(exit);
        Ok(())
    }

    /// Gives a sink what its stream has, as much as a pipe holds at the most: its writers may be as fast as it is.
    fn pour(&mut self, stream: StreamId) -> Result<(), Dead> {
        let Some(mut sink) = self.sinks.remove(&stream) else { return Ok(()) };
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut poured = 0;
        let more = loop {
            match self.with_kernel(|kernel, now| kernel.stream_read(stream, &mut buffer, now)) {
                Ok(StreamRead::Data(count)) => {
                    sink(Bytes::copy_from_slice(&buffer[..count]));
                    poured += count;
                    if poured >= POUR_BYTES {
                        self.shared.push_event(Status::StreamReadable(stream));
                        break Ok(true);
                    }
                }
                Ok(StreamRead::Empty) => break Ok(true),
                Ok(StreamRead::Closed) => {
                    break self.with_kernel(|kernel, now| kernel.stream_close(stream, now)).map(|()| false);
                }
                Err(Dead) => break Err(Dead),
            }
        };
        self.buffer = buffer;
        if more? {
            self.sinks.insert(stream, sink);
        }
        Ok(())
    }

    fn tell(&mut self, event: &ProcessEvent) -> Result<(), Dead> {
        self.watchers.retain(|watcher| watcher.send(event.clone()));
        if self.watchers.is_empty() {
            self.with_kernel(|kernel, _| kernel.tell_processes(false))?;
        }
        Ok(())
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
        // Whoever dropped the future goes on with something else, which is not to come after the rest of this.
        while write.taken < write.data.len() && !write.reply.is_canceled() {
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
