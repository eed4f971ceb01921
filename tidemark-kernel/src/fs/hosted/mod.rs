//! Files that the host answers for (`FileBridge`): a folder of the machine outside, or whatever an application shows.
//!
//! The truth is at the host. Here is a cache of it: a [`Tree`](super::tree::Tree) whose names, attributes and pages were
//! told by the host, and the questions that fill it. Nothing here waits: an operation that has to ask answers
//! [`Errno::WALK_ON`](crate::errno::Errno::WALK_ON), the call is parked, and entered again from its start when the answer
//! is there. Within one call a question is asked once: entered again, the call hears what it heard before.
//!
//! What is cached, and for how long:
//! - Names and attributes for the mount's lifetime of attributes (short). Then the next look-up asks again. That a name
//!   does *not* exist is never cached.
//! - Pages of a file as long as its size and time of modification are what they were; every `open(2)` asks.
//! - Writes go to the host before the call returns; so do all changes of names and attributes.
//! - A mapping reads its pages when it is made, and shows them as they were then. Shared mappings that store are refused,
//!   as by Linux' FUSE with `direct_io`.
//!
//! Owns: the vocabulary ([`call`]), questions and answers ([`asks`], [`answer`]), and what file operations do on such a mount
//! ([`names`], [`content`], [`listing`]). Does not own the asking itself: that is the runtime's.

mod answer;
pub(crate) mod asks;
pub mod call;
mod content;
mod listing;
mod mount;
mod names;

pub use super::attributes::SetTime;
pub use super::names::Rename;
pub use call::{
    Access, BridgeId, Changed, FileAnswer, FileCall, FileStat, HostCallId, ListedName, Space, Subject,
};
pub(crate) use listing::Listing;
pub use mount::MountRequest;
