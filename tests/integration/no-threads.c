/*
 * A process that may make no thread, as HAProxy's workers: keys work all the same.
 */
#include "testing.h"

#include <errno.h>
#include <pthread.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = { CHILD_TEST(keys_work) };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
