/*
 * exec() in mid-stream: the new program has the same process, and nothing of the old one but what
 * the standard streams are: no descriptor, no lock, no session that stands in its way.
 */
#include "survival.h"

#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>

static const char flag[] = "--after-exec";

/* Those of this process, as text: number and what it is. */
static const char *descriptors(void)
{
    DIR *entries = opendir("/proc/self/fd");
    const struct dirent *entry;
    const char *all = "";

    CHECK(entries != NULL);
    while ((entry = readdir(entries)) != NULL) {
        char target[4096] = "";

        if (entry->d_name[0] == '.' || atoi(entry->d_name) == dirfd(entries))
            continue;
        if (readlink(text("/proc/self/fd/%s", entry->d_name), target, sizeof(target) - 1) < 0)
            continue;
        /* The client of p11-kit 0.25 leaves its own open to the new program (docs/limits.md). */
        if (strncmp(target, "socket:", 7) != 0)
            all = text("%s%s %s\n", all, entry->d_name, target);
    }
    closedir(entries);
    return all;
}

/* In the new program. */
static void all_kinds(const char *config)
{
    OSSL_LIB_CTX *context = OSSL_LIB_CTX_new();

    CHECK(OSSL_LIB_CTX_load_config(context, config) == 1);
    for (size_t i = 0; i < KINDS; i++) {
        struct journey journey = journey_of(i, SIZE_SMALL);

        CHECK(journey_begin(&journey, context));
        journey_count(&journey, EVENT_EXEC);
    }
    CHECK(ERR_peek_error() == 0);
    OSSL_LIB_CTX_free(context);
}

int after_exec(int argc, char *argv[])
{
    if (argc != 5 || strcmp(argv[1], flag) != 0)
        return -1;
    if (*argv[4] != '\0' && strcmp(descriptors(), argv[4]) != 0) {
        fprintf(stderr, "exec: open are\n%snot\n%s", descriptors(), argv[4]);
        return 1;
    }
    table_setup(argv[2]);
    journeys_setup();
    all_kinds(argv[3]);
    return 0;
}

struct old {
    OSSL_LIB_CTX *context;
    const char *config, *descriptors;
};

static void become_another(const struct old *old, const char *open)
{
    execl("/proc/self/exe", "survival", flag, table_path(), old->config, open, (char *)NULL);
    _exit(127);
}

static void in_mid_stream(void *old_)
{
    static struct journey journeys[KINDS];
    const struct old *old = old_;

    for (size_t i = 0; i < KINDS; i++) {
        journeys[i] = journey_of(i, SIZE_SMALL);
        CHECK(journey_begin(&journeys[i], old->context));
    }
    become_another(old, old->descriptors);
}

static atomic_uint done;

static void *busy(void *context)
{
    for (size_t kind = 0;; kind++, done++) {
        struct journey journey = journey_of(kind % KINDS, SIZE_SMALL);

        CHECK(journey_begin(&journey, context) && journey_end(&journey) == RIGHT);
        journey_free(&journey);
    }
    return NULL;
}

static void beside_threads(void *old_)
{
    const struct old *old = old_;
    pthread_t thread;

    for (int i = 0; i < 4; i++)
        CHECK(pthread_create(&thread, NULL, busy, old->context) == 0);
    /* Not while they log in: SoftHSM leaves half of a file behind then.  And inside a call it may
     * have one open, also for the new program. */
    while (done < 4 * KINDS)
        usleep(1000);
    become_another(old, "");
}

/* A child that execs, as daemons start programs; and processes that become another themselves. */
void exec_with(OSSL_LIB_CTX *context)
{
    struct old old = { .config = config_file(settings_standard(), NULL),
                       .descriptors = descriptors() };
    bool good = true;

    old.context = context;
    CHECK(name_works(context, "AES-256-CBC", "gold", GOLD_KEY) == 1);
    for (int i = 0; i < (quick() ? 2 : 6); i++)
        good &= table_child(EVENT_EXEC, run_child(i % 2 ? in_mid_stream : beside_threads, &old));
    CHECK(good);
    CHECK(name_works(context, "AES-256-CBC", "gold", GOLD_KEY) == 1);
}

void exec_in_mid_stream(void)
{
    OSSL_LIB_CTX *context;

    token_standard();
    context = context_with(settings_standard(), NULL);
    exec_with(context);
    OSSL_LIB_CTX_free(context);
}
