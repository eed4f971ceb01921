//! One row in Tidemark under Node: the npm package's command runs it over the same root.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use super::guest::{ENVIRONMENT, FOLDER, Outcome};
use super::outside::{fed, put_files};
use super::roots::Root;
use super::table::{Family, Row};

/// Names the folder of the npm package.
const PACKAGE_VARIABLE: &str = "TIDEMARK_PACKAGE";
/// Names Node's program, if it is not the one in `PATH`.
const NODE_VARIABLE: &str = "TIDEMARK_NODE";
/// What rows see beside [`ENVIRONMENT`]: what they are given natively, too.
const BASICS: [(&str, &str); 3] = [
    ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
    ("HOME", "/root"),
    ("TERM", "dumb"),
];
/// How many times as long a row may take as natively: WebAssembly is slower, and each row starts Node and reads its root.
const PATIENCE: u32 = 3;
/// What timeout(1) says of one whose time was up.
const TIMED_OUT: i32 = 124;

/// Node and the package in it.
#[derive(Clone, Debug)]
pub struct Node {
    program: PathBuf,
    command: PathBuf,
}

impl Node {
    /// The ones that the environment names: `TIDEMARK_PACKAGE` the folder of the package, `TIDEMARK_NODE` Node itself.
    ///
    /// # Errors
    /// If there is no package.
    pub fn from_environment() -> Result<Self> {
        let package = std::env::var_os(PACKAGE_VARIABLE).with_context(|| {
            format!("{PACKAGE_VARIABLE} is not set: run this as `cargo xtask userland --node`")
        })?;
        let command = Path::new(&package).join("bin.mjs");
        ensure!(command.is_file(), "{} is not there: run `cargo xtask build node`", command.display());
        let program = std::env::var_os(NODE_VARIABLE).map_or_else(|| "node".into(), PathBuf::from);
        Ok(Self { program, command })
    }

    /// Runs a row.
    ///
    /// # Errors
    /// If Node cannot be started, or the row's time is up.
    pub(super) fn run(&self, family: &Family, row: &Row, root: &Root) -> Result<Outcome> {
        let work = tempfile::tempdir()?;
        let (files, archive) = (work.path().join("files"), work.path().join("files.tar"));
        fs::create_dir(&files)?;
        put_files(row, &files)?;
        let packed =
            Command::new("tar").arg("-cf").arg(&archive).arg("-C").args([&files, Path::new(".")]).status();
        ensure!(packed.is_ok_and(|status| status.success()), "cannot pack the row's files");
        let limit = row.limit() * PATIENCE;
        let started = Instant::now();
        let mut command = Command::new("timeout");
        command.args(["--kill-after=5", &limit.as_secs().to_string()]).arg(&self.program).arg(&self.command);
        command.arg("run").arg("--layer").arg(&root.path);
        if !row.files.is_empty() || !row.programs.is_empty() {
            command.arg("--layer").arg(&archive);
        }
        for (name, value) in BASICS.into_iter().chain(ENVIRONMENT) {
            command.arg("--env").arg(format!("{name}={value}"));
        }
        command.args(["--cwd", FOLDER, "--"]).args(row.command(family));
        let output = fed(&mut command, row).context("cannot start Node")?;
        let took = started.elapsed();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        let code = output.status.code();
        ensure!(
            code != Some(TIMED_OUT) || took < limit,
            "still running after {} s\n  so far: {stdout}{stderr}",
            limit.as_secs()
        );
        let code =
            code.and_then(|code| u8::try_from(code).ok()).context("Node itself was ended by a signal")?;
        Ok(Outcome { stdout, stderr, code, took })
    }
}
