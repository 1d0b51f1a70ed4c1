/* Judging a key: the checks in their order, and what they share.  See posture.h. */
#include "pkcs11/posture.h"

#include <stdarg.h>
#include <stdio.h>

enum { AES = 1 << HSM_AES, SECRET = 1 << HSM_SECRET, ALL = AES | SECRET };

/*
 * `most`: the severity that a failure can have.  `needed`: PKCS#11 has every secret key carry the
 * attributes, and a module that does not tell them is not trusted with `key-policy = strict`.
 */
static const struct {
    const char *name;
    posture_check *check;
    enum hsm_severity most;
    unsigned int families;
    bool needed;
} checks[] = {
    { "value", posture_value, HSM_CRITICAL, ALL, false },
    { "sensitive", posture_sensitive, HSM_CRITICAL, ALL, true },
    { "extractable", posture_extractable, HSM_HIGH, ALL, true },
    { "history", posture_history, HSM_HIGH, ALL, false },
    { "local", posture_local, HSM_MEDIUM, ALL, false },
    { "wrap-decrypt", posture_wrap_decrypt, HSM_CRITICAL, ALL, true },
    { "unwrap-encrypt", posture_unwrap_encrypt, HSM_CRITICAL, ALL, true },
    { "wrap-unwrap", posture_wrap_unwrap, HSM_CRITICAL, ALL, true },
    { "wrap-template", posture_wrap_template, HSM_MEDIUM, ALL, false },
    { "derive", posture_derive, HSM_CRITICAL, ALL, false },
    { "derive-encrypt", posture_derive_encrypt, HSM_HIGH, AES, false },
    { "sign-encrypt", posture_sign_encrypt, HSM_MEDIUM, ALL, false },
    { "mechanisms", posture_mechanisms, HSM_HIGH, ALL, false },
    { "ecb", posture_ecb, HSM_HIGH, AES, false },
    { "cbc-pad", posture_cbc_pad, HSM_MEDIUM, AES, false },
    { "malleable", posture_malleable, HSM_MEDIUM, AES, false },
    { "gcm-mixed", posture_gcm_mixed, HSM_MEDIUM, AES, false },
    { "gcm-tag", posture_gcm_tag, HSM_MEDIUM, AES, false },
    { "private", posture_private, HSM_HIGH, ALL, false },
    { "modifiable", posture_modifiable, HSM_HIGH, ALL, false },
    { "copyable", posture_copyable, HSM_LOW, ALL, false },
    { "destroyable", posture_destroyable, HSM_LOW, ALL, false },
    { "trusted", posture_trusted, HSM_HIGH, ALL, false },
    { "type", posture_type, HSM_HIGH, ALL, false },
    { "identity", posture_identity, HSM_CRITICAL, AES, false },
    { "unique", posture_unique, HSM_MEDIUM, ALL, false },
    { "dates", posture_dates, HSM_LOW, ALL, false },
    { "other-keys", posture_other_keys, HSM_HIGH, ALL, false },
    { "login", posture_login, HSM_HIGH, ALL, false },
    { "pin", posture_pin, HSM_HIGH, ALL, false },
    { "hardware", posture_hardware, HSM_INFO, ALL, false },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

_Static_assert(COUNT(checks) <= HSM_CHECKS_MOST, "an audit has room for all findings");

const char *hsm_severity_name(enum hsm_severity severity)
{
    static const char *const names[] = {
        [HSM_INFO] = "info", [HSM_LOW] = "low",           [HSM_MEDIUM] = "medium",
        [HSM_HIGH] = "high", [HSM_CRITICAL] = "critical",
    };

    return names[severity];
}

const char *hsm_result_name(enum hsm_result result)
{
    static const char *const names[] = {
        [HSM_PASS] = "pass", [HSM_UNKNOWN] = "unknown", [HSM_FAIL] = "fail"
    };

    return names[result];
}

#define TELL(finding, answer, format)                                                              \
    do {                                                                                           \
        va_list arguments;                                                                         \
                                                                                                   \
        (finding)->result = (answer);                                                              \
        va_start(arguments, format);                                                               \
        vsnprintf((finding)->reason, sizeof((finding)->reason), format, arguments);                \
        va_end(arguments);                                                                         \
    } while (0)

void posture_pass(struct hsm_finding *finding, const char *format, ...)
{
    TELL(finding, HSM_PASS, format);
}

void posture_unknown(struct hsm_finding *finding, const char *format, ...)
{
    TELL(finding, HSM_UNKNOWN, format);
}

void posture_fail(struct hsm_finding *finding, enum hsm_severity severity, const char *format, ...)
{
    finding->severity = severity;
    TELL(finding, HSM_FAIL, format);
}

static enum posture_truth lists(const struct posture_mechanisms *list, CK_MECHANISM_TYPE type)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->types[i] == type)
            return POSTURE_YES;
    }
    return list->told == POSTURE_LISTED ? POSTURE_NO : POSTURE_UNKNOWN;
}

enum posture_truth posture_allows(const struct posture *posture, CK_MECHANISM_TYPE type)
{
    const enum posture_truth offered = lists(&posture->offered, type);

    if (offered == POSTURE_NO || posture->allowed.told == POSTURE_ABSENT)
        return offered;
    /* A list of the key's holds whatever the token says of itself; of neither nothing is known. */
    return lists(&posture->allowed, type);
}

enum posture_truth posture_any(enum posture_truth a, enum posture_truth b)
{
    if (a == POSTURE_YES || b == POSTURE_YES)
        return POSTURE_YES;
    return a == POSTURE_NO && b == POSTURE_NO ? POSTURE_NO : POSTURE_UNKNOWN;
}

#define NAME(mechanism)                                                                            \
    {                                                                                              \
        mechanism, #mechanism                                                                      \
    }

const char *posture_mechanism_name(CK_MECHANISM_TYPE type)
{
    static const struct {
        CK_MECHANISM_TYPE type;
        const char *name;
    } names[] = {
        NAME(CKM_AES_ECB),          NAME(CKM_AES_CBC),
        NAME(CKM_AES_CBC_PAD),      NAME(CKM_AES_CTR),
        NAME(CKM_AES_GCM),          NAME(CKM_AES_CCM),
        NAME(CKM_AES_CTS),          NAME(CKM_AES_CFB128),
        NAME(CKM_AES_CFB8),         NAME(CKM_AES_CFB1),
        NAME(CKM_AES_OFB),          NAME(CKM_AES_CMAC),
        NAME(CKM_AES_CMAC_GENERAL), NAME(CKM_AES_KEY_WRAP),
        NAME(CKM_AES_KEY_WRAP_PAD), NAME(CKM_AES_ECB_ENCRYPT_DATA),
        NAME(CKM_SHA_1_HMAC),       NAME(CKM_AES_CBC_ENCRYPT_DATA),
        NAME(CKM_SHA224_HMAC),      NAME(CKM_SHA256_HMAC),
        NAME(CKM_SHA384_HMAC),      NAME(CKM_SHA512_HMAC),
    };
    static _Thread_local char number[32];

    for (size_t i = 0; i < COUNT(names); i++) {
        if (names[i].type == type)
            return names[i].name;
    }
    snprintf(number, sizeof(number), "0x%lx", type);
    return number;
}

void posture_judge(const struct posture *posture, struct hsm_judgement *audit)
{
    audit->findings_count = 0;
    for (size_t i = 0; i < COUNT(checks); i++) {
        struct hsm_finding *finding = &audit->findings[audit->findings_count];

        if (!(checks[i].families & 1U << posture->family))
            continue;
        *finding = (struct hsm_finding){ .check = checks[i].name, .severity = checks[i].most };
        checks[i].check(posture, finding);
        finding->refused = (finding->result == HSM_FAIL && finding->severity >= HSM_HIGH) ||
                           (finding->result == HSM_UNKNOWN && checks[i].needed);
        audit->findings_count++;
    }
}
