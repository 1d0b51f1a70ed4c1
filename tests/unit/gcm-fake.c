/* An engine under struct gcm_machine for its tests: see gcm-fake.h. */
#include "testing.h"

#include "gcm-fake.h"

#include <stdlib.h>
#include <string.h>

const unsigned char gcm_iv[12] = "twelve bytes";
static const unsigned char key[32] = "the key that the fake HSM holds";

/* An encryption that goes on, as the fake HSM sees it. */
struct hsm_stream {
    struct fake *fake;
    EVP_CIPHER_CTX *ctx;
};

static bool fails(struct fake *fake)
{
    const unsigned call = ++fake->calls;

    return call == fake->fail_at || (call > fake->fail_at && call <= fake->fail_until);
}

static EVP_CIPHER_CTX *begin_gcm(bool encrypt, const struct hsm_gcm *data)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n;

    CHECK(ctx != NULL && EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, NULL, NULL, encrypt) == 1);
    CHECK(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, (int)data->iv_size, NULL) == 1);
    CHECK(EVP_CipherInit_ex(ctx, NULL, NULL, key, data->iv, encrypt) == 1);
    if (data->aad_size > 0)
        CHECK(EVP_CipherUpdate(ctx, NULL, &n, data->aad, (int)data->aad_size) == 1);
    return ctx;
}

static enum hsm_answer once(void *argument, bool encrypt, const struct hsm_gcm *data,
                            unsigned char *out, unsigned char tag[HSM_BLOCK])
{
    struct fake *fake = argument;
    unsigned char *bounce = malloc(data->size + 1);
    EVP_CIPHER_CTX *ctx;
    int n;
    bool good;

    CHECK(bounce != NULL);
    *(encrypt ? &fake->encrypted : &fake->decrypted) += 1;
    if (fails(fake)) {
        free(bounce);
        return HSM_FAILED;
    }
    ctx = begin_gcm(encrypt, data);
    if (!encrypt)
        CHECK(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, (int)data->tag_size,
                                  (unsigned char *)(uintptr_t)data->tag) == 1);
    if (data->size > 0)
        CHECK(EVP_CipherUpdate(ctx, bounce, &n, data->in, (int)data->size) == 1);
    good = EVP_CipherFinal_ex(ctx, bounce + data->size, &n) == 1;
    CHECK(good || !encrypt);
    if (good && data->size > 0 && out != NULL)
        memcpy(out, bounce, data->size);
    if (encrypt)
        CHECK(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, HSM_BLOCK, tag) == 1);
    EVP_CIPHER_CTX_free(ctx);
    free(bounce);
    return good ? HSM_DONE : HSM_WRONG_TAG;
}

static void run_ctr(unsigned char *out, const unsigned char *in, size_t size,
                    const unsigned char *counter)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n;

    CHECK(ctx != NULL && EVP_EncryptInit_ex(ctx, EVP_aes_256_ctr(), NULL, key, counter) == 1);
    CHECK(EVP_EncryptUpdate(ctx, out, &n, in, (int)size) == 1);
    EVP_CIPHER_CTX_free(ctx);
}

static void add(unsigned char *counter, size_t blocks)
{
    for (int i = HSM_BLOCK - 1; i >= 0; i--, blocks >>= 8) {
        blocks += counter[i];
        counter[i] = (unsigned char)blocks;
    }
}

static bool count(void *argument, bool encrypt, unsigned char counter[HSM_BLOCK],
                  unsigned char stream[HSM_BLOCK], const unsigned char *in, unsigned char *out,
                  size_t size)
{
    struct fake *fake = argument;
    static const unsigned char block[HSM_BLOCK];

    (void)encrypt;
    fake->counted++;
    if (fails(fake) || fake->no_ctr)
        return false;
    run_ctr(out, in, size, counter);
    add(counter, size / HSM_BLOCK);
    if (size % HSM_BLOCK != 0) {
        run_ctr(stream, block, HSM_BLOCK, counter);
        add(counter, 1);
    }
    return true;
}

static bool random_bytes(void *argument, unsigned char *bytes, size_t size)
{
    if (fails(argument))
        return false;
    memcpy(bytes, gcm_iv, size);
    return true;
}

static bool can_stream(void *argument)
{
    return ((struct fake *)argument)->streams;
}

static struct hsm_stream *begin(void *argument, const struct hsm_gcm *data)
{
    struct fake *fake = argument;
    struct hsm_stream *stream;

    CHECK(fake->streams);
    fake->begun++;
    if (fails(fake))
        return NULL;
    stream = malloc(sizeof(*stream));
    CHECK(stream != NULL);
    *stream = (struct hsm_stream){ fake, begin_gcm(true, data) };
    fake->open++;
    return stream;
}

static bool update(void *argument, struct hsm_stream *stream, const unsigned char *in,
                   unsigned char *out, size_t size)
{
    struct fake *fake = argument;
    int n;

    fake->updated++;
    if (fails(fake))
        return false;
    CHECK(EVP_EncryptUpdate(stream->ctx, out, &n, in, (int)size) == 1);
    out[0] ^= fake->differs;
    return true;
}

static void drop(struct hsm_stream *stream)
{
    stream->fake->dropped++;
    stream->fake->open--;
    EVP_CIPHER_CTX_free(stream->ctx);
    free(stream);
}

static bool finish(void *argument, struct hsm_stream *stream, unsigned char tag[HSM_BLOCK])
{
    struct fake *fake = argument;
    int n;

    fake->finished++;
    if (fails(fake))
        return false;
    CHECK(EVP_EncryptFinal_ex(stream->ctx, tag, &n) == 1);
    CHECK(EVP_CIPHER_CTX_ctrl(stream->ctx, EVP_CTRL_AEAD_GET_TAG, HSM_BLOCK, tag) == 1);
    drop(stream);
    fake->dropped--;
    return true;
}

static struct fake *borrower; /* put() is not told whose memory it is */

static unsigned char *get(void *argument, size_t size)
{
    struct fake *fake = argument;
    unsigned char *memory = fails(fake) ? NULL : malloc(size + 1);

    borrower = fake;
    fake->memory += memory != NULL;
    return memory;
}

static void put(unsigned char *memory, size_t size)
{
    (void)size;
    borrower->memory--;
    free(memory);
}

void gcm_rig_open(struct gcm_rig *rig)
{
    *rig = (struct gcm_rig){
        .limits = { GCM_ONE_SHOT_AUTO, 1024 * 1024, 12 },
        .engine = { &rig->fake, once, count, random_bytes, can_stream, begin, update, finish, drop,
                    get, put },
    };
    gcm_new(&rig->machine, &rig->limits);
}

void gcm_rig_ready(struct gcm_rig *rig, bool encrypt)
{
    gcm_rig_open(rig);
    gcm_init(&rig->machine, &rig->engine, encrypt, true, gcm_iv, sizeof(gcm_iv));
}

void gcm_rig_close(struct gcm_rig *rig)
{
    gcm_free(&rig->machine, &rig->engine);
    CHECK(rig->fake.open == 0 && rig->fake.memory == 0);
}

void gcm_software(const unsigned char *aad, size_t aad_size, const unsigned char *in, size_t size,
                  unsigned char *out, unsigned char tag[HSM_BLOCK])
{
    struct fake fake = { 0 };
    const struct hsm_gcm data = { gcm_iv, sizeof(gcm_iv), aad, aad_size, in, size, NULL, NULL, 0 };

    CHECK(once(&fake, true, &data, out, tag) == HSM_DONE);
}
