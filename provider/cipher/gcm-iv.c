/*
 * AES-256-GCM: IVs put together from a fixed and a counting part (NIST SP 800-38D, 8.2.1), as
 * EVP_CTRL_GCM_SET_IV_FIXED, _IV_GEN and _SET_IV_INV do it.
 */
#include <string.h>

#include "cipher/gcm.h"

enum {
    FIXED_LEAST = 4,    /* as in TLS: RFC 5288, 3 */
    EXPLICIT_LEAST = 8, /* what counts */
};

/* A new message begins with the IV that is next. */
static void begin(struct gcm_context *context)
{
    struct gcm_machine *machine = &context->machine;
    struct gcm_call call;
    const struct gcm_engine engine = gcm_hsm_engine(&call, context);

    gcm_init(machine, &engine, machine->encrypt, false, context->next_iv, machine->iv_size);
}

bool gcm_fix_iv(struct gcm_context *context, const unsigned char *bytes, size_t size)
{
    struct gcm_machine *machine = &context->machine;
    struct failure ignored;

    if (bytes == NULL)
        return false;
    if (size == (size_t)-1) { /* the whole IV */
        memcpy(context->next_iv, bytes, machine->iv_size);
    } else {
        if (size < FIXED_LEAST || size > machine->iv_size ||
            machine->iv_size - size < EXPLICIT_LEAST)
            return false;
        memcpy(context->next_iv, bytes, size);
        if (machine->encrypt && !hsm_key_random(context->base.key, context->next_iv + size,
                                                machine->iv_size - size, &ignored))
            return false;
        machine->iv_generated = machine->iv_generated || machine->encrypt;
    }
    context->iv_generator = true;
    begin(context);
    return true;
}

bool gcm_generate_iv(struct gcm_context *context, unsigned char *bytes, size_t size)
{
    const size_t iv_size = context->machine.iv_size;

    if (!context->iv_generator || iv_size < EXPLICIT_LEAST)
        return false;
    if (size == 0 || size > iv_size)
        size = iv_size;
    begin(context);
    memcpy(bytes, context->next_iv + iv_size - size, size);
    for (size_t i = iv_size; i > iv_size - EXPLICIT_LEAST && ++context->next_iv[i - 1] == 0; i--)
        continue;
    return true;
}

bool gcm_set_invocation(struct gcm_context *context, const unsigned char *bytes, size_t size)
{
    const struct gcm_machine *machine = &context->machine;

    if (!context->iv_generator || machine->encrypt || size > machine->iv_size)
        return false;
    memcpy(context->next_iv + machine->iv_size - size, bytes, size);
    begin(context);
    return true;
}
