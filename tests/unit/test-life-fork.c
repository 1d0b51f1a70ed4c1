/*
 * fork() beside calls into a module (life.c): it waits until they are over, so that a child finds
 * nobody inside; and it does not wait for ever.
 */
#include "testing.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "pkcs11/life.h"

enum { THREADS = 4 };

static atomic_int inside;
static atomic_bool enough, may_leave;

static int start(void **state)
{
    (void)state;
    return life_start() && life_wait_at_fork() && life_wait_at_fork() ? 0 : -1;
}

static void *calls(void *nothing)
{
    while (!enough) {
        if (!life_enter())
            break;
        inside++;
        usleep(100);
        inside--;
        life_leave(0);
    }
    return nothing;
}

/* Children leave at once: what the parent's other threads had is lost in them, which is no leak. */
static void nobody_is_inside(void *nothing)
{
    (void)nothing;
    CHECK(inside == 0);
    CHECK(life_enter() && !life_leave(0));
    _exit(0);
}

static void calls_are_over(void **state)
{
    pthread_t threads[THREADS];

    (void)state;
    enough = false;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, calls, NULL), 0);
    for (int i = 0; i < 100; i++)
        assert_int_equal(run_child(nobody_is_inside, NULL), 0);
    enough = true;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
}

static void *does_not_return(void *nothing)
{
    assert_true(life_enter());
    inside++;
    while (!may_leave)
        usleep(1000);
    inside--;
    life_leave(0);
    return nothing;
}

static void calls_that_others_began(void *nothing)
{
    (void)nothing;
    CHECK(inside == 1); /* a copy of what the parent had */
    CHECK(life_enter() && !life_leave(0));
    _exit(0);
}

static void a_call_that_does_not_return(void **state)
{
    pthread_t thread;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, does_not_return, NULL), 0);
    while (inside == 0)
        usleep(1000);
    assert_int_equal(run_child(calls_that_others_began, NULL), 0);
    assert_true(life_enter()); /* and the parent goes on */
    life_leave(0);
    may_leave = true;
    assert_int_equal(pthread_join(thread, NULL), 0);
}

/* Who forks in a call does not wait for itself, nor for what it calls then. */
static void forks_in_a_call(void **state)
{
    (void)state;
    assert_true(life_enter());
    assert_int_equal(run_child(nobody_is_inside, NULL), 0);
    life_leave(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_are_over),
        cmocka_unit_test(a_call_that_does_not_return),
        cmocka_unit_test(forks_in_a_call),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}
