/*
 * AES-256-GCM, data and final: gcm_data() and gcm_end() of gcm-machine.h.
 *
 * Two tags under one IV give H away, so the tag of a first update is wiped unseen when more
 * follows.
 */
#include "cipher/gcm-machine.h"

#include <stdlib.h>
#include <string.h>

#include "secret.h"

static const uint64_t most_data = (1ULL << 36) - 32; /* SP 800-38D, 5.2.1.1 */

static struct hsm_gcm message(struct gcm_machine *machine, const unsigned char *in, size_t size)
{
    return (struct hsm_gcm){
        .iv = machine->iv,
        .iv_size = machine->iv_size,
        .aad = machine->aad.data,
        .aad_size = machine->aad.size,
        .in = in,
        .size = size,
        .tag = machine->tag,
        .tag_size = machine->tag_size,
    };
}

/* Ciphertext is kept while all of it fits; what does not fit ends copies and recovery. */
static void keep(struct gcm_machine *machine, const unsigned char *ciphertext, size_t size)
{
    if (!machine->all_kept ||
        gcm_bytes_append(&machine->kept, ciphertext, size, machine->limits->buffer))
        return;
    machine->all_kept = false;
    free(machine->kept.data);
    machine->kept = (struct gcm_bytes){ 0 };
}

/* Whether `size` more bytes can be kept, where without them there is no end. */
static bool fits(const struct gcm_machine *machine, size_t size)
{
    return machine->all_kept && size <= machine->limits->buffer &&
           machine->kept.size <= machine->limits->buffer - size;
}

/* GCM's body from byte `offset` on: CTR from counter block IV || 2 (SP 800-38D, 7.1). */
static enum gcm_result count(const struct gcm_machine *machine, const struct gcm_engine *engine,
                             uint64_t offset, const unsigned char *in, unsigned char *out,
                             size_t size)
{
    const size_t used = (size_t)(offset % HSM_BLOCK);
    const uint32_t block = (uint32_t)(2 + offset / HSM_BLOCK);
    unsigned char counter[HSM_BLOCK], stream[HSM_BLOCK] = { 0 }, broken[HSM_BLOCK];
    unsigned char first[HSM_BLOCK];
    size_t head = used > 0 ? HSM_BLOCK - used : 0;

    if (machine->iv_size != GCM_IV_USUAL)
        return GCM_IV_LENGTH;
    if (head > size)
        head = size;
    memcpy(counter, machine->iv, GCM_IV_USUAL);
    for (int i = 0; i < 4; i++)
        counter[GCM_IV_USUAL + i] = (unsigned char)(block >> (24 - 8 * i));
    /* The rest of a block that was begun: its key stream is made anew. */
    if (used > 0 && !engine->count(engine->argument, machine->encrypt, counter, broken, stream,
                                   stream, HSM_BLOCK))
        return GCM_ENGINE_FAILED;
    for (size_t i = 0; i < head; i++)
        first[i] = (unsigned char)(in[i] ^ stream[used + i]);
    secret_wipe(stream, sizeof(stream));
    if (size > head && !engine->count(engine->argument, machine->encrypt, counter, broken,
                                      in + head, out + head, size - head))
        return GCM_ENGINE_FAILED;
    if (head > 0)
        memcpy(out, first, head);
    secret_wipe(first, sizeof(first));
    secret_wipe(broken, sizeof(broken));
    return GCM_OK;
}

/* What was encrypted so far, from the ciphertext that was kept. */
static bool recover(struct gcm_machine *machine, const struct gcm_engine *engine,
                    unsigned char *plaintext)
{
    const size_t size = machine->kept.size;
    struct hsm_gcm data = message(machine, machine->kept.data, size);

    if (!machine->held)
        return count(machine, engine, 0, machine->kept.data, plaintext, size) == GCM_OK;
    data.tag = machine->held_tag;
    data.tag_size = HSM_BLOCK;
    return engine->once(engine->argument, false, &data, plaintext, NULL) == HSM_DONE;
}

/* Feeds the new stream what went before: it must give what it gave. */
static bool replay(struct gcm_machine *machine, const struct gcm_engine *engine,
                   const unsigned char *plaintext, size_t size)
{
    unsigned char *again = engine->get(engine->argument, size);
    bool same;

    if (again == NULL)
        return false;
    same = engine->update(engine->argument, machine->stream, plaintext, again, size) &&
           memcmp(again, machine->kept.data, size) == 0;
    engine->put(again, size);
    return same;
}

/*
 * Gets what was encrypted so far back, and streams on after it.  The stream is begun first: where
 * all sessions that may hold one do, nothing is recovered in vain at each update.
 */
static enum gcm_result stream_again(struct gcm_machine *machine, const struct gcm_engine *engine)
{
    const struct hsm_gcm header = message(machine, NULL, 0);
    const size_t size = machine->kept.size;
    unsigned char *plaintext;
    bool ok;

    machine->stream = engine->begin(engine->argument, &header);
    if (machine->stream == NULL)
        return GCM_ENGINE_FAILED;
    plaintext = engine->get(engine->argument, size);
    ok = plaintext != NULL && recover(machine, engine, plaintext) &&
         replay(machine, engine, plaintext, size);
    if (plaintext != NULL)
        engine->put(plaintext, size);
    if (ok)
        return GCM_OK;
    engine->drop(machine->stream);
    machine->stream = NULL;
    return GCM_ENGINE_FAILED;
}

static void forget_held_tag(struct gcm_machine *machine)
{
    machine->held = false;
    secret_wipe(machine->held_tag, sizeof(machine->held_tag));
}

/* A stream that failed stands nobody knows where: what it gave next might be key stream again. */
static bool stream_on(struct gcm_machine *machine, const struct gcm_engine *engine,
                      const unsigned char *in, unsigned char *out, size_t size)
{
    if (engine->update(engine->argument, machine->stream, in, out, size))
        return true;
    engine->drop(machine->stream);
    machine->stream = NULL;
    return false;
}

/* A whole message, or what may be one; the module may put an IV of its own for one that was drawn.
 */
static bool encrypt_whole(struct gcm_machine *machine, const struct gcm_engine *engine,
                          const unsigned char *in, unsigned char *out, size_t size,
                          unsigned char tag[HSM_BLOCK])
{
    struct hsm_gcm data = message(machine, in, size);
    unsigned char own_iv[GCM_IV_MOST];

    memcpy(own_iv, machine->iv, machine->iv_size);
    data.own_iv = machine->iv_source == GCM_IV_DRAWN ? own_iv : NULL;
    if (engine->once(engine->argument, true, &data, out, tag) != HSM_DONE)
        return false;
    machine->iv_source =
        memcmp(own_iv, machine->iv, machine->iv_size) == 0 ? GCM_IV_GIVEN : GCM_IV_OWN;
    memcpy(machine->iv, own_iv, machine->iv_size);
    return true;
}

static enum gcm_result encrypt_first(struct gcm_machine *machine, const struct gcm_engine *engine,
                                     const unsigned char *in, unsigned char *out, size_t size)
{
    struct hsm_gcm data = message(machine, in, size);

    if (size > GCM_FIRST_MOST && machine->limits->one_shot != GCM_ONE_SHOT_ALWAYS &&
        engine->can_stream(engine->argument)) {
        machine->stream = engine->begin(engine->argument, &data);
        if (machine->stream != NULL && stream_on(machine, engine, in, out, size)) {
            machine->iv_source = GCM_IV_GIVEN;
            return GCM_OK;
        }
    }
    if (!encrypt_whole(machine, engine, in, out, size, machine->held_tag))
        return GCM_ENGINE_FAILED;
    machine->held = true;
    return GCM_OK;
}

/* In the stream that runs; or in one that is made from what is kept. */
static enum gcm_result encrypt_streaming(struct gcm_machine *machine,
                                         const struct gcm_engine *engine, const unsigned char *in,
                                         unsigned char *out, size_t size)
{
    if (machine->stream != NULL && stream_on(machine, engine, in, out, size))
        return GCM_OK;
    if (!machine->all_kept)
        return GCM_BUFFER_FULL;
    if (!engine->can_stream(engine->argument) || stream_again(machine, engine) != GCM_OK)
        return GCM_ENGINE_FAILED;
    forget_held_tag(machine);
    return stream_on(machine, engine, in, out, size) ? GCM_OK : GCM_ENGINE_FAILED;
}

static enum gcm_result encrypt_more(struct gcm_machine *machine, const struct gcm_engine *engine,
                                    const unsigned char *in, unsigned char *out, size_t size)
{
    enum gcm_result result;

    if (machine->limits->one_shot == GCM_ONE_SHOT_ALWAYS)
        return GCM_ONE_SHOT_ONLY;
    if (machine->iv_source == GCM_IV_OWN)
        return GCM_IV_REPLACED;
    result = encrypt_streaming(machine, engine, in, out, size);
    if (result == GCM_OK || result == GCM_BUFFER_FULL)
        return result;
    if (!fits(machine, size))
        return GCM_BUFFER_FULL;
    result = count(machine, engine, machine->total, in, out, size);
    if (result == GCM_OK)
        forget_held_tag(machine);
    return result;
}

static enum gcm_result decrypt_first(struct gcm_machine *machine, const struct gcm_engine *engine,
                                     const unsigned char *in, unsigned char *out, size_t size)
{
    const struct hsm_gcm data = message(machine, in, size);

    if (machine->tag_size > 0 && machine->tag_fresh &&
        machine->limits->one_shot != GCM_ONE_SHOT_NEVER) {
        const enum hsm_answer answer = engine->once(engine->argument, false, &data, out, NULL);

        machine->verified = answer == HSM_DONE;
        if (answer == HSM_DONE)
            return GCM_OK;
        if (answer == HSM_FAILED)
            return GCM_ENGINE_FAILED;
    }
    if (machine->limits->one_shot == GCM_ONE_SHOT_ALWAYS)
        return GCM_ONE_SHOT_ONLY;
    if (!fits(machine, size))
        return GCM_BUFFER_FULL;
    return count(machine, engine, 0, in, out, size);
}

static enum gcm_result decrypt_more(struct gcm_machine *machine, const struct gcm_engine *engine,
                                    const unsigned char *in, unsigned char *out, size_t size)
{
    if (machine->limits->one_shot == GCM_ONE_SHOT_ALWAYS)
        return GCM_ONE_SHOT_ONLY;
    machine->verified = false;
    if (!fits(machine, size))
        return GCM_BUFFER_FULL;
    return count(machine, engine, machine->total, in, out, size);
}

enum gcm_result gcm_data(struct gcm_machine *machine, const struct gcm_engine *engine,
                         const unsigned char *in, unsigned char *out, size_t size)
{
    struct gcm_bytes ciphertext = { 0 };
    enum gcm_result result;
    bool first;

    if (size == 0)
        return GCM_OK;
    result = gcm_need_iv(machine, engine);
    if (result != GCM_OK)
        return result;
    first = machine->state == GCM_READY || machine->state == GCM_AAD;
    if (!first && machine->state != GCM_ONE && machine->state != GCM_MORE)
        return GCM_WRONG_STATE;
    if (machine->total > most_data - size)
        return GCM_TOO_LONG;
    /* `out` may be `in`: an incoming ciphertext is kept before it is overwritten. */
    if (!machine->encrypt && fits(machine, size) &&
        !gcm_bytes_append(&ciphertext, in, size, machine->limits->buffer))
        return GCM_MEMORY;
    if (machine->encrypt)
        result = first ? encrypt_first(machine, engine, in, out, size)
                       : encrypt_more(machine, engine, in, out, size);
    else
        result = first ? decrypt_first(machine, engine, in, out, size)
                       : decrypt_more(machine, engine, in, out, size);
    if (result == GCM_OK) {
        if (machine->encrypt || ciphertext.data != NULL)
            keep(machine, machine->encrypt ? out : ciphertext.data, size);
        else
            machine->all_kept = false;
        machine->total += size;
        machine->state = first ? GCM_ONE : GCM_MORE;
    }
    free(ciphertext.data);
    return result;
}

/* The tag over all that was kept: plaintext by CTR, and one encryption, whose output must agree. */
static enum gcm_result tag_of_kept(struct gcm_machine *machine, const struct gcm_engine *engine)
{
    const size_t size = machine->kept.size;
    unsigned char *plaintext = engine->get(engine->argument, size);
    unsigned char *again = engine->get(engine->argument, size);
    enum gcm_result result = GCM_ENGINE_FAILED;

    if (plaintext != NULL && again != NULL)
        result = count(machine, engine, 0, machine->kept.data, plaintext, size);
    if (result == GCM_OK) {
        const struct hsm_gcm data = message(machine, plaintext, size);

        if (engine->once(engine->argument, true, &data, again, machine->tag) != HSM_DONE ||
            memcmp(again, machine->kept.data, size) != 0)
            result = GCM_ENGINE_FAILED;
    }
    if (plaintext != NULL)
        engine->put(plaintext, size);
    if (again != NULL)
        engine->put(again, size);
    return result;
}

static enum gcm_result finish_stream(struct gcm_machine *machine, const struct gcm_engine *engine)
{
    enum gcm_result result;

    if (machine->stream != NULL &&
        engine->finish(engine->argument, machine->stream, machine->tag)) {
        machine->stream = NULL; /* it is given back */
        return GCM_OK;
    }
    if (machine->stream != NULL)
        engine->drop(machine->stream);
    machine->stream = NULL;
    if (!machine->all_kept)
        return GCM_BUFFER_FULL;
    result = tag_of_kept(machine, engine);
    return result;
}

static enum gcm_result final_encrypt(struct gcm_machine *machine, const struct gcm_engine *engine)
{
    enum gcm_result result = GCM_OK;

    if (machine->total == 0) {
        if (!encrypt_whole(machine, engine, NULL, NULL, 0, machine->tag))
            result = GCM_ENGINE_FAILED;
    } else if (machine->held) {
        memcpy(machine->tag, machine->held_tag, HSM_BLOCK);
        forget_held_tag(machine);
    } else {
        result = finish_stream(machine, engine);
    }
    if (result != GCM_OK)
        return result;
    machine->tag_size = HSM_BLOCK;
    machine->state = GCM_DONE;
    return GCM_OK;
}

static enum gcm_result final_decrypt(struct gcm_machine *machine, const struct gcm_engine *engine)
{
    const struct hsm_gcm data = message(machine, machine->kept.data, machine->kept.size);
    enum hsm_answer answer = HSM_DONE;

    if (machine->tag_size == 0)
        return GCM_NO_TAG;
    if (!machine->verified || machine->state != GCM_ONE) {
        if (!machine->all_kept)
            return GCM_BUFFER_FULL;
        /* The program has the plaintext already. */
        answer = engine->once(engine->argument, false, &data, NULL, NULL);
    }
    if (answer == HSM_FAILED)
        return GCM_ENGINE_FAILED;
    machine->state = answer == HSM_DONE ? GCM_DONE : GCM_BAD_TAG;
    return answer == HSM_DONE ? GCM_OK : GCM_TAG_DIFFERS;
}

enum gcm_result gcm_end(struct gcm_machine *machine, const struct gcm_engine *engine)
{
    enum gcm_result result = gcm_need_iv(machine, engine);

    if (result != GCM_OK)
        return result;
    switch (machine->state) {
    case GCM_READY:
    case GCM_AAD:
    case GCM_ONE:
    case GCM_MORE:
        return machine->encrypt ? final_encrypt(machine, engine) : final_decrypt(machine, engine);
    case GCM_BAD_TAG: /* the same answer again */
        return GCM_TAG_DIFFERS;
    default:
        return GCM_WRONG_STATE;
    }
}
