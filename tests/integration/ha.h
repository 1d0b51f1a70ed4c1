/*
 * What the tests of HA groups share: one message of each kind, in pieces, compared with software
 * under the same key; in the middle of it the caller may do something.
 */
#ifndef HSMZKE_HA_H
#define HSMZKE_HA_H

#include "testing.h"

/** Kinds of messages: ECB, CBC, CTR, GCM in one update, GCM in several, key wrap, CMAC. */
size_t ha_kinds(void);
const char *ha_kind(size_t kind);

/**
 * A message of that kind under the key "gold", `size` bytes in three updates, encrypted and, where
 * it is no MAC, decrypted; `between` (or NULL) is called between the updates.
 * @return 1: it is what software makes of it; 0: an error, which is on the queue; -1: wrong bytes
 */
int ha_message(OSSL_LIB_CTX *context, size_t kind, size_t size, void (*between)(void));

#endif
