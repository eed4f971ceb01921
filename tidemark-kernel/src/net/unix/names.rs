//! Who has which address: binding, and finding a socket by its address.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use super::address::Address;
use crate::errno::{Errno, Result};
use crate::fs::Vfs;
use crate::fs::node::{FileType, FsId, Location, NewNode, NodeKey};
use crate::fs::path::{MAY_WRITE, Walker};
use crate::fs::view::Env;
use crate::net::socket::{Kind, SocketId};

/// Names that are chosen by the kernel: five hexadecimal digits (`unix(7)`, "Autobind feature").
const AUTOBIND_NAMES: u32 = 1 << 20;

/// The addresses in use.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// Abstract ones: each type of socket has its own.
    abstracts: BTreeMap<(Kind, Arc<[u8]>), SocketId>,
    /// Sockets by the node they are bound to.
    nodes: BTreeMap<(FsId, NodeKey), SocketId>,
    next_autobind: u32,
}

impl Vfs {
    /// Gives a socket an address (`bind(2)`). Permissions of a node that is made are `perm`.
    ///
    /// # Errors
    /// `EINVAL` when it has one, `EADDRINUSE`, those of making a node.
    pub(crate) fn bind_unix(
        &mut self,
        who: &Walker<'_>,
        env: &Env<'_>,
        id: SocketId,
        address: &Address,
        perm: u16,
    ) -> Result<()> {
        let kind = self.check_unbound(id)?;
        match address {
            Address::Abstract(name) => {
                let name: Arc<[u8]> = name.as_slice().into();
                let names = &mut self.sockets.names.abstracts;
                if names.contains_key(&(kind, Arc::clone(&name))) {
                    return Err(Errno::EADDRINUSE);
                }
                names.insert((kind, Arc::clone(&name)), id);
                self.sockets.get_mut(id)?.unix_mut().name = Some(name);
            }
            Address::Path(path) => {
                let made = self.make(who, env, who.cwd, path, NewNode::Socket, perm);
                let node = made.map_err(|error| match error {
                    Errno::EEXIST => Errno::EADDRINUSE,
                    error => error,
                })?;
                let (fs, _) = self.fs_of(node)?;
                self.hold(node);
                self.sockets.names.nodes.insert((fs, node.node), id);
                let unix = self.sockets.get_mut(id)?.unix_mut();
                unix.name = Some([path, &b"\0"[..]].concat().into());
                unix.node = Some(node);
            }
        }
        Ok(())
    }

    /// Gives a socket some free abstract address.
    ///
    /// # Errors
    /// `EINVAL` when it has one, `ENOSPC` when none is free.
    pub(crate) fn autobind_unix(&mut self, id: SocketId) -> Result<()> {
        let kind = self.check_unbound(id)?;
        let names = &mut self.sockets.names;
        for _ in 0..AUTOBIND_NAMES {
            let number = names.next_autobind;
            names.next_autobind = (number + 1) % AUTOBIND_NAMES;
            let name: Arc<[u8]> = format!("\0{number:05x}").into_bytes().into();
            if let Entry::Vacant(free) = names.abstracts.entry((kind, Arc::clone(&name))) {
                free.insert(id);
                self.sockets.get_mut(id)?.unix_mut().name = Some(name);
                return Ok(());
            }
        }
        Err(Errno::ENOSPC)
    }

    fn check_unbound(&self, id: SocketId) -> Result<Kind> {
        let socket = self.sockets.get(id)?;
        if socket.unix().name.is_some() { Err(Errno::EINVAL) } else { Ok(socket.kind) }
    }

    /// The socket of this type that has an address.
    ///
    /// # Errors
    /// `ECONNREFUSED` where there is none, `EPROTOTYPE` where it is of another type, `EACCES` and others of the path.
    pub(crate) fn find_unix(&mut self, who: &Walker<'_>, address: &Address, kind: Kind) -> Result<SocketId> {
        match address {
            Address::Abstract(name) => {
                let found = self.sockets.names.abstracts.get(&(kind, name.as_slice().into()));
                found.copied().ok_or(Errno::ECONNREFUSED)
            }
            Address::Path(path) => {
                let node = self.resolve(who, who.cwd, path, true)?;
                self.check_access(&who.view, who.creds, node, MAY_WRITE)?;
                if self.kind(node)? != FileType::Socket {
                    return Err(Errno::ECONNREFUSED);
                }
                let (fs, _) = self.fs_of(node)?;
                let found = self.sockets.names.nodes.get(&(fs, node.node)).copied();
                let found = found.ok_or(Errno::ECONNREFUSED)?;
                if self.sockets.get(found)?.kind == kind { Ok(found) } else { Err(Errno::EPROTOTYPE) }
            }
        }
    }

    /// Gives up the address of a socket that ends: its own, not one that it has from the listener it was accepted by.
    pub(crate) fn unbind_unix(&mut self, id: SocketId, kind: Kind, name: Arc<[u8]>, node: Option<Location>) {
        match node {
            Some(node) => {
                if let Ok((fs, _)) = self.fs_of(node) {
                    self.sockets.names.nodes.remove(&(fs, node.node));
                }
                self.unhold(node);
            }
            None => {
                let names = &mut self.sockets.names.abstracts;
                let key = (kind, name);
                if names.get(&key) == Some(&id) {
                    names.remove(&key);
                }
            }
        }
    }
}
