// only: riscv64
// syscalls: write
#include "isa/float.h"

int main(int argc, char **argv) {
    isa_wanted = argc > 1 ? argv[1] : NULL;
    FOR_MODES(FLOAT3, "fmadd.d", DOUBLES);
    FOR_MODES(FLOAT3, "fmsub.d", DOUBLES);
    FOR_MODES(FLOAT3, "fnmadd.d", DOUBLES);
    FOR_MODES(FLOAT3, "fnmsub.d", DOUBLES);
    FOR_MODES(FLOAT3, "fmadd.s", SINGLES);
    FOR_MODES(FLOAT3, "fmsub.s", SINGLES);
    FOR_MODES(FLOAT3, "fnmadd.s", SINGLES);
    FOR_MODES(FLOAT3, "fnmsub.s", SINGLES);
    return 0;
}
