/*
 * Where something was found, in words for people: the register, the symbol, whose stack and on
 * which side of the stack pointer.
 */
#ifndef MEMSCAN_DESCRIBE_H
#define MEMSCAN_DESCRIBE_H

#include "../model/examination.h"

/**
 * Writes for one finding: "xmm3 of thread 12 (worker)", "[heap]", "gold_key+0x10 in
 * /usr/lib/libfoo.so", "stack of thread 12 (worker), 200 bytes below its stack pointer".  Without
 * the address, which the finding has.  Symbols are read from the file as it is now.
 */
void place_describe(const struct examination *examination, const struct finding *finding,
                    char *text, size_t size);

/** Gives findings of a concluded set their `where`; those beyond the first few hundred none. */
void places_describe(const struct examination *examination);

#endif
