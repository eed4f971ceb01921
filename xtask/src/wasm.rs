//! Building threaded WebAssembly: the toolchain that can, the flags it takes, and the JavaScript bindings.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use wasm_bindgen_cli_support::Bindgen;

use crate::project;
use crate::tools::{first_line, on_path};

const TARGET: &str = "wasm32-unknown-unknown";
/// The profile in the workspace's Cargo.toml.
const PROFILE: &str = "wasm";
/// The most that the module's memory may ever have; whoever makes the memory may choose less.
const MAXIMUM_MEMORY_BYTES: u64 = 4 << 30;
/// What it begins with, in pages of 64 KiB; wasm-bindgen adds one for its thread counter. The JavaScript that makes
/// the memory (tidemark-host-node/js/control.mjs) has to begin with no less.
const INITIAL_MEMORY_BYTES: u64 = 95 * 65_536;
/// The stack of the first thread; those of workers are their roles' business.
const STACK_BYTES: u64 = 1 << 20;
/// What wasm-bindgen needs to give each thread its stack and its thread-local storage.
const EXPORTS: [&str; 5] = ["__wasm_init_tls", "__tls_size", "__tls_align", "__tls_base", "__stack_pointer"];

/// A `cdylib` to build.
#[derive(Clone, Copy)]
pub(crate) enum Artifact {
    /// A package's library.
    Library(&'static str),
    /// A package's example.
    Example(&'static str, &'static str),
}

/// Builds `artifact` and writes `NAME_bg.wasm`, its ES module `NAME.js` and their types to `out`.
///
/// # Errors
/// If there is no toolchain for it, or it does not build.
pub(crate) fn build(artifact: Artifact, out: &Path, name: &str) -> Result<()> {
    let toolchain = WasmToolchain::find()?;
    let target_dir = project::target().join("wasm");
    let mut command = toolchain.cargo("build");
    command.args(["--locked", "--profile", PROFILE]).arg("--target-dir").arg(&target_dir);
    let built = target_dir.join(TARGET).join(PROFILE);
    let wasm = match artifact {
        Artifact::Library(package) => {
            command.args(["--package", package, "--lib"]);
            built.join(package.replace('-', "_"))
        }
        Artifact::Example(package, example) => {
            command.args(["--package", package, "--example", example]);
            built.join("examples").join(example)
        }
    };
    eprintln!("wasm: building {name} with {}", toolchain.name);
    let status = command.status().with_context(|| format!("cannot start {:?}", command.get_program()))?;
    ensure!(status.success(), "{name} does not build for WebAssembly");
    let mut bindgen = Bindgen::new();
    bindgen.input_path(wasm.with_extension("wasm")).out_name(name).typescript(true);
    bindgen
        .web(true)
        .and_then(|bindgen| bindgen.generate(out))
        .with_context(|| format!("no bindings for {name}"))
}

/// Builds a package's library, with `feature`, as a module of one thread without bindings, to the file `out`.
///
/// # Errors
/// As [`build`].
pub(crate) fn build_alone(package: &str, feature: &str, out: &Path) -> Result<()> {
    let toolchain = WasmToolchain::find()?;
    let target_dir = project::target().join("wasm/alone");
    let mut command = toolchain.cargo("rustc");
    command.env("CARGO_ENCODED_RUSTFLAGS", toolchain.flags_alone().join("\u{1f}"));
    command.args(["--locked", "--profile", PROFILE]).arg("--target-dir").arg(&target_dir);
    command.args(["--package", package, "--lib", "--features", feature, "--crate-type", "cdylib"]);
    eprintln!("wasm: building {package} alone with {}", toolchain.name);
    let status = command.status().with_context(|| format!("cannot start {:?}", command.get_program()))?;
    ensure!(status.success(), "{package} does not build for WebAssembly");
    let built = target_dir.join(TARGET).join(PROFILE).join(package.replace('-', "_")).with_extension("wasm");
    std::fs::copy(&built, out).with_context(|| format!("cannot copy {}", built.display()))?;
    Ok(())
}

/// Downloads what builds need, the standard library's own dependencies included.
///
/// # Errors
/// If there is no toolchain, or no network and something missing.
pub(crate) fn fetch() -> Result<()> {
    let mut command = WasmToolchain::find()?.cargo("fetch");
    let status = command.args(["--locked", "--quiet"]).status().context("cannot start cargo")?;
    ensure!(status.success(), "cannot fetch what the standard library depends on");
    Ok(())
}

/// What builds threaded WebAssembly: the standard library has to be rebuilt with atomics, which stable rustup
/// toolchains refuse.
pub(crate) struct WasmToolchain {
    /// For messages.
    name: &'static str,
    program: PathBuf,
    /// `+nightly` where `program` is rustup's proxy.
    toolchain: Option<&'static str>,
    /// `RUSTC`, where it isn't the one that `program` would take.
    rustc: Option<PathBuf>,
    /// `wasm-ld`, where rustc brings none of its own.
    linker: Option<PathBuf>,
}

impl WasmToolchain {
    /// Debian's `rustc-web` with `rust-web-src`, or else rustup's nightly with `rust-src`.
    ///
    /// # Errors
    /// If neither is complete; the message says what to install.
    pub(crate) fn find() -> Result<Self> {
        if let Some(found) = Self::distribution().or_else(Self::rustup) {
            return Ok(found);
        }
        bail!(
            "no toolchain that can build threaded WebAssembly: run `cargo xtask setup`, or install either \
             the packages rustc-web, cargo-web, rust-web-src and lld, or with rustup: \
             rustup toolchain install nightly --profile minimal --component rust-src"
        )
    }

    /// A cargo command that rebuilds the standard library with atomics.
    fn cargo(&self, subcommand: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.args(self.toolchain).arg(subcommand).current_dir(project::root());
        command.args(["--target", TARGET, "-Zbuild-std=std,panic_abort"]);
        // Unstable: `-Zbuild-std`, and the features with which the host waits and notifies.
        command.env("RUSTC_BOOTSTRAP", "1").env("CARGO_ENCODED_RUSTFLAGS", self.flags().join("\u{1f}"));
        command.env_remove("RUSTFLAGS").env_remove("RUSTC").env_remove("RUSTC_WRAPPER");
        if let Some(rustc) = &self.rustc {
            command.env("RUSTC", rustc);
        }
        command
    }

    fn flags(&self) -> Vec<String> {
        let mut flags = vec!["-Ctarget-feature=+atomics,+bulk-memory,+mutable-globals".to_owned()];
        flags.extend(self.linker.iter().map(|linker| format!("-Clinker={}", linker.display())));
        let mut link = vec!["--shared-memory".to_owned(), "--import-memory".to_owned()];
        link.push(format!("--max-memory={MAXIMUM_MEMORY_BYTES}"));
        link.push(format!("--initial-memory={INITIAL_MEMORY_BYTES}"));
        link.push(format!("-zstack-size={STACK_BYTES}"));
        link.extend(EXPORTS.iter().map(|name| format!("--export={name}")));
        flags.extend(link.into_iter().map(|arg| format!("-Clink-arg={arg}")));
        flags
    }

    /// The flags of a module of one thread, which imports its memory.
    fn flags_alone(&self) -> Vec<String> {
        let mut flags = vec!["-Ctarget-feature=+bulk-memory,+mutable-globals".to_owned()];
        flags.extend(self.linker.iter().map(|linker| format!("-Clinker={}", linker.display())));
        flags.push("-Clink-arg=--import-memory".to_owned());
        flags.push(format!("-Clink-arg=-zstack-size={STACK_BYTES}"));
        flags
    }

    fn distribution() -> Option<Self> {
        let (rustc, cargo) = (Path::new("/usr/bin/rustc"), Path::new("/usr/bin/cargo"));
        if !rustc.is_file() || !cargo.is_file() || !has_library_source(&sysroot(rustc, &[])?) {
            return None;
        }
        Some(Self {
            name: "the distribution's rustc",
            program: cargo.to_owned(),
            toolchain: None,
            rustc: Some(rustc.to_owned()),
            linker: Some(wasm_ld()?),
        })
    }

    fn rustup() -> Option<Self> {
        let rustc = on_path("rustc")?;
        has_library_source(&sysroot(&rustc, &["+nightly"])?).then(|| Self {
            name: "rustup's nightly",
            program: PathBuf::from("cargo"),
            toolchain: Some("+nightly"),
            rustc: None,
            linker: None,
        })
    }
}

fn sysroot(rustc: &Path, toolchain: &[&str]) -> Option<PathBuf> {
    let args = [toolchain, &["--print", "sysroot"]].concat();
    first_line(rustc, &args).map(PathBuf::from)
}

fn has_library_source(sysroot: &Path) -> bool {
    sysroot.join("lib/rustlib/src/rust/library/std/Cargo.toml").is_file()
}

/// `wasm-ld`, or Debian's versioned name for it (the newest).
fn wasm_ld() -> Option<PathBuf> {
    on_path("wasm-ld").or_else(|| {
        let versioned = |entry: std::fs::DirEntry| {
            let version = entry.file_name().to_str()?.strip_prefix("wasm-ld-")?.parse::<u32>().ok()?;
            Some((version, entry.path()))
        };
        std::fs::read_dir("/usr/bin")
            .ok()?
            .filter_map(Result::ok)
            .filter_map(versioned)
            .max()
            .map(|(_, path)| path)
    })
}
