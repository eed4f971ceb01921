//! Real packages of Debian, installed as dpkg installs them, and packages of our own on top. Needs a mirror of Debian, as
//! setting up for tests does; what is fetched is kept below the target folder.

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use support::refusal;
use support::repository::{deb, sha256};
use support::server::Server;

/// Kept between runs: the base system takes a while.
fn cache() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("debian")
}

fn tidemark(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidemark"));
    command.args(args).env("TIDEMARK_CACHE_DIR", cache()).stdin(Stdio::null());
    command
}

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What a script prints in a guest with these packages.
fn guest(packages: &str, script: &str) -> String {
    stdout(&tidemark(&["run", "--debian", packages, "--", "bash", "-ec", script]).output().expect("started"))
}

#[test]
fn the_base_is_a_debian() {
    let text = guest(
        "bash",
        "readlink /etc/alternatives/awk; echo a b | awk '{print $2}'
         dpkg -l | awk 'NR > 5 && $1 != \"ii\"'; dpkg --verify; dpkg --audit
         dpkg -S /usr/bin/ls; dpkg -s dpkg | grep ^Status
         ldconfig -p | grep -o 'libc.so.6 .*'
         getent passwd root www-data nobody; getent group shadow
         ls /usr/sbin/policy-rc.d /var/lib/dpkg/tmp.ci 2>&1 | wc -l; ls /etc/*.dpkg-new 2>/dev/null | wc -l
         cat /etc/debian_version; head -1 /var/lib/dpkg/diversions",
    );
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[..5],
        [
            "/usr/bin/mawk",
            "b",
            "coreutils: /usr/bin/ls",
            "Status: install ok installed",
            "libc.so.6 (libc6,double-float) => /lib/riscv64-linux-gnu/libc.so.6"
        ],
        "{text}"
    );
    assert!(
        lines[5].starts_with("root:") && lines[6].starts_with("www-data:") && lines[7].starts_with("nobody:"),
        "{text}"
    );
    assert_eq!(lines[8..11], ["shadow:*:42:", "2", "0"], "{text}");
    assert!(lines[11].starts_with("13"), "{text}");
}

#[test]
fn scripts_set_up_alternatives_certificates_and_users() {
    let text = guest(
        "vim-tiny,ca-certificates,adduser",
        "readlink /usr/bin/vi /etc/alternatives/vi; vi --version | head -1 | cut -c 1-3
         grep -c BEGIN /etc/ssl/certs/ca-certificates.crt; ls /etc/ssl/certs/*.0 | wc -l
         adduser --system --no-create-home tester > /dev/null; getent passwd tester
         dpkg -l | awk 'NR > 5 && $1 != \"ii\"'; dpkg --verify",
    );
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[..3], ["/etc/alternatives/vi", "/usr/bin/vim.tiny", "VIM"], "{text}");
    let count = |line: &str| line.parse::<u32>().expect("a number");
    assert!(count(lines[3]) > 100 && count(lines[4]) > 100, "{text}");
    assert!(lines[5].starts_with("tester:x:"), "{text}");
    assert_eq!(lines.len(), 6, "all is installed, and as it was shipped: {text}");
}

#[test]
fn dpkg_installs_and_removes_a_package_in_the_guest() {
    let text = guest(
        "bash",
        "mkdir -p /tmp/local/DEBIAN /tmp/local/usr/bin /tmp/local/etc; cd /tmp
         printf 'Package: local\\nVersion: 1\\nArchitecture: all\\nMaintainer: x <x@example.org>\\nDescription: x\\n' \
             > local/DEBIAN/control
         echo /etc/local.conf > local/DEBIAN/conffiles; echo kept > local/etc/local.conf
         printf '#!/bin/sh\\necho postinst \"$@\"\\n' > local/DEBIAN/postinst; chmod 755 local/DEBIAN/postinst
         printf '#!/bin/sh\\necho runs\\n' > local/usr/bin/mytool; chmod 755 local/usr/bin/mytool
         dpkg-deb --build local > /dev/null; dpkg -i local.deb | tail -1; mytool; dpkg -S /usr/bin/mytool
         echo changed > /etc/local.conf; dpkg --verify local || true; dpkg -P local > /dev/null; ls /usr/bin/mytool 2>&1 || true",
    );
    let verified = "??5?????? c /etc/local.conf";
    let gone = "ls: cannot access '/usr/bin/mytool': No such file or directory";
    let expected = ["postinst configure ", "runs", "local: /usr/bin/mytool", verified, gone];
    assert_eq!(text.lines().collect::<Vec<_>>(), expected, "{text}");
}

/// Packages of our own on the real base, named by a lock file.
struct Fakes {
    dir: tempfile::TempDir,
    server: Server,
}

impl Fakes {
    /// Packages given by name, those that they pre-depend on, further control files, and files.
    #[allow(clippy::type_complexity)]
    fn new(packages: &[(&str, &[&str], &[(&str, &str)], &[(&str, &str)])]) -> Self {
        let dir = tempfile::tempdir().expect("temporary directory");
        let real = dir.path().join("real.json");
        let real_name = real.to_str().expect("text");
        stdout(&tidemark(&["fetch", "bash", "--lock", real_name]).output().expect("started"));
        let real: Value = serde_json::from_slice(&std::fs::read(&real).expect("written")).expect("JSON");
        let mut files = BTreeMap::new();
        let mut entries = Vec::new();
        for (name, pre_depends, control, content) in packages {
            let fields =
                format!("Package: {name}\nVersion: 1\nArchitecture: all\nMaintainer: x\nDescription: x\n");
            let bytes = deb(&fields, control, content);
            let path = format!("pool/{name}.deb");
            entries.push(json!({
                "name": name, "version": "1", "filename": path, "size": bytes.len(), "sha256": sha256(&bytes),
                "pre_depends": pre_depends,
            }));
            files.insert(path, bytes);
        }
        let mut lock = real;
        lock["request"] = json!([packages.last().expect("some").0]);
        lock["packages"] = Value::Array(entries);
        std::fs::write(dir.path().join("lock.json"), lock.to_string()).expect("written");
        Self { dir, server: Server::start(files) }
    }

    /// `tidemark fetch` or the like with the lock file.
    fn command(&self, args: &[&str]) -> Command {
        let lock = self.dir.path().join("lock.json");
        let (command, rest) = args.split_first().expect("a command");
        let mut all = vec![*command, "--lock", lock.to_str().expect("text"), "--mirror", &self.server.url];
        all.extend(rest);
        let mut command = tidemark(&all);
        command.env_remove("http_proxy");
        command
    }
}

#[test]
fn maintainer_scripts_run_in_dpkgs_order_with_its_environment() {
    let preinst = "#!/bin/sh\nset -e\ntest -e /var/lib/early\n\
        { echo \"$@\"; env | grep ^DPKG_MAINT | sort; basename \"$0\"; ls /usr/bin/late 2>/dev/null || echo not yet; } \
        > /var/lib/preinst\n\
        dpkg-divert --package late --rename --divert /usr/bin/tool.distrib --add /usr/bin/tool > /dev/null\n";
    let fakes = Fakes::new(&[
        (
            "early",
            &[],
            &[
                ("postinst", "#!/bin/sh\necho \"$@\" >> /var/lib/early\n"),
                ("triggers", "interest-noawait /usr/share/watched\ninterest-noawait a-name\n"),
                ("conffiles", "/etc/early.conf\n"),
            ],
            &[("./etc/early.conf", "early\n"), ("./usr/bin/tool", "early's\n")],
        ),
        (
            "late",
            &["early"],
            &[
                ("triggers", "activate-noawait a-name\n"),
                ("preinst", preinst),
                ("postinst", "#!/bin/sh\npolicy-rc.d x start; echo $? > /var/lib/policy\n"),
            ],
            &[("./usr/bin/tool", "late's\n"), ("./usr/bin/late", "x"), ("./usr/share/watched/x", "x")],
        ),
    ]);
    let script = "cat /var/lib/preinst; tr ' ' '\\n' < /var/lib/early | sort -u; cat /etc/early.conf /usr/bin/tool /usr/bin/tool.distrib /var/lib/policy
        dpkg -l early late | awk 'NR > 5 {print $1}'; dpkg --verify";
    let command = &["run", "--debian", "late", "--", "bash", "-ec", script];
    let text = stdout(&fakes.command(command).output().expect("started"));
    assert_eq!(
        text.lines().collect::<Vec<_>>(),
        [
            "install",
            "DPKG_MAINTSCRIPT_ARCH=all",
            "DPKG_MAINTSCRIPT_DEBUG=0",
            "DPKG_MAINTSCRIPT_NAME=preinst",
            "DPKG_MAINTSCRIPT_PACKAGE=late",
            "DPKG_MAINTSCRIPT_PACKAGE_REFCOUNT=1",
            "preinst",
            "not yet",
            "",
            "/usr/share/watched",
            "a-name",
            "configure",
            "triggered",
            "early",
            "late's",
            "early's",
            "101",
            "ii",
            "ii",
        ],
        "{text}"
    );
}

#[test]
fn a_script_that_fails_is_named_and_leaves_nothing() {
    for (script, text) in [
        ("postinst", "#!/bin/sh\necho first\necho about to fail >&2\nexit 3\n"),
        ("preinst", "#!/bin/sh\necho about to fail\nexit 3\n"),
    ] {
        let name = format!("broken-{script}");
        let fakes = Fakes::new(&[(&name, &[], &[(script, text)], &[("./usr/bin/broken", "x")])]);
        let error = refusal(&fakes.command(&["fetch", &name]).output().expect("started"), 65);
        assert!(error.contains(&format!("the {script} of {name} failed")), "{error}");
        assert!(error.contains("about to fail\""), "{error}");
        let layers = std::fs::read_dir(cache().join("v1/layers")).expect("there").flatten();
        let names: Vec<String> =
            layers.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        assert!(!names.iter().any(|layer| layer.contains("broken")), "{names:?}");
    }
}

#[test]
fn two_packages_with_the_same_file_are_refused() {
    let fakes = Fakes::new(&[
        ("one-file", &[], &[], &[("./usr/bin/same", "1")]),
        ("two-file", &[], &[], &[("./usr/bin/same", "2")]),
    ]);
    let error = refusal(&fakes.command(&["fetch", "two-file"]).output().expect("started"), 65);
    assert!(
        error.contains("cannot unpack two-file 1: it has /usr/bin/same, which one-file has, too"),
        "{error}"
    );
}

#[test]
fn processes_that_install_at_once_wait_for_one() {
    let content = std::process::id().to_string();
    let postinst = "#!/bin/sh\nsleep 1\n";
    let fakes = Fakes::new(&[("slow", &[], &[("postinst", postinst)], &[("./usr/bin/slow", &content)])]);
    let children: Vec<_> = (0..3)
        .map(|_| fakes.command(&["fetch", "slow"]).stdout(Stdio::piped()).spawn().expect("started"))
        .collect();
    let paths: Vec<String> =
        children.into_iter().map(|child| stdout(&child.wait_with_output().expect("ended"))).collect();
    assert!(paths.iter().all(|path| path == &paths[0] && Path::new(path.trim_end()).exists()), "{paths:?}");
    assert_eq!(fakes.server.take_requests(), ["pool/slow.deb"], "downloaded once");
    std::fs::remove_file(paths[0].trim_end()).expect("removed");
}
