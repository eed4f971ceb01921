//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::cache::CACHE_VARIABLE;
use crate::debian::MIRROR_VARIABLE;

/// Run unmodified riscv64 Linux programs.
#[derive(Debug, Parser)]
#[command(name = "tidemark", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Fetch(FetchArgs),
}

/// Download packages, so that they run without a network later
///
/// Downloads packages and all that they depend on, verifies them, and prints the path of the layer that they
/// were packed into.
#[derive(Debug, Args)]
#[command(after_help = FETCH_EXIT_CODES)]
pub(crate) struct FetchArgs {
    /// Names of Debian packages
    #[arg(required = true, value_name = "PACKAGE", value_delimiter = ',')]
    pub(crate) packages: Vec<String>,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
}

/// Where packages come from and are kept; common to all commands that need some.
#[derive(Debug, Args)]
pub(crate) struct SourceArgs {
    /// Debian archive to download from [default: that of the machine's apt sources]
    #[arg(long, value_name = "URL", env = MIRROR_VARIABLE)]
    pub(crate) mirror: Option<String>,
    /// OpenPGP keys to trust instead of Debian's archive keys
    #[arg(long, value_name = "FILE")]
    pub(crate) keyring: Option<PathBuf>,
    /// Where downloads are kept [default: tidemark in the user's cache directory]
    #[arg(long, value_name = "DIR", env = CACHE_VARIABLE)]
    pub(crate) cache_dir: Option<PathBuf>,
    /// Use only what is cached
    #[arg(long, conflicts_with = "refresh")]
    pub(crate) offline: bool,
    /// Look for newer versions of packages that are cached
    #[arg(long)]
    pub(crate) refresh: bool,
    /// Show no progress
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

const FETCH_EXIT_CODES: &str = "\
Exit codes: 0 done, 64 wrong usage, 65 damaged, expired or untrusted data, 66 no such package or file,
69 network or mirror unavailable, 73 cache not writable, 78 no mirror known.";
