//! Running one guest program in a sandbox of its own, with a time limit.

use std::fmt::Write as _;
use std::io::Cursor;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join;
use tidemark_host_native::{NativeConfig, NativeHost};
use tidemark_kernel::fs::layer::Layer;
use tidemark_sdk::layer::format::Meta;
use tidemark_sdk::layer::{Attributes, LayerBuilder, LayerPath, layer_from_bytes};
use tidemark_sdk::{Config, Limits, Schedule, Stdio, Tidemark};

use crate::Program;
use crate::leaks::{LEFTOVERS_END, end_without_leaks};
use crate::schedule::for_program;
use crate::supervised::{Collected, Failure, Supervision, collect, supervised};

/// Guest memory: enough for every program, little enough that the one that eats memory does not take long.
const MEMORY_BYTES: u64 = 512 << 20;
/// Processes: more than any program but the fork bomb makes.
const PROCESSES: u32 = 600;
/// Workers, so that two threads of a guest are truly at once.
const WORKERS: u16 = 2;

/// How a run went.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Standard output and, in the last line, `exit N`, `signal N` or what went wrong with the run itself.
    pub output: String,
    /// Standard error.
    pub errors: String,
}

/// Runs `program` under a schedule for at most `limit`, several times that where the schedule is random.
pub fn run(program: &Program, schedule: Schedule, limit: Duration) -> Outcome {
    let owned = program.clone();
    let (schedule, slower) = for_program(schedule, program.turns());
    let job = move |supervision| async move { run_to_end(&owned, schedule, supervision).await };
    let (result, collected) = supervised(&program.name, limit * slower, job);
    Outcome::new(&collected, &result.unwrap_or_else(|failure| failure))
}

impl Outcome {
    /// What was collected, and how it ended.
    pub(crate) fn new(collected: &Collected, last_line: &str) -> Self {
        let mut output = collected.stdout();
        if !output.is_empty() && !output.ends_with('\n') {
            output.push('\n');
        }
        writeln!(output, "{last_line}").expect("a string takes all");
        Self { output, errors: collected.stderr() }
    }
}

async fn run_to_end(
    program: &Program,
    schedule: Schedule,
    supervision: Supervision,
) -> Result<String, Failure> {
    let host = NativeHost::new(&NativeConfig::default())?;
    let tidemark = Tidemark::create(host, config(program)?.schedule(schedule))?;
    supervision.watch(&tidemark);
    let before = tidemark.usage().await?;
    let ended = perform(&tidemark, program, &supervision.collected).await?;
    end_without_leaks(&tidemark, &before, LEFTOVERS_END).await?;
    Ok(ended)
}

/// The sandbox that a guest program runs in.
pub(crate) fn config(program: &Program) -> Result<Config, Failure> {
    let mut limits = Limits::default();
    limits.memory_bytes = MEMORY_BYTES;
    limits.processes = PROCESSES;
    Ok(Config::default().layer(layer(program)?).limits(limits).workers(WORKERS))
}

/// Runs `program` in a sandbox to its end, and says which end in a line.
pub(crate) async fn perform(
    tidemark: &Tidemark,
    program: &Program,
    collected: &Collected,
) -> Result<String, Failure> {
    let mut child = tidemark
        .command(format!("/guests/{}", program.name))
        .args(program.tag("args"))
        .stdin(Stdio::null())
        .spawn()
        .await?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    join(collect(stdout, &collected.stdout), collect(stderr, &collected.stderr)).await;
    let status = child.wait().await?;
    Ok(match status.signal() {
        Some(signal) => format!("signal {signal}"),
        None => format!("exit {}", status.shell_code()),
    })
}

/// A root with the program and the folders that programs count on.
fn layer(program: &Program) -> Result<Arc<Layer>, Failure> {
    let mut builder = LayerBuilder::new(Cursor::new(Vec::new()))?;
    let attributes = |mode| Attributes { meta: Meta { mode, ..Meta::default() }, ..Attributes::default() };
    for (folder, mode) in [("tmp", 0o1777), ("root", 0o700), ("dev", 0o755), ("proc", 0o555)] {
        builder.directory(&LayerPath::new(folder.as_bytes())?, attributes(mode))?;
    }
    let path = LayerPath::new(format!("guests/{}", program.name).as_bytes())?;
    builder.file(&path, attributes(0o755), &mut Cursor::new(program.binary()))?;
    Ok(layer_from_bytes(builder.finish()?.into_inner())?)
}
