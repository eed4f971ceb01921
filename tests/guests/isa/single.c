// only: riscv64
// syscalls: write
#include "isa/float.h"

int main(int argc, char **argv) {
    isa_wanted = argc > 1 ? argv[1] : NULL;
    FOR_MODES(FLOAT2, "fadd.s", SINGLES);
    FOR_MODES(FLOAT2, "fsub.s", SINGLES);
    FOR_MODES(FLOAT2, "fmul.s", SINGLES);
    FOR_MODES(FLOAT2, "fdiv.s", SINGLES);
    FOR_MODES(FLOAT1, "fsqrt.s", SINGLES);
    PLAIN(FLOAT2, "fsgnj.s", SINGLES);
    PLAIN(FLOAT2, "fsgnjn.s", SINGLES);
    PLAIN(FLOAT2, "fsgnjx.s", SINGLES);
    PLAIN(FLOAT2, "fmin.s", SINGLES);
    PLAIN(FLOAT2, "fmax.s", SINGLES);
    COMPARE("feq.s", SINGLES);
    COMPARE("flt.s", SINGLES);
    COMPARE("fle.s", SINGLES);
    PLAIN(TO_INTEGER, "fclass.s", SINGLES);
    return 0;
}
