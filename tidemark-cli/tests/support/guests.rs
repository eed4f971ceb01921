//! The guest program that the tests run.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The compiled `tests/guests/streams/tool.c`: in the folder `TIDEMARK_GUESTS`, which `cargo xtask test` sets, else
/// built now.
pub fn tool() -> &'static Path {
    static TOOL: OnceLock<PathBuf> = OnceLock::new();
    TOOL.get_or_init(|| {
        let folder = std::env::var_os("TIDEMARK_GUESTS").map_or_else(build, PathBuf::from);
        folder.join("streams/tool")
    })
}

/// Debian's busybox: the file `TIDEMARK_BUSYBOX`, which `cargo xtask test` sets, else fetched now.
pub fn busybox() -> &'static Path {
    static BUSYBOX: OnceLock<PathBuf> = OnceLock::new();
    BUSYBOX.get_or_init(|| {
        std::env::var_os("TIDEMARK_BUSYBOX")
            .map_or_else(|| xtask("setup").join("debian/busybox"), PathBuf::from)
    })
}

fn build() -> PathBuf {
    xtask("build-guests").join("guests")
}

/// Has `xtask` make something, and returns the folder of all that is made.
fn xtask(task: &str) -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this crate is in a workspace");
    let status = Command::new(env!("CARGO")).args(["xtask", task]).current_dir(workspace).status();
    assert!(status.is_ok_and(|status| status.success()), "`cargo xtask {task}` failed");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    workspace.join(target)
}
