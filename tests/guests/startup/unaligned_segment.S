// only: riscv64
// flags: -nostdlib -Wl,-N
// syscalls: write exit_group
//
// Linked with -N: text and data in one writable segment that begins in the middle of a page. execve(2) maps it by
// `vaddr - vaddr % page`, and zeroes what follows the file's bytes.

    .globl _start
    .text
    .option norelax
_start:
    // The program runs in the middle of a page.
    lla     t0, _start
    slli    t1, t0, 52
    beqz    t1, wrong
    // Text may be read and written: it lies in the same segment as data.
    lw      t1, 0(t0)
    sw      t1, 0(t0)
    lla     t0, initialised
    ld      t1, 0(t0)
    li      t2, 0x1122334455667788
    bne     t1, t2, wrong
    sd      zero, 0(t0)
    lla     t0, zeroes
    li      t2, 16384
    add     t2, t0, t2
1:  ld      t1, 0(t0)
    bnez    t1, wrong
    addi    t0, t0, 8
    bltu    t0, t2, 1b
    li      a0, 1
    lla     a1, right
    li      a2, 5
    li      a7, 64
    ecall
    li      a0, 0
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
