/*
 * libhsmzke-memscan: starts hsmzke-memscan upon the calling process, and reads its report.
 */
#include "hsmzke/memscan.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "text.h"

enum {
    ARGUMENTS = 24,
    TIMEOUT = 60, /* seconds, if none is given */
    GRACE = 5,    /* seconds more than the examiner gives itself */
    EXAMINER_IN = 0,
};

extern char **environ;

/* Threads of a process are traced by one examiner at a time. */
static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

/* An examiner at work: our ends of the pipes to it. */
struct examiner {
    pid_t pid;
    int start, json, words;
};

struct arguments {
    const char *list[ARGUMENTS];
    size_t count;
    char pid[16], timeout[16];
};

static enum memscan_result fail(struct memscan_answer *answer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static enum memscan_result fail(struct memscan_answer *answer, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(answer->error, sizeof(answer->error), format, arguments);
    va_end(arguments);
    return MEMSCAN_ERROR;
}

static const char *program_of(const struct memscan_request *request)
{
    const char *wished =
        request->program != NULL ? request->program : secure_getenv("HSMZKE_MEMSCAN");

    return wished != NULL && wished[0] != '\0' ? wished : MEMSCAN_PROGRAM;
}

static void add(struct arguments *arguments, const char *option, const char *value)
{
    if (value == NULL)
        return;
    arguments->list[arguments->count++] = option;
    arguments->list[arguments->count++] = value;
}

static void make_arguments(struct arguments *arguments, const struct memscan_request *request)
{
    snprintf(arguments->pid, sizeof(arguments->pid), "%d", (int)getpid());
    snprintf(arguments->timeout, sizeof(arguments->timeout), "%u",
             request->timeout > 0 ? request->timeout : TIMEOUT);
    add(arguments, "hsmzke-memscan", "pid");
    add(arguments, arguments->pid, "--json");
    add(arguments, "--timeout", arguments->timeout);
    add(arguments, "--start-fd", "0");
    add(arguments, "--reference", request->reference);
    add(arguments, "--key", request->key_file);
    add(arguments, "--pin-source", request->pin_source);
    if (request->ledger != 0)
        arguments->list[arguments->count++] = "--ledger";
    arguments->list[arguments->count] = NULL;
}

/* Its three streams are our pipes; nothing else of ours is open in it, or blocked, or ignored. */
static int spawn(pid_t *pid, const char *program, const struct arguments *arguments,
                 const int theirs[3])
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    int error;

    if (posix_spawn_file_actions_init(&actions) != 0)
        return ENOMEM;
    if (posix_spawnattr_init(&attributes) != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return ENOMEM;
    }
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    error = 0;
    for (int i = 0; i < 3 && error == 0; i++)
        error = posix_spawn_file_actions_adddup2(&actions, theirs[i], i);
    if (error == 0)
        error = posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    if (error == 0)
        error = posix_spawn(pid, program, &actions, &attributes,
                            (char *const *)(uintptr_t)arguments->list, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

static void close_both(const int ends[2])
{
    if (ends[0] >= 0)
        close(ends[0]);
    if (ends[1] >= 0)
        close(ends[1]);
}

/* A pipe whose ends are none of 0, 1, 2: a program may have closed its streams. */
static bool make_pipe(int ends[2])
{
    int low[2];

    ends[0] = ends[1] = -1;
    if (pipe2(low, O_CLOEXEC) != 0)
        return false;
    for (int i = 0; i < 2; i++)
        ends[i] = fcntl(low[i], F_DUPFD_CLOEXEC, 3);
    close_both(low);
    return ends[0] >= 0 && ends[1] >= 0;
}

static enum memscan_result start(struct examiner *examiner, const char *program,
                                 const struct arguments *arguments, struct memscan_answer *answer)
{
    int pipes[3][2] = { { -1, -1 }, { -1, -1 }, { -1, -1 } };
    enum memscan_result result = MEMSCAN_NOT_FOUND;
    int error = 0;

    for (int i = 0; i < 3 && error == 0; i++)
        error = make_pipe(pipes[i]) ? 0 : errno;
    if (error == 0) {
        const int theirs[3] = { pipes[0][0], pipes[1][1], pipes[2][1] };

        error = spawn(&examiner->pid, program, arguments, theirs);
        if (error != 0)
            result = fail(answer, "%s cannot be run: %s", program, strerror(error));
    } else {
        result = fail(answer, "there are no pipes to hsmzke-memscan: %s", strerror(error));
    }
    for (int i = 0; i < 3; i++) {
        const int ours = i == 0 ? 1 : 0;

        if (pipes[i][1 - ours] >= 0)
            close(pipes[i][1 - ours]);
        if (error != 0 && pipes[i][ours] >= 0)
            close(pipes[i][ours]);
    }
    examiner->start = pipes[0][1];
    examiner->json = pipes[1][0];
    examiner->words = pipes[2][0];
    return result;
}

static int64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/*
 * Lets it begin, and reads both streams to their ends.  Its own alarm ends it while this process
 * stands still; ours is for one that does not end at all.
 * @return false if time ran out
 */
static bool converse(const struct examiner *examiner, int64_t until, struct text *json,
                     struct text *words)
{
    struct pollfd streams[2] = { { .fd = examiner->json, .events = POLLIN },
                                 { .fd = examiner->words, .events = POLLIN } };

    while (streams[0].fd >= 0 || streams[1].fd >= 0) {
        const int64_t left = until - now();

        if (left <= 0)
            return false;
        if (poll(streams, 2, (int)left) < 0 && errno != EINTR)
            return false;
        if (streams[0].revents != 0 && !memscan_text_read(json, streams[0].fd))
            streams[0].fd = -1;
        if (streams[1].revents != 0 && !memscan_text_read(words, streams[1].fd))
            streams[1].fd = -1;
        streams[0].revents = streams[1].revents = 0;
    }
    return true;
}

/* A program that ignores SIGCHLD, or waits for all its children, leaves us no status. */
static bool reap(pid_t pid, int *status)
{
    pid_t reaped;

    do
        reaped = waitpid(pid, status, 0);
    while (reaped < 0 && errno == EINTR);
    return reaped == pid;
}

/* The report's member "status", which stands near its beginning; -1: there is none */
static int status_of(const struct text *json)
{
    static const char member[] = "\"status\": ";
    const char *at = json->bytes != NULL ? strstr(json->bytes, member) : NULL;

    if (at == NULL)
        return -1;
    at += sizeof(member) - 1;
    return *at >= '0' && *at <= '2' ? *at - '0' : -1;
}

/* What it said last of why it failed; others may have written to the same stream before. */
static enum memscan_result pass_on(const struct text *words, struct memscan_answer *answer)
{
    static const char prefix[] = "hsmzke-memscan: ";
    const char *line = NULL;

    for (const char *at = words->bytes; at != NULL && (at = strstr(at, prefix)) != NULL; at++)
        if (at == words->bytes || at[-1] == '\n')
            line = at + sizeof(prefix) - 1;
    if (line == NULL)
        return fail(answer, "hsmzke-memscan wrote no report");
    return fail(answer, "%.*s", (int)strcspn(line, "\n"), line);
}

static enum memscan_result conclude(struct text *json, struct text *words, bool in_time,
                                    bool reaped, int status, struct memscan_answer *answer)
{
    const int result = status_of(json);

    if (!in_time)
        return fail(answer, "hsmzke-memscan did not end in time");
    if (json->failed || words->failed)
        return fail(answer, "there is no memory for the report");
    if (reaped && WIFSIGNALED(status))
        return fail(answer, "hsmzke-memscan was ended by signal %d", WTERMSIG(status));
    /* What was cut off has no last bracket; what is whole says the same as the exit status. */
    if (result < 0 || json->size < 2 || strcmp(json->bytes + json->size - 2, "}\n") != 0 ||
        (reaped && WEXITSTATUS(status) != result))
        return pass_on(words, answer);
    answer->json = json->bytes;
    answer->json_size = json->size;
    json->bytes = NULL;
    return (enum memscan_result)result;
}

static enum memscan_result examine(const struct memscan_request *request,
                                   struct memscan_answer *answer)
{
    struct examiner examiner = { 0 };
    struct arguments arguments = { .count = 0 };
    struct text json = { 0 }, words = { 0 };
    enum memscan_result result;
    bool in_time, reaped;
    int status = 0;

    make_arguments(&arguments, request);
    result = start(&examiner, program_of(request), &arguments, answer);
    if (result == MEMSCAN_ERROR)
        return result;
    (void)prctl(PR_SET_PTRACER, (unsigned long)examiner.pid, 0, 0, 0); /* only Yama knows it */
    (void)memscan_text_write(examiner.start, "g", 1); /* if it has gone, its streams end, too */
    close(examiner.start);
    in_time = converse(
        &examiner,
        now() + 1000 * ((request->timeout > 0 ? request->timeout : TIMEOUT) + (int64_t)GRACE),
        &json, &words);
    close(examiner.json);
    close(examiner.words);
    if (!in_time)
        kill(examiner.pid, SIGKILL);
    reaped = reap(examiner.pid, &status);
    (void)prctl(PR_SET_PTRACER, 0, 0, 0, 0);
    result = conclude(&json, &words, in_time, reaped, status, answer);
    memscan_text_free(&json);
    memscan_text_free(&words);
    return result;
}

enum memscan_result memscan_self(const struct memscan_request *request,
                                 struct memscan_answer *answer)
{
    static const struct memscan_request all_keys;
    enum memscan_result result;
    int cancel;

    *answer = (struct memscan_answer){ 0 };
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
    pthread_mutex_lock(&one_at_a_time);
    result = examine(request != NULL ? request : &all_keys, answer);
    pthread_mutex_unlock(&one_at_a_time);
    pthread_setcancelstate(cancel, NULL);
    return result;
}

void memscan_free(struct memscan_answer *answer)
{
    free(answer->json);
    *answer = (struct memscan_answer){ 0 };
}
