//! What the checks of fetch and sockets share: the peer, what it saw, and how much may be under way.

use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::suite::Suite;
use super::{Failure, PeerAddresses, require};
use crate::{Clock, ErrorKind, Host, HostError};

/// The most that may be under way when nobody reads, in bytes: what a platform's own buffers hold (Linux lets a
/// connection's grow to 32 MiB at most, `tcp_rmem` in tcp(7)), and a host's some more. A flood is many times that.
pub(super) const UNDER_WAY_BYTES: u64 = 64 << 20;

/// Between two questions to the peer.
const ASK_EVERY: Duration = Duration::from_millis(2);

/// Between two looks at a number that should stand still.
const STILL: Duration = Duration::from_millis(60);

impl<H: Host> Suite<H> {
    /// The peer's addresses.
    pub(super) fn peer(&self) -> Result<&PeerAddresses, Failure> {
        self.options.peer.as_ref().ok_or_else(|| {
            Failure::new(
                "there is no peer to talk to: start one by conformance::peer::Peer::start() (feature \
                 conformance-peer), or its binary conformance-peer for a host in another process, and give its \
                 addresses in Options::peer",
            )
        })
    }

    /// A name for an exchange that nobody else has, in this run or another with the same peer.
    pub(super) fn exchange_name(&self) -> String {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        format!("{:x}-{number}", self.host.clock().realtime().as_nanos())
    }

    /// Awaits that the peer tells something of an exchange; `tell` asks it.
    pub(super) async fn until_told(
        &self,
        what: &str,
        tell: impl AsyncFn() -> Result<Told, Failure>,
        happened: impl Fn(&Told) -> bool,
    ) -> Result<Told, Failure> {
        let patience_ends = self.patience_ends();
        loop {
            let told = tell().await?;
            if happened(&told) {
                return Ok(told);
            }
            require(self.host.clock().monotonic() < patience_ends, || {
                format!("{what}: has not happened within {:?}: {told:?}", self.options.patience)
            })?;
            self.pause(ASK_EVERY).await;
        }
    }

    /// Awaits that a number no longer grows; the number.
    pub(super) async fn standstill(
        &self,
        mut read: impl AsyncFnMut() -> Result<u64, Failure>,
    ) -> Result<u64, Failure> {
        let patience_ends = self.patience_ends();
        let mut last = read().await?;
        loop {
            self.pause(STILL).await;
            let now = read().await?;
            if now == last && now > 0 {
                return Ok(now);
            }
            last = now;
            require(self.host.clock().monotonic() < patience_ends, || {
                format!("{now} bytes are under way and it goes on, although nobody reads")
            })?;
        }
    }
}

/// What the peer saw of an exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    /// Whether it has come to the peer at all.
    pub(super) begun: bool,
    /// Bytes that the peer has handed to its platform.
    pub(super) sent: u64,
    /// Bytes that have come.
    pub(super) received: u64,
    /// How it ended.
    pub(super) end: Option<String>,
}

impl FromStr for Told {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self, Failure> {
        let wrong = || Failure::new(format!("the peer's account of an exchange is garbled: {text:?}"));
        let mut words = text.splitn(4, ' ');
        let mut next = || words.next().ok_or_else(wrong);
        let begun = next()? == "true";
        let sent = next()?.parse().map_err(|_| wrong())?;
        let received = next()?.parse().map_err(|_| wrong())?;
        let end = Some(next()?.to_owned()).filter(|end| end != "-");
        Ok(Self { begun, sent, received, end })
    }
}

/// Whether an operation failed in one of these ways.
pub(super) fn fails_with<T>(
    what: &str,
    result: Result<T, HostError>,
    kinds: &[ErrorKind],
) -> Result<(), Failure> {
    match result {
        Ok(_) => Err(Failure::new(format!("{what}: no error, expected one of {kinds:?}"))),
        Err(error) => require(kinds.contains(&error.kind()), || {
            format!("{what}: {}, expected one of {kinds:?}", Failure::from(error))
        }),
    }
}
