//! Checks of [`Entropy`]: every byte is filled, whatever the length, and never the same.
//!
//! Whether bytes are unpredictable cannot be observed; that they are filled at all can.

use super::suite::Suite;
use super::{Failure, Progress, require};
use crate::Host;
use crate::entropy::Entropy;

/// Around each limit that a platform sets for one call: `getRandomValues` fills 65,536 bytes (W3C Web Cryptography),
/// `getrandom(2)` up to 256 bytes without interruption.
const LENGTHS: [usize; 8] = [1, 7, 256, 257, 65_535, 65_536, 65_537, 1 << 20];

/// Fills in a row: that a given byte never changes in so many has probability 2^-504.
const FILLS: usize = 64;

pub(super) async fn check<H: Host>(suite: &Suite<H>, progress: &Progress) {
    progress.record("entropy: every byte of every length is filled", fills_every_byte(suite)).await;
    progress.record("entropy: an empty buffer is filled", empty(suite)).await;
    progress.record("entropy: workers get bytes of their own", on_workers(suite)).await;
}

async fn fills_every_byte<H: Host>(suite: &Suite<H>) -> Result<(), Failure> {
    for length in LENGTHS {
        let mut bytes = vec![0; length];
        suite.host.entropy().fill(&mut bytes)?;
        // The positions whose byte has changed at least once.
        let mut changed = vec![false; length];
        for _ in 0..FILLS {
            let before = bytes.clone();
            suite.host.entropy().fill(&mut bytes)?;
            changed
                .iter_mut()
                .zip(before.iter().zip(&bytes))
                .for_each(|(changed, (a, b))| *changed |= a != b);
            if changed.iter().all(|changed| *changed) {
                break;
            }
        }
        let stuck = changed.iter().position(|changed| !changed);
        require(stuck.is_none(), || format!("byte {stuck:?} of {length} was the same in {FILLS} fills"))?;
    }
    Ok(())
}

async fn empty<H: Host>(suite: &Suite<H>) -> Result<(), Failure> {
    Ok(suite.host.entropy().fill(&mut [])?)
}

async fn on_workers<H: Host>(suite: &Suite<H>) -> Result<(), Failure> {
    let mut all = vec![sample(&suite.host)?];
    for _ in 0..3 {
        let host = suite.host.clone();
        all.push(suite.on_worker(move || sample(&host)).await??);
    }
    all.sort_unstable();
    all.dedup();
    require(all.len() == 4, || "two workers were given the same 16 bytes".to_owned())
}

fn sample<H: Host>(host: &H) -> Result<[u8; 16], Failure> {
    let mut bytes = [0; 16];
    host.entropy().fill(&mut bytes)?;
    Ok(bytes)
}
