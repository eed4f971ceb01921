//! How busy the system is: each processor's time, turns, and load averages (`getloadavg(3)`).

use super::{RunState, Tasks};
use crate::time::{NANOS_PER_SECOND, Nanos};

/// Between two samples of the averages (`LOAD_FREQ` in Linux).
const PERIOD: Nanos = 5 * NANOS_PER_SECOND;
/// What each average keeps of itself in a period: `exp(-5 s / 1 min)`, of 5 and of 15 minutes.
const KEPT: [f64; 3] = [0.920_044_414_629_323_1, 0.983_471_453_821_617_4, 0.994_459_848_004_896_7];
/// Periods of an unchanged load after which an average is as good as that.
const FORGOTTEN: u64 = 10_000;

/// What the system has to do, and did.
#[derive(Debug)]
pub struct Load {
    /// By processor, threads that are on one not counted until they leave it.
    busy: Box<[Nanos]>,
    switches: u64,
    averages: [f64; 3],
    /// When the averages are due next, on `CLOCK_MONOTONIC`.
    due: Nanos,
}

impl Load {
    /// Of a system that begins now.
    pub fn new(processors: usize, now: Nanos) -> Load {
        Load { busy: vec![0; processors].into(), switches: 0, averages: [0.0; 3], due: now + PERIOD }
    }

    /// A thread left a processor that it was on for so long.
    pub fn left(&mut self, processor: u16, time: Nanos) {
        self.switches += 1;
        if let Some(busy) = self.busy.get_mut(usize::from(processor)) {
            *busy += time;
        }
    }

    /// By processor, how long it was busy, threads that are on one not counted.
    pub fn busy(&self) -> &[Nanos] {
        &self.busy
    }

    /// How often a processor changed threads.
    pub fn switches(&self) -> u64 {
        self.switches
    }

    /// Threads that ran or could have, averaged over 1, 5 and 15 minutes.
    pub fn averages(&self) -> [f64; 3] {
        self.averages
    }

    /// Takes the samples that were due before `now`. What threads do is as it was since the last input: nothing else
    /// changes it.
    pub fn sample(&mut self, now: Nanos, tasks: &Tasks) {
        if now < self.due {
            return;
        }
        let periods = (now - self.due) / PERIOD + 1;
        self.due += periods * PERIOD;
        let active = tasks.threads().filter(|thread| {
            matches!(thread.state, RunState::Runnable | RunState::Running(_))
                || thread.state == RunState::Parked && thread.killable_only
        });
        self.advance(active.count() as f64, periods.min(FORGOTTEN) as i32);
    }

    fn advance(&mut self, active: f64, periods: i32) {
        for (average, kept) in self.averages.iter_mut().zip(KEPT) {
            let kept = kept.powi(periods);
            *average = *average * kept + active * (1.0 - kept);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averages_follow_the_load() {
        let mut load = Load::new(1, 0);
        // A minute of one busy thread.
        load.advance(1.0, 12);
        let [one, five, fifteen] = load.averages();
        assert!(
            (one - 0.632).abs() < 0.001 && (five - 0.181).abs() < 0.001 && (fifteen - 0.064).abs() < 0.001
        );
        let mut steps = Load::new(1, 0);
        (0..12).for_each(|_| steps.advance(1.0, 1));
        assert!((steps.averages()[0] - one).abs() < 1e-9);
        load.advance(0.0, FORGOTTEN as i32);
        assert!(load.averages().iter().all(|average| *average < 1e-9));
    }
}
