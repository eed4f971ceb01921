//! The loop itself: one `match`, an arm an operation.

use std::sync::atomic::{Ordering, fence};

use super::super::block::{Op, SLOT_BYTES};
use super::super::code_cache::hot_index;
use super::super::exit::{Access, Exit};
use super::super::hart::Hart;
use super::super::tlb::tlb_index;
use super::alu::*;
use super::cursor::Cursor;
use super::fast_float::*;
use super::keep_apart::keep_apart;
use super::machine::{Left, Machine, Stop};
use super::{csr, float};
use crate::mem::ram::{FRAME_SIZE, Word};

/// The loop. Returns where it was left; `m.left` tells why, `m.hart.pc` and `m.budget` are as of before that slot.
///
/// # Safety
///
/// As for [`execute`].
#[inline(never)]
pub(super) unsafe fn run(m: &mut Machine<'_>, start: Cursor) -> Cursor {
    // What every instruction needs is held here, the rest is reached through `m`: registers are few.
    let Hart { regs, fcsr, .. } = &mut *m.hart;
    let tlb = &mut *m.tlb;
    let mut cursor = start;
    let mut credit = m.budget - i64::from(cursor.slot().count);

    /// On to the next slot.
    macro_rules! next {
        () => {{
            keep_apart!();
            continue;
        }};
    }
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
            next!();
        }};
    }
    /// Leaves the loop; the cursor stays at the instruction.
    macro_rules! leave {
        ($left:expr) => {{
            m.left = $left;
            break;
        }};
    }
    /// Stops execution; the cursor stays at the instruction.
    macro_rules! stop {
        ($stop:expr) => {
            leave!(Left::Stopped($stop))
        };
    }
    /// Leaves the loop for the kernel; the cursor stays at the instruction.
    macro_rules! exit {
        ($exit:expr) => {{
            m.exit = $exit;
            stop!(Stop::Exit)
        }};
    }
    /// The word of `$type` at `$va`. If no translation is cached, leaves the loop at the instruction `$ahead` halfwords
    /// from the cursor.
    macro_rules! word {
        ($slot:ident, $ahead:literal, $va:expr, $type:ty) => {{
            let va: u64 = $va;
            let word: $type = match tlb.read[tlb_index(va)].load(va) {
                Some(word) => word,
                None => {
                    cursor.advance($ahead);
                    m.va = va;
                    leave!(Left::Miss { access: Access::Read, size: size_of::<$type>() as u8 })
                }
            };
            word
        }};
    }
    /// Stores a word at `$va`; otherwise as `word!`.
    macro_rules! store_word {
        ($slot:ident, $ahead:literal, $va:expr, $word:expr) => {{
            let (va, word): (u64, _) = ($va, $word);
            if tlb.write[tlb_index(va)].store(va, word).is_none() {
                cursor.advance($ahead);
                m.va = va;
                leave!(Left::Miss { access: Access::Write, size: size_of_val(&word) as u8 });
            }
        }};
    }
    /// A load: `$value` of the `$type` at rs1 + imm goes to rd.
    macro_rules! load {
        ($slot:ident, $halfwords:literal, |$word:ident: $type:ty| $value:expr) => {{
            let $word = word!($slot, 0, x!($slot.rs1).wrapping_add(imm!($slot)), $type);
            set!($slot, $halfwords, $value)
        }};
    }
    /// Two loads, each `$halfwords` long.
    macro_rules! load_pair {
        ($slot:ident, $halfwords:literal, |$word:ident: $type:ty| $value:expr) => {{
            let $word = word!($slot, 0, x!($slot.rs1).wrapping_add(imm!($slot)), $type);
            regs.set($slot.rd, $value);
            let $word = word!($slot, $halfwords, x!($slot.rs3).wrapping_add($slot.aux as u64), $type);
            regs.set($slot.rs2, $value);
            cursor.advance(2 * $halfwords);
            next!();
        }};
    }
    /// The word that the first half of a fused slot loads.
    macro_rules! near {
        ($slot:ident, $type:ty) => {
            word!($slot, 0, x!($slot.rs1).wrapping_add($slot.imm as i16 as u64), $type)
        };
    }
    /// A store of rs2's low bits at rs1 + imm.
    macro_rules! store {
        ($slot:ident, $halfwords:literal, $type:ty) => {{
            let word = <$type as Word>::truncate(x!($slot.rs2));
            store_word!($slot, 0, x!($slot.rs1).wrapping_add(imm!($slot)), word);
            cursor.advance($halfwords);
            next!();
        }};
    }
    /// An instruction whose result is `$value`, and a branch inside the page.
    macro_rules! then_branch {
        ($slot:ident, $value:expr, $condition:expr) => {{
            let value = $value;
            regs.set($slot.rd, value);
            if $condition {
                credit += i64::from($slot.aux as i16);
                cursor.jump(($slot.aux >> 16) * SLOT_BYTES as i32);
                if credit < 0 {
                    stop!(Stop::Page);
                }
                next!();
            }
            cursor.jump(($slot.imm >> 16) * SLOT_BYTES as i32);
            next!();
        }};
    }
    /// The high half of a product of 128 bits, which is a call in WebAssembly.
    macro_rules! high_half {
        ($slot:ident, $value:expr) => {{
            if cfg!(target_family = "wasm") {
                leave!(Left::Outside)
            }
            set!($slot, 2, $value)
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
            next!();
        }};
    }
    /// A branch inside the page.
    macro_rules! branch {
        ($slot:ident, $halfwords:literal, $condition:expr) => {{
            if $condition {
                jump!($slot);
            }
            cursor.advance($halfwords);
            next!();
        }};
    }
    /// A branch to another page: evaluates to the target if it is taken.
    macro_rules! branch_far {
        ($slot:ident, $halfwords:literal, $condition:expr) => {{
            if !$condition {
                cursor.advance($halfwords);
                next!();
            }
            m.origin.wrapping_add(imm!($slot))
        }};
    }

    /// A floating-point operation that the host may answer whatever `fcsr` says.
    macro_rules! fp_any {
        ($slot:ident, $fast:expr) => {{
            if let Some(value) = $fast {
                set!($slot, 2, value);
            }
            leave!(Left::Outside)
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
            leave!(Left::Outside)
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

    loop {
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
            Op::Auipc => set!(s, 2, m.origin.wrapping_add(imm!(s))),
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
                next!();
            }
            Op::NopC => {
                cursor.advance(1);
                next!();
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
                regs.set(s.rd, m.origin.wrapping_add(cursor.offset(m.slots) + 4));
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
            Op::JFarC => m.origin.wrapping_add(imm!(s)),
            Op::JalFar => {
                regs.set(s.rd, m.origin.wrapping_add(s.aux as u64));
                m.origin.wrapping_add(imm!(s))
            }
            Op::Jr => x!(s.rs1).wrapping_add(imm!(s)),
            Op::JrC => x!(s.rs1),
            Op::Jalr => {
                let target = x!(s.rs1).wrapping_add(imm!(s));
                regs.set(s.rd, m.origin.wrapping_add(s.aux as u64));
                target
            }
            Op::JalrC => {
                let target = x!(s.rs1);
                regs.set(s.rd, m.origin.wrapping_add(s.aux as u64));
                target
            }

            Op::Li3 => set!(s, 3, imm!(s)),
            Op::Li4 => set!(s, 4, imm!(s)),
            Op::Auipc3 => set!(s, 3, m.origin.wrapping_add(imm!(s))),
            Op::Auipc4 => set!(s, 4, m.origin.wrapping_add(imm!(s))),
            Op::AuipcLd => {
                regs.set(s.rd, m.origin.wrapping_add(s.aux as u64));
                let va = m.origin.wrapping_add(imm!(s));
                let word = word!(s, 2, va, u64);
                set!(s, 4, word)
            }
            Op::Call => {
                regs.set(s.rd, m.origin.wrapping_add(s.aux as u64));
                credit -= 1;
                m.origin.wrapping_add(imm!(s))
            }
            Op::TailCall => {
                regs.set(s.rd, m.origin.wrapping_add(s.aux as u64));
                credit -= 1;
                m.origin.wrapping_add(imm!(s))
            }
            Op::SlliSrli2 => set!(s, 2, (x!(s.rs1) << (s.imm & 63)) >> (s.aux & 63)),
            Op::SlliSrai2 => set!(s, 2, (((x!(s.rs1) << (s.imm & 63)) as i64) >> (s.aux & 63)) as u64),
            Op::SlliAdd2 => set!(s, 2, (x!(s.rs1) << (s.imm & 63)).wrapping_add(x!(s.rs2))),
            Op::SlliSrli3 => set!(s, 3, (x!(s.rs1) << (s.imm & 63)) >> (s.aux & 63)),
            Op::SlliSrai3 => set!(s, 3, (((x!(s.rs1) << (s.imm & 63)) as i64) >> (s.aux & 63)) as u64),
            Op::SlliAdd3 => set!(s, 3, (x!(s.rs1) << (s.imm & 63)).wrapping_add(x!(s.rs2))),
            Op::SlliSrli4 => set!(s, 4, (x!(s.rs1) << (s.imm & 63)) >> (s.aux & 63)),
            Op::SlliSrai4 => set!(s, 4, (((x!(s.rs1) << (s.imm & 63)) as i64) >> (s.aux & 63)) as u64),
            Op::SlliAdd4 => set!(s, 4, (x!(s.rs1) << (s.imm & 63)).wrapping_add(x!(s.rs2))),
            Op::AddiAddi2 => {
                regs.set(s.rd, x!(s.rs1).wrapping_add(imm!(s)));
                regs.set(s.rs2, x!(s.rs3).wrapping_add(s.aux as u64));
                cursor.advance(2);
                next!();
            }
            Op::AddiwAddiw2 => {
                regs.set(s.rd, sext32(x!(s.rs1).wrapping_add(imm!(s))));
                regs.set(s.rs2, sext32(x!(s.rs3).wrapping_add(s.aux as u64)));
                cursor.advance(2);
                next!();
            }
            Op::AddiAddi3 => {
                regs.set(s.rd, x!(s.rs1).wrapping_add(imm!(s)));
                regs.set(s.rs2, x!(s.rs3).wrapping_add(s.aux as u64));
                cursor.advance(3);
                next!();
            }
            Op::AddiwAddiw3 => {
                regs.set(s.rd, sext32(x!(s.rs1).wrapping_add(imm!(s))));
                regs.set(s.rs2, sext32(x!(s.rs3).wrapping_add(s.aux as u64)));
                cursor.advance(3);
                next!();
            }
            Op::AddiAddi4 => {
                regs.set(s.rd, x!(s.rs1).wrapping_add(imm!(s)));
                regs.set(s.rs2, x!(s.rs3).wrapping_add(s.aux as u64));
                cursor.advance(4);
                next!();
            }
            Op::AddiwAddiw4 => {
                regs.set(s.rd, sext32(x!(s.rs1).wrapping_add(imm!(s))));
                regs.set(s.rs2, sext32(x!(s.rs3).wrapping_add(s.aux as u64)));
                cursor.advance(4);
                next!();
            }
            Op::MulAdd3 => {
                let product = x!(s.rs1).wrapping_mul(x!(s.rs2));
                regs.set(s.rd, product);
                regs.set(s.rs3, x!(s.rs3).wrapping_add(product));
                cursor.advance(3);
                next!();
            }
            Op::MulwAddw3 => {
                let product = sext32(x!(s.rs1).wrapping_mul(x!(s.rs2)));
                regs.set(s.rd, product);
                regs.set(s.rs3, sext32(x!(s.rs3).wrapping_add(product)));
                cursor.advance(3);
                next!();
            }
            Op::MulAdd4 => {
                let product = x!(s.rs1).wrapping_mul(x!(s.rs2));
                regs.set(s.rd, product);
                regs.set(s.rs3, x!(s.rs3).wrapping_add(product));
                cursor.advance(4);
                next!();
            }
            Op::MulwAddw4 => {
                let product = sext32(x!(s.rs1).wrapping_mul(x!(s.rs2)));
                regs.set(s.rd, product);
                regs.set(s.rs3, sext32(x!(s.rs3).wrapping_add(product)));
                cursor.advance(4);
                next!();
            }
            Op::AddiAdd2 => {
                regs.set(s.rd, x!(s.rs1).wrapping_add(imm!(s)));
                regs.set(s.rs2, x!(s.rs2).wrapping_add(x!(s.rs3)));
                cursor.advance(2);
                next!();
            }
            Op::AddiAdd3 => {
                regs.set(s.rd, x!(s.rs1).wrapping_add(imm!(s)));
                regs.set(s.rs2, x!(s.rs2).wrapping_add(x!(s.rs3)));
                cursor.advance(3);
                next!();
            }
            Op::AddiAdd4 => {
                regs.set(s.rd, x!(s.rs1).wrapping_add(imm!(s)));
                regs.set(s.rs2, x!(s.rs2).wrapping_add(x!(s.rs3)));
                cursor.advance(4);
                next!();
            }
            Op::AddAddi2 => {
                regs.set(s.rd, x!(s.rd).wrapping_add(x!(s.rs1)));
                regs.set(s.rs2, x!(s.rs3).wrapping_add(s.aux as u64));
                cursor.advance(2);
                next!();
            }
            Op::AddAdd2 => {
                regs.set(s.rd, x!(s.rd).wrapping_add(x!(s.rs1)));
                regs.set(s.rs2, x!(s.rs2).wrapping_add(x!(s.rs3)));
                cursor.advance(2);
                next!();
            }
            Op::LdAddi2 => {
                let word = word!(s, 0, x!(s.rs1).wrapping_add(imm!(s)), u64);
                regs.set(s.rd, word);
                regs.set(s.rs2, x!(s.rs3).wrapping_add(s.aux as u64));
                cursor.advance(2);
                next!();
            }
            Op::FmulFaddD => {
                if *fcsr & FCSR_MASK == s.imm as u32
                    && let Some(product) = product::<f64>(x!(s.rs1), x!(s.rs2), |a, b| a * b)
                {
                    regs.set(s.rd, product);
                    if let Some(total) = sum::<f64>(x!(s.rs3), product, |a, b| a + b) {
                        regs.set(s.rs3, total);
                        cursor.advance(4);
                        next!();
                    }
                    // The addition's own slot works it out.
                    cursor.advance(2);
                    next!();
                }
                leave!(Left::Outside)
            }
            Op::MvMv2 => {
                regs.set(s.rd, x!(s.rs1));
                regs.set(s.rs2, x!(s.rs3));
                cursor.advance(2);
                next!();
            }
            Op::LdLd2 => load_pair!(s, 1, |v: u64| v),
            Op::LwLw2 => load_pair!(s, 1, |v: u32| v as i32 as u64),
            Op::LwLw4 => load_pair!(s, 2, |v: u32| v as i32 as u64),
            Op::SdSd2 => {
                store_word!(s, 0, x!(s.rs1).wrapping_add(imm!(s)), x!(s.rs2));
                store_word!(s, 1, x!(s.rs1).wrapping_add(s.aux as u64), x!(s.rs3));
                cursor.advance(2);
                next!();
            }

            Op::AddiBeq => {
                then_branch!(s, x!(s.rs1).wrapping_add(s.imm as i16 as u64), x!(s.rs2) == x!(s.rs3))
            }
            Op::AddiBne => {
                then_branch!(s, x!(s.rs1).wrapping_add(s.imm as i16 as u64), x!(s.rs2) != x!(s.rs3))
            }
            Op::AddiBlt => then_branch!(
                s,
                x!(s.rs1).wrapping_add(s.imm as i16 as u64),
                (x!(s.rs2) as i64) < x!(s.rs3) as i64
            ),
            Op::AddiBge => then_branch!(
                s,
                x!(s.rs1).wrapping_add(s.imm as i16 as u64),
                x!(s.rs2) as i64 >= x!(s.rs3) as i64
            ),
            Op::AddiBltu => {
                then_branch!(s, x!(s.rs1).wrapping_add(s.imm as i16 as u64), x!(s.rs2) < x!(s.rs3))
            }
            Op::AddiBgeu => {
                then_branch!(s, x!(s.rs1).wrapping_add(s.imm as i16 as u64), x!(s.rs2) >= x!(s.rs3))
            }
            Op::AddiwBeq => {
                then_branch!(s, sext32(x!(s.rs1).wrapping_add(s.imm as i16 as u64)), x!(s.rs2) == x!(s.rs3))
            }
            Op::AddiwBne => {
                then_branch!(s, sext32(x!(s.rs1).wrapping_add(s.imm as i16 as u64)), x!(s.rs2) != x!(s.rs3))
            }
            Op::AddiwBlt => then_branch!(
                s,
                sext32(x!(s.rs1).wrapping_add(s.imm as i16 as u64)),
                (x!(s.rs2) as i64) < x!(s.rs3) as i64
            ),
            Op::AddiwBge => then_branch!(
                s,
                sext32(x!(s.rs1).wrapping_add(s.imm as i16 as u64)),
                x!(s.rs2) as i64 >= x!(s.rs3) as i64
            ),
            Op::AddiwBltu => {
                then_branch!(s, sext32(x!(s.rs1).wrapping_add(s.imm as i16 as u64)), x!(s.rs2) < x!(s.rs3))
            }
            Op::AddiwBgeu => {
                then_branch!(s, sext32(x!(s.rs1).wrapping_add(s.imm as i16 as u64)), x!(s.rs2) >= x!(s.rs3))
            }
            Op::LwBeq => then_branch!(s, near!(s, u32) as i32 as u64, x!(s.rs2) == x!(s.rs3)),
            Op::LwBne => then_branch!(s, near!(s, u32) as i32 as u64, x!(s.rs2) != x!(s.rs3)),
            Op::LwBlt => then_branch!(s, near!(s, u32) as i32 as u64, (x!(s.rs2) as i64) < x!(s.rs3) as i64),
            Op::LwBge => then_branch!(s, near!(s, u32) as i32 as u64, x!(s.rs2) as i64 >= x!(s.rs3) as i64),
            Op::LwBltu => then_branch!(s, near!(s, u32) as i32 as u64, x!(s.rs2) < x!(s.rs3)),
            Op::LwBgeu => then_branch!(s, near!(s, u32) as i32 as u64, x!(s.rs2) >= x!(s.rs3)),
            Op::LdBeq => then_branch!(s, near!(s, u64), x!(s.rs2) == x!(s.rs3)),
            Op::LdBne => then_branch!(s, near!(s, u64), x!(s.rs2) != x!(s.rs3)),
            Op::LbuBeq => then_branch!(s, u64::from(near!(s, u8)), x!(s.rs2) == x!(s.rs3)),
            Op::LbuBne => then_branch!(s, u64::from(near!(s, u8)), x!(s.rs2) != x!(s.rs3)),
            Op::SrliBeq => then_branch!(s, x!(s.rs1) >> (s.imm & 63), x!(s.rs2) == x!(s.rs3)),
            Op::AndiBeq => then_branch!(s, x!(s.rs1) & s.imm as i16 as u64, x!(s.rs2) == x!(s.rs3)),
            Op::SrliBne => then_branch!(s, x!(s.rs1) >> (s.imm & 63), x!(s.rs2) != x!(s.rs3)),
            Op::AndiBne => then_branch!(s, x!(s.rs1) & s.imm as i16 as u64, x!(s.rs2) != x!(s.rs3)),
            Op::AddwBne => then_branch!(s, sext32(x!(s.rd).wrapping_add(x!(s.rs1))), x!(s.rs2) != x!(s.rs3)),
            Op::AddBne => then_branch!(s, x!(s.rd).wrapping_add(x!(s.rs1)), x!(s.rs2) != x!(s.rs3)),

            Op::Mul => set!(s, 2, x!(s.rs1).wrapping_mul(x!(s.rs2))),
            Op::Mulh => high_half!(s, mulh(x!(s.rs1), x!(s.rs2))),
            Op::Mulhsu => high_half!(s, mulhsu(x!(s.rs1), x!(s.rs2))),
            Op::Mulhu => high_half!(s, mulhu(x!(s.rs1), x!(s.rs2))),
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
            | Op::AmomaxuD => leave!(Left::Outside),

            Op::Csrrw | Op::Csrrs | Op::Csrrc | Op::Csrrwi | Op::Csrrsi | Op::Csrrci => {
                match csr::float_state(s, x!(s.rs1), fcsr) {
                    Some(old) => set!(s, 2, old),
                    None => leave!(Left::Outside),
                }
            }

            Op::Fence => {
                fence(Ordering::SeqCst);
                cursor.advance(2);
                next!();
            }
            Op::FenceI => {
                cursor.advance(2);
                stop!(Stop::FenceI)
            }
            Op::Ecall => exit!(Exit::Ecall),
            Op::Ebreak | Op::EbreakC => exit!(Exit::Ebreak),
            Op::Illegal | Op::IllegalC => exit!(Exit::Illegal { instr: s.imm as u32 }),
            Op::Leave => stop!(Stop::Page),

            Op::Hop => {
                cursor.jump(s.imm);
                next!();
            }
            Op::RotateW => set!(s, 1, sext32((x!(s.rs1) as u32).rotate_right(s.imm as u32 & 31).into())),
            Op::Rotate => set!(s, 1, x!(s.rs1).rotate_right(s.imm as u32 & 63)),
            Op::RotateAddW => {
                let turned = (x!(s.rs1) as u32).rotate_right(s.imm as u32 & 31);
                set!(s, 1, sext32(turned.wrapping_add(x!(s.rs2) as u32).into()))
            }
            Op::XorRotatesW => {
                let (x, [a, b, c]) = (x!(s.rs1) as u32, amounts(s.imm));
                set!(s, 1, sext32((x.rotate_right(a) ^ x.rotate_right(b) ^ x.rotate_right(c)).into()))
            }
            Op::XorRotates => {
                let (x, [a, b, c]) = (x!(s.rs1), amounts(s.imm));
                set!(s, 1, x.rotate_right(a) ^ x.rotate_right(b) ^ x.rotate_right(c))
            }
            Op::XorRotatesShiftW => {
                let (x, [a, b, c]) = (x!(s.rs1) as u32, amounts(s.imm));
                set!(s, 1, sext32((x.rotate_right(a) ^ x.rotate_right(b) ^ (x >> (c & 31))).into()))
            }
            Op::XorRotatesShift => {
                let (x, [a, b, c]) = (x!(s.rs1), amounts(s.imm));
                set!(s, 1, x.rotate_right(a) ^ x.rotate_right(b) ^ (x >> (c & 63)))
            }
            Op::Choose => set!(s, 1, (x!(s.rs1) & x!(s.rs2)) | (!x!(s.rs1) & x!(s.rs3))),
            Op::RingElement => {
                let element = x!(s.rs1).wrapping_add(imm!(s)) & (s.aux as u64 & 0xffff);
                set!(s, 1, x!(s.rs2).wrapping_add(element << (s.aux >> 16 & 63)))
            }
            Op::AddAddW => set!(s, 1, sext32(x!(s.rs1).wrapping_add(x!(s.rs2)).wrapping_add(x!(s.rs3)))),
            Op::AddAdd => set!(s, 1, x!(s.rs1).wrapping_add(x!(s.rs2)).wrapping_add(x!(s.rs3))),
            Op::XorXor => set!(s, 1, x!(s.rs1) ^ x!(s.rs2) ^ x!(s.rs3)),
            Op::OrOr => set!(s, 1, x!(s.rs1) | x!(s.rs2) | x!(s.rs3)),
            Op::XorAnd => set!(s, 1, (x!(s.rs1) ^ x!(s.rs2)) & x!(s.rs3)),
            Op::AndXor => set!(s, 1, (x!(s.rs1) & x!(s.rs2)) ^ x!(s.rs3)),
            Op::AndOr => set!(s, 1, (x!(s.rs1) & x!(s.rs2)) | x!(s.rs3)),
            Op::OrAnd => set!(s, 1, (x!(s.rs1) | x!(s.rs2)) & x!(s.rs3)),
            Op::NotAnd => set!(s, 1, !x!(s.rs1) & x!(s.rs2)),

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
            | Op::FcvtDLu => leave!(Left::Outside),
        };

        // A jump to another page, or to an address from a register. `jalr` clears bit 0; the others have none.
        let left = credit + i64::from(s.count) - 1;
        let page = target & !(FRAME_SIZE - 1);
        match m.hot[hot_index(target)].slots(page) {
            Some(found) => {
                (m.origin, m.slots) = (page, found);
                cursor = Cursor::at(found, target);
                credit = left - i64::from(cursor.slot().count);
                if credit < 0 {
                    stop!(Stop::Page);
                }
            }
            None => {
                m.hart.pc = target & !1;
                m.budget = left;
                m.left = Left::Stopped(Stop::Page);
                return cursor;
            }
        }
    }
    m.hart.pc = m.origin.wrapping_add(cursor.offset(m.slots));
    m.budget = credit + i64::from(cursor.slot().count);
    cursor
}
