//! A run of `tidemark` at a terminal whose keys a test types and whose screen it reads.
//!
//! Waiting is always for what the screen shows, with a limit; nothing is ever waited for by the clock alone.

use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// How long a test waits for the screen: much longer than anything takes, also where many tests run at once.
const PATIENCE: Duration = Duration::from_secs(120);

/// The packages that every session has, so that all tests share one layer.
const PACKAGES: &str = "bash,bsdutils,coreutils,less,ncurses-bin,procps,tmux,vim-tiny";

/// A program in a guest, at a terminal.
pub struct Session {
    keyboard: Option<File>,
    size: OwnedFd,
    shown: Arc<Shown>,
    reader: Option<JoinHandle<()>>,
    child: Child,
}

/// What the terminal shows, and whether more can come.
struct Shown {
    state: Mutex<(vt100::Parser, bool)>,
    changed: Condvar,
}

impl Session {
    /// Runs a command of the guest at a terminal of this size, as the leader of a session that it controls.
    pub fn start(columns: u16, rows: u16, command: &[&str]) -> Self {
        let master =
            openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).expect("a pseudoterminal");
        grantpt(&master).expect("granted");
        unlockpt(&master).expect("unlocked");
        let name = ptsname(&master, Vec::new()).expect("named");
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let terminal = open(name, flags, Mode::empty()).expect("opened");
        tcsetwinsize(&master, window(columns, rows)).expect("sized");
        let copy = || terminal.try_clone().expect("duplicated");
        // util-linux's `setsid` makes the terminal the controlling one, so that changes of its size are told.
        let mut run = Command::new("setsid");
        run.arg("--ctty").arg(env!("CARGO_BIN_EXE_tidemark")).args(["run", "--quiet", "--debian", PACKAGES]);
        run.args(["-e", "PS1=ready> ", "-e", "LESSHISTFILE=-", "-e", "HOME=/root", "--"]).args(command);
        let child =
            run.env("TERM", "xterm").stdin(copy()).stdout(copy()).stderr(copy()).spawn().expect("started");
        let keyboard = File::from(master);
        let parser = vt100::Parser::new(whole(rows), whole(columns), 0);
        let shown = Arc::new(Shown { state: Mutex::new((parser, true)), changed: Condvar::new() });
        let reader = {
            let (mut screen, shown) = (keyboard.try_clone().expect("duplicated"), Arc::clone(&shown));
            std::thread::spawn(move || shown.follow(&mut screen))
        };
        let size = OwnedFd::from(keyboard.try_clone().expect("duplicated"));
        Self { keyboard: Some(keyboard), size, shown, reader: Some(reader), child }
    }

    /// Types.
    pub fn type_keys(&mut self, keys: &str) {
        self.keyboard.as_mut().expect("not hung up").write_all(keys.as_bytes()).expect("typed");
    }

    /// Types a line and the return key.
    pub fn type_line(&mut self, line: &str) {
        self.type_keys(&format!("{line}\r"));
    }

    /// Changes the terminal's size.
    pub fn resize(&mut self, columns: u16, rows: u16) {
        let mut state = self.shown.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.0.screen_mut().set_size(whole(rows), whole(columns));
        tcsetwinsize(&self.size, window(columns, rows)).expect("sized");
    }

    /// Waits until the screen, as lines without blanks at their ends, is as asked; `what` says how in words.
    pub fn await_screen(&self, what: &str, is_so: impl Fn(&[String]) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        let mut state = self.shown.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let lines = lines(state.0.screen());
            if is_so(&lines) {
                return;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero() && state.1,
                "the screen never showed {what}:\n{}\n(the program is {})",
                lines.join("\n"),
                if state.1 { "there" } else { "gone" }
            );
            state = self.shown.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits until some line of the screen is this one.
    pub fn await_line(&self, line: &str) {
        self.await_screen(&format!("the line {line:?}"), |lines| lines.iter().any(|shown| shown == line));
    }

    /// Waits until some line of the screen has this in it.
    pub fn await_text(&self, text: &str) {
        self.await_screen(&format!("{text:?}"), |lines| lines.iter().any(|shown| shown.contains(text)));
    }

    /// Waits until the last line of the screen that is not empty is this one.
    pub fn await_last_line(&self, line: &str) {
        self.await_screen(&format!("{line:?} last"), |lines| {
            lines.iter().rev().find(|line| !line.is_empty()).is_some_and(|last| last == line)
        });
    }

    /// The screen now.
    pub fn lines(&self) -> Vec<String> {
        lines(self.shown.state.lock().unwrap_or_else(PoisonError::into_inner).0.screen())
    }

    /// Ends the terminal, as closing a window does, and waits for Tidemark's end.
    pub fn hang_up(mut self) -> ExitStatus {
        // Nobody but the reader has the terminal's other end now; it ends with Tidemark.
        drop(self.keyboard.take());
        let pid = rustix::process::Pid::from_child(&self.child);
        // What the kernel sends when the last holder closes the other end.
        rustix::process::kill_process(pid, rustix::process::Signal::HUP).expect("told");
        self.wait()
    }

    /// Waits for the end; the exit code.
    pub fn end(mut self) -> Option<i32> {
        self.wait().code()
    }

    fn wait(&mut self) -> ExitStatus {
        let status = self.child.wait().expect("waited for");
        if let Some(reader) = self.reader.take() {
            reader.join().expect("read to the end");
        }
        status
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // After a failed test; one that passed has waited.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Shown {
    /// Shows what comes, until nothing more can.
    fn follow(&self, screen: &mut File) {
        let mut bytes = [0; 4096];
        loop {
            // A terminal whose programs are gone answers EIO.
            let count = screen.read(&mut bytes).unwrap_or(0);
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.0.process(&bytes[..count]);
            state.1 = count > 0;
            self.changed.notify_all();
            if count == 0 {
                return;
            }
        }
    }
}

fn window(columns: u16, rows: u16) -> Winsize {
    Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }
}

fn whole(size: u16) -> NonZeroU16 {
    NonZeroU16::new(size).expect("a size")
}

fn lines(screen: &vt100::Screen) -> Vec<String> {
    let (_, columns) = screen.size();
    screen.rows(0, columns.get()).map(|row| row.trim_end().to_owned()).collect()
}
