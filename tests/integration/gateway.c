/*
 * The gateway's body: whatever the default provider offers is offered under hsmzke's name, and
 * works, so that an application (and a PKCS#11 module in its process) misses nothing.
 */
#include "testing.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>

static OSSL_LIB_CTX *context;

static void gateway_setup(void)
{
    token_standard();
    context = context_with(settings_standard(), NULL);
}

static void cipher_is_there(EVP_CIPHER *theirs, void *count)
{
    EVP_CIPHER *ours = EVP_CIPHER_fetch(context, EVP_CIPHER_get0_name(theirs), NULL);

    CHECK(ours != NULL);
    CHECK(EVP_CIPHER_get_key_length(ours) == EVP_CIPHER_get_key_length(theirs));
    CHECK(EVP_CIPHER_get_iv_length(ours) == EVP_CIPHER_get_iv_length(theirs));
    CHECK(EVP_CIPHER_get_block_size(ours) == EVP_CIPHER_get_block_size(theirs));
    CHECK(EVP_CIPHER_get_mode(ours) == EVP_CIPHER_get_mode(theirs));
    CHECK(EVP_CIPHER_get_flags(ours) == EVP_CIPHER_get_flags(theirs));
    EVP_CIPHER_free(ours);
    ++*(unsigned *)count;
}

static void digest_is_there(EVP_MD *theirs, void *count)
{
    EVP_MD *ours = EVP_MD_fetch(context, EVP_MD_get0_name(theirs), NULL);

    CHECK(ours != NULL && EVP_MD_get_size(ours) == EVP_MD_get_size(theirs));
    EVP_MD_free(ours);
    ++*(unsigned *)count;
}

static void mac_is_there(EVP_MAC *theirs, void *count)
{
    EVP_MAC *ours = EVP_MAC_fetch(context, EVP_MAC_get0_name(theirs), NULL);

    CHECK(ours != NULL);
    EVP_MAC_free(ours);
    ++*(unsigned *)count;
}

static void kdf_is_there(EVP_KDF *theirs, void *count)
{
    EVP_KDF *ours = EVP_KDF_fetch(context, EVP_KDF_get0_name(theirs), NULL);

    CHECK(ours != NULL);
    EVP_KDF_free(ours);
    ++*(unsigned *)count;
}

static void keymgmt_is_there(EVP_KEYMGMT *theirs, void *count)
{
    EVP_KEYMGMT *ours = EVP_KEYMGMT_fetch(context, EVP_KEYMGMT_get0_name(theirs), NULL);

    CHECK(ours != NULL);
    EVP_KEYMGMT_free(ours);
    ++*(unsigned *)count;
}

static void all_algorithms(void)
{
    unsigned counts[5] = { 0 };

    gateway_setup();
    EVP_CIPHER_do_all_provided(context_default(), cipher_is_there, &counts[0]);
    EVP_MD_do_all_provided(context_default(), digest_is_there, &counts[1]);
    EVP_MAC_do_all_provided(context_default(), mac_is_there, &counts[2]);
    EVP_KDF_do_all_provided(context_default(), kdf_is_there, &counts[3]);
    EVP_KEYMGMT_do_all_provided(context_default(), keymgmt_is_there, &counts[4]);
    for (size_t i = 0; i < 5; i++)
        CHECK(counts[i] > 3);
    printf("%u ciphers, %u digests, %u MACs, %u KDFs, %u key types\n", counts[0], counts[1],
           counts[2], counts[3], counts[4]);
    CHECK(ERR_peek_error() == 0);
    OSSL_LIB_CTX_free(context);
}

/* Each alias of default's names for our ciphers, the OIDs too. */
static void names_of_our_ciphers(void)
{
    static const char *const names[] = { "AES-256-ECB",
                                         "2.16.840.1.101.3.4.1.41",
                                         "AES-256-CBC",
                                         "AES256",
                                         "2.16.840.1.101.3.4.1.42",
                                         "AES-256-CTR",
                                         "AES-256-CFB",
                                         "2.16.840.1.101.3.4.1.44",
                                         "AES-256-CBC-CTS",
                                         "AES-256-CFB8",
                                         "AES-256-CFB1",
                                         "AES-256-OFB",
                                         "2.16.840.1.101.3.4.1.43",
                                         "AES-256-WRAP-PAD",
                                         "AES256-WRAP-PAD",
                                         "id-aes256-wrap-pad",
                                         "2.16.840.1.101.3.4.1.48",
                                         "AES-256-WRAP-PAD-INV",
                                         "AES256-WRAP-PAD-INV" };

    gateway_setup();
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        CHECK(name_works(context, names[i], "gold", GOLD_KEY) == 1);
    OSSL_LIB_CTX_free(context);
}

static void they_work(void)
{
    unsigned char random[32], digest[32], out[64], key[32] = "sixteen byte key";
    struct message other = { .cipher = "AES-128-CBC",
                             .key = key,
                             .iv = key,
                             .encrypt = 1,
                             .padding = 1,
                             .in = key,
                             .size = 20,
                             .out = out };
    EVP_PKEY *pair;
    SSL_CTX *tls;

    gateway_setup();
    CHECK(RAND_bytes_ex(context, random, sizeof(random), 256) == 1);
    CHECK(RAND_priv_bytes_ex(context, random, sizeof(random), 256) == 1);
    CHECK(EVP_Q_digest(context, "SHA256", NULL, "abc", 3, digest, NULL) == 1);
    CHECK(memcmp(digest, "\xba\x78\x16\xbf", 4) == 0);
    CHECK(message_run(context, &other) == 1 && other.out_size == 32);
    pair = EVP_PKEY_Q_keygen(context, NULL, "EC", "P-256");
    CHECK(pair != NULL);
    EVP_PKEY_free(pair);
    /* TLS groups are a capability of the provider. */
    tls = SSL_CTX_new_ex(context, NULL, TLS_method());
    CHECK(tls != NULL && SSL_CTX_set1_groups_list(tls, "X25519:P-256") == 1);
    SSL_CTX_free(tls);
    CHECK(name_works(context, "AES-256-CBC", "gold", GOLD_KEY) == 1);
    CHECK(ERR_peek_error() == 0);
    OSSL_LIB_CTX_free(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(all_algorithms),
        CHILD_TEST(names_of_our_ciphers),
        CHILD_TEST(they_work),
    };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
