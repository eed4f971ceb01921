//! Node from the npm registry, for machines whose packages have only an older one.

use anyhow::{Context, Result};
use xshell::{Shell, cmd};

use super::apt;
use crate::{project, tools};

/// The release line that is installed: the oldest that the Node host runs on, so that its tests hold it to that.
const RELEASE: u32 = tools::NODE_MAJOR_MIN;

/// Installs Node in the target folder, by npm, which comes by apt where it is missing.
///
/// # Errors
/// If there is no npm and none can be installed, or the registry has no Node for this machine.
pub(super) fn provide(sh: &Shell) -> Result<()> {
    if tools::on_path("npm").is_none() {
        apt::install(sh, &["npm"])?;
    }
    let folder = project::node();
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let release = format!("node@{RELEASE}");
    cmd!(sh, "npm install --prefix {folder} --no-save --no-fund --no-audit --loglevel=error {release}")
        .run()?;
    Ok(())
}
