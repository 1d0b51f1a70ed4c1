/*
 * An HSM that is slow, that hangs in a call, and whose remote dies: what others do goes on, what
 * cannot be served is refused, and when it is back all goes on.
 */
#include "midstream.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>

static const char *const ciphers[] = { "AES-256-CBC", "AES-256-CTR", "AES-256-GCM" };

static OSSL_LIB_CTX *context;

static void start(const char *lines)
{
    token_standard();
    spy_setup(NULL, NULL);
    context = context_with(text("%s%s", settings_spied(), lines), NULL);
}

static struct midstream *begin(unsigned way)
{
    struct midstream *mid = mid_begin(context, "gold", GOLD_KEY, ciphers[way / 2], way % 2 == 0);

    CHECK(mid != NULL);
    return mid;
}

/* ---- slow ---- */

static void slow_and_uneven(void)
{
    start("");
    spy_tell("delay C_OpenSession:1+:20; jitter *:1+:3");
    for (unsigned way = 0; way < 6; way++)
        mid_finish(begin(way));
    CHECK(spy_injected() > 0);
    OSSL_LIB_CTX_free(context);
}

/* ---- one call hangs ---- */

static void *hang(void *mid)
{
    return mid_piece(mid, false) == 1 ? mid : NULL;
}

static void wait_until_it_hangs(void)
{
    while (spy_stalls() == 0)
        usleep(1000);
}

/* Others have sessions of their own.  The call that hung is right when it comes back. */
static void others_go_on(void)
{
    struct midstream *stuck, *other;
    pthread_t thread;
    void *result;

    start("");
    stuck = begin(0);
    CHECK(mid_piece(stuck, false) == 1 && mid_piece(stuck, false) == 1);
    other = begin(0);
    spy_file("stall C_EncryptUpdate:1");
    spy_tell("");
    CHECK(pthread_create(&thread, NULL, hang, stuck) == 0);
    wait_until_it_hangs();
    mid_finish(other);
    for (unsigned way = 0; way < 6; way++)
        mid_finish(begin(way));
    spy_file(NULL);
    CHECK(pthread_join(thread, &result) == 0 && result == stuck);
    mid_finish(stuck);
    OSSL_LIB_CTX_free(context);
}

/* With one session there is none for others, and they are told after `session-wait`. */
static void no_session_is_left(void)
{
    struct midstream *stuck, *other;
    pthread_t thread;
    void *result;

    start("sessions = 1\nsession-wait = 20\n");
    stuck = begin(0);
    CHECK(mid_piece(stuck, false) == 1 && mid_piece(stuck, false) == 1);
    other = begin(1);
    spy_file("stall C_EncryptUpdate:1");
    spy_tell("");
    CHECK(pthread_create(&thread, NULL, hang, stuck) == 0);
    wait_until_it_hangs();
    CHECK(mid_piece(other, false) == 0);
    CHECK_HAS(error_text(), "session-wait");
    spy_file(NULL);
    CHECK(pthread_join(thread, &result) == 0 && result == stuck);
    mid_finish(stuck);
    mid_finish(other);
    OSSL_LIB_CTX_free(context);
}

/* ---- the remote dies ---- */

static void dies_and_comes_back(void)
{
    start("");
    for (unsigned way = 0; way < 6; way++) {
        struct midstream *mid = begin(way);

        CHECK(mid_piece(mid, false) == 1 && mid_piece(mid, true) == 1);
        spy_tell("die *:1");
        CHECK(mid_piece(mid, false) == 0);
        CHECK_HAS(error_text(), "CKR_DEVICE_ERROR");
        CHECK(mid_piece(mid, true) == 0);
        CHECK_HAS(error_text(), "CKR_DEVICE_ERROR");
        CHECK_HAS(name_refused(context, "AES-256-ECB", "silver"), "CKR_DEVICE_ERROR");
        spy_tell("");
        mid_finish(mid);
    }
    OSSL_LIB_CTX_free(context);
}

static void sigpipe_ignored(void)
{
    signal(SIGPIPE, SIG_IGN);
    dies_and_comes_back();
}

static void sigpipe_blocked(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    CHECK(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
    dies_and_comes_back();
}

/* ---- a module that was started, or ended, by halves ---- */

/* It is ours all the same: it is started anew when its remote died and is back. */
static void is_ours(struct midstream *mid)
{
    signal(SIGPIPE, SIG_IGN);
    spy_tell("die *:1");
    CHECK(mid_piece(mid, false) == 0 && *error_text() != '\0');
    spy_tell("");
    mid_finish(mid);
    OSSL_LIB_CTX_free(context);
}

/* libp11's C_Initialize fails after our own went well. */
static void ours_after_half_a_start(void)
{
    struct midstream *mid;

    start("");
    spy_tell("fail C_Initialize:2:0x30");
    name_refused(context, "AES-256-CBC", "gold");
    CHECK(spy_injected() == 1);
    mid = begin(0);
    CHECK(mid_piece(mid, false) == 1);
    is_ours(mid);
}

/* C_Finalize fails where the module is to be started anew, as no token is to be seen. */
static void ours_after_half_an_end(void)
{
    struct midstream *mid;

    start("");
    mid = begin(0);
    CHECK(mid_piece(mid, false) == 1 && mid_piece(mid, false) == 1);
    spy_tell("remove *:1:12; fail C_Finalize:1:0x05");
    CHECK(mid_piece(mid, false) == 1);
    CHECK(spy_failures() == 1);
    is_ours(mid);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(slow_and_uneven),        CHILD_TEST(others_go_on),
        CHILD_TEST(no_session_is_left),     CHILD_TEST(sigpipe_ignored),
        CHILD_TEST(sigpipe_blocked),        CHILD_TEST(ours_after_half_a_start),
        CHILD_TEST(ours_after_half_an_end),
    };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
