//! Which lines of the kernel's trace the application asked for.

/// The names of system calls that are shown; all, if there are none.
#[derive(Debug)]
pub(crate) struct TraceFilter {
    names: Vec<String>,
}

impl TraceFilter {
    pub(crate) fn new(names: Vec<String>) -> Self {
        TraceFilter { names }
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
        let filter = TraceFilter::new(vec!["read".into(), "write".into()]);
        assert!(filter.admits("[2] read(0, 0x1000, 1) = 1"));
        assert!(!filter.admits("[2] readlinkat(AT_FDCWD, \"read(\", 0x1000, 1) = 1"));
        assert!(filter.admits("[2] --- SIGTERM ---"));
        assert!(TraceFilter::new(vec![]).admits("[2] readv(0, 0x1000, 1) = 1"));
    }
}
