//! Layers as files: made of packages, folders, archives and images; looked into; had from elsewhere.

mod build;
mod folder;
mod inspect;
mod oci;
mod remote;
mod source;

use std::process::ExitCode;

pub(crate) use self::remote::{RemoteError, open};
pub(crate) use self::source::{SourceError, layer};
use crate::cli::LayerCommand;

/// `tidemark layer`.
pub(crate) fn run(command: &LayerCommand) -> ExitCode {
    match command {
        LayerCommand::Build(args) => build::build(args),
        LayerCommand::Inspect(args) => inspect::inspect(args),
    }
}
