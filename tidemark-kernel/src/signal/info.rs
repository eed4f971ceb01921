//! `siginfo_t`: what accompanies a signal (`sigaction(2)`).
//!
//! Owns the layout and one constructor an origin; who sends what is the sender's business.

use super::set::Signal;
use crate::task::Pid;

/// Bytes of a `siginfo_t`.
pub const SIGINFO_BYTES: usize = 128;

/// `SI_USER`: `kill(2)`.
pub(super) const SI_USER: i32 = 0;
/// `SI_KERNEL`.
pub(super) const SI_KERNEL: i32 = 0x80;
/// `SI_TIMER`: a POSIX timer.
pub(super) const SI_TIMER: i32 = -2;
/// `SI_MESGQ`: a POSIX message queue.
const SI_MESGQ: i32 = -3;
/// `SI_TKILL`: `tgkill(2)`.
pub(crate) const SI_TKILL: i32 = -6;

/// How a child's state changed: `si_code` of `SIGCHLD` and what `waitid(2)` reports.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ChildChange {
    /// It exited with this code.
    Exited(u8),
    /// This signal ended it.
    Killed {
        /// Which.
        signal: Signal,
        /// Whether Linux would have written a core file.
        core: bool,
    },
    /// This signal stopped it.
    Stopped(Signal),
    /// It goes on.
    Continued,
    /// It stopped for its tracer (`ptrace(2)`).
    Trapped {
        /// The signal, and above it the event.
        code: u32,
    },
}

impl ChildChange {
    /// `si_code`: `CLD_EXITED` and so on.
    pub const fn code(self) -> i32 {
        match self {
            ChildChange::Exited(_) => 1,
            ChildChange::Killed { core: false, .. } => 2,
            ChildChange::Killed { core: true, .. } => 3,
            ChildChange::Trapped { .. } => 4,
            ChildChange::Stopped(_) => 5,
            ChildChange::Continued => 6,
        }
    }

    /// `si_status`: the exit code or the signal.
    pub const fn status(self) -> i32 {
        match self {
            ChildChange::Exited(code) => code as i32,
            ChildChange::Killed { signal, .. } | ChildChange::Stopped(signal) => signal.number() as i32,
            ChildChange::Continued => Signal::CONT.number() as i32,
            ChildChange::Trapped { code } => code as i32,
        }
    }

    /// The status word of `wait4(2)`.
    pub const fn wait_status(self) -> i32 {
        match self {
            ChildChange::Exited(code) => (code as i32) << 8,
            ChildChange::Killed { signal, core } => signal.number() as i32 | if core { 0x80 } else { 0 },
            ChildChange::Stopped(signal) => (signal.number() as i32) << 8 | 0x7f,
            ChildChange::Continued => 0xffff,
            ChildChange::Trapped { code } => (code << 8 | 0x7f) as i32,
        }
    }
}

/// A signal with what is known about its origin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SigInfo {
    /// The signal.
    pub signal: Signal,
    /// `si_errno`.
    pub errno: i32,
    /// `si_code`.
    pub code: i32,
    /// The union that starts at byte 16, little-endian. No origin fills more than these 32 bytes.
    pub fields: [u64; 4],
}

impl SigInfo {
    const fn new(signal: Signal, code: i32, fields: [u64; 4]) -> SigInfo {
        SigInfo { signal, errno: 0, code, fields }
    }

    /// From the kernel, without an origin to name.
    pub const fn kernel(signal: Signal) -> SigInfo {
        SigInfo::new(signal, SI_KERNEL, [0; 4])
    }

    /// `kill(2)` by a process. `Pid` is absent for the kernel and the application.
    pub fn kill(signal: Signal, sender: Option<Pid>, uid: u32) -> SigInfo {
        SigInfo::new(signal, SI_USER, [sender_fields(sender, uid), 0, 0, 0])
    }

    /// `tgkill(2)`.
    pub fn tkill(signal: Signal, sender: Pid, uid: u32) -> SigInfo {
        SigInfo::new(signal, SI_TKILL, [sender_fields(Some(sender), uid), 0, 0, 0])
    }

    /// A message that came to an empty queue (`mq_notify(3)`).
    pub fn message(signal: Signal, sender: Pid, uid: u32, value: u64) -> SigInfo {
        SigInfo::new(signal, SI_MESGQ, [sender_fields(Some(sender), uid), value, 0, 0])
    }

    /// Whether it is a fault at an address.
    pub(crate) const fn is_fault(&self) -> bool {
        matches!(self.signal, Signal::SEGV | Signal::BUS | Signal::ILL | Signal::FPE | Signal::TRAP)
            && self.code > 0
            && self.code != SI_KERNEL
    }

    /// The name of `si_code` (`sigaction(2)`).
    pub(crate) fn code_name(&self) -> String {
        let name = match (self.signal, self.code) {
            (_, SI_USER) => "SI_USER",
            (_, SI_KERNEL) => "SI_KERNEL",
            (_, -1) => "SI_QUEUE",
            (_, SI_TIMER) => "SI_TIMER",
            (_, SI_MESGQ) => "SI_MESGQ",
            (_, SI_TKILL) => "SI_TKILL",
            (Signal::CHLD, 1) => "CLD_EXITED",
            (Signal::CHLD, 2) => "CLD_KILLED",
            (Signal::CHLD, 3) => "CLD_DUMPED",
            (Signal::CHLD, 5) => "CLD_STOPPED",
            (Signal::CHLD, 6) => "CLD_CONTINUED",
            (Signal::SEGV, 1) => "SEGV_MAPERR",
            (Signal::SEGV, 2) => "SEGV_ACCERR",
            (Signal::BUS, 1) => "BUS_ADRALN",
            (Signal::BUS, 2) => "BUS_ADRERR",
            (Signal::ILL, 1) => "ILL_ILLOPC",
            (Signal::TRAP, 1) => "TRAP_BRKPT",
            (_, code) => return code.to_string(),
        };
        name.to_owned()
    }

    /// A fault at an address.
    pub const fn fault(signal: Signal, code: i32, addr: u64) -> SigInfo {
        SigInfo::new(signal, code, [addr, 0, 0, 0])
    }

    /// A child's change of state. CPU times are in clock ticks of a hundredth of a second.
    pub fn child(
        signal: Signal,
        child: Pid,
        uid: u32,
        change: ChildChange,
        utime: u64,
        stime: u64,
    ) -> SigInfo {
        let status = u64::from(change.status() as u32);
        SigInfo::new(signal, change.code(), [sender_fields(Some(child), uid), status, utime, stime])
    }

    /// A POSIX timer's expiry.
    pub fn timer(signal: Signal, id: u32, overrun: u32, value: u64) -> SigInfo {
        SigInfo::new(signal, SI_TIMER, [u64::from(id) | u64::from(overrun) << 32, value, 0, 0])
    }

    /// The timer and its overrun count, for an expiry.
    pub fn timer_id(&self) -> Option<u32> {
        (self.code == SI_TIMER).then_some(self.fields[0] as u32)
    }

    /// Sets the overrun count of a timer's expiry.
    pub fn set_overrun(&mut self, overrun: u32) {
        self.fields[0] = self.fields[0] & 0xffff_ffff | u64::from(overrun) << 32;
    }

    /// As the guest sees it.
    pub fn to_bytes(&self) -> [u8; SIGINFO_BYTES] {
        let mut bytes = [0; SIGINFO_BYTES];
        bytes[0..4].copy_from_slice(&i32::from(self.signal.number()).to_le_bytes());
        bytes[4..8].copy_from_slice(&self.errno.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.code.to_le_bytes());
        for (index, field) in self.fields.iter().enumerate() {
            bytes[16 + 8 * index..24 + 8 * index].copy_from_slice(&field.to_le_bytes());
        }
        bytes
    }

    /// From the bytes a guest passes to `rt_sigqueueinfo(2)`, for `signal`.
    pub fn from_bytes(signal: Signal, bytes: &[u8; SIGINFO_BYTES]) -> SigInfo {
        let word = |at: usize| {
            let mut raw = [0; 4];
            raw.copy_from_slice(&bytes[at..at + 4]);
            i32::from_le_bytes(raw)
        };
        let fields = core::array::from_fn(|index| {
            let mut raw = [0; 8];
            raw.copy_from_slice(&bytes[16 + 8 * index..24 + 8 * index]);
            u64::from_le_bytes(raw)
        });
        SigInfo { signal, errno: word(4), code: word(8), fields }
    }
}

fn sender_fields(sender: Option<Pid>, uid: u32) -> u64 {
    u64::from(sender.map_or(0, |pid| pid.0.get())) | u64::from(uid) << 32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::Tid;

    #[test]
    fn child_layout_is_linux() {
        let pid = Pid(Tid::new(7).unwrap());
        let killed = ChildChange::Killed { signal: Signal::SEGV, core: true };
        let info = SigInfo::child(Signal::CHLD, pid, 1000, killed, 3, 4);
        let bytes = info.to_bytes();
        // pid at 16, uid at 20, status at 24, utime at 32, stime at 40: asm-generic/siginfo.h.
        assert_eq!((bytes[0], bytes[8], bytes[16], bytes[24], bytes[32], bytes[40]), (17, 3, 7, 11, 3, 4));
        assert_eq!(&bytes[20..24], &1000u32.to_le_bytes());
        assert_eq!(SigInfo::from_bytes(Signal::CHLD, &bytes), info);
        assert_eq!(killed.wait_status(), 0x8b);
        assert_eq!(ChildChange::Stopped(Signal::STOP).wait_status(), 0x137f);
    }
}
