/*
 * A message that goes through both contexts of a pair piece by piece, compared at every step.
 */
#include "pair.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

enum { CANARY = 0xc7, CANARY_SIZE = 32 };

static unsigned char *buffer(size_t room)
{
    unsigned char *bytes = malloc(room + CANARY_SIZE);

    CHECK(bytes != NULL);
    memset(bytes, CANARY, room + CANARY_SIZE);
    return bytes;
}

void stream_open(struct stream *stream, struct pair *pair, const unsigned char *in, size_t size,
                 bool in_place)
{
    *stream = (struct stream){ .pair = pair, .size = size, .room = size + 32 };
    stream->ours = buffer(stream->room);
    stream->theirs = buffer(stream->room);
    if (in_place) {
        memcpy(stream->ours, in, size);
        memcpy(stream->theirs, in, size);
    } else {
        stream->in = buffer(stream->room);
        memcpy(stream->in, in, size);
    }
}

void stream_copy(struct stream *to, const struct stream *from, struct pair *pair)
{
    *to = *from;
    to->pair = pair;
    to->in = NULL;
    to->ours = buffer(from->room);
    to->theirs = buffer(from->room);
    memcpy(to->ours, from->ours, from->room);
    memcpy(to->theirs, from->theirs, from->room);
    if (from->in != NULL) {
        to->in = buffer(from->room);
        memcpy(to->in, from->in, from->room);
    }
}

void stream_close(struct stream *stream)
{
    for (size_t i = 0; i < CANARY_SIZE; i++)
        CHECK(stream->ours[stream->room + i] == CANARY);
    free(stream->in);
    free(stream->ours);
    free(stream->theirs);
}

/* In place a valid EVP call reads at base + consumed and writes at base + produced. */
static const unsigned char *input(const struct stream *stream, const unsigned char *own)
{
    return (stream->in == NULL ? own : stream->in) + stream->consumed;
}

static void compare_output(struct stream *stream, size_t size)
{
    CHECK(stream->produced + size <= stream->room);
    CHECK(memcmp(stream->ours + stream->produced, stream->theirs + stream->produced, size) == 0);
    stream->produced += size;
}

void stream_update(struct stream *stream, size_t size)
{
    int our_size = -1, their_size = -1;
    int ours = EVP_CipherUpdate(stream->pair->ours, stream->ours + stream->produced, &our_size,
                                input(stream, stream->ours), (int)size);
    int theirs = EVP_CipherUpdate(stream->pair->theirs, stream->theirs + stream->produced,
                                  &their_size, input(stream, stream->theirs), (int)size);

    CHECK(theirs == 1 && ours == theirs);
    CHECK(our_size == their_size);
    stream->consumed += size;
    compare_output(stream, (size_t)our_size);
    pair_compare_parameters(stream->pair);
}

void stream_evp_cipher(struct stream *stream, size_t size)
{
    int ours = EVP_Cipher(stream->pair->ours, stream->ours + stream->consumed,
                          input(stream, stream->ours), (unsigned)size);
    int theirs = EVP_Cipher(stream->pair->theirs, stream->theirs + stream->consumed,
                            input(stream, stream->theirs), (unsigned)size);

    CHECK(ours == theirs && theirs >= 0);
    stream->consumed += size;
    compare_output(stream, size);
    pair_compare_parameters(stream->pair);
}

void stream_final(struct stream *stream)
{
    int our_size = -1, their_size = -1;
    int theirs =
        EVP_CipherFinal_ex(stream->pair->theirs, stream->theirs + stream->produced, &their_size);
    int ours;

    stream->finished = true;
    /* default's errors out of the way: ours must come with words of its own. */
    ERR_clear_error();
    ours = EVP_CipherFinal_ex(stream->pair->ours, stream->ours + stream->produced, &our_size);
    CHECK(ours == theirs);
    if (theirs != 1) {
        CHECK(ERR_peek_error() != 0);
        ERR_clear_error();
        stream->failed = true;
        return;
    }
    CHECK(our_size == their_size);
    compare_output(stream, (size_t)our_size);
    pair_compare_parameters(stream->pair);
}
