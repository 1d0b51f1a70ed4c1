/*
 * OpenSSL's error queue, reached through the core's upcalls only: the program may carry another
 * libcrypto than the one that the provider is linked with, and would not see ERR_raise()'s words.
 */
#ifndef HSMZKE_ERROR_H
#define HSMZKE_ERROR_H

#include <openssl/core.h>
#include <openssl/core_dispatch.h>
#include <stdint.h>

#include "failure.h"

/** The core's upcalls for errors, as the core gave them to OSSL_provider_init(). */
struct errors {
    const OSSL_CORE_HANDLE *handle;
    OSSL_FUNC_core_new_error_fn *new_error;
    OSSL_FUNC_core_set_error_debug_fn *set_error_debug;
    OSSL_FUNC_core_vset_error_fn *vset_error;
};

/** Takes the upcalls out of the core's dispatch table `in`. */
void errors_init(struct errors *errors, const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in);

/** The text of each of our reason codes, for OSSL_FUNC_PROVIDER_GET_REASON_STRINGS. */
const OSSL_ITEM *errors_reason_strings(void);

/* The name alone: where the source was when it was built concerns nobody. */
#ifdef __FILE_NAME__
#define ERROR_FILE __FILE_NAME__
#else
#define ERROR_FILE __FILE__
#endif

/** Raises `why` under our own library number.  @return 0, what OpenSSL takes as failure. */
#define error_raise(errors, why) error_raise_at(errors, why, ERROR_FILE, __LINE__, __func__)
int error_raise_at(const struct errors *errors, const struct failure *why, const char *file,
                   int line, const char *function);

/**
 * Raises a reason of OpenSSL's own providers (PROV_R_...), which programs look for by number
 * (python3-cryptography does).  @return 0
 */
#define error_raise_prov(errors, reason, ...)                                                      \
    error_raise_prov_at(errors, reason, ERROR_FILE, __LINE__, __func__, __VA_ARGS__)
int error_raise_prov_at(const struct errors *errors, int reason, const char *file, int line,
                        const char *function, const char *format, ...)
    __attribute__((format(printf, 6, 7)));

#endif
