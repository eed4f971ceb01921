//! The parts that a run can be limited to.

use std::fmt;

/// What the suite judges, part by part: each is a test of its own, so that failures are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Part {
    /// Workers: turns, ends, panics, parking.
    Workers,
    /// Waits and notifications.
    Wakeups,
    /// Both clocks.
    Clock,
    /// The region.
    Memory,
    /// Randomness.
    Entropy,
    /// The control event loop.
    Control,
    /// The capability report: what is not declared is refused.
    Capabilities,
    /// HTTP, where declared.
    Fetch,
    /// WebSockets, where declared.
    WebSocket,
    /// TCP, where declared.
    Tcp,
    /// Generated code, where declared.
    Code,
}

impl Part {
    /// All parts, in the order in which they rely on each other.
    pub const ALL: [Self; 11] = [
        Self::Workers,
        Self::Wakeups,
        Self::Clock,
        Self::Memory,
        Self::Entropy,
        Self::Control,
        Self::Capabilities,
        Self::Fetch,
        Self::WebSocket,
        Self::Tcp,
        Self::Code,
    ];

    /// What the names of its checks begin with.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Workers => "workers",
            Self::Wakeups => "wakeups",
            Self::Clock => "clock",
            Self::Memory => "memory",
            Self::Entropy => "entropy",
            Self::Control => "control",
            Self::Capabilities => "capabilities",
            Self::Fetch => "fetch",
            Self::WebSocket => "web socket",
            Self::Tcp => "tcp",
            Self::Code => "code",
        }
    }

    /// The part of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.name() == name)
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
