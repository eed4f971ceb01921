//! Running a test runner so that its closing lines can be shown again at the end, below everything else.

use std::io::{BufRead, BufReader, IsTerminal, Write};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

/// The lines with which test runners close: cargo's `test result:`, the totals of Node's, and those of the command lines.
fn closes(line: &str) -> bool {
    const NODE_TOTALS: [&str; 4] = ["tests ", "pass ", "fail ", "skipped "];
    let plain = line.trim_start();
    let node = plain.strip_prefix("# ").or_else(|| plain.strip_prefix("ℹ "));
    let rows = plain.split_once(" rows, ").is_some_and(|(count, _)| count.parse::<usize>().is_ok());
    plain.starts_with("test result:")
        || rows
        || node.is_some_and(|rest| NODE_TOTALS.iter().any(|total| rest.starts_with(total)))
}

/// A binary without tests says nothing worth repeating.
fn ran_none(line: &str) -> bool {
    line.contains(" 0 passed; 0 failed; 0 ignored")
}

/// Runs `command`, passes its output on as it comes, and returns the closing lines.
///
/// # Errors
/// If it can't be started, or ends with anything but success.
pub(crate) fn run(command: &mut Command) -> Result<Vec<String>> {
    if std::io::stdout().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    run_into(command, &mut std::io::stdout())
}

fn run_into(command: &mut Command, out: &mut dyn Write) -> Result<Vec<String>> {
    let name = command.get_program().to_string_lossy().into_owned();
    let mut child = command.stdout(Stdio::piped()).spawn().with_context(|| format!("cannot start {name}"))?;
    let stdout = child.stdout.take().context("a piped child has a stdout")?;
    let mut closing = Vec::new();
    for line in BufReader::new(stdout).split(b'\n') {
        let line = line.with_context(|| format!("cannot read what {name} prints"))?;
        let line = String::from_utf8_lossy(&line).into_owned();
        writeln!(out, "{line}").context("cannot pass its output on")?;
        if closes(&line) && !ran_none(&line) {
            closing.push(line.trim().to_owned());
        }
    }
    let status = child.wait().with_context(|| format!("cannot wait for {name}"))?;
    ensure!(status.success(), "{name} ended with {status}");
    Ok(closing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_are_told_from_others() {
        assert!(closes("test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured"));
        assert!(closes("379 rows, 1 failed") && !closes("all rows, as told"));
        assert!(closes("# pass 4") && closes("ℹ fail 0"));
        assert!(!closes("test mem::tests::guard_page ... ok"));
        assert!(!closes("# Subtest: two busy threads"));
        assert!(ran_none("test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured"));
        assert!(!ran_none("test result: ok. 10 passed; 0 failed; 0 ignored; 0 measured"));
    }

    fn script(text: &str) -> Result<(Vec<String>, String)> {
        let mut out = Vec::new();
        let closing = run_into(Command::new("sh").args(["-c", text]), &mut out)?;
        Ok((closing, String::from_utf8(out)?))
    }

    #[test]
    fn a_failing_runner_is_an_error() {
        assert!(script("echo 'test result: FAILED.'; exit 1").is_err());
    }

    #[test]
    fn everything_is_passed_on_and_closing_lines_are_kept() -> Result<()> {
        let (closing, all) = script("echo noise; echo 'test result: ok. 1 passed'")?;
        assert_eq!(closing, ["test result: ok. 1 passed"]);
        assert_eq!(all, "noise\ntest result: ok. 1 passed\n");
        Ok(())
    }
}
