//! Running one guest program in a sandbox of its own, with a time limit.

use std::fmt::Write as _;
use std::io::Cursor;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use futures::executor::block_on;
use futures::future::join;
use tidemark_host_native::{NativeConfig, NativeHost};
use tidemark_kernel::fs::layer::Layer;
use tidemark_sdk::layer::format::Meta;
use tidemark_sdk::layer::{Attributes, LayerBuilder, LayerPath, layer_from_bytes};
use tidemark_sdk::{ChildOutput, Config, Limits, Stdio, Tidemark};

use crate::Program;

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

/// Runs `program` for at most `limit`.
pub fn run(program: &Program, limit: Duration) -> Outcome {
    let collected = Arc::new(Collected::default());
    let (done, end) = mpsc::channel();
    let (sandbox, started) = mpsc::channel();
    let job = {
        let (program, collected) = (program.clone(), Arc::clone(&collected));
        move || _ = done.send(block_on(run_to_end(&program, &collected, &sandbox)))
    };
    thread::Builder::new().name(program.name.clone()).spawn(job).expect("a thread can be started");
    let last_line = match end.recv_timeout(limit) {
        Ok(Ok(line)) => line,
        Ok(Err(error)) => format!("failed: {error}"),
        Err(mpsc::RecvTimeoutError::Timeout) => format!("still running after {} s", limit.as_secs()),
        Err(mpsc::RecvTimeoutError::Disconnected) => "the test's thread panicked".to_owned(),
    };
    // A sandbox that hangs may also hang while it is ended: nobody waits for that.
    if let Ok(sandbox) = started.try_recv() {
        thread::spawn(move || block_on(sandbox.shutdown()));
    }
    let mut output = collected.stdout();
    if !output.is_empty() && !output.ends_with('\n') {
        output.push('\n');
    }
    writeln!(output, "{last_line}").expect("a string takes all");
    Outcome { output, errors: collected.stderr() }
}

/// What the program wrote so far, there also for one that never ends.
#[derive(Default)]
struct Collected {
    stdout: Mutex<Vec<u8>>,
    stderr: Mutex<Vec<u8>>,
}

impl Collected {
    fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.stdout.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }

    fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.stderr.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

async fn run_to_end(
    program: &Program,
    collected: &Collected,
    started: &mpsc::Sender<Tidemark>,
) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    let mut limits = Limits::default();
    limits.memory_bytes = MEMORY_BYTES;
    limits.processes = PROCESSES;
    let host = NativeHost::new(&NativeConfig::default())?;
    let config = Config::default().layer(layer(program)?).limits(limits).workers(WORKERS);
    let tidemark = Tidemark::create(host, config)?;
    _ = started.send(tidemark.clone());
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

async fn collect(output: Option<ChildOutput>, into: &Mutex<Vec<u8>>) {
    let Some(mut output) = output else { return };
    while let Ok(bytes) = output.read().await
        && !bytes.is_empty()
    {
        into.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&bytes);
    }
}

/// A root with the program and the folders that programs count on.
fn layer(program: &Program) -> Result<Arc<Layer>, Box<dyn std::error::Error + Send + Sync>> {
    let mut builder = LayerBuilder::new(Cursor::new(Vec::new()))?;
    let attributes = |mode| Attributes { meta: Meta { mode, ..Meta::default() }, ..Attributes::default() };
    for (folder, mode) in [("tmp", 0o1777), ("root", 0o700), ("dev", 0o755), ("proc", 0o555)] {
        builder.directory(&LayerPath::new(folder.as_bytes())?, attributes(mode))?;
    }
    let path = LayerPath::new(format!("guests/{}", program.name).as_bytes())?;
    builder.file(&path, attributes(0o755), &mut Cursor::new(program.binary()))?;
    Ok(layer_from_bytes(builder.finish()?.into_inner())?)
}
