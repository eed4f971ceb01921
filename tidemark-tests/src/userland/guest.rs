//! One row in Tidemark: a sandbox of its own over the root's layer, and what must be left of it: nothing.

use std::time::{Duration, Instant};

use futures::future::join3;
use tidemark_host_native::{NativeConfig, NativeHost};
use tidemark_sdk::{Child, Config, Limits, Schedule, Stdio, Tidemark};

use super::roots::Root;
use super::table::{Family, Row};
use crate::leaks::{LEFTOVERS_END, end_without_leaks};
use crate::schedule::for_program;
use crate::supervised::{Failure, Supervision, collect, supervised};

/// Guest memory, which Node and compilers need.
const MEMORY_BYTES: u64 = 2 << 30;
/// Workers, so that two threads of a guest are truly at once.
const WORKERS: u16 = 2;
/// Where rows run: theirs to write to.
pub(super) const FOLDER: &str = "/tmp";
/// What rows see beside `PATH`, `HOME` and `TERM`.
pub(super) const ENVIRONMENT: [(&str, &str); 2] = [("LC_ALL", "C.UTF-8"), ("TZ", "UTC")];

/// What a row did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
    /// Its exit code, or 128 and the signal that ended it.
    pub code: u8,
    /// How long it took, from before its sandbox was made.
    pub took: Duration,
}

/// Runs a row.
///
/// # Errors
/// If it did not end, or not by itself, or left something behind; the text has what it wrote until then.
pub(super) fn run(family: &Family, row: &Row, schedule: Schedule, root: &Root) -> Result<Outcome, String> {
    let started = Instant::now();
    let (schedule, slower) = for_program(schedule, row.turns);
    let job = {
        let (family, row, root) = (family.clone(), row.clone(), root.clone());
        move |supervision| async move { run_to_end(&family, &row, schedule, &root, supervision).await }
    };
    let (result, collected) = supervised(&row.name, row.limit() * slower, job);
    let (stdout, stderr) = (collected.stdout(), collected.stderr());
    match result {
        Ok((code, ended)) => Ok(Outcome { stdout, stderr, code, took: ended - started }),
        Err(failure) => Err(format!("{failure}\n  so far: {stdout}{stderr}")),
    }
}

/// Its exit code, and when it ended.
async fn run_to_end(
    family: &Family,
    row: &Row,
    schedule: Schedule,
    root: &Root,
    supervision: Supervision,
) -> Result<(u8, Instant), Failure> {
    let mut limits = Limits::default();
    limits.memory_bytes = MEMORY_BYTES;
    let config =
        Config::default().layer(root.layer.clone()).limits(limits).workers(WORKERS).schedule(schedule);
    let tidemark = Tidemark::create(NativeHost::new(&NativeConfig::default())?, config)?;
    supervision.watch(&tidemark);
    let before = tidemark.usage().await?;
    put_files(&tidemark, row).await?;
    let argv = row.command(family);
    let (program, arguments) = argv.split_first().ok_or("a command line has a program")?;
    let mut command = tidemark.command(program);
    command.args(arguments).current_dir(FOLDER);
    for (name, value) in ENVIRONMENT {
        command.env(name, value);
    }
    if row.stdin.is_none() {
        command.stdin(Stdio::null());
    }
    let mut child = command.spawn().await?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let collected = &supervision.collected;
    join3(feed(&mut child, row), collect(stdout, &collected.stdout), collect(stderr, &collected.stderr))
        .await;
    let code = child.wait().await?.shell_code();
    let ended = Instant::now();
    drop(child);
    end_without_leaks(&tidemark, &before, LEFTOVERS_END).await?;
    Ok((code, ended))
}

async fn put_files(tidemark: &Tidemark, row: &Row) -> Result<(), Failure> {
    let files = tidemark.files();
    for file in row.all_files()? {
        if let Some((folder @ [_, ..], _)) =
            file.path.rsplit_once('/').map(|(folder, name)| (folder.as_bytes(), name))
        {
            files.create_dir_all(folder).await?;
        }
        files.write(&file.path, file.content).await?;
        files.set_permissions(&file.path, file.mode).await?;
    }
    Ok(())
}

/// A program need not read its input: that it did not is no failure.
async fn feed(child: &mut Child, row: &Row) {
    if let (Some(mut stdin), Some(text)) = (child.stdin.take(), &row.stdin) {
        _ = stdin.write_all(text.clone().into_bytes()).await;
    }
}
