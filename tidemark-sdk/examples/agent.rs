//! A sandbox for code that is not trusted: limits, a time limit, files in, files out. `agent LAYER`, where the layer has
//! busybox as `/bin/busybox`.

use std::error::Error;
use std::time::Duration;

use tidemark_host_native::{NativeConfig, NativeHost};
use tidemark_sdk::layer::open_layer;
use tidemark_sdk::{Batch, Config, Limits, Output, Overflow, Resource, Tidemark};

fn main() -> Result<(), Box<dyn Error>> {
    let layer = std::env::args().nth(1).ok_or("usage: agent LAYER")?;
    let host = NativeHost::new(&NativeConfig::default())?;
    let tidemark = Tidemark::create(host, config().layer(open_layer(layer)?))?;
    for line in futures::executor::block_on(example(&tidemark))? {
        println!("{line}");
    }
    Ok(())
}

// ANCHOR: config
/// What all that runs in the sandbox may use together.
pub fn config() -> Config {
    let mut limits = Limits::default();
    limits.memory_bytes = 256 << 20;
    limits.processes = 64;
    limits.open_files = 1024;
    Config::default().limits(limits).hostname("agent")
}
// ANCHOR_END: config

/// Three things that an agent may ask for: one that works, one that never ends, one that writes without end.
pub async fn example(tidemark: &Tidemark) -> Result<Vec<String>, Box<dyn Error>> {
    let mut report = Vec::new();
    // ANCHOR: body
    // Files in.
    let files = tidemark.files();
    let input = Batch::new()
        .folder("/project", 0o777)
        .file("/project/input.txt", 0o644, "pear\napple\nplum\n")
        .file("/project/task.sh", 0o755, "sort input.txt > output.txt\nwc -l < output.txt\n");
    files.write_batch(input).await?;

    // What it is told to do.
    let done = run(tidemark, "sh task.sh").await?;
    report.push(format!("{}: {}", done.status, String::from_utf8_lossy(&done.stdout).trim()));

    // Files out.
    report.push(String::from_utf8(files.read("/project/output.txt").await?)?);

    // What goes wrong ends, and says why.
    let endless = run(tidemark, "while :; do :; done").await?;
    report.push(format!("timed out: {}", endless.timed_out));
    let noisy = run(tidemark, "yes").await?;
    report.push(format!(
        "{}, {} bytes kept, truncated: {}",
        noisy.status,
        noisy.stdout.len(),
        noisy.truncated
    ));
    let hungry = run(tidemark, "dd if=/dev/zero of=/project/big bs=1M count=100").await?;
    report.push(format!("a large file: {}", hungry.status));

    // Nothing is left running.
    report.push(format!("{} processes left", tidemark.usage().await?.system.processes));
    // ANCHOR_END: body
    Ok(report)
}

// ANCHOR: run
/// Runs a shell command as somebody without rights, for three seconds at the most.
async fn run(tidemark: &Tidemark, script: &str) -> Result<Output, Box<dyn Error>> {
    let mut command = tidemark.command("/bin/busybox");
    command.args(["sh", "-c", script]).current_dir("/project").user("1000");
    command.timeout(Duration::from_secs(3)).kill_after(Duration::from_millis(100)).kill_on_drop(true);
    command.max_output(10_000, Overflow::Kill);
    command.rlimit(Resource::FileSize, 10 << 20, 10 << 20);
    Ok(command.output().await?)
}
// ANCHOR_END: run
