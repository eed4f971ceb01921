//! The repository's text files, as `tidy` sees them.

use anyhow::{Context, Result};
use xshell::{Shell, cmd};

use crate::project;

/// Every file that is committed or would be, if it is text.
pub(crate) struct Tree {
    pub(crate) files: Vec<File>,
}

/// A text file.
pub(crate) struct File {
    /// From the repository's root, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl Tree {
    /// # Errors
    /// If git can't list the files, or one can't be read.
    pub(crate) fn read(sh: &Shell) -> Result<Self> {
        let list = cmd!(sh, "git ls-files -z --cached --others --exclude-standard").quiet().read()?;
        let mut files = Vec::new();
        for path in list.split('\0').filter(|path| !path.is_empty()) {
            let full = project::root().join(path);
            if !full.is_file() {
                continue; // deleted but not yet committed so, or a link to a folder
            }
            let bytes = std::fs::read(&full).with_context(|| format!("cannot read {path}"))?;
            if let Ok(text) = String::from_utf8(bytes) {
                files.push(File { path: path.to_owned(), text });
            }
        }
        Ok(Self { files })
    }
}

impl File {
    pub(crate) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Rust, C, assembly, JavaScript, TypeScript, shell: what people write and maintain.
    pub(crate) fn is_source(&self) -> bool {
        const EXTENSIONS: [&str; 11] = ["rs", "c", "h", "S", "js", "mjs", "cjs", "ts", "mts", "sh", "py"];
        let extension = self.path.rsplit_once('.').map_or("", |(_, extension)| extension);
        EXTENSIONS.contains(&extension) && !self.is_generated()
    }

    /// Written by a program, and says so at its top.
    pub(crate) fn is_generated(&self) -> bool {
        self.text.lines().take(5).any(|line| line.contains("@generated"))
    }

    /// Lines with their numbers, from 1.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }
}
