//! The system itself: names, randomness, facts about it.

use super::{Cx, SysResult};
use crate::addr::GuestAddr;
use crate::errno::Errno;
use crate::limits::STEP_BYTES;
use crate::wait::Flow;

/// Bytes of one field of `struct utsname`.
const UTS_FIELD: usize = 65;

/// What `uname -r` says: the Linux whose behaviour the kernel follows.
pub const RELEASE: &str = "6.12.0-tidemark";
/// What `uname -v` says.
pub const VERSION: &str = "#1 SMP";
/// What `uname -m` says.
pub const MACHINE: &str = "riscv64";

/// `uname(2)`.
pub fn uname(cx: &mut Cx<'_>, buf: GuestAddr) -> SysResult {
    let mut bytes = [0; 6 * UTS_FIELD];
    let fields: [&[u8]; 6] =
        [b"Linux", &cx.sys.hostname, RELEASE.as_bytes(), VERSION.as_bytes(), MACHINE.as_bytes(), b"(none)"];
    for (slot, field) in bytes.chunks_exact_mut(UTS_FIELD).zip(fields) {
        let length = field.len().min(UTS_FIELD - 1);
        slot[..length].copy_from_slice(&field[..length]);
    }
    cx.write_user(buf, &bytes)?;
    Ok(Flow::Done(0))
}

const GRND_NONBLOCK: u32 = 1;
const GRND_RANDOM: u32 = 2;
const GRND_INSECURE: u32 = 4;

/// Bytes made at once.
const RANDOM_CHUNK: usize = 256;

/// `getrandom(2)`. Never blocks: the generator is seeded when the kernel is made.
pub fn getrandom(cx: &mut Cx<'_>, buf: GuestAddr, buflen: usize, flags: u32) -> SysResult {
    if flags & !(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE) != 0
        || flags & (GRND_RANDOM | GRND_INSECURE) == (GRND_RANDOM | GRND_INSECURE)
    {
        return Err(Errno::EINVAL);
    }
    let total = (buflen as u64).min(i32::MAX as u64 & !4095);
    let step_end = total.min(cx.progress.done + STEP_BYTES);
    let mut chunk = [0; RANDOM_CHUNK];
    while cx.progress.done < step_end {
        let done = cx.progress.done;
        let length = RANDOM_CHUNK.min((step_end - done) as usize);
        cx.sys.entropy.fill(&mut chunk[..length]);
        let written = buf.add(done).and_then(|addr| cx.write_user(addr, &chunk[..length]));
        if let Err(errno) = written {
            return if done == 0 { Err(errno) } else { Ok(Flow::Done(done)) };
        }
        cx.progress.done += length as u64;
    }
    if cx.progress.done < total {
        return Ok(Flow::Again);
    }
    Ok(Flow::Done(total))
}
