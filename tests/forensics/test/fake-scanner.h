/*
 * A scanner that only looks for strings of bytes: what the tests of sources search with, so that
 * they depend on no detector.
 */
#ifndef MEMSCAN_FAKE_SCANNER_H
#define MEMSCAN_FAKE_SCANNER_H

#include "../scan/scanner.h"

/** What is looked for: 32 bytes; set by a test before it scans. A finding's `sought` tells which.
 */
struct fake_needle {
    unsigned char bytes[32];
};

/** Makes a scanner for `count` needles (at most SOUGHT_MAX). */
struct scanner *fake_scanner_new(const struct fake_needle *needles, size_t count, bool oracle);

/** Bytes that scanners were given to find something in, all in all. */
extern uint64_t fake_scanned;

#endif
