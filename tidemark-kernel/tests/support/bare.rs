//! A bare machine for tests and measurements: one hart, one address space, a static ELF, and only the syscalls
//! `write` to standard output (collected) and `exit`. Nothing of the kernel but processor and page table.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use tidemark_kernel::cpu::code_cache::CodeTable;
use tidemark_kernel::cpu::core::{SpaceId, SpaceView, TickSource, WorkerCore};
use tidemark_kernel::cpu::exit::{ECALL_LEN, Exit};
use tidemark_kernel::cpu::hart::Hart;
use tidemark_kernel::mem::page_table::{FrameSource, PageTable, Pte};
use tidemark_kernel::mem::ram::{FRAME_SIZE, FrameNo, GuestRam};

/// Top of the stack.
const STACK_TOP: u64 = 0x40_0000_0000;
/// Pages of stack.
const STACK_PAGES: u64 = 64;

/// A hart with memory of its own.
pub(crate) struct Machine {
    memory: Memory,
    table: PageTable,
    core: WorkerCore,
    tlb_gen: AtomicU64,
    icache_gen: AtomicU64,
    attention: AtomicU32,
    /// The registers.
    pub(crate) hart: Hart,
    /// What the guest wrote.
    pub(crate) output: Vec<u8>,
}

/// How a program ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum End {
    /// By `exit` with this code.
    Exited(u64),
    /// By an exit that is not a known syscall; `pc` is in the hart.
    Stopped(Exit),
}

struct Memory {
    ram: GuestRam,
    layout: Layout,
    next: u32,
}

impl Memory {
    fn new(bytes: usize) -> Self {
        let layout = Layout::from_size_align(bytes, FRAME_SIZE as usize).expect("a layout");
        // SAFETY: the layout is not empty.
        let base = unsafe { alloc_zeroed(layout) };
        // SAFETY: freshly allocated, aligned, and used through the handle alone.
        Self { ram: unsafe { GuestRam::new(base, bytes as u64) }, layout, next: 0 }
    }
}

impl FrameSource for Memory {
    fn alloc_zeroed(&mut self) -> Option<FrameNo> {
        self.next += 1;
        (u64::from(self.next) * FRAME_SIZE <= self.ram.len()).then(|| FrameNo::new(self.next - 1))
    }

    fn free(&mut self, _: FrameNo) {}
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with this layout.
        unsafe { dealloc(self.ram.base(), self.layout) }
    }
}

/// Time that is the instruction count.
struct Counted;

impl TickSource for Counted {
    fn ticks(&self, instret: u64) -> u64 {
        instret
    }
}

impl Machine {
    /// A machine with `bytes` of memory and nothing mapped.
    pub(crate) fn new(bytes: usize) -> Self {
        let mut memory = Memory::new(bytes);
        let table = PageTable::new(memory.ram, &mut memory).expect("a frame");
        let core = WorkerCore::new(memory.ram, Arc::new(CodeTable::new()), Box::new(Counted));
        Self {
            memory,
            table,
            core,
            tlb_gen: AtomicU64::new(0),
            icache_gen: AtomicU64::new(0),
            attention: AtomicU32::new(0),
            hart: Hart::new(),
            output: Vec::new(),
        }
    }

    /// Loads a static ELF, maps a stack, and sets `pc` and `sp`.
    pub(crate) fn load_elf(&mut self, elf: &[u8]) {
        let word = |at: usize, size: usize| {
            let mut bytes = [0; 8];
            bytes[..size].copy_from_slice(&elf[at..at + size]);
            u64::from_le_bytes(bytes)
        };
        let (headers, size, count) = (word(32, 8) as usize, word(54, 2) as usize, word(56, 2) as usize);
        for header in (0..count).map(|i| headers + i * size) {
            if word(header, 4) != 1 {
                continue;
            }
            let (offset, va) = (word(header + 8, 8) as usize, word(header + 16, 8));
            let (in_file, in_memory) = (word(header + 32, 8), word(header + 40, 8));
            self.map(va, in_memory, Pte::READ | Pte::WRITE | Pte::EXECUTE);
            self.write(va, &elf[offset..offset + in_file as usize]);
        }
        self.map(STACK_TOP - STACK_PAGES * FRAME_SIZE, STACK_PAGES * FRAME_SIZE, Pte::READ | Pte::WRITE);
        self.hart.set_pc(word(24, 8));
        // What the entry code finds on the stack: no arguments, no environment, no auxiliary vector.
        self.hart.set_x(2, STACK_TOP - 256);
    }

    /// Maps fresh zeroed pages over a range, where there are none yet.
    pub(crate) fn map(&mut self, va: u64, bytes: u64, flags: u64) {
        let mut page = va & !(FRAME_SIZE - 1);
        while page < va + bytes {
            if !self.table.walk(page).is_valid() {
                let frame = self.memory.alloc_zeroed().expect("memory is large enough");
                self.table.set(page, Pte::new(frame, flags), &mut self.memory).expect("a frame");
            }
            page += FRAME_SIZE;
        }
    }

    /// Changes what the page at `va` allows, or with no flags unmaps it; as the kernel does, but without telling harts.
    pub(crate) fn protect(&mut self, va: u64, flags: Option<u64>) {
        self.table
            .update(va..va + FRAME_SIZE, |_, pte| flags.map_or(Pte::EMPTY, |flags| pte.with_flags(flags)));
    }

    /// Makes harts drop their cached translations.
    pub(crate) fn raise_tlb_generation(&self) {
        self.tlb_gen.fetch_add(1, Ordering::AcqRel);
    }

    /// The word that ends a run when it is not zero.
    pub(crate) fn attention(&self) -> &AtomicU32 {
        &self.attention
    }

    /// Runs two more harts of this address space at the same time, each on a core of its own, to their first exit other
    /// than for the budget.
    pub(crate) fn run_in_parallel(&self, harts: [Hart; 2]) -> [(Hart, Exit); 2] {
        let code = Arc::new(CodeTable::new());
        // Not `self`, whose core belongs to one thread.
        let (ram, space, attention) = (self.memory.ram, self.space(1), &self.attention);
        std::thread::scope(|scope| {
            let running = harts.map(|mut hart| {
                let mut core = WorkerCore::new(ram, Arc::clone(&code), Box::new(Counted));
                scope.spawn(move || {
                    loop {
                        let exit = hart.run(&mut core, &space, 1_000_000, attention);
                        if exit != Exit::Budget {
                            return (hart, exit);
                        }
                    }
                })
            });
            running.map(|thread| thread.join().expect("no panic"))
        })
    }

    fn space(&self, id: u64) -> SpaceView<'_> {
        SpaceView {
            id: SpaceId::new(id),
            table: self.table,
            tlb_gen: &self.tlb_gen,
            icache_gen: &self.icache_gen,
        }
    }

    /// Copies bytes into guest memory.
    pub(crate) fn write(&mut self, va: u64, bytes: &[u8]) {
        for (i, byte) in bytes.iter().enumerate() {
            let at = self.place(va + i as u64);
            self.memory.ram.store(at, *byte);
        }
    }

    /// Copies bytes out of guest memory.
    pub(crate) fn read(&self, va: u64, len: usize) -> Vec<u8> {
        (0..len as u64).map(|i| self.memory.ram.load(self.place(va + i))).collect()
    }

    fn place(&self, va: u64) -> u64 {
        self.table.walk(va).frame().expect("mapped").offset() + va % FRAME_SIZE
    }

    /// Runs at most `budget` instructions.
    pub(crate) fn run(&mut self, budget: u64) -> Exit {
        let space = SpaceView {
            id: SpaceId::new(1),
            table: self.table,
            tlb_gen: &self.tlb_gen,
            icache_gen: &self.icache_gen,
        };
        self.hart.run(&mut self.core, &space, budget, &self.attention)
    }

    /// Runs the program to its end, in slices of `slice` instructions.
    pub(crate) fn run_program(&mut self, slice: u64) -> End {
        loop {
            match self.run(slice) {
                Exit::Budget => {}
                Exit::Ecall => {
                    match self.hart.x(17) {
                        64 => {
                            let len = self.hart.x(12);
                            let bytes = self.read(self.hart.x(11), len as usize);
                            self.output.extend_from_slice(&bytes);
                            self.hart.set_x(10, len);
                        }
                        93 | 94 => return End::Exited(self.hart.x(10)),
                        _ => return End::Stopped(Exit::Ecall),
                    }
                    self.hart.set_pc(self.hart.pc() + ECALL_LEN);
                }
                exit => return End::Stopped(exit),
            }
        }
    }
}
