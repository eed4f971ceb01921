//! Starting programs, in the shape of `tokio::process::Command`.

use tidemark_kernel::{SpawnRequest, Stdio as KernelStdio, WindowSize};
use tidemark_runtime::Runtime;

use crate::child::{Child, Output};
use crate::error::{OutputError, SpawnError};

/// The environment that a new command starts with: what a login shell of Debian's root has.
const DEFAULT_ENV: [(&str, &str); 3] = [
    ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
    ("HOME", "/root"),
    ("TERM", "dumb"),
];

/// Where a standard stream goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stdio(pub(crate) KernelStdio);

impl Stdio {
    /// To the application, through a pipe.
    pub const fn piped() -> Stdio {
        Stdio(KernelStdio::Piped)
    }

    /// To `/dev/null`.
    pub const fn null() -> Stdio {
        Stdio(KernelStdio::Null)
    }

    /// To the terminal of [`Command::terminal`].
    pub const fn terminal() -> Stdio {
        Stdio(KernelStdio::Terminal)
    }

    /// To where standard output goes; for standard error only.
    pub const fn same_as_stdout() -> Stdio {
        Stdio(KernelStdio::SameAsStdout)
    }
}

/// A program to start in the guest: what to run and with what.
///
/// ```no_run
/// # async fn example(tidemark: &tidemark_sdk::Tidemark) -> Result<(), Box<dyn std::error::Error>> {
/// let output = tidemark.command("busybox").args(["seq", "3"]).output().await?;
/// assert_eq!(output.stdout, b"1\n2\n3\n");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Command {
    runtime: Runtime,
    request: SpawnRequest,
    env: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Command {
    pub(crate) fn new(runtime: Runtime, program: Vec<u8>) -> Command {
        let mut request = SpawnRequest::default();
        request.argv = vec![program.clone()];
        request.program = program;
        let env = DEFAULT_ENV.map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()));
        Command { runtime, request, env: env.into() }
    }

    /// Adds an argument.
    pub fn arg(&mut self, arg: impl AsRef<[u8]>) -> &mut Command {
        self.request.argv.push(arg.as_ref().to_vec());
        self
    }

    /// Adds arguments.
    pub fn args<A: AsRef<[u8]>>(&mut self, args: impl IntoIterator<Item = A>) -> &mut Command {
        self.request.argv.extend(args.into_iter().map(|arg| arg.as_ref().to_vec()));
        self
    }

    /// Sets the name that the program sees as its own (`argv[0]`).
    pub fn arg0(&mut self, name: impl AsRef<[u8]>) -> &mut Command {
        self.request.argv[0] = name.as_ref().to_vec();
        self
    }

    /// Sets an environment variable. At first there are `PATH`, `HOME` and `TERM`.
    pub fn env(&mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> &mut Command {
        self.env_remove(name.as_ref());
        self.env.push((name.as_ref().to_vec(), value.as_ref().to_vec()));
        self
    }

    /// Removes an environment variable.
    pub fn env_remove(&mut self, name: impl AsRef<[u8]>) -> &mut Command {
        self.env.retain(|(have, _)| have != name.as_ref());
        self
    }

    /// Removes every environment variable.
    pub fn env_clear(&mut self) -> &mut Command {
        self.env.clear();
        self
    }

    /// Sets the working directory in the guest; `/` at first.
    pub fn current_dir(&mut self, dir: impl AsRef<[u8]>) -> &mut Command {
        self.request.cwd = dir.as_ref().to_vec();
        self
    }

    /// Sets user and group id; root at first.
    pub fn ids(&mut self, uid: u32, gid: u32) -> &mut Command {
        self.request.ids = (uid, gid);
        self
    }

    /// Sets where standard input comes from; piped at first.
    pub fn stdin(&mut self, stdio: Stdio) -> &mut Command {
        self.request.stdio[0] = stdio.0;
        self
    }

    /// Sets where standard output goes; piped at first.
    pub fn stdout(&mut self, stdio: Stdio) -> &mut Command {
        self.request.stdio[1] = stdio.0;
        self
    }

    /// Sets where standard error goes; piped at first.
    pub fn stderr(&mut self, stdio: Stdio) -> &mut Command {
        self.request.stdio[2] = stdio.0;
        self
    }

    /// Gives the program a terminal of this size, in characters, for its standard input, output and error: it leads a
    /// session that the terminal controls. [`Child::stdin`] is the keyboard then, [`Child::stdout`] the screen, and
    /// [`Child::resize`] changes the size. `stdin`, `stdout` and `stderr` after this send single streams elsewhere.
    ///
    /// Programs ask `TERM` what the terminal understands: set it to what shows the bytes, such as `xterm-256color`.
    pub fn terminal(&mut self, columns: u16, rows: u16) -> &mut Command {
        self.request.terminal = Some(WindowSize::new(columns, rows));
        self.request.stdio = [KernelStdio::Terminal; 3];
        self
    }

    /// Starts the program. Does not wait for it; a pipe that nobody reads or closes may make it wait.
    ///
    /// # Errors
    /// See [`SpawnError`].
    pub async fn spawn(&self) -> Result<Child, SpawnError> {
        let mut request = self.request.clone();
        request.env =
            self.env.iter().map(|(name, value)| [name.as_slice(), b"=", value.as_slice()].concat()).collect();
        Ok(Child::new(self.runtime.spawn(request).await??))
    }

    /// Starts the program with its input at its end, waits for it, and collects what it wrote.
    ///
    /// # Errors
    /// See [`OutputError`].
    pub async fn output(&self) -> Result<Output, OutputError> {
        Ok(self.spawn().await?.wait_with_output().await?)
    }
}
