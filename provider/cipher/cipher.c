/* AES-256 ciphers, contexts and data: see cipher.h.  Keys: init.c; parameters: params.c. */
#include "cipher/cipher.h"

#include <openssl/proverr.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "algorithm.h"
#include "cipher/context.h"
#include "secret.h"

static void take_software(struct cipher_software *software, const OSSL_DISPATCH *from)
{
    for (; from->function_id != 0; from++) {
        switch (from->function_id) {
#define TAKE(number, name)                                                                         \
    case number:                                                                                   \
        software->name = OSSL_FUNC_cipher_##name(from);                                            \
        break
            TAKE(OSSL_FUNC_CIPHER_NEWCTX, newctx);
            TAKE(OSSL_FUNC_CIPHER_FREECTX, freectx);
            TAKE(OSSL_FUNC_CIPHER_DUPCTX, dupctx);
            TAKE(OSSL_FUNC_CIPHER_ENCRYPT_INIT, encrypt_init);
            TAKE(OSSL_FUNC_CIPHER_DECRYPT_INIT, decrypt_init);
            TAKE(OSSL_FUNC_CIPHER_UPDATE, update);
            TAKE(OSSL_FUNC_CIPHER_FINAL, final);
            TAKE(OSSL_FUNC_CIPHER_CIPHER, cipher);
            TAKE(OSSL_FUNC_CIPHER_GET_PARAMS, get_params);
            TAKE(OSSL_FUNC_CIPHER_GETTABLE_PARAMS, gettable_params);
            TAKE(OSSL_FUNC_CIPHER_GET_CTX_PARAMS, get_ctx_params);
            TAKE(OSSL_FUNC_CIPHER_SET_CTX_PARAMS, set_ctx_params);
            TAKE(OSSL_FUNC_CIPHER_GETTABLE_CTX_PARAMS, gettable_ctx_params);
            TAKE(OSSL_FUNC_CIPHER_SETTABLE_CTX_PARAMS, settable_ctx_params);
#undef TAKE
        default: /* of later versions; what works on a context does not know ours */
            break;
        }
    }
}

static bool is_complete(const struct cipher_software *software)
{
    return software->newctx != NULL && software->freectx != NULL && software->dupctx != NULL &&
           software->encrypt_init != NULL && software->decrypt_init != NULL &&
           software->update != NULL && software->final != NULL && software->get_params != NULL &&
           software->gettable_params != NULL && software->get_ctx_params != NULL &&
           software->set_ctx_params != NULL && software->gettable_ctx_params != NULL &&
           software->settable_ctx_params != NULL;
}

const OSSL_DISPATCH *cipher_dispatch(const char *names, const OSSL_DISPATCH *software, bool inner)
{
    static const struct cipher_mode *const modes[] = {
        &cipher_ecb,      &cipher_cbc,      &cipher_cts,          &cipher_ctr, &cipher_gcm,
        &cipher_cfb,      &cipher_cfb8,     &cipher_cfb1,         &cipher_ofb, &cipher_wrap,
        &cipher_wrap_pad, &cipher_wrap_inv, &cipher_wrap_pad_inv,
    };

    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (!algorithm_is(names, modes[i]->name))
            continue;
        if (!is_complete(modes[i]->software))
            take_software(modes[i]->software, software);
        if (!is_complete(modes[i]->software))
            return NULL;
        return inner ? modes[i]->inner : modes[i]->dispatch;
    }
    return NULL;
}

bool cipher_open(struct cipher_context *context, const struct cipher_mode *mode, void *provctx,
                 bool inner)
{
    context->mode = mode;
    context->inner = inner;
    context->instance = inner ? instance_borrow(provctx) : instance_find(provctx);
    context->software = mode->software->newctx(provctx);
    if (context->instance != NULL && context->software != NULL)
        return true;
    cipher_close(context);
    return false;
}

void cipher_close(struct cipher_context *context)
{
    if (context->software != NULL)
        context->mode->software->freectx(context->software);
    hsm_key_free(context->key);
    if (!context->inner)
        instance_free(context->instance);
    machine_wipe(&context->machine);
}

bool cipher_copy(struct cipher_context *copy, const struct cipher_context *context)
{
    *copy = *context;
    if (!copy->inner)
        instance_ref(copy->instance);
    if (copy->key != NULL)
        hsm_key_ref(copy->key);
    copy->software = context->mode->software->dupctx(context->software);
    if (copy->software != NULL)
        return true;
    cipher_close(copy);
    return false;
}

void *cipher_newctx(const struct cipher_mode *mode, void *provctx, bool inner)
{
    struct cipher_context *context = calloc(1, sizeof(*context));

    if (context == NULL)
        return instance_raise_memory();
    machine_new(&context->machine, mode->kind);
    if (cipher_open(context, mode, provctx, inner))
        return context;
    free(context);
    return NULL;
}

void cipher_freectx(void *context)
{
    if (context == NULL)
        return;
    cipher_close(context);
    free(context);
}

void *cipher_dupctx(void *context)
{
    struct cipher_context *copy = malloc(sizeof(*copy));

    if (copy != NULL && cipher_copy(copy, context))
        return copy;
    free(copy);
    return NULL;
}

/* The engine under the machine: the mode's functions, with the context's key. */
struct engine_argument {
    const struct cipher_context *context;
    struct failure why;
};

static bool engine_blocks(void *argument_, bool encrypt, unsigned char chain[HSM_BLOCK],
                          const struct hsm_data *data)
{
    struct engine_argument *argument = argument_;

    return argument->context->mode->blocks(argument->context->key, encrypt, chain, data,
                                           &argument->why);
}

static bool engine_stream(void *argument_, bool encrypt, unsigned char counter[HSM_BLOCK],
                          unsigned char stream[HSM_BLOCK], const unsigned char *in,
                          unsigned char *out, size_t size)
{
    struct engine_argument *argument = argument_;

    return argument->context->mode->stream(argument->context->key, encrypt, counter, stream, in,
                                           out, size, &argument->why);
}

static void native_find(void *argument_, bool encrypt, bool own_iv, struct hsm_native *native)
{
    const struct cipher_context *context = ((struct engine_argument *)argument_)->context;

    hsm_native_find(context->key, context->mode->native, encrypt, own_iv, native);
}

/* Data that are not genuine are no failure, and leave the words of an earlier one. */
static enum hsm_native_answer native_wrap_data(void *argument_, const struct hsm_native *native,
                                               const struct hsm_wrap *data, size_t *written)
{
    struct engine_argument *argument = argument_;
    struct failure why;
    const enum hsm_native_answer answer = hsm_wrap(native, data, written, &why);

    if (answer == HSM_NATIVE_UNFIT || answer == HSM_NATIVE_FAILED)
        argument->why = why;
    return answer;
}

static enum hsm_native_answer native_feedback(void *argument_, const struct hsm_native *native,
                                              unsigned char shift[HSM_BLOCK],
                                              const struct hsm_data *data, size_t *done)
{
    struct engine_argument *argument = argument_;

    return hsm_feedback(native, shift, data, done, &argument->why);
}

static void native_judge(void *argument_, const struct hsm_native *native, bool right)
{
    (void)argument_;
    hsm_native_judge(native, right);
}

static const struct machine_native natives = { native_find, native_wrap_data, native_feedback,
                                               native_judge };

/* Says on the error queue what became of an event, in the default provider's own reason codes. */
static int answer(const struct cipher_context *context, enum machine_result result,
                  const struct failure *why)
{
    const struct errors *errors = &context->instance->errors;
    struct failure own;

    switch (result) {
    case MACHINE_DONE:
        return 1;
    case MACHINE_ENGINE_FAILED:
        return error_raise(errors, why);
    case MACHINE_NO_IV:
        failure_set(&own, FAILURE_IV_MISSING,
                    "%s with an HSM key needs an IV, and none was set since the context was made",
                    context->mode->name);
        return error_raise(errors, &own);
    case MACHINE_NO_ROOM:
        return error_raise_prov(errors, PROV_R_OUTPUT_BUFFER_TOO_SMALL, "%s", context->mode->name);
    case MACHINE_WRONG_LENGTH:
        return error_raise_prov(errors, PROV_R_WRONG_FINAL_BLOCK_LENGTH,
                                "%s: the data are no whole number of 16-byte blocks",
                                context->mode->name);
    case MACHINE_BAD_DECRYPT:
        return error_raise_prov(errors, PROV_R_BAD_DECRYPT, "%s", context->mode->name);
    case MACHINE_BAD_SIZE:
        return error_raise_prov(errors, PROV_R_INVALID_INPUT_LENGTH,
                                "%s: data of this size are not taken", context->mode->name);
    case MACHINE_ENDED:
        return error_raise_prov(errors, PROV_R_CIPHER_OPERATION_FAILED,
                                "%s: a message is one update; the next one needs an init",
                                context->mode->name);
    case MACHINE_NOT_GENUINE:
        return error_raise_prov(errors, PROV_R_CIPHER_OPERATION_FAILED,
                                "%s: the data were not wrapped with this key and IV, or changed",
                                context->mode->name);
    case MACHINE_NO_STREAM:
    default:
        return error_raise_prov(errors, PROV_R_CIPHER_OPERATION_FAILED,
                                "%s: num cannot be set to this", context->mode->name);
    }
}

bool cipher_is_ready(const struct cipher_context *context)
{
    const struct errors *errors = &context->instance->errors;
    struct failure why;

    if (context->keyed == KEYED_NOT)
        return error_raise_prov(errors, PROV_R_NO_KEY_SET, "%s", context->mode->name) != 0;
    if (!context->tls)
        return true;
    failure_set(&why, FAILURE_NOT_OFFERED,
                "%s: TLS records are not offered with an HSM key; they need a raw key",
                context->mode->name);
    return error_raise(errors, &why) != 0;
}

int cipher_nothing_given(unsigned char *out, size_t output, const unsigned char *in, size_t size)
{
    const uintptr_t to = (uintptr_t)out, from = (uintptr_t)in;

    if (out != NULL && output > 0 && (to + output <= from || from + size <= to))
        secret_wipe(out, output);
    return 0;
}

/* The same for an update (else EVP_Cipher()) of `size` bytes. */
static int nothing_given(const struct cipher_context *context, bool update, unsigned char *out,
                         size_t room, const unsigned char *in, size_t size)
{
    const size_t output = machine_output(&context->machine, update, size);

    return cipher_nothing_given(out, output < room ? output : room, in, size);
}

#define ENGINE(variable, argument)                                                                 \
    const struct machine_engine variable = { &(argument), engine_blocks, engine_stream,            \
                                             context->mode->native != HSM_NO_MODE ? &natives       \
                                                                                  : NULL }

int cipher_update(void *context_, unsigned char *out, size_t *written, size_t room,
                  const unsigned char *in, size_t size)
{
    struct cipher_context *context = context_;
    struct engine_argument argument;
    ENGINE(engine, argument);

    if (context->keyed == KEYED_RAW)
        return context->mode->software->update(context->software, out, written, room, in, size);
    argument.context = context;
    return (cipher_is_ready(context) &&
            answer(context,
                   machine_update(&context->machine, &engine, out, written, room, in, size),
                   &argument.why)) ||
           nothing_given(context, true, out, room, in, size);
}

int cipher_final(void *context_, unsigned char *out, size_t *written, size_t room)
{
    struct cipher_context *context = context_;
    struct engine_argument argument;
    ENGINE(engine, argument);

    if (context->keyed == KEYED_RAW)
        return context->mode->software->final(context->software, out, written, room);
    if (!cipher_is_ready(context))
        return 0;
    argument.context = context;
    return answer(context, machine_final(&context->machine, &engine, out, written, room),
                  &argument.why);
}

int cipher_cipher(void *context_, unsigned char *out, size_t *written, size_t room,
                  const unsigned char *in, size_t size)
{
    struct cipher_context *context = context_;
    struct engine_argument argument;
    ENGINE(engine, argument);

    if (context->keyed == KEYED_RAW)
        return context->mode->software->cipher(context->software, out, written, room, in, size);
    argument.context = context;
    return (cipher_is_ready(context) &&
            answer(context,
                   machine_at_once(&context->machine, &engine, out, written, room, in, size),
                   &argument.why)) ||
           nothing_given(context, false, out, room, in, size);
}
