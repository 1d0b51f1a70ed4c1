/*
 * What happens to messages in mid-stream when a session, the token, the process at the other end,
 * or the program itself goes away; and the table that says so.  Each operation is compared with
 * software.
 */
#include "survival.h"

#include "remote.h"

static int setup(void **state)
{
    if (testing_setup(state) != 0)
        return -1;
    table_setup(NULL);
    journeys_setup();
    return 0;
}

static int teardown(void **state)
{
    const bool right = table_print();

    return testing_teardown(state) == 0 && right ? 0 : -1;
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(session_lost),
        CHILD_TEST(token_gone),
        cmocka_unit_test(closed_in_the_end),
        CHILD_TEST(beyond_what_is_kept),
        cmocka_unit_test_teardown(server_restarted, remote_stop),
        CHILD_TEST(fork_in_mid_stream),
        CHILD_TEST(fork_beside_threads),
        CHILD_TEST(crowd),
        CHILD_TEST(exec_in_mid_stream),
        cmocka_unit_test(unloaded),
        cmocka_unit_test(cleaned_up),
    };
    const int status = after_exec(argc, argv);

    if (status >= 0)
        return status;
    return cmocka_run_group_tests(tests, setup, teardown);
}
