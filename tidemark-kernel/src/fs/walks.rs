//! Walks of paths that take more than one step under the kernel's lock.
//!
//! Owns what is kept of a walk between two steps, and when it is given up. The walk itself is [`path`](super::path)'s.
//!
//! A walk that has used up its step answers [`Errno::WALK_ON`]. The call then gives the lock away and is entered again
//! as it was before, up to the same walk, which goes on where it was. So handlers need not know; whatever a handler does
//! before its walks it must be able to do again.

use super::Vfs;
use super::hosted::asks::Asker;
use super::node::Location;
use super::path::{Found, Goal, Resolve};
use crate::task::Tid;

/// What a step may take of a walk, in the time of stepping over one `.`.
pub(super) const STEP_WORK: usize = 2048;

/// What a walk is the same by when its call is entered again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct WalkKey {
    pub(super) root: Location,
    pub(super) base: Location,
    pub(super) path: Vec<u8>,
    pub(super) goal: Goal,
    pub(super) limits: Resolve,
}

/// How far a walk came.
#[derive(Clone, Debug)]
pub(super) struct Midway {
    pub(super) at: Location,
    pub(super) rest: Vec<u8>,
    pub(super) links: u32,
}

/// Where a walk is, or where it ended.
#[derive(Clone, Debug)]
pub(super) enum Walked {
    Midway(Midway),
    /// Kept, since the next walk of the same call may need another step.
    Found(Found),
}

impl Walked {
    /// The nodes that must not end meanwhile.
    fn nodes(&self) -> [Option<Location>; 2] {
        match self {
            Walked::Midway(midway) => [Some(midway.at), None],
            Walked::Found(found) => [Some(found.dir), found.node],
        }
    }
}

/// The long walks of the call that a thread is in.
#[derive(Debug)]
pub(super) struct Walks {
    tid: Tid,
    list: Vec<(WalkKey, Walked)>,
}

impl Vfs {
    /// How far this walk of a thread's call has come in the steps before.
    pub(super) fn known_walk(&self, tid: Tid, mut is_it: impl FnMut(&WalkKey) -> bool) -> Option<Walked> {
        let walks = self.walks.iter().find(|walks| walks.tid == tid)?;
        walks.list.iter().find(|(key, _)| is_it(key)).map(|(_, walked)| walked.clone())
    }

    /// Keeps how far a walk has come, and what it needs.
    pub(super) fn keep_walk(&mut self, tid: Tid, key: WalkKey, walked: Walked) {
        for node in walked.nodes().into_iter().flatten() {
            self.hold(node);
        }
        let place = self.walks.iter().position(|walks| walks.tid == tid).unwrap_or_else(|| {
            self.walks.push(Walks { tid, list: Vec::new() });
            self.walks.len() - 1
        });
        let list = &mut self.walks[place].list;
        let old = match list.iter_mut().find(|(known, _)| *known == key) {
            Some((_, known)) => Some(core::mem::replace(known, walked)),
            None => {
                list.push((key, walked));
                None
            }
        };
        old.into_iter().for_each(|old| self.let_go(&old));
    }

    /// The thread's call is over, or goes on with something else.
    #[inline]
    pub(crate) fn forget_walks(&mut self, tid: Tid) {
        // Every call of every thread ends here, and hardly any walks that far.
        if !self.walks.is_empty() {
            self.drop_walks(tid);
        }
        if !self.asks.is_empty() {
            self.forget_asked(Asker::Thread(tid));
        }
    }

    #[cold]
    fn drop_walks(&mut self, tid: Tid) {
        if let Some(place) = self.walks.iter().position(|walks| walks.tid == tid) {
            for (_, walked) in self.walks.swap_remove(place).list {
                self.let_go(&walked);
            }
        }
    }

    fn let_go(&mut self, walked: &Walked) {
        for node in walked.nodes().into_iter().flatten() {
            self.unhold(node);
        }
    }

    /// Whether no thread is in the middle of a walk.
    #[cfg(test)]
    pub(crate) fn no_walks(&self) -> bool {
        self.walks.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::errno::{Errno, Result};
    use crate::fs::path::Walker;
    use crate::fs::testing::Bench;

    const TID: Tid = Tid::new(7).unwrap();

    /// Walks in steps; `between` runs after the first. How many steps it took, and what came out.
    fn steps(bench: &mut Bench, path: &str, between: impl FnOnce(&mut Bench)) -> (usize, Result<Location>) {
        let step = |bench: &mut Bench| {
            bench.with(|fs, who, _, cwd| {
                let who = Walker { in_steps: Some(TID), creds: who.creds, view: who.view, ..*who };
                fs.resolve(&who, cwd, path.as_bytes(), true)
            })
        };
        let mut result = step(bench);
        between(bench);
        for count in 1.. {
            if result != Err(Errno::WALK_ON) {
                bench.fs.forget_walks(TID);
                return (count, result);
            }
            result = step(bench);
        }
        unreachable!("counting does not end")
    }

    #[test]
    fn long_paths_and_links_take_steps_and_end_where_they_should() {
        let mut bench = Bench::new();
        bench.mkdir("d").unwrap();
        bench.write_file("end", b"x").unwrap();
        let long = "d/../".repeat(800);
        bench.symlink(&format!("{long}end"), "link0").unwrap();
        for number in 1..40 {
            bench.symlink(&format!("{long}link{}", number - 1), &format!("link{number}")).unwrap();
        }
        let end = bench.find("end");
        let (count, found) = steps(&mut bench, "link39", |_| {});
        assert_eq!(found, end);
        // Two look-ups for five bytes of a path.
        let work = 40 * 800 * 2 * super::super::path::LOOKUP_WORK;
        assert!((work / STEP_WORK..2 * work / STEP_WORK).contains(&count), "{count} steps");
        assert_eq!(steps(&mut bench, "d/../end", |_| {}), (1, end));
        bench.symlink("link39", "link40").unwrap();
        assert_eq!(steps(&mut bench, "link40", |_| {}).1, Err(Errno::ELOOP));
        assert!(bench.fs.no_walks());
    }

    #[test]
    fn a_directory_that_is_removed_under_a_walk_is_kept_for_it() {
        let mut bench = Bench::new();
        bench.mkdir("d").unwrap();
        bench.mkdir("d/e").unwrap();
        let path = format!("d/e/{}.", "./".repeat(2 * STEP_WORK));
        let place = bench.find("d/e").unwrap();
        let (count, found) = steps(&mut bench, &path, |bench| bench.remove("d/e", true).unwrap());
        assert_eq!(found, Ok(place), "as Linux, where a walk holds what it is in");
        assert!(count > 1 && bench.fs.no_walks());
        assert_eq!(bench.fs.kind(place), Err(Errno::ENOENT), "and lets it go");
    }
}
