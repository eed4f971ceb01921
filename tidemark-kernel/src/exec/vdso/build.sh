#!/bin/sh
# Builds vdso.so next to this script, or at the path given: needs Debian's gcc-riscv64-linux-gnu.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here/vdso.so}
cd "$here"
riscv64-linux-gnu-gcc -O2 -march=rv64gc -mabi=lp64d -fPIC -shared -nostdlib -ffreestanding -fno-stack-protector \
    -fno-asynchronous-unwind-tables -mno-relax -Wall -Wextra -Werror -Wl,-soname=linux-vdso.so.1 -Wl,--hash-style=both \
    -Wl,--build-id=none -Wl,-T,vdso.lds -Wl,-z,max-page-size=4096 -Wl,-z,norelro -Wl,--no-undefined -o "$out" vdso.c
riscv64-linux-gnu-strip --strip-all --remove-section=.shstrtab "$out" 2>/dev/null || riscv64-linux-gnu-strip "$out"
