/*
 * libp11: slots with a token in them.
 *
 * libp11 empties OpenSSL's error queue at each call that goes well (its CRYPTOKI_checkerr), and the
 * queue may hold what the program has yet to read.  The queue is a thread's own: so libp11 is
 * called in a thread of its own, and only here.
 */
#ifndef HSMZKE_PKCS11_SLOTS_H
#define HSMZKE_PKCS11_SLOTS_H

#include <libp11.h>

#include "pkcs11/cryptoki.h"

/**
 * Hands the module at `path`, on which C_Initialize was called, to libp11.
 * @return CKR_OK and the context in `*libp11`
 */
CK_RV slots_open(const char *path, const char *init_args, PKCS11_CTX **libp11);

/** The end of that: libp11 calls C_Finalize. */
void slots_close(PKCS11_CTX *libp11);

/**
 * Lists the slots that hold a token. At most one thread at a time with the same `libp11`.
 * @return CKR_OK; `*ids` then is to be given to free()
 */
CK_RV slots_list(PKCS11_CTX *libp11, CK_SLOT_ID **ids, size_t *count);

/**
 * The same without libp11, which closes the sessions of every slot when it gives its list back:
 * ours that are in use, and those of other parts of the program.
 */
CK_RV slots_list_quietly(const CK_FUNCTION_LIST *f, CK_SLOT_ID **ids, size_t *count);

#endif
