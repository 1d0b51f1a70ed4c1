/*
 * A key as text: `openssl pkey -text`, `openssl storeutl -text`.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "pkcs11/judgement.h"
#include "pkey/pkey.h"
#include "reference.h"

/* Where the text goes. */
struct output {
    const struct instance *instance;
    OSSL_CORE_BIO *bio;
    bool failed;
};

static void print(struct output *output, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void print(struct output *output, const char *format, ...)
{
    char text[1400];
    va_list arguments;
    size_t length, written = 0;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    length = strlen(text);
    if (output->failed || output->instance->bio_write == NULL ||
        !output->instance->bio_write(output->bio, text, length, &written) || written != length)
        output->failed = true;
}

static void print_attribute(void *output, const char *name, const char *value)
{
    print(output, "    %s: %s\n", name, value);
}

/* What was not found to be well; docs/key-posture.md has the checks. */
static bool print_findings(struct output *output, const struct pkey *pkey, struct hsm_key *key,
                           struct failure *why)
{
    struct hsm_judgement *audit;
    size_t passed = 0;

    if (output->instance->config.policy == KEY_POLICY_OFF)
        return true;
    audit = hsm_key_judge(key, pkey_pin(pkey, key), why);
    if (audit == NULL)
        return false;
    print(output, "Findings:\n");
    for (size_t i = 0; i < audit->findings_count; i++) {
        const struct hsm_finding *finding = &audit->findings[i];

        if (finding->result == HSM_PASS)
            passed++;
        else
            print(output, "    %s (%s): %s\n", finding->check,
                  finding->result == HSM_FAIL ? hsm_severity_name(finding->severity) : "unknown",
                  finding->reason);
    }
    print(output, "    passed: %zu of %zu\n", passed, audit->findings_count);
    hsm_judgement_free(audit);
    return true;
}

static void print_names(struct output *output, const struct pkey *pkey, const struct hsm_key *key)
{
    unsigned char bytes[HSMZKE_REFERENCE_SIZE];
    char digits[2 * sizeof(bytes) + 1] = "";
    const char *label, *id;
    struct failure why;

    hsm_key_names(key, &label, &id);
    print(output, "Label: %s\n", label[0] != '\0' ? label : "(none)");
    if (id[0] != '\0')
        print(output, "Id: " HSMZKE_REFERENCE_PREFIX "%s\n", id);
    else
        print(output, "Id: (none of 18 bytes)\n");
    if (!pkey_bytes(pkey, bytes, &why)) {
        print(output, "Reference: (none: %s)\n", why.text);
        return;
    }
    for (size_t i = 0; i < sizeof(bytes); i++)
        snprintf(digits + 2 * i, sizeof(digits) - 2 * i, "%02x", bytes[i]);
    print(output, "Reference: %s\n", pkey->reference);
    print(output, "Reference, for %s: %s\n", pkey->family == HSM_AES ? "-K" : "-macopt hexkey",
          digits);
}

int pkey_encode_text(void *instance_, OSSL_CORE_BIO *bio, const void *pkey_,
                     const OSSL_PARAM abstract[], int selection, OSSL_PASSPHRASE_CALLBACK *callback,
                     void *argument)
{
    struct output output = { .instance = instance_, .bio = bio };
    const struct pkey *pkey = pkey_;
    char identity[HSM_IDENTITY_TEXT];
    struct hsm_key *key;
    struct failure why;

    (void)selection, (void)callback, (void)argument;
    if (abstract != NULL || pkey == NULL)
        return 0;
    key = pkey_key(pkey, &why);
    if (key == NULL)
        return error_raise(&output.instance->errors, &why);
    hsm_key_identity(key, identity);
    print(&output, "%s in the HSM\n", pkey->family == HSM_AES ? "AES-256 key" : "HMAC key");
    print_names(&output, pkey, key);
    print(&output, "Token: %s\n", hsm_key_token(key));
    if (pkey->family != HSM_AES && hsm_key_size(key) > 0)
        print(&output, "Length: %zu bytes\n", hsm_key_size(key));
    print(&output, "Identity: %s\n", identity);
    print(&output, "Attributes:\n");
    if (!hsm_key_attributes(key, print_attribute, &output, &why))
        return error_raise(&output.instance->errors, &why);
    if (pkey->left_out[0] != '\0')
        print(&output, "Not set, for the token did not take it: %s\n", pkey->left_out);
    if (!print_findings(&output, pkey, key, &why))
        return error_raise(&output.instance->errors, &why);
    return !output.failed;
}

void *pkey_coder_newctx(void *provctx)
{
    return instance_find(provctx);
}

void pkey_coder_freectx(void *instance)
{
    instance_free(instance);
}

int pkey_coder_does_selection(void *provctx, int selection)
{
    (void)provctx;
    return selection == 0 || (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0;
}
