/* Large requests over several sessions: see split.h. */
#include "pkcs11/split.h"

#include <stdint.h>
#include <string.h>

#include "pkcs11/key.h"
#include "pkcs11/thread.h"
#include "secret.h"

enum { LEAST = 64 * 1024 }; /* bytes of a part: less is done before a thread has begun */

static size_t head_of(const struct hsm_data *data)
{
    return data->head != NULL ? HSM_BLOCK : 0;
}

/* Such a key asks for the PIN at each use: once is enough. */
static bool logs_in_each_time(struct hsm_key *key)
{
    size_t position = 0;
    bool each_time = false;

    for (struct hsm_key *member; (member = hsm_key_member(key, &position)) != NULL;) {
        life_lock();
        each_time = each_time || member->facts.always_authenticate;
        life_unlock();
    }
    return each_time;
}

/* In place each part has its own bytes; a waiting block moves all that follow. */
static bool may_split(const struct hsm_data *data)
{
    const uintptr_t in = (uintptr_t)data->in, out = (uintptr_t)data->out;

    if (in == out)
        return data->head == NULL;
    return in >= out + head_of(data) + data->size || out >= in + data->size;
}

size_t split_cut(struct hsm_key *key, const struct hsm_data *data,
                 struct split_part parts[SPLIT_MOST])
{
    const size_t size = head_of(data) + data->size, blocks = size / HSM_BLOCK;
    size_t count = key->token->settings->parallel, each;

    if (count > size / LEAST)
        count = size / LEAST;
    if (count < 2 || !may_split(data) || logs_in_each_time(key)) {
        parts[0] = (struct split_part){ .data = *data };
        return 1;
    }
    each = blocks / count * HSM_BLOCK;
    for (size_t i = 0, at = 0; i < count; i++) { /* `at`: in the output */
        const size_t whole = i + 1 < count ? each : size - at;
        const size_t head = i == 0 ? head_of(data) : 0;

        parts[i] =
            (struct split_part){ .data = { .head = i == 0 ? data->head : NULL,
                                           .in = data->in + (i == 0 ? 0 : at - head_of(data)),
                                           .size = whole - head,
                                           .out = data->out + at } };
        at += whole;
    }
    return count;
}

const unsigned char *split_before(const struct split_part *part)
{
    return part->data.in - HSM_BLOCK;
}

struct job {
    split_work *work;
    void *argument;
    struct split_part *part;
};

static void *do_job(void *job_)
{
    const struct job *job = job_;

    job->work(job->argument, job->part);
    return NULL;
}

static void run_together(struct job jobs[], size_t count)
{
    pthread_t threads[SPLIT_MOST];
    size_t started;
    int cancelling;

    if (count == 1) {
        do_job(&jobs[0]);
        return;
    }
    /* What the threads work on is on this one's stack. */
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelling);
    for (started = 0; 1 + started < count; started++) {
        if (!thread_start(&threads[started], do_job, &jobs[1 + started]))
            break;
    }
    do_job(&jobs[0]);
    for (size_t i = 1 + started; i < count; i++)
        do_job(&jobs[i]);
    for (size_t i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    pthread_setcancelstate(cancelling, NULL);
}

/* Its turn never came: alone it would have had the session that the other parts had. */
static bool was_crowded_out(const struct split_part *part)
{
    return !part->done && !part->touched && part->why.reason == FAILURE_SESSIONS;
}

bool split_run(struct split_part parts[], size_t count, split_work *work, void *argument,
               struct failure *why)
{
    struct job jobs[SPLIT_MOST];
    bool all = true;

    for (size_t i = 0; i < count; i++) {
        parts[i].done = parts[i].touched = false;
        jobs[i] = (struct job){ work, argument, &parts[i] };
    }
    run_together(jobs, count);
    for (size_t i = 0; i < count && all; i++) {
        if (count > 1 && was_crowded_out(&parts[i]))
            do_job(&jobs[i]);
        all = parts[i].done;
        if (!all)
            *why = parts[i].why;
    }
    for (size_t i = 0; i < count && !all; i++) {
        if (parts[i].done)
            secret_wipe(parts[i].data.out, head_of(&parts[i].data) + parts[i].data.size);
    }
    return all;
}
