//! The `tidemark` command.

#![forbid(unsafe_code)]

mod cache;
mod cli;
mod debian;
mod exit;
mod fetch;
mod layer_file;
mod progress;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};
use crate::exit::FailureKind;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are errors to clap, too; if nobody reads them, nothing is lost.
            let _ = error.print();
            return if error.use_stderr() { FailureKind::Usage.sysexit() } else { ExitCode::SUCCESS };
        }
    };
    match cli.command {
        Command::Fetch(args) => fetch::fetch(&args),
    }
}
