//! Every instruction that computes, on hand-picked operands at the edges of each format, in every rounding mode.

use super::assemble::*;
use super::program::{Image, OUT};

/// Edges of integers, of shifts, and of 32-bit results.
const INTEGERS: [u64; 22] = [
    0,
    1,
    2,
    31,
    32,
    63,
    64,
    0x7f,
    0x80,
    0x7fff,
    0x8000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x1_0000_0000,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    0xffff_ffff_8000_0000,
    0xffff_ffff_7fff_ffff,
    0xffff_ffff_ffff_ff80,
    0xffff_ffff_ffff_fffe,
    0xffff_ffff_ffff_ffff,
];

/// Zeros, subnormals, the smallest and largest normal numbers, ones, a half-ulp pair, integers' limits, infinity, NaNs.
const DOUBLES: [u64; 20] = [
    0x0000_0000_0000_0000,
    0x8000_0000_0000_0000,
    0x0000_0000_0000_0001,
    0x800f_ffff_ffff_ffff,
    0x0010_0000_0000_0000,
    0x0010_0000_0200_0000,
    0x3fef_ffff_fc00_0000,
    0x3ff0_0000_0000_0000,
    0xbff0_0000_0000_0001,
    0x3fe0_0000_0000_0000,
    0x41df_ffff_ffe0_0000,
    0xc1e0_0000_0010_0000,
    0x43e0_0000_0000_0000,
    0x47ef_ffff_f000_0000,
    0x36a0_0000_0000_0000,
    0x7fef_ffff_ffff_ffff,
    0xfff0_0000_0000_0000,
    0x7ff8_0000_0000_0001,
    0x7ff0_0000_0000_0001,
    // A single one, boxed: a NaN here.
    0xffff_ffff_3f80_0000,
];

/// As above for singles, boxed; the last ones are badly boxed.
const SINGLES: [u64; 20] = [
    0xffff_ffff_0000_0000,
    0xffff_ffff_8000_0000,
    0xffff_ffff_0000_0001,
    0xffff_ffff_807f_ffff,
    0xffff_ffff_0080_0000,
    0xffff_ffff_0080_0800,
    0xffff_ffff_3f7f_f000,
    0xffff_ffff_3f80_0000,
    0xffff_ffff_bf80_0001,
    0xffff_ffff_3f00_0000,
    0xffff_ffff_4eff_ffff,
    0xffff_ffff_cf00_0001,
    0xffff_ffff_4f80_0000,
    0xffff_ffff_5f00_0000,
    0xffff_ffff_7f7f_ffff,
    0xffff_ffff_ff80_0000,
    0xffff_ffff_7fc0_0001,
    0xffff_ffff_7f80_0001,
    0xffff_fffe_3f80_0000,
    0x3ff0_0000_0000_0000,
];

/// Operands of one execution: rs1, rs2, rs3, `fcsr`.
type Row = [u64; 4];

/// Which operands an instruction is run on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Table {
    Integers,
    Doubles,
    Singles,
}

/// The instructions, in a fixed order, each with destination 10 and sources 11, 12, 13.
pub(crate) fn instructions() -> Vec<u32> {
    list().into_iter().map(|(_, word)| word).collect()
}

/// A program that writes, for each instruction, eight bytes that depend on its results and flags on all operands.
pub(crate) fn program() -> Vec<u8> {
    let mut image = Image::new();
    let from = image.here();
    image.emit(&[0]);
    image.align(8);
    let tables = [integer_rows(), float_rows(&DOUBLES), float_rows(&SINGLES)].map(|rows| {
        let start = image.here();
        rows.iter().flatten().for_each(|word| image.bytes.extend(word.to_le_bytes()));
        (start, image.here())
    });
    image.patch(from, jal(0, (image.here() - from) as i32));
    let (row, end, hash, factor, spare) = (8, 9, 18, 19, 15);
    image.address(factor, 0x3779_7f4b);
    let list = list();
    for (i, (table, word)) in list.iter().enumerate() {
        let (start, stop) = tables[*table as usize];
        image.address(row, start);
        image.address(end, stop);
        image.emit(&[addi(hash, 0, 1)]);
        let top = image.here();
        image.emit(&[ld(11, 0, row), ld(12, 8, row), ld(13, 24, row), csrrw(0, FCSR, 13)]);
        image.emit(&[fld(11, 0, row), fld(12, 8, row), fld(13, 16, row), addi(10, 0, 85)]);
        image.emit(&[
            r_type(0x79, 0, 10, 0, 10, 0x53),
            *word,
            csrr(13, FCSR),
            r_type(0x71, 0, 10, 0, 14, 0x53),
        ]);
        for value in [10, 14, 13] {
            image.emit(&[
                r_type(0, value, hash, 4, hash, 0x33),
                r_type(1, factor, hash, 0, hash, 0x33),
                i_type(29, hash, 5, spare, 0x13),
                r_type(0, spare, hash, 4, hash, 0x33),
            ]);
        }
        image.emit(&[addi(row, row, 32)]);
        let back = top as i64 - image.here() as i64;
        image.emit(&[branch(1, row, end, back as i32)]);
        image.address(end, OUT + 8 * i as u64);
        image.emit(&[sd(hash, 0, end)]);
    }
    image.call(64, [1, OUT, 8 * list.len() as u64, 0]);
    image.call(93, [0; 4]);
    image.into_elf()
}

fn integer_rows() -> Vec<Row> {
    INTEGERS.iter().flat_map(|a| INTEGERS.map(|b| [*a, b, 0, 0])).collect()
}

/// All pairs, each with some third operands, in all rounding modes, with the inexact flag clear and set.
fn float_rows(values: &[u64; 20]) -> Vec<Row> {
    let mut rows = Vec::new();
    for (i, a) in values.iter().enumerate() {
        for (k, b) in values.iter().enumerate() {
            for mode in 0..5 {
                let c = values[(7 * i + 3 * k + 5 * mode) % values.len()];
                rows.push([*a, *b, c, ((mode as u64) << 5) | ((i + k + mode) as u64 % 2)]);
            }
        }
    }
    rows
}

fn list() -> Vec<(Table, u32)> {
    let mut list = Vec::new();
    let mut add = |table, word| list.push((table, word));
    // Register with register: by opcode, funct7 and the funct3 that exist.
    let registers: [(u32, u32, &[u32]); 16] = [
        (0x33, 0x00, &[0, 1, 2, 3, 4, 5, 6, 7]),
        (0x33, 0x20, &[0, 4, 5, 6, 7]),
        (0x33, 0x01, &[0, 1, 2, 3, 4, 5, 6, 7]),
        (0x33, 0x10, &[2, 4, 6]),
        (0x33, 0x05, &[4, 5, 6, 7]),
        (0x33, 0x30, &[1, 5]),
        (0x33, 0x24, &[1, 5]),
        (0x33, 0x34, &[1]),
        (0x33, 0x14, &[1]),
        (0x33, 0x07, &[5, 7]),
        (0x3b, 0x00, &[0, 1, 5]),
        (0x3b, 0x20, &[0, 5]),
        (0x3b, 0x01, &[0, 4, 5, 6, 7]),
        (0x3b, 0x04, &[0]),
        (0x3b, 0x10, &[2, 4, 6]),
        (0x3b, 0x30, &[1, 5]),
    ];
    for (opcode, funct7, all) in registers {
        all.iter().for_each(|funct3| add(Table::Integers, r_type(funct7, 12, 11, *funct3, 10, opcode)));
    }
    for imm in [-2048, -1, 0, 1, 2047] {
        [0, 2, 3, 4, 6, 7].iter().for_each(|funct3| add(Table::Integers, i_type(imm, 11, *funct3, 10, 0x13)));
        add(Table::Integers, i_type(imm, 11, 0, 10, 0x1b));
    }
    for shift in [0, 1, 31, 32, 63] {
        // slli, bseti, bclri, binvi; srli, srai, bexti, rori; slli.uw.
        [0x000, 0x280, 0x480, 0x680]
            .iter()
            .for_each(|op| add(Table::Integers, i_type(op | shift, 11, 1, 10, 0x13)));
        [0x000, 0x400, 0x480, 0x600]
            .iter()
            .for_each(|op| add(Table::Integers, i_type(op | shift, 11, 5, 10, 0x13)));
        add(Table::Integers, i_type(0x080 | shift, 11, 1, 10, 0x1b));
        if shift < 32 {
            // slliw; srliw, sraiw, roriw.
            add(Table::Integers, i_type(shift, 11, 1, 10, 0x1b));
            [0x000, 0x400, 0x600]
                .iter()
                .for_each(|op| add(Table::Integers, i_type(op | shift, 11, 5, 10, 0x1b)));
        }
    }
    // clz, ctz, cpop, sext.b, sext.h; orc.b, rev8; clzw, ctzw, cpopw; zext.h.
    [0x600, 0x601, 0x602, 0x604, 0x605]
        .iter()
        .for_each(|op| add(Table::Integers, i_type(*op, 11, 1, 10, 0x13)));
    [0x287, 0x6b8].iter().for_each(|op| add(Table::Integers, i_type(*op, 11, 5, 10, 0x13)));
    [0x600, 0x601, 0x602].iter().for_each(|op| add(Table::Integers, i_type(*op, 11, 1, 10, 0x1b)));
    add(Table::Integers, r_type(0x04, 0, 11, 4, 10, 0x3b));
    // From double to single, from single to double.
    for mode in [0, 1, 2, 3, 4, 7] {
        add(Table::Doubles, r_type(0x20, 1, 11, mode, 10, 0x53));
        add(Table::Singles, r_type(0x21, 0, 11, mode, 10, 0x53));
    }
    for (format, table) in [(0, Table::Singles), (1, Table::Doubles)] {
        let mut float =
            |funct5: u32, rs2, funct3| add(table, r_type(funct5 << 2 | format, rs2, 11, funct3, 10, 0x53));
        for mode in [0, 1, 2, 3, 4, 7] {
            // fadd, fsub, fmul, fdiv; fsqrt; to integers.
            [0x00, 0x01, 0x02, 0x03].iter().for_each(|funct5| float(*funct5, 12, mode));
            float(0x0b, 0, mode);
            (0..4).for_each(|kind| float(0x18, kind, mode));
        }
        // fsgnj, fsgnjn, fsgnjx; fmin, fmax; fle, flt, feq; fclass; fmv.x.
        (0..3).for_each(|funct3| float(0x04, 12, funct3));
        (0..2).for_each(|funct3| float(0x05, 12, funct3));
        (0..3).for_each(|funct3| float(0x14, 12, funct3));
        (0..2).for_each(|funct3| float(0x1c, 0, funct3));
        for mode in [0, 1, 2, 3, 4, 7] {
            // fmadd, fmsub, fnmsub, fnmadd.
            for opcode in [0x43, 0x47, 0x4b, 0x4f] {
                add(table, r_type(13 << 2 | format, 12, 11, mode, 10, opcode));
            }
        }
        // From integers, in the static modes as the integers' rows have one mode only; fmv to a float register.
        for mode in 0..5 {
            (0..4)
                .for_each(|kind| add(Table::Integers, r_type(0x1a << 2 | format, kind, 11, mode, 10, 0x53)));
        }
        add(Table::Integers, r_type(0x1e << 2 | format, 0, 11, 0, 10, 0x53));
    }
    list
}
