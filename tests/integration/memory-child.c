/*
 * The process that the memory test looks into: works with references and waits after each step.
 *
 *     memory-child CONFIG
 *
 * It knows no key.  It says "decoys" and three decoys, then for each step and after each of the two
 * ends (contexts freed; library context freed) a line, and waits for a byte before it goes on.  The
 * decoys are said inverted: as they are, they must be nowhere but where they were put.
 */
#include "memory-work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <openssl/err.h>
#include <openssl/rand.h>

enum { DECOY = 32 };

static unsigned char in_data[DECOY];

static void failed(const char *what)
{
    fprintf(stderr, "memory-child: %s\n", what);
    ERR_print_errors_fp(stderr);
    exit(1);
}

static void say_and_wait(const char *what, const unsigned char digest[WORK_DIGEST])
{
    fputs(what, stdout);
    for (size_t i = 0; digest != NULL && i < WORK_DIGEST; i++)
        printf("%s%02x", i == 0 ? " " : "", digest[i]);
    putchar('\n');
    fflush(stdout);
    if (getchar() == EOF)
        exit(1);
}

/* One in static data, one on the heap, one in memory of the kind that the provider has for secrets.
 */
static void put_decoys(void)
{
    unsigned char *decoys[3] = { in_data, malloc(DECOY),
                                 mmap(NULL, 4096, PROT_READ | PROT_WRITE,
                                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) };

    if (decoys[1] == NULL || decoys[2] == MAP_FAILED || mlock(decoys[2], 4096) != 0 ||
        madvise(decoys[2], 4096, MADV_DONTDUMP) != 0)
        failed("no memory for decoys");
    fputs("decoys", stdout);
    for (size_t i = 0; i < 3; i++) {
        FILE *random = fopen("/dev/urandom", "rb");

        /* Without a buffer, in which a second decoy would be. */
        if (random == NULL || setvbuf(random, NULL, _IONBF, 0) != 0 ||
            fread(decoys[i], 1, DECOY, random) != DECOY)
            failed("no random bytes");
        fclose(random);
        putchar(' ');
        for (size_t j = 0; j < DECOY; j++)
            printf("%02x", decoys[i][j] ^ 0xff);
    }
    putchar('\n');
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct work work = { .cipher_key = "hsmzke:gold", .mac_key = "hsmzke:secret" };
    unsigned char digest[WORK_DIGEST];

    work.context = OSSL_LIB_CTX_new();
    if (argc != 2 || work.context == NULL || !OSSL_LIB_CTX_load_config(work.context, argv[1]))
        failed("memory-child CONFIG");
    put_decoys();
    for (size_t i = 0; i < work_steps(); i++) {
        if (!work_do(&work, i, digest))
            failed(work_name(i));
        say_and_wait("step", digest);
    }
    work_free(&work);
    say_and_wait("freed", NULL);
    OSSL_LIB_CTX_free(work.context);
    say_and_wait("closed", NULL);
    return 0;
}
