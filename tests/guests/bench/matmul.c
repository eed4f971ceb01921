// flags: -O2 -march=rv64gc -ffp-contract=off
// only: riscv64
// bench: 256 4
// syscalls: write
//
// Multiplication of square matrices of doubles, plain triple loop. Arguments: side (default 64), times (default 2).
// Prints the sum and the trace of the product as bits: exact, as only additions and multiplications in a fixed order are used.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t bits(double value) {
    uint64_t word;
    memcpy(&word, &value, 8);
    return word;
}

int main(int argc, char **argv) {
    int n = argc > 1 ? atoi(argv[1]) : 64, times = argc > 2 ? atoi(argv[2]) : 2;
    size_t cells = (size_t)n * (size_t)n;
    double *a = malloc(cells * 8), *b = malloc(cells * 8), *c = malloc(cells * 8);
    if (!a || !b || !c) return 1;
    for (size_t i = 0; i < cells; i++) {
        a[i] = (double)(i * 37 % 101) / 7.0 - 5.0;
        b[i] = (double)(i * 53 % 97) / 11.0 - 3.0;
    }
    double sum = 0, trace = 0;
    for (int round = 0; round < times; round++) {
        for (int i = 0; i < n; i++)
            for (int j = 0; j < n; j++) {
                double cell = 0;
                for (int k = 0; k < n; k++) cell += a[i * n + k] * b[k * n + j];
                c[i * n + j] = cell;
            }
        for (size_t i = 0; i < cells; i++) sum += c[i];
        for (int i = 0; i < n; i++) trace += c[i * n + i];
        a[0] += 1.0;
    }
    printf("%d x %d: %016llx %016llx\n", n, times, (unsigned long long)bits(sum), (unsigned long long)bits(trace));
    return 0;
}
