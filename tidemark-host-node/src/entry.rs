//! What JavaScript calls: starting the host, turns of the control event loop, serving on a worker, reports of ends.
//!
//! js/control.mjs and js/worker.mjs are the only callers.

use std::cell::RefCell;
use std::num::NonZeroUsize;
use std::sync::OnceLock;

use js_sys::Function;
use wasm_bindgen::prelude::*;

use crate::workers::Pause;
use crate::{NodeHost, control, workers};

/// One for the memory: statics are shared by all its workers.
static HOST: OnceLock<NodeHost> = OnceLock::new();

thread_local! {
    /// What the last panic on the control worker said.
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

pub(crate) fn host() -> Option<NodeHost> {
    HOST.get().cloned()
}

/// Starts the host, with the calling worker as the control worker. `parallelism` is how many workers make progress at
/// once, `maximum_bytes` the maximum the memory was made with. Returns the address of the loop's doorbell.
#[wasm_bindgen(js_name = hostStart)]
pub fn host_start(parallelism: usize, maximum_bytes: f64) -> usize {
    std::panic::set_hook(Box::new(|panic| {
        let message = panic.to_string();
        if control::is_this_thread() {
            PANIC.set(Some(message));
        } else {
            workers::keep_panic(message);
        }
    }));
    control::settle_here();
    let parallelism = NonZeroUsize::new(parallelism).unwrap_or(NonZeroUsize::MIN);
    // At most 4 GiB: exact in a double.
    let host = HOST.get_or_init(|| NodeHost::new(parallelism, maximum_bytes as u64));
    host.0.control.doorbell()
}

/// One turn of the control event loop. `start_worker(slot, stack_bytes)` is called for each worker that is wanted.
/// Returns for how many milliseconds the loop may sleep unless the doorbell changes.
#[wasm_bindgen(js_name = hostTurn)]
pub fn host_turn(start_worker: &Function) -> f64 {
    let Some(host) = HOST.get() else { return 0.0 };
    let sleep_nanos = host.0.control.turn(|worker| {
        let (slot, stack_bytes) = (JsValue::from(worker.slot), JsValue::from(worker.stack_bytes));
        if let Err(error) = start_worker.call2(&JsValue::NULL, &slot, &stack_bytes) {
            host.0.workers.thread_ended(worker.slot, Some(format!("it could not be started: {error:?}")));
        }
    });
    // Rounded up, so that the deadline has come when the loop wakes.
    sleep_nanos.div_ceil(1_000_000) as f64
}

/// Reports that a turn threw: it panicked or trapped.
#[wasm_bindgen(js_name = hostTurnFailed)]
pub fn host_turn_failed(error: String) {
    control::turn_failed(PANIC.take().unwrap_or(error));
}

/// What the last panic on the control worker said, once: a call that panicked outside a turn has thrown a trap that does
/// not tell.
#[wasm_bindgen(js_name = hostTakePanic)]
pub fn host_take_panic() -> Option<String> {
    PANIC.take()
}

/// Reports that the thread of a slot has ended; `error` is what it threw, if it did.
#[wasm_bindgen(js_name = hostWorkerEnded)]
pub fn host_worker_ended(slot: u32, error: Option<String>) {
    if let Some(host) = HOST.get() {
        host.0.workers.thread_ended(slot, error);
    }
}

/// Ends the control event loop: whatever it still had is told so.
#[wasm_bindgen(js_name = hostClose)]
pub fn host_close() {
    if let Some(host) = HOST.get() {
        host.0.control.close();
    }
}

/// Runs entries on the calling thread, which serves `slot`. Returns whether to call again after other events had their
/// chance; does not return at all while there is work or none to wait for.
#[wasm_bindgen(js_name = workerServe)]
pub fn worker_serve(slot: u32) -> bool {
    HOST.get().is_some_and(|host| matches!(host.0.workers.serve(slot), Pause::Yielded))
}
