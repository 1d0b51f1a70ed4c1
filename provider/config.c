/* The provider's configuration: see config.h. */
#include "config.h"

#include <ctype.h>
#include <limits.h>
#include <openssl/params.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/audit.h"
#include "hsmzke/hsmzke.h"
#include "shown.h"

enum {
    NAME_MAX_LENGTH = 512, /* of a parameter: the core cuts longer ones itself */
    SHOWN_TOKEN = 200,     /* what is shown of a token's URI, with NUL */
};

/* What each key that takes a string, a word or a number sets. */
struct text_key {
    const char *name;
    size_t offset; /* of a char * in struct hsm_settings */
};
struct word_key {
    const char *name;
    const char *no, *yes; /* the two values; `no` first */
    size_t offset;        /* of a bool in struct config */
};
struct number_key {
    const char *name;
    unsigned int least, most;
    size_t offset; /* of an unsigned int in struct config */
};

static const struct text_key text_keys[] = {
    { HSMZKE_PARAM_PKCS11_MODULE, offsetof(struct hsm_settings, module) },
    { HSMZKE_PARAM_PKCS11_INIT_ARGS, offsetof(struct hsm_settings, init_args) },
    { HSMZKE_PARAM_TOKEN, offsetof(struct hsm_settings, token) },
    { HSMZKE_PARAM_PIN_SOURCE, offsetof(struct hsm_settings, pin_source) },
};
static const struct word_key word_keys[] = {
    { HSMZKE_PARAM_GATEWAY, "no", "yes", offsetof(struct config, gateway) },
    { HSMZKE_PARAM_LEGACY, "no", "yes", offsetof(struct config, legacy) },
    { HSMZKE_PARAM_RAW_KEYS, "refuse", "software", offsetof(struct config, raw_keys) },
    { HSMZKE_PARAM_REFERENCES_ELSEWHERE, "refuse", "allow",
      offsetof(struct config, references_elsewhere) },
    { HSMZKE_PARAM_PKCS11_URIS, "no", "yes", offsetof(struct config, pkcs11_uris) },
    { HSMZKE_PARAM_RANDOM, "hsm", "system", offsetof(struct config, system_random) },
};
static const struct number_key number_keys[] = {
    { HSMZKE_PARAM_SESSIONS, 1, 1024, offsetof(struct config, hsm.sessions) },
    { HSMZKE_PARAM_SESSION_WAIT, 0, 3600000, offsetof(struct config, hsm.wait) },
    { HSMZKE_PARAM_OPERATION_REUSE, 0, 86400, offsetof(struct config, hsm.reuse) },
    { HSMZKE_PARAM_PARALLEL, 1, HSM_PARALLEL_MOST, offsetof(struct config, hsm.parallel) },
    { HSMZKE_PARAM_GCM_BUFFER, 0, UINT_MAX, offsetof(struct config, gcm.buffer) },
    { HSMZKE_PARAM_GCM_MIN_TAG, 4, 16, offsetof(struct config, gcm.min_tag) },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *from_core(const struct config *config, const char *name)
{
    const char *value = NULL;
    OSSL_PARAM query[] = { { name, OSSL_PARAM_UTF8_PTR, &value, 0, 0 }, OSSL_PARAM_END };

    if (config->get_params == NULL || !config->get_params(config->handle, query))
        return NULL;
    return value;
}

/* The environment's twin of a key overrules it: pin-source -> HSMZKE_PIN_SOURCE. */
static const char *setting(const struct config *config, const char *name)
{
    char variable[64];
    const char *value;

    snprintf(variable, sizeof(variable), "HSMZKE_%s", name);
    for (char *c = variable; *c != '\0'; c++)
        *c = isalnum((unsigned char)*c) ? (char)toupper((unsigned char)*c) : '_';
    value = secure_getenv(variable);
    return value != NULL ? value : from_core(config, name);
}

/* What is shown of `pin-source`: not a PIN that was written where its source belongs. */
static const char *shown_pin_source(const char *source)
{
    static const char *const forms[] = { "file:", "env:", "fd:", "credential:" };

    if (source == NULL)
        return "(none)";
    if (strcmp(source, "prompt") == 0)
        return source;
    for (size_t i = 0; i < COUNT(forms); i++) {
        if (strncmp(source, forms[i], strlen(forms[i])) == 0)
            return source;
    }
    return "(malformed)";
}

void config_wrong(struct config *config, const char *name, const char *value, const char *cure)
{
    char shown[61];

    if (config->wrong)
        return;
    config->wrong = true;
    snprintf(shown, sizeof(shown), "%s", value);
    shown_hide_pin(shown);
    failure_set(&config->why, FAILURE_CONFIGURATION, "configuration: %s = '%s': %s", name, shown,
                cure);
}

static char *copy(struct config *config, const char *name, const char *value)
{
    char *result = strdup(value);

    if (result == NULL)
        config_wrong(config, name, value, "out of memory");
    return result;
}

static void read_texts(struct config *config)
{
    for (size_t i = 0; i < COUNT(text_keys); i++) {
        char **target = (char **)((char *)&config->hsm + text_keys[i].offset);
        const char *value = setting(config, text_keys[i].name);

        if (value != NULL && *value != '\0')
            *target = copy(config, text_keys[i].name, value);
    }
    if (config->hsm.module == NULL)
        config->hsm.module = copy(config, HSMZKE_PARAM_PKCS11_MODULE, HSMZKE_DEFAULT_PKCS11_MODULE);
}

/* "token.1" and so on; `value`: of it, or NULL. */
static const char *token_setting(const struct config *config, size_t index, char name[16])
{
    const char *value;

    snprintf(name, 16, HSMZKE_PARAM_TOKEN ".%zu", index + 1);
    value = setting(config, name);
    return value != NULL && *value != '\0' ? value : NULL;
}

/* The tokens of an HA group: one after the other, and in the place of `token`. */
static void read_tokens(struct config *config)
{
    char name[16], before[16] = "", cure[64];

    for (size_t i = 0; i <= HSM_TOKENS_MOST; i++) {
        const char *value = token_setting(config, i, name);

        if (value == NULL) {
            snprintf(before, sizeof(before), "%s", name);
        } else if (i == HSM_TOKENS_MOST) {
            snprintf(cure, sizeof(cure), "a group has %d tokens at most", HSM_TOKENS_MOST);
            config_wrong(config, name, value, cure);
        } else if (*before != '\0') {
            snprintf(cure, sizeof(cure), "%s is not set; number the tokens from 1 on", before);
            config_wrong(config, name, value, cure);
        } else if (config->hsm.token != NULL) {
            config_wrong(config, name, value,
                         "`token` is set as well; a group is token.1, token.2, ... only");
        } else {
            config->hsm.tokens[i] = copy(config, name, value);
        }
    }
}

static void read_words(struct config *config)
{
    for (size_t i = 0; i < COUNT(word_keys); i++) {
        const struct word_key *key = &word_keys[i];
        bool *target = (bool *)((char *)config + key->offset);
        const char *value = setting(config, key->name);
        char cure[64];

        if (value == NULL)
            continue;
        *target = strcmp(value, key->yes) == 0;
        snprintf(cure, sizeof(cure), "must be '%s' or '%s'", key->no, key->yes);
        if (!*target && strcmp(value, key->no) != 0)
            config_wrong(config, key->name, value, cure);
    }
}

/* One of several words, to their place in the table. @return false if it is not set, or wrong */
static bool read_choice(struct config *config, const char *name, const char *const *words,
                        unsigned int count, const char *cure, unsigned int *choice)
{
    const char *value = setting(config, name);

    for (*choice = 0; value != NULL && *choice < count; ++*choice) {
        if (strcmp(value, words[*choice]) == 0)
            return true;
    }
    if (value != NULL)
        config_wrong(config, name, value, cure);
    return false;
}

static void read_one_shot(struct config *config)
{
    static const char *const words[] = {
        [GCM_ONE_SHOT_AUTO] = "auto",
        [GCM_ONE_SHOT_ALWAYS] = "always",
        [GCM_ONE_SHOT_NEVER] = "never",
    };
    unsigned int choice;

    if (read_choice(config, HSMZKE_PARAM_GCM_ONE_SHOT, words, COUNT(words),
                    "must be 'auto', 'always' or 'never'", &choice))
        config->gcm.one_shot = (enum gcm_one_shot)choice;
}

static const char *const policies[] = {
    [KEY_POLICY_STRICT] = "strict",
    [KEY_POLICY_WARN] = "warn",
    [KEY_POLICY_OFF] = "off",
};

static void read_policy(struct config *config)
{
    unsigned int choice;

    if (read_choice(config, HSMZKE_PARAM_KEY_POLICY, policies, COUNT(policies),
                    "must be 'strict', 'warn' or 'off'", &choice))
        config->policy = (enum key_policy)choice;
}

static void read_audit(struct config *config)
{
    const char *value = setting(config, HSMZKE_PARAM_AUDIT);

    if (value != NULL && !audit_is_setting(value)) {
        config_wrong(config, HSMZKE_PARAM_AUDIT, value,
                     "must be 'off', 'stderr', 'syslog' or 'file:' and a path from the root on");
        value = NULL;
    }
    config->audit = copy(config, HSMZKE_PARAM_AUDIT, value != NULL ? value : "off");
}

static void read_numbers(struct config *config)
{
    for (size_t i = 0; i < COUNT(number_keys); i++) {
        const struct number_key *key = &number_keys[i];
        unsigned int *target = (unsigned int *)((char *)config + key->offset);
        const char *value = setting(config, key->name);
        unsigned long number;
        char cure[64];
        char *end;

        if (value == NULL)
            continue;
        number = strtoul(value, &end, 10);
        if (isdigit((unsigned char)*value) && *end == '\0' && number >= key->least &&
            number <= key->most) {
            *target = (unsigned int)number;
            continue;
        }
        snprintf(cure, sizeof(cure), "must be a number from %u to %u", key->least, key->most);
        config_wrong(config, key->name, value, cure);
    }
}

/* The core hands on a section's lines as "keys.NAME"; a bare "keys" means that there was none. */
static void check_section(struct config *config, const char *name)
{
    const char *value = from_core(config, name);

    if (value != NULL)
        config_wrong(config, name, value, "names no section of the configuration file");
}

/* " token=URI", or " token.1=URI token.2=URI" and so on. */
static void describe_tokens(const struct hsm_settings *hsm, char *text, size_t size)
{
    char shown[SHOWN_TOKEN];

    snprintf(shown, sizeof(shown), "%s", hsm->token != NULL ? hsm->token : "(the only one)");
    shown_hide_pin(shown);
    snprintf(text, size, " " HSMZKE_PARAM_TOKEN "=%s", shown);
    for (size_t i = 0, used = 0; i < HSM_TOKENS_MOST && hsm->tokens[i] != NULL; i++) {
        snprintf(shown, sizeof(shown), "%s", hsm->tokens[i]);
        shown_hide_pin(shown);
        snprintf(text + used, size - used, " " HSMZKE_PARAM_TOKEN ".%zu=%s", i + 1, shown);
        used += strlen(text + used);
    }
}

static void describe(struct config *config)
{
    const struct hsm_settings *hsm = &config->hsm;
    char tokens[HSM_TOKENS_MOST * (SHOWN_TOKEN + sizeof(" token.1="))];

    describe_tokens(hsm, tokens, sizeof(tokens));
    snprintf(config->in_force, sizeof(config->in_force),
             "pkcs11-module=%s%s pin-source=%s gateway=%s legacy=%s raw-keys=%s "
             "references-elsewhere=%s random=%s pkcs11-uris=%s key-policy=%s sessions=%u "
             "session-wait=%u operation-reuse=%u parallel=%u audit=%s%s%s",
             hsm->module != NULL ? hsm->module : "", tokens, shown_pin_source(hsm->pin_source),
             config->gateway ? "yes" : "no", config->legacy ? "yes" : "no",
             config->raw_keys ? "software" : "refuse",
             config->references_elsewhere ? "allow" : "refuse",
             config->system_random ? "system" : "hsm", config->pkcs11_uris ? "yes" : "no",
             policies[config->policy], hsm->sessions, hsm->wait, hsm->reuse, hsm->parallel,
             config->audit != NULL ? config->audit : "", config->wrong ? " ERROR: " : "",
             config->wrong ? config->why.text : "");
}

void config_read(struct config *config, const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in)
{
    const char *credentials = secure_getenv("CREDENTIALS_DIRECTORY");

    *config = (struct config){
        .handle = handle,
        .gateway = true,
        .pkcs11_uris = true,
        .system_random = true,
        .policy = KEY_POLICY_WARN,
        .hsm = { .sessions = 16, .wait = 5000, .reuse = 60, .parallel = 1 },
        .gcm = { .buffer = 64 * 1024 * 1024, .min_tag = 12 },
    };
    for (; in->function_id != 0; in++) {
        if (in->function_id == OSSL_FUNC_CORE_GET_PARAMS)
            config->get_params = OSSL_FUNC_core_get_params(in);
    }
    read_texts(config);
    read_tokens(config);
    if (credentials != NULL)
        config->hsm.credentials = copy(config, "CREDENTIALS_DIRECTORY", credentials);
    read_words(config);
    read_one_shot(config);
    read_audit(config);
    read_policy(config);
    read_numbers(config);
    check_section(config, HSMZKE_PARAM_KEYS);
    check_section(config, HSMZKE_PARAM_IDENTITIES);
    describe(config);
}

void config_clear(struct config *config)
{
    free(config->audit);
    free(config->hsm.module);
    free(config->hsm.init_args);
    free(config->hsm.token);
    for (size_t i = 0; i < HSM_TOKENS_MOST; i++)
        free(config->hsm.tokens[i]);
    free(config->hsm.pin_source);
    free(config->hsm.credentials);
}

const char *config_lookup(const struct config *config, const char *section, const char *name)
{
    char key[NAME_MAX_LENGTH];
    const int length = snprintf(key, sizeof(key), "%s.%s", section, name);

    if (length < 0 || (size_t)length >= sizeof(key))
        return NULL;
    return from_core(config, key);
}
