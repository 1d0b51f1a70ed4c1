/*
 * The frame of a holder: HOLDER enc|dec|idle [VARIANT].
 *
 * It reads a key of 32 bytes from standard input, sets the library up, wipes its own copy, lets one
 * block through, prints "ready" and waits for a byte.  Then it lets the last block through and
 * prints that in hexadecimal digits: the key was right, and the process is unharmed.  "idle" reads
 * no key and prints nothing but "ready".  live/run.c is at the other end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "holder.h"

/* The last block ends in the counter of GCM's first block under an IV of 12 bytes, so that a holder
   of GCM or CTR has the same answer as one of ECB. */
static const unsigned char first_block[16] = "hsmzke's first\0\2";
static const unsigned char last_block[16] = "hsmzke's one\0\0\0\2";

void holder_give_up(const char *what)
{
    fprintf(stderr, "holder: failed: %s\n", what);
    exit(1);
}

static void read_whole(unsigned char *buffer, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t got = read(STDIN_FILENO, buffer + done, size - done);

        HOLDER_NEEDS(got > 0);
        done += (size_t)got;
    }
}

static void take_key(const struct holder_wish *wish)
{
    unsigned char key[32];

    read_whole(key, sizeof(key));
    holder_setup(key, wish);
    explicit_bzero(key, sizeof(key));
}

static void wait_to_be_scanned(void)
{
    unsigned char byte;

    HOLDER_NEEDS(write(STDOUT_FILENO, "ready\n", 6) == 6);
    read_whole(&byte, 1);
}

static void print_block(const unsigned char *block)
{
    char digits[33];

    for (int i = 0; i < 16; i++)
        snprintf(digits + 2 * i, 3, "%02x", block[i]);
    digits[32] = '\n';
    HOLDER_NEEDS(write(STDOUT_FILENO, digits, 33) == 33);
}

int main(int argc, char **argv)
{
    struct holder_wish wish = { 0, argc > 2 ? argv[2] : "" };
    unsigned char out[16];

    HOLDER_NEEDS(argc == 2 || argc == 3);
    if (strcmp(argv[1], "idle") == 0) {
        holder_setup(NULL, &wish);
        wait_to_be_scanned();
        return 0;
    }
    wish.decrypt = strcmp(argv[1], "dec") == 0;
    HOLDER_NEEDS(wish.decrypt || strcmp(argv[1], "enc") == 0);
    take_key(&wish);
    holder_block(first_block, out);
    if (!holder_waits_itself())
        wait_to_be_scanned();
    holder_block(last_block, out);
    print_block(out);
    return 0;
}
