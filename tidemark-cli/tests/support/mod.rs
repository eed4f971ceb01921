//! What the tests of the command share: an archive, a server for it, and the command run against them.

// Each test file uses a part of this.
#![allow(dead_code)]

pub mod guests;
pub mod repository;
pub mod server;
pub mod session;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use repository::Repository;
use server::Server;

/// An archive that is served, and a cache of its own.
pub struct Setup {
    /// The archive.
    pub repository: Repository,
    /// The mirror.
    pub server: Server,
    dir: TempDir,
}

impl Setup {
    /// Serves `repository` to an empty cache that trusts its key.
    pub fn new(repository: Repository) -> Self {
        let dir = tempfile::tempdir().expect("temporary directory");
        std::fs::write(dir.path().join("archive.pgp"), repository.public_key()).expect("written");
        let server = Server::start(repository.files());
        Self { repository, server, dir }
    }

    /// The cache directory, `--cache-dir`.
    pub fn cache(&self) -> PathBuf {
        self.dir.path().join("cache")
    }

    /// The files below the cache directory, as paths from there.
    pub fn cached_files(&self) -> Vec<String> {
        let mut files = Vec::new();
        collect_files(&self.cache(), &mut files);
        let relative = |path: &PathBuf| path.strip_prefix(self.cache()).expect("below").display().to_string();
        files.iter().map(relative).collect()
    }

    /// The command (`fetch`, `layer build`), with mirror, keyring and cache set in the ways that users can set them.
    pub fn tidemark(&self, subcommand: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidemark"));
        command.env("TIDEMARK_DEBIAN_MIRROR", &self.server.url).env_remove("http_proxy");
        command.args(subcommand.split(' ')).arg("--keyring").arg(self.dir.path().join("archive.pgp"));
        command.arg("--cache-dir").arg(self.cache());
        command
    }

    /// Runs `tidemark fetch` with further arguments.
    pub fn fetch(&self, args: &[&str]) -> Output {
        self.tidemark("fetch").args(args).output().expect("started")
    }

    /// Runs `tidemark fetch`, which must succeed; returns the layer's path.
    pub fn fetched(&self, args: &[&str]) -> PathBuf {
        let output = self.fetch(args);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("a path").trim_end().into()
    }

    /// Runs `tidemark fetch`, which must fail with this code and say so in one line; returns the line.
    pub fn refused(&self, code: i32, args: &[&str]) -> String {
        refusal(&self.fetch(args), code)
    }

    /// A path in a folder of the test's own.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

/// Demands that a command failed with this code and said so in one line; returns the line.
pub fn refusal(output: &Output, code: i32) -> String {
    let message = String::from_utf8(output.stderr.clone()).expect("text");
    assert_eq!(output.status.code(), Some(code), "{message}");
    assert_eq!(output.stdout, b"", "nothing but results on stdout");
    let line = message.strip_suffix('\n').expect("a line").to_owned();
    assert!(line.starts_with("tidemark: ") && !line.contains('\n'), "{line}");
    line
}

fn collect_files(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            collect_files(&entry.path(), files);
        } else {
            files.push(entry.path());
        }
    }
}
