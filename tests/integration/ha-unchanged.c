/*
 * CBC ciphertext that decrypts to itself, with an HA group: it is decrypted once more (blocks.c),
 * on the token that did it first, whatever module that is of.
 */
#include "ha.h"

#include <string.h>

enum { BLOCK = 16, TIMES = 8 };

/* The IV under which `block` decrypts to itself. */
static void fixed_iv(const unsigned char block[BLOCK], unsigned char iv[BLOCK])
{
    unsigned char key[32], out[BLOCK + 32];
    struct message message = {
        .cipher = "AES-256-ECB", .key = key, .in = block, .size = BLOCK, .out = out
    };

    unhex(GOLD_KEY, key, sizeof(key));
    CHECK(message_run(context_default(), &message) == 1 && message.out_size == BLOCK);
    for (int i = 0; i < BLOCK; i++)
        iv[i] = out[i] ^ block[i];
}

static void on_either_token(void)
{
    unsigned char reference[32], block[BLOCK], iv[BLOCK], out[BLOCK + 32];
    OSSL_LIB_CTX *context;

    ha_two_tokens(HA_GOLD, HA_GOLD);
    spy_script("renumber"); /* no handle of the one module is one of the other */
    context = context_with(ha_group_spied(), NULL);
    reference_by_name(reference, "gold");
    for (unsigned char time = 0; time < TIMES; time++) {
        struct message message = { .cipher = "AES-256-CBC",
                                   .key = reference,
                                   .iv = iv,
                                   .in = block,
                                   .size = BLOCK,
                                   .out = out };

        memset(block, time + 1, sizeof(block));
        fixed_iv(block, iv);
        if (message_run(context, &message) != 1)
            testing_failed(__FILE__, __LINE__, error_text());
        CHECK(message.out_size == BLOCK && memcmp(out, block, BLOCK) == 0);
    }
    /* The second time is a message of its own. */
    CHECK(spy_calls("C_Decrypt") >= TIMES / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(on_either_token),
    };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
