/*
 * NIST's vectors for AES-256-CMAC and those of RFC 2202 and RFC 4231 for HMAC.  Every key is put on
 * the token under a label of its own and used through EVP by reference only.
 */
#include "testing.h"

#include <stdio.h>
#include <string.h>

#include <openssl/err.h>

enum { MOST = 64, LONGEST = 256 };

struct vector {
    const char *mac, *algorithm, *label;
    unsigned char message[LONGEST], expected[64];
    size_t size, expected_size;
};

struct file {
    const char *name, *mac, *algorithm;
    const char *key, *message, *output; /* as the file calls them */
    size_t least_key;                   /* bytes that SoftHSM asks of a key at least */
    size_t count;                       /* as the file is published */
};

static const struct file files[] = {
    { "CMAC/nist-800-38b-aes256.txt", "CMAC", "AES-256-CBC", "KEY", "MESSAGE", "OUTPUT", 32, 4 },
    { "HMAC/rfc-2202-sha1.txt", "HMAC", "SHA1", "Key", "Msg", "MD", 20, 7 },
    { "HMAC/rfc-4231-sha224.txt", "HMAC", "SHA224", "Key", "Msg", "MD", 28, 6 },
    { "HMAC/rfc-4231-sha256.txt", "HMAC", "SHA2-256", "Key", "Msg", "MD", 32, 6 },
    { "HMAC/rfc-4231-sha384.txt", "HMAC", "SHA384", "Key", "Msg", "MD", 48, 6 },
    { "HMAC/rfc-4231-sha512.txt", "HMAC", "SHA512", "Key", "Msg", "MD", 64, 6 },
};

static struct vector vectors[MOST];
static size_t count;
static const char *lines = "";

/* "NAME = VALUE" or "NAME =": the value if the line has this name. */
static char *value_of(char *line, const char *name)
{
    const size_t length = strlen(name);

    if (strncmp(line, name, length) != 0 || strncmp(line + length, " =", 2) != 0)
        return NULL;
    line += length + 2;
    line += strspn(line, " ");
    line[strcspn(line, " \r\n")] = '\0';
    return line;
}

/* HMAC fills short keys up with NUL by itself: so a key that was filled up is the same one. */
static void add_key(const struct file *file, const char *digits)
{
    struct vector *vector = &vectors[count];
    const char *fill = "";

    CHECK(count < MOST);
    for (size_t i = strlen(digits) / 2; i < file->least_key; i++)
        fill = text("%s00", fill);
    vector->mac = file->mac;
    vector->algorithm = file->algorithm;
    vector->label = text("vector-%zu", count);
    lines = text("%s%s %s%s%s\n", lines, vector->label, digits, fill,
                 strcmp(file->mac, "HMAC") == 0 ? " type=generic" : "");
}

static void read_file_of(const struct file *file)
{
    const char *path = text("%s/%s", testing_path("HSMZKE_TEST_VECTORS"), file->name);
    const size_t before = count;
    FILE *stream = fopen(path, "r");
    char line[1024], *value;

    if (stream == NULL)
        fprintf(stderr, "%s: needs Debian's python3-cryptography-vectors\n", path);
    CHECK(stream != NULL);
    while (fgets(line, sizeof(line), stream) != NULL) {
        struct vector *vector = &vectors[count];

        if ((value = value_of(line, file->key)) != NULL)
            add_key(file, value);
        else if ((value = value_of(line, file->message)) != NULL)
            vector->size = unhex(value, vector->message, LONGEST);
        else if ((value = value_of(line, file->output)) != NULL) {
            vector->expected_size = unhex(value, vector->expected, sizeof(vector->expected));
            count++;
        }
    }
    fclose(stream);
    printf("%s: %zu vectors\n", file->name, count - before);
    CHECK(count - before == file->count);
}

static int group_setup(void **state)
{
    if (testing_setup(state) != 0)
        return -1;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        read_file_of(&files[i]);
    token_store();
    token_init("prod", USER_PIN);
    token_import("prod", USER_PIN, lines);
    return 0;
}

static void run_vectors(void **state)
{
    static const size_t pieces[] = { 0, 1, 7, 16 };
    OSSL_LIB_CTX *context = context_with(settings_standard(), NULL);

    (void)state;
    for (size_t i = 0; i < count * 4; i++) {
        const struct vector *vector = &vectors[i / 4];
        unsigned char reference[32];
        struct mac_message message = { .mac = vector->mac,
                                       .algorithm = vector->algorithm,
                                       .key = reference,
                                       .key_size = sizeof(reference),
                                       .in = vector->message,
                                       .size = vector->size,
                                       .piece = pieces[i % 4] };

        reference_by_name(reference, vector->label);
        CHECK(mac_run(context, &message) == 1);
        CHECK(message.out_size == vector->expected_size);
        CHECK(memcmp(message.out, vector->expected, message.out_size) == 0);
    }
    CHECK(ERR_peek_error() == 0);
    OSSL_LIB_CTX_free(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(run_vectors) };

    return cmocka_run_group_tests(tests, group_setup, testing_teardown);
}
