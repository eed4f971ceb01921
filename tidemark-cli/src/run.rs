//! `tidemark run`: a program in a guest, with this process's standard streams, signals and exit code.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use tidemark_host_native::{NativeConfig, NativeHost, thread_cpu_nanos};
use tidemark_sdk::layer::{OpenError, open_layer};
use tidemark_sdk::{
    Child, Command, Config, ExitStatus, Gone, HoldTimes, Limits, LockMeasure, LockReport, Schedule,
    SpawnError, SpawnRefused, StartError, Stdio, Tidemark,
};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::cache::Cache;
use crate::cli::RunArgs;
use crate::debian::DebianError;
use crate::exit::{NOT_EXECUTABLE, NOT_FOUND, TIDEMARK_FAILED, TIMED_OUT};
use crate::fetch;
use crate::layers::{self, RemoteError, SourceError};
use crate::limits;
use crate::mounts::{self, MountError};
use crate::stdio::{OutputEnd, pump_input, pump_output};
use crate::terminal::{self, RawMode};
use crate::user::{self, User, UserError};

/// What `$?` is in a shell after SIGPIPE ended a program.
const SIGPIPE_CODE: u8 = 128 + 13;
/// What a program that did not end by itself has left to end after SIGTERM.
const TIME_TO_END: Duration = Duration::from_secs(2);
/// So many interrupts end Tidemark, whatever the guest makes of them.
const INTERRUPTS_TO_END: u32 = 3;

/// Runs a program; returns its exit code.
pub(crate) fn run(args: &RunArgs) -> ExitCode {
    match try_run(args) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("tidemark: {error}");
            ExitCode::from(error.code())
        }
    }
}

/// Why a program did not run, or not to its end.
#[derive(Debug, thiserror::Error)]
enum RunError {
    #[error(
        "the guest has no files: name packages with --debian, a layer with --layer or a folder with --rootfs"
    )]
    NoFiles,
    #[error("{0:?} is not a variable: give NAME=VALUE, or NAME to take its value from here")]
    BadVariable(String),
    #[error("no cache directory: {0}; name one with --cache-dir")]
    NoCache(io::Error),
    #[error(transparent)]
    Debian(#[from] DebianError),
    #[error(transparent)]
    Rootfs(#[from] SourceError),
    #[error(transparent)]
    Remote(#[from] RemoteError),
    #[error("cannot write system calls to {}: {source}", path.display())]
    TraceFile { path: PathBuf, source: io::Error },
    #[error(transparent)]
    User(#[from] UserError),
    #[error(transparent)]
    Mount(#[from] MountError),
    #[error(transparent)]
    Layer(#[from] OpenError),
    #[error("cannot start: {0}")]
    Platform(#[from] io::Error),
    #[error("this machine cannot host a guest: {0}")]
    Host(String),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Spawn(#[from] SpawnError),
    #[error(transparent)]
    Gone(#[from] Gone),
    #[error("cannot write to {stream}: {source}")]
    Output { stream: &'static str, source: io::Error },
}

impl RunError {
    fn code(&self) -> u8 {
        match self {
            Self::Spawn(SpawnError::Refused(SpawnRefused::NotFound { .. })) => NOT_FOUND,
            Self::Spawn(SpawnError::Refused(SpawnRefused::NotExecutable { .. })) => NOT_EXECUTABLE,
            _ => TIDEMARK_FAILED,
        }
    }
}

fn try_run(args: &RunArgs) -> Result<u8, RunError> {
    // What the guest runs from stays in the cache as long as this.
    let cache =
        Cache::new(args.source.cache_dir.as_deref(), args.source.cache_limit).map_err(RunError::NoCache)?;
    let config = config(args, &cache)?;
    let host = NativeHost::new(&NativeConfig {
        // Twice, so that the budget is what runs out, not the address space.
        reserved_bytes: NativeConfig::default().reserved_bytes.max(args.memory.saturating_mul(2)),
        ..NativeConfig::default()
    })
    .map_err(|error| RunError::Host(error.to_string()))?;
    if let Schedule::Random(_) = args.schedule {
        eprintln!("tidemark: --schedule {} repeats this run", args.schedule);
    }
    let started = Instant::now();
    let tidemark = Tidemark::create(host, config)?;
    let mut command =
        tidemark.command(args.command.first().map_or(b"".as_slice(), |program| program.as_bytes()));
    command.args(args.command.iter().skip(1).map(|arg| arg.as_bytes()));
    command.current_dir(args.workdir.as_bytes());
    let has_terminal = terminal::is_wanted(args.tty);
    if has_terminal {
        let (columns, rows) = terminal::size();
        command.terminal(columns, rows);
        if !io::stderr().is_terminal() {
            command.stderr(Stdio::piped());
        }
        if let Some(name) = std::env::var_os("TERM") {
            command.env("TERM", name.as_bytes());
        }
        // Terminals show UTF-8; the one locale of it that every Debian has says so to programs.
        command.env("LANG", "C.UTF-8");
    }
    let events = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    if let Some(user) = &args.user {
        become_user(&mut command, &events.block_on(user::find(user, &tidemark))?);
    }
    set_environment(&mut command, &args.env)?;

    let ended = events.block_on(supervise(&command, has_terminal, args.timeout));
    // A read of standard input may be under way for ever.
    events.shutdown_background();
    if args.stats {
        eprintln!("tidemark: {}", stats(started.elapsed(), &tidemark.lock_report()));
    }
    ended
}

/// The guest's files, limits and names.
fn config(args: &RunArgs, cache: &Cache) -> Result<Config, RunError> {
    if args.debian.is_empty() && args.layer.is_empty() && args.rootfs.is_empty() {
        return Err(RunError::NoFiles);
    }
    let mut limits = Limits::default();
    limits.memory_bytes = args.memory;
    limits::apply(&mut limits, &args.limit);
    let mut config =
        Config::default().limits(limits).hostname(args.hostname.as_str()).schedule(args.schedule);
    if !args.debian.is_empty() {
        config = config.layer(open_layer(fetch::layer(&args.debian, &args.source, cache)?)?);
    }
    for name in &args.layer {
        config = config.layer(layers::open(name, &args.source, cache)?);
    }
    for path in &args.rootfs {
        config = config.layer(layers::layer(path, cache)?);
    }
    if let Some(cpus) = args.cpus {
        config = config.workers(cpus);
    }
    config = mounts::mount(config, &args.mount)?;
    if args.strace.is_some() || args.strace_output.is_some() {
        let filter = args.strace.as_deref().unwrap_or_default();
        let names = filter.split(',').map(str::trim).filter(|name| !name.is_empty());
        config = config.trace(names, trace_sink(args.strace_output.as_deref())?);
    }
    Ok(if args.stats { config.measure_lock(LockMeasure::Worked(thread_cpu_nanos)) } else { config })
}

/// Runs the command as a user, at home in its variables as after login(1).
fn become_user(command: &mut Command, user: &User) {
    command.ids(user.uid, user.gid);
    if let Some((name, home)) = &user.known_as {
        command.env("HOME", home).env("USER", name).env("LOGNAME", name);
    }
}

/// Takes a line about the guest's system calls.
type TraceSink = Box<dyn Fn(&str) + Send + Sync>;

/// Where lines about system calls go: a file, or standard error.
fn trace_sink(path: Option<&Path>) -> Result<TraceSink, RunError> {
    let Some(path) = path else {
        // Standard error that is gone takes the trace with it.
        return Ok(Box::new(|line| _ = write!(io::stderr(), "{line}{}", terminal::line_end())));
    };
    let failed = |source| RunError::TraceFile { path: path.to_owned(), source };
    let file = File::create(path).map_err(failed)?;
    // A disk that is full ends the trace, not the program.
    Ok(Box::new(move |line| _ = writeln!(&file, "{line}")))
}

fn set_environment(command: &mut Command, variables: &[impl AsRef<OsStr>]) -> Result<(), RunError> {
    for variable in variables {
        let variable = variable.as_ref();
        let bytes = variable.as_bytes();
        match bytes.iter().position(|&byte| byte == b'=') {
            Some(0) => return Err(RunError::BadVariable(variable.to_string_lossy().into_owned())),
            Some(at) => _ = command.env(&bytes[..at], &bytes[at + 1..]),
            None => match std::env::var_os(variable) {
                Some(value) => _ = command.env(bytes, value.as_bytes()),
                None => _ = command.env_remove(bytes),
            },
        }
    }
    Ok(())
}

/// Starts the program, serves its streams, passes signals on, and waits for its end.
async fn supervise(command: &Command, has_terminal: bool, timeout: Option<Duration>) -> Result<u8, RunError> {
    /// What ends input typed at a terminal: its end-of-file character, as a new terminal has it.
    const END_OF_FILE: &[u8] = b"\x04";
    let mut signals = Signals::new()?;
    let mut child = command.spawn().await?;
    let raw = if has_terminal { Some(RawMode::enter()?) } else { None };
    // What a test cannot bring about otherwise; not in what is released.
    #[cfg(debug_assertions)]
    if std::env::var_os("TIDEMARK_TEST_PANIC").is_some() {
        panic!("as a test wished");
    }
    if let Some(guest) = child.stdin.take() {
        let end = if has_terminal { END_OF_FILE } else { b"" };
        tokio::spawn(async move {
            if let Err(error) = pump_input(tokio::io::stdin(), guest, end).await {
                eprint!("tidemark: cannot read standard input: {error}{}", terminal::line_end());
            }
        });
    }
    let (end, has_ended) = watch::channel(false);
    let pipe_len = Limits::default().pipe_bytes as usize;
    let stdout = child
        .stdout
        .take()
        .map(|guest| tokio::spawn(pump_output(guest, tokio::io::stdout(), has_ended.clone(), pipe_len)));
    let stderr = child
        .stderr
        .take()
        .map(|guest| tokio::spawn(pump_output(guest, tokio::io::stderr(), has_ended, pipe_len)));
    let (status, timed_out) = wait(&child, &mut signals, timeout).await?;
    // Nobody listens if both streams are at their end.
    let _ = end.send(true);
    let mut code = if timed_out { TIMED_OUT } else { status.shell_code() };
    let _raw_until_all_is_shown = raw;
    for (stream, task) in [("standard output", stdout), ("standard error", stderr)] {
        let Some(task) = task else { continue };
        match task.await.map_err(io::Error::other)? {
            OutputEnd::Complete => {}
            // The program may have ended well before its output was found to be lost: what it would have been told
            // is what a shell is told.
            OutputEnd::Closed if stream == "standard output" && status.success() => code = SIGPIPE_CODE,
            OutputEnd::Closed => {}
            OutputEnd::Failed(source) => return Err(RunError::Output { stream, source }),
            OutputEnd::Gone(crashed) => return Err(crashed.into()),
        }
    }
    Ok(code)
}

/// Waits for the program's end, passing on the signals that come; whether its time was up.
async fn wait(
    child: &Child,
    signals: &mut Signals,
    timeout: Option<Duration>,
) -> Result<(ExitStatus, bool), RunError> {
    const SIGTERM: u8 = 15;
    const SIGKILL: u8 = 9;
    let mut interrupts = 0;
    let mut timed_out = false;
    // A time that never comes, where there is none.
    let mut due = timeout.and_then(|timeout| tokio::time::Instant::now().checked_add(timeout));
    let ended = child.wait();
    tokio::pin!(ended);
    loop {
        tokio::select! {
            status = &mut ended => return Ok((status?, timed_out)),
            () = tokio::time::sleep_until(due.unwrap_or_else(tokio::time::Instant::now)), if due.is_some() => {
                // If it has just ended, there is nobody to tell.
                let _ = child.signal(if timed_out { SIGKILL } else { SIGTERM }).await;
                due = if timed_out { None } else { Some(tokio::time::Instant::now() + TIME_TO_END) };
                timed_out = true;
            }
            news = signals.next() => {
                let News::Signal(number) = news else {
                    let (columns, rows) = terminal::size();
                    child.resize(columns, rows).await?;
                    continue;
                };
                interrupts += 1;
                if interrupts >= INTERRUPTS_TO_END {
                    // The guest takes no notice; whoever insists means Tidemark.
                    terminal::restore();
                    std::process::exit(128 + i32::from(number));
                }
                // If it has just ended, there is nobody to tell.
                let _ = child.signal(number).await;
            }
        }
    }
}

/// What a signal to Tidemark means.
enum News {
    /// One for the guest.
    Signal(u8),
    /// The terminal has another size.
    Resized,
}

/// The signals that are the guest's to handle. Their numbers are those of Linux, on whatever system this runs
/// (signal(7)).
struct Signals {
    hangup: Signal,
    interrupt: Signal,
    quit: Signal,
    terminate: Signal,
    /// The terminal's size changed.
    resize: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            terminate: signal(SignalKind::terminate())?,
            resize: signal(SignalKind::window_change())?,
        })
    }

    async fn next(&mut self) -> News {
        tokio::select! {
            _ = self.hangup.recv() => News::Signal(1),
            _ = self.interrupt.recv() => News::Signal(2),
            _ = self.quit.recv() => News::Signal(3),
            _ = self.terminate.recv() => News::Signal(15),
            _ = self.resize.recv() => News::Resized,
        }
    }
}

fn stats(elapsed: Duration, lock: &LockReport) -> String {
    let times = |times: &HoldTimes| {
        format!(
            "half below {:.1} µs, 99 % below {:.1} µs, longest {:.1} µs, {} above 50 µs",
            micros(times.quantile_nanos(0.5)),
            micros(times.quantile_nanos(0.99)),
            micros(times.longest_nanos),
            times.over_limit,
        )
    };
    let count = lock.held.count();
    let mut text =
        format!("{:.3} s; kernel lock held {count} times: {}", elapsed.as_secs_f64(), times(&lock.held));
    if let Some(worked) = &lock.worked {
        text += &format!("\n  without what the system ran meanwhile: {}", times(worked));
    }
    for hold in &lock.longest {
        text += &format!(
            "\n  {:20} {:9.1} µs, {} above 50 µs",
            hold.operation,
            micros(hold.nanos),
            hold.over_limit
        );
    }
    text
}

fn micros(nanos: u64) -> f64 {
    nanos as f64 / 1000.0
}
