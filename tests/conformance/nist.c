/*
 * NIST's AES-256 vectors for ECB, CBC, CFB and OFB, encryption and decryption.  Every key is put on
 * the token under a label of its own and used through EVP by reference only.
 */
#include "testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

enum { LONGEST = 160, MOST = 300 };

struct vector {
    const char *key, *label;
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

#define ALL_FILES(mode)                                                                            \
    { mode, "GFSbox256", 5, NULL, 0 }, { mode, "KeySbox256", 16, NULL, 0 },                        \
        { mode, "VarKey256", 256, NULL, 0 }, { mode, "VarTxt256", 128, NULL, 0 },                  \
    {                                                                                              \
        mode, "MMT256", 10, NULL, 0                                                                \
    }

static struct file files[] = {
    ALL_FILES("ECB"),  ALL_FILES("CBC"),  ALL_FILES("CFB128"),
    ALL_FILES("CFB8"), ALL_FILES("CFB1"), ALL_FILES("OFB"),
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

static bool is_bits(const struct file *file)
{
    return strcmp(file->mode, "CFB1") == 0;
}

/* The data of a vector; CFB1's are written bit by bit, and their size is told in bits. */
static size_t read_data(const struct file *file, const char *value, unsigned char *out)
{
    size_t bits = strlen(value);

    if (!is_bits(file))
        return unhex(value, out, LONGEST);
    CHECK(bits <= 8 * (size_t)LONGEST);
    for (size_t i = 0; i < bits; i++)
        out[i / 8] |= (unsigned char)((value[i] == '1') << (7 - i % 8));
    return bits;
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
        vector->key = text("%s", value);
    } else if ((value = value_of(line, "IV")) != NULL) {
        unhex(value, vector->iv, sizeof(vector->iv));
    } else if ((value = value_of(line, "PLAINTEXT")) != NULL) {
        vector->size = read_data(file, value, vector->plain);
    } else if ((value = value_of(line, "CIPHERTEXT")) != NULL) {
        CHECK(read_data(file, value, vector->cipher) > 0);
    }
}

static void read_vectors(struct file *file)
{
    const char *path =
        text("%s/ciphers/AES/%s/%s%s.rsp", testing_path("HSMZKE_TEST_VECTORS"),
             strncmp(file->mode, "CFB", 3) == 0 ? "CFB" : file->mode, file->mode, file->name);
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
        CHECK(file->vectors[i].key != NULL && file->vectors[i].size > 0);
        encrypt += file->vectors[i].encrypt;
    }
    CHECK(encrypt == file->each_way && file->count == 2 * file->each_way);
}

/* The key of each vector gets a label; in the quick form of long files one vector in eight is left.
 */
static void choose_vectors(struct file *file)
{
    const size_t step = quick() && file->count > 100 ? 8 : 1;
    size_t chosen = 0;

    for (size_t i = 0; i < file->count; i += step) {
        file->vectors[chosen] = file->vectors[i];
        file->vectors[chosen].label = label_of(file->vectors[chosen].key);
        chosen++;
    }
    file->count = chosen;
}

static int group_setup(void **state)
{
    const char *lines = "";

    if (testing_setup(state) != 0)
        return -1;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        read_vectors(&files[i]);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        choose_vectors(&files[i]);
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

/* The same with a size in bits, which a flag of the context asks for. */
static void run_bits(OSSL_LIB_CTX *context, const struct vector *vector)
{
    const unsigned char *in = vector->encrypt ? vector->plain : vector->cipher;
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(context, "AES-256-CFB1", NULL);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    unsigned char reference[32], out[LONGEST] = { 0 };
    int written = -1;

    reference_by_name(reference, vector->label);
    CHECK(cipher != NULL && ctx != NULL);
    CHECK(EVP_CipherInit_ex2(ctx, cipher, reference, vector->iv, vector->encrypt, NULL) == 1);
    EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPH_FLAG_LENGTH_BITS);
    CHECK(EVP_CipherUpdate(ctx, out, &written, in, (int)vector->size) == 1);
    CHECK((size_t)written == vector->size);
    CHECK(memcmp(out, vector->encrypt ? vector->cipher : vector->plain, LONGEST) == 0);
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(cipher);
}

static void run_file(void **state)
{
    static OSSL_LIB_CTX *context;
    const struct file *file = *state;
    const char *mode = strcmp(file->mode, "CFB128") == 0 ? "CFB" : file->mode;
    const char *cipher = text("AES-256-%s", mode);
    size_t run = 0;

    if (context == NULL)
        context = context_with(settings_standard(), NULL);
    for (; run < file->count; run++) {
        if (is_bits(file))
            run_bits(context, &file->vectors[run]);
        else
            run_vector(context, cipher, &file->vectors[run]);
    }
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
