//! What a row needs where it is run by another program: its files in a folder, and its input and output through pipes.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result};

use super::table::Row;

/// Writes a row's files below a folder, as they are in the guest below its root.
///
/// # Errors
/// If they cannot be written.
pub(super) fn put_files(row: &Row, below: &Path) -> Result<()> {
    for file in row.all_files()? {
        let path = below.join(file.path.trim_start_matches('/'));
        fs::create_dir_all(path.parent().context("a file is in a folder")?)?;
        fs::write(&path, file.content)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(file.mode))?;
    }
    Ok(())
}

/// Runs a command with a row's standard input to its end.
///
/// # Errors
/// If it cannot be started.
pub(super) fn fed(command: &mut Command, row: &Row) -> io::Result<Output> {
    command.stdin(if row.stdin.is_some() { Stdio::piped() } else { Stdio::null() });
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let stdin = child.stdin.take();
    std::thread::scope(|scope| {
        if let (Some(mut stdin), Some(text)) = (stdin, &row.stdin) {
            // A program need not read its input.
            scope.spawn(move || _ = stdin.write_all(text.as_bytes()));
        }
        child.wait_with_output()
    })
}
