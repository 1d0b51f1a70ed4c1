/* NIST's AES-256-GCM vectors: see gcm-vectors.h. */
#include "gcm-vectors.h"

#include <stdio.h>
#include <string.h>

enum { BATCH = 225, AT_ONCE = 4 };

const struct file gcm_files[2] = {
    { "gcmEncryptExtIV256", true, 7875, 0 },
    { "gcmDecrypt256", false, 7875, 3919 },
};

/* "NAME = VALUE": the value, which may be empty, if the line has this name. */
static const char *value_of(char *line, const char *name)
{
    const size_t length = strlen(name);

    if (strncmp(line, name, length) != 0 || strncmp(line + length, " =", 2) != 0)
        return NULL;
    line += length + 2;
    line += strspn(line, " ");
    line[strcspn(line, "\r\n")] = '\0';
    return line;
}

static void read_line(struct vector *vector, char *line)
{
    const char *value;

    if ((value = value_of(line, "Key")) != NULL) {
        CHECK(strlen(value) == 64);
        memcpy(vector->key, value, 65);
    } else if ((value = value_of(line, "IV")) != NULL) {
        vector->iv_size = unhex(value, vector->iv, LONGEST);
    } else if ((value = value_of(line, "AAD")) != NULL) {
        vector->aad_size = unhex(value, vector->aad, LONGEST);
    } else if ((value = value_of(line, "PT")) != NULL) {
        vector->size = unhex(value, vector->plain, LONGEST);
    } else if ((value = value_of(line, "CT")) != NULL) {
        vector->size = unhex(value, vector->cipher, LONGEST);
    } else if ((value = value_of(line, "Tag")) != NULL) {
        vector->tag_size = unhex(value, vector->tag, sizeof(vector->tag));
    } else if (strncmp(line, "FAIL", 4) == 0) {
        vector->forged = true;
    }
}

struct vector *gcm_vectors_read(const struct file *file)
{
    const char *path =
        text("%s/ciphers/AES/GCM/%s.rsp", testing_path("HSMZKE_TEST_VECTORS"), file->name);
    FILE *stream = fopen(path, "r");
    struct vector *vectors = keep(file->count * sizeof(*vectors)), *next = vectors;
    size_t forged = 0;
    char line[1024];

    if (stream == NULL)
        fprintf(stderr, "%s: needs Debian's python3-cryptography-vectors\n", path);
    CHECK(stream != NULL);
    while (fgets(line, sizeof(line), stream) != NULL) {
        if (value_of(line, "Count") != NULL)
            CHECK(next++ < vectors + file->count);
        else if (next > vectors)
            read_line(next - 1, line);
    }
    fclose(stream);
    CHECK(next == vectors + file->count);
    for (size_t i = 0; i < file->count; i++) {
        CHECK(*vectors[i].key != '\0' && vectors[i].iv_size > 0 && vectors[i].tag_size >= 4);
        forged += vectors[i].forged;
    }
    CHECK(forged == file->forged);
    return vectors;
}

const char *gcm_vector_label(size_t i)
{
    return text("nist-%zu", i);
}

static void put_keys(const struct batch *batch)
{
    const size_t room = batch->count * 100;
    char *lines = keep(room);
    size_t used = 0;

    for (size_t i = 0; i < batch->count; i++)
        used +=
            (size_t)snprintf(lines + used, room - used, "nist-%zu %s\n", i, batch->vectors[i].key);
    token_store();
    token_init("prod", USER_PIN);
    token_import("prod", USER_PIN, lines);
}

struct job {
    struct batch batch;
    void (*work)(const struct batch *batch);
};

static void run_batch(void *job_)
{
    struct job *job = job_;

    put_keys(&job->batch);
    job->batch.context = context_with(text("%sgcm-min-tag = 4\n", settings_standard()), NULL);
    job->work(&job->batch);
    OSSL_LIB_CTX_free(job->batch.context);
}

size_t gcm_vectors_run(const struct file *file, const struct vector *vectors, size_t count,
                       void (*work)(const struct batch *batch))
{
    const size_t step = quick() ? 30 * BATCH : BATCH;
    size_t next = 0, run = 0, failed = 0;

    while (next < count) {
        int pids[AT_ONCE];
        size_t started = 0;

        for (; started < AT_ONCE && next < count; started++) {
            const size_t left = count - next;
            struct job job = { { file, vectors + next, left < BATCH ? left : BATCH, NULL }, work };

            pids[started] = start_child(run_batch, &job);
            next += step;
            run += job.batch.count;
        }
        for (size_t i = 0; i < started; i++)
            failed += wait_child(pids[i]) != 0;
    }
    CHECK(failed == 0 && run > 0 && (quick() || run == count));
    return run;
}
