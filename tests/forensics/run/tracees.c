/* The table of what is traced: see tracees.h. */
#include "tracees.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "run.h"

enum {
    FREEZE_POLL = 50 * 1000,  /* nanoseconds between looks at threads that do not stand yet */
    FREEZE_TRIES = 2 * 20000, /* some two seconds */
};

/* Grows an array of pointers by one. */
static bool append(void ***array, size_t *count, size_t *room, void *item)
{
    if (*count == *room) {
        const size_t more = *room > 0 ? 2 * *room : 16;
        void **longer = realloc(*array, more * sizeof(*longer));

        if (longer == NULL)
            return false;
        *array = longer;
        *room = more;
    }
    (*array)[(*count)++] = item;
    return true;
}

/* A number of /proc/TID/status; 0: there is none. */
static pid_t status_number(pid_t tid, const char *name)
{
    char path[64], text[2048];
    const char *line;
    ssize_t size;
    int fd;

    snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    size = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
    if (fd >= 0)
        close(fd);
    text[size > 0 ? size : 0] = '\0';
    line = strstr(text, name);
    return line != NULL ? (pid_t)strtol(line + strlen(name), NULL, 10) : 0;
}

static struct traced *find_process(const struct tracees *tracees, pid_t pid)
{
    for (size_t i = 0; i < tracees->process_count; i++)
        if (tracees->processes[i]->pid == pid)
            return tracees->processes[i];
    return NULL;
}

/* A forked process has what its parent's memory had, but for the thread that keeps canaries. */
static struct traced *add_process(struct tracees *tracees, pid_t pid)
{
    const struct traced *parent = find_process(tracees, status_number(pid, "\nPPid:\t"));
    struct traced *process = calloc(1, sizeof(*process));

    if (process == NULL)
        return NULL;
    if (parent != NULL)
        *process = *parent;
    process->pid = pid;
    process->ended = process->fresh = false;
    process->keeper = 0;
    process->planted &= ~(1U << CANARY_REGISTERS | 1U << CANARY_STACK);
    if (append((void ***)&tracees->processes, &tracees->process_count, &tracees->process_room,
               process))
        return process;
    free(process);
    return NULL;
}

struct tracee *tracees_find(struct tracees *tracees, pid_t tid)
{
    for (size_t i = 0; i < tracees->count; i++)
        if (tracees->threads[i]->tid == tid)
            return tracees->threads[i];
    return NULL;
}

struct tracee *tracees_add(struct tracees *tracees, pid_t tid, pid_t process)
{
    struct traced *owner = find_process(tracees, process);
    struct tracee *tracee = calloc(1, sizeof(*tracee));

    if (owner == NULL)
        owner = add_process(tracees, process);
    if (tracee != NULL && owner != NULL &&
        append((void ***)&tracees->threads, &tracees->count, &tracees->room, tracee)) {
        tracee->tid = tid;
        tracee->process = owner;
        return tracee;
    }
    tracees->overflowed = true;
    free(tracee);
    return NULL;
}

static void remove_process(struct tracees *tracees, struct traced *process)
{
    for (size_t i = 0; i < tracees->count; i++)
        if (tracees->threads[i]->process == process)
            return;
    for (size_t i = 0; i < tracees->process_count; i++)
        if (tracees->processes[i] == process) {
            tracees->processes[i] = tracees->processes[--tracees->process_count];
            free(process);
            return;
        }
}

static void remove_thread(struct tracees *tracees, struct tracee *tracee)
{
    struct traced *process = tracee->process;

    for (size_t i = 0; i < tracees->count; i++)
        if (tracees->threads[i] == tracee) {
            tracees->threads[i] = tracees->threads[--tracees->count];
            break;
        }
    free(tracee);
    remove_process(tracees, process);
}

void tracees_free(struct tracees *tracees)
{
    while (tracees->count > 0)
        remove_thread(tracees, tracees->threads[0]);
    free(tracees->threads);
    free(tracees->processes);
    *tracees = (struct tracees){ 0 };
}

static pid_t event_message(pid_t tid)
{
    unsigned long message = 0;

    (void)ptrace(PTRACE_GETEVENTMSG, tid, 0, &message);
    return (pid_t)message;
}

/*
 * A new thread or child, told of by its maker or by its own first stop, whichever comes first.
 * @return NULL if it is gone already
 */
static struct tracee *born(struct tracees *tracees, pid_t tid)
{
    struct tracee *tracee = tracees_find(tracees, tid);
    const pid_t process = tracee == NULL ? status_number(tid, "\nTgid:\t") : 0;

    if (tracee == NULL && process != 0)
        tracee = tracees_add(tracees, tid, process);
    return tracee;
}

static void note_birth(struct tracees *tracees, struct tracee *maker, int event)
{
    const pid_t tid = event_message(maker->tid);
    const struct tracee *child = born(tracees, tid);

    if (event == PTRACE_EVENT_VFORK && child != NULL && !child->process->fresh)
        maker->vforked = tid;
}

static void note_end(struct tracees *tracees, pid_t tid, int status)
{
    struct tracee *tracee = tracees_find(tracees, tid);

    tracees_vfork_done(tracees, tid);
    if (tid == tracees->root) {
        tracees->root_ended = true;
        tracees->root_status = status;
    }
    if (tracee != NULL)
        remove_thread(tracees, tracee);
}

/* Enters into the table what wait() told. @return the thread, NULL: it is gone */
static struct tracee *note(struct tracees *tracees, pid_t tid, int status)
{
    const int event = status >> 16;
    struct tracee *tracee;

    if (!WIFSTOPPED(status)) {
        note_end(tracees, tid, status);
        return NULL;
    }
    tracee = born(tracees, tid);
    if (tracee == NULL) {
        (void)ptrace(PTRACE_CONT, tid, 0, 0);
        return NULL;
    }
    tracee->stopped = true;
    tracee->pending = true;
    tracee->status = status;
    if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK || event == PTRACE_EVENT_CLONE)
        note_birth(tracees, tracee, event);
    return tracee;
}

struct tracee *tracees_next(struct tracees *tracees)
{
    struct tracee *tracee = NULL;
    int status;
    pid_t tid;

    for (size_t i = 0; i < tracees->count && tracee == NULL; i++)
        if (tracees->threads[i]->pending)
            tracee = tracees->threads[i];
    if (tracee == NULL) {
        tid = waitpid(-1, &status, __WALL);
        tracee = tid > 0 ? note(tracees, tid, status) : NULL;
    }
    if (tracee != NULL)
        tracee->pending = false;
    return tracee;
}

static bool in_group_stop(const struct tracee *tracee)
{
    return tracee->status >> 16 == PTRACE_EVENT_STOP && WSTOPSIG(tracee->status) != SIGTRAP;
}

void tracees_resume(struct tracees *tracees, struct tracee *tracee, int signal)
{
    const bool syscalls = tracees->syscalls && tracee->depth > 0;

    if (tracee->vforked != 0)
        return;
    tracee->stopped = false;
    if (in_group_stop(tracee)) {
        (void)ptrace(PTRACE_LISTEN, tracee->tid, 0, 0);
        return;
    }
    /* It fails only for a thread that was killed meanwhile; wait() tells of that. */
    (void)ptrace(syscalls ? PTRACE_SYSCALL : PTRACE_CONT, tracee->tid, 0, (long)signal);
}

/* @return how many threads run, which were told to stop */
static unsigned int still_running(const struct tracees *tracees)
{
    unsigned int count = 0;

    for (size_t i = 0; i < tracees->count; i++)
        count += !tracees->threads[i]->stopped && !tracees->threads[i]->leaving;
    return count;
}

unsigned int tracees_freeze(struct tracees *tracees)
{
    const struct timespec moment = { .tv_nsec = FREEZE_POLL };
    unsigned int running;

    for (size_t i = 0; i < tracees->count; i++) {
        const struct tracee *tracee = tracees->threads[i];

        if (!tracee->stopped && !tracee->leaving)
            (void)ptrace(PTRACE_INTERRUPT, tracee->tid, 0, 0);
    }
    for (unsigned int i = 0; (running = still_running(tracees)) > 0 && i < FREEZE_TRIES;) {
        int status;
        const pid_t tid = waitpid(-1, &status, __WALL | WNOHANG);

        if (tid > 0) {
            (void)note(tracees, tid, status);
        } else {
            nanosleep(&moment, NULL);
            i++;
        }
    }
    return running;
}

void tracees_release(struct tracees *tracees)
{
    for (size_t i = 0; i < tracees->count; i++) {
        struct tracee *tracee = tracees->threads[i];

        if (tracee->pending && tracee->status >> 16 == PTRACE_EVENT_STOP) {
            tracee->pending = false;
            tracees_resume(tracees, tracee, 0);
        }
    }
}

size_t tracees_alive(const struct tracees *tracees, const struct traced *process)
{
    size_t count = 0;

    for (size_t i = 0; i < tracees->count; i++)
        count += tracees->threads[i]->process == process && !tracees->threads[i]->leaving;
    return count;
}

void tracees_executed(struct tracees *tracees, struct tracee *tracee)
{
    struct traced *process = tracee->process;

    for (size_t i = tracees->count; i-- > 0;)
        if (tracees->threads[i]->process == process && tracees->threads[i] != tracee)
            remove_thread(tracees, tracees->threads[i]);
    tracee->depth = 0;
    tracee->leaving = false;
    tracee->in_syscall = false;
    *process = (struct traced){ .pid = process->pid, .executed = true, .fresh = true };
    tracees_vfork_done(tracees, process->pid);
}

void tracees_vfork_done(struct tracees *tracees, pid_t pid)
{
    for (size_t i = 0; i < tracees->count; i++) {
        struct tracee *tracee = tracees->threads[i];

        if (tracee->vforked != pid || pid == 0)
            continue;
        tracee->vforked = 0;
        if (tracee->stopped && !tracee->pending)
            tracees_resume(tracees, tracee, 0);
    }
}

void tracees_kill(const struct tracees *tracees)
{
    for (size_t i = 0; i < tracees->process_count; i++)
        (void)kill(tracees->processes[i]->pid, SIGKILL);
}
