/*
 * SIGPIPE is kept from the program (pipe-signal.c, life.c): what is written to nobody is an error,
 * and a signal of the program's own stays what it was.
 */
#include "testing.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "pipe-signal.h"
#include "pkcs11/life.h"

static int broken; /* the end of a pipe whose reader is gone */

static int setup(void **state)
{
    int ends[2];

    (void)state;
    signal(SIGPIPE, SIG_DFL);
    if (!life_start() || pipe(ends) != 0)
        return -1;
    broken = ends[1];
    return close(ends[0]);
}

static void write_to_nobody(void)
{
    assert_int_equal(write(broken, "x", 1), -1);
    assert_int_equal(errno, EPIPE);
}

static bool is_pending(void)
{
    sigset_t pending;

    assert_int_equal(sigpending(&pending), 0);
    return sigismember(&pending, SIGPIPE) == 1;
}

static bool blocks(int how)
{
    sigset_t set, before;

    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    assert_int_equal(pthread_sigmask(how, &set, &before), 0);
    return sigismember(&before, SIGPIPE) == 1;
}

static void hold_write_release(void)
{
    struct pipe_signal before;

    pipe_signal_hold(&before);
    write_to_nobody();
    errno = EDOM;
    pipe_signal_release(&before);
    assert_int_equal(errno, EDOM);
}

/* It would end this program. */
static void default_action(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        hold_write_release();
    assert_false(is_pending());
    assert_false(blocks(SIG_BLOCK)); /* the mask is as it was */
    blocks(SIG_UNBLOCK);
}

static void blocked_by_the_program(void **state)
{
    (void)state;
    blocks(SIG_BLOCK);
    hold_write_release();
    assert_false(is_pending());
    assert_int_equal(raise(SIGPIPE), 0); /* the program's own: it waits */
    hold_write_release();
    assert_true(is_pending());
    signal(SIGPIPE, SIG_IGN); /* drops it */
    assert_true(blocks(SIG_UNBLOCK));
    signal(SIGPIPE, SIG_DFL);
}

/* Where a module is there that can connect, in each call and in none that it makes by itself. */
static void calls(void **state)
{
    (void)state;
    life_connects(true);
    assert_true(life_enter());
    write_to_nobody();
    assert_true(life_enter());
    write_to_nobody();
    life_leave(0);
    write_to_nobody();
    life_leave(0);
    assert_false(is_pending());
    assert_true(life_enter());
    life_connects(false);
    write_to_nobody();
    life_leave(0); /* what was begun is ended */
    assert_false(is_pending());
    assert_false(blocks(SIG_BLOCK));
    blocks(SIG_UNBLOCK);
    assert_true(life_enter());
    assert_false(blocks(SIG_BLOCK)); /* no such module: nothing is done */
    blocks(SIG_UNBLOCK);
    life_leave(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(default_action),
        cmocka_unit_test(blocked_by_the_program),
        cmocka_unit_test(calls),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
