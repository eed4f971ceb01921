//! ppoll, pselect6 and epoll: waiting for several files at once.

use super::{Cx, SysResult};
use crate::addr::GuestAddr;
use crate::errno::{Errno, Result};
use crate::fs::FileId;
use crate::fs::descriptors::Fd;
use crate::fs::epoll::Ctl;
use crate::fs::file::FileKind;
use crate::fs::flags::OpenFlags;
use crate::limits::STEP_ITEMS;
use crate::task::Resource;
use crate::time::{NANOS_PER_SECOND, Timespec};
use crate::wait::{Entry, Events, Flow, Restart};

/// One file that a call waits for: its place in the guest's list, and what it asks of it.
#[derive(Clone, Copy, Debug)]
struct Wanted {
    fd: i32,
    events: Events,
}

/// Reads a relative timeout once and makes it the call's deadline; a null pointer is 'for ever'.
fn read_timeout(cx: &mut Cx<'_>, timeout: GuestAddr) -> Result<()> {
    if cx.entry == Entry::First && !timeout.is_null() {
        let after = cx.read_pod::<Timespec>(timeout)?.nanos()?;
        cx.deadline_after(after);
    }
    Ok(())
}

fn is_due(cx: &Cx<'_>) -> bool {
    cx.entry == Entry::Timeout || cx.progress.deadline.is_some_and(|at| at <= cx.now().monotonic)
}

/// Tells the guest how much of its timeout is left, as Linux does in `ppoll` and `pselect6`. Where that cannot be
/// written, the call's result stands.
fn write_left(cx: &mut Cx<'_>, timeout: GuestAddr) {
    if let Some(deadline) = cx.progress.deadline.filter(|_| !timeout.is_null()) {
        let left = deadline.saturating_sub(cx.now().monotonic);
        let _ = cx.write_pod(timeout, &Timespec::new(left));
    }
}

/// What a file is ready for, of what is asked and what is always told.
fn ready_for(cx: &mut Cx<'_>, wanted: Wanted) -> Events {
    let always = Events::ERR.union(Events::HUP).union(Events::NVAL);
    match Fd::new(wanted.fd).and_then(|fd| cx.current_file(fd)) {
        Ok(file) => {
            let ready = cx.sys.poll_file(file, cx.tid).unwrap_or(Events::NVAL);
            ready.and(wanted.events.union(always))
        }
        Err(_) => Events::NVAL,
    }
}

/// Files that one step looks at.
const STEP_FILES: u64 = 2 * STEP_ITEMS as u64;

/// How far a call has looked at its files. Where they are many it does so in steps, and begins to wait for each file as
/// it sees that it is not ready: what happens to one while the others are looked at is not missed.
#[derive(Clone, Copy, Debug, Default)]
struct Look {
    /// Files before this place were looked at.
    next: u64,
    /// Those of them that are ready.
    told: u64,
    /// A signal ended the wait before this look.
    interrupted: bool,
    /// Whether waiting has begun.
    waits: bool,
}

impl Look {
    fn begin(cx: &mut Cx<'_>) -> Look {
        cx.sys.fs.let_go_of_waited(&mut cx.progress.files);
        Look { interrupted: cx.entry == Entry::Signal, ..Look::default() }
    }

    /// A file is not ready, and the call goes on looking: waits for it if it may come to that.
    fn wait_for(&mut self, cx: &mut Cx<'_>, wanted: Wanted) -> Result<()> {
        if self.told > 0 || self.interrupted || is_due(cx) {
            return Ok(());
        }
        let file = cx.current_file(Fd::new(wanted.fd)?)?;
        let waiter = cx.waiter(wanted.events);
        self.waits = true;
        // Who closes it meanwhile does not end the wait: what happens to the file still does.
        cx.sys.fs.hold_waited(&mut cx.progress.files, file);
        cx.sys.wait_file(file, waiter, cx.tid)
    }

    /// The call ends with this look.
    fn end(self, cx: &mut Cx<'_>) {
        if self.waits {
            cx.forget_waiters();
        }
    }
}

/// `ppoll(2)`
pub fn ppoll(
    cx: &mut Cx<'_>,
    fds: GuestAddr,
    count: u64,
    timeout: GuestAddr,
    sigmask: GuestAddr,
    sigsetsize: usize,
) -> SysResult {
    read_timeout(cx, timeout)?;
    if count > cx.process().rlimits.soft(Resource::Descriptors) {
        return Err(Errno::EINVAL);
    }
    cx.temporary_mask(sigmask, sigsetsize)?;
    let kept = cx.progress.state.take().and_then(|state| state.downcast::<Look>().ok());
    let mut look = kept.map_or_else(|| Look::begin(cx), |kept| *kept);
    let end = count.min(look.next + STEP_FILES);
    if let Err(error) = poll_step(cx, fds, end, &mut look) {
        look.end(cx);
        return Err(error);
    }
    if end < count {
        cx.progress.state = Some(Box::new(look));
        return Ok(Flow::Again);
    }
    if look.told > 0 || is_due(cx) {
        look.end(cx);
        write_left(cx, timeout);
        return Ok(Flow::Done(look.told));
    }
    if look.interrupted {
        write_left(cx, timeout);
        return Ok(Flow::Interrupted(Restart::NoHandler));
    }
    Ok(cx.block())
}

/// Looks at the files up to place `end`.
fn poll_step(cx: &mut Cx<'_>, fds: GuestAddr, end: u64, look: &mut Look) -> Result<()> {
    while look.next < end {
        let entry = fds.add(look.next * 8)?;
        let fd: i32 = cx.read_pod(entry)?;
        let events: u16 = cx.read_pod(entry.add(4)?)?;
        let wanted = Wanted { fd, events: Events(events.into()) };
        // A negative descriptor switches an entry off.
        let ready = if fd < 0 { Events::default() } else { ready_for(cx, wanted) };
        cx.write_pod(entry.add(6)?, &(ready.0 as u16))?;
        if !ready.is_empty() {
            look.told += 1;
        } else if fd >= 0 {
            look.wait_for(cx, wanted)?;
        }
        look.next += 1;
    }
    Ok(())
}

/// The three sets of `select(2)`: what each asks for, and what counts as that (`select(2)`, "Correspondence between
/// select() and poll() notifications").
const SETS: [(Events, Events); 3] = [
    (Events::IN, Events(Events::IN.0 | Events::HUP.0 | Events::ERR.0)),
    (Events::OUT, Events(Events::OUT.0 | Events::ERR.0)),
    (Events::PRI, Events::PRI),
];
/// Descriptors that `select(2)` can name.
const FD_SETSIZE: u32 = 1024;

/// Bit sets of descriptors, as the guest passed them: read once, since results are written over them.
struct Sets {
    bits: [Option<Vec<u64>>; 3],
    results: [Vec<u64>; 3],
    look: Look,
}

/// `pselect6(2)`; the last argument points to `{ sigset_t *mask; size_t size }`.
pub fn pselect6(
    cx: &mut Cx<'_>,
    count: i32,
    reads: GuestAddr,
    writes: GuestAddr,
    exceptions: GuestAddr,
    timeout: GuestAddr,
    sigmask: GuestAddr,
) -> SysResult {
    read_timeout(cx, timeout)?;
    let table = cx.fd_table();
    let open_limit = cx.sys.fs.table(table)?.size().max(FD_SETSIZE as usize);
    let count = usize::try_from(count).map_err(|_| Errno::EINVAL)?.min(open_limit);
    if cx.entry == Entry::First && !sigmask.is_null() {
        let [mask, size]: [u64; 2] = cx.read_pod(sigmask)?;
        cx.temporary_mask(GuestAddr(mask), usize::try_from(size).unwrap_or(usize::MAX))?;
    }
    let words = count.div_ceil(64);
    let addrs = [reads, writes, exceptions];
    let kept = cx.progress.state.take().and_then(|state| state.downcast::<Sets>().ok());
    let mut sets = match kept {
        Some(sets) => sets,
        None => Box::new(read_sets(cx, addrs, words)?),
    };
    if cx.entry != Entry::Step {
        sets.look = Look::begin(cx);
        sets.results = [vec![0; words], vec![0; words], vec![0; words]];
    }
    let looked = select_step(cx, &mut sets, count);
    match looked {
        Ok(true) => {}
        Ok(false) => {
            cx.progress.state = Some(sets);
            return Ok(Flow::Again);
        }
        Err(error) => {
            sets.look.end(cx);
            return Err(error);
        }
    }
    let look = sets.look;
    if look.told > 0 || is_due(cx) {
        look.end(cx);
        for ((addr, set), result) in addrs.into_iter().zip(&sets.bits).zip(&sets.results) {
            if set.is_some() {
                let bytes: Vec<u8> = result.iter().flat_map(|word| word.to_le_bytes()).collect();
                cx.write_user(addr, &bytes)?;
            }
        }
        write_left(cx, timeout);
        return Ok(Flow::Done(look.told));
    }
    if look.interrupted {
        write_left(cx, timeout);
        return Ok(Flow::Interrupted(Restart::NoHandler));
    }
    cx.progress.state = Some(sets);
    Ok(cx.block())
}

/// Looks at some of the descriptors below `count`. Whether at the last.
fn select_step(cx: &mut Cx<'_>, sets: &mut Sets, count: usize) -> Result<bool> {
    let Sets { bits, results, look } = sets;
    let mut left = STEP_FILES;
    for fd in look.next as usize..count {
        let mut events = Events::default();
        for (set, (asked, _)) in bits.iter().zip(SETS) {
            let word = set.as_ref().and_then(|set| set.get(fd / 64)).copied().unwrap_or(0);
            if word >> (fd % 64) & 1 != 0 {
                events = events.union(asked);
            }
        }
        look.next = fd as u64 + 1;
        if events.is_empty() {
            continue;
        }
        let wanted = Wanted { fd: fd as i32, events };
        let ready = ready_for(cx, wanted);
        if ready == Events::NVAL {
            return Err(Errno::EBADF);
        }
        let before = look.told;
        for (result, (asked, counts)) in results.iter_mut().zip(SETS) {
            if events.intersects(asked)
                && ready.intersects(counts)
                && let Some(word) = result.get_mut(fd / 64)
            {
                *word |= 1 << (fd % 64);
                look.told += 1;
            }
        }
        if look.told == before {
            look.wait_for(cx, wanted)?;
        }
        left -= 1;
        if left == 0 {
            return Ok(fd + 1 == count);
        }
    }
    Ok(true)
}

fn read_sets(cx: &mut Cx<'_>, addrs: [GuestAddr; 3], words: usize) -> Result<Sets> {
    let mut bits = [None, None, None];
    for (set, addr) in bits.iter_mut().zip(addrs) {
        if !addr.is_null() {
            let mut bytes = vec![0; words * 8];
            cx.read_user(addr, &mut bytes)?;
            let (chunks, _) = bytes.as_chunks::<8>();
            *set = Some(chunks.iter().map(|chunk| u64::from_le_bytes(*chunk)).collect());
        }
    }
    Ok(Sets { bits, results: [Vec::new(), Vec::new(), Vec::new()], look: Look::default() })
}

/// `epoll_create1(2)`
pub fn epoll_create1(cx: &mut Cx<'_>, flags: OpenFlags) -> SysResult {
    if flags.without(OpenFlags::CLOSE_ON_EXEC) != OpenFlags(0) {
        return Err(Errno::EINVAL);
    }
    let file = cx.sys.fs.open_anonymous(FileKind::Epoll(Box::default()), OpenFlags(0))?;
    let fd = cx.install(file, flags.has(OpenFlags::CLOSE_ON_EXEC))?;
    Ok(Flow::Done(fd.get().into()))
}

/// Bytes of a `struct epoll_event`: not packed outside of x86.
const EPOLL_EVENT_BYTES: u64 = 16;

/// `epoll_ctl(2)`
pub fn epoll_ctl(cx: &mut Cx<'_>, epfd: Fd, op: u32, fd: Fd, event: GuestAddr) -> SysResult {
    let ctl = match op {
        1 => Ctl::Add,
        2 => Ctl::Delete,
        3 => Ctl::Modify,
        _ => return Err(Errno::EINVAL),
    };
    let (mut events, mut data) = (0, 0);
    if ctl != Ctl::Delete {
        events = cx.read_pod(event)?;
        data = cx.read_pod(event.add(8)?)?;
    }
    let epoll = cx.usable_file(epfd)?;
    let file = cx.file(fd)?;
    cx.sys.epoll_ctl(cx.tid, epoll, ctl, (fd, file), events, data)?;
    Ok(Flow::Done(0))
}

/// `epoll_pwait(2)`: the timeout is in milliseconds, negative for ever.
pub fn epoll_pwait(
    cx: &mut Cx<'_>,
    epfd: Fd,
    events: GuestAddr,
    max: i32,
    timeout: i32,
    sigmask: GuestAddr,
    sigsetsize: usize,
) -> SysResult {
    if cx.entry == Entry::First
        && let Ok(milliseconds) = u64::try_from(timeout)
    {
        cx.deadline_after(milliseconds * (NANOS_PER_SECOND / 1000));
    }
    epoll_wait(cx, epfd, events, max, sigmask, sigsetsize)
}

/// `epoll_pwait2(2)`
pub fn epoll_pwait2(
    cx: &mut Cx<'_>,
    epfd: Fd,
    events: GuestAddr,
    max: i32,
    timeout: GuestAddr,
    sigmask: GuestAddr,
    sigsetsize: usize,
) -> SysResult {
    read_timeout(cx, timeout)?;
    epoll_wait(cx, epfd, events, max, sigmask, sigsetsize)
}

fn epoll_wait(
    cx: &mut Cx<'_>,
    epfd: Fd,
    events: GuestAddr,
    max: i32,
    sigmask: GuestAddr,
    sigsetsize: usize,
) -> SysResult {
    /// Entries of the ready list that one step looks at: keeps the hold of the lock short.
    const STEP_EVENTS: usize = 2 * STEP_ITEMS;
    /// `EP_MAX_EVENTS`
    const LIMIT: i32 = i32::MAX / EPOLL_EVENT_BYTES as i32;
    if !(1..=LIMIT).contains(&max) {
        return Err(Errno::EINVAL);
    }
    let epoll: FileId = cx.usable_file(epfd)?;
    cx.temporary_mask(sigmask, sigsetsize)?;
    // What is found not to be ready leaves the list, so that a call with many such entries comes to an end.
    let left = match cx.progress.state.take().and_then(|state| state.downcast::<usize>().ok()) {
        Some(left) if cx.entry == Entry::Step => *left,
        _ => cx.sys.epoll_candidates(epoll)?,
    };
    let step = left.min(STEP_EVENTS);
    let before = cx.progress.done;
    let told = cx.sys.epoll_collect(cx.tid, epoll, (max as usize).saturating_sub(before as usize), step)?;
    if !told.is_empty() {
        let bytes: Vec<u8> = told
            .iter()
            .flat_map(|(events, data)| {
                let mut bytes = [0; EPOLL_EVENT_BYTES as usize];
                bytes[..4].copy_from_slice(&events.to_le_bytes());
                bytes[8..].copy_from_slice(&data.to_le_bytes());
                bytes
            })
            .collect();
        cx.write_user(events.add(before * EPOLL_EVENT_BYTES)?, &bytes)?;
        cx.progress.done += told.len() as u64;
    }
    if left > step && cx.progress.done < max as u64 {
        cx.progress.state = Some(Box::new(left - step));
        return Ok(Flow::Again);
    }
    if cx.progress.done > 0 || is_due(cx) {
        return Ok(Flow::Done(cx.progress.done));
    }
    if cx.entry == Entry::Signal {
        return Ok(Flow::Interrupted(Restart::Never));
    }
    let waiter = cx.waiter(Events::IN);
    cx.sys.wait_file(epoll, waiter, cx.tid)?;
    Ok(cx.block())
}
