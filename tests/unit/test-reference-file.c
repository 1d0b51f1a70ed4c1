/*
 * Reference files (pkey/file.[ch]): written and read back, against bytes that openssl's own
 * asn1parse reads, and against what is damaged, cut, longer, or somebody else's.
 */
#include "testing.h"

#include <string.h>

#include "pkey/file.h"

#define BY_ID "hsmzke:AAECAwQFBgcICQoLDA0ODxARo"
#define IDENTITY "aes:0186c59652fb7e7f"

/* PrivateKeyInfo up to the octet string, by hand: ITU-T X.690. */
#define HEAD                                                                                       \
    "020100301606146982"                                                                           \
    "91c1bee2f3e4daaec588859fb0b392d1ea50"

static size_t write(const char *reference, const char *identity, unsigned char der[FILE_MOST])
{
    struct file file = { 0 };

    strcpy(file.reference, reference);
    strcpy(file.identity, identity);
    return file_write(&file, der);
}

static bool reads_for(enum hsm_family family, const unsigned char *der, size_t size,
                      struct file *file)
{
    /* A copy of its own size, so that valgrind and sanitizers see what is read beyond it. */
    unsigned char *copy = test_malloc(size > 0 ? size : 1);
    struct failure why;
    bool result;

    memcpy(copy, der, size);
    result = file_is_ours(copy, size, family) && file_read(file, family, copy, size, &why);
    test_free(copy);
    return result;
}

static bool reads(const unsigned char *der, size_t size, struct file *file)
{
    return reads_for(HSM_AES, der, size, file);
}

/* A file for a secret is another key's to AES, and the other way round. */
static void families(void **state)
{
    static const char hmac[] = "302f"
                               "0201003016061469"
                               "828df1e791a48d9288d787afdc87dfe6f2a379"
                               "0412"
                               "3010"
                               "020101"
                               "0c0b"
                               "68736d7a6b653a676f6c64";
    struct file file = { .family = HSM_SECRET, .reference = "hsmzke:gold" };
    unsigned char der[FILE_MOST], expected[FILE_MOST];
    const size_t size = unhex(hmac, expected, sizeof(expected));

    (void)state;
    assert_int_equal(file_write(&file, der), size);
    assert_memory_equal(der, expected, size);
    assert_false(reads(der, size, &file));
    assert_true(reads_for(HSM_SECRET, der, size, &file) && file.family == HSM_SECRET);
    assert_string_equal(file.reference, "hsmzke:gold");
    assert_false(reads_for(HSM_SECRET, der, write("hsmzke:gold", "", der), &file));
}

static void there_and_back(void **state)
{
    static const char *const references[] = { "hsmzke:g", "hsmzke:twenty-four-characters.x",
                                              BY_ID };
    static const char *const identities[] = { "", IDENTITY, "cmac:fcc1e843365c97ed" };
    unsigned char der[FILE_MOST];
    struct file file;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        for (size_t j = 0; j < 3; j++) {
            const size_t size = write(references[i], identities[j], der);

            CHECK(size <= FILE_MOST && reads(der, size, &file));
            assert_string_equal(file.reference, references[i]);
            assert_string_equal(file.identity, identities[j]);
        }
    }
}

static void the_published_form(void **state)
{
    unsigned char der[FILE_MOST], expected[FILE_MOST];
    const size_t size = unhex("302f" HEAD "0412"
                              "3010"
                              "020101"
                              "0c0b"
                              "68736d7a6b653a676f6c64",
                              expected, sizeof(expected));

    (void)state;
    assert_int_equal(write("hsmzke:gold", "", der), size);
    assert_memory_equal(der, expected, size);
}

/* Shorter, longer, and each byte changed: an error, or another well-formed file. */
static void damaged_files(void **state)
{
    unsigned char der[FILE_MOST + 1], again[FILE_MOST];
    const size_t size = write(BY_ID, IDENTITY, der);
    unsigned int other = 0;
    struct file file;

    (void)state;
    for (size_t cut = 0; cut < size; cut++)
        CHECK(!reads(der, cut, &file));
    der[size] = 0;
    CHECK(!reads(der, size + 1, &file));
    for (size_t i = 0; i < size; i++) {
        for (unsigned int bits = 1; bits < 256; bits++) {
            der[i] ^= (unsigned char)bits;
            if (reads(der, size, &file)) {
                CHECK(write(file.reference, file.identity, again) == size);
                assert_memory_equal(again, der, size);
                other++;
            }
            der[i] ^= (unsigned char)bits;
        }
    }
    /* The check character catches each in the reference; what the identity is, is not looked at. */
    assert_int_equal(other, strlen(IDENTITY) * 254);
}

static void other_versions(void **state)
{
    unsigned char der[FILE_MOST];
    struct failure why;
    struct file file;
    size_t size = write("hsmzke:gold", "", der);

    (void)state;
    der[35] = 2; /* HsmzkeReference's version */
    assert_false(file_read(&file, HSM_AES, der, size, &why));
    CHECK_HAS(why.text, "version 2");
    size = write("gold", "", der);
    assert_false(file_read(&file, HSM_AES, der, size, &why));
}

static void other_peoples_files(void **state)
{
    static const char ed25519[] = "302e020100300506032b657004220420d4ee72dbf913584ad5b6d8f1f769f8ad"
                                  "3afe7c28cbf1d4fbe097a88f4475"
                                  "5842";
    unsigned char der[64];
    const size_t size = unhex(ed25519, der, sizeof(der));

    (void)state;
    for (size_t cut = 0; cut <= size; cut++)
        assert_false(file_is_ours(der, cut, HSM_AES));
}

/* Random bytes, and random changes of a good file: nothing is read that is not there. */
static void random_bytes(void **state)
{
    struct prng prng = { prng_seed() };
    unsigned char der[2 * FILE_MOST];
    struct file file;

    (void)state;
    for (unsigned long job = jobs_to_run(200000, 20000); job > 0; job--) {
        size_t size = write(BY_ID, IDENTITY, der);

        for (size_t changes = prng_upto(&prng, 4); changes > 0; changes--)
            der[prng_upto(&prng, size - 1)] = (unsigned char)prng_next(&prng);
        size = prng_one_in(&prng, 4) ? prng_upto(&prng, size) : size;
        if (reads(der, size, &file))
            CHECK(strlen(file.reference) <= HSMZKE_REFERENCE_SIZE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(the_published_form),
        cmocka_unit_test(damaged_files),
        cmocka_unit_test(other_versions),
        cmocka_unit_test(other_peoples_files),
        cmocka_unit_test(random_bytes),
        cmocka_unit_test(families),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
