//! The `tidemark` command.

#![forbid(unsafe_code)]

mod cache;
mod cli;
mod debian;
mod exit;
mod fetch;
mod layer_content;
mod progress;
mod rootfs;
mod run;
mod stdio;
mod terminal;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};
use crate::exit::{FailureKind, TIDEMARK_FAILED};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are errors to clap, too; if nobody reads them, nothing is lost.
            let _ = error.print();
            let is_run = std::env::args_os().nth(1).is_some_and(|command| command == "run");
            return match (error.use_stderr(), is_run) {
                (false, _) => ExitCode::SUCCESS,
                (true, true) => ExitCode::from(TIDEMARK_FAILED),
                (true, false) => FailureKind::Usage.sysexit(),
            };
        }
    };
    match cli.command {
        Command::Run(args) => run::run(&args),
        Command::Fetch(args) => fetch::fetch(&args),
    }
}
