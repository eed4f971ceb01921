//! Run unmodified riscv64 Linux programs inside an application.
//!
//! ```no_run
//! use tidemark_sdk::{Config, Tidemark, layer::open_layer};
//!
//! # async fn example(host: impl tidemark_host::Host) -> Result<(), Box<dyn std::error::Error>> {
//! let busybox = open_layer("busybox.layer")?;
//! let tidemark = Tidemark::create(host, Config::default().layer(busybox))?;
//! let output = tidemark.command("busybox").args(["uname", "-m"]).output().await?;
//! assert_eq!(output.stdout, b"riscv64\n");
//! # Ok(())
//! # }
//! ```
//!
//! - [`Tidemark`]: a sandbox. [`Config`]: what it is made of.
//! - [`Command`], [`Child`]: programs, in the shape of `tokio::process`, on any executor.
//! - [`Files`]: the guest's file tree.
//! - [`bridge`]: files of the application's own, or of a folder of the machine, in the guest.
//! - [`layer`]: file trees packed for mounting.
//!
//! Which host it runs on is the application's choice: `tidemark-host-native` for a native program.

#![forbid(unsafe_code)]

pub mod bridge;
mod error;
mod files;
pub mod layer;
mod process;
mod tidemark;

pub use error::{
    Gone, OutputError, PipeError, SignalError, SpawnError, SpawnRefused, StartError, WriteError,
};
pub use files::{
    Batch, FileChange, FileError, FileEvent, Files, Snapshot, SnapshotError, SpecialFile, Watch,
};
pub use process::{
    Child, ChildOutput, ChildStdin, Command, ExitStatus, Output, Overflow, PipeReader, PipeWriter,
    ProcessEvents, ProcessNews, ProcessResult, ProcessUsage, Stdio,
};
pub use tidemark::{Config, Tidemark};
pub use tidemark_kernel::ExitStatus as Ended;
pub use tidemark_kernel::ProcessEvent;
pub use tidemark_kernel::SystemUsage;
pub use tidemark_kernel::errno::Errno;
pub use tidemark_kernel::fs::layer::format::{Device, Timestamp};
pub use tidemark_kernel::fs::node::{Attr as Metadata, FileType};
pub use tidemark_kernel::fs::request::{DirItem as DirEntry, Rename, SetTime};
pub use tidemark_kernel::limits::Limits;
pub use tidemark_kernel::task::{Pid, ProcessInfo, ProcessState, Resource};
pub use tidemark_runtime::{
    Feed, HoldTimes, LockMeasure, LockReport, LongHold, News, NotASchedule, RandomSchedule, Schedule, Usage,
};

/// The guide's code is compiled with the crate's own examples.
#[cfg(doctest)]
#[doc = include_str!("../../docs/embedding-rust.md")]
struct EmbeddingGuide;
