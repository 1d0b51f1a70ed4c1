/*
 * The cases of faults-every.c: an operation with a fault, and once more without it, in a process of
 * its own, forked before the provider has loaded the module: that is what a module that has to be
 * initialised costs, and what shows crashes.
 */
#include "every.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { WORKERS = 4, PRIME = 7 };

/* What a child tells, and what a worker adds up. */
static struct shared {
    struct told {
        struct outcome first, again;
        unsigned injected, logins;
        char words[300];
    } told[WORKERS];
    struct tally tallies[WORKERS][OPERATIONS];
} * shared;

struct run {
    const struct place *place;
    const struct fault *fault;
    unsigned worker;
};

struct worker {
    const struct fault *faults;
    unsigned count, number;
    bool (*fits)(const char *function);
};

/* ---- one case ---- */

static unsigned logins(void)
{
    const char *name;

    for (unsigned i = 0;; i++) {
        const unsigned count = spy_counted(i, &name);

        if (name == NULL || strcmp(name, "C_Login") == 0)
            return count;
    }
}

/* Registered before the provider's, so it runs after: C_Finalize has been called. */
static void tell_injected(void)
{
    for (unsigned i = 0; i < WORKERS; i++)
        shared->told[i].injected += shared->told[i].injected == 0 ? spy_injected() : 0;
}

static void case_child(void *run_)
{
    const struct run *run = run_;
    const struct place *place = run->place;
    const bool at_exit = strcmp(place->function, "C_Finalize") == 0;
    struct told *told = &shared->told[run->worker];
    const char *script = text("%s%s %s:%u:%s", place->before, run->fault->verb, place->function,
                              place->call, run->fault->argument);

    if (at_exit)
        atexit(tell_injected);
    spy_tell(script);
    told->first = work(context_of(place->operation), place->operation);
    snprintf(told->words, sizeof(told->words), "%s", told->first.words);
    told->injected = spy_injected() - (*place->before != '\0');
    spy_tell(at_exit ? script : "");
    told->again = work(context_of(place->operation), place->operation);
    told->logins = logins();
}

static bool is_final(const struct run *run)
{
    return run->fault->final && strcmp(run->place->function, "C_Login") == 0;
}

static unsigned bad(const struct tally *tally)
{
    return tally->crashed + tally->wrong + tally->wordless + tally->stuck + tally->missed;
}

static void judge(const struct run *run, int status)
{
    const struct place *place = run->place;
    const struct told *told = &shared->told[run->worker];
    struct tally *tally = &shared->tallies[run->worker][place->operation];
    const unsigned before = bad(tally);

    tally->injected += told->injected > 0;
    tally->missed += told->injected == 0 && !run->fault->may_miss;
    tally->recovered += told->injected > 0 && told->first.refused == 0;
    tally->refused += told->injected > 0 && told->first.refused > 0;
    tally->crashed += status != 0;
    tally->wrong += told->first.wrong + told->again.wrong;
    tally->wordless += told->first.wordless + told->again.wordless;
    tally->stuck +=
        is_final(run) ? told->again.done > 0 || told->logins > 0 : told->again.refused > 0;
    if (bad(tally) > before)
        fprintf(stderr,
                "%s, %s%s %s:%u:%s: status %d, refused %u and %u, wrong %u, wordless %u, "
                "injected %u: %s\n",
                operation_names[place->operation], place->before, run->fault->verb, place->function,
                place->call, run->fault->name, status, told->first.refused, told->again.refused,
                told->first.wrong + told->again.wrong, told->first.wordless + told->again.wordless,
                told->injected, told->words);
}

/* ---- all of them ---- */

static void worker_child(void *worker_)
{
    const struct worker *worker = worker_;
    unsigned cases = 0;

    /* A token of its own: while another process logs in, SoftHSM's cannot be read. */
    token_standard();
    for (unsigned i = 0; i < placed; i++) {
        if (worker->fits != NULL && !worker->fits(places[i].function))
            continue;
        for (unsigned j = 0; j < worker->count; j++) {
            struct run run = { &places[i], &worker->faults[j], worker->number };

            if ((quick() && j != i * PRIME % worker->count) || cases++ % WORKERS != worker->number)
                continue;
            memset(&shared->told[worker->number], 0, sizeof(shared->told[0]));
            judge(&run, run_child(case_child, &run));
        }
    }
}

void cases_run(const struct fault *faults, unsigned count, bool (*fits)(const char *function))
{
    struct worker workers[WORKERS];
    int pids[WORKERS];

    if (shared == NULL)
        shared =
            mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED);
    memset(shared, 0, sizeof(*shared));
    for (unsigned i = 0; i < WORKERS; i++) {
        workers[i] = (struct worker){ faults, count, i, fits };
        pids[i] = start_child(worker_child, &workers[i]);
    }
    for (unsigned i = 0; i < WORKERS; i++)
        CHECK(wait_child(pids[i]) == 0);
}

struct tally cases_tally(unsigned from, unsigned to)
{
    struct tally all = { 0 };

    for (unsigned i = 0; i < WORKERS; i++) {
        for (unsigned j = from; j < to; j++) {
            const struct tally *tally = &shared->tallies[i][j];

            all.injected += tally->injected;
            all.recovered += tally->recovered;
            all.refused += tally->refused;
            all.crashed += tally->crashed;
            all.wrong += tally->wrong;
            all.wordless += tally->wordless;
            all.stuck += tally->stuck;
            all.missed += tally->missed;
        }
    }
    return all;
}
