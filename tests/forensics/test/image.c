/*
 * Synthetic memory.
 */
#include "image.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "random.h"

enum { CHUNK = 64 * 1024 };

typedef void fill_fn(unsigned char *bytes, size_t size, uint64_t *seed);

static void fill_zeros(unsigned char *bytes, size_t size, uint64_t *seed)
{
    (void)seed;
    memset(bytes, 0, size);
}

/* Zeros, and a few words that are not. */
static void fill_sparse(unsigned char *bytes, size_t size, uint64_t *seed)
{
    memset(bytes, 0, size);
    for (size_t i = 0; i + 8 <= size; i += 8) {
        const uint64_t word = random_next(seed);

        if (word % 8 == 0)
            memcpy(bytes + i, &word, 1 + word / 8 % 8);
    }
}

/* 32-bit numbers that are mostly small: lengths, counts, indices, flags. */
static void fill_numbers(unsigned char *bytes, size_t size, uint64_t *seed)
{
    for (size_t i = 0; i + 4 <= size; i += 4) {
        const uint64_t random = random_next(seed);
        const uint32_t number = (uint32_t)(random >> 32) >> (random % 32);

        memcpy(bytes + i, &number, 4);
    }
}

/* Addresses of a heap and of libraries, among lengths. */
static void fill_pointers(unsigned char *bytes, size_t size, uint64_t *seed)
{
    for (size_t i = 0; i + 8 <= size; i += 8) {
        const uint64_t random = random_next(seed);
        const uint64_t words[] = { UINT64_C(0x000055e5c0a00000) + (random >> 44 & ~UINT64_C(15)),
                                   UINT64_C(0x00007f3a12400000) + (random >> 40 & ~UINT64_C(7)),
                                   random >> 56, 0 };

        memcpy(bytes + i, &words[random % 4], 8);
    }
}

static void fill_text(unsigned char *bytes, size_t size, uint64_t *seed)
{
    static const char *const words[] = { "the ",        "key ",    "of ",     "memory\n",
                                         "0x7f3a1240 ", "\"a\":",  "value, ", "GET /index ",
                                         "====",        "AAAABBBB" };
    size_t at = 0;

    while (at < size) {
        const char *word = words[random_next(seed) % (sizeof(words) / sizeof(*words))];
        const size_t take = strlen(word) < size - at ? strlen(word) : size - at;

        memcpy(bytes + at, word, take);
        at += take;
    }
}

/* One short pattern over and over; masks of 00 and ff. */
static void fill_patterns(unsigned char *bytes, size_t size, uint64_t *seed)
{
    unsigned char pattern[64];
    const size_t period = 1 + random_next(seed) % sizeof(pattern);
    const bool mask = random_next(seed) % 2 == 0;

    random_fill(pattern, sizeof(pattern), seed);
    for (size_t i = 0; i < size; i++)
        bytes[i] = mask ? (unsigned char)-(random_next(seed) % 64 == 0) : pattern[i % period];
}

/* What is in the directory's files, from a random one on; wraps around. */
static void fill_program(unsigned char *bytes, size_t size, uint64_t *seed)
{
    static struct dirent **names;
    static int count;
    size_t filled = 0;

    if (names == NULL)
        count = scandir("/usr/bin", &names, NULL, alphasort);
    for (int tries = 0; filled < size && count > 0 && tries < 1000; tries++) {
        char path[512];
        FILE *file;

        snprintf(path, sizeof(path), "/usr/bin/%s",
                 names[random_next(seed) % (uint64_t)count]->d_name);
        file = fopen(path, "rb");
        if (file == NULL)
            continue;
        filled += fread(bytes + filled, 1, size - filled, file);
        fclose(file);
    }
    random_fill(bytes + filled, size - filled, seed);
}

void image_fill(unsigned char *memory, size_t size, uint64_t seed)
{
    static fill_fn *const fills[] = { random_fill,   fill_zeros,   fill_sparse, fill_numbers,
                                      fill_pointers, fill_program, fill_text,   fill_program,
                                      fill_patterns, random_fill };

    for (size_t at = 0; at < size; at += CHUNK)
        fills[random_next(&seed) % (sizeof(fills) / sizeof(*fills))](
            memory + at, size - at < CHUNK ? size - at : CHUNK, &seed);
}

void image_fill_programs(unsigned char *memory, size_t size, uint64_t seed)
{
    fill_program(memory, size, &seed);
}

/* The form and what of it; @return false: that form is not of that length */
static bool choose(struct planted *planted, size_t index, size_t fragment, uint64_t *seed,
                   unsigned char encoded[ENCODED_MAX])
{
    size_t all;

    planted->form = &planted_forms[index % planted_form_count];
    planted->key_bits = 128 + 64 * (unsigned int)(index / planted_form_count % 3);
    random_fill(planted->key, sizeof(planted->key), seed);
    all = encode_schedule(planted->form, planted->key, planted->key_bits, encoded) /
          planted_block(planted->form);
    if (all == 0)
        return false;
    planted->blocks = all;
    if (fragment != 0 && random_next(seed) % 2 == 0)
        planted->blocks = fragment + random_next(seed) % (all - fragment);
    planted->first = random_next(seed) % (all - planted->blocks + 1);
    planted->size = planted->blocks * planted_block(planted->form);
    return true;
}

void image_plant(unsigned char *memory, size_t size, uint64_t seed, size_t fragment,
                 struct planted *planted, size_t count)
{
    const size_t slot = size / count;

    for (size_t i = 0, index = 0; i < count; i++) {
        unsigned char encoded[ENCODED_MAX];

        while (!choose(&planted[i], index++, fragment, &seed, encoded))
            continue;
        planted[i].at = i * slot + 1 + random_next(&seed) % (slot - planted[i].size - 1);
        memcpy(memory + planted[i].at, encoded + planted[i].first * planted_block(planted[i].form),
               planted[i].size);
    }
}
