//! A run of named steps: each is timed, all are tried, and a summary with the closing lines of the test runners comes
//! last.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Steps done so far.
pub(crate) struct Steps {
    done: Vec<Step>,
    started: Instant,
}

struct Step {
    name: String,
    took: Duration,
    failed: bool,
    closing: Vec<String>,
}

impl Steps {
    pub(crate) fn start() -> Self {
        Self { done: Vec::new(), started: Instant::now() }
    }

    /// Does one step. A failure is printed and remembered; later steps are still tried, so that one run tells all.
    /// What `work` returns are lines to show again at the end.
    pub(crate) fn step(&mut self, name: &str, work: impl FnOnce() -> Result<Vec<String>>) {
        eprintln!("\n── {name}");
        let started = Instant::now();
        let outcome = work();
        if let Err(error) = &outcome {
            eprintln!("{name} failed: {error:#}");
        }
        let failed = outcome.is_err();
        let closing = outcome.unwrap_or_default();
        self.done.push(Step { name: name.to_owned(), took: started.elapsed(), failed, closing });
    }

    /// Prints the summary.
    ///
    /// # Errors
    /// If any step failed.
    pub(crate) fn finish(self) -> Result<()> {
        println!();
        for step in &self.done {
            step.closing.iter().for_each(|line| println!("{}: {line}", step.name));
        }
        println!();
        for step in &self.done {
            let outcome = if step.failed { "FAILED" } else { "ok" };
            println!("{:>8.1} s  {:<6}  {}", step.took.as_secs_f64(), outcome, step.name);
        }
        println!("{:>8.1} s  in all", self.started.elapsed().as_secs_f64());
        let failed: Vec<&str> = self.done.iter().filter(|step| step.failed).map(|step| &*step.name).collect();
        if failed.is_empty() { Ok(()) } else { bail!("failed: {}", failed.join(", ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_is_tried_and_one_failure_fails_the_run() {
        let mut steps = Steps::start();
        let mut second = false;
        steps.step("first", || bail!("on purpose"));
        steps.step("second", || {
            second = true;
            Ok(vec![])
        });
        assert!(second);
        assert!(steps.finish().is_err_and(|error| error.to_string() == "failed: first"));
    }

    #[test]
    fn all_good_is_good() {
        let mut steps = Steps::start();
        steps.step("only", || Ok(vec!["test result: ok".to_owned()]));
        assert!(steps.finish().is_ok());
    }
}
