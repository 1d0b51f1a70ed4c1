/*
 * What the scanner's tests share: memory as the scanner wants it, and a scan of it.
 */
#ifndef MEMSCAN_SCANNING_H
#define MEMSCAN_SCANNING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../scan/scanner.h"
#include "encode.h"
#include "random.h"

/** Zeros with PIECE_MARGIN more on both sides; @return the first of `size` bytes */
unsigned char *memory_new(size_t size);
void memory_free(unsigned char *memory);

/** A scan of all of it, in pieces of `piece_size` bytes (0: one), concluded. */
struct findings *scan(const struct scanner_settings *settings, const unsigned char *memory,
                      size_t size, size_t piece_size);

/**
 * A search of all of it by one detector, in two pieces that meet at `border`; frees the detector.
 */
struct findings *search_by(struct detector *detector, const unsigned char *memory, size_t size,
                           size_t border);

/** @return the schedule with this key, form and place among the findings; NULL: it is not there */
const struct finding *find_schedule(const struct findings *findings,
                                    const struct planted_form *form, const unsigned char *key,
                                    unsigned int key_bits, uint64_t address);

/** Fails, and prints the first difference, unless both hold the same. */
void assert_same_findings(const struct findings *one, const struct findings *other);

#endif
