/*
 * The provider's configuration: its section of openssl.cnf, each key overruled by an environment
 * variable.  Read once, at OSSL_provider_init(); an error in it is kept and raised at the first use
 * of a key.  docs/configuration.md is the manual.
 */
#ifndef HSMZKE_CONFIG_H
#define HSMZKE_CONFIG_H

#include <openssl/core.h>
#include <openssl/core_dispatch.h>
#include <stdbool.h>

#include "cipher/gcm-limits.h"
#include "failure.h"
#include "pkcs11/hsm.h"
#include "policy.h"

struct config {
    const OSSL_CORE_HANDLE *handle;
    OSSL_FUNC_core_get_params_fn *get_params;
    struct hsm_settings hsm;
    struct gcm_limits gcm;
    enum key_policy policy;
    bool gateway;
    bool legacy;               /**< the legacy provider's algorithms are offered, too */
    bool raw_keys;             /**< raw keys go to software */
    bool references_elsewhere; /**< MACs, KDFs and imports take references for bytes */
    bool system_random;        /**< the gateway's algorithms draw from the system, not the HSM */
    bool pkcs11_uris;          /**< pkcs11: URIs are served to OSSL_STORE */
    char *audit;               /**< where the audit log goes, "off" or as configured; not NULL */
    bool wrong;                /**< `why` says what is wrong with the configuration */
    struct failure why;
    char in_force[3072]; /**< the values in force, for the build info line; no secrets */
};

/** Reads all settings.  Never fails: what is wrong stands in `config`. */
void config_read(struct config *config, const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in);

/** Notes that setting `name` with `value` is wrong, unless something was before. */
void config_wrong(struct config *config, const char *name, const char *value, const char *cure);

/** Frees what config_read() allocated. */
void config_clear(struct config *config);

/**
 * Looks `name` up in the section that `section` (HSMZKE_PARAM_KEYS or HSMZKE_PARAM_IDENTITIES)
 * names.
 * @return NULL if it is not there; else a string that lives as long as the provider
 */
const char *config_lookup(const struct config *config, const char *section, const char *name);

#endif
