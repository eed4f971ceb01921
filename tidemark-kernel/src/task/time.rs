//! CPU time of threads and processes, and how much of it their programs computed.
//!
//! Nobody reads a clock where a program goes on, which would cost more than some calls do. So the time between two
//! entries into the kernel is shared out by the instructions executed meanwhile, at the pace that the fastest of the long runs show.

use super::{Pid, Process, Thread, Tid, Usage};
use crate::system::System;
use crate::time::Nanos;

/// Instructions of a run that is so long that what the kernel did before it does not count.
const LONG_RUN: u64 = 20_000;

/// How fast programs run, in picoseconds an instruction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace(u64);

impl Default for Pace {
    fn default() -> Pace {
        // What an interpreter takes on a machine of today; the first long runs correct it.
        Pace(2_000)
    }
}

impl Pace {
    /// The program's part of the time since it was last in the kernel.
    fn program_part(&mut self, elapsed: Nanos, instructions: u64) -> Nanos {
        if instructions >= LONG_RUN {
            let seen = elapsed.saturating_mul(1000) / instructions;
            // The fastest runs tell: others were held up, by memory or by the machine's other work.
            let slower = self.0.saturating_add(self.0 / 256 + 1);
            self.0 = seen.clamp(1, slower);
            return elapsed;
        }
        elapsed.min(instructions * self.0 / 1000)
    }
}

/// Up to where a thread's time on its worker was shared out.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Accounted {
    at: Nanos,
    instructions: u64,
}

impl Thread {
    /// It goes onto a worker.
    pub(crate) fn begin_accounting(&mut self, now: Nanos, instructions: u64) {
        self.on_worker_since = Some(now);
        self.accounted = Accounted { at: now, instructions };
    }

    /// It came into the kernel, or goes on in it.
    pub(crate) fn account(&mut self, now: Nanos, instructions: u64, pace: &mut Pace) {
        let before = core::mem::replace(&mut self.accounted, Accounted { at: now, instructions });
        let executed = instructions.saturating_sub(before.instructions);
        let elapsed = now.saturating_sub(before.at);
        self.usage.user = self.usage.user.saturating_add(pace.program_part(elapsed, executed));
    }

    /// CPU time used up to `now`.
    pub fn cpu_time(&self, now: Nanos) -> Nanos {
        let running = self.on_worker_since.map_or(0, |since| now.saturating_sub(since));
        self.usage.cpu.saturating_add(running)
    }

    /// What it used up to `now`. On a worker it counts as computing since it was last in the kernel.
    pub fn used(&self, now: Nanos) -> Usage {
        let computing = self.on_worker_since.map_or(0, |_| now.saturating_sub(self.accounted.at));
        Usage { cpu: self.cpu_time(now), user: self.usage.user.saturating_add(computing), ..self.usage }
    }
}

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
            usage.add(&thread.used(self.now.monotonic));
        }
        usage
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_runs_are_shared_out_by_the_pace_of_long_ones() {
        let mut pace = Pace::default();
        for _ in 0..512 {
            assert_eq!(pace.program_part(400_000, 100_000), 400_000);
        }
        // 4 ns an instruction by now, but never more than the time there was; one run that is held up changes little.
        assert_eq!(pace.program_part(10_000, 1_000), 4_000);
        pace.program_part(400_000_000, 100_000);
        assert!(pace.program_part(10_000, 1_000) < 4_200);
        assert_eq!(pace.program_part(1_000, 1_000), 1_000);
        assert_eq!(pace.program_part(1_000, 0), 0);
    }
}
