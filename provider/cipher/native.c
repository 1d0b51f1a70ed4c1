/*
 * Key wrap by the HSM's own mechanism: see native.h.
 *
 * The first time, the program's data are done by the mechanism, into memory of our own, and over
 * single blocks; what the latter gives is given out.  If both agree, the mechanism is trusted from
 * then on.  Unwrapping must also refuse the same data with a bit changed.  A mechanism that was
 * trusted and refuses data is not believed either: it is the blocks that tell.
 */
#include "cipher/native.h"

#include <string.h>

#include "secret.h"

enum { PROBE = 16, ROOM = NATIVE_TRIAL_MOST + HSM_BLOCK };

struct job {
    const struct machine_engine *engine;
    struct hsm_native native;
    struct hsm_wrap data;
};

/* What a trial works with; wiped at its end. */
struct trial {
    unsigned char in[NATIVE_TRIAL_MOST]; /* `out` may be the caller's `in` */
    unsigned char got[ROOM], back[ROOM + HSM_BLOCK];
    size_t got_size;
    enum hsm_native_answer answer;
};

static enum hsm_native_answer run(const struct job *job, size_t *written)
{
    return job->engine->native->wrap(job->engine->argument, &job->native, &job->data, written);
}

static void judge(const struct job *job, bool right)
{
    job->engine->native->judge(job->engine->argument, &job->native, right);
}

/* Whether the key was found to refuse ECB, so that there is nothing to compare with. */
static bool is_alone(const struct job *job)
{
    struct hsm_native now;

    job->engine->native->find(job->engine->argument, job->native.encrypt, job->native.own_iv, &now);
    return now.alone;
}

static enum machine_result use(const struct job *job, const struct machine *machine,
                               native_over_blocks_fn *over_blocks, size_t *written)
{
    const enum hsm_native_answer answer = run(job, written);
    enum machine_result result;

    if (answer == HSM_NATIVE_DONE)
        return MACHINE_DONE;
    *written = 0;
    if (job->native.alone && answer == HSM_NATIVE_REFUSED)
        return MACHINE_NOT_GENUINE;
    if (job->native.alone || answer == HSM_NATIVE_FAILED)
        return MACHINE_ENGINE_FAILED;
    result =
        over_blocks(machine, job->engine, job->data.out, written, job->data.in, job->data.size);
    if (result == MACHINE_DONE)
        judge(job, false);
    else if (result == MACHINE_ENGINE_FAILED && answer == HSM_NATIVE_REFUSED && is_alone(job))
        return MACHINE_NOT_GENUINE;
    return result;
}

/* What `job` makes of other data, into `to`, which has room for it. */
static enum hsm_native_answer other(const struct job *job, const unsigned char *in, size_t size,
                                    unsigned char *to, size_t *written)
{
    struct job its = *job;

    its.data.in = in;
    its.data.size = size;
    its.data.out = to;
    return run(&its, written);
}

/* What the module says of wrapped data with a bit changed; `wrapped` is as it was after. */
static enum hsm_native_answer ask_damaged(const struct job *unwrapping, unsigned char *wrapped,
                                          size_t size, struct trial *trial)
{
    enum hsm_native_answer answer;
    size_t written;

    wrapped[size - 1] ^= 1;
    answer = other(unwrapping, wrapped, size, trial->back, &written);
    wrapped[size - 1] ^= 1;
    return answer;
}

/* The blocks have done the data. */
static void compare(const struct job *job, struct trial *trial, const unsigned char *out,
                    size_t size)
{
    bool right = trial->answer == HSM_NATIVE_DONE && trial->got_size == size &&
                 memcmp(trial->got, out, size) == 0;

    if (right && !job->native.encrypt) {
        const enum hsm_native_answer damaged = ask_damaged(job, trial->in, job->data.size, trial);

        if (damaged == HSM_NATIVE_FAILED)
            return; /* nothing was seen */
        right = damaged == HSM_NATIVE_REFUSED || damaged == HSM_NATIVE_UNFIT;
    }
    judge(job, right);
}

/*
 * Without ECB: back again it must be the same; damaged data must be refused; and what comes out of
 * two whole semiblocks must have the standard's size, which the room below looks at.  That does not
 * tell one standard from another with the same sizes, nor whether an IV was heard.
 */
static bool proves_itself(const struct job *job, struct trial *trial)
{
    static const unsigned char probe[PROBE];
    struct job reverse = *job;
    const struct job *const wrapping = job->native.encrypt ? job : &reverse;
    const struct job *const unwrapping = job->native.encrypt ? &reverse : job;
    unsigned char *const wrapped = job->native.encrypt ? trial->got : trial->in;
    const size_t wrapped_size = job->native.encrypt ? trial->got_size : job->data.size;
    size_t written;
    bool right;

    if (trial->answer != HSM_NATIVE_DONE || job->native.own_iv)
        return false;
    job->engine->native->find(job->engine->argument, !job->native.encrypt, false, &reverse.native);
    if (reverse.native.trust == HSM_TRUST_NOT || reverse.native.way != job->native.way ||
        other(&reverse, trial->got, trial->got_size, trial->back, &written) != HSM_NATIVE_DONE)
        return false;
    right = written == job->data.size && memcmp(trial->back, trial->in, written) == 0 &&
            ask_damaged(unwrapping, wrapped, wrapped_size, trial) == HSM_NATIVE_REFUSED &&
            other(wrapping, probe, PROBE, trial->back, &written) == HSM_NATIVE_DONE;
    if (right) {
        struct job alone = *job;

        alone.native.alone = true;
        judge(&alone, true);
    }
    return right;
}

static enum machine_result try_out(struct job *job, const struct machine *machine,
                                   native_over_blocks_fn *over_blocks, struct trial *trial,
                                   size_t *written)
{
    unsigned char *const out = job->data.out;
    enum machine_result result = MACHINE_ENGINE_FAILED;

    memcpy(trial->in, job->data.in, job->data.size);
    job->data.in = trial->in;
    job->data.out = trial->got;
    trial->answer = run(job, &trial->got_size);
    if (trial->answer != HSM_NATIVE_FAILED)
        result = over_blocks(machine, job->engine, out, written, trial->in, job->data.size);
    if (result == MACHINE_DONE) {
        compare(job, trial, out, *written);
    } else if (result == MACHINE_NOT_GENUINE && trial->answer == HSM_NATIVE_DONE) {
        judge(job, false);
    } else if (result == MACHINE_ENGINE_FAILED && is_alone(job) && proves_itself(job, trial)) {
        memcpy(out, trial->got, trial->got_size);
        *written = trial->got_size;
        result = MACHINE_DONE;
    }
    return result;
}

enum machine_result native_wrap(const struct machine *machine, const struct machine_engine *engine,
                                bool own_iv, native_over_blocks_fn *over_blocks, unsigned char *out,
                                size_t *written, const unsigned char *in, size_t size)
{
    struct job job = { .engine = engine,
                       .data = { .iv = own_iv ? machine->iv : NULL,
                                 .iv_size = own_iv ? machine_iv_size(machine->kind) : 0,
                                 .in = in,
                                 .size = size,
                                 .out = out } };
    struct trial *trial = NULL;
    enum machine_result result;
    struct failure ignored;

    if (engine->native != NULL)
        engine->native->find(engine->argument, machine->encrypt, own_iv, &job.native);
    if (job.native.trust == HSM_TRUST_PROVEN)
        return use(&job, machine, over_blocks, written);
    if (job.native.trust == HSM_TRUST_UNPROVEN && size <= NATIVE_TRIAL_MOST)
        trial = secret_alloc(sizeof(*trial), &ignored);
    if (trial == NULL)
        return over_blocks(machine, engine, out, written, in, size);
    result = try_out(&job, machine, over_blocks, trial, written);
    secret_free(trial, sizeof(*trial));
    return result;
}
