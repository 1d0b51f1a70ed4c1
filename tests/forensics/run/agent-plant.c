/* Places for canaries: see agent.h. */
#include "agent.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "run.h"

enum {
    SCHEDULE = 240,          /* bytes of an AES-256 key schedule */
    THREAD_STACK = 64 * 1024 /* of the thread that waits */
};

/* Sleeps for good, in a system call that uses no memory; only the tracer can make it end. */
static void wait_for_good(void)
{
    __asm__ volatile("xor %%r12d, %%r12d\n"
                     "1: mov %0, %%eax\n"
                     "syscall\n"
                     "test %%r12d, %%r12d\n"
                     "jz 1b"
                     :
                     : "i"(SYS_pause)
                     : "rax", "rcx", "r11", "r12", "memory");
}
static bool kept; /* the thread has its canaries */

/* The thread that keeps a canary on its stack and, by the tracer's hand, one in its registers. */
static void *keeper(void *argument)
{
    struct stop *stop = argument;
    unsigned char on_stack[32] = { 0 };

    __asm__ volatile("" : : "r"(on_stack) : "memory");
    stop->places[CANARY_STACK] = (uint64_t)(uintptr_t)on_stack;
    stop->value = (uint64_t)agent_call(SYS_gettid, 0, 0, 0, 0);
    agent_stop(stop);
    __atomic_store_n(&kept, true, __ATOMIC_RELEASE);
    wait_for_good();
    return NULL;
}

/* All signals blocked: the program's handlers never run in it. */
static void start_keeper(struct stop *stop)
{
    pthread_attr_t attributes;
    sigset_t all, before;
    pthread_t thread;

    if (pthread_attr_init(&attributes) != 0)
        return;
    pthread_attr_setstacksize(&attributes, THREAD_STACK);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (pthread_create(&thread, &attributes, keeper, stop) != 0)
        agent_stop(stop); /* what there is; the tracer misses the rest */
    else
        while (!__atomic_load_n(&kept, __ATOMIC_ACQUIRE))
            agent_call(SYS_sched_yield, 0, 0, 0, 0);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
}

/* `stop` outlives the call: the thread reads it. None of the memory is ever given back. */
void agent_plant(void)
{
    static struct stop stop = { .magic = STOP_MAGIC, .kind = STOP_PLACES };
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *hidden = mmap(NULL, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    stop.places[CANARY_HEAP] = (uint64_t)(uintptr_t)malloc(32);
    stop.places[CANARY_VPAES] = (uint64_t)(uintptr_t)malloc(SCHEDULE);
    stop.places[CANARY_DECRYPT] = (uint64_t)(uintptr_t)malloc(SCHEDULE);
    if (hidden != MAP_FAILED)
        stop.places[CANARY_PROTECTED] = (uint64_t)(uintptr_t)hidden + 64;
    start_keeper(&stop);
}
