/*
 * All that a run of memscan has to tell: what was asked, of whom, what was seen, which controls
 * were found, and the verdict with its reasons.  The writers (report/) only read it.
 */
#ifndef MEMSCAN_REPORT_H
#define MEMSCAN_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "examination.h"

enum verdict {
    VERDICT_KEY_NOT_IN_MEMORY, /**< exit 0 */
    VERDICT_KEY_FOUND,         /**< exit 1 */
    VERDICT_INCONCLUSIVE,      /**< exit 2 */
    VERDICT_AES_KEYS_FOUND,    /**< no key was named: exit 1 */
    VERDICT_NO_AES_KEYS,       /**< no key was named: exit 0 */
};

/** What was looked at: decides which conditions there can be. */
enum target_kind {
    TARGET_PROCESSES, /**< `pid`: processes that run, looked at once */
    TARGET_RUN,       /**< `run`: a command that we started, looked at at its stops */
    TARGET_CORE,      /**< a core file stands for the process that it was */
    TARGET_IMAGE,     /**< bytes, and nothing is claimed but of these bytes */
};

/** The six conditions for a negative verdict. */
enum condition {
    CONDITION_LEDGER, /**< all bytes accounted for, none unreadable or swapped, the map unchanged */
    CONDITION_THREADS,   /**< every thread and child stopped, its registers read */
    CONDITION_ELSEWHERE, /**< memfds, unlinked files, segments, pipes, environment, command line */
    CONDITION_CONTROLS,  /**< canaries found; the software run found */
    CONDITION_MOMENTS,   /**< scans at every PKCS#11 call's entry and return (`run` only) */
    CONDITION_DETECTORS, /**< all detectors ran, and found their self-test's keys */
    CONDITION_COUNT,
};

enum condition_state {
    STATE_HOLDS,
    STATE_FAILS,
    STATE_NOT_APPLICABLE, /**< and the reason says why that is in order */
};

struct condition_result {
    enum condition_state state;
    char reason[480]; /**< for people, in a sentence */
};

/**
 * A positive control: something that must be found, in the target, or in a helper process that was
 * looked at in the same way (the detectors' self-test).
 */
struct control {
    char name[64]; /**< "canary on the heap", "canary in XMM registers", "vpaes schedule",
                      CONTROL_SOFTWARE_RUN */
    bool found;
    bool helper;           /**< it was planted in a helper process, not in the target */
    unsigned int seen, of; /**< in how many of the scans in which it was there */
};

/** The control without which a run has no negative verdict: the same command, the key in software.
 */
#define CONTROL_SOFTWARE_RUN "the software run"

/** What was asked. */
struct question {
    bool by_bytes;      /**< --key */
    bool by_oracle;     /**< --reference */
    bool pin;           /**< --pin-source */
    char reference[64]; /**< "hsmzke:gold", or empty */
    char mechanism[48]; /**< how the oracle's pair was got: "AES-256-ECB" */
    char key_name[128]; /**< the file of --key, or empty */
    char pin_note[240]; /**< why nothing can be proved of this PIN, a sentence; or empty */
    uint32_t canaries;  /**< bit i: scanner_settings.sought[i] is a canary of ours; all others are
                           the key that was asked for */
};

struct report {
    char version[32];
    enum target_kind kind;
    char target[256]; /**< "process 4711 (openssl)", "image disk.raw", the command line */
    char host[65], kernel[128], processor[128];
    char path[16];       /**< which code searched: "AVX-512", "AVX2", "portable" */
    char detectors[128]; /**< which ran, by name, with blanks between */
    int64_t when;        /**< seconds since 1970 */
    double duration;     /**< seconds */
    struct question question;
    struct examination **examinations;
    size_t count;
    double longest_unscanned; /**< milliseconds for which the target ran between two scans; 0 if it
                                 did not */
    uint64_t calls;           /**< PKCS#11 calls that were seen */
    uint64_t dropped; /**< stops at which nothing was scanned, by wish (--every, --budget) */
    struct control *controls;
    size_t control_count;
    struct condition_result conditions[CONDITION_COUNT];
    enum verdict verdict;
    enum verdict pin_verdict; /**< VERDICT_KEY_FOUND or VERDICT_KEY_NOT_IN_MEMORY or INCONCLUSIVE,
                                 if asked */
    char sentence[480];       /**< the verdict in a sentence, with where */
    char next[480];           /**< what to try next; may be empty */
};

/** Empties a report, and wipes what was found. */
void report_clear(struct report *report);

/** Takes over an examination; @return false without memory (it is freed) */
bool report_add(struct report *report, struct examination *examination);

#endif
