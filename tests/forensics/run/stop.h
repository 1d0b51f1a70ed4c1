/*
 * How what we load into the target (the tap and the software module) hands over to the tracer: it
 * puts the address of a `struct stop` into a register and runs a breakpoint instruction.  The
 * tracer swallows the SIGTRAP, so the program's own handling of signals is not touched.  Both sides
 * know this file; nothing else does.
 */
#ifndef MEMSCAN_STOP_H
#define MEMSCAN_STOP_H

#include <stdint.h>

/** In RAX and in stop.magic: not a stop of somebody else's. */
#define STOP_MAGIC UINT64_C(0x6d656d7363616e31)

/** Names of environment variables that tell what we load what to do. */
#define STOP_ENV_MODULE "HSMZKE_MEMSCAN_MODULE"   /* tap: the module behind it */
#define STOP_ENV_REAL "HSMZKE_MEMSCAN_HSM_MODULE" /* software module: the HSM's */

enum stop_kind {
    STOP_LOADED, /**< the tap was loaded: `words` has the module behind it, or why there is none */
    STOP_PLACES, /**< canaries may be planted: `places`, in the order of enum canary */
    STOP_KEY,    /**< the software module wants its 32 bytes at places[0] */
    STOP_ENTRY,  /**< a PKCS#11 call begins; `words` is its name */
    STOP_RETURN, /**< ... ends, with `value` */
};

enum { STOP_PLACES_MAX = 8 };

struct stop {
    uint64_t magic;
    uint64_t kind;
    uint64_t words; /**< address of a text, at most 255 bytes; 0: none */
    uint64_t value; /**< STOP_RETURN: CK_RV; STOP_PLACES: the thread that keeps the registers */
    uint64_t places[STOP_PLACES_MAX]; /**< addresses to be written to */
};

#endif
