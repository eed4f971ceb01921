//! Where `unsafe` may stand, and that each use says why it is sound.
//!
//! Homes are guest memory access, the interpreter's unchecked look-ups, the hosts' shared-memory code and the JS glue
//! (and what tests them). A crate without a home forbids unsafe
//! code altogether; one with a home denies it, and its homes alone allow it.

use super::Complaint;
use super::metadata::Package;
use super::tree::{File, Tree};

/// Files or folders (these end in `/`) that may contain `unsafe`.
const HOMES: &[&str] = &[
    "examples/custom-host/src/memory.rs",
    "fuzz/src/instructions.rs",
    "fuzz/src/memory.rs",
    "tidemark-host/src/conformance/code.rs",
    "tidemark-host/src/conformance/memory.rs",
    "tidemark-host/src/memory.rs",
    "tidemark-host/src/sim/memory.rs",
    "tidemark-host/src/wrap/faulty.rs",
    "tidemark-host/src/wrap/traced.rs",
    "tidemark-host-native/src/",
    "tidemark-host-native/tests/broken/",
    "tidemark-host-native/tests/interpreted.rs",
    "tidemark-host-node/src/",
    "tidemark-js/src/",
    "tidemark-kernel/src/abi/",
    "tidemark-kernel/src/cpu/",
    "tidemark-kernel/src/mem/",
    "tidemark-kernel/tests/support/bare.rs",
];

pub(crate) fn check(tree: &Tree, packages: &[Package]) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for file in tree.files.iter().filter(|file| file.is_rust()) {
        for (number, line) in uses(file) {
            let complain = |what: &str| Complaint {
                place: format!("{}:{number}", file.path),
                rule: "unsafe-has-a-home",
                what: what.into(),
            };
            if !has_home(&file.path) {
                complaints.push(complain("`unsafe` outside its homes"));
            } else if needs_a_reason(line) && !has_reason(file, number) {
                complaints.push(complain("no `SAFETY:` comment right above"));
            }
        }
    }
    for package in packages.iter().filter(|package| package.member) {
        complaints.extend(roots(tree, package).filter_map(|root| guards(root, package)));
    }
    complaints
}

/// `path:line` of every use.
pub(crate) fn places(tree: &Tree) -> Vec<String> {
    let rust = tree.files.iter().filter(|file| file.is_rust());
    rust.flat_map(|file| uses(file).map(|(number, line)| format!("{}:{number}: {}", file.path, line.trim())))
        .collect()
}

fn has_home(path: &str) -> bool {
    HOMES.iter().any(|home| if home.ends_with('/') { path.starts_with(home) } else { path == *home })
}

/// The lines that have the keyword in code.
fn uses(file: &File) -> impl Iterator<Item = (usize, &str)> {
    file.lines().filter(|(_, line)| is_use(&code_of(line)))
}

/// A line without its comment and without what stands in its strings. Strings of several lines are read as code,
/// which at worst is a complaint too many.
fn code_of(line: &str) -> String {
    let mut code = String::new();
    let (mut in_string, mut previous) = (false, ' ');
    for c in line.chars() {
        match c {
            '"' if previous != '\\' && previous != '\'' => in_string = !in_string,
            '/' if previous == '/' && !in_string => break,
            _ if in_string => {}
            _ => code.push(c),
        }
        // In `\\"` the quote is not escaped.
        previous = if previous == '\\' && c == '\\' { ' ' } else { c };
    }
    code
}

fn is_use(code: &str) -> bool {
    const KEYWORD: &str = "unsafe";
    let boundary =
        |neighbour: Option<char>| neighbour.is_none_or(|c| !c.is_alphanumeric() && !"_-`\"".contains(c));
    code.match_indices(KEYWORD).any(|(at, _)| {
        let after = &code[at + KEYWORD.len()..];
        boundary(code[..at].chars().next_back()) && boundary(after.chars().next()) && !after.starts_with('(')
    })
}

/// Blocks and implementations give a reason; an `unsafe fn` has a `# Safety` section, which clippy sees to.
fn needs_a_reason(line: &str) -> bool {
    let code = code_of(line);
    code.contains("unsafe {") || code.contains("unsafe impl")
}

/// Looks upwards through the statement's earlier lines and its comment.
fn has_reason(file: &File, number: usize) -> bool {
    /// How far above the keyword the comment may start.
    const REACH: usize = 12;
    let above: Vec<&str> = file.text.lines().take(number).collect();
    above.iter().rev().take(REACH).any(|line| line.contains("SAFETY:"))
}

/// A package's library and program roots.
fn roots<'a>(tree: &'a Tree, package: &Package) -> impl Iterator<Item = &'a File> {
    let paths = ["lib.rs", "main.rs"].map(|name| format!("{}/src/{name}", package.folder));
    tree.files.iter().filter(move |file| paths.contains(&file.path))
}

fn guards(root: &File, package: &Package) -> Option<Complaint> {
    let inside = format!("{}/", package.folder);
    let houses = HOMES.iter().any(|home| home.starts_with(&inside));
    let guarded = root.text.contains("#![forbid(unsafe_code)]") || houses;
    (!guarded).then(|| Complaint {
        place: root.path.clone(),
        rule: "unsafe-has-a-home",
        what: "no `#![forbid(unsafe_code)]`".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(path: &str, text: &str) -> usize {
        let tree = Tree { files: vec![File { path: path.into(), text: text.into() }] };
        check(&tree, &[]).len()
    }

    #[test]
    fn only_homes_have_it() {
        assert_eq!(complaints("tidemark-sdk/src/x.rs", "unsafe { x() }"), 1);
        assert_eq!(complaints("tidemark-host-native/src/x.rs", "// SAFETY: x.\nunsafe { x() }"), 0);
        assert_eq!(complaints("tidemark-host-native/src/x.rs", "unsafe { x() }"), 1);
    }

    #[test]
    fn the_keyword_is_told_from_its_mention() {
        assert!(
            is_use("unsafe { x() }") && is_use("pub unsafe fn x()") && is_use("unsafe impl Send for X {}")
        );
        assert!(!is_use(&code_of("// unsafe { }")) && !is_use("#![forbid(unsafe_code)]"));
        assert!(!is_use("#[unsafe(no_mangle)]") && !is_use(&code_of("let text = \"unsafe {\";")));
        assert!(is_use(&code_of("say(\"a \\\" b\"); unsafe { x() }")));
    }

    #[test]
    fn a_crate_without_a_home_forbids_it() {
        let package = Package {
            name: "tidemark-sdk".into(),
            licence: None,
            member: true,
            folder: "tidemark-sdk".into(),
            dependencies: vec![],
        };
        let tree = |text: &str| Tree {
            files: vec![File { path: "tidemark-sdk/src/lib.rs".into(), text: text.into() }],
        };
        assert_eq!(check(&tree("//! X.\n"), std::slice::from_ref(&package)).len(), 1);
        assert_eq!(check(&tree("//! X.\n#![forbid(unsafe_code)]\n"), &[package]).len(), 0);
    }
}
