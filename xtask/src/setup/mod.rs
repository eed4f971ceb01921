//! `setup`: installs what a bare Debian or Ubuntu machine lacks. It looks first, so a second run takes no time and
//! needs no network.

mod apt;
mod debian;
mod node;
mod oracle;

use anyhow::{Context, Result, bail};
use clap::Args;
use xshell::{Shell, cmd};

use crate::wasm::{self, WasmToolchain};
use crate::{fuzz, programs, project, tools};
use debian::Program;

/// What to set up.
#[derive(Args, Default)]
pub(crate) struct Options {
    /// Say what is missing and end with an error, but install nothing.
    #[arg(long)]
    check: bool,
}

/// Something the other commands need.
struct Need {
    what: &'static str,
    present: fn() -> bool,
    /// The packages that supply it, by preference: the first set that the machine's package index knows.
    packages: &'static [&'static [&'static str]],
    /// What to do where no package supplies it.
    otherwise: &'static str,
}

const NEEDS: &[Need] = &[
    Need {
        what: "a riscv64 cross compiler with its C library",
        present: guest_compiler,
        packages: &[&["gcc-riscv64-linux-gnu", "libc6-dev-riscv64-cross"]],
        otherwise: "install riscv64-linux-gnu-gcc and a static riscv64 glibc",
    },
    Need {
        what: "Go, for the rows of tests/userland",
        present: || tools::on_path(programs::GO).is_some(),
        packages: &[&["golang-go"]],
        otherwise: "install Go 1.19 or newer",
    },
    Need {
        what: "a user-mode riscv64 emulator, to compare speed with",
        present: || tools::on_path(tools::SYSTEM_QEMU).is_some(),
        packages: &[&["qemu-user-static"], &["qemu-user"]],
        otherwise: "install qemu-riscv64-static",
    },
    Need {
        what: "a toolchain for threaded WebAssembly",
        present: || WasmToolchain::find().is_ok(),
        packages: &[
            &["rustc-web", "cargo-web", "rust-web-src", "lld-22"],
            &["rustc-web", "cargo-web", "rust-web-src", "lld"],
        ],
        otherwise: "with rustup: rustup toolchain install nightly --profile minimal --component rust-src",
    },
    Need {
        what: "a C++ compiler, for libFuzzer",
        present: || tools::on_path("c++").is_some(),
        packages: &[&["g++"]],
        otherwise: "install g++",
    },
    Need {
        what: "Node 20 or newer",
        present: || tools::node().is_ok(),
        packages: &[&["nodejs"]],
        otherwise: "install Node 20 or newer",
    },
];

/// The real, unmodified Debian program that tests run.
const BUSYBOX: Program =
    Program { package: "busybox-static", architecture: Some("riscv64"), path: "./usr/bin/busybox" };

fn guest_compiler() -> bool {
    tools::on_path(tools::GUEST_CC).is_some()
        && tools::first_line(tools::GUEST_CC, &["-print-file-name=libc.a"])
            // gcc answers the bare name when it finds no such file.
            .is_some_and(|file| file.contains('/'))
}

/// Installs what is missing.
///
/// # Errors
/// If something is missing that can't be installed; the message says what to do about it.
pub(crate) fn run(sh: &Shell, options: &Options) -> Result<()> {
    let missing: Vec<&Need> = NEEDS.iter().filter(|need| !(need.present)()).collect();
    if options.check {
        missing.iter().for_each(|need| println!("missing: {}", need.what));
        return if missing.is_empty() {
            Ok(())
        } else {
            bail!("{} of {} missing", missing.len(), NEEDS.len())
        };
    }
    install(sh, &missing)?;
    oracle::provide(sh)?;
    BUSYBOX.provide(sh, &project::busybox()).context("no busybox to test with")?;
    cmd!(sh, "cargo fetch --locked --quiet").quiet().run()?;
    wasm::fetch()?;
    fuzzing(sh);
    Ok(())
}

/// cargo-fuzz and its nightly compiler come through rustup and cargo; a machine without them fuzzes nothing, and `ci` says
/// so.
fn fuzzing(sh: &Shell) {
    if fuzz::missing().is_none() || tools::on_path("rustup").is_none() {
        return;
    }
    let nightly = cmd!(sh, "rustup toolchain install nightly --profile minimal").run();
    let tool = nightly.and_then(|()| cmd!(sh, "cargo install cargo-fuzz --locked").run());
    if let Err(error) = tool {
        eprintln!("setup: no fuzzing here: {error}");
    }
}

fn install(sh: &Shell, missing: &[&Need]) -> Result<()> {
    if missing.is_empty() {
        return Ok(());
    }
    missing.iter().for_each(|need| eprintln!("setup: missing {}", need.what));
    if tools::on_path("apt-get").is_some() {
        apt::update(sh)?;
        let mut packages = Vec::new();
        for need in missing {
            match need.packages.iter().find(|set| set.iter().all(|package| apt::knows(sh, package))) {
                Some(set) => packages.extend_from_slice(set),
                None => eprintln!("setup: no package here supplies {}", need.what),
            }
        }
        apt::install(sh, &packages)?;
    }
    if WasmToolchain::find().is_err() && tools::on_path("rustup").is_some() {
        cmd!(sh, "rustup toolchain install nightly --profile minimal --component rust-src").run()?;
    }
    if tools::node().is_err() {
        node::provide(sh)?;
    }
    let still: Vec<String> = missing
        .iter()
        .filter(|need| !(need.present)())
        .map(|need| format!("{}: {}", need.what, need.otherwise))
        .collect();
    if still.is_empty() { Ok(()) } else { bail!("still missing\n  {}", still.join("\n  ")) }
}
