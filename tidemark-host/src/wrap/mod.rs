//! Hosts around hosts: each wraps parts of another and is a host itself.
//!
//! - [`traced`]: tells a listener of each call and how it went.
//! - [`faulty`]: lets calls fail by a plan, as a platform does now and then.
//! - [`recorded`] and [`replayed`]: write down what a host brings in from outside (time, randomness), and bring it in again.
//!
//! They compose: `traced(faulty(host, plan), listener)`. A wrapper adds nothing to the contract and takes nothing away: what
//! it wraps still has to keep it, and the suite judges the whole.

mod faulty;
mod recorded;
mod traced;

pub use faulty::{Faulty, FaultyHost, faulty};
pub use recorded::{Recorded, RecordedHost, Recording, Replayed, ReplayedHost, recorded, replayed};
pub use traced::{Traced, TracedHost, traced};

use std::fmt;

use crate::Host;
use crate::capability::Capabilities;
use crate::clock::Clock;
use crate::control::Control;
use crate::entropy::Entropy;
use crate::memory::SharedMemory;
use crate::wakeups::Wakeups;
use crate::workers::Workers;

/// A call of the contract, as wrappers see it. The list grows with the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Call {
    /// [`SharedMemory::grow`](crate::SharedMemory::grow)
    Grow,
    /// [`SharedMemory::discard`](crate::SharedMemory::discard)
    Discard,
    /// [`Workers::spawn`](crate::Workers::spawn)
    Spawn,
    /// [`Workers::start_ahead`](crate::Workers::start_ahead)
    StartAhead,
    /// [`Wakeups::wait`](crate::Wakeups::wait)
    Wait,
    /// [`Wakeups::notify`](crate::Wakeups::notify)
    Notify,
    /// [`Entropy::fill`](crate::Entropy::fill)
    Fill,
    /// [`Control::start`](crate::Control::start)
    StartTask,
    /// [`Fetch::fetch`](crate::Fetch::fetch)
    Fetch,
    /// [`Sockets::connect`](crate::Sockets::connect)
    Connect,
    /// [`Sockets::listen`](crate::Sockets::listen)
    Listen,
    /// [`Sockets::web_socket`](crate::Sockets::web_socket)
    WebSocket,
}

impl fmt::Display for Call {
    /// The method's path in the contract.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Grow => "SharedMemory::grow",
            Self::Discard => "SharedMemory::discard",
            Self::Spawn => "Workers::spawn",
            Self::StartAhead => "Workers::start_ahead",
            Self::Wait => "Wakeups::wait",
            Self::Notify => "Wakeups::notify",
            Self::Fill => "Entropy::fill",
            Self::StartTask => "Control::start",
            Self::Fetch => "Fetch::fetch",
            Self::Connect => "Sockets::connect",
            Self::Listen => "Sockets::listen",
            Self::WebSocket => "Sockets::web_socket",
        })
    }
}

/// A host whose parts are put together: those of `H`, some of them wrapped.
#[derive(Clone, Debug)]
pub struct Wrapped<H, M, W, K, C, E, T> {
    host: H,
    memory: M,
    workers: W,
    wakeups: K,
    clock: C,
    entropy: E,
    control: T,
}

impl<H, M, W, K, C, E, T> Host for Wrapped<H, M, W, K, C, E, T>
where
    H: Host,
    M: SharedMemory,
    W: Workers,
    K: Wakeups,
    C: Clock,
    E: Entropy,
    T: Control,
{
    type Memory = M;
    type Workers = W;
    type Wakeups = K;
    type Clock = C;
    type Entropy = E;
    type Control = T;
    type Fetch = T::Fetch;
    type Sockets = T::Sockets;
    type Code = H::Code;

    fn capabilities(&self) -> &Capabilities {
        self.host.capabilities()
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

    fn control(&self) -> &T {
        &self.control
    }

    fn code(&self) -> &H::Code {
        self.host.code()
    }
}
