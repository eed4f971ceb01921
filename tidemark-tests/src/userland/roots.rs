//! The roots that rows run in: layers of Debian packages, fetched by the `tidemark` command and shared by all rows.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, ensure};
use tidemark_sdk::layer::{Layer, open_layer};

use super::table::{self, Packages};
use crate::program::workspace;

/// Names the `tidemark` command to fetch with; built where it is not set.
const COMMAND_VARIABLE: &str = "TIDEMARK_COMMAND";

/// One root: where its layer is, and the layer.
#[derive(Clone)]
pub(super) struct Root {
    pub(super) path: PathBuf,
    pub(super) layer: Arc<Layer>,
}

/// All roots; each is fetched when it is first asked for.
pub struct Roots {
    packages: BTreeMap<String, Packages>,
    open: Mutex<BTreeMap<String, Root>>,
}

impl Roots {
    /// Reads what they are made of.
    ///
    /// # Errors
    /// If `roots.toml` is not as the README says.
    pub(super) fn read() -> Result<Self> {
        Ok(Self { packages: table::roots()?, open: Mutex::default() })
    }

    /// Gets a root, from the network where it is not in the cache.
    ///
    /// # Errors
    /// If there is none of the name, or its packages can't be had.
    pub(super) fn prepare(&self, name: &str) -> Result<()> {
        self.get(name).map(drop)
    }

    pub(super) fn get(&self, name: &str) -> Result<Root> {
        // One fetch at a time: two would build the command, and load the mirror, at once.
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(root) = open.get(name) {
            return Ok(root.clone());
        }
        let packages = self.packages.get(name).with_context(|| format!("there is no root called {name}"))?;
        let path = fetch(packages).with_context(|| format!("no packages for the root {name}"))?;
        let layer = open_layer(&path).with_context(|| format!("{}", path.display()))?;
        let root = Root { path, layer };
        open.insert(name.to_owned(), root.clone());
        Ok(root)
    }
}

/// Fetches packages; returns the path of their layer.
fn fetch(root: &Packages) -> Result<PathBuf> {
    let mut command = match std::env::var_os(COMMAND_VARIABLE) {
        Some(path) => Command::new(path),
        None => {
            let mut command = Command::new(env!("CARGO"));
            command.args(["run", "--quiet", "-p", "tidemark-cli", "--"]);
            command
        }
    };
    command.args(["fetch", "--quiet"]).current_dir(workspace());
    if !root.configured {
        command.arg("--no-essential");
    }
    command.args(&root.packages);
    let output = command.stderr(Stdio::inherit()).output().context("cannot run the tidemark command")?;
    ensure!(output.status.success(), "`tidemark fetch` failed: {}", output.status);
    let path = String::from_utf8(output.stdout).context("its path is text")?;
    Ok(Path::new(path.trim_end()).to_owned())
}
