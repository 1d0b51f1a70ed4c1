/*
 * The places for faults-every.c: each function of the module that an operation calls, at its first
 * and at its last call; and where it calls it more often because a failure went before, at the last
 * call of those.
 */
#include "every.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <openssl/rand.h>

enum { FUNCTIONS = 80 };

struct place places[PLACES];
unsigned placed;

static OSSL_LIB_CTX *contexts[2]; /* with many sessions, and with one */
static unsigned *calls;           /* of each function; shared with children */

/* What is called, as the traces must show: no more, no less. */
static const char *const called[] = {
    "C_CloseSession",
    "C_Decrypt",
    "C_DecryptFinal",
    "C_DecryptInit",
    "C_DecryptUpdate",
    "C_Encrypt",
    "C_EncryptFinal",
    "C_EncryptInit",
    "C_EncryptUpdate",
    "C_Finalize",
    "C_FindObjects",
    "C_FindObjectsFinal",
    "C_FindObjectsInit",
    "C_GenerateRandom",
    "C_GetAttributeValue",
    "C_GetFunctionList",
    "C_GetInfo",
    "C_GetMechanismInfo",
    "C_GetMechanismList",
    "C_GetSessionInfo",
    "C_GetSlotInfo",
    "C_GetSlotList",
    "C_GetTokenInfo",
    "C_Initialize",
    "C_Login",
    "C_OpenSession",
    "C_Sign",
    "C_SignFinal",
    "C_SignInit",
    "C_SignUpdate",
};
/* Only libp11 calls it, and another version may not. */
static const char libp11s[] = "C_CloseAllSessions";

/* A failure that the provider recovers from: the connection is lost where a message begins. */
static const char *const losses[OPERATIONS] = {
    "fail C_EncryptInit:2:0x30;", "fail C_DecryptInit:1:0x30;", "fail C_EncryptInit:2:0x30;",
    "fail C_EncryptInit:2:0x30;", "fail C_EncryptInit:2:0x30;", "fail C_DecryptInit:1:0x30;",
    "fail C_SignInit:1:0x30;",    "fail C_EncryptInit:2:0x30;", "fail C_GenerateRandom:1:0x30;",
};

OSSL_LIB_CTX *context_of(unsigned operation)
{
    return contexts[operation == 1 || operation == 2];
}

/* Registered before the provider's, so it runs after: C_Finalize has been called. */
static void tell_calls(void)
{
    const char *name;

    for (unsigned i = 0; i < FUNCTIONS; i++)
        calls[i] = spy_counted(i, &name);
}

static void trace_child(void *operation)
{
    atexit(tell_calls);
    work(context_of(*(unsigned *)operation), *(unsigned *)operation);
}

static void run_traced(unsigned operation, const char *script)
{
    spy_tell(script);
    CHECK(run_child(trace_child, &operation) == 0);
    spy_tell("");
}

static void add(unsigned operation, const char *function, unsigned call, const char *before)
{
    CHECK(placed < PLACES);
    places[placed++] = (struct place){ operation, call, function, before };
}

/* Of an operation that is not asked for, the functions that the others do not call. */
static void find_in(unsigned operation, unsigned seen[FUNCTIONS])
{
    unsigned usual[FUNCTIONS];
    const char *name;

    run_traced(operation, "");
    memcpy(usual, calls, sizeof(usual));
    run_traced(operation, losses[operation]);
    for (unsigned i = 0; spy_counted(i, &name), name != NULL; i++) {
        const bool has_its_places = operation >= ASKED_FOR && seen[i] > 0;

        seen[i] += usual[i] + calls[i];
        if (has_its_places)
            continue;
        if (usual[i] > 0)
            add(operation, name, 1, "");
        if (usual[i] > 1)
            add(operation, name, usual[i], "");
        if (calls[i] > usual[i])
            add(operation, name, calls[i], losses[operation]);
    }
}

unsigned places_find(void)
{
    unsigned seen[FUNCTIONS] = { 0 };
    const char *name;
    unsigned functions = 0, unexpected = 0;

    for (unsigned i = 0; i < OPERATIONS; i++)
        find_in(i, seen);
    for (unsigned i = 0; spy_counted(i, &name), name != NULL; i++) {
        bool listed = false;

        for (size_t j = 0; j < sizeof(called) / sizeof(called[0]); j++)
            listed = listed || strcmp(called[j], name) == 0;
        functions += seen[i] > 0;
        if (listed == (seen[i] > 0) || strcmp(name, libp11s) == 0)
            continue;
        fprintf(stderr, "%s: %s\n", name, listed ? "never called" : "called, not listed");
        unexpected++;
    }
    CHECK(unexpected == 0);
    return functions;
}

/*
 * What SoftHSM takes from OpenSSL, in the default library context: loaded here, it need not be made
 * anew in each child.
 */
static void warm_up(void)
{
    const EVP_CIPHER *const ciphers[] = { EVP_aes_256_cbc(), EVP_aes_256_ecb(), EVP_aes_256_ctr(),
                                          EVP_aes_256_gcm() };
    unsigned char bytes[32];

    CHECK(dlopen(module_path(), RTLD_NOW | RTLD_LOCAL) != NULL);
    CHECK(RAND_bytes(bytes, sizeof(bytes)) == 1);
    CHECK(EVP_Digest("", 0, bytes, NULL, EVP_sha256(), NULL) == 1);
    for (size_t i = 0; i < sizeof(ciphers) / sizeof(ciphers[0]); i++) {
        EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

        CHECK(EVP_EncryptInit_ex(ctx, ciphers[i], NULL, bytes, bytes) == 1);
        EVP_CIPHER_CTX_free(ctx);
    }
}

void places_prepare(void)
{
    calls = mmap(NULL, FUNCTIONS * sizeof(*calls), PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(calls != MAP_FAILED);
    token_standard();
    spy_setup(NULL, NULL);
    unsetenv("HSMZKE_SPY_LOG");
    unsetenv("HSMZKE_SPY_FILE");
    contexts[0] = context_with(settings_spied(), NULL);
    contexts[1] = context_with(text("%ssessions = 1\n", settings_spied()), NULL);
    warm_up();
}
