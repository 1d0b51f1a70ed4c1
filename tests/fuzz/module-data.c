/*
 * The steps of fuzz-module.c with data: what comes out with success is right, and what fails gives
 * nothing out and changes nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "module-run.h"
#include "software.h"

enum { MOST = 70000 };

/* What goes in and comes out. */
struct data {
    unsigned char *in, *out, *right;
    size_t size;
};

static size_t pick_size(struct input *input, bool blocks)
{
    static const size_t limits[] = { 16, 64, 300, 1500, 1500, 9000, 9000, MOST };
    const size_t size = input_upto(input, limits[input_upto(input, 7)]);

    return blocks ? (size / HSM_BLOCK + 1) * HSM_BLOCK : size;
}

static struct data data_new(struct run *run, bool blocks)
{
    struct data data = { .size = pick_size(&run->calls, blocks) };
    const size_t room = data.size + 2 * HSM_BLOCK;

    data.in = malloc(data.size + 1);
    data.out = malloc(data.size + 1);
    data.right = malloc(room);
    EXPECT(data.in != NULL && data.out != NULL && data.right != NULL);
    for (size_t i = 0; i < data.size; i++)
        data.in[i] = (unsigned char)(i * 7 + i / 256);
    input_fill(&run->calls, data.in, data.size < 4 ? data.size : 4);
    memset(data.out, BLANK, data.size + 1);
    return data;
}

static void data_free(struct data *data)
{
    EXPECT(data->out[data->size] == BLANK);
    free(data->in);
    free(data->out);
    free(data->right);
}

bool is_blank(const unsigned char *out, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (out[i] != BLANK && out[i] != 0)
            return false;
    return true;
}

static void blocks(struct run *run, bool chained)
{
    struct data data = data_new(run, true);
    const bool encrypt = input_byte(&run->calls) & 1;
    const bool with_head = data.size > HSM_BLOCK && input_byte(&run->calls) & 1;
    const size_t head = with_head ? HSM_BLOCK : 0;
    const struct hsm_data hsm = { with_head ? data.in : NULL, data.in + head, data.size - head,
                                  data.out };
    unsigned char chain[HSM_BLOCK], before[HSM_BLOCK];
    struct failure why;
    bool good;

    input_fill(&run->calls, chain, sizeof(chain));
    memcpy(before, chain, sizeof(chain));
    good = chained ? hsm_cbc(run->key, encrypt, chain, &hsm, &why)
                   : hsm_ecb(run->key, encrypt, &hsm, &why);
    software(chained ? "AES-256-CBC" : "AES-256-ECB", run->bytes, before, encrypt, data.in,
             data.size, data.right);
    if (!good) {
        EXPECT_WORDS(&why);
        EXPECT(is_blank(data.out, data.size) && memcmp(chain, before, sizeof(chain)) == 0);
    } else if (!fake.lied) {
        EXPECT(memcmp(data.out, data.right, data.size) == 0);
        EXPECT(!chained || memcmp(chain, (encrypt ? data.out : data.in) + data.size - HSM_BLOCK,
                                  HSM_BLOCK) == 0);
    }
    data_free(&data);
}

static void counter(struct run *run)
{
    struct data data = data_new(run, false);
    unsigned char block[HSM_BLOCK], before[HSM_BLOCK], stream[HSM_BLOCK];
    struct failure why;

    input_fill(&run->calls, block, sizeof(block));
    if (input_byte(&run->calls) & 1)
        memset(block, 0xff, HSM_BLOCK - 1); /* it wraps soon */
    memcpy(before, block, sizeof(block));
    software("AES-256-CTR", run->bytes, before, true, data.in, data.size, data.right);
    if (!hsm_ctr(run->key, true, block, stream, data.in, data.out, data.size, &why)) {
        EXPECT_WORDS(&why);
        EXPECT(is_blank(data.out, data.size) && memcmp(block, before, sizeof(block)) == 0);
    } else if (!fake.lied) {
        EXPECT(memcmp(data.out, data.right, data.size) == 0);
    }
    data_free(&data);
}

static void gcm_decrypt(struct run *run, const struct hsm_gcm *gcm, struct data *data, bool forge)
{
    struct failure why;
    enum hsm_answer answer;

    memset(data->out, BLANK, data->size);
    answer = hsm_gcm_once(run->key, false, gcm, data->out, NULL, &why);
    if (answer != HSM_DONE) {
        EXPECT(is_blank(data->out, data->size));
        EXPECT(answer == HSM_WRONG_TAG || has_words(&why));
    } else if (!fake.lied) {
        EXPECT(!forge && memcmp(data->out, data->in, data->size) == 0);
    }
}

/* Encryption, and its decryption with the tag as it is or changed. */
static void gcm(struct run *run)
{
    struct data data = data_new(run, false);
    unsigned char iv[16], aad[32], tag[HSM_BLOCK], right[HSM_BLOCK];
    struct hsm_gcm gcm = { .iv = iv,
                           .iv_size = 1 + input_upto(&run->calls, sizeof(iv) - 1),
                           .aad = aad,
                           .aad_size = input_upto(&run->calls, sizeof(aad)),
                           .in = data.in,
                           .size = data.size,
                           .tag_size = HSM_BLOCK };
    const bool forge = input_byte(&run->calls) & 1;
    struct failure why;

    input_fill(&run->calls, iv, sizeof(iv));
    memset(aad, 'a', sizeof(aad));
    memset(tag, BLANK, sizeof(tag));
    software_gcm(run->bytes, &gcm, data.right, right);
    if (hsm_gcm_once(run->key, true, &gcm, data.out, tag, &why) != HSM_DONE) {
        EXPECT_WORDS(&why);
        EXPECT(is_blank(data.out, data.size) && is_blank(tag, sizeof(tag)));
    } else if (!fake.lied) {
        EXPECT(memcmp(data.out, data.right, data.size) == 0);
        EXPECT(memcmp(tag, right, sizeof(tag)) == 0);
    }
    right[3] ^= forge;
    gcm.in = data.right;
    gcm.tag = right;
    gcm_decrypt(run, &gcm, &data, forge);
    data_free(&data);
}

static void gcm_stream(struct run *run)
{
    struct data data = data_new(run, false);
    const unsigned char iv[12] = "twelve bytes";
    const struct hsm_gcm gcm = { .iv = iv, .iv_size = 12, .in = data.in, .size = data.size };
    unsigned char tag[HSM_BLOCK], right[HSM_BLOCK];
    struct failure why;
    struct hsm_stream *stream = hsm_stream_begin(run->key, &gcm, &why);
    const size_t first = data.size / 3 + 1;

    software_gcm(run->bytes, &gcm, data.right, right);
    if (stream == NULL) {
        EXPECT_WORDS(&why);
    } else if (data.size < 3 || !hsm_stream_update(stream, data.in, data.out, first, &why) ||
               !hsm_stream_update(stream, data.in + first, data.out + first, data.size - first,
                                  &why)) {
        EXPECT(data.size < 3 || has_words(&why));
        hsm_stream_drop(stream);
    } else if (!hsm_stream_finish(stream, tag, &why)) {
        EXPECT_WORDS(&why);
        hsm_stream_drop(stream);
    } else if (!fake.lied) {
        EXPECT(memcmp(data.out, data.right, data.size) == 0);
        EXPECT(memcmp(tag, right, sizeof(tag)) == 0);
    }
    data_free(&data);
}

static void mac(struct run *run, bool streamed)
{
    struct data data = data_new(run, false);
    unsigned char mac[HSM_MAC_MOST], right[HSM_MAC_MOST];
    struct failure why;
    struct hsm_mac_stream *stream = NULL;
    bool good;

    memset(mac, BLANK, sizeof(mac));
    software_cmac(run->bytes, data.in, data.size, right);
    if (streamed) {
        stream = hsm_mac_begin(run->key, HSM_CMAC, data.in, data.size / 2, &why);
        good = stream != NULL &&
               hsm_mac_update(stream, data.in + data.size / 2, data.size - data.size / 2, &why) &&
               hsm_mac_final(stream, mac, &why);
        hsm_mac_stream_free(stream);
    } else {
        good = hsm_mac(run->key, HSM_CMAC, data.in, data.size, mac, &why);
    }
    if (!good) {
        EXPECT_WORDS(&why);
        EXPECT(is_blank(mac, sizeof(mac)));
    } else if (!fake.lied) {
        EXPECT(memcmp(mac, right, HSM_BLOCK) == 0 && is_blank(mac + HSM_BLOCK, HSM_BLOCK));
    }
    data_free(&data);
}

/* Key wrap and feedback modes by mechanisms of the module. */
static void native(struct run *run)
{
    static const char *const names[HSM_MODES] = {
        [HSM_CFB128] = "AES-256-CFB", [HSM_CFB8] = "AES-256-CFB8", [HSM_OFB] = "AES-256-OFB"
    };
    const enum hsm_mode mode = (enum hsm_mode)(1 + input_upto(&run->calls, HSM_MODES - 2));
    const bool encrypt = input_byte(&run->calls) & 1;
    struct data data = data_new(run, true);
    unsigned char shift[HSM_BLOCK] = "a shift register", before[HSM_BLOCK], *out;
    const size_t most = hsm_wrap_most(encrypt, data.size);
    const struct hsm_data hsm = { .in = data.in, .size = data.size, .out = data.out };
    struct hsm_native native;
    size_t written = 0;
    struct failure why;
    struct hsm_wrap wrap = { .in = data.in, .size = data.size };
    enum hsm_native_answer answer;

    hsm_native_find(run->key, mode, encrypt, false, &native);
    wrap.out = out = malloc(most);
    EXPECT(out != NULL);
    memset(out, BLANK, most);
    memcpy(before, shift, sizeof(shift));
    if (native.trust == HSM_TRUST_NOT) {
        ;
    } else if (mode == HSM_KW || mode == HSM_KWP) {
        answer = hsm_wrap(&native, &wrap, &written, &why);
        EXPECT(written <= most && (answer == HSM_NATIVE_DONE || written == 0));
        EXPECT(answer == HSM_NATIVE_DONE || is_blank(out, most));
        hsm_native_judge(&native, answer == HSM_NATIVE_DONE);
    } else {
        answer = hsm_feedback(&native, shift, &hsm, &written, &why);
        EXPECT(written <= data.size && is_blank(data.out + written, data.size - written));
        software(names[mode], run->bytes, before, encrypt, data.in, data.size, data.right);
        if (answer == HSM_NATIVE_DONE && !fake.lied)
            EXPECT(written == data.size && memcmp(data.out, data.right, data.size) == 0);
    }
    free(out);
    data_free(&data);
}

void run_data(struct run *run, size_t what)
{
    switch (what) {
    case 0:
        blocks(run, false);
        break;
    case 1:
    case 2:
        blocks(run, true);
        break;
    case 3:
        counter(run);
        break;
    case 4:
    case 5:
        gcm(run);
        break;
    case 6:
        gcm_stream(run);
        break;
    case 7:
        mac(run, false);
        break;
    case 8:
        mac(run, true);
        break;
    default:
        native(run);
    }
}
