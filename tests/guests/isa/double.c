// only: riscv64
// syscalls: write
#include "isa/float.h"

int main(int argc, char **argv) {
    isa_wanted = argc > 1 ? argv[1] : NULL;
    FOR_MODES(FLOAT2, "fadd.d", DOUBLES);
    FOR_MODES(FLOAT2, "fsub.d", DOUBLES);
    FOR_MODES(FLOAT2, "fmul.d", DOUBLES);
    FOR_MODES(FLOAT2, "fdiv.d", DOUBLES);
    FOR_MODES(FLOAT1, "fsqrt.d", DOUBLES);
    PLAIN(FLOAT2, "fsgnj.d", DOUBLES);
    PLAIN(FLOAT2, "fsgnjn.d", DOUBLES);
    PLAIN(FLOAT2, "fsgnjx.d", DOUBLES);
    PLAIN(FLOAT2, "fmin.d", DOUBLES);
    PLAIN(FLOAT2, "fmax.d", DOUBLES);
    COMPARE("feq.d", DOUBLES);
    COMPARE("flt.d", DOUBLES);
    COMPARE("fle.d", DOUBLES);
    PLAIN(TO_INTEGER, "fclass.d", DOUBLES);
    return 0;
}
