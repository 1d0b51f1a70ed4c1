/*
 * The key that is asked for by its bytes: --key FILE.  For keys that have a twin outside the HSM:
 * those that a test imported.
 */
#ifndef MEMSCAN_KEY_FILE_H
#define MEMSCAN_KEY_FILE_H

#include <stdbool.h>

#include "../../../provider/failure.h"

/**
 * Reads an AES-256 key: a file of 32 bytes, or of 64 hexadecimal digits and white space around
 * them ("-" is standard input).
 * @return false, with the reason in `why`; else `*key` is 32 bytes of secret_alloc(), to be given
 * to key_file_free() as soon as a scanner was made of them
 */
bool key_file_read(unsigned char **key, const char *path, struct failure *why);

/** Wipes and frees; NULL is fine. */
void key_file_free(unsigned char *key);

#endif
