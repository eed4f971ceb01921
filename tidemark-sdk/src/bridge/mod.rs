//! Files that the application answers for, in the guest: [`FileBridge`], and bridges to begin with.
//!
//! - [`MemoryFiles`]: files in the application's memory.
//! - `HostFolder`: a folder of the machine (where there is a file system to speak of).
//! - [`conformance`]: what any bridge must do; run it on your own.
//!
//! A bridge is mounted with [`Config::mount`](crate::Config::mount).

pub mod conformance;
#[cfg(unix)]
mod folder;
mod memory;

pub use tidemark_kernel::fs::hosted::{
    Access, Changed, FileStat, ListedName, Rename, SetTime, Space, Subject,
};
pub use tidemark_kernel::fs::layer::format::{Device, Timestamp};
pub use tidemark_runtime::{Bridged, FileBridge, MountOptions, Names, Opened, Written};

#[cfg(unix)]
pub use folder::HostFolder;
pub use memory::MemoryFiles;
