/*
 * Large data: more than 2^32 bytes in one message, each byte compared with software, and how much
 * memory that takes.  The quick form is shorter and bounded alike.
 */
#include "testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

enum {
    MIB = 1024 * 1024,
    PIECE = MIB,
    TAG = 16,
    SOME = 32, /* MiB for what has no name: the heap's own, stacks, sessions */
    /* Of hsmzke the ciphertext, the module's input and its output; of SoftHSM 2.6 four more. */
    DECRYPT_TIMES = 3 + 4,
};

struct side {
    EVP_CIPHER_CTX *ctx;
    unsigned char *out;
};

static unsigned char *plain;
static struct side ours, theirs;

/* The figure behind `name` in a file of /proc, in MiB. */
static size_t mib_in(const char *path, const char *name)
{
    FILE *file = fopen(path, "r");
    char line[256];
    size_t kib = 0;

    CHECK(file != NULL);
    while (fgets(line, sizeof(line), file) != NULL)
        if (strncmp(line, name, strlen(name)) == 0)
            kib = strtoul(line + strlen(name), NULL, 10);
    fclose(file);
    CHECK(kib > 0);
    return kib / 1024;
}

/* The most memory that this process has had. */
static size_t peak_so_far(void)
{
    return mib_in("/proc/self/status", "VmHWM:");
}

static void open_side(struct side *side, OSSL_LIB_CTX *context, const char *name,
                      const unsigned char *key, const unsigned char *iv, int encrypt)
{
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(context, name, NULL);

    side->ctx = EVP_CIPHER_CTX_new();
    side->out = malloc(PIECE + 16);
    CHECK(cipher != NULL && side->ctx != NULL && side->out != NULL);
    CHECK(EVP_CipherInit_ex2(side->ctx, cipher, key, iv, encrypt, NULL) == 1);
    EVP_CIPHER_free(cipher);
}

/* Both sides at the start of a message; ours under a reference to the key that theirs has. */
static void start(const char *name, const char *lines, int encrypt)
{
    /* CTR: the lower 12 bytes of the counter overflow after 4 GiB, the lower 4 too. */
    static const unsigned char iv[16] = { 1,    2,    3,    4,    0xff, 0xff, 0xff, 0xff,
                                          0xff, 0xff, 0xff, 0xff, 0xf0, 0,    0,    0 };
    struct prng prng = { 5 };
    unsigned char reference[32], key[32];

    token_standard();
    reference_by_name(reference, "gold");
    CHECK(unhex(GOLD_KEY, key, sizeof(key)) == sizeof(key));
    plain = malloc(PIECE);
    CHECK(plain != NULL);
    prng_fill(&prng, plain, PIECE);
    open_side(&ours, context_with(text("%s%s", settings_standard(), lines), NULL), name, reference,
              iv, encrypt);
    open_side(&theirs, context_default(), name, key, iv, 1);
}

/* Each piece is another one. */
static void next_piece(size_t number)
{
    for (size_t at = 0; at < PIECE; at += 4096)
        memcpy(plain + at, &number, sizeof(number));
}

static void update(struct side *side, const unsigned char *in)
{
    int made = 0;

    CHECK(EVP_CipherUpdate(side->ctx, side->out, &made, in, PIECE) == 1 && made == PIECE);
}

static void encrypt_all(size_t mib)
{
    for (size_t i = 0; i < mib; i++) {
        next_piece(i);
        update(&ours, plain);
        update(&theirs, plain);
        CHECK(memcmp(ours.out, theirs.out, PIECE) == 0);
    }
}

/* `before`: the peak when all was loaded. */
static void bounded(const char *what, size_t mib, size_t before, size_t bound)
{
    const size_t peak = peak_so_far();

    printf("%s: %zu MiB of data; memory: %zu MiB before, %zu MiB at the peak, %zu more allowed\n",
           what, mib, before, peak, bound);
    if (peak > before + bound)
        testing_failed(__FILE__, __LINE__, text("%s: the peak is within the bound", what));
}

static void finish(void)
{
    EVP_CIPHER_CTX_free(ours.ctx);
    EVP_CIPHER_CTX_free(theirs.ctx);
    free(ours.out);
    free(theirs.out);
    free(plain);
}

static void get_tag(struct side *side, unsigned char tag[TAG])
{
    int made;

    CHECK(EVP_CipherFinal_ex(side->ctx, side->out, &made) == 1 && made == 0);
    CHECK(EVP_CIPHER_CTX_ctrl(side->ctx, EVP_CTRL_AEAD_GET_TAG, TAG, tag) == 1);
}

static void ctr(void)
{
    const size_t mib = quick() ? 64 : 5 * 1024;
    size_t before;

    start("AES-256-CTR", "", 1);
    encrypt_all(1);
    before = peak_so_far();
    encrypt_all(mib - 1);
    /* Nothing is kept: a block of key stream, and each session's scratch memory. */
    bounded("CTR", mib, before, SOME);
    finish();
}

static void gcm(void)
{
    const size_t mib = quick() ? 128 : 5 * 1024;
    unsigned char tags[2][TAG];
    size_t before;

    start("AES-256-GCM", "", 1);
    encrypt_all(1);
    before = peak_so_far();
    encrypt_all(mib - 1);
    get_tag(&ours, tags[0]);
    get_tag(&theirs, tags[1]);
    CHECK(memcmp(tags[0], tags[1], TAG) == 0);
    /* Ciphertext is kept up to gcm-buffer, 64 MiB, and then no more. */
    bounded("GCM", mib, before, 64 + SOME);
    finish();
}

static size_t decrypt_mib(void)
{
    return quick() ? 32 : 512;
}

/* The whole message has to be kept until the tag has been checked. */
static void gcm_decrypt(void)
{
    const size_t mib = decrypt_mib();
    unsigned char tag[TAG];
    size_t before;
    int made;

    start("AES-256-GCM", text("gcm-buffer = %zu\n", mib * MIB), 0);
    before = peak_so_far();
    for (size_t i = 0; i < mib; i++) {
        next_piece(i);
        update(&theirs, plain);
        update(&ours, theirs.out);
        CHECK(memcmp(ours.out, plain, PIECE) == 0);
    }
    get_tag(&theirs, tag);
    CHECK(EVP_CIPHER_CTX_ctrl(ours.ctx, EVP_CTRL_AEAD_SET_TAG, TAG, tag) == 1);
    CHECK(EVP_CipherFinal_ex(ours.ctx, ours.out, &made) == 1 && made == 0);
    bounded("GCM, decryption", mib, before, DECRYPT_TIMES * mib + SOME);
    finish();
}

static void gcm_decrypt_if_it_fits(void **state)
{
    const size_t free_mib = mib_in("/proc/meminfo", "MemAvailable:");
    const size_t needed = (DECRYPT_TIMES + 1) * decrypt_mib() + 256;
    struct child_test test = { gcm_decrypt };
    void *argument = &test;

    (void)state;
    if (free_mib < needed) {
        printf("it takes %zu MiB of memory, and %zu MiB are free\n", needed, free_mib);
        skip();
    }
    run_child_test(&argument);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(ctr),
        CHILD_TEST(gcm),
        cmocka_unit_test(gcm_decrypt_if_it_fits),
    };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
