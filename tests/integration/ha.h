/*
 * What the tests of HA groups share: two tokens, and one message of each kind, in pieces, compared
 * with software under the same key; in the middle of it the caller may do something.
 */
#ifndef HSMZKE_HA_H
#define HSMZKE_HA_H

#include "testing.h"

/** A line for token_import(): the key that both tokens have. */
#define HA_GOLD "gold " GOLD_KEY " id=" GOLD_ID "\n"

/** A new store with the tokens "left" and "right" and these keys on them; the spy is set up. */
void ha_two_tokens(const char *left, const char *right);
/** The settings for the group of both; `second` is the end of the second one's URI. */
const char *ha_group(const char *second);
/** The second one through the spy, which can make it dead; both through the spy. */
const char *ha_group_spied(void);
const char *ha_group_all_spied(void);

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
