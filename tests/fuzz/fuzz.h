/*
 * What the fuzz targets share.  A target is one file with LLVMFuzzerTestOneInput(): under clang
 * with -Dfuzzing=true libFuzzer calls it, else replay.c with the files of a corpus.  The provider's
 * own code is linked in, not loaded.
 */
#ifndef HSMZKE_FUZZ_H
#define HSMZKE_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "failure.h"

/** One run of a target. @return 0 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** A finding: ends the program, as a crash does. */
#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fuzz_finding(__FILE__, __LINE__, #condition);                                          \
    } while (0)
_Noreturn void fuzz_finding(const char *file, int line, const char *condition);

/** What is going on, with HSMZKE_FUZZ_TRACE in the environment: to look at a finding. */
void fuzz_trace(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** That a call which failed has said why, in a form that can be shown: text, not too long. */
#define EXPECT_WORDS(why) EXPECT(has_words(why))
bool has_words(const struct failure *why);

/** What is left of the fuzzer's bytes.  After the end all is 0. */
struct input {
    const unsigned char *at;
    size_t left;
};
unsigned int input_byte(struct input *input);
/** 0 to `most`, both included; from one byte if that is enough, else from two or four. */
size_t input_upto(struct input *input, size_t most);
/** Fills `out`; after the end with zeros. */
void input_fill(struct input *input, void *out, size_t size);
/**
 * The bytes up to the next `end` (or all), which is passed over, as a string in memory of its own:
 * to be given to free().  A NUL in it ends it.
 */
char *input_text(struct input *input, unsigned char end);

/** A copy in memory of exactly this size, so that a byte read behind its end is seen. */
void *exact(const void *bytes, size_t size);

#endif
