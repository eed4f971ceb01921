//! Building threaded WebAssembly: the toolchain that can.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::tools::{first_line, on_path};

/// What builds threaded WebAssembly: the standard library has to be rebuilt with atomics, which stable rustup
/// toolchains refuse.
#[expect(dead_code, reason = "`setup` only looks; the build that follows reads them")]
pub(crate) struct WasmToolchain {
    /// For messages.
    pub(crate) name: &'static str,
    /// `cargo`, and `+nightly` where it goes through rustup.
    pub(crate) cargo: Vec<String>,
    /// `RUSTC`, where it isn't the one `cargo` would take.
    pub(crate) rustc: Option<PathBuf>,
    /// `wasm-ld`, or rustup's `rust-lld` under a name that makes it act as `wasm-ld`; `None`: rustc finds its own.
    pub(crate) linker: Option<PathBuf>,
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

    fn distribution() -> Option<Self> {
        let (rustc, cargo) = (Path::new("/usr/bin/rustc"), Path::new("/usr/bin/cargo"));
        if !rustc.is_file() || !cargo.is_file() || !has_library_source(&sysroot(rustc, &[])?) {
            return None;
        }
        Some(Self {
            name: "the distribution's rustc",
            cargo: vec![cargo.display().to_string()],
            rustc: Some(rustc.to_owned()),
            linker: Some(wasm_ld()?),
        })
    }

    fn rustup() -> Option<Self> {
        let rustc = on_path("rustc")?;
        has_library_source(&sysroot(&rustc, &["+nightly"])?).then(|| Self {
            name: "rustup's nightly",
            cargo: vec!["cargo".to_owned(), "+nightly".to_owned()],
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
