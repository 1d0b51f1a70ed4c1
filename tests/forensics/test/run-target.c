/*
 * A program for `run` to run: encrypts under the reference hsmzke:gold, in one of the ways in which
 * programs live.  Exit status 0: everything was as it is without a tracer.
 */
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/evp.h>

enum { THREADS = 16, STATUS = 7 };

static const char *self;
static volatile sig_atomic_t got;

/* Encrypts and decrypts a message. */
static int work(void)
{
    const unsigned char reference[32] = "hsmzke:gold", iv[16] = { 1 }, in[64] = { 2 };
    unsigned char sealed[96], out[96];
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n = 0, m = 0, k = 0, l = 0;
    const int done = cipher != NULL && ctx != NULL &&
                     EVP_EncryptInit_ex2(ctx, cipher, reference, iv, NULL) == 1 &&
                     EVP_EncryptUpdate(ctx, sealed, &n, in, sizeof(in)) == 1 &&
                     EVP_EncryptFinal_ex(ctx, sealed + n, &m) == 1 &&
                     EVP_DecryptInit_ex2(ctx, cipher, reference, iv, NULL) == 1 &&
                     EVP_DecryptUpdate(ctx, out, &k, sealed, n + m) == 1 &&
                     EVP_DecryptFinal_ex(ctx, out + k, &l) == 1 && k + l == (int)sizeof(in) &&
                     memcmp(in, out, sizeof(in)) == 0;

    if (!done)
        ERR_print_errors_fp(stderr);
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(cipher);
    return done;
}

static void *work_in_thread(void *argument)
{
    (void)argument;
    return work() ? NULL : (void *)(uintptr_t)self;
}

static int with_threads(void)
{
    pthread_t threads[THREADS];
    int done = 1;

    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, work_in_thread, NULL) != 0)
            return 0;
    for (int i = 0; i < THREADS; i++) {
        void *failed = NULL;

        pthread_join(threads[i], &failed);
        done &= failed == NULL;
    }
    return done;
}

static int with_children(void)
{
    int status = 0, bad = 0;

    if (!work())
        return 0;
    for (int i = 0; i < 2; i++)
        if (fork() == 0)
            _exit(work() ? 0 : 1);
    while (wait(&status) > 0)
        bad |= status;
    return bad == 0 && work();
}

static int with_spawn(void)
{
    char *arguments[] = { (char *)(uintptr_t)self, (char *)(uintptr_t) "once", NULL };
    int status = 1;
    pid_t pid;

    return work() && posix_spawn(&pid, self, NULL, NULL, arguments, environ) == 0 &&
           waitpid(pid, &status, 0) == pid && status == 0;
}

static int with_exec(void)
{
    if (work())
        execl(self, self, "once", (char *)NULL);
    return 0;
}

static void *exec_in_thread(void *argument)
{
    (void)argument;
    with_exec();
    return NULL;
}

/* A thread that is not the first executes a program while others are at work. */
static int with_exec_in_thread(void)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, exec_in_thread, NULL) == 0)
        for (;;)
            (void)work();
    return 0;
}

/* The first thread ends, another works on. */
static int without_first_thread(void)
{
    pthread_t thread;

    if (!work() || pthread_create(&thread, NULL, work_in_thread, NULL) != 0)
        return 0;
    pthread_exit(NULL);
}

static void note_signal(int signal)
{
    got = signal;
}

/* SIGTRAP too is the program's own. */
static int with_signals(void)
{
    signal(SIGUSR1, note_signal);
    signal(SIGTRAP, note_signal);
    if (!work() || raise(SIGUSR1) != 0 || got != SIGUSR1)
        return 0;
    return raise(SIGTRAP) == 0 && got == SIGTRAP && work();
}

static int with_signals_blocked(void)
{
    struct sigaction action;
    sigset_t all, now;

    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    signal(SIGTRAP, SIG_IGN);
    if (!work())
        return 0;
    sigprocmask(SIG_SETMASK, NULL, &now);
    sigaction(SIGTRAP, NULL, &action);
    return sigismember(&now, SIGTRAP) == 1 && action.sa_handler == SIG_IGN;
}

static int stopped_and_continued(void)
{
    const pid_t parent = getpid();

    if (!work())
        return 0;
    if (fork() == 0) {
        usleep(200 * 1000);
        kill(parent, SIGCONT);
        _exit(0);
    }
    raise(SIGSTOP);
    wait(NULL);
    return work();
}

static int killed(void)
{
    return work() && kill(getpid(), SIGTERM) == 0 && pause();
}

static int failing(void)
{
    exit(work() ? STATUS : 1);
}

static const struct way {
    const char *name;
    int (*go)(void);
} ways[] = {
    { "once", work },
    { "threads", with_threads },
    { "children", with_children },
    { "spawn", with_spawn },
    { "exec", with_exec },
    { "exec-in-thread", with_exec_in_thread },
    { "first-thread-ends", without_first_thread },
    { "signals", with_signals },
    { "signals-blocked", with_signals_blocked },
    { "stopped", stopped_and_continued },
    { "killed", killed },
    { "failing", failing },
};

int main(int argc, char **argv)
{
    self = argv[0];
    for (size_t i = 0; argc == 2 && i < sizeof(ways) / sizeof(*ways); i++)
        if (strcmp(argv[1], ways[i].name) == 0)
            return ways[i].go() ? 0 : 1;
    return 2;
}
