/*
 * An HA group of two tokens, each behind a p11-kit server of its own, that are killed: in the
 * middle of messages, and under the load of four threads.  All that comes out is compared with
 * software under the same key.
 */
#include "ha.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { THREADS = 4, TOKENS = 2 };

static const char *const names[TOKENS] = { "a", "b" };
static const char *servers[TOKENS], *addresses[TOKENS], *client, *log_file, *usual_module;
static OSSL_LIB_CTX *context;

/* ---- the servers ---- */

static int script(const char *command, size_t token, const char *build, const char **output)
{
    return run_shell(text("%s %s '%s/server-%s' %s", testing_path("HSMZKE_TEST_REMOTE_HSM"),
                          command, work_dir(), names[token], build),
                     output);
}

static void do_script(const char *command, size_t token)
{
    const char *output, *build = text("'%s'", testing_path("HSMZKE_TEST_BUILD_ROOT"));

    if (script(command, token, strcmp(command, "restart") == 0 ? build : "", &output) != 0)
        testing_failed(__FILE__, __LINE__, text("%s: %s", command, output));
}

/* The value of a shell variable that `start` sets. */
static const char *variable(const char *lines, const char *name)
{
    const char *output;

    CHECK(run_shell(text("%s\nprintf %%s \"$%s\"", lines, name), &output) == 0);
    CHECK(*output != '\0');
    return output;
}

static void make_token(size_t token)
{
    setenv("P11_KIT_SERVER_ADDRESS", addresses[token], 1);
    setenv("HSMZKE_TEST_PKCS11_MODULE", client, 1);
    token_init(names[token], USER_PIN);
    token_import(names[token], USER_PIN, "gold " GOLD_KEY " id=" GOLD_ID "\n");
}

/* @return false: there is no p11-kit that can */
static bool start(size_t token)
{
    const char *output;
    const int status =
        script("start", token, text("'%s'", testing_path("HSMZKE_TEST_BUILD_ROOT")), &output);

    if (status == 77) {
        printf("%s", output);
        return false;
    }
    if (status != 0)
        testing_failed(__FILE__, __LINE__, output);
    servers[token] = names[token];
    addresses[token] = variable(output, "P11_KIT_SERVER_ADDRESS");
    client = variable(output, "HSMZKE_PKCS11_MODULE");
    make_token(token);
    return true;
}

/* The second token's client is another one, with the other server's address. */
static void connect_both(void)
{
    size_t size;
    const unsigned char *bytes = read_file(client, &size);

    CHECK(bytes != NULL);
    setenv("HSMZKE_SECOND_CLIENT", write_file("second-client.so", bytes, size), 1);
    setenv("HSMZKE_SECOND_ADDRESS", addresses[1], 1);
    setenv("P11_KIT_SERVER_ADDRESS", addresses[0], 1);
    log_file = text("%s/ha.log", work_dir());
    context = context_with(settings_for(client, text("token.1 = pkcs11:token=a\n"
                                                     "token.2 = pkcs11:token=b?module-path=%s\n"
                                                     "pin-source = %s\naudit = file:%s\n",
                                                     testing_path("HSMZKE_TEST_SECOND_CLIENT"),
                                                     pin_file(USER_PIN "\n"), log_file)),
                           NULL);
}

static int set_up(void **state)
{
    testing_setup(state);
    signal(SIGPIPE, SIG_IGN);
    /* Another user's server has to get at its directory in there. */
    CHECK(chmod(testing_path("HSMZKE_TEST_WORKDIR"), 0711) == 0 && chmod(work_dir(), 0711) == 0);
    usual_module = text("%s", testing_path("HSMZKE_TEST_PKCS11_MODULE"));
    if (start(0) && start(1))
        connect_both();
    return 0;
}

static int tear_down(void **state)
{
    const char *output;

    setenv("HSMZKE_TEST_PKCS11_MODULE", usual_module, 1);
    for (size_t token = 0; token < TOKENS; token++) {
        if (servers[token] != NULL)
            script("stop", token, "", &output);
    }
    return testing_teardown(state);
}

/* ---- what they did ---- */

/* Operations of a token that went well, in the audit log from `*from` on, which is brought up to
 * its last whole line. */
static unsigned long done_by(size_t token, long *from)
{
    const char *its = text("\"event\":\"operation\",\"token\":\"%s\"", names[token]);
    FILE *file = fopen(log_file, "r");
    unsigned long count = 0;
    char line[4096];

    CHECK(file != NULL && fseek(file, *from, SEEK_SET) == 0);
    while (fgets(line, sizeof(line), file) != NULL && strchr(line, '\n') != NULL) {
        count += strstr(line, its) != NULL && strstr(line, "\"result\":\"CKR_OK\"") != NULL;
        *from = ftell(file);
    }
    fclose(file);
    return count;
}

/* ---- in the middle of messages ---- */

static size_t alive; /* which of the two is */

/* The one that was dead comes back, the other dies. */
static void change_over(void)
{
    do_script("restart", 1 - alive);
    do_script("kill", alive);
    alive = 1 - alive;
}

static void in_mid_message(void **state)
{
    unsigned done = 0;
    long from = 0;

    (void)state;
    if (context == NULL)
        skip();
    for (size_t kind = 0; kind < ha_kinds(); kind++)
        CHECK(ha_message(context, kind, 4096, NULL) == 1);
    do_script("kill", 1);
    alive = 0;
    for (size_t kind = 0; kind < ha_kinds(); kind++) {
        /* Quick: a spliced chain, and a stream in the HSM. */
        if (quick() && strcmp("CBC", ha_kind(kind)) != 0 &&
            strcmp("GCM in pieces", ha_kind(kind)) != 0)
            continue;
        const int result = ha_message(context, kind, 60000, change_over);

        if (result != 1)
            testing_failed(
                __FILE__, __LINE__,
                text("%s: %s", ha_kind(kind), result < 0 ? "wrong bytes" : error_text()));
        done++;
    }
    do_script("restart", 1 - alive);
    printf("table: ha: %u messages moved over between all of their updates, 0 errors, 0 wrong; %lu "
           "operations on token a\n",
           done, done_by(0, &from));
}

/* ---- under load ---- */

static atomic_ulong messages, errors, wrong;
static atomic_bool enough;

static void *load(void *argument)
{
    struct prng prng = { *(const uint64_t *)argument };

    while (!atomic_load(&enough)) {
        const size_t size = prng_one_in(&prng, 50) ? 200000 : 48 + prng_upto(&prng, 4000);
        const size_t kind = prng_upto(&prng, ha_kinds() - 1);
        const int result = ha_message(context, kind, size, NULL);

        if (result == 0)
            fprintf(stderr, "%s: %s\n", ha_kind(kind), error_text());
        atomic_fetch_add(result < 0 ? &wrong : result == 0 ? &errors : &messages, 1);
    }
    return NULL;
}

static void wait_for(unsigned long more)
{
    const unsigned long until = atomic_load(&messages) + more;

    while (atomic_load(&messages) < until && atomic_load(&errors) == 0 && atomic_load(&wrong) == 0)
        usleep(10000);
}

/* Token b serves again; as long as it takes. */
static void wait_for_b(void)
{
    long from = 0;

    done_by(1, &from);
    while (done_by(1, &from) == 0 && atomic_load(&errors) == 0)
        usleep(200000);
}

static void under_load(void **state)
{
    const unsigned long phase = quick() ? 50 : 600;
    uint64_t seeds[THREADS], seed;
    pthread_t threads[THREADS];
    unsigned long a, b;
    long from_a = 0, from_b = 0;

    (void)state;
    if (context == NULL)
        skip();
    seed = prng_seed();
    done_by(0, &from_a);
    done_by(1, &from_b);
    for (size_t i = 0; i < THREADS; i++) {
        seeds[i] = seed + i;
        CHECK(pthread_create(&threads[i], NULL, load, &seeds[i]) == 0);
    }
    wait_for_b();
    wait_for(phase);
    do_script("kill", 1);
    wait_for(phase);
    do_script("restart", 1);
    wait_for_b();
    wait_for(phase);
    atomic_store(&enough, true);
    for (size_t i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    a = done_by(0, &from_a);
    b = done_by(1, &from_b);
    printf("table: ha: %lu messages, %lu operations, %lu on token a, %lu on token b, 1 killed and "
           "restarted, %lu errors, %lu wrong\n",
           atomic_load(&messages), a + b, a, b, atomic_load(&errors), atomic_load(&wrong));
    assert_int_equal(atomic_load(&errors), 0);
    assert_int_equal(atomic_load(&wrong), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_mid_message),
        cmocka_unit_test(under_load),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
