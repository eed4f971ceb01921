//! From bytes to calls, and the page that their pointers point into.

use tidemark_kernel::syscall::Row;

/// Where the program is loaded: its headers, its one instruction, then things to point at.
const BASE: u64 = 0x1_0000;
/// Bytes of memory behind it, zeroes at first.
const BSS_BYTES: u64 = 0x8000;
/// Where the things begin, from the base.
const THINGS: usize = 0x100;
/// Where vectors of addresses begin, from the base.
const VECTORS: usize = 0x800;

/// Paths and names; each is at a multiple of 32.
const STRINGS: [&str; 24] = [
    "/program",
    "/dir",
    "/dir/file",
    "/script",
    "/tmp/a",
    "b",
    ".",
    "..",
    "/",
    "",
    "/proc/self/maps",
    "/proc/self/fd/0",
    "/proc/1/status",
    "/dev/null",
    "/dev/zero",
    "/dev/ptmx",
    "/proc/self/exe",
    "../../dir/./file/",
    "user.x",
    "/tmp/link",
    "/dev/shm/s",
    "c/d",
    "/proc/self/task",
    "/dev/full",
];

/// One call.
pub(crate) struct Call {
    pub(crate) number: u64,
    pub(crate) arguments: [u64; 6],
    /// Whether other threads come next.
    pub(crate) then_others: bool,
}

/// The calls that bytes spell. A call is a byte that selects its row and one for each argument, which selects a kind of
/// value: so small changes of the bytes are small changes of the calls.
pub(crate) struct Arguments<'a> {
    bytes: &'a [u8],
}

impl<'a> Arguments<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// The next call; `None` at the end.
    pub(crate) fn next(&mut self, rows: &[Row]) -> Option<Call> {
        let selector = u16::from_le_bytes([self.byte()?, self.byte()?]);
        let row = rows.get(usize::from(selector & 0x1ff) % rows.len())?;
        // Now and then a number without a row.
        let number = if selector & 0x3e00 == 0x3e00 { u64::from(selector) } else { row.number };
        let mut arguments = [0; 6];
        for argument in arguments.iter_mut().take(row.params.len().max(1)) {
            *argument = self.value()?;
        }
        Some(Call { number, arguments, then_others: selector & 0x8000 != 0 })
    }

    fn value(&mut self) -> Option<u64> {
        let selector = self.byte()?;
        let low = u64::from(selector & 31);
        Some(match selector >> 5 {
            // Descriptors, flags, counts.
            0 => low,
            1 => 1 << low,
            // A string, a vector, empty memory, the memory's end.
            2 => BASE + THINGS as u64 + low * 32,
            3 => BASE + VECTORS as u64 + low * 16,
            4 => BASE + 0x1000 + low * 0x400 + u64::from(self.byte()?),
            5 => (BASE + 0x1000 + BSS_BYTES).wrapping_sub(low),
            // Lengths around pages, negative numbers.
            6 => (low << 10).wrapping_sub(low & 3),
            _ if low < 24 => (low as i64 - 16).wrapping_mul(if low & 1 == 0 { 1 } else { 25 }) as u64,
            _ => self.word()?,
        })
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(*first)
    }

    fn word(&mut self) -> Option<u64> {
        let (first, rest) = self.bytes.split_first_chunk::<8>()?;
        self.bytes = rest;
        Some(u64::from_le_bytes(*first))
    }
}

/// An executable whose one segment is all of it: `ecall`, the strings, and vectors of `(address, length)` that also do as
/// argument lists and as times.
pub(crate) fn image() -> Vec<u8> {
    const HEADER_BYTES: usize = 64;
    const SEGMENT_BYTES: usize = 56;
    const CODE: usize = HEADER_BYTES + SEGMENT_BYTES;
    let mut file = vec![0; 0x1000];
    let mut put = |at: usize, bytes: &[u8]| file[at..at + bytes.len()].copy_from_slice(bytes);
    // ELF-64 object file format 1.5: 64-bit, little-endian, EXEC, RISC-V (243).
    put(0, b"\x7fELF\x02\x01\x01");
    put(16, &[2, 0, 243, 0, 1, 0, 0, 0]);
    put(24, &(BASE + CODE as u64).to_le_bytes());
    put(32, &(HEADER_BYTES as u64).to_le_bytes());
    put(52, &[HEADER_BYTES as u8, 0, SEGMENT_BYTES as u8, 0, 1, 0]);
    // PT_LOAD, readable, writable and executable.
    put(HEADER_BYTES, &[1, 0, 0, 0, 7, 0, 0, 0]);
    for (at, value) in [(16, BASE), (24, BASE), (32, 0x1000), (40, 0x1000 + BSS_BYTES), (48, 0x1000)] {
        put(HEADER_BYTES + at, &u64::to_le_bytes(value));
    }
    put(CODE, &0x0000_0073_u32.to_le_bytes());
    for (index, string) in STRINGS.iter().enumerate() {
        put(THINGS + index * 32, string.as_bytes());
    }
    for index in 0..64_u64 {
        let address = BASE + THINGS as u64 + (index % 32) * 32;
        let length = if index % 5 == 4 { 0 } else { (index * 37) & 0xfff };
        put(VECTORS + index as usize * 16, &address.to_le_bytes());
        put(VECTORS + index as usize * 16 + 8, &length.to_le_bytes());
    }
    file
}
