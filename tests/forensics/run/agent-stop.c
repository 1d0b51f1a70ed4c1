/* Stopping for the tracer: see agent.h. */
#include "agent.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What the kernel knows of a signal's handling; not libc's structure. */
struct kernel_action {
    void *handler;
    unsigned long flags;
    void *restorer;
    uint64_t mask;
};

#if defined(__x86_64__)
/* Not libc's: that sets errno, and may use vector registers. */
long agent_call(long number, long a, long b, long c, long d)
{
    register long r10 __asm__("r10") = d;
    long result;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "0"(number), "D"(a), "S"(b), "d"(c), "r"(r10)
                     : "rcx", "r11", "memory");
    return result;
}

static void breakpoint(struct stop *stop)
{
    __asm__ volatile("int3" : : "a"(STOP_MAGIC), "D"(stop) : "memory");
}

#else
#error "the tap knows x86-64 only; meson.build does not build it elsewhere"
#endif

bool agent_traced(void)
{
    char text[4096];
    const int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    const ssize_t size = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
    const char *line;

    if (fd >= 0)
        close(fd);
    text[size > 0 ? size : 0] = '\0';
    line = strstr(text, "\nTracerPid:\t");
    return line != NULL && line[strlen("\nTracerPid:\t")] != '0';
}

/*
 * Where SIGTRAP is blocked or ignored the kernel lets a breakpoint through by unblocking it and by
 * taking its handler away; the program gets both back.
 */
void agent_stop(struct stop *stop)
{
    uint64_t mask = 0;
    struct kernel_action action = { 0 };
    const uint64_t trap = UINT64_C(1) << (SIGTRAP - 1);
    bool restore;

    agent_call(SYS_rt_sigprocmask, SIG_BLOCK, 0, (long)&mask, sizeof(mask));
    agent_call(SYS_rt_sigaction, SIGTRAP, 0, (long)&action, sizeof(mask));
    restore = (mask & trap) != 0 || action.handler == (void *)SIG_IGN;
    breakpoint(stop);
    if (restore) {
        agent_call(SYS_rt_sigaction, SIGTRAP, (long)&action, 0, sizeof(mask));
        agent_call(SYS_rt_sigprocmask, SIG_SETMASK, (long)&mask, 0, sizeof(mask));
    }
}
