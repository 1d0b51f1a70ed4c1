/*
 * A target that makes scanning hard: it forks, executes itself, starts and ends threads, maps and
 * unmaps, ends, has 10,000 threads or a terabyte of nothing, or is stuck in a vfork, as its
 * argument says.  Says "ready", then answers each byte on its standard input.
 */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "needles.h"

enum { PAGE = 4096 };

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void start(void *(*function)(void *), size_t stack)
{
    pthread_t thread;
    pthread_attr_t small;

    pthread_attr_init(&small);
    pthread_attr_setdetachstate(&small, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&small, stack);
    if (pthread_create(&thread, &small, function, NULL) != 0)
        fail("pthread_create");
}

static void *wait_for_ever(void *unused)
{
    for (;;)
        pause();
    return unused;
}

static void *end_at_once(void *unused)
{
    return unused;
}

static void *keep_forking(void *unused)
{
    for (;;) {
        const pid_t child = fork();

        if (child == 0)
            _exit(0);
        if (child > 0)
            waitpid(child, NULL, 0);
    }
    return unused;
}

static void *keep_starting(void *unused)
{
    for (;;) {
        start(end_at_once, 64 << 10);
        usleep(50);
    }
    return unused;
}

static void *keep_mapping(void *unused)
{
    for (;;) {
        unsigned char *memory =
            mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (memory != MAP_FAILED) {
            memory[5 * PAGE] = 1;
            munmap(memory, 64 * PAGE);
        }
    }
    return unused;
}

static void *end_soon(void *unused)
{
    usleep(3000);
    _exit(0);
    return unused;
}

static void *stick(void *unused)
{
    for (;;) {
        const pid_t child = vfork();

        if (child == 0) {
            poll(NULL, 0, 700);
            _exit(0);
        }
        waitpid(child, NULL, 0);
    }
    return unused;
}

/* Answers for the first thread, which has ended. */
static void *answer(void *unused)
{
    char byte;

    while (read(STDIN_FILENO, &byte, 1) == 1)
        if (write(STDOUT_FILENO, &byte, 1) != 1)
            break;
    _exit(0);
    return unused;
}

/* A child with a needle that its parent has not, until its input ends. */
static void make_child(void)
{
    int ready[2];
    char byte = 0;

    if (pipe(ready) != 0)
        fail("pipe");
    if (fork() == 0) {
        volatile unsigned char key[32];
        struct pollfd end = { .fd = STDIN_FILENO };

        needle_make(NEEDLE_FREED, key);
        if (write(ready[1], &byte, 1) == 1)
            while (poll(&end, 1, -1) >= 0 && (end.revents & POLLHUP) == 0)
                continue;
        _exit(0);
    }
    if (read(ready[0], &byte, 1) != 1)
        fail("read");
}

/* A needle in a memory of `size`, of which only `touched` bytes before and after are used. */
static void make_memory(size_t size, size_t touched)
{
    unsigned char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (memory == MAP_FAILED)
        fail("mmap");
    for (size_t i = size / 2 - touched; i < size / 2 + touched; i += PAGE)
        memset(memory + i, (int)(i / PAGE % 255), PAGE);
    needle_make(NEEDLE_FREED, memory + size / 2 - 7);
}

static void become(const char *what)
{
    static const struct {
        const char *name;
        void *(*function)(void *);
    } loops[] = { { "fork", keep_forking }, { "threads-end", keep_starting },
                  { "map", keep_mapping },  { "end", end_soon },
                  { "vfork", stick },       { "exec", wait_for_ever } };

    for (size_t i = 0; i < sizeof(loops) / sizeof(*loops); i++)
        if (strcmp(what, loops[i].name) == 0)
            start(loops[i].function, 256 << 10);
    if (strcmp(what, "10000-threads") == 0)
        for (int i = 0; i < 9999; i++)
            start(wait_for_ever, 32 << 10);
    if (strcmp(what, "child") == 0)
        make_child();
    if (strcmp(what, "sparse") == 0)
        make_memory((size_t)1 << 40, PAGE);
    if (strcmp(what, "large") == 0)
        make_memory((size_t)1 << 30, (size_t)1 << 29);
}

int main(int argc, char **argv)
{
    struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
    char byte;

    if (argc < 2)
        return 1;
    if (strcmp(argv[1], "end") != 0)
        become(argv[1]);
    if (argc < 3 && write(STDOUT_FILENO, "ready\n", 6) != 6)
        return 1;
    if (strcmp(argv[1], "end") == 0)
        become(argv[1]);
    if (strcmp(argv[1], "leader-ends") == 0) {
        start(answer, 256 << 10);
        pthread_exit(NULL);
    }
    for (;;) {
        const int ready = poll(&input, 1, strcmp(argv[1], "exec") == 0 ? 1 : -1);

        if (ready > 0 && (read(STDIN_FILENO, &byte, 1) != 1 || write(STDOUT_FILENO, &byte, 1) != 1))
            return 0;
        if (ready == 0)
            execl("/proc/self/exe", argv[0], argv[1], "again", (char *)NULL);
    }
}
