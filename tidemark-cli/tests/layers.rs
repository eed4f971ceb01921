//! `tidemark layer` and `tidemark run --layer`: from packages, folders and archives to layer files and back.

mod support;

use std::path::Path;
use std::process::{Command, Output};

use support::repository::{Repository, data_tar, sha256};
use support::server::Served;
use support::{Setup, guests, refusal};

fn archive() -> Repository {
    let mut repository = Repository::new(1);
    repository.add("app", "1.0-1", "Depends: lib\n", &[("./usr/bin/app", "program")]);
    repository.add("lib", "1.5", "", &[("./usr/lib/lib.so", "library")]);
    repository
}

fn tidemark(args: &[&str], folder: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidemark"));
    command.args(args).current_dir(folder).env("TIDEMARK_CACHE_DIR", folder.join("cache"));
    command.output().expect("started")
}

fn built(folder: &Path, args: &[&str]) {
    let output = tidemark(&[&["layer", "build"], args].concat(), folder);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// What `layer inspect --json` says.
fn inspected(folder: &Path, file: &str) -> serde_json::Value {
    let output = tidemark(&["layer", "inspect", "--json", file], folder);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[test]
fn packages_become_a_layer_file() {
    let setup = Setup::new(archive());
    let file = setup.path("app.layer");
    let extra = setup.path("extra");
    std::fs::create_dir(&extra).expect("made");
    std::fs::write(extra.join("mine"), "mine").expect("written");
    let mut command = setup.tidemark("layer build");
    let output = command.args(["--debian", "app", "-o"]).arg(&file).arg(&extra).output().expect("started");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = Command::new(env!("CARGO_BIN_EXE_tidemark")).args(["layer", "inspect"]).arg(&file).output();
    let text = String::from_utf8(text.expect("started").stdout).expect("text");
    let digest = sha256(&std::fs::read(&file).expect("readable"));
    assert!(text.contains(&digest) && text.contains("\npackages  "), "{text}");
    let layer = tidemark_sdk::layer::open_layer(&file).expect("a layer");
    let root = layer.index().root();
    assert!(layer.index().lookup(root, b"mine").is_some() && layer.index().lookup(root, b"usr").is_some());
}

#[test]
fn sources_go_one_over_the_other() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let at = |name: &str| dir.path().join(name);
    std::fs::create_dir_all(at("tree/etc")).expect("made");
    std::fs::write(at("tree/etc/name"), "folder").expect("written");
    std::fs::write(at("tree/etc/other"), "other").expect("written");
    std::os::unix::fs::symlink("etc", at("tree/link")).expect("linked");
    std::fs::write(at("over.tar"), data_tar(&[("./etc/name", b"archive")])).expect("written");
    built(dir.path(), &["-o", "one.layer", "tree"]);
    built(dir.path(), &["-o", "two.layer", "one.layer", "over.tar"]);
    let one = inspected(dir.path(), "one.layer");
    assert_eq!((one["entries"]["files"].as_u64(), one["entries"]["symlinks"].as_u64()), (Some(2), Some(1)));
    assert_eq!(one["content_bytes"], 11);
    let two = inspected(dir.path(), "two.layer");
    assert_eq!(two["content_bytes"], 12);
    assert_eq!(two["sha256"], sha256(&std::fs::read(at("two.layer")).expect("readable")));
}

#[test]
fn bad_sources_are_told_in_a_line_and_leave_nothing() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let at = |name: &str| dir.path().join(name);
    let tar = data_tar(&[("./usr/share/file", &[b'x'; 4000])]);
    std::fs::write(at("cut.tar"), &tar[..tar.len() / 2]).expect("written");
    std::fs::write(at("climbs.tar"), data_tar(&[("../evil", b"x")])).expect("written");
    std::fs::write(at("absolute.tar"), data_tar(&[("/etc/evil", b"x")])).expect("written");
    std::fs::write(at("text"), "no archive ".repeat(100)).expect("written");
    let mut linked = tar::Builder::new(Vec::new());
    for (kind, path, target) in [
        (tar::EntryType::Symlink, "out", "/etc"),
        (tar::EntryType::Regular, "out/evil", ""),
        (tar::EntryType::Link, "hard", "../../etc/passwd"),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(0);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        let appended = if target.is_empty() {
            linked.append_data(&mut header, path, std::io::empty())
        } else {
            linked.append_link(&mut header, path, target)
        };
        appended.expect("memory");
        if path != "out" {
            std::fs::write(at(&format!("{path}.tar").replace('/', "-")), linked.get_ref()).expect("written");
            linked = tar::Builder::new(Vec::new());
        }
    }
    // A header that claims more than there can be.
    let mut huge = tar.clone();
    huge[124..136].copy_from_slice(&[0x80, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
    let sum: u32 = huge[..512]
        .iter()
        .enumerate()
        .map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u32::from(*byte) })
        .sum();
    huge[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    std::fs::write(at("huge.tar"), huge).expect("written");
    for (source, code, why) in [
        ("cut.tar", 65, "cut.tar"),
        ("climbs.tar", 65, "it contains \"..\""),
        ("absolute.tar", 65, "it is absolute"),
        ("out-evil.tar", 65, "leads through the symbolic link /out"),
        ("hard.tar", 65, "it contains \"..\""),
        ("huge.tar", 65, "huge.tar"),
        ("text", 65, "no tar archive"),
        ("absent", 66, "cannot read absent"),
    ] {
        let output = tidemark(&["layer", "build", "-o", "out.layer", source], dir.path());
        let error = refusal(&output, code);
        assert!(error.contains(why), "{source}: {error}");
        assert!(!at("out.layer").exists(), "{source}");
    }
    let left = |entry: std::io::Result<std::fs::DirEntry>| {
        entry.expect("readable").file_name().to_string_lossy().contains("partial")
    };
    assert!(!std::fs::read_dir(dir.path()).expect("readable").any(left), "nothing half-written");
    refusal(&tidemark(&["layer", "build", "-o", "out.layer"], dir.path()), 64);
    refusal(&tidemark(&["layer", "build", "-o", "no/such/out.layer", "text"], dir.path()), 73);
    std::fs::write(at("cut.layer"), b"TIDEMARK").expect("written");
    refusal(&tidemark(&["layer", "inspect", "cut.layer"], dir.path()), 65);
}

#[test]
fn a_layer_runs_from_a_file_and_from_an_address() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let bin = dir.path().join("tree/bin");
    std::fs::create_dir_all(&bin).expect("made");
    std::fs::copy(guests::busybox(), bin.join("busybox")).expect("copied");
    built(dir.path(), &["-o", "bb.layer", "tree"]);
    let bytes = std::fs::read(dir.path().join("bb.layer")).expect("readable");
    let setup = Setup::new(archive());
    let served = [("bb.layer".to_owned(), bytes.clone())];
    setup.server.replace_all(served.into_iter().collect());
    let url = format!("{}/bb.layer", setup.server.url);
    let run = |layer: &str, more: &[&str]| {
        let args = [&["run", "--layer", layer], more, &["--", "busybox", "echo", "hi"]].concat();
        tidemark(&args, dir.path())
    };
    let digest = sha256(&bytes);
    for layer in ["bb.layer", url.as_str(), &format!("{url}#sha256={digest}")] {
        let output = run(layer, &[]);
        assert_eq!(output.stdout, b"hi\n", "{layer}: {}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(run(&url, &["--offline"]).stdout, b"hi\n", "from the cache");
    let wrong = format!("{url}#sha256={}", "0".repeat(64));
    assert!(refusal(&run(&wrong, &[]), 125).contains("does not have the SHA-256"));
    assert!(refusal(&run(&format!("{url}#md5=1"), &[]), 125).contains("sha256="));
    setup.server.replace("bb.layer", Served::File(bytes[..bytes.len() / 2].to_vec()));
    assert!(refusal(&run(&url, &["--refresh"]), 125).contains("truncated"));
    assert_eq!(run(&url, &[]).stdout, b"hi\n", "what was there stays");
    assert!(refusal(&run("absent.layer", &[]), 125).contains("absent.layer"));
}
