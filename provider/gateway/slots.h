/*
 * Slots for thunks: OpenSSL calls an algorithm's function with the default provider's own context,
 * so that the function itself must know which algorithm it stands in front of.  A static function
 * for each slot does; these macros make them.  Wrapping contexts instead would cost 4 to 5 %.
 */
#ifndef HSMZKE_GATEWAY_SLOTS_H
#define HSMZKE_GATEWAY_SLOTS_H

#include <openssl/core.h>

enum {
    SLOTS_FEW = 8,
    SLOTS_SOME = 100,
    SLOTS_MANY = 192, /* OpenSSL 3.0 has 124 ciphers, 3.5 has 130 */
};

/** X(0) ... X(7) */
#define FEW_SLOTS(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7)

#define SLOTS_TEN(X, t)                                                                            \
    X(t##0) X(t##1) X(t##2) X(t##3) X(t##4) X(t##5) X(t##6) X(t##7) X(t##8) X(t##9)

/** X(0) ... X(99) */
#define SOME_SLOTS(X)                                                                              \
    FEW_SLOTS(X)                                                                                   \
    X(8)                                                                                           \
    X(9)                                                                                           \
    SLOTS_TEN(X, 1)                                                                                \
    SLOTS_TEN(X, 2)                                                                                \
    SLOTS_TEN(X, 3)                                                                                \
    SLOTS_TEN(X, 4)                                                                                \
    SLOTS_TEN(X, 5)                                                                                \
    SLOTS_TEN(X, 6)                                                                                \
    SLOTS_TEN(X, 7)                                                                                \
    SLOTS_TEN(X, 8)                                                                                \
    SLOTS_TEN(X, 9)

/** X(0) ... X(191) */
#define MANY_SLOTS(X)                                                                              \
    SOME_SLOTS(X)                                                                                  \
    SLOTS_TEN(X, 10)                                                                               \
    SLOTS_TEN(X, 11)                                                                               \
    SLOTS_TEN(X, 12)                                                                               \
    SLOTS_TEN(X, 13)                                                                               \
    SLOTS_TEN(X, 14)                                                                               \
    SLOTS_TEN(X, 15)                                                                               \
    SLOTS_TEN(X, 16)                                                                               \
    SLOTS_TEN(X, 17)                                                                               \
    SLOTS_TEN(X, 18)                                                                               \
    X(190) X(191)

/** A copy of a dispatch table, to be changed; it is kept until the process ends. NULL: no memory */
OSSL_DISPATCH *slots_copy_dispatch(const OSSL_DISPATCH *table);

#endif
