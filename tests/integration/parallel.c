/*
 * `parallel`: large requests over several sessions at once.  The bytes are software's, whatever the
 * mode, the sizes and the places of input and output; and what fails gives nothing out.
 */
#include "audit-log.h"
#include "ha.h"

#include <openssl/err.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LARGE = 512 * 1024, SLACK = 64, THREADS = 8 };

static const char *const ciphers[] = { "AES-256-ECB", "AES-256-CBC", "AES-256-CTR", "AES-256-GCM" };
enum { CIPHERS = sizeof(ciphers) / sizeof(ciphers[0]), GCM = CIPHERS - 1 };

/* One message: `first` bytes in an update, and the rest in another. */
struct job {
    const char *cipher;
    int encrypt;
    size_t first, size;
    bool in_place;
};

/* Where the output goes when the input is at `in`. */
static unsigned char *output(const struct job *job, unsigned char *in)
{
    return job->in_place ? in : in + job->size + SLACK;
}

/* @return bytes written, or -1 */
static long run(OSSL_LIB_CTX *context, const struct job *job, const unsigned char key[32],
                unsigned char *in)
{
    static const unsigned char iv[16] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                          0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe, 0xff };
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(context, job->cipher, NULL);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    unsigned char *const out = output(job, in);
    int a = 0, b = 0, c = 0, good;

    CHECK(cipher != NULL && ctx != NULL);
    good = EVP_CipherInit_ex2(ctx, cipher, key, iv, job->encrypt, NULL) == 1 &&
           (job->first == 0 || EVP_CipherUpdate(ctx, out, &a, in, (int)job->first) == 1) &&
           EVP_CipherUpdate(ctx, out + a, &b, in + job->first, (int)(job->size - job->first)) == 1;
    if (good && (job->encrypt || EVP_CIPHER_get_mode(cipher) != EVP_CIPH_GCM_MODE))
        good = EVP_CipherFinal_ex(ctx, out + a + b, &c) == 1;
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(cipher);
    return good ? (long)a + b + c : -1;
}

/* Where the output would overwrite input that is still to be read, EVP promises nothing. */
static bool is_defined(const struct job *job)
{
    const bool stream =
        strcmp(job->cipher, "AES-256-ECB") != 0 && strcmp(job->cipher, "AES-256-CBC") != 0;

    return !job->in_place || job->first % 16 == 0 || stream;
}

static void compare(OSSL_LIB_CTX *context, const struct job *job)
{
    const size_t room = 2 * (job->size + 2 * SLACK);
    unsigned char key[32], reference[32];
    unsigned char *ours = calloc(room, 1), *theirs = calloc(room, 1);
    struct job done = *job;
    long size;

    CHECK(ours != NULL && theirs != NULL);
    unhex(GOLD_KEY, key, sizeof(key));
    reference_by_name(reference, "gold");
    for (size_t i = 0; i < job->size; i++)
        theirs[i] = (unsigned char)(i * 7 + i / 256 + i / 65536);
    if (!job->encrypt && strcmp(job->cipher, "AES-256-GCM") != 0) { /* with right padding */
        const struct job before = { job->cipher, 1, 0, job->size, false };

        size = run(context_default(), &before, key, theirs);
        CHECK(size >= (long)job->size && size <= (long)job->size + 16);
        memmove(theirs, output(&before, theirs), (size_t)size);
        done.size = (size_t)size;
    }
    memcpy(ours, theirs, room);
    size = run(context_default(), &done, key, theirs);
    CHECK(size >= 0);
    if (run(context, &done, reference, ours) != size)
        testing_failed(__FILE__, __LINE__, error_text());
    if (memcmp(output(&done, ours), output(&done, theirs), (size_t)size) != 0)
        testing_failed(__FILE__, __LINE__,
                       text("wrong bytes: %s, %d, %zu then %zu%s", job->cipher, job->encrypt,
                            job->first, job->size, job->in_place ? ", in place" : ""));
    free(ours);
    free(theirs);
}

static void compare_all(OSSL_LIB_CTX *context, const size_t *sizes, size_t count)
{
    static const size_t firsts[] = { 0, 5, 16, 37 };

    for (size_t i = 0; i < CIPHERS * 2 * count * 4 * 2; i++) {
        const struct job job = { ciphers[i % CIPHERS], i / CIPHERS % 2 == 0,
                                 firsts[i / CIPHERS / 4 % 4], sizes[i / CIPHERS / 16],
                                 i / CIPHERS / 2 % 2 != 0 };

        if (is_defined(&job))
            compare(context, &job);
    }
}

static OSSL_LIB_CTX *start(const char *lines)
{
    token_standard();
    spy_setup(NULL, NULL);
    return context_with(text("%s%s", settings_spied(), lines), NULL);
}

static void bytes_of_software(void)
{
    static const size_t sizes[] = { 300007, 128 * 1024, 128 * 1024 - 16, 1024 * 1024,
                                    5 * 1024 * 1024 + 3 };
    OSSL_LIB_CTX *context = start("parallel = 4\n");

    compare_all(context, sizes, quick() ? 1 : sizeof(sizes) / sizeof(sizes[0]));
    OSSL_LIB_CTX_free(context);
}

/* A key that may do CTR and no ECB; one that an HA group has on two tokens. */
static void without_ecb(void)
{
    static const struct job job = { "AES-256-CTR", 1, 37, LARGE + 11, true };
    OSSL_LIB_CTX *context;

    token_store();
    token_init("prod", USER_PIN);
    token_import("prod", USER_PIN, "gold " GOLD_KEY " id=" GOLD_ID " mechanisms=ctr\n");
    context = context_with(text("%sparallel = 4\n", settings_standard()), NULL);
    compare(context, &job);
    compare(context, &job);
    OSSL_LIB_CTX_free(context);
}

static void over_a_group(void)
{
    static const size_t sizes[] = { LARGE + 11 };
    OSSL_LIB_CTX *context;

    ha_two_tokens(HA_GOLD, HA_GOLD);
    context = context_with(text("%sparallel = 4\n", ha_group_all_spied()), NULL);
    compare_all(context, sizes, 1);
    OSSL_LIB_CTX_free(context);
}

/* ---- at once ---- */

static int ecb_in(OSSL_LIB_CTX *context, unsigned char *in, unsigned char *out, size_t size)
{
    unsigned char reference[32];
    struct message message = {
        .cipher = "AES-256-ECB", .key = reference, .encrypt = 1, .in = in, .size = size, .out = out
    };

    reference_by_name(reference, "gold");
    return message_run(context, &message);
}

static unsigned char *filled(size_t size)
{
    unsigned char *memory = keep(size + SLACK);

    blank_fill(memory, size + SLACK);
    return memory;
}

/* In any thread. */
static void *work(void *context)
{
    unsigned char *in = calloc(LARGE, 1), *out = malloc(LARGE + SLACK);
    int done = 0;

    if (in != NULL && out != NULL)
        done = ecb_in(context, in, out, LARGE);
    free(in);
    free(out);
    return done == 1 ? context : NULL;
}

/* All four are in the module before the first of them comes out. */
static void four_calls_at_once(void)
{
    OSSL_LIB_CTX *context = start("parallel = 4\n");
    pthread_t thread;
    void *result;

    CHECK(ecb_in(context, filled(16), filled(16), 16) == 1); /* the key was used before */
    spy_file("stall C_EncryptUpdate:1; stall C_EncryptUpdate:2; stall C_EncryptUpdate:3; "
             "stall C_EncryptUpdate:4");
    spy_tell("");
    CHECK(pthread_create(&thread, NULL, work, context) == 0);
    while (spy_stalls() < 4)
        usleep(1000);
    spy_file(NULL);
    CHECK(pthread_join(thread, &result) == 0 && result == context);
    OSSL_LIB_CTX_free(context);
}

/* Sessions for two only, and no waiting: the others are done by and by. */
static void fewer_sessions_than_parts(void)
{
    static const struct job job = { "AES-256-CTR", 1, 5, 2 * LARGE, false };
    OSSL_LIB_CTX *context = start("parallel = 8\nsessions = 2\nsession-wait = 0\n");

    for (int i = 0; i < (quick() ? 4 : 20); i++)
        compare(context, &job);
    OSSL_LIB_CTX_free(context);
}

/* ---- what fails ---- */

static void a_part_fails(void)
{
    OSSL_LIB_CTX *context = start("parallel = 4\n");
    unsigned char *out = filled(LARGE);

    CHECK(ecb_in(context, filled(16), filled(16), 16) == 1);
    spy_tell("fail *:4+:0x06");
    CHECK(ecb_in(context, filled(LARGE), out, LARGE) == 0);
    CHECK_HAS(error_text(), "CKR_FUNCTION_FAILED");
    CHECK(still_blank(out, LARGE));
    spy_tell("overwrite C_EncryptUpdate:2+:0x06; overwrite C_Encrypt:1+:0x06");
    CHECK(ecb_in(context, filled(LARGE), out, LARGE) == 0);
    CHECK_HAS(error_text(), "CKR_FUNCTION_FAILED");
    CHECK(still_blank(out, LARGE));
    spy_tell("");
    CHECK(ecb_in(context, filled(LARGE), out, LARGE) == 1);
    OSSL_LIB_CTX_free(context);
}

static void a_session_dies(void)
{
    static const struct job first = { "AES-256-ECB", 1, 0, LARGE, false };
    OSSL_LIB_CTX *context = start("parallel = 4\n");
    unsigned happened = 0;

    compare(context, &first);
    for (unsigned i = 0; i < 4 * GCM * 2; i++) {
        const struct job job = { ciphers[i % GCM], i / GCM % 2 == 0, 16, LARGE, false };
        const unsigned call = i / GCM / 2 + 1;

        /* CKR_SESSION_HANDLE_INVALID */
        spy_tell(text("fail C_EncryptUpdate:%u:0xB3; fail C_DecryptUpdate:%u:0xB3", call, call));
        compare(context, &job);
        happened += spy_injected() > 0;
    }
    CHECK(happened > GCM * 2);
    OSSL_LIB_CTX_free(context);
}

/* ---- who else is there ---- */

static void *work_long(void *context)
{
    void *result = context;

    for (unsigned i = 0; i < (quick() ? 2 : 10) && result != NULL; i++)
        result = work(context);
    return result;
}

static void from_many_threads(void)
{
    OSSL_LIB_CTX *context = start("parallel = 4\nsessions = 6\nsession-wait = 600000\n");
    pthread_t threads[THREADS];
    void *result;

    for (unsigned i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, work_long, context) == 0);
    for (unsigned i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], &result) == 0 && result == context);
    OSSL_LIB_CTX_free(context);
}

static void in_the_child(void *context)
{
    static const struct job job = { "AES-256-CBC", 0, 16, LARGE, true };

    compare(context, &job);
}

static void after_fork(void)
{
    static const struct job job = { "AES-256-CTR", 1, 0, LARGE, true };
    OSSL_LIB_CTX *context = start("parallel = 4\n");

    compare(context, &job);
    CHECK(run_child(in_the_child, context) == 0);
    compare(context, &job);
    OSSL_LIB_CTX_free(context);
}

/* Each part is a line of its own, and together they have all bytes. */
static void in_the_audit_log(void)
{
    const char *path = log_path();
    OSSL_LIB_CTX *context;
    unsigned long bytes = 0;
    unsigned before;

    token_standard();
    context =
        context_with(text("%sparallel = 4\naudit = file:%s\n", settings_standard(), path), NULL);
    CHECK(ecb_in(context, filled(16), filled(16), 16) == 1);
    before = log_count(path, "operation");
    CHECK(ecb_in(context, filled(LARGE), filled(LARGE), LARGE) == 1);
    CHECK(log_count(path, "operation") >= before + 4);
    for (unsigned i = before; i < log_count(path, "operation"); i++)
        bytes += strtoul(log_field(log_line(path, "operation", i), "bytes"), NULL, 10);
    CHECK(bytes >= LARGE && bytes <= LARGE + 16); /* with padding */
    OSSL_LIB_CTX_free(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(bytes_of_software), CHILD_TEST(without_ecb),
        CHILD_TEST(over_a_group),      CHILD_TEST(four_calls_at_once),
        CHILD_TEST(a_part_fails),      CHILD_TEST(a_session_dies),
        CHILD_TEST(from_many_threads), CHILD_TEST(after_fork),
        CHILD_TEST(in_the_audit_log),  CHILD_TEST(fewer_sessions_than_parts),
    };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
