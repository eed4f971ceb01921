//! The operating system's random generator.

use tidemark_host::{Entropy, ErrorKind, HostError};

/// `getrandom(2)` and its counterparts on other systems.
#[derive(Clone, Copy, Debug)]
pub struct NativeEntropy;

impl Entropy for NativeEntropy {
    fn fill(&self, out: &mut [u8]) -> Result<(), HostError> {
        getrandom::fill(out).map_err(|error| {
            HostError::new(ErrorKind::Other, "reading the system's random generator").with_source(error)
        })
    }
}
