//! `tidemark cache`: what is in the cache, and making room in it.

use std::fmt::Write as _;
use std::io;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use serde_json::json;

use crate::cache::{Cache, Entry, Kind};
use crate::cli::CacheCommand;
use crate::exit::FailureKind;

/// `tidemark cache`.
pub(crate) fn run(command: &CacheCommand) -> ExitCode {
    let place = match command {
        CacheCommand::List { place, .. } | CacheCommand::Prune { place, .. } => place,
    };
    let cache = match Cache::new(place.cache_dir.as_deref(), place.cache_limit) {
        Ok(cache) => cache,
        Err(error) => {
            eprintln!("tidemark: no cache directory: {error}; name one with --cache-dir");
            return FailureKind::Configuration.sysexit();
        }
    };
    let answer = match command {
        CacheCommand::List { json, .. } => list(&cache, *json),
        CacheCommand::Prune { all, .. } => prune(&cache, *all),
    };
    match answer {
        Ok(text) => crate::show(text.as_bytes()),
        Err(error) => {
            eprintln!(
                "tidemark: cannot read {}: {error}; name another with --cache-dir",
                cache.root().display()
            );
            FailureKind::NoInput.sysexit()
        }
    }
}

fn list(cache: &Cache, as_json: bool) -> io::Result<String> {
    let entries = cache.entries()?;
    let total: u64 = entries.iter().map(|entry| entry.size).sum();
    if as_json {
        let list: Vec<_> = entries.iter().map(member).collect();
        let all = json!({
            "directory": cache.root(), "limit_bytes": cache.limit(), "total_bytes": total, "entries": list,
        });
        return Ok(format!("{all:#}\n"));
    }
    let now = SystemTime::now();
    let mut text = String::new();
    for entry in &entries {
        let age = age(now.duration_since(entry.used).unwrap_or_default());
        line(
            &mut text,
            format_args!("{:>9}  {age:>8}  {:<10}  {}", size(entry.size), word(entry.kind), name(entry)),
        );
    }
    let root = cache.root().display();
    line(&mut text, format_args!("{} of {} in {root}", size(total), size(cache.limit())));
    Ok(text)
}

fn prune(cache: &Cache, all: bool) -> io::Result<String> {
    let removed = cache.make_room(if all { 0 } else { cache.limit() })?;
    let mut text = String::new();
    for entry in &removed {
        line(&mut text, format_args!("{:>9}  {:<10}  {}", size(entry.size), word(entry.kind), name(entry)));
    }
    let freed: u64 = removed.iter().map(|entry| entry.size).sum();
    let left: u64 = cache.entries()?.iter().map(|entry| entry.size).sum();
    line(&mut text, format_args!("{} removed, {} left", size(freed), size(left)));
    Ok(text)
}

/// An entry in JSON.
fn member(entry: &Entry) -> serde_json::Value {
    let since = entry.used.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    json!({ "kind": entry.kind, "path": entry.path, "bytes": entry.size, "used_unix_seconds": since.as_secs() })
}

fn name(entry: &Entry) -> String {
    entry.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Layer => "layer",
        Kind::Download => "download",
        Kind::Unfinished => "unfinished",
    }
}

/// A size for people, in binary units as options have them.
fn size(bytes: u64) -> String {
    const UNITS: [(&str, u32); 3] = [("GiB", 30), ("MiB", 20), ("KiB", 10)];
    match UNITS.iter().find(|(_, shift)| bytes >> shift > 0) {
        Some((unit, shift)) => format!("{:.1} {unit}", bytes as f64 / (1_u64 << shift) as f64),
        None => format!("{bytes} B"),
    }
}

/// How long ago something was, in the largest unit that fits.
fn age(time: Duration) -> String {
    const UNITS: [(&str, u64); 3] = [("d", 86_400), ("h", 3_600), ("min", 60)];
    let seconds = time.as_secs();
    match UNITS.iter().find(|(_, length)| seconds >= *length) {
        Some((unit, length)) => format!("{} {unit}", seconds / length),
        None => format!("{seconds} s"),
    }
}

fn line(text: &mut String, what: std::fmt::Arguments<'_>) {
    writeln!(text, "{what}").expect("a string takes all");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_ages_have_units() {
        assert_eq!(
            [0, 1023, 1536, 5 << 20, 3 << 30].map(size),
            ["0 B", "1023 B", "1.5 KiB", "5.0 MiB", "3.0 GiB"]
        );
        assert_eq!(
            [59, 61, 7300, 200_000].map(|s| age(Duration::from_secs(s))),
            ["59 s", "1 min", "2 h", "2 d"]
        );
    }
}
