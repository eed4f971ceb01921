#!/bin/sh
# Runs the guest programs on an oracle and compares what they print, and how they end, with their .expected files.
# README.md tells the conventions.
#
#   tests/guests/oracle.sh [--update | --linux] [family | family/name]...
#
# --update rewrites the .expected files instead of comparing.
# --linux  runs all that can be built for this machine on its own kernel: a second oracle, for the tests themselves.
# QEMU names the emulator (default: what `cargo xtask setup` unpacked, else qemu-riscv64), CROSS the cross compiler's prefix, GUESTS_OUT where binaries go.
set -u
here=$(cd "$(dirname "$0")" && pwd)
mode=compare
case ${1-} in --update | --linux) mode=${1#--}; shift ;; esac
out=${GUESTS_OUT:-$here/../../target/guests/oracle}
failed=0 ran=0
[ -z "${QEMU-}" ] && [ -x "$here/../../target/oracle/qemu-riscv64" ] && QEMU=$here/../../target/oracle/qemu-riscv64

# The value of a `// name: value` line at the top of a program.
tag() { sed -n "1,12s,^// $2: *,,p" "$1" | head -n 1; }

# Builds $source for $1 (qemu or linux) as $binary and runs it there into $binary.out.
run_on() {
    binary=$out/$1/$name compiler=gcc emulator=
    if [ "$1" = qemu ]; then
        compiler=${CROSS-riscv64-linux-gnu-}gcc
        emulator="${QEMU:-qemu-riscv64} $(tag "$source" qemu)"
    fi
    flags="-std=gnu11 -O2 -static -Wall -Wextra -Werror -pthread $(tag "$source" flags)"
    mkdir -p "$(dirname "$binary")"
    # shellcheck disable=SC2046,SC2086
    "$compiler" $flags -I"$here" "$source" -o "$binary" $(tag "$source" libs) || return 1
    # shellcheck disable=SC2046,SC2086
    timeout "${LIMIT:-60}" $emulator "$binary" $(tag "$source" args) </dev/null >"$binary.out" 2>"$binary.err"
    code=$?
    if [ $code -gt 128 ]; then echo "signal $((code - 128))"; else echo "exit $code"; fi >>"$binary.out"
}

one() {
    oracle=$(tag "$source" oracle)
    case $mode:$oracle in
    linux:*) [ -n "$(tag "$source" only)" ] && return; on=linux ;;
    *:linux*) on=linux ;;
    *:"man page"*) return ;;
    *) on=qemu ;;
    esac
    expected=${source%.*}.expected
    ran=$((ran + 1))
    if ! run_on $on; then
        echo "does not build: $name"
    elif [ "$mode" = update ]; then
        cp "$binary.out" "$expected" && return
    else
        diff -u "$expected" "$binary.out" && return
        echo "differs on $on: $name"
    fi
    failed=$((failed + 1))
}

[ $# -eq 0 ] && set -- $(cd "$here" && ls -d */ | tr -d /)
for what; do
    case $what in
    */*) sources=$(ls "$here/$what".[cS] 2>/dev/null) ;;
    *) sources=$(ls "$here/$what"/*.[cS] 2>/dev/null) ;;
    esac
    for source in $sources; do
        name=${source#"$here"/} name=${name%.*}
        one
    done
done
echo "$ran ran, $failed failed"
[ $failed -eq 0 ]
