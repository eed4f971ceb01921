//! One row on the oracle: `qemu-riscv64` runs the same root in a chroot, children too.
//!
//! Needs root, for the mounts and for `binfmt_misc`: qemu is registered as the interpreter of riscv64 programs while an
//! [`Oracle`] lives, with the flag `F`, so that it is found also in a chroot, and `P`, so that programs see their own
//! `argv[0]` (`Documentation/admin-guide/binfmt-misc.rst`).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::guest::{ENVIRONMENT, FOLDER, Outcome};
use super::outside::{fed, put_files};
use super::roots::Root;
use super::table::{Family, Row, sources, target};
use super::unpack::unpack;

/// Where the kernel takes registrations.
const BINFMT: &str = "/proc/sys/fs/binfmt_misc";
/// An ELF file for riscv64: class 64, little-endian, executable or shared, machine 243.
const MAGIC: &str = r"\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xf3\x00";
const MASK: &str = r"\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff";
/// Host name of a sandbox that was given none.
const HOSTNAME: &str = "tidemark";
/// What the commands that set up a row need of the caller's.
const TOOLS: &str = "/usr/sbin:/usr/bin:/sbin:/bin";
/// How much longer than in Tidemark a row may take.
const PATIENCE: u32 = 2;

/// The oracle, registered.
pub struct Oracle {
    registration: PathBuf,
    roots: PathBuf,
}

impl Oracle {
    /// Registers `qemu`.
    ///
    /// # Errors
    /// Without the rights it takes, or where the kernel has no `binfmt_misc`.
    pub fn register(qemu: &Path) -> Result<Self> {
        let name = format!("tidemark-userland-{}", std::process::id());
        let rule = format!(":{name}:M::{MAGIC}:{MASK}:{}:POCF", qemu.display());
        fs::write(Path::new(BINFMT).join("register"), rule).with_context(|| {
            format!("cannot register the oracle: needs root, and binfmt_misc mounted on {BINFMT}")
        })?;
        Ok(Self { registration: Path::new(BINFMT).join(name), roots: target().join("userland") })
    }

    /// Runs a row.
    ///
    /// # Errors
    /// If the root cannot be set up, or the row's time is up.
    pub(super) fn run(&self, family: &Family, row: &Row, root: &Root) -> Result<Outcome> {
        let folder = self.unpacked(root)?;
        let work = tempfile::tempdir()?;
        let (files, scratch) = (work.path().join("files"), work.path().join("scratch"));
        fs::create_dir(&files)?;
        fs::create_dir(&scratch)?;
        put_files(row, &files)?;
        let limit = row.limit() * PATIENCE;
        let mut command = Command::new("timeout");
        command
            .args(["--kill-after=5", &limit.as_secs().to_string()])
            .args(["unshare", "--mount", "--pid", "--uts", "--fork", "--kill-child"])
            .arg(sources().join("oracle.sh"))
            .args([&folder, &files, &scratch])
            .args([HOSTNAME, FOLDER])
            .args(row.command(family))
            .env_clear()
            .envs([("PATH", TOOLS), ("HOME", "/root"), ("TERM", "dumb")])
            .envs(ENVIRONMENT);
        let output = fed(&mut command, row).context("cannot start the oracle")?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        let measured = fs::read_to_string(work.path().join("scratch.nanoseconds"));
        ensure!(measured.is_ok(), "no end within {} s, or no start: {stderr}", limit.as_secs());
        let took = Duration::from_nanos(measured?.trim().parse()?);
        let code = output.status.code().and_then(|code| u8::try_from(code).ok());
        Ok(Outcome { stdout, stderr, took, code: code.context("the oracle itself was ended by a signal")? })
    }

    /// The folder of a root's layer; unpacked the first time.
    fn unpacked(&self, root: &Root) -> Result<PathBuf> {
        let name = root.path.file_stem().context("a layer has a name")?;
        let folder = self.roots.join(name);
        if !folder.is_dir() {
            fs::create_dir_all(&self.roots)?;
            let unfinished = tempfile::tempdir_in(&self.roots)?;
            let tree = unfinished.path().join("root");
            unpack(&root.layer, &tree)?;
            // As one step: what is there is whole. Where two did it, the first one's stays.
            if let Err(error) = fs::rename(&tree, &folder)
                && !folder.is_dir()
            {
                return Err(error).with_context(|| format!("cannot make {}", folder.display()));
            }
        }
        Ok(folder)
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        // Nothing is left but a name if this fails.
        _ = fs::write(&self.registration, "-1");
    }
}
