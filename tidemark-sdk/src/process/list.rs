//! The processes of a sandbox: which there are, and what becomes of them.

use tidemark_kernel::ProcessEvent;
use tidemark_kernel::task::ProcessInfo;
use tidemark_runtime::{Feed, News, Runtime};

use crate::error::Gone;

/// What becomes of every process in the sandbox, as a stream. It ends with the sandbox. At most 4,096 events wait for a
/// slow reader; what is lost then is told as [`News::Lost`].
pub type ProcessEvents = Feed<ProcessEvent>;

/// One item of [`ProcessEvents`].
pub type ProcessNews = News<ProcessEvent>;

/// All processes, by id. Those that begin or end meanwhile are in it or not.
pub(crate) async fn processes(runtime: &Runtime) -> Result<Vec<ProcessInfo>, Gone> {
    let mut all: Vec<ProcessInfo> = Vec::new();
    loop {
        let after = all.last().map_or(0, |process| process.pid);
        let part = runtime.with_kernel(move |kernel, now| kernel.processes(after, now)).await?;
        if part.is_empty() {
            return Ok(all);
        }
        all.extend(part);
    }
}
