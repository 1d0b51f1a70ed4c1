/* Which key of the HSM the parameters of an EVP_SKEY name. */
#include <openssl/params.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hsmzke/hsmzke.h"
#include "parameter.h"
#include "reference.h"
#include "skey/skey.h"

/* What names a key: text, or the bytes of a reference. */
struct name {
    const unsigned char *bytes;
    size_t size;
};

static bool name_of(const OSSL_PARAM *param, struct name *name, struct failure *why)
{
    name->size = param->data_size;
    switch (param->data_type) {
    case OSSL_PARAM_UTF8_STRING:
    case OSSL_PARAM_OCTET_STRING:
        name->bytes = param->data;
        break;
    case OSSL_PARAM_UTF8_PTR:
    case OSSL_PARAM_OCTET_PTR:
        name->bytes = param->data != NULL ? *(const unsigned char *const *)param->data : NULL;
        break;
    default:
        name->bytes = NULL;
        break;
    }
    return name->bytes != NULL ||
           failure_set(why, FAILURE_REFERENCE, "an EVP_SKEY's '%s' must be text or bytes",
                       param->key);
}

/* A reference may come without its NULs, as text. */
static struct hsm_key *by_reference(struct instance *instance, enum hsm_family family,
                                    const struct name *name, char found_by[SKEY_ID_MOST],
                                    struct failure *why)
{
    unsigned char bytes[HSMZKE_REFERENCE_SIZE] = { 0 };
    const bool is_short = name->size < sizeof(bytes);

    memcpy(bytes, name->bytes, is_short ? name->size : sizeof(bytes));
    snprintf(found_by, SKEY_ID_MOST, "%.*s", (int)sizeof(bytes), (const char *)bytes);
    return keyring_get(&instance->keyring, family, is_short ? bytes : name->bytes,
                       is_short ? sizeof(bytes) : name->size, why);
}

/* The query of a URI, which may hold a PIN, is not shown. */
static struct hsm_key *by_uri(struct instance *instance, enum hsm_family family, const char *uri,
                              char found_by[SKEY_ID_MOST], struct failure *why)
{
    const struct hsm_query query = {
        .kind = HSM_BY_URI,
        .value = uri,
        .size = strlen(uri),
        .shown = found_by,
        .family = family,
        .fits = keyring_fits,
        .argument = &instance->keyring,
    };
    struct hsm_key *key;

    snprintf(found_by, SKEY_ID_MOST, "%.*s", (int)strcspn(uri, "?"), uri);
    key = hsm_key_find(instance->keyring.hsm, &query, why);
    if (key == NULL || (keyring_accepts(&instance->keyring, key, why) &&
                        keyring_allows(&instance->keyring, key, why)))
        return key;
    hsm_key_free(key);
    return NULL;
}

static bool is_uri(const struct name *name)
{
    static const char scheme[] = "pkcs11:";

    return name->size >= sizeof(scheme) - 1 &&
           memcmp(name->bytes, scheme, sizeof(scheme) - 1) == 0 &&
           memchr(name->bytes, '\0', name->size) == NULL;
}

struct hsm_key *skey_find(struct instance *instance, enum hsm_family family,
                          const OSSL_PARAM *param, char found_by[SKEY_ID_MOST], struct failure *why)
{
    struct hsm_key *key = NULL;
    struct name name;
    char *uri;

    if (!instance_usable(instance, why) || !name_of(param, &name, why))
        return NULL;
    if (reference_has_prefix(name.bytes, name.size))
        return by_reference(instance, family, &name, found_by, why);
    if (!is_uri(&name)) {
        failure_set(why, FAILURE_REFERENCE,
                    "an EVP_SKEY's 'reference' or 'uri' must be a reference (hsmzke:NAME) or a "
                    "pkcs11: URI");
        return NULL;
    }
    uri = strndup((const char *)name.bytes, name.size);
    if (uri != NULL)
        key = by_uri(instance, family, uri, found_by, why);
    else
        failure_memory(why);
    free(uri);
    return key;
}

const OSSL_PARAM *skey_name(const OSSL_PARAM params[], bool *twice)
{
    static const char *const names[] = { HSMZKE_SKEY_PARAM_REFERENCE, HSMZKE_SKEY_PARAM_URI };
    const OSSL_PARAM *raw = OSSL_PARAM_locate_const(params, SKEY_PARAM_RAW_BYTES);
    const OSSL_PARAM *found = parameter_is_reference(raw) ? raw : NULL;

    *twice = false;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const OSSL_PARAM *param = OSSL_PARAM_locate_const(params, names[i]);

        if (param == NULL)
            continue;
        *twice = *twice || found != NULL || raw != NULL;
        found = param;
    }
    return found;
}
