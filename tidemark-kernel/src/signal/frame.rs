//! The frame of a handler on the guest's stack, as riscv64 Linux lays it out, and the way back.
//!
//! Owns the bytes: `struct rt_sigframe { siginfo_t info; struct ucontext uc; }` of arch/riscv/kernel/signal.c with
//! asm/ucontext.h and asm/sigcontext.h. Debuggers, unwinders and language runtimes read it.

use super::info::SIGINFO_BYTES;
use super::{Action, ActionFlags, AltStack, Disposition, SigInfo, SigSet};
use crate::addr::GuestAddr;
use crate::cpu::hart::Hart;
use crate::errno::{Errno, Result};
use crate::kernel::Running;
use crate::system::System;
use crate::task::Tid;

/// `uc_flags` and `uc_link` precede the stack.
const UC_STACK: usize = SIGINFO_BYTES + 16;
const UC_SIGMASK: usize = UC_STACK + 24;
/// The mask has room for 1024 signals; then alignment to 16.
const UC_MCONTEXT: usize = SIGINFO_BYTES + 176;
/// `pc`, then `x1` to `x31`.
const SC_REGS: usize = UC_MCONTEXT;
/// The union of floating-point state and the header of extra state.
const SC_FPREGS: usize = SC_REGS + 32 * 8;
const SC_FCSR: usize = SC_FPREGS + 32 * 8;
/// `__riscv_extra_ext_header`: `reserved`, then a header `{ magic, size }`; both zero end the list (`END_MAGIC`).
const SC_RESERVED: usize = SC_FPREGS + 129 * 4;
const SC_EXTENSIONS: usize = SC_RESERVED + 4;
/// Bytes of the whole frame.
pub(crate) const FRAME_BYTES: usize = SC_FPREGS + 528;

const SP: usize = 2;
const RA: usize = 1;

/// `SS_ONSTACK`.
pub(crate) const SS_ONSTACK: u32 = 1;
/// `SS_DISABLE`.
pub(crate) const SS_DISABLE: u32 = 2;
/// `SS_AUTODISARM`.
pub(crate) const SS_AUTODISARM: u32 = 1 << 31;

impl AltStack {
    /// Whether `sp` lies on it; never while it disarms itself.
    pub(crate) fn holds(&self, sp: u64) -> bool {
        self.flags & SS_AUTODISARM == 0 && sp > self.base && sp - self.base <= self.size
    }

    /// `ss_flags` as `sigaltstack(2)` reports it to a caller at `sp`.
    pub(crate) fn status(&self, sp: u64) -> u32 {
        let state = match self.size {
            0 => SS_DISABLE,
            _ if self.holds(sp) => SS_ONSTACK,
            _ => 0,
        };
        state | self.flags & SS_AUTODISARM
    }
}

impl System {
    /// Saves the registers on the guest's stack and has the thread call the handler.
    ///
    /// # Errors
    /// `EFAULT` when the stack cannot be written; nothing has changed then.
    pub(super) fn push_frame(&mut self, running: &mut Running, action: Action, info: &SigInfo) -> Result<()> {
        let Disposition::Handler(handler) = action.disposition else { return Err(Errno::EFAULT) };
        let thread = self.tasks.thread_mut(running.tid).ok_or(Errno::EFAULT)?;
        let hart = &mut running.hart;
        let alt = thread.signals.alt_stack;
        let sp = hart.x(SP);
        let top = if alt.holds(sp) {
            // A frame that would leave the alternative stack at its lower end must not reach what lies below.
            let fits = sp.checked_sub(FRAME_BYTES as u64).is_some_and(|low| alt.holds(low));
            if !fits {
                return Err(Errno::EFAULT);
            }
            sp
        } else if action.flags.has(ActionFlags::ONSTACK) && alt.size != 0 {
            alt.base.wrapping_add(alt.size)
        } else {
            sp
        };
        let at = top.checked_sub(FRAME_BYTES as u64).ok_or(Errno::EFAULT)? & !15;
        let mask = thread.signals.saved_mask.unwrap_or(thread.signals.mask);
        let frame = build(hart, info, alt, mask);
        let space = running.space.id;
        self.write_space(space, GuestAddr(at), &frame)?;
        let trampoline = self.sigreturn_trampoline(space);
        let thread = self.tasks.thread_mut(running.tid).ok_or(Errno::EFAULT)?;
        if alt.flags & SS_AUTODISARM != 0 {
            thread.signals.alt_stack = AltStack::default();
        }
        let hart = &mut running.hart;
        hart.set_pc(handler.0);
        hart.set_x(RA, trampoline.0);
        hart.set_x(SP, at);
        hart.set_x(10, u64::from(info.signal.number()));
        hart.set_x(11, at);
        hart.set_x(12, at + SIGINFO_BYTES as u64);
        Ok(())
    }

    /// `rt_sigreturn(2)`: registers, mask and alternative stack as the frame at `sp` has them.
    ///
    /// # Errors
    /// `EFAULT` when there is no such frame.
    pub(crate) fn pop_frame(&mut self, tid: Tid, hart: &mut Hart) -> Result<()> {
        let thread = self.tasks.thread(tid).ok_or(Errno::EFAULT)?;
        let space = self.tasks.process(thread.pid).ok_or(Errno::EFAULT)?.space;
        let mut frame = [0; FRAME_BYTES];
        self.read_space(space, GuestAddr(hart.x(SP)), &mut frame)?;
        // No extra state is known: the list must be empty (`restore_sigcontext`).
        if get32(&frame, SC_RESERVED) != 0
            || get32(&frame, SC_EXTENSIONS) != 0
            || get32(&frame, SC_EXTENSIONS + 4) != 0
        {
            return Err(Errno::EFAULT);
        }
        hart.set_pc(get64(&frame, SC_REGS));
        for n in 1..32 {
            hart.set_x(n, get64(&frame, SC_REGS + 8 * n));
        }
        for n in 0..32 {
            hart.set_f(n, get64(&frame, SC_FPREGS + 8 * n));
        }
        hart.set_fcsr(get32(&frame, SC_FCSR));
        hart.clear_reservation();
        let thread = self.tasks.thread_mut(tid).ok_or(Errno::EFAULT)?;
        let mask = SigSet::from_bits(get64(&frame, UC_SIGMASK));
        thread.signals.mask = mask.without(SigSet::UNSTOPPABLE);
        let stack = AltStack {
            base: get64(&frame, UC_STACK),
            flags: get32(&frame, UC_STACK + 8),
            size: get64(&frame, UC_STACK + 16),
        };
        // As Linux does: a stack that `sigaltstack` would refuse leaves the old one.
        if let Ok(stack) = stack.validated()
            && !thread.signals.alt_stack.holds(hart.x(SP))
        {
            thread.signals.alt_stack = stack;
        }
        Ok(())
    }
}

fn build(hart: &Hart, info: &SigInfo, alt: AltStack, mask: SigSet) -> [u8; FRAME_BYTES] {
    let mut frame = [0; FRAME_BYTES];
    frame[..SIGINFO_BYTES].copy_from_slice(&info.to_bytes());
    put64(&mut frame, UC_STACK, alt.base);
    let flags = if alt.size == 0 { SS_DISABLE } else { alt.flags };
    frame[UC_STACK + 8..UC_STACK + 12].copy_from_slice(&flags.to_le_bytes());
    put64(&mut frame, UC_STACK + 16, alt.size);
    put64(&mut frame, UC_SIGMASK, mask.bits());
    put64(&mut frame, SC_REGS, hart.pc());
    for n in 1..32 {
        put64(&mut frame, SC_REGS + 8 * n, hart.x(n));
    }
    for n in 0..32 {
        put64(&mut frame, SC_FPREGS + 8 * n, hart.f(n));
    }
    frame[SC_FCSR..SC_FCSR + 4].copy_from_slice(&hart.fcsr().to_le_bytes());
    frame
}

fn put64(frame: &mut [u8; FRAME_BYTES], at: usize, value: u64) {
    frame[at..at + 8].copy_from_slice(&value.to_le_bytes());
}

fn get64(frame: &[u8; FRAME_BYTES], at: usize) -> u64 {
    let mut raw = [0; 8];
    raw.copy_from_slice(&frame[at..at + 8]);
    u64::from_le_bytes(raw)
}

fn get32(frame: &[u8; FRAME_BYTES], at: usize) -> u32 {
    let mut raw = [0; 4];
    raw.copy_from_slice(&frame[at..at + 4]);
    u32::from_le_bytes(raw)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::Signal;

    #[test]
    fn offsets_are_those_of_the_c_structures() {
        // sizeof and offsetof as riscv64-linux-gnu-gcc gives them: siginfo_t 128, ucontext 960 with its mcontext at 176,
        // the floating-point union 256 into that.
        assert_eq!(FRAME_BYTES, 128 + 960);
        assert_eq!((UC_MCONTEXT, SC_FPREGS), (128 + 176, 128 + 176 + 256));
        let mut hart = Hart::new();
        hart.set_pc(0x1234);
        hart.set_x(31, 31);
        hart.set_f(31, 0x3131);
        hart.set_fcsr(0xe1);
        let frame = build(&hart, &SigInfo::kernel(Signal::USR1), AltStack::default(), SigSet::from_bits(5));
        assert_eq!(get64(&frame, 128 + 176), 0x1234);
        assert_eq!(get64(&frame, 128 + 176 + 31 * 8), 31);
        assert_eq!(get64(&frame, 128 + 432 + 31 * 8), 0x3131);
        assert_eq!(get32(&frame, 128 + 432 + 256), 0xe1);
        assert_eq!(get64(&frame, 128 + 40), 5);
        assert_eq!(get32(&frame, 128 + 16 + 8), SS_DISABLE);
    }

    #[test]
    fn the_alternative_stack_is_in_use_inside_its_bounds() {
        let stack = AltStack { base: 0x1000, flags: 0, size: 0x2000 };
        assert!(stack.holds(0x3000) && stack.holds(0x1001));
        assert!(!stack.holds(0x1000) && !stack.holds(0x3001));
        assert_eq!(AltStack::default().status(0), SS_DISABLE);
    }
}
