//! `tidemark run` with a program of the guest tests: streams, signals, exit codes and files as a user meets them.

mod support;

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use support::Setup;
use support::guests::tool;
use support::repository::Repository;
use tempfile::TempDir;

/// A folder with the program in `/usr/bin`, and the cache that its layers go through.
struct Guest {
    dir: TempDir,
}

impl Guest {
    fn new() -> Self {
        let guest = Self { dir: tempfile::tempdir().expect("temporary directory") };
        guest.install(&guest.rootfs().join("usr/bin/tool"));
        std::fs::create_dir(guest.rootfs().join("work")).expect("created");
        guest
    }

    fn rootfs(&self) -> PathBuf {
        self.dir.path().join("root")
    }

    fn install(&self, path: &Path) {
        std::fs::create_dir_all(path.parent().expect("parent")).expect("created");
        std::fs::copy(tool(), path).expect("copied");
    }

    /// `tidemark run` with these arguments, on the folder.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.bare(&["--rootfs"]);
        command.arg(self.rootfs()).args(args).stdin(Stdio::null());
        command
    }

    /// `tidemark run` with these arguments and no files.
    fn bare(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidemark"));
        command.arg("run").arg("--cache-dir").arg(self.dir.path().join("cache")).args(args);
        command
    }

    fn output(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("started")
    }

    fn stdout(&self, args: &[&str]) -> String {
        let output = self.output(args);
        assert!(output.status.success(), "{}: {}", output.status, String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    }

    fn code(&self, args: &[&str]) -> Option<i32> {
        self.output(args).status.code()
    }
}

/// Starts it with everything piped.
fn piped(command: &mut Command) -> Child {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started")
}

/// Waits, but not for ever.
fn code_of(child: &mut Child) -> Option<i32> {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(status) = child.try_wait().expect("waited") {
            return status.code();
        }
        if Instant::now() > end {
            let _ = child.kill();
            panic!("still running");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Bytes of every value, in no simple order, the same each time.
fn noise() -> &'static [u8] {
    static NOISE: OnceLock<Vec<u8>> = OnceLock::new();
    NOISE.get_or_init(|| {
        let mut state = 1_u32;
        let next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        std::iter::repeat_with(next).take(3_000_001).collect()
    })
}

#[test]
fn a_program_runs_by_name_and_by_path() {
    let guest = Guest::new();
    assert_eq!(guest.stdout(&["--", "tool", "say", "hello"]), "hello\n");
    assert_eq!(guest.stdout(&["/usr/bin/tool", "say", "hello"]), "hello\n");
    assert_eq!(guest.stdout(&["--workdir", "/usr", "bin/tool", "say", "hello"]), "hello\n");
}

#[test]
fn bytes_pass_unchanged_in_both_directions() {
    let guest = Guest::new();
    let mut child = piped(&mut guest.command(&["tool", "copy"]));
    let mut stdin = child.stdin.take().expect("piped");
    let writer = std::thread::spawn(move || stdin.write_all(noise()));
    let output = child.wait_with_output().expect("ended");
    writer.join().expect("no panic").expect("taken");
    assert!(output.stdout == noise(), "{} bytes of {}", output.stdout.len(), noise().len());
    assert_eq!(String::from_utf8_lossy(&output.stderr), "3000001 bytes\n", "only what the guest wrote");
    assert!(output.status.success());
}

#[test]
fn what_comes_late_is_passed_on_at_once() {
    let guest = Guest::new();
    let mut child = piped(&mut guest.command(&["tool", "copy"]));
    let (mut stdin, mut stdout) = (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
    for word in [b"one", b"two"] {
        stdin.write_all(word).expect("taken");
        let mut echo = [0; 3];
        stdout.read_exact(&mut echo).expect("echoed before the end of the input");
        assert_eq!(&echo, word);
    }
    drop(stdin);
    assert_eq!(code_of(&mut child), Some(0), "the end of the input is passed on");
}

#[test]
fn the_exit_code_is_the_programs() {
    let guest = Guest::new();
    for code in [0, 1, 42, 255] {
        assert_eq!(guest.code(&["tool", "exit", &code.to_string()]), Some(code));
    }
    for signal in [6, 9, 11, 15] {
        assert_eq!(guest.code(&["tool", "signal", &signal.to_string()]), Some(128 + signal));
    }
}

#[test]
fn failures_of_tidemark_are_told_from_the_programs() {
    let guest = Guest::new();
    std::fs::write(guest.rootfs().join("usr/bin/text"), "not a program").expect("written");
    std::fs::write(guest.rootfs().join("usr/bin/orphan"), "#!/opt/absent -x\n").expect("written");
    std::fs::set_permissions(guest.rootfs().join("usr/bin/orphan"), std::fs::Permissions::from_mode(0o755))
        .expect("set");
    for (code, args) in [
        (127, vec!["nonexistent"]),
        (127, vec!["/usr/bin/nonexistent"]),
        (126, vec!["/usr/bin/text"]),
        (126, vec!["/usr"]),
        (126, vec!["/usr/bin/orphan"]),
        (125, vec!["--strace=raed", "tool"]),
        (125, vec!["--workdir", "/nonexistent", "tool"]),
        (125, vec!["--memory", "lots", "tool"]),
        (125, vec!["--rootfs", "/nonexistent", "tool"]),
        (125, vec!["--env", "=x", "tool"]),
    ] {
        let output = guest.output(&args);
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {message}");
        assert!(!message.is_empty() && output.stdout.is_empty(), "{args:?}");
    }
    let orphan = guest.output(&["/usr/bin/orphan"]);
    assert!(String::from_utf8_lossy(&orphan.stderr).contains("/opt/absent"));
    let no_files = guest.bare(&["tool"]).output().expect("started");
    assert_eq!(no_files.status.code(), Some(125));
    assert!(String::from_utf8_lossy(&no_files.stderr).contains("--debian"));
}

#[test]
fn a_program_whose_reader_is_gone_ends_by_sigpipe() {
    let guest = Guest::new();
    let mut child = piped(&mut guest.command(&["tool", "flood"]));
    let mut stdout = child.stdout.take().expect("piped");
    stdout.read_exact(&mut [0; 100]).expect("something comes");
    drop(stdout);
    assert_eq!(code_of(&mut child), Some(141));
    let mut early = piped(&mut guest.command(&["tool", "say", "nobody listens"]));
    drop(early.stdout.take());
    assert_eq!(code_of(&mut early), Some(141), "also if it had ended when its output was found to be lost");
}

#[test]
fn a_program_need_not_read_its_input() {
    let guest = Guest::new();
    let mut child = piped(&mut guest.command(&["tool", "exit", "3"]));
    let mut stdin = child.stdin.take().expect("piped");
    // More than any pipe holds; fails once the command is gone.
    let writer = std::thread::spawn(move || stdin.write_all(noise()));
    assert_eq!(code_of(&mut child), Some(3));
    let _ = writer.join().expect("no panic");
}

#[test]
fn what_a_program_leaves_behind_does_not_keep_the_command() {
    let guest = Guest::new();
    let start = Instant::now();
    assert_eq!(guest.code(&["tool", "leave"]), Some(0));
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
}

#[test]
fn signals_are_passed_on() {
    let guest = Guest::new();
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130), (Signal::HUP, 129)] {
        let mut child = piped(&mut guest.command(&["tool", "wait"]));
        let mut ready = [0; 6];
        child.stdout.as_mut().expect("piped").read_exact(&mut ready).expect("started");
        kill_process(Pid::from_child(&child), signal).expect("it is there");
        assert_eq!(code_of(&mut child), Some(code), "{signal:?}");
    }
}

#[test]
fn environment_directory_and_name_can_be_set() {
    let guest = Guest::new();
    let lines = |args: &[&str]| {
        let mut lines: Vec<String> = guest.stdout(args).lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(
        lines(&["tool", "show"]),
        [
            "directory /",
            "host tidemark",
            "variable HOME=/root",
            "variable PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "variable TERM=dumb",
        ]
    );
    let args = ["-e", "A=1=2", "-eTERM=", "-e", "NOT_SET_HERE", "-w", "/work", "--hostname", "box"];
    assert_eq!(
        lines(&[args.as_slice(), &["tool", "show", "-e", "--", "two words"]].concat()),
        [
            "argument --",
            "argument -e",
            "argument two words",
            "directory /work",
            "host box",
            "variable A=1=2",
            "variable HOME=/root",
            "variable PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "variable TERM=",
        ]
    );
}

#[test]
fn archives_and_folders_are_stacked() {
    let guest = Guest::new();
    let tar = guest.dir.path().join("root.tar");
    let packed = Command::new("tar").arg("-cf").arg(&tar).arg("-C").arg(guest.rootfs()).arg(".").status();
    assert!(packed.expect("tar is there").success());
    let over = guest.dir.path().join("over");
    guest.install(&over.join("opt/tool"));
    let mut command = guest.bare(&["--rootfs"]);
    command.arg(&tar).arg("--rootfs").arg(&over).args(["/opt/tool", "say", "over"]).stdin(Stdio::null());
    assert_eq!(command.output().expect("started").stdout, b"over\n");
    let mut command = guest.bare(&["--rootfs"]);
    command.arg(&tar).arg("--rootfs").arg(&over).args(["tool", "say", "under"]).stdin(Stdio::null());
    assert_eq!(command.output().expect("started").stdout, b"under\n");
}

#[test]
fn packages_run_and_run_again_without_a_network() {
    let mut repository = Repository::new(1);
    let tool = std::fs::read(tool()).expect("built");
    repository.add_with_data("tool", "1", "", &support::repository::data_tar(&[("./usr/bin/tool", &tool)]));
    let setup = Setup::new(repository);
    let run = |args: &[&str]| {
        let mut command = setup.tidemark("run");
        command.args(["--debian", "tool"]).args(args).args(["--", "tool", "say", "packed"]);
        command.stdin(Stdio::null()).output().expect("started")
    };
    for args in [&[] as &[&str], &[], &["--offline"]] {
        let output = run(args);
        assert_eq!(output.stdout, b"packed\n", "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.stderr, b"", "nothing but the guest's own output");
    }
    let asked: Vec<String> = setup.server.take_requests();
    assert_eq!(asked.len(), 3, "release, index and package, once: {asked:?}");
}

#[test]
fn system_calls_and_figures_are_shown_on_request() {
    let guest = Guest::new();
    let traced = guest.output(&["--strace", "tool", "say", "traced"]);
    let trace = String::from_utf8_lossy(&traced.stderr).into_owned();
    assert_eq!(traced.stdout, b"traced\n");
    assert!(trace.contains("write(") && trace.contains("exit_group("), "{trace}");
    let filtered = guest.output(&["--strace=write,read", "tool", "say", "traced"]);
    let trace = String::from_utf8_lossy(&filtered.stderr).into_owned();
    assert!(trace.contains("write(") && !trace.contains("exit_group("), "{trace}");
    let stats = guest.output(&["--stats", "tool", "say", "counted"]);
    assert!(String::from_utf8_lossy(&stats.stderr).contains("kernel lock held"));
}

#[test]
fn a_random_schedule_says_how_to_repeat_it() {
    let guest = Guest::new();
    let given = guest.output(&["--schedule", "random:7", "--cpus", "1", "tool", "say", "hello"]);
    assert_eq!(given.stdout, b"hello\n");
    assert_eq!(given.stderr, b"tidemark: --schedule random:7:16 repeats this run\n");
    let drawn = guest.output(&["--schedule", "random", "tool", "say", "hello"]);
    let told = String::from_utf8_lossy(&drawn.stderr).into_owned();
    let schedule = told.split(' ').nth(2).unwrap_or_default();
    assert!(schedule.starts_with("random:") && drawn.stdout == b"hello\n", "{told}");
    let again = guest.output(&["--schedule", schedule, "tool", "say", "hello"]);
    assert_eq!(String::from_utf8_lossy(&again.stderr), told);
    for wrong in ["randomly", "random:x", "random:1:0"] {
        let refused = guest.output(&["--schedule", wrong, "tool", "say", "hello"]);
        assert_eq!(refused.status.code(), Some(125), "{wrong}");
    }
}
