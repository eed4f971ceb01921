//! Which lines of the kernel's trace the application asked for.

use std::collections::BTreeSet;

use tidemark_kernel::syscall::table::Row;
use tidemark_kernel::syscall::{ParamKind, ROWS};

use crate::config::StartError;

/// The system calls that are shown.
#[derive(Debug)]
pub(crate) struct TraceFilter {
    shown: BTreeSet<&'static str>,
}

/// A class of calls, as `strace(1)` has them after `%`.
type Class = (&'static str, fn(&Row) -> bool);

const CLASSES: &[Class] = &[
    ("%file", |row| row.params.iter().any(|(_, kind)| *kind == ParamKind::Path) || row.name == "getcwd"),
    ("%desc", |row| {
        let is_descriptor = |(name, kind): &(&str, ParamKind)| {
            *kind == ParamKind::Descriptor || matches!(*name, "fd" | "oldfd" | "newfd" | "pipefd" | "fds")
        };
        row.params.iter().any(is_descriptor) || matches!(row.family(), "poll" | "event")
    }),
    ("%process", |row| {
        matches!(row.family(), "clone" | "exec" | "wait" | "pidfd")
            || matches!(row.name, "exit" | "exit_group")
    }),
    ("%signal", |row| matches!(row.family(), "signal" | "kill") || row.name == "signalfd4"),
    ("%memory", |row| matches!(row.family(), "mm" | "shm")),
    ("%network", |row| matches!(row.family(), "socket" | "sockopt" | "message")),
    ("%ipc", |row| matches!(row.family(), "msg" | "sem" | "shm" | "mqueue")),
];

impl TraceFilter {
    /// Takes names of calls, classes (`%file`), and either with `!` before it: all but these. Where the first has one, it
    /// is for all, as in strace.
    ///
    /// # Errors
    /// [`StartError::UnknownCall`] for a name that no line could have.
    pub(crate) fn new(wanted: Vec<String>) -> Result<Self, StartError> {
        let all_but = wanted.first().is_some_and(|first| first.starts_with('!'));
        let all = || ROWS.iter().map(|row| row.name);
        let mut shown: BTreeSet<&'static str> = BTreeSet::new();
        if all_but || wanted.is_empty() {
            shown.extend(all());
        }
        for text in &wanted {
            let (name, excluded) = match text.strip_prefix('!') {
                Some(name) => (name, true),
                None => (text.as_str(), all_but),
            };
            let calls: Vec<&'static str> = match CLASSES.iter().find(|(class, _)| *class == name) {
                Some((_, is_in)) => ROWS.iter().filter(|row| is_in(row)).map(|row| row.name).collect(),
                None => all().filter(|call| *call == name).collect(),
            };
            if calls.is_empty() {
                return Err(StartError::UnknownCall(name.to_owned()));
            }
            for call in calls {
                if excluded {
                    shown.remove(call);
                } else {
                    shown.insert(call);
                }
            }
        }
        Ok(TraceFilter { shown })
    }

    /// Whether to show a line about a call. What is not about one, such as a signal, always is.
    pub(crate) fn admits(&self, call: Option<&str>) -> bool {
        call.is_none_or(|name| self.shown.contains(name) || !ROWS.iter().any(|row| row.name == name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(text: &str) -> TraceFilter {
        TraceFilter::new(text.split(',').map(str::to_owned).collect()).expect("known")
    }

    #[test]
    fn calls_are_shown_by_name() {
        let filter = filter("read,write");
        assert!(filter.admits(Some("read")) && filter.admits(None));
        assert!(!filter.admits(Some("readlinkat")));
        assert!(TraceFilter::new(vec![]).expect("all").admits(Some("readv")));
        let unknown = TraceFilter::new(vec!["raed".into()]);
        assert!(matches!(unknown, Err(StartError::UnknownCall(name)) if name == "raed"));
    }

    #[test]
    fn classes_and_their_opposites_are_those_of_strace() {
        let has = |text: &str, call: &str| filter(text).admits(Some(call));
        for (class, inside, outside) in [
            ("%file", "openat", "read"),
            ("%file", "execve", "close"),
            ("%desc", "read", "kill"),
            ("%desc", "mmap", "munmap"),
            ("%process", "wait4", "getpid"),
            ("%process", "clone", "kill"),
            ("%signal", "rt_sigaction", "read"),
            ("%memory", "mprotect", "write"),
            ("%network", "connect", "read"),
        ] {
            assert!(has(class, inside), "{inside} is in {class}");
            assert!(!has(class, outside), "{outside} is not in {class}");
        }
        assert!(has("!read,write", "openat") && !has("!read,write", "write") && !has("!read,write", "read"));
        assert!(!has("%file,!openat", "openat") && has("%file,!openat", "unlinkat"));
    }
}
