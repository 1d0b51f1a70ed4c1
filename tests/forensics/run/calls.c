/* Names of system calls: see calls.h. */
#include "calls.h"

#include <stddef.h>
#include <stdio.h>
#include <sys/syscall.h>

/* Those that PKCS#11 modules make. */
#define CALL(name)                                                                                 \
    {                                                                                              \
        SYS_##name, #name                                                                          \
    }
static const struct {
    long number;
    const char *name;
} calls[] = {
    CALL(read),     CALL(write),     CALL(readv),     CALL(writev),       CALL(pread64),
    CALL(openat),   CALL(close),     CALL(fstat),     CALL(newfstatat),   CALL(lseek),
    CALL(mmap),     CALL(munmap),    CALL(mprotect),  CALL(brk),          CALL(madvise),
    CALL(mlock),    CALL(munlock),   CALL(futex),     CALL(sched_yield),  CALL(sendto),
    CALL(recvfrom), CALL(sendmsg),   CALL(recvmsg),   CALL(socket),       CALL(connect),
    CALL(fcntl),    CALL(ioctl),     CALL(flock),     CALL(getdents64),   CALL(unlink),
    CALL(getpid),   CALL(gettid),    CALL(getrandom), CALL(rt_sigaction), CALL(rt_sigprocmask),
    CALL(clone),    CALL(clone3),    CALL(poll),      CALL(ppoll),        CALL(clock_nanosleep),
    CALL(access),   CALL(ftruncate), CALL(fsync),     CALL(rename),       CALL(exit),
};

const char *call_name(long number)
{
    for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
        if (calls[i].number == number)
            return calls[i].name;
    return "system call";
}
