//! What `/proc/sysvipc` tells of the objects (`proc_sysvipc(5)`), a part at a time.

use core::fmt::Write;

use super::ids::{Object, Permissions, Table};
use super::shm::Segment;
use crate::addr::PAGE_SIZE;
use crate::limits::STEP_ITEMS;
use crate::mem::object::ObjectId;
use crate::system::System;
use crate::task::Pid;

/// A part of a text, and where the next goes on.
type Part = (Vec<u8>, Option<u64>);

impl System {
    /// `/proc/sysvipc/shm`, from an object on.
    pub(crate) fn report_segments(&mut self, from: u64) -> Part {
        const HEADER: &str = "       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      dtime      ctime                   rss                  swap\n";
        let mem = &self.mem;
        rows(&self.ipc.segments, HEADER, from, |text, segment| {
            let permissions = segment.permissions();
            let _ = writeln!(
                text,
                "{}  {:4o} {:21} {:5} {:5}  {:5} {} {:10} {:10} {:10} {:21} {:21}",
                identity(permissions),
                segment.shown_mode(),
                segment.size,
                segment.creator.get(),
                number(segment.last),
                mem.segment_attachments(segment.object),
                owners(permissions),
                segment.attached,
                segment.detached,
                segment.changed,
                mem.segment_pages(segment.object) * PAGE_SIZE,
                0
            );
        })
    }

    /// `/proc/sysvipc/sem`, from an object on.
    pub(crate) fn report_semaphores(&mut self, from: u64) -> Part {
        const HEADER: &str =
            "       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime\n";
        rows(&self.ipc.semaphores.table, HEADER, from, |text, set| {
            let permissions = set.permissions();
            let _ = writeln!(
                text,
                "{}  {:4o} {:10} {} {:10} {:10}",
                identity(permissions),
                permissions.mode,
                set.values.all().len(),
                owners(permissions),
                set.operated,
                set.changed
            );
        })
    }

    /// `/proc/sysvipc/msg`, from an object on.
    pub(crate) fn report_queues(&mut self, from: u64) -> Part {
        const HEADER: &str = "       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid      stime      rtime      ctime\n";
        rows(&self.ipc.queues.table, HEADER, from, |text, queue| {
            let permissions = queue.permissions();
            let _ = writeln!(
                text,
                "{}  {:4o}  {:10} {:10} {:5} {:5} {} {:10} {:10} {:10}",
                identity(permissions),
                permissions.mode,
                queue.bytes,
                queue.len(),
                number(queue.last_sender),
                number(queue.last_receiver),
                owners(permissions),
                queue.sent,
                queue.received,
                queue.changed
            );
        })
    }
}

impl System {
    /// How `/proc/PID/maps` shows a segment: its id and its name, if that is what an object is.
    pub(crate) fn segment_name(&self, object: ObjectId) -> Option<(u64, Vec<u8>)> {
        let id = self.mem.segment_of(object)?;
        let key = self.ipc.segments.get(id).ok()?.permissions().key;
        Some((id as u64, format!("/SYSV{key:08x} (deleted)").into_bytes()))
    }
}

impl Segment {
    /// The mode with the marks that `ipcs` shows: `SHM_DEST` and `SHM_LOCKED`.
    pub(crate) fn shown_mode(&self) -> u32 {
        const SHM_DEST: u32 = 0o1000;
        const SHM_LOCKED: u32 = 0o2000;
        let doomed = if self.doomed { SHM_DEST } else { 0 };
        let locked = if self.locked { SHM_LOCKED } else { 0 };
        self.permissions().mode | doomed | locked
    }
}

/// The rows of a step's objects, from a place on. Writing to a string cannot fail.
fn rows<T: Object>(table: &Table<T>, header: &str, from: u64, mut row: impl FnMut(&mut String, &T)) -> Part {
    let mut text = if from == 0 { header.to_owned() } else { String::new() };
    let mut objects = table.iter().filter(|(place, _)| u64::from(*place) >= from);
    for (_, object) in objects.by_ref().take(STEP_ITEMS) {
        row(&mut text, object);
    }
    let next = objects.next().map(|(place, _)| u64::from(place));
    (text.into_bytes(), next)
}

fn identity(permissions: &Permissions) -> String {
    format!("{:10} {:10}", permissions.key, permissions.id)
}

fn owners(permissions: &Permissions) -> String {
    let Permissions { uid, gid, creator_uid, creator_gid, .. } = permissions;
    format!("{uid:5} {gid:5} {creator_uid:5} {creator_gid:5}")
}

fn number(pid: Option<Pid>) -> u32 {
    pid.map_or(0, Pid::get)
}
