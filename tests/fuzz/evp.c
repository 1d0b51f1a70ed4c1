/* Library contexts for fuzz targets: see evp.h. */
#include "evp.h"

#include <openssl/err.h>
#include <openssl/provider.h>
#include <stdlib.h>
#include <string.h>

#include "instance.h"

extern OSSL_provider_init_fn OSSL_provider_init;

enum { CIPHERS = 16 };

static struct {
    OSSL_LIB_CTX *context;
    OSSL_PROVIDER *provider;
} contexts[EVP_CONTEXTS];

static void set(const char *name, const char *value)
{
    EXPECT(setenv(name, value, 1) == 0);
}

static void open_context(enum evp_one_shot which)
{
    set("HSMZKE_PKCS11_MODULE", "fake");
    set("HSMZKE_FUZZ_PIN", "1234");
    set("HSMZKE_PIN_SOURCE", "env:HSMZKE_FUZZ_PIN");
    set("HSMZKE_SESSIONS", "3");
    set("HSMZKE_SESSION_WAIT", "0");
    set("HSMZKE_OPERATION_REUSE", "86400");
    set("HSMZKE_KEY_POLICY", "off");
    set("HSMZKE_RAW_KEYS", "software");
    set("HSMZKE_GCM_MIN_TAG", "4");
    set("HSMZKE_GCM_ONE_SHOT", which == EVP_NEVER ? "never" : "auto");
    contexts[which].context = OSSL_LIB_CTX_new();
    EXPECT(contexts[which].context != NULL);
    EXPECT(OSSL_PROVIDER_add_builtin(contexts[which].context, "hsmzke", OSSL_provider_init) == 1);
    contexts[which].provider = OSSL_PROVIDER_load(contexts[which].context, "hsmzke");
    EXPECT(contexts[which].provider != NULL);
}

/* A key that the context keeps is as it was when it had been found, and nothing more. */
static void find_again(struct instance *instance, enum hsm_family family, const char *name)
{
    struct key_facts facts;
    struct failure why;
    struct hsm_key *key = keyring_find(&instance->keyring, family, evp_reference(name), 32, &why);

    EXPECT(key != NULL);
    fake_reset_key(key);
    EXPECT(key_ready(key, false, &facts, &why));
    hsm_key_free(key);
}

OSSL_LIB_CTX *evp_reset(enum evp_one_shot which)
{
    struct instance *instance;

    fake_reset();
    if (contexts[which].context == NULL)
        open_context(which);
    instance = instance_find(OSSL_PROVIDER_get0_provider_ctx(contexts[which].provider));
    EXPECT(instance != NULL);
    find_again(instance, HSM_AES, "gold");
    find_again(instance, HSM_AES, "silver");
    find_again(instance, HSM_SECRET, "salt");
    instance_free(instance);
    ERR_clear_error();
    return contexts[which].context;
}

static EVP_CIPHER *fetch(OSSL_LIB_CTX *context, const char *name, EVP_CIPHER *kept[CIPHERS])
{
    size_t i;

    for (i = 0; i < CIPHERS && kept[i] != NULL; i++)
        if (EVP_CIPHER_is_a(kept[i], name))
            return kept[i];
    EXPECT(i < CIPHERS);
    kept[i] = EVP_CIPHER_fetch(context, name, NULL);
    EXPECT(kept[i] != NULL);
    return kept[i];
}

EVP_CIPHER *evp_cipher(enum evp_one_shot which, const char *name)
{
    static EVP_CIPHER *kept[EVP_CONTEXTS][CIPHERS];

    return fetch(contexts[which].context, name, kept[which]);
}

EVP_CIPHER *evp_default_cipher(const char *name)
{
    static EVP_CIPHER *kept[CIPHERS];

    return fetch(NULL, name, kept);
}

const unsigned char *evp_reference(const char *name)
{
    static unsigned char reference[32];

    memset(reference, 0, sizeof(reference));
    memcpy(reference, "hsmzke:", 7);
    memcpy(reference + 7, name, strlen(name));
    return reference;
}

void evp_expect_error(void)
{
    const char *words = "";
    int flags;

    EXPECT(ERR_peek_error() != 0);
    ERR_peek_last_error_data(&words, &flags);
    fuzz_trace("%s\n", words);
    ERR_clear_error();
}
