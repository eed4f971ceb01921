//! Encodings, as the GNU assembler makes them.

use super::*;

/// Every compressed form beside the instruction it stands for.
const COMPRESSED: &[(u16, u32)] = &[
    (0x0048, 0x00410513), // c.addi4spn a0, sp, 4
    (0x1ffc, 0x3fc10793), // c.addi4spn a5, sp, 1020
    (0x0c00, 0x21010413), // c.addi4spn s0, sp, 528
    (0x2188, 0x0005b507), // c.fld fa0, 0(a1)
    (0x3c64, 0x0f843487), // c.fld fs1, 248(s0)
    (0x41c8, 0x0045a503), // c.lw a0, 4(a1)
    (0x5fe4, 0x07c7a483), // c.lw s1, 124(a5)
    (0x40b0, 0x0404a603), // c.lw a2, 64(s1)
    (0x6588, 0x0085b503), // c.ld a0, 8(a1)
    (0x6078, 0x0c043703), // c.ld a4, 192(s0)
    (0xa988, 0x00a5b827), // c.fsd fa0, 16(a1)
    (0xbbe0, 0x0e87b827), // c.fsd fs0, 240(a5)
    (0xc1c8, 0x00a5a223), // c.sw a0, 4(a1)
    (0xc3e4, 0x0497a223), // c.sw s1, 68(a5)
    (0xe588, 0x00a5b423), // c.sd a0, 8(a1)
    (0xfc78, 0x0ee43c23), // c.sd a4, 248(s0)
    (0x0001, 0x00000013), // c.nop
    (0x1f81, 0xfe0f8f93), // c.addi t6, -32
    (0x00fd, 0x01f08093), // c.addi ra, 31
    (0x3ffd, 0xffff8f9b), // c.addiw t6, -1
    (0x2501, 0x0005051b), // c.addiw a0, 0
    (0x5501, 0xfe000513), // c.li a0, -32
    (0x4ffd, 0x01f00f93), // c.li t6, 31
    (0x7101, 0xe0010113), // c.addi16sp sp, -512
    (0x617d, 0x1f010113), // c.addi16sp sp, 496
    (0x6141, 0x01010113), // c.addi16sp sp, 16
    (0x6105, 0x02010113), // c.addi16sp sp, 32
    (0x6121, 0x04010113), // c.addi16sp sp, 64
    (0x6109, 0x08010113), // c.addi16sp sp, 128
    (0x6505, 0x00001537), // c.lui a0, 1
    (0x7f81, 0xfffe0fb7), // c.lui t6, 0xfffe0
    (0x64fd, 0x0001f4b7), // c.lui s1, 31
    (0x8105, 0x00155513), // c.srli a0, 1
    (0x907d, 0x03f45413), // c.srli s0, 63
    (0x9781, 0x4207d793), // c.srai a5, 32
    (0x9901, 0xfe057513), // c.andi a0, -32
    (0x88fd, 0x01f4f493), // c.andi s1, 31
    (0x8d0d, 0x40b50533), // c.sub a0, a1
    (0x8c3d, 0x00f44433), // c.xor s0, a5
    (0x8f45, 0x00976733), // c.or a4, s1
    (0x8e75, 0x00d67633), // c.and a2, a3
    (0x9d0d, 0x40b5053b), // c.subw a0, a1
    (0x9cbd, 0x00f484bb), // c.addw s1, a5
    (0x0f86, 0x001f9f93), // c.slli t6, 1
    (0x157e, 0x03f51513), // c.slli a0, 63
    (0x2502, 0x00013507), // c.fldsp fa0, 0(sp)
    (0x3ffe, 0x1f813f87), // c.fldsp ft11, 504(sp)
    (0x4502, 0x00012503), // c.lwsp a0, 0(sp)
    (0x5ffe, 0x0fc12f83), // c.lwsp t6, 252(sp)
    (0x5086, 0x06012083), // c.lwsp ra, 96(sp)
    (0x6502, 0x00013503), // c.ldsp a0, 0(sp)
    (0x70fe, 0x1f813083), // c.ldsp ra, 504(sp)
    (0x6432, 0x10813403), // c.ldsp s0, 264(sp)
    (0x8082, 0x00008067), // c.jr ra
    (0x8f82, 0x000f8067), // c.jr t6
    (0x857e, 0x01f00533), // c.mv a0, t6
    (0x9002, 0x00100073), // c.ebreak
    (0x9782, 0x000780e7), // c.jalr a5
    (0x9faa, 0x00af8fb3), // c.add t6, a0
    (0xa02a, 0x00a13027), // c.fsdsp fa0, 0(sp)
    (0xbffe, 0x1ff13c27), // c.fsdsp ft11, 504(sp)
    (0xc02a, 0x00a12023), // c.swsp a0, 0(sp)
    (0xdffe, 0x0ff12e23), // c.swsp t6, 252(sp)
    (0xe02a, 0x00a13023), // c.sdsp a0, 0(sp)
    (0xff86, 0x1e113c23), // c.sdsp ra, 504(sp)
    (0xa009, 0x0020006f), // c.j .+2
    (0xb001, 0x801ff06f), // c.j .-2048
    (0xaffd, 0x7fe0006f), // c.j .+2046
    (0xab91, 0x5540006f), // c.j .+1364
    (0xd101, 0xf00500e3), // c.beqz a0, .-256
    (0xccfd, 0x0e048f63), // c.beqz s1, .+254
    (0xe389, 0x00079163), // c.bnez a5, .+2
    (0xf455, 0xfa0416e3), // c.bnez s0, .-84
];

#[test]
fn compressed_forms_expand_to_their_instructions() {
    for (short, wide) in COMPRESSED {
        let expected = Instr { len: 2, ..decode(*wide) };
        assert_ne!(expected.op, Opcode::Illegal, "{wide:#010x}");
        assert_eq!(decode((*short).into()), expected, "{short:#06x}");
    }
}

#[test]
fn reserved_compressed_encodings_are_illegal() {
    let reserved = [
        (0x0000, "all zeros"),
        (0x0004, "c.addi4spn with a zero offset"),
        (0x8000, "quadrant 0, funct3 4"),
        (0x9ffc, "quadrant 0, funct3 4"),
        (0x2001, "c.addiw x0"),
        (0x207d, "c.addiw x0, -1"),
        (0x6101, "c.addi16sp with zero"),
        (0x6081, "c.lui with zero, the place of Zcmop"),
        (0x6001, "c.lui x0 with zero"),
        (0x9c41, "subw's place with funct2 2"),
        (0x9c61, "subw's place with funct2 3"),
        (0x4002, "c.lwsp x0"),
        (0x6002, "c.ldsp x0"),
        (0x8002, "c.jr x0"),
    ];
    for (bits, what) in reserved {
        assert_eq!(decode(bits), Instr::illegal(bits, 2), "{what}");
    }
}

#[test]
fn hints_are_legal_and_write_nothing() {
    // c.nop 1; c.addi a0, 0; c.li x0, 1; c.lui x0, 1; c.mv x0, a0; c.add x0, a0; c.slli x0, 1; c.slli a0, 0;
    // c.srli a0, 0
    for bits in [0x0005, 0x0501, 0x4005, 0x6005, 0x802a, 0x902a, 0x0006, 0x0502, 0x8101] {
        let instr = decode(bits);
        assert_ne!(instr.op, Opcode::Illegal, "{bits:#06x}");
        assert!(instr.rd == 0 || instr.imm == 0, "{bits:#06x} {instr:?}");
    }
}

/// As many as the GNU disassembler accepts, less one: it takes `c.addi16sp` with zero, which is reserved.
#[test]
fn number_of_legal_compressed_encodings() {
    let legal = (0..=u16::MAX).filter(|bits| !is_wide(*bits) && decode((*bits).into()).op != Opcode::Illegal);
    assert_eq!(legal.count(), 46_744 - 1);
}

#[test]
fn wide_fields() {
    use Opcode::*;
    let cases = [
        (0xfff5_8513, Instr::new(Addi, 4).rd(10).rs1(11).imm(-1)),
        (0xfeb5_3c23, Instr::new(Sd, 4).rs1(10).rs2(11).imm(-8)),
        (0x8000_0537, Instr::new(Lui, 4).rd(10).imm(i32::MIN)),
        (0x43f5_d513, Instr::new(Srai, 4).rd(10).rs1(11).imm(63)),
        (0x0025_9573, Instr::new(Csrrw, 4).rd(10).rs1(11).imm(2)),
        (0x02c5_f543, Instr { rs3: 32, rm: 7, ..Instr::new(FmaddD, 4).rd(42).rs1(43).rs2(44) }),
    ];
    for (bits, expected) in cases {
        assert_eq!(decode(bits), expected, "{bits:#010x}");
    }
}

#[test]
fn reserved_wide_encodings_are_illegal() {
    let reserved = [
        (0x02c5_d543, "fmadd.d with rounding mode 5"),
        (0x02c5_e553, "fadd.d with rounding mode 6"),
        (0x04c5_f543, "fmadd with format 2 (half)"),
        (0x1005_a5af | 1 << 20, "lr.w with rs2"),
        (0x08c5_952f, "amoswap with width 1 (Zabha)"),
        (0x28c5_a52f, "amocas.w"),
        (0x0405_9513 | 1 << 26, "slli with bit 26 set"),
        (0x0205_951b, "slliw by 32"),
        (0xc000_1073, "csrrw to cycle"),
        (0xc000_e073, "csrrsi with bits to cycle"),
        (0xc030_2573, "hpmcounter3"),
        (0x3020_0073, "mret"),
        (0x1050_0073, "wfi"),
        (0x0000_200f, "misc-mem with funct3 2 (cbo)"),
        (0x0000_007f, "longer than 32 bits"),
        (0xffff_ffff, "all ones"),
    ];
    for (bits, what) in reserved {
        assert_eq!(decode(bits), Instr::illegal(bits, 4), "{what}");
    }
}
