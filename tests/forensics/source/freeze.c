/* Threads are stopped and let go: see freeze.h. */
#include "freeze.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "refused.h"

enum {
    PATIENCE_EXEC = 5,       /* milliseconds until those that stand still are asked if they live */
    PATIENCE_KERNEL = 250,   /* milliseconds for threads that sleep where no signal wakes them */
    PATIENCE_BUSY = 10000,   /* ... for those that have not got a processor yet */
    PATIENCE_LATECOMER = 500 /* ... for stuck ones, when all are let go */
};

static double milliseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static bool add_task(struct tasks *tasks, pid_t process, pid_t thread, enum task_state state)
{
    if (tasks->count == tasks->room) {
        const size_t room = tasks->room == 0 ? 64 : 2 * tasks->room;
        struct task *longer = realloc(tasks->items, room * sizeof(*longer));

        if (longer == NULL)
            return false;
        tasks->items = longer;
        tasks->room = room;
    }
    tasks->items[tasks->count++] =
        (struct task){ .process = process, .thread = thread, .state = state };
    return true;
}

/* A thread that executes a program takes over its leader's number, and our trace with it. */
static bool is_ours(pid_t thread)
{
    return proc_status(thread, "TracerPid") == gettid();
}

static bool seize(struct tasks *tasks, pid_t process, pid_t thread, struct source_trouble *why)
{
    char state;
    unsigned long flags;

    if (ptrace(PTRACE_SEIZE, thread, NULL, NULL) != 0) {
        const int error = errno;

        if (error == ESRCH || !proc_state(thread, &state, &flags) || state == 'Z' || state == 'X')
            return add_task(tasks, process, thread, TASK_GONE);
        if (!is_ours(thread))
            return refused_why(process, thread, error, why);
    }
    if (!add_task(tasks, process, thread, TASK_AWAITED)) {
        ptrace(PTRACE_INTERRUPT, thread, NULL, NULL);
        return trouble_set(why, "there is no memory for a list of threads");
    }
    if (ptrace(PTRACE_INTERRUPT, thread, NULL, NULL) != 0)
        tasks->items[tasks->count - 1].state = TASK_GONE;
    return true;
}

/* Takes note of a thread that ended.  How a child of our own ended is for others of us to hear. */
static void bury(struct task *task)
{
    const bool leader = proc_status(task->thread, "Tgid") == task->thread;

    if (!leader || proc_status(task->thread, "PPid") != getpid())
        (void)waitpid(task->thread, NULL, __WALL | WNOHANG);
    task->state = TASK_GONE;
}

/* @return true if it is known now what became of the thread */
static bool look_after(struct task *task)
{
    siginfo_t what = { .si_pid = 0 };
    int status;

    if (waitid(P_PID, (id_t)task->thread, &what, WEXITED | WSTOPPED | WNOHANG | WNOWAIT | __WALL) !=
        0) {
        if (errno == EINTR)
            return false;
        task->state = TASK_GONE;
        return true;
    }
    if (what.si_pid == 0)
        return false;
    if (what.si_code == CLD_EXITED || what.si_code == CLD_KILLED || what.si_code == CLD_DUMPED) {
        bury(task);
        return true;
    }
    if (waitpid(task->thread, &status, __WALL | WNOHANG) != task->thread || !WIFSTOPPED(status))
        return false;
    task->state = TASK_STOPPED;
    task->signal = status >> 16 == 0 ? WSTOPSIG(status) : 0;
    return true;
}

/*
 * A thread that executes a program kills its siblings, ones that stand still too, and waits until
 * they are buried: by us, who trace them.
 */
static void bury_stopped(struct tasks *tasks)
{
    for (size_t i = 0; i < tasks->count; i++) {
        siginfo_t what = { .si_pid = 0 };

        if (tasks->items[i].state == TASK_STOPPED &&
            (waitid(P_PID, (id_t)tasks->items[i].thread, &what,
                    WEXITED | WNOHANG | WNOWAIT | __WALL) != 0 ||
             what.si_pid != 0))
            bury(&tasks->items[i]);
    }
}

/* Marks those that cannot be waited for any longer. */
static void give_up(struct tasks *tasks, bool all)
{
    char state;
    unsigned long flags;

    for (size_t i = 0; i < tasks->count; i++) {
        struct task *task = &tasks->items[i];

        if (task->state == TASK_AWAITED &&
            (all || (proc_state(task->thread, &state, &flags) && state == 'D')))
            task->state = TASK_STUCK;
    }
}

static void settle(struct tasks *tasks, size_t first)
{
    double since = milliseconds();
    struct timespec nap = { .tv_nsec = 20000 };
    bool awaited = true;

    while (awaited) {
        awaited = false;
        for (size_t i = first; i < tasks->count; i++) {
            if (tasks->items[i].state != TASK_AWAITED)
                continue;
            if (look_after(&tasks->items[i]))
                since = milliseconds();
            else
                awaited = true;
        }
        if (awaited && milliseconds() - since > PATIENCE_EXEC)
            bury_stopped(tasks);
        if (awaited && milliseconds() - since > PATIENCE_KERNEL)
            give_up(tasks, milliseconds() - since > PATIENCE_BUSY);
        if (awaited)
            nanosleep(&nap, NULL);
    }
}

bool tasks_stop(struct tasks *tasks, pid_t process, struct source_trouble *why)
{
    size_t seen, settled = tasks->count;

    if (!refused_at_once(process, why))
        return false;
    do {
        seen = tasks->threads.count;
        if (!proc_threads(process, &tasks->threads))
            break;
        for (size_t i = seen; i < tasks->threads.count; i++)
            if (!seize(tasks, process, tasks->threads.items[i], why))
                return false;
        settle(tasks, settled);
        settled = tasks->count;
    } while (tasks->threads.count > seen);
    if (tasks_alive(tasks, process) == 0)
        return trouble_set(why, "process %d ended before it could be stopped", (int)process);
    return true;
}

bool tasks_take(struct tasks *tasks, pid_t process, struct source_trouble *why)
{
    const size_t first = tasks->threads.count;

    tasks->taken = true;
    if (!proc_threads(process, &tasks->threads))
        return trouble_set(why, "process %d does not exist (any more)", (int)process);
    for (size_t i = first; i < tasks->threads.count; i++)
        if (!add_task(tasks, process, tasks->threads.items[i], TASK_STOPPED))
            return trouble_set(why, "there is no memory for a list of threads");
    return true;
}

pid_t tasks_alive(const struct tasks *tasks, pid_t process)
{
    char state;
    unsigned long flags;

    for (size_t i = 0; i < tasks->count; i++)
        if (tasks->items[i].process == process && tasks->items[i].state != TASK_GONE &&
            proc_state(tasks->items[i].thread, &state, &flags) && state != 'Z' && state != 'X')
            return tasks->items[i].thread;
    return 0;
}

/* Those that were stuck stop when they come out of the kernel: they must not stay so. */
static void free_latecomers(struct tasks *tasks)
{
    const double until = milliseconds() + PATIENCE_LATECOMER;
    struct timespec nap = { .tv_nsec = 200000 };
    bool left = true;

    while (left) {
        left = false;
        for (size_t i = 0; i < tasks->count; i++) {
            struct task *task = &tasks->items[i];

            if (task->state != TASK_STUCK)
                continue;
            if (!look_after(task))
                left = true;
            else if (task->state == TASK_STOPPED)
                ptrace(PTRACE_DETACH, task->thread, NULL, (void *)(uintptr_t)task->signal);
        }
        if (left && milliseconds() > until)
            return;
        if (left)
            nanosleep(&nap, NULL);
    }
}

void tasks_go(struct tasks *tasks)
{
    if (tasks->taken)
        return;
    settle(tasks, 0);
    /* Those that were let go first may have killed the others: these are to be buried. */
    for (size_t i = 0; i < tasks->count; i++)
        if (tasks->items[i].state == TASK_STOPPED)
            tasks->items[i].state = ptrace(PTRACE_DETACH, tasks->items[i].thread, NULL,
                                           (void *)(uintptr_t)tasks->items[i].signal) == 0
                                        ? TASK_GONE
                                        : TASK_STUCK;
    free_latecomers(tasks);
}

void tasks_free(struct tasks *tasks)
{
    free(tasks->items);
    ids_free(&tasks->threads);
    *tasks = (struct tasks){ 0 };
}
