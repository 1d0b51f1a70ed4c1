/*
 * `openssl cms` with a reference as the key that wraps the message's own key: what is encrypted
 * with the reference is decrypted with the real key in software, and the other way round.
 */
#include "testing.h"

#include <stdlib.h>
#include <string.h>

static const char *in, *config, *config_software;

static int group_setup(void **state)
{
    unsigned char content[3000];
    struct prng prng = { 5 };

    if (testing_setup(state) != 0)
        return -1;
    token_standard();
    prng_fill(&prng, content, sizeof(content));
    in = write_file("in", content, sizeof(content));
    config = config_file(settings_standard(), NULL);
    config_software = config_file(text("%sraw-keys = software\n", settings_standard()), NULL);
    return 0;
}

/* The openssl program under a configuration; sanitizers' library has to be there first. */
static const char *openssl(const char *configuration)
{
    const char *preload = getenv("HSMZKE_TEST_PRELOAD");

    if (preload == NULL || *preload == '\0')
        return text("OPENSSL_CONF='%s' openssl", configuration);
    return text("OPENSSL_CONF='%s' LD_PRELOAD='%s' ASAN_OPTIONS=detect_leaks=0 openssl",
                configuration, preload);
}

static void shell(const char *command)
{
    const char *output;

    if (run_shell(command, &output) != 0)
        testing_failed(__FILE__, __LINE__, text("%s\n%s", command, output));
}

static const char *reference(void)
{
    unsigned char bytes[32];

    reference_by_id(bytes, GOLD_ID);
    return hex(bytes, sizeof(bytes));
}

/* One message, encrypted by the one and decrypted by the other. */
static void both_ways(const char *configuration, const char *content_cipher)
{
    const char *programs[] = { openssl(configuration), "openssl" };
    const char *keys[] = { reference(), GOLD_KEY };

    for (size_t i = 0; i < 4; i++) {
        const size_t from = i & 1, to = i >> 1;
        const char *out = text("%s/%s-%zu", work_dir(), content_cipher, i);

        shell(text("%s cms -encrypt -binary -%s -secretkey %s -secretkeyid c0ffee -in %s "
                   "-outform DER -out %s.cms",
                   programs[from], content_cipher, keys[from], in, out));
        shell(text("openssl asn1parse -inform DER -in %s.cms | grep -q id-aes256-wrap", out));
        shell(text("%s cms -decrypt -binary -secretkey %s -secretkeyid c0ffee -in %s.cms "
                   "-inform DER -out %s.back",
                   programs[to], keys[to], out, out));
        shell(text("cmp %s %s.back", in, out));
    }
}

static void aes_128_content(void **state)
{
    (void)state;
    both_ways(config, "aes-128-cbc");
}

/* The message's own key is a raw one. */
static void aes_256_content(void **state)
{
    (void)state;
    both_ways(config_software, "aes-256-cbc");
}

static void raw_keys_refused(void **state)
{
    const char *output, *out = text("%s/refused", work_dir());

    (void)state;
    CHECK(run_shell(text("%s cms -encrypt -binary -aes-256-cbc -secretkey %s -secretkeyid c0ffee "
                         "-in %s -outform DER -out %s",
                         openssl(config), reference(), in, out),
                    &output) != 0);
    CHECK_HAS(output, "raw-keys");
    shell(text("test ! -s %s", out));
}

static void other_key(void **state)
{
    const char *output, *out = text("%s/other", work_dir());

    (void)state;
    shell(text("openssl cms -encrypt -binary -aes-128-cbc -secretkey " SILVER_KEY
               " -secretkeyid c0ffee -in %s -outform DER -out %s.cms",
               in, out));
    CHECK(run_shell(text("%s cms -decrypt -binary -secretkey %s -secretkeyid c0ffee -in %s.cms "
                         "-inform DER -out %s.back",
                         openssl(config), reference(), out, out),
                    &output) != 0);
    CHECK_HAS(output, "not wrapped with this key");
    shell(text("test ! -s %s.back", out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aes_128_content),
        cmocka_unit_test(aes_256_content),
        cmocka_unit_test(raw_keys_refused),
        cmocka_unit_test(other_key),
    };

    return cmocka_run_group_tests(tests, group_setup, testing_teardown);
}
