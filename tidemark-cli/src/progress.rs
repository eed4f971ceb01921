//! A progress bar on a terminal; silence elsewhere.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Whether and how progress is shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Progress {
    visible: bool,
}

impl Progress {
    /// Shows progress if standard error is a terminal and the user did not ask for quiet.
    pub(crate) fn new(quiet: bool) -> Self {
        Self { visible: !quiet && std::io::stderr().is_terminal() }
    }

    /// A bar for a download of `len` bytes; it goes away when it is dropped.
    pub(crate) fn download(&self, what: &str, len: u64) -> Bar {
        // Fits 80 columns.
        let template = "{msg:27!} {bar:20} {bytes:>10} of {total_bytes:>10} {eta:>4}";
        self.bar(ProgressBar::with_draw_target(Some(len), self.target()), template, what)
    }

    /// A note that something takes its time; it goes away when it is dropped.
    pub(crate) fn working(&self, what: &str) -> Bar {
        self.bar(ProgressBar::with_draw_target(None, self.target()), "{spinner} {msg}", what)
    }

    fn target(&self) -> ProgressDrawTarget {
        if self.visible { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() }
    }

    fn bar(&self, bar: ProgressBar, template: &str, what: &str) -> Bar {
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style.progress_chars("=> "));
        bar.set_message(what.to_owned());
        bar.tick();
        Bar { bar }
    }
}

/// A bar on the terminal, or nothing.
#[derive(Debug)]
pub(crate) struct Bar {
    bar: ProgressBar,
}

impl Bar {
    /// What is being done now.
    pub(crate) fn say(&self, what: &str) {
        self.bar.set_message(what.to_owned());
        self.bar.tick();
    }

    /// So many bytes more are done.
    pub(crate) fn advance(&self, bytes: u64) {
        self.bar.inc(bytes);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
