/*
 * A key's posture, as the rest of the provider sees it: findings and attributes.  Part of the face
 * of this room (hsm.h); what judges is in posture.h.
 */
#ifndef HSMZKE_PKCS11_JUDGEMENT_H
#define HSMZKE_PKCS11_JUDGEMENT_H

#include "pkcs11/hsm.h"

/** A key judged by its attributes, and by those of its token; docs/key-posture.md has each check.
 */
enum hsm_result { HSM_PASS, HSM_UNKNOWN, HSM_FAIL };
enum hsm_severity { HSM_INFO, HSM_LOW, HSM_MEDIUM, HSM_HIGH, HSM_CRITICAL };

enum {
    HSM_CHECKS_MOST = 40,     /**< findings in an audit */
    HSM_ATTRIBUTES_MOST = 40, /**< attributes in an audit */
};

/** What one check found. */
struct hsm_finding {
    const char *check; /**< its name, "wrap-decrypt"; constant */
    enum hsm_result result;
    enum hsm_severity severity; /**< of the failure; else the most that a failure would have */
    bool refused;               /**< `key-policy = strict` refuses the key for it */
    char reason[240];           /**< what was found and, unless it passed, what to do */
};

/** An attribute as text, to be shown: "CKA_SENSITIVE", "true". */
struct hsm_attribute {
    const char *name; /**< constant */
    char value[200];  /**< "unknown" where the module does not tell */
};

struct hsm_judgement {
    char key[120];            /**< "key 'gold' on token 'prod'" */
    unsigned long connection; /* in which it was judged: for hsm_key_accept() */
    size_t findings_count, attributes_count;
    struct hsm_finding findings[HSM_CHECKS_MOST];
    struct hsm_attribute attributes[HSM_ATTRIBUTES_MOST];
};

/**
 * Judges `key`; asks the module for each attribute.  No byte of the key is asked for.  `pin`: the
 * identity that it must have, as for hsm_key_is(), or NULL.
 * @return NULL, with the reason in `why`; else to be given to hsm_judgement_free()
 */
struct hsm_judgement *hsm_key_judge(struct hsm_key *key, const char *pin, struct failure *why);

/** Frees it; NULL is fine. */
void hsm_judgement_free(struct hsm_judgement *audit);

/** "critical", "high", ...; "fail", "pass", "unknown". */
const char *hsm_severity_name(enum hsm_severity severity);
const char *hsm_result_name(enum hsm_result result);

#endif
