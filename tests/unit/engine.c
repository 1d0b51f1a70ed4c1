/* Engines under struct machine for its tests: see engine.h. */
#include "testing.h"

#include "engine.h"

#include <stdlib.h>
#include <string.h>

static bool fails(struct toy *toy, unsigned char *out, size_t size)
{
    toy->calls++;
    if (toy->calls != toy->fail_at)
        return false;
    /* As the HSM's calls do: nothing is left of what had been written. */
    memset(out, 0, size);
    return true;
}

static bool toy_blocks(void *argument, bool encrypt, unsigned char chain[HSM_BLOCK],
                       const struct hsm_data *data)
{
    struct toy *toy = argument;
    const size_t head = data->head != NULL ? HSM_BLOCK : 0;
    unsigned char *whole = malloc(head + data->size);

    CHECK(whole != NULL && head + data->size > 0 && data->size % HSM_BLOCK == 0);
    toy->encrypt = encrypt;
    toy->data = *data;
    memcpy(toy->chain, chain, HSM_BLOCK);
    if (head > 0) {
        memcpy(toy->head, data->head, HSM_BLOCK);
        memcpy(whole, data->head, HSM_BLOCK);
    }
    if (data->size > 0)
        memcpy(whole + head, data->in, data->size);
    if (fails(toy, data->out, head + data->size)) {
        free(whole);
        return false;
    }
    for (size_t i = 0; i < head + data->size; i++)
        data->out[i] = whole[i] ^ TOY_MASK;
    chain[0] = (unsigned char)(chain[0] + (head + data->size) / HSM_BLOCK);
    free(whole);
    return true;
}

static bool toy_stream(void *argument, bool encrypt, unsigned char counter[HSM_BLOCK],
                       unsigned char stream[HSM_BLOCK], const unsigned char *in, unsigned char *out,
                       size_t size)
{
    struct toy *toy = argument;

    CHECK(size > 0);
    toy->encrypt = encrypt;
    toy->data = (struct hsm_data){ .in = in, .size = size, .out = out };
    memcpy(toy->chain, counter, HSM_BLOCK);
    if (fails(toy, out, size))
        return false;
    for (size_t i = 0; i < size; i++)
        out[i] = (unsigned char)(in[i] ^ TOY_MASK ^ (counter[0] + i / HSM_BLOCK));
    counter[0] = (unsigned char)(counter[0] + (size + HSM_BLOCK - 1) / HSM_BLOCK);
    if (size % HSM_BLOCK != 0)
        memset(stream, TOY_MASK ^ (unsigned char)(counter[0] - 1), HSM_BLOCK);
    return true;
}

struct machine_engine toy_engine(struct toy *toy)
{
    return (struct machine_engine){ toy, toy_blocks, toy_stream, NULL };
}

void rig_open(struct rig *rig, enum machine_kind kind, bool encrypt, const unsigned char *iv)
{
    *rig = (struct rig){ .room = RIG_ROOM };
    machine_new(&rig->machine, kind);
    machine_init(&rig->machine, encrypt, iv);
}

static void blank(struct rig *rig)
{
    memset(rig->out, RIG_BLANK, sizeof(rig->out));
    rig->written = RIG_ROOM + 1;
}

enum machine_result rig_update(struct rig *rig, const void *in, size_t size)
{
    const struct machine_engine engine = toy_engine(&rig->toy);

    blank(rig);
    return machine_update(&rig->machine, &engine, rig->out, &rig->written, rig->room, in, size);
}

enum machine_result rig_final(struct rig *rig)
{
    const struct machine_engine engine = toy_engine(&rig->toy);

    blank(rig);
    return machine_final(&rig->machine, &engine, rig->out, &rig->written, rig->room);
}

enum machine_result rig_at_once(struct rig *rig, const void *in, size_t size)
{
    const struct machine_engine engine = toy_engine(&rig->toy);

    blank(rig);
    return machine_at_once(&rig->machine, &engine, rig->out, &rig->written, rig->room, in, size);
}

bool rig_rest_is_blank(const struct rig *rig)
{
    for (size_t i = rig->written; i < RIG_ROOM; i++) {
        if (rig->out[i] != RIG_BLANK)
            return false;
    }
    return rig->written <= RIG_ROOM;
}

static void ecb(struct aes *aes, bool encrypt, unsigned char block[HSM_BLOCK])
{
    int size;

    CHECK(EVP_CipherUpdate(encrypt ? aes->encrypt : aes->decrypt, block, &size, block, HSM_BLOCK) ==
          1);
    CHECK(size == HSM_BLOCK);
}

static void xor_block(unsigned char *to, const unsigned char *with)
{
    for (size_t i = 0; i < HSM_BLOCK; i++)
        to[i] ^= with[i];
}

/* NIST SP 800-38A, 6.1 and 6.2, one block after the other. */
static bool aes_blocks(void *argument, bool encrypt, unsigned char chain[HSM_BLOCK],
                       const struct hsm_data *data)
{
    struct aes *aes = argument;
    const size_t head = data->head != NULL ? HSM_BLOCK : 0, size = head + data->size;
    unsigned char *whole = malloc(size), came[HSM_BLOCK];

    CHECK(whole != NULL && size > 0 && size % HSM_BLOCK == 0);
    if (head > 0)
        memcpy(whole, data->head, HSM_BLOCK);
    if (data->size > 0)
        memcpy(whole + head, data->in, data->size);
    for (size_t at = 0; at < size; at += HSM_BLOCK) {
        memcpy(came, whole + at, HSM_BLOCK);
        if (aes->chained && encrypt)
            xor_block(whole + at, chain);
        ecb(aes, encrypt, whole + at);
        if (aes->chained && !encrypt)
            xor_block(whole + at, chain);
        if (aes->chained)
            memcpy(chain, encrypt ? whole + at : came, HSM_BLOCK);
    }
    memcpy(data->out, whole, size);
    free(whole);
    return true;
}

/* The same, 6.5, with a counter of 128 bits. */
static bool aes_stream(void *argument, bool encrypt, unsigned char counter[HSM_BLOCK],
                       unsigned char stream[HSM_BLOCK], const unsigned char *in, unsigned char *out,
                       size_t size)
{
    unsigned char block[HSM_BLOCK];

    (void)encrypt;
    for (size_t at = 0; at < size; at++) {
        if (at % HSM_BLOCK == 0) {
            memcpy(block, counter, HSM_BLOCK);
            ecb(argument, true, block);
            for (int i = HSM_BLOCK - 1; i >= 0 && ++counter[i] == 0;)
                i--;
        }
        out[at] = in[at] ^ block[at % HSM_BLOCK];
    }
    if (size % HSM_BLOCK != 0)
        memcpy(stream, block, HSM_BLOCK);
    return true;
}

void aes_open(struct aes *aes, enum machine_kind kind, const unsigned char key[32])
{
    aes->chained = kind == MACHINE_CBC;
    aes->encrypt = EVP_CIPHER_CTX_new();
    aes->decrypt = EVP_CIPHER_CTX_new();
    CHECK(aes->encrypt != NULL && aes->decrypt != NULL);
    CHECK(EVP_EncryptInit_ex(aes->encrypt, EVP_aes_256_ecb(), NULL, key, NULL) == 1);
    CHECK(EVP_DecryptInit_ex(aes->decrypt, EVP_aes_256_ecb(), NULL, key, NULL) == 1);
    CHECK(EVP_CIPHER_CTX_set_padding(aes->encrypt, 0) == 1);
    CHECK(EVP_CIPHER_CTX_set_padding(aes->decrypt, 0) == 1);
}

void aes_close(struct aes *aes)
{
    EVP_CIPHER_CTX_free(aes->encrypt);
    EVP_CIPHER_CTX_free(aes->decrypt);
}

struct machine_engine aes_engine(struct aes *aes)
{
    return (struct machine_engine){ aes, aes_blocks, aes_stream, NULL };
}
