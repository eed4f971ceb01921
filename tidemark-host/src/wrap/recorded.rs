//! Hosts that write down what comes in from outside, and bring it in again.
//!
//! Recorded are time and randomness, in the order in which they were asked for. On a host of one thread, whose schedule is
//! its own, that is all that differs between two runs; with parallel workers the order in which they meet differs too,
//! and a replay brings in the same values to perhaps other askers. What a network answers is not recorded.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::Wrapped;
use crate::Host;
use crate::clock::{Clock, Monotonic, Realtime};
use crate::entropy::Entropy;
use crate::error::{ErrorKind, HostError};

/// What came in, in order. Serialises with serde.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Recording {
    /// Readings of the monotonic clock, in nanoseconds.
    pub monotonic: Vec<u64>,
    /// Readings of the realtime clock, in nanoseconds.
    pub realtime: Vec<u64>,
    /// What [`Entropy::fill`] filled in, call by call; `None` where it failed.
    pub entropy: Vec<Option<Vec<u8>>>,
}

/// A part whose answers are written down.
#[derive(Clone, Debug)]
pub struct Recorded<P> {
    inner: P,
    recording: Arc<Mutex<Recording>>,
}

/// A host whose clock and entropy are written down.
pub type RecordedHost<H> = Wrapped<
    H,
    <H as Host>::Memory,
    <H as Host>::Workers,
    <H as Host>::Wakeups,
    Recorded<<H as Host>::Clock>,
    Recorded<<H as Host>::Entropy>,
    <H as Host>::Control,
>;

/// `host`, and what it has brought in so far. The recording holds secrets: it is as confidential as the entropy in it.
pub fn recorded<H: Host>(host: H) -> (RecordedHost<H>, Arc<Mutex<Recording>>) {
    let recording = Arc::new(Mutex::new(Recording::default()));
    let host = Wrapped {
        memory: host.memory().clone(),
        workers: host.workers().clone(),
        wakeups: host.wakeups().clone(),
        clock: Recorded { inner: host.clock().clone(), recording: Arc::clone(&recording) },
        entropy: Recorded { inner: host.entropy().clone(), recording: Arc::clone(&recording) },
        control: host.control().clone(),
        host,
    };
    (host, recording)
}

impl<P> Recorded<P> {
    fn lock(&self) -> MutexGuard<'_, Recording> {
        self.recording.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C: Clock> Clock for Recorded<C> {
    fn monotonic(&self) -> Monotonic {
        let reading = self.inner.monotonic();
        self.lock().monotonic.push(reading.as_nanos());
        reading
    }

    fn realtime(&self) -> Realtime {
        let reading = self.inner.realtime();
        self.lock().realtime.push(reading.as_nanos());
        reading
    }

    fn resolution_nanos(&self) -> u64 {
        self.inner.resolution_nanos()
    }
}

impl<E: Entropy> Entropy for Recorded<E> {
    fn fill(&self, out: &mut [u8]) -> Result<(), HostError> {
        let result = self.inner.fill(out);
        self.lock().entropy.push(result.is_ok().then(|| out.to_vec()));
        result
    }
}

/// A part whose answers are those of a recording, and its own when that is used up.
#[derive(Clone, Debug)]
pub struct Replayed<P> {
    inner: P,
    rest: Arc<Mutex<Rest>>,
}

/// What is left of a recording, the next first.
#[derive(Debug)]
struct Rest {
    monotonic: std::vec::IntoIter<u64>,
    realtime: std::vec::IntoIter<u64>,
    entropy: std::vec::IntoIter<Option<Vec<u8>>>,
    /// The latest reading: the clock's own readings go on from it.
    latest: u64,
}

/// A host whose clock and entropy are those of a recording.
pub type ReplayedHost<H> = Wrapped<
    H,
    <H as Host>::Memory,
    <H as Host>::Workers,
    <H as Host>::Wakeups,
    Replayed<<H as Host>::Clock>,
    Replayed<<H as Host>::Entropy>,
    <H as Host>::Control,
>;

/// `host`, whose clock and entropy answer what was recorded, in order. When the recording is used up they answer for
/// themselves; the monotonic clock does not go back then.
pub fn replayed<H: Host>(host: H, recording: Recording) -> ReplayedHost<H> {
    let rest = Arc::new(Mutex::new(Rest {
        monotonic: recording.monotonic.into_iter(),
        realtime: recording.realtime.into_iter(),
        entropy: recording.entropy.into_iter(),
        latest: 0,
    }));
    Wrapped {
        memory: host.memory().clone(),
        workers: host.workers().clone(),
        wakeups: host.wakeups().clone(),
        clock: Replayed { inner: host.clock().clone(), rest: Arc::clone(&rest) },
        entropy: Replayed { inner: host.entropy().clone(), rest: Arc::clone(&rest) },
        control: host.control().clone(),
        host,
    }
}

impl<P> Replayed<P> {
    fn lock(&self) -> MutexGuard<'_, Rest> {
        self.rest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C: Clock> Clock for Replayed<C> {
    fn monotonic(&self) -> Monotonic {
        let mut rest = self.lock();
        let reading = rest.monotonic.next().unwrap_or_else(|| self.inner.monotonic().as_nanos());
        rest.latest = rest.latest.max(reading);
        Monotonic::from_nanos(rest.latest)
    }

    fn realtime(&self) -> Realtime {
        self.lock().realtime.next().map_or_else(|| self.inner.realtime(), Realtime::from_nanos)
    }

    fn resolution_nanos(&self) -> u64 {
        self.inner.resolution_nanos()
    }
}

impl<E: Entropy> Entropy for Replayed<E> {
    fn fill(&self, out: &mut [u8]) -> Result<(), HostError> {
        let next = self.lock().entropy.next();
        match next {
            Some(Some(bytes)) if bytes.len() == out.len() => {
                out.copy_from_slice(&bytes);
                Ok(())
            }
            Some(Some(bytes)) => {
                let doing =
                    format!("replaying {} bytes of entropy where {} are asked for", bytes.len(), out.len());
                Err(HostError::new(ErrorKind::InvalidInput, doing))
            }
            Some(None) => Err(HostError::new(ErrorKind::Other, "replaying entropy that failed")),
            None => self.inner.fill(out),
        }
    }
}
