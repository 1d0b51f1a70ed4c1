/*
 * GMAC's data and IVs over an HSM that is not there (hsm_gcm_once() is wrapped by the linker): what
 * is handed over, what is refused and when, and that nothing is lost by a failure.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "mac/data.h"

enum { MOST = 4000 };

enum hsm_answer __wrap_hsm_gcm_once(struct hsm_key *key, bool encrypt, const struct hsm_gcm *data,
                                    unsigned char *out, unsigned char tag[HSM_BLOCK],
                                    struct failure *why);
struct hsm_key *__wrap_hsm_key_ref(struct hsm_key *key);
void __wrap_hsm_key_free(struct hsm_key *key);

static const unsigned char iv[12] = "an IV of 12.", other_iv[1] = { 7 };
static char key_object[2];
static struct hsm_key *const key = (struct hsm_key *)key_object;
static struct hsm_key *const other_key = (struct hsm_key *)(key_object + 1);
static unsigned char bytes[MOST + 1];
static int owners; /* of both keys */
static unsigned calls;
static bool fails;
static struct failure why;

/* The "MAC": how long the data are, their last byte, the IV's first, and the key. */
static void make(unsigned char mac[HSM_BLOCK], const struct hsm_key *with, size_t size,
                 const unsigned char *with_iv)
{
    memset(mac, 0, HSM_BLOCK);
    memcpy(mac, &size, sizeof(size));
    mac[8] = size > 0 ? bytes[size - 1] : 0;
    mac[9] = with_iv[0];
    mac[10] = with == key;
}

enum hsm_answer __wrap_hsm_gcm_once(struct hsm_key *with, bool encrypt, const struct hsm_gcm *data,
                                    unsigned char *out, unsigned char tag[HSM_BLOCK],
                                    struct failure *reason)
{
    calls++;
    assert_true(encrypt && out == NULL && data->in == NULL && data->size == 0);
    assert_true((data->aad == NULL) == (data->aad_size == 0));
    if (data->aad_size > 0)
        assert_memory_equal(data->aad, bytes, data->aad_size);
    memset(tag, 0xff, HSM_BLOCK); /* also where it fails: it must not come out */
    if (fails) {
        failure_set(reason, FAILURE_OPERATION, "the HSM is not there");
        return HSM_FAILED;
    }
    make(tag, with, data->aad_size, data->iv);
    return HSM_DONE;
}

struct hsm_key *__wrap_hsm_key_ref(struct hsm_key *of)
{
    owners++;
    return of;
}

void __wrap_hsm_key_free(struct hsm_key *of)
{
    owners -= of != NULL;
}

static struct mac_data begin(size_t most)
{
    struct mac_data data;

    fails = false;
    calls = 0;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)(i % 251 + 1);
    mac_data_new(&data, &mac_encrypting, most);
    mac_data_key(&data, __wrap_hsm_key_ref(key), HSM_MACS);
    return data;
}

static bool update(struct mac_data *data, size_t from, size_t size)
{
    return mac_encrypting.update(data, bytes + from, size, &why);
}

static bool gives(struct mac_data *data, const struct hsm_key *with, size_t size,
                  const unsigned char *with_iv)
{
    unsigned char mac[HSM_BLOCK] = { 0 }, expected[HSM_BLOCK];

    make(expected, with, size, with_iv);
    return mac_encrypting.final(data, mac, &why) && memcmp(mac, expected, sizeof(mac)) == 0;
}

static void refuses(struct mac_data *data, const char *words)
{
    static const unsigned char blank[HSM_BLOCK];
    const unsigned before = calls;
    unsigned char mac[HSM_BLOCK] = { 0 };

    assert_false(update(data, 0, 1));
    assert_non_null(strstr(why.text, words));
    assert_false(mac_encrypting.final(data, mac, &why));
    assert_non_null(strstr(why.text, words));
    assert_memory_equal(mac, blank, sizeof(mac));
    assert_int_equal(calls, before);
    assert_true(update(data, 0, 0)); /* no data: in every state */
}

static void one_iv_one_mac(void **state)
{
    struct mac_data data = begin(MOST);

    (void)state;
    assert_int_equal(mac_encrypting.size(&data), 16);
    refuses(&data, "no IV was set");
    mac_data_iv(&data, iv, sizeof(iv));
    assert_true(update(&data, 0, 10) && update(&data, 10, 90));
    assert_true(gives(&data, key, 100, iv));
    refuses(&data, "the IV has served");
    mac_data_key(&data, __wrap_hsm_key_ref(other_key), HSM_MACS);
    refuses(&data, "the IV has served");
    mac_data_iv(&data, other_iv, sizeof(other_iv));
    assert_true(gives(&data, other_key, 0, other_iv));
    mac_data_iv(&data, other_iv, 0);
    refuses(&data, "no IV was set");
    assert_int_equal(calls, 2);
    mac_data_free(&data);
    assert_int_equal(owners, 0);
}

/* The IV can come before the key; data under it do not go on with another key. */
static void keys_change(void **state)
{
    struct mac_data data = begin(MOST);

    (void)state;
    mac_data_iv(&data, iv, sizeof(iv));
    mac_data_key(&data, __wrap_hsm_key_ref(other_key), HSM_MACS);
    assert_true(update(&data, 0, 5) && gives(&data, other_key, 5, iv));
    mac_data_iv(&data, iv, sizeof(iv));
    mac_data_drop_key(&data);
    mac_data_key(&data, __wrap_hsm_key_ref(key), HSM_MACS);
    assert_true(update(&data, 0, 5));
    mac_data_drop_key(&data);
    mac_data_key(&data, __wrap_hsm_key_ref(key), HSM_MACS);
    refuses(&data, "the IV has served");
    mac_data_iv(&data, iv, sizeof(iv));
    assert_true(update(&data, 0, 7) && gives(&data, key, 7, iv));
    mac_data_free(&data);
    assert_int_equal(owners, 0);
}

static void iv_begins_anew(void **state)
{
    struct mac_data data = begin(MOST);

    (void)state;
    mac_data_iv(&data, iv, sizeof(iv));
    assert_true(update(&data, 0, 10));
    mac_data_iv(&data, other_iv, sizeof(other_iv));
    assert_true(update(&data, 0, 3) && gives(&data, key, 3, other_iv));
    mac_data_free(&data);
    assert_int_equal(owners, 0);
}

static void reserved_iv(void **state)
{
    struct mac_data data = begin(MOST);

    (void)state;
    mac_data_iv(&data, (const unsigned char *)"hsmzke-id-v1", 12);
    refuses(&data, "reserved");
    mac_data_iv(&data, (const unsigned char *)"hsmzke-id-v1x", 13);
    assert_true(gives(&data, key, 0, (const unsigned char *)"h"));
    mac_data_free(&data);
    assert_int_equal(owners, 0);
}

/* At each length around the limit, in two pieces and in one. */
static void limit(void **state)
{
    static const size_t limits[] = { 0, 1, 100, 1024, MOST };

    (void)state;
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        const size_t most = limits[i];
        struct mac_data data = begin(most);

        mac_data_iv(&data, iv, sizeof(iv));
        assert_false(update(&data, 0, most + 1));
        assert_non_null(strstr(why.text, "gcm-buffer"));
        assert_false(update(&data, 0, SIZE_MAX));
        assert_true(update(&data, 0, most / 2));
        assert_false(update(&data, 0, most - most / 2 + 1));
        assert_true(update(&data, most / 2, most - most / 2));
        assert_false(update(&data, 0, 1));
        assert_true(gives(&data, key, most, iv));
        mac_data_free(&data);
    }
    assert_int_equal(owners, 0);
}

static void failure_loses_nothing(void **state)
{
    static const unsigned char blank[HSM_BLOCK];
    struct mac_data data = begin(MOST);
    unsigned char mac[HSM_BLOCK] = { 0 };

    (void)state;
    mac_data_iv(&data, iv, sizeof(iv));
    assert_true(update(&data, 0, 10));
    fails = true;
    for (int i = 0; i < 3; i++) {
        assert_false(mac_encrypting.final(&data, mac, &why));
        assert_non_null(strstr(why.text, "is not there"));
        assert_memory_equal(mac, blank, sizeof(mac));
    }
    fails = false;
    assert_true(update(&data, 10, 10) && gives(&data, key, 20, iv));
    mac_data_free(&data);
    assert_int_equal(owners, 0);
}

/* Copies go on by themselves; of what is given out the original knows only. */
static void copies(void **state)
{
    struct mac_data data = begin(MOST), first, second;

    (void)state;
    assert_true(mac_data_copy(&first, &data, &why));
    refuses(&first, "no IV was set");
    mac_data_free(&first);
    mac_data_iv(&data, iv, sizeof(iv));
    assert_true(update(&data, 0, 10) && mac_data_copy(&first, &data, &why));
    assert_true(update(&data, 10, 2000) && gives(&data, key, 2010, iv));
    assert_true(mac_data_copy(&second, &data, &why));
    mac_data_free(&data);
    refuses(&second, "the IV has served");
    assert_true(update(&first, 10, 1) && gives(&first, key, 11, iv));
    mac_data_free(&first);
    mac_data_free(&second);
    assert_int_equal(owners, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_iv_one_mac), cmocka_unit_test(keys_change),
        cmocka_unit_test(iv_begins_anew), cmocka_unit_test(reserved_iv),
        cmocka_unit_test(limit),          cmocka_unit_test(failure_loses_nothing),
        cmocka_unit_test(copies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
