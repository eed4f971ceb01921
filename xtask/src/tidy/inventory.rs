//! The inventory of `unsafe`: a committed list of files, how many uses each has and what for, compared with the code.
//!
//! A use more or less is a change of the list, which reviewers see.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Complaint;
use super::tree::Tree;
use super::unsafe_code;

/// Where the list is.
pub(crate) const LIST: &str = "docs/unsafe.md";

/// The list as it should be.
pub(crate) fn text(tree: &Tree) -> String {
    let mut uses: BTreeMap<String, usize> = BTreeMap::new();
    for place in unsafe_code::places(tree) {
        let file = place.split(':').next().unwrap_or_default().to_owned();
        *uses.entry(file).or_default() += 1;
    }
    let mut text = "# Unsafe code\n\nWritten by `cargo xtask tidy --write-inventory`; `cargo xtask tidy` fails where it \
                    and the code differ. Each use has a\n`SAFETY:` comment beside it or, for a function or trait, a \
                    section `# Safety`. Every crate without a file here forbids it.\n\n| file | uses | what the file is \
                    |\n|---|---|---|\n"
        .to_owned();
    for (file, count) in &uses {
        let what =
            tree.files.iter().find(|candidate| candidate.path == *file).map(|file| first_words(&file.text));
        let what = what.unwrap_or_default();
        writeln!(text, "| `{file}` | {count} | {what} |").expect("a string takes all");
    }
    let all: usize = uses.values().sum();
    writeln!(text, "\n{all} uses in {} files.", uses.len()).expect("a string takes all");
    text
}

/// The first sentence of a file's own description.
fn first_words(text: &str) -> String {
    let lines = text.lines().filter_map(|line| line.strip_prefix("//! "));
    let paragraph = lines.take_while(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
    let end = paragraph.find(". ").unwrap_or(paragraph.len());
    paragraph[..end].trim_end_matches('.').replace('|', "\\|")
}

pub(crate) fn check(tree: &Tree) -> Vec<Complaint> {
    let committed = tree.files.iter().find(|file| file.path == LIST).map(|file| file.text.as_str());
    let stale = committed != Some(text(tree).as_str());
    let complaint = || Complaint {
        place: LIST.into(),
        rule: "generated-is-committed",
        what: "differs from the code; run `cargo xtask tidy --write-inventory` and look at what changed"
            .into(),
    };
    stale.then(complaint).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tree::File;

    #[test]
    fn one_use_more_is_seen() {
        let file = |path: &str, text: &str| File { path: path.into(), text: text.into() };
        let code = "//! Peeks. And more.\n// SAFETY: x.\nunsafe { x() }\n";
        let mut tree = Tree { files: vec![file("a/src/x.rs", code)] };
        assert_eq!(check(&tree).len(), 1);
        let list = text(&tree);
        assert!(list.contains("| `a/src/x.rs` | 1 | Peeks |"), "{list}");
        tree.files.push(file(LIST, &list));
        assert!(check(&tree).is_empty());
        tree.files[0].text.push_str("// SAFETY: y.\nunsafe { y() }\n");
        assert_eq!(check(&tree).len(), 1);
    }
}
