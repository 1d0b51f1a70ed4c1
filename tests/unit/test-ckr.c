/*
 * A module's return values (pkcs11/ckr.c): names, words, and what they mean for another try.  The
 * numbers are those of the PKCS#11 specification, not of the header that the provider includes.
 */
#include "testing.h"

#include <stdio.h>
#include <string.h>

#include "pkcs11/cryptoki.h"

static const struct {
    CK_RV rv;
    const char *name;
} published[] = {
    { 0x000, "CKR_OK" },
    { 0x002, "CKR_HOST_MEMORY" },
    { 0x003, "CKR_SLOT_ID_INVALID" },
    { 0x005, "CKR_GENERAL_ERROR" },
    { 0x006, "CKR_FUNCTION_FAILED" },
    { 0x007, "CKR_ARGUMENTS_BAD" },
    { 0x020, "CKR_DATA_INVALID" },
    { 0x021, "CKR_DATA_LEN_RANGE" },
    { 0x030, "CKR_DEVICE_ERROR" },
    { 0x032, "CKR_DEVICE_REMOVED" },
    { 0x054, "CKR_FUNCTION_NOT_SUPPORTED" },
    { 0x060, "CKR_KEY_HANDLE_INVALID" },
    { 0x062, "CKR_KEY_SIZE_RANGE" },
    { 0x063, "CKR_KEY_TYPE_INCONSISTENT" },
    { 0x068, "CKR_KEY_FUNCTION_NOT_PERMITTED" },
    { 0x070, "CKR_MECHANISM_INVALID" },
    { 0x071, "CKR_MECHANISM_PARAM_INVALID" },
    { 0x082, "CKR_OBJECT_HANDLE_INVALID" },
    { 0x090, "CKR_OPERATION_ACTIVE" },
    { 0x091, "CKR_OPERATION_NOT_INITIALIZED" },
    { 0x0a0, "CKR_PIN_INCORRECT" },
    { 0x0a1, "CKR_PIN_INVALID" },
    { 0x0a2, "CKR_PIN_LEN_RANGE" },
    { 0x0a3, "CKR_PIN_EXPIRED" },
    { 0x0a4, "CKR_PIN_LOCKED" },
    { 0x0b0, "CKR_SESSION_CLOSED" },
    { 0x0b1, "CKR_SESSION_COUNT" },
    { 0x0b3, "CKR_SESSION_HANDLE_INVALID" },
    { 0x0e0, "CKR_TOKEN_NOT_PRESENT" },
    { 0x0e1, "CKR_TOKEN_NOT_RECOGNIZED" },
    { 0x100, "CKR_USER_ALREADY_LOGGED_IN" },
    { 0x101, "CKR_USER_NOT_LOGGED_IN" },
    { 0x102, "CKR_USER_PIN_NOT_INITIALIZED" },
    { 0x150, "CKR_BUFFER_TOO_SMALL" },
    { 0x190, "CKR_CRYPTOKI_NOT_INITIALIZED" },
    { 0x191, "CKR_CRYPTOKI_ALREADY_INITIALIZED" },
};

enum { PUBLISHED = sizeof(published) / sizeof(published[0]) };

static void names(void **state)
{
    (void)state;
    for (size_t i = 0; i < PUBLISHED; i++)
        assert_string_equal(ckr_name(published[i].rv), published[i].name);
}

static void names_of_unknown_values(void **state)
{
    (void)state;
    assert_string_equal(ckr_name(0x80001234UL), "0x80001234");
    assert_string_equal(ckr_name(0x4UL), "0x4");
    assert_string_equal(ckr_name(~0UL), "0xffffffffffffffff");
}

/* No two values have one name, and each name is one of a value. */
static void names_differ(void **state)
{
    char seen[0x280][48];
    size_t named = 0;

    (void)state;
    for (CK_RV rv = 0; rv < 0x280; rv++) {
        const char *name = ckr_name(rv);

        snprintf(seen[rv], sizeof(seen[rv]), "%s", name);
        named += strncmp(name, "CKR_", 4) == 0 ? 1 : 0;
        for (CK_RV other = 0; other < rv; other++)
            assert_string_not_equal(seen[rv], seen[other]);
    }
    assert_true(named > PUBLISHED);
}

/* A person is told something about each failure, and not "CKR_" but words. */
static void words(void **state)
{
    (void)state;
    for (CK_RV rv = 1; rv < 0x280; rv++) {
        assert_non_null(ckr_words(rv));
        if (strlen(ckr_words(rv)) < 3)
            fail_msg("there are no words for %s", ckr_name(rv));
        assert_null(strstr(ckr_words(rv), "CKR_"));
    }
    assert_non_null(ckr_words(0));
}

static void words_of_our_own(void **state)
{
    (void)state;
    assert_string_equal(ckr_words(0xa0),
                        "the PIN was not accepted; correct it and start the program anew");
    CHECK_HAS(ckr_words(0xa4), "security officer");
    CHECK_HAS(ckr_words(0x101), "pin-source");
    CHECK_HAS(ckr_words(0xb1), "sessions");
    assert_non_null(ckr_words(0x80001234UL));
}

static void failures(void **state)
{
    struct failure why;

    (void)state;
    assert_false(ckr_failure(&why, FAILURE_PIN, 0xa0, "token '%s'", "prod"));
    assert_int_equal(why.reason, FAILURE_PIN);
    assert_string_equal(why.text, "token 'prod': the PIN was not accepted; correct it and start "
                                  "the program anew (CKR_PIN_INCORRECT)");
    assert_false(ckr_failure(&why, FAILURE_OPERATION, 0x80001234UL, "C_%s", "Encrypt"));
    assert_int_equal(why.reason, FAILURE_OPERATION);
    CHECK_HAS(why.text, "C_Encrypt: ");
    CHECK_HAS(why.text, " (0x80001234)");
}

/* Our own answers have words and no name, and the end of the process a reason of its own. */
static void failures_of_our_own(void **state)
{
    struct failure why;

    (void)state;
    assert_false(ckr_failure(&why, FAILURE_OPERATION, CKR_HSMZKE_EXITING, "key"));
    assert_int_equal(why.reason, FAILURE_EXITING);
    assert_string_equal(why.text, "key: the process is exiting");
    assert_false(ckr_failure(&why, FAILURE_OPERATION, CKR_HSMZKE_BUFFERED, "key"));
    assert_int_equal(why.reason, FAILURE_OPERATION);
    assert_null(strstr(why.text, "0x"));
    CHECK_HAS(why.text, "length");
}

static void long_places(void **state)
{
    struct failure why;
    char place[1000];

    (void)state;
    memset(place, '%', sizeof(place) - 1);
    place[sizeof(place) - 1] = '\0';
    assert_false(ckr_failure(&why, FAILURE_TOKEN, 0x30, "%s", place));
    assert_true(strlen(why.text) < sizeof(why.text));
    CHECK_HAS(why.text, "(CKR_DEVICE_ERROR)");
}

static bool is_one_of(CK_RV rv, const CK_RV *list)
{
    while (*list != 0 && *list != rv)
        list++;
    return *list != 0;
}

/* What is answered by building everything up again, by finding the key again, and not at all. */
static void meanings(void **state)
{
    static const CK_RV lost[] = { 0x003, 0x005, 0x006, 0x030, 0x032, 0x0b0,
                                  0x0b3, 0x0e0, 0x0e1, 0x101, 0x190, 0 };
    static const CK_RV gone[] = { 0x060, 0x082, 0 };
    static const CK_RV never[] = { 0x054, 0x062, 0x063, 0x068, 0x070, 0x071, 0 };

    (void)state;
    for (CK_RV rv = 0; rv < 0x280; rv++) {
        assert_int_equal(ckr_connection_lost(rv), is_one_of(rv, lost));
        assert_int_equal(ckr_key_gone(rv), is_one_of(rv, gone));
        assert_int_equal(ckr_refusal(rv), is_one_of(rv, never));
    }
    assert_true(ckr_refusal(CKR_HSMZKE_EXITING));
    assert_true(ckr_refusal(CKR_HSMZKE_TOLD));
    assert_false(ckr_refusal(CKR_HSMZKE_BUFFERED));
    assert_false(ckr_connection_lost(CKR_HSMZKE_EXITING));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(names_of_unknown_values),
        cmocka_unit_test(names_differ),
        cmocka_unit_test(words),
        cmocka_unit_test(words_of_our_own),
        cmocka_unit_test(failures),
        cmocka_unit_test(failures_of_our_own),
        cmocka_unit_test(long_places),
        cmocka_unit_test(meanings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
