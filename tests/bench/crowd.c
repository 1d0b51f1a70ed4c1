/*
 * Each member's input is made from its number, so that nothing has to be kept but its context and
 * the few bytes that came out of the first piece.
 */
#include <stdlib.h>
#include <string.h>
#include "crowd.h"

#define FIRST 40
#define WHOLE 96

struct member {
    EVP_CIPHER_CTX *ctx;
    int made;
    unsigned char out[WHOLE + 16];
};

static enum mode mode_of(size_t number)
{
    static const enum mode modes[] = { MODE_CBC, MODE_CTR, MODE_ECB };

    return modes[number % 3];
}

static int direction_of(size_t number)
{
    return number / 3 % 2 == 0;
}

static void fill(size_t number, unsigned char *iv, unsigned char *in)
{
    size_t i;

    for (i = 0; i < 16; i++)
        iv[i] = (unsigned char)(number >> (8 * (i % 3)));
    for (i = 0; i < WHOLE; i++)
        in[i] = (unsigned char)(number * 31 + i * 7);
}

static int begin(const struct evp_side *side, size_t number, struct member *member)
{
    unsigned char iv[16], in[WHOLE];

    fill(number, iv, in);
    member->ctx = evp_side_start(side, mode_of(number), direction_of(number), iv);
    return member->ctx != NULL &&
           EVP_CipherUpdate(member->ctx, member->out, &member->made, in, FIRST);
}

static int end(size_t number, struct member *member)
{
    unsigned char iv[16], in[WHOLE];
    int made = 0, rest = 0;

    fill(number, iv, in);
    if (!EVP_CipherUpdate(member->ctx, member->out + member->made, &made, in + FIRST,
                          WHOLE - FIRST) ||
        !EVP_CipherFinal_ex(member->ctx, member->out + member->made + made, &rest))
        return 0;
    member->made += made + rest;
    return 1;
}

/* In the other side, in one go. */
static int is_right(const struct evp_side *software, size_t number, const struct member *member)
{
    unsigned char iv[16], in[WHOLE], out[WHOLE + 16];
    EVP_CIPHER_CTX *ctx;
    int made = 0, ok;

    fill(number, iv, in);
    ctx = evp_side_start(software, mode_of(number), direction_of(number), iv);
    ok = ctx != NULL && EVP_CipherUpdate(ctx, out, &made, in, WHOLE) && made == WHOLE &&
         member->made == WHOLE && memcmp(out, member->out, WHOLE) == 0;
    EVP_CIPHER_CTX_free(ctx);
    return ok;
}

size_t crowd_run(const struct evp_side *side, const struct evp_side *software, size_t count)
{
    struct member *members = calloc(count, sizeof(*members));
    size_t i, open = 0, right = 0;

    if (members == NULL)
        return 0;
    while (open < count && begin(side, open, &members[open]))
        open++;
    if (open < count)
        evp_side_complain("a context of many did not begin");
    for (i = 0; i < open; i++) {
        if (!end(i, &members[i]))
            evp_side_complain("a context of many did not end");
        else if (is_right(software, i, &members[i]))
            right++;
    }
    for (i = 0; i < count; i++)
        EVP_CIPHER_CTX_free(members[i].ctx);
    free(members);
    return right;
}
