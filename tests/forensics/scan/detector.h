/*
 * What the scanner runs over each piece.  A detector is made once, does not change afterwards and
 * may be used from several threads at a time.
 */
#ifndef MEMSCAN_DETECTOR_H
#define MEMSCAN_DETECTOR_H

#include "../model/finding.h"
#include "piece.h"

/** Which code searches.  All find the same. */
enum code_path {
    PATH_BEST, /**< the best that this processor has */
    PATH_PORTABLE,
    PATH_AVX2,   /**< with AES-NI for the oracle */
    PATH_AVX512, /**< with VAES for the oracle */
};

/** @return what PATH_BEST means here, or `wished` if the processor has it, else PATH_PORTABLE */
enum code_path code_path_choose(enum code_path wished);
const char *code_path_name(enum code_path path);

struct detector {
    const char *name; /**< for --without and the list of detectors */
    void (*search)(const struct detector *self, const struct piece *piece,
                   struct findings *findings);
    void (*free)(struct detector *self);
};

#endif
