/*
 * Values of options on the command line: numbers, sizes and texts.  Each function says on `error`
 * what is wrong, and returns false.
 */
#ifndef MEMSCAN_OPTION_VALUE_H
#define MEMSCAN_OPTION_VALUE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/** Says what is wrong, and that nothing was decided.  @return false */
bool option_bad(FILE *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Decimal digits up to `most`, without a sign or blanks; `end` is behind them.  Says nothing. */
bool option_digits(const char *text, uint64_t most, uint64_t *number, char **end);

/** The number of `--name`, from `least` to `most`. */
bool option_number(const char *name, const char *text, uint64_t least, uint64_t most,
                   unsigned int *number, FILE *error);

/** The size of --snapshot in bytes: "64M". */
bool option_size(const char *text, uint64_t *size, FILE *error);

/** The text of `--name`, which is not empty and given once. */
bool option_text(const char **text, const char *name, const char *value, FILE *error);

#endif
