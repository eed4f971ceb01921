//! `tidemark fetch` against an archive on the loopback interface: the whole chain from the release's
//! signature to the layer, and each way in which it must break.

mod support;

use std::process::Command;

use support::Setup;
use support::repository::{IN_RELEASE, Repository, ar, data_tar, sha256, xz};
use support::server::Served;
use tidemark_sdk::layer::format::{InodeKind, decode};

/// An archive with a program that depends on a library.
fn archive() -> Repository {
    let mut repository = Repository::new(1);
    repository.add("app", "2:1.0-1", "Depends: lib (>= 1)\n", &[("./usr/bin/app", "program")]);
    repository.add("lib", "1.5", "", &[("./usr/lib/lib.so", "library"), ("./usr/share/doc/lib", "words")]);
    repository.add("other", "1", "", &[("./usr/bin/other", "other")]);
    repository
}

/// The content of a file in a layer.
fn content(layer: &std::path::Path, path: &str) -> Option<Vec<u8>> {
    let bytes = std::fs::read(layer).expect("readable");
    let index = decode(&bytes).expect("a layer");
    let number = path.split('/').try_fold(index.root(), |at, name| index.lookup(at, name.as_bytes()))?;
    match index.inode(number)?.kind {
        InodeKind::File { offset, size } => Some(bytes[offset as usize..(offset + size) as usize].to_vec()),
        _ => None,
    }
}

#[test]
fn a_package_comes_with_what_it_depends_on() {
    let setup = Setup::new(archive());
    let layer = setup.fetched(&["app"]);
    assert!(layer.file_name().expect("name").to_string_lossy().starts_with("app_2%3a1.0-1_"), "{layer:?}");
    assert_eq!(content(&layer, "usr/bin/app").as_deref(), Some(b"program".as_slice()));
    assert_eq!(content(&layer, "usr/lib/lib.so").as_deref(), Some(b"library".as_slice()));
    assert_eq!(content(&layer, "usr/bin/other"), None);
    assert!(content(&layer, "etc/passwd").is_some(), "the base is there");
}

#[test]
fn the_second_time_needs_no_network() {
    let setup = Setup::new(archive());
    let first = setup.fetched(&["app"]);
    assert!(!setup.server.take_requests().is_empty());
    assert_eq!(setup.fetched(&["app"]), first);
    assert_eq!(setup.fetched(&["app", "--offline"]), first);
    assert_eq!(setup.server.take_requests(), [""; 0]);
}

#[test]
fn other_packages_reuse_the_index() {
    let setup = Setup::new(archive());
    setup.fetched(&["app"]);
    setup.server.take_requests();
    setup.fetched(&["other,lib"]);
    assert_eq!(setup.server.take_requests(), [IN_RELEASE.to_owned(), setup.repository.deb_path("other")]);
}

#[test]
fn offline_takes_what_is_there_and_says_what_is_not() {
    let setup = Setup::new(archive());
    assert!(setup.refused(69, &["--offline", "app"]).contains("the package index is not cached"));
    setup.fetched(&["app"]);
    setup.fetched(&["--offline", "lib"]);
    assert!(setup.refused(69, &["--offline", "other"]).contains("other 1 is not cached"));
}

#[test]
fn files_are_downloaded_by_their_hash_where_the_mirror_offers_it() {
    let mut repository = archive();
    repository.release_fields = "Acquire-By-Hash: yes\n".into();
    let setup = Setup::new(repository);
    setup.server.remove("dists/trixie/main/binary-riscv64/Packages.xz");
    setup.fetched(&["lib"]);
    assert!(setup.server.take_requests()[1].contains("/by-hash/SHA256/"));
}

#[test]
fn a_newer_version_is_found_on_request() {
    let setup = Setup::new(archive());
    let old = setup.fetched(&["lib"]);
    let mut newer = archive();
    newer.add("lib", "1.10", "", &[("./usr/lib/lib.so", "newer")]);
    setup.server.replace_all(newer.files());
    assert_eq!(setup.fetched(&["lib"]), old, "what was resolved stays");
    let new = setup.fetched(&["--refresh", "lib"]);
    assert_eq!(content(&new, "usr/lib/lib.so").as_deref(), Some(b"newer".as_slice()));
    assert_eq!(setup.fetched(&["lib"]), new);
}

#[test]
fn a_version_that_the_mirror_dropped_is_resolved_anew() {
    let setup = Setup::new(archive());
    setup.fetched(&["other"]);
    std::fs::remove_dir_all(setup.cache().join("v1/layers")).expect("removed");
    std::fs::remove_dir_all(setup.cache().join("v1/blobs")).expect("removed");
    let mut newer = Repository::new(1);
    newer.add("other", "2", "", &[("./usr/bin/other", "newer")]);
    setup.server.replace_all(newer.files());
    let layer = setup.fetched(&["other"]);
    assert_eq!(content(&layer, "usr/bin/other").as_deref(), Some(b"newer".as_slice()));
}

#[test]
fn damage_in_the_cache_is_repaired() {
    let setup = Setup::new(archive());
    let layer = setup.fetched(&["app"]);
    let whole = std::fs::read(&layer).expect("readable");
    std::fs::write(&layer, &whole[..whole.len() - 1]).expect("written");
    assert_eq!(setup.fetched(&["--offline", "app"]), layer, "built anew from what was downloaded");
    assert_eq!(std::fs::read(&layer).expect("readable"), whole);
    std::fs::remove_file(&layer).expect("removed");
    for blob in std::fs::read_dir(setup.cache().join("v1/blobs")).expect("there").flatten() {
        std::fs::write(blob.path(), "damaged").expect("written");
    }
    setup.fetched(&["app"]);
    assert_eq!(std::fs::read(&layer).expect("readable"), whole, "downloaded anew");
}

#[test]
fn a_release_that_is_not_signed_by_the_keyring_is_refused() {
    let setup = Setup::new(archive());
    let untrusted = "cannot be trusted";
    let signed = setup.repository.sign(&setup.repository.release());
    let tampered = signed.replace("Origin: Test", "Origin: Tess");
    let by_another = Repository::new(2).sign(&setup.repository.release());
    let unsigned = setup.repository.release();
    let outside = format!("Origin: Evil\n\n{signed}");
    for (in_release, why) in [
        (tampered, "bad signature by key"),
        (by_another, "is not in the keyring"),
        (unsigned, "it is not a cleartext-signed message"),
        (outside, "it is not a cleartext-signed message"),
    ] {
        setup.server.replace(IN_RELEASE, Served::File(in_release.into_bytes()));
        let error = setup.refused(65, &["app"]);
        assert!(error.contains(untrusted) && error.contains(why), "{error}");
    }
    assert_eq!(setup.cached_files(), [""; 0], "nothing of it is kept");
}

#[test]
fn debian_keys_do_not_trust_a_test_archive() {
    let setup = Setup::new(archive());
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_tidemark"))
        .args(["fetch", "app", "--mirror", &setup.server.url, "--cache-dir"])
        .arg(setup.cache())
        .output()
        .expect("started");
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(65), "{error}");
    assert!(error.contains("is not in the keyring"), "{error}");
}

#[test]
fn an_expired_release_is_refused() {
    let mut repository = archive();
    repository.release_fields = "Valid-Until: Sat, 08 Nov 2025 08:00:00 UTC\n".into();
    let error = Setup::new(repository).refused(65, &["app"]);
    assert!(error.contains("expired on Sat, 08 Nov 2025 08:00:00 UTC"), "{error}");
}

#[test]
fn another_suite_is_refused_though_it_is_signed() {
    let setup = Setup::new(archive());
    let other = setup.repository.release().replace("trixie", "bookworm");
    setup.server.replace(IN_RELEASE, Served::File(setup.repository.sign(&other).into_bytes()));
    assert!(setup.refused(65, &["app"]).contains("is for \"stable or bookworm\""));
}

#[test]
fn a_package_that_is_not_the_one_indexed_is_refused() {
    let setup = Setup::new(archive());
    let path = setup.repository.deb_path("other");
    let genuine = setup.repository.files()[&path].clone();
    let mut flipped = genuine.clone();
    *flipped.last_mut().expect("not empty") ^= 1;
    setup.server.replace(&path, Served::File(flipped));
    assert!(setup.refused(65, &["other"]).contains("other 1 does not have the SHA-256"));
    setup.server.replace(&path, Served::File([genuine.as_slice(), b"more"].concat()));
    assert!(setup.refused(65, &["other"]).contains("is larger than"));
    let cached = setup.cached_files().join(" ");
    assert!(!cached.contains("layers") && !cached.contains("partial"), "{cached}");
    // What is there of another file spoils nothing.
    setup.server.replace(&path, Served::File(genuine));
    setup.fetched(&["other"]);
}

#[test]
fn a_download_that_breaks_off_is_gone_on_with() {
    let mut repository = archive();
    repository.add("big", "1", "", &[("./usr/share/big", &incompressible(400_000))]);
    let setup = Setup::new(repository);
    let path = setup.repository.deb_path("big");
    let genuine = setup.repository.files()[&path].clone();
    setup.server.replace(&path, Served::BrokenOnce(genuine.clone()));
    setup.fetched(&["big"]);
    let half = genuine.len() / 2;
    assert_eq!(setup.server.take_ranges(), [format!("bytes={half}-")], "at once");

    let setup = Setup::new(Repository::new(1));
    let mut repository = archive();
    repository.add("big", "1", "", &[("./usr/share/big", &incompressible(400_000))]);
    setup.server.replace_all(repository.files());
    setup.server.replace(&path, Served::BrokenOff(genuine.clone()));
    assert!(setup.refused(69, &["big"]).contains("cannot download"));
    assert!(!setup.cached_files().join(" ").contains("layers"));
    setup.server.replace(&path, Served::File(genuine));
    setup.server.take_ranges();
    setup.fetched(&["big"]);
    assert_eq!(setup.server.take_ranges(), [format!("bytes={half}-")], "in a later run");
    assert!(!setup.cached_files().join(" ").contains("partial"), "nothing is left over");
}

/// Text that xz makes little smaller.
fn incompressible(len: usize) -> String {
    let mut state = 1_u64;
    let letter = |state: &mut u64| {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        char::from(b'0' + (*state >> 58) as u8)
    };
    (0..len).map(|_| letter(&mut state)).collect()
}

#[test]
fn dependencies_are_resolved_as_apt_does() {
    let mut repository = archive();
    repository.add("mta-a", "1", "Provides: mta\nConflicts: mta\nPriority: important\n", &[]);
    repository.add("mta-b", "1", "Provides: mta\nConflicts: mta\n", &[]);
    repository.add("mailer", "1", "Pre-Depends: lib\nDepends: gone | mta\n", &[("./usr/bin/mailer", "x")]);
    repository.add("stuck", "1", "Depends: needy\n", &[]);
    repository.add("needy", "1", "Depends: lib (>= 2)\n", &[]);
    repository.add("fan", "1", "Recommends: other\n", &[]);
    let setup = Setup::new(repository);
    assert!(setup.fetched(&["mailer,mta-b"]).exists());
    assert_eq!(
        setup.refused(67, &["mta-a,mta-b"]),
        "tidemark: mta-a and mta-b cannot be installed together: leave one out"
    );
    assert_eq!(
        setup.refused(67, &["stuck"]),
        "tidemark: stuck depends on needy, needy depends on lib (>= 2), but trixie has lib 1.5: leave it out, or try \
         another mirror"
    );
    assert!(
        setup.refused(66, &["mta"]).contains("several packages provide \"mta\": name one of mta-a, mta-b")
    );
    assert!(setup.refused(66, &["lib=2"]).contains("no version 2 of lib in trixie, but 1.5"));
    assert!(setup.fetched(&["lib=1.5"]).exists());
    assert!(setup.refused(64, &["lib/sid"]).contains("come from trixie only"));
    assert!(setup.refused(64, &["lib:amd64"]).contains("are for riscv64 only"));
    assert_eq!(content(&setup.fetched(&["fan"]), "usr/bin/other"), None);
    let with = setup.fetched(&["fan", "--recommends"]);
    assert_eq!(content(&with, "usr/bin/other").as_deref(), Some(b"other".as_slice()));
}

#[test]
fn a_lock_file_keeps_versions() {
    let setup = Setup::new(archive());
    let lock = setup.path("lock.json").display().to_string();
    let old = setup.fetched(&["app", "--lock", &lock]);
    let text = std::fs::read_to_string(&lock).expect("written");
    let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(json["request"][0], "app");
    assert_eq!(json["packages"][0]["name"], "lib");
    assert_eq!(json["packages"][0]["sha256"].as_str().map(str::len), Some(64));

    let mut newer = archive();
    newer.add("lib", "1.10", "", &[("./usr/lib/lib.so", "newer")]);
    setup.server.replace_all(newer.files());
    assert_eq!(setup.fetched(&["app", "--refresh", "--lock", &lock]), old);
    setup.server.take_requests();
    assert_eq!(setup.fetched(&["app", "--offline", "--lock", &lock]), old);
    assert_eq!(setup.server.take_requests(), [""; 0]);
    let error = setup.refused(65, &["other", "--lock", &lock]);
    assert!(error.contains("locks app, but other is asked for"), "{error}");

    // Another cache has only the lock file to go by, and the mirror dropped what it pins.
    std::fs::remove_dir_all(setup.cache()).expect("removed");
    setup.server.remove(&setup.repository.deb_path("lib"));
    let error = setup.refused(69, &["app", "--lock", &lock]);
    assert!(error.contains("404") && error.contains("lock.json pins it: remove that"), "{error}");
    std::fs::write(&lock, "{").expect("written");
    assert!(setup.refused(65, &["app", "--lock", &lock]).contains("cannot read the lock file"));
}

#[test]
fn an_index_that_is_not_the_one_signed_is_refused() {
    let setup = Setup::new(archive());
    let mut other = archive();
    other.add("app", "99", "", &[("./usr/bin/app", "evil")]);
    let path = "dists/trixie/main/binary-riscv64/Packages.xz";
    setup.server.replace(path, Served::File(other.files()[path].clone()));
    let error = setup.refused(65, &["app"]);
    assert!(error.contains("signed index states"), "{error}");
}

#[test]
fn what_does_not_exist_is_named() {
    let setup = Setup::new(archive());
    assert!(
        setup
            .refused(66, &["othr"])
            .contains("no package \"othr\" in trixie for riscv64; did you mean \"other\"?")
    );
    assert!(setup.refused(64, &["../other"]).contains("is not a package name"));
    setup.server.remove(&setup.repository.deb_path("other"));
    assert!(setup.refused(69, &["other"]).contains("404"));
}

#[test]
fn a_mirror_that_is_not_there_is_named() {
    let setup = Setup::new(archive());
    let error = setup.refused(69, &["app", "--mirror", "http://127.0.0.1:1/debian"]);
    assert!(error.contains("cannot download http://127.0.0.1:1/debian/dists/trixie/InRelease"), "{error}");
    assert!(setup.refused(78, &["app", "--mirror", "ftp://x/debian"]).contains("is not a mirror"));
}

#[test]
fn packages_that_lead_out_of_the_tree_are_refused() {
    for (path, why) in [
        ("../../etc/cron.d/evil", "it contains \"..\""),
        ("/etc/cron.d/evil", "it is absolute"),
        ("./bin/evil", "it leads through the symbolic link /bin"),
    ] {
        let mut repository = Repository::new(1);
        repository.add("evil", "1", "", &[(path, "evil")]);
        let setup = Setup::new(repository);
        let error = setup.refused(65, &["evil"]);
        assert!(error.contains("cannot unpack evil 1: unsafe path") && error.contains(why), "{error}");
    }
}

#[test]
fn truncated_packages_are_refused() {
    let data = data_tar(&[("./usr/bin/cut", "x".repeat(5000).as_bytes())]);
    let cut_tar = ar(&[("debian-binary", b"2.0\n"), ("data.tar.xz", &xz(&data[..2000]))]);
    let whole_xz = xz(&data);
    let cut_xz = ar(&[("debian-binary", b"2.0\n"), ("data.tar.xz", &whole_xz[..whole_xz.len() / 2])]);
    let whole = ar(&[("debian-binary", b"2.0\n"), ("data.tar.xz", &whole_xz)]);
    let cut_ar = whole[..whole.len() - 20].to_vec();
    let empty = Vec::new();
    for deb in [cut_tar, cut_xz, cut_ar, empty] {
        let mut repository = Repository::new(1);
        repository.add_deb("cut", "1", "", deb);
        let setup = Setup::new(repository);
        let error = setup.refused(65, &["cut"]);
        assert!(error.contains("cut 1"), "{error}");
        assert!(!setup.cached_files().join(" ").contains("layers"));
    }
}

#[test]
fn processes_that_fill_the_cache_at_once_all_succeed() {
    let mut repository = archive();
    let big = "0123456789abcdef".repeat(200_000);
    repository.add("big", "1", "Depends: app, other\n", &[("./usr/share/big", &big)]);
    let setup = Setup::new(repository);
    let children: Vec<_> = (0..4)
        .map(|_| {
            let mut command = setup.tidemark("fetch");
            command.arg("big").stdout(std::process::Stdio::piped()).spawn().expect("started")
        })
        .collect();
    let layers: Vec<String> = children
        .into_iter()
        .map(|child| {
            let output = child.wait_with_output().expect("ended");
            assert!(output.status.success());
            String::from_utf8(output.stdout).expect("a path").trim_end().to_owned()
        })
        .collect();
    assert!(layers.iter().all(|layer| layer == &layers[0]), "{layers:?}");
    assert_eq!(content(layers[0].as_ref(), "usr/share/big").map(|big| big.len()), Some(big.len()));
    assert!(!setup.cached_files().join(" ").contains("partial"));
}

#[test]
fn a_cache_that_cannot_be_written_is_named() {
    let setup = Setup::new(archive());
    std::fs::write(setup.cache(), "in the way").expect("written");
    let error = setup.refused(73, &["app"]);
    assert!(error.contains("cannot write to the cache at") && error.contains("--cache-dir"), "{error}");
}

#[test]
fn the_index_is_decompressed_once() {
    let setup = Setup::new(archive());
    setup.fetched(&["app"]);
    let text = setup.repository.index();
    let kept = setup.cache().join("v1/blobs").join(sha256(text.as_bytes()));
    assert_eq!(std::fs::read_to_string(&kept).expect("kept by its digest"), text);
    // What is kept is not trusted; it is had anew from what is signed.
    std::fs::write(&kept, text.replace("Package: other", "Package: wrong")).expect("written");
    assert!(setup.refused(66, &["--offline", "wrong"]).contains("there is no package"));
    assert_eq!(std::fs::read_to_string(&kept).expect("kept anew"), text);
}

/// `tidemark cache` on the cache of `setup`; what it prints.
fn cache_command(setup: &Setup, args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_tidemark"))
        .arg("cache")
        .args(args)
        .args(["--cache-dir".as_ref(), setup.cache().as_os_str()])
        .output()
        .expect("started");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn the_cache_is_listed_and_emptied() {
    let setup = Setup::new(archive());
    let layer = setup.fetched(&["app"]);
    let name = layer.file_name().expect("name").to_string_lossy().into_owned();
    let listed = cache_command(&setup, &["list"]);
    let line = listed.lines().find(|line| line.ends_with(&name)).expect("the layer is listed");
    assert!(line.contains(" layer "), "{line}");
    assert!(listed.lines().last().expect("a total").contains(" of 16.0 GiB in "), "{listed}");
    let json: serde_json::Value =
        serde_json::from_str(&cache_command(&setup, &["list", "--json"])).expect("JSON");
    let entries = json["entries"].as_array().expect("a list");
    // Two packages, the index twice and the layer.
    assert_eq!(entries.len(), 5, "{json}");
    let bytes: u64 = entries.iter().filter_map(|entry| entry["bytes"].as_u64()).sum();
    assert_eq!(json["total_bytes"].as_u64(), Some(bytes));
    assert_eq!(cache_command(&setup, &["prune"]).lines().count(), 1, "all of it is below the limit");

    // Somebody uses the layer.
    let user = std::fs::File::open(&layer).expect("there");
    user.lock_shared().expect("locked");
    assert_eq!(cache_command(&setup, &["prune", "--all"]).lines().count(), 5);
    assert!(layer.exists());
    drop(user);
    let said = cache_command(&setup, &["prune", "--cache-limit", "1"]);
    assert!(said.contains(&name) && said.ends_with(" removed, 0 B left\n"), "{said}");
    assert!(!layer.exists());
    assert_eq!(setup.fetched(&["app"]), layer, "what was removed is had again");
}

#[test]
fn storing_a_layer_makes_room_for_it() {
    let setup = Setup::new(archive());
    let first = setup.fetched(&["app"]);
    let second = setup.fetched(&["--cache-limit", "1", "lib"]);
    assert!(second.exists() && !first.exists());
}
