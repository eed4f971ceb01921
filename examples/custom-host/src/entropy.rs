//! Randomness, by the file that Unix has for it.

use std::fs::File;
use std::io::Read;

use tidemark_host::{Entropy, HostError};

/// The random bytes of `/dev/urandom`.
#[derive(Clone, Copy, Debug)]
pub struct DeviceEntropy;

impl Entropy for DeviceEntropy {
    fn fill(&self, out: &mut [u8]) -> Result<(), HostError> {
        File::open("/dev/urandom")
            .and_then(|mut file| file.read_exact(out))
            .map_err(|error| HostError::from_io("reading random bytes", error))
    }
}
