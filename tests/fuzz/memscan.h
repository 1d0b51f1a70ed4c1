/*
 * What the targets of hsmzke-memscan share: a scanner for a key, and a file with the fuzzer's
 * bytes.
 */
#ifndef HSMZKE_FUZZ_MEMSCAN_H
#define HSMZKE_FUZZ_MEMSCAN_H

#include "fuzz.h"

#include "../forensics/scan/scanner.h"

/** Made once for each; `sought`: looks for a key and a PIN (memscan.c has both), too. */
const struct scanner *memscan_scanner(enum code_path path, bool sought);

/** @return a file without a name, to be closed; `path` is how it is opened */
int memscan_file(const uint8_t *data, size_t size, char path[64]);

#endif
