//! The native host, part by part, so that a part can be replaced.

use tidemark_host::{Absent, Capabilities, Clock, Control, Entropy, Host, SharedMemory, Wakeups, Workers};
use tidemark_host_native::{
    NativeClock, NativeConfig, NativeControl, NativeEntropy, NativeHost, NativeMemory, NativeWakeups,
    NativeWorkers,
};

#[derive(Clone)]
pub(crate) struct Patched<
    M = NativeMemory,
    W = NativeWorkers,
    K = NativeWakeups,
    C = NativeClock,
    E = NativeEntropy,
    O = NativeControl,
> {
    pub(crate) capabilities: Capabilities,
    memory: M,
    workers: W,
    pub(crate) wakeups: K,
    clock: C,
    entropy: E,
    pub(crate) control: O,
}

/// With all parts but the last as they are.
pub(crate) type PatchedControl<O> =
    Patched<NativeMemory, NativeWorkers, NativeWakeups, NativeClock, NativeEntropy, O>;

impl Patched {
    pub(crate) fn native() -> Self {
        let host = NativeHost::new(&NativeConfig::default()).unwrap();
        Self {
            capabilities: host.capabilities().clone(),
            memory: host.memory().clone(),
            workers: host.workers().clone(),
            wakeups: host.wakeups().clone(),
            clock: *host.clock(),
            entropy: *host.entropy(),
            control: host.control().clone(),
        }
    }

    pub(crate) fn with_control<O>(patch: impl FnOnce(NativeControl) -> O) -> PatchedControl<O> {
        let Self { capabilities, memory, workers, wakeups, clock, entropy, control } = Self::native();
        Patched { capabilities, memory, workers, wakeups, clock, entropy, control: patch(control) }
    }

    pub(crate) fn with_memory<M>(patch: impl FnOnce(NativeMemory) -> M) -> Patched<M> {
        let Self { capabilities, memory, workers, wakeups, clock, entropy, control } = Self::native();
        Patched { capabilities, memory: patch(memory), workers, wakeups, clock, entropy, control }
    }

    pub(crate) fn with_workers<W>(patch: impl FnOnce(NativeWorkers) -> W) -> Patched<NativeMemory, W> {
        let host = Self::native();
        let workers = patch(host.workers.clone());
        host.replace_workers(workers)
    }

    pub(crate) fn replace_workers<W>(self, workers: W) -> Patched<NativeMemory, W> {
        let Self { capabilities, memory, workers: _, wakeups, clock, entropy, control } = self;
        Patched { capabilities, memory, workers, wakeups, clock, entropy, control }
    }

    pub(crate) fn with_wakeups<K>(
        patch: impl FnOnce(NativeWakeups) -> K,
    ) -> Patched<NativeMemory, NativeWorkers, K> {
        let Self { capabilities, memory, workers, wakeups, clock, entropy, control } = Self::native();
        Patched { capabilities, memory, workers, wakeups: patch(wakeups), clock, entropy, control }
    }

    pub(crate) fn with_clock<C>(
        patch: impl FnOnce(NativeClock) -> C,
    ) -> Patched<NativeMemory, NativeWorkers, NativeWakeups, C> {
        let Self { capabilities, memory, workers, wakeups, clock, entropy, control } = Self::native();
        Patched { capabilities, memory, workers, wakeups, clock: patch(clock), entropy, control }
    }

    pub(crate) fn with_entropy<E>(
        patch: impl FnOnce(NativeEntropy) -> E,
    ) -> Patched<NativeMemory, NativeWorkers, NativeWakeups, NativeClock, E> {
        let Self { capabilities, memory, workers, wakeups, clock, entropy, control } = Self::native();
        Patched { capabilities, memory, workers, wakeups, clock, entropy: patch(entropy), control }
    }
}

impl<M: SharedMemory, W: Workers, K: Wakeups, C: Clock, E: Entropy, O: Control> Host
    for Patched<M, W, K, C, E, O>
{
    type Memory = M;
    type Workers = W;
    type Wakeups = K;
    type Clock = C;
    type Entropy = E;
    type Control = O;
    type Fetch = O::Fetch;
    type Sockets = O::Sockets;
    type Code = Absent;

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn memory(&self) -> &M {
        &self.memory
    }

    fn workers(&self) -> &W {
        &self.workers
    }

    fn wakeups(&self) -> &K {
        &self.wakeups
    }

    fn clock(&self) -> &C {
        &self.clock
    }

    fn entropy(&self) -> &E {
        &self.entropy
    }

    fn control(&self) -> &O {
        &self.control
    }

    fn code(&self) -> &Absent {
        &Absent
    }
}
