//! Keys and ids: how an object is found, and who may use it (`sysvipc(7)`).
//!
//! Owns the numbering and the permission rules, which the three kinds share.

use std::collections::{BTreeMap, BTreeSet};

use super::limits::OBJECTS_MOST;
use crate::errno::{Errno, Result};
use crate::task::{Capabilities, Creds, Gid, Uid};

/// What processes agree on (`ftok(3)`).
pub(crate) type Key = i32;

/// The key of an object that only its id leads to.
pub(crate) const IPC_PRIVATE: Key = 0;

const IPC_CREAT: u32 = 0o1000;
const IPC_EXCL: u32 = 0o2000;

/// Bits of an id that are the place in the table (`IPCMNI_SHIFT`); above them is a serial number.
const PLACE_BITS: u32 = 15;

const _: () = assert!(OBJECTS_MOST == 1 << PLACE_BITS);

/// What is wanted of an object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Wanted(u32);

impl Wanted {
    /// To look.
    pub(crate) const READ: Wanted = Wanted(4);
    /// To change.
    pub(crate) const WRITE: Wanted = Wanted(2);
    /// To run as a program.
    pub(crate) const EXECUTE: Wanted = Wanted(1);

    /// Whatever any class of `mode` has, as `*get` calls ask; or, with one digit, that.
    pub(crate) const fn of_mode(mode: u32) -> Wanted {
        Wanted((mode >> 6 | mode >> 3 | mode) & 7)
    }

    /// Both.
    pub(crate) const fn and(self, other: Wanted) -> Wanted {
        Wanted(self.0 | other.0)
    }
}

/// `struct ipc_perm`: whose an object is and who may use it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Permissions {
    pub(crate) key: Key,
    pub(crate) uid: Uid,
    pub(crate) gid: Gid,
    pub(crate) creator_uid: Uid,
    pub(crate) creator_gid: Gid,
    /// Nine bits of permissions.
    pub(crate) mode: u32,
    /// The id.
    pub(crate) id: i32,
}

impl Permissions {
    /// Checks what is wanted (`ipcperms` in Linux).
    ///
    /// # Errors
    /// `EACCES`.
    pub(crate) fn check(&self, creds: &Creds, wanted: Wanted) -> Result<()> {
        let class = if creds.euid == self.creator_uid || creds.euid == self.uid {
            self.mode >> 6
        } else if creds.in_group(self.creator_gid) || creds.in_group(self.gid) {
            self.mode >> 3
        } else {
            self.mode
        };
        let lacking = wanted.0 & !class & 7;
        if lacking == 0 || creds.can(Capabilities::IPC_OWNER) { Ok(()) } else { Err(Errno::EACCES) }
    }

    /// Whether the caller may change or remove the object.
    ///
    /// # Errors
    /// `EPERM`.
    pub(crate) fn check_owner(&self, creds: &Creds) -> Result<()> {
        let owner = creds.euid == self.uid || creds.euid == self.creator_uid;
        if owner || creds.can(Capabilities::SYS_ADMIN) { Ok(()) } else { Err(Errno::EPERM) }
    }

    /// The serial number in the id (`__seq`).
    pub(crate) fn serial(&self) -> u16 {
        (self.id >> PLACE_BITS) as u16
    }

    /// What `IPC_SET` changes: owner, group and the bits of the mode.
    ///
    /// # Errors
    /// `EINVAL` for an id that is none.
    pub(crate) fn set(&mut self, uid: Uid, gid: Gid, mode: u32) -> Result<()> {
        if uid == u32::MAX || gid == u32::MAX {
            return Err(Errno::EINVAL);
        }
        (self.uid, self.gid, self.mode) = (uid, gid, mode & 0o777);
        Ok(())
    }
}

/// An object of one of the kinds.
pub(crate) trait Object {
    fn permissions(&self) -> &Permissions;
    fn permissions_mut(&mut self) -> &mut Permissions;
}

/// What a key leads to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Found {
    /// This object, by id.
    There(i32),
    /// None: make one.
    New,
}

/// All objects of one kind.
#[derive(Debug)]
pub(crate) struct Table<T> {
    slots: Vec<Option<Box<T>>>,
    free: BTreeSet<u32>,
    by_key: BTreeMap<Key, u32>,
    serial: u32,
    last: Option<u32>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Table { slots: Vec::new(), free: BTreeSet::new(), by_key: BTreeMap::new(), serial: 0, last: None }
    }
}

impl<T: Object> Table<T> {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// The highest place in use; zero if none is, as Linux answers then.
    pub(crate) fn highest(&self) -> usize {
        self.iter().next_back().map_or(0, |(place, _)| place as usize)
    }

    /// All, by place.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (u32, &T)> {
        let slots = self.slots.iter().enumerate();
        slots.filter_map(|(place, slot)| Some((place as u32, slot.as_deref()?)))
    }

    /// What `key` leads to, as `flags` of a `*get` call want it; `check` compares what is wanted with what is there.
    ///
    /// # Errors
    /// `ENOENT`, `EEXIST`, `EACCES`, and those of `check`.
    pub(crate) fn look_up(
        &self,
        key: Key,
        flags: u32,
        creds: &Creds,
        check: impl FnOnce(&T) -> Result<()>,
    ) -> Result<Found> {
        if key == IPC_PRIVATE {
            return Ok(Found::New);
        }
        let object = self.by_key.get(&key).and_then(|place| self.at(*place));
        let Some(object) = object else {
            return if flags & IPC_CREAT == 0 { Err(Errno::ENOENT) } else { Ok(Found::New) };
        };
        if flags & (IPC_CREAT | IPC_EXCL) == IPC_CREAT | IPC_EXCL {
            return Err(Errno::EEXIST);
        }
        check(object)?;
        object.permissions().check(creds, Wanted::of_mode(flags))?;
        Ok(Found::There(object.permissions().id))
    }

    /// Enters an object that `make` makes of its permissions. Its id.
    ///
    /// # Errors
    /// `ENOSPC` when there are `most` already.
    pub(crate) fn insert(
        &mut self,
        key: Key,
        flags: u32,
        creds: &Creds,
        most: u32,
        make: impl FnOnce(Permissions) -> T,
    ) -> Result<i32> {
        if self.len() >= most.min(OBJECTS_MOST) as usize {
            return Err(Errno::ENOSPC);
        }
        let place = self.free.pop_first().unwrap_or(self.slots.len() as u32);
        // An id is used again only after many others.
        if self.last.is_some_and(|last| place <= last) {
            self.serial = (self.serial + 1) % (1 << (i32::BITS - 1 - PLACE_BITS));
        }
        self.last = Some(place);
        let id = (self.serial << PLACE_BITS | place) as i32;
        let object = make(Permissions {
            key,
            uid: creds.euid,
            gid: creds.egid,
            creator_uid: creds.euid,
            creator_gid: creds.egid,
            mode: flags & 0o777,
            id,
        });
        if place as usize == self.slots.len() {
            self.slots.push(None);
        }
        self.slots[place as usize] = Some(Box::new(object));
        if key != IPC_PRIVATE {
            self.by_key.insert(key, place);
        }
        Ok(id)
    }

    /// The object at a place.
    pub(crate) fn at(&self, place: u32) -> Option<&T> {
        self.slots.get(place as usize)?.as_deref()
    }

    /// The object at a place that a guest names (`SHM_STAT` and its kin).
    ///
    /// # Errors
    /// `EINVAL`.
    pub(crate) fn at_place(&self, place: i32) -> Result<&T> {
        u32::try_from(place).ok().and_then(|place| self.at(place)).ok_or(Errno::EINVAL)
    }

    /// The object of an id.
    ///
    /// # Errors
    /// `EINVAL`.
    pub(crate) fn get(&self, id: i32) -> Result<&T> {
        self.at(place_of(id)?).filter(|object| object.permissions().id == id).ok_or(Errno::EINVAL)
    }

    /// The object of an id.
    ///
    /// # Errors
    /// `EINVAL`.
    pub(crate) fn get_mut(&mut self, id: i32) -> Result<&mut T> {
        let object = self.slots.get_mut(place_of(id)? as usize).and_then(Option::as_deref_mut);
        object.filter(|object| object.permissions().id == id).ok_or(Errno::EINVAL)
    }

    /// Takes an object's key away: only its id leads to it now.
    pub(crate) fn hide(&mut self, id: i32) {
        let Ok(object) = self.get_mut(id) else { return };
        let key = core::mem::replace(&mut object.permissions_mut().key, IPC_PRIVATE);
        self.by_key.remove(&key);
    }

    /// Takes an object out.
    pub(crate) fn remove(&mut self, id: i32) -> Option<Box<T>> {
        self.hide(id);
        let place = place_of(id).ok()?;
        self.get(id).ok()?;
        self.free.insert(place);
        self.slots.get_mut(place as usize)?.take()
    }
}

fn place_of(id: i32) -> Result<u32> {
    let id = u32::try_from(id).map_err(|_| Errno::EINVAL)?;
    Ok(id & (OBJECTS_MOST - 1))
}
