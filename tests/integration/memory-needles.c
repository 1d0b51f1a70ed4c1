/*
 * See memory-needles.h.  The values are made here from the standards (FIPS 197, SP 800-38B, SP
 * 800-38D), over libcrypto's AES alone.
 */
#include "memory-needles.h"

#include <string.h>

#include "testing.h"

enum { BLOCK = 16 };

struct list {
    struct needle *needles;
    size_t count;
};

static void add(struct list *list, const char *name, const unsigned char *bytes, size_t size)
{
    struct needle *needle = &list->needles[list->count++];

    CHECK(list->count <= NEEDLES_MOST && size <= NEEDLE_MOST);
    *needle = (struct needle){ .name = name, .size = size };
    memcpy(needle->bytes, bytes, size);
}

/* The same with the bytes of each word turned round, as code for words keeps it. */
static void add_turned(struct list *list, const char *name, const unsigned char *bytes, size_t size,
                       size_t word)
{
    unsigned char turned[NEEDLE_MOST];

    for (size_t i = 0; i < size; i++)
        turned[i] = bytes[i / word * word + word - 1 - i % word];
    add(list, name, turned, size);
}

static unsigned char twice(unsigned char x)
{
    return (unsigned char)(x << 1 ^ (x & 0x80 ? 0x1b : 0));
}

static unsigned char product(unsigned char a, unsigned char b)
{
    unsigned char result = 0;

    for (; b > 0; b >>= 1, a = twice(a))
        if (b & 1)
            result ^= a;
    return result;
}

/* The inverse in GF(2^8), which is x^254, and the affine map (FIPS 197, 5.1.1). */
static unsigned char s_box(unsigned char x)
{
    unsigned char inverse = 1, result = 0x63;

    for (int i = 0; i < 254; i++)
        inverse = product(inverse, x);
    for (int i = 0; i < 5; i++)
        result ^= (unsigned char)(inverse << i | inverse >> (8 - i));
    return result;
}

/* The first five round keys (FIPS 197, 5.2): two are the key itself. */
static void expand(const unsigned char key[32], unsigned char schedule[5 * BLOCK])
{
    unsigned char constant = 1;

    memcpy(schedule, key, 32);
    for (size_t word = 8; word < 20; word++) {
        unsigned char *out = schedule + 4 * word, before[4];

        memcpy(before, out - 4, 4);
        if (word % 8 == 0) {
            const unsigned char first = before[0];

            memmove(before, before + 1, 3);
            before[3] = first;
        }
        for (int i = 0; i < 4; i++)
            out[i] = (unsigned char)((word % 4 == 0 ? s_box(before[i]) : before[i]) ^ out[i - 32]);
        if (word % 8 == 0) {
            out[0] ^= constant;
            constant = twice(constant);
        }
    }
}

static void encrypt_block(const unsigned char key[32], const unsigned char in[BLOCK],
                          unsigned char out[BLOCK])
{
    unsigned char room[2 * BLOCK];
    struct message message = {
        .cipher = "AES-256-ECB", .key = key, .encrypt = 1, .in = in, .size = BLOCK, .out = room
    };

    CHECK(message_run(context_default(), &message) == 1 && message.out_size == BLOCK);
    memcpy(out, room, BLOCK);
}

/* Doubling in GF(2^128) as CMAC has it. */
static void doubled(const unsigned char in[BLOCK], unsigned char out[BLOCK])
{
    for (int i = 0; i < BLOCK - 1; i++)
        out[i] = (unsigned char)(in[i] << 1 | in[i + 1] >> 7);
    out[BLOCK - 1] = (unsigned char)(in[BLOCK - 1] << 1 ^ (in[0] & 0x80 ? 0x87 : 0));
}

static void add_derived(struct list *list, const unsigned char key[32])
{
    static const unsigned char zero[BLOCK];
    unsigned char h[BLOCK], k1[BLOCK], k2[BLOCK];

    encrypt_block(key, zero, h);
    doubled(h, k1);
    doubled(k1, k2);
    add(list, "H = E(0)", h, BLOCK);
    add_turned(list, "H = E(0), in words of 8 bytes", h, BLOCK, 8);
    add_turned(list, "H = E(0), in words of 16 bytes", h, BLOCK, 16);
    add(list, "CMAC's K1", k1, BLOCK);
    add(list, "CMAC's K2", k2, BLOCK);
}

static void add_secret(struct list *list, const unsigned char secret[32])
{
    unsigned char padded[32];

    add(list, "the HMAC secret", secret, 32);
    add(list, "the HMAC secret's first half", secret, 16);
    add(list, "the HMAC secret's second half", secret + 16, 16);
    for (size_t i = 0; i < 32; i++)
        padded[i] = secret[i] ^ 0x36;
    add(list, "the HMAC secret under ipad", padded, 32);
    for (size_t i = 0; i < 32; i++)
        padded[i] = secret[i] ^ 0x5c;
    add(list, "the HMAC secret under opad", padded, 32);
}

size_t needles_of(struct needle needles[NEEDLES_MOST], const unsigned char key[32],
                  const unsigned char secret[32])
{
    struct list list = { needles, 0 };
    unsigned char schedule[5 * BLOCK];

    expand(key, schedule);
    add(&list, "the key", key, 32);
    add_turned(&list, "the key, in words", key, 32, 4);
    for (size_t i = 0; i < 5; i++) {
        add(&list, text("round key %zu", i), schedule + i * BLOCK, BLOCK);
        add_turned(&list, text("round key %zu, in words", i), schedule + i * BLOCK, BLOCK, 4);
    }
    add_derived(&list, key);
    add_secret(&list, secret);
    return list.count;
}

struct needle *needle_named(struct needle *needles, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(needles[i].name, name) == 0)
            return &needles[i];
    testing_failed(__FILE__, __LINE__, name);
    return NULL;
}
