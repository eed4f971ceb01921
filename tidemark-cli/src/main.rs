//! The `tidemark` command.

#![forbid(unsafe_code)]

mod cache;
mod cache_command;
mod cli;
mod debian;
mod doctor;
mod exit;
mod fetch;
mod layer_content;
mod layers;
mod limits;
mod mounts;
mod progress;
mod run;
mod stdio;
mod terminal;
mod user;
mod values;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use crate::cli::{Cli, Command};
use crate::exit::{FailureKind, TIDEMARK_FAILED};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return wrong_usage(&error),
    };
    match cli.command {
        Command::Run(args) => run::run(&args),
        Command::Fetch(args) => fetch::fetch(&args),
        Command::Layer(args) => layers::run(&args.command),
        Command::Cache(args) => cache_command::run(&args.command),
        Command::Doctor(args) => doctor::doctor(&args.source),
        Command::Limits => show(limits::list().as_bytes()),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "tidemark", &mut script);
            show(&script)
        }
    }
}

/// Prints text; nothing is lost if nobody reads it.
fn show(text: &[u8]) -> ExitCode {
    let _ = io::stdout().write_all(text);
    ExitCode::SUCCESS
}

/// Answers a command line that is wrong, in one line; or one that asks for help.
fn wrong_usage(error: &clap::Error) -> ExitCode {
    let command = std::env::args_os().nth(1).unwrap_or_default();
    if !error.use_stderr() || error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        // Help and version are errors to clap, too; if nobody reads them, nothing is lost.
        let _ = error.print();
    } else {
        let text = error.render().to_string();
        let wanted = |line: &&str| !line.is_empty() && !line.starts_with("For more information");
        let lines = text.lines().map(str::trim).filter(wanted).take_while(|line| !line.starts_with("Usage:"));
        let line = lines.collect::<Vec<_>>().join("; ");
        eprintln!("tidemark: {}; see `--help`", line.trim_start_matches("error: "));
    }
    match (error.use_stderr(), command == "run") {
        (false, _) => ExitCode::SUCCESS,
        (true, true) => ExitCode::from(TIDEMARK_FAILED),
        (true, false) => FailureKind::Usage.sysexit(),
    }
}
