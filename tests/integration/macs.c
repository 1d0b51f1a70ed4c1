/* What the tests of MACs share: see macs.h. */
#include "macs.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

unsigned char *large;
const unsigned char mac_iv[IV] = "twelve bytes";

static const char *algorithm_of(const char *mac)
{
    if (strcmp(mac, "HMAC") == 0)
        return "SHA256";
    return strcmp(mac, "GMAC") == 0 ? "AES-256-GCM" : "AES-256-CBC";
}

void mac_setup(void)
{
    struct prng prng = { 1 };

    token_standard();
    token_import("prod", USER_PIN,
                 "secret " SECRET " type=generic id=" GOLD_ID "\n"
                 "no-sign " GOLD_KEY " no-sign\n"
                 "secret-no-sign " SECRET " type=generic no-sign\n"
                 "cbc-only " GOLD_KEY " mechanisms=cbc\n"
                 "gcm-only " GOLD_KEY " mechanisms=gcm\n"
                 "no-encrypt " GOLD_KEY " no-encrypt\n"
                 "mac-only " GOLD_KEY " no-encrypt no-decrypt mechanisms=cmac\n");
    large = keep(LARGE);
    prng_fill(&prng, large, LARGE);
}

void mac_expect(const char *mac, size_t size, struct mac_message *message)
{
    static unsigned char key[64];

    *message = (struct mac_message){ .mac = mac,
                                     .algorithm = algorithm_of(mac),
                                     .iv = strcmp(mac, "GMAC") == 0 ? mac_iv : NULL,
                                     .iv_size = IV,
                                     .key = key,
                                     .in = large,
                                     .size = size };
    message->key_size = unhex(strcmp(mac, "HMAC") == 0 ? SECRET : GOLD_KEY, key, sizeof(key));
    CHECK(mac_run(context_default(), message) == 1);
}

bool mac_agrees(EVP_MAC_CTX *ctx, const struct mac_message *expected)
{
    unsigned char out[64];
    size_t size = 0;

    return EVP_MAC_final(ctx, out, &size, sizeof(out)) == 1 && size == expected->out_size &&
           memcmp(out, expected->out, size) == 0;
}

EVP_MAC_CTX *mac_keyed(OSSL_LIB_CTX *context, const char *mac, const char *name)
{
    EVP_MAC_CTX *ctx = mac_context(context, mac, algorithm_of(mac));

    if (strcmp(mac, "GMAC") == 0)
        CHECK(mac_set_iv(ctx, mac_iv, IV) == 1);
    CHECK(EVP_MAC_init(ctx, (const unsigned char *)text("hsmzke:%s", name), 7 + strlen(name),
                       NULL) == 1);
    return ctx;
}

void mac_works(OSSL_LIB_CTX *context, const char *mac, const char *name, size_t size)
{
    EVP_MAC_CTX *ctx = mac_keyed(context, mac, name);
    struct mac_message expected;

    mac_expect(mac, size, &expected);
    CHECK(EVP_MAC_update(ctx, large, size) == 1 && mac_agrees(ctx, &expected));
    CHECK(ERR_peek_error() == 0);
    EVP_MAC_CTX_free(ctx);
}

void mac_commands_agree(const char *config, const char *ours, const char *theirs)
{
    const char *preload = getenv("HSMZKE_TEST_PRELOAD"), *a, *b;
    const char *data = write_file("data", large, 100000);

    CHECK(run_shell(text("OPENSSL_CONF=%s LD_PRELOAD='%s' ASAN_OPTIONS=detect_leaks=0 "
                         "openssl mac -in %s %s",
                         config, preload != NULL ? preload : "", data, ours),
                    &a) == 0);
    CHECK(run_shell(text("openssl mac -in %s %s", data, theirs), &b) == 0);
    CHECK(strlen(a) > 30 && strcmp(a, b) == 0);
}
