//! Futures as promises, driven by the host's control event loop.

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;

use js_sys::{Function, Promise};
use tidemark_host::{Host, WorkerEnd};
use tidemark_host_node::NodeHost;
use wasm_bindgen::JsValue;

use crate::error::{js_error, plain_error};

/// A promise of what `future` comes to. A panic in it rejects the promise.
pub(crate) fn promise<T: Into<JsValue>>(
    future: impl Future<Output = Result<T, JsValue>> + 'static,
) -> Promise {
    let mut future = Some(future);
    Promise::new(&mut |resolve, reject| {
        // Called once, at once (ECMAScript, "The Promise Constructor").
        if let Some(future) = future.take() {
            drive(future, resolve, reject);
        }
    })
}

fn drive<T: Into<JsValue>>(
    future: impl Future<Output = Result<T, JsValue>> + 'static,
    resolve: Function,
    reject: Function,
) {
    let Some(host) = NodeHost::current() else {
        settle(&reject, &plain_error("TypeError", "the host was not started"));
        return;
    };
    let outcome = Rc::new(RefCell::new(None));
    let left = Rc::clone(&outcome);
    let task = Box::pin(async move { *left.borrow_mut() = Some(future.await.map(Into::into)) });
    let refused = reject.clone();
    let on_end = move |end: WorkerEnd| match (end, outcome.take()) {
        (WorkerEnd::Exited, Some(Ok(value))) => settle(&resolve, &value),
        (WorkerEnd::Exited, Some(Err(error))) => settle(&reject, &error),
        (end, _) => settle(&reject, &plain_error("CrashedError", &end.to_string())),
    };
    if let Err(error) = host.control().start_local(task, on_end) {
        settle(&refused, &js_error("CrashedError", &error));
    }
}

fn settle(how: &Function, value: &JsValue) {
    // Resolving and rejecting functions do not throw.
    let _ = how.call1(&JsValue::NULL, value);
}
