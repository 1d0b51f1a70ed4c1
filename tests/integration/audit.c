/*
 * The audit log: what was done is what stands there, in every process, and the documented check
 * finds what was changed.
 */
#include "audit-log.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <hsmzke/hsmzke.h>

#define PLAIN "a text that must not be in any log, of 100 bytes; it is filled up with dots to that"
#define IV "vector-of-16-byt"
#define PIN "7351-nobody-reads-this"

static const unsigned char plain[100] = PLAIN;

static void is(const char *line, const char *name, const char *value)
{
    if (strcmp(log_field(line, name), value) != 0)
        testing_failed(__FILE__, __LINE__, text("%s is '%s' in %s", name, value, line));
}

static int encrypt(OSSL_LIB_CTX *context, const char *cipher, const char *name, size_t size)
{
    static unsigned char out[200];
    unsigned char reference[32];
    struct message message = { .cipher = cipher,
                               .key = reference,
                               .iv = (const unsigned char *)IV,
                               .encrypt = 1,
                               .padding = 1,
                               .in = plain,
                               .size = size,
                               .out = out };

    reference_by_name(reference, name);
    return message_run(context, &message);
}

/* ---- what stands in it ---- */

static void one_message(void *path)
{
    OSSL_LIB_CTX *context = context_logged(path);

    CHECK(encrypt(context, "AES-256-CBC", "gold", sizeof(plain)) == 1);
    OSSL_LIB_CTX_free(context);
}

static void check_operation(const char *line, const char *bytes)
{
    is(line, "token", module_label("prod"));
    is(line, "key", "gold");
    is(line, "id", GOLD_ID);
    is(line, "mechanism", "CKM_AES_CBC");
    is(line, "direction", "encrypt");
    is(line, "bytes", bytes);
    is(line, "result", "CKR_OK");
    CHECK(strlen(log_field(line, "us")) > 0 && strtoul(log_field(line, "us"), NULL, 10) < 60000000);
    is(line, "why", "");
}

static void each_event(void **state)
{
    static const char *const events[] = { "begin",     "configuration", "connected", "login",
                                          "key-found", "operation",     "operation", "end" };
    const char *path = log_path(), **lines;
    char host[256] = "";
    const time_t before = time(NULL);
    struct tm tm = { 0 };
    int pid;

    (void)state;
    token_standard();
    pid = start_child(one_message, (void *)(uintptr_t)path);
    CHECK(wait_child(pid) == 0);
    lines = log_lines(path);
    for (unsigned i = 0; i < 8; i++) {
        CHECK(lines[i] != NULL);
        is(lines[i], "event", events[i]);
        is(lines[i], "pid", text("%d", pid));
        is(lines[i], "seq", text("%u", i));
        is(lines[i], "start", log_field(lines[0], "start"));
        CHECK(strptime(log_field(lines[i], "time"), "%Y-%m-%dT%H:%M:%S.", &tm) != NULL);
        CHECK(timegm(&tm) >= before && timegm(&tm) <= time(NULL));
    }
    CHECK(lines[8] == NULL);
    gethostname(host, sizeof(host) - 1);
    is(lines[0], "host", host);
    is(lines[0], "uid", text("%u", (unsigned)getuid()));
    is(lines[0], "parent", text("%d", (int)getpid()));
    CHECK_HAS(log_field(lines[0], "program"), "/audit");
    CHECK_HAS(lines[1], text("audit=file:%s", path));
    is(lines[2], "module", module_path());
    is(lines[3], "token", module_label("prod"));
    is(lines[3], "result", "CKR_OK");
    is(lines[4], "key", "gold");
    is(lines[4], "label", "gold");
    is(lines[4], "id", GOLD_ID);
    CHECK_HAS(log_field(lines[4], "identity"), "aes:");
    check_operation(lines[5], "96");
    check_operation(lines[6], "16");
}

static void operations(void)
{
    const char *path = log_path();
    OSSL_LIB_CTX *context;
    struct mac_message mac = {
        .mac = "CMAC", .algorithm = "AES-256-CBC", .key_size = 32, .in = plain, .size = 77
    };
    unsigned char reference[32], random[33];
    EVP_RAND *hsmzke_rand;
    EVP_RAND_CTX *rand;

    token_standard();
    context = context_logged(path);
    CHECK(encrypt(context, "AES-256-CTR", "gold", 37) == 1);
    is(log_line(path, "operation", 0), "mechanism", "CKM_AES_ECB");
    is(log_line(path, "operation", 0), "bytes", "37");
    reference_by_name(reference, "gold");
    mac.key = reference;
    CHECK(mac_run(context, &mac) == 1);
    is(log_line(path, "operation", 1), "mechanism", "CKM_AES_CMAC");
    is(log_line(path, "operation", 1), "direction", "sign");
    is(log_line(path, "operation", 1), "bytes", "77");
    hsmzke_rand = EVP_RAND_fetch(context, "HSMZKE-RAND", NULL);
    rand = EVP_RAND_CTX_new(hsmzke_rand, NULL);
    CHECK(EVP_RAND_instantiate(rand, 0, 0, NULL, 0, NULL) == 1);
    CHECK(EVP_RAND_generate(rand, random, sizeof(random), 0, 0, NULL, 0) == 1);
    is(log_line(path, "operation", 2), "mechanism", "C_GenerateRandom");
    is(log_line(path, "operation", 2), "key", "");
    is(log_line(path, "operation", 2), "bytes", "33");
    CHECK(log_count(path, "operation") == 3);
    EVP_RAND_CTX_free(rand);
    EVP_RAND_free(hsmzke_rand);
    OSSL_LIB_CTX_free(context);
}

/* A message of several updates, with AAD; then one with a wrong tag. */
static void gcm(void)
{
    const char *path = log_path();
    OSSL_LIB_CTX *context;
    unsigned char reference[32], out[200], tag[16] = { 0 };
    EVP_CIPHER *cipher;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    const char *last;
    int size;

    token_standard();
    context = context_logged(path);
    cipher = EVP_CIPHER_fetch(context, "AES-256-GCM", NULL);
    reference_by_name(reference, "gold");
    CHECK(EVP_EncryptInit_ex2(ctx, cipher, reference, (const unsigned char *)IV, NULL) == 1);
    CHECK(EVP_EncryptUpdate(ctx, NULL, &size, plain, 11) == 1);
    CHECK(EVP_EncryptUpdate(ctx, out, &size, plain, 40) == 1);
    is(log_line(path, "operation", 0), "mechanism", "CKM_AES_GCM");
    is(log_line(path, "operation", 0), "bytes", "40");
    is(log_line(path, "operation", 0), "aad", "11");
    CHECK(EVP_EncryptUpdate(ctx, out, &size, plain, 60) == 1);
    CHECK(EVP_EncryptFinal_ex(ctx, out, &size) == 1);
    if (strcmp(module_name(), "softhsm") == 0) { /* which streams */
        is(log_line(path, "operation", 1), "part", "begin");
        is(log_line(path, "operation", 2), "direction", "decrypt"); /* what was given out */
        is(log_line(path, "operation", 3), "part", "update");
        is(log_line(path, "operation", 3), "bytes", "40");
        is(log_line(path, "operation", 4), "bytes", "60");
        is(log_line(path, "operation", 5), "part", "final");
    }
    CHECK(EVP_DecryptInit_ex2(ctx, cipher, reference, (const unsigned char *)IV, NULL) == 1);
    CHECK(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, 16, tag) == 1);
    EVP_DecryptUpdate(ctx, out, &size, plain, 50);
    CHECK(EVP_DecryptFinal_ex(ctx, out, &size) == 0);
    ERR_clear_error();
    last = log_line(path, "operation", log_count(path, "operation") - 1);
    is(last, "direction", "decrypt");
    is(last, "result", "not-authentic");
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(cipher);
    OSSL_LIB_CTX_free(context);
}

static EVP_PKEY *generate(OSSL_LIB_CTX *context, const char *label)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(context, HSMZKE_PKEY_TYPE, NULL);
    EVP_PKEY *key = NULL;
    OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string(HSMZKE_PKEY_PARAM_LABEL,
                                                             (char *)(uintptr_t)label, 0),
                            OSSL_PARAM_END };

    CHECK(ctx != NULL && EVP_PKEY_keygen_init(ctx) == 1);
    CHECK(EVP_PKEY_CTX_set_params(ctx, params) == 1);
    EVP_PKEY_generate(ctx, &key);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

/* A key that comes into being, and one that does not. */
static void generation(void)
{
    const char *path = log_path();
    OSSL_LIB_CTX *context;
    EVP_PKEY *key;

    token_standard();
    context = context_logged(path);
    key = generate(context, "fresh");
    CHECK(key != NULL && generate(context, "gold") == NULL);
    is(log_line(path, "key-found", 0), "label", "fresh");
    is(log_line(path, "operation", 0), "mechanism", "CKM_AES_KEY_GEN");
    is(log_line(path, "operation", 0), "direction", "generate");
    is(log_line(path, "operation", 0), "key", "fresh");
    is(log_line(path, "operation", 0), "result", "CKR_OK");
    is(log_line(path, "operation", 0), "id", log_field(log_line(path, "key-found", 0), "id"));
    is(log_line(path, "operation", 1), "key", "gold");
    is(log_line(path, "operation", 1), "result", "failed");
    CHECK_HAS(log_field(log_line(path, "operation", 1), "why"), "already");
    ERR_clear_error();
    EVP_PKEY_free(key);
    OSSL_LIB_CTX_free(context);
}

static void refusals(void)
{
    const char *path = log_path();
    OSSL_LIB_CTX *context;
    unsigned char malformed[32] = "hsmzke:", raw[32] = "thirty-two bytes of a raw key...";

    token_standard();
    token_import("prod", USER_PIN,
                 "closed 1111111111111111111111111111111111111111111111111111111111111111 "
                 "no-encrypt\n");
    context =
        context_with(text("%saudit = file:%s\nidentities = pins\n", settings_standard(), path),
                     "[pins]\nsilver = 0123456789abcdef\n");
    name_refused(context, "AES-256-CBC", "missing");
    is(log_line(path, "key-refused", 0), "key", "missing");
    CHECK_HAS(log_field(log_line(path, "key-refused", 0), "why"), "no secret key 'missing'");
    name_refused(context, "AES-256-CBC", "silver");
    CHECK_HAS(log_field(log_line(path, "key-refused", 1), "why"), "0123456789abcdef");
    name_refused(context, "AES-256-CBC", "closed");
    CHECK_HAS(log_field(log_line(path, "key-refused", 2), "why"), "CKA_ENCRYPT");
    key_refused(context, "AES-256-CBC", malformed);
    is(log_line(path, "key-refused", 3), "key", "");
    key_refused(context, "AES-256-CBC", raw);
    CHECK_HAS(log_field(log_line(path, "key-refused", 4), "why"), "raw key");
    name_refused(context, "ChaCha20", "gold");
    CHECK_HAS(log_field(log_line(path, "key-refused", 5), "why"), "not offered");
    CHECK(log_count(path, "key-refused") == 6);
    CHECK(log_count(path, "operation") == 0);
    OSSL_LIB_CTX_free(context);
}

static void wrong_pin(void)
{
    const char *path = log_path();
    OSSL_LIB_CTX *context;

    token_standard();
    context = context_with(text("pkcs11-module = %s\n%stoken = %s\npin-source = %s\n"
                                "audit = file:%s\n",
                                module_path(), module_lines(), module_token(), pin_file(PIN), path),
                           NULL);
    name_refused(context, "AES-256-CBC", "gold");
    is(log_line(path, "login", 0), "result", "CKR_PIN_INCORRECT");
    is(log_line(path, "login", 0), "user", "user");
    CHECK_HAS(log_field(log_line(path, "key-refused", 0), "why"), "PIN");
    CHECK(log_count(path, "key-found") == 0);
    OSSL_LIB_CTX_free(context);
}

/* ---- what does not ---- */

static void is_not_in(const char *path, const void *secret, size_t size)
{
    size_t length = 0;
    const unsigned char *log = read_file(path, &length);

    CHECK(log != NULL && length > 1000);
    CHECK(memmem(log, length, secret, size) == NULL);
    CHECK(strcasestr((const char *)log, hex(secret, size)) == NULL);
}

static void no_secret(void)
{
    const char *path = log_path();
    unsigned char key[32], reference[32], out[200];
    struct message message = { .cipher = "AES-256-CBC",
                               .key = reference,
                               .iv = (const unsigned char *)IV,
                               .encrypt = 1,
                               .in = plain,
                               .size = 96,
                               .out = out };
    OSSL_LIB_CTX *context;

    if (!module_makes_tokens())
        exit(0); /* it has a PIN that is found by chance */
    token_store();
    token_init("prod", PIN);
    token_import("prod", PIN, "gold " GOLD_KEY "\nsilver " SILVER_KEY "\n");
    context = context_with(text("pkcs11-module = %s\ntoken = pkcs11:token=prod?pin-value=%s\n"
                                "keys = aliases\naudit = file:%s\n",
                                module_path(), PIN, path),
                           "[aliases]\npayroll = pkcs11:object=silver?pin-value=" PIN "\n"
                           "broken = pkcs11:object=nothing;type=cert?pin-value=" PIN "\n");
    reference_by_name(reference, "gold");
    CHECK(message_run(context, &message) == 1);
    CHECK(encrypt(context, "AES-256-GCM", "payroll", 64) == 1);
    name_refused(context, "AES-256-CBC", "broken");
    CHECK(log_count(path, "operation") == 2);
    is_not_in(path, PIN, strlen(PIN));
    is_not_in(path, plain, 16);
    is_not_in(path, IV, 12);
    is_not_in(path, out, 16);
    unhex(GOLD_KEY, key, sizeof(key));
    is_not_in(path, key, sizeof(key));
    is_not_in(path, key, 8);
    OSSL_LIB_CTX_free(context);
}

/* ---- processes ---- */

static void use_after_fork(void *context)
{
    CHECK(log_work(context, 16) == 1);
}

static void forked(void)
{
    const char *path = log_path(), *words;
    OSSL_LIB_CTX *context;
    int pid;

    token_standard();
    context = context_logged(path);
    CHECK(log_work(context, 16) == 1);
    pid = start_child(use_after_fork, context);
    CHECK(wait_child(pid) == 0);
    CHECK(log_work(context, 16) == 1);
    CHECK(log_check(path, &words) == 0);
    CHECK_HAS(words, text("pid %d,", pid));
    CHECK_HAS(words, "lines, ended\n");
    CHECK_HAS(words, "lines, has no end\n");
    CHECK(log_count(path, "begin") == 2 && log_count(path, "configuration") == 2);
    is(log_line(path, "begin", 1), "parent", text("%d", (int)getpid()));
    is(log_line(path, "begin", 1), "seq", "0");
    OSSL_LIB_CTX_free(context);
}

enum { PROCESSES = 8, THREADS = 4 };

static unsigned long times(void)
{
    return quick() ? 100 : 1000;
}

static void use_often(void *path)
{
    OSSL_LIB_CTX *context = context_logged(path);

    for (unsigned long i = 0; i < times(); i++)
        CHECK(log_work(context, 16) == 1);
    OSSL_LIB_CTX_free(context);
}

static void *thread(void *context)
{
    for (unsigned long i = 0; i < times() / THREADS; i++)
        CHECK(log_work(context, 16) == 1);
    return NULL;
}

static void use_by_threads(void *path)
{
    OSSL_LIB_CTX *context = context_logged(path);
    pthread_t threads[THREADS];

    for (size_t i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, thread, context) == 0);
    for (size_t i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    OSSL_LIB_CTX_free(context);
}

/* No line is torn or lost, with eight processes, one of them with threads. */
static void many_processes(void **state)
{
    const char *path = log_path(), *words;
    unsigned ended = 0;
    int pids[PROCESSES];

    (void)state;
    token_standard();
    for (size_t i = 0; i < PROCESSES; i++)
        pids[i] = start_child(i == 0 ? use_by_threads : use_often, (void *)(uintptr_t)path);
    for (size_t i = 0; i < PROCESSES; i++)
        CHECK(wait_child(pids[i]) == 0);
    CHECK(log_check(path, &words) == 0);
    for (const char *at = words; (at = strstr(at, "lines, ended\n")) != NULL; at++)
        ended++;
    CHECK(ended == PROCESSES);
    CHECK(log_count(path, "operation") == PROCESSES * times());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_event), CHILD_TEST(operations), CHILD_TEST(gcm),
        CHILD_TEST(generation),       CHILD_TEST(refusals),   CHILD_TEST(wrong_pin),
        CHILD_TEST(no_secret),        CHILD_TEST(forked),     cmocka_unit_test(many_processes),
    };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
