/*
 * A service with several threads that has itself examined: self FILE-OF-THE-KEY used|unused.  In
 * the first state it encrypts with that key in software.  Written in plain C with what is
 * documented, as a service would be.  It prints how it went: "RESULT BYTES-OF-JSON", the JSON, or
 * the error.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "hsmzke/memscan.h"

enum { THREADS = 6 };

static volatile int stop;

/* Threads that do something meanwhile. */
static void *work(void *argument)
{
    unsigned long long *count = argument;

    while (!stop) {
        ++*count;
        usleep(100);
    }
    return NULL;
}

/* The service's own key, in software, for as long as the context lives. */
static EVP_CIPHER_CTX *use(const char *path)
{
    unsigned char key[32], iv[16] = { 0 }, block[64] = { 0 };
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    FILE *file = fopen(path, "rb");
    int size;

    if (file == NULL || fread(key, 1, sizeof(key), file) != sizeof(key) || context == NULL ||
        EVP_EncryptInit_ex(context, EVP_aes_256_cbc(), NULL, key, iv) != 1 ||
        EVP_EncryptUpdate(context, block, &size, block, 16) != 1)
        exit(9);
    fclose(file);
    OPENSSL_cleanse(key, sizeof(key));
    return context;
}

/* Another thread may ask at the same time. */
static void *ask(void *argument)
{
    struct memscan_request *request = argument;
    struct memscan_answer answer;
    const enum memscan_result result = memscan_self(request, &answer);

    flockfile(stdout);
    printf("%d %zu\n%s", result, answer.json_size,
           answer.json != NULL ? answer.json : answer.error);
    if (answer.json == NULL)
        putchar('\n');
    funlockfile(stdout);
    memscan_free(&answer);
    return NULL;
}

int main(int argc, char **argv)
{
    struct memscan_request request = { .timeout = 30 };
    unsigned long long counts[THREADS] = { 0 };
    pthread_t threads[THREADS], askers[2];
    EVP_CIPHER_CTX *context = NULL;
    const int times = argc > 3 && strcmp(argv[3], "twice") == 0 ? 2 : 1;

    if (argc < 3)
        return 9;
    if (argc > 3 && strcmp(argv[3], "ignore") == 0)
        signal(SIGCHLD, SIG_IGN);
    request.key_file = argv[1];
    if (strcmp(argv[2], "used") == 0)
        context = use(argv[1]);
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, work, &counts[i]) != 0)
            return 9;
    for (int i = 0; i < times; i++)
        if (pthread_create(&askers[i], NULL, ask, &request) != 0)
            return 9;
    for (int i = 0; i < times; i++)
        pthread_join(askers[i], NULL);
    stop = 1;
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    EVP_CIPHER_CTX_free(context);
    return 0;
}
