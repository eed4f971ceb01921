//! `tidemark layer inspect`: what is in a layer file.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::ExitCode;

use serde::Serialize;
use sha2::{Digest, Sha256};
use tidemark_sdk::layer::format::{FORMAT_VERSION, InodeKind};
use tidemark_sdk::layer::{Layer, open_layer};

use super::source::SourceError;
use crate::cli::LayerInspectArgs;
use crate::{debian, layer_content};

/// What is told of a layer.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct Summary {
    format_version: u32,
    /// Of the whole file, in lower-case hexadecimal.
    sha256: String,
    file_bytes: u64,
    /// Of the files' contents together.
    content_bytes: u64,
    entries: Entries,
    packages: Vec<debian::Installed>,
}

/// Inodes by kind; names that share one are counted apart.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct Entries {
    files: u64,
    directories: u64,
    symlinks: u64,
    devices: u64,
    pipes_and_sockets: u64,
    hard_links: u64,
    whiteouts: u64,
}

/// Prints what is in the layer.
pub(super) fn inspect(args: &LayerInspectArgs) -> ExitCode {
    let summary = match summary(&args.file) {
        Ok(summary) => summary,
        Err(error) => {
            eprintln!("tidemark: {error}");
            return error.kind().sysexit();
        }
    };
    let text = if args.json {
        serde_json::to_string_pretty(&summary).unwrap_or_default() + "\n"
    } else {
        summary.to_string()
    };
    match io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn summary(path: &Path) -> Result<Summary, SourceError> {
    let unreadable = |source| SourceError::Read { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(unreadable)?;
    let layer = open_layer(path).map_err(|source| SourceError::Open { path: path.to_owned(), source })?;
    let mut summary = Summary { format_version: FORMAT_VERSION, ..Summary::default() };
    summary.count(&layer);
    let status = layer_content::text(&layer, "var/lib/dpkg/status").map_err(unreadable)?;
    summary.packages = debian::installed(&status);
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match file.read(&mut buffer).map_err(unreadable)? {
            0 => break,
            count => {
                hasher.update(&buffer[..count]);
                summary.file_bytes += count as u64;
            }
        }
    }
    summary.sha256 = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(summary)
}

impl Summary {
    fn count(&mut self, layer: &Layer) {
        let index = layer.index();
        let numbers = 0..u32::try_from(index.len()).unwrap_or(u32::MAX);
        for (number, inode) in numbers.filter_map(|number| Some((number, index.inode(number)?))) {
            let entries = &mut self.entries;
            match inode.kind {
                InodeKind::File { size, .. } => {
                    entries.files += 1;
                    self.content_bytes += size;
                }
                InodeKind::Directory { .. } => entries.directories += 1,
                InodeKind::Symlink => entries.symlinks += 1,
                _ if index.is_whiteout(number) => entries.whiteouts += 1,
                InodeKind::CharDevice(_) | InodeKind::BlockDevice(_) => entries.devices += 1,
                InodeKind::Fifo | InodeKind::Socket => entries.pipes_and_sockets += 1,
            }
            if !matches!(inode.kind, InodeKind::Directory { .. }) {
                entries.hard_links += u64::from(inode.nlink.saturating_sub(1));
            }
        }
    }
}

impl std::fmt::Display for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Entries { files, directories, symlinks, devices, pipes_and_sockets, hard_links, whiteouts } =
            self.entries;
        writeln!(f, "format    version {}", self.format_version)?;
        writeln!(f, "sha256    {}", self.sha256)?;
        writeln!(f, "size      {} bytes, {} of them contents", self.file_bytes, self.content_bytes)?;
        write!(f, "entries   {files} files, {directories} directories, {symlinks} symbolic links")?;
        for (count, what) in [
            (devices, "devices"),
            (pipes_and_sockets, "pipes and sockets"),
            (hard_links, "hard links"),
            (whiteouts, "whiteouts"),
        ] {
            if count > 0 {
                write!(f, ", {count} {what}")?;
            }
        }
        writeln!(f, "\npackages  {}", self.packages.len())?;
        self.packages.iter().try_for_each(|package| writeln!(f, "  {} {}", package.name, package.version))
    }
}
