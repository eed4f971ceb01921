//! Randomness that is the same each time: never for secrets.

use std::sync::Arc;

use super::shared::Shared;
use crate::entropy::Entropy;
use crate::error::HostError;

/// The entropy of a simulated world.
#[derive(Clone, Debug)]
pub struct SimEntropy(pub(super) Arc<Shared>);

impl Entropy for SimEntropy {
    fn fill(&self, out: &mut [u8]) -> Result<(), HostError> {
        self.0.with(|state| state.entropy_dice.fill(out));
        Ok(())
    }
}
