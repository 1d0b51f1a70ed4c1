/* Messages of all kinds, compared with software: see ha.h. */
#include "ha.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/params.h>

enum { TAG = 16, ROOM = 32 };

struct kind {
    const char *name, *cipher; /* cipher NULL: CMAC */
    bool aead, whole;
};

static const struct kind kinds[] = {
    { "ECB", "AES-256-ECB", false, false },
    { "CBC", "AES-256-CBC", false, false },
    { "CTR", "AES-256-CTR", false, false },
    { "GCM", "AES-256-GCM", true, true },
    { "GCM in pieces", "AES-256-GCM", true, false },
    { "key wrap", "AES-256-WRAP", false, true },
    { "CMAC", NULL, false, false },
};

size_t ha_kinds(void)
{
    return sizeof(kinds) / sizeof(kinds[0]);
}

const char *ha_kind(size_t kind)
{
    return kinds[kind].name;
}

/* One direction of a message. */
struct way {
    OSSL_LIB_CTX *context;
    const struct kind *kind;
    const unsigned char *key;
    int encrypt;
    void (*between)(void);
    const unsigned char *in;
    size_t size;
    unsigned char *out;
    size_t given;
    unsigned char tag[TAG];
};

static bool feed(EVP_CIPHER_CTX *ctx, struct way *way)
{
    const size_t pieces = way->kind->whole ? 1 : 3;
    int given;

    for (size_t i = 0, done = 0; i < pieces; i++) {
        const size_t piece = i + 1 < pieces ? way->size / pieces : way->size - done;

        if (i > 0 && way->between != NULL)
            way->between();
        if (EVP_CipherUpdate(ctx, way->out + way->given, &given, way->in + done, (int)piece) != 1)
            return false;
        way->given += (size_t)given;
        done += piece;
    }
    if (way->between != NULL)
        way->between();
    if (EVP_CipherFinal_ex(ctx, way->out + way->given, &given) != 1)
        return false;
    way->given += (size_t)given;
    return true;
}

static bool run(struct way *way)
{
    static const unsigned char iv[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(way->context, way->kind->cipher, NULL);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    bool good;

    CHECK(cipher != NULL && ctx != NULL);
    way->given = 0;
    EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    good = EVP_CipherInit_ex2(ctx, cipher, way->key,
                              EVP_CIPHER_get_iv_length(cipher) > 0 && !way->kind->whole ? iv
                              : way->kind->aead                                         ? iv
                                                                                        : NULL,
                              way->encrypt, NULL) == 1;
    if (good && way->kind->aead && !way->encrypt)
        good = EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG, way->tag) == 1;
    good = good && feed(ctx, way);
    if (good && way->kind->aead && way->encrypt)
        good = EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG, way->tag) == 1;
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(cipher);
    return good;
}

static int run_cipher(OSSL_LIB_CTX *context, const struct kind *kind, const unsigned char *plain,
                      size_t size, void (*between)(void))
{
    unsigned char reference[32], raw[32], *theirs = malloc(size + ROOM),
                                          *ours = malloc(size + ROOM), *back = malloc(size + ROOM);
    struct way software = { .context = context_default(),
                            .kind = kind,
                            .key = raw,
                            .encrypt = 1,
                            .in = plain,
                            .size = size,
                            .out = theirs };
    struct way there = { .context = context,
                         .kind = kind,
                         .key = reference,
                         .encrypt = 1,
                         .between = between,
                         .in = plain,
                         .size = size,
                         .out = ours };
    struct way again = { .context = context,
                         .kind = kind,
                         .key = reference,
                         .between = between,
                         .in = ours,
                         .out = back };
    int result = 0;

    CHECK(theirs != NULL && ours != NULL && back != NULL);
    reference_by_name(reference, "gold");
    unhex(GOLD_KEY, raw, sizeof(raw));
    CHECK(run(&software));
    if (run(&there)) {
        again.size = there.given;
        memcpy(again.tag, there.tag, TAG);
        result = run(&again);
        if (there.given != software.given || memcmp(ours, theirs, there.given) != 0 ||
            (kind->aead && memcmp(there.tag, software.tag, TAG) != 0) ||
            (result == 1 && (again.given != size || memcmp(back, plain, size) != 0)))
            result = -1;
    }
    free(theirs);
    free(ours);
    free(back);
    return result;
}

static int run_mac(OSSL_LIB_CTX *context, const unsigned char *key, const unsigned char *data,
                   size_t size, void (*between)(void), unsigned char out[TAG])
{
    EVP_MAC *mac = EVP_MAC_fetch(context, "CMAC", NULL);
    EVP_MAC_CTX *ctx = mac != NULL ? EVP_MAC_CTX_new(mac) : NULL;
    char cipher[] = "AES-256-CBC";
    const OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, cipher,
                                                                   0),
                                  OSSL_PARAM_construct_end() };
    size_t given;
    int good;

    CHECK(ctx != NULL);
    good = EVP_MAC_init(ctx, key, 32, params) == 1;
    for (size_t i = 0; good && i < 3; i++) {
        const size_t piece = i < 2 ? size / 3 : size - size / 3 * 2;

        good = EVP_MAC_update(ctx, data + size / 3 * i, piece) == 1;
        if (between != NULL)
            between();
    }
    good = good && EVP_MAC_final(ctx, out, &given, TAG) == 1;
    EVP_MAC_CTX_free(ctx);
    EVP_MAC_free(mac);
    return good;
}

int ha_message(OSSL_LIB_CTX *context, size_t kind, size_t size, void (*between)(void))
{
    unsigned char *plain, reference[32], raw[32], ours[TAG], theirs[TAG];
    int result;

    /* Key wrap is some six calls for 8 bytes. */
    size = strcmp(kinds[kind].name, "key wrap") == 0 ? 64 : size / 16 * 16;
    plain = malloc(size);
    CHECK(plain != NULL);
    for (size_t i = 0; i < size; i++)
        plain[i] = (unsigned char)(i * 7 + i / 256);
    if (kinds[kind].cipher != NULL) {
        result = run_cipher(context, &kinds[kind], plain, size, between);
    } else {
        reference_by_name(reference, "gold");
        unhex(GOLD_KEY, raw, sizeof(raw));
        CHECK(run_mac(context_default(), raw, plain, size, NULL, theirs) == 1);
        result = run_mac(context, reference, plain, size, between, ours);
        if (result == 1 && memcmp(ours, theirs, TAG) != 0)
            result = -1;
    }
    free(plain);
    return result;
}
