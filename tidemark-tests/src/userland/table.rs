//! The rows: a family a file, read strictly, and written back where an oracle is asked anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use toml_edit::{DocumentMut, value};

use super::guest::Outcome;
use crate::program::workspace;

/// How long a row may take in Tidemark unless it says otherwise. Most take a tenth of a second; a loaded machine is
/// forgiven much.
const SECONDS: u64 = 180;
/// What describes the families' roots; not a family itself.
const ROOTS: &str = "roots.toml";
/// The tag of rows that are left out unless they are asked for.
pub const SLOW: &str = "slow";
/// Tags a row may have.
const TAGS: [&str; 6] = ["smoke", SLOW, "node", "browser", "threads", "schedules"];

/// The rows of one file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Family {
    /// The file's name without its extension.
    #[serde(skip)]
    pub name: String,
    /// What its rows run in: a name in `roots.toml`.
    pub root: String,
    /// What runs the rows' scripts: a program and its arguments before the script.
    pub interpreter: Vec<String>,
    /// Its rows, in the file's order.
    #[serde(rename = "row")]
    pub rows: Vec<Row>,
}

/// One command line, and what it must do.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// Its name, one of a kind in its family.
    pub name: String,
    /// What the family's interpreter is given as its last argument …
    pub script: Option<String>,
    /// … or the whole command line.
    pub argv: Option<Vec<String>>,
    /// Another root than the family's.
    pub root: Option<String>,
    /// Standard input; `/dev/null` without.
    pub stdin: Option<String>,
    /// Files that are there before it runs, by their absolute path in the guest.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// Programs of ours that it runs, by their path below `target/programs`; in the guest they are in [`PROGRAMS`].
    #[serde(default)]
    pub programs: Vec<String>,
    /// Which runs it belongs to: see the README.
    #[serde(default)]
    pub tags: BTreeSet<String>,
    /// The most instructions of a turn under random scheduling, where those of others would take too long.
    pub turns: Option<u64>,
    /// How long it may take in Tidemark, in seconds.
    pub seconds: Option<u64>,
    /// Why what it must do is not what the oracle does.
    pub differs: Option<String>,
    /// Its standard output.
    #[serde(default)]
    pub stdout: String,
    /// Its standard error, where it is looked at.
    pub stderr: Option<String>,
    /// Its exit code, or 128 and the signal that ended it.
    #[serde(default)]
    pub code: u8,
}

impl Row {
    /// How long it may take in Tidemark.
    pub fn limit(&self) -> Duration {
        Duration::from_secs(self.seconds.unwrap_or(SECONDS))
    }

    /// The whole command line.
    pub fn command(&self, family: &Family) -> Vec<String> {
        match (&self.argv, &self.script) {
            (Some(argv), _) => argv.clone(),
            (None, script) => family.interpreter.iter().chain(script).cloned().collect(),
        }
    }

    /// What is there before it runs.
    ///
    /// # Errors
    /// If one of its programs was not built.
    pub(super) fn all_files(&self) -> Result<Vec<File>> {
        let mut files: Vec<File> = self.files.iter().map(|(path, text)| File::text(path, text)).collect();
        let built = std::env::var_os(PROGRAMS_VARIABLE);
        let built = built.map_or_else(|| target().join("programs"), PathBuf::from);
        for name in &self.programs {
            let path = built.join(name);
            let content = fs::read(&path)
                .with_context(|| format!("no {}: run `cargo xtask build-guests`", path.display()))?;
            let file = path.file_name().and_then(|name| name.to_str()).context("a plain name")?;
            files.push(File { path: format!("{PROGRAMS}/{file}"), content, mode: EXECUTABLE });
        }
        Ok(files)
    }

    /// The root it runs in.
    pub fn root<'a>(&'a self, family: &'a Family) -> &'a str {
        self.root.as_deref().unwrap_or(&family.root)
    }
}

/// Where a row's own programs are in the guest: in `PATH`.
const PROGRAMS: &str = "/usr/local/bin";
/// Permissions of what can be run.
const EXECUTABLE: u32 = 0o755;
/// Says where they are on this machine, if not below the target folder.
const PROGRAMS_VARIABLE: &str = "TIDEMARK_PROGRAMS";

/// A file that a row finds.
pub(super) struct File {
    /// Where in the guest.
    pub(super) path: String,
    pub(super) content: Vec<u8>,
    /// Its permissions.
    pub(super) mode: u32,
}

impl File {
    fn text(path: &str, text: &str) -> Self {
        let mode = if text.starts_with("#!") { EXECUTABLE } else { 0o644 };
        Self { path: path.to_owned(), content: text.as_bytes().to_vec(), mode }
    }
}

/// The folder of the rows.
pub(super) fn sources() -> PathBuf {
    workspace().join("tests/userland")
}

/// Where what is built goes.
pub(super) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace().join("target"), PathBuf::from)
}

/// All families, by name.
///
/// # Errors
/// If a file is not as the README says.
pub fn families() -> Result<Vec<Family>> {
    let mut paths: Vec<PathBuf> = fs::read_dir(sources())
        .context("cannot list the rows")?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    paths.retain(|path| {
        path.extension().is_some_and(|extension| extension == "toml") && !path.ends_with(ROOTS)
    });
    paths.sort();
    paths.iter().map(|path| load(path)).collect()
}

/// What a root is made of.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Packages {
    pub(super) packages: Vec<String>,
    /// Whether they are installed over the essential ones and configured, or only unpacked.
    #[serde(default)]
    pub(super) configured: bool,
}

/// What each root is made of.
pub(super) fn roots() -> Result<BTreeMap<String, Packages>> {
    let path = sources().join(ROOTS);
    toml_edit::de::from_str(&read(&path)?).with_context(|| format!("{}", path.display()))
}

fn load(path: &Path) -> Result<Family> {
    let parse = || -> Result<Family> {
        let mut family: Family = toml_edit::de::from_str(&read(path)?)?;
        family.name = path.file_stem().and_then(|name| name.to_str()).context("a plain name")?.to_owned();
        check(&family)?;
        Ok(family)
    };
    parse().with_context(|| format!("{}", path.display()))
}

fn check(family: &Family) -> Result<()> {
    let mut seen = BTreeSet::new();
    for row in &family.rows {
        ensure!(seen.insert(&row.name), "two rows are called {}", row.name);
        ensure!(row.script.is_some() != row.argv.is_some(), "{}: one of script and argv", row.name);
        if let Some(tag) = row.tags.iter().find(|tag| !TAGS.contains(&tag.as_str())) {
            bail!("{}: there is no tag {tag}", row.name);
        }
    }
    Ok(())
}

/// Writes what the oracle did into the rows' file. Rows whose answer is not the oracle's stay as they are.
///
/// # Errors
/// If the file cannot be read or written.
pub(super) fn record(family: &Family, outcomes: &BTreeMap<String, Outcome>) -> Result<()> {
    let path = sources().join(format!("{}.toml", family.name));
    let mut document: DocumentMut = read(&path)?.parse().with_context(|| format!("{}", path.display()))?;
    let rows = document["row"].as_array_of_tables_mut().context("rows are [[row]] tables")?;
    for table in rows.iter_mut() {
        let name = table.get("name").and_then(|name| name.as_str()).unwrap_or_default();
        let Some(outcome) = outcomes.get(name) else { continue };
        if table.contains_key("differs") {
            continue;
        }
        table["stdout"] = value(&outcome.stdout);
        if table.contains_key("stderr") {
            table["stderr"] = value(&outcome.stderr);
        }
        match outcome.code {
            0 => _ = table.remove("code"),
            code => table["code"] = value(i64::from(code)),
        }
    }
    fs::write(&path, document.to_string()).with_context(|| format!("cannot write {}", path.display()))
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}
