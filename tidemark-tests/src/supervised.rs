//! Driving a sandbox from a thread of its own, with a time limit: whatever the guest does, the test goes on.

use std::fmt::Display;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use futures::executor::block_on;
use tidemark_sdk::{ChildOutput, Tidemark};

/// What went wrong with a run itself.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What a job works with.
pub(crate) struct Supervision {
    /// Where the program's output goes as it comes.
    pub(crate) collected: Arc<Collected>,
    started: mpsc::Sender<Tidemark>,
}

impl Supervision {
    /// Hands over a sandbox to be ended when the job is over, or its time is.
    pub(crate) fn watch(&self, sandbox: &Tidemark) {
        // Nobody listens any more when the time was up before.
        _ = self.started.send(sandbox.clone());
    }
}

/// Runs `job` for at most `limit`: what it returned, or why it returned nothing, and what was collected so far.
pub(crate) fn supervised<T, F>(
    name: &str,
    limit: Duration,
    job: impl FnOnce(Supervision) -> F + Send + 'static,
) -> (Result<T, String>, Arc<Collected>)
where
    T: Send + 'static,
    F: Future<Output = Result<T, Failure>>,
{
    let collected = Arc::new(Collected::default());
    let (done, end) = mpsc::channel();
    let (started, sandbox) = mpsc::channel();
    let supervision = Supervision { collected: Arc::clone(&collected), started };
    let body = move || _ = done.send(block_on(job(supervision)).map_err(describe));
    thread::Builder::new().name(name.to_owned()).spawn(body).expect("a thread can be started");
    let result = match end.recv_timeout(limit) {
        Ok(result) => result,
        Err(mpsc::RecvTimeoutError::Timeout) => Err(format!("still running after {} s", limit.as_secs())),
        Err(mpsc::RecvTimeoutError::Disconnected) => Err("the test's thread panicked".to_owned()),
    };
    // A sandbox that hangs may also hang while it is ended: nobody waits for that.
    if let Ok(sandbox) = sandbox.try_recv() {
        thread::spawn(move || block_on(sandbox.shutdown()));
    }
    (result, collected)
}

fn describe(error: impl Display) -> String {
    format!("failed: {error}")
}

/// What the program wrote so far, there also for one that never ends.
#[derive(Default)]
pub(crate) struct Collected {
    pub(crate) stdout: Mutex<Vec<u8>>,
    pub(crate) stderr: Mutex<Vec<u8>>,
}

impl Collected {
    pub(crate) fn stdout(&self) -> String {
        text(&self.stdout)
    }

    pub(crate) fn stderr(&self) -> String {
        text(&self.stderr)
    }
}

fn text(bytes: &Mutex<Vec<u8>>) -> String {
    String::from_utf8_lossy(&bytes.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
}

/// Takes a stream's bytes to its end.
pub(crate) async fn collect(output: Option<ChildOutput>, into: &Mutex<Vec<u8>>) {
    let Some(mut output) = output else { return };
    while let Ok(bytes) = output.read().await
        && !bytes.is_empty()
    {
        into.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&bytes);
    }
}
