//! The table of futex queues.
//!
//! Owns the order of waiters: first come, first woken, in O(1) a waiter whatever their number. A waiter that gives up
//! leaves in O(1) too. Who owns a lock is [`super::pi`]'s.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher};

use crate::addr::GuestAddr;
use crate::cpu::core::SpaceId;
use crate::errno::{Errno, Result};
use crate::task::Tid;

/// What a futex word is called.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FutexKey {
    // Space 0 does not exist: it stands for RAM.
    space: u64,
    place: u64,
}

impl FutexKey {
    /// A word of one address space, as `FUTEX_PRIVATE_FLAG` names it.
    pub fn private(space: SpaceId, addr: GuestAddr) -> FutexKey {
        FutexKey { space: space.get(), place: addr.0 }
    }

    /// The same word named without the flag, which is another futex to Linux (`FUT_OFF_MMSHARED`).
    pub fn unflagged(space: SpaceId, addr: GuestAddr) -> FutexKey {
        // Words are aligned, so that the bit is free.
        FutexKey { space: space.get(), place: addr.0 | 1 }
    }

    /// A word that several may map, by its offset in guest RAM.
    pub fn shared(offset: u64) -> FutexKey {
        FutexKey { space: 0, place: offset }
    }
}

/// A waiter's place in the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WaitId(u32);

/// What a waiter waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// To be woken; what its call answers then.
    Plain(u32),
    /// To own the lock at this address of its memory.
    Lock(GuestAddr),
    /// To be moved to the lock of this key, at this address of its memory.
    Condition(FutexKey, GuestAddr),
}

#[derive(Debug)]
struct Waiter {
    key: FutexKey,
    tid: Tid,
    bitset: u32,
    kind: Kind,
    prev: Option<WaitId>,
    next: Option<WaitId>,
}

#[derive(Clone, Copy, Debug)]
struct Queue {
    head: WaitId,
    tail: WaitId,
}

/// All futex queues. Memory is kept when waiters leave, so that steady traffic does not allocate.
#[derive(Debug)]
pub struct Futexes {
    queues: HashMap<FutexKey, Queue, KeyedHash>,
    waiters: Vec<Option<Waiter>>,
    free: Vec<WaitId>,
}

impl Futexes {
    /// No waiter. `secret` keeps guests from choosing addresses that collide.
    pub fn new(secret: u64) -> Futexes {
        Futexes { queues: HashMap::with_hasher(KeyedHash(secret)), waiters: Vec::new(), free: Vec::new() }
    }

    /// Adds a waiter at the end.
    pub fn push(&mut self, key: FutexKey, tid: Tid, bitset: u32, kind: Kind) -> WaitId {
        let waiter = Waiter { key, tid, bitset, kind, prev: None, next: None };
        let id = match self.free.pop() {
            Some(id) => {
                self.waiters[id.0 as usize] = Some(waiter);
                id
            }
            None => {
                self.waiters.push(Some(waiter));
                WaitId(self.waiters.len() as u32 - 1)
            }
        };
        self.link(id, key);
        id
    }

    /// Takes the first waiter whose bits meet `bitset`: it, and what its call answers.
    ///
    /// # Errors
    /// `EINVAL` when a waiter before it waits for a lock: such are not woken so.
    pub fn pop(&mut self, key: FutexKey, bitset: u32) -> Result<Option<(Tid, u32)>> {
        let mut next = self.queues.get(&key).map(|queue| queue.head);
        while let Some(waiter) = next.and_then(|id| self.get(id)) {
            let Kind::Plain(answer) = waiter.kind else { return Err(Errno::EINVAL) };
            if waiter.bitset & bitset != 0 {
                let tid = waiter.tid;
                if let Some(id) = next {
                    self.remove(id);
                }
                return Ok(Some((tid, answer)));
            }
            next = waiter.next;
        }
        Ok(None)
    }

    /// The waiter that is the first, and what it waits for.
    pub fn first(&self, key: FutexKey) -> Option<(WaitId, Tid, Kind)> {
        let id = self.queues.get(&key)?.head;
        self.get(id).map(|waiter| (id, waiter.tid, waiter.kind))
    }

    /// Where a waiter waits, and for what.
    pub fn place(&self, id: WaitId) -> Option<(FutexKey, Kind)> {
        self.get(id).map(|waiter| (waiter.key, waiter.kind))
    }

    /// Takes a waiter out.
    pub fn remove(&mut self, id: WaitId) {
        self.unlink(id);
        if let Some(slot) = self.waiters.get_mut(id.0 as usize)
            && slot.take().is_some()
        {
            self.free.push(id);
        }
    }

    /// Moves the first waiter of `from` to the end of `to`. Whether there was one.
    ///
    /// # Errors
    /// `EINVAL` when it waits for a lock.
    pub fn requeue(&mut self, from: FutexKey, to: FutexKey) -> Result<bool> {
        match self.first(from) {
            None => Ok(false),
            Some((id, _, kind @ Kind::Plain(_))) => {
                self.shift(id, to, kind);
                Ok(true)
            }
            Some(_) => Err(Errno::EINVAL),
        }
    }

    /// Moves a waiter to the end of another queue, where it waits for `kind`.
    pub fn shift(&mut self, id: WaitId, to: FutexKey, kind: Kind) {
        self.unlink(id);
        self.link(id, to);
        if let Some(waiter) = self.get_mut(id) {
            waiter.kind = kind;
        }
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.waiters.len() - self.free.len()
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn get(&self, id: WaitId) -> Option<&Waiter> {
        self.waiters.get(id.0 as usize)?.as_ref()
    }

    fn get_mut(&mut self, id: WaitId) -> Option<&mut Waiter> {
        self.waiters.get_mut(id.0 as usize)?.as_mut()
    }

    fn link(&mut self, id: WaitId, key: FutexKey) {
        let last = match self.queues.get_mut(&key) {
            Some(queue) => Some(core::mem::replace(&mut queue.tail, id)),
            None => {
                self.queues.insert(key, Queue { head: id, tail: id });
                None
            }
        };
        if let Some(last) = last.and_then(|last| self.get_mut(last)) {
            last.next = Some(id);
        }
        if let Some(waiter) = self.get_mut(id) {
            waiter.key = key;
            waiter.prev = last;
            waiter.next = None;
        }
    }

    fn unlink(&mut self, id: WaitId) {
        let Some(&Waiter { key, prev, next, .. }) = self.get(id) else { return };
        if let Some(prev) = prev.and_then(|prev| self.get_mut(prev)) {
            prev.next = next;
        }
        if let Some(next) = next.and_then(|next| self.get_mut(next)) {
            next.prev = prev;
        }
        match (prev, next) {
            (None, None) => {
                self.queues.remove(&key);
            }
            (None, Some(next)) => {
                if let Some(queue) = self.queues.get_mut(&key) {
                    queue.head = next;
                }
            }
            (Some(prev), None) => {
                if let Some(queue) = self.queues.get_mut(&key) {
                    queue.tail = prev;
                }
            }
            (Some(_), Some(_)) => {}
        }
    }
}

/// Hashes two words with a secret: a folded multiplication each, as wyhash does.
#[derive(Clone, Copy, Debug)]
struct KeyedHash(u64);

impl BuildHasher for KeyedHash {
    type Hasher = Folded;
    fn build_hasher(&self) -> Folded {
        Folded(self.0)
    }
}

struct Folded(u64);

/// An odd constant with evenly spread bits (wyhash's first secret).
const SPREAD: u64 = 0xa076_1d64_78bd_642f;

impl Hasher for Folded {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }

    fn write_u64(&mut self, word: u64) {
        let product = u128::from(self.0 ^ word) * u128::from(SPREAD);
        self.0 = (product as u64) ^ ((product >> 64) as u64) ^ self.0.rotate_left(23);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Debug)]
    enum Op {
        Push(u64, u32),
        Pop(u64, u32),
        Remove(usize),
        Requeue(u64, u64),
    }

    fn op() -> impl Strategy<Value = Op> {
        let key = 0..4u64;
        let bits = prop_oneof![Just(u32::MAX), 1..8u32];
        prop_oneof![
            4 => (key.clone(), bits.clone()).prop_map(|(key, bits)| Op::Push(key, bits)),
            3 => (key.clone(), bits).prop_map(|(key, bits)| Op::Pop(key, bits)),
            1 => any::<usize>().prop_map(Op::Remove),
            1 => (key.clone(), key).prop_map(|(from, to)| Op::Requeue(from, to)),
        ]
    }

    proptest! {
        #[test]
        fn behaves_as_lists_in_order_of_arrival(ops in proptest::collection::vec(op(), 0..300)) {
            let mut futexes = Futexes::new(7);
            // All waiters in the order they came to their present queue.
            let mut model: Vec<(FutexKey, Tid, u32, WaitId)> = Vec::new();
            let mut next_tid = 1;
            for op in ops {
                match op {
                    Op::Push(key, bits) => {
                        let (key, tid) = (FutexKey::shared(key), Tid::new(next_tid).unwrap());
                        next_tid += 1;
                        let id = futexes.push(key, tid, bits, Kind::Plain(0));
                        model.push((key, tid, bits, id));
                    }
                    Op::Pop(key, bits) => {
                        let key = FutexKey::shared(key);
                        let index = model.iter().position(|waiter| waiter.0 == key && waiter.2 & bits != 0);
                        let expected = index.map(|index| model.remove(index).1);
                        prop_assert_eq!(futexes.pop(key, bits), Ok(expected.map(|tid| (tid, 0))));
                    }
                    Op::Remove(index) if !model.is_empty() => {
                        let (_, _, _, id) = model.remove(index % model.len());
                        futexes.remove(id);
                    }
                    Op::Remove(_) => {}
                    Op::Requeue(from, to) => {
                        let (from, to) = (FutexKey::shared(from), FutexKey::shared(to));
                        let index = model.iter().position(|waiter| waiter.0 == from);
                        prop_assert_eq!(futexes.requeue(from, to), Ok(index.is_some()));
                        if let Some(index) = index {
                            let (_, tid, bits, id) = model.remove(index);
                            model.push((to, tid, bits, id));
                        }
                    }
                }
                prop_assert_eq!(futexes.len(), model.len());
            }
        }
    }

    #[test]
    fn ten_thousand_waiters_leave_in_order() {
        let mut futexes = Futexes::new(1);
        let key = FutexKey::shared(64);
        let mut push = |tid| futexes.push(key, Tid::new(tid).unwrap(), u32::MAX, Kind::Plain(0));
        let ids: Vec<WaitId> = (1..=10_000).map(&mut push).collect();
        for id in ids.iter().step_by(2) {
            futexes.remove(*id);
        }
        let mut next = || futexes.pop(key, u32::MAX).unwrap();
        let woken: Vec<u32> = core::iter::from_fn(&mut next).map(|(tid, _)| tid.get()).collect();
        assert!(woken.iter().copied().eq((2..=10_000).step_by(2)));
        assert!(futexes.is_empty());
    }

    #[test]
    fn who_waits_for_a_lock_is_neither_woken_nor_moved() {
        let mut futexes = Futexes::new(1);
        let (key, other) = (FutexKey::shared(64), FutexKey::shared(128));
        let id = futexes.push(key, Tid::new(1).unwrap(), u32::MAX, Kind::Lock(GuestAddr(64)));
        assert_eq!(futexes.pop(key, u32::MAX), Err(Errno::EINVAL));
        assert_eq!(futexes.requeue(key, other), Err(Errno::EINVAL));
        futexes.shift(id, other, Kind::Plain(3));
        assert_eq!(futexes.pop(other, u32::MAX), Ok(Some((Tid::new(1).unwrap(), 3))));
    }
}
