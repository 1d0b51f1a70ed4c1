/*
 * One large request split over several sessions, as `parallel` of the configuration allows: for
 * modes whose parts do not wait for each other (ECB, CBC decryption, CTR).
 */
#ifndef HSMZKE_PKCS11_SPLIT_H
#define HSMZKE_PKCS11_SPLIT_H

#include "pkcs11/hsm.h"

enum { SPLIT_MOST = HSM_PARALLEL_MOST };

/** What one session does of a request. */
struct split_part {
    struct hsm_data data;
    unsigned char state[HSM_BLOCK]; /**< the mode's own, at the part's beginning, then at its end:
                                         chain value or counter block */
    bool done;
    bool touched; /**< not done, and something was written to `data.out`, and wiped */
    struct failure why;
};

/** Does one part, of those that split_run() was given, and sets all of it but `data`. */
typedef void split_work(void *argument, struct split_part *part);

/**
 * Cuts `data` into parts of whole blocks, the last may end in a broken one; `state` is for the
 * caller to set.
 * @return how many: 1 where `parallel` is 1, where there is too little for more, where a part would
 * overwrite what another is still to read, and with keys that ask for the PIN at each use
 */
size_t split_cut(struct hsm_key *key, const struct hsm_data *data,
                 struct split_part parts[SPLIT_MOST]);

/** The block of input that comes before a part, which is not the first. */
const unsigned char *split_before(const struct split_part *part);

/**
 * Does `count` parts, each but the first in a thread of its own, or in this one where there can be
 * no more threads, and returns when all have ended.  A part for which there was no session is done
 * once more after the others.
 * @return false when one failed, with the reason in `why`; what the others wrote is wiped then
 */
bool split_run(struct split_part parts[], size_t count, split_work *work, void *argument,
               struct failure *why);

#endif
