//! A few instructions as words, enough for small guests (the RISC-V unprivileged ISA, chapter "RV32/64G Instruction
//! Set Listings").

use std::collections::HashMap;

/// Registers by their numbers.
pub(crate) const ZERO: u32 = 0;
pub(crate) const SP: u32 = 2;
pub(crate) const S0: u32 = 8;
pub(crate) const S1: u32 = 9;
pub(crate) const A0: u32 = 10;
pub(crate) const S2: u32 = 18;
pub(crate) const T0: u32 = 5;
pub(crate) const T1: u32 = 6;
const A7: u32 = 17;

/// An argument of a call.
#[derive(Clone, Copy)]
pub(crate) enum Arg {
    /// A number.
    Value(i64),
    /// What a register holds; not an argument register.
    Reg(u32),
    /// The address of a label.
    Label(&'static str),
}

impl From<i64> for Arg {
    fn from(value: i64) -> Arg {
        Arg::Value(value)
    }
}

impl From<u64> for Arg {
    fn from(value: u64) -> Arg {
        Arg::Value(value as i64)
    }
}

impl From<i32> for Arg {
    fn from(value: i32) -> Arg {
        Arg::Value(i64::from(value))
    }
}

impl From<&'static str> for Arg {
    fn from(label: &'static str) -> Arg {
        Arg::Label(label)
    }
}

enum Fix {
    Branch,
    Jump,
    Address,
}

/// A program being written.
#[derive(Default)]
pub(crate) struct Asm {
    words: Vec<u32>,
    labels: HashMap<&'static str, usize>,
    fixes: Vec<(usize, &'static str, Fix)>,
}

impl Asm {
    pub(crate) fn new() -> Asm {
        Asm::default()
    }

    fn push(&mut self, word: u32) -> &mut Asm {
        self.words.push(word);
        self
    }

    fn itype(&mut self, opcode: u32, funct3: u32, rd: u32, rs1: u32, imm: i32) -> &mut Asm {
        assert!((-2048..2048).contains(&imm));
        self.push((imm as u32) << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | opcode)
    }

    fn stype(&mut self, funct3: u32, rs1: u32, rs2: u32, imm: i32) -> &mut Asm {
        assert!((-2048..2048).contains(&imm));
        let imm = imm as u32;
        self.push((imm >> 5 & 0x7f) << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 | (imm & 0x1f) << 7 | 0x23)
    }

    pub(crate) fn label(&mut self, name: &'static str) -> &mut Asm {
        assert!(self.labels.insert(name, self.words.len()).is_none(), "{name} twice");
        self
    }

    pub(crate) fn addi(&mut self, rd: u32, rs: u32, imm: i32) -> &mut Asm {
        self.itype(0x13, 0, rd, rs, imm)
    }

    pub(crate) fn mv(&mut self, rd: u32, rs: u32) -> &mut Asm {
        self.addi(rd, rs, 0)
    }

    /// Any number of 32 bits, sign-extended; larger ones in halves, by way of shifts.
    pub(crate) fn li(&mut self, rd: u32, value: i64) -> &mut Asm {
        if let Ok(value) = i32::try_from(value) {
            let low = value << 20 >> 20;
            let high = value.wrapping_sub(low) as u32;
            self.push(high | rd << 7 | 0x37);
            // addiw
            return self.itype(0x1b, 0, rd, rd, low);
        }
        let low = value << 52 >> 52;
        self.li(rd, value.wrapping_sub(low) >> 12);
        // slli by 12
        self.push(12 << 20 | rd << 15 | 1 << 12 | rd << 7 | 0x13);
        self.addi(rd, rd, low as i32)
    }

    pub(crate) fn la(&mut self, rd: u32, label: &'static str) -> &mut Asm {
        self.fixes.push((self.words.len(), label, Fix::Address));
        // auipc, addi: filled in later.
        self.push(rd << 7 | 0x17).addi(rd, rd, 0)
    }

    pub(crate) fn ld(&mut self, rd: u32, base: u32, offset: i32) -> &mut Asm {
        self.itype(0x03, 3, rd, base, offset)
    }

    pub(crate) fn lw(&mut self, rd: u32, base: u32, offset: i32) -> &mut Asm {
        self.itype(0x03, 2, rd, base, offset)
    }

    pub(crate) fn sd(&mut self, rs: u32, base: u32, offset: i32) -> &mut Asm {
        self.stype(3, base, rs, offset)
    }

    pub(crate) fn sw(&mut self, rs: u32, base: u32, offset: i32) -> &mut Asm {
        self.stype(2, base, rs, offset)
    }

    /// `amoadd.w.aqrl`
    pub(crate) fn amoadd(&mut self, rd: u32, rs: u32, addr: u32) -> &mut Asm {
        self.push(0b11 << 25 | rs << 20 | addr << 15 | 2 << 12 | rd << 7 | 0x2f)
    }

    pub(crate) fn beq(&mut self, rs1: u32, rs2: u32, label: &'static str) -> &mut Asm {
        self.fixes.push((self.words.len(), label, Fix::Branch));
        self.push(rs2 << 20 | rs1 << 15 | 0x63)
    }

    pub(crate) fn bne(&mut self, rs1: u32, rs2: u32, label: &'static str) -> &mut Asm {
        self.fixes.push((self.words.len(), label, Fix::Branch));
        self.push(rs2 << 20 | rs1 << 15 | 1 << 12 | 0x63)
    }

    pub(crate) fn jump(&mut self, label: &'static str) -> &mut Asm {
        self.fixes.push((self.words.len(), label, Fix::Jump));
        self.push(0x6f)
    }

    /// A system call; its result is in `a0`.
    pub(crate) fn call(&mut self, number: i64, args: &[Arg]) -> &mut Asm {
        for (index, arg) in args.iter().enumerate() {
            let register = A0 + index as u32;
            match *arg {
                Arg::Value(value) => self.li(register, value),
                Arg::Reg(from) => self.mv(register, from),
                Arg::Label(label) => self.la(register, label),
            };
        }
        self.li(A7, number).push(0x73)
    }

    /// Ends the process with `code` unless `rs` holds `expected`.
    pub(crate) fn expect(&mut self, rs: u32, expected: i64, code: i64) -> &mut Asm {
        self.li(T0, expected);
        // Over the three words of exit_group(code): a branch of 28 bytes.
        let skip = 4 + 4 * (2 + 2 + 1);
        self.push(branch(skip) | T0 << 20 | rs << 15 | 0x63);
        self.call(94, &[Arg::Value(code)])
    }

    pub(crate) fn exit_group(&mut self, code: i64) -> &mut Asm {
        self.call(94, &[Arg::Value(code)])
    }

    pub(crate) fn exit_group_reg(&mut self, register: u32) -> &mut Asm {
        self.call(94, &[Arg::Reg(register)])
    }

    pub(crate) fn words(&mut self) -> Vec<u32> {
        for (at, label, fix) in core::mem::take(&mut self.fixes) {
            let target = *self.labels.get(label).unwrap_or_else(|| panic!("no label {label}"));
            let distance = (target as i32 - at as i32) * 4;
            match fix {
                Fix::Branch => self.words[at] |= branch(distance),
                Fix::Jump => {
                    let d = distance as u32;
                    self.words[at] |= (d >> 20 & 1) << 31
                        | (d >> 1 & 0x3ff) << 21
                        | (d >> 11 & 1) << 20
                        | (d >> 12 & 0xff) << 12;
                }
                Fix::Address => {
                    let low = distance << 20 >> 20;
                    self.words[at] |= (distance - low) as u32;
                    self.words[at + 1] |= (low as u32) << 20;
                }
            }
        }
        core::mem::take(&mut self.words)
    }
}

fn branch(distance: i32) -> u32 {
    assert!((-4096..4096).contains(&distance));
    let d = distance as u32;
    (d >> 12 & 1) << 31 | (d >> 5 & 0x3f) << 25 | (d >> 1 & 0xf) << 8 | (d >> 11 & 1) << 7
}
