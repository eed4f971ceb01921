//! Execution: the interpreter's loop over pre-decoded slots.
//!
//! Owns: what every instruction does. Does not own: decoding, the choice of the next page, or budgets beyond the
//! one it is given (`super::core`).
//!
//! One `match` in a loop, which native compilers and V8 both turn into one jump table. An arm either moves the
//! cursor on and continues, or evaluates to a guest address to jump to in another page, or breaks the loop. `pc`
//! and the instruction count exist only implicitly, in the cursor and the credit (see `block`), until the loop
//! is left.

mod alu;
mod atomic;
mod csr;
mod fast_float;
mod float;

use super::block::{Op, SLOT_BYTES, Slot};
use super::code_cache::{HotPages, hot_index};
use super::core::TickSource;
use super::exit::Exit;
use super::hart::Hart;
use super::tlb::{Tlb, tlb_index};
use crate::mem::page_table::PageTable;
use crate::mem::ram::{FRAME_SIZE, GuestRam, Word};
use alu::*;
use fast_float::*;
use std::sync::atomic::{Ordering, fence};

/// The sign bit of a double.
const DOUBLE_SIGN: u64 = 1 << 63;

pub(super) use fast_float::{FCSR_FAST, FCSR_NEVER};

/// What execution works on.
pub(super) struct Machine<'a> {
    pub(super) hart: &'a mut Hart,
    pub(super) tlb: &'a mut Tlb,
    pub(super) hot: &'a HotPages,
    pub(super) ram: GuestRam,
    pub(super) table: &'a PageTable,
    pub(super) ticks: &'a dyn TickSource,
}

/// Why execution left the loop. `pc` is then at the next instruction to execute.
pub(super) enum Stop {
    /// To find the code at `pc`, or because the budget does not cover the straight line there.
    Page,
    /// A `fence.i` was executed.
    FenceI,
    /// For the kernel.
    Exit(Exit),
    /// The instruction at `pc` is illegal at the moment: its rounding mode is in `frm` and reserved.
    IllegalRounding,
}

/// Executes from slot `start` of a page (or isolated instruction) whose first slot is `slots` and stands at guest
/// address `origin`, for at most `budget` instructions. Returns what is left of the budget.
///
/// # Safety
///
/// `slots` is the first slot of a code page or isolated instruction, `start` one of its slots with a count that
/// `budget` covers, and all pages in `hot` are alive, for the whole call.
pub(super) unsafe fn execute(
    m: Machine<'_>,
    mut origin: u64,
    mut slots: *const Slot,
    start: *const Slot,
    budget: i64,
) -> (Stop, i64) {
    let Machine { hart, tlb, hot, ram, table, ticks } = m;
    let Hart { regs, pc, fcsr, reservation, instret } = hart;
    let mut cursor = Cursor(start);
    let mut credit = budget - i64::from(cursor.slot().count);

    /// The value of the register that a field of the slot names.
    macro_rules! x {
        ($slot:ident . $field:ident) => {
            regs.get($slot.$field)
        };
    }
    /// The immediate as a 64-bit operand.
    macro_rules! imm {
        ($slot:ident) => {
            $slot.imm as i64 as u64
        };
    }
    /// Sets the destination register and goes on `$halfwords` further.
    macro_rules! set {
        ($slot:ident, $halfwords:literal, $value:expr) => {{
            let value = $value;
            regs.set($slot.rd, value);
            cursor.advance($halfwords);
            continue;
        }};
    }
    /// Leaves the loop; the cursor stays at the instruction.
    macro_rules! stop {
        ($stop:expr) => {
            break $stop
        };
    }
    /// A load: `$value` of the `$type` at rs1 + imm goes to rd.
    macro_rules! load {
        ($slot:ident, $halfwords:literal, |$word:ident: $type:ty| $value:expr) => {{
            let va = x!($slot.rs1).wrapping_add(imm!($slot));
            let $word: $type = match tlb.read[tlb_index(va)].offset(va, size_of::<$type>() as u64) {
                // SAFETY: the TLB's extents lie in RAM and cover the access.
                Some(at) => unsafe { ram.load_unchecked(at) },
                None => match tlb.load_slow(ram, table, va) {
                    Ok(word) => word,
                    Err(exit) => stop!(Stop::Exit(exit)),
                },
            };
            set!($slot, $halfwords, $value)
        }};
    }
    /// A store of rs2's low bits at rs1 + imm.
    macro_rules! store {
        ($slot:ident, $halfwords:literal, $type:ty) => {{
            let va = x!($slot.rs1).wrapping_add(imm!($slot));
            let word = <$type as Word>::truncate(x!($slot.rs2));
            match tlb.write[tlb_index(va)].offset(va, size_of::<$type>() as u64) {
                // SAFETY: as for loads; write entries exist for writable pages only.
                Some(at) => unsafe { ram.store_unchecked(at, word) },
                None => match tlb.store_slow(ram, table, va, word) {
                    Ok(()) => {}
                    Err(exit) => stop!(Stop::Exit(exit)),
                },
            }
            cursor.advance($halfwords);
            continue;
        }};
    }
    /// Goes to a slot of the same page.
    macro_rules! jump {
        ($slot:ident) => {{
            credit += i64::from($slot.aux);
            cursor.jump($slot.imm);
            if credit < 0 {
                stop!(Stop::Page);
            }
            continue;
        }};
    }
    /// A branch inside the page.
    macro_rules! branch {
        ($slot:ident, $halfwords:literal, $condition:expr) => {{
            if $condition {
                jump!($slot);
            }
            cursor.advance($halfwords);
            continue;
        }};
    }
    /// A branch to another page: evaluates to the target if it is taken.
    macro_rules! branch_far {
        ($slot:ident, $halfwords:literal, $condition:expr) => {{
            if !$condition {
                cursor.advance($halfwords);
                continue;
            }
            origin.wrapping_add(imm!($slot))
        }};
    }

    /// Any floating-point operation, in software.
    macro_rules! fp_general {
        ($slot:ident) => {{
            if !float::execute($slot, regs, fcsr) {
                stop!(Stop::IllegalRounding);
            }
            cursor.advance(2);
            continue;
        }};
    }
    /// A floating-point operation that the host may answer whatever `fcsr` says.
    macro_rules! fp_any {
        ($slot:ident, $fast:expr) => {{
            if let Some(value) = $fast {
                set!($slot, 2, value);
            }
            fp_general!($slot)
        }};
    }
    /// A floating-point operation that the host may answer if `fcsr` is as the slot wants it.
    macro_rules! fp {
        ($slot:ident, $fast:expr) => {{
            if *fcsr & FCSR_MASK == $slot.imm as u32
                && let Some(value) = $fast
            {
                set!($slot, 2, value);
            }
            fp_general!($slot)
        }};
    }
    /// A fused multiply-add with the signs that the closure gives its operands.
    macro_rules! fma {
        ($type:ty, $slot:ident, |$a:ident, $b:ident, $c:ident| $signed:expr) => {{
            let $a = <$type>::unpack(x!($slot.rs1));
            let $b = <$type>::unpack(x!($slot.rs2));
            let $c = <$type>::unpack(x!($slot.rs3));
            let (a, b, c) = $signed;
            fused_multiply_add(a, b, c)
        }};
    }

    let stop = loop {
        let s = cursor.slot();
        let target: u64 = match s.op {
            Op::Add => set!(s, 2, x!(s.rs1).wrapping_add(x!(s.rs2))),
            Op::AddC => set!(s, 1, x!(s.rs1).wrapping_add(x!(s.rs2))),
            Op::MvC => set!(s, 1, x!(s.rs2)),
            Op::Sub => set!(s, 2, x!(s.rs1).wrapping_sub(x!(s.rs2))),
            Op::SubC => set!(s, 1, x!(s.rs1).wrapping_sub(x!(s.rs2))),
            Op::Sll => set!(s, 2, x!(s.rs1) << (x!(s.rs2) & 63)),
            Op::Slt => set!(s, 2, u64::from((x!(s.rs1) as i64) < x!(s.rs2) as i64)),
            Op::Sltu => set!(s, 2, u64::from(x!(s.rs1) < x!(s.rs2))),
            Op::Xor => set!(s, 2, x!(s.rs1) ^ x!(s.rs2)),
            Op::XorC => set!(s, 1, x!(s.rs1) ^ x!(s.rs2)),
            Op::Srl => set!(s, 2, x!(s.rs1) >> (x!(s.rs2) & 63)),
            Op::Sra => set!(s, 2, ((x!(s.rs1) as i64) >> (x!(s.rs2) & 63)) as u64),
            Op::Or => set!(s, 2, x!(s.rs1) | x!(s.rs2)),
            Op::OrC => set!(s, 1, x!(s.rs1) | x!(s.rs2)),
            Op::And => set!(s, 2, x!(s.rs1) & x!(s.rs2)),
            Op::AndC => set!(s, 1, x!(s.rs1) & x!(s.rs2)),
            Op::Addw => set!(s, 2, sext32(x!(s.rs1).wrapping_add(x!(s.rs2)))),
            Op::AddwC => set!(s, 1, sext32(x!(s.rs1).wrapping_add(x!(s.rs2)))),
            Op::Subw => set!(s, 2, sext32(x!(s.rs1).wrapping_sub(x!(s.rs2)))),
            Op::SubwC => set!(s, 1, sext32(x!(s.rs1).wrapping_sub(x!(s.rs2)))),
            Op::Sllw => set!(s, 2, sext32(u64::from((x!(s.rs1) as u32) << (x!(s.rs2) & 31)))),
            Op::Srlw => set!(s, 2, sext32(u64::from((x!(s.rs1) as u32) >> (x!(s.rs2) & 31)))),
            Op::Sraw => set!(s, 2, ((x!(s.rs1) as i32) >> (x!(s.rs2) & 31)) as u64),

            Op::Addi => set!(s, 2, x!(s.rs1).wrapping_add(imm!(s))),
            Op::AddiC => set!(s, 1, x!(s.rs1).wrapping_add(imm!(s))),
            Op::Li | Op::Lui => set!(s, 2, imm!(s)),
            Op::LiC | Op::LuiC => set!(s, 1, imm!(s)),
            Op::Auipc => set!(s, 2, origin.wrapping_add(imm!(s))),
            Op::Slti => set!(s, 2, u64::from((x!(s.rs1) as i64) < i64::from(s.imm))),
            Op::Sltiu => set!(s, 2, u64::from(x!(s.rs1) < imm!(s))),
            Op::Xori => set!(s, 2, x!(s.rs1) ^ imm!(s)),
            Op::Ori => set!(s, 2, x!(s.rs1) | imm!(s)),
            Op::Andi => set!(s, 2, x!(s.rs1) & imm!(s)),
            Op::AndiC => set!(s, 1, x!(s.rs1) & imm!(s)),
            Op::Slli => set!(s, 2, x!(s.rs1) << (s.imm & 63)),
            Op::SlliC => set!(s, 1, x!(s.rs1) << (s.imm & 63)),
            Op::Srli => set!(s, 2, x!(s.rs1) >> (s.imm & 63)),
            Op::SrliC => set!(s, 1, x!(s.rs1) >> (s.imm & 63)),
            Op::Srai => set!(s, 2, ((x!(s.rs1) as i64) >> (s.imm & 63)) as u64),
            Op::SraiC => set!(s, 1, ((x!(s.rs1) as i64) >> (s.imm & 63)) as u64),
            Op::Addiw => set!(s, 2, sext32(x!(s.rs1).wrapping_add(imm!(s)))),
            Op::AddiwC => set!(s, 1, sext32(x!(s.rs1).wrapping_add(imm!(s)))),
            Op::Slliw => set!(s, 2, sext32(u64::from((x!(s.rs1) as u32) << (s.imm & 31)))),
            Op::Srliw => set!(s, 2, sext32(u64::from((x!(s.rs1) as u32) >> (s.imm & 31)))),
            Op::Sraiw => set!(s, 2, ((x!(s.rs1) as i32) >> (s.imm & 31)) as u64),
            Op::Nop => {
                cursor.advance(2);
                continue;
            }
            Op::NopC => {
                cursor.advance(1);
                continue;
            }

            Op::Lb => load!(s, 2, |v: u8| v as i8 as u64),
            Op::Lbu => load!(s, 2, |v: u8| u64::from(v)),
            Op::Lh => load!(s, 2, |v: u16| v as i16 as u64),
            Op::Lhu => load!(s, 2, |v: u16| u64::from(v)),
            Op::Lw => load!(s, 2, |v: u32| v as i32 as u64),
            Op::LwC => load!(s, 1, |v: u32| v as i32 as u64),
            Op::Lwu => load!(s, 2, |v: u32| u64::from(v)),
            Op::Ld | Op::Fld => load!(s, 2, |v: u64| v),
            Op::LdC | Op::FldC => load!(s, 1, |v: u64| v),
            Op::Flw => load!(s, 2, |v: u32| float::boxed(v)),
            Op::Sb => store!(s, 2, u8),
            Op::Sh => store!(s, 2, u16),
            Op::Sw | Op::Fsw => store!(s, 2, u32),
            Op::SwC => store!(s, 1, u32),
            Op::Sd | Op::Fsd => store!(s, 2, u64),
            Op::SdC | Op::FsdC => store!(s, 1, u64),

            Op::Beq => branch!(s, 2, x!(s.rs1) == x!(s.rs2)),
            Op::Bne => branch!(s, 2, x!(s.rs1) != x!(s.rs2)),
            Op::Blt => branch!(s, 2, (x!(s.rs1) as i64) < x!(s.rs2) as i64),
            Op::Bge => branch!(s, 2, x!(s.rs1) as i64 >= x!(s.rs2) as i64),
            Op::Bltu => branch!(s, 2, x!(s.rs1) < x!(s.rs2)),
            Op::Bgeu => branch!(s, 2, x!(s.rs1) >= x!(s.rs2)),
            Op::Beqz => branch!(s, 2, x!(s.rs1) == 0),
            Op::Bnez => branch!(s, 2, x!(s.rs1) != 0),
            Op::BeqzC => branch!(s, 1, x!(s.rs1) == 0),
            Op::BnezC => branch!(s, 1, x!(s.rs1) != 0),
            Op::J | Op::JC => jump!(s),
            Op::Jal => {
                regs.set(s.rd, origin.wrapping_add(cursor.offset(slots) + 4));
                jump!(s);
            }

            Op::BeqFar => branch_far!(s, 2, x!(s.rs1) == x!(s.rs2)),
            Op::BneFar => branch_far!(s, 2, x!(s.rs1) != x!(s.rs2)),
            Op::BltFar => branch_far!(s, 2, (x!(s.rs1) as i64) < x!(s.rs2) as i64),
            Op::BgeFar => branch_far!(s, 2, x!(s.rs1) as i64 >= x!(s.rs2) as i64),
            Op::BltuFar => branch_far!(s, 2, x!(s.rs1) < x!(s.rs2)),
            Op::BgeuFar => branch_far!(s, 2, x!(s.rs1) >= x!(s.rs2)),
            Op::BeqzFarC => branch_far!(s, 1, x!(s.rs1) == 0),
            Op::BnezFarC => branch_far!(s, 1, x!(s.rs1) != 0),
            Op::JFarC => origin.wrapping_add(imm!(s)),
            Op::JalFar => {
                regs.set(s.rd, origin.wrapping_add(s.aux as u64));
                origin.wrapping_add(imm!(s))
            }
            Op::Jr => x!(s.rs1).wrapping_add(imm!(s)),
            Op::JrC => x!(s.rs1),
            Op::Jalr => {
                let target = x!(s.rs1).wrapping_add(imm!(s));
                regs.set(s.rd, origin.wrapping_add(s.aux as u64));
                target
            }
            Op::JalrC => {
                let target = x!(s.rs1);
                regs.set(s.rd, origin.wrapping_add(s.aux as u64));
                target
            }

            Op::Mul => set!(s, 2, x!(s.rs1).wrapping_mul(x!(s.rs2))),
            Op::Mulh => set!(s, 2, mulh(x!(s.rs1), x!(s.rs2))),
            Op::Mulhsu => set!(s, 2, mulhsu(x!(s.rs1), x!(s.rs2))),
            Op::Mulhu => set!(s, 2, mulhu(x!(s.rs1), x!(s.rs2))),
            Op::Mulw => set!(s, 2, sext32(x!(s.rs1).wrapping_mul(x!(s.rs2)))),
            Op::Div => set!(s, 2, div(x!(s.rs1), x!(s.rs2))),
            Op::Divu => set!(s, 2, divu(x!(s.rs1), x!(s.rs2))),
            Op::Rem => set!(s, 2, rem(x!(s.rs1), x!(s.rs2))),
            Op::Remu => set!(s, 2, remu(x!(s.rs1), x!(s.rs2))),
            Op::Divw => set!(s, 2, divw(x!(s.rs1), x!(s.rs2))),
            Op::Divuw => set!(s, 2, divuw(x!(s.rs1), x!(s.rs2))),
            Op::Remw => set!(s, 2, remw(x!(s.rs1), x!(s.rs2))),
            Op::Remuw => set!(s, 2, remuw(x!(s.rs1), x!(s.rs2))),

            Op::Sh1add => set!(s, 2, (x!(s.rs1) << 1).wrapping_add(x!(s.rs2))),
            Op::Sh2add => set!(s, 2, (x!(s.rs1) << 2).wrapping_add(x!(s.rs2))),
            Op::Sh3add => set!(s, 2, (x!(s.rs1) << 3).wrapping_add(x!(s.rs2))),
            Op::AddUw => set!(s, 2, u64::from(x!(s.rs1) as u32).wrapping_add(x!(s.rs2))),
            Op::Sh1addUw => set!(s, 2, (u64::from(x!(s.rs1) as u32) << 1).wrapping_add(x!(s.rs2))),
            Op::Sh2addUw => set!(s, 2, (u64::from(x!(s.rs1) as u32) << 2).wrapping_add(x!(s.rs2))),
            Op::Sh3addUw => set!(s, 2, (u64::from(x!(s.rs1) as u32) << 3).wrapping_add(x!(s.rs2))),
            Op::SlliUw => set!(s, 2, u64::from(x!(s.rs1) as u32) << (s.imm & 63)),

            Op::Andn => set!(s, 2, x!(s.rs1) & !x!(s.rs2)),
            Op::Orn => set!(s, 2, x!(s.rs1) | !x!(s.rs2)),
            Op::Xnor => set!(s, 2, !(x!(s.rs1) ^ x!(s.rs2))),
            Op::Clz => set!(s, 2, x!(s.rs1).leading_zeros().into()),
            Op::Ctz => set!(s, 2, x!(s.rs1).trailing_zeros().into()),
            Op::Cpop => set!(s, 2, x!(s.rs1).count_ones().into()),
            Op::Clzw => set!(s, 2, (x!(s.rs1) as u32).leading_zeros().into()),
            Op::Ctzw => set!(s, 2, (x!(s.rs1) as u32).trailing_zeros().into()),
            Op::Cpopw => set!(s, 2, (x!(s.rs1) as u32).count_ones().into()),
            Op::Max => set!(s, 2, (x!(s.rs1) as i64).max(x!(s.rs2) as i64) as u64),
            Op::Maxu => set!(s, 2, x!(s.rs1).max(x!(s.rs2))),
            Op::Min => set!(s, 2, (x!(s.rs1) as i64).min(x!(s.rs2) as i64) as u64),
            Op::Minu => set!(s, 2, x!(s.rs1).min(x!(s.rs2))),
            Op::SextB => set!(s, 2, x!(s.rs1) as i8 as u64),
            Op::SextH => set!(s, 2, x!(s.rs1) as i16 as u64),
            Op::ZextH => set!(s, 2, u64::from(x!(s.rs1) as u16)),
            Op::Rol => set!(s, 2, x!(s.rs1).rotate_left(x!(s.rs2) as u32 & 63)),
            Op::Ror => set!(s, 2, x!(s.rs1).rotate_right(x!(s.rs2) as u32 & 63)),
            Op::Rori => set!(s, 2, x!(s.rs1).rotate_right(s.imm as u32 & 63)),
            Op::Rolw => set!(s, 2, sext32((x!(s.rs1) as u32).rotate_left(x!(s.rs2) as u32 & 31).into())),
            Op::Rorw => set!(s, 2, sext32((x!(s.rs1) as u32).rotate_right(x!(s.rs2) as u32 & 31).into())),
            Op::Roriw => set!(s, 2, sext32((x!(s.rs1) as u32).rotate_right(s.imm as u32 & 31).into())),
            Op::OrcB => set!(s, 2, orc_b(x!(s.rs1))),
            Op::Rev8 => set!(s, 2, x!(s.rs1).swap_bytes()),

            Op::Bclr => set!(s, 2, x!(s.rs1) & !(1 << (x!(s.rs2) & 63))),
            Op::Bclri => set!(s, 2, x!(s.rs1) & !(1 << (s.imm & 63))),
            Op::Bext => set!(s, 2, (x!(s.rs1) >> (x!(s.rs2) & 63)) & 1),
            Op::Bexti => set!(s, 2, (x!(s.rs1) >> (s.imm & 63)) & 1),
            Op::Binv => set!(s, 2, x!(s.rs1) ^ (1 << (x!(s.rs2) & 63))),
            Op::Binvi => set!(s, 2, x!(s.rs1) ^ (1 << (s.imm & 63))),
            Op::Bset => set!(s, 2, x!(s.rs1) | (1 << (x!(s.rs2) & 63))),
            Op::Bseti => set!(s, 2, x!(s.rs1) | (1 << (s.imm & 63))),

            Op::CzeroEqz => set!(s, 2, if x!(s.rs2) == 0 { 0 } else { x!(s.rs1) }),
            Op::CzeroNez => set!(s, 2, if x!(s.rs2) != 0 { 0 } else { x!(s.rs1) }),

            Op::LrW
            | Op::LrD
            | Op::ScW
            | Op::ScD
            | Op::AmoswapW
            | Op::AmoaddW
            | Op::AmoxorW
            | Op::AmoandW
            | Op::AmoorW
            | Op::AmominW
            | Op::AmomaxW
            | Op::AmominuW
            | Op::AmomaxuW
            | Op::AmoswapD
            | Op::AmoaddD
            | Op::AmoxorD
            | Op::AmoandD
            | Op::AmoorD
            | Op::AmominD
            | Op::AmomaxD
            | Op::AmominuD
            | Op::AmomaxuD => {
                let operands = (x!(s.rs1), x!(s.rs2));
                match atomic::execute(s.op, operands, reservation, (tlb, ram, table)) {
                    Ok(value) => set!(s, 2, value),
                    Err(exit) => stop!(Stop::Exit(exit)),
                }
            }

            Op::Csrrw | Op::Csrrs | Op::Csrrc | Op::Csrrwi | Op::Csrrsi | Op::Csrrci => {
                let register = matches!(s.op, Op::Csrrw | Op::Csrrs | Op::Csrrc);
                let operand = if register { x!(s.rs1) } else { s.rs1.number().into() };
                let retired = (budget - (credit + i64::from(s.count))) as u64;
                let now = instret.wrapping_add(retired);
                let touches = s.rs1.number() != 0;
                let old = csr::execute((s.op, s.imm), (operand, touches), fcsr, now, || ticks.ticks(now));
                set!(s, 2, old)
            }

            Op::Fence => {
                fence(Ordering::SeqCst);
                cursor.advance(2);
                continue;
            }
            Op::FenceI => {
                cursor.advance(2);
                stop!(Stop::FenceI)
            }
            Op::Ecall => stop!(Stop::Exit(Exit::Ecall)),
            Op::Ebreak | Op::EbreakC => stop!(Stop::Exit(Exit::Ebreak)),
            Op::Illegal | Op::IllegalC => stop!(Stop::Exit(Exit::Illegal { instr: s.imm as u32 })),
            Op::Leave => stop!(Stop::Page),

            Op::FaddD => fp!(s, sum::<f64>(x!(s.rs1), x!(s.rs2), |a, b| a + b)),
            Op::FsubD => fp!(s, sum::<f64>(x!(s.rs1), x!(s.rs2), |a, b| a - b)),
            Op::FmulD => fp!(s, product::<f64>(x!(s.rs1), x!(s.rs2), |a, b| a * b)),
            Op::FdivD => fp!(s, product::<f64>(x!(s.rs1), x!(s.rs2), |a, b| a / b)),
            Op::FsqrtD => fp!(s, sqrt::<f64>(x!(s.rs1))),
            Op::FmaddD => fp!(s, fma!(f64, s, |a, b, c| (a, b, c))),
            Op::FmsubD => fp!(s, fma!(f64, s, |a, b, c| (a, b, -c))),
            Op::FnmsubD => fp!(s, fma!(f64, s, |a, b, c| (-a, b, c))),
            Op::FnmaddD => fp!(s, fma!(f64, s, |a, b, c| (-a, b, -c))),
            Op::FaddS => fp!(s, sum::<f32>(x!(s.rs1), x!(s.rs2), |a, b| a + b)),
            Op::FsubS => fp!(s, sum::<f32>(x!(s.rs1), x!(s.rs2), |a, b| a - b)),
            Op::FmulS => fp!(s, product::<f32>(x!(s.rs1), x!(s.rs2), |a, b| a * b)),
            Op::FdivS => fp!(s, product::<f32>(x!(s.rs1), x!(s.rs2), |a, b| a / b)),
            Op::FsqrtS => fp!(s, sqrt::<f32>(x!(s.rs1))),
            Op::FmaddS => fp!(s, fma!(f32, s, |a, b, c| (a, b, c))),
            Op::FmsubS => fp!(s, fma!(f32, s, |a, b, c| (a, b, -c))),
            Op::FnmsubS => fp!(s, fma!(f32, s, |a, b, c| (-a, b, c))),
            Op::FnmaddS => fp!(s, fma!(f32, s, |a, b, c| (-a, b, -c))),
            Op::FcvtSD => fp!(s, narrow(x!(s.rs1))),
            Op::FcvtDS => fp!(s, widen(x!(s.rs1))),
            Op::FcvtDW => fp!(s, Some(f64::from(x!(s.rs1) as i32).to_bits())),
            Op::FcvtDL => fp!(s, Some((x!(s.rs1) as i64 as f64).to_bits())),
            Op::FcvtWD => fp!(s, truncate_i32(x!(s.rs1))),
            Op::FcvtLD => fp!(s, truncate_i64(x!(s.rs1))),
            Op::FeqD => fp_any!(s, compare::<f64>(x!(s.rs1), x!(s.rs2), f64::eq)),
            Op::FltD => fp_any!(s, compare::<f64>(x!(s.rs1), x!(s.rs2), f64::lt)),
            Op::FleD => fp_any!(s, compare::<f64>(x!(s.rs1), x!(s.rs2), f64::le)),
            Op::FeqS => fp_any!(s, compare::<f32>(x!(s.rs1), x!(s.rs2), f32::eq)),
            Op::FltS => fp_any!(s, compare::<f32>(x!(s.rs1), x!(s.rs2), f32::lt)),
            Op::FleS => fp_any!(s, compare::<f32>(x!(s.rs1), x!(s.rs2), f32::le)),
            Op::FsgnjD => set!(s, 2, (x!(s.rs1) & !DOUBLE_SIGN) | (x!(s.rs2) & DOUBLE_SIGN)),
            Op::FsgnjnD => set!(s, 2, (x!(s.rs1) & !DOUBLE_SIGN) | (!x!(s.rs2) & DOUBLE_SIGN)),
            Op::FsgnjxD => set!(s, 2, x!(s.rs1) ^ (x!(s.rs2) & DOUBLE_SIGN)),
            Op::FmvXD | Op::FmvDX => set!(s, 2, x!(s.rs1)),
            Op::FmvXW => set!(s, 2, sext32(x!(s.rs1))),
            Op::FmvWX => set!(s, 2, float::boxed(x!(s.rs1) as u32)),

            Op::FsgnjS
            | Op::FsgnjnS
            | Op::FsgnjxS
            | Op::FminS
            | Op::FmaxS
            | Op::FminD
            | Op::FmaxD
            | Op::FclassS
            | Op::FclassD
            | Op::FcvtWS
            | Op::FcvtWuS
            | Op::FcvtLS
            | Op::FcvtLuS
            | Op::FcvtWuD
            | Op::FcvtLuD
            | Op::FcvtSW
            | Op::FcvtSWu
            | Op::FcvtSL
            | Op::FcvtSLu
            | Op::FcvtDWu
            | Op::FcvtDLu => fp_general!(s),
        };

        // A jump to another page, or to an address from a register. `jalr` clears bit 0; the others have none.
        let left = credit + i64::from(s.count) - 1;
        let page = target & !(FRAME_SIZE - 1);
        match hot[hot_index(target)].slots(page) {
            Some(found) => {
                (origin, slots) = (page, found);
                cursor = Cursor::at(found, target);
                credit = left - i64::from(cursor.slot().count);
                if credit < 0 {
                    break Stop::Page;
                }
            }
            None => {
                *pc = target & !1;
                return (Stop::Page, left);
            }
        }
    };
    *pc = origin.wrapping_add(cursor.offset(slots));
    (stop, credit + i64::from(cursor.slot().count))
}

/// A pointer to the slot being executed.
///
/// Its methods are safe to call only as the loop above does; the reason why they stay inside the page is that of
/// `block`: a slot's length and jump distance lead to slots of the same page, and what could run past its end
/// ends in a slot that leaves.
#[derive(Clone, Copy)]
struct Cursor(*const Slot);

impl Cursor {
    /// The slot of an address's offset in its page.
    #[inline(always)]
    fn at(slots: *const Slot, va: u64) -> Self {
        // SAFETY: a page has a slot for each of its halfwords.
        Self(unsafe { slots.add((va % FRAME_SIZE / 2) as usize) })
    }

    #[inline(always)]
    fn slot<'a>(self) -> &'a Slot {
        // SAFETY: inside a page that `execute`'s caller keeps alive, and pages never change.
        unsafe { &*self.0 }
    }

    #[inline(always)]
    fn advance(&mut self, halfwords: usize) {
        // SAFETY: the next instruction's slot or the leaving slot behind the page.
        self.0 = unsafe { self.0.add(halfwords) };
    }

    #[inline(always)]
    fn jump(&mut self, distance: i32) {
        // SAFETY: `build` makes such jumps only to slots of the page.
        self.0 = unsafe { self.0.byte_offset(distance as isize) };
    }

    /// The slot's distance from the first one, in bytes of guest code.
    #[inline(always)]
    fn offset(self, slots: *const Slot) -> u64 {
        (self.0 as usize - slots as usize) as u64 / (SLOT_BYTES as u64 / 2)
    }
}
