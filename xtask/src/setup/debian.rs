//! Packages of Debian trixie, unpacked below the target folder and not installed.
//!
//! apt itself fetches them, from the machine's own Debian mirror but with lists of our own: so the release's signature
//! and the package's SHA-256 are checked, and proxies and credentials are those the machine is set up with.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use xshell::{Shell, cmd};

/// The release whose packages these are.
pub(crate) const RELEASE: &str = "trixie";
/// Who signs Debian's releases (package debian-archive-keyring).
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
/// Says where the mirror is, where the machine's own sources don't; the `tidemark` command reads it too.
const MIRROR_VARIABLE: &str = "TIDEMARK_DEBIAN_MIRROR";

/// One program of a package.
pub(crate) struct Program {
    pub(crate) package: &'static str,
    /// Debian's name for it; the machine's own if `None`.
    pub(crate) architecture: Option<&'static str>,
    /// Where it is in the package, beginning with `./`.
    pub(crate) path: &'static str,
}

impl Program {
    /// Fetches the package and puts the program at `to`, unless it is there.
    ///
    /// # Errors
    /// If the machine has no Debian mirror, or that fails.
    pub(crate) fn provide(&self, sh: &Shell, to: &Path) -> Result<()> {
        if to.is_file() {
            return Ok(());
        }
        let folder = to.parent().context("a program is in a folder")?;
        let work = folder.join("apt");
        let unpacked = self.fetch(sh, &work)?;
        // Last, and as one step: what is there is whole.
        std::fs::rename(&unpacked, to).with_context(|| format!("cannot create {}", to.display()))?;
        sh.remove_path(&work)?;
        Ok(())
    }

    fn fetch(&self, sh: &Shell, work: &Path) -> Result<PathBuf> {
        let Self { package, path, .. } = self;
        let options = &self.apt_options(sh, work)?;
        eprintln!("setup: fetching {package} of Debian {RELEASE}");
        cmd!(sh, "apt-get {options...} -q update").quiet().ignore_stdout().run()?;
        {
            let _in_work = sh.push_dir(work);
            cmd!(sh, "apt-get {options...} -q download {package}").quiet().ignore_stdout().run()?;
        }
        let is_package = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "deb");
        let deb = sh.read_dir(work)?.into_iter().find(is_package).context("apt-get downloaded no package")?;
        let tar = work.join("data.tar");
        sh.write_file(&tar, cmd!(sh, "dpkg-deb --fsys-tarfile {deb}").quiet().output()?.stdout)?;
        cmd!(sh, "tar -x -C {work} -f {tar} {path}").quiet().run()?;
        Ok(work.join(path))
    }

    /// Options that make apt forget the machine's own lists, and leave them alone.
    fn apt_options(&self, sh: &Shell, work: &Path) -> Result<Vec<String>> {
        ensure!(Path::new(KEYRING).is_file(), "{KEYRING} is missing: install debian-archive-keyring");
        for part in ["lists/partial", "cache/archives/partial"] {
            sh.create_dir(work.join(part))?;
        }
        let sources = work.join("sources.list");
        let mirror = mirror(sh)?;
        sh.write_file(&sources, format!("deb [signed-by={KEYRING}] {mirror} {RELEASE} main\n"))?;
        let mut options = vec![
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
        if let Some(architecture) = self.architecture {
            options.push(format!("APT::Architecture={architecture}"));
            options.push(format!("APT::Architectures={architecture}"));
        }
        Ok(options.into_iter().flat_map(|option| ["-o".to_owned(), option]).collect())
    }
}

/// The Debian archive that this machine is set up with.
fn mirror(sh: &Shell) -> Result<String> {
    if let Ok(named) = std::env::var(MIRROR_VARIABLE) {
        return Ok(named);
    }
    let format = "$(ORIGIN) $(CODENAME) $(REPO_URI)";
    let targets = cmd!(sh, "apt-get indextargets --format {format}").quiet().read()?;
    let mirror = targets.lines().find_map(|line| {
        let mut fields = line.splitn(3, ' ');
        let (origin, codename, uri) = (fields.next()?, fields.next()?, fields.next()?);
        // The security archive has no release of its own name to look in.
        (origin == "Debian" && !codename.ends_with("-security")).then(|| uri.to_owned())
    });
    mirror.with_context(|| {
        format!("apt has no Debian archive among its sources, or `apt-get update` never ran: set {MIRROR_VARIABLE}")
    })
}
