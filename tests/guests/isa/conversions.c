// only: riscv64
// syscalls: write
#include "isa/float.h"

int main(int argc, char **argv) {
    isa_wanted = argc > 1 ? argv[1] : NULL;
    FOR_MODES(TO_INTEGER, "fcvt.w.d", DOUBLES);
    FOR_MODES(TO_INTEGER, "fcvt.wu.d", DOUBLES);
    FOR_MODES(TO_INTEGER, "fcvt.l.d", DOUBLES);
    FOR_MODES(TO_INTEGER, "fcvt.lu.d", DOUBLES);
    FOR_MODES(TO_INTEGER, "fcvt.w.s", SINGLES);
    FOR_MODES(TO_INTEGER, "fcvt.wu.s", SINGLES);
    FOR_MODES(TO_INTEGER, "fcvt.l.s", SINGLES);
    FOR_MODES(TO_INTEGER, "fcvt.lu.s", SINGLES);
    FOR_MODES(FROM_INTEGER_, "fcvt.s.w", 0);
    FOR_MODES(FROM_INTEGER_, "fcvt.s.wu", 0);
    FOR_MODES(FROM_INTEGER_, "fcvt.s.l", 0);
    FOR_MODES(FROM_INTEGER_, "fcvt.s.lu", 0);
    FOR_MODES(FROM_INTEGER_, "fcvt.d.l", 0);
    FOR_MODES(FROM_INTEGER_, "fcvt.d.lu", 0);
    isa_begin("fcvt.d.w");
    FROM_INTEGER("fcvt.d.w", "")
    isa_end();
    isa_begin("fcvt.d.wu");
    FROM_INTEGER("fcvt.d.wu", "")
    isa_end();
    FOR_MODES(FLOAT1, "fcvt.s.d", DOUBLES);
    PLAIN(FLOAT1, "fcvt.d.s", SINGLES);
    PLAIN(TO_INTEGER, "fmv.x.w", DOUBLES);
    PLAIN(TO_INTEGER, "fmv.x.d", SINGLES);
    isa_begin("fmv.w.x");
    FROM_INTEGER("fmv.w.x", "")
    isa_end();
    isa_begin("fmv.d.x");
    FROM_INTEGER("fmv.d.x", "")
    isa_end();
    return 0;
}
