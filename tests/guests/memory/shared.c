// syscalls: mmap clone
#include "memory/faults.h"

int main(void) {
    catch_faults();
    section("anonymous memory shared with a child");
    volatile int *shared = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    volatile int *private = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED && private != MAP_FAILED);
    shared[0] = 1, private[0] = 1;
    CHECK_EXITED(IN_CHILD({
                     CHECK_EQ(shared[0], 1);
                     shared[0] = 2, private[0] = 2;
                     // A page that neither had touched.
                     shared[3 * PAGE / 4] = 3;
                     CHECK_EXITED(IN_CHILD(shared[2] = 4), 0);
                     CHECK_EQ(shared[2], 4);
                 }),
                 0);
    CHECK_EQ(shared[0], 2);
    CHECK_EQ(private[0], 1);
    CHECK_EQ(shared[3 * PAGE / 4], 3);
    CHECK_EQ(shared[2], 4);

    section("the child's mappings are its own");
    CHECK_EXITED(IN_CHILD({
                     CHECK_OK(munmap((void *)shared, PAGE));
                     CHECK_OK(mprotect((void *)private, PAGE, PROT_NONE));
                 }),
                 0);
    CHECK_EQ(shared[0], 2);
    private[0] = 5;

    section("copies of copies");
    char *pages = map_anonymous(16 * PAGE, PROT_READ | PROT_WRITE);
    for (int i = 0; i < 16; i++) pages[i * PAGE] = (char)i;
    CHECK_EXITED(IN_CHILD({
                     for (int i = 0; i < 16; i += 2) pages[i * PAGE] = 100;
                     CHECK_EXITED(IN_CHILD({
                                      for (int i = 0; i < 16; i += 3) pages[i * PAGE] = 50;
                                      for (int i = 0; i < 16; i++)
                                          CHECK_EQ(pages[i * PAGE], i % 3 == 0 ? 50 : i % 2 == 0 ? 100 : i);
                                  }),
                                  0);
                     for (int i = 0; i < 16; i++) CHECK_EQ(pages[i * PAGE], i % 2 == 0 ? 100 : i);
                 }),
                 0);
    for (int i = 0; i < 16; i++) CHECK_EQ(pages[i * PAGE], i);

    section("a read-only page stays read-only after fork");
    CHECK_OK(mprotect(pages, PAGE, PROT_READ));
    CHECK_EXITED(IN_CHILD(CHECK_FAULT(WRITE(pages, 1), SIGSEGV, SEGV_ACCERR, pages)), 0);
    CHECK_FAULT(WRITE(pages, 1), SIGSEGV, SEGV_ACCERR, pages);

    section("the kernel's writes copy too");
    int p[2];
    CHECK_OK(pipe(p));
    CHECK_EQ(write(p[1], "abcd", 4), 4);
    CHECK_EXITED(IN_CHILD({
                     CHECK_EQ(read(p[0], pages + PAGE, 4), 4);
                     CHECK_EQ(pages[PAGE], 'a');
                 }),
                 0);
    CHECK_EQ(pages[PAGE], 1);
    return verdict();
}
