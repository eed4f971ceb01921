//! The oracle: `qemu-riscv64` of Debian trixie, a static program, unpacked into the target folder and not installed.
//!
//! Older releases have defects that tests would have to work around (7.2 computes `ctzw` wrongly and has no vDSO). apt
//! itself fetches it, from the machine's own Debian mirror but with lists of our own: so the release's signature and
//! the package's SHA-256 are checked, and proxies and credentials are those the machine is set up with.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use xshell::{Shell, cmd};

use crate::{project, tools};

const RELEASE: &str = "trixie";
const PACKAGE: &str = "qemu-user";
const PROGRAM: &str = "./usr/bin/qemu-riscv64";
/// Who signs Debian's releases (package debian-archive-keyring).
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Unpacks the oracle unless that was done. Where it can't be had the system's emulator has to do, with a notice.
///
/// # Errors
/// If there is no emulator at all.
pub(crate) fn provide(sh: &Shell) -> Result<()> {
    if project::oracle().is_file() {
        return Ok(());
    }
    if let Err(error) = fetch(sh) {
        let fallback = tools::oracle()?;
        let version = tools::first_line(&fallback, &["--version"]).unwrap_or_default();
        eprintln!(
            "setup: no oracle from Debian {RELEASE} ({error:#}); using {} ({version})",
            fallback.display()
        );
    }
    Ok(())
}

fn fetch(sh: &Shell) -> Result<()> {
    let mirror = debian_mirror(sh)?;
    ensure!(Path::new(KEYRING).is_file(), "{KEYRING} is missing");
    let oracle = project::oracle();
    let folder = oracle.parent().context("the oracle is in a folder")?;
    let work = folder.join("apt");
    for part in ["lists/partial", "cache/archives/partial"] {
        sh.create_dir(work.join(part))?;
    }
    let sources = work.join("sources.list");
    sh.write_file(&sources, format!("deb [signed-by={KEYRING}] {mirror} {RELEASE} main\n"))?;
    let options = [
        format!("Dir::Etc::sourcelist={}", sources.display()),
        "Dir::Etc::sourceparts=/dev/null".to_owned(),
        format!("Dir::State::lists={}", work.join("lists").display()),
        format!("Dir::Cache={}", work.join("cache").display()),
        // The machine's pins are about its own release.
        "Dir::Etc::preferences=/dev/null".to_owned(),
        "Dir::Etc::preferencesparts=/dev/null".to_owned(),
        // apt's own unprivileged user can't write below the target folder.
        "APT::Sandbox::User=".to_owned(),
        "Acquire::Languages=none".to_owned(),
    ];
    let options: &[String] =
        &options.into_iter().flat_map(|option| ["-o".to_owned(), option]).collect::<Vec<_>>();
    eprintln!("setup: fetching {PACKAGE} of Debian {RELEASE}");
    cmd!(sh, "apt-get {options...} -q update").quiet().run()?;
    {
        let _in_work = sh.push_dir(&work);
        cmd!(sh, "apt-get {options...} -q download {PACKAGE}").quiet().run()?;
    }
    let deb = sh
        .read_dir(&work)?
        .into_iter()
        .find(|path| path.extension().is_some_and(|ext| ext == "deb"))
        .context("apt-get downloaded no package")?;
    let tar = work.join("data.tar");
    let archive = cmd!(sh, "dpkg-deb --fsys-tarfile {deb}").quiet().output()?.stdout;
    sh.write_file(&tar, archive)?;
    cmd!(sh, "tar -x -C {work} -f {tar} {PROGRAM}").quiet().run()?;
    let unpacked = work.join(PROGRAM);
    cmd!(sh, "{unpacked} --version")
        .quiet()
        .ignore_stdout()
        .run()
        .context("the unpacked oracle doesn't run")?;
    // Last, and as one step: what is there is whole.
    std::fs::rename(&unpacked, &oracle).with_context(|| format!("cannot create {}", oracle.display()))?;
    sh.remove_path(&work)?;
    Ok(())
}

/// The Debian archive that this machine is set up with.
fn debian_mirror(sh: &Shell) -> Result<String> {
    let format = "$(ORIGIN) $(CODENAME) $(REPO_URI)";
    let targets = cmd!(sh, "apt-get indextargets --format {format}").quiet().read()?;
    let mirror = targets.lines().find_map(|line| {
        let mut fields = line.splitn(3, ' ');
        let (origin, codename, uri) = (fields.next()?, fields.next()?, fields.next()?);
        // The security archive has no release of its own name to look in.
        (origin == "Debian" && !codename.ends_with("-security")).then(|| uri.to_owned())
    });
    mirror.context("apt has no Debian archive among its sources, or `apt-get update` never ran")
}
