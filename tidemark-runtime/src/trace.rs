//! Which lines of the kernel's trace the application asked for.

use tidemark_kernel::syscall::ROWS;

use crate::config::StartError;

/// The names of system calls that are shown; all, if there are none.
#[derive(Debug)]
pub(crate) struct TraceFilter {
    names: Vec<String>,
}

impl TraceFilter {
    /// # Errors
    /// [`StartError::UnknownCall`] for a name that no line could have.
    pub(crate) fn new(names: Vec<String>) -> Result<Self, StartError> {
        match names.iter().find(|name| !ROWS.iter().any(|row| row.name == name.as_str())) {
            Some(unknown) => Err(StartError::UnknownCall(unknown.clone())),
            None => Ok(TraceFilter { names }),
        }
    }

    /// Whether to show a line, `[tid] name(arguments) = result`. What is not a call, such as a signal, always is.
    pub(crate) fn admits(&self, line: &str) -> bool {
        let call = line.split_once("] ").and_then(|(_, call)| call.split_once('('));
        self.names.is_empty() || call.is_none_or(|(name, _)| self.names.iter().any(|wanted| wanted == name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_shown_by_name() {
        let filter = TraceFilter::new(vec!["read".into(), "write".into()]).expect("known");
        assert!(filter.admits("[2] read(0, 0x1000, 1) = 1"));
        assert!(!filter.admits("[2] readlinkat(AT_FDCWD, \"read(\", 0x1000, 1) = 1"));
        assert!(filter.admits("[2] --- SIGTERM ---"));
        assert!(TraceFilter::new(vec![]).expect("all").admits("[2] readv(0, 0x1000, 1) = 1"));
        assert!(
            matches!(TraceFilter::new(vec!["raed".into()]), Err(StartError::UnknownCall(name)) if name == "raed")
        );
    }
}
