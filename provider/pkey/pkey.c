/* What is behind an EVP_PKEY of ours: see pkey.h. */
#include "pkey/pkey.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lock.h"
#include "reference.h"

const char *pkey_type(enum hsm_family family)
{
    return family == HSM_SECRET ? HSMZKE_PKEY_HMAC_TYPE : HSMZKE_PKEY_TYPE;
}

struct pkey *pkey_new(struct instance *instance, enum hsm_family family)
{
    struct pkey *pkey = calloc(1, sizeof(*pkey));

    if (pkey == NULL)
        return NULL;
    pkey->instance = instance_ref(instance);
    pkey->family = family;
    return pkey;
}

void pkey_free(void *pkey_)
{
    struct pkey *pkey = pkey_;

    if (pkey == NULL)
        return;
    hsm_key_free(pkey->key);
    instance_free(pkey->instance);
    free(pkey);
}

/* An alias may mean another token, and has pins of its own: such a reference stays as it is. */
static bool is_alias(const struct pkey *pkey, const char *name)
{
    return config_lookup(&pkey->instance->config, HSMZKE_PARAM_KEYS, name) != NULL;
}

/* The id finds no other key, and nobody guesses it; so it goes before the name. */
static void choose_reference(struct pkey *pkey)
{
    const char *label, *id;

    hsm_key_names(pkey->key, &label, &id);
    if (!hsm_key_is_home(pkey->key))
        return;
    if (id[0] != '\0')
        snprintf(pkey->reference, sizeof(pkey->reference), HSMZKE_REFERENCE_PREFIX "%s", id);
    else if (label[0] != '\0' && strlen(label) <= HSMZKE_REFERENCE_NAME_MAX &&
             !is_alias(pkey, label))
        snprintf(pkey->reference, sizeof(pkey->reference), HSMZKE_REFERENCE_PREFIX "%s", label);
}

static struct hsm_key *find(const struct pkey *pkey, const struct reference *reference,
                            struct failure *why)
{
    unsigned char bytes[HSMZKE_REFERENCE_SIZE] = { 0 };

    memcpy(bytes, reference->text, strlen(reference->text));
    return keyring_find(&pkey->instance->keyring, pkey->family, bytes, sizeof(bytes), why);
}

bool pkey_set_reference(struct pkey *pkey, const char *text, struct failure *why)
{
    struct reference reference;

    if (!reference_from_text(&reference, text, why))
        return false;
    hsm_key_free(pkey->key);
    pkey->key = find(pkey, &reference, why);
    if (pkey->key == NULL)
        return false;
    pkey->family = hsm_key_family(pkey->key);
    if (!is_alias(pkey, reference.text + HSMZKE_REFERENCE_PREFIX_SIZE))
        choose_reference(pkey);
    if (pkey->reference[0] == '\0')
        memcpy(pkey->reference, reference.text, sizeof(pkey->reference));
    return true;
}

void pkey_set_file(struct pkey *pkey, const struct file *file)
{
    pkey->family = file->family;
    memcpy(pkey->reference, file->reference, sizeof(pkey->reference));
    memcpy(pkey->identity, file->identity, sizeof(pkey->identity));
}

void pkey_set_damaged(struct pkey *pkey, const struct failure *why)
{
    pkey->damaged = true;
    pkey->damage = *why;
}

bool pkey_has_key(const struct pkey *pkey)
{
    bool has;

    lock_take();
    has = pkey->key != NULL || pkey->reference[0] != '\0' || pkey->damaged;
    lock_release();
    return has;
}

static bool is_whole(const struct pkey *pkey, struct failure *why)
{
    if (pkey->damaged)
        *why = pkey->damage;
    return !pkey->damaged;
}

/* By what a file says. */
static struct hsm_key *find_anew(const struct pkey *pkey, struct failure *why)
{
    char identity[HSM_IDENTITY_TEXT];
    struct reference reference;
    struct hsm_key *key;

    if (!instance_usable(pkey->instance, why))
        return NULL;
    if (!is_whole(pkey, why)) {
        hsm_report_refused(pkey->instance->keyring.hsm, NULL, why);
        return NULL;
    }
    if (pkey->reference[0] == '\0') {
        failure_set(why, FAILURE_REFERENCE, "no key was set");
        return NULL;
    }
    if (!reference_from_text(&reference, pkey->reference, why))
        return NULL;
    key = find(pkey, &reference, why);
    if (key == NULL || pkey->identity[0] == '\0' || hsm_key_is(key, pkey->identity, why))
        return key;
    hsm_key_identity(key, identity);
    failure_set(why, FAILURE_IDENTITY,
                "the reference file was made for another key: it says that '%s' has the identity "
                "%s, and it has %s",
                pkey->reference, pkey->identity, identity);
    hsm_key_free(key);
    return NULL;
}

struct hsm_key *pkey_key(const struct pkey *pkey_, struct failure *why)
{
    struct pkey *pkey = (struct pkey *)(uintptr_t)pkey_; /* to EVP the same key before and after */
    struct hsm_key *key, *found;

    lock_take();
    key = pkey->key;
    lock_release();
    if (key != NULL)
        return key;
    found = find_anew(pkey, why);
    if (found == NULL)
        return NULL;
    lock_take();
    if (pkey->key == NULL) {
        pkey->key = found;
        found = NULL;
    }
    key = pkey->key;
    lock_release();
    hsm_key_free(found); /* another thread was faster */
    return key;
}

static const char *reference_name(const struct pkey *pkey)
{
    return pkey->reference[0] != '\0' ? pkey->reference + HSMZKE_REFERENCE_PREFIX_SIZE : NULL;
}

const char *pkey_pin(const struct pkey *pkey, const struct hsm_key *key)
{
    return keyring_pin(&pkey->instance->keyring, reference_name(pkey), key);
}

struct hsm_key *pkey_key_to_use(const struct pkey *pkey, struct failure *why)
{
    struct hsm_key *key = pkey_key(pkey, why);

    if (key != NULL && keyring_judges(&pkey->instance->keyring, reference_name(pkey), key, why))
        return key;
    return NULL;
}

bool pkey_set_key(struct pkey *pkey, struct hsm_key *key, struct failure *why)
{
    if (!keyring_accepts(&pkey->instance->keyring, key, why)) {
        hsm_key_free(key);
        return false;
    }
    hsm_key_free(pkey->key);
    pkey->key = key;
    pkey->family = hsm_key_family(key);
    choose_reference(pkey);
    return true;
}

bool pkey_bytes(const struct pkey *pkey, unsigned char bytes[HSMZKE_REFERENCE_SIZE],
                struct failure *why)
{
    if (!is_whole(pkey, why))
        return false;
    if (pkey->reference[0] == '\0')
        return failure_set(why, FAILURE_REFERENCE,
                           "no reference finds this key: it is not on the token that `token` "
                           "means, or has neither an id nor a label that one can name; give it an "
                           "alias (`keys`)");
    memset(bytes, 0, HSMZKE_REFERENCE_SIZE);
    memcpy(bytes, pkey->reference, strlen(pkey->reference));
    return true;
}

bool pkey_usable(const struct instance *instance)
{
    struct failure why;

    return instance_usable(instance, &why) || error_raise(&instance->errors, &why) != 0;
}
