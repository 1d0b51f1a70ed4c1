/*
 * Reference files in DER (pkey/file.c): there is one way to write what a file says, so what is read
 * is written again in the same bytes.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "pkey/file.h"

/* Made of two texts: it is read as it was written, and not for a key of another family. */
static void write_and_read(enum hsm_family family, const uint8_t *data, size_t size)
{
    struct input input = { data, size };
    struct file file = { .family = family }, again;
    unsigned char der[FILE_MOST];
    struct reference reference;
    struct failure why;
    size_t length;

    input_fill(&input, file.reference, sizeof(file.reference) - 1);
    file.reference[sizeof(file.reference) - 1] = '\0';
    input_fill(&input, file.identity, sizeof(file.identity) - 1);
    file.identity[sizeof(file.identity) - 1] = '\0';
    if (!reference_from_text(&reference, file.reference, &why))
        return;
    length = file_write(&file, der);
    EXPECT(length <= FILE_MOST && file_is_ours(der, length, family));
    EXPECT(file_read(&again, family, der, length, &why));
    EXPECT(again.family == family && strcmp(again.reference, file.reference) == 0);
    EXPECT(strcmp(again.identity, file.identity) == 0);
    EXPECT(!file_read(&again, family == HSM_AES ? HSM_SECRET : HSM_AES, der, length, &why));
}

static void read_and_write(enum hsm_family family, const uint8_t *data, size_t size)
{
    unsigned char *copy = exact(data, size), der[FILE_MOST];
    struct failure why;
    struct file file;

    if (!file_read(&file, family, copy, size, &why)) {
        EXPECT_WORDS(&why);
    } else {
        EXPECT(file_is_ours(copy, size, family));
        EXPECT(file_write(&file, der) == size && memcmp(der, data, size) == 0);
    }
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_and_write(HSM_AES, data, size);
    read_and_write(HSM_SECRET, data, size);
    write_and_read(HSM_AES, data, size);
    write_and_read(HSM_SECRET, data, size);
    return 0;
}
