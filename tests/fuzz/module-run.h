/* One run of fuzz-module.c, and its steps with data (module-data.c). */
#ifndef HSMZKE_FUZZ_MODULE_RUN_H
#define HSMZKE_FUZZ_MODULE_RUN_H

#include "fake-hsm.h"

enum { BLANK = 0xb1 };

/** The first bytes are the script of calls, the rest that of answers. */
struct run {
    struct input calls, answers;
    struct hsm *hsm;
    struct hsm_key *key;
    const unsigned char *bytes; /* of the key */
};

/** Whether nothing was given out: it is as it was, or wiped. */
bool is_blank(const unsigned char *out, size_t size);

enum { RUN_DATA_STEPS = 10 };
/** Encrypts, decrypts or signs something. `what`: below RUN_DATA_STEPS */
void run_data(struct run *run, size_t what);

#endif
