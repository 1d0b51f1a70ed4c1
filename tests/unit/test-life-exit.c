/*
 * The end of a process with a module (pkcs11/life.[ch]): the gate closes, calls in flight are
 * waited for, then the modules are closed.  Each test is a child that calls exit().
 */
#include "testing.h"

#include <openssl/crypto.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "pkcs11/cryptoki.h"
#include "pkcs11/hsm.h"

/* How a child ended. */
enum ending {
    NONE,
    NOT_FINALIZED,
    FINALIZED,
    TOO_EARLY, /* finalized with a call in flight */
    GATE_OPEN, /* a call was let in while the process ended */
};

static volatile enum ending *ending; /* in memory that children share with the test */

/* Not _exit(): a leak checker would put its own status there, for what libcrypto keeps for threads
 * that are in flight. */
static void __attribute__((noreturn)) end(enum ending how)
{
    *ending = how;
    for (;;)
        kill(getpid(), SIGKILL);
}

static enum ending ending_of(void (*function)(void *), void *argument)
{
    *ending = NONE;
    return run_child(function, argument) == 128 + SIGKILL ? *ending : NONE;
}

static int share_memory(void **state)
{
    (void)state;
    ending = mmap(NULL, sizeof(*ending), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return ending != MAP_FAILED ? 0 : -1;
}

static atomic_bool in_flight;
static bool finalized;
static pid_t finalizer;

static double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void pause_for(long milliseconds)
{
    const struct timespec pause = { .tv_sec = milliseconds / 1000,
                                    .tv_nsec = milliseconds % 1000 * 1000000 };

    nanosleep(&pause, NULL);
}

static void finalize(void)
{
    if (atomic_load(&in_flight))
        end(TOO_EARLY);
    if (life_enter())
        end(GATE_OPEN);
    finalized = true;
    finalizer = getpid();
}

static CK_RV not_to_be_called(CK_SESSION_HANDLE handle)
{
    (void)handle;
    end(GATE_OPEN);
}

/* Registered before the provider's handler, so it runs after it. */
static void at_the_end(void)
{
    CK_FUNCTION_LIST functions = { .C_CloseSession = not_to_be_called };

    if (CALL(&functions, C_CloseSession(1)) != CKR_HSMZKE_EXITING)
        end(GATE_OPEN);
    end(finalized && finalizer == getpid() ? FINALIZED : NOT_FINALIZED);
}

static void register_handlers(void)
{
    CHECK(atexit(at_the_end) == 0);
    CHECK(life_start());
    CHECK(life_at_exit(finalize));
}

static void *call_for(void *milliseconds)
{
    CHECK(life_enter());
    atomic_store(&in_flight, true);
    pause_for(*(const long *)milliseconds);
    atomic_store(&in_flight, false);
    life_leave(0);
    return NULL;
}

static void start_call(const long *milliseconds)
{
    static long argument;
    pthread_t thread;

    argument = *milliseconds;
    CHECK(pthread_create(&thread, NULL, call_for, &argument) == 0);
    CHECK(pthread_detach(thread) == 0);
    while (!atomic_load(&in_flight))
        pause_for(1);
}

static void idle(void *argument)
{
    (void)argument;
    register_handlers();
    CHECK(life_enter());
    life_leave(0);
    exit(0);
}

static void closed_at_exit(void **state)
{
    (void)state;
    assert_int_equal(ending_of(idle, NULL), FINALIZED);
}

/* A program that ends OpenSSL before itself. */
static void clean_up(void *argument)
{
    (void)argument;
    CHECK(OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CRYPTO_STRINGS, NULL) == 1);
    register_handlers();
    OPENSSL_cleanup();
    end(finalized && !life_enter() ? FINALIZED : NOT_FINALIZED);
}

static void closed_before_openssl_ends(void **state)
{
    (void)state;
    if (OPENSSL_version_major() >= 4) {
        puts("OpenSSL 4.0 tells nobody before it takes itself apart");
        skip();
    }
    assert_int_equal(ending_of(clean_up, NULL), FINALIZED);
}

static void busy(void *milliseconds)
{
    register_handlers();
    start_call(milliseconds);
    exit(0);
}

static void calls_are_waited_for(void **state)
{
    long milliseconds = 300;

    (void)state;
    assert_int_equal(ending_of(busy, &milliseconds), FINALIZED);
}

/* A call that hangs holds the exit up for a while, not for good, and nothing is closed under it. */
static void but_not_for_ever(void **state)
{
    long milliseconds = 60000;
    const double before = seconds();

    (void)state;
    assert_int_equal(ending_of(busy, &milliseconds), NOT_FINALIZED);
    assert_true(seconds() - before > 1);
    assert_true(seconds() - before < 30);
}

static void exits_inside(void *argument)
{
    (void)argument;
    register_handlers();
    CHECK(life_enter());
    exit(0);
}

/* exit() by a callback of the module: its own call never returns, and is not waited for. */
static void exit_inside_a_call(void **state)
{
    const double before = seconds();

    (void)state;
    assert_int_equal(ending_of(exits_inside, NULL), NOT_FINALIZED);
    assert_true(seconds() - before < 1.5);
}

static void exits_inside_while_busy(void *milliseconds)
{
    register_handlers();
    start_call(milliseconds);
    CHECK(life_enter());
    exit(0);
}

static void exit_inside_a_call_waits_for_others(void **state)
{
    long milliseconds = 300;

    (void)state;
    assert_int_equal(ending_of(exits_inside_while_busy, &milliseconds), NOT_FINALIZED);
}

static void exits_after_fork(void *argument)
{
    (void)argument;
    atomic_store(&in_flight, false); /* that thread is the parent's */
    exit(0);
}

/* In a child the parent's other threads are not there, and so are not waited for. */
static void forks_while_busy(void *argument)
{
    const long milliseconds = 10000;
    const double before = seconds();

    (void)argument;
    register_handlers();
    start_call(&milliseconds);
    if (ending_of(exits_after_fork, NULL) == FINALIZED && seconds() - before < 1.5)
        end(FINALIZED);
    end(NONE);
}

static void children_do_not_wait_for_parents_calls(void **state)
{
    (void)state;
    assert_int_equal(ending_of(forks_while_busy, NULL), FINALIZED);
}

/* No module was ever initialised: there is nothing to close. */
static void only_started(void *argument)
{
    (void)argument;
    CHECK(life_start());
    exit(0);
}

static void nothing_to_close(void **state)
{
    (void)state;
    assert_int_equal(run_child(only_started, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(closed_at_exit),
        cmocka_unit_test(closed_before_openssl_ends),
        cmocka_unit_test(calls_are_waited_for),
        cmocka_unit_test(but_not_for_ever),
        cmocka_unit_test(exit_inside_a_call),
        cmocka_unit_test(exit_inside_a_call_waits_for_others),
        cmocka_unit_test(children_do_not_wait_for_parents_calls),
        cmocka_unit_test(nothing_to_close),
    };

    /* As in a program: libcrypto is there first, so its clean-up at exit comes last. */
    if (OPENSSL_init_crypto(0, NULL) != 1)
        return 1;
    return cmocka_run_group_tests(tests, share_memory, NULL);
}
