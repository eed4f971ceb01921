//! Generated cases: proptest's strategies and shrinking, driven from async code.
//!
//! proptest's own runner is synchronous, and an event loop must not be blocked; so the value tree is driven here.

use std::fmt::Debug;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::Failure;
use super::suite::Suite;
use crate::{Clock, Host};

/// How long a failing case is made smaller, in patiences: where a failure is something that does not happen, each
/// attempt costs one.
const SHRINK_PATIENCES: u32 = 4;

/// Awaits `check` on generated values; a failure is shrunk and told with the smallest value that fails.
pub(super) async fn for_all<H: Host, S>(
    suite: &Suite<H>,
    strategy: S,
    check: impl AsyncFn(S::Value) -> Result<(), Failure>,
) -> Result<(), Failure>
where
    S: Strategy<Value: Clone + Debug>,
{
    let mut runner = TestRunner::new_with_rng(Config::default(), rng(suite.options.seed));
    for case in 0..suite.options.cases {
        let mut tree =
            strategy.new_tree(&mut runner).map_err(|why| Failure::new(why.message().to_owned()))?;
        let value = tree.current();
        let Err(failure) = check(value.clone()).await else { continue };
        let (value, failure) = shrink(suite, &mut tree, (value, failure), &check).await;
        let seed = suite.options.seed;
        return Err(Failure::new(format!("{failure}, with {value:?} (seed {seed:#x}, case {case})")));
    }
    Ok(())
}

/// The smallest failing value found, and its failure.
async fn shrink<H: Host, T: ValueTree<Value: Clone>>(
    suite: &Suite<H>,
    tree: &mut T,
    mut worst: (T::Value, Failure),
    check: &impl AsyncFn(T::Value) -> Result<(), Failure>,
) -> (T::Value, Failure) {
    if !tree.simplify() {
        return worst;
    }
    let patience_ends = suite.in_time(suite.options.patience.saturating_mul(SHRINK_PATIENCES));
    while suite.host.clock().monotonic() < patience_ends {
        let value = tree.current();
        let goes_on = match check(value.clone()).await {
            Err(failure) => {
                worst = (value, failure);
                tree.simplify()
            }
            Ok(()) => tree.complicate(),
        };
        if !goes_on {
            break;
        }
    }
    worst
}

fn rng(seed: u64) -> TestRng {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    TestRng::from_seed(RngAlgorithm::ChaCha, &bytes)
}
