/* Which key a reference means: see keyring.h. */
#include "keyring.h"

#include <stdlib.h>
#include <string.h>

#include "hsmzke/hsmzke.h"
#include "lock.h"
#include "reference.h"

struct keyring_entry {
    struct keyring_entry *next;
    enum hsm_family family;
    unsigned char bytes[HSMZKE_REFERENCE_SIZE];
    struct hsm_key *key;
};

static struct keyring_entry **bucket(struct keyring *keyring, const unsigned char *bytes)
{
    unsigned int hash = 2166136261U; /* FNV-1a */

    for (size_t i = HSMZKE_REFERENCE_PREFIX_SIZE; i < HSMZKE_REFERENCE_SIZE; i++)
        hash = (hash ^ bytes[i]) * 16777619U;
    return &keyring->buckets[(hash ^ hash >> 16) % KEYRING_BUCKETS];
}

/* The link to the entry, or to the end of its bucket.  With the lock held. */
static struct keyring_entry **find(struct keyring *keyring, enum hsm_family family,
                                   const unsigned char *bytes)
{
    struct keyring_entry **link = bucket(keyring, bytes);

    while (*link != NULL &&
           ((*link)->family != family || memcmp((*link)->bytes, bytes, HSMZKE_REFERENCE_SIZE) != 0))
        link = &(*link)->next;
    return link;
}

static struct hsm_key *cached(struct keyring *keyring, enum hsm_family family,
                              const unsigned char *bytes)
{
    struct keyring_entry *entry;
    struct hsm_key *key = NULL;

    lock_take();
    entry = *find(keyring, family, bytes);
    if (entry != NULL)
        key = hsm_key_ref(entry->key);
    lock_release();
    return key;
}

static void forget(struct keyring *keyring, enum hsm_family family, const unsigned char *bytes,
                   const struct hsm_key *key)
{
    struct keyring_entry **link, *entry;

    lock_take();
    link = find(keyring, family, bytes);
    entry = *link;
    if (entry != NULL && entry->key == key)
        *link = entry->next;
    else
        entry = NULL;
    lock_release();
    if (entry != NULL) {
        hsm_key_free(entry->key);
        free(entry);
    }
}

/* Without memory for an entry the key is found anew each time. */
static void keep(struct keyring *keyring, enum hsm_family family, const unsigned char *bytes,
                 struct hsm_key *key)
{
    struct keyring_entry *entry = malloc(sizeof(*entry));
    struct keyring_entry **link;

    if (entry == NULL)
        return;
    entry->family = family;
    memcpy(entry->bytes, bytes, HSMZKE_REFERENCE_SIZE);
    entry->key = hsm_key_ref(key);
    entry->next = NULL;
    lock_take();
    link = find(keyring, family, bytes);
    if (*link == NULL) {
        *link = entry;
        entry = NULL;
    }
    lock_release();
    if (entry != NULL) { /* another thread was faster */
        hsm_key_free(entry->key);
        free(entry);
    }
}

/*
 * A pin under `identity` would be read by nobody: OpenSSL takes that key for the provider's name.
 * Whoever wrote it believes in it, so it is not passed over.
 */
static bool check_misplaced_pin(const struct keyring *keyring, const char *name,
                                struct failure *why)
{
    return config_lookup(keyring->config, "identity", name) == NULL ||
           failure_set(why, FAILURE_CONFIGURATION,
                       "configuration: the identity of key '%s' stands in a section that "
                       "`identity` names, which OpenSSL takes for the provider's name; name the "
                       "section by `identities`",
                       name);
}

/* A pin binds the key that was found, under whichever of its names it was reached. */
static bool check_pins(const struct keyring *keyring, const char *name, const struct hsm_key *key,
                       struct failure *why)
{
    const char *names[3] = { name };

    hsm_key_names(key, &names[1], &names[2]);
    for (size_t i = 0; i < 3; i++) {
        const char *pin = config_lookup(keyring->config, HSMZKE_PARAM_IDENTITIES, names[i]);

        if (!check_misplaced_pin(keyring, names[i], why) ||
            (pin != NULL && !hsm_key_is(key, pin, why)))
            return false;
    }
    return true;
}

/* A keyring, and the name by which a key is looked for. */
struct pinned {
    const struct keyring *keyring;
    const char *name;
};

/* hsm_query's: pins say which token of an HA group has the right key. */
static bool fits_pins(void *argument, const struct hsm_key *key, struct failure *why)
{
    const struct pinned *pinned = argument;

    return check_pins(pinned->keyring, pinned->name, key, why);
}

bool keyring_fits(void *keyring, const struct hsm_key *key, struct failure *why)
{
    return keyring_accepts(keyring, key, why);
}

static struct hsm_key *look_up(struct keyring *keyring, enum hsm_family family,
                               const struct reference *reference, struct failure *why)
{
    const char *name = reference->text + HSMZKE_REFERENCE_PREFIX_SIZE;
    const char *alias = config_lookup(keyring->config, HSMZKE_PARAM_KEYS, name);
    struct pinned pinned = { keyring, name };
    struct hsm_query query = {
        .shown = name, .family = family, .fits = fits_pins, .argument = &pinned
    };
    struct hsm_key *key;

    if (alias != NULL) {
        query.kind = HSM_BY_URI;
        query.value = alias;
        query.size = strlen(alias);
    } else if (reference->kind == REFERENCE_BY_ID) {
        query.kind = HSM_BY_ID;
        query.value = reference->id;
        query.size = sizeof(reference->id);
    } else {
        query.kind = HSM_BY_LABEL;
        query.value = reference->name;
        query.size = strlen(reference->name);
    }
    key = hsm_key_find(keyring->hsm, &query, why);
    if (key != NULL && !check_pins(keyring, name, key, why)) {
        hsm_report_refused(keyring->hsm, name, why);
        hsm_key_free(key);
        return NULL;
    }
    return key;
}

struct hsm_key *keyring_find(struct keyring *keyring, enum hsm_family family,
                             const unsigned char *bytes, size_t size, struct failure *why)
{
    struct reference reference;
    struct hsm_key *key;

    if (!reference_from_bytes(&reference, bytes, size, why)) {
        hsm_report_refused(keyring->hsm, NULL, why);
        return NULL;
    }
    key = cached(keyring, family, bytes);
    if (key != NULL && hsm_key_current(key))
        return key;
    if (key != NULL) {
        forget(keyring, family, bytes, key);
        hsm_key_free(key);
    }
    key = look_up(keyring, family, &reference, why);
    if (key != NULL)
        keep(keyring, family, bytes, key);
    return key;
}

struct hsm_key *keyring_get(struct keyring *keyring, enum hsm_family family,
                            const unsigned char *bytes, size_t size, struct failure *why)
{
    struct hsm_key *key = keyring_find(keyring, family, bytes, size, why);

    if (key == NULL || keyring_allows(keyring, key, why))
        return key;
    hsm_key_free(key);
    return NULL;
}

/* Whether it is about the key, and not about a token that was lost meanwhile. */
static bool speaks_against(const struct failure *why)
{
    return why->reason == FAILURE_POLICY || why->reason == FAILURE_IDENTITY ||
           why->reason == FAILURE_CONFIGURATION;
}

/* Each key of an HA group that was not judged yet; those that are refused are left out. */
static bool judge_members(struct keyring *keyring, const char *name, struct hsm_key *key,
                          struct failure *why)
{
    size_t position = 0;
    bool any = false;

    if (hsm_key_accepted(key))
        return true;
    failure_set(why, FAILURE_TOKEN, "no token of the group can be reached");
    for (struct hsm_key *member; (member = hsm_key_member(key, &position)) != NULL;) {
        struct failure words;

        if (!keyring_accepts(keyring, member, &words) ||
            !policy_accepts(keyring->config->policy, member, keyring_pin(keyring, name, member),
                            &words)) {
            if (speaks_against(&words))
                hsm_key_leave_out(member, &words);
            *why = words;
            continue;
        }
        if (keyring->config->policy == KEY_POLICY_OFF) /* else it was accepted in there */
            hsm_key_accept(member, 0);
        any = true;
    }
    return any;
}

bool keyring_judges(struct keyring *keyring, const char *name, struct hsm_key *key,
                    struct failure *why)
{
    return hsm_key_is_group(key)
               ? judge_members(keyring, name, key, why)
               : policy_accepts(keyring->config->policy, key, keyring_pin(keyring, name, key), why);
}

bool keyring_allows(struct keyring *keyring, struct hsm_key *key, struct failure *why)
{
    const char *label, *id;

    if (keyring_judges(keyring, NULL, key, why))
        return true;
    hsm_key_names(key, &label, &id);
    hsm_report_refused(keyring->hsm, *label != '\0' ? label : id, why);
    return false;
}

bool keyring_accepts(const struct keyring *keyring, const struct hsm_key *key, struct failure *why)
{
    const char *label, *id;

    hsm_key_names(key, &label, &id);
    return check_pins(keyring, label, key, why);
}

const char *keyring_pin(const struct keyring *keyring, const char *name, const struct hsm_key *key)
{
    const char *names[3] = { name }, *pin = NULL;
    struct failure ignored;

    hsm_key_names(key, &names[1], &names[2]);
    for (size_t i = 0; i < 3; i++) {
        const char *found = names[i] != NULL
                                ? config_lookup(keyring->config, HSMZKE_PARAM_IDENTITIES, names[i])
                                : NULL;

        if (found != NULL && (pin == NULL || !hsm_key_is(key, found, &ignored)))
            pin = found;
    }
    return pin;
}

void keyring_clear(struct keyring *keyring)
{
    for (size_t i = 0; i < KEYRING_BUCKETS; i++) {
        while (keyring->buckets[i] != NULL) {
            struct keyring_entry *entry = keyring->buckets[i];

            keyring->buckets[i] = entry->next;
            hsm_key_free(entry->key);
            free(entry);
        }
    }
}
