/*
 * One instance of the provider: made by each OSSL_provider_init(), that is for each library context
 * that loads it.  Found again from the provctx that OpenSSL hands to newctx functions, which is the
 * default provider's own: its algorithms need it.
 */
#ifndef HSMZKE_INSTANCE_H
#define HSMZKE_INSTANCE_H

#include <openssl/crypto.h>
#include <openssl/provider.h>

#include "config.h"
#include "error.h"
#include "keyring.h"

enum {
    INSTANCE_OPERATIONS = 32, /* more than OSSL_OP__HIGHEST of any version */
};

struct instance {
    struct instance *next; /* guarded by lock_take() */
    unsigned int references;
    struct errors errors;
    OSSL_FUNC_BIO_read_ex_fn *bio_read;   /* the core's */
    OSSL_FUNC_BIO_write_ex_fn *bio_write; /* the core's */
    OSSL_FUNC_provider_up_ref_fn *up_ref; /* the core's; NULL after teardown */
    struct config config;
    struct keyring keyring;
    OSSL_LIB_CTX *private;   /* the default provider lives here, out of the program's sight */
    OSSL_PROVIDER *software; /* the default provider */
    void *provctx;           /* its provctx, and ours */
    OSSL_PROVIDER *legacy;   /* the legacy provider, also there; NULL unless `legacy = yes` */
    void *legacy_provctx;    /* its own */
    OSSL_PROVIDER *inner;    /* gateway/inner.c: ours in `private`; NULL without the gateway */
    OSSL_ALGORITHM *tables[INSTANCE_OPERATIONS];       /* what we offer, made when asked for */
    OSSL_ALGORITHM *inner_tables[INSTANCE_OPERATIONS]; /* the same for the inner provider */
};

/** Makes an instance. @return NULL if OpenSSL cannot give a library context and default provider */
struct instance *instance_new(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in);

/** The instance of `provctx`, with one more owner; NULL if there is none. */
struct instance *instance_find(void *provctx);

/**
 * The instance of `provctx` without one more owner, for what lives in its private library context:
 * the instance goes last, and would never go if it were held from there.
 */
struct instance *instance_borrow(void *provctx);

/** One more owner. @return `instance` */
struct instance *instance_ref(struct instance *instance);

/** The core's provider is going: it is not to be asked for anything any more. */
void instance_torn_down(struct instance *instance);

/** One owner less; the last one frees it. */
void instance_free(struct instance *instance);

/**
 * Whether the configuration may be used at all.  If not, the audit log is told, as far as that is
 * configured.  @return false, with the reason in `why`
 */
bool instance_usable(const struct instance *instance, struct failure *why);

/**
 * Raises `why` without knowing which instance is meant: for thunks in front of other people's
 * contexts. @return 0
 */
int instance_raise_any(const struct failure *why);

/** Raises "out of memory" in the same way. @return NULL */
void *instance_raise_memory(void);

#endif
