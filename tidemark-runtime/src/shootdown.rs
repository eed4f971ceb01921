//! The waiting half of the shootdown protocol: see `tidemark_kernel::worker`.
//!
//! Runs without the kernel's lock, between a [`Step::Flush`](tidemark_kernel::Step::Flush) and `Kernel::flushed`.

use tidemark_host::{Clock, Host, Wakeups};
use tidemark_kernel::mem::SpaceShared;
use tidemark_kernel::worker::{ATTENTION_FLUSH, WorkerId, WorkerSlot};

use std::sync::atomic::AtomicU32;
use std::time::Duration;

/// Looks at the other workers before sleeping between looks: a hart answers within about a microsecond unless the
/// operating system has taken its worker off the processor.
const SPINS: u32 = 4_000;

/// Sleep between two looks after that.
const NAP: Duration = Duration::from_micros(50);

/// Waits until every other worker that runs `space` has dropped translations older than `generation`, or `dead`.
pub(crate) fn wait<H: Host>(
    host: &H,
    slots: &[WorkerSlot],
    space: &SpaceShared,
    generation: u64,
    me: WorkerId,
    dead: impl Fn() -> bool,
) {
    let mut spins = 0;
    for (slot, id) in slots.iter().zip(0u16..) {
        if WorkerId(id) == me {
            continue;
        }
        // A worker that takes up the space after this starts from the new generation; one that leaves it is done.
        let mut told = false;
        while space.is_run_by(WorkerId(id)) && !slot.has_seen(generation) && !dead() {
            if !told {
                slot.raise(ATTENTION_FLUSH);
                told = true;
            }
            spins += 1;
            if spins < SPINS {
                std::hint::spin_loop();
            } else {
                let never_notified = AtomicU32::new(0);
                let until = host.clock().monotonic().saturating_add(NAP);
                host.wakeups().wait(&never_notified, 0, Some(until));
            }
        }
    }
}
