//! Time by Node's clocks.
//!
//! The monotonic clock is `process.hrtime`, which all threads of the process share; `performance.now` has an origin of
//! its own on each. The realtime clock has steps of a millisecond, so the monotonic clock interpolates it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tidemark_host::{Clock, Monotonic, Realtime};
use wasm_bindgen::prelude::*;

use crate::limits::REALTIME_SLACK_NANOS;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = ["process", "hrtime"], js_name = bigint)]
    fn hrtime() -> u64;
}

/// The process's clocks.
#[derive(Clone)]
pub struct NodeClock {
    /// What to add to the monotonic clock to get the realtime clock, in nanoseconds, modulo 2⁶⁴.
    offset: Arc<AtomicU64>,
}

impl NodeClock {
    pub(crate) fn new() -> Self {
        let offset = platform_realtime().wrapping_sub(now().as_nanos());
        Self { offset: Arc::new(AtomicU64::new(offset)) }
    }
}

impl Clock for NodeClock {
    fn monotonic(&self) -> Monotonic {
        now()
    }

    fn realtime(&self) -> Realtime {
        let (monotonic, platform) = (now().as_nanos(), platform_realtime());
        let predicted = monotonic.wrapping_add(self.offset.load(Ordering::Relaxed));
        if predicted.abs_diff(platform) <= REALTIME_SLACK_NANOS {
            return Realtime::from_nanos(predicted);
        }
        self.offset.store(platform.wrapping_sub(monotonic), Ordering::Relaxed);
        Realtime::from_nanos(platform)
    }

    fn resolution_nanos(&self) -> u64 {
        1
    }
}

/// The monotonic clock, for this crate's own deadlines.
pub(crate) fn now() -> Monotonic {
    Monotonic::from_nanos(hrtime())
}

fn platform_realtime() -> u64 {
    // Milliseconds since the epoch, whole and below 2⁵³ (ECMAScript, "Time Values"): the cast is exact.
    (js_sys::Date::now().max(0.0) as u64).saturating_mul(1_000_000)
}
