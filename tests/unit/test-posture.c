/*
 * The checks of a key's posture (pkcs11/posture*.c) over made-up attributes: from a key with which
 * all is well, each test changes what its check looks at.
 */
#include "testing.h"

#include <string.h>

#include "pkcs11/posture.h"

static struct posture p;
static struct hsm_judgement audit;

static void list(struct posture_mechanisms *list, size_t count, const CK_MECHANISM_TYPE *types)
{
    list->told = count > 0 ? POSTURE_LISTED : POSTURE_ABSENT;
    list->count = count;
    memcpy(list->types, types, count * sizeof(types[0]));
}

#define LIST(which, ...)                                                                           \
    list(which, sizeof((CK_MECHANISM_TYPE[]){ __VA_ARGS__ }) / sizeof(CK_MECHANISM_TYPE),          \
         (CK_MECHANISM_TYPE[]){ __VA_ARGS__ })

/* Only CBC, in hardware, generated there, nothing to be said against it. */
static int good(void **state)
{
    static const enum posture_flag yes[] = {
        POSTURE_SENSITIVE, POSTURE_ALWAYS_SENSITIVE, POSTURE_NEVER_EXTRACTABLE, POSTURE_LOCAL,
        POSTURE_PRIVATE,   POSTURE_ENCRYPT,          POSTURE_DECRYPT,
    };

    (void)state;
    memset(&p, 0, sizeof(p));
    p.family = HSM_AES;
    for (size_t i = 0; i < POSTURE_FLAGS; i++)
        p.flags[i] = POSTURE_NO;
    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
        p.flags[yes[i]] = POSTURE_YES;
    p.readable = POSTURE_NO;
    p.key_type = CKK_AES;
    p.size = 32;
    LIST(&p.allowed, CKM_AES_CBC);
    LIST(&p.offered, CKM_AES_ECB, CKM_AES_CBC, CKM_AES_CBC_PAD, CKM_AES_CTR, CKM_AES_GCM,
         CKM_AES_ECB_ENCRYPT_DATA);
    p.wrap_template = p.unwrap_template = POSTURE_TEMPLATE_NONE;
    strcpy(p.today, "20261122");
    strcpy(p.identity, "aes:0186c59652fb7e7f");
    p.pin = "aes:0186c59652fb7e7f";
    p.pin_fits = true;
    p.same_label.known = p.same_id.known = p.wrapping.known = p.unwrapping.known = true;
    p.token_told = true;
    p.token_flags = CKF_LOGIN_REQUIRED | CKF_USER_PIN_INITIALIZED;
    p.hardware = POSTURE_YES;
    return 0;
}

static const struct hsm_finding *find(const char *check)
{
    posture_judge(&p, &audit);
    for (size_t i = 0; i < audit.findings_count; i++) {
        if (strcmp(audit.findings[i].check, check) == 0)
            return &audit.findings[i];
    }
    return NULL;
}

static void expect(const char *check, enum hsm_result result, enum hsm_severity severity,
                   bool refused)
{
    const struct hsm_finding *finding = find(check);

    assert_non_null(finding);
    if (finding->result != result || (result == HSM_FAIL && finding->severity != severity) ||
        finding->refused != refused || finding->reason[0] == '\0')
        fail_msg("%s: %s, %s, %s: %s", check, hsm_result_name(finding->result),
                 hsm_severity_name(finding->severity), finding->refused ? "refused" : "accepted",
                 finding->reason);
}

static void fails(const char *check, enum hsm_severity severity)
{
    expect(check, HSM_FAIL, severity, severity >= HSM_HIGH);
}

static void passes(const char *check)
{
    expect(check, HSM_PASS, HSM_INFO, false);
}

static void is_unknown(const char *check)
{
    expect(check, HSM_UNKNOWN, HSM_INFO, false);
}

/* What PKCS#11 has every key carry: a module that does not tell is not trusted. */
static void is_unknown_and_refused(const char *check)
{
    expect(check, HSM_UNKNOWN, HSM_INFO, true);
}

static void set(enum posture_flag flag, enum posture_truth value)
{
    p.flags[flag] = value;
}

static void all_is_well(void **state)
{
    (void)state;
    posture_judge(&p, &audit);
    assert_int_equal(audit.findings_count, 31);
    for (size_t i = 0; i < audit.findings_count; i++)
        passes(audit.findings[i].check);
}

/* A module that tells nothing passes no check at all. */
static void nothing_is_told(void **state)
{
    (void)state;
    memset(&p, 0, sizeof(p));
    p.family = HSM_AES;
    p.key_type = p.size = CK_UNAVAILABLE_INFORMATION;
    strcpy(p.start, "?");
    posture_judge(&p, &audit);
    for (size_t i = 0; i < audit.findings_count; i++)
        assert_int_equal(audit.findings[i].result, HSM_UNKNOWN);
    is_unknown_and_refused("sensitive");
    is_unknown_and_refused("extractable");
    is_unknown_and_refused("wrap-decrypt");
    is_unknown_and_refused("unwrap-encrypt");
    is_unknown_and_refused("wrap-unwrap");
    is_unknown("value");
}

static void value(void **state)
{
    (void)state;
    p.readable = POSTURE_YES;
    fails("value", HSM_CRITICAL);
    set(POSTURE_SENSITIVE, POSTURE_NO);
    fails("sensitive", HSM_HIGH);
    set(POSTURE_EXTRACTABLE, POSTURE_YES);
    fails("sensitive", HSM_CRITICAL);
    fails("extractable", HSM_HIGH);
    set(POSTURE_WRAP_WITH_TRUSTED, POSTURE_YES);
    fails("extractable", HSM_MEDIUM);
    set(POSTURE_WRAP_WITH_TRUSTED, POSTURE_UNKNOWN);
    fails("extractable", HSM_HIGH);
    set(POSTURE_EXTRACTABLE, POSTURE_UNKNOWN);
    fails("sensitive", HSM_CRITICAL);
}

static void history(void **state)
{
    (void)state;
    set(POSTURE_ALWAYS_SENSITIVE, POSTURE_NO);
    fails("history", HSM_HIGH);
    set(POSTURE_ALWAYS_SENSITIVE, POSTURE_UNKNOWN);
    is_unknown("history");
    set(POSTURE_NEVER_EXTRACTABLE, POSTURE_NO);
    fails("history", HSM_HIGH);
    set(POSTURE_LOCAL, POSTURE_NO);
    fails("local", HSM_MEDIUM);
    set(POSTURE_LOCAL, POSTURE_UNKNOWN);
    is_unknown("local");
}

static void wrapping(void **state)
{
    (void)state;
    set(POSTURE_WRAP, POSTURE_YES);
    fails("wrap-decrypt", HSM_CRITICAL);
    fails("wrap-template", HSM_MEDIUM);
    set(POSTURE_DECRYPT, POSTURE_NO);
    fails("wrap-decrypt", HSM_CRITICAL); /* with ENCRYPT */
    set(POSTURE_ENCRYPT, POSTURE_UNKNOWN);
    is_unknown_and_refused("wrap-decrypt");
    set(POSTURE_ENCRYPT, POSTURE_NO);
    passes("wrap-decrypt");
    p.wrap_template = POSTURE_TEMPLATE_WEAK;
    passes("wrap-template");
    p.wrap_template = POSTURE_TEMPLATE_UNKNOWN;
    is_unknown("wrap-template");
}

static void unwrapping(void **state)
{
    (void)state;
    set(POSTURE_UNWRAP, POSTURE_YES);
    fails("unwrap-encrypt", HSM_CRITICAL);
    passes("wrap-unwrap");
    set(POSTURE_ENCRYPT, POSTURE_NO);
    passes("unwrap-encrypt");
    set(POSTURE_WRAP, POSTURE_YES);
    fails("wrap-unwrap", HSM_CRITICAL);
    p.unwrap_template = POSTURE_TEMPLATE_WEAK;
    fails("wrap-unwrap", HSM_CRITICAL);
    /* It says that it wraps and unwraps, and shows no template: nobody can rely on one. */
    p.unwrap_template = POSTURE_TEMPLATE_UNKNOWN;
    fails("wrap-unwrap", HSM_CRITICAL);
    p.unwrap_template = POSTURE_TEMPLATE_SAFE;
    passes("wrap-unwrap");
}

static void deriving(void **state)
{
    (void)state;
    set(POSTURE_DERIVE, POSTURE_YES);
    fails("derive", HSM_HIGH);
    passes("derive-encrypt"); /* not among its mechanisms */
    LIST(&p.allowed, CKM_AES_ECB_ENCRYPT_DATA);
    fails("derive-encrypt", HSM_HIGH);
    p.allowed.told = POSTURE_ABSENT;
    p.allowed.count = 0;
    fails("derive-encrypt", HSM_HIGH);
    fails("derive", HSM_HIGH);
    fails("mechanisms", HSM_HIGH);
    LIST(&p.offered, CKM_AES_CBC, CKM_XOR_BASE_AND_DATA);
    fails("derive", HSM_CRITICAL);
    passes("derive-encrypt");
    LIST(&p.allowed, CKM_AES_CBC);
    fails("derive", HSM_HIGH);
    p.offered.told = POSTURE_UNTOLD;
    p.offered.count = 0;
    p.allowed.told = POSTURE_UNTOLD;
    p.allowed.count = 0;
    fails("derive", HSM_HIGH);
    is_unknown("derive-encrypt");
}

static void roles(void **state)
{
    (void)state;
    set(POSTURE_VERIFY, POSTURE_YES);
    fails("sign-encrypt", HSM_MEDIUM);
    set(POSTURE_VERIFY, POSTURE_NO);
    set(POSTURE_SIGN, POSTURE_UNKNOWN);
    is_unknown("sign-encrypt");
    set(POSTURE_TRUSTED, POSTURE_YES);
    fails("trusted", HSM_HIGH);
    set(POSTURE_WRAP, POSTURE_YES);
    fails("trusted", HSM_HIGH);
    set(POSTURE_ENCRYPT, POSTURE_NO);
    set(POSTURE_DECRYPT, POSTURE_NO);
    passes("trusted");
}

static void mechanisms(void **state)
{
    (void)state;
    p.allowed.told = POSTURE_ABSENT;
    p.allowed.count = 0;
    fails("mechanisms", HSM_MEDIUM);
    fails("ecb", HSM_MEDIUM);
    fails("cbc-pad", HSM_MEDIUM);
    fails("malleable", HSM_MEDIUM);
    fails("gcm-mixed", HSM_MEDIUM);
    is_unknown("gcm-tag");
    set(POSTURE_SIGN, POSTURE_YES);
    fails("malleable", HSM_LOW);
    set(POSTURE_WRAP, POSTURE_YES);
    fails("mechanisms", HSM_HIGH);
    fails("ecb", HSM_HIGH);
    p.allowed.told = POSTURE_UNTOLD;
    is_unknown("mechanisms");
    is_unknown("ecb");
    is_unknown("cbc-pad");
    is_unknown("malleable");
    is_unknown("gcm-mixed");
}

/* What the token does not have cannot be done with the key, whatever that allows. */
static void mechanisms_of_the_token(void **state)
{
    (void)state;
    p.allowed.told = POSTURE_ABSENT;
    p.allowed.count = 0;
    LIST(&p.offered, CKM_AES_CBC, CKM_AES_GCM);
    passes("ecb");
    passes("cbc-pad");
    passes("malleable");
    passes("gcm-mixed");
    is_unknown("gcm-tag");
    LIST(&p.allowed, CKM_AES_GCM, CKM_AES_ECB);
    passes("gcm-mixed");
    LIST(&p.offered, CKM_AES_ECB, CKM_AES_GCM);
    fails("gcm-mixed", HSM_MEDIUM);
    p.offered.told = POSTURE_UNTOLD;
    fails("gcm-mixed", HSM_MEDIUM);
}

static void mac_keys(void **state)
{
    (void)state;
    set(POSTURE_ENCRYPT, POSTURE_NO);
    set(POSTURE_DECRYPT, POSTURE_NO);
    set(POSTURE_SIGN, POSTURE_YES);
    set(POSTURE_VERIFY, POSTURE_YES);
    p.allowed.told = POSTURE_ABSENT;
    p.allowed.count = 0;
    passes("sign-encrypt");
    passes("ecb");
    passes("cbc-pad");
    passes("malleable");
    passes("gcm-mixed");
    fails("mechanisms", HSM_MEDIUM);
}

static void secrets(void **state)
{
    (void)state;
    p.family = HSM_SECRET;
    p.key_type = CKK_SHA256_HMAC;
    p.size = 48;
    passes("type");
    assert_null(find("ecb"));
    assert_null(find("gcm-tag"));
    assert_null(find("identity"));
    set(POSTURE_EXTRACTABLE, POSTURE_YES);
    fails("extractable", HSM_HIGH);
    p.key_type = CKK_AES;
    fails("type", HSM_HIGH);
}

static void changes(void **state)
{
    (void)state;
    set(POSTURE_PRIVATE, POSTURE_NO);
    fails("private", HSM_HIGH);
    set(POSTURE_MODIFIABLE, POSTURE_YES);
    fails("modifiable", HSM_MEDIUM);
    LIST(&p.allowed, CKM_AES_CBC, CKM_EXTRACT_KEY_FROM_KEY);
    fails("modifiable", HSM_MEDIUM); /* the token does not have it */
    LIST(&p.offered, CKM_AES_CBC, CKM_EXTRACT_KEY_FROM_KEY);
    fails("modifiable", HSM_HIGH);
    set(POSTURE_COPYABLE, POSTURE_YES);
    fails("copyable", HSM_LOW);
    set(POSTURE_DESTROYABLE, POSTURE_YES);
    fails("destroyable", HSM_LOW);
}

static void what_it_is(void **state)
{
    (void)state;
    p.size = 16;
    fails("type", HSM_HIGH);
    p.size = CK_UNAVAILABLE_INFORMATION;
    is_unknown("type");
    p.size = 32;
    p.key_type = CKK_DES3;
    fails("type", HSM_HIGH);
    p.pin_fits = false;
    fails("identity", HSM_CRITICAL);
    p.pin = NULL;
    is_unknown("identity");
    p.same_id.count = 1;
    strcpy(p.same_id.names, "'other'");
    fails("unique", HSM_MEDIUM);
    CHECK_HAS(find("unique")->reason, "same CKA_ID ('other')");
    p.same_id.count = 0;
    p.same_label.known = false;
    is_unknown("unique");
}

static void dates(void **state)
{
    (void)state;
    strcpy(p.start, "20261122");
    strcpy(p.end, "20261122");
    passes("dates");
    strcpy(p.end, "20261121");
    fails("dates", HSM_LOW);
    strcpy(p.end, "");
    strcpy(p.start, "20261123");
    fails("dates", HSM_LOW);
    strcpy(p.end, "?");
    is_unknown("dates");
}

/* Against a key that never leaves the token others can do less. */
static void other_keys(void **state)
{
    (void)state;
    p.wrapping.count = 1;
    fails("other-keys", HSM_MEDIUM);
    set(POSTURE_EXTRACTABLE, POSTURE_UNKNOWN);
    fails("other-keys", HSM_HIGH);
    p.wrapping.count = 0;
    p.unwrapping.count = 1;
    fails("other-keys", HSM_HIGH);
    set(POSTURE_EXTRACTABLE, POSTURE_NO);
    fails("other-keys", HSM_MEDIUM);
    p.unwrapping.count = 0;
    p.unwrapping.known = false;
    is_unknown("other-keys");
}

static void token(void **state)
{
    (void)state;
    p.token_flags = CKF_USER_PIN_INITIALIZED;
    fails("login", HSM_HIGH);
    p.token_flags = CKF_LOGIN_REQUIRED;
    fails("pin", HSM_HIGH);
    p.token_flags |= CKF_USER_PIN_INITIALIZED | CKF_USER_PIN_TO_BE_CHANGED;
    fails("pin", HSM_MEDIUM);
    p.token_flags |= CKF_USER_PIN_COUNT_LOW;
    fails("pin", HSM_MEDIUM);
    p.token_flags |= CKF_USER_PIN_FINAL_TRY;
    fails("pin", HSM_HIGH);
    p.token_told = false;
    is_unknown("login");
    is_unknown("pin");
    p.hardware = POSTURE_NO;
    fails("hardware", HSM_INFO);
    p.hardware = POSTURE_UNKNOWN;
    is_unknown("hardware");
}

#define TEST(function) cmocka_unit_test_setup(function, good)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(all_is_well), TEST(nothing_is_told),
        TEST(value),       TEST(history),
        TEST(wrapping),    TEST(unwrapping),
        TEST(deriving),    TEST(roles),
        TEST(mechanisms),  TEST(mechanisms_of_the_token),
        TEST(mac_keys),    TEST(secrets),
        TEST(changes),     TEST(what_it_is),
        TEST(dates),       TEST(other_keys),
        TEST(token),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
