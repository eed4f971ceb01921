//! What is in the cache, and making room in it: what was not used for longest goes first.
//!
//! When a file was last used is its modification time ([`Cache::hold`] sets it). A file that a process uses is locked by it,
//! and stays. What resolving and verifying need (`resolved`, `releases`, `locks`) is small and stays, too.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::{Cache, PARTIAL_PREFIX, is_same_file};

/// An unfinished file without a lock that nobody wrote to for this long was left by a process that died.
const ABANDONED_AFTER: Duration = Duration::from_secs(60 * 60);

/// What a file of the cache is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// A finished layer.
    Layer,
    /// A package or an index.
    Download,
    /// The beginning of either.
    Unfinished,
}

/// A file of the cache that can be had again.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) kind: Kind,
    pub(crate) path: PathBuf,
    /// In bytes.
    pub(crate) size: u64,
    pub(crate) used: SystemTime,
}

impl Cache {
    /// What could be removed, last used first. Files that vanish meanwhile are left out.
    ///
    /// # Errors
    /// If a directory that is there cannot be read.
    pub(crate) fn entries(&self) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for (folder, kind) in [
            ("", Kind::Unfinished),
            ("layers", Kind::Layer),
            ("blobs", Kind::Download),
            ("partial", Kind::Unfinished),
            ("releases", Kind::Unfinished),
            ("resolved", Kind::Unfinished),
        ] {
            let listing = match fs::read_dir(self.root.join(folder)) {
                Ok(listing) => listing,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            for entry in listing {
                let path = entry?.path();
                let is_partial =
                    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(PARTIAL_PREFIX));
                let kind = match (folder, is_partial) {
                    (_, true) => Kind::Unfinished,
                    ("layers" | "blobs" | "partial", false) => kind,
                    _ => continue,
                };
                if let Ok(metadata) = fs::symlink_metadata(&path)
                    && metadata.is_file()
                    && let Ok(used) = metadata.modified()
                {
                    entries.push(Entry { kind, path, size: metadata.len(), used });
                }
            }
        }
        entries.sort_by(|a, b| b.used.cmp(&a.used).then_with(|| a.path.cmp(&b.path)));
        Ok(entries)
    }

    /// Removes what dead processes left, then what was not used for longest until all together have at most `limit` bytes, or
    /// all that is left is in use. Returns what was removed.
    ///
    /// # Errors
    /// If the cache cannot be read; what cannot be removed is in use, or another's to remove.
    pub(crate) fn make_room(&self, limit: u64) -> io::Result<Vec<Entry>> {
        let mut entries = self.entries()?;
        let now = SystemTime::now();
        let is_abandoned = |entry: &Entry| {
            let name = entry.path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with(PARTIAL_PREFIX)
                && now.duration_since(entry.used).is_ok_and(|age| age > ABANDONED_AFTER)
        };
        let mut total: u64 = entries.iter().map(|entry| entry.size).sum();
        let mut removed = Vec::new();
        for abandoned in entries.extract_if(.., |entry| is_abandoned(entry)).collect::<Vec<_>>() {
            remove(abandoned, &mut total, &mut removed);
        }
        while total > limit {
            let Some(oldest) = entries.pop() else { break };
            // One that is being written by a process that holds no lock yet.
            let is_young = now.duration_since(oldest.used).map_or(true, |age| age < ABANDONED_AFTER);
            if oldest.kind == Kind::Unfinished && is_young {
                continue;
            }
            remove(oldest, &mut total, &mut removed);
        }
        Ok(removed)
    }

    /// Makes room for what was stored, as far as that is possible; a cache that stays too large is no failure.
    pub(super) fn keep_within_limit(&self) {
        let _ = self.make_room(self.limit);
    }
}

fn remove(entry: Entry, total: &mut u64, removed: &mut Vec<Entry>) {
    if remove_unused(&entry.path).is_ok() {
        *total = total.saturating_sub(entry.size);
        removed.push(entry);
    }
}

/// Removes a file that nobody holds.
fn remove_unused(path: &Path) -> io::Result<()> {
    let file = File::open(path)?;
    // Whoever holds it has it locked, shared or not; whoever is about to waits, and finds that it is gone.
    file.try_lock().map_err(io::Error::from)?;
    if is_same_file(&file, path) { fs::remove_file(path) } else { Err(io::ErrorKind::NotFound.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A cache with layers `a`, `b` and `c` of 100 bytes, last used three, two and one hours ago.
    fn cache() -> (tempfile::TempDir, Cache) {
        let dir = tempfile::tempdir().expect("temporary directory");
        let cache = Cache::new(Some(dir.path()), None).expect("named");
        for (name, hours) in [("a", 3), ("b", 2), ("c", 1)] {
            put(&cache.layer(name), hours);
        }
        (dir, cache)
    }

    fn put(path: &Path, hours: u64) {
        fs::create_dir_all(path.parent().expect("a folder")).expect("created");
        fs::write(path, [0; 100]).expect("written");
        let used = SystemTime::now() - Duration::from_secs(hours * 3600 + 60);
        File::options().write(true).open(path).and_then(|file| file.set_modified(used)).expect("set");
    }

    fn names(entries: &[Entry]) -> Vec<String> {
        entries.iter().map(|entry| entry.path.file_name().unwrap().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let (_dir, cache) = cache();
        assert_eq!(names(&cache.entries().expect("read")), ["c", "b", "a"]);
        assert_eq!(names(&cache.make_room(300).expect("read")), [""; 0]);
        assert_eq!(names(&cache.make_room(299).expect("read")), ["a"]);
        assert_eq!(names(&cache.make_room(0).expect("read")), ["b", "c"]);
    }

    #[test]
    fn using_a_file_makes_it_the_last_to_go() {
        let (_dir, cache) = cache();
        assert!(cache.hold(&cache.layer("a")));
        let other = Cache::new(Some(cache.root().parent().expect("base")), None).expect("named");
        assert_eq!(names(&other.entries().expect("read")), ["a", "c", "b"]);
        assert_eq!(names(&other.make_room(100).expect("read")), ["b", "c"]);
    }

    #[test]
    fn what_somebody_holds_stays() {
        let (dir, cache) = cache();
        assert!(cache.hold(&cache.layer("a")));
        let other = Cache::new(Some(dir.path()), None).expect("named");
        assert_eq!(names(&other.make_room(0).expect("read")), ["b", "c"]);
        assert!(!other.hold(&other.layer("b")), "it is gone");
        drop(cache);
        assert_eq!(names(&other.make_room(0).expect("read")), ["a"]);
    }

    #[test]
    fn unfinished_files_go_when_their_process_is_dead() {
        let (_dir, cache) = cache();
        let name = |name: &str| cache.root().join("layers").join(format!("{PARTIAL_PREFIX}{name}"));
        put(&name("dead"), 5);
        put(&name("young"), 0);
        let locked = name("locked");
        put(&locked, 5);
        let holder = File::open(&locked).expect("there");
        holder.lock_shared().expect("locked");
        assert_eq!(names(&cache.make_room(u64::MAX).expect("read")), [format!("{PARTIAL_PREFIX}dead")]);
        assert_eq!(names(&cache.make_room(0).expect("read")), ["a", "b", "c"]);
        assert!(locked.exists() && name("young").exists());
    }

    #[test]
    fn storing_keeps_the_cache_within_its_limit() {
        let (dir, _) = cache();
        let cache = Cache::new(Some(dir.path()), Some(250)).expect("named");
        cache
            .store_file(&cache.layer("new"), |error| error, |file| io::Write::write_all(file, &[0; 100]))
            .expect("stored");
        assert_eq!(names(&cache.entries().expect("read")), ["new", "c"]);
    }
}
