//! Where a program's standard streams come from and go to.

use std::io::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use tidemark_kernel::Stdio as KernelStdio;
use tidemark_kernel::fs::FileId;
use tidemark_kernel::fs::flags::OpenFlags;
use tidemark_runtime::{Runtime, Sink};

use crate::error::{Gone, PipeError, SpawnError};

/// Where a standard stream goes.
#[derive(Clone)]
pub struct Stdio(Kind);

#[derive(Clone)]
enum Kind {
    Kernel(KernelStdio),
    Inherit,
    /// A file of the guest: path, flags.
    Path(Vec<u8>, OpenFlags),
    Open(Arc<Opened>),
}

impl Stdio {
    /// To the application, through a pipe.
    pub const fn piped() -> Stdio {
        Stdio(Kind::Kernel(KernelStdio::Piped))
    }

    /// To `/dev/null`.
    pub const fn null() -> Stdio {
        Stdio(Kind::Kernel(KernelStdio::Null))
    }

    /// To the terminal of [`Command::terminal`](crate::Command::terminal).
    pub const fn terminal() -> Stdio {
        Stdio(Kind::Kernel(KernelStdio::Terminal))
    }

    /// To where standard output goes; for standard error only.
    pub const fn same_as_stdout() -> Stdio {
        Stdio(Kind::Kernel(KernelStdio::SameAsStdout))
    }

    /// To the application's own standard output or error, as they come; a standard input is at its end. The program sees a
    /// pipe. Where the host has no such streams, such as in a browser, it is thrown away.
    pub const fn inherit() -> Stdio {
        Stdio(Kind::Inherit)
    }

    /// From a file of the guest (`< file`).
    pub fn read_from(path: impl AsRef<[u8]>) -> Stdio {
        Stdio(Kind::Path(path.as_ref().to_vec(), OpenFlags::READ_ONLY))
    }

    /// To a file of the guest, which is made or emptied first (`> file`).
    pub fn write_to(path: impl AsRef<[u8]>) -> Stdio {
        let flags = OpenFlags::WRITE_ONLY.with(OpenFlags::CREATE).with(OpenFlags::TRUNCATE);
        Stdio(Kind::Path(path.as_ref().to_vec(), flags))
    }

    /// To the end of a file of the guest, which is made if it is not there (`>> file`).
    pub fn append_to(path: impl AsRef<[u8]>) -> Stdio {
        let flags = OpenFlags::WRITE_ONLY.with(OpenFlags::CREATE).with(OpenFlags::APPEND);
        Stdio(Kind::Path(path.as_ref().to_vec(), flags))
    }

    /// What the kernel is asked for, what has to live until it has been, and what takes the output.
    pub(super) async fn prepare(
        &self,
        runtime: &Runtime,
        fd: usize,
    ) -> Result<(KernelStdio, Option<Arc<Opened>>, Option<Sink>), SpawnError> {
        Ok(match &self.0 {
            Kind::Kernel(stdio) => (*stdio, None, None),
            Kind::Inherit if fd == 0 => (KernelStdio::Null, None, None),
            Kind::Inherit => (KernelStdio::Piped, None, Some(inherited(fd))),
            Kind::Open(opened) => (KernelStdio::File(opened.file), Some(Arc::clone(opened)), None),
            Kind::Path(path, flags) => {
                let opened = Arc::new(open(runtime, path, *flags).await?);
                (KernelStdio::File(opened.file), Some(opened), None)
            }
        })
    }
}

/// Permission bits of a file that output makes.
const NEW_FILE: u16 = 0o644;

async fn open(runtime: &Runtime, path: &[u8], flags: OpenFlags) -> Result<Opened, SpawnError> {
    let (owned, closes) = (path.to_vec(), runtime.clone());
    let open = runtime.with_bridges(move |kernel, now| {
        let file = kernel.fs_open_stdio(&owned, flags, NEW_FILE, now)?;
        Ok(Opened { file, runtime: closes.clone() })
    });
    open.await?
        .map_err(|errno| SpawnError::Redirect { path: String::from_utf8_lossy(path).into_owned(), errno })
}

fn inherited(fd: usize) -> Sink {
    Box::new(move |bytes: Bytes| {
        // Nobody may be reading them any more: that is for the application to notice where it writes itself.
        let _ = match fd {
            1 => std::io::stdout().write_all(&bytes).and_then(|()| std::io::stdout().flush()),
            _ => std::io::stderr().write_all(&bytes),
        };
    })
}

/// An open file of the guest that programs may get as a standard stream.
pub(super) struct Opened {
    file: FileId,
    runtime: Runtime,
}

impl Drop for Opened {
    fn drop(&mut self) {
        let file = self.file;
        self.runtime.post(move |kernel, now| kernel.fs_close(file, now));
    }
}

/// The reading end of a pipe between programs, for a program's standard input. Programs have an end of their own: the
/// writers of a pipe get `EPIPE` once this and all of those are gone.
#[derive(Clone)]
pub struct PipeReader(Arc<Opened>);

/// The writing end of a pipe between programs, for a program's standard output or error. Readers come to the end once
/// this, the [`Command`](crate::Command)s that have it and the programs' ends are gone.
#[derive(Clone)]
pub struct PipeWriter(Arc<Opened>);

impl From<PipeReader> for Stdio {
    fn from(end: PipeReader) -> Stdio {
        Stdio(Kind::Open(end.0))
    }
}

impl From<PipeWriter> for Stdio {
    fn from(end: PipeWriter) -> Stdio {
        Stdio(Kind::Open(end.0))
    }
}

/// Makes a pipe.
pub(crate) async fn pipe(runtime: &Runtime) -> Result<(PipeReader, PipeWriter), PipeError> {
    let closes = runtime.clone();
    let made = runtime.with_kernel(move |kernel, now| {
        let (reader, writer) = kernel.new_pipe(now)?;
        let end = |file| Arc::new(Opened { file, runtime: closes.clone() });
        Ok((PipeReader(end(reader)), PipeWriter(end(writer))))
    });
    made.await.map_err(|gone: Gone| PipeError::Gone(gone))?.map_err(PipeError::Refused)
}
