//! `tidemark run` at a terminal: raw meanwhile, as it was before afterwards.

mod support;

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Command};
use std::time::Duration;

use rustix::fs::{Mode, OFlags, open};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Termios, Winsize, tcgetattr, tcsetwinsize};
use support::guests::{busybox, tool};
use tempfile::TempDir;

fn size(rows: u16, columns: u16) -> Winsize {
    Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }
}

/// A run of the guest program at a terminal of its own.
struct AtTerminal {
    _dir: TempDir,
    keyboard: File,
    terminal: OwnedFd,
    before: Termios,
    child: Child,
}

impl AtTerminal {
    fn start(args: &[&str]) -> Self {
        Self::start_with(args, &[])
    }

    /// With these variables set, which are Tidemark's own.
    fn start_with(args: &[&str], variables: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().expect("temporary directory");
        let bin = dir.path().join("root/usr/bin");
        std::fs::create_dir_all(&bin).expect("created");
        std::fs::copy(tool(), bin.join("tool")).expect("copied");
        std::fs::copy(busybox(), bin.join("busybox")).expect("copied");
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a pseudoterminal");
        grantpt(&master).expect("granted");
        unlockpt(&master).expect("unlocked");
        let name = ptsname(&master, Vec::new()).expect("named");
        let terminal = open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).expect("opened");
        tcsetwinsize(&terminal, size(30, 100)).expect("sized");
        let before = tcgetattr(&terminal).expect("a terminal");
        let copy = || terminal.try_clone().expect("duplicated");
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidemark"));
        command.arg("run").arg("--cache-dir").arg(dir.path().join("cache"));
        command.arg("--rootfs").arg(dir.path().join("root")).args(args);
        command.envs(variables.iter().copied());
        let child = command.stdin(copy()).stdout(copy()).stderr(copy()).spawn().expect("started");
        let run = Self { _dir: dir, keyboard: master.into(), terminal, before, child };
        if variables.is_empty() {
            run.await_raw();
        }
        run
    }

    fn await_raw(&self) {
        while self.now().local_modes.contains(LocalModes::ICANON) {
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn now(&self) -> Termios {
        tcgetattr(&self.terminal).expect("a terminal")
    }

    fn type_keys(&mut self, keys: &[u8]) {
        self.keyboard.write_all(keys).expect("typed");
    }

    /// Reads the screen until it shows this.
    fn await_text(&mut self, text: &str) {
        let mut shown = Vec::new();
        let mut byte = [0];
        while !shown.ends_with(text.as_bytes()) {
            let count = self.keyboard.read(&mut byte).expect("shown");
            assert!(count == 1, "the screen ended after {:?}", String::from_utf8_lossy(&shown));
            shown.push(byte[0]);
        }
    }

    /// Waits for the end; the exit code.
    fn end(mut self) -> Option<i32> {
        let status = self.child.wait().expect("waited for");
        let (before, now) = (&self.before, self.now());
        assert_eq!(
            (now.input_modes, now.output_modes, now.local_modes),
            (before.input_modes, before.output_modes, before.local_modes)
        );
        status.code()
    }
}

#[test]
fn keys_go_to_the_guests_own_terminal() {
    let mut run = AtTerminal::start(&["tool", "copy"]);
    run.type_keys(b"hello\x7fp\r");
    run.await_text("hello\x08 \x08p\r\nhellp\r\n");
    run.type_keys(b"\x04");
    assert_eq!(run.end(), Some(0));
}

#[test]
fn the_interrupt_key_is_the_guests() {
    let mut run = AtTerminal::start(&["tool", "copy"]);
    run.type_keys(b"\x03");
    run.await_text("^C");
    assert_eq!(run.end(), Some(130));
}

#[test]
fn a_signal_leaves_the_terminal_as_it_was() {
    for (signal, code) in [(Signal::TERM, 143), (Signal::HUP, 129), (Signal::INT, 130)] {
        let run = AtTerminal::start(&["tool", "copy"]);
        kill_process(Pid::from_child(&run.child), signal).expect("signalled");
        assert_eq!(run.end(), Some(code), "{signal:?}");
    }
}

#[test]
fn signals_that_the_guest_ignores_leave_it_so_too() {
    let script = "trap '' TERM; echo ready; while :; do :; done";
    let mut run = AtTerminal::start(&["busybox", "sh", "-c", script]);
    run.await_text("ready");
    for _ in 0..3 {
        kill_process(Pid::from_child(&run.child), Signal::TERM).expect("signalled");
        // One that comes while another is pending is lost.
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(run.end(), Some(143));
}

#[test]
fn a_panic_leaves_the_terminal_as_it_was() {
    let mut run = AtTerminal::start_with(&["tool", "copy"], &[("TIDEMARK_TEST_PANIC", "1")]);
    run.await_text("panicked");
    assert_eq!(run.end(), Some(101));
}

#[test]
fn the_size_follows_the_window() {
    let script = "busybox stty size; read line; busybox stty size; read line";
    let mut run = AtTerminal::start(&["busybox", "sh", "-c", script]);
    run.await_text("30 100\r\n");
    tcsetwinsize(&run.terminal, size(41, 77)).expect("sized");
    // The kernel signals who has the terminal in its session; this one has it only as its streams.
    kill_process(Pid::from_child(&run.child), Signal::WINCH).expect("signalled");
    std::thread::sleep(Duration::from_millis(300));
    run.type_keys(b"\r");
    run.await_text("41 77\r\n");
    run.type_keys(b"\r");
    // What the last read answers is the shell's.
    assert_eq!(run.end(), Some(0));
}
