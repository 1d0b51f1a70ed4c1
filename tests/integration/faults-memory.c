/*
 * Memory runs short: each call by which the provider gets some fails once, and then all from there
 * on.  Whatever was asked for is done, with the right bytes, or fails with words on the queue and
 * gives out nothing; and what the provider had got by then, it gives back.
 */
#include "testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/conf.h>
#include <openssl/err.h>
#include <openssl/provider.h>

#include "shortage-tasks.h"
#include "shortage.h"

extern OSSL_provider_init_fn OSSL_provider_init;

static OSSL_LIB_CTX *context;
static const char *config;

/* As programs load it, but linked in: the linker's wraps end at the program's own objects. */
static const char *write_config(bool audited)
{
    const char *log = audited ? text("audit = file:%s/audit.log\n", work_dir()) : "";
    const char *content = text("openssl_conf = init\n"
                               "[init]\nproviders = providers\nalg_section = algorithms\n"
                               "[algorithms]\ndefault_properties = provider=hsmzke\n"
                               "[providers]\nhsmzke = hsmzke\n"
                               "[hsmzke]\nactivate = 1\nlegacy = yes\n%s%s"
                               "keys = keys\n[keys]\nalias = pkcs11:token=prod;object=gold\n",
                               log, settings_standard());

    return write_file("memory.cnf", content, strlen(content));
}

static OSSL_LIB_CTX *new_context(void)
{
    OSSL_LIB_CTX *made = OSSL_LIB_CTX_new();

    CHECK(made != NULL && OSSL_PROVIDER_add_builtin(made, "hsmzke", OSSL_provider_init));
    return made;
}

static int setup(void **state)
{
    if (testing_setup(state) != 0)
        return -1;
    token_standard();
    token_init("other", USER_PIN);
    token_import("other", USER_PIN, "gold " SILVER_KEY);
    token_import("prod", USER_PIN, "salt " SILVER_KEY " type=generic");
    config = write_config(true);
    return 0;
}

/* ---- the first use of a library context, and of the HSM by the process ---- */

/* Right bytes (1), or words and no bytes (0). */
static int encrypts(OSSL_LIB_CTX *opened, const char *name)
{
    unsigned char key[32], reference[32], expected[64], out[64];
    static const unsigned char iv[16] = "sixteen bytes..",
                               in[32] = "what is encrypted, once it can";
    struct message theirs = { "AES-256-CBC", key, iv, 1, 0, in, sizeof(in), expected, 0, 0 };
    struct message ours = { "AES-256-CBC", reference, iv, 1, 0, in, sizeof(in), out, 0, 0 };
    int good;

    unhex(GOLD_KEY, key, sizeof(key));
    reference_by_name(reference, name);
    blank_fill(out, sizeof(out));
    good = message_run(opened, &ours);
    if (good == 0) {
        CHECK(*error_text() != '\0' && still_blank(out, sizeof(out)));
        return 0;
    }
    CHECK(message_run(context_default(), &theirs) == 1);
    CHECK(ours.out_size == theirs.out_size && memcmp(out, expected, ours.out_size) == 0);
    return 1;
}

struct attempt {
    unsigned long nth;
    enum shortage how;
};
enum { NOT_REACHED = 2 };

static void first_use(void *attempt_)
{
    const struct attempt *attempt = attempt_;
    unsigned char reference[32], out[64];
    static const unsigned char iv[16];
    struct message message = { "AES-256-CBC", reference, iv, 1, 0, iv, sizeof(iv), out, 0, 0 };
    bool reached;
    int good;

    reference_by_name(reference, "alias");
    blank_fill(out, sizeof(out));
    shortage_begin(attempt->nth, attempt->how);
    good = message_run(context, &message);
    reached = shortage_end();
    CHECK(good == 1 || (*error_text() != '\0' && still_blank(out, sizeof(out))));
    /* Once there is memory again, it works. */
    CHECK(encrypts(context, "alias") == 1);
    exit(!reached ? NOT_REACHED : good);
}

static void without_memory_at_first_use(void **state)
{
    struct attempt attempt;
    unsigned long failed = 0;
    EVP_CIPHER *cipher;
    int status = 0;

    (void)state;
    context = new_context();
    CHECK(OSSL_LIB_CTX_load_config(context, write_config(false)) == 1);
    cipher = EVP_CIPHER_fetch(context, "AES-256-CBC", NULL);
    CHECK(cipher != NULL);
    for (int how = SHORTAGE_ONCE; how <= SHORTAGE_FROM; how++) {
        attempt = (struct attempt){ 1, (enum shortage)how };
        for (; status != NOT_REACHED; attempt.nth++) {
            status = run_child(first_use, &attempt);
            CHECK(status == 0 || status == 1 || status == NOT_REACHED);
            failed += status == 0;
        }
        status = 0;
        CHECK(attempt.nth > 10);
    }
    CHECK(failed > 5);
    printf("%lu failed with words: the first use of the HSM\n", failed);
    EVP_CIPHER_free(cipher);
    OSSL_LIB_CTX_free(context);
}

/* ---- the provider is loaded ---- */

static void without_memory_to_load(void **state)
{
    unsigned long nth = 1, loaded = 0, refused = 0;
    bool reached = true;

    (void)state;
    for (int how = SHORTAGE_ONCE; how <= SHORTAGE_FROM; how++, reached = true) {
        for (nth = 1; reached; nth += nth < 40 ? 1 : quick() ? 31 : 7) {
            OSSL_LIB_CTX *opened = new_context();
            EVP_CIPHER *cipher;

            shortage_begin(nth, (enum shortage)how);
            (void)OSSL_LIB_CTX_load_config(opened, config);
            cipher = EVP_CIPHER_fetch(opened, "AES-256-CBC", NULL);
            EVP_CIPHER_free(cipher);
            reached = shortage_end();
            ERR_clear_error();
            if (encrypts(opened, "gold"))
                loaded++;
            else
                refused++;
            OSSL_LIB_CTX_free(opened);
        }
    }
    CHECK(loaded > 0 && refused > 5);
    printf("%lu work, %lu refuse with words: loaded with too little memory\n", loaded, refused);
}

/* ---- what programs do ---- */

static void run_task(const struct shortage_task *task)
{
    static struct shortage_result right, now;
    unsigned long nth, failed = 0, runs = 0;
    bool reached = true;

    for (int i = 0; i < 3; i++) { /* the HSM, the key and what OpenSSL keeps are there then */
        memset(&right, 0, sizeof(right));
        CHECK(task->run(context, &right));
    }
    CHECK(right.size > 0 && ERR_peek_error() == 0);
    for (int how = SHORTAGE_ONCE; how <= (quick() ? SHORTAGE_ONCE : SHORTAGE_FROM);
         how++, reached = true) {
        for (nth = 1; reached; nth++, runs++) {
            bool good;

            memset(&now, 0, sizeof(now));
            shortage_begin(nth, (enum shortage)how);
            good = task->run(context, &now);
            reached = shortage_end();
            if (shortage_held() != 0)
                testing_failed(__FILE__, __LINE__,
                               text("%s, %lu: %ld are held", task->name, nth, shortage_held()));
            if (!good && ERR_peek_error() == 0)
                testing_failed(__FILE__, __LINE__, text("%s, %lu: words", task->name, nth));
            ERR_clear_error();
            CHECK(now.size <= right.size && memcmp(now.bytes, right.bytes, now.size) == 0);
            CHECK(!good || now.size == right.size);
            failed += !good;
        }
    }
    printf("table: without memory: %lu runs, %lu failed with words: %s\n", runs, failed,
           task->name);
}

static void without_memory(void **state)
{
    (void)state;
    context = new_context();
    CHECK(OSSL_LIB_CTX_load_config(context, config) == 1);
    for (const struct shortage_task *task = shortage_tasks; task->name != NULL; task++)
        run_task(task);
    OSSL_LIB_CTX_free(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_memory_at_first_use), /* nor has the process used the HSM */
        cmocka_unit_test(without_memory_to_load),
        cmocka_unit_test(without_memory),
    };

    return cmocka_run_group_tests(tests, setup, testing_teardown);
}
