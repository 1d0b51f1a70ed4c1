/*
 * Whether a library, or one that came with it, can connect (libraries.c), on three small ones.
 */
#include "testing.h"

#include <dlfcn.h>
#include <stdlib.h>

#include "pkcs11/libraries.h"

static bool connects(const char *variable, void **address)
{
    struct libraries *before = libraries_now();
    void *library = dlopen(testing_path(variable), RTLD_NOW | RTLD_LOCAL);
    bool answer;

    assert_non_null(library);
    *address = dlsym(library, "entry");
    assert_non_null(*address);
    answer = libraries_connect(before, *address);
    libraries_free(before);
    return answer;
}

static void each(void **state)
{
    void *address;

    (void)state;
    assert_false(connects("LIBRARY_COMPUTES", &address));
    assert_true(connects("LIBRARY_BRINGS", &address)); /* the one that connects, which is new */
    assert_true(connects("LIBRARY_CONNECTS", &address));
}

/* The program had loaded it: what came with it is not known. */
static void was_there(void **state)
{
    void *address;

    (void)state;
    connects("LIBRARY_COMPUTES", &address);
    assert_true(connects("LIBRARY_COMPUTES", &address));
    assert_true(libraries_connect(NULL, address));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(each), cmocka_unit_test(was_there) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
