//! `tidy`: what the style guide names and a program can see. Each complaint carries the rule's name.

mod arrows;
mod contract;
mod inventory;
mod licences;
mod metadata;
mod text;
mod tree;
mod unsafe_code;

use anyhow::{Result, bail};
use clap::Args;
use xshell::Shell;

use crate::project;
use tree::Tree;

/// What to show.
#[derive(Args, Default)]
pub(crate) struct Options {
    /// Also list every place of `unsafe`.
    #[arg(long)]
    list_unsafe: bool,
    /// Write the inventory of `unsafe` anew.
    #[arg(long)]
    write_inventory: bool,
}

/// One breach of a rule.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Complaint {
    /// `path:line`, or the path alone.
    place: String,
    rule: &'static str,
    what: String,
}

/// Checks the files that git knows or would add.
///
/// # Errors
/// If any rule is broken.
pub(crate) fn run(sh: &Shell, options: &Options) -> Result<()> {
    let mut tree = Tree::read(sh)?;
    if options.write_inventory {
        sh.write_file(project::root().join(inventory::LIST), inventory::text(&tree))?;
        tree = Tree::read(sh)?;
    }
    let packages = metadata::read(sh)?;
    let mut complaints = text::check(&tree);
    complaints.extend(unsafe_code::check(&tree, &packages));
    complaints.extend(contract::check(&tree));
    complaints.extend(inventory::check(&tree));
    complaints.extend(arrows::check(&packages));
    complaints.extend(licences::check(&packages));
    complaints.sort();

    if options.list_unsafe {
        unsafe_code::places(&tree).iter().for_each(|place| println!("{place}"));
    }
    for Complaint { place, rule, what } in &complaints {
        eprintln!("{place}: {rule}: {what}");
    }
    let counted = unsafe_code::places(&tree).len();
    eprintln!(
        "tidy: {} files, {} uses of unsafe, {} complaints",
        tree.files.len(),
        counted,
        complaints.len()
    );
    if complaints.is_empty() { Ok(()) } else { bail!("{} breaches of the style guide", complaints.len()) }
}
