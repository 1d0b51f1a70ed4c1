/*
 * What the parts of the survival test share: messages that begin before an event and end after it
 * (survival-journey.c), the table of what became of them (survival-table.c), and the events.
 */
#ifndef HSMZKE_TEST_SURVIVAL_H
#define HSMZKE_TEST_SURVIVAL_H

#include "testing.h"

/* ---- journeys ---- */

enum column {
    COLUMN_ECB,
    COLUMN_CBC,
    COLUMN_CTR,
    COLUMN_GCM_STREAM, /* several updates */
    COLUMN_GCM,        /* one */
    COLUMN_KW,
    COLUMN_CMAC,
    COLUMNS
};

enum size {
    SIZE_SMALL,  /* 320 bytes */
    SIZE_LARGE,  /* over what one call takes through scratch memory */
    SIZE_BEYOND, /* over what is kept for another try: gcm-buffer as below, 1 MiB of CMAC */
    SIZES
};
#define SMALL_BUFFER "gcm-buffer = 65536\n"

enum verdict {
    RIGHT,
    WRONG,
    FAILED, /* an EVP call failed, with words on the queue */
};

/** A message on its way. */
struct journey {
    enum column column;
    enum size size;
    bool encrypt, in_place;
    bool late;  /* all data come before the event, only the end after it */
    size_t key; /* 0: gold, 1: silver */
    EVP_CIPHER_CTX *cipher;
    EVP_MAC_CTX *mac;
    unsigned step;  /* updates that were done */
    size_t in, out; /* bytes */
    unsigned char *bytes;
};

/** Computes in software what everything must come to.  Once, before children and threads. */
void journeys_setup(void);
/** Kinds of journeys of a size: journey_of() gives each; a MAC has neither direction nor place. */
enum { KINDS = 50 };
struct journey journey_of(size_t kind, enum size size);
/** Begins, up to where the event comes. @return false when an EVP call failed */
bool journey_begin(struct journey *journey, OSSL_LIB_CTX *context);
/** The next update, or the end. @return false when it failed; the journey is where it was */
bool journey_step(struct journey *journey);
/** All the rest, compared. */
enum verdict journey_end(struct journey *journey);
/** Ends without looking. */
void journey_free(struct journey *journey);

/* ---- the table ---- */

enum event {
    EVENT_SESSION,
    EVENT_TOKEN,
    EVENT_RESTART,
    EVENT_DOWN,
    EVENT_FORK_PARENT,
    EVENT_FORK_CHILD,
    EVENT_FORK_THREADS,
    EVENT_CROWD,
    EVENT_EXEC,
    EVENT_UNLOAD,
    EVENT_CLEANUP,
    EVENTS
};

/** Makes the table, in memory that children share; or opens it again, in another program. */
void table_setup(const char *path);
/** The file that it is in. */
const char *table_path(void);
void table_count(enum event event, enum column column, enum verdict verdict);
/** A documented error, where it belongs. */
void table_error(enum event event, enum column column);
/** Notes a child's status. @return whether it was 0 */
bool table_child(enum event event, int status);
/** The row's reason for having no numbers. */
void table_skipped(enum event event, const char *reason);
/** Prints it. @return whether nothing was wrong */
bool table_print(void);

/** Ends a journey and counts it. */
void journey_count(struct journey *journey, enum event event);

/* ---- the events ---- */

/* survival-loss.c */
void session_lost(void);
void token_gone(void);
void closed_in_the_end(void **state);
void beyond_what_is_kept(void);
/* survival-remote.c */
void server_restarted(void **state);
/* survival-fork.c */
void fork_with(OSSL_LIB_CTX *context);
void fork_in_mid_stream(void);
void fork_beside_threads(void);
/* survival-crowd.c */
void crowd(void);
/* survival-exec.c */
void exec_with(OSSL_LIB_CTX *context);
void exec_in_mid_stream(void);
/** In the new program: its exit status; -1 if this is none. */
int after_exec(int argc, char *argv[]);
/* survival-unload.c, survival-cleanup.c */
void unloaded(void **state);
void cleaned_up(void **state);

#endif
