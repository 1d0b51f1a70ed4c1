/* Checks of a key's posture: who can get at its value, change it or take it away.  Pure. */
#include "pkcs11/posture.h"

/* The three answers of an attribute that should not be what it is told to be. */
static void judge(const struct posture *posture, struct hsm_finding *finding,
                  enum posture_flag flag, enum posture_truth bad, const char *reason)
{
    const enum posture_truth told = posture->flags[flag];
    const char *name = posture_flags[flag].name;

    if (told == POSTURE_UNKNOWN)
        posture_unknown(finding, "the module does not tell %s", name);
    else if (told == bad)
        posture_fail(finding, finding->severity, "%s is %s: %s", name,
                     told == POSTURE_YES ? "true" : "false", reason);
    else
        posture_pass(finding, "%s is %s", name, told == POSTURE_YES ? "true" : "false");
}

void posture_value(const struct posture *posture, struct hsm_finding *finding)
{
    if (posture->readable == POSTURE_YES)
        posture_fail(finding, HSM_CRITICAL,
                     "the module gives CKA_VALUE out: the key counts as exposed; make a new one "
                     "with CKA_SENSITIVE true and CKA_EXTRACTABLE false, and rotate");
    else if (posture->readable == POSTURE_NO)
        posture_pass(finding, "CKA_VALUE cannot be read");
    else
        posture_unknown(finding, "the module does not tell whether CKA_VALUE can be read");
}

void posture_sensitive(const struct posture *posture, struct hsm_finding *finding)
{
    if (posture->flags[POSTURE_EXTRACTABLE] == POSTURE_NO)
        finding->severity = HSM_HIGH;
    judge(posture, finding, POSTURE_SENSITIVE, POSTURE_NO,
          "its value may be read; make a new key with CKA_SENSITIVE true, and rotate");
}

void posture_extractable(const struct posture *posture, struct hsm_finding *finding)
{
    if (posture->flags[POSTURE_WRAP_WITH_TRUSTED] == POSTURE_YES) {
        finding->severity = HSM_MEDIUM;
        judge(posture, finding, POSTURE_EXTRACTABLE, POSTURE_YES,
              "with CKA_WRAP_WITH_TRUSTED it is as safe as the keys marked CKA_TRUSTED; set it "
              "false if the key need not leave the token");
        return;
    }
    judge(posture, finding, POSTURE_EXTRACTABLE, POSTURE_YES,
          "every wrapping key on the token exports it; set it false, and CKA_SENSITIVE true");
}

void posture_history(const struct posture *posture, struct hsm_finding *finding)
{
    const enum posture_truth sensitive = posture->flags[POSTURE_ALWAYS_SENSITIVE];
    const enum posture_truth extractable = posture->flags[POSTURE_NEVER_EXTRACTABLE];

    if (sensitive == POSTURE_NO || extractable == POSTURE_NO)
        posture_fail(finding, HSM_HIGH,
                     "%s is false: the key was imported, or could be exposed once; generate a new "
                     "one in the HSM, and rotate",
                     sensitive == POSTURE_YES ? "CKA_NEVER_EXTRACTABLE"
                     : extractable == POSTURE_YES
                         ? "CKA_ALWAYS_SENSITIVE"
                         : "CKA_ALWAYS_SENSITIVE or CKA_NEVER_EXTRACTABLE");
    else if (sensitive == POSTURE_YES && extractable == POSTURE_YES)
        posture_pass(finding, "the key was always sensitive and never extractable");
    else
        posture_unknown(finding, "the module does not tell CKA_ALWAYS_SENSITIVE or "
                                 "CKA_NEVER_EXTRACTABLE");
}

void posture_local(const struct posture *posture, struct hsm_finding *finding)
{
    judge(posture, finding, POSTURE_LOCAL, POSTURE_NO,
          "the key was not generated in this token, and copies may exist; generate a new one in it "
          "where you can");
}

void posture_private(const struct posture *posture, struct hsm_finding *finding)
{
    judge(posture, finding, POSTURE_PRIVATE, POSTURE_NO,
          "the key can be used without a login; make a new one with CKA_PRIVATE true");
}

/* What a role bit that is set later would be worth: with DERIVE, all of the key. */
static enum posture_truth recoverable(const struct posture *posture)
{
    static const CK_MECHANISM_TYPE types[] = {
        CKM_CONCATENATE_BASE_AND_KEY, CKM_CONCATENATE_BASE_AND_DATA, CKM_CONCATENATE_DATA_AND_BASE,
        CKM_XOR_BASE_AND_DATA,        CKM_EXTRACT_KEY_FROM_KEY,
    };
    enum posture_truth result = POSTURE_NO;

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        result = posture_any(result, posture_allows(posture, types[i]));
    return result;
}

void posture_modifiable(const struct posture *posture, struct hsm_finding *finding)
{
    if (recoverable(posture) == POSTURE_YES) {
        judge(posture, finding, POSTURE_MODIFIABLE, POSTURE_YES,
              "CKA_DERIVE can be set later, and the token lists mechanisms that then give the key "
              "out; make keys with CKA_MODIFIABLE false");
        return;
    }
    finding->severity = HSM_MEDIUM;
    judge(posture, finding, POSTURE_MODIFIABLE, POSTURE_YES,
          "what is said here can be changed later; make keys with CKA_MODIFIABLE false");
}

void posture_derive(const struct posture *posture, struct hsm_finding *finding)
{
    if (recoverable(posture) == POSTURE_YES) {
        judge(posture, finding, POSTURE_DERIVE, POSTURE_YES,
              "the token lists mechanisms that give the key out by derivation, byte for byte; set "
              "it false, and rotate the key");
        return;
    }
    finding->severity = HSM_HIGH;
    judge(posture, finding, POSTURE_DERIVE, POSTURE_YES,
          "keys that can be read may be derived from it; set it false");
}

void posture_copyable(const struct posture *posture, struct hsm_finding *finding)
{
    judge(posture, finding, POSTURE_COPYABLE, POSTURE_YES,
          "the token may hold clones of it; make keys with CKA_COPYABLE false where the module "
          "takes that");
}

void posture_destroyable(const struct posture *posture, struct hsm_finding *finding)
{
    judge(posture, finding, POSTURE_DESTROYABLE, POSTURE_YES,
          "a program that is logged in can destroy it; keep a backup of the token");
}

/* Only a key that does nothing but wrap has a use for it. */
void posture_trusted(const struct posture *posture, struct hsm_finding *finding)
{
    const enum posture_truth *flags = posture->flags;

    if (flags[POSTURE_TRUSTED] == POSTURE_YES && flags[POSTURE_WRAP] == POSTURE_YES &&
        flags[POSTURE_ENCRYPT] == POSTURE_NO && flags[POSTURE_DECRYPT] == POSTURE_NO)
        posture_pass(finding, "CKA_TRUSTED is true, of a key that wraps and does nothing else");
    else
        judge(posture, finding, POSTURE_TRUSTED, POSTURE_YES,
              "the key is no wrapping key, and this is a licence to export others under it; the "
              "security officer takes it back");
}
