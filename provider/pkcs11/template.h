/*
 * What a key is generated with: its attributes for each usage, and what a module may refuse of
 * them.
 */
#ifndef HSMZKE_PKCS11_TEMPLATE_H
#define HSMZKE_PKCS11_TEMPLATE_H

#include "pkcs11/inventory.h"
#include "pkcs11/token.h"
#include "reference.h"

/** What a module may refuse: bits of a set. */
enum {
    LEAVE_MECHANISMS = 1,
    LEAVE_COPYABLE = 2,
    LEAVE_MODIFIABLE = 4,
    LEAVE_SETS = 8,
};

enum {
    MECHANISMS_LISTED = 4,
};

/** One key on its way. */
struct generation {
    struct token *token;
    const struct hsm_template *wanted;
    CK_ULONG size; /* of `wanted` */
    unsigned char id[HSMZKE_REFERENCE_ID_SIZE];
    CK_MECHANISM_TYPE mechanisms[MECHANISMS_LISTED];
    CK_ULONG mechanism_count;
    unsigned int left_out; /* LEAVE_ bits */
    bool asked;            /* C_GenerateKey was called: not to be called again after a failure */
};

/** Chooses the mechanisms that the key is to be limited to, after asking the module. */
void template_choose(struct generation *generation);

/**
 * Generates the key in a session that may write: with the whole template first, then with ever more
 * left out.  @return the module's first answer, if it takes none
 */
CK_RV template_make(struct generation *generation, CK_SESSION_HANDLE session,
                    CK_OBJECT_HANDLE *made);

/** The mechanism that generates the key; its name as PKCS#11 writes it. */
CK_MECHANISM_TYPE template_mechanism(const struct hsm_template *wanted, const char **name);

/** The family that a key of this usage belongs to. */
enum hsm_family template_family(const struct hsm_template *wanted);

/** How many secret keys have an attribute of this value; not more than two are counted. */
CK_RV template_count(const struct generation *generation, CK_SESSION_HANDLE session,
                     CK_ATTRIBUTE value, CK_ULONG *count);

#endif
