/* Why a process cannot be stopped: see refused.h. */
#include "refused.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "procfs.h"

enum { FLAG_KERNEL_THREAD = 0x00200000 }; /* PF_KTHREAD of the kernel */

/* Ended, and nobody took note of it yet; with threads that go on it is only its first that ended.
 */
static bool has_ended(pid_t process, char state)
{
    struct ids threads = { 0 };
    const bool ended =
        (state == 'Z' || state == 'X') && (!proc_threads(process, &threads) || threads.count < 2);

    ids_free(&threads);
    return ended;
}

bool refused_at_once(pid_t process, struct source_trouble *why)
{
    char name[20], state;
    unsigned long flags;
    long group;

    if (process <= 0)
        return trouble_set(why, "%d is not the number of a process", (int)process);
    if (!proc_state(process, &state, &flags))
        return trouble_set(why,
                           "process %d does not exist (any more), or /proc is mounted with hidepid "
                           "and hides it: run as its user or as root",
                           (int)process);
    proc_name(process, name);
    group = proc_status(process, "Tgid");
    if (process == getpid() || group == getpid())
        return trouble_set(why,
                           "process %d is this program itself, which would stop itself: scan "
                           "it from another process",
                           (int)process);
    if (group > 0 && group != process)
        return trouble_set(why,
                           "%d is a thread of process %ld: give that number, all its threads "
                           "are scanned",
                           (int)process, group);
    if (proc_status(getpid(), "TracerPid") == process)
        return trouble_set(why,
                           "process %d (%s) traces this program and waits for it: stopping it "
                           "would stop both for ever; run without the tracer",
                           (int)process, name);
    if (has_ended(process, state))
        return trouble_set(why,
                           "process %d (%s) has ended: it is a zombie without memory, until its "
                           "parent, process %ld, takes note",
                           (int)process, name, proc_status(process, "PPid"));
    if ((flags & FLAG_KERNEL_THREAD) != 0)
        return trouble_set(why,
                           "process %d (%s) is a thread of the kernel: it has no memory of "
                           "its own to scan",
                           (int)process, name);
    return true;
}

static long yama_scope(void)
{
    size_t size;
    char *text = proc_read(getpid(), "../sys/kernel/yama/ptrace_scope", &size);
    const long scope = text == NULL ? 0 : strtol(text, NULL, 10);

    free(text);
    return scope;
}

static bool scope_refuses(pid_t process, const char *name, long scope, struct source_trouble *why)
{
    if (scope == 3)
        return trouble_set(why,
                           "process %d (%s) cannot be stopped: kernel.yama.ptrace_scope is 3, "
                           "which forbids tracing until the next boot",
                           (int)process, name);
    return trouble_set(why,
                       "process %d (%s) cannot be stopped: kernel.yama.ptrace_scope is %ld, so "
                       "only root may look into other processes: run with sudo%s",
                       (int)process, name, scope,
                       scope == 1 ? ", or start the program with `hsmzke-memscan run`" : "");
}

bool refused_why(pid_t process, pid_t thread, int error, struct source_trouble *why)
{
    char name[20], path[64];
    struct stat owner = { 0 };
    const long tracer = proc_status(thread, "TracerPid");
    const long scope = yama_scope();

    proc_name(process, name);
    snprintf(path, sizeof(path), "/proc/%d", (int)process);
    if (error != EPERM && error != EACCES)
        return trouble_set(why, "process %d (%s) cannot be stopped: %s", (int)process, name,
                           strerror(error));
    if (tracer > 0) {
        char by[20];

        proc_name((pid_t)tracer, by);
        return trouble_set(why,
                           "process %d (%s) is traced already, by process %ld (%s): detach "
                           "that debugger first",
                           (int)process, name, tracer, by);
    }
    if (stat(path, &owner) == 0 && geteuid() != 0 && owner.st_uid != geteuid())
        return trouble_set(why,
                           "process %d (%s) belongs to user %u, or gave up being looked into "
                           "(setuid, PR_SET_DUMPABLE): run as root (sudo)",
                           (int)process, name, (unsigned int)owner.st_uid);
    if (scope > 0 && geteuid() != 0)
        return scope_refuses(process, name, scope, why);
    return trouble_set(why,
                       "process %d (%s) cannot be stopped (%s): the capability CAP_SYS_PTRACE "
                       "is needed; in a container, start it with --cap-add=SYS_PTRACE, or run "
                       "on the host as root",
                       (int)process, name, strerror(error));
}
