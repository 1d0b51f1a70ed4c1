/*
 * NIST's AES-256-GCM vectors without plaintext are vectors for GMAC: the AAD are its data, the tag
 * is the MAC, cut to the tag's length.  Each key is put on a token and used through EVP by
 * reference only.
 */
#include "gcm-vectors.h"

#include <stdio.h>
#include <string.h>

#include <openssl/err.h>

enum { VECTORS = 7875 / 5 }; /* of five lengths of plaintext one is 0 */

static void work(const struct batch *batch)
{
    static const size_t pieces[] = { 0, 1, 7, 16 };

    for (size_t i = 0; i < batch->count; i++) {
        const struct vector *vector = &batch->vectors[i];
        unsigned char reference[32];
        struct mac_message message = { .mac = "GMAC",
                                       .algorithm = "AES-256-GCM",
                                       .iv = vector->iv,
                                       .iv_size = vector->iv_size,
                                       .key = reference,
                                       .key_size = sizeof(reference),
                                       .in = vector->aad,
                                       .size = vector->aad_size,
                                       .piece = pieces[i % 4] };

        reference_by_name(reference, gcm_vector_label(i));
        CHECK(mac_run(batch->context, &message) == 1);
        CHECK(message.out_size == 16);
        CHECK((memcmp(message.out, vector->tag, vector->tag_size) == 0) == !vector->forged);
        CHECK(ERR_peek_error() == 0);
    }
}

static void run_vectors(void **state)
{
    for (size_t f = 0; f < 2; f++) {
        const struct file *file = &gcm_files[f];
        struct vector *vectors = gcm_vectors_read(file);
        size_t count = 0, forged = 0, run;

        for (size_t i = 0; i < file->count; i++) {
            if (vectors[i].size > 0)
                continue;
            forged += vectors[i].forged;
            vectors[count++] = vectors[i];
        }
        CHECK(count == VECTORS && (forged > 0) == !file->encrypt);
        run = gcm_vectors_run(file, vectors, count, work);
        printf("%s: %zu of %zu vectors; %zu of all are forged\n", file->name, run, count, forged);
    }
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(run_vectors) };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
