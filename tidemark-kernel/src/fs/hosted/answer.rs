//! Between questions and their askers: passing questions on, and waking who waited.

use super::asks::Asker;
use super::call::{Answered, HostCallId};
use crate::fs::view::Env;
use crate::kernel::{Kernel, Running, Step};
use crate::net::socket::Sender;
use crate::operation::Operation;
use crate::status::Status;
use crate::system::System;
use crate::task::Tid;
use crate::time::Now;
use crate::wait::{Entry, Parked, Restart};

impl Kernel {
    /// A bridge's answer to [`Status::Host`]. Who waited for it is woken.
    pub fn host_answer(&mut self, id: HostCallId, answer: Answered, now: Now) {
        self.begin_operation(Operation::Application);
        self.sys.now = now;
        let mut env = Env {
            frames: &mut self.sys.mem.frames,
            woken: &mut self.sys.woken,
            entropy: &mut self.sys.entropy,
            timers: &mut self.sys.timers,
            now,
            file_limit: u64::MAX,
            keep_set_id: true,
            sender: Sender::NOBODY,
        };
        match self.sys.fs.answered(id, answer, &mut env) {
            Some(Asker::Thread(tid)) => self.sys.wake_asker(tid),
            Some(Asker::Request(number)) => self.sys.statuses.push_back(Status::RequestReady(number)),
            None => {}
        }
        self.settle();
    }

    /// Runs a request of the application's that may ask bridges; `number` tells it from others that are under way. `None`
    /// if it has to wait: [`Status::RequestReady`] tells when to come again, with the same request.
    pub fn ask_for<T>(&mut self, number: u64, now: Now, job: impl FnOnce(&mut Kernel) -> T) -> Option<T> {
        let asker = Asker::Request(number);
        self.sys.fs.asks.begin(asker, now);
        let value = job(self);
        self.sys.fs.asks.end();
        if self.sys.fs.asks.is_pending(asker) {
            return None;
        }
        self.forget_request(number);
        Some(value)
    }

    /// The request with this number is given up, or over.
    pub fn forget_request(&mut self, number: u64) {
        self.sys.fs.forget_asked(Asker::Request(number));
        self.settle();
    }

    /// Parks a call until the host has answered.
    pub(crate) fn wait_for_host(&mut self, running: Running, mut parked: Box<Parked>, entry: Entry) -> Step {
        let changing = self.sys.fs.asks.is_changing(Asker::Thread(running.tid));
        // What has done a part goes on to its end, as with a local disk; and what may be changed is waited for.
        let has_begun = parked.progress.done > 0 || parked.progress.state.is_some();
        if let Some(thread) = self.sys.tasks.thread_mut(running.tid) {
            thread.killable_only = changing || has_begun;
        }
        parked.asking = Some(entry);
        self.park(running, parked)
    }

    /// Goes on with a call that waited for the host: the way it is entered, if it is.
    pub(crate) fn after_host(
        &mut self,
        running: Running,
        mut parked: Box<Parked>,
        resume: Entry,
        woken_by: Entry,
    ) -> Result<(Running, Box<Parked>), Step> {
        let tid = running.tid;
        if let Some(thread) = self.sys.tasks.thread_mut(tid) {
            thread.killable_only = false;
        }
        if !self.sys.fs.asks.is_pending(Asker::Thread(tid)) {
            parked.asking = None;
            return Ok((running, parked));
        }
        Err(match woken_by {
            Entry::Signal => {
                self.sys.fs.let_go_of_files(&mut parked.progress.files);
                self.leave_kernel(running, Some((Restart::Always, parked)))
            }
            _ => self.wait_for_host(running, parked, resume),
        })
    }

    /// Passes questions on to the runtime.
    pub(crate) fn send_questions(&mut self) {
        while let Some(question) = self.sys.fs.asks.next_outgoing() {
            let (id, bridge, call) = (question.id, question.bridge, question.call);
            self.sys.statuses.push_back(Status::Host { id, bridge, call });
        }
    }
}

impl System {
    fn wake_asker(&mut self, tid: Tid) {
        let Some(thread) = self.tasks.thread(tid) else { return };
        let waits = thread.parked.as_ref().is_some_and(|parked| parked.asking.is_some());
        if waits {
            let park = thread.park.0;
            self.unpark(tid, park, Entry::Event);
        }
    }
}
