//! Many files in one go: an application's input, a project, a test's set-up.
//!
//! Small files go to the guest system several at a time, so that thousands of them don't take thousands of requests.

use bytes::Bytes;
use tidemark_kernel::Kernel;
use tidemark_kernel::errno::{Errno, Result as KernelResult};
use tidemark_kernel::fs::flags::OpenFlags;
use tidemark_kernel::fs::node::FileType;
use tidemark_kernel::time::Now;
use tidemark_runtime::Runtime;

use super::open::OpenFile;
use super::{FileError, NEW_DIR, PART, check_path, refused};

/// Files, folders and symbolic links to make, in this order. Folders on the way that are not there are made (mode 0755);
/// files and symbolic links that are there are replaced, folders keep what is in them.
///
/// ```no_run
/// # async fn example(tidemark: &tidemark_sdk::Tidemark) -> Result<(), Box<dyn std::error::Error>> {
/// use tidemark_sdk::Batch;
///
/// let batch = Batch::new()
///     .file("/project/main.py", 0o644, "print('hello')\n")
///     .file("/project/run.sh", 0o755, "#!/bin/sh\nexec python3 main.py\n")
///     .symlink("/project/latest", "main.py");
/// tidemark.files().write_batch(batch).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Batch {
    entries: Vec<Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    path: Vec<u8>,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    Folder(u16),
    File(u16, Bytes),
    Symlink(Vec<u8>),
}

impl Batch {
    /// Nothing yet.
    pub fn new() -> Batch {
        Batch::default()
    }

    /// Adds a folder with these permission bits.
    #[must_use]
    pub fn folder(self, path: impl AsRef<[u8]>, mode: u16) -> Batch {
        self.add(path.as_ref(), What::Folder(mode))
    }

    /// Adds a file with these permission bits.
    #[must_use]
    pub fn file(self, path: impl AsRef<[u8]>, mode: u16, content: impl Into<Bytes>) -> Batch {
        self.add(path.as_ref(), What::File(mode, content.into()))
    }

    /// Adds a symbolic link.
    #[must_use]
    pub fn symlink(self, path: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> Batch {
        self.add(path.as_ref(), What::Symlink(target.as_ref().to_vec()))
    }

    fn add(mut self, path: &[u8], what: What) -> Batch {
        self.entries.push(Entry { path: path.to_vec(), what });
        self
    }
}

/// Entries that one request makes at the most.
const STEP_ENTRIES: usize = 8;

pub(super) async fn write(runtime: &Runtime, batch: Batch) -> Result<(), FileError> {
    let mut entries = batch.entries.into_iter().peekable();
    while entries.peek().is_some() {
        let mut bytes = 0;
        let mut part = Vec::new();
        while let Some(entry) = entries.next_if(|entry| part.is_empty() || bytes + entry.len() <= PART) {
            bytes += entry.len();
            part.push(entry);
            if part.len() == STEP_ENTRIES || bytes > PART {
                break;
            }
        }
        // Only the last of them may be longer than one request.
        let rest = match part.last() {
            Some(Entry { what: What::File(_, content), .. }) => content.slice(content.len().min(PART)..),
            _ => Bytes::new(),
        };
        let closes = runtime.clone();
        let answer = runtime.with_kernel(move |kernel, now| {
            let mut last = None;
            for Entry { path, what } in part {
                match make(kernel, &path, &what, &closes, now) {
                    Ok(file) => last = file,
                    Err(errno) => return Err(refused("make", &path, errno)),
                }
            }
            Ok(last)
        });
        if let (Some(file), false) = (answer.await??, rest.is_empty()) {
            file.write_all(PART as u64, &rest).await?;
        }
    }
    Ok(())
}

impl Entry {
    fn len(&self) -> usize {
        match &self.what {
            What::File(_, content) => content.len(),
            What::Folder(_) | What::Symlink(_) => 0,
        }
    }
}

/// Makes an entry, and writes the first part of a file, which stays open.
fn make(
    kernel: &mut Kernel,
    path: &[u8],
    what: &What,
    closes: &Runtime,
    now: Now,
) -> KernelResult<Option<OpenFile>> {
    check_path(path)?;
    match attempt(kernel, path, what, closes, now) {
        Err(Errno::ENOENT) => {
            make_parents(kernel, path, now)?;
            attempt(kernel, path, what, closes, now)
        }
        result => result,
    }
}

fn attempt(
    kernel: &mut Kernel,
    path: &[u8],
    what: &What,
    closes: &Runtime,
    now: Now,
) -> KernelResult<Option<OpenFile>> {
    match what {
        What::Folder(mode) => match kernel.fs_make_dir(path, *mode, now) {
            Err(Errno::EEXIST) if kernel.fs_stat(path, true, now)?.kind == FileType::Directory => {
                kernel.fs_set_mode(path, (*mode).into(), now).map(|()| None)
            }
            result => result.map(|()| None),
        },
        What::Symlink(target) => match kernel.fs_symlink(target, path, now) {
            Err(Errno::EEXIST) => {
                kernel.fs_remove(path, false, now)?;
                kernel.fs_symlink(target, path, now).map(|()| None)
            }
            result => result.map(|()| None),
        },
        What::File(mode, content) => {
            let flags = OpenFlags::WRITE_ONLY.with(OpenFlags::CREATE).with(OpenFlags::EXCLUSIVE);
            let id = match kernel.fs_open(path, flags, *mode, now) {
                Err(Errno::EEXIST) => {
                    kernel.fs_remove(path, false, now)?;
                    kernel.fs_open(path, flags, *mode, now)?
                }
                result => result?,
            };
            let file = OpenFile::new(id, path.to_vec(), closes.clone());
            let first = &content[..content.len().min(PART)];
            let mut done = 0;
            while done < first.len() {
                done += kernel.fs_write(id, done as u64, &first[done..], now)?;
            }
            Ok(Some(file))
        }
    }
}

fn make_parents(kernel: &mut Kernel, path: &[u8], now: Now) -> KernelResult<()> {
    for end in (1..path.len()).filter(|end| path[*end] == b'/') {
        match kernel.fs_make_dir(&path[..end], NEW_DIR, now) {
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}
