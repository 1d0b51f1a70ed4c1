/*
 * A target: hides needles in all the places that a scanner of processes must look into, says
 * "ready", and then answers each byte on its standard input, to show that it is unharmed.
 * With an argument "again" it was executed by itself, with needles in environment and arguments.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "needles.h"

enum { PAGE = 4096, DEEP = 48 << 10 };

unsigned char live_static_key[2 * PAGE] __attribute__((aligned(PAGE))) = { 1 };
static int segment = -1;

static void remove_segment(void)
{
    if (segment >= 0)
        shmctl(segment, IPC_RMID, NULL);
}

static void fail(const char *what)
{
    perror(what);
    remove_segment();
    exit(1);
}

static volatile int stack_kept;

static void *keep_stack(void *unused)
{
    volatile unsigned char key[64];

    needle_make(NEEDLE_STACK, key + 7);
    stack_kept = 1;
    for (;;)
        pause();
    return unused;
}

static __attribute__((noinline)) void leave_below(void)
{
    volatile unsigned char deep[DEEP];

    needle_make(NEEDLE_BELOW, deep + 100);
}

#if defined(__x86_64__)
/* Each thread has a needle in vector registers and nowhere else, and makes no call any more; a 1
 * after its buffer says that it is so. */
static void *keep_xmm(void *argument)
{
    unsigned char *key = argument;

    needle_make(NEEDLE_XMM, key);
    __asm__ volatile("movdqu (%0), %%xmm3\n movdqu 16(%0), %%xmm9\n"
                     "pxor %%xmm0, %%xmm0\n movdqu %%xmm0, (%0)\n movdqu %%xmm0, 16(%0)\n"
                     "movb $1, 64(%0)\n"
                     "1: pause\n jmp 1b\n"
                     :
                     : "r"(key)
                     : "memory", "xmm0", "xmm3", "xmm9");
    return argument;
}

static void *keep_ymm(void *argument)
{
    unsigned char *key = argument;

    needle_make(NEEDLE_YMM, key);
    __asm__ volatile("vmovdqu (%0), %%ymm5\n"
                     "vpxor %%xmm0, %%xmm0, %%xmm0\n vmovdqu %%ymm0, (%0)\n"
                     "movb $1, 64(%0)\n"
                     "1: pause\n jmp 1b\n"
                     :
                     : "r"(key)
                     : "memory", "xmm0", "xmm5");
    return argument;
}

static void *keep_zmm(void *argument)
{
    unsigned char *key = argument;

    needle_make(NEEDLE_ZMM, key + 32);
    __asm__ volatile("vmovdqu64 (%0), %%zmm20\n"
                     "vpxor %%xmm0, %%xmm0, %%xmm0\n vmovdqu64 %%zmm0, (%0)\n"
                     "movb $1, 64(%0)\n"
                     "1: pause\n jmp 1b\n"
                     :
                     : "r"(key)
                     : "memory", "xmm0");
    return argument;
}
#endif

static void start(void *(*function)(void *), void *argument)
{
    pthread_t thread;
    pthread_attr_t small;

    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 64 << 10);
    if (pthread_create(&thread, &small, function, argument) != 0)
        fail("pthread_create");
}

static void hide_in_registers(void)
{
#if defined(__x86_64__)
    static volatile unsigned char buffers[3][65];
    static void *(*const functions[])(void *) = { keep_xmm, keep_ymm, keep_zmm };
    const bool has[] = { true, __builtin_cpu_supports("avx") != 0,
                         __builtin_cpu_supports("avx512f") != 0 };

    for (int i = 0; i < 3; i++)
        if (has[i])
            start(functions[i], (void *)(uintptr_t)buffers[i]);
    for (int i = 0; i < 3; i++)
        while (has[i] && buffers[i][64] == 0)
            usleep(1000);
#endif
}

static unsigned char *map(size_t size)
{
    unsigned char *memory =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED)
        fail("mmap");
    return memory;
}

static void hide_in_memory(void)
{
    unsigned char *memory = malloc(20000);

    needle_make(NEEDLE_FREED, memory + 10000);
    free(memory);
    memory = map(4 * PAGE);
    needle_make(NEEDLE_NO_DUMP, memory + PAGE - 5);
    if (madvise(memory, 4 * PAGE, MADV_DONTDUMP) != 0)
        fail("MADV_DONTDUMP");
    memory = map(4 * PAGE);
    needle_make(NEEDLE_NO_ACCESS, memory + 2 * PAGE - 16);
    if (mprotect(memory, 4 * PAGE, PROT_NONE) != 0)
        fail("mprotect");
    /* Half of it in a mapping that can be written, half in one that cannot. */
    needle_make(NEEDLE_STATIC, live_static_key + PAGE - 16);
    if (mprotect(live_static_key + PAGE, PAGE, PROT_READ) != 0)
        fail("mprotect");
}

/* Writes a needle through a buffer that is wiped. */
static void write_needle(int fd, enum needle which)
{
    unsigned char key[32];

    needle_make(which, key);
    if (write(fd, key, sizeof(key)) != sizeof(key))
        fail("write");
    explicit_bzero(key, sizeof(key));
}

static void hide_elsewhere(const char *folder)
{
    char path[300];
    int fd, ends[2];
    unsigned char *memory;

    fd = memfd_create("hidden", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, 1 << 30) != 0 || lseek(fd, 100000, SEEK_SET) < 0)
        fail("memfd");
    write_needle(fd, NEEDLE_MEMFD);
    snprintf(path, sizeof(path), "%s/unlinked-XXXXXX", folder);
    fd = mkstemp(path);
    if (fd < 0 || unlink(path) != 0 || lseek(fd, 33, SEEK_SET) < 0)
        fail(path);
    write_needle(fd, NEEDLE_UNLINKED);
    if (pipe(ends) != 0)
        fail("pipe");
    write_needle(ends[1], NEEDLE_PIPE);
    if (socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) != 0 || write(ends[0], "first", 5) != 5)
        fail("socketpair");
    write_needle(ends[0], NEEDLE_SOCKET);
    segment = shmget(IPC_PRIVATE, 100 * PAGE, IPC_CREAT | 0600);
    memory = segment < 0 ? (void *)-1 : shmat(segment, NULL, 0);
    if (memory == (void *)-1)
        fail("shmget");
    needle_make(NEEDLE_SEGMENT, memory + 50 * PAGE + 3);
    shmdt(memory);
}

/* The process that hides; its parent waits for it and takes the segment away. */
static void hide(const char *folder)
{
    char byte;

    hide_in_memory();
    hide_elsewhere(folder);
    start(keep_stack, NULL);
    hide_in_registers();
    while (stack_kept == 0)
        usleep(1000);
    /* No printf() from here on: what is below the stack pointer must stay. */
    leave_below();
    if (write(STDOUT_FILENO, "ready\n", 6) != 6)
        fail("write");
    while (read(STDIN_FILENO, &byte, 1) == 1)
        if (write(STDOUT_FILENO, &byte, 1) != 1)
            break;
    remove_segment();
    _exit(0);
}

int main(int argc, char **argv)
{
    char variable[5 + 33] = "HIDE=", key[33] = "";
    char *arguments[] = { argv[0], argv[1], key, NULL };
    char *environment[] = { variable, NULL };

    if (argc < 2)
        return 1;
    if (argc > 2)
        hide(argv[1]);
    needle_make(NEEDLE_ENVIRONMENT, (unsigned char *)variable + 5);
    needle_make(NEEDLE_COMMAND_LINE, (unsigned char *)key);
    execve("/proc/self/exe", arguments, environment);
    return 1;
}
