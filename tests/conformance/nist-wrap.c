/*
 * NIST's AES-256 vectors for key wrap (SP 800-38F: KW and KWP, with AES's forward and inverse
 * function): encryption, and decryption with its failures.  Every key is put on a token under a
 * label of its own and used through EVP by reference only.  A file of vectors is a test of its own.
 *
 * It goes in batches, each with a token and a process of its own: SoftHSM reads every object of a
 * token whenever a key is looked for.
 */
#include "testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

enum { LONGEST = 520, EACH = 500, FAILURES = 100, BATCH = 50 };

struct vector {
    const char *label, *key;
    unsigned char plain[LONGEST], wrapped[LONGEST];
    size_t plain_size, wrapped_size;
    bool fails;
};

struct file {
    const char *name, *cipher;
    bool encrypt;
    struct vector vectors[EACH];
    size_t count;
};

static char *value_of(char *line, char name)
{
    line[strcspn(line, "\r\n")] = '\0';
    return line[0] == name && strncmp(line + 1, " = ", 3) == 0 ? line + 4 : NULL;
}

static void read_line(struct file *file, char *line)
{
    struct vector *vector = file->vectors + (file->count == 0 ? 0 : file->count - 1);
    char *value;

    if (strncmp(line, "COUNT = ", 8) == 0) {
        CHECK(file->count < EACH);
        file->vectors[file->count].label = text("wrap-%zu", file->count);
        file->count++;
    } else if ((value = value_of(line, 'K')) != NULL) {
        vector->key = text("%s", value);
    } else if ((value = value_of(line, 'P')) != NULL) {
        vector->plain_size = unhex(value, vector->plain, LONGEST);
    } else if ((value = value_of(line, 'C')) != NULL) {
        vector->wrapped_size = unhex(value, vector->wrapped, LONGEST);
    } else if (strncmp(line, "FAIL", 4) == 0) {
        vector->fails = true;
    }
}

static void read_vectors(struct file *file)
{
    const char *path =
        text("%s/keywrap/kwtestvectors/%s.txt", testing_path("HSMZKE_TEST_VECTORS"), file->name);
    FILE *stream = fopen(path, "r");
    size_t failures = 0;
    char line[2048];

    if (stream == NULL)
        fprintf(stderr, "%s: needs Debian's python3-cryptography-vectors\n", path);
    CHECK(stream != NULL);
    while (fgets(line, sizeof(line), stream) != NULL)
        read_line(file, line);
    fclose(stream);
    for (size_t i = 0; i < file->count; i++)
        failures += file->vectors[i].fails;
    CHECK(file->count == EACH && failures == (file->encrypt ? 0 : FAILURES));
}

/* Vectors of one file that share a token. */
struct batch {
    const struct file *file;
    const struct vector *vectors;
};

static void import(const struct vector *vectors)
{
    const size_t room = BATCH * 100;
    char *lines = keep(room);
    size_t used = 0;

    for (size_t i = 0; i < BATCH; i++)
        used += (size_t)snprintf(lines + used, room - used, "%s %s\n", vectors[i].label,
                                 vectors[i].key);
    CHECK(used < room);
    token_store();
    token_init("prod", USER_PIN);
    token_import("prod", USER_PIN, lines);
}

static void run_vector(OSSL_LIB_CTX *context, const struct file *file, const struct vector *vector)
{
    unsigned char reference[32], out[LONGEST + 32];
    struct message message = {
        .cipher = file->cipher,
        .key = reference,
        .encrypt = file->encrypt,
        .in = file->encrypt ? vector->plain : vector->wrapped,
        .size = file->encrypt ? vector->plain_size : vector->wrapped_size,
        .out = out,
    };
    const size_t expected = file->encrypt ? vector->wrapped_size : vector->plain_size;

    reference_by_name(reference, vector->label);
    blank_fill(out, sizeof(out));
    if (vector->fails) {
        CHECK(message_run(context, &message) == 0);
        CHECK(message.out_size == 0 && still_blank(out, sizeof(out)));
        CHECK_HAS(error_text(), "not wrapped with this key");
        return;
    }
    CHECK(message_run(context, &message) == 1);
    CHECK(message.out_size == expected && expected > 0);
    CHECK(memcmp(out, file->encrypt ? vector->wrapped : vector->plain, expected) == 0);
}

static void run_batch(void *batch_)
{
    const struct batch *batch = batch_;
    OSSL_LIB_CTX *context;

    import(batch->vectors);
    context = context_with(settings_standard(), NULL);
    for (size_t i = 0; i < BATCH; i++)
        run_vector(context, batch->file, &batch->vectors[i]);
    CHECK(ERR_peek_error() == 0);
    OSSL_LIB_CTX_free(context);
}

/* A quick run takes every twentieth batch. */
static void run_file(const char *name, const char *cipher, bool encrypt)
{
    const size_t step = quick() ? 20 * BATCH : BATCH;
    struct file *file = keep(sizeof(*file));
    size_t run = 0;

    file->name = name;
    file->cipher = cipher;
    file->encrypt = encrypt;
    read_vectors(file);
    for (size_t first = 0; first + BATCH <= file->count; first += step, run += BATCH) {
        struct batch batch = { file, &file->vectors[first] };

        CHECK(wait_child(start_child(run_batch, &batch)) == 0);
    }
    CHECK(run == file->count || quick());
    printf("%s: %zu vectors\n", name, run);
}

static void kw_ae(void)
{
    run_file("KW_AE_256", "AES-256-WRAP", true);
}

static void kw_ad(void)
{
    run_file("KW_AD_256", "AES-256-WRAP", false);
}

static void kw_ae_inverse(void)
{
    run_file("KW_AE_256_inv", "AES-256-WRAP-INV", true);
}

static void kw_ad_inverse(void)
{
    run_file("KW_AD_256_inv", "AES-256-WRAP-INV", false);
}

static void kwp_ae(void)
{
    run_file("KWP_AE_256", "AES-256-WRAP-PAD", true);
}

static void kwp_ad(void)
{
    run_file("KWP_AD_256", "AES-256-WRAP-PAD", false);
}

static void kwp_ae_inverse(void)
{
    run_file("KWP_AE_256_inv", "AES-256-WRAP-PAD-INV", true);
}

static void kwp_ad_inverse(void)
{
    run_file("KWP_AD_256_inv", "AES-256-WRAP-PAD-INV", false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(kw_ae),         CHILD_TEST(kw_ae_inverse),  CHILD_TEST(kw_ad),
        CHILD_TEST(kw_ad_inverse), CHILD_TEST(kwp_ae),         CHILD_TEST(kwp_ae_inverse),
        CHILD_TEST(kwp_ad),        CHILD_TEST(kwp_ad_inverse),
    };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
