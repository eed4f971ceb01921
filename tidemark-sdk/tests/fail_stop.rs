//! A panic in a worker ends its sandbox and nothing else.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::executor::block_on;
use support::{exit_with, layer, spin};
use tidemark_host::{Absent, Capabilities, Clock, Host, Monotonic, Realtime};
use tidemark_host_native::{
    NativeConfig, NativeControl, NativeEntropy, NativeFetch, NativeHost, NativeMemory, NativeSockets,
    NativeWakeups, NativeWorkers,
};
use tidemark_sdk::{Config, Tidemark};

/// A native host whose clock panics in pool workers once it is told to.
#[derive(Clone)]
struct Faulty {
    native: NativeHost,
    clock: FaultyClock,
}

#[derive(Clone)]
struct FaultyClock {
    clock: <NativeHost as Host>::Clock,
    armed: Arc<AtomicBool>,
}

impl Clock for FaultyClock {
    fn monotonic(&self) -> Monotonic {
        let in_pool = std::thread::current().name().is_some_and(|name| name.contains("pool"));
        assert!(!(in_pool && self.armed.load(Ordering::SeqCst)), "injected fault");
        self.clock.monotonic()
    }

    fn realtime(&self) -> Realtime {
        self.clock.realtime()
    }

    fn resolution_nanos(&self) -> u64 {
        self.clock.resolution_nanos()
    }
}

impl Host for Faulty {
    type Memory = NativeMemory;
    type Workers = NativeWorkers;
    type Wakeups = NativeWakeups;
    type Clock = FaultyClock;
    type Entropy = NativeEntropy;
    type Control = NativeControl;
    type Fetch = NativeFetch;
    type Sockets = NativeSockets;
    type Code = Absent;

    fn capabilities(&self) -> &Capabilities {
        self.native.capabilities()
    }
    fn memory(&self) -> &NativeMemory {
        self.native.memory()
    }
    fn workers(&self) -> &NativeWorkers {
        self.native.workers()
    }
    fn wakeups(&self) -> &NativeWakeups {
        self.native.wakeups()
    }
    fn clock(&self) -> &FaultyClock {
        &self.clock
    }
    fn entropy(&self) -> &NativeEntropy {
        self.native.entropy()
    }
    fn control(&self) -> &NativeControl {
        self.native.control()
    }
    fn code(&self) -> &Absent {
        self.native.code()
    }
}

#[test]
fn a_panic_in_a_worker_leaves_the_application_and_other_sandboxes_running() {
    let native = || NativeHost::new(&NativeConfig::default()).unwrap();
    let files = layer(&[("spin", spin()), ("seven", exit_with(7))]);
    let armed = Arc::new(AtomicBool::new(false));
    let host = native();
    let clock = FaultyClock { clock: *host.clock(), armed: Arc::clone(&armed) };
    let doomed =
        Tidemark::create(Faulty { native: host, clock }, Config::default().layer(Arc::clone(&files)))
            .unwrap();
    let other = Tidemark::create(native(), Config::default().layer(files)).unwrap();

    let spinning = block_on(doomed.command("/spin").spawn()).unwrap();
    armed.store(true, Ordering::SeqCst);
    let crashed = block_on(spinning.wait()).unwrap_err();
    assert!(crashed.crash_report().is_some_and(|report| report.contains("injected fault")), "{crashed}");
    assert!(block_on(doomed.command("/seven").output()).is_err());

    let output = block_on(other.command("/seven").output()).unwrap();
    assert_eq!(output.status.code(), Some(7));
}
