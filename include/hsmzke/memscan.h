/*
 * hsmzke-memscan for a service that wants its own memory examined: for a health check, or an
 * endpoint that an auditor asks.  The examination is made by a process of its own, the installed
 * hsmzke-memscan; what it needs it takes from outside, so that it does not find itself.
 *
 * Link with -lhsmzke-memscan (pkg-config hsmzke-memscan).  All functions may be called from any
 * thread of a program with many; one examination is made at a time, others wait for it.
 */
#ifndef HSMZKE_MEMSCAN_H
#define HSMZKE_MEMSCAN_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What memscan_self() returns. */
enum memscan_result {
    /** KEY_NOT_IN_MEMORY; without a key to look for: NO_AES_KEYS. */
    MEMSCAN_NOT_FOUND = 0,
    /** KEY_FOUND; without a key to look for: AES_KEYS_FOUND. */
    MEMSCAN_FOUND = 1,
    /** INCONCLUSIVE: `json` says which condition failed. */
    MEMSCAN_INCONCLUSIVE = 2,
    /** There is no report: `error` says why. */
    MEMSCAN_ERROR = 3,
};

/** What to look for, and how.  Members that are 0 or NULL are not given. */
struct memscan_request {
    /** A key in the HSM, such as "hsmzke:gold"; the examiner reaches the HSM as this process does,
        through openssl.cnf and HSMZKE_* in the environment. */
    const char *reference;
    /** A file with the 32 bytes of a key, raw or hexadecimal.  Do not read it yourself. */
    const char *key_file;
    /** Where the PIN comes from, such as "file:/etc/hsmzke/pin": it is looked for as well. */
    const char *pin_source;
    /** hsmzke-memscan; NULL: HSMZKE_MEMSCAN in the environment, else the installed one. */
    const char *program;
    /** Whether places are listed in full, for each byte of the ledger. */
    int ledger;
    /** Seconds after which it is given up; 0: 60. */
    unsigned int timeout;
};

/** What comes of it.  To be given to memscan_free(), whatever memscan_self() returned. */
struct memscan_answer {
    char *json;       /**< NUL-terminated; its form is docs/memscan-report.schema.json; or NULL */
    size_t json_size; /**< without the NUL */
    char error[512];  /**< words on MEMSCAN_ERROR; else empty */
};

/**
 * Has the calling process examined, its child processes included, and waits for the report.
 *
 * The process stands still while its memory is copied: some milliseconds, or longer if it has more
 * than 64 MiB.  Where Yama restricts tracing, the examiner is allowed it for that time, by
 * PR_SET_PTRACER, which is then taken back (a permission that the program itself had given is gone
 * then, too).
 * A process that is not dumpable (setuid, PR_SET_DUMPABLE) can only be examined as root.
 * SIGCHLD may be caught or ignored by the program.
 *
 * @param request NULL asks for all AES keys
 */
enum memscan_result memscan_self(const struct memscan_request *request,
                                 struct memscan_answer *answer);

/** Frees what an answer holds, and empties it. */
void memscan_free(struct memscan_answer *answer);

#ifdef __cplusplus
}
#endif

#endif
