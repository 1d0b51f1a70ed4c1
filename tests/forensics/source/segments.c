/*
 * System V shared memory that is attached to nobody: those of the target's making, or of its user.
 * Attached read-only, in the target's IPC namespace.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

#include "resident.h"
#include "target.h"
#include "trouble.h"

/* A line of /proc/sysvipc/shm. */
struct segment {
    int id, maker, last;
    uint64_t size, resident, swapped;
    unsigned long attached, user;
};

struct job {
    struct target *target;
    struct target_process *process;
    struct feed *feed;
    struct examination *examination;
    int space;       /* the target's namespace; -1: our own */
    uint64_t number; /* of the namespace */
};

static bool is_target(const struct job *job, int process)
{
    for (size_t i = 0; i < job->target->count; i++)
        if (job->target->processes[i].process == process)
            return true;
    return false;
}

/*
 * Whether the process has all of it: of what is attached, parts may have been unmapped.  Numbers
 * are of a namespace: one that nobody has attached here is not the one that is mapped.
 */
static bool is_attached(const struct job *job, const struct segment *segment)
{
    const struct maps *maps = &job->process->maps;
    uint64_t mapped = 0;

    for (size_t i = 0; i < maps->count && segment->attached > 0; i++)
        if (strncmp(maps->items[i].path, "/SYSV", 5) == 0 &&
            maps->items[i].inode == (uint64_t)segment->id && maps->items[i].offset == mapped)
            mapped += maps->items[i].end - maps->items[i].start;
    return segment->attached > 0 && mapped >= segment->size;
}

/* What of an attached segment exists is copied: attaching it ends before workers get to it. */
struct copying {
    struct feed *feed;
    unsigned int place;
    uint64_t base, read;
};

static void copy_run(void *argument, const struct run *run)
{
    struct copying *copying = argument;

    copying->read += run->end - run->start;
    feed_bytes(copying->feed, copying->place, run->start - copying->base,
               (const void *)(uintptr_t)run->start, (size_t)(run->end - run->start));
}

/* Our own mapping of the segment, asked like one of the target's. */
static void read_attached(const struct job *job, const void *memory, const struct segment *segment,
                          unsigned int place)
{
    struct copying copying = { .feed = job->feed,
                               .place = place,
                               .base = (uint64_t)(uintptr_t)memory };
    struct place_bytes bill = { .mapped = segment->size, .swapped = segment->swapped };
    const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    struct mapping mapping = { .start = copying.base,
                               .end = copying.base + (segment->size + page - 1) / page * page,
                               .inode = 1,
                               .path = "/SYSV" };
    struct residents residents;

    residents_open(&residents, getpid());
    const bool known = residents_visit(&residents, &mapping, copy_run, &copying);
    residents_close(&residents);
    bill.read = copying.read < segment->size ? copying.read : segment->size;
    if (known)
        bill.never_populated = segment->size - bill.read;
    else
        bill.unreadable = segment->size - bill.read;
    feed_account(job->feed, place, &bill);
}

static void add_segment(const struct job *job, const struct segment *segment)
{
    struct place place = { .kind = PLACE_SHARED,
                           .process = job->process->process,
                           .end = segment->size };
    void *memory = shmat(segment->id, NULL, SHM_RDONLY);

    snprintf(place.name, sizeof(place.name), "System V segment %d of user %lu, %s", segment->id,
             segment->user,
             segment->attached > 0 ? "not attached as a whole" : "attached to nobody");
    if (memory == (void *)-1) {
        place.bytes.mapped = place.bytes.unreadable = segment->size;
        trouble_note(job->examination, "%s, cannot be read: run as root", place.name);
        feed_place(job->feed, &place);
        return;
    }
    read_attached(job, memory, segment, feed_place(job->feed, &place));
    shmdt(memory);
}

static void *read_segments(void *argument)
{
    struct job *job = argument;
    struct stat owner = { 0 };
    char path[64], line[512];
    FILE *list;

    if (job->space >= 0 && setns(job->space, CLONE_NEWIPC) != 0) {
        trouble_note(job->examination,
                     "the System V segments of process %d are in a namespace of "
                     "its own, and cannot be read: run as root",
                     (int)job->process->process);
        return NULL;
    }
    snprintf(path, sizeof(path), "/proc/%d", (int)job->process->thread);
    list = stat(path, &owner) == 0 ? fopen("/proc/sysvipc/shm", "re") : NULL;
    while (list != NULL && fgets(line, sizeof(line), list) != NULL) {
        struct segment segment = { 0 };

        if (sscanf(line,
                   "%*d %d %*o %" SCNu64 " %d %d %lu %lu %*u %*u %*u %*u %*u %*u %" SCNu64
                   " %" SCNu64,
                   &segment.id, &segment.size, &segment.maker, &segment.last, &segment.attached,
                   &segment.user, &segment.resident, &segment.swapped) != 8 ||
            is_attached(job, &segment))
            continue;
        if ((is_target(job, segment.maker) || is_target(job, segment.last) ||
             (segment.attached == 0 && segment.user == owner.st_uid)) &&
            target_first(job->target, ~job->number, (uint64_t)segment.id + 1))
            add_segment(job, &segment);
    }
    if (list != NULL)
        fclose(list);
    return NULL;
}

static bool same_space(pid_t thread, int *space, uint64_t *number)
{
    char path[64];
    struct stat theirs = { 0 }, ours;

    snprintf(path, sizeof(path), "/proc/%d/ns/ipc", (int)thread);
    *space = -1;
    *number = 0;
    if (stat(path, &theirs) != 0 || stat("/proc/self/ns/ipc", &ours) != 0)
        return true;
    *number = theirs.st_ino;
    if (theirs.st_ino == ours.st_ino && theirs.st_dev == ours.st_dev)
        return true;
    *space = open(path, O_RDONLY | O_CLOEXEC);
    return false;
}

void target_segments(struct target *target, struct target_process *process, struct feed *feed,
                     struct examination *examination)
{
    struct job job = {
        .target = target, .process = process, .feed = feed, .examination = examination
    };
    pthread_t other;

    if (same_space(process->thread, &job.space, &job.number)) {
        read_segments(&job);
        return;
    }
    /* Only a thread of its own goes over into the namespace. */
    if (job.space >= 0 && pthread_create(&other, NULL, read_segments, &job) == 0)
        pthread_join(other, NULL);
    else
        trouble_note(examination, "the System V segments of process %d could not be read",
                     (int)process->process);
    if (job.space >= 0)
        close(job.space);
}
