//! Decoding and executing: a guest's code is whatever it likes, also while it runs.

use tidemark_kernel::cpu::exit::Exit;
use tidemark_kernel::mem::page_table::Pte;

use machine::Machine;

/// The kernel's own test machine: a hart, a page table, nothing else.
#[path = "../../tidemark-kernel/tests/support/bare.rs"]
#[allow(dead_code, unsafe_code, reason = "shared with the kernel's tests; it allocates the machine's memory")]
mod machine;

/// Where the code is: writable too, so that it may change itself.
const CODE: u64 = 0x1_0000;
/// Where data is: registers begin with addresses around here.
const DATA: u64 = 0x2_0000;
const REGION_BYTES: u64 = 0x4000;
const MEMORY_BYTES: usize = 1 << 18;
/// Instructions in a run; loops end by it.
const BUDGET: u64 = 500;
/// How often a run is taken up again behind what stopped it.
const RESUMES: usize = 16;

/// Runs the bytes as code. The first 32 of them are mixed into the registers.
pub fn instructions(bytes: &[u8]) {
    let mut machine = Machine::new(MEMORY_BYTES);
    machine.map(CODE, REGION_BYTES, Pte::READ | Pte::WRITE | Pte::EXECUTE);
    machine.map(DATA, REGION_BYTES, Pte::READ | Pte::WRITE);
    machine.write(CODE, &bytes[..bytes.len().min(REGION_BYTES as usize)]);
    for (register, byte) in bytes.iter().enumerate().take(32) {
        // Mostly addresses that work, at every alignment; sometimes numbers.
        let value = if byte & 1 == 0 {
            DATA + u64::from(*byte) * 61
        } else {
            (*byte as i8 as i64 as u64) << (byte % 57)
        };
        machine.hart.set_x(register, value);
    }
    machine.hart.set_pc(CODE);
    for _ in 0..RESUMES {
        let before = machine.hart.instret();
        let exit = machine.run(BUDGET);
        let executed = machine.hart.instret().wrapping_sub(before);
        assert!(executed <= BUDGET, "{executed} of {BUDGET}");
        assert_eq!(machine.hart.x(0), 0);
        assert_eq!(machine.hart.pc() & 1, 0, "no instruction is at an odd address");
        match exit {
            Exit::Budget => {
                assert_eq!(executed, BUDGET, "a budget is used up before it ends a run");
                return;
            }
            Exit::Attention => unreachable!("nobody asked for it"),
            // Go on behind it: what comes next is to be tried too.
            Exit::Illegal { instr } if instr & 3 != 3 => {
                machine.hart.set_pc(machine.hart.pc().wrapping_add(2))
            }
            Exit::PageFault { addr, .. } if addr == machine.hart.pc() => return,
            _ => machine.hart.set_pc(machine.hart.pc().wrapping_add(4)),
        }
    }
}
