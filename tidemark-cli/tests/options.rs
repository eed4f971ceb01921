//! The options of `tidemark run`, and the commands beside it, by the built command: each does what it says, and says in one
//! line what is wrong with its value.

mod support;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use support::guests::busybox;
use tempfile::TempDir;

/// A guest with busybox and two users.
struct Guest {
    dir: TempDir,
}

impl Guest {
    fn new() -> Self {
        let guest = Self { dir: tempfile::tempdir().expect("temporary directory") };
        for folder in ["bin", "etc"] {
            fs::create_dir_all(guest.root().join(folder)).expect("created");
        }
        fs::copy(busybox(), guest.root().join("bin/busybox")).expect("copied");
        for applet in ["sh", "cat", "id", "sleep", "hostname"] {
            symlink("busybox", guest.root().join("bin").join(applet)).expect("linked");
        }
        let passwd = "root:x:0:0:root:/root:/bin/sh\nme:x:1000:100::/home/me:/bin/sh\n";
        fs::write(guest.root().join("etc/passwd"), passwd).expect("written");
        fs::write(guest.root().join("etc/group"), "root:x:0:\nusers:x:100:\nvideo:x:44:\n").expect("written");
        guest
    }

    fn root(&self) -> PathBuf {
        self.dir.path().join("root")
    }

    fn put(&self, name: &str, content: &[u8], mode: u32) {
        let path = self.root().join(name);
        fs::write(&path, content).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("set");
    }

    fn run(&self, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_tidemark"))
            .arg("run")
            .args(["--cache-dir".as_ref(), self.dir.path().join("cache").as_os_str()])
            .args(["--rootfs".as_ref(), self.root().as_os_str()])
            .args(args)
            .stdin(Stdio::null())
            .output()
            .expect("started")
    }

    fn stdout(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "{}: {}", output.status, String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    }

    /// Runs what fails with this code and one line on standard error; the line.
    fn refused(&self, code: i32, args: &[&str]) -> String {
        let output = self.run(args);
        let errors = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(code), "{args:?}: {errors}");
        let line = errors.strip_suffix('\n').unwrap_or_else(|| panic!("{args:?}: no line: {errors:?}"));
        assert!(line.starts_with("tidemark: ") && !line.contains('\n'), "{args:?}: {errors}");
        line.to_owned()
    }
}

fn tidemark(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tidemark")).args(args).stdin(Stdio::null()).output().expect("started")
}

#[test]
fn users_are_those_of_the_guest() {
    let guest = Guest::new();
    let id = "id -u; id -g; echo $HOME";
    assert_eq!(guest.stdout(&["--", "sh", "-c", id]), "0\n0\n/root\n");
    assert_eq!(guest.stdout(&["--user", "me", "--", "sh", "-c", id]), "1000\n100\n/home/me\n");
    assert_eq!(guest.stdout(&["-u", "me:video", "--", "sh", "-c", "id -g"]), "44\n");
    assert_eq!(guest.stdout(&["--user=7:8", "--", "sh", "-c", "id -u; id -g"]), "7\n8\n");
    assert_eq!(guest.stdout(&["--user", "me", "-e", "HOME=/x", "--", "sh", "-c", "echo $HOME"]), "/x\n");
    assert!(guest.refused(125, &["--user", "nobody", "--", "id"]).contains("/etc/passwd"));
    assert!(guest.refused(125, &["--user", "me:none", "--", "id"]).contains("/etc/group"));
}

#[test]
fn time_that_is_up_ends_the_program() {
    let guest = Guest::new();
    let start = Instant::now();
    assert_eq!(guest.run(&["--timeout", "300ms", "--", "sleep", "100"]).status.code(), Some(124));
    let deaf = ["--timeout", "0.3", "--", "sh", "-c", "trap '' TERM; while :; do :; done"];
    assert_eq!(guest.run(&deaf).status.code(), Some(124));
    assert!(start.elapsed() < Duration::from_secs(60));
    assert_eq!(guest.stdout(&["--timeout", "1h", "--", "sh", "-c", "echo done"]), "done\n");
}

#[test]
fn limits_hold() {
    let guest = Guest::new();
    let script = "for i in 1 2 3 4 5 6 7 8 9; do sleep 5 & done; echo all";
    let output = guest.run(&["--limit", "processes=6", "--timeout", "20s", "--", "sh", "-c", script]);
    assert!(!String::from_utf8_lossy(&output.stdout).contains("all"), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("can't fork"), "{output:?}");
    let soft = guest.stdout(&["--limit", "stack-bytes=1M", "--", "sh", "-c", "ulimit -s"]);
    assert_eq!(soft, "1024\n");
    let memory = guest.stdout(&["--memory", "64M", "--", "sh", "-c", "busybox head -1 /proc/meminfo"]);
    assert_eq!(memory, "MemTotal:          65536 kB\n");
}

#[test]
fn names_and_variables_reach_the_guest() {
    let guest = Guest::new();
    assert_eq!(guest.stdout(&["--hostname", "here", "--", "hostname"]), "here\n");
    assert_eq!(guest.stdout(&["--env", "A=1 2", "-e", "B=", "--", "sh", "-c", "echo \"$A$B.\""]), "1 2.\n");
    assert_eq!(guest.stdout(&["--workdir", "/etc", "--", "cat", "group"]).lines().count(), 3);
}

#[test]
fn calls_are_shown_as_strace_shows_them() {
    let guest = Guest::new();
    let trace = guest.dir.path().join("trace");
    let file = trace.to_str().expect("text");
    // The shell surely waits for what sleeps.
    let script = "cat /etc/group > /dev/null; sleep 0.5; cat /none; kill -USR1 $$";
    let output = guest.run(&["--strace", "--strace-output", file, "--", "sh", "-c", script]);
    assert_eq!(output.status.code(), Some(128 + 10));
    assert!(!String::from_utf8_lossy(&output.stderr).contains("openat"), "it goes to the file");
    let shown = fs::read_to_string(&trace).expect("written");
    for part in [
        "execve(\"/proc/self/exe\", [\"cat\", \"/etc/group\"], 0x",
        "openat(AT_FDCWD, \"/etc/group\", O_RDONLY) = ",
        "openat(AT_FDCWD, \"/none\", O_RDONLY) = -1 ENOENT (No such file or directory)",
        "write(2, \"cat: can't open '/none': No such\"..., ",
        "wait4(-1, <unfinished ...>",
        "<... wait4 resumed>[{WIFEXITED(s) && WEXITSTATUS(s) == 0}], 0, NULL) = ",
        ", PROT_READ) = 0",
        "+++ exited with 1 +++",
        "+++ killed by SIGUSR1 +++",
    ] {
        assert!(shown.contains(part), "{part} is not in:\n{shown}");
    }
    assert!(shown.lines().all(|line| line.starts_with("[pid ")), "{shown}");
    let some = guest.run(&["--strace=%file,!execve", "--", "cat", "/etc/group"]);
    let shown = String::from_utf8_lossy(&some.stderr).into_owned();
    assert!(shown.contains("openat(") && !shown.contains("execve(") && !shown.contains("brk("), "{shown}");
    let unknown = guest.refused(125, &["--strace=opneat", "--", "cat"]);
    assert!(unknown.contains("opneat") && unknown.contains("%file"), "{unknown}");
}

#[test]
fn wrong_values_are_told_in_a_line() {
    let guest = Guest::new();
    for (args, told) in [
        (&["--memory", "lots"][..], "512M"),
        (&["--memory", "1M"], "16M"),
        (&["--limit", "proceses=3"], "did you mean processes?"),
        (&["--limit", "processes"], "NAME=N"),
        (&["--limit", "processes=0"], "at least one"),
        (&["--timeout", "soon"], "90s"),
        (&["--timeout", "0"], "more than nothing"),
        (&["--user", "1:2:3"], "GROUP"),
        (&["--tty", "maybe"], "auto"),
        (&["--mount", "here"], "HOST:GUEST"),
        (&["--env", "=x"], "NAME=VALUE"),
        (&["--workdir", "/none"], "/none"),
        (&["--workdir", "/etc/passwd"], "/etc/passwd"),
        (&["--rootfs", "/nonexistent"], "/nonexistent"),
        (&["--nonsense"], "--nonsense"),
        (&["--mout", "a:/b"], "--mount"),
    ] {
        let line = guest.refused(125, &[args, &["--", "cat"]].concat());
        assert!(line.contains(told), "{args:?}: {line}");
    }
    assert!(guest.refused(125, &[]).contains("COMMAND"));
}

/// The first bytes of an ELF file of another kind.
fn elf(class: u8, machine: u16) -> Vec<u8> {
    let mut head = b"\x7fELF".to_vec();
    head.extend([class, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0]);
    head.extend(machine.to_le_bytes());
    head.resize(200, 0);
    head
}

#[test]
fn what_cannot_be_run_is_told_in_a_line() {
    let guest = Guest::new();
    let whole = fs::read(busybox()).expect("readable");
    guest.put("x86", &elf(2, 62), 0o755);
    guest.put("i386", &elf(1, 3), 0o755);
    guest.put("arm", &elf(2, 183), 0o755);
    guest.put("cut", &whole[..100], 0o755);
    guest.put("cut-at-once", &whole[..10], 0o755);
    guest.put("damaged", &[&whole[..32], &[0xff; 64][..], &whole[96..5000]].concat(), 0o755);
    guest.put("empty", b"", 0o755);
    guest.put("text", b"just text\n", 0o755);
    guest.put("lost", b"#!/no/such/shell\n", 0o755);
    guest.put("plain", &whole, 0o644);
    for (program, code, told) in [
        ("/x86", 126, "x86-64"),
        ("/i386", 126, "32-bit"),
        ("/arm", 126, "AArch64"),
        ("/cut", 126, "cut short"),
        ("/cut-at-once", 126, "get it again"),
        ("/damaged", 126, "get it again"),
        ("/empty", 126, "empty"),
        ("/text", 126, "#!"),
        ("/lost", 126, "/no/such/shell"),
        ("/plain", 126, "permissions"),
        ("/etc", 126, "directory"),
        ("/none", 127, "not found"),
        ("none", 127, "not found"),
    ] {
        let line = guest.refused(code, &["--", program]);
        assert!(line.contains(told), "{program}: {line}");
    }
}

#[test]
fn the_doctor_says_what_is_missing() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let cache = dir.path().to_str().expect("text");
    let output = tidemark(&["doctor", "--offline", "--cache-dir", cache]);
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{shown}");
    for what in ["processors", "memory", "sandbox", "cache", "mirror", "terminal"] {
        assert!(shown.lines().any(|line| line.starts_with(what)), "{what}: {shown}");
    }
    let file = dir.path().join("file");
    fs::write(&file, "").expect("written");
    let output = tidemark(&["doctor", "--offline", "--cache-dir", file.to_str().expect("text")]);
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(69), "{shown}");
    assert!(shown.contains("--cache-dir"), "{shown}");
    let output = tidemark(&["doctor", "--mirror", "http://127.0.0.1:1/debian", "--cache-dir", cache]);
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && shown.contains("does not answer"), "{shown}");
}

#[test]
fn shells_are_told_what_to_complete() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = tidemark(&["completions", shell]);
        assert!(output.status.success(), "{shell}");
        let script = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(script.contains("strace-output") && script.contains("doctor"), "{shell}");
    }
    assert_eq!(tidemark(&["completions", "tcsh"]).status.code(), Some(64));
    let syntax = Command::new("bash").arg("-n").stdin(Stdio::piped()).spawn();
    if let Ok(mut bash) = syntax {
        let script = tidemark(&["completions", "bash"]).stdout;
        std::io::Write::write_all(&mut bash.stdin.take().expect("piped"), &script).expect("written");
        assert!(bash.wait().expect("waited for").success(), "bash takes it");
    }
}

#[test]
fn limits_are_listed_with_what_they_are() {
    let output = tidemark(&["limits"]);
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(shown.lines().any(|line| line.starts_with("processes ") && line.contains("4096")), "{shown}");
    assert!(shown.lines().any(|line| line.starts_with("memory ") && line.contains("2G")), "{shown}");
}

#[test]
fn every_option_is_in_the_documentation() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/command-line.md");
    let page = fs::read_to_string(page).expect("readable");
    let help = tidemark(&["--help"]);
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    let commands = help.lines().skip_while(|line| !line.starts_with("Commands:")).skip(1);
    // What a command is goes on in lines that are set in further.
    let commands = commands.take_while(|line| !line.is_empty()).filter(|line| !line.starts_with("   "));
    let commands: Vec<_> = commands.filter_map(|line| line.split_whitespace().next()).collect();
    assert!(commands.contains(&"run"), "{help}");
    for command in commands {
        assert!(command == "help" || page.contains(&format!("tidemark {command}")), "tidemark {command}");
        let help = tidemark(&[command, "--help"]);
        let help = String::from_utf8_lossy(&help.stdout).into_owned();
        let options = help.lines().take_while(|line| !line.starts_with("Examples:")).filter_map(|line| {
            let at = line.trim_start().split(", ").find(|part| part.starts_with("--"))?;
            Some(at.split(|c: char| c.is_whitespace() || matches!(c, '[' | '=' | '<')).next()?.to_owned())
        });
        for option in options.filter(|option| option != "--help") {
            assert!(
                page.contains(&option),
                "{option} of `tidemark {command}` is not in docs/command-line.md"
            );
        }
    }
}
