/*
 * Keys generated in the HSM: EVP_PKEY_generate(), `openssl genpkey -algorithm HSMZKE-AES` and
 * HSMZKE-HMAC.
 */
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "notice.h"
#include "pkey/pkey.h"

enum {
    TEXT_MOST = 512, /* bytes of a parameter, with NUL */
    AES_SIZE = 32,   /* bytes of a key */
    /*
     * Of a secret: less can be guessed, more than a block of SHA-512 is hashed first.  SoftHSM
     * takes no secret that is shorter than the HMAC.
     */
    SECRET_SIZE = 64,
    SECRET_LEAST = 16,
    SECRET_MOST = 128,
};

struct generation {
    struct instance *instance; /* owned */
    enum hsm_family family;
    char label[TEXT_MOST], usage[TEXT_MOST], token[TEXT_MOST];
    size_t size; /* bytes */
};

void *pkey_gen_new(void *provctx, enum hsm_family family, const OSSL_PARAM params[])
{
    struct generation *generation = calloc(1, sizeof(*generation));

    if (generation == NULL)
        return instance_raise_memory();
    generation->instance = instance_find(provctx);
    generation->family = family;
    generation->size = family == HSM_AES ? AES_SIZE : SECRET_SIZE;
    snprintf(generation->usage, sizeof(generation->usage), family == HSM_AES ? "cipher" : "hmac");
    if (generation->instance != NULL && pkey_gen_set_params(generation, params))
        return generation;
    pkey_gen_cleanup(generation);
    return NULL;
}

void pkey_gen_cleanup(void *generation_)
{
    struct generation *generation = generation_;

    if (generation == NULL)
        return;
    instance_free(generation->instance);
    free(generation);
}

static bool take(const struct generation *generation, const OSSL_PARAM params[], const char *name,
                 char text[TEXT_MOST])
{
    const OSSL_PARAM *param = OSSL_PARAM_locate_const(params, name);
    struct failure why;

    if (param == NULL)
        return true;
    if (param->data_type == OSSL_PARAM_UTF8_STRING && param->data != NULL &&
        memchr(param->data, '\0', param->data_size) == NULL && param->data_size < TEXT_MOST) {
        memcpy(text, param->data, param->data_size);
        text[param->data_size] = '\0';
        return true;
    }
    failure_set(&why, FAILURE_CONFIGURATION,
                "a new key's '%s' must be text of at most %d bytes, without NUL", name,
                TEXT_MOST - 1);
    return error_raise(&generation->instance->errors, &why) != 0;
}

static bool check_usage(const struct generation *generation)
{
    struct failure why;

    if (hsm_usage_from(generation->family, generation->usage) < HSM_USAGES)
        return true;
    failure_set(&why, FAILURE_CONFIGURATION, "a new key's usage is '%.40s', but must be %s",
                generation->usage,
                generation->family == HSM_AES
                    ? "'cipher', 'gcm', 'gcm-only', 'wrap', 'mac' or 'any'"
                    : "'hmac'");
    return error_raise(&generation->instance->errors, &why) != 0;
}

static bool take_size(struct generation *generation, const OSSL_PARAM params[])
{
    const OSSL_PARAM *param = OSSL_PARAM_locate_const(params, HSMZKE_PKEY_PARAM_BYTES);
    struct failure why;
    size_t size = 0;

    if (param == NULL || generation->family == HSM_AES)
        return true;
    if (OSSL_PARAM_get_size_t(param, &size) && size >= SECRET_LEAST && size <= SECRET_MOST) {
        generation->size = size;
        return true;
    }
    failure_set(&why, FAILURE_CONFIGURATION, "a new secret must have %d to %d bytes", SECRET_LEAST,
                SECRET_MOST);
    return error_raise(&generation->instance->errors, &why) != 0;
}

int pkey_gen_set_params(void *generation_, const OSSL_PARAM params[])
{
    struct generation *generation = generation_;

    return params == NULL ||
           (take(generation, params, HSMZKE_PKEY_PARAM_LABEL, generation->label) &&
            take(generation, params, HSMZKE_PKEY_PARAM_USAGE, generation->usage) &&
            take(generation, params, HSMZKE_PKEY_PARAM_TOKEN, generation->token) &&
            check_usage(generation) && take_size(generation, params));
}

/* Under an alias of its name the new key would not be found; under a pin it would be refused. */
static bool check_label(const struct generation *generation, struct failure *why)
{
    const struct config *config = &generation->instance->config;
    const char *label = generation->label;

    if (label[0] == '\0')
        return failure_set(why, FAILURE_CONFIGURATION,
                           "a new key needs a label: -pkeyopt label:NAME");
    if (config_lookup(config, HSMZKE_PARAM_KEYS, label) != NULL)
        return failure_set(why, FAILURE_KEY_AMBIGUOUS,
                           "'%.40s' is an alias of another key (`keys`), which goes before a "
                           "label; choose another label",
                           label);
    return config_lookup(config, HSMZKE_PARAM_IDENTITIES, label) == NULL ||
           failure_set(why, FAILURE_IDENTITY,
                       "the identity of '%.40s' is pinned (`identities`), so no new key can have "
                       "that label; choose another, or take the pin out",
                       label);
}

static bool generate(const struct generation *generation, struct pkey *pkey, struct failure *why)
{
    const struct hsm_template template = {
        .label = generation->label,
        .usage = hsm_usage_from(generation->family, generation->usage),
        .size = generation->size,
        .token = generation->token[0] != '\0' ? generation->token : NULL,
    };
    struct hsm_key *key;

    if (!check_label(generation, why))
        return false;
    key = hsm_key_generate(generation->instance->keyring.hsm, &template, pkey->left_out, why);
    return key != NULL && pkey_set_key(pkey, key, why);
}

/* Nothing failed, so it cannot go onto the error queue; and who made the key must know. */
static void tell_left_out(const struct generation *generation, const struct pkey *pkey)
{
    char text[300];

    snprintf(text, sizeof(text),
             "hsmzke: key '%.24s' was made without %s, which token '%s' does not take",
             generation->label, pkey->left_out, hsm_key_token(pkey->key));
    notice_write(text);
}

void *pkey_gen(void *generation_, OSSL_CALLBACK *callback, void *argument)
{
    const struct generation *generation = generation_;
    struct pkey *pkey;
    struct failure why;

    (void)callback, (void)argument; /* there is no progress to be told */
    if (!pkey_usable(generation->instance))
        return NULL;
    pkey = pkey_new(generation->instance, generation->family);
    if (pkey == NULL)
        return instance_raise_memory();
    if (!generate(generation, pkey, &why)) {
        error_raise(&generation->instance->errors, &why);
        pkey_free(pkey);
        return NULL;
    }
    if (pkey->left_out[0] != '\0')
        tell_left_out(generation, pkey);
    return pkey;
}
