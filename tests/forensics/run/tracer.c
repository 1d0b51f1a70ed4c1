/* The tracer: see tracer.h. */
#include "tracer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "calls.h"
#include "signals.h"

enum {
    OPTIONS = PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC |
              PTRACE_O_TRACEEXIT | PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL,
};

static bool take_registers(pid_t tid, struct user_regs_struct *registers)
{
    return ptrace(PTRACE_GETREGS, tid, 0, registers) == 0;
}

/* By thread: the first one of a process may be gone, and its memory with it. */
static bool read_target(pid_t pid, uint64_t address, void *out, size_t size)
{
    struct iovec here = { out, size }, there = { (void *)(uintptr_t)address, size };

    return process_vm_readv(pid, &here, 1, &there, 1, 0) == (ssize_t)size;
}

/* A text of the target's, as much of it as fits and can be read. */
static void read_words(pid_t pid, uint64_t address, char *out, size_t room)
{
    size_t size = 0;

    while (address != 0 && size + 1 < room && read_target(pid, address + size, out + size, 1) &&
           out[size] != '\0')
        size++;
    out[size] = '\0';
}

/* Whether a SIGTRAP is the tap's, and what it says. */
static bool is_ours(const struct tracee *tracee, struct stop *stop)
{
    struct user_regs_struct registers;

    return tracee->process->executed && take_registers(tracee->tid, &registers) &&
           registers.rax == STOP_MAGIC &&
           read_target(tracee->tid, registers.rdi, stop, sizeof(*stop)) &&
           stop->magic == STOP_MAGIC;
}

/* How it stands at a PKCS#11 call: looked at, or counted as dropped. */
static void look(struct tracer *tracer, const struct tracee *tracee, enum moment moment)
{
    if (searches_wanted(&tracer->searches, moment))
        searches_take(&tracer->searches, moment, tracee->call);
    else
        tracer->searches.report->dropped++;
}

static void begin_call(struct tracer *tracer, struct tracee *tracee, const struct stop *stop)
{
    if (tracee->depth++ == 0)
        read_words(tracee->tid, stop->words, tracee->call, sizeof(tracee->call));
    tracer->searches.calls++;
    look(tracer, tracee, MOMENT_ENTRY);
}

static void end_call(struct tracer *tracer, struct tracee *tracee)
{
    look(tracer, tracee, MOMENT_RETURN);
    if (tracee->depth > 0 && --tracee->depth == 0)
        tracee->call[0] = '\0';
}

static void loaded(struct tracer *tracer, struct tracee *tracee, const struct stop *stop)
{
    char words[256];

    tracer->tapped = tracee->process->tapped = true;
    if (stop->words == 0)
        return;
    read_words(tracee->tid, stop->words, words, sizeof(words));
    snprintf(tracer->trouble, sizeof(tracer->trouble),
             "the PKCS#11 module '%.150s' cannot be loaded by the command: %s",
             tracer->environment->module, words);
}

static void at_our_stop(struct tracer *tracer, struct tracee *tracee, const struct stop *stop)
{
    switch ((enum stop_kind)stop->kind) {
    case STOP_LOADED:
        loaded(tracer, tracee, stop);
        break;
    case STOP_PLACES:
        canaries_plant(tracer->searches.canaries, tracee, stop);
        break;
    case STOP_KEY:
        if (tracer->key != NULL)
            (void)target_write(tracee->tid, stop->places[0], tracer->key, 32);
        break;
    case STOP_ENTRY:
        begin_call(tracer, tracee, stop);
        break;
    case STOP_RETURN:
        end_call(tracer, tracee);
        break;
    }
}

/* Entry and return of a system call inside a PKCS#11 call. */
static void at_syscall(struct tracer *tracer, struct tracee *tracee)
{
    struct user_regs_struct registers;
    char name[sizeof(tracee->call)];

    tracee->in_syscall = !tracee->in_syscall;
    if (tracee->depth == 0 || !take_registers(tracee->tid, &registers))
        return;
    snprintf(name, sizeof(name), "%.30s: %.24s", tracee->call, call_name((long)registers.orig_rax));
    if (searches_wanted(&tracer->searches, MOMENT_SYSCALL))
        searches_take(&tracer->searches, MOMENT_SYSCALL, name);
    else
        tracer->searches.report->dropped++;
}

/* A process whose other threads end because one of them executes a program does not end. */
static bool in_exec(const struct tracer *tracer, const struct traced *process)
{
    char path[64], text[32] = "";

    for (size_t i = 0; i < tracer->tracees.count; i++) {
        const struct tracee *tracee = tracer->tracees.threads[i];
        ssize_t size;
        int fd;

        if (tracee->process != process || tracee->stopped)
            continue;
        snprintf(path, sizeof(path), "/proc/%d/syscall", (int)tracee->tid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        size = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
        if (fd >= 0)
            close(fd);
        text[size > 0 ? size : 0] = '\0';
        if (size > 0 &&
            (strtol(text, NULL, 10) == SYS_execve || strtol(text, NULL, 10) == SYS_execveat) &&
            strncmp(text, "running", 7) != 0)
            return true;
    }
    return false;
}

/*
 * A thread ends.  Where the whole process does, all of its threads come by here, and the first of
 * them finds the memory as it was.  One that ends by itself is in exit().
 */
static void at_exit(struct tracer *tracer, struct tracee *tracee)
{
    struct traced *process = tracee->process;
    struct user_regs_struct registers = { 0 };
    const bool alone = take_registers(tracee->tid, &registers) && registers.orig_rax == SYS_exit;
    const bool last = tracees_alive(&tracer->tracees, process) == 1;

    if (process->executed && !process->ended && (last || !alone) && !in_exec(tracer, process)) {
        process->ended = true;
        searches_take(&tracer->searches, MOMENT_EXIT, "");
    }
    tracee->leaving = true;
    if (process->keeper == tracee->tid)
        process->planted &= ~(1U << CANARY_REGISTERS | 1U << CANARY_STACK);
    tracees_vfork_done(&tracer->tracees, process->pid);
}

/*
 * The thread that we added must not be what keeps a process alive.  It leaves as the last thread
 * of a program does, by exit().
 */
static void end_keeper(struct tracer *tracer, struct traced *process)
{
    struct tracee *keeper = tracees_find(&tracer->tracees, process->keeper);
    struct user_regs_struct registers;

    if (keeper == NULL || keeper->leaving || process->ended ||
        tracees_alive(&tracer->tracees, process) != 1)
        return;
    process->planted &= ~(1U << CANARY_REGISTERS | 1U << CANARY_STACK);
    (void)tracees_freeze(&tracer->tracees);
    if (keeper->stopped && take_registers(keeper->tid, &registers)) {
        registers.r12 = 1;
        registers.orig_rax = (unsigned long long)-1; /* or its system call would begin anew */
        (void)ptrace(PTRACE_SETREGS, keeper->tid, 0, &registers);
    }
    tracees_release(&tracer->tracees);
}

static void at_exec(struct tracer *tracer, struct tracee *tracee)
{
    tracees_executed(&tracer->tracees, tracee);
    searches_take(&tracer->searches, MOMENT_EXEC, "");
}

/* Acts upon a stop. @return the signal with which the thread goes on */
static int act(struct tracer *tracer, struct tracee *tracee)
{
    const int signal = WSTOPSIG(tracee->status), event = tracee->status >> 16;
    struct stop stop;

    switch (event) {
    case PTRACE_EVENT_EXEC:
        at_exec(tracer, tracee);
        return 0;
    case PTRACE_EVENT_EXIT:
        at_exit(tracer, tracee);
        return 0;
    case 0:
        break;
    default: /* births and stops of all kinds: the table knows already */
        return 0;
    }
    if (signal == (SIGTRAP | 0x80)) {
        at_syscall(tracer, tracee);
        return 0;
    }
    if (signal == SIGTRAP && is_ours(tracee, &stop)) {
        at_our_stop(tracer, tracee, &stop);
        return 0;
    }
    return signal;
}

static void step(struct tracer *tracer)
{
    struct tracee *tracee = tracees_next(&tracer->tracees);
    struct traced *process;
    int signal;
    bool exits;

    if (tracee == NULL)
        return;
    process = tracee->process;
    exits = tracee->status >> 16 == PTRACE_EVENT_EXIT;
    signal = act(tracer, tracee);
    tracees_resume(&tracer->tracees, tracee, signal);
    if (exits && process->keeper != 0)
        end_keeper(tracer, process);
}

/* In the child: waits until it is traced, then becomes the command. */
static void become(const struct tracer *tracer, int go)
{
    char *const *command = tracer->searches.settings->command;
    char byte;
    int null;

    if (read(go, &byte, 1) != 1)
        _exit(126);
    if (tracer->control && (null = open("/dev/null", O_RDWR)) >= 0) {
        const off_t at = lseek(0, 0, SEEK_CUR);

        if (at < 0) /* no file: what can be read once only is the other run's */
            dup2(null, 0);
        dup2(null, 1);
        dup2(null, 2);
        if (null > 2)
            close(null);
    }
    if (!environment_set(tracer->environment, tracer->key != NULL))
        _exit(126);
    signals_restore();
    execvp(command[0], command);
    _exit(errno == ENOENT ? 127 : 126);
}

static bool start(struct tracer *tracer, struct source_trouble *why)
{
    struct tracee *tracee = NULL;
    int pipes[2];
    pid_t pid;

    if (pipe2(pipes, O_CLOEXEC) != 0 || (pid = fork()) < 0) {
        snprintf(why->text, sizeof(why->text), "the command cannot be started: %s",
                 strerror(errno));
        return false;
    }
    if (pid == 0)
        become(tracer, pipes[0]);
    close(pipes[0]);
    if (ptrace(PTRACE_SEIZE, pid, 0, OPTIONS) != 0) {
        snprintf(why->text, sizeof(why->text),
                 "the command cannot be traced: %s; in a container ptrace must be allowed "
                 "(--cap-add=SYS_PTRACE)",
                 strerror(errno));
        kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
    } else {
        tracee = tracees_add(&tracer->tracees, pid, pid);
        tracer->tracees.root = pid;
        signals_forward_to(pid);
        if (write(pipes[1], "", 1) != 1)
            kill(pid, SIGKILL);
    }
    close(pipes[1]);
    return tracee != NULL;
}

bool tracer_run(struct tracer *tracer, struct source_trouble *why)
{
    struct searches *searches = &tracer->searches;
    bool executed;

    searches->tracees = &tracer->tracees;
    searches->begun = searches_now();
    tracer->tracees.syscalls = searches->settings->syscalls;
    signals_take();
    if (!start(tracer, why)) {
        signals_restore();
        return false;
    }
    while (tracer->tracees.count > 0) {
        step(tracer);
        tracer->asked_to_stop = signals_asked();
        if (tracer->asked_to_stop > 1)
            tracees_kill(&tracer->tracees);
    }
    searches_wait(searches);
    signals_restore();
    executed = searches->last != 0;
    if (!executed)
        snprintf(why->text, sizeof(why->text), "'%.200s' cannot be run: %s",
                 searches->settings->command[0],
                 WEXITSTATUS(tracer->tracees.root_status) == 127
                     ? "there is no such command"
                     : "it is not executable, or is no program");
    return executed;
}
