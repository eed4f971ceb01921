//! What a row did against what it must do.

use std::fmt::Write as _;

use super::guest::Outcome;
use super::table::Row;
use crate::verdict::difference;

/// What is wrong, if something is.
pub(super) fn judge(row: &Row, outcome: &Outcome) -> Option<String> {
    let expected = Outcome {
        stdout: row.stdout.clone(),
        stderr: row.stderr.clone().unwrap_or_else(|| outcome.stderr.clone()),
        code: row.code,
        took: outcome.took,
    };
    compare(&expected, outcome)
}

/// What differs between two outcomes, their time apart.
pub(super) fn compare(expected: &Outcome, got: &Outcome) -> Option<String> {
    let mut text = String::new();
    if expected.code != got.code {
        line(&mut text, format_args!("  exit code {} instead of {}", got.code, expected.code));
    }
    for (stream, expected, got) in
        [("output", &expected.stdout, &got.stdout), ("error", &expected.stderr, &got.stderr)]
    {
        if expected != got {
            line(&mut text, format_args!("  standard {stream}:\n{}", difference(expected, got).trim_end()));
        }
    }
    if text.is_empty() {
        return None;
    }
    if expected.stderr == got.stderr && !got.stderr.is_empty() {
        line(&mut text, format_args!("  its standard error: {}", got.stderr.trim_end()));
    }
    Some(text)
}

fn line(text: &mut String, what: std::fmt::Arguments<'_>) {
    writeln!(text, "{what}").expect("a string takes all");
}
