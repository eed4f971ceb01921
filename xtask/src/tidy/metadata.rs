//! What cargo says about the packages of the workspace and those they depend on.

use anyhow::{Context, Result};
use serde_json::Value;
use xshell::{Shell, cmd};

use crate::project;

/// One package of the resolved graph.
pub(crate) struct Package {
    pub(crate) name: String,
    /// An SPDX expression.
    pub(crate) licence: Option<String>,
    pub(crate) member: bool,
    /// Its folder from the root, if it is a member.
    pub(crate) folder: String,
    /// Names of what it depends on when it is built, not when it is tested.
    pub(crate) dependencies: Vec<String>,
}

/// # Errors
/// If cargo refuses, or answers what can't be understood.
pub(crate) fn read(sh: &Shell) -> Result<Vec<Package>> {
    let text = cmd!(sh, "cargo metadata --format-version 1 --locked").quiet().ignore_stderr().read()?;
    let metadata: Value = serde_json::from_str(&text).context("cargo metadata is no JSON")?;
    let members = metadata["workspace_members"].as_array().context("no workspace_members")?;
    metadata["packages"]
        .as_array()
        .context("no packages")?
        .iter()
        .map(|value| package(value, members))
        .collect()
}

fn package(value: &Value, members: &[Value]) -> Result<Package> {
    let text = |name: &str| value[name].as_str().map(str::to_owned);
    let dependencies = value["dependencies"].as_array().context("no dependencies")?;
    let built_in = |dependency: &&Value| dependency["kind"].as_str() != Some("dev");
    let manifest = text("manifest_path").context("no manifest_path")?;
    let folder = manifest.strip_suffix("/Cargo.toml").unwrap_or(&manifest);
    let root = project::root();
    let relative = std::path::Path::new(folder).strip_prefix(&root).map(|path| path.display().to_string());
    Ok(Package {
        name: text("name").context("a package without a name")?,
        licence: text("license"),
        member: members.contains(&value["id"]),
        folder: relative.unwrap_or_default(),
        dependencies: dependencies
            .iter()
            .filter(built_in)
            .filter_map(|dependency| dependency["name"].as_str().map(str::to_owned))
            .collect(),
    })
}
