//! The files that a system call works on, kept open while it waits.
//!
//! Linux takes a reference of a descriptor's open file when a call begins: another thread that closes the descriptor, or
//! makes it another file's, does not disturb a `read`, `accept` or `flock` that waits (`close(2)`, "Multithreaded
//! processes and close()"). Who never waits takes no reference here.

use super::descriptors::Fd;
use super::{FileId, Vfs};

/// Descriptors that one call remembers: those of one message (`SCM_MAX_FD`) and the ones it goes through.
const MOST: usize = 256;

/// What one call holds.
#[derive(Default, Debug)]
pub(crate) struct HeldFiles {
    /// What the call's descriptors stood for when it looked; the first `held` have a reference.
    named: Vec<(Fd, FileId)>,
    held: usize,
    /// What it waits for but looks up again, each with a reference (`poll(2)`).
    waited: Vec<FileId>,
}

impl HeldFiles {
    /// What a descriptor stood for when the call first looked.
    pub(crate) fn get(&self, fd: Fd) -> Option<FileId> {
        self.named.iter().find(|(named, _)| *named == fd).map(|(_, file)| *file)
    }

    /// Remembers what a descriptor stands for.
    pub(crate) fn note(&mut self, fd: Fd, file: FileId) {
        if self.named.len() < MOST {
            self.named.push((fd, file));
        }
    }
}

impl Vfs {
    /// The call will go on later: its files stay open until [`Vfs::let_go_of_files`].
    pub(crate) fn hold_files(&mut self, files: &mut HeldFiles) {
        for (_, file) in files.named.iter().skip(files.held) {
            self.retain(*file);
        }
        files.held = files.named.len();
    }

    /// Keeps a file open that the call waits for.
    pub(crate) fn hold_waited(&mut self, files: &mut HeldFiles, file: FileId) {
        self.retain(file);
        files.waited.push(file);
    }

    /// The call waits for these no more.
    pub(crate) fn let_go_of_waited(&mut self, files: &mut HeldFiles) {
        for file in files.waited.drain(..) {
            self.release(file);
        }
        files.waited.shrink_to(MOST);
    }

    /// The call is over.
    pub(crate) fn let_go_of_files(&mut self, files: &mut HeldFiles) {
        for (_, file) in files.named.drain(..).take(files.held) {
            self.release(file);
        }
        files.held = 0;
        self.let_go_of_waited(files);
    }
}
