// syscalls: clone
#include "check.h"
#include <pthread.h>

static __thread int initialised = 7, zeroed;
static __thread char aligned[64] __attribute__((aligned(64))) = "text";
static pthread_key_t key;
static atomic_int destroyed;

static void destroy(void *value) { destroyed += *(int *)value; }

static void *thread(void *argument) {
    int number = *(int *)argument;
    CHECK_EQ(initialised, 7);
    CHECK_EQ(zeroed, 0);
    CHECK_STR(aligned, "text");
    CHECK_EQ((uintptr_t)aligned % 64, 0);
    for (int i = 0; i < 1000; i++) {
        initialised = number * 1000 + i;
        zeroed = number;
        if (i % 100 == 0) sched_yield();
        if (initialised != number * 1000 + i || zeroed != number) CHECK_FAILED("  another thread's value");
    }
    pthread_setspecific(key, argument);
    return NULL;
}

int main(void) {
    section("thread-local storage");
    pthread_t threads[8];
    int numbers[8];
    CHECK_ZERO(pthread_key_create(&key, destroy));
    for (int i = 0; i < 8; i++) {
        numbers[i] = i + 1;
        CHECK_ZERO(pthread_create(&threads[i], NULL, thread, &numbers[i]));
    }
    for (int i = 0; i < 8; i++) CHECK_ZERO(pthread_join(threads[i], NULL));
    CHECK_EQ(initialised, 7);
    CHECK_EQ(zeroed, 0);
    CHECK_EQ(destroyed, 36);
    CHECK_EXITED(IN_CHILD(CHECK_EQ(initialised, 7)), 0);
    return verdict();
}
