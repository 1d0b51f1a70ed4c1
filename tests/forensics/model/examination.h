/*
 * One examination: a target was looked at once, at one moment.  What was read, what was found, how
 * long it took and what stood in the way.  A `pid` run has one; `run` has one for each stop of the
 * target.
 */
#ifndef MEMSCAN_EXAMINATION_H
#define MEMSCAN_EXAMINATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "finding.h"
#include "place.h"

/** Why the target stood still. */
enum moment {
    MOMENT_ONCE,   /**< asked for from outside: pid, core, image */
    MOMENT_ENTRY,  /**< a PKCS#11 call begins */
    MOMENT_RETURN, /**< a PKCS#11 call ends */
    MOMENT_SYSCALL,
    MOMENT_EXEC,
    MOMENT_EXIT,
};

struct examination {
    enum moment moment;
    char call[64];     /**< "C_EncryptInit", "write"; empty if none */
    double at;         /**< milliseconds since the run began */
    double frozen;     /**< milliseconds for which the target stood still */
    double searched;   /**< milliseconds of searching, frozen or not */
    uint64_t snapshot; /**< bytes that were copied and searched after the target went on */
    unsigned int processes, threads;
    unsigned int
        threads_missed; /**< that could not be stopped, or whose registers could not be read */
    bool copied_whole;  /**< all that was searched had been copied while the target stood still */
    struct ledger ledger;
    struct findings *findings;
    char trouble[480]; /**< what was left out and why, for people; empty if nothing */
    char remark[240];  /**< what is worth telling though nothing was left out; or empty */
};

/** @return NULL without memory */
struct examination *examination_new(void);
/** Wipes and frees; NULL is fine. */
void examination_free(struct examination *examination);

#endif
