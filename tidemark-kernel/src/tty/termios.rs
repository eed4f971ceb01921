//! Terminal attributes (`termios(3)`): flags, special characters, speeds, and how they lie in guest memory.
//!
//! Numbers are asm-generic's, as riscv64 uses them. What the flags do is the line discipline's.

use crate::pod;

/// Special characters of a terminal (`NCCS`).
pub(crate) const SPECIAL_CHARACTERS: usize = 19;

/// A special character of this value is switched off (`_POSIX_VDISABLE`).
pub(crate) const DISABLED: u8 = 0;

/// Names of special characters: their places in `c_cc`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Special {
    Intr = 0,
    Quit = 1,
    Erase = 2,
    Kill = 3,
    Eof = 4,
    Time = 5,
    Min = 6,
    Start = 8,
    Stop = 9,
    Susp = 10,
    Eol = 11,
    Reprint = 12,
    WordErase = 14,
    LiteralNext = 15,
    Eol2 = 16,
}

macro_rules! flags {
    ($(#[$meta:meta])* $module:ident: $($name:ident = $value:literal),* $(,)?) => {
        $(#[$meta])*
        #[allow(dead_code, reason = "the field's whole vocabulary")]
        pub(crate) mod $module {
            $(pub(crate) const $name: u32 = $value;)*
        }
    };
}

flags! {
    /// Bits of `c_iflag`.
    input: IGNBRK = 0o1, BRKINT = 0o2, IGNPAR = 0o4, PARMRK = 0o10, INPCK = 0o20, ISTRIP = 0o40, INLCR = 0o100,
    IGNCR = 0o200, ICRNL = 0o400, IUCLC = 0o1000, IXON = 0o2000, IXANY = 0o4000, IXOFF = 0o10000, IMAXBEL = 0o20000,
    IUTF8 = 0o40000,
}
flags! {
    /// Bits of `c_oflag`.
    output: OPOST = 0o1, OLCUC = 0o2, ONLCR = 0o4, OCRNL = 0o10, ONOCR = 0o20, ONLRET = 0o40, TABDLY = 0o14000,
    XTABS = 0o14000,
}
flags! {
    /// Bits of `c_cflag`.
    control: CBAUD = 0o10017, CSIZE = 0o60, CS8 = 0o60, CREAD = 0o200, PARENB = 0o400, CLOCAL = 0o4000,
    BOTHER = 0o10000, CIBAUD = 0o2003600000,
}
flags! {
    /// Bits of `c_lflag`.
    local: ISIG = 0o1, ICANON = 0o2, ECHO = 0o10, ECHOE = 0o20, ECHOK = 0o40, ECHONL = 0o100, NOFLSH = 0o200,
    TOSTOP = 0o400, ECHOCTL = 0o1000, ECHOPRT = 0o2000, ECHOKE = 0o4000, IEXTEN = 0o100000, EXTPROC = 0o200000,
}

/// The attributes of a terminal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Termios {
    pub(crate) input: u32,
    pub(crate) output: u32,
    pub(crate) control: u32,
    pub(crate) local: u32,
    pub(crate) line: u8,
    pub(crate) characters: [u8; SPECIAL_CHARACTERS],
    /// Bits a second, of no effect.
    pub(crate) input_speed: u32,
    /// Bits a second, of no effect.
    pub(crate) output_speed: u32,
}

pod! {
    /// `struct termios` as `TCGETS` has it, 36 bytes.
    pub(crate) struct RawTermios {
        input: u32,
        output: u32,
        control: u32,
        local: u32,
        line: u8,
        characters: [u8; SPECIAL_CHARACTERS],
    }
}

impl Default for RawTermios {
    /// All zero: as a set of locks, none.
    fn default() -> RawTermios {
        RawTermios { input: 0, output: 0, control: 0, local: 0, line: 0, characters: [0; SPECIAL_CHARACTERS] }
    }
}

pod! {
    /// `struct termios2` of `TCGETS2`, 44 bytes.
    pub(crate) struct RawTermios2 {
        base: RawTermios,
        input_speed: u32,
        output_speed: u32,
    }
}

pod! {
    /// `struct termio` of `TCGETA`, System V's, 18 bytes.
    pub(crate) struct RawTermio {
        input: u16,
        output: u16,
        control: u16,
        local: u16,
        line: u8,
        characters: [u8; 8],
        pad: u8,
    }
}

pod! {
    /// `struct winsize`: the size of a terminal's window.
    pub struct WindowSize {
        /// Lines of text.
        pub rows: u16,
        /// Characters in a line.
        pub columns: u16,
        /// Its width in pixels, or zero.
        pub width: u16,
        /// Its height in pixels, or zero.
        pub height: u16,
    }
}

impl WindowSize {
    /// A size in characters.
    pub const fn new(columns: u16, rows: u16) -> WindowSize {
        WindowSize { rows, columns, width: 0, height: 0 }
    }
}

/// Speeds that `CBAUD` has numbers for; those from the 16th on are numbered from [`control::BOTHER`]'s bit on.
const SPEEDS: [u32; 31] = [
    0, 50, 75, 110, 134, 150, 200, 300, 600, 1200, 1800, 2400, 4800, 9600, 19200, 38400, 57600, 115_200,
    230_400, 460_800, 500_000, 576_000, 921_600, 1_000_000, 1_152_000, 1_500_000, 2_000_000, 2_500_000,
    3_000_000, 3_500_000, 4_000_000,
];
/// Numbers below the bit.
const LOW_SPEEDS: u32 = 16;
/// How far the input speed's number is above the output speed's (`IBSHIFT`).
const INPUT_SPEED_SHIFT: u32 = 16;

/// The speed of a `CBAUD` number; `None` where the speed stands in a field of its own.
fn speed(bits: u32) -> Option<u32> {
    let number = match bits & control::CBAUD {
        control::BOTHER => return None,
        high if high & control::BOTHER != 0 => LOW_SPEEDS - 1 + (high & !control::BOTHER),
        low => low,
    };
    SPEEDS.get(number as usize).copied()
}

impl Default for Termios {
    /// What a new pseudoterminal has (`tty_std_termios`).
    fn default() -> Termios {
        use {input::*, local::*, output::*};
        const SPEED: u32 = 38400;
        const B38400: u32 = 15;
        Termios {
            input: ICRNL | IXON,
            output: OPOST | ONLCR,
            control: B38400 | control::CS8 | control::CREAD,
            local: ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
            line: 0,
            // ^C ^\ DEL ^U ^D, TIME 0, MIN 1, no SWTC, ^Q ^S ^Z, no EOL, ^R ^O ^W ^V, no EOL2.
            characters: [
                0x03, 0x1c, 0x7f, 0x15, 0x04, 0, 1, 0, 0x11, 0x13, 0x1a, 0, 0x12, 0x0f, 0x17, 0x16, 0, 0, 0,
            ],
            input_speed: SPEED,
            output_speed: SPEED,
        }
    }
}

impl Termios {
    pub(crate) fn input(&self, flag: u32) -> bool {
        self.input & flag != 0
    }

    pub(crate) fn output(&self, flag: u32) -> bool {
        self.output & flag != 0
    }

    pub(crate) fn local(&self, flag: u32) -> bool {
        self.local & flag != 0
    }

    /// A special character's value.
    pub(crate) fn character(&self, special: Special) -> u8 {
        self.characters[special as usize]
    }

    /// Whether `byte` is this special character, and that is not switched off.
    pub(crate) fn is(&self, byte: u8, special: Special) -> bool {
        byte != DISABLED && byte == self.character(special)
    }

    /// Whether lines are edited and read as a whole.
    pub(crate) fn is_canonical(&self) -> bool {
        self.local(local::ICANON) && !self.local(local::EXTPROC)
    }

    /// Whether a byte is the rest of a UTF-8 character that began before.
    pub(crate) fn is_continuation(&self, byte: u8) -> bool {
        self.input(input::IUTF8) && byte & 0xc0 == 0x80
    }

    pub(crate) fn to_raw(&self) -> RawTermios {
        RawTermios {
            input: self.input,
            output: self.output,
            control: self.control,
            local: self.local,
            line: self.line,
            characters: self.characters,
        }
    }

    pub(crate) fn to_raw2(&self) -> RawTermios2 {
        RawTermios2 { base: self.to_raw(), input_speed: self.input_speed, output_speed: self.output_speed }
    }

    pub(crate) fn to_termio(&self) -> RawTermio {
        let mut characters = [0; 8];
        characters.copy_from_slice(&self.characters[..8]);
        RawTermio {
            input: self.input as u16,
            output: self.output as u16,
            control: self.control as u16,
            local: self.local as u16,
            line: self.line,
            characters,
            pad: 0,
        }
    }

    /// What a program sets with `TCSETS`.
    pub(crate) fn with_raw(&self, raw: &RawTermios) -> Termios {
        let raw2 = RawTermios2 { base: *raw, input_speed: self.input_speed, output_speed: self.output_speed };
        self.with_raw2(&raw2)
    }

    /// What a program sets with `TCSETS2`. A pseudoterminal always has characters of eight bits.
    pub(crate) fn with_raw2(&self, raw: &RawTermios2) -> Termios {
        let base = raw.base;
        let output_speed = speed(base.control).unwrap_or(raw.output_speed);
        let input_bits = (base.control & control::CIBAUD) >> INPUT_SPEED_SHIFT;
        let input_speed = match input_bits {
            0 => output_speed,
            bits => speed(bits).unwrap_or(raw.input_speed),
        };
        Termios {
            input: base.input,
            output: base.output,
            control: base.control & !(control::CSIZE | control::PARENB) | control::CS8 | control::CREAD,
            local: base.local,
            line: base.line,
            characters: base.characters,
            input_speed,
            output_speed,
        }
    }

    /// These attributes where `locks` has nothing set, and those of `old` where it has (`TIOCSLCKTRMIOS`).
    pub(crate) fn locked(&self, old: &Termios, locks: &RawTermios) -> Termios {
        let bits = |new: u32, old: u32, lock: u32| new & !lock | old & lock;
        let byte = |new: u8, old: u8, lock: u8| if lock == 0 { new } else { old };
        let mut characters = self.characters;
        for ((new, old), lock) in characters.iter_mut().zip(old.characters).zip(locks.characters) {
            *new = byte(*new, old, lock);
        }
        Termios {
            input: bits(self.input, old.input, locks.input),
            output: bits(self.output, old.output, locks.output),
            control: bits(self.control, old.control, locks.control),
            local: bits(self.local, old.local, locks.local),
            line: byte(self.line, old.line, locks.line),
            characters,
            input_speed: self.input_speed,
            output_speed: self.output_speed,
        }
    }

    /// What a program sets with `TCSETA`: the low halves, and the first eight characters.
    pub(crate) fn with_termio(&self, raw: &RawTermio) -> Termios {
        let low = |old: u32, new: u16| old & !0xffff | u32::from(new);
        let mut characters = self.characters;
        characters[..8].copy_from_slice(&raw.characters);
        self.with_raw(&RawTermios {
            input: low(self.input, raw.input),
            output: low(self.output, raw.output),
            control: low(self.control, raw.control),
            local: low(self.local, raw.local),
            line: raw.line,
            characters,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mem::Pod as _;

    #[test]
    fn layouts_have_the_sizes_that_request_numbers_name() {
        assert_eq!((RawTermios::SIZE, RawTermios2::SIZE, RawTermio::SIZE, WindowSize::SIZE), (36, 44, 18, 8));
    }

    #[test]
    fn speeds_go_by_number_or_by_value() {
        assert_eq!(
            (speed(13), speed(15), speed(0o10001), speed(0o10017)),
            (Some(9600), Some(38400), Some(57600), Some(4_000_000))
        );
        let raw = RawTermios2 {
            base: RawTermios { control: control::BOTHER, ..Termios::default().to_raw() },
            input_speed: 1,
            output_speed: 12_345,
        };
        let set = Termios::default().with_raw2(&raw);
        assert_eq!((set.input_speed, set.output_speed), (12_345, 12_345));
        assert_eq!(set.control & control::CSIZE, control::CS8);
    }
}
