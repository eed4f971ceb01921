//! What the processor promises beyond single instructions: exact exits, budgets, caches that are never wrong, and
//! atomics that hold between harts.

#[path = "support/isa/assemble.rs"]
#[allow(dead_code, reason = "shared with a generator that uses other parts")]
mod assemble;
#[path = "support/bare.rs"]
#[allow(dead_code, reason = "shared with a program that uses other parts")]
mod bare;

use assemble::*;
use bare::Machine;
use std::sync::atomic::Ordering;
use tidemark_kernel::cpu::exit::{Access, Exit};
use tidemark_kernel::cpu::hart::Hart;
use tidemark_kernel::mem::page_table::Pte;

const CODE: u64 = 0x10000;
const DATA: u64 = 0x20000;
const PAGE: u64 = 4096;
const FENCE: u32 = 0x0ff0_000f;
const FENCE_I: u32 = 0x0000_100f;
const EBREAK: u32 = 0x0010_0073;
const PLENTY: u64 = 100_000;

const A0: u32 = 10;
const A1: u32 = 11;
const A2: u32 = 12;
const A3: u32 = 13;
const A4: u32 = 14;
const A5: u32 = 15;

/// A machine with the words at [`CODE`], two pages of code and two of data, and `a1` at [`DATA`].
fn machine(words: &[u32]) -> Machine {
    let mut machine = Machine::new(4 << 20);
    machine.map(CODE, 2 * PAGE, Pte::READ | Pte::WRITE | Pte::EXECUTE);
    machine.map(DATA, 2 * PAGE, Pte::READ | Pte::WRITE);
    machine.write(CODE, &bytes(words));
    machine.hart.set_pc(CODE);
    machine.hart.set_x(A1 as usize, DATA);
    machine
}

fn bytes(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn lw(rd: u32, offset: i32, rs1: u32) -> u32 {
    i_type(offset, rs1, 2, rd, 0x03)
}

fn sw(rs2: u32, offset: i32, rs1: u32) -> u32 {
    s_type(offset, rs2, rs1, 2, 0x23)
}

/// An atomic instruction by its funct5.
fn amo(funct5: u32, size: u32, rd: u32, rs2: u32, rs1: u32) -> u32 {
    r_type(funct5 << 2, rs2, rs1, size, rd, 0x2f)
}

fn word(machine: &Machine, va: u64) -> u64 {
    u64::from_le_bytes(machine.read(va, 8).try_into().expect("eight bytes"))
}

fn fault(addr: u64, access: Access) -> Exit {
    Exit::PageFault { addr, access }
}

#[test]
fn a_store_over_two_pages_is_all_or_nothing() {
    let mut m = machine(&[sd(A0, 0, A1), EBREAK]);
    m.hart.set_x(A0 as usize, u64::MAX);
    m.hart.set_x(A1 as usize, DATA + 2 * PAGE - 3);
    assert_eq!(m.run(PLENTY), fault(DATA + 2 * PAGE, Access::Write));
    assert_eq!((m.hart.pc(), m.hart.instret()), (CODE, 0));
    assert_eq!(m.read(DATA + 2 * PAGE - 3, 3), [0; 3]);
    m.map(DATA + 2 * PAGE, PAGE, Pte::READ | Pte::WRITE);
    assert_eq!(m.run(PLENTY), Exit::Ebreak, "goes on where it was");
    assert_eq!(m.read(DATA + 2 * PAGE - 3, 9), [255, 255, 255, 255, 255, 255, 255, 255, 0]);
}

#[test]
fn a_fused_pair_faults_at_its_second_half() {
    // c.ldsp a0, 0(sp); c.ldsp a2, 8(sp)
    let mut m = machine(&[0x6622_6502, EBREAK]);
    m.hart.set_x(2, DATA + 2 * PAGE - 8);
    m.write(DATA + 2 * PAGE - 8, &77u64.to_le_bytes());
    assert_eq!(m.run(PLENTY), fault(DATA + 2 * PAGE, Access::Read));
    assert_eq!((m.hart.pc(), m.hart.instret(), m.hart.x(10)), (CODE + 2, 1, 77));

    let mut m = machine(&[auipc(A0, 0x5000_0000), ld(A0, 16, A0), EBREAK]);
    assert_eq!(m.run(PLENTY), fault(CODE + 0x5000_0010, Access::Read));
    assert_eq!((m.hart.pc(), m.hart.instret(), m.hart.x(10)), (CODE + 4, 1, CODE + 0x5000_0000));
}

#[test]
fn permissions() {
    let mut m = machine(&[sw(A0, 0, A1), lw(A0, 0, A1), EBREAK]);
    m.protect(DATA, Some(Pte::READ));
    assert_eq!(m.run(PLENTY), fault(DATA, Access::Write));
    // A permission that was added needs no flush.
    m.protect(DATA, Some(Pte::WRITE));
    assert_eq!(m.run(PLENTY), Exit::Ebreak);
    // One that was taken away holds from the next generation on.
    m.hart.set_pc(CODE);
    m.protect(DATA, Some(Pte::EXECUTE));
    m.raise_tlb_generation();
    assert_eq!(m.run(PLENTY), fault(DATA, Access::Write));
    m.hart.set_pc(CODE + 4);
    assert_eq!(m.run(PLENTY), fault(DATA, Access::Read));
    m.hart.set_pc(DATA);
    assert_eq!(m.run(PLENTY), Exit::Illegal { instr: 0 }, "executable, and zero");
    m.hart.set_pc(CODE);
    m.protect(CODE, Some(Pte::READ));
    m.raise_tlb_generation();
    assert_eq!(m.run(PLENTY), fault(CODE, Access::Execute));
}

#[test]
fn addresses_beyond_the_translated_range_fault() {
    let mut m = machine(&[lw(A0, 0, A1), EBREAK]);
    for addr in [1 << 48, u64::MAX - 1, 1 << 63, 0xffff_8000_0000_0000, 0] {
        m.hart.set_pc(CODE);
        m.hart.set_x(A1 as usize, addr);
        assert_eq!(m.run(PLENTY), fault(addr, Access::Read), "{addr:#x}");
    }
    m.hart.set_pc(1 << 50);
    assert_eq!(m.run(PLENTY), fault(1 << 50, Access::Execute));
}

#[test]
fn an_instruction_over_two_pages() {
    let mut m = machine(&[]);
    let at = CODE + PAGE - 2;
    m.write(at, &bytes(&[addi(A0, A0, 5), EBREAK]));
    m.hart.set_pc(at);
    assert_eq!(m.run(PLENTY), Exit::Ebreak);
    assert_eq!((m.hart.pc(), m.hart.x(10), m.hart.instret()), (at + 4, 5, 1));
    // If the second page cannot be executed, that is where the fault is.
    m.protect(CODE + PAGE, Some(Pte::READ));
    m.raise_tlb_generation();
    m.hart.set_pc(at);
    assert_eq!(m.run(PLENTY), fault(CODE + PAGE, Access::Execute));
    assert_eq!((m.hart.pc(), m.hart.x(10)), (at, 5));
}

#[test]
fn misaligned_atomics() {
    for (funct5, size) in [(0x00, 2), (0x00, 3), (0x02, 2), (0x03, 3), (0x01, 3)] {
        let mut m = machine(&[amo(funct5, size, A0, 0, A1), EBREAK]);
        m.hart.set_x(A1 as usize, DATA + 2);
        assert_eq!(m.run(PLENTY), Exit::Misaligned { addr: DATA + 2 });
        assert_eq!(m.hart.pc(), CODE);
    }
}

#[test]
fn faults_of_atomics() {
    let mut m = machine(&[amo(0, 2, A0, A0, A1), EBREAK]);
    m.protect(DATA, Some(Pte::READ));
    assert_eq!(m.run(PLENTY), fault(DATA, Access::Write), "an AMO writes");
    let mut m = machine(&[amo(2, 2, A0, 0, A1), amo(3, 2, A0, A0, A1), EBREAK]);
    m.protect(DATA, Some(Pte::READ));
    assert_eq!(m.run(PLENTY), fault(DATA, Access::Write), "LR reads, SC writes");
    assert_eq!(m.hart.pc(), CODE + 4);
    m.hart.clear_reservation();
    assert_eq!(m.run(PLENTY), Exit::Ebreak, "an SC without reservation touches nothing");
    assert_eq!(m.hart.x(10), 1);
}

#[test]
fn store_conditional_fails_after_a_store() {
    let lr_sc = [amo(2, 3, A0, 0, A1), amo(3, 3, A2, A3, A1)];
    let mut m = machine(&[lr_sc[0], lr_sc[1], EBREAK]);
    m.hart.set_x(A3 as usize, 9);
    assert_eq!(m.run(PLENTY), Exit::Ebreak);
    assert_eq!((m.hart.x(12), word(&m, DATA)), (0, 9));
    let mut m = machine(&[lr_sc[0], sd(A3, 0, A1), lr_sc[1], EBREAK]);
    m.hart.set_x(A3 as usize, 9);
    assert_eq!(m.run(PLENTY), Exit::Ebreak);
    assert_eq!(m.hart.x(12), 1);
}

#[test]
fn code_that_writes_code() {
    // Overwrites the instruction at +16 with what a2 holds, and comes to it.
    let code = [addi(A0, 0, 1), auipc(A3, 0), sw(A2, 12, A3), FENCE_I, addi(A0, A0, 10), EBREAK];
    let mut m = machine(&code);
    m.hart.set_x(A2 as usize, addi(A0, A0, 100).into());
    assert_eq!(m.run(PLENTY), Exit::Ebreak);
    assert_eq!((m.hart.x(10), m.hart.instret()), (101, 5));
    // And once more, now that the page is cached.
    m.hart.set_pc(CODE);
    m.hart.set_x(A2 as usize, addi(A0, A0, 200).into());
    assert_eq!(m.run(PLENTY), Exit::Ebreak);
    assert_eq!(m.hart.x(10), 201);
}

#[test]
fn a_frame_with_other_content_is_decoded_again() {
    let mut m = machine(&[addi(A0, 0, 1), EBREAK]);
    assert_eq!((m.run(PLENTY), m.hart.x(10)), (Exit::Ebreak, 1));
    m.write(CODE, &bytes(&[addi(A0, 0, 2)]));
    m.raise_tlb_generation();
    m.hart.set_pc(CODE);
    assert_eq!((m.run(PLENTY), m.hart.x(10)), (Exit::Ebreak, 2));
}

#[test]
fn budgets_are_exact() {
    // Four instructions a round, jumps and a fused pair among them.
    let code = [addi(A0, A0, 1), addi(A2, A2, 2), branch(1, A0, 0, 4), jal(0, -12)];
    for budget in 0..40 {
        let mut m = machine(&code);
        assert_eq!(m.run(budget), Exit::Budget);
        assert_eq!((m.hart.instret(), m.hart.pc()), (budget, CODE + 4 * (budget % 4)), "budget {budget}");
        assert_eq!((m.hart.x(10), m.hart.x(12)), (budget.div_ceil(4), (budget + 2) / 4 * 2));
    }
    let mut m = machine(&code);
    assert_eq!(m.run(1_000_003), Exit::Budget);
    assert_eq!(m.hart.instret(), 1_000_003);
}

#[test]
fn attention_ends_a_run() {
    let mut m = machine(&[jal(0, 0)]);
    m.attention().store(1, Ordering::Release);
    assert_eq!(m.run(u64::MAX), Exit::Attention);
    assert_eq!(m.hart.instret(), 0);
    m.attention().store(0, Ordering::Release);
    let attention = m.attention();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(std::time::Duration::from_millis(20));
            attention.store(1, Ordering::Release);
        });
        for (hart, exit) in m.run_in_parallel([m.hart.clone(), m.hart.clone()]) {
            assert_eq!((exit, hart.pc()), (Exit::Attention, CODE));
        }
    });
}

#[test]
fn counters() {
    let (cycle, time, instret) = (0xc00, 0xc01, 0xc02);
    let mut m = machine(&[addi(0, 0, 0), csrr(A0, instret), csrr(A2, cycle), csrr(A3, time), EBREAK]);
    assert_eq!(m.run(PLENTY), Exit::Ebreak);
    assert_eq!([10, 12, 13].map(|n| m.hart.x(n)), [1, 2, 3]);
}

#[test]
fn reserved_rounding_modes() {
    let dynamic = r_type(0x01, 0, 0, 7, 0, 0x53);
    let mut m = machine(&[dynamic, EBREAK]);
    for mode in 5..8 {
        m.hart.set_fcsr(mode << 5);
        assert_eq!(m.run(PLENTY), Exit::Illegal { instr: dynamic });
        assert_eq!((m.hart.pc(), m.hart.fcsr()), (CODE, mode << 5));
    }
    m.hart.set_fcsr(4 << 5);
    assert_eq!(m.run(PLENTY), Exit::Ebreak);
}

/// Two harts that start at two addresses, with `a1` at the data.
fn two_harts(entries: [u64; 2]) -> [Hart; 2] {
    entries.map(|entry| {
        let mut hart = Hart::new();
        hart.set_pc(entry);
        hart.set_x(A1 as usize, DATA);
        hart
    })
}

#[test]
fn counters_of_two_harts() {
    const ROUNDS: u64 = 0x3_0000;
    let start = [lui(A5, ROUNDS as u32), addi(A4, 0, 1)];
    let with_amo = [amo(0, 3, 0, A4, A1), addi(A5, A5, -1), branch(1, A5, 0, -8), EBREAK];
    let with_sc = [
        amo(2, 2, A0, 0, A1),
        addi(A0, A0, 1),
        amo(3, 2, A2, A0, A1),
        branch(1, A2, 0, -12),
        addi(A5, A5, -1),
        branch(1, A5, 0, -20),
        EBREAK,
    ];
    for body in [&with_amo[..], &with_sc[..]] {
        let m = machine(&[&start[..], body].concat());
        for (_, exit) in m.run_in_parallel(two_harts([CODE, CODE])) {
            assert_eq!(exit, Exit::Ebreak);
        }
        assert_eq!(word(&m, DATA), 2 * ROUNDS);
    }
}

/// Message passing: who sees the flag sees the data, with fences between. Each round uses a word of its own.
#[test]
fn message_passing() {
    const ROUNDS: i32 = 500;
    // a1 points to the data of a round, PAGE further on is its flag.
    let next = |back: i32| [addi(A1, A1, 8), addi(A5, A5, -1), branch(1, A5, 0, back), EBREAK];
    let start = [addi(A5, 0, ROUNDS), lui(A4, PAGE as u32), addi(A3, 0, 1)];
    let send = [r_type(0, A4, A1, 0, A2, 0x33), sd(A3, 0, A1), FENCE, sd(A3, 0, A2)];
    let receive = [r_type(0, A4, A1, 0, A2, 0x33), ld(A0, 0, A2), branch(0, A0, 0, -4), FENCE, ld(A0, 0, A1)];
    // a6 counts the rounds whose data was not there.
    let count = [i_type(1, A0, 3, A0, 0x13), r_type(0, A0, 16, 0, 16, 0x33)];
    let sender = [&start[..], &send, &next(-24)].concat();
    let receiver = [&start[..], &receive, &count, &next(-36)].concat();
    let mut m = machine(&sender);
    m.write(CODE + PAGE, &bytes(&receiver));
    let [(_, sent), (hart, received)] = m.run_in_parallel(two_harts([CODE, CODE + PAGE]));
    assert_eq!((sent, received), (Exit::Ebreak, Exit::Ebreak));
    assert_eq!(hart.x(16), 0, "a flag was seen before its data");
}

/// Store buffering: with full fences, at least one hart sees the other's store.
#[test]
fn store_buffering() {
    const ROUNDS: i32 = 500;
    let hart = |mine: u32, other: u32| {
        [
            addi(A5, 0, ROUNDS),
            lui(A4, PAGE as u32),
            addi(A3, 0, 1),
            // The loop: where this hart stores, and where it loads.
            r_type(0, A4, A1, 0, A2, 0x33),
            sd(A3, 0, mine),
            FENCE,
            ld(A0, 0, other),
            // The result replaces a word two pages on.
            r_type(0, A4, A2, 0, 17, 0x33),
            sd(A0, if mine == A1 { 0 } else { 2040 }, 17),
            addi(A1, A1, 8),
            addi(A5, A5, -1),
            branch(1, A5, 0, -32),
            EBREAK,
        ]
    };
    let mut m = machine(&hart(A1, A2));
    m.map(DATA + 2 * PAGE, 2 * PAGE, Pte::READ | Pte::WRITE);
    m.write(CODE + PAGE, &bytes(&hart(A2, A1)));
    for (_, exit) in m.run_in_parallel(two_harts([CODE, CODE + PAGE])) {
        assert_eq!(exit, Exit::Ebreak);
    }
    for round in 0..200 {
        let seen = word(&m, DATA + 2 * PAGE + 8 * round) + word(&m, DATA + 2 * PAGE + 2040 + 8 * round);
        assert_ne!(seen, 0, "round {round}: neither saw the other's store");
    }
}
