/*
 * The three AES-256 vectors of RFC 3686 for CTR, by reference.  The counter block is nonce, IV and
 * a counter that starts at one.
 */
#include "testing.h"

#include <string.h>

#include <openssl/err.h>

static const struct {
    const char *label, *key, *counter_block, *plain, *cipher;
} vectors[] = {
    { "test-vector-7", "776BEFF2851DB06F4C8A0542C8696F6C6A81AF1EEC96B4D37FC1D689E6C1C104",
      "00000060DB5672C97AA8F0B200000001", "53696E676C6520626C6F636B206D7367",
      "145AD01DBF824EC7560863DC71E3E0C0" },
    { "test-vector-8", "F6D66D6BD52D59BB0796365879EFF886C66DD51A5B6A99744B50590C87A23884",
      "00FAAC24C1585EF15A43D87500000001",
      "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F",
      "F05E231B3894612C49EE000B804EB2A9B8306B508F839D6A5530831D9344AF1C" },
    { "test-vector-9", "FF7A617CE69148E4F1726E2F43581DE2AA62D9F805532EDFF1EED687FB54153D",
      "001CC5B751A51D70A1C1114800000001",
      "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F20212223",
      "EB6C52821D0BBBF7CE7594462ACA4FAAB407DF866569FD07F48CC0B583D6071F1EC0E6B8" },
};

static int group_setup(void **state)
{
    if (testing_setup(state) != 0)
        return -1;
    token_store();
    token_init("prod", USER_PIN);
    for (size_t i = 0; i < 3; i++)
        token_import("prod", USER_PIN, text("%s %s\n", vectors[i].label, vectors[i].key));
    return 0;
}

static void run_vectors(void **state)
{
    OSSL_LIB_CTX *context = context_with(settings_standard(), NULL);
    unsigned char reference[32], iv[16], plain[64], cipher[64], out[96];

    (void)state;
    for (size_t i = 0; i < 6; i++) {
        bool encrypt = i % 2 == 0;
        struct message message = { .cipher = "AES-256-CTR",
                                   .key = reference,
                                   .iv = iv,
                                   .encrypt = encrypt,
                                   .padding = 1,
                                   .in = encrypt ? plain : cipher,
                                   .out = out };

        reference_by_name(reference, vectors[i / 2].label);
        unhex(vectors[i / 2].counter_block, iv, sizeof(iv));
        message.size = unhex(vectors[i / 2].plain, plain, sizeof(plain));
        CHECK(unhex(vectors[i / 2].cipher, cipher, sizeof(cipher)) == message.size);
        CHECK(message_run(context, &message) == 1);
        CHECK(message.out_size == message.size);
        CHECK(memcmp(out, encrypt ? cipher : plain, message.size) == 0);
    }
    CHECK(ERR_peek_error() == 0);
    OSSL_LIB_CTX_free(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(run_vectors) };

    return cmocka_run_group_tests(tests, group_setup, testing_teardown);
}
