/*
 * PKCS#11 URIs (pkcs11/uri.[ch]): what is taken, what is refused without being shown, and which
 * tokens a URI means.
 */
#include "testing.h"

#include <stdio.h>
#include <string.h>

#include "pkcs11/uri.h"

static P11KitUri *parsed(const char *text_form)
{
    struct failure why;
    P11KitUri *uri = uri_parse(text_form, "token", &why);

    if (uri == NULL)
        fail_msg("%s: %s", text_form, why.text);
    return uri;
}

static void refused(const char *text_form, const char *words)
{
    struct failure why;

    if (uri_parse(text_form, "alias 'payroll'", &why) != NULL)
        fail_msg("'%s' was taken", text_form);
    assert_int_equal(why.reason, FAILURE_CONFIGURATION);
    CHECK_HAS(why.text, "alias 'payroll'");
    CHECK_HAS(why.text, words);
    assert_null(strstr(why.text, "7295"));
}

static void no_uris(void **state)
{
    (void)state;
    refused("", "no usable PKCS#11 URI");
    refused("prod", "no usable PKCS#11 URI");
    refused("token=prod", "no usable PKCS#11 URI");
    refused("file:/etc/passwd", "no usable PKCS#11 URI");
    refused("pkcs11:token", "no usable PKCS#11 URI");
    refused("pkcs11:token=%", "no usable PKCS#11 URI");
    refused("pkcs11:token=%zz", "no usable PKCS#11 URI");
    refused("pkcs11:slot-id=x", "no usable PKCS#11 URI");
}

/* RFC 7512, 2.3: such a URI matches nothing. */
static void unknown_attributes(void **state)
{
    (void)state;
    refused("pkcs11:tokn=prod", "not known");
    refused("pkcs11:token=prod;x-vendor=1", "not known");
}

/* A PIN may stand in what cannot be parsed. */
static void refused_uris_are_not_shown(void **state)
{
    (void)state;
    refused("pkcs11:token=%zz?pin-value=7295", "no usable PKCS#11 URI");
    refused("pkcs11:colour=red?pin-value=7295", "not known");
    refused("7295", "no usable PKCS#11 URI");
}

static void parts(void **state)
{
    P11KitUri *uri = parsed("pkcs11:token=The%20one;object=gold?pin-source=file:/pin;x");

    (void)state;
    assert_string_equal(p11_kit_uri_get_pin_source(uri), "file:/pin;x");
    assert_null(p11_kit_uri_get_pin_value(uri));
    assert_memory_equal(p11_kit_uri_get_token_info(uri)->label, "The one ", 8);
    p11_kit_uri_free(uri);
}

/* A module of its own only where a token of an HA group is named; never by a module's name. */
static void module_of_a_token(void **state)
{
    static const char *const text = "pkcs11:token=prod?module-path=/usr/lib/module.so";
    struct failure why;
    P11KitUri *uri = uri_parse_token(text, "token.1", &why);

    (void)state;
    assert_non_null(uri);
    assert_string_equal(p11_kit_uri_get_module_path(uri), "/usr/lib/module.so");
    p11_kit_uri_free(uri);
    refused(text, "the module is set by pkcs11-module");
    assert_null(uri_parse_token("pkcs11:token=prod?module-name=soft", "token.1", &why));
    CHECK_HAS(why.text, "the module is set by pkcs11-module");
}

static void names_a_token(void **state)
{
    static const struct {
        const char *text;
        bool expected;
    } cases[] = {
        { "pkcs11:token=prod", true },
        { "pkcs11:serial=1", true },
        { "pkcs11:manufacturer=m", true },
        { "pkcs11:model=m", true },
        { "pkcs11:slot-id=0", true },
        { "pkcs11:slot-description=d", true },
        { "pkcs11:slot-manufacturer=m", true },
        { "pkcs11:object=gold;serial=1", true },
        { "pkcs11:", false },
        { "pkcs11:object=gold", false },
        { "pkcs11:id=%01;type=secret-key", false },
        { "pkcs11:object=gold?pin-value=7295", false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        P11KitUri *uri = parsed(cases[i].text);

        if (uri_names_token(uri) != cases[i].expected)
            fail_msg("%s", cases[i].text);
        p11_kit_uri_free(uri);
    }
}

static void pad(unsigned char *field, size_t size, const char *text_form)
{
    memset(field, ' ', size);
    memcpy(field, text_form, strlen(text_form));
}

/* The token "prod" with serial number "42", by "Maker", a "Model", in slot 7. */
static bool matches(const char *text_form)
{
    P11KitUri *uri = text_form != NULL ? parsed(text_form) : NULL;
    CK_TOKEN_INFO token = { 0 };
    CK_SLOT_INFO slot = { 0 };
    CK_INFO module = { .libraryVersion = { 2, 6 } };
    bool result;

    pad(module.manufacturerID, sizeof(module.manufacturerID), "Library Inc");
    pad(module.libraryDescription, sizeof(module.libraryDescription), "A library");
    pad(token.label, sizeof(token.label), "prod");
    pad(token.serialNumber, sizeof(token.serialNumber), "42");
    pad(token.manufacturerID, sizeof(token.manufacturerID), "Maker");
    pad(token.model, sizeof(token.model), "Model");
    pad(slot.slotDescription, sizeof(slot.slotDescription), "A slot");
    pad(slot.manufacturerID, sizeof(slot.manufacturerID), "Slots Inc");
    result = uri_matches_token(uri, &module, 7, &slot, &token);
    p11_kit_uri_free(uri);
    return result;
}

static void matching(void **state)
{
    (void)state;
    assert_true(matches(NULL));
    assert_true(matches("pkcs11:"));
    assert_true(matches("pkcs11:object=gold"));
    assert_true(matches("pkcs11:library-description=A%20library"));
    assert_false(matches("pkcs11:library-description=Nothing"));
    assert_true(matches("pkcs11:library-version=2.6;token=prod"));
    assert_false(matches("pkcs11:library-version=2.7;token=prod"));
    assert_false(matches("pkcs11:library-manufacturer=Others"));
    assert_true(matches("pkcs11:token=prod"));
    assert_true(matches("pkcs11:token=%70rod"));
    assert_true(matches("pkcs11:serial=42"));
    assert_true(matches("pkcs11:slot-id=7"));
    assert_true(matches("pkcs11:slot-description=A%20slot"));
    assert_true(matches("pkcs11:slot-manufacturer=Slots%20Inc"));
    assert_true(matches("pkcs11:token=prod;serial=42;manufacturer=Maker;model=Model;slot-id=7"));
}

static void not_matching(void **state)
{
    (void)state;
    assert_false(matches("pkcs11:token=pro"));
    assert_false(matches("pkcs11:token=prod2"));
    assert_false(matches("pkcs11:token=Prod"));
    assert_false(matches("pkcs11:serial=43"));
    assert_false(matches("pkcs11:manufacturer=Faker"));
    assert_false(matches("pkcs11:model=T"));
    assert_false(matches("pkcs11:slot-id=0"));
    assert_false(matches("pkcs11:slot-description=B%20slot"));
    assert_false(matches("pkcs11:slot-manufacturer=Slots"));
    assert_false(matches("pkcs11:token=prod;serial=43")); /* all must agree */
    assert_false(matches("pkcs11:token=prod;slot-id=8"));
}

static void trimmed(const char *field, size_t size, const char *expected)
{
    char text_form[40];

    memset(text_form, 0x7e, sizeof(text_form));
    uri_trim(text_form, (const unsigned char *)field, size);
    assert_string_equal(text_form, expected);
    assert_int_equal(text_form[size + 1], 0x7e); /* size + 1 bytes, and no more */
}

static void trimming(void **state)
{
    (void)state;
    trimmed("prod    ", 8, "prod");
    trimmed("prod\0\0 \0", 8, "prod");
    trimmed("a b  c  ", 8, "a b  c");
    trimmed("  prod", 6, "  prod");
    trimmed("full", 4, "full");
    trimmed("        ", 8, "");
    trimmed("", 0, "");
    trimmed("a\nb\033c\177d\0e", 9, "a?b?c?d?e");
    trimmed("gr\303\274n    ", 9, "gr\303\274n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_uris),
        cmocka_unit_test(unknown_attributes),
        cmocka_unit_test(refused_uris_are_not_shown),
        cmocka_unit_test(parts),
        cmocka_unit_test(module_of_a_token),
        cmocka_unit_test(names_a_token),
        cmocka_unit_test(matching),
        cmocka_unit_test(not_matching),
        cmocka_unit_test(trimming),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
