//! The compatibility page, written from the table.

use core::fmt::Write;

use super::{ROWS, Row, Support};

/// The page as Markdown: every call, and how far it is implemented.
pub fn compatibility_markdown() -> String {
    let count = |wanted: fn(&Support) -> bool| ROWS.iter().filter(|row| wanted(&row.support)).count();
    let mut page = String::from(
        "# System calls\n\n\
         Generated from the kernel's table (`tidemark-kernel/src/syscall/table.rs`). A call that is not listed answers \
         `ENOSYS`.\n\n",
    );
    // Writing to a string cannot fail.
    let _ = write!(
        page,
        "{} as their manual pages say, {} with the exception named, {} refused.\n\n\
         | number | call | support |\n|---|---|---|\n",
        count(|support| matches!(support, Support::Full)),
        count(|support| matches!(support, Support::Partial(_))),
        count(|support| matches!(support, Support::Refused(..))),
    );
    for row in ROWS {
        let _ = writeln!(page, "| {} | `{}` | {} |", row.number, signature(row), describe(row.support));
    }
    page
}

fn signature(row: &Row) -> String {
    let names: Vec<&str> = row.params.iter().map(|(name, _)| *name).collect();
    format!("{}({})", row.name, names.join(", "))
}

fn describe(support: Support) -> String {
    match support {
        Support::Full => "full".to_owned(),
        Support::Partial(missing) => format!("partial: {missing}"),
        Support::Refused(errno, why) => format!("refused with `{errno}`: {why}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Set to write the page anew.
    const REGENERATE: &str = "TIDEMARK_REGENERATE";

    #[test]
    fn the_committed_page_is_fresh() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/compatibility.md");
        let page = compatibility_markdown();
        if std::env::var_os(REGENERATE).is_some() {
            std::fs::write(path, &page).unwrap();
        }
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(committed == page, "docs/compatibility.md is stale: run this test with {REGENERATE}=1");
    }
}
