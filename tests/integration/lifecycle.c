/*
 * The provider's life in a process: beside other users of the module, after fork, loaded more than
 * once, in several library contexts.
 */
#include "testing.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/provider.h>

#include <p11-kit/pkcs11.h>

static const unsigned char iv[16] = "initial vector16";

/* ---- the program initialised the module itself ---- */

static CK_FUNCTION_LIST *program_list;

/* Registered before the provider does anything, so that it runs after all that the provider does
 * at exit, and after the module was loaded, so that the module's destructors come later still. */
static void module_must_be_alive(void)
{
    CK_INFO info;
    CK_RV rv = program_list->C_GetInfo(&info);

    if (rv != CKR_OK) {
        fprintf(stderr, "after the provider's exit C_GetInfo gives 0x%lx\n", (unsigned long)rv);
        _exit(77);
    }
}

static void initialise_as_program(void)
{
    CK_C_INITIALIZE_ARGS arguments = { .flags = CKF_OS_LOCKING_OK };
    void *module = dlopen(testing_path("HSMZKE_TEST_PKCS11_MODULE"), RTLD_NOW);
    void *symbol = module == NULL ? NULL : dlsym(module, "C_GetFunctionList");
    CK_C_GetFunctionList get_list;

    CHECK(symbol != NULL);
    memcpy(&get_list, &symbol, sizeof(get_list));
    CHECK(get_list(&program_list) == CKR_OK);
    CHECK(program_list->C_Initialize(&arguments) == CKR_OK);
    /* SoftHSM leaves entries on the error queue: the program's own call, not the provider's. */
    ERR_clear_error();
}

static void module_initialised_by_program(void)
{
    OSSL_LIB_CTX *context;

    token_standard();
    initialise_as_program();
    CHECK(atexit(module_must_be_alive) == 0);
    context = context_with(settings_standard(), NULL);
    CHECK(name_works(context, "AES-256-CBC", "gold", GOLD_KEY) == 1);
    OSSL_LIB_CTX_free(context);
    module_must_be_alive();
}

/* The program has a session and a login of its own: that is no failure of ours, and they stay. */
static void program_is_logged_in(void)
{
    CK_SESSION_INFO info;
    CK_SLOT_ID slots[8];
    CK_ULONG count = 8;
    CK_SESSION_HANDLE session;
    unsigned char pin[] = USER_PIN;
    OSSL_LIB_CTX *context;

    token_standard();
    initialise_as_program();
    CHECK(program_list->C_GetSlotList(CK_TRUE, slots, &count) == CKR_OK && count > 0);
    CHECK(program_list->C_OpenSession(slots[0], CKF_SERIAL_SESSION, NULL, NULL, &session) ==
          CKR_OK);
    CHECK(program_list->C_Login(session, CKU_USER, pin, sizeof(pin) - 1) == CKR_OK);
    ERR_clear_error();
    context = context_with(settings_standard(), NULL);
    CHECK(name_works(context, "AES-256-CBC", "gold", GOLD_KEY) == 1);
    CHECK(program_list->C_GetSessionInfo(session, &info) == CKR_OK);
    CHECK(info.state == CKS_RO_USER_FUNCTIONS);
    OSSL_LIB_CTX_free(context);
}

/* MariaDB does so.  The module is closed after its last use of OpenSSL, in whose default context
 * it computes. */
static void openssl_ends_before_the_program(void)
{
    token_standard();
    setenv("OPENSSL_CONF", config_file(settings_standard(), NULL), 1);
    for (int i = 0; i < 3; i++)
        CHECK(name_works(NULL, "AES-256-CBC", "gold", GOLD_KEY) == 1);
    OPENSSL_cleanup();
    exit(0);
}

/* ---- processes ---- */

static void use_repeatedly(void *argument)
{
    OSSL_LIB_CTX *context = context_with(settings_standard(), NULL);

    (void)argument;
    for (int i = 0; i < 50; i++) {
        CHECK(name_works(context, "AES-256-CBC", "gold", GOLD_KEY) == 1);
        CHECK(name_works(context, "AES-256-CTR", "silver", SILVER_KEY) == 1);
    }
    OSSL_LIB_CTX_free(context);
}

/* They start at once, too: a login writes to SoftHSM's token file while others read it. */
static void processes_share_a_token(void **state)
{
    unsigned failed = 0;
    int pids[4];

    (void)state;
    token_standard();
    for (int round = 0; round < (quick() ? 2 : 10); round++) {
        for (size_t i = 0; i < 4; i++)
            pids[i] = start_child(use_repeatedly, NULL);
        for (size_t i = 0; i < 4; i++)
            failed += wait_child(pids[i]) != 0;
    }
    CHECK(failed == 0);
}

struct half {
    OSSL_LIB_CTX *context;
    EVP_CIPHER_CTX *ctx;
    const char *cipher;
    unsigned char out[1200];
    int size, encrypt;
};

static const unsigned char thousand[1000] = "a thousand bytes, nearly all of them zero";

static void begin_half(struct half *half)
{
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(half->context, half->cipher, NULL);
    unsigned char reference[32];

    reference_by_name(reference, "gold");
    half->ctx = EVP_CIPHER_CTX_new();
    CHECK(EVP_CipherInit_ex2(half->ctx, cipher, reference, iv, half->encrypt, NULL) == 1);
    CHECK(EVP_CipherUpdate(half->ctx, half->out, &half->size, thousand, 333) == 1);
    EVP_CIPHER_free(cipher);
}

/* The rest of the message, in both processes after the fork; no padding, so that both ways work. */
static void end_half(void *argument)
{
    struct half *half = argument;
    unsigned char key[32], expected[1032];
    struct message software = { .cipher = half->cipher,
                                .key = key,
                                .iv = iv,
                                .encrypt = half->encrypt,
                                .in = thousand,
                                .size = 992,
                                .out = expected };
    int size;

    unhex(GOLD_KEY, key, sizeof(key));
    CHECK(message_run(context_default(), &software) == 1);
    for (int done = 333; done < 992; done += 16) {
        int piece = 992 - done < 16 ? 992 - done : 16;

        CHECK(EVP_CipherUpdate(half->ctx, half->out + half->size, &size, thousand + done, piece));
        half->size += size;
    }
    CHECK(EVP_CIPHER_CTX_set_padding(half->ctx, 0) == 1);
    CHECK(EVP_CipherFinal_ex(half->ctx, half->out + half->size, &size) == 1);
    half->size += size;
    CHECK(half->size == 992 && memcmp(half->out, expected, 992) == 0);
    CHECK(name_works(half->context, half->cipher, "silver", SILVER_KEY) == 1);
    CHECK(ERR_peek_error() == 0);
    EVP_CIPHER_CTX_free(half->ctx);
}

static void fork_in_mid_stream(void)
{
    static const char *const ciphers[] = { "AES-256-CBC", "AES-256-CTR", "AES-256-ECB" };
    struct half half;

    token_standard();
    half.context = context_with(settings_standard(), NULL);
    for (size_t i = 0; i < 6; i++) {
        int child;

        half.cipher = ciphers[i / 2];
        half.encrypt = i % 2 == 0;
        begin_half(&half);
        child = start_child(end_half, &half);
        if (i % 3 == 0)
            CHECK(wait_child(child) == 0);
        end_half(&half);
        if (i % 3 != 0)
            CHECK(wait_child(child) == 0);
    }
    OSSL_LIB_CTX_free(half.context);
}

static void use_once(void *argument)
{
    CHECK(name_works(argument, "AES-256-CBC", "gold", GOLD_KEY) == 1);
}

static void fork_again(void *argument)
{
    use_once(argument);
    CHECK(run_child(use_once, argument) == 0);
    use_once(argument);
}

/* Children of children, and children that never use the key. */
static void forks_of_forks(void)
{
    OSSL_LIB_CTX *context;

    token_standard();
    context = context_with(settings_standard(), NULL);
    CHECK(run_child(fork_again, context) == 0); /* before the parent's first use */
    use_once(context);
    CHECK(run_child(fork_again, context) == 0);
    for (int i = 0; i < 5; i++) {
        int pid = fork();

        CHECK(pid >= 0);
        if (pid == 0)
            exit(0);
        CHECK(wait_child(pid) == 0);
        use_once(context);
    }
    OSSL_LIB_CTX_free(context);
}

/* ---- library contexts ---- */

static void several_contexts(void)
{
    const char *module = testing_path("HSMZKE_TEST_PKCS11_MODULE");
    OSSL_LIB_CTX *same[3], *other, *software;
    unsigned char key[32];

    token_standard();
    token_init("second", "567890");
    token_import("second", "567890", "gold " SILVER_KEY "\nbronze " GOLD_KEY "\n");
    for (size_t i = 0; i < 3; i++)
        same[i] = context_with(settings_standard(), NULL);
    other = context_with(settings_for(module, text("token = pkcs11:token=second\n"
                                                   "pin-source = %s\nsessions = 2\n",
                                                   pin_file("567890"))),
                         NULL);
    software = context_with(text("%sraw-keys = software\n", settings_standard()), NULL);
    unhex(SILVER_KEY, key, sizeof(key));
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < 3; i++)
            CHECK(name_works(same[i], "AES-256-CBC", "gold", GOLD_KEY) == 1);
        CHECK(name_works(other, "AES-256-CBC", "gold", SILVER_KEY) == 1);
        CHECK(name_works(other, "AES-256-CTR", "bronze", GOLD_KEY) == 1);
        CHECK(key_works(software, "AES-256-ECB", key, SILVER_KEY) == 1);
        key_refused(same[0], "AES-256-ECB", key);
        name_refused(same[1], "AES-256-CBC", "bronze");
    }
    OSSL_LIB_CTX_free(same[1]);
    CHECK(name_works(same[0], "AES-256-CBC", "gold", GOLD_KEY) == 1);
    OSSL_LIB_CTX_free(software);
    CHECK(name_works(same[2], "AES-256-CBC", "silver", SILVER_KEY) == 1);
    OSSL_LIB_CTX_free(other);
    OSSL_LIB_CTX_free(same[0]);
    OSSL_LIB_CTX_free(same[2]);
}

/* ---- the first use is by many threads ---- */

enum { CROWD = 16 };

static pthread_barrier_t crowd;

static void *fetch(void *found)
{
    EVP_CIPHER *cipher;
    bool ours;

    pthread_barrier_wait(&crowd);
    cipher = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
    ours = cipher != NULL &&
           strcmp(OSSL_PROVIDER_get0_name(EVP_CIPHER_get0_provider(cipher)), "hsmzke") == 0;
    EVP_CIPHER_free(cipher);
    return ours ? found : NULL;
}

/* OpenSSL reads its configuration in one thread, and the others wait for all of it. */
static void fetch_at_once(void *found)
{
    pthread_t threads[CROWD];
    unsigned missing = 0;
    void *result;

    CHECK(pthread_barrier_init(&crowd, NULL, CROWD) == 0);
    for (int i = 0; i < CROWD; i++)
        CHECK(pthread_create(&threads[i], NULL, fetch, found) == 0);
    for (int i = 0; i < CROWD; i++)
        missing += pthread_join(threads[i], &result) != 0 || result != found;
    CHECK(missing == 0);
}

/* In processes of their own: it is a matter of moments. */
static void many_threads_begin(void **state)
{
    token_standard();
    setenv("OPENSSL_CONF", config_file(settings_standard(), NULL), 1);
    for (int i = 0; i < (quick() ? 20 : 60); i++)
        CHECK(run_child(fetch_at_once, state) == 0);
    unsetenv("OPENSSL_CONF");
}

static void load_unload_load(void)
{
    token_standard();
    for (int i = 0; i < 10; i++) {
        OSSL_LIB_CTX *context = context_with(settings_standard(), NULL);

        if (i != 3) /* once without any use */
            CHECK(name_works(context, "AES-256-CBC", "gold", GOLD_KEY) == 1);
        OSSL_LIB_CTX_free(context);
    }
}

/* By OSSL_PROVIDER_load, as a program does that has no configuration file. */
static void loaded_by_hand(void)
{
    OSSL_LIB_CTX *context = OSSL_LIB_CTX_new();
    const char *path = testing_path("HSMZKE_TEST_PROVIDER");
    const char *directory = text("%.*s", (int)(strrchr(path, '/') - path), path);

    token_standard();
    setenv("HSMZKE_PKCS11_MODULE", testing_path("HSMZKE_TEST_PKCS11_MODULE"), 1);
    setenv("HSMZKE_PIN_SOURCE", pin_file(USER_PIN), 1);
    CHECK(OSSL_PROVIDER_set_default_search_path(context, directory) == 1);
    for (int i = 0; i < 3; i++) {
        OSSL_PROVIDER *provider = OSSL_PROVIDER_load(context, "hsmzke");

        CHECK(provider != NULL);
        CHECK(name_works(context, "AES-256-CBC", "gold", GOLD_KEY) == 1);
        CHECK(OSSL_PROVIDER_unload(provider) == 1);
    }
    OSSL_LIB_CTX_free(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(module_initialised_by_program),
        CHILD_TEST(program_is_logged_in),
        CHILD_TEST(openssl_ends_before_the_program),
        cmocka_unit_test(processes_share_a_token),
        CHILD_TEST(fork_in_mid_stream),
        CHILD_TEST(forks_of_forks),
        CHILD_TEST(several_contexts),
        cmocka_unit_test(many_threads_begin),
        CHILD_TEST(load_unload_load),
        CHILD_TEST(loaded_by_hand),
    };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
