// syscalls: ftruncate truncate openat fallocate mmap
//
// mmap(2), ERRORS: SIGBUS for a page of a mapping past the end of its file, also one that was touched before.
// truncate(2): what is cut off is lost, and what is added reads as zeroes.
#include "memory/faults.h"
#include <pthread.h>

enum { PAGES = 4, MANY = 700 };

static int fd;
static char *private, *shared;

// A file of four pages of 'W', mapped both ways; the private mapping has copies of all but its first page.
static void fill(void) {
    memset(shared, 'W', PAGES * PAGE);
    for (int page = 1; page < PAGES; page++) private[page * PAGE] = 'P';
    CHECK_EQ(private[0], 'W');
}

static void check_gone(char *at) {
    CHECK_FAULT(READ(at), SIGBUS, BUS_ADRERR, at);
    CHECK_FAULT(WRITE(at, 1), SIGBUS, BUS_ADRERR, at);
}

static int read_signal(char *at) { return FAULT_OF(READ(at)); }

static void check_cut_to_one_page(void) {
    CHECK_EQ(shared[PAGE - 1], 'W');
    CHECK_EQ(private[PAGE - 1], 'W');
    for (int page = 1; page < PAGES; page++) {
        check_gone(shared + page * PAGE + 5);
        check_gone(private + page * PAGE);
    }
}

// Counts up in the page that is going to be cut off, until it is.
static void *count_up(void *word) {
    for (;;) (*(_Atomic int *)word)++;
    return NULL;
}

static void end_thread(int number) {
    (void)number;
    pthread_exit(NULL);
}

int main(void) {
    scratch();
    catch_faults();
    fd = MUST(open("file", O_RDWR | O_CREAT, 0644));
    CHECK_OK(ftruncate(fd, PAGES * PAGE));
    private = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    shared = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    MUST(private == MAP_FAILED || shared == MAP_FAILED ? -1 : 0);

    section("ftruncate takes pages away, and growing gives zeroes");
    fill();
    CHECK_OK(ftruncate(fd, PAGE));
    check_cut_to_one_page();
    CHECK_OK(ftruncate(fd, PAGES * PAGE));
    for (int page = 1; page < PAGES; page++) {
        CHECK_EQ(shared[page * PAGE], 0);
        CHECK_EQ(private[page * PAGE], 0);
    }
    section("truncate, by name");
    fill();
    CHECK_OK(truncate("file", 1));
    check_gone(shared + PAGE);
    check_gone(private + 3 * PAGE);
    CHECK_EQ(shared[0], 'W');
    CHECK_EQ(shared[1], 0);
    CHECK_OK(truncate("file", PAGES * PAGE));
    section("O_TRUNC");
    fill();
    CHECK_OK(close(MUST(open("file", O_WRONLY | O_TRUNC))));
    check_gone(shared);
    check_gone(private);
    check_gone(private + PAGE);
    section("a write makes the file longer again");
    CHECK_EQ(pwrite(fd, "x", 1, 2 * PAGE), 1);
    CHECK_EQ(shared[PAGE], 0);
    CHECK_EQ(shared[2 * PAGE], 'x');
    CHECK_EQ(private[2 * PAGE], 'x');
    check_gone(shared + 3 * PAGE);

    section("the rest of the last page");
    CHECK_OK(ftruncate(fd, PAGE));
    memset(shared, 'W', PAGE);
    CHECK_OK(ftruncate(fd, 10));
    CHECK_EQ(shared[9], 'W');
    for (int at = 10; at < PAGE; at += 511) CHECK_EQ(shared[at], 0);
    // Nor is what a mapping stores there.
    shared[16] = 'S';
    CHECK_OK(ftruncate(fd, PAGE));
    CHECK_EQ(shared[16], 0);

    section("moved, and mapped from further on");
    CHECK_OK(ftruncate(fd, PAGES * PAGE));
    fill();
    char *room = map_anonymous(PAGES * PAGE, PROT_NONE);
    char *moved = mremap(shared + 2 * PAGE, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, room);
    CHECK(moved == room);
    char *late = mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, fd, PAGE);
    CHECK_EQ(moved[0], 'W');
    CHECK_EQ(late[PAGE], 'W');
    CHECK_OK(ftruncate(fd, 2 * PAGE));
    check_gone(moved);
    check_gone(moved + PAGE);
    CHECK_EQ(late[0], 'W');
    CHECK_FAULT(READ(late + PAGE), SIGBUS, BUS_ADRERR, late + PAGE);
    CHECK_OK(munmap(late, 2 * PAGE));
    CHECK(mremap(moved, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, shared + 2 * PAGE) == shared + 2 * PAGE);

    section("in other processes");
    CHECK_OK(ftruncate(fd, PAGES * PAGE));
    fill();
    int there[2], back[2];
    CHECK_OK(pipe(there));
    CHECK_OK(pipe(back));
    pid_t child = MUST(fork());
    if (child == 0) {
        char byte;
        CHECK_EQ(private[PAGE], 'P');
        CHECK_EQ(shared[PAGE], 'W');
        private[2 * PAGE] = 'C';
        CHECK_EQ(write(back[1], "", 1), 1);
        CHECK_EQ(read(there[0], &byte, 1), 1);
        check_cut_to_one_page();
        _exit(check_failures != 0);
    }
    char byte;
    CHECK_EQ(read(back[0], &byte, 1), 1);
    CHECK_OK(ftruncate(fd, PAGE));
    check_cut_to_one_page();
    CHECK_EQ(write(there[1], "", 1), 1);
    CHECK_EXITED(wait_status(child), 0);

    section("under a running thread");
    for (int round = 0; round < 20; round++) {
        CHECK_OK(ftruncate(fd, 2 * PAGE));
        signal(SIGBUS, end_thread);
        pthread_t counter;
        CHECK_ZERO(pthread_create(&counter, NULL, count_up, shared + PAGE));
        while (*(volatile int *)(shared + PAGE) == 0) sched_yield();
        CHECK_OK(ftruncate(fd, PAGE));
        CHECK_ZERO(pthread_join(counter, NULL));
        CHECK_OK(ftruncate(fd, 2 * PAGE));
        CHECK_EQ(shared[PAGE], 0);
    }
    catch_faults();

    section("a large file");
    char *large = mmap(NULL, MANY * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK_OK(ftruncate(fd, MANY * PAGE));
    for (int page = 0; page < MANY; page++) large[page * PAGE] = 'L';
    CHECK_OK(ftruncate(fd, 3 * PAGE));
    CHECK_EQ(large[2 * PAGE], 'L');
    for (int page = 3; page < MANY; page++) CHECK_EQ(read_signal(large + page * PAGE), SIGBUS);
    CHECK_OK(ftruncate(fd, MANY * PAGE));
    for (int page = 3; page < MANY; page++) CHECK_EQ(large[page * PAGE], 0);

    section("a hole is punched");
    memset(large, 'H', PAGES * PAGE);
    private[PAGE] = 'P';
    CHECK_OK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, PAGE - 10, PAGE + 20));
    CHECK_EQ(large[PAGE - 11], 'H');
    CHECK_EQ(large[PAGE - 10], 0);
    CHECK_EQ(large[PAGE], 0);
    CHECK_EQ(large[2 * PAGE + 9], 0);
    CHECK_EQ(large[2 * PAGE + 10], 'H');
    CHECK_EQ(private[PAGE], 'P');
    large[PAGE] = 'N';
    CHECK_EQ(pread(fd, &byte, 1, PAGE), 1);
    CHECK_EQ(byte, 'N');
    return verdict();
}
