/*
 * Life and death around a module (pkcs11/life.[ch]), while the process lives: the depth guard, the
 * error queue, the lock and its sleepers, and forked children.  test-life-exit.c has its end.
 */
#include "testing.h"

#include <openssl/err.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "pkcs11/cryptoki.h"
#include "pkcs11/hsm.h"

static void pause_for(long milliseconds)
{
    const struct timespec pause = { .tv_sec = milliseconds / 1000,
                                    .tv_nsec = milliseconds % 1000 * 1000000 };

    nanosleep(&pause, NULL);
}

static struct timespec in_milliseconds(long milliseconds)
{
    struct timespec result;

    clock_gettime(CLOCK_MONOTONIC, &result);
    result.tv_nsec += milliseconds * 1000000;
    result.tv_sec += result.tv_nsec / 1000000000;
    result.tv_nsec %= 1000000000;
    return result;
}

static int start(void **state)
{
    (void)state;
    return life_start() && life_start() ? 0 : -1; /* any number of times */
}

static void *inside_in_another_thread(void *argument)
{
    (void)argument;
    return hsm_inside_module() ? "yes" : NULL;
}

static void depth(void **state)
{
    pthread_t thread;
    void *answer;

    (void)state;
    assert_false(hsm_inside_module());
    assert_true(life_enter());
    assert_true(hsm_inside_module());
    assert_true(life_enter());
    assert_int_equal(life_leave(7), 7);
    assert_true(hsm_inside_module());
    assert_int_equal(pthread_create(&thread, NULL, inside_in_another_thread, NULL), 0);
    assert_int_equal(pthread_join(thread, &answer), 0);
    assert_null(answer); /* it is each thread's own */
    assert_int_equal(life_leave(~0UL), ~0UL);
    assert_false(hsm_inside_module());
}

static bool module_saw_depth;

static CK_RV close_session(CK_SESSION_HANDLE handle)
{
    module_saw_depth = hsm_inside_module();
    return handle + 1;
}

static void calls(void **state)
{
    CK_FUNCTION_LIST functions = { .C_CloseSession = close_session };

    (void)state;
    assert_int_equal(CALL(&functions, C_CloseSession(0x41)), 0x42);
    assert_true(module_saw_depth);
    assert_false(hsm_inside_module());
}

/* What a module leaves on the error queue is taken off; what was there before stays. */
static void error_queue(void **state)
{
    (void)state;
    ERR_clear_error();
    ERR_raise(ERR_LIB_USER, 1);
    assert_true(life_enter());
    ERR_raise(ERR_LIB_USER, 2);
    assert_true(life_enter());
    ERR_raise(ERR_LIB_USER, 3);
    life_leave(0);
    assert_int_equal(ERR_GET_REASON(ERR_peek_last_error()), 2);
    life_leave(0);
    assert_int_equal(ERR_GET_REASON(ERR_get_error()), 1);
    assert_int_equal(ERR_get_error(), 0);
}

/* Our mark does not touch those that the program has set. */
static void marks_of_the_program(void **state)
{
    (void)state;
    ERR_clear_error();
    ERR_raise(ERR_LIB_USER, 1);
    ERR_set_mark();
    ERR_raise(ERR_LIB_USER, 2);
    assert_true(life_enter());
    ERR_raise(ERR_LIB_USER, 3);
    life_leave(0);
    assert_int_equal(ERR_GET_REASON(ERR_peek_last_error()), 2);
    assert_int_equal(ERR_pop_to_mark(), 1);
    assert_int_equal(ERR_GET_REASON(ERR_get_error()), 1);
    assert_int_equal(ERR_get_error(), 0);
}

static void deadlines(void **state)
{
    struct timespec deadline = in_milliseconds(100), now;

    (void)state;
    life_lock();
    while (life_wait(&deadline))
        ;
    life_unlock();
    clock_gettime(CLOCK_MONOTONIC, &now);
    assert_true(now.tv_sec > deadline.tv_sec ||
                (now.tv_sec == deadline.tv_sec && now.tv_nsec >= deadline.tv_nsec));
    life_lock();
    assert_false(life_wait(&deadline)); /* has passed */
    life_unlock();
}

/* Under the lock. */
static int waiting;
static bool go;

static void *wait_for_go(void *forever)
{
    const struct timespec deadline = in_milliseconds(20000);

    life_lock();
    waiting++;
    while (!go && life_wait(forever != NULL ? NULL : &deadline))
        ;
    waiting--;
    life_unlock();
    return NULL;
}

static void wait_until_waiting(int threads)
{
    for (;;) {
        int count;

        life_lock();
        count = waiting;
        life_unlock();
        if (count == threads)
            return;
        pause_for(1);
    }
}

static void wake_all(void)
{
    life_lock();
    go = true;
    life_wake();
    life_unlock();
}

static void all_are_woken(void **state)
{
    const struct timespec before = in_milliseconds(0);
    struct timespec after;
    pthread_t threads[3];

    (void)state;
    go = false;
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, wait_for_go, i == 0 ? &go : NULL), 0);
    wait_until_waiting(3);
    wake_all();
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    after = in_milliseconds(0);
    assert_true(after.tv_sec - before.tv_sec < 15);
}

static unsigned long parents_generation;

static void check_grandchild(void *childs_generation)
{
    CHECK(life_generation() != parents_generation);
    CHECK(life_generation() != *(unsigned long *)childs_generation);
}

static void check_child(void *argument)
{
    unsigned long mine = life_generation();

    (void)argument;
    CHECK(mine != parents_generation);
    CHECK(life_generation() == mine);
    CHECK(run_child(check_grandchild, &mine) == 0);
    CHECK(life_generation() == mine);
}

static void generations(void **state)
{
    (void)state;
    parents_generation = life_generation();
    assert_int_equal(run_child(check_child, NULL), 0);
    assert_int_equal(life_generation(), parents_generation);
}

static atomic_bool lock_is_held;
static int guarded[2]; /* under the lock both are the same */

static void *hold_lock(void *argument)
{
    (void)argument;
    life_lock();
    guarded[0]++;
    atomic_store(&lock_is_held, true);
    pause_for(100);
    guarded[1]++;
    life_unlock();
    return NULL;
}

/* A lock that stayed taken would hold the child for good. */
static void use_lock(void *argument)
{
    const struct timespec deadline = in_milliseconds(20);

    (void)argument;
    alarm(20);
    for (int i = 0; i < 3; i++) {
        life_lock();
        CHECK(guarded[0] == guarded[1]);
        life_wake();
        CHECK(i > 0 || !life_wait(&deadline));
        life_unlock();
    }
}

static void fork_while_lock_is_held(void **state)
{
    pthread_t thread;

    (void)state;
    atomic_store(&lock_is_held, false);
    assert_int_equal(pthread_create(&thread, NULL, hold_lock, NULL), 0);
    while (!atomic_load(&lock_is_held))
        pause_for(1);
    assert_int_equal(run_child(use_lock, NULL), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    life_lock();
    assert_int_equal(guarded[0], 1);
    life_unlock();
}

/* Sleepers of the parent are not there in the child, whose own are woken, again and again. */
static void wake_in_child(void *argument)
{
    pthread_t thread;

    (void)argument;
    alarm(20);
    for (int i = 0; i < 5; i++) {
        life_lock();
        waiting = 0;
        go = false;
        life_unlock();
        CHECK(pthread_create(&thread, NULL, wait_for_go, &go) == 0);
        wait_until_waiting(1);
        wake_all();
        CHECK(pthread_join(thread, NULL) == 0);
    }
}

static void fork_while_others_sleep(void **state)
{
    pthread_t threads[2];

    (void)state;
    go = false;
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, wait_for_go, NULL), 0);
    wait_until_waiting(2);
    assert_int_equal(run_child(wake_in_child, NULL), 0);
    assert_false(go);
    wake_all();
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
}

static void is_inside(void *argument)
{
    (void)argument;
    CHECK(hsm_inside_module());
    CHECK(life_enter());
    life_leave(0);
    life_leave(0);
    CHECK(!hsm_inside_module());
}

/* A module may fork, or a callback of its. */
static void fork_inside_a_module(void **state)
{
    (void)state;
    assert_true(life_enter());
    assert_int_equal(run_child(is_inside, NULL), 0);
    assert_true(hsm_inside_module());
    life_leave(0);
    assert_false(hsm_inside_module());
}

static void clock_runs(void **state)
{
    struct timespec now;

    (void)state;
    clock_gettime(CLOCK_MONOTONIC, &now);
    assert_true(life_now() >= now.tv_sec - 1 && life_now() <= now.tv_sec + 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(depth),
        cmocka_unit_test(calls),
        cmocka_unit_test(error_queue),
        cmocka_unit_test(marks_of_the_program),
        cmocka_unit_test(deadlines),

        cmocka_unit_test(all_are_woken),
        cmocka_unit_test(generations),
        cmocka_unit_test(fork_while_lock_is_held),
        cmocka_unit_test(fork_while_others_sleep),
        cmocka_unit_test(fork_inside_a_module),
        cmocka_unit_test(clock_runs),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}
