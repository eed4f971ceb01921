//! What happens to the guest's files, as a stream of the events of `inotify(7)`.

use bytes::Bytes;
use tidemark_kernel::StreamId;
use tidemark_kernel::errno::Errno;
use tidemark_kernel::fs::request::WatchMask;

use crate::gone::Gone;
use crate::io::OutputReader;
use crate::request::Requests;

/// Files and directories that are watched. Events wait in the guest system until they are read, a bounded number of them.
pub struct FileWatch {
    stream: StreamId,
    /// Closes the stream.
    reader: OutputReader,
    requests: Requests,
}

impl FileWatch {
    pub(crate) async fn open(requests: &Requests) -> Result<Result<FileWatch, Errno>, Gone> {
        let owned = requests.clone();
        // Made where it is opened: it is closed also if nobody waits for it any more.
        requests
            .with_kernel(move |kernel, now| {
                let stream = kernel.fs_watch(now)?;
                let reader = OutputReader::new(stream, owned.clone());
                Ok(FileWatch { stream, reader, requests: owned })
            })
            .await
    }

    /// Adds a path; the number that its events have.
    ///
    /// # Errors
    /// Those of `inotify_add_watch(2)`; [`Gone`] when the sandbox is gone.
    pub async fn add(&self, path: Vec<u8>, mask: WatchMask) -> Result<Result<i32, Errno>, Gone> {
        let stream = self.stream;
        self.requests.with_bridges(move |kernel, now| kernel.fs_watch_add(stream, &path, mask, now)).await
    }

    /// Takes a path out.
    ///
    /// # Errors
    /// `EINVAL` for a number that none has; [`Gone`] when the sandbox is gone.
    pub async fn remove(&self, watch: i32) -> Result<Result<(), Errno>, Gone> {
        let stream = self.stream;
        self.requests.with_kernel(move |kernel, now| kernel.fs_watch_remove(stream, watch, now)).await
    }

    /// The next events, whole ones, in the form of `inotify(7)`. Waits for some. Dropping the future loses none.
    ///
    /// # Errors
    /// [`Gone`] when the sandbox is gone.
    pub async fn read(&mut self) -> Result<Bytes, Gone> {
        self.reader.read().await
    }
}
