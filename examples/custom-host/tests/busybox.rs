//! The example runs Debian's busybox, as its guide says.

use std::path::PathBuf;
use std::process::{Command, Output};

/// Runs the example with `TIDEMARK_BUSYBOX`, which `cargo xtask test` sets, or the busybox that it has fetched.
fn busybox(arguments: &[&str]) -> Output {
    let fetched = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/debian/busybox");
    let busybox = std::env::var_os("TIDEMARK_BUSYBOX").map_or_else(|| PathBuf::from(fetched), PathBuf::from);
    assert!(busybox.exists(), "{} is missing: run `cargo xtask setup`", busybox.display());
    Command::new(env!("CARGO_BIN_EXE_custom-host")).arg(busybox).args(arguments).output().unwrap()
}

#[test]
fn busybox_runs() {
    let output = busybox(&["sh", "-c", "busybox seq 3 | busybox sort -r; busybox uname -m"]);
    // A layer of one file: the shell finds its tools in itself.
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    assert_eq!(text, "3\n2\n1\nriscv64\n", "{errors}");
}

#[test]
fn the_exit_code_is_passed_on() {
    assert_eq!(busybox(&["sh", "-c", "exit 7"]).status.code(), Some(7));
}
