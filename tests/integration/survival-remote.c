/*
 * The process at the other end dies in mid-stream: p11-kit's server, killed and started again.  The
 * programs have SIGPIPE as it is by default, which would end them; or they count it, and it never
 * comes.
 */
#include "survival.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "remote.h"

static void script(const char *what)
{
    const char *tool = testing_path("HSMZKE_TEST_REMOTE_HSM"), *output;

    if (run_shell(text("%s %s", tool, what), &output) != 0)
        testing_failed(__FILE__, __LINE__, output);
}

static void kill_server(void)
{
    script(text("kill '%s'", remote_directory()));
}

static void restart_server(void)
{
    script(text("restart '%s' '%s'", remote_directory(), testing_path("HSMZKE_TEST_BUILD_ROOT")));
}

static const char *const losses[] = { "CKR_", "token '", "PKCS#11 module '" };

static void tried_while_down(struct journey *journey)
{
    const char *words;

    if (journey_step(journey))
        return;
    words = error_text();
    for (size_t i = 0; i < sizeof(losses) / sizeof(losses[0]); i++) {
        if (strstr(words, losses[i]) != NULL)
            return;
    }
    testing_failed(__FILE__, __LINE__, text("words about the loss, not: %s", words));
}

/* All kinds at once; while the server is away nobody calls, or some do. */
static void all_kinds(enum event event, enum size size)
{
    static struct journey journeys[KINDS];
    OSSL_LIB_CTX *context = context_with(settings_standard(), NULL);

    for (size_t i = 0; i < KINDS; i++) {
        journeys[i] = journey_of(i, size);
        CHECK(journey_begin(&journeys[i], context));
    }
    kill_server();
    for (size_t i = 0; i < KINDS && event == EVENT_DOWN; i += quick() ? 7 : 3)
        tried_while_down(&journeys[i]);
    restart_server();
    for (size_t i = 0; i < KINDS; i++)
        journey_count(&journeys[i], event);
    CHECK(ERR_peek_error() == 0);
    OSSL_LIB_CTX_free(context);
}

static void restarted(void *size)
{
    all_kinds(EVENT_RESTART, *(enum size *)size);
}

static void down(void *size)
{
    all_kinds(EVENT_DOWN, *(enum size *)size);
}

/* C_Finalize says goodbye. */
static void exits_while_down(void *nothing)
{
    OSSL_LIB_CTX *context = context_with(settings_standard(), NULL);

    (void)nothing;
    CHECK(name_works(context, "AES-256-CBC", "gold", GOLD_KEY) == 1);
    kill_server();
    OSSL_LIB_CTX_free(context);
}

static volatile sig_atomic_t came;

static void count_signal(int number)
{
    (void)number;
    came = came + 1;
}

static void lose_it(OSSL_LIB_CTX *context)
{
    for (int i = 0; i < (quick() ? 1 : 2); i++) {
        CHECK(name_works(context, "AES-256-CBC", "gold", GOLD_KEY) == 1);
        kill_server();
        name_refused(context, "AES-256-CTR", "gold");
        restart_server();
        CHECK(name_works(context, "AES-256-CTR", "gold", GOLD_KEY) == 1);
    }
}

/* A program's own SIGPIPE, which waits because it has blocked it, is still there after. */
static void signals_of_the_program(void *nothing)
{
    OSSL_LIB_CTX *context = context_with(settings_standard(), NULL);
    sigset_t set, before, pending;

    (void)nothing;
    signal(SIGPIPE, count_signal);
    lose_it(context);
    CHECK(came == 0);
    CHECK(raise(SIGPIPE) == 0 && came == 1);
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    CHECK(pthread_sigmask(SIG_BLOCK, &set, &before) == 0 && !sigismember(&before, SIGPIPE));
    lose_it(context);
    CHECK(sigpending(&pending) == 0 && !sigismember(&pending, SIGPIPE));
    CHECK(raise(SIGPIPE) == 0);
    lose_it(context);
    CHECK(sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE));
    CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0 && came == 2);
    OSSL_LIB_CTX_free(context);
}

static void start_server(void)
{
    if (!remote_start()) {
        table_skipped(EVENT_RESTART, "there is no p11-kit 0.25 or newer");
        table_skipped(EVENT_DOWN, "there is no p11-kit 0.25 or newer");
        skip();
    }
    token_init("prod", USER_PIN);
    token_import("prod", USER_PIN, "gold " GOLD_KEY " id=" GOLD_ID "\nsilver " SILVER_KEY "\n");
}

static void with_remote(void *function)
{
    OSSL_LIB_CTX *context = context_with(settings_standard(), NULL);

    (*(void (**)(OSSL_LIB_CTX *))function)(context);
    OSSL_LIB_CTX_free(context);
}

void server_restarted(void **state)
{
    static void (*const events[])(void *) = { restarted, down };
    void (*others[])(OSSL_LIB_CTX *) = { fork_with, exec_with };
    bool good = true;

    (void)state;
    start_server();
    for (size_t i = 0; i < (quick() ? 2 : 4); i++) {
        enum size size = i / 2 == 0 ? SIZE_SMALL : SIZE_LARGE;

        good &=
            table_child(i % 2 == 0 ? EVENT_RESTART : EVENT_DOWN, run_child(events[i % 2], &size));
    }
    good &= table_child(EVENT_DOWN, run_child(exits_while_down, NULL));
    restart_server();
    good &= table_child(EVENT_DOWN, run_child(signals_of_the_program, NULL));
    good &= table_child(EVENT_FORK_PARENT, run_child(with_remote, &others[0]));
    good &= table_child(EVENT_EXEC, run_child(with_remote, &others[1]));
    CHECK(good);
}
