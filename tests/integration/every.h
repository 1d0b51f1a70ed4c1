/* What faults-every.c does to the HSM's calls, and what goes on meanwhile. */
#ifndef HSMZKE_TEST_EVERY_H
#define HSMZKE_TEST_EVERY_H

#include "testing.h"

/* ---- the messages (every-work.c) ---- */

enum { OPERATIONS = 9, ASKED_FOR = 6 };

/** CBC, CTR and GCM in both directions are the first ASKED_FOR; the others call what these do not.
 */
extern const char *const operation_names[OPERATIONS];

/** What became of an operation's messages. */
struct outcome {
    unsigned done, refused;
    unsigned wrong; /* bytes that are not those of software, or were given out by a failed call */
    unsigned wordless; /* refused without words, or done with some */
    const char *words; /* of the last that was refused */
};

/** Computes in software what is expected.  Once, before the operations. */
void work_prepare(void);
/** The messages of one operation, whatever the HSM does. */
struct outcome work(OSSL_LIB_CTX *context, unsigned operation);

/* ---- where there can be a fault (every-places.c) ---- */

enum { PLACES = 1024 };

/** A call of the module in an operation. */
struct place {
    unsigned operation, call;
    const char *function;
    const char *before; /* what the script has for the time before; "" */
};
extern struct place places[PLACES];
extern unsigned placed;

/** Makes the token, and the library contexts that operations work in. */
void places_prepare(void);
OSSL_LIB_CTX *context_of(unsigned operation);
/**
 * Finds all places by running the operations; the functions must be those that are expected.
 * @return how many functions there are
 */
unsigned places_find(void);

/* ---- faults (every-case.c) ---- */

/** What is done to a call: the script's statement is "VERB FUNCTION:N:ARGUMENT". */
struct fault {
    const char *name, *verb, *argument;
    bool final;    /* C_Login answers so: there is no further try in this process */
    bool may_miss; /* there are calls to which it cannot be done */
};

struct tally {
    unsigned injected, recovered, refused;
    unsigned crashed, wrong, wordless, stuck, missed; /* must all be 0 */
};

/**
 * Each of `faults` at each place whose function `fits` (NULL: all); in short only one at each
 * place.  Each case is a process of its own.
 */
void cases_run(const struct fault *faults, unsigned count, bool (*fits)(const char *function));
/** What came of them in operations `from` to `to` - 1. */
struct tally cases_tally(unsigned from, unsigned to);

#endif
