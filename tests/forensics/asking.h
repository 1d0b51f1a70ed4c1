/*
 * What is asked: the key by its bytes or by the oracle's pair, and the PIN, fetched from where the
 * command line says.
 */
#ifndef MEMSCAN_ASKING_H
#define MEMSCAN_ASKING_H

#include "options.h"
#include "model/report.h"
#include "question/pair.h"
#include "scan/scanner.h"

struct asking {
    unsigned char *key; /**< locked memory; NULL: nobody has it */
    char *pin;          /**< locked memory; NULL: not asked for */
    struct pair pair;
    struct sought sought;
    struct scanner_settings settings; /**< points into this structure */
};

/** Fetches all of it and enters the question in the report. @return false, with the reason */
bool asking_fetch(struct asking *asking, const struct options *options, struct report *report,
                  struct failure *why);

/** Wipes. */
void asking_clear(struct asking *asking);

#endif
