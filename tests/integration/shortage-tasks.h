/* What programs do with keys of the HSM, each over and over in faults-memory.c. */
#ifndef HSMZKE_TESTS_SHORTAGE_TASKS_H
#define HSMZKE_TESTS_SHORTAGE_TASKS_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/crypto.h>

enum { RESULT_MOST = 8192 };

/** What came out; the same each time, and when the task fails, its beginning. */
struct shortage_result {
    unsigned char bytes[RESULT_MOST];
    size_t size;
};

struct shortage_task {
    const char *name;
    bool (*run)(OSSL_LIB_CTX *context, struct shortage_result *result);
};

/** All of them; the last one has no name. */
extern const struct shortage_task shortage_tasks[];

#endif
