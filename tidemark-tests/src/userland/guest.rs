//! One row in Tidemark: a sandbox of its own over the root's layer, and what must be left of it: nothing.

use std::time::{Duration, Instant};

use futures::future::join3;
use tidemark_host_native::{NativeConfig, NativeHost};
use tidemark_sdk::{Child, Config, Limits, Stdio, Tidemark};

use super::roots::Root;
use super::table::{Family, Row};
use crate::supervised::{Failure, Supervision, collect, supervised};

/// Guest memory, which Node and compilers need.
const MEMORY_BYTES: u64 = 2 << 30;
/// Workers, so that two threads of a guest are truly at once.
const WORKERS: u16 = 2;
/// The guest's first process, which stays.
const INIT: u32 = 1;
/// How long what a row left running may take to end.
const LEFTOVERS_END: Duration = Duration::from_secs(20);
/// Between two looks at what is left.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
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
pub(super) fn run(family: &Family, row: &Row, root: &Root) -> Result<Outcome, String> {
    let started = Instant::now();
    let job = {
        let (family, row, root) = (family.clone(), row.clone(), root.clone());
        move |supervision| async move { run_to_end(&family, &row, &root, supervision).await }
    };
    let (result, collected) = supervised(&row.name, row.limit(), job);
    let (stdout, stderr) = (collected.stdout(), collected.stderr());
    match result {
        Ok(code) => Ok(Outcome { stdout, stderr, code, took: started.elapsed() }),
        Err(failure) => Err(format!("{failure}\n  so far: {stdout}{stderr}")),
    }
}

async fn run_to_end(
    family: &Family,
    row: &Row,
    root: &Root,
    supervision: Supervision,
) -> Result<u8, Failure> {
    let mut limits = Limits::default();
    limits.memory_bytes = MEMORY_BYTES;
    let config = Config::default().layer(root.layer.clone()).limits(limits).workers(WORKERS);
    let tidemark = Tidemark::create(NativeHost::new(&NativeConfig::default())?, config)?;
    supervision.watch(&tidemark);
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
    nothing_is_left(&tidemark).await?;
    Ok(code)
}

/// Fails if processes of the row go on when it has ended, and do not end by themselves soon; `/proc` tells.
async fn nothing_is_left(tidemark: &Tidemark) -> Result<(), Failure> {
    let until = Instant::now() + LEFTOVERS_END;
    loop {
        let entries = tidemark.files().read_dir("/proc").await?;
        let names = entries.iter().map(|entry| String::from_utf8_lossy(&entry.name).into_owned());
        let left: Vec<String> =
            names.filter(|name| name.parse::<u32>().is_ok_and(|pid| pid != INIT)).collect();
        if left.is_empty() {
            return Ok(());
        }
        if Instant::now() > until {
            return Err(format!("left processes behind: {}", left.join(" ")).into());
        }
        std::thread::sleep(LOOK_AGAIN);
    }
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
