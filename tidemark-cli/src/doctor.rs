//! `tidemark doctor`: what this machine has of what Tidemark needs.
//!
//! Looks, changes nothing but a file in the cache directory that it removes again. Each line says what was found and, where
//! it is not enough, what to do.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use tidemark_host_native::{NativeConfig, NativeHost};
use tidemark_sdk::{Config, Tidemark};

use crate::cache::Cache;
use crate::cli::SourceArgs;
use crate::debian::{Mirror, SUITE};
use crate::exit::FailureKind;

/// What one look came to.
enum Finding {
    Good(String),
    /// Something works less well, or not at all, but programs run.
    Warning(String),
    /// Nothing runs.
    Bad(String),
}

/// How long the mirror may take to answer.
const MIRROR_PATIENCE: Duration = Duration::from_secs(10);

/// Looks at everything; the exit code is 0 if programs can run.
pub(crate) fn doctor(source: &SourceArgs) -> ExitCode {
    let mut failed = false;
    let checks: [(&str, Finding); 6] = [
        ("processors", processors()),
        ("memory", memory()),
        ("sandbox", sandbox()),
        ("cache", cache(source)),
        ("mirror", mirror(source)),
        ("terminal", terminal()),
    ];
    let mut text = format!("tidemark {} on {}\n", env!("CARGO_PKG_VERSION"), std::env::consts::OS);
    for (name, finding) in checks {
        let (mark, found) = match finding {
            Finding::Good(found) => ("ok", found),
            Finding::Warning(found) => ("warning", found),
            Finding::Bad(found) => {
                failed = true;
                ("failed", found)
            }
        };
        text += &format!("{name:<11} {mark:<8} {found}\n");
    }
    // Whoever does not read it does not want to know.
    let _ = io::stdout().write_all(text.as_bytes());
    if failed { FailureKind::Unavailable.sysexit() } else { ExitCode::SUCCESS }
}

fn processors() -> Finding {
    match std::thread::available_parallelism() {
        Ok(count) => Finding::Good(format!("{count}: so many threads of a guest run at a time")),
        Err(error) => Finding::Warning(format!("cannot be counted ({error}); a guest gets one")),
    }
}

/// Physical memory, where the system tells.
fn memory() -> Finding {
    let kibibytes = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
        line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()
    });
    match kibibytes {
        Some(available) if available < 256 << 10 => Finding::Warning(format!(
            "{} MiB are free; larger programs will not fit: close something, or give --memory less",
            available >> 10
        )),
        Some(available) => Finding::Good(format!("{} MiB are free", available >> 10)),
        None => Finding::Good("the system does not tell how much is free".into()),
    }
}

/// Whether a guest system starts, which takes address space and threads.
fn sandbox() -> Finding {
    let reserved = NativeConfig::default().reserved_bytes;
    let host = match NativeHost::new(&NativeConfig::default()) {
        Ok(host) => host,
        Err(error) => {
            return Finding::Bad(format!(
                "{} MiB of address space could not be reserved: {error}; look at `ulimit -v`",
                reserved >> 20
            ));
        }
    };
    match Tidemark::create(host, Config::default()) {
        Ok(_) => Finding::Good(format!("starts, with {} MiB of address space", reserved >> 20)),
        Err(error) => Finding::Bad(format!("does not start: {error}")),
    }
}

fn cache(source: &SourceArgs) -> Finding {
    let cache = match Cache::new(source.cache_dir.as_deref(), source.cache_limit) {
        Ok(cache) => cache,
        Err(error) => return Finding::Bad(format!("{error}; name a directory with --cache-dir")),
    };
    let tried = cache.scratch().and_then(|mut file| file.write_all(b"doctor"));
    match tried {
        Ok(()) => Finding::Good(format!("{} can be written", cache.root().display())),
        Err(error) => Finding::Bad(format!(
            "{} cannot be written: {error}; name another directory with --cache-dir",
            cache.root().display()
        )),
    }
}

fn mirror(source: &SourceArgs) -> Finding {
    if source.offline {
        return Finding::Good("not asked: --offline".into());
    }
    let mirror = match Mirror::choose(source.mirror.as_deref()) {
        Ok(mirror) => mirror,
        Err(error) => return Finding::Warning(error.to_string()),
    };
    let release = mirror.url(&format!("dists/{SUITE}/InRelease"));
    let agent: ureq::Agent =
        ureq::Agent::config_builder().timeout_global(Some(MIRROR_PATIENCE)).build().into();
    match agent.get(&release).call() {
        Ok(_) => Finding::Good(format!("{mirror} answers")),
        Err(error) => Finding::Warning(format!(
            "{mirror} does not answer ({error}): packages that are not in the cache cannot be had"
        )),
    }
}

fn terminal() -> Finding {
    let is_terminal = io::stdin().is_terminal() && io::stdout().is_terminal();
    if !is_terminal {
        return Finding::Good("none here: programs get pipes, unless --tty=yes".into());
    }
    let (columns, rows) = crate::terminal::size();
    match std::env::var("TERM") {
        Ok(name) if !name.is_empty() => Finding::Good(format!("{name}, {columns} by {rows}")),
        _ => Finding::Warning("TERM is not set: full-screen programs will not know what it can do".into()),
    }
}
