//! CPU time of processes.

use super::{Pid, Process, Tid, Usage};
use crate::system::System;
use crate::time::Nanos;

impl System {
    /// CPU time that a process used so far, ended threads included.
    pub(crate) fn process_cpu_time(&self, process: &Process) -> Nanos {
        let now = self.now.monotonic;
        let live = |tid: &Tid| self.tasks.thread(*tid).map_or(0, |thread| thread.cpu_time(now));
        process.threads.iter().map(live).fold(process.usage.cpu, Nanos::saturating_add)
    }

    /// What a process used so far, ended threads included.
    pub(crate) fn process_usage(&self, pid: Pid) -> Usage {
        let Some(process) = self.tasks.process(pid) else { return Usage::default() };
        let mut usage = process.usage;
        for thread in process.threads.iter().filter_map(|tid| self.tasks.thread(*tid)) {
            usage.add(&Usage { cpu: thread.cpu_time(self.now.monotonic), ..thread.usage });
        }
        usage
    }
}
