//! The system itself: names, randomness, facts about it.

use super::{Cx, SysResult};
use crate::addr::GuestAddr;
use crate::errno::Errno;
use crate::limits::STEP_BYTES;
use crate::task::Capabilities;
use crate::time::NANOS_PER_SECOND;
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
/// Bytes made in one step: making one costs more than copying one.
const RANDOM_STEP: u64 = STEP_BYTES / 2;

/// `getrandom(2)`. Never blocks: the generator is seeded when the kernel is made.
pub fn getrandom(cx: &mut Cx<'_>, buf: GuestAddr, buflen: usize, flags: u32) -> SysResult {
    if flags & !(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE) != 0
        || flags & (GRND_RANDOM | GRND_INSECURE) == (GRND_RANDOM | GRND_INSECURE)
    {
        return Err(Errno::EINVAL);
    }
    let total = (buflen as u64).min(i32::MAX as u64 & !4095);
    let step_end = total.min(cx.progress.done + RANDOM_STEP);
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

/// Bytes of a host name at the most (`__NEW_UTS_LEN`).
const HOSTNAME_MAX: usize = 64;

/// `sethostname(2)`.
pub fn sethostname(cx: &mut Cx<'_>, name: GuestAddr, len: i32) -> SysResult {
    if !cx.can(Capabilities::SYS_ADMIN) {
        return Err(Errno::EPERM);
    }
    let len = usize::try_from(len).ok().filter(|len| *len <= HOSTNAME_MAX).ok_or(Errno::EINVAL)?;
    let mut bytes = vec![0; len];
    cx.read_user(name, &mut bytes)?;
    cx.sys.hostname = bytes;
    Ok(Flow::Done(0))
}

crate::pod! {
    /// `struct sysinfo`; its tail padding is empty on 64-bit machines.
    struct SysInfo {
        uptime: i64,
        loads: [u64; 3],
        total_ram: u64,
        free_ram: u64,
        shared_ram: u64,
        buffer_ram: u64,
        total_swap: u64,
        free_swap: u64,
        procs: u16,
        pad: u16,
        pad2: u32,
        total_high: u64,
        free_high: u64,
        mem_unit: u32,
        tail: u32,
    }
}

/// What a load of one is in [`SysInfo`] (`SI_LOAD_SHIFT`).
const LOAD_ONE: f64 = 65_536.0;

/// `sysinfo(2)`.
pub fn sysinfo(cx: &mut Cx<'_>, info: GuestAddr) -> SysResult {
    let usage = cx.sys.mem.frames.usage();
    let uptime = cx.now().monotonic.saturating_sub(cx.sys.boot.monotonic) / NANOS_PER_SECOND;
    let info_now = SysInfo {
        uptime: uptime as i64,
        loads: cx.sys.load.averages().map(|average| (average * LOAD_ONE) as u64),
        total_ram: usage.budget,
        free_ram: usage.budget.saturating_sub(usage.used),
        shared_ram: 0,
        buffer_ram: 0,
        total_swap: 0,
        free_swap: 0,
        procs: cx.sys.tasks.thread_count().min(usize::from(u16::MAX)) as u16,
        pad: 0,
        pad2: 0,
        total_high: 0,
        free_high: 0,
        mem_unit: 1,
        tail: 0,
    };
    cx.write_pod(info, &info_now)?;
    Ok(Flow::Done(0))
}

/// The query of `personality(2)`.
const PERSONALITY_QUERY: u32 = 0xffff_ffff;

/// `personality(2)`: kept and answered. `ADDR_NO_RANDOMIZE` and the like have no effect.
pub fn personality(cx: &mut Cx<'_>, persona: u32) -> SysResult {
    let old = cx.process().personality;
    if persona != PERSONALITY_QUERY {
        cx.process().personality = persona;
    }
    Ok(Flow::Done(u64::from(old)))
}

/// `SYSLOG_ACTION_READ_ALL`.
const SYSLOG_READ_ALL: i32 = 3;
/// `SYSLOG_ACTION_SIZE_UNREAD` and `SYSLOG_ACTION_SIZE_BUFFER`.
const SYSLOG_SIZES: [i32; 2] = [9, 10];

/// `syslog(2)`: the log is empty.
pub fn syslog(cx: &mut Cx<'_>, kind: i32, _buf: GuestAddr, _len: i32) -> SysResult {
    match kind {
        SYSLOG_READ_ALL => Ok(Flow::Done(0)),
        kind if SYSLOG_SIZES.contains(&kind) => Ok(Flow::Done(0)),
        0..=8 if cx.can(Capabilities::SYSLOG) => Ok(Flow::Done(0)),
        0..=8 => Err(Errno::EPERM),
        _ => Err(Errno::EINVAL),
    }
}

/// `RISCV_HWPROBE_KEY_MVENDORID`, `MARCHID`, `MIMPID`.
const HWPROBE_IDS: core::ops::RangeInclusive<i64> = 0..=2;
/// `RISCV_HWPROBE_KEY_BASE_BEHAVIOR`: `IMA`.
const HWPROBE_BASE_BEHAVIOR: i64 = 3;
const HWPROBE_BASE_IMA: u64 = 1;
/// `RISCV_HWPROBE_KEY_IMA_EXT_0`: F and D, C, Zba, Zbb, Zbs, Zicond.
const HWPROBE_IMA_EXT_0: i64 = 4;
const HWPROBE_EXTENSIONS: u64 = 1 << 0 | 1 << 1 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 35;
/// `RISCV_HWPROBE_KEY_CPUPERF_0`: `MISALIGNED_FAST`.
const HWPROBE_CPUPERF_0: i64 = 5;
const HWPROBE_MISALIGNED_FAST: u64 = 3;
/// `RISCV_HWPROBE_KEY_HIGHEST_VIRT_ADDRESS`.
const HWPROBE_HIGHEST_ADDRESS: i64 = 7;
/// `RISCV_HWPROBE_KEY_TIME_CSR_FREQ`: the counter counts nanoseconds.
const HWPROBE_TIME_FREQUENCY: i64 = 8;
/// `RISCV_HWPROBE_KEY_MISALIGNED_SCALAR_PERF`: `FAST`.
const HWPROBE_MISALIGNED_SCALAR: i64 = 9;
/// Pairs one call may ask for.
const HWPROBE_PAIRS: usize = 1024;

crate::pod! {
    /// `struct riscv_hwprobe`.
    struct HwprobePair {
        key: i64,
        value: u64,
    }
}

/// `riscv_hwprobe(2)` (the kernel's Documentation/arch/riscv/hwprobe.rst): what the processor executes, all of it and
/// no more.
pub fn riscv_hwprobe(
    cx: &mut Cx<'_>,
    pairs: GuestAddr,
    pair_count: usize,
    cpusetsize: usize,
    cpus: GuestAddr,
    flags: u32,
) -> SysResult {
    // RISCV_HWPROBE_WHICH_CPUS is not offered; a set of processors must name one that exists.
    if flags != 0 || pair_count > HWPROBE_PAIRS {
        return Err(Errno::EINVAL);
    }
    if cpusetsize > 0 {
        let mut set = [0; 8];
        cx.read_user(cpus, &mut set[..cpusetsize.min(8)])?;
        let all = u64::MAX >> (64 - cx.sys.workers.len().clamp(1, 64));
        if u64::from_le_bytes(set) & all == 0 {
            return Err(Errno::EINVAL);
        }
    } else if !cpus.is_null() {
        return Err(Errno::EINVAL);
    }
    for index in 0..pair_count {
        let at = pairs.add(index as u64 * 16)?;
        let asked: HwprobePair = cx.read_pod(at)?;
        cx.write_pod(at, &hwprobe(asked.key))?;
    }
    Ok(Flow::Done(0))
}

/// A key that is not known is answered as -1.
fn hwprobe(key: i64) -> HwprobePair {
    match u64::try_from(key).ok().and_then(hwprobe_value) {
        Some(value) => HwprobePair { key, value },
        None => HwprobePair { key: -1, value: 0 },
    }
}

/// What `riscv_hwprobe(2)` answers for a key, if it is known. The vDSO answers the same.
pub(crate) fn hwprobe_value(key: u64) -> Option<u64> {
    let key = i64::try_from(key).ok()?;
    Some(match key {
        key if HWPROBE_IDS.contains(&key) => 0,
        HWPROBE_BASE_BEHAVIOR => HWPROBE_BASE_IMA,
        HWPROBE_IMA_EXT_0 => HWPROBE_EXTENSIONS,
        HWPROBE_CPUPERF_0 | HWPROBE_MISALIGNED_SCALAR => HWPROBE_MISALIGNED_FAST,
        HWPROBE_HIGHEST_ADDRESS => crate::addr::ADDRESS_LIMIT - 1,
        HWPROBE_TIME_FREQUENCY => NANOS_PER_SECOND,
        _ => return None,
    })
}

/// A call that is not there. The row says why.
pub fn refused_enosys(_cx: &mut Cx<'_>) -> SysResult {
    Err(Errno::ENOSYS)
}

/// A call that nobody may make. The row says why.
pub fn refused_eperm(_cx: &mut Cx<'_>) -> SysResult {
    Err(Errno::EPERM)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hwprobe_answers_what_is_implemented_and_marks_unknown_keys() {
        // Bit numbers of asm/hwprobe.h: FD 0, C 1, V 2, ZBA 3, ZBB 4, ZBS 5, ZICOND 35.
        assert_eq!(hwprobe(4).value, 0b11_1011 | 1 << 35);
        assert_eq!(hwprobe(1 << 40), HwprobePair { key: -1, value: 0 });
    }
}
