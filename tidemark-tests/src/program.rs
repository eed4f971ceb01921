//! Where the guest programs are, and what the comment lines at their top say.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// In how many lines at its top a program may say something about itself.
const TAG_LINES: usize = 12;

/// One guest program.
#[derive(Clone, Debug)]
pub struct Program {
    /// `family/name`.
    pub name: String,
    /// Its source.
    pub source: PathBuf,
    text: String,
}

impl Program {
    /// The words of its lines `// TAG: …`.
    pub fn tag(&self, tag: &str) -> Vec<&str> {
        let value = |line| str::strip_prefix(line, "// ")?.strip_prefix(tag)?.strip_prefix(':');
        self.text.lines().take(TAG_LINES).filter_map(value).flat_map(str::split_whitespace).collect()
    }

    /// The most instructions of a turn under random scheduling, where it says so.
    pub(crate) fn turns(&self) -> Option<u64> {
        let word = self.tag("turns").first().copied()?;
        Some(word.parse().unwrap_or_else(|_| panic!("{}: turns: {word}", self.name)))
    }

    /// What the oracle printed, its end in the last line.
    pub fn expected(&self) -> String {
        let path = self.source.with_extension("expected");
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// If it is known to fail: the reason and what it prints instead.
    pub fn gap(&self) -> Option<(String, String)> {
        let text = fs::read_to_string(self.source.with_extension("gap")).ok()?;
        let (reason, output) = text.split_once('\n').expect("a gap's first line is its reason");
        Some((reason.to_owned(), output.to_owned()))
    }

    /// The compiled program.
    pub fn binary(&self) -> Vec<u8> {
        let path = built().join(&self.name);
        fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }
}

/// The folder of the sources.
pub fn sources() -> PathBuf {
    workspace().join("tests/guests")
}

/// The names of all families, sorted.
pub fn families() -> Vec<String> {
    let entries = entries(&sources()).into_iter().filter(|path| path.is_dir());
    entries.map(|path| last_name(&path)).collect()
}

/// The programs of one family, sorted by name.
pub fn programs(family: &str) -> Vec<Program> {
    let is_source = |path: &PathBuf| path.extension().is_some_and(|ext| ext == "c" || ext == "S");
    let load = |source: PathBuf| Program {
        name: format!("{family}/{}", last_name(&source.with_extension(""))),
        text: fs::read_to_string(&source).unwrap_or_else(|error| panic!("{}: {error}", source.display())),
        source,
    };
    entries(&sources().join(family)).into_iter().filter(is_source).map(load).collect()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let listing = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = listing.map(|entry| entry.expect("a readable folder").path()).collect();
    paths.sort();
    paths
}

fn last_name(path: &Path) -> String {
    path.file_name().and_then(|name| name.to_str()).expect("guest programs have plain names").to_owned()
}

pub(crate) fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this crate is in a workspace")
}

/// The folder of compiled programs: `TIDEMARK_GUESTS`, which `cargo xtask test` sets, else built now.
fn built() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        if let Some(folder) = std::env::var_os("TIDEMARK_GUESTS") {
            return folder.into();
        }
        let status =
            Command::new(env!("CARGO")).args(["xtask", "build-guests"]).current_dir(workspace()).status();
        assert!(status.is_ok_and(|status| status.success()), "`cargo xtask build-guests` failed");
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
        workspace().join(target).join("guests")
    })
}
