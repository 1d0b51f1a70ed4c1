/* Sealed messages (pkey/seal.[ch]): the published header, and headers that are not taken. */
#include "testing.h"

#include <string.h>

#include "pkey/seal.h"

#define IDENTITY "aes:0186c59652fb7e7f"

static void header_is(const char *identity, const char *expected)
{
    unsigned char header[SEAL_AAD], wanted[SEAL_AAD];

    seal_write(header, identity);
    assert_int_equal(unhex(expected, wanted, sizeof(wanted)), SEAL_AAD);
    assert_memory_equal(header, wanted, SEAL_AAD);
}

static void published_headers(void **state)
{
    (void)state;
    header_is(IDENTITY, "48534d5a4b450d0a"
                        "01010100"
                        "0186c59652fb7e7f");
    header_is("cmac:fcc1e843365c97ed", "48534d5a4b450d0a"
                                       "01010200"
                                       "fcc1e843365c97ed");
    header_is("unknown", "48534d5a4b450d0a"
                         "01010000"
                         "0000000000000000");
    header_is("", "48534d5a4b450d0a"
                  "01010000"
                  "0000000000000000");
    header_is("aes:", "48534d5a4b450d0a"
                      "01010000"
                      "0000000000000000");
}

static void any_byte_changed(void **state)
{
    unsigned char sealed[SEAL_MORE] = { 0 };
    struct failure why;

    (void)state;
    seal_write(sealed, IDENTITY);
    for (size_t i = 0; i < SEAL_AAD; i++) {
        for (unsigned int bits = 1; bits < 256; bits++) {
            sealed[i] ^= (unsigned char)bits;
            /* "unknown" fits any key; the tag decides. */
            if (i == 10 && sealed[i] == 0)
                assert_true(seal_check(sealed, sizeof(sealed), IDENTITY, &why));
            else
                assert_false(seal_check(sealed, sizeof(sealed), IDENTITY, &why));
            sealed[i] ^= (unsigned char)bits;
        }
    }
    assert_true(seal_check(sealed, sizeof(sealed), IDENTITY, &why));
    assert_true(seal_check(sealed, sizeof(sealed), "unknown", &why));
}

static void sizes(void **state)
{
    unsigned char sealed[SEAL_MORE] = { 0 };
    struct failure why;

    (void)state;
    seal_write(sealed, IDENTITY);
    for (size_t size = 0; size < SEAL_MORE; size++)
        assert_false(seal_check(sealed, size, IDENTITY, &why));
    assert_true(seal_check(sealed, (size_t)SEAL_MORE + SEAL_MOST, IDENTITY, &why));
    assert_false(seal_check(sealed, (size_t)SEAL_MORE + SEAL_MOST + 1, IDENTITY, &why));
    CHECK_HAS(why.text, "too long");
    /* What `pkeyutl` cuts off is more than is taken. */
    assert_true((size_t)10 * SEAL_ANNOUNCED > (size_t)SEAL_MORE + SEAL_MOST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_headers),
        cmocka_unit_test(any_byte_changed),
        cmocka_unit_test(sizes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
