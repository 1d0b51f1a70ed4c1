/*
 * A process that may make no thread, as HAProxy's workers: keys work all the same.
 */
#include "testing.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include <openssl/err.h>

static unsigned tried;

/* In the place of libc's, for all that is in this process. */
int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*function)(void *),
                   void *argument)
{
    (void)thread, (void)attributes, (void)function, (void)argument;
    tried++;
    return EAGAIN;
}

static void keys_work(void)
{
    OSSL_LIB_CTX *context;

    token_standard();
    context = context_with(settings_standard(), NULL);
    CHECK(name_works(context, "AES-256-CBC", "gold", GOLD_KEY) == 1);
    CHECK(tried > 0 && ERR_peek_error() == 0);
    CHECK_HAS(name_refused(context, "AES-256-CBC", "absent"), "'absent'");
    OSSL_LIB_CTX_free(context);
}

/* `parallel` asks for threads, and does without. */
static void large_requests_work(void)
{
    const size_t size = 1024 * 1024;
    unsigned char key[32], reference[32], *in = keep(size), *theirs = keep(size + 32);
    struct message message = {
        .cipher = "AES-256-CTR", .iv = key, .encrypt = 1, .in = in, .size = size, .out = theirs
    };
    OSSL_LIB_CTX *context;

    token_standard();
    unhex(GOLD_KEY, key, sizeof(key));
    reference_by_name(reference, "gold");
    message.key = key;
    CHECK(message_run(context_default(), &message) == 1);
    context = context_with(text("%sparallel = 4\n", settings_standard()), NULL);
    message.key = reference;
    message.out = keep(size + 32);
    CHECK(message_run(context, &message) == 1 && tried > 1);
    CHECK(message.out_size == size && memcmp(message.out, theirs, size) == 0);
    OSSL_LIB_CTX_free(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = { CHILD_TEST(keys_work), CHILD_TEST(large_requests_work) };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
