/*
 * Each way that an AES-256-GCM message can take, on modules that stream, that do not, and that take
 * no IV but their own, under each value of gcm-one-shot; against software.
 */
#include "testing.h"

#include <stdio.h>
#include <string.h>

#include <openssl/err.h>

enum { LONGEST = 100000, TAG = 16 };

static const unsigned char iv[12] = "a dozen of 8", aad[21] = "twenty-one bytes more";
static unsigned char plain[LONGEST], sealed[LONGEST], out[LONGEST], seal_tag[TAG], raw[32],
    reference[32];
static OSSL_LIB_CTX *context;
static EVP_CIPHER *ours, *theirs;

static void start(const char *gcm, const char *lines)
{
    token_standard();
    spy_setup(NULL, NULL);
    spy_gcm(gcm);
    context = context_with(text("%s%s", settings_spied(), lines), NULL);
    ours = EVP_CIPHER_fetch(context, "AES-256-GCM", "provider=hsmzke");
    theirs = EVP_CIPHER_fetch(context_default(), "AES-256-GCM", NULL);
    CHECK(ours != NULL && theirs != NULL);
    reference_by_name(reference, "gold");
    CHECK(unhex(GOLD_KEY, raw, sizeof(raw)) == sizeof(raw));
    for (size_t i = 0; i < LONGEST; i++)
        plain[i] = (unsigned char)(i * 31 + i / 256);
}

static void finish(void)
{
    CHECK(ERR_peek_error() == 0);
    EVP_CIPHER_free(ours);
    EVP_CIPHER_free(theirs);
    OSSL_LIB_CTX_free(context);
}

static EVP_CIPHER_CTX *begin(bool encrypt, const unsigned char *this_iv)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n;

    CHECK(ctx != NULL && EVP_CipherInit_ex2(ctx, ours, reference, this_iv, encrypt, NULL) == 1);
    CHECK(EVP_CipherUpdate(ctx, NULL, &n, aad, sizeof(aad)) == 1);
    return ctx;
}

static void tag_to(EVP_CIPHER_CTX *ctx, unsigned char tag[TAG])
{
    CHECK(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG, tag) == 1);
}

static void by_software(size_t size)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n;

    CHECK(EVP_EncryptInit_ex2(ctx, theirs, raw, iv, NULL) == 1);
    CHECK(EVP_EncryptUpdate(ctx, NULL, &n, aad, sizeof(aad)) == 1);
    CHECK(EVP_EncryptUpdate(ctx, sealed, &n, plain, (int)size) == 1);
    CHECK(EVP_EncryptFinal_ex(ctx, sealed, &n) == 1);
    tag_to(ctx, seal_tag);
    EVP_CIPHER_CTX_free(ctx);
}

/* ---- every branch ---- */

struct way {
    bool encrypt, tag_first, forged, only_once; /* only_once: gcm-one-shot = always */
    size_t size, first;                         /* bytes, and those of the first update */
};

static void set_tag(EVP_CIPHER_CTX *ctx, const struct way *way)
{
    unsigned char tag[TAG];

    memcpy(tag, seal_tag, TAG);
    tag[0] ^= way->forged;
    CHECK(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG, tag) == 1);
}

/* The update that is refused gives out nothing and says why. */
static void refused(EVP_CIPHER_CTX *ctx, const unsigned char *in, size_t size, const char *part)
{
    int n = 0;

    blank_fill(out, LONGEST);
    CHECK(EVP_CipherUpdate(ctx, out, &n, in, (int)size) == 0);
    CHECK(n == 0 && still_blank(out, LONGEST));
    CHECK_HAS(error_text(), part);
}

static void end(EVP_CIPHER_CTX *ctx, const struct way *way)
{
    unsigned char tag[TAG], none[TAG];
    int n;

    if (!way->encrypt && !way->tag_first)
        set_tag(ctx, way);
    CHECK(EVP_CipherFinal_ex(ctx, none, &n) == !way->forged);
    CHECK(way->forged == (*error_text() != '\0'));
    if (way->encrypt) {
        tag_to(ctx, tag);
        CHECK(memcmp(tag, seal_tag, TAG) == 0);
    }
}

static void run_way(const struct way *way)
{
    const unsigned char *in = way->encrypt ? plain : sealed;
    const size_t rest = way->size - way->first;
    EVP_CIPHER_CTX *ctx = begin(way->encrypt, iv);
    int n = 0;

    by_software(way->size);
    if (!way->encrypt && way->tag_first)
        set_tag(ctx, way);
    if (way->only_once && !way->encrypt && (rest > 0 || !way->tag_first || way->forged)) {
        refused(ctx, in, way->first, "gcm-one-shot = always");
    } else {
        CHECK(EVP_CipherUpdate(ctx, out, &n, in, (int)way->first) == 1);
        CHECK((size_t)n == way->first);
        if (way->only_once && rest > 0) {
            refused(ctx, in + way->first, rest, "gcm-one-shot = always");
        } else {
            if (rest > 0)
                CHECK(EVP_CipherUpdate(ctx, out + n, &n, in + n, (int)rest) == 1);
            CHECK(memcmp(out, way->encrypt ? sealed : plain, way->size) == 0);
            end(ctx, way);
        }
    }
    EVP_CIPHER_CTX_free(ctx);
}

static unsigned run_ways(const char *gcm, const char *one_shot)
{
    static const size_t sizes[][2] = { { 1, 1 },         { 100, 100 },         { 100, 33 },
                                       { 5000, 16 },     { LONGEST, LONGEST }, { LONGEST, 70000 },
                                       { LONGEST, 4096 } };
    const bool only_once = strcmp(one_shot, "always") == 0;
    unsigned streamed;

    start(gcm, text("gcm-one-shot = %s\n", one_shot));
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        for (unsigned j = 0; j < 5; j++) {
            const struct way way = { .encrypt = j == 0,
                                     .tag_first = j % 2 == 1,
                                     .forged = j > 2,
                                     .only_once = only_once,
                                     .size = sizes[i][0],
                                     .first = sizes[i][1] };

            run_way(&way);
        }
    }
    streamed = spy_streamed();
    printf("%s, gcm-one-shot = %s: %u updates streamed\n", *gcm == '\0' ? module_name() : gcm,
           one_shot, streamed);
    finish();
    return streamed;
}

static void streams_auto(void)
{
    const bool streams = run_ways("", "auto") > 0;

    /* What NSS says to an update of CKM_AES_GCM: not supported. */
    CHECK(streams == (strcmp(module_name(), "nss") != 0));
}

static void streams_never(void)
{
    const bool streams = run_ways("", "never") > 0;

    CHECK(streams == (strcmp(module_name(), "nss") != 0));
}

static void streams_always(void)
{
    CHECK(run_ways("", "always") == 0);
}

static void no_streams_auto(void)
{
    CHECK(run_ways("no-update", "auto") == 0);
}

static void no_streams_never(void)
{
    CHECK(run_ways("no-update", "never") == 0);
}

/* ---- a module that takes no IV but its own ---- */

/* The program's IV is not used: an error, and nothing is given out. */
static void own_iv_against_the_programs(void)
{
    static const size_t sizes[] = { 1, 1000, LONGEST };
    unsigned char told[12];
    EVP_CIPHER_CTX *ctx;

    start("own-iv", "");
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        ctx = begin(true, iv);
        refused(ctx, plain, sizes[i], "put an IV of its own");
        EVP_CIPHER_CTX_free(ctx);
    }
    ctx = begin(true, NULL);
    CHECK(EVP_CIPHER_CTX_get_updated_iv(ctx, told, 12) ==
          1); /* told: from now on it must be this */
    refused(ctx, plain, 20, "put an IV of its own");
    EVP_CIPHER_CTX_free(ctx);
    finish();
}

static void opens_in_software(const unsigned char *its_iv, size_t size, unsigned char *tag)
{
    unsigned char back[LONGEST], none[TAG];
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n;

    CHECK(EVP_DecryptInit_ex2(ctx, theirs, raw, its_iv, NULL) == 1);
    CHECK(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG, tag) == 1);
    CHECK(EVP_DecryptUpdate(ctx, NULL, &n, aad, sizeof(aad)) == 1);
    CHECK(EVP_DecryptUpdate(ctx, back, &n, out, (int)size) == 1);
    CHECK(EVP_DecryptFinal_ex(ctx, none, &n) == 1);
    CHECK(memcmp(back, plain, size) == 0);
    EVP_CIPHER_CTX_free(ctx);
}

/* Without an IV the HSM's is taken, read back, and what was encrypted opens with it. */
static void own_iv_is_read_back(void)
{
    static const size_t sizes[] = { 0, 1, 1000, 65536, 65537, LONGEST };
    unsigned char its_iv[2][12] = { { 0 } }, tag[TAG], none[TAG];
    int n;

    start("own-iv", "");
    for (size_t i = 0; i < 2 * sizeof(sizes) / sizeof(sizes[0]); i++) {
        const size_t size = sizes[i / 2];
        EVP_CIPHER_CTX *ctx = begin(true, NULL);

        if (size > 0)
            CHECK(EVP_EncryptUpdate(ctx, out, &n, plain, (int)size) == 1 && (size_t)n == size);
        CHECK(EVP_EncryptFinal_ex(ctx, none, &n) == 1);
        CHECK(EVP_CIPHER_CTX_get_updated_iv(ctx, its_iv[i % 2], 12) == 1);
        CHECK(memcmp(its_iv[0], its_iv[1], 12) != 0);
        tag_to(ctx, tag);
        opens_in_software(its_iv[i % 2], size, tag);
        EVP_CIPHER_CTX_free(ctx);
    }
    finish();
}

/* More data would need the same IV again. */
static void own_iv_one_update_only(void)
{
    static const size_t first[] = { 16, 70000 };

    start("own-iv", "");
    for (size_t i = 0; i < 2; i++) {
        EVP_CIPHER_CTX *ctx = begin(true, NULL);
        int n;

        CHECK(EVP_EncryptUpdate(ctx, out, &n, plain, (int)first[i]) == 1);
        refused(ctx, plain, 30, "give all data in one update");
        EVP_CIPHER_CTX_free(ctx);
    }
    finish();
}

/* Decryption is given its IV, in all branches. */
static void own_iv_decrypts(void)
{
    start("own-iv", "");
    for (unsigned i = 0; i < 8; i++) {
        const struct way way = { .tag_first = i % 2 == 1,
                                 .forged = i / 2 % 2 == 1,
                                 .size = 500,
                                 .first = i / 4 == 1 ? 100 : 500 };

        run_way(&way);
    }
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(streams_auto),        CHILD_TEST(streams_never),
        CHILD_TEST(streams_always),      CHILD_TEST(no_streams_auto),
        CHILD_TEST(no_streams_never),    CHILD_TEST(own_iv_against_the_programs),
        CHILD_TEST(own_iv_is_read_back), CHILD_TEST(own_iv_one_update_only),
        CHILD_TEST(own_iv_decrypts),
    };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
