//! Randomness by the Web Cryptography API.

use js_sys::Uint8Array;
use tidemark_host::{Entropy, ErrorKind, HostError};
use wasm_bindgen::prelude::*;

use crate::limits::MAX_ENTROPY_CHUNK_BYTES;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(catch, js_namespace = crypto, js_name = getRandomValues)]
    fn get_random_values(out: &Uint8Array) -> Result<JsValue, JsValue>;
}

/// The platform's generator.
#[derive(Clone, Copy, Debug)]
pub struct NodeEntropy;

impl Entropy for NodeEntropy {
    fn fill(&self, out: &mut [u8]) -> Result<(), HostError> {
        for chunk in out.chunks_mut(MAX_ENTROPY_CHUNK_BYTES) {
            // The platform refuses to write to shared memory: it fills an array of its own. A chunk's length fits.
            let filled = Uint8Array::new_with_length(chunk.len() as u32);
            get_random_values(&filled).map_err(|error| {
                HostError::new(ErrorKind::Other, "drawing randomness").with_source(format!("{error:?}"))
            })?;
            filled.copy_to(chunk);
        }
        Ok(())
    }
}
