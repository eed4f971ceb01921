//! What a host has: the capability report, and the check that it is enough.
//!
//! The one source of truth about a host's parts: nothing else in the contract answers "can it?". Required parts and
//! optional ones are told apart here. What a feature needs is its owner's business, told in [`Requirements`].

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::num::NonZeroUsize;

use crate::error::{ErrorKind, HostError};

mod serial;

/// One thing that a host may be able to do. The list grows with the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Capability {
    /// [`SharedMemory`](crate::SharedMemory); required.
    Memory,
    /// [`Workers`](crate::Workers), parallel or cooperative; required.
    Workers,
    /// [`Wakeups`](crate::Wakeups); required.
    Wakeups,
    /// [`Clock`](crate::Clock); required.
    Clock,
    /// [`Entropy`](crate::Entropy); required.
    Entropy,
    /// Workers run in parallel and may block; without it, turns run one after the other on one thread.
    ParallelWorkers,
    /// HTTP requests through [`Fetch`](crate::Fetch).
    Fetch,
    /// Request bodies that are streamed while they are sent, instead of being collected first.
    FetchStreamedRequest,
    /// Redirect responses can be returned instead of followed ([`Redirects::Return`](crate::Redirects::Return)).
    FetchRedirects,
    /// TCP connections ([`Sockets::connect`](crate::Sockets::connect)).
    TcpConnect,
    /// TCP listeners ([`Sockets::listen`](crate::Sockets::listen)).
    TcpListen,
    /// WebSocket connections ([`Sockets::web_socket`](crate::Sockets::web_socket)).
    WebSocket,
    /// Generated WebAssembly ([`CodeEngine`](crate::CodeEngine)).
    Code,
}

impl Capability {
    /// Every capability, in the order of the report.
    pub const ALL: [Self; 13] = [
        Self::Memory,
        Self::Workers,
        Self::Wakeups,
        Self::Clock,
        Self::Entropy,
        Self::ParallelWorkers,
        Self::Fetch,
        Self::FetchStreamedRequest,
        Self::FetchRedirects,
        Self::TcpConnect,
        Self::TcpListen,
        Self::WebSocket,
        Self::Code,
    ];

    /// Whether every host must have it.
    pub const fn is_required(self) -> bool {
        matches!(self, Self::Memory | Self::Workers | Self::Wakeups | Self::Clock | Self::Entropy)
    }

    /// What to call it in data: the key of the serialised report, in camel case. Never changes.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Workers => "workers",
            Self::Wakeups => "wakeups",
            Self::Clock => "clock",
            Self::Entropy => "entropy",
            Self::ParallelWorkers => "parallelWorkers",
            Self::Fetch => "fetch",
            Self::FetchStreamedRequest => "fetchStreamedRequest",
            Self::FetchRedirects => "fetchRedirects",
            Self::TcpConnect => "tcpConnect",
            Self::TcpListen => "tcpListen",
            Self::WebSocket => "webSocket",
            Self::Code => "code",
        }
    }

    /// The capability of this [`id`](Self::id); `None` for one that this version does not know.
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|capability| capability.id() == id)
    }

    /// Where in the contract it is: what a host's author implements to have it.
    pub const fn implemented_by(self) -> &'static str {
        match self {
            Self::Memory => "`SharedMemory`",
            Self::Workers => "`Workers`",
            Self::ParallelWorkers => "`Workers` on threads of their own",
            Self::Wakeups => "`Wakeups`",
            Self::Clock => "`Clock`",
            Self::Entropy => "`Entropy`",
            Self::Fetch => "`Fetch`",
            Self::FetchStreamedRequest => "`Fetch` with `Body::Streamed` in requests",
            Self::FetchRedirects => "`Fetch` with `Redirects::Return`",
            Self::TcpConnect => "`Sockets::connect`",
            Self::TcpListen => "`Sockets::listen`",
            Self::WebSocket => "`Sockets::web_socket`",
            Self::Code => "`CodeEngine`",
        }
    }

    /// What to call it in a message.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Memory => "shared memory",
            Self::Workers => "workers",
            Self::Wakeups => "wait and notify",
            Self::Clock => "clock",
            Self::Entropy => "entropy",
            Self::ParallelWorkers => "parallel workers",
            Self::Fetch => "HTTP fetch",
            Self::FetchStreamedRequest => "streamed HTTP request bodies",
            Self::FetchRedirects => "HTTP redirects returned to the caller",
            Self::TcpConnect => "TCP connections",
            Self::TcpListen => "TCP listening",
            Self::WebSocket => "WebSocket connections",
            Self::Code => "engine for generated WebAssembly",
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A host's one report on itself, fixed when the host is made.
///
/// Required capabilities are always present. An optional one is absent until the host says [`with`](Self::with);
/// one that is absent but obtainable says what would provide it ([`without`](Self::without)).
///
/// With serde it is an object of `host`, `parallelism` and `capabilities`, the last from a
/// [`Capability::id`] to `{"present": bool, "provider"?: string}`, all of them written. A reader passes over ids that it
/// does not know and takes an optional one that is not there for absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    host: Cow<'static, str>,
    parallelism: NonZeroUsize,
    optional: BTreeMap<Capability, Support>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Support {
    Present,
    AbsentUnless(Cow<'static, str>),
}

impl Capabilities {
    /// The report of a host that has the required parts only. `host` names it in messages.
    pub fn new(host: impl Into<Cow<'static, str>>) -> Self {
        Self { host: host.into(), parallelism: NonZeroUsize::MIN, optional: BTreeMap::new() }
    }

    /// The same report with `capability` present. Declaring a required one again changes nothing.
    #[must_use]
    pub fn with(mut self, capability: Capability) -> Self {
        if !capability.is_required() {
            self.optional.insert(capability, Support::Present);
        }
        self
    }

    /// The same report with `capability` absent, and `provider` as what would provide it ("cross-origin isolation:
    /// serve the page with COOP and COEP headers"). A required capability stays present.
    #[must_use]
    pub fn without(mut self, capability: Capability, provider: impl Into<Cow<'static, str>>) -> Self {
        if !capability.is_required() {
            self.optional.insert(capability, Support::AbsentUnless(provider.into()));
        }
        if capability == Capability::ParallelWorkers {
            self.parallelism = NonZeroUsize::MIN;
        }
        self
    }

    /// The same report with [`Capability::ParallelWorkers`], of which about `count` make progress at once.
    #[must_use]
    pub fn with_parallel_workers(mut self, count: NonZeroUsize) -> Self {
        self.parallelism = count;
        self.with(Capability::ParallelWorkers)
    }

    /// The host's name, for messages.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Whether the host has `capability`.
    pub fn has(&self, capability: Capability) -> bool {
        capability.is_required() || matches!(self.optional.get(&capability), Some(Support::Present))
    }

    /// What would provide an absent `capability`, where the host knows.
    pub fn provider(&self, capability: Capability) -> Option<&str> {
        match self.optional.get(&capability) {
            Some(Support::AbsentUnless(provider)) => Some(provider),
            Some(Support::Present) | None => None,
        }
    }

    /// How many workers make progress at once: about one a core; 1 without [`Capability::ParallelWorkers`].
    pub fn parallelism(&self) -> NonZeroUsize {
        self.parallelism
    }
}

impl fmt::Display for Capabilities {
    /// One line for each capability.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "host {}, {} at once", self.host, self.parallelism())?;
        for capability in Capability::ALL {
            let answer = if self.has(capability) { "yes" } else { "no" };
            write!(f, "\n{capability}: {answer}")?;
            if let Some(provider) = self.provider(capability) {
                write!(f, " ({provider})")?;
            }
        }
        Ok(())
    }
}

/// What a configuration needs of a host; checked once, before anything is built.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requirements {
    needs: Vec<(Capability, Cow<'static, str>)>,
}

impl Requirements {
    /// Needs nothing beyond the required parts.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same needs, and `capability`, for `what` (a phrase that continues "for").
    #[must_use]
    pub fn need(mut self, capability: Capability, what: impl Into<Cow<'static, str>>) -> Self {
        self.needs.push((capability, what.into()));
        self
    }

    /// Compares the needs with what a host reports.
    ///
    /// # Errors
    /// [`MissingCapabilities`] names every need that is not met, in the order they were stated.
    pub fn check(&self, capabilities: &Capabilities) -> Result<(), MissingCapabilities> {
        let unmet = self.needs.iter().filter(|(capability, _)| !capabilities.has(*capability));
        let missing: Vec<_> = unmet
            .map(|(capability, needed_for)| MissingCapability {
                capability: *capability,
                needed_for: needed_for.clone(),
                provider: capabilities.provider(*capability).map(|provider| provider.to_owned()),
            })
            .collect();
        if missing.is_empty() {
            Ok(())
        } else {
            Err(MissingCapabilities { host: capabilities.host.clone(), missing })
        }
    }
}

/// Every capability that a configuration needs and a host lacks; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingCapabilities {
    host: Cow<'static, str>,
    missing: Vec<MissingCapability>,
}

/// One entry of [`MissingCapabilities`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MissingCapability {
    /// What the host lacks.
    pub capability: Capability,
    /// What it was needed for, as a phrase that continues "for".
    pub needed_for: Cow<'static, str>,
    /// What would provide it, where the host knows. Where it does not, the message says what a host with it
    /// implements.
    pub provider: Option<String>,
}

impl MissingCapabilities {
    /// The missing capabilities, in the order they were asked for.
    pub fn missing(&self) -> &[MissingCapability] {
        &self.missing
    }
}

impl fmt::Display for MissingCapabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "host {} lacks", self.host)?;
        for (index, entry) in self.missing.iter().enumerate() {
            let separator = if index == 0 { " " } else { "; " };
            write!(f, "{separator}{} (needed for {})", entry.capability, entry.needed_for)?;
            match &entry.provider {
                Some(provider) => write!(f, ": {provider}")?,
                None => write!(f, ": take a host that implements {}", entry.capability.implemented_by())?,
            }
        }
        Ok(())
    }
}

impl Error for MissingCapabilities {}

impl From<MissingCapabilities> for HostError {
    /// The kind is that of the first missing capability; the source tells all of them.
    fn from(missing: MissingCapabilities) -> Self {
        let kind = match missing.missing.first() {
            Some(first) => ErrorKind::Unsupported(first.capability),
            None => ErrorKind::Other,
        };
        Self::new(kind, "checking what the host has").with_source(missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page_without_isolation() -> Capabilities {
        Capabilities::new("page")
            .with(Capability::Fetch)
            .without(Capability::ParallelWorkers, "serve the page with COOP and COEP headers")
    }

    #[test]
    fn all_lists_every_capability_once_and_in_order() {
        assert!(Capability::ALL.is_sorted_by(|a, b| a < b));
        // `Code` is the last variant: its position is the number of the others.
        assert_eq!(Capability::ALL.len(), Capability::Code as usize + 1);
    }

    #[test]
    fn ids_lead_back() {
        for capability in Capability::ALL {
            assert_eq!(Capability::from_id(capability.id()), Some(capability));
        }
        assert_eq!(Capability::from_id("time travel"), None);
    }

    #[test]
    fn required_parts_are_present_and_cannot_be_denied() {
        let capabilities = Capabilities::new("bare").without(Capability::Clock, "a watch");
        for capability in Capability::ALL {
            assert_eq!(capabilities.has(capability), capability.is_required(), "{capability}");
        }
        assert_eq!(capabilities.provider(Capability::Clock), None);
    }

    #[test]
    fn one_error_names_every_missing_capability_and_its_provider() {
        let requirements = Requirements::new()
            .need(Capability::ParallelWorkers, "two busy guest threads")
            .need(Capability::Fetch, "HTTP from the guest")
            .need(Capability::TcpListen, "published ports");
        let missing = requirements.check(&page_without_isolation()).unwrap_err();
        assert_eq!(
            missing.to_string(),
            "host page lacks parallel workers (needed for two busy guest threads): serve the page with COOP and COEP \
             headers; TCP listening (needed for published ports): take a host that implements `Sockets::listen`"
        );
        assert_eq!(HostError::from(missing).kind(), ErrorKind::Unsupported(Capability::ParallelWorkers));
    }

    #[test]
    fn requirements_that_are_met_pass() {
        let requirements =
            Requirements::new().need(Capability::Fetch, "HTTP").need(Capability::Memory, "frames");
        assert_eq!(requirements.check(&page_without_isolation()), Ok(()));
    }

    #[test]
    fn parallelism_is_one_without_parallel_workers() {
        let four = NonZeroUsize::new(4).unwrap();
        let capabilities = Capabilities::new("native").with_parallel_workers(four);
        assert_eq!(capabilities.parallelism(), four);
        let denied = capabilities.without(Capability::ParallelWorkers, "threads");
        assert_eq!(denied.parallelism(), NonZeroUsize::MIN);
    }
}
