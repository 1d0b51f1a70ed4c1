/*
 * What every holder gives to holder.c: a program that holds one AES-256 key in one library, so that
 * the scanner can be tried on it.  The protocol is in holder.c.
 */
#ifndef MEMSCAN_HOLDER_H
#define MEMSCAN_HOLDER_H

#ifdef __cplusplus
extern "C" {
#endif

struct holder_wish {
    int decrypt;         /* 1: the schedule for decryption is wanted */
    const char *variant; /* the holder's own word, or "" */
};

/**
 * Starts the library and gives it the key; without key (NULL) only starts it.  The holder keeps no
 * copy of the key beside what the library makes of it.
 */
void holder_setup(const unsigned char *key, const struct holder_wish *wish);

/** One block through AES-256, in the direction that was wished. */
void holder_block(const unsigned char in[16], unsigned char out[16]);

/** Holds the key in nothing but registers: instead of holder_block() and the wait; else returns 0.
 */
int holder_waits_itself(void);

/** Ends the program with words on standard error. */
void holder_give_up(const char *what) __attribute__((noreturn));

/** Ends the program unless `good`. */
#define HOLDER_NEEDS(good) ((good) ? (void)0 : holder_give_up(#good))

#ifdef __cplusplus
}
#endif
#endif
