//! A file that a request has open in the guest system.

use tidemark_kernel::fs::FileId;
use tidemark_runtime::Runtime;

use super::{FileError, PART, refused};

/// An open file. Closes itself, also when the operation on it fails or its future is dropped.
pub(super) struct OpenFile {
    id: FileId,
    path: Vec<u8>,
    runtime: Runtime,
}

impl OpenFile {
    pub(super) fn new(id: FileId, path: Vec<u8>, runtime: Runtime) -> OpenFile {
        OpenFile { id, path, runtime }
    }

    /// At most `max` and at most [`PART`] bytes from `offset` on; none at the end.
    pub(super) async fn read(&self, offset: u64, max: usize) -> Result<Vec<u8>, FileError> {
        let id = self.id;
        let read = self.runtime.with_bridges(move |kernel, now| {
            let mut part = vec![0; max.min(PART)];
            let count = kernel.fs_read(id, offset, &mut part, now)?;
            part.truncate(count);
            Ok(part)
        });
        read.await?.map_err(|errno| refused("read", &self.path, errno))
    }

    /// Writes all of `content` at `offset`, or, where the file was opened so, at its end.
    pub(super) async fn write_all(&self, mut offset: u64, mut content: &[u8]) -> Result<(), FileError> {
        while !content.is_empty() {
            let part = content[..content.len().min(PART)].to_vec();
            let id = self.id;
            let write = self.runtime.with_bridges(move |kernel, now| kernel.fs_write(id, offset, &part, now));
            let taken = write.await?.map_err(|errno| refused("write", &self.path, errno))?;
            offset = offset.saturating_add(taken as u64);
            content = &content[taken..];
        }
        Ok(())
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        let id = self.id;
        self.runtime.post(move |kernel, now| kernel.fs_close(id, now));
    }
}
