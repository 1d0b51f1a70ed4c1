/*
 * Processes as a source: stopped, read or copied, let go, searched (source.h has the four steps).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "describe.h"
#include "refused.h"
#include "registers.h"
#include "target.h"
#include "trouble.h"

static bool add_process(struct target *target, pid_t process)
{
    struct target_process *longer =
        realloc(target->processes, (target->count + 1) * sizeof(*longer));

    if (longer == NULL)
        return false;
    target->processes = longer;
    longer[target->count++] = (struct target_process){ .process = process, .memory = { .fd = -1 } };
    return true;
}

static void target_free(struct target *target)
{
    for (size_t i = 0; i < target->count; i++) {
        memory_close(&target->processes[i].memory);
        maps_free(&target->processes[i].maps);
    }
    free(target->processes);
    free(target->seen.files);
    snapshot_close(&target->snapshot);
    tasks_free(&target->tasks);
    free(target);
}

/* Stops the children of all processes, their children, and so on; ourselves not. */
static void stop_known_children(struct target *target, struct ids *known)
{
    struct source_trouble why;

    for (size_t i = 0; i < target->count; i++) {
        struct ids children = { 0 };

        proc_children(target->processes[i].process, &children);
        for (size_t j = 0; j < children.count; j++) {
            const pid_t child = children.items[j];
            char state;
            unsigned long flags;

            if (child == getpid() || !ids_add(known, child) || !proc_state(child, &state, &flags) ||
                state == 'Z' || state == 'X')
                continue;
            if (tasks_stop(&target->tasks, child, &why))
                add_process(target, child);
            else if (proc_state(child, &state, &flags) && state != 'Z' && state != 'X')
                snprintf(target->note, sizeof(target->note), "a child was left out: %.200s",
                         why.text);
        }
        ids_free(&children);
    }
}

/* Until no new one appears: a child's child becomes its grandparent's when the child ends. */
static void stop_children(struct target *target, struct ids *known)
{
    size_t before;

    do {
        before = known->count;
        stop_known_children(target, known);
    } while (known->count > before);
}

struct target *target_stop(const pid_t *processes, size_t count, bool children,
                           struct source_trouble *why)
{
    struct target *target = calloc(1, sizeof(*target));
    struct ids known = { 0 };
    bool stopped = target != NULL;

    if (target == NULL) {
        trouble_set(why, "there is no memory for a list of processes");
        return NULL;
    }
    target->stopped_at = feed_clock();
    for (size_t i = 0; i < count && stopped; i++)
        if (processes[i] <= 0 || ids_add(&known, processes[i]))
            stopped =
                tasks_stop(&target->tasks, processes[i], why) && add_process(target, processes[i]);
    if (stopped && children)
        stop_children(target, &known);
    ids_free(&known);
    if (!stopped) {
        tasks_go(&target->tasks);
        target_free(target);
        return NULL;
    }
    return target;
}

struct target *target_take(const pid_t *processes, size_t count, struct source_trouble *why)
{
    struct target *target = calloc(1, sizeof(*target));
    bool taken = target != NULL;

    if (target == NULL) {
        trouble_set(why, "there is no memory for a list of processes");
        return NULL;
    }
    target->stopped_at = feed_clock();
    for (size_t i = 0; i < count && taken; i++)
        taken = tasks_take(&target->tasks, processes[i], why) && add_process(target, processes[i]);
    if (!taken) {
        target_free(target);
        return NULL;
    }
    return target;
}

bool target_read_maps(const struct target_process *process, struct maps *maps)
{
    size_t size;
    char *text = proc_read(process->thread, "maps", &size);

    *maps = (struct maps){ 0 };
    return text != NULL && maps_parse(maps, text, size) && maps->count > 0;
}

static bool open_process(const struct target *target, struct target_process *process)
{
    process->thread = tasks_alive(&target->tasks, process->process);
    return process->thread != 0 && target_read_maps(process, &process->maps) &&
           memory_open(&process->memory, process->thread);
}

/* About how much is to be read: what decides whether all of it has room in the snapshot. */
static uint64_t estimate(const struct target *target)
{
    const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t sum = 0;

    for (size_t i = 0; i < target->count; i++) {
        const struct target_process *process = &target->processes[i];
        unsigned long long resident = 0;
        size_t size;
        char *text = proc_read(process->thread, "statm", &size);

        if (text != NULL && sscanf(text, "%*u %llu", &resident) == 1)
            sum += resident * page;
        free(text);
        for (size_t j = 0; j < process->maps.count; j++)
            if (mapping_kind(&process->maps.items[j]) == MAPPING_FILE)
                sum += process->maps.items[j].end - process->maps.items[j].start;
    }
    return sum;
}

static bool asks_oracle(const struct scanner *scanner)
{
    for (const char *const *name = scanner_detector_names(scanner); *name != NULL; name++)
        if (strstr(*name, "oracle") != NULL)
            return true;
    return false;
}

static struct feed *begin(struct target *target, const struct source_settings *settings,
                          struct examination *examination, struct source_trouble *why)
{
    const uint64_t expected = estimate(target);
    const uint64_t room = settings->snapshot;
    const bool choosy = expected > room && asks_oracle(settings->scanner);
    /* Margins and overlaps take some more than what is copied. */
    const uint64_t wanted = choosy || expected > room ? room : expected + expected / 8 + (8 << 20);
    struct feed *feed;

    if (!snapshot_open(&target->snapshot, (size_t)(wanted < room ? wanted : room)))
        trouble_remark(examination,
                       "there is no memory to copy %llu bytes: all was searched while "
                       "the process stood still",
                       (unsigned long long)room);
    feed = feed_new(settings, examination, target->snapshot.size > 0 ? &target->snapshot : NULL,
                    choosy);
    if (feed == NULL)
        trouble_set(why, "there is no memory or there are no threads to search with");
    else
        feed_expect(feed, expected);
    return feed;
}

bool target_read(struct target *target, const struct source_settings *settings,
                 struct examination *examination, struct source_trouble *why)
{
    const double began = feed_clock();
    size_t open = 0;
    uint64_t searched;
    struct feed *feed;

    for (size_t i = 0; i < target->count; i++) {
        target->processes[i].has_memory = open_process(target, &target->processes[i]);
        if (target->processes[i].has_memory)
            open++;
        else
            trouble_note(examination, "process %d ended before it was read",
                         (int)target->processes[i].process);
        if (target->processes[i].maps.damaged > 0)
            trouble_note(examination, "the map of process %d has lines that make no sense",
                         (int)target->processes[i].process);
    }
    examination->processes = (unsigned int)open;
    if (target->note[0] != '\0')
        trouble_note(examination, "%s", target->note);
    if (open == 0)
        return trouble_set(why, "the process ended before its memory could be read");
    feed = begin(target, settings, examination, why);
    if (feed == NULL)
        return false;
    registers_read(&target->tasks, feed, examination);
    for (size_t i = 0; i < target->count; i++)
        if (target->processes[i].has_memory) {
            target_mappings(target, &target->processes[i], feed, examination);
            target_elsewhere(target, &target->processes[i], feed, examination);
        }
    searched = feed_free(feed);
    examination->snapshot = target->snapshot.used;
    examination->copied_whole = searched == 0;
    if (searched > 0)
        examination->searched += feed_clock() - began;
    if (searched > 0 && settings->snapshot > 0)
        trouble_remark(examination,
                       "%llu MB had no room in the snapshot and were searched while the "
                       "process stood still",
                       (unsigned long long)(searched >> 20));
    return true;
}

void target_resume(struct target *target, struct examination *examination)
{
    for (size_t i = 0; i < target->count; i++) {
        struct target_process *process = &target->processes[i];
        struct maps now;

        if (!process->has_memory)
            continue;
        if (!target_read_maps(process, &now))
            trouble_note(examination, "process %d ended while it was read", (int)process->process);
        if (now.digest != process->maps.digest)
            examination->ledger.changed = true;
        maps_free(&now);
        memory_close(&process->memory);
        maps_free(&process->maps);
    }
    tasks_go(&target->tasks);
    target->resumed = true;
    examination->frozen += feed_clock() - target->stopped_at;
}

void target_search(struct target *target, const struct source_settings *settings,
                   struct examination *examination)
{
    const double began = feed_clock();

    if (!target->resumed)
        target_resume(target, examination);
    if (!feed_search(settings, examination, &target->snapshot)) {
        trouble_note(examination,
                     "there are no threads to search with: %llu bytes were copied and "
                     "not searched",
                     (unsigned long long)target->snapshot.used);
        examination->ledger.truncated = true;
    }
    target_free(target);
    scanner_conclude(settings->scanner, examination->findings);
    places_describe(examination);
    examination->searched += feed_clock() - began;
}

bool source_processes(const pid_t *processes, size_t count, const struct source_settings *settings,
                      struct examination *examination, struct source_trouble *why)
{
    struct target *target = target_stop(processes, count, settings->children, why);
    bool read;

    if (target == NULL)
        return false;
    read = target_read(target, settings, examination, why);
    target_resume(target, examination);
    target_search(target, settings, examination);
    return read;
}
