/* The state machine under AES-256-GCM, events and states: see gcm-machine.h.  Data: gcm-data.c. */
#include "cipher/gcm-machine.h"

#include <stdlib.h>
#include <string.h>

#include "secret.h"

void gcm_new(struct gcm_machine *machine, const struct gcm_limits *limits)
{
    *machine = (struct gcm_machine){
        .limits = limits, .encrypt = true, .iv_size = GCM_IV_USUAL, .all_kept = true
    };
}

/* The message that was under way is given up. */
static void drop_message(struct gcm_machine *machine, const struct gcm_engine *engine)
{
    if (machine->stream != NULL)
        engine->drop(machine->stream);
    machine->stream = NULL;
    gcm_bytes_empty(&machine->aad);
    gcm_bytes_empty(&machine->kept);
    machine->all_kept = true;
    machine->total = 0;
    machine->verified = false;
    machine->held = false;
    secret_wipe(machine->held_tag, sizeof(machine->held_tag));
}

void gcm_free(struct gcm_machine *machine, const struct gcm_engine *engine)
{
    drop_message(machine, engine);
    gcm_bytes_clear(&machine->aad);
    gcm_bytes_clear(&machine->kept);
    secret_wipe(machine, sizeof(*machine));
}

enum gcm_result gcm_copy(struct gcm_machine *copy, const struct gcm_machine *machine)
{
    bool copied;

    if ((machine->state == GCM_ONE || machine->state == GCM_MORE) && !machine->all_kept)
        return GCM_BUFFER_FULL;
    *copy = *machine;
    copy->stream = NULL;
    copied = gcm_bytes_copy(&copy->aad, &machine->aad);
    if (gcm_bytes_copy(&copy->kept, &machine->kept) && copied)
        return GCM_OK;
    gcm_bytes_clear(&copy->aad);
    gcm_bytes_clear(&copy->kept);
    return GCM_MEMORY;
}

static bool in_message(const struct gcm_machine *machine)
{
    return machine->state == GCM_AAD || machine->state == GCM_ONE || machine->state == GCM_MORE;
}

/* A key without an IV: an IV that was used with another message is not used again. */
static enum gcm_state after_key(const struct gcm_machine *machine)
{
    switch (machine->state) {
    case GCM_NO_KEY:
    case GCM_KEY_ONLY:
        return GCM_KEY_ONLY;
    case GCM_IV_ONLY:
    case GCM_READY:
        return GCM_READY;
    default:
        return GCM_SPENT;
    }
}

static void turn(struct gcm_machine *machine, const struct gcm_engine *engine)
{
    if (!in_message(machine) && machine->state != GCM_BAD_TAG)
        return;
    drop_message(machine, engine);
    machine->state = GCM_SPENT;
}

static void take_iv(struct gcm_machine *machine, const unsigned char *iv, size_t iv_size)
{
    memcpy(machine->iv, iv, iv_size);
    machine->iv_size = iv_size;
    machine->iv_set = true;
    machine->iv_source = GCM_IV_GIVEN;
}

void gcm_note(struct gcm_machine *machine, bool encrypt, const unsigned char *iv, size_t iv_size)
{
    machine->encrypt = encrypt;
    if (iv == NULL)
        return;
    take_iv(machine, iv, iv_size);
    machine->state = GCM_READY;
}

void gcm_init(struct gcm_machine *machine, const struct gcm_engine *engine, bool encrypt, bool key,
              const unsigned char *iv, size_t iv_size)
{
    const bool turned = machine->encrypt != encrypt;

    machine->encrypt = encrypt;
    if (!key && iv == NULL) {
        if (turned)
            turn(machine, engine);
        return;
    }
    drop_message(machine, engine);
    machine->tag_fresh = false;
    if (iv == NULL) {
        machine->state = after_key(machine);
        return;
    }
    take_iv(machine, iv, iv_size);
    if (key || (machine->state != GCM_NO_KEY && machine->state != GCM_IV_ONLY))
        machine->state = GCM_READY;
    else
        machine->state = GCM_IV_ONLY;
}

void gcm_lose_key(struct gcm_machine *machine, const struct gcm_engine *engine)
{
    drop_message(machine, engine);
    machine->state =
        machine->state == GCM_READY || machine->state == GCM_IV_ONLY ? GCM_IV_ONLY : GCM_NO_KEY;
}

enum gcm_result gcm_need_iv(struct gcm_machine *machine, const struct gcm_engine *engine)
{
    if (machine->state != GCM_KEY_ONLY)
        return GCM_OK;
    if (!machine->encrypt)
        return GCM_NO_IV;
    if (machine->iv_size < GCM_IV_USUAL) /* of fewer bits two are soon the same */
        return GCM_IV_LENGTH;
    if (!engine->random(engine->argument, machine->iv, machine->iv_size))
        return GCM_ENGINE_FAILED;
    machine->iv_set = true;
    machine->iv_source = GCM_IV_DRAWN;
    machine->iv_generated = true;
    machine->state = GCM_READY;
    return GCM_OK;
}

const unsigned char *gcm_tell_iv(struct gcm_machine *machine)
{
    if (machine->iv_source == GCM_IV_DRAWN)
        machine->iv_source = GCM_IV_GIVEN;
    return machine->iv_set ? machine->iv : NULL;
}

enum gcm_result gcm_aad(struct gcm_machine *machine, const struct gcm_engine *engine,
                        const unsigned char *aad, size_t size)
{
    enum gcm_result result;

    if (size == 0)
        return GCM_OK;
    result = gcm_need_iv(machine, engine);
    if (result != GCM_OK)
        return result;
    if (machine->state != GCM_READY && machine->state != GCM_AAD)
        return GCM_WRONG_STATE;
    if (!gcm_bytes_append(&machine->aad, aad, size, machine->limits->buffer))
        return GCM_BUFFER_FULL;
    machine->state = GCM_AAD;
    return GCM_OK;
}

enum gcm_result gcm_set_tag(struct gcm_machine *machine, const unsigned char *tag, size_t size)
{
    if (machine->encrypt)
        return GCM_WRONG_STATE;
    if (size < machine->limits->min_tag || size > HSM_BLOCK)
        return GCM_NO_TAG;
    if (size != machine->tag_size || memcmp(tag, machine->tag, size) != 0)
        machine->verified = false;
    memcpy(machine->tag, tag, size);
    machine->tag_size = size;
    machine->tag_fresh = true;
    return GCM_OK;
}

enum gcm_result gcm_get_tag(const struct gcm_machine *machine, unsigned char *tag, size_t size)
{
    if (!machine->encrypt || machine->state != GCM_DONE)
        return GCM_WRONG_STATE;
    if (size < machine->limits->min_tag || size > HSM_BLOCK)
        return GCM_NO_TAG;
    memcpy(tag, machine->tag, size);
    return GCM_OK;
}

enum gcm_result gcm_set_iv_size(struct gcm_machine *machine, const struct gcm_engine *engine,
                                size_t size)
{
    if (size == 0 || size > GCM_IV_MOST)
        return GCM_IV_LENGTH;
    if (size == machine->iv_size)
        return GCM_OK;
    machine->iv_size = size;
    machine->iv_set = false;
    /* An IV that was given is not one to be made up: the program would think that it has served. */
    if (machine->state == GCM_IV_ONLY || machine->state == GCM_READY || in_message(machine)) {
        drop_message(machine, engine);
        machine->state = GCM_SPENT;
    }
    return GCM_OK;
}
