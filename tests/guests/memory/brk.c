// syscalls: brk
#include "memory/faults.h"

static char *raw_brk(char *to) { return (char *)syscall(SYS_brk, to); }

int main(void) {
    catch_faults();
    section("grow, use, shrink");
    char *start = raw_brk(NULL);
    CHECK(start != NULL);
    CHECK(raw_brk(start + 5 * PAGE) == start + 5 * PAGE);
    for (int i = 0; i < 5 * PAGE; i += 100) CHECK_EQ(start[i], 0);
    memset(start, 'x', 5 * PAGE);
    CHECK(raw_brk(start + 100) == start + 100);
    char *page = (char *)(((uintptr_t)start + 100 + PAGE - 1) & ~(uintptr_t)(PAGE - 1));
    CHECK_FAULT(WRITE(page, 1), SIGSEGV, SEGV_MAPERR, page);
    CHECK(raw_brk(start + 5 * PAGE) == start + 5 * PAGE);
    CHECK_EQ(start[50], 'x');
    CHECK_EQ(*page, 0);

    section("what can't be is refused by no change");
    char *end = raw_brk(NULL);
    CHECK(raw_brk((char *)PAGE) == end);
    CHECK(raw_brk((char *)(1UL << 62)) == end);

    section("a child's is its own");
    CHECK_EXITED(IN_CHILD({
                     CHECK(raw_brk(end + PAGE) == end + PAGE);
                     WRITE(end, 1);
                 }),
                 0);
    CHECK(raw_brk(NULL) == end);

    section("malloc");
    size_t total = 0;
    for (int i = 1; i < 2000; i++) {
        char *block = malloc(i * 13 % 5000 + 1);
        block[0] = 1;
        total += block[0];
        if (i % 3) free(block);
    }
    CHECK_EQ(total, 1999);
    return verdict();
}
