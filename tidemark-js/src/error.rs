//! Errors as JavaScript has them: an `Error` whose name says what kind it is, and whose message names every cause.

use std::error::Error;

use tidemark_sdk::Gone;
use wasm_bindgen::JsValue;

/// An `Error` named `name` that tells `error` and what lay beneath it.
pub(crate) fn js_error(name: &str, error: &dyn Error) -> JsValue {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(beneath) = cause {
        let text = beneath.to_string();
        // Errors that pass their cause's message on are told once.
        if !message.ends_with(&text) {
            message = format!("{message}: {text}");
        }
        cause = beneath.source();
    }
    plain_error(name, &message)
}

/// The error of a sandbox that is gone: a `ShutDownError` or a `CrashedError`.
pub(crate) fn gone_error(gone: &Gone) -> JsValue {
    js_error(if gone.crash_report().is_some() { "CrashedError" } else { "ShutDownError" }, gone)
}

/// An `Error` named `name` with this message.
pub(crate) fn plain_error(name: &str, message: &str) -> JsValue {
    let error = js_sys::Error::new(message);
    error.set_name(name);
    error.into()
}
