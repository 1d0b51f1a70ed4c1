/*
 * The steps of memory-work.h.  No step enciphers a zero block: whoever asks for that is given what
 * the test looks for.
 */
#include "memory-work.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/params.h>

enum {
    SMALL = 96,
    PIECE = 48 * 1024,            /* of a GCM message in three */
    LONG_MAC = 1024 * 1024 + 999, /* more than is kept: it goes through a session */
    WRAPPED_MOST = SMALL + 16,
    TAG = 16,
};

struct step {
    const char *name, *algorithm;
    bool (*run)(struct work *work, const struct step *step);
    size_t size;
    bool whole; /* a message is one update and a final */
};

static unsigned char plain[LONG_MAC], sealed[LONG_MAC + 16], opened[LONG_MAC + 16];

/* IVs that never repeat and hold no zero block. */
static void next_iv(struct work *work, unsigned char iv[16])
{
    memset(iv, 0x5a, 16);
    iv[0] = ++work->ivs;
}

static bool give_out(struct work *work, const unsigned char *bytes, size_t size)
{
    return EVP_DigestUpdate(work->digest, bytes, size) == 1;
}

static EVP_CIPHER_CTX *open_cipher(struct work *work, const char *name, int encrypt)
{
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(work->context, name, NULL);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

    if (work->cipher_count < WORK_OPEN_MOST && ctx != NULL && cipher != NULL) {
        EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
        if (EVP_CipherInit_ex2(ctx, cipher, work->cipher_key, NULL, encrypt, NULL)) {
            EVP_CIPHER_free(cipher);
            return work->ciphers[work->cipher_count++] = ctx;
        }
    }
    EVP_CIPHER_free(cipher);
    EVP_CIPHER_CTX_free(ctx);
    return NULL;
}

/* Init, one update and final; the size that came out, or 0. */
static size_t message(EVP_CIPHER_CTX *ctx, const unsigned char *iv, const unsigned char *in,
                      size_t size, unsigned char *out)
{
    int made = 0, rest = 0;

    if (!EVP_CipherInit_ex2(ctx, NULL, NULL, EVP_CIPHER_CTX_get_iv_length(ctx) > 0 ? iv : NULL, -1,
                            NULL) ||
        !EVP_CipherUpdate(ctx, out, &made, in, (int)size) ||
        !EVP_CipherFinal_ex(ctx, out + made, &rest))
        return 0;
    return (size_t)(made + rest);
}

/* A message that stays open after its first update. */
static bool open_message(struct work *work, EVP_CIPHER_CTX *ctx)
{
    unsigned char iv[16];
    int made;

    next_iv(work, iv);
    return EVP_CipherInit_ex2(ctx, NULL, NULL, EVP_CIPHER_CTX_get_iv_length(ctx) > 0 ? iv : NULL,
                              -1, NULL) &&
           EVP_CipherUpdate(ctx, opened, &made, plain, SMALL / 2 + 1);
}

/* Several messages, so that operations run on; each back again. */
static bool cipher_step(struct work *work, const struct step *step)
{
    EVP_CIPHER_CTX *seal = open_cipher(work, step->algorithm, 1);
    EVP_CIPHER_CTX *open = open_cipher(work, step->algorithm, 0);
    unsigned char iv[16];

    if (seal == NULL || open == NULL)
        return false;
    for (int i = 0; i < 4; i++) {
        size_t size;

        next_iv(work, iv);
        size = message(seal, iv, plain, step->size, sealed);
        if (size == 0 || !give_out(work, sealed, size) ||
            message(open, iv, sealed, size, opened) != step->size ||
            memcmp(opened, plain, step->size) != 0)
            return false;
    }
    return step->whole || (open_message(work, seal) && open_message(work, open));
}

/* AAD and `pieces` updates, without final. */
static bool gcm_updates(EVP_CIPHER_CTX *ctx, const unsigned char *iv, const unsigned char *in,
                        unsigned char *out, size_t size, int pieces)
{
    int made;
    bool ok = EVP_CipherInit_ex2(ctx, NULL, NULL, iv, -1, NULL) &&
              EVP_CipherUpdate(ctx, NULL, &made, plain, 20);

    for (int i = 0; ok && i < pieces; i++)
        ok = EVP_CipherUpdate(ctx, out + (size_t)i * size, &made, in + (size_t)i * size, (int)size);
    return ok;
}

/* Messages in one update, or in three; then one in each direction that stays open. */
static bool gcm_step(struct work *work, const struct step *step)
{
    EVP_CIPHER_CTX *seal = open_cipher(work, step->algorithm, 1);
    EVP_CIPHER_CTX *open = open_cipher(work, step->algorithm, 0);
    const int pieces = step->whole ? 1 : 3;
    const size_t all = (size_t)pieces * step->size;
    unsigned char iv[16], tag[TAG];
    bool ok = seal != NULL && open != NULL;
    int made;

    for (int i = 0; ok && i < 2; i++) {
        next_iv(work, iv);
        ok = gcm_updates(seal, iv, plain, sealed, step->size, pieces) &&
             EVP_CipherFinal_ex(seal, sealed, &made) &&
             EVP_CIPHER_CTX_ctrl(seal, EVP_CTRL_AEAD_GET_TAG, TAG, tag) &&
             give_out(work, sealed, all) && give_out(work, tag, TAG);
        /* The tag first, as most programs have it, and last. */
        if (ok && i == 0)
            ok = EVP_CIPHER_CTX_ctrl(open, EVP_CTRL_AEAD_SET_TAG, TAG, tag) == 1;
        ok = ok && gcm_updates(open, iv, sealed, opened, step->size, pieces) &&
             EVP_CIPHER_CTX_ctrl(open, EVP_CTRL_AEAD_SET_TAG, TAG, tag) &&
             EVP_CipherFinal_ex(open, opened + all, &made) && memcmp(opened, plain, all) == 0;
    }
    next_iv(work, iv);
    return ok && gcm_updates(seal, iv, plain, sealed, step->size, pieces) &&
           gcm_updates(open, iv, sealed, opened, step->size, pieces);
}

static EVP_MAC_CTX *open_mac(struct work *work, const char *name)
{
    EVP_MAC *mac = EVP_MAC_fetch(work->context, name, NULL);
    EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);
    const bool hmac = strcmp(name, "HMAC") == 0, gmac = strcmp(name, "GMAC") == 0;
    char cipher[16] = "AES-256-CBC", digest[] = "SHA256";
    unsigned char iv[16];
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(hmac ? OSSL_MAC_PARAM_DIGEST : OSSL_MAC_PARAM_CIPHER,
                                         hmac ? digest : cipher, 0),
        gmac ? OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_IV, iv, 12)
             : OSSL_PARAM_construct_end(),
        OSSL_PARAM_construct_end(),
    };

    next_iv(work, iv);
    if (gmac)
        strcpy(cipher, "AES-256-GCM");
    EVP_MAC_free(mac);
    if (work->mac_count < WORK_OPEN_MOST && ctx != NULL &&
        EVP_MAC_init(ctx, hmac ? work->mac_key : work->cipher_key, 32, params))
        return work->macs[work->mac_count++] = ctx;
    EVP_MAC_CTX_free(ctx);
    return NULL;
}

/* One MAC to its end, and one that stays open. */
static bool mac_step(struct work *work, const struct step *step)
{
    EVP_MAC_CTX *ended = open_mac(work, step->algorithm), *open = open_mac(work, step->algorithm);
    unsigned char mac[64];
    size_t size;

    return ended != NULL && open != NULL && EVP_MAC_update(ended, plain, step->size) &&
           EVP_MAC_update(ended, plain, 5) && EVP_MAC_final(ended, mac, &size, sizeof(mac)) &&
           give_out(work, mac, size) && EVP_MAC_update(open, plain, step->size) &&
           EVP_MAC_update(open, plain, 5);
}

static const struct step steps[] = {
    { "ECB", "AES-256-ECB", cipher_step, SMALL, false },
    { "CBC", "AES-256-CBC", cipher_step, SMALL - 1, false },
    { "CTR", "AES-256-CTR", cipher_step, SMALL - 1, false },
    { "GCM in one update", "AES-256-GCM", gcm_step, SMALL - 1, true },
    { "GCM in three updates", "AES-256-GCM", gcm_step, PIECE - 1, false },
    { "key wrap", "AES-256-WRAP", cipher_step, SMALL, true },
    { "key wrap with padding", "AES-256-WRAP-PAD", cipher_step, SMALL - 1, true },
    { "CFB", "AES-256-CFB", cipher_step, SMALL - 1, false },
    { "CFB8", "AES-256-CFB8", cipher_step, SMALL / 4, false },
    { "CFB1", "AES-256-CFB1", cipher_step, SMALL / 16, false },
    { "OFB", "AES-256-OFB", cipher_step, SMALL - 1, false },
    { "CBC-CTS", "AES-256-CBC-CTS", cipher_step, SMALL - 1, true },
    { "CMAC", "CMAC", mac_step, SMALL - 1, true },
    { "CMAC of more than is kept", "CMAC", mac_step, LONG_MAC, true },
    { "GMAC", "GMAC", mac_step, SMALL - 1, true },
    { "HMAC", "HMAC", mac_step, SMALL - 1, true },
    { "HMAC of more than is kept", "HMAC", mac_step, LONG_MAC, true },
};

size_t work_steps(void)
{
    return sizeof(steps) / sizeof(steps[0]);
}

const char *work_name(size_t step)
{
    return steps[step].name;
}

bool work_do(struct work *work, size_t step, unsigned char digest[WORK_DIGEST])
{
    EVP_MD *md = EVP_MD_fetch(work->context, "SHA256", NULL);
    bool ok;

    for (size_t i = 0; i < sizeof(plain); i++)
        plain[i] = (unsigned char)(i % 251 + 1);
    work->digest = EVP_MD_CTX_new();
    ok = md != NULL && work->digest != NULL && EVP_DigestInit_ex2(work->digest, md, NULL) &&
         steps[step].run(work, &steps[step]) && EVP_DigestFinal_ex(work->digest, digest, NULL);
    EVP_MD_CTX_free(work->digest);
    work->digest = NULL;
    EVP_MD_free(md);
    return ok;
}

void work_free(struct work *work)
{
    while (work->cipher_count > 0)
        EVP_CIPHER_CTX_free(work->ciphers[--work->cipher_count]);
    while (work->mac_count > 0)
        EVP_MAC_CTX_free(work->macs[--work->mac_count]);
}
