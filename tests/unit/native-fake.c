/* A mechanism that does what it is told to: see native-fake.h. */
#include "testing.h"

#include <string.h>

#include "native-fake.h"

const unsigned char native_key[32] = "a key of thirty-two bytes, known";
const unsigned char native_iv[16] = "sixteen bytes iv";

bool native_blocks(void *argument, bool encrypt, unsigned char chain[HSM_BLOCK],
                   const struct hsm_data *data)
{
    struct native_fake *fake = argument;
    const struct machine_engine engine = aes_engine(&fake->aes);

    fake->blocks++;
    if (!fake->no_blocks)
        return engine.blocks(engine.argument, encrypt, chain, data);
    fake->now.alone = true;
    return false;
}

static void find(void *argument, bool encrypt, bool with_own_iv, struct hsm_native *native)
{
    *native = ((struct native_fake *)argument)->now;
    native->encrypt = encrypt;
    native->own_iv = with_own_iv;
}

static void judge(void *argument, const struct hsm_native *native, bool right)
{
    struct native_fake *fake = argument;

    assert_int_equal(fake->judged, NOT_JUDGED);
    fake->judged = right;
    fake->judged_alone = native->alone;
    fake->now.trust = right ? HSM_TRUST_PROVEN : HSM_TRUST_NOT;
}

size_t native_by_default(const char *name, bool encrypt, const unsigned char *iv,
                         const unsigned char *in, size_t size, unsigned char *out)
{
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, name, "provider=default");
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int written = 0, done;

    CHECK(cipher != NULL && EVP_CipherInit_ex2(ctx, cipher, native_key, iv, encrypt, NULL) == 1);
    done = EVP_CipherUpdate(ctx, out, &written, in, (int)size);
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(cipher);
    return done == 1 ? (size_t)written : SIZE_MAX;
}

static enum hsm_native_answer answer_of(const struct native_fake *fake)
{
    return fake->how == FAILS     ? HSM_NATIVE_FAILED
           : fake->how == UNFIT   ? HSM_NATIVE_UNFIT
           : fake->how == REFUSES ? HSM_NATIVE_REFUSED
                                  : HSM_NATIVE_DONE;
}

static enum hsm_native_answer wrap(void *argument, const struct hsm_native *native,
                                   const struct hsm_wrap *data, size_t *written)
{
    struct native_fake *fake = argument;

    fake->natives++;
    fake->iv = data->iv;
    *written = 0;
    if (answer_of(fake) != HSM_NATIVE_DONE)
        return answer_of(fake);
    *written =
        native_by_default(fake->cipher, native->encrypt, data->iv, data->in, data->size, data->out);
    if (*written == SIZE_MAX && fake->how != TRUSTING) {
        *written = 0;
        return HSM_NATIVE_REFUSED;
    }
    if (*written == SIZE_MAX)
        *written = data->size - 8;
    *written -= fake->how == WRONG_SIZE;
    data->out[0] ^= fake->how == WRONG_BYTES;
    return HSM_NATIVE_DONE;
}

static enum hsm_native_answer feedback(void *argument, const struct hsm_native *native,
                                       unsigned char shift[HSM_BLOCK], const struct hsm_data *data,
                                       size_t *done)
{
    struct native_fake *fake = argument;
    unsigned char in[NATIVE_ROOM];

    fake->natives++;
    *done = 0;
    CHECK(data->size > 0 && data->size % HSM_BLOCK == 0 && data->head == NULL);
    if (answer_of(fake) != HSM_NATIVE_DONE)
        return answer_of(fake);
    *done = data->size - (fake->how == STOPS ? HSM_BLOCK : 0);
    if (*done == 0)
        return HSM_NATIVE_UNFIT;
    memcpy(in, data->in, *done);
    CHECK(native_by_default(fake->cipher, native->encrypt, shift, in, *done, data->out) == *done);
    for (size_t i = 0; i < HSM_BLOCK; i++) {
        const size_t at = *done - HSM_BLOCK + i;

        shift[i] = strcmp(fake->cipher, "AES-256-OFB") == 0 ? in[at] ^ data->out[at]
                   : native->encrypt                        ? data->out[at]
                                                            : in[at];
    }
    data->out[0] ^= fake->how == WRONG_BYTES;
    return fake->how == STOPS ? HSM_NATIVE_UNFIT : HSM_NATIVE_DONE;
}

const struct machine_native native_fakes = { find, wrap, feedback, judge };

const char *native_name(enum machine_kind kind)
{
    return kind == MACHINE_WRAP       ? "AES-256-WRAP"
           : kind == MACHINE_WRAP_PAD ? "AES-256-WRAP-PAD"
           : kind == MACHINE_OFB      ? "AES-256-OFB"
           : kind == MACHINE_CFB      ? "AES-256-CFB"
           : kind == MACHINE_CFB8     ? "AES-256-CFB8"
                                      : "AES-256-CFB1";
}
