/*
 * OpenSSL's error queue through the core's upcalls (error.[ch]): the upcalls are the test's own.
 */
#include "testing.h"

#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/proverr.h>

#include "error.h"

/* What the core was told. */
static struct {
    int entries, places, words;
    const OSSL_CORE_HANDLE *handle;
    uint32_t reason;
    int line;
    char file[60], function[60], text[600];
} told;

static void new_error(const OSSL_CORE_HANDLE *handle)
{
    told.entries++;
    told.handle = handle;
}

static void set_error_debug(const OSSL_CORE_HANDLE *handle, const char *file, int line,
                            const char *function)
{
    assert_int_equal(told.entries, told.places + 1);
    assert_ptr_equal(handle, told.handle);
    told.places++;
    told.line = line;
    snprintf(told.file, sizeof(told.file), "%s", file);
    snprintf(told.function, sizeof(told.function), "%s", function);
}

static void __attribute__((format(printf, 3, 0)))
vset_error(const OSSL_CORE_HANDLE *handle, uint32_t reason, const char *format, va_list arguments)
{
    assert_int_equal(told.entries, told.words + 1);
    assert_ptr_equal(handle, told.handle);
    told.words++;
    told.reason = reason;
    vsnprintf(told.text, sizeof(told.text), format, arguments);
}

static const OSSL_DISPATCH upcalls[] = {
    { OSSL_FUNC_CORE_VSET_ERROR, (void (*)(void))vset_error },
    { OSSL_FUNC_CORE_SET_ERROR_DEBUG, (void (*)(void))set_error_debug },
    { 9999, NULL }, /* of a later OpenSSL */
    { OSSL_FUNC_CORE_NEW_ERROR, (void (*)(void))new_error },
    { 0, NULL },
};

static const char handle_memory;
#define HANDLE ((const OSSL_CORE_HANDLE *)(const void *)&handle_memory)

static void raised(void **state)
{
    struct errors errors;
    struct failure why;

    (void)state;
    memset(&told, 0, sizeof(told));
    errors_init(&errors, HANDLE, upcalls);
    failure_set(&why, FAILURE_KEY_NOT_FOUND, "no key '%s'", "100%s%n");
    assert_int_equal(error_raise(&errors, &why), 0);
    assert_int_equal(told.words, 1);
    assert_ptr_equal(told.handle, HANDLE);
    assert_int_equal(told.reason, FAILURE_KEY_NOT_FOUND);
    assert_string_equal(told.text, "no key '100%s%n'");
    assert_string_equal(told.function, "raised");
    assert_int_not_equal(told.line, 0);
    CHECK_HAS(told.file, "test-error.c");
}

/* Under OpenSSL's own library number and reason, as the default provider raises them. */
static void raised_as_openssl(void **state)
{
    struct errors errors;

    (void)state;
    memset(&told, 0, sizeof(told));
    errors_init(&errors, HANDLE, upcalls);
    assert_int_equal(error_raise_prov(&errors, PROV_R_BAD_DECRYPT, "%s %d", "AES-256-CBC", 7), 0);
    assert_int_equal(told.words, 1);
    assert_int_equal(ERR_GET_LIB((unsigned long)told.reason), ERR_LIB_PROV);
    assert_int_equal(ERR_GET_REASON((unsigned long)told.reason), PROV_R_BAD_DECRYPT);
    assert_string_equal(told.text, "AES-256-CBC 7");
}

/* A core without these upcalls: the failure stays one, without words. */
static void no_upcalls(void **state)
{
    static const OSSL_DISPATCH none[] = { { 0, NULL } };
    static const OSSL_DISPATCH without_place[] = {
        { OSSL_FUNC_CORE_NEW_ERROR, (void (*)(void))new_error },
        { OSSL_FUNC_CORE_VSET_ERROR, (void (*)(void))vset_error },
        { 0, NULL },
    };
    struct errors errors;
    struct failure why;

    (void)state;
    memset(&told, 0, sizeof(told));
    failure_memory(&why);
    errors_init(&errors, HANDLE, none);
    assert_int_equal(error_raise(&errors, &why), 0);
    assert_int_equal(told.entries, 0);
    errors_init(&errors, HANDLE, without_place);
    assert_int_equal(error_raise(&errors, &why), 0);
    assert_int_equal(told.words, 1);
    assert_int_equal(told.places, 0);
}

static void every_reason_has_a_text(void **state)
{
    const OSSL_ITEM *items = errors_reason_strings();
    unsigned int count = 0;

    (void)state;
    for (; items[count].id != 0; count++) {
        assert_int_equal(items[count].id, count + 1);
        assert_non_null(items[count].ptr);
        assert_true(strlen(items[count].ptr) > 5);
        for (unsigned int i = 0; i < count; i++)
            assert_string_not_equal(items[count].ptr, items[i].ptr);
    }
    assert_int_equal(count, FAILURE_POLICY); /* the last reason */
    assert_null(items[count].ptr);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(raised),
        cmocka_unit_test(raised_as_openssl),
        cmocka_unit_test(no_upcalls),
        cmocka_unit_test(every_reason_has_a_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
