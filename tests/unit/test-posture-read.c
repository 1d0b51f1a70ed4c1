/*
 * Attributes as a module tells them (pkcs11/posture-read.c): what is odd, missing or a lie becomes
 * "unknown".  The module is a function of this test.
 */
#include "testing.h"

#include <string.h>

#include "pkcs11/posture.h"

/* What the module answers to one attribute; all others it does not know. */
struct answer {
    CK_ATTRIBUTE_TYPE type;
    CK_RV rv;
    const void *value;
    CK_ULONG size;   /* of `value` */
    CK_ULONG length; /* what it says its length is */
};

static const struct answer *answers;
static size_t answer_count;
static unsigned asked_for_value;

static CK_RV tell(const struct answer *answer, CK_ATTRIBUTE *attribute)
{
    if (answer->type != CKA_UNWRAP_TEMPLATE && attribute->pValue != NULL && answer->value != NULL &&
        attribute->ulValueLen >= answer->size)
        memcpy(attribute->pValue, answer->value, answer->size);
    attribute->ulValueLen = answer->length;
    return answer->rv;
}

/* A template: its members' types and lengths, and their values where there is memory for them. */
static void tell_members(const struct answer *answer, CK_ATTRIBUTE *attribute)
{
    const CK_ATTRIBUTE *members = answer->value;
    CK_ATTRIBUTE *out = attribute->pValue;

    if (out == NULL || attribute->ulValueLen < answer->size)
        return;
    for (size_t i = 0; i < answer->size / sizeof(*members); i++) {
        out[i].type = members[i].type;
        out[i].ulValueLen = members[i].ulValueLen;
        if (out[i].pValue != NULL && members[i].ulValueLen == 1)
            memcpy(out[i].pValue, members[i].pValue, 1);
    }
}

static CK_RV get_attribute(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                           CK_ATTRIBUTE *attribute, CK_ULONG count)
{
    (void)session;
    (void)object;
    assert_int_equal(count, 1); /* one by one */
    if (attribute->type == CKA_VALUE) {
        asked_for_value++;
        assert_null(attribute->pValue); /* no memory for a key byte, ever */
    }
    for (size_t i = 0; i < answer_count; i++) {
        if (answers[i].type != attribute->type)
            continue;
        if (attribute->type == CKA_UNWRAP_TEMPLATE && answers[i].value != NULL)
            tell_members(&answers[i], attribute);
        return tell(&answers[i], attribute);
    }
    attribute->ulValueLen = CK_UNAVAILABLE_INFORMATION;
    return CKR_ATTRIBUTE_TYPE_INVALID;
}

static CK_FUNCTION_LIST functions = { .C_GetAttributeValue = get_attribute };
static struct module module = { .f = &functions };
static struct token token = { .module = &module };
static const struct session session = { .handle = 1 };
static struct posture p;

static CK_RV read_one(CK_ATTRIBUTE_TYPE type, CK_RV rv, const void *value, CK_ULONG size,
                      CK_ULONG length)
{
    const struct answer answer = { type, rv, value, size, length };

    answers = &answer;
    answer_count = 1;
    memset(&p, 0xee, sizeof(p));
    return posture_read_key(&p, &token, &session, 1);
}

static void flag(CK_RV rv, unsigned char byte, CK_ULONG length, enum posture_truth expected)
{
    assert_int_equal(read_one(CKA_SENSITIVE, rv, &byte, 1, length), CKR_OK);
    assert_int_equal(p.flags[POSTURE_SENSITIVE], expected);
}

static void flags(void **state)
{
    (void)state;
    flag(CKR_OK, CK_TRUE, 1, POSTURE_YES);
    flag(CKR_OK, CK_FALSE, 1, POSTURE_NO);
    flag(CKR_OK, 7, 1, POSTURE_UNKNOWN);
    flag(CKR_OK, CK_TRUE, 0, POSTURE_UNKNOWN);
    flag(CKR_OK, CK_TRUE, 2, POSTURE_UNKNOWN);
    flag(CKR_OK, CK_TRUE, CK_UNAVAILABLE_INFORMATION, POSTURE_UNKNOWN);
    flag(CKR_ATTRIBUTE_SENSITIVE, CK_TRUE, 1, POSTURE_UNKNOWN);
    flag(CKR_ATTRIBUTE_TYPE_INVALID, CK_TRUE, 1, POSTURE_UNKNOWN);
    flag(CKR_BUFFER_TOO_SMALL, CK_TRUE, 1, POSTURE_UNKNOWN);
    flag(CKR_GENERAL_ERROR, CK_TRUE, 1, POSTURE_UNKNOWN);
}

static void nothing_known(void **state)
{
    (void)state;
    assert_int_equal(read_one(CKA_VENDOR_DEFINED, CKR_OK, NULL, 0, 0), CKR_OK);
    for (size_t i = 0; i < POSTURE_FLAGS; i++)
        assert_int_equal(p.flags[i], POSTURE_UNKNOWN);
    assert_int_equal(p.readable, POSTURE_UNKNOWN);
    assert_int_equal(p.allowed.told, POSTURE_UNTOLD);
    assert_int_equal(p.unwrap_template, POSTURE_TEMPLATE_UNKNOWN);
    assert_string_equal(p.start, "?");
    assert_int_equal(p.key_type, CK_UNAVAILABLE_INFORMATION);
}

static void lost(void **state)
{
    static const CK_RV answers_of_the_lost[] = {
        CKR_DEVICE_REMOVED,           CKR_SESSION_HANDLE_INVALID, CKR_OBJECT_HANDLE_INVALID,
        CKR_CRYPTOKI_NOT_INITIALIZED, CKR_DEVICE_ERROR,
    };

    (void)state;
    for (size_t i = 0; i < sizeof(answers_of_the_lost) / sizeof(answers_of_the_lost[0]); i++)
        assert_int_equal(read_one(CKA_LOCAL, answers_of_the_lost[i], NULL, 0, 0),
                         answers_of_the_lost[i]);
}

static void readable(CK_RV rv, CK_ULONG length, enum posture_truth expected)
{
    const unsigned before = asked_for_value;

    assert_int_equal(read_one(CKA_VALUE, rv, NULL, 0, length), CKR_OK);
    assert_int_equal(p.readable, expected);
    assert_int_equal(asked_for_value, before + 1);
}

static void the_value(void **state)
{
    (void)state;
    readable(CKR_OK, 32, POSTURE_YES);
    readable(CKR_OK, 1, POSTURE_YES);
    readable(CKR_ATTRIBUTE_SENSITIVE, CK_UNAVAILABLE_INFORMATION, POSTURE_NO);
    readable(CKR_OK, CK_UNAVAILABLE_INFORMATION, POSTURE_UNKNOWN);
    readable(CKR_OK, 0, POSTURE_UNKNOWN);
    readable(CKR_ATTRIBUTE_TYPE_INVALID, 32, POSTURE_UNKNOWN);
    readable(CKR_GENERAL_ERROR, 32, POSTURE_UNKNOWN);
}

static void allowed(CK_RV rv, CK_ULONG length, enum posture_list expected)
{
    static const CK_MECHANISM_TYPE types[] = { CKM_AES_CBC, CKM_AES_GCM };

    assert_int_equal(read_one(CKA_ALLOWED_MECHANISMS, rv, types, sizeof(types), length), CKR_OK);
    assert_int_equal(p.allowed.told, expected);
    assert_int_equal(p.allowed.count,
                     expected == POSTURE_LISTED ? length / sizeof(CK_MECHANISM_TYPE) : 0);
}

static void mechanisms(void **state)
{
    (void)state;
    allowed(CKR_OK, 2 * sizeof(CK_MECHANISM_TYPE), POSTURE_LISTED);
    allowed(CKR_OK, 0, POSTURE_ABSENT);
    allowed(CKR_OK, 3, POSTURE_UNTOLD);
    allowed(CKR_OK, (POSTURE_MECHANISMS + 1) * sizeof(CK_MECHANISM_TYPE), POSTURE_UNTOLD);
    allowed(CKR_OK, CK_UNAVAILABLE_INFORMATION, POSTURE_UNTOLD);
    allowed(CKR_ATTRIBUTE_TYPE_INVALID, 0, POSTURE_UNTOLD);
    allowed(CKR_DEVICE_ERROR, 8, POSTURE_UNTOLD); /* p11-kit 0.24 of any list */
    assert_int_equal(read_one(CKA_ALLOWED_MECHANISMS, CKR_DEVICE_REMOVED, NULL, 0, 0),
                     CKR_DEVICE_REMOVED);
}

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

static void template(const CK_ATTRIBUTE *members, size_t count, CK_ULONG length,
                     enum posture_template expected)
{
    assert_int_equal(
        read_one(CKA_UNWRAP_TEMPLATE, CKR_OK, members, count * sizeof(*members), length), CKR_OK);
    assert_int_equal(p.unwrap_template, expected);
}

static void templates(void **state)
{
    const CK_ATTRIBUTE safe[] = { { CKA_EXTRACTABLE, &no, 1 }, { CKA_SENSITIVE, &yes, 1 } };
    const CK_ATTRIBUTE half[] = { { CKA_SENSITIVE, &yes, 1 } };
    const CK_ATTRIBUTE wrong[] = { { CKA_EXTRACTABLE, &yes, 1 }, { CKA_SENSITIVE, &yes, 1 } };
    const CK_ATTRIBUTE odd[] = { { CKA_EXTRACTABLE, &no, 1 },
                                 { CKA_SENSITIVE, &yes, CK_UNAVAILABLE_INFORMATION } };

    (void)state;
    template(safe, 2, sizeof(safe), POSTURE_TEMPLATE_SAFE);
    template(half, 1, sizeof(half), POSTURE_TEMPLATE_WEAK);
    template(wrong, 2, sizeof(wrong), POSTURE_TEMPLATE_WEAK);
    template(odd, 2, sizeof(odd), POSTURE_TEMPLATE_WEAK);
    template(NULL, 0, 0, POSTURE_TEMPLATE_NONE);
    template(NULL, 0, sizeof(safe) - 1, POSTURE_TEMPLATE_UNKNOWN);
    template(NULL, 0, 33 * sizeof(CK_ATTRIBUTE), POSTURE_TEMPLATE_UNKNOWN);
    template(NULL, 0, CK_UNAVAILABLE_INFORMATION, POSTURE_TEMPLATE_UNKNOWN);
    /* It says that there are two, and writes none. */
    template(NULL, 0, sizeof(safe), POSTURE_TEMPLATE_WEAK);
}

/* p11-kit 0.24's server dies of them: they are not asked for again. */
static void templates_that_break(void **state)
{
    const CK_ATTRIBUTE half[] = { { CKA_SENSITIVE, &yes, 1 } };

    (void)state;
    assert_int_equal(read_one(CKA_UNWRAP_TEMPLATE, CKR_DEVICE_ERROR, NULL, 0, 0), CKR_OK);
    assert_int_equal(p.unwrap_template, POSTURE_TEMPLATE_UNKNOWN);
    assert_true(token.templates_unfit);
    template(half, 1, sizeof(half), POSTURE_TEMPLATE_UNKNOWN);
    token.templates_unfit = false;
    assert_int_equal(read_one(CKA_UNWRAP_TEMPLATE, CKR_DEVICE_REMOVED, NULL, 0, 0),
                     CKR_DEVICE_REMOVED);
    assert_true(token.templates_unfit);
    token.templates_unfit = false;
}

static void date(const char *value, CK_ULONG length, const char *expected)
{
    assert_int_equal(read_one(CKA_END_DATE, CKR_OK, value, strlen(value), length), CKR_OK);
    assert_string_equal(p.end, expected);
}

static void dates(void **state)
{
    (void)state;
    date("20261122", 8, "20261122");
    date("", 0, "");
    date("\033[2J\033[H", 0, ""); /* written all the same */
    date("2026112x", 8, "?");
    date("2026", 4, "?");
    date("20261122", 9, "?");
    date("20261122", CK_UNAVAILABLE_INFORMATION, "?");
}

static int start(void **state)
{
    (void)state;
    return life_start() ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flags),      cmocka_unit_test(nothing_known),
        cmocka_unit_test(lost),       cmocka_unit_test(the_value),
        cmocka_unit_test(mechanisms), cmocka_unit_test(templates),
        cmocka_unit_test(dates),      cmocka_unit_test(templates_that_break),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}
