/*
 * The ways in which programs live, under the tracer: threads, children, execs, signals.  Each ends
 * as it does without, and all canaries are found in each search.
 */
#include "running.h"

#include <signal.h>
#include <sys/wait.h>

static int setup(void **state)
{
    const int failed = testing_setup(state);

    if (failed != 0)
        return failed;
    token_standard();
    running_configure(settings_standard());
    return 0;
}

/* Each run searches a process dozens of times; the quick form a third of them. */
static void each_third(struct run_settings *settings)
{
    settings->every = 3;
}

static void goes_well(const char *way, uint64_t calls)
{
    struct running run;

    run_target(&run, way, quick() ? each_third : NULL);
    if (run.end.status != 0 || run.report.calls < calls || run.wanted == 0)
        testing_failed(__FILE__, __LINE__,
                       text("%s: %s; %llu calls, found in %zu searches", way, run.end.text,
                            (unsigned long long)run.report.calls, run.wanted));
    check_canaries(&run);
    running_clear(&run);
}

#define WAY(name, way, calls)                                                                      \
    static void name(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        goes_well(way, calls);                                                                     \
    }
WAY(sixteen_threads_at_once, "threads", 32)
WAY(forked_children_are_followed, "children", 90)
WAY(a_spawned_program_is_followed, "spawn", 60)
WAY(another_program_in_its_place_is_followed, "exec", 60)
WAY(so_is_one_that_a_thread_executes, "exec-in-thread", 60)
WAY(the_first_thread_may_end, "first-thread-ends", 30)
WAY(signals_reach_the_program, "signals", 30)
WAY(blocked_signals_stay_blocked, "signals-blocked", 30)
WAY(it_may_be_stopped_and_continued, "stopped", 30)

static void how_it_ends_is_told(void **state)
{
    struct running run;

    (void)state;
    run_target(&run, "failing", NULL);
    CHECK(WIFEXITED(run.end.status) && WEXITSTATUS(run.end.status) == 7);
    CHECK_HAS(run.report.conditions[CONDITION_MOMENTS].reason, "exit status 7");
    check_canaries(&run);
    running_clear(&run);
}

static void which_signal_ended_it_is_told(void **state)
{
    struct running run;

    (void)state;
    run_target(&run, "killed", NULL);
    CHECK(WIFSIGNALED(run.end.status) && WTERMSIG(run.end.status) == SIGTERM);
    CHECK_HAS(run.report.conditions[CONDITION_MOMENTS].reason, "signal 15");
    running_clear(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sixteen_threads_at_once),
        cmocka_unit_test(forked_children_are_followed),
        cmocka_unit_test(a_spawned_program_is_followed),
        cmocka_unit_test(another_program_in_its_place_is_followed),
        cmocka_unit_test(so_is_one_that_a_thread_executes),
        cmocka_unit_test(the_first_thread_may_end),
        cmocka_unit_test(signals_reach_the_program),
        cmocka_unit_test(blocked_signals_stay_blocked),
        cmocka_unit_test(it_may_be_stopped_and_continued),
        cmocka_unit_test(how_it_ends_is_told),
        cmocka_unit_test(which_signal_ended_it_is_told),
    };

    /* All take minutes. */
    const struct CMUnitTest some[] = {
        cmocka_unit_test(so_is_one_that_a_thread_executes),
        cmocka_unit_test(how_it_ends_is_told),
    };

    if (quick())
        return cmocka_run_group_tests(some, setup, testing_teardown);
    return cmocka_run_group_tests(tests, setup, testing_teardown);
}
