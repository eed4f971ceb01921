// What the kernel hands to a program, seen before any library runs: sp, registers, argc.
// only: riscv64
// flags: -nostdlib
// syscalls: write exit_group

    .globl _start
    .text
_start:
    .option push
    .option norelax
    // The stack is 16-aligned and starts with argc.
    andi    t0, sp, 15
    bnez    t0, wrong
    ld      t1, 0(sp)
    li      t2, 1
    bne     t1, t2, wrong
    ld      t1, 8(sp)
    beqz    t1, wrong
    ld      t1, 16(sp)
    bnez    t1, wrong
    // a0 is rtld_fini: none for a static program.
    bnez    a0, wrong
    // The rounding mode and flags start at zero, and floating point is on.
    frcsr   t0
    bnez    t0, wrong
    fmv.d.x fa0, zero
    // A page below the stack pointer is there to be grown into.
    li      t0, 65536
    sub     t0, sp, t0
    sd      zero, 0(t0)
    ld      t1, 0(t0)
    bnez    t1, wrong
    // Zeroed memory past the file's data.
    lla     t0, zeroes
    ld      t1, 0(t0)
    bnez    t1, wrong
    li      t1, 8000
    add     t0, t0, t1
    ld      t1, 0(t0)
    bnez    t1, wrong
    lla     t0, initialised
    ld      t1, 0(t0)
    li      t2, 0x1122334455667788
    bne     t1, t2, wrong
    li      a0, 1
    lla     a1, right
    li      a2, 5
    li      a7, 64
    ecall
    li      t0, 5
    bne     a0, t0, wrong
    // A system call changes a0 only.
    li      a1, 0x1234
    li      t6, 0x4321
    li      a7, 172
    ecall
    li      t0, 0x1234
    bne     a1, t0, wrong
    li      t0, 0x4321
    bne     t6, t0, wrong
    li      t0, 172
    bne     a7, t0, wrong
    // An unknown one is ENOSYS.
    li      a7, 5000
    ecall
    li      t0, -38
    bne     a0, t0, wrong
    li      a0, 42
    li      a7, 94
    ecall
wrong:
    li      a0, 1
    lla     a1, bad
    li      a2, 6
    li      a7, 64
    ecall
    li      a0, 1
    li      a7, 94
    ecall
    .option pop

    .section .rodata
right:
    .ascii  "pass\n"
bad:
    .ascii  "wrong\n"
    .data
    .balign 8
initialised:
    .dword  0x1122334455667788
    .bss
    .balign 8
zeroes:
    .zero   16384
