//! Maintainer scripts, run as dpkg runs them: by the packages' own dpkg, in a guest whose root is the unpacked system.

use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use tidemark_host_native::{NativeConfig, NativeHost};
use tidemark_sdk::layer::{BuildError, Layer};
use tidemark_sdk::{
    Child, Command, Config, ExitStatus, FileError, Snapshot, SnapshotError, SpawnError, SpawnRefused, Stdio,
    Tidemark,
};

use super::database::{Identity, is_script};
use super::deb::ControlData;
use super::error::DebianError;
use crate::progress::{Bar, Progress};

/// Where dpkg puts the control data of the package that it is about to unpack.
const INCOMING: &str = "/var/lib/dpkg/tmp.ci";
/// What asks whether a service may be started (Debian policy 9.3.3): none may, as nothing would stop it.
const POLICY_PATH: &str = "/usr/sbin/policy-rc.d";
const POLICY: &str = "#!/bin/sh\nexit 101\n";
/// How much of a script's output is kept for an error, in bytes.
const KEPT_OUTPUT: usize = 16 * 1024;
/// How long to look for output of a program that has ended, while others may still hold its pipe.
const LAST_WORDS: Duration = Duration::from_millis(100);
/// How many lines of it an error quotes.
const QUOTED_LINES: usize = 3;

/// A `preinst` to run.
#[derive(Clone, Copy)]
pub(super) struct Script<'a> {
    pub(super) identity: &'a Identity,
    /// The package's control data, which the script may look at.
    pub(super) control: &'a ControlData,
}

/// A guest that configures packages.
pub(super) struct Guest<'a> {
    tidemark: Tidemark,
    layer: Arc<Layer>,
    progress: &'a Progress,
    events: tokio::runtime::Runtime,
}

impl<'a> Guest<'a> {
    /// Starts a guest on a layer.
    ///
    /// # Errors
    /// [`DebianError::Guest`].
    pub(super) fn boot(layer: Arc<Layer>, progress: &'a Progress) -> Result<Self, DebianError> {
        let host = NativeHost::new(&NativeConfig::default()).map_err(broken)?;
        let tidemark = Tidemark::create(host, Config::default().layer(Arc::clone(&layer))).map_err(broken)?;
        let events = tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(broken)?;
        Ok(Self { tidemark, layer, progress, events })
    }

    /// Runs these `preinst`s, then, if `all`, `dpkg --configure -a`.
    ///
    /// # Errors
    /// [`DebianError::Script`] with what a script that failed last said.
    pub(super) fn configure(&self, preinsts: &[Script<'_>], all: bool) -> Result<(), DebianError> {
        let bar = self.progress.working("Configuring");
        self.events.block_on(async {
            let fs = self.tidemark.files();
            let has_policy = fs.symlink_metadata(POLICY_PATH).await.is_ok();
            if !has_policy {
                fs.write(POLICY_PATH, POLICY).await?;
                fs.set_permissions(POLICY_PATH, 0o755).await?;
            }
            for script in preinsts {
                bar.say(&format!("Preparing {}", script.identity.name));
                self.run_preinst(script).await?;
            }
            if all {
                self.run_dpkg(&bar).await?;
            }
            if !has_policy {
                fs.remove_file(POLICY_PATH).await?;
            }
            Ok(())
        })
    }

    /// What the guest changed, as a layer over the one that it began with, written to `out`; ends the guest.
    ///
    /// # Errors
    /// [`DebianError::Guest`], and what `failed` makes of an error of the layer's.
    pub(super) fn changes(
        self,
        out: File,
        failed: impl FnOnce(BuildError) -> DebianError,
    ) -> Result<(), DebianError> {
        self.events.block_on(async {
            let taken = self.tidemark.files().snapshot(&Snapshot::changes(), out).await;
            self.tidemark.shutdown().await;
            taken.map(drop).map_err(|error| match error {
                SnapshotError::Build(error) => failed(error),
                error => broken(error),
            })
        })
    }

    /// `preinst install`, with the environment that dpkg gives to maintainer scripts (dpkg(1), ENVIRONMENT).
    async fn run_preinst(&self, script: &Script<'_>) -> Result<(), DebianError> {
        let Script { identity, control } = script;
        let fs = self.tidemark.files();
        fs.create_dir_all(INCOMING).await?;
        for (name, content) in &control.files {
            let path = format!("{INCOMING}/{name}");
            fs.write(&path, content).await?;
            if is_script(name) {
                fs.set_permissions(&path, 0o755).await?;
            }
        }
        let mut command = self.command(&format!("{INCOMING}/preinst"));
        command
            .arg("install")
            .env("DPKG_MAINTSCRIPT_PACKAGE", &identity.name)
            .env("DPKG_MAINTSCRIPT_PACKAGE_REFCOUNT", "1")
            .env("DPKG_MAINTSCRIPT_ARCH", &identity.architecture)
            .env("DPKG_MAINTSCRIPT_NAME", "preinst")
            .env("DPKG_MAINTSCRIPT_DEBUG", "0")
            .env("DPKG_RUNNING_VERSION", self.dpkg_version())
            .env("DPKG_ADMINDIR", "/var/lib/dpkg")
            .env("DPKG_ROOT", "");
        let (status, output) = self.run(&command, |_| {}).await?;
        if !status.success() {
            return Err(DebianError::Script {
                package: identity.name.clone(),
                script: "preinst".into(),
                why: status.to_string(),
                output: last_lines(&output),
            });
        }
        for name in control.files.keys() {
            fs.remove_file(format!("{INCOMING}/{name}")).await?;
        }
        fs.remove_dir(INCOMING).await?;
        Ok(())
    }

    async fn run_dpkg(&self, bar: &Bar) -> Result<(), DebianError> {
        let mut command = self.command("dpkg");
        // There is nobody to ask about configuration files, and no disk to wait for.
        command.args(["--force-confdef", "--force-confold", "--force-unsafe-io", "--configure", "-a"]);
        let (status, output) = self
            .run(&command, |line| {
                if let Some(rest) = line.strip_prefix("Setting up ") {
                    bar.say(&format!("Configuring {}", rest.split([' ', ':']).next().unwrap_or_default()));
                }
            })
            .await?;
        if status.success() { Ok(()) } else { Err(script_error(&output, &status.to_string())) }
    }

    /// A command with the environment that packages are configured in.
    fn command(&self, program: &str) -> Command {
        let mut command = self.tidemark.command(program);
        command
            .stdin(Stdio::null())
            .stderr(Stdio::same_as_stdout())
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .env("DEBCONF_NONINTERACTIVE_SEEN", "true")
            .env("LC_ALL", "C.UTF-8")
            .env("LANG", "C.UTF-8");
        command
    }

    /// Runs a command to its end; what it wrote, from both streams, is given to `line` as it comes and returned as far
    /// as it is kept. What else holds the stream open, such as a daemon, is not waited for.
    async fn run(
        &self,
        command: &Command,
        mut line: impl FnMut(&str),
    ) -> Result<(ExitStatus, String), DebianError> {
        let mut child: Child = command.spawn().await.map_err(refused)?;
        let mut stdout = child.stdout.take();
        let mut output = Vec::new();
        let mut told = 0;
        let ended = child.wait();
        tokio::pin!(ended);
        let status = loop {
            let read = async {
                match &mut stdout {
                    Some(stdout) => stdout.read().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                bytes = read => match bytes.map_err(broken)? {
                    bytes if bytes.is_empty() => stdout = None,
                    bytes => output.extend_from_slice(&bytes),
                },
                status = &mut ended => break status.map_err(broken)?,
            }
            while let Some(len) = output[told..].iter().position(|&byte| byte == b'\n') {
                line(&String::from_utf8_lossy(&output[told..told + len]));
                told += len + 1;
            }
            if output.len() > 2 * KEPT_OUTPUT && told > KEPT_OUTPUT {
                let cut = output.len() - KEPT_OUTPUT;
                output.drain(..cut);
                told = told.saturating_sub(cut);
            }
        };
        // What was written before the end may still be in the pipe.
        while let Some(pipe) = &mut stdout {
            match tokio::time::timeout(LAST_WORDS, pipe.read()).await {
                Ok(Ok(bytes)) if !bytes.is_empty() => output.extend_from_slice(&bytes),
                _ => break,
            }
        }
        Ok((status, String::from_utf8_lossy(&output).into_owned()))
    }

    fn dpkg_version(&self) -> String {
        let status = crate::layer_content::text(&self.layer, "var/lib/dpkg/status").unwrap_or_default();
        super::deb822::stanzas(&status)
            .find(|stanza| stanza.get("Package") == Some("dpkg"))
            .and_then(|stanza| stanza.get("Version").map(str::to_owned))
            .unwrap_or_default()
    }
}

/// What dpkg said of the first package that it could not configure, and what the script said before.
fn script_error(output: &str, status: &str) -> DebianError {
    const FAILED: &str = "dpkg: error processing package ";
    let lines: Vec<&str> = output.lines().collect();
    let Some(at) = lines.iter().position(|line| line.starts_with(FAILED)) else {
        return DebianError::Script {
            package: "dpkg".into(),
            script: "dpkg --configure".into(),
            why: status.to_owned(),
            output: last_lines(output),
        };
    };
    let package = lines[at][FAILED.len()..].split(' ').next().unwrap_or_default();
    let why = lines.get(at + 1).map_or("", |line| line.trim());
    let script = ["post-installation", "pre-installation", "pre-removal", "post-removal"]
        .into_iter()
        .zip(["postinst", "preinst", "prerm", "postrm"])
        .find(|(name, _)| why.contains(name))
        .map_or("dpkg --configure", |(_, script)| script);
    let why = why.rsplit_once("returned ").map_or(why, |(_, why)| why);
    let said =
        lines[..at].iter().rposition(|line| line.starts_with("Setting up ")).map_or(0, |start| start + 1);
    DebianError::Script {
        package: package.to_owned(),
        script: script.to_owned(),
        why: why.to_owned(),
        output: last_lines(&lines[said.min(at)..at].join("\n")),
    }
}

/// The end of a text in one line.
fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let start = lines.len().saturating_sub(QUOTED_LINES);
    if lines.is_empty() { "nothing".into() } else { format!("{:?}", lines[start..].join("; ")) }
}

fn refused(error: SpawnError) -> DebianError {
    match error {
        SpawnError::Refused(SpawnRefused::NotFound { .. }) => DebianError::Guest {
            reason: "the packages have no dpkg or no shell to run their scripts with".into(),
        },
        error => broken(error),
    }
}

fn broken(error: impl std::fmt::Display) -> DebianError {
    DebianError::Guest { reason: error.to_string().split_whitespace().collect::<Vec<_>>().join(" ") }
}

impl From<FileError> for DebianError {
    fn from(error: FileError) -> Self {
        broken(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_package_script_and_last_words() {
        let output = "Setting up good (1) ...\nSetting up bad:riscv64 (1) ...\nfirst\nsecond\nthird\nfourth\n\
            dpkg: error processing package bad:riscv64 (--configure):\n installed bad:riscv64 package \
            post-installation script subprocess returned error exit status 3\nSetting up next (1) ...\n\
            Errors were encountered while processing:\n bad:riscv64\n";
        let DebianError::Script { package, script, why, output } = script_error(output, "exit code 1") else {
            panic!()
        };
        assert_eq!(
            (package.as_str(), script.as_str(), why.as_str()),
            ("bad:riscv64", "postinst", "error exit status 3")
        );
        assert_eq!(output, "\"second; third; fourth\"");
    }

    #[test]
    fn other_failures_quote_what_there_is() {
        let DebianError::Script { output, .. } = script_error("dpkg: error: oh\n", "exit code 1") else {
            panic!()
        };
        assert_eq!(output, "\"dpkg: error: oh\"");
        assert_eq!(last_lines("\n \n"), "nothing");
    }
}
