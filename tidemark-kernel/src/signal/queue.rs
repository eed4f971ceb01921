//! Pending signals of one thread or one process.
//!
//! Owns their order: the lowest number first, within a number the oldest first; a standard signal is pending once, a
//! real-time signal as often as it was sent (`signal(7)`). Who may send and who receives is not decided here.

use std::collections::VecDeque;

use super::info::SigInfo;
use super::set::{SigSet, Signal};

/// The queue.
#[derive(Default, Debug)]
pub struct SignalQueue {
    pending: SigSet,
    // At most one lane a signal, kept once made, so that steady traffic does not allocate.
    lanes: Vec<Lane>,
}

#[derive(Debug)]
struct Lane {
    signal: Signal,
    infos: VecDeque<SigInfo>,
}

impl SignalQueue {
    /// The signals that are pending.
    pub fn pending(&self) -> SigSet {
        self.pending
    }

    /// Adds a signal. A standard signal that is pending already is dropped. Tells whether it was added.
    pub fn push(&mut self, info: SigInfo) -> bool {
        let signal = info.signal;
        if !signal.is_realtime() && self.pending.contains(signal) {
            return false;
        }
        self.pending.insert(signal);
        match self.lanes.iter_mut().find(|lane| lane.signal == signal) {
            Some(lane) => lane.infos.push_back(info),
            None => self.lanes.push(Lane { signal, infos: VecDeque::from([info]) }),
        }
        true
    }

    /// Takes the next signal out of those in `among`: those of faults first, then by number.
    pub fn take(&mut self, among: SigSet) -> Option<SigInfo> {
        let ready = self.pending.and(among);
        let signal = ready.and(SigSet::SYNCHRONOUS).first().or(ready.first())?;
        let lane = self.lanes.iter_mut().find(|lane| lane.signal == signal)?;
        let info = lane.infos.pop_front();
        if lane.infos.is_empty() {
            self.pending.remove(signal);
        }
        info
    }

    /// Forgets every pending signal of `set`; answers how many of them were real-time signals.
    pub fn discard(&mut self, set: SigSet) -> usize {
        let mut dropped = 0;
        for lane in self.lanes.iter_mut().filter(|lane| set.contains(lane.signal)) {
            if lane.signal.is_realtime() {
                dropped += lane.infos.len();
            }
            lane.infos.clear();
        }
        self.pending = self.pending.without(set);
        dropped
    }

    /// The first pending expiry of a POSIX timer, to count an overrun into.
    pub fn has_timer(&self, signal: Signal, id: u32) -> bool {
        self.pending.contains(signal)
            && self
                .lanes
                .iter()
                .filter(|lane| lane.signal == signal)
                .flat_map(|lane| &lane.infos)
                .any(|info| info.timer_id() == Some(id))
    }

    /// How many are pending.
    pub fn len(&self) -> usize {
        self.lanes.iter().map(|lane| lane.infos.len()).sum()
    }

    /// Whether none is pending.
    pub fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Debug)]
    enum Op {
        Push(u32, i32),
        Take(u64),
        Discard(u64),
    }

    fn op() -> impl Strategy<Value = Op> {
        prop_oneof![
            3 => (1..=64u32, any::<i32>()).prop_map(|(signal, code)| Op::Push(signal, code)),
            3 => any::<u64>().prop_map(Op::Take),
            1 => any::<u64>().prop_map(Op::Discard),
        ]
    }

    fn model_take(model: &mut Vec<SigInfo>, set: SigSet) -> Option<SigInfo> {
        let rank = |info: &SigInfo| (!SigSet::SYNCHRONOUS.contains(info.signal), info.signal.number());
        let best = model.iter().filter(|info| set.contains(info.signal)).map(rank).min()?;
        let index = model.iter().position(|info| rank(info) == best)?;
        Some(model.remove(index))
    }

    proptest! {
        #[test]
        fn behaves_as_an_ordered_list(ops in proptest::collection::vec(op(), 0..200)) {
            let mut queue = SignalQueue::default();
            let mut model: Vec<SigInfo> = Vec::new();
            for op in ops {
                match op {
                    Op::Push(signal, code) => {
                        let signal = Signal::new(signal).unwrap();
                        let info = SigInfo { signal, errno: 0, code, fields: [0; 4] };
                        let fresh = signal.is_realtime() || model.iter().all(|info| info.signal != signal);
                        prop_assert_eq!(queue.push(info), fresh);
                        if fresh {
                            model.push(info);
                        }
                    }
                    Op::Take(bits) => {
                        let set = SigSet::from_bits(bits);
                        prop_assert_eq!(queue.take(set), model_take(&mut model, set));
                    }
                    Op::Discard(bits) => {
                        let set = SigSet::from_bits(bits);
                        let (gone, kept): (Vec<_>, Vec<_>) =
                            model.into_iter().partition(|info| set.contains(info.signal));
                        model = kept;
                        let realtime = gone.iter().filter(|info| info.signal.is_realtime()).count();
                        prop_assert_eq!(queue.discard(set), realtime);
                    }
                }
                prop_assert_eq!(queue.len(), model.len());
                for number in 1..=64 {
                    let signal = Signal::new(number).unwrap();
                    let pending = model.iter().any(|info| info.signal == signal);
                    prop_assert_eq!(queue.pending().contains(signal), pending);
                }
            }
        }
    }
}
