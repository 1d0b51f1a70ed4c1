/* AES-256-GCM: the engine under the state machine, and its answers in words.  See gcm.h. */
#include <openssl/proverr.h>

#include "cipher/gcm.h"
#include "secret.h"

static struct gcm_call *call_of(void *argument)
{
    return argument;
}

static struct hsm_key *key_of(void *argument)
{
    return call_of(argument)->context->base.key;
}

static enum hsm_answer once(void *argument, bool encrypt, const struct hsm_gcm *data,
                            unsigned char *out, unsigned char tag[HSM_BLOCK])
{
    return hsm_gcm_once(key_of(argument), encrypt, data, out, tag, &call_of(argument)->why);
}

static bool count(void *argument, bool encrypt, unsigned char counter[HSM_BLOCK],
                  unsigned char stream[HSM_BLOCK], const unsigned char *in, unsigned char *out,
                  size_t size)
{
    return hsm_ctr(key_of(argument), encrypt, counter, stream, in, out, size,
                   &call_of(argument)->why);
}

static bool random_bytes(void *argument, unsigned char *bytes, size_t size)
{
    return hsm_key_random(key_of(argument), bytes, size, &call_of(argument)->why);
}

static bool can_stream(void *argument)
{
    return hsm_stream_possible(key_of(argument));
}

static struct hsm_stream *begin(void *argument, const struct hsm_gcm *data)
{
    return hsm_stream_begin(key_of(argument), data, &call_of(argument)->why);
}

static bool update(void *argument, struct hsm_stream *stream, const unsigned char *in,
                   unsigned char *out, size_t size)
{
    return hsm_stream_update(stream, in, out, size, &call_of(argument)->why);
}

static bool finish(void *argument, struct hsm_stream *stream, unsigned char tag[HSM_BLOCK])
{
    return hsm_stream_finish(stream, tag, &call_of(argument)->why);
}

static unsigned char *get(void *argument, size_t size)
{
    return secret_alloc_large(size, &call_of(argument)->why);
}

static void put(unsigned char *memory, size_t size)
{
    secret_free(memory, size);
}

struct gcm_engine gcm_hsm_engine(struct gcm_call *call, struct gcm_context *context)
{
    call->context = context;
    call->why.text[0] = '\0';
    return (struct gcm_engine){
        .argument = call,
        .once = once,
        .count = count,
        .random = random_bytes,
        .can_stream = can_stream,
        .begin = begin,
        .update = update,
        .finish = finish,
        .drop = hsm_stream_drop,
        .get = get,
        .put = put,
    };
}

/* What a result means, in the default provider's reasons where it has them; 0: our own. */
static const struct {
    int reason;
    const char *words;
} answers[] = {
    [GCM_WRONG_STATE] = { PROV_R_CIPHER_OPERATION_FAILED,
                          "not in this state: init, AAD, data, final, each once or in this order; "
                          "an IV serves one encryption, and is set after its length" },
    [GCM_NO_IV] = { PROV_R_INVALID_IV_LENGTH, "no IV was set" },
    [GCM_NO_TAG] = { PROV_R_INVALID_TAG,
                     "no tag was set, or its length is below gcm-min-tag or above 16 bytes" },
    [GCM_TAG_DIFFERS] = { PROV_R_CIPHER_OPERATION_FAILED, "the message is not authentic" },
    [GCM_ONE_SHOT_ONLY] = { PROV_R_CIPHER_OPERATION_FAILED,
                            "gcm-one-shot = always allows one update of data, after the tag" },
    [GCM_BUFFER_FULL] = { PROV_R_CIPHER_OPERATION_FAILED,
                          "the message is longer than gcm-buffer and would have to be kept" },
    [GCM_IV_LENGTH] = { PROV_R_INVALID_IV_LENGTH, "an IV has 1 to 128 bytes, 12 where a message "
                                                  "takes several updates, and 12 or "
                                                  "more where none is given" },
    [GCM_IV_REPLACED] = { PROV_R_CIPHER_OPERATION_FAILED,
                          "the HSM takes no IV but its own, so give all data in one update" },
    [GCM_TOO_LONG] = { PROV_R_CIPHER_OPERATION_FAILED, "a message has at most 2^36 - 32 bytes" },
};

int gcm_answer(const struct gcm_context *context, enum gcm_result result, const struct failure *why)
{
    const struct errors *errors = &context->base.instance->errors;
    struct failure own;

    if (result == GCM_OK)
        return 1;
    if (result == GCM_ENGINE_FAILED && why->text[0] != '\0')
        return error_raise(errors, why);
    if (result == GCM_ENGINE_FAILED)
        failure_set(&own, FAILURE_OPERATION, "AES-256-GCM: the HSM's answers do not agree");
    else if (result == GCM_MEMORY)
        failure_memory(&own);
    if (result == GCM_ENGINE_FAILED || result == GCM_MEMORY)
        return error_raise(errors, &own);
    return error_raise_prov(errors, answers[result].reason, "AES-256-GCM: %s",
                            answers[result].words);
}
