/* The searches of a run: see searches.h. */
#include "searches.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ledgers.h"

enum {
    MANY_PROCESSES = 4096, /* more than that are not taken at once */
};

uint64_t searches_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static double milliseconds(uint64_t from, uint64_t to)
{
    return (double)(to - from) / 1e6;
}

bool searches_wanted(const struct searches *searches, enum moment moment)
{
    const struct run_settings *settings = searches->settings;

    if (moment == MOMENT_EXEC || moment == MOMENT_EXIT)
        return true;
    if (settings->budget > 0 && searches->spent > settings->budget)
        return false;
    return settings->every < 2 || (searches->calls - 1) % settings->every == 0;
}

static struct source_settings source_settings(const struct searches *searches)
{
    return (struct source_settings){
        .scanner = searches->scanner,
        .workers = searches->settings->workers,
        .snapshot = searches->settings->snapshot,
    };
}

static void lose(struct searches *searches, const char *why)
{
    if (searches->lost++ == 0)
        snprintf(searches->trouble, sizeof(searches->trouble), "%s", why);
}

/*
 * By which thread a process is known: its first one, or, where that has ended, another, for /proc
 * shows nothing of the memory under the first one's number then.
 */
static pid_t known_by(const struct tracees *tracees, const struct traced *process)
{
    pid_t other = process->pid;

    for (size_t i = 0; i < tracees->count; i++) {
        const struct tracee *tracee = tracees->threads[i];

        if (tracee->process != process || tracee->leaving)
            continue;
        if (tracee->tid == process->pid)
            return process->pid;
        other = tracee->tid;
    }
    return other;
}

/* The processes that run a program and have a memory still. */
static size_t choose(struct searches *searches, pid_t *pids)
{
    const struct tracees *tracees = searches->tracees;
    size_t count = 0;

    free(searches->there);
    searches->there = calloc(tracees->process_count + 1, sizeof(*searches->there));
    searches->there_count = 0;
    if (searches->there == NULL)
        return 0;
    for (size_t i = 0; i < tracees->process_count && count < MANY_PROCESSES; i++) {
        const struct traced *process = tracees->processes[i];

        if (!process->executed || tracees_alive(tracees, process) == 0)
            continue;
        pids[count] = known_by(tracees, process);
        searches->there[count] = *process;
        searches->there[count].pid = pids[count];
        searches->there_count = ++count;
    }
    return count;
}

static void *search(void *argument)
{
    struct searches *searches = argument;
    const struct source_settings settings = source_settings(searches);

    target_search(searches->target, &settings, searches->examination);
    return NULL;
}

static void enter(struct searches *searches)
{
    struct examination *examination = searches->examination;

    searches->examination = NULL;
    canaries_check(searches->canaries, examination, searches->there, searches->there_count,
                   searches->first_canary);
    ledger_shorten(examination, searches->report->count);
    if (!report_add(searches->report, examination))
        lose(searches, "there was no memory for a search's results");
}

void searches_wait(struct searches *searches)
{
    const uint64_t begun = searches_now();

    if (!searches->busy)
        return;
    pthread_join(searches->thread, NULL);
    searches->busy = false;
    enter(searches);
    searches->spent += milliseconds(begun, searches_now()) / 1e3;
}

/* In a thread, or here where there can be none.  Signals are for the tracer's. */
static void begin_search(struct searches *searches)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    searches->busy = pthread_create(&searches->thread, NULL, search, searches) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!searches->busy) {
        search(searches);
        enter(searches);
    }
}

/* With all stopped. @return false: there is nothing to search */
static bool take(struct searches *searches, struct examination *examination)
{
    pid_t *pids = calloc(MANY_PROCESSES, sizeof(*pids));
    const size_t count = pids != NULL ? choose(searches, pids) : 0;
    const struct source_settings settings = source_settings(searches);
    struct source_trouble why = { "no process is left" };
    bool taken = false;

    searches->target = count > 0 ? target_take(pids, count, &why) : NULL;
    free(pids);
    if (searches->target != NULL) {
        taken = target_read(searches->target, &settings, examination, &why);
        target_resume(searches->target, examination);
        if (!taken)
            target_search(searches->target, &settings, examination); /* frees it */
    }
    if (!taken && count > 0)
        lose(searches, why.text);
    return taken;
}

void searches_take(struct searches *searches, enum moment moment, const char *call)
{
    struct examination *examination;
    unsigned int missed;
    uint64_t begun, end;
    bool taken;

    searches_wait(searches);
    examination = examination_new();
    if (examination == NULL) {
        lose(searches, "there was no memory for a search");
        return;
    }
    begun = searches_now();
    if (searches->last != 0 &&
        milliseconds(searches->last, begun) > searches->report->longest_unscanned)
        searches->report->longest_unscanned = milliseconds(searches->last, begun);
    missed = tracees_freeze(searches->tracees);
    taken = take(searches, examination);
    tracees_release(searches->tracees);
    end = searches_now();
    examination->moment = moment;
    snprintf(examination->call, sizeof(examination->call), "%s", call);
    examination->at = milliseconds(searches->begun, begun);
    examination->frozen = milliseconds(begun, end);
    examination->threads_missed += missed;
    searches->last = end;
    searches->spent += milliseconds(begun, end) / 1e3;
    if (!taken) {
        examination_free(examination);
        return;
    }
    searches->examination = examination;
    begin_search(searches);
}
