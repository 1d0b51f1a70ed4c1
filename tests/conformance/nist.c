/*
 * NIST's AES-256 vectors for ECB and CBC, encryption and decryption.  Every key is put on the token
 * under a label of its own and used through EVP by reference only.
 */
#include "testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

enum { LONGEST = 160, MOST = 300 };

struct vector {
    const char *label;
    unsigned char iv[16], plain[LONGEST], cipher[LONGEST];
    size_t size;
    bool encrypt;
};

struct file {
    const char *mode, *name;
    size_t each_way; /* vectors in each direction, as the file is published */
    struct vector *vectors;
    size_t count;
};

static struct file files[] = {
    { "ECB", "GFSbox256", 5, NULL, 0 },   { "ECB", "KeySbox256", 16, NULL, 0 },
    { "ECB", "VarKey256", 256, NULL, 0 }, { "ECB", "VarTxt256", 128, NULL, 0 },
    { "ECB", "MMT256", 10, NULL, 0 },     { "CBC", "GFSbox256", 5, NULL, 0 },
    { "CBC", "KeySbox256", 16, NULL, 0 }, { "CBC", "VarKey256", 256, NULL, 0 },
    { "CBC", "VarTxt256", 128, NULL, 0 }, { "CBC", "MMT256", 10, NULL, 0 },
};

static const char *keys[2 * MOST], *labels[2 * MOST];
static size_t key_count;

/* The label of a key; a new one gets a new label. */
static const char *label_of(const char *key_hex)
{
    for (size_t i = 0; i < key_count; i++)
        if (strcmp(keys[i], key_hex) == 0)
            return labels[i];
    CHECK(key_count < 2 * MOST && strlen(key_hex) == 64);
    keys[key_count] = text("%s", key_hex);
    labels[key_count] = text("nist-%zu", key_count);
    return labels[key_count++];
}

/* "NAME = VALUE": the value if the line has this name. */
static char *value_of(char *line, const char *name)
{
    size_t length = strlen(name);

    if (strncmp(line, name, length) != 0 || strncmp(line + length, " = ", 3) != 0)
        return NULL;
    line += length + 3;
    line[strcspn(line, "\r\n")] = '\0';
    return line;
}

static void read_line(struct file *file, char *line, bool *encrypt)
{
    struct vector *vector = file->vectors + (file->count == 0 ? 0 : file->count - 1);
    char *value;

    if (strncmp(line, "[ENCRYPT]", 9) == 0 || strncmp(line, "[DECRYPT]", 9) == 0) {
        *encrypt = line[1] == 'E';
    } else if (value_of(line, "COUNT") != NULL) {
        CHECK(file->count < 2 * MOST);
        file->vectors[file->count++].encrypt = *encrypt;
    } else if ((value = value_of(line, "KEY")) != NULL) {
        vector->label = label_of(value);
    } else if ((value = value_of(line, "IV")) != NULL) {
        unhex(value, vector->iv, sizeof(vector->iv));
    } else if ((value = value_of(line, "PLAINTEXT")) != NULL) {
        vector->size = unhex(value, vector->plain, LONGEST);
    } else if ((value = value_of(line, "CIPHERTEXT")) != NULL) {
        CHECK(unhex(value, vector->cipher, LONGEST) > 0);
    }
}

static void read_vectors(struct file *file)
{
    const char *path = text("%s/ciphers/AES/%s/%s%s.rsp", testing_path("HSMZKE_TEST_VECTORS"),
                            file->mode, file->mode, file->name);
    FILE *stream = fopen(path, "r");
    size_t encrypt = 0;
    bool encrypting = true;
    char line[1024];

    if (stream == NULL)
        fprintf(stderr, "%s: needs Debian's python3-cryptography-vectors\n", path);
    CHECK(stream != NULL);
    file->vectors = keep(2 * MOST * sizeof(struct vector));
    while (fgets(line, sizeof(line), stream) != NULL)
        read_line(file, line, &encrypting);
    fclose(stream);

    for (size_t i = 0; i < file->count; i++) {
        CHECK(file->vectors[i].label != NULL && file->vectors[i].size > 0);
        encrypt += file->vectors[i].encrypt;
    }
    CHECK(encrypt == file->each_way && file->count == 2 * file->each_way);
}

static int group_setup(void **state)
{
    const char *lines = "";

    if (testing_setup(state) != 0)
        return -1;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        read_vectors(&files[i]);
    for (size_t i = 0; i < key_count; i++)
        lines = text("%s%s %s\n", lines, labels[i], keys[i]);
    token_store();
    token_init("prod", USER_PIN);
    token_import("prod", USER_PIN, lines);
    return 0;
}

static void run_vector(OSSL_LIB_CTX *context, const char *cipher, const struct vector *vector)
{
    unsigned char reference[32], out[LONGEST + 32];
    struct message message = {
        .cipher = cipher,
        .key = reference,
        .iv = strstr(cipher, "ECB") == NULL ? vector->iv : NULL,
        .encrypt = vector->encrypt,
        .in = vector->encrypt ? vector->plain : vector->cipher,
        .size = vector->size,
        .out = out,
    };

    reference_by_name(reference, vector->label);
    CHECK(message_run(context, &message) == 1);
    CHECK(message.out_size == vector->size);
    CHECK(memcmp(out, vector->encrypt ? vector->cipher : vector->plain, vector->size) == 0);
}

static void run_file(void **state)
{
    static OSSL_LIB_CTX *context;
    const struct file *file = *state;
    const char *cipher = text("AES-256-%s", file->mode);
    size_t run = 0;

    if (context == NULL)
        context = context_with(settings_standard(), NULL);
    while (run < file->count)
        run_vector(context, cipher, &file->vectors[run++]);
    CHECK(ERR_peek_error() == 0);
    printf("%s%s: %zu vectors\n", file->mode, file->name, run);
}

int main(void)
{
    enum { COUNT = sizeof(files) / sizeof(files[0]) };
    struct CMUnitTest tests[COUNT];

    for (size_t i = 0; i < COUNT; i++)
        tests[i] = (struct CMUnitTest){ text("%s%s", files[i].mode, files[i].name), run_file, NULL,
                                        NULL, &files[i] };
    return cmocka_run_group_tests(tests, group_setup, testing_teardown);
}
