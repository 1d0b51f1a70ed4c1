/*
 * One MAC through EVP, and whether a key is refused for it.
 */
#include "testing.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>

static EVP_MAC_CTX *new_context(OSSL_LIB_CTX *context, const char *name)
{
    EVP_MAC *mac = EVP_MAC_fetch(context, name, NULL);
    EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);

    CHECK(mac != NULL && ctx != NULL);
    EVP_MAC_free(mac);
    return ctx;
}

static int set_algorithm(EVP_MAC_CTX *ctx, const char *name, const char *algorithm)
{
    const char *parameter =
        strcmp(name, "HMAC") == 0 ? OSSL_MAC_PARAM_DIGEST : OSSL_MAC_PARAM_CIPHER;
    /* The parameter's type lacks the const that it means. */
    char copy[64];
    OSSL_PARAM params[] = { OSSL_PARAM_utf8_string(parameter, copy, 0), OSSL_PARAM_END };

    if (algorithm == NULL)
        return 1;
    CHECK(strlen(algorithm) < sizeof(copy));
    strcpy(copy, algorithm);
    params[0].data_size = strlen(algorithm);
    return EVP_MAC_CTX_set_params(ctx, params);
}

EVP_MAC_CTX *mac_context(OSSL_LIB_CTX *context, const char *name, const char *algorithm)
{
    EVP_MAC_CTX *ctx = new_context(context, name);

    CHECK(set_algorithm(ctx, name, algorithm) == 1);
    return ctx;
}

bool mac_takes(OSSL_LIB_CTX *context, const char *name, const char *algorithm)
{
    EVP_MAC_CTX *ctx = new_context(context, name);
    const bool takes = set_algorithm(ctx, name, algorithm) == 1;

    ERR_clear_error();
    EVP_MAC_CTX_free(ctx);
    return takes;
}

int mac_set_iv(EVP_MAC_CTX *ctx, const void *iv, size_t size)
{
    unsigned char copy[256];
    OSSL_PARAM params[] = { OSSL_PARAM_octet_string(OSSL_MAC_PARAM_IV, copy, size),
                            OSSL_PARAM_END };

    CHECK(size <= sizeof(copy));
    memcpy(copy, iv, size);
    return EVP_MAC_CTX_set_params(ctx, params);
}

int mac_run(OSSL_LIB_CTX *context, struct mac_message *message)
{
    EVP_MAC_CTX *ctx = new_context(context, message->mac);
    const size_t piece = message->piece == 0 ? message->size : message->piece;
    int ok = set_algorithm(ctx, message->mac, message->algorithm);

    ok = ok && (message->iv == NULL || mac_set_iv(ctx, message->iv, message->iv_size));
    ok = ok && EVP_MAC_init(ctx, message->key, message->key_size, NULL);
    for (size_t done = 0; ok && done < message->size;) {
        const size_t next = message->size - done < piece ? message->size - done : piece;

        ok = EVP_MAC_update(ctx, message->in + done, next);
        done += next;
    }
    message->out_size = 0;
    ok = ok && EVP_MAC_final(ctx, message->out, &message->out_size, sizeof(message->out));
    EVP_MAC_CTX_free(ctx);
    return ok;
}

const char *mac_refused(OSSL_LIB_CTX *context, const char *mac, const char *algorithm,
                        const char *name)
{
    unsigned char reference[32];
    struct mac_message message = { .mac = mac,
                                   .algorithm = algorithm,
                                   .key = reference,
                                   .key_size = sizeof(reference),
                                   .in = reference,
                                   .size = 5 };
    const char *words;

    reference_by_name(reference, name);
    blank_fill(message.out, sizeof(message.out));
    CHECK(ERR_peek_error() == 0);
    CHECK(mac_run(context, &message) == 0);
    CHECK(message.out_size == 0 && still_blank(message.out, sizeof(message.out)));
    words = error_text();
    CHECK(*words != '\0');
    return words;
}
