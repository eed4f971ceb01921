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

/// Where socket addresses, control data and message headers begin, from the base.
const NETWORK: usize = 0xc00;

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
            // Sockets' things.
            _ if low >= 30 => BASE + NETWORK as u64 + u64::from(self.byte()? & 63) * 16,
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
    put(NETWORK, &network());
    file
}

/// What calls on sockets look at: `struct sockaddr`, then control data, then `struct mmsghdr` that point to these. Half of
/// them are malformed in some way.
fn network() -> [u8; 0x400] {
    const ADDRESS_BYTES: usize = 32;
    const CONTROL: usize = 0x100;
    const CONTROL_BYTES: usize = 32;
    const MESSAGES: usize = 0x200;
    const MESSAGE_BYTES: usize = 64;
    let mut page = [0; 0x400];
    let mut put = |at: usize, bytes: &[u8]| page[at..at + bytes.len()].copy_from_slice(bytes);
    // AF_UNIX paths, also one without an end, abstract names, no name; AF_UNSPEC; AF_INET.
    let addresses: [&[u8]; 8] = [
        b"\x01\0/tmp/s",
        b"\x01\0s",
        b"\x01\0\0s",
        b"\x01\0\0other\0name",
        b"\x01\0",
        b"\x01\0/tmp/xxxxxxxxxxxxxxxxxxxxxxxxx",
        b"\0\0",
        b"\x02\0\x1f\x90\x7f\0\0\x01",
    ];
    for (index, address) in addresses.iter().enumerate() {
        put(index * ADDRESS_BYTES, address);
    }
    // Level SOL_SOCKET; types RIGHTS, CREDENTIALS, PIDFD and unknown ones; lengths right, too short, too long, odd.
    let control: [(u64, i32, [i32; 3]); 8] = [
        (24, 1, [0, 1, 2]),
        (20, 1, [3, 4, 5]),
        (28, 2, [1, 0, 0]),
        (28, 2, [-1, 7, 7]),
        (20, 4, [3, 0, 0]),
        (15, 1, [0, 0, 0]),
        (1 << 40, 1, [0, 0, 0]),
        (19, 99, [0, 0, 0]),
    ];
    for (index, (length, kind, body)) in control.into_iter().enumerate() {
        let at = CONTROL + index * CONTROL_BYTES;
        put(at, &length.to_le_bytes());
        put(at + 8, &1_i32.to_le_bytes());
        put(at + 12, &kind.to_le_bytes());
        for (place, number) in body.into_iter().enumerate() {
            put(at + 16 + place * 4, &number.to_le_bytes());
        }
    }
    for index in 0..8_u64 {
        let at = MESSAGES + index as usize * MESSAGE_BYTES;
        let thing = |offset: usize, stride: usize| BASE + (NETWORK + offset) as u64 + index * stride as u64;
        let name = if index % 3 == 0 { 0 } else { thing(0, ADDRESS_BYTES) };
        let control = if index % 4 == 3 { 0 } else { thing(CONTROL, CONTROL_BYTES) };
        let fields = [
            name,
            index * 5,
            BASE + VECTORS as u64 + index * 16,
            index % 4,
            control,
            (index + 1) * CONTROL_BYTES as u64 / 2,
        ];
        for (place, field) in fields.into_iter().enumerate() {
            put(at + place * 8, &field.to_le_bytes());
        }
    }
    page
}
