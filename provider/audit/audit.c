/*
 * The audit log: see audit.h.
 *
 * One lock for all logs of a process, held while a line is written: a chain has an order.  It comes
 * after all other locks, and whoever reports holds neither of them (life.h, lock.h).  fork() takes
 * it, so that no line of the parent is half written in the child, which begins a chain of its own.
 */
#include "audit/audit.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit/entry.h"
#include "audit/sink.h"

/* Settings of an instance that uses the log. */
struct settings {
    struct settings *next;
    uint64_t written; /* `start` of the chain that has them; 0: none */
    char *text;
};

/* Guarded by the lock, but what is marked constant. */
struct audit {
    struct hsm_audit hook; /* constant */
    struct audit *next;
    char *setting; /* constant */
    struct sink sink;
    struct chain chain;
    bool begun; /* the chain has its first line */
    struct settings *settings;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct audit *logs;  /* they stay until the process ends */
static uint64_t last_start; /* no two chains of a process have the same name */
static bool ended;          /* exit() is under way: the last lines were written */

static void take(void)
{
    pthread_mutex_lock(&lock);
}

static void release(void)
{
    pthread_mutex_unlock(&lock);
}

static void in_child(void)
{
    for (struct audit *audit = logs; audit != NULL; audit = audit->next)
        audit->begun = false;
    ended = false;
    release();
}

static bool write_line(struct audit *audit, struct json *json, bool fits, struct failure *why)
{
    if (!fits)
        return failure_set(why, FAILURE_AUDIT, "a line of the audit log is too long");
    json->text[json->size] = '\n';
    if (!sink_write(&audit->sink, json->text, json->size + 1, why))
        return false;
    chain_written(&audit->chain, json);
    return true;
}

static bool begin(struct audit *audit, const struct timespec *now, struct json *json,
                  struct failure *why)
{
    char program[4096], host[256] = "";
    const ssize_t size = readlink("/proc/self/exe", program, sizeof(program) - 1);
    const struct entry_process process = {
        .program = size > 0 ? program : program_invocation_name,
        .host = host,
        .user = getuid(),
        .parent = (uint64_t)getppid(),
    };
    uint64_t start = (uint64_t)now->tv_sec * 1000000 + (uint64_t)now->tv_nsec / 1000;

    if (size > 0)
        program[size] = '\0';
    gethostname(host, sizeof(host) - 1);
    if (start <= last_start)
        start = last_start + 1;
    last_start = start;
    chain_begin(&audit->chain, (uint64_t)getpid(), start);
    audit->begun = write_line(audit, json, entry_begin(&audit->chain, now, &process, json), why);
    return audit->begun;
}

/* The chain has its first line, and the settings of all who use the log. */
static bool ready(struct audit *audit, const struct timespec *now, struct json *json,
                  struct failure *why)
{
    if (ended)
        return failure_set(why, FAILURE_EXITING, "the audit log is closed: the process is exiting");
    if (!audit->begun && !begin(audit, now, json, why))
        return false;
    for (struct settings *settings = audit->settings; settings != NULL; settings = settings->next) {
        if (settings->written == audit->chain.start)
            continue;
        if (!write_line(audit, json, entry_configuration(&audit->chain, now, settings->text, json),
                        why))
            return false;
        settings->written = audit->chain.start;
    }
    return true;
}

static bool report(struct hsm_audit *hook, const struct hsm_event *event, struct failure *why)
{
    struct audit *audit = (struct audit *)hook;
    struct timespec now;
    struct json json;
    bool written;

    take();
    clock_gettime(CLOCK_REALTIME, &now); /* with the lock: a chain's times go up */
    written = ready(audit, &now, &json, why) &&
              write_line(audit, &json, entry_event(&audit->chain, &now, event, &json), why);
    release();
    return written;
}

/* That a chain has no last line says that the process was ended otherwise, or is not yet. */
static void at_exit(void)
{
    struct failure ignored;
    struct timespec now;
    struct json json;

    take();
    clock_gettime(CLOCK_REALTIME, &now);
    for (struct audit *audit = logs; audit != NULL && !ended; audit = audit->next) {
        if (audit->begun)
            (void)write_line(audit, &json, entry_end(&audit->chain, &now, &json), &ignored);
    }
    ended = true;
    release();
}

static bool started;

static void start(void)
{
    started = pthread_atfork(take, release, in_child) == 0 && atexit(at_exit) == 0;
}

bool audit_is_setting(const char *setting)
{
    struct sink sink;

    return strcmp(setting, "off") == 0 || sink_init(&sink, setting);
}

/* With the lock held. */
static struct audit *find_or_add(const char *setting)
{
    struct audit *audit;

    for (audit = logs; audit != NULL; audit = audit->next) {
        if (strcmp(audit->setting, setting) == 0)
            return audit;
    }
    audit = calloc(1, sizeof(*audit));
    if (audit == NULL)
        return NULL;
    audit->hook.report = report;
    audit->setting = strdup(setting);
    if (audit->setting == NULL || !sink_init(&audit->sink, audit->setting)) {
        free(audit->setting);
        free(audit);
        return NULL;
    }
    audit->next = logs;
    logs = audit;
    return audit;
}

/* With the lock held: at the end, so that lines come in the order of use. */
static bool add_settings(struct audit *audit, const char *in_force)
{
    struct settings **link = &audit->settings;

    for (; *link != NULL; link = &(*link)->next) {
        if (strcmp((*link)->text, in_force) == 0)
            return true;
    }
    *link = calloc(1, sizeof(**link));
    if (*link == NULL)
        return false;
    (*link)->text = strdup(in_force);
    if ((*link)->text != NULL)
        return true;
    free(*link);
    *link = NULL;
    return false;
}

struct hsm_audit *audit_get(const char *setting, const char *in_force, struct failure *why)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct audit *audit = NULL;

    if (strcmp(setting, "off") == 0)
        return NULL;
    if (pthread_once(&once, start) == 0 && started) {
        take();
        audit = find_or_add(setting);
        if (audit != NULL && !add_settings(audit, in_force))
            audit = NULL;
        release();
    }
    if (audit == NULL) {
        failure_memory(why);
        return NULL;
    }
    return &audit->hook;
}
