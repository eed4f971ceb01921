//! The cache directory: where it is, what lies where in it, and how files come to be in it.
//!
//! A file is written under a temporary name and renamed once it is complete and on disk. So any number of
//! processes may fill the cache at once: each finds either nothing or a whole file. Where making one takes long, the
//! others wait for the one that is at it. A download that breaks off stays, under a name of its own, to be gone on with.
//!
//! Who uses a file holds a shared lock on it ([`Cache::hold`]); what makes room (`evict`) takes only what nobody holds.

mod evict;

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use etcetera::BaseStrategy;
use tempfile::NamedTempFile;

pub(crate) use self::evict::{Entry, Kind};

/// The variable that names the cache directory.
pub(crate) const CACHE_VARIABLE: &str = "TIDEMARK_CACHE_DIR";
/// The version of this layout, the name of the directory that everything is in.
const LAYOUT: &str = "v1";
/// The variable that names how much the cache may take.
pub(crate) const LIMIT_VARIABLE: &str = "TIDEMARK_CACHE_LIMIT";
/// How many bytes layers and downloads may take together, unless the user says otherwise: room for some fifty layers with
/// a shell and tools, or twenty with compilers.
const DEFAULT_LIMIT: u64 = 16 << 30;
/// How temporary names begin.
const PARTIAL_PREFIX: &str = ".partial-";

/// The cache directory.
#[derive(Clone, Debug)]
pub(crate) struct Cache {
    root: PathBuf,
    /// In bytes.
    limit: u64,
    /// Files that this process uses, locked, until it has done with the cache.
    held: Arc<Mutex<Vec<File>>>,
}

impl Cache {
    /// The directory that the user names, else the platform's (`$XDG_CACHE_HOME/tidemark`,
    /// `~/.cache/tidemark`), and how many bytes may be in it. Nothing is created yet.
    ///
    /// # Errors
    /// If no directory is named and the user has no home directory.
    pub(crate) fn new(named: Option<&Path>, limit: Option<u64>) -> io::Result<Self> {
        let base = match named {
            Some(path) => path.to_owned(),
            None => {
                let strategy = etcetera::choose_base_strategy().map_err(io::Error::other)?;
                strategy.cache_dir().join("tidemark")
            }
        };
        let limit = limit.unwrap_or(DEFAULT_LIMIT);
        Ok(Self { root: base.join(LAYOUT), limit, held: Arc::default() })
    }

    /// The directory itself.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// How many bytes layers and downloads may take together.
    pub(crate) fn limit(&self) -> u64 {
        self.limit
    }

    /// Keeps the file at `path` from being removed until this value and its clones are dropped, and makes it the one
    /// used last. Returns whether it is there.
    pub(crate) fn hold(&self, path: &Path) -> bool {
        match open_locked(path) {
            Ok(file) => {
                self.held.lock().unwrap_or_else(PoisonError::into_inner).push(file);
                true
            }
            Err(_) => false,
        }
    }

    /// A file that is named by its own SHA-256: a download.
    pub(crate) fn blob(&self, sha256: &str) -> PathBuf {
        self.root.join("blobs").join(sha256)
    }

    /// The last `InRelease` of a suite that was verified.
    pub(crate) fn release(&self, key: &str) -> PathBuf {
        self.root.join("releases").join(key)
    }

    /// What a request was resolved to.
    pub(crate) fn resolution(&self, key: &str) -> PathBuf {
        self.root.join("resolved").join(format!("{key}.json"))
    }

    /// A finished layer.
    pub(crate) fn layer(&self, name: &str) -> PathBuf {
        self.root.join("layers").join(name)
    }

    /// The beginning of the file that is to be at `path`, as far as an earlier attempt came, for this process alone: it waits
    /// for others that are at it.
    ///
    /// # Errors
    /// As creating and locking a file have them.
    pub(crate) fn partial(&self, path: &Path) -> io::Result<Partial> {
        let directory = self.root.join("partial");
        fs::create_dir_all(&directory)?;
        fs::create_dir_all(path.parent().unwrap_or(&self.root))?;
        let name = directory.join(path.file_name().unwrap_or_default());
        loop {
            let file = File::options().create(true).read(true).write(true).truncate(false).open(&name)?;
            file.lock()?;
            // The one that was waited for may have moved it away.
            if is_same_file(&file, &name) {
                return Ok(Partial { file, name, target: path.to_owned() });
            }
        }
    }

    /// Waits until no other process makes the file at `path`, and keeps others from it until the lock is dropped.
    /// `waiting` is called if there is something to wait for. A process that dies loses its locks.
    ///
    /// # Errors
    /// As creating and locking a file have them.
    pub(crate) fn lock(&self, path: &Path, waiting: impl FnOnce()) -> io::Result<Lock> {
        let directory = self.root.join("locks");
        fs::create_dir_all(&directory)?;
        let file = File::options()
            .create(true)
            .write(true)
            .truncate(false)
            .open(directory.join(path.file_name().unwrap_or_default()))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => {
                waiting();
                file.lock()?;
            }
            Err(fs::TryLockError::Error(error)) => return Err(error),
        }
        Ok(Lock { _file: file })
    }

    /// A file that is not to be kept: it is removed when it is dropped.
    ///
    /// # Errors
    /// As creating a file has them.
    pub(crate) fn scratch(&self) -> io::Result<NamedTempFile> {
        fs::create_dir_all(&self.root)?;
        new_file(&self.root)
    }

    /// Writes a file with `write`, then moves it to `path`. If `write` fails, nothing is left behind.
    ///
    /// # Errors
    /// What `write` gives, and what `failed` makes of an error of ours.
    pub(crate) fn store<T, E>(
        &self,
        path: &Path,
        failed: impl Fn(io::Error) -> E,
        write: impl FnOnce(&mut File) -> Result<T, E>,
    ) -> Result<T, E> {
        self.stored(path, failed, |file| write(file.as_file_mut())).map(|(result, _)| result)
    }

    /// As [`Cache::store`], but `write` gets the file with its temporary name, the file is held afterwards, and room is made
    /// for it: for what is large.
    ///
    /// # Errors
    /// As [`Cache::store`].
    pub(crate) fn store_file<T, E>(
        &self,
        path: &Path,
        failed: impl Fn(io::Error) -> E,
        write: impl FnOnce(&mut NamedTempFile) -> Result<T, E>,
    ) -> Result<T, E> {
        let (result, file) = self.stored(path, failed, write)?;
        self.held.lock().unwrap_or_else(PoisonError::into_inner).push(file);
        self.keep_within_limit();
        Ok(result)
    }

    fn stored<T, E>(
        &self,
        path: &Path,
        failed: impl Fn(io::Error) -> E,
        write: impl FnOnce(&mut NamedTempFile) -> Result<T, E>,
    ) -> Result<(T, File), E> {
        let directory = path.parent().unwrap_or(&self.root);
        fs::create_dir_all(directory).map_err(&failed)?;
        let mut file = new_file(directory).map_err(&failed)?;
        let result = write(&mut file)?;
        file.as_file().sync_all().map_err(&failed)?;
        let file = file.persist(path).map_err(|error| failed(error.error))?;
        Ok((result, file))
    }
}

/// A file that grows under a name of its own until it is whole; what there is of it stays for a later attempt. See
/// [`Cache::partial`].
#[derive(Debug)]
pub(crate) struct Partial {
    file: File,
    name: PathBuf,
    target: PathBuf,
}

impl Partial {
    pub(crate) fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Moves it to where it is to be: it is whole.
    ///
    /// # Errors
    /// As writing a file has them.
    pub(crate) fn keep(self) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.name, &self.target)
    }

    /// Leaves what there is for a later attempt; nothing if there is nothing.
    pub(crate) fn leave(self) {
        if self.file.metadata().is_ok_and(|metadata| metadata.len() == 0) {
            self.discard();
        }
    }

    /// Removes it: it is not needed.
    pub(crate) fn discard(self) {
        // One that stays does no harm.
        let _ = fs::remove_file(&self.name);
    }
}

/// A lock that this process holds; see [`Cache::lock`].
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

/// Opens a file of the cache to be used: locked, so that it is not removed, and marked as used now.
///
/// # Errors
/// As opening and locking a file have them; `NotFound` if it was removed meanwhile.
pub(crate) fn open_locked(path: &Path) -> io::Result<File> {
    let file = File::open(path)?;
    file.lock_shared()?;
    if !is_same_file(&file, path) {
        return Err(io::ErrorKind::NotFound.into());
    }
    // In a cache that is another user's, times are, too.
    let _ = file.set_modified(SystemTime::now());
    Ok(file)
}

/// Whether `path` still names this file.
fn is_same_file(file: &File, path: &Path) -> bool {
    let (Ok(open), Ok(named)) = (file.metadata(), fs::metadata(path)) else { return false };
    (named.dev(), named.ino()) == (open.dev(), open.ino())
}

/// A file with a temporary name, removed unless it is renamed. Readable by others, as far as the umask allows: a cache can
/// be shared. It is locked, also when it is renamed, so that it is not taken for one that a dead process left.
///
/// # Errors
/// As creating and locking a file have them.
pub(crate) fn new_file(directory: &Path) -> io::Result<NamedTempFile> {
    let permissions = fs::Permissions::from_mode(0o666);
    let file =
        tempfile::Builder::new().prefix(PARTIAL_PREFIX).permissions(permissions).tempfile_in(directory)?;
    file.as_file().lock_shared()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_file_is_there_whole_or_not_at_all() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let cache = Cache::new(Some(dir.path()), None).expect("named");
        let path = cache.blob("abc");
        let failed = cache.store(
            &path,
            |error| error,
            |file| {
                file.write_all(b"half")?;
                Err::<(), _>(io::Error::other("interrupted"))
            },
        );
        assert!(failed.is_err() && !path.exists());
        assert_eq!(
            fs::read_dir(path.parent().expect("parent")).expect("readable").count(),
            0,
            "nothing is left"
        );
        cache.store(&path, |error| error, |file| file.write_all(b"whole")).expect("stored");
        assert_eq!(fs::read(&path).expect("there"), b"whole");
    }
}
