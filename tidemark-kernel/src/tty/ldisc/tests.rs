//! The line discipline against naive models: whatever is typed, in whatever mode.

use proptest::prelude::*;

use super::*;
use crate::mem::ram::GuestRam;
use crate::mem::ram::tests::TestRam;
use crate::tty::limits::OUTPUT_BYTES;
use crate::tty::termios::output;

const ERASE: u8 = 0x7f;
const WORD_ERASE: u8 = 0x17;
const KILL: u8 = 0x15;
const TAB: usize = 8;

/// A reader of up to `len` bytes; `None` when it has to wait.
fn read(discipline: &mut Discipline, ram: GuestRam, len: usize) -> Option<(Vec<u8>, bool)> {
    let mut bytes = vec![0; len];
    let taken = discipline.take(&mut IoSink::Kernel { ram, buffer: &mut bytes })?;
    bytes.truncate(taken.count);
    Some((bytes, taken.ended))
}

fn screen(discipline: &mut Discipline, ram: GuestRam) -> Vec<u8> {
    let mut bytes = vec![0; OUTPUT_BYTES];
    let count = discipline.output.take(&mut IoSink::Kernel { ram, buffer: &mut bytes });
    bytes.truncate(count);
    bytes
}

/// What always holds.
fn check(discipline: &Discipline) {
    assert!(discipline.input.len() <= INPUT_BYTES + 1, "{} bytes of input", discipline.input.len());
    assert!(discipline.whole <= discipline.input.len());
    if discipline.termios.is_canonical() {
        assert!(discipline.input.iter().skip(discipline.whole).all(|cell| !cell.ends));
        assert!(discipline.whole == 0 || discipline.input[discipline.whole - 1].ends);
        assert!(discipline.whole > 0 || discipline.room() > 0, "a line can always be ended");
    }
    assert!(discipline.output.len() <= OUTPUT_BYTES);
}

/// A screen of one line: what the echo makes of it.
#[derive(Default)]
struct Screen {
    cells: Vec<u8>,
    column: usize,
}

impl Screen {
    fn show(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            match byte {
                b'\x08' => self.column -= 1,
                b'\t' => self.column = (self.column / TAB + 1) * TAB,
                byte => {
                    if self.cells.len() <= self.column {
                        self.cells.resize(self.column + 1, b' ');
                    }
                    self.cells[self.column] = byte;
                    self.column += 1;
                }
            }
        }
    }

    fn text(&self) -> Vec<u8> {
        self.cells.trim_ascii_end().to_vec()
    }
}

/// How a line looks: tabs as spaces, control characters with a caret.
fn looks(line: &[u8]) -> Vec<u8> {
    let mut shown = Vec::new();
    for &byte in line {
        match byte {
            b'\t' => shown.resize((shown.len() / TAB + 1) * TAB, b' '),
            byte if byte.is_ascii_control() => shown.extend([b'^', byte ^ 0x40]),
            byte => shown.push(byte),
        }
    }
    shown
}

/// What editing leaves of a line.
fn edit(line: &mut Vec<u8>, key: u8) {
    match key {
        ERASE => _ = line.pop(),
        KILL => line.clear(),
        WORD_ERASE => {
            let is_word = |byte: &u8| byte.is_ascii_alphanumeric();
            let end = line.iter().rposition(is_word).map_or(0, |at| at + 1);
            let start = line[..end].iter().rposition(|byte| !is_word(byte)).map_or(0, |at| at + 1);
            line.truncate(start);
        }
        key => line.push(key),
    }
}

#[derive(Clone, Debug)]
enum Op {
    Type(Vec<u8>),
    Read(usize),
    Look,
    Flags(u32, u32, u32),
    Flush(bool),
    Hold(bool),
    Print(u8),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 1..40).prop_map(Op::Type),
        2 => prop::collection::vec(prop::sample::select(b"ab \t\n\r\x7f\x15\x17\x16\x04\x03\x13\x11\x12".to_vec()), 1..40)
            .prop_map(Op::Type),
        1 => (1usize..6000).prop_map(|len| Op::Type(vec![b'x'; len])),
        2 => (0usize..200).prop_map(Op::Read),
        2 => Just(Op::Look),
        1 => (any::<u32>(), any::<u32>(), any::<u32>()).prop_map(|(i, o, l)| Op::Flags(i, o, l)),
        1 => any::<bool>().prop_map(Op::Flush),
        1 => any::<bool>().prop_map(Op::Hold),
        1 => any::<u8>().prop_map(Op::Print),
    ]
}

proptest! {
    /// Nothing that is typed, read or set, in any order, breaks what always holds.
    #[test]
    fn its_bounds_hold(ops in prop::collection::vec(op(), 1..120)) {
        let test = TestRam::new(1);
        let mut discipline = Discipline::default();
        for op in ops {
            match op {
                Op::Type(bytes) => {
                    for byte in bytes {
                        if discipline.room() > 0 {
                            discipline.receive(byte);
                            check(&discipline);
                        }
                    }
                }
                Op::Read(len) => {
                    let has_input = discipline.has_input(false);
                    let readable = discipline.readable_bytes();
                    let taken = read(&mut discipline, test.ram(), len);
                    prop_assert_eq!(taken.is_some(), has_input);
                    if let Some((bytes, _)) = taken {
                        prop_assert_eq!(discipline.readable_bytes(), readable - bytes.len());
                    }
                }
                Op::Look => _ = screen(&mut discipline, test.ram()),
                Op::Flags(input, output, local) => {
                    let termios = Termios { input, output, local, ..Termios::default() };
                    discipline.set_termios(termios);
                }
                Op::Flush(true) => discipline.flush_input(),
                Op::Flush(false) => discipline.flush_output(),
                Op::Hold(true) => discipline.hold(),
                Op::Hold(false) => discipline.unhold(),
                Op::Print(byte) => {
                    if discipline.output.room() > 0 {
                        discipline.output.write(&discipline.termios, &[byte]);
                    }
                }
            }
            check(&discipline);
        }
    }

    /// After each key, the screen shows the line, and the program gets it.
    #[test]
    fn the_screen_shows_the_line(
        prompt in "[a-z]{0,12}",
        keys in prop::collection::vec(
            prop::sample::select(b"abc d\t\x01\x7f\x7f\x17\x15".to_vec()),
            0..60,
        ),
    ) {
        let test = TestRam::new(1);
        let mut discipline = Discipline::default();
        let mut shown = Screen::default();
        let mut line = Vec::new();
        discipline.output.write(&discipline.termios, prompt.as_bytes());
        shown.show(&screen(&mut discipline, test.ram()));
        for key in keys {
            discipline.receive(key);
            edit(&mut line, key);
            shown.show(&screen(&mut discipline, test.ram()));
            let expected = looks(&[prompt.as_bytes(), &line].concat());
            prop_assert_eq!(shown.column, expected.len());
            prop_assert_eq!(shown.text(), expected.trim_ascii_end().to_vec());
        }
        discipline.receive(b'\n');
        line.push(b'\n');
        prop_assert_eq!(read(&mut discipline, test.ram(), 4096), Some((line, true)));
    }

    /// In raw mode every byte goes through, however it is typed and read.
    #[test]
    fn raw_bytes_go_through(bytes in prop::collection::vec(any::<u8>(), 0..6000), len in 1usize..700) {
        let test = TestRam::new(1);
        let mut discipline = Discipline::default();
        discipline.set_termios(Termios { input: 0, output: 0, local: 0, ..Termios::default() });
        let mut got = Vec::new();
        for &byte in &bytes {
            while discipline.room() == 0 {
                let (part, ended) = read(&mut discipline, test.ram(), len).expect("it is full");
                prop_assert!(!ended && part.len() == len);
                got.extend(part);
            }
            discipline.receive(byte);
        }
        while let Some((part, _)) = read(&mut discipline, test.ram(), len) {
            got.extend(part);
        }
        prop_assert_eq!(got, bytes);
        prop_assert_eq!(discipline.output.len(), 0);
    }

    /// Output without processing is unchanged; with it, only newlines become two bytes.
    #[test]
    fn output_is_processed_as_asked(text in "[a-z\n]{0,500}", process: bool) {
        let test = TestRam::new(1);
        let mut discipline = Discipline::default();
        if !process {
            discipline.termios.output &= !output::OPOST;
        }
        discipline.output.write(&discipline.termios, text.as_bytes());
        let expected = if process { text.replace('\n', "\r\n") } else { text };
        prop_assert_eq!(screen(&mut discipline, test.ram()), expected.into_bytes());
    }
}

#[test]
fn a_signals_key_flushes_and_raises() {
    let test = TestRam::new(1);
    let mut discipline = Discipline::default();
    for &byte in b"typed\n\x03" {
        discipline.receive(byte);
    }
    assert_eq!(discipline.raised, [Signal::INT]);
    assert_eq!(read(&mut discipline, test.ram(), 10), None);
    assert!(screen(&mut discipline, test.ram()).ends_with(b"^C"));
}

#[test]
fn echoes_wait_while_output_is_stopped() {
    let test = TestRam::new(1);
    let mut discipline = Discipline::default();
    for &byte in b"\x13ab" {
        discipline.receive(byte);
    }
    assert_eq!((screen(&mut discipline, test.ram()), discipline.output.room()), (vec![], 0));
    discipline.receive(0x11);
    assert_eq!(screen(&mut discipline, test.ram()), b"ab");
}
