//! Questions to the host on behalf of calls: which are under way, and what was heard.
//!
//! Owns what a call has heard until it is over, and the effects of answers on the caches. A call that has asked is entered
//! again from its start when the answer is there; what it heard before it hears again, whatever has become of it since.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::call::{Answered, FileAnswer, FileCall, HostCallId, ListedName, Space};
use crate::errno::{Errno, Result};
use crate::fs::Vfs;
use crate::fs::hosted::BridgeId;
use crate::fs::names::Rename;
use crate::fs::node::{FsId, Location, NodeKey};
use crate::fs::tree::Tree;
use crate::fs::view::Env;
use crate::task::Tid;
use crate::time::{Nanos, Now};

/// On whose behalf the host is asked.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Asker {
    /// A thread in a system call.
    Thread(Tid),
    /// A request of the application's, by a number of its choice.
    Request(u64),
}

/// What a call hears.
#[derive(Clone, Debug)]
pub(crate) enum Heard {
    /// It is done.
    Done,
    /// This node it is.
    Node(NodeKey),
    /// An open file, to be [taken](Vfs::take_handle).
    Opened { node: NodeKey, handle: u64 },
    /// Part of a directory.
    Names { names: Arc<[ListedName]>, next: Option<u64> },
    /// So much was written, up to there.
    Written { count: usize, end: u64 },
    /// How full it is.
    Space(Space),
}

/// What an answer changes in the cache.
#[derive(Clone, Debug)]
pub(super) enum Effect {
    /// Nothing.
    Nothing,
    /// A name is entered; or it is not there.
    Name(NodeKey, Vec<u8>),
    /// A name was made.
    Made(NodeKey, Vec<u8>),
    /// Attributes of a node are known.
    Attributes(NodeKey),
    /// Attributes of a node were changed by us.
    Changed(NodeKey),
    /// A name is gone.
    Removed(NodeKey, Vec<u8>),
    /// A name was moved.
    Moved((NodeKey, Vec<u8>), (NodeKey, Vec<u8>), Rename),
    /// Pages of a node are there, if it was not changed since: how often it had been then.
    Pages(NodeKey, u64),
    /// A node was written to.
    Wrote(NodeKey),
}

#[derive(Debug)]
struct Record {
    fs: FsId,
    call: FileCall,
    heard: Result<Heard>,
    /// Whether an open file among it has an owner.
    taken: bool,
}

#[derive(Debug)]
struct Pending {
    id: HostCallId,
    at: Location,
    bridge: BridgeId,
    call: FileCall,
    effect: Effect,
}

impl Record {
    /// Whether it answers this question. An open file has one owner: the next wants another.
    fn answers(&self, fs: FsId, call: &FileCall) -> bool {
        self.fs == fs && !self.taken && self.call.is_same(call)
    }
}

/// One call that has asked.
#[derive(Debug)]
struct Asking {
    asker: Asker,
    records: Vec<Record>,
    pending: Option<Pending>,
    /// Nodes that must not end meanwhile.
    held: Vec<Location>,
}

/// A question on its way to the runtime.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) id: HostCallId,
    pub(crate) bridge: BridgeId,
    /// `None`: the answer is not wanted any more.
    pub(crate) call: Option<FileCall>,
}

/// All questions.
#[derive(Debug, Default)]
pub(crate) struct Asks {
    /// On whose behalf files are used at the moment; nobody's that could wait, if there is none.
    pub(super) asker: Option<Asker>,
    /// The moment, on `CLOCK_MONOTONIC`.
    pub(super) now: Nanos,
    calls: Vec<Asking>,
    /// Questions whose askers are gone, but whose answers change something.
    orphans: BTreeMap<HostCallId, Pending>,
    outgoing: VecDeque<Outgoing>,
    next: u64,
}

impl Asks {
    /// Files are used on this one's behalf.
    pub(crate) fn begin(&mut self, asker: Asker, now: Now) {
        self.asker = Some(asker);
        self.now = now.monotonic;
    }

    /// Files are used on behalf of nobody that could wait.
    pub(crate) fn end(&mut self) {
        self.asker = None;
    }

    /// Whether nobody has asked anything.
    pub(crate) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    fn position(&self, asker: Asker) -> Option<usize> {
        self.calls.iter().position(|call| call.asker == asker)
    }

    /// Whether this asker waits for an answer.
    pub(crate) fn is_pending(&self, asker: Asker) -> bool {
        self.position(asker).is_some_and(|at| self.calls[at].pending.is_some())
    }

    /// Whether this asker waits for an answer that must be waited for: something may be changed by it.
    pub(crate) fn is_changing(&self, asker: Asker) -> bool {
        let pending = self.position(asker).and_then(|at| self.calls[at].pending.as_ref());
        pending.is_some_and(|pending| pending.call.changes())
    }

    /// The next question to be passed on.
    pub(crate) fn next_outgoing(&mut self) -> Option<Outgoing> {
        self.outgoing.pop_front()
    }

    fn send(&mut self, bridge: BridgeId, call: FileCall) -> HostCallId {
        let id = HostCallId(self.next);
        self.next += 1;
        self.outgoing.push_back(Outgoing { id, bridge, call: Some(call) });
        id
    }

    fn of(&mut self, asker: Asker) -> &mut Asking {
        let at = self.position(asker).unwrap_or_else(|| {
            self.calls.push(Asking { asker, records: Vec::new(), pending: None, held: Vec::new() });
            self.calls.len() - 1
        });
        &mut self.calls[at]
    }
}

impl Vfs {
    /// What the host answers to a question about the file system of `at`.
    ///
    /// # Errors
    /// [`Errno::WALK_ON`] while it is not known: the call is parked. What the host answers. `EIO` where nobody could wait.
    pub(super) fn ask(&mut self, at: Location, call: FileCall, effect: Effect) -> Result<Heard> {
        let asker = self.asks.asker.ok_or(Errno::EIO)?;
        let (fs, _) = self.fs_of(at)?;
        let bridge = self.tree(at).and_then(Tree::bridge).ok_or(Errno::EIO)?;
        let asking = self.asks.of(asker);
        if let Some(place) = asking.records.iter().position(|record| record.answers(fs, &call)) {
            // A write that was heard of is behind the call: the next may be the same.
            return match call {
                FileCall::Write { .. } => asking.records.swap_remove(place).heard,
                _ => asking.records[place].heard.clone(),
            };
        }
        if asking.pending.is_some() {
            return Err(Errno::WALK_ON);
        }
        let id = self.asks.send(bridge, call.clone());
        for node in effect.nodes() {
            self.hold_for(asker, Location { mount: at.mount, node });
        }
        self.asks.of(asker).pending = Some(Pending { id, at, bridge, call, effect });
        Err(Errno::WALK_ON)
    }

    /// What a name stands for, told from the cache: heard again should the call go on later.
    pub(super) fn note_known(&mut self, at: Location, call: FileCall, node: NodeKey) {
        let (Some(asker), Ok((fs, _))) = (self.asks.asker, self.fs_of(at)) else { return };
        self.hold_for(asker, Location { mount: at.mount, node });
        self.asks.of(asker).records.push(Record { fs, call, heard: Ok(Heard::Node(node)), taken: false });
    }

    /// What this call heard to a question, if it asked.
    pub(super) fn heard(&self, at: Location, call: &FileCall) -> Option<Result<Heard>> {
        let place = self.asks.position(self.asks.asker?)?;
        let (fs, _) = self.fs_of(at).ok()?;
        let record = self.asks.calls[place]
            .records
            .iter()
            .find(|record| record.fs == fs && record.call.is_same(call))?;
        Some(record.heard.clone())
    }

    fn hold_for(&mut self, asker: Asker, node: Location) {
        self.hold(node);
        self.asks.of(asker).held.push(node);
    }

    /// Asks without waiting for an answer.
    pub(super) fn tell(&mut self, bridge: BridgeId, call: FileCall) {
        self.asks.send(bridge, call);
    }

    /// An open file of the host's now has an owner.
    pub(crate) fn take_handle(&mut self, handle: u64) {
        self.mark_handle(handle, true);
    }

    /// The owner of an open file of the host's has closed it: it goes back to the call that opened it, if that goes on
    /// and may want it again, else it is closed.
    pub(crate) fn give_back_handle(&mut self, at: Location, handle: u64) {
        if !self.mark_handle(handle, false)
            && let Some(bridge) = self.tree(at).and_then(Tree::bridge)
        {
            self.tell(bridge, FileCall::Close { handle });
        }
    }

    fn mark_handle(&mut self, number: u64, taken: bool) -> bool {
        let mut found = false;
        for record in self.asks.calls.iter_mut().flat_map(|call| &mut call.records) {
            if let Ok(Heard::Opened { handle, .. }) = record.heard
                && handle == number
            {
                record.taken = taken;
                found = true;
            }
        }
        found
    }

    /// The call is over, or goes on with something else.
    pub(crate) fn forget_asked(&mut self, asker: Asker) {
        let Some(place) = self.asks.position(asker) else { return };
        let Asking { records, pending, held, .. } = self.asks.calls.swap_remove(place);
        if let Some(pending) = pending {
            // What may have changed something is applied when it comes; the rest is not wanted any more.
            match pending.call {
                FileCall::Stat(_) | FileCall::List { .. } | FileCall::Read { .. } | FileCall::Space => {
                    let Pending { id, bridge, .. } = pending;
                    self.asks.outgoing.push_back(Outgoing { id, bridge, call: None });
                }
                _ => {
                    for node in pending.effect.nodes() {
                        self.hold(Location { mount: pending.at.mount, node });
                    }
                    self.asks.orphans.insert(pending.id, pending);
                }
            }
        }
        for record in records {
            if let Record { fs, heard: Ok(Heard::Opened { handle, .. }), taken: false, .. } = record
                && let Some(bridge) = self.bridge_of(fs)
            {
                self.tell(bridge, FileCall::Close { handle });
            }
        }
        for node in held {
            self.unhold(node);
        }
    }

    /// An answer came. Whose call it was for, if that still waits.
    pub(crate) fn answered(&mut self, id: HostCallId, answer: Answered, env: &mut Env<'_>) -> Option<Asker> {
        if let Some(orphan) = self.asks.orphans.remove(&id) {
            let heard = self.apply(&orphan, answer, env);
            if let Ok(Heard::Opened { handle, .. }) = heard {
                self.tell(orphan.bridge, FileCall::Close { handle });
            }
            for node in orphan.effect.nodes() {
                self.unhold(Location { mount: orphan.at.mount, node });
            }
            return None;
        }
        let is_it = |call: &Asking| call.pending.as_ref().is_some_and(|pending| pending.id == id);
        let place = self.asks.calls.iter().position(is_it)?;
        let pending = self.asks.calls[place].pending.take()?;
        let heard = self.apply(&pending, answer, env);
        let asker = self.asks.calls[place].asker;
        if let Ok(Heard::Node(node) | Heard::Opened { node, .. }) = heard {
            self.hold_for(asker, Location { mount: pending.at.mount, node });
        }
        // Pages are where they are looked for; that they could not be had is to be heard.
        let is_pages = matches!(pending.effect, Effect::Pages(..)) && heard.is_ok();
        if !is_pages && let Ok((fs, _)) = self.fs_of(pending.at) {
            self.asks.of(asker).records.push(Record { fs, call: pending.call, heard, taken: false });
        }
        Some(asker)
    }

    /// Brings the cache up to an answer.
    fn apply(&mut self, pending: &Pending, answer: Answered, env: &mut Env<'_>) -> Result<Heard> {
        let now = env.now.monotonic;
        let tree = self.tree_mut(pending.at)?;
        match (&pending.effect, answer) {
            (Effect::Name(dir, name), Err(errno)) => {
                if errno == Errno::ENOENT {
                    tree.detach(*dir, name);
                }
                Err(errno)
            }
            (_, Err(errno)) => Err(errno),
            (Effect::Name(dir, name) | Effect::Made(dir, name), Ok(FileAnswer::Stat(stat))) => {
                Ok(Heard::Node(tree.adopt(*dir, name, &stat, now)?))
            }
            (Effect::Made(dir, name), Ok(FileAnswer::Opened { handle, stat })) => {
                let node = tree.adopt(*dir, name, &stat, now)?;
                Ok(Heard::Opened { node, handle })
            }
            (Effect::Attributes(node), Ok(FileAnswer::Stat(stat))) => {
                tree.refresh(*node, &stat, now)?;
                Ok(Heard::Node(*node))
            }
            (Effect::Attributes(node), Ok(FileAnswer::Opened { handle, stat })) => {
                tree.refresh(*node, &stat, now)?;
                Ok(Heard::Opened { node: *node, handle })
            }
            (Effect::Changed(node), Ok(FileAnswer::Stat(stat))) => {
                let cut = match &pending.call {
                    FileCall::Change { to, .. } => to.size,
                    _ => None,
                };
                if let Some(size) = cut {
                    self.cut_hosted(Location { mount: pending.at.mount, node: *node }, size, env)?;
                }
                self.tree_mut(pending.at)?.refresh_own(*node, &stat, now)?;
                Ok(Heard::Node(*node))
            }
            (Effect::Removed(dir, name), Ok(_)) => {
                tree.detach(*dir, name);
                Ok(Heard::Done)
            }
            (Effect::Moved(from, to, how), Ok(_)) => {
                let (from, to) = ((from.0, &from.1[..]), (to.0, &to.1[..]));
                match how {
                    Rename::Exchange => tree.swap(from, to),
                    Rename::Replace | Rename::NoReplace => tree.relocate(from, to),
                }
                Ok(Heard::Done)
            }
            (Effect::Pages(node, changes), Ok(FileAnswer::Data(bytes))) => {
                let FileCall::Read { offset, len, .. } = pending.call else { return Err(Errno::EIO) };
                let bytes = &bytes[..bytes.len().min(len)];
                if tree.content(*node)?.changes() == *changes {
                    tree.enter_pages(*node, offset, bytes, len, env.frames)?;
                }
                Ok(Heard::Done)
            }
            (Effect::Wrote(node), Ok(FileAnswer::Written { count, end, stat })) => {
                let FileCall::Write { data, .. } = &pending.call else { return Err(Errno::EIO) };
                let count = count.min(data.len());
                let start = end.checked_sub(count as u64).ok_or(Errno::EIO)?;
                tree.refresh_own(*node, &stat, now)?;
                tree.content_mut(*node)?.wrote(start, &data[..count], env.frames);
                Ok(Heard::Written { count, end })
            }
            (Effect::Nothing, Ok(FileAnswer::Done)) => Ok(Heard::Done),
            (Effect::Nothing, Ok(FileAnswer::Space(space))) => Ok(Heard::Space(space)),
            (Effect::Nothing, Ok(FileAnswer::Names { names, next })) => Ok(Heard::Names { names, next }),
            // The bridge does not answer what it was asked.
            _ => Err(Errno::EIO),
        }
    }
}

impl Effect {
    fn nodes(&self) -> impl Iterator<Item = NodeKey> {
        let (one, other) = match self {
            Effect::Nothing => (None, None),
            Effect::Name(node, _)
            | Effect::Made(node, _)
            | Effect::Attributes(node)
            | Effect::Changed(node)
            | Effect::Removed(node, _)
            | Effect::Pages(node, _)
            | Effect::Wrote(node) => (Some(*node), None),
            Effect::Moved(from, to, _) => (Some(from.0), Some(to.0)),
        };
        [one, other].into_iter().flatten()
    }
}
