//! Broken sources of entropy.

use tidemark_host::{Entropy, HostError};
use tidemark_host_native::NativeEntropy;

use crate::fails;
use crate::patched::Patched;

const EVERY_BYTE: &str = "entropy: every byte of every length is filled";

/// As chosen by a fair dice roll.
#[derive(Clone)]
struct Constant;

impl Entropy for Constant {
    fn fill(&self, out: &mut [u8]) -> Result<(), HostError> {
        out.fill(4);
        Ok(())
    }
}

#[test]
fn always_the_same() {
    fails(&Patched::with_entropy(|_| Constant), EVERY_BYTE);
}

/// Forgets that one call of the platform's fills 65,536 bytes at most.
#[derive(Clone)]
struct Short(NativeEntropy);

impl Entropy for Short {
    fn fill(&self, out: &mut [u8]) -> Result<(), HostError> {
        let length = out.len().min(65_536);
        self.0.fill(&mut out[..length])
    }
}

#[test]
fn filling_the_first_64_kib_only() {
    fails(&Patched::with_entropy(Short), EVERY_BYTE);
}
