/* The known-key detector with some encodings only: for tests that switch one off. */
#ifndef MEMSCAN_KNOWN_H
#define MEMSCAN_KNOWN_H

#include "detectors.h"

struct detector *known_detector_with(const struct scanner_settings *settings, unsigned int set);

#endif
