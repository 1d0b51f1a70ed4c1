/*
 * `key-policy`: what is done with a key's findings at its first use.  docs/key-posture.md has what
 * is found.
 */
#ifndef HSMZKE_POLICY_H
#define HSMZKE_POLICY_H

#include "failure.h"
#include "pkcs11/judgement.h"

/** `key-policy`. */
enum key_policy {
    KEY_POLICY_STRICT, /**< a key with a critical or high finding is refused */
    KEY_POLICY_WARN,   /**< such a finding is told */
    KEY_POLICY_OFF,    /**< the key is not judged */
};

/**
 * Judges `key` by `policy`, before its first use; asks the HSM for its attributes.  `pin`: the
 * identity that the configuration has for it, or NULL.
 * @return false if the key is not to be used, with its findings in `why`
 */
bool policy_accepts(enum key_policy policy, struct hsm_key *key, const char *pin,
                    struct failure *why);

/**
 * Judges `key` as `strict` does, unless `policy` is `off`: for `openssl pkey -check`.
 * @return false, with its findings in `why`
 */
bool policy_check(enum key_policy policy, struct hsm_key *key, const char *pin,
                  struct failure *why);

/**
 * Writes what speaks against the key, the worst first and as many as fit: "wrap-decrypt (critical),
 * private (high)".  @return how many findings there are
 */
size_t policy_findings(const struct hsm_judgement *audit, char *text, size_t size);

#endif
