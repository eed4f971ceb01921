//! `--mount`: folders of this machine in the guest, by the built command.

mod support;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use support::guests::busybox;
use tempfile::TempDir;

/// A guest with busybox, and a folder of this machine to mount.
struct Mounted {
    dir: TempDir,
}

impl Mounted {
    fn new() -> Self {
        let mounted = Self { dir: tempfile::tempdir().expect("temporary directory") };
        let bin = mounted.path("root/bin");
        fs::create_dir_all(&bin).expect("created");
        fs::create_dir(mounted.host()).expect("created");
        fs::copy(busybox(), bin.join("busybox")).expect("copied");
        for applet in ["sh", "ls", "cat"] {
            symlink("busybox", bin.join(applet)).expect("linked");
        }
        mounted
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn host(&self) -> PathBuf {
        self.path("host")
    }

    fn run(&self, mount: &str, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_tidemark"))
            .arg("run")
            .args(["--cache-dir".as_ref(), self.path("cache").as_os_str()])
            .args(["--rootfs".as_ref(), self.path("root").as_os_str()])
            .args(["--mount", mount])
            .args(args)
            .current_dir(self.dir.path())
            .stdin(Stdio::null())
            .output()
            .expect("started")
    }

    /// What a shell's script prints with the folder at `/mnt`, where it runs.
    fn shell(&self, script: &str) -> String {
        let output = self.run("host:/mnt", &["--workdir", "/mnt", "--", "sh", "-ec", script]);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {errors}", output.status);
        String::from_utf8(output.stdout).expect("text")
    }
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).expect("readable")
}

#[test]
fn what_is_here_is_there_and_the_other_way_round() {
    let mounted = Mounted::new();
    fs::create_dir(mounted.host().join("in")).expect("created");
    fs::write(mounted.host().join("in/text"), "from outside\n").expect("written");
    let shown =
        mounted.shell("cat in/text; mkdir -p a/b; echo from inside > a/b/new; echo more >> in/text; ls");
    assert_eq!(shown, "from outside\na\nin\n");
    assert_eq!(read(&mounted.host().join("a/b/new")), "from inside\n");
    assert_eq!(read(&mounted.host().join("in/text")), "from outside\nmore\n");
}

#[test]
fn names_are_moved_linked_and_removed() {
    let mounted = Mounted::new();
    let script = "echo 1 > one; ln one two; ln -s one three; mv one four; busybox stat -c %h four; cat three || true; \
                  rm two; mkdir d; mv four d/five; busybox readlink three; rm three; busybox rmdir d || true; ls d";
    assert_eq!(mounted.shell(script), "2\none\nfive\n");
    assert_eq!(read(&mounted.host().join("d/five")), "1\n");
    assert_eq!(fs::read_dir(mounted.host()).expect("readable").count(), 1);
}

#[test]
fn attributes_are_set() {
    let mounted = Mounted::new();
    mounted.shell("echo abc > file; chmod 640 file; busybox touch -d '2001-02-03 04:05:06' file; busybox truncate -s 2 file");
    let metadata = fs::metadata(mounted.host().join("file")).expect("there");
    assert_eq!((metadata.permissions().mode() & 0o7777, metadata.len()), (0o640, 2));
    mounted.shell("busybox touch -d '2001-02-03 04:05:06' file");
    assert_eq!(fs::metadata(mounted.host().join("file")).expect("there").mtime(), 981_173_106);
}

#[test]
fn large_files_go_through_unharmed() {
    let mounted = Mounted::new();
    let content: Vec<u8> = (0..3_000_001_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    fs::write(mounted.host().join("large"), &content).expect("written");
    mounted.shell("busybox cp large copy; busybox cmp large copy; busybox dd if=large of=half bs=1000 skip=1500 2>/dev/null");
    assert_eq!(fs::read(mounted.host().join("copy")).expect("readable"), content);
    assert_eq!(fs::read(mounted.host().join("half")).expect("readable"), &content[1_500_000..]);
}

#[test]
fn a_large_folder_is_listed_whole() {
    let mounted = Mounted::new();
    for n in 0..3000 {
        fs::write(mounted.host().join(format!("file-{n}")), "").expect("written");
    }
    assert_eq!(
        mounted
            .shell("ls | busybox wc -l; rm file-*; ls | busybox wc -l")
            .split_whitespace()
            .collect::<Vec<_>>(),
        ["3000", "0"]
    );
}

#[test]
fn programs_and_scripts_run_from_it() {
    let mounted = Mounted::new();
    fs::copy(busybox(), mounted.host().join("busybox")).expect("copied");
    fs::write(mounted.host().join("script"), "#!/mnt/busybox sh\necho $0 $1\n").expect("written");
    fs::set_permissions(mounted.host().join("script"), fs::Permissions::from_mode(0o755)).expect("set");
    assert_eq!(mounted.shell("./busybox uname -m; ./script x"), "riscv64\n./script x\n");
    let output = mounted.run("host:/mnt", &["--", "/mnt/busybox", "echo", "hello"]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "hello\n");
}

#[test]
fn a_removed_file_that_is_open_goes_on() {
    let mounted = Mounted::new();
    let script = "echo content > file; exec 3< file; rm file; cat <&3; ls; exec 3>&-";
    assert_eq!(mounted.shell(script), "content\n");
}

#[test]
fn links_lead_nowhere_outside() {
    let mounted = Mounted::new();
    fs::write(mounted.path("secret"), "secret").expect("written");
    symlink(mounted.path("secret"), mounted.host().join("absolute")).expect("linked");
    symlink("../secret", mounted.host().join("relative")).expect("linked");
    symlink("..", mounted.host().join("up")).expect("linked");
    let script = "cat absolute relative up/secret 2>/dev/null || echo none; echo changed > relative; cat /secret; ls up/mnt";
    assert_eq!(mounted.shell(script), "none\nchanged\nabsolute\nrelative\nup\n");
    assert_eq!(read(&mounted.path("secret")), "secret", "the link led into the guest's own files");
}

#[test]
fn read_only_means_it() {
    let mounted = Mounted::new();
    fs::write(mounted.host().join("file"), "as it was").expect("written");
    let script = "cat /mnt/file; echo x > /mnt/file; rm /mnt/file; mkdir /mnt/d; chmod 0 /mnt/file; grep -c x /proc/mounts";
    let output = mounted.run("host:/mnt:ro", &["--", "sh", "-c", script]);
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("as it was"));
    assert_eq!(
        String::from_utf8_lossy(&output.stderr).matches("Read-only file system").count(),
        4,
        "{output:?}"
    );
    assert_eq!(read(&mounted.host().join("file")), "as it was");
    let shown = mounted.run("host:/mnt:ro", &["--", "cat", "/proc/mounts"]);
    assert!(String::from_utf8_lossy(&shown.stdout).contains("host /mnt virtiofs ro,relatime 0 0\n"));
}

#[test]
fn a_place_that_is_not_there_is_made() {
    let mounted = Mounted::new();
    fs::write(mounted.host().join("file"), "here").expect("written");
    let output = mounted.run("host:/deep/down/below", &["--", "cat", "/deep/down/below/file"]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "here");
}

#[test]
fn what_cannot_be_mounted_is_told_in_a_line() {
    let mounted = Mounted::new();
    fs::write(mounted.path("file"), "").expect("written");
    for (mount, told) in [
        ("nowhere:/mnt", "nowhere"),
        ("file:/mnt", "file"),
        ("host", "HOST:GUEST"),
        ("host:mnt", "absolute"),
        ("host:/", "--rootfs"),
        ("host:/bin/busybox/mnt", "/bin/busybox"),
    ] {
        let output = mounted.run(mount, &["--", "ls"]);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(125), "{mount}: {errors}");
        assert!(errors.lines().count() == 1 && errors.contains(told), "{mount}: {errors}");
    }
}
