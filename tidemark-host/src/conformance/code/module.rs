//! Small WebAssembly modules, written byte by byte (WebAssembly core specification 2.0, chapter 5 "Binary Format"), and
//! the model of what they compute.

/// Places in memory that generated code loads from and stores to, of eight bytes each.
pub(in super::super) const SLOTS: usize = 4;

/// One step of a module's `run`: it works on an accumulator, which begins as the argument.
#[derive(Clone, Debug)]
pub(in super::super) enum Op {
    Add(i64),
    Multiply(i64),
    Xor(i64),
    Rotate(u8),
    /// The accumulator becomes what a slot holds.
    Load(usize),
    /// A slot becomes what the accumulator holds.
    Store(usize),
    Trap,
    DivideByZero,
    LoadBeyond,
    /// An addition of an `i32`, which is not valid.
    WrongType,
}

/// What a module of `ops` answers, and leaves in the slots.
pub(in super::super) fn run(ops: &[Op], slots: &mut [u64; SLOTS], argument: u32) -> u64 {
    ops.iter().fold(u64::from(argument), |sum, op| match *op {
        Op::Add(number) => sum.wrapping_add(number as u64),
        Op::Multiply(number) => sum.wrapping_mul(number as u64),
        Op::Xor(number) => sum ^ number as u64,
        Op::Rotate(bits) => sum.rotate_left(u32::from(bits)),
        Op::Load(slot) => slots[slot],
        Op::Store(slot) => {
            slots[slot] = sum;
            sum
        }
        // No module with these runs to its end.
        Op::Trap | Op::DivideByZero | Op::LoadBeyond | Op::WrongType => sum,
    })
}

/// A module to be written.
pub(in super::super) struct Module {
    body: Vec<u8>,
    export: Option<&'static str>,
    result: u8,
    imports_a_function: bool,
    own_memory: bool,
}

const I32: u8 = 0x7F;
const I64: u8 = 0x7E;

/// The most pages that a memory has (4 GiB): whatever the host's is, it is within this import's limits.
const MAX_PAGES: u64 = 65_536;

impl Module {
    /// A module of the contract's shape whose `run` does `ops`, with its slots at `base`.
    pub(in super::super) fn of(ops: &[Op], base: u64) -> Self {
        // (local i64), which is the accumulator: local.get 0; i64.extend_i32_u; local.set 1
        let mut body = vec![1, 1, I64, 0x20, 0, 0xAD, 0x21, 1];
        for op in ops {
            write(op, base, &mut body);
        }
        // local.get 1; end
        body.extend([0x20, 1, 0x0B]);
        Self { body, export: Some("run"), result: I64, imports_a_function: false, own_memory: false }
    }

    pub(in super::super) fn without_export(self) -> Self {
        Self { export: None, ..self }
    }

    pub(in super::super) fn exporting(self, name: &'static str) -> Self {
        Self { export: Some(name), ..self }
    }

    pub(in super::super) fn returning_i32(mut self) -> Self {
        // i32.wrap_i64 before the end
        self.body.pop();
        self.body.extend([0xA7, 0x0B]);
        Self { result: I32, ..self }
    }

    pub(in super::super) fn importing_a_function(self) -> Self {
        Self { imports_a_function: true, ..self }
    }

    pub(in super::super) fn with_own_memory(self) -> Self {
        Self { own_memory: true, ..self }
    }

    /// The module in the binary format.
    pub(in super::super) fn bytes(&self) -> Vec<u8> {
        let mut module = b"\0asm\x01\0\0\0".to_vec();
        // Types: run, and a function without parameters or results.
        section(&mut module, 1, &[2, 0x60, 1, I32, 1, self.result, 0x60, 0, 0]);
        let mut imports = Vec::new();
        if !self.own_memory {
            imports.extend(b"\x03env\x06memory\x02\x03\x00");
            unsigned(&mut imports, MAX_PAGES);
        }
        if self.imports_a_function {
            imports.extend(b"\x03env\x03fun\x00\x01");
        }
        let count = u8::from(!self.own_memory) + u8::from(self.imports_a_function);
        if count > 0 {
            imports.insert(0, count);
            section(&mut module, 2, &imports);
        }
        section(&mut module, 3, &[1, 0]);
        if self.own_memory {
            // Shared, of one page at least.
            let mut memory = vec![1, 0x03, 1];
            unsigned(&mut memory, MAX_PAGES);
            section(&mut module, 5, &memory);
        }
        if let Some(name) = self.export {
            let mut export = vec![1, name.len() as u8];
            export.extend(name.as_bytes());
            export.extend([0, u8::from(self.imports_a_function)]);
            section(&mut module, 7, &export);
        }
        let mut code = vec![1];
        unsigned(&mut code, self.body.len() as u64);
        code.extend(&self.body);
        section(&mut module, 10, &code);
        module
    }
}

fn section(module: &mut Vec<u8>, id: u8, content: &[u8]) {
    module.push(id);
    unsigned(module, content.len() as u64);
    module.extend(content);
}

fn write(op: &Op, base: u64, body: &mut Vec<u8>) {
    let accumulator = [0x20, 1];
    let with = |body: &mut Vec<u8>, number: i64, instruction: u8| {
        body.extend(accumulator);
        body.push(0x42);
        signed(body, number);
        body.extend([instruction, 0x21, 1]);
    };
    match *op {
        Op::Add(number) => with(body, number, 0x7C),
        Op::Multiply(number) => with(body, number, 0x7E),
        Op::Xor(number) => with(body, number, 0x85),
        Op::Rotate(bits) => with(body, i64::from(bits), 0x89),
        Op::Load(slot) => {
            address(body, base, slot);
            // i64.load, aligned to 8; local.set 1
            body.extend([0x29, 3, 0, 0x21, 1]);
        }
        Op::Store(slot) => {
            address(body, base, slot);
            body.extend(accumulator);
            body.extend([0x37, 3, 0]);
        }
        Op::Trap => body.push(0x00),
        Op::DivideByZero => with(body, 0, 0x80),
        // i32.const -8; i64.load with an offset beyond 4 GiB together with it; local.set 1
        Op::LoadBeyond => {
            body.extend([0x41, 0x78, 0x29, 3]);
            unsigned(body, u64::from(u32::MAX));
            body.extend([0x21, 1]);
        }
        Op::WrongType => {
            body.extend(accumulator);
            body.extend([0x41, 1, 0x7C, 0x21, 1]);
        }
    }
}

/// i32.const: a slot's address.
fn address(body: &mut Vec<u8>, base: u64, slot: usize) {
    body.push(0x41);
    let address = base as u32 + slot as u32 * 8;
    signed(body, i64::from(address.cast_signed()));
}

/// LEB128 (5.2.2 "Integers").
fn unsigned(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn signed(bytes: &mut Vec<u8>, mut number: i64) {
    loop {
        let low = number as u8 & 0x7F;
        number >>= 7;
        let is_last = number == if low & 0x40 == 0 { 0 } else { -1 };
        if is_last {
            return bytes.push(low);
        }
        bytes.push(low | 0x80);
    }
}
