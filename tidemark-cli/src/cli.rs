//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use tidemark_sdk::Schedule;

use crate::cache::{CACHE_VARIABLE, LIMIT_VARIABLE};
use crate::debian::MIRROR_VARIABLE;
use crate::limits::{self, LimitArg};
use crate::mounts::{self, MountArg};
use crate::user::{self, UserArg};
use crate::values;

/// Run unmodified riscv64 Linux programs.
#[derive(Debug, Parser)]
#[command(name = "tidemark", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Run(Box<RunArgs>),
    Fetch(FetchArgs),
    Layer(LayerArgs),
    Cache(CacheArgs),
    /// List the limits that `tidemark run --limit` sets, with units and what they are at first
    Limits,
    Doctor(DoctorArgs),
    /// Print what makes a shell complete tidemark's command lines
    ///
    /// For bash: `tidemark completions bash > ~/.local/share/bash-completion/completions/tidemark`.
    Completions {
        /// Which shell
        shell: Shell,
    },
}

/// Make layer files, and look into them
///
/// A layer is a file tree in one file, which a guest maps without unpacking it: to be shipped, or to be given to
/// `tidemark run --layer`.
#[derive(Debug, Args)]
pub(crate) struct LayerArgs {
    #[command(subcommand)]
    pub(crate) command: LayerCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LayerCommand {
    Build(LayerBuildArgs),
    Inspect(LayerInspectArgs),
}

/// Tell what is in the cache, and make room in it
///
/// Layers and downloads are kept until there are more than `--cache-limit` says. Then, whenever a layer is stored, those
/// that were not used for longest are removed; what a running Tidemark uses stays.
#[derive(Debug, Args)]
pub(crate) struct CacheArgs {
    #[command(subcommand)]
    pub(crate) command: CacheCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CacheCommand {
    /// List layers and downloads, with sizes and ages, last used first
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        place: CachePlaceArgs,
    },
    /// Remove what was not used for longest, down to the limit, and what dead processes left; prints what
    Prune {
        /// Down to nothing: all that is not in use
        #[arg(long, conflicts_with = "cache_limit")]
        all: bool,
        #[command(flatten)]
        place: CachePlaceArgs,
    },
}

/// Which cache.
#[derive(Debug, Args)]
pub(crate) struct CachePlaceArgs {
    /// The directory [default: tidemark in the user's cache directory]
    #[arg(long, value_name = "DIR", env = CACHE_VARIABLE)]
    pub(crate) cache_dir: Option<PathBuf>,
    /// How much may be in it, such as 4G [default: 16G]
    #[arg(long, value_name = "SIZE", env = LIMIT_VARIABLE, value_parser = values::bytes)]
    pub(crate) cache_limit: Option<u64>,
}

/// Make a layer file of packages, folders, archives or images
///
/// Each source goes over what comes before it. An image is a tar archive as `docker save` writes it, or an OCI image layout;
/// the one for linux/riscv64 is taken.
#[derive(Debug, Args)]
#[command(after_help = LAYER_EXAMPLES)]
pub(crate) struct LayerBuildArgs {
    /// Layer file to write
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Debian packages, with all that they depend on
    #[arg(long, value_name = "PACKAGE,…", value_delimiter = ',')]
    pub(crate) debian: Vec<String>,
    /// Folder, tar archive (also .gz, .xz, .zst), image archive or layer
    #[arg(value_name = "SOURCE")]
    pub(crate) sources: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
}

/// Tell what is in a layer file: sizes, entries, packages, SHA-256
#[derive(Debug, Args)]
pub(crate) struct LayerInspectArgs {
    /// Layer file
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Run a program in a riscv64 Linux guest
///
/// The guest's files are Debian packages, folders or archives, stacked in that order. It may change them; the changes
/// are gone when the program ends. Standard input, output and error are the program's own; at a terminal it gets one, with
/// Ctrl-C, job control and window size.
#[derive(Debug, Args)]
#[command(after_help = RUN_EXAMPLES)]
pub(crate) struct RunArgs {
    /// Debian packages to run from, with all that they depend on
    #[arg(long, value_name = "PACKAGE,…", value_delimiter = ',')]
    pub(crate) debian: Vec<String>,
    /// Layer file to run from, or the address of one, perhaps with #sha256=DIGEST; goes over the packages
    #[arg(long, value_name = "FILE|URL")]
    pub(crate) layer: Vec<String>,
    /// Folder, tar archive (also .gz, .xz, .zst), image archive or layer to run from; later ones go over earlier ones
    #[arg(long, value_name = "DIR|TAR")]
    pub(crate) rootfs: Vec<PathBuf>,
    /// Show a folder of this machine at a directory of the guest; what is changed there is changed here, except with `:ro`
    #[arg(long, value_name = "HOST:GUEST[:ro]", value_parser = OsStringValueParser::new().try_map(mounts::parse))]
    pub(crate) mount: Vec<MountArg>,
    /// Set a variable of the guest's environment; NAME alone takes its value from here
    #[arg(long, short, value_name = "NAME=VALUE")]
    pub(crate) env: Vec<OsString>,
    /// Directory in the guest to start in
    #[arg(long, short, value_name = "DIR", default_value = "/")]
    pub(crate) workdir: OsString,
    /// Host name that the guest sees
    #[arg(long, value_name = "NAME", default_value = "tidemark")]
    pub(crate) hostname: String,
    /// Memory that the guest may use, such as 512M or 4G
    #[arg(long, value_name = "SIZE", default_value = "2G", value_parser = values::memory)]
    pub(crate) memory: u64,
    /// Processors that the guest has [default: as many as this machine]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) cpus: Option<u16>,
    /// Bound what the guest may use, such as processes=100; `tidemark limits` lists the names
    #[arg(long, value_name = "NAME=N", value_parser = limits::parse)]
    pub(crate) limit: Vec<LimitArg>,
    /// End the program after this long, such as 90s or 5m: SIGTERM, and SIGKILL two seconds later
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    pub(crate) timeout: Option<Duration>,
    /// Run the program as this user of the guest, by name or number
    #[arg(long, short, value_name = "USER[:GROUP]", value_parser = user::parse)]
    pub(crate) user: Option<UserArg>,
    /// Give the program a terminal: `auto` does if standard input and output are terminals
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(crate) tty: TtyMode,
    /// Print the guest's system calls on standard error, as strace(1) does: all, or those of names and classes (%file,
    /// %desc, %process, %signal, %memory, %network, %ipc); `!` before them for all but these
    #[arg(long, value_name = "CALL,…", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub(crate) strace: Option<String>,
    /// Print system calls to a file instead of standard error
    #[arg(long, value_name = "FILE")]
    pub(crate) strace_output: Option<PathBuf>,
    /// How threads take turns: `random` gives each a few instructions (at most MOST) at a time, in an order that SEED
    /// determines, to look for races; standard error says what to give to repeat it
    #[arg(long, value_name = "fair|random[:SEED[:MOST]]", default_value = "fair", value_parser = values::schedule)]
    pub(crate) schedule: Schedule,
    /// Print figures about the run on standard error when it ends
    #[arg(long)]
    pub(crate) stats: bool,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    /// Program, by its path in the guest or by a name to look up in PATH, and its arguments
    #[arg(required = true, trailing_var_arg = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}

/// Whether the program gets a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TtyMode {
    /// If standard input and output are terminals
    Auto,
    /// Also if they are not
    Yes,
    /// Pipes
    No,
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

/// Look whether this machine has what Tidemark needs
///
/// Looks at processors, memory, address space, the cache directory, the mirror and the terminal, and says what to do about
/// what is missing. Exit code 0 if programs can run, 69 if not.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    pub(crate) source: SourceArgs,
}

/// Where packages come from and are kept; common to all commands that need some.
#[derive(Debug, Args)]
pub(crate) struct SourceArgs {
    /// Leave out Debian's essential packages; packages are unpacked then, and not configured
    #[arg(long)]
    pub(crate) no_essential: bool,
    /// Add the packages that others recommend
    #[arg(long)]
    pub(crate) recommends: bool,
    /// Take the versions that FILE pins, or write what is taken to FILE if it is not there
    #[arg(long, value_name = "FILE")]
    pub(crate) lock: Option<PathBuf>,
    /// Debian archive to download from [default: that of the machine's apt sources]
    #[arg(long, value_name = "URL", env = MIRROR_VARIABLE)]
    pub(crate) mirror: Option<String>,
    /// OpenPGP keys to trust instead of Debian's archive keys
    #[arg(long, value_name = "FILE")]
    pub(crate) keyring: Option<PathBuf>,
    /// Where downloads are kept [default: tidemark in the user's cache directory]
    #[arg(long, value_name = "DIR", env = CACHE_VARIABLE)]
    pub(crate) cache_dir: Option<PathBuf>,
    /// How much downloads and layers may take there, such as 4G; what was not used for longest goes first [default: 16G]
    #[arg(long, value_name = "SIZE", env = LIMIT_VARIABLE, value_parser = values::bytes)]
    pub(crate) cache_limit: Option<u64>,
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

const RUN_EXAMPLES: &str = "\
Examples:
  Run a Debian program, downloading it the first time
      tidemark run --debian busybox-static -- busybox uname -m
  A pipeline through the guest
      seq 5 | tidemark run --debian busybox-static -- busybox sort -rn
  A shell to work in
      tidemark run --debian bash,coreutils,less -- bash
  Several packages; a shell finds them in PATH
      tidemark run --debian bash,coreutils -- bash -c 'ls -l / | head -3'
  Your own files over Debian's
      tidemark run --debian python3 --rootfs ./app -- python3 /main.py
  What does it ask the kernel for?
      tidemark run --strace=%file,%process --debian busybox-static -- busybox ls

  Work on the folder you are in, which the guest sees at /work
      tidemark run --debian bash,make --mount .:/work --workdir /work -- make
  Something that you do not trust: as nobody, for a minute, with little
      tidemark run --debian python3-minimal --user nobody --timeout 1m --memory 256M \\
          --limit processes=50 --mount ./in:/in:ro -- python3 /in/script.py

Exit code: the program's own; 128 + n if signal n ended it; 124 if its time was up; 125 if Tidemark failed, \
126 if the command cannot be executed, 127 if it does not exist.";

const LAYER_EXAMPLES: &str = "\
Examples:
  A layer with Python and an application, and running from it
      tidemark layer build -o app.layer --debian python3 ./app
      tidemark run --layer app.layer -- python3 /main.py
  A layer of a container image
      docker save --platform linux/riscv64 alpine > alpine.tar
      tidemark layer build -o alpine.layer alpine.tar

Exit codes: as of `tidemark fetch`.";

const FETCH_EXIT_CODES: &str = "\
Exit codes: 0 done, 64 wrong usage, 65 damaged, expired or untrusted data, 66 no such package or file, \
67 packages cannot be installed, 69 network or mirror unavailable, 70 configuring broke, 73 cache not writable, 78 no mirror known.";

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn what_follows_the_command_belongs_to_it() {
        for line in
            ["tidemark run --debian a,b -- ls --color -e x", "tidemark run --debian a,b ls --color -e x"]
        {
            let Command::Run(args) = Cli::try_parse_from(line.split(' ')).expect(line).command else {
                panic!("{line}")
            };
            assert_eq!(args.command, ["ls", "--color", "-e", "x"]);
            assert_eq!(args.debian, ["a", "b"]);
            assert!(args.env.is_empty() && args.strace.is_none());
        }
    }

    #[test]
    fn strace_takes_its_filter_after_an_equals_sign() {
        for (line, filter) in [("--strace", ""), ("--strace=openat,read", "openat,read")] {
            let line = ["tidemark", "run", line, "ls"];
            let Command::Run(args) = Cli::try_parse_from(line).expect("parses").command else { panic!() };
            assert_eq!(args.strace.as_deref(), Some(filter));
        }
    }
}
