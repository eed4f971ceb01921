//! Starting programs, in the shape of `tokio::process::Command`.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tidemark_kernel::task::{RLimit, Resource, TimeLimit};
use tidemark_kernel::{SpawnRequest, WindowSize};
use tidemark_runtime::{Runtime, Sink};

use super::child::Child;
use super::output::{Output, OutputLimit, Overflow};
use super::stdio::Stdio;
use super::user;
use crate::error::{OutputError, SpawnError};

/// The environment that a new command starts with: what a login shell of Debian's root has.
const DEFAULT_ENV: [(&str, &str); 3] = [
    ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
    ("HOME", "/root"),
    ("TERM", "dumb"),
];

/// Variables that follow the user (`login(1)`).
const ACCOUNT_ENV: [&str; 3] = ["HOME", "USER", "LOGNAME"];

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
    /// Variables that the application set or removed.
    explicit: BTreeSet<Vec<u8>>,
    user: Option<String>,
    stdio: [Stdio; 3],
    /// What takes standard output and standard error as they come.
    callbacks: [Option<Callback>; 2],
    timeout: Option<Duration>,
    grace: Duration,
    output_limit: OutputLimit,
    kill_on_drop: bool,
}

type Callback = Arc<Mutex<dyn FnMut(&[u8]) + Send>>;

/// How long a program has to react to `SIGTERM` after its time limit.
const GRACE: Duration = Duration::from_secs(5);

impl Command {
    pub(crate) fn new(runtime: Runtime, program: Vec<u8>) -> Command {
        let mut request = SpawnRequest::default();
        request.argv = vec![program.clone()];
        request.program = program;
        let env = DEFAULT_ENV.map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()));
        Command {
            runtime,
            request,
            env: env.into(),
            explicit: BTreeSet::new(),
            user: None,
            stdio: [const { Stdio::piped() }; 3],
            callbacks: [None, None],
            timeout: None,
            grace: GRACE,
            output_limit: OutputLimit::NONE,
            kill_on_drop: false,
        }
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
        self.explicit.insert(name.as_ref().to_vec());
        self
    }

    /// Removes every environment variable.
    pub fn env_clear(&mut self) -> &mut Command {
        let names = self.env.drain(..).map(|(name, _)| name);
        self.explicit.extend(names.chain(ACCOUNT_ENV.map(|name| name.as_bytes().to_vec())));
        self
    }

    /// Sets the working directory in the guest; `/` at first.
    pub fn current_dir(&mut self, dir: impl AsRef<[u8]>) -> &mut Command {
        self.request.cwd = dir.as_ref().to_vec();
        self
    }

    /// Sets user and group id, without supplementary groups; root at first.
    pub fn ids(&mut self, uid: u32, gid: u32) -> &mut Command {
        self.user = None;
        self.request.ids = (uid, gid);
        self
    }

    /// Sets the supplementary groups; none at first.
    pub fn groups(&mut self, groups: impl IntoIterator<Item = u32>) -> &mut Command {
        self.request.groups = groups.into_iter().collect();
        self
    }

    /// Sets the user, and optionally the group, by name or number as the guest's `/etc/passwd` and `/etc/group` have them
    /// when the program starts: `ann`, `1000`, `ann:staff`, `1000:100`. Without a group, the user's groups are taken; a
    /// number that is nobody's is its own group. `HOME`, `USER` and `LOGNAME` follow, unless they were set or removed.
    pub fn user(&mut self, user: impl Into<String>) -> &mut Command {
        self.user = Some(user.into());
        self
    }

    /// Sets the nice value (`nice(2)`), -20 to 19; 0 at first.
    pub fn nice(&mut self, nice: i8) -> &mut Command {
        self.request.nice = nice;
        self
    }

    /// Sets a resource limit (`setrlimit(2)`) of the program and what it starts.
    pub fn rlimit(&mut self, resource: Resource, soft: u64, hard: u64) -> &mut Command {
        self.request.rlimits.push((resource, RLimit { soft, hard }));
        self
    }

    /// Sets the permission bits that new files don't get (`umask(2)`); `0o022` at first.
    pub fn umask(&mut self, umask: u16) -> &mut Command {
        self.request.umask = Some(umask);
        self
    }

    /// Has the program join another's process group and session, as the commands of a pipeline do. At first each program
    /// leads a session and group of its own.
    pub fn beside(&mut self, other: &Child) -> &mut Command {
        self.request.beside = Some(other.process().pid());
        self
    }

    /// Sets how long the program may run. Then its process group is sent `SIGTERM`, and, after
    /// [`kill_after`](Self::kill_after), `SIGKILL`; the result says so.
    pub fn timeout(&mut self, timeout: Duration) -> &mut Command {
        self.timeout = Some(timeout);
        self
    }

    /// Sets how long a program whose time is over has to end by itself; 5 seconds at first.
    pub fn kill_after(&mut self, grace: Duration) -> &mut Command {
        self.grace = grace;
        self
    }

    /// Sets how many bytes of each stream [`output`](Self::output) keeps, and what becomes of a program that writes more.
    /// At first everything is kept.
    pub fn max_output(&mut self, bytes: usize, overflow: Overflow) -> &mut Command {
        self.output_limit = OutputLimit { bytes, overflow };
        self
    }

    /// Whether the program's process group is killed (`SIGKILL`) when its [`Child`] is dropped; not at first.
    pub fn kill_on_drop(&mut self, kill: bool) -> &mut Command {
        self.kill_on_drop = kill;
        self
    }

    /// Sets where standard input comes from; piped at first.
    pub fn stdin(&mut self, stdio: impl Into<Stdio>) -> &mut Command {
        self.stdio[0] = stdio.into();
        self
    }

    /// Sets where standard output goes; piped at first.
    pub fn stdout(&mut self, stdio: impl Into<Stdio>) -> &mut Command {
        self.callbacks[0] = None;
        self.stdio[1] = stdio.into();
        self
    }

    /// Sets where standard error goes; piped at first.
    pub fn stderr(&mut self, stdio: impl Into<Stdio>) -> &mut Command {
        self.callbacks[1] = None;
        self.stdio[2] = stdio.into();
        self
    }

    /// Has `callback` called with standard output as it comes; `Child::stdout` is not there then. It is called on the
    /// sandbox's event loop, everything that the program wrote before its end is told of: it must be quick, and not wait.
    pub fn on_stdout(&mut self, callback: impl FnMut(&[u8]) + Send + 'static) -> &mut Command {
        self.stdout(Stdio::piped());
        self.callbacks[0] = Some(Arc::new(Mutex::new(callback)));
        self
    }

    /// As [`on_stdout`](Self::on_stdout), for standard error.
    pub fn on_stderr(&mut self, callback: impl FnMut(&[u8]) + Send + 'static) -> &mut Command {
        self.stderr(Stdio::piped());
        self.callbacks[1] = Some(Arc::new(Mutex::new(callback)));
        self
    }

    /// Gives the program a terminal of this size, in characters, for its standard input, output and error: it leads a
    /// session that the terminal controls. [`Child::stdin`] is the keyboard then, [`Child::stdout`] the screen, and
    /// [`Child::resize`] changes the size. `stdin`, `stdout` and `stderr` after this send single streams elsewhere.
    ///
    /// Programs ask `TERM` what the terminal understands: set it to what shows the bytes, such as `xterm-256color`.
    pub fn terminal(&mut self, columns: u16, rows: u16) -> &mut Command {
        self.request.terminal = Some(WindowSize::new(columns, rows));
        self.stdio = [const { Stdio::terminal() }; 3];
        self.callbacks = [None, None];
        self
    }

    /// Starts the program. Does not wait for it; a pipe that nobody reads or closes may make it wait.
    ///
    /// # Errors
    /// See [`SpawnError`].
    pub async fn spawn(&self) -> Result<Child, SpawnError> {
        let mut request = self.request.clone();
        let mut env = self.env.clone();
        if let Some(user) = &self.user {
            let user = user::find(&self.runtime, user).await?;
            request.ids = (user.uid, user.gid);
            request.groups = user.groups;
            if let Some((name, home)) = user.account {
                for (variable, value) in ACCOUNT_ENV.iter().zip([&home, &name, &name]) {
                    if !self.explicit.contains(variable.as_bytes()) {
                        env.retain(|(have, _)| have != variable.as_bytes());
                        env.push((variable.as_bytes().to_vec(), value.clone()));
                    }
                }
            }
        }
        request.env =
            env.iter().map(|(name, value)| [name.as_slice(), b"=", value.as_slice()].concat()).collect();
        request.time_limit =
            self.timeout.map(|after| TimeLimit { after: nanos(after), grace: nanos(self.grace) });
        let mut sinks = [None, None];
        // Open until the program has its own.
        let mut opened = Vec::new();
        for (fd, stdio) in self.stdio.iter().enumerate() {
            let (kernel_stdio, file, sink) = stdio.prepare(&self.runtime, fd).await?;
            request.stdio[fd] = kernel_stdio;
            opened.extend(file);
            if let Some(slot) = fd.checked_sub(1).and_then(|at| sinks.get_mut(at)) {
                *slot = sink;
            }
        }
        for (sink, callback) in sinks.iter_mut().zip(&self.callbacks) {
            if let Some(callback) = callback {
                *sink = Some(calls(Arc::clone(callback)));
            }
        }
        let process = self.runtime.spawn_into(request, sinks).await??;
        Ok(Child::new(process, self.output_limit, self.kill_on_drop))
    }

    /// Starts the program with its input at its end, waits for it, and collects what it wrote.
    ///
    /// # Errors
    /// See [`OutputError`].
    pub async fn output(&self) -> Result<Output, OutputError> {
        Ok(self.spawn().await?.wait_with_output().await?)
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// A sink that calls back. A callback that panicked takes the sandbox with it; another sandbox' may go on.
fn calls(callback: Callback) -> Sink {
    Box::new(move |bytes: Bytes| (callback.lock().unwrap_or_else(PoisonError::into_inner))(&bytes))
}
