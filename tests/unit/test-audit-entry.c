/* The lines of an audit log and their chain (audit/entry.[ch], audit/chain.[ch]). */
#include "testing.h"

#include <string.h>

#include <openssl/evp.h>

#include "audit/entry.h"

static const char *sha256(const char *line)
{
    unsigned char hash[32];
    size_t size = sizeof(hash);

    assert_int_equal(EVP_Q_digest(NULL, "SHA256", NULL, line, strlen(line), hash, &size), 1);
    return hex(hash, size);
}

static const struct timespec at = { 1795310822, 123456789 };

static void chained(void **state)
{
    const struct entry_process process = { "/bin/p", "h", 33, 7 };
    const struct hsm_event event = { .kind = HSM_EVENT_CONNECTED, .module = "/m", .token = "t" };
    struct chain chain;
    struct json json;
    const char *before;

    (void)state;
    chain_begin(&chain, 42, 4711);
    assert_true(entry_begin(&chain, &at, &process, &json));
    assert_string_equal(json.text,
                        "{\"time\":\"2026-11-22T01:27:02.123456Z\",\"pid\":42,\"start\":4711,"
                        "\"seq\":0,\"event\":\"begin\",\"program\":\"/bin/p\",\"host\":\"h\","
                        "\"uid\":33,\"parent\":7,\"version\":\"" HSMZKE_VERSION "\",\"prev\":"
                        "\"0000000000000000000000000000000000000000000000000000000000000000\"}");
    before = sha256(json.text);
    chain_written(&chain, &json);
    assert_true(entry_configuration(&chain, &at, "x=1 y=2", &json));
    /* One that was not written does not count. */
    assert_true(entry_event(&chain, &at, &event, &json));
    assert_string_equal(json.text,
                        text("{\"time\":\"2026-11-22T01:27:02.123456Z\",\"pid\":42,"
                             "\"start\":4711,\"seq\":1,\"event\":\"connected\",\"module\":\"/m\","
                             "\"token\":\"t\",\"prev\":\"%s\"}",
                             before));
    before = sha256(json.text);
    chain_written(&chain, &json);
    assert_true(entry_end(&chain, &at, &json));
    CHECK_HAS(json.text, text("\"seq\":2,\"event\":\"end\",\"prev\":\"%s\"}", before));
}

static void time_is(struct chain *chain, const struct timespec *now, const char *shown)
{
    struct json json;

    entry_end(chain, now, &json);
    assert_string_equal(text("%.*s", (int)strlen(shown), json.text), shown);
}

/* The lines of one second differ, a clock can be set back, and a chain can be begun anew. */
static void times(void **state)
{
    const struct timespec later = { at.tv_sec, 7000 }, next = { at.tv_sec + 1, 999999999 };
    struct chain chain;

    (void)state;
    chain_begin(&chain, 42, 4711);
    time_is(&chain, &at, "{\"time\":\"2026-11-22T01:27:02.123456Z\",\"pid\":42,\"start\":4711,\"");
    time_is(&chain, &later,
            "{\"time\":\"2026-11-22T01:27:02.000007Z\",\"pid\":42,\"start\":4711,\"");
    time_is(&chain, &next,
            "{\"time\":\"2026-11-22T01:27:03.999999Z\",\"pid\":42,\"start\":4711,\"");
    time_is(&chain, &at, "{\"time\":\"2026-11-22T01:27:02.123456Z\",\"pid\":42,\"start\":4711,\"");
    chain_begin(&chain, 43, 4712);
    time_is(&chain, &at, "{\"time\":\"2026-11-22T01:27:02.123456Z\",\"pid\":43,\"start\":4712,\"");
}

static void dates(void **state)
{
    static const struct {
        time_t seconds;
        const char *shown;
    } known[] = {
        { 0, "1970-01-01T00:00:00" },          { 86399, "1970-01-01T23:59:59" },
        { 951782399, "2000-02-28T23:59:59" },  { 951782400, "2000-02-29T00:00:00" },
        { 951868800, "2000-03-01T00:00:00" },  { 1709164800, "2024-02-29T00:00:00" },
        { 1798761599, "2026-12-31T23:59:59" }, { 4102444800, "2100-01-01T00:00:00" },
        { 4107542400, "2100-03-01T00:00:00" },
    };
    struct chain chain;
    struct json json;

    (void)state;
    chain_begin(&chain, 1, 1);
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        const struct timespec time = { known[i].seconds, 999 };

        entry_end(&chain, &time, &json);
        CHECK_HAS(json.text, text("\"time\":\"%s.000000Z\"", known[i].shown));
    }
    for (time_t day = 0; day < 80000; day++) { /* the C library's opinion, to 2189 */
        const struct timespec time = { day * 86400 + 3723, 0 };
        char shown[40];
        struct tm tm;

        gmtime_r(&time.tv_sec, &tm);
        strftime(shown, sizeof(shown), "\"time\":\"%FT%T.000000Z\"", &tm);
        entry_end(&chain, &time, &json);
        if (strstr(json.text, shown) == NULL)
            fail_msg("%s is not in %s", shown, json.text);
    }
}

static void operation(void **state)
{
    static const unsigned char id[] = { 1, 2 };
    const struct hsm_event event = {
        .kind = HSM_EVENT_OPERATION,
        .token = "prod",
        .key = "gold",
        .id = id,
        .id_size = sizeof(id),
        .mechanism = "CKM_AES_GCM",
        .direction = "decrypt",
        .part = "update",
        .bytes = 5,
        .aad = 6,
        .tries = 2,
        .microseconds = 77,
        .result = "CKR_DEVICE_ERROR",
        .why = "it's \"broken\"",
    };
    struct chain chain;
    struct json json;

    (void)state;
    chain_begin(&chain, 1, 1);
    assert_true(entry_event(&chain, &at, &event, &json));
    CHECK_HAS(json.text,
              "\"event\":\"operation\",\"token\":\"prod\",\"key\":\"gold\","
              "\"id\":\"0102\",\"mechanism\":\"CKM_AES_GCM\",\"direction\":\"decrypt\","
              "\"part\":\"update\",\"bytes\":5,\"aad\":6,\"tries\":2,\"us\":77,"
              "\"result\":\"CKR_DEVICE_ERROR\",\"why\":\"it's \\\"broken\\\"\",\"prev\"");
}

/* A PIN in a URI that a key is known by, or that words quote. */
static void pins(void **state)
{
    const struct hsm_event event = {
        .kind = HSM_EVENT_KEY_REFUSED,
        .key = "pkcs11:object=x?pin-value=4321",
        .why = "no 'pkcs11:object=x?pin-value=4321&a=b'",
    };
    struct chain chain;
    struct json json;

    (void)state;
    chain_begin(&chain, 1, 1);
    assert_true(entry_event(&chain, &at, &event, &json));
    assert_null(strstr(json.text, "4321"));
    CHECK_HAS(json.text, "pin-value=****");
}

/* The longest of everything that there can be fits. */
static void longest(void **state)
{
    static unsigned char id[255];
    char value[5000];
    const struct hsm_event event = { .kind = HSM_EVENT_KEY_FOUND,
                                     .token = value,
                                     .key = value,
                                     .id = id,
                                     .id_size = sizeof(id),
                                     .label = value,
                                     .identity = "unknown",
                                     .why = NULL };
    struct hsm_event refused = event, performed = event;
    const struct entry_process process = { value, value, UINT64_MAX, UINT64_MAX };
    struct chain chain;
    struct json json;

    (void)state;
    memset(value, '\x01', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    chain_begin(&chain, UINT64_MAX, UINT64_MAX);
    assert_true(entry_event(&chain, &at, &event, &json));
    refused.kind = HSM_EVENT_KEY_REFUSED;
    refused.why = value;
    assert_true(entry_event(&chain, &at, &refused, &json));
    performed.kind = HSM_EVENT_OPERATION;
    performed.label = NULL;
    performed.mechanism = performed.direction = performed.part = performed.result =
        "CKR_WRAPPING_KEY_TYPE_INCONSISTENT";
    performed.why = value;
    assert_true(entry_event(&chain, &at, &performed, &json));
    assert_true(entry_begin(&chain, &at, &process, &json));
    assert_true(entry_configuration(&chain, &at, value, &json));
}

#define TEST(function) cmocka_unit_test(function)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(chained), TEST(times), TEST(dates), TEST(operation), TEST(pins), TEST(longest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
