//! Sockets that nobody can receive any more: each of their files' references is in a message, and all those messages are
//! in such sockets. Linux collects them too (`net/unix/garbage.c`).

use std::collections::{BTreeMap, BTreeSet};

use super::socket::{Socket, SocketId};
use crate::fs::file::FileKind;
use crate::fs::view::Env;
use crate::fs::{FileId, Vfs};

impl Vfs {
    /// Notes that a file's last references are all on their way, perhaps in a circle.
    pub(crate) fn suspect_garbage(&mut self) {
        self.sockets.garbage = true;
    }

    /// Whether [`Vfs::collect_garbage`] has something to look at.
    pub(crate) fn sockets_need_collecting(&self) -> bool {
        self.sockets.garbage
    }

    /// Empties sockets that nobody can receive any more; that ends them.
    pub(crate) fn collect_garbage(&mut self, env: &mut Env<'_>) {
        if !core::mem::take(&mut self.sockets.garbage) {
            return;
        }
        // What each socket's messages hold; a connection that waits is reached through its listener.
        let holds: BTreeMap<SocketId, Vec<FileId>> =
            self.sockets.holders.iter().map(|&id| (id, self.held_by(id))).collect();
        let waits_at = self.listeners_of(&holds);
        let owner = |id: SocketId| self.sockets.file_of(waits_at.get(&id).copied().unwrap_or(id));
        let is_suspect = |file: FileId| {
            let open = self.file(file);
            open.is_ok_and(|open| open.in_flight > 0 && open.references() == open.in_flight)
        };
        // Everything that can be reached from a file that somebody has.
        let mut reached: BTreeSet<FileId> = BTreeSet::new();
        let mut by_owner: BTreeMap<FileId, Vec<SocketId>> = BTreeMap::new();
        let mut next: Vec<SocketId> = Vec::new();
        for &id in holds.keys() {
            match owner(id) {
                Some(file) if is_suspect(file) => by_owner.entry(file).or_default().push(id),
                _ => next.push(id),
            }
        }
        while let Some(id) = next.pop() {
            for &file in holds.get(&id).into_iter().flatten() {
                if reached.insert(file) {
                    next.extend(by_owner.get(&file).into_iter().flatten());
                }
            }
        }
        let dead: Vec<SocketId> = by_owner
            .into_iter()
            .filter(|(file, _)| !reached.contains(file))
            .flat_map(|(_, ids)| ids)
            .collect();
        for id in dead {
            self.sockets.empty_inbox(id, env);
        }
    }

    /// The sockets in a socket's messages.
    fn held_by(&self, id: SocketId) -> Vec<FileId> {
        let inbox = self.sockets.get(id).map(Socket::unix).into_iter().flat_map(|unix| &unix.inbox);
        let files = inbox.flat_map(|message| &message.rights.files).copied();
        files
            .filter(|file| self.file(*file).is_ok_and(|open| matches!(open.kind, FileKind::Socket(_))))
            .collect()
    }

    /// The listeners at which those without a file wait.
    fn listeners_of(&self, holds: &BTreeMap<SocketId, Vec<FileId>>) -> BTreeMap<SocketId, SocketId> {
        let mut found = BTreeMap::new();
        if holds.keys().all(|id| self.sockets.file_of(*id).is_some()) {
            return found;
        }
        for (listener, socket) in self.sockets.table.iter() {
            for &waiting in &socket.unix().pending {
                found.insert(waiting, SocketId(listener));
            }
        }
        found
    }
}
