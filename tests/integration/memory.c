/*
 * A process that ran everything holds no key: memory-child works with references to known keys in
 * an HSM in another process, and after each step, its contexts open, all its memory is searched.
 * The same child with SoftHSM inside must show the keys, or the search would prove nothing; and
 * decoys that it places itself must be found in each scan.
 */
#include "testing.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/rand.h>

#include "memory-needles.h"
#include "memory-scan.h"
#include "memory-work.h"
#include "remote.h"

enum { DECOYS = 3 };

struct child {
    int pid;
    FILE *says, *told;
    struct needle decoys[DECOYS];
};

struct keys {
    unsigned char cipher[32], mac[32];
    struct needle needles[NEEDLES_MOST];
    size_t count;
};

/* New keys on the token, and what there is to look for. */
static void make_keys(struct keys *keys)
{
    CHECK(RAND_bytes(keys->cipher, 32) == 1 && RAND_bytes(keys->mac, 32) == 1);
    keys->count = needles_of(keys->needles, keys->cipher, keys->mac);
    token_init("prod", USER_PIN);
    token_import(
        "prod", USER_PIN,
        text("gold %s\nsecret %s type=generic\n", hex(keys->cipher, 32), hex(keys->mac, 32)));
}

/* By exec, so that nothing of this process's memory is in it. */
static void start(struct child *child)
{
    const char *program = testing_path("HSMZKE_TEST_MEMORY_CHILD");
    const char *config = config_file(settings_standard(), NULL);
    int down[2], up[2];
    char line[512];

    /* meson has freed memory overwritten by it, which would hide what is left there. */
    unsetenv("MALLOC_PERTURB_");
    CHECK(pipe2(down, O_CLOEXEC) == 0 && pipe2(up, O_CLOEXEC) == 0);
    fflush(NULL);
    child->pid = fork();
    CHECK(child->pid >= 0);
    if (child->pid == 0) {
        dup2(down[0], 0);
        dup2(up[1], 1);
        execl(program, program, config, (char *)NULL);
        _exit(127);
    }
    close(down[0]);
    close(up[1]);
    child->told = fdopen(down[1], "w");
    child->says = fdopen(up[0], "r");
    CHECK(child->told != NULL && child->says != NULL);
    CHECK(fgets(line, sizeof(line), child->says) != NULL && strncmp(line, "decoys ", 7) == 0);
    for (size_t i = 0; i < DECOYS; i++) {
        struct needle *decoy = &child->decoys[i];

        *decoy = (struct needle){ .name = "decoy", .size = 32 };
        line[7 + 65 * i + 64] = '\0';
        CHECK(unhex(line + 7 + 65 * i, decoy->bytes, 32) == 32);
        for (size_t j = 0; j < 32; j++)
            decoy->bytes[j] ^= 0xff;
    }
}

/* What the child says next must begin so; the rest of the line. */
static const char *hear(struct child *child, const char *begin)
{
    char line[512] = "";

    if (fgets(line, sizeof(line), child->says) == NULL || strncmp(line, begin, strlen(begin)) != 0)
        testing_failed(__FILE__, __LINE__, text("the child says '%s', not '%s'", begin, line));
    line[strcspn(line, "\n")] = '\0';
    return text("%s", line + strlen(begin));
}

static void go_on(struct child *child)
{
    CHECK(fputc('\n', child->told) != EOF && fflush(child->told) == 0);
}

/* One scan, in which each decoy must be found. */
static void scan(struct child *child, struct keys *keys, struct scanned *scanned)
{
    struct needle all[NEEDLES_MOST + DECOYS];

    memcpy(all, keys->needles, keys->count * sizeof(*all));
    memcpy(all + keys->count, child->decoys, sizeof(child->decoys));
    memory_scan(child->pid, all, keys->count + DECOYS, scanned);
    memcpy(keys->needles, all, keys->count * sizeof(*all));
    for (size_t i = 0; i < DECOYS; i++)
        if (all[keys->count + i].found != 1)
            testing_failed(
                __FILE__, __LINE__,
                text("decoy %zu is found once, not %zu times", i, all[keys->count + i].found));
}

static void none_found(const struct keys *keys, const char *when)
{
    for (size_t i = 0; i < keys->count; i++)
        if (keys->needles[i].found > 0)
            testing_failed(__FILE__, __LINE__,
                           text("after %s: %s is in memory: %s", when, keys->needles[i].name,
                                keys->needles[i].place));
}

/* All that the child does, each step compared with software here, each followed by a scan. */
static void run(struct keys *keys, bool clean)
{
    static const char *const ends[] = { "freed", "closed" };
    struct work software = { .context = context_default() };
    struct scanned scanned = { 0 };
    unsigned char digest[WORK_DIGEST];
    struct child child;

    memcpy(software.cipher_key, keys->cipher, 32);
    memcpy(software.mac_key, keys->mac, 32);
    start(&child);
    for (size_t i = 0; i < work_steps(); i++) {
        const char *said = hear(&child, "step ");

        CHECK(work_do(&software, i, digest));
        if (strcmp(said, hex(digest, sizeof(digest))) != 0)
            testing_failed(__FILE__, __LINE__, text("%s: the bytes of software", work_name(i)));
        scan(&child, keys, &scanned);
        if (clean)
            none_found(keys, work_name(i));
        go_on(&child);
    }
    for (size_t i = 0; i < 2; i++) {
        hear(&child, ends[i]);
        scan(&child, keys, &scanned);
        if (clean)
            none_found(keys, ends[i]);
        go_on(&child);
    }
    CHECK(wait_child(child.pid) == 0);
    fclose(child.told);
    fclose(child.says);
    work_free(&software);
    printf("%u scans of %zu values, %llu MiB read, %llu MiB that nobody can read; %zu steps\n",
           scanned.scans, keys->count + DECOYS, scanned.bytes >> 20, scanned.unreadable >> 20,
           work_steps());
}

/* The control: with the module in the process the search finds what it looks for. */
static void in_process(void **state)
{
    static const char *const needed[] = { "CMAC's K1", "CMAC's K2", "the HMAC secret" };
    struct keys keys;
    size_t schedules;

    (void)state;
    token_store();
    make_keys(&keys);
    run(&keys, false);
    for (size_t i = 0; i < keys.count; i++)
        printf("SoftHSM in the process: %s: found %zu times\n", keys.needles[i].name,
               keys.needles[i].found);
    /* Which of the two forms depends on the code that OpenSSL chooses for the processor. */
    schedules = needle_named(keys.needles, keys.count, "the key")->found +
                needle_named(keys.needles, keys.count, "the key, in words")->found;
    CHECK(schedules > 0);
    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
        if (needle_named(keys.needles, keys.count, needed[i])->found == 0)
            testing_failed(__FILE__, __LINE__, text("%s is found", needed[i]));
}

static void out_of_process(void **state)
{
    struct keys keys;

    (void)state;
    if (!remote_start())
        skip();
    make_keys(&keys);
    run(&keys, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_process),
        cmocka_unit_test_teardown(out_of_process, remote_stop),
    };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
