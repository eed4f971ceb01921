//! Guest programs in simulated worlds: kernel, runtime and SDK whole, on one thread, every choice from a seed.
//!
//! Owns the scenarios and a run of one; what a world is, is `tidemark_host::sim`'s.

use tidemark_host::sim::{Faults, Sim, SimConfig};
use tidemark_sdk::Tidemark;

use crate::run::{config, perform};
use crate::supervised::{Collected, Failure};
use crate::verdict::difference;
use crate::{Outcome, Program};

/// The guest programs that are simulated: those in which threads, processes and time meet. None needs two processors at
/// once: here a turn is never under way while another is.
pub const SCENARIOS: &[&str] = &[
    "events/epoll",
    "events/signalfd",
    "files/locks",
    "files/pipes",
    "files/proc_churn",
    "futex/pthreads",
    "futex/robust",
    "processes/clone",
    "processes/orphans",
    "processes/pidfd",
    "processes/sessions",
    "ptrace/ptrace",
    "signals/queue",
    "sockets/streams",
    "stress/fork_bomb",
    "stress/pipe_chain",
    "stress/sleeping_threads",
    "sysvipc/semaphores",
    "terminals/jobs",
    "time/timers",
];

/// How a simulated run went.
#[derive(Clone, Debug)]
pub struct Simulated {
    /// What the program did.
    pub outcome: Outcome,
    /// What tells this run from others: who went when.
    pub digest: u64,
    /// Turns and polls.
    pub steps: u64,
}

/// Runs `program` in the world of `seed`.
pub fn simulate(program: &Program, seed: u64) -> Simulated {
    let collected = Collected::default();
    let mut world = match Sim::new(SimConfig::new(seed).with_faults(Faults::UNNOTICED)) {
        Ok(world) => world,
        Err(error) => {
            let outcome = Outcome::new(&collected, &format!("failed: {error}"));
            return Simulated { outcome, digest: 0, steps: 0 };
        }
    };
    let last_line =
        play(&mut world, program, &collected).unwrap_or_else(|failure| format!("failed: {failure}"));
    let outcome = Outcome::new(&collected, &last_line);
    Simulated { outcome, digest: world.digest(), steps: world.steps() }
}

fn play(world: &mut Sim, program: &Program, collected: &Collected) -> Result<String, Failure> {
    let tidemark = Tidemark::create(world.host().clone(), config(program)?)?;
    let last_line = world.run(perform(&tidemark, program, collected))??;
    world.run(tidemark.shutdown())?;
    Ok(last_line)
}

/// What is wrong with a run, if something is.
pub fn judge(program: &Program, run: &Simulated) -> Option<String> {
    let expected = program.expected();
    (run.outcome.output != expected).then(|| {
        let errors = run.outcome.errors.trim_end();
        format!("{}  its standard error: {errors}", difference(&expected, &run.outcome.output))
    })
}
