//! What JavaScript sees of the SDK: wasm-bindgen classes on the control worker, behind js/control-worker.mjs.
//!
//! Owns the translation of values, errors and futures, and no behaviour of its own. The application's side of it, with
//! streams and types, is js/index.mjs. Built for `wasm32-unknown-unknown` only; for any other target the crate is empty.

#![cfg(target_family = "wasm")]
#![deny(unsafe_code)]

mod child;
mod error;
mod layers;
mod promise;
mod sandbox;

pub use child::JsChild;
pub use sandbox::Sandbox;
