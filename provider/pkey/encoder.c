/*
 * Reference files written: PEM and DER, `openssl pkey -out`, `genpkey -out`.  A password that a
 * program gives is not used, for there is nothing secret in the file.
 */
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "pkey/file.h"
#include "pkey/pkey.h"

enum {
    LINE = 48, /* bytes that make a line of 64 characters */
};

static OSSL_FUNC_encoder_encode_fn encode_der;
static OSSL_FUNC_encoder_encode_fn encode_pem;

static bool write_all(const struct instance *instance, OSSL_CORE_BIO *bio, const void *bytes,
                      size_t size)
{
    size_t written = 0;

    return instance->bio_write != NULL && instance->bio_write(bio, bytes, size, &written) &&
           written == size;
}

/* @return 0, said why, when no reference finds the key */
static size_t make_der(const struct instance *instance, const struct pkey *pkey,
                       unsigned char der[FILE_MOST])
{
    unsigned char bytes[HSMZKE_REFERENCE_SIZE];
    struct file file = { 0 };
    struct hsm_key *key;
    struct failure why;

    if (pkey == NULL)
        return 0;
    key = pkey_key(pkey, &why);
    if (key == NULL || !pkey_bytes(pkey, bytes, &why)) {
        error_raise(&instance->errors, &why);
        return 0;
    }
    file.family = pkey->family;
    memcpy(file.reference, pkey->reference, sizeof(file.reference));
    hsm_key_identity(key, file.identity);
    if (strchr(file.identity, ':') == NULL) /* unknown */
        file.identity[0] = '\0';
    return file_write(&file, der);
}

static int encode_der(void *instance, OSSL_CORE_BIO *bio, const void *pkey,
                      const OSSL_PARAM abstract[], int selection,
                      OSSL_PASSPHRASE_CALLBACK *callback, void *argument)
{
    unsigned char der[FILE_MOST];
    const size_t size = abstract == NULL ? make_der(instance, pkey, der) : 0;

    (void)selection, (void)callback, (void)argument;
    return size > 0 && write_all(instance, bio, der, size);
}

static int encode_pem(void *instance, OSSL_CORE_BIO *bio, const void *pkey,
                      const OSSL_PARAM abstract[], int selection,
                      OSSL_PASSPHRASE_CALLBACK *callback, void *argument)
{
    unsigned char der[FILE_MOST], line[LINE / 3 * 4 + 1];
    const size_t size = abstract == NULL ? make_der(instance, pkey, der) : 0;
    char pem[400] = "-----BEGIN PRIVATE KEY-----\n";

    (void)selection, (void)callback, (void)argument;
    if (size == 0)
        return 0;
    for (size_t done = 0; done < size; done += LINE) {
        const size_t piece = size - done < LINE ? size - done : LINE;

        EVP_EncodeBlock(line, der + done, (int)piece);
        snprintf(pem + strlen(pem), sizeof(pem) - strlen(pem), "%s\n", (const char *)line);
    }
    snprintf(pem + strlen(pem), sizeof(pem) - strlen(pem), "-----END PRIVATE KEY-----\n");
    return write_all(instance, bio, pem, strlen(pem));
}

#define DISPATCH(encode)                                                                           \
    {                                                                                              \
        { OSSL_FUNC_ENCODER_NEWCTX, (void (*)(void))pkey_coder_newctx },                           \
            { OSSL_FUNC_ENCODER_FREECTX, (void (*)(void))pkey_coder_freectx },                     \
            { OSSL_FUNC_ENCODER_DOES_SELECTION, (void (*)(void))pkey_coder_does_selection },       \
            { OSSL_FUNC_ENCODER_ENCODE, (void (*)(void))encode }, { 0, NULL },                     \
    }
static const OSSL_DISPATCH der[] = DISPATCH(encode_der);
static const OSSL_DISPATCH pem[] = DISPATCH(encode_pem);
static const OSSL_DISPATCH as_text[] = DISPATCH(pkey_encode_text);

#define PROPERTIES "provider=" HSMZKE_PROVIDER_NAME

#define ENCODERS(names)                                                                            \
    { names, PROPERTIES ",output=text", as_text, "Keys in the HSM as text" },                      \
        { names, PROPERTIES ",output=der,structure=PrivateKeyInfo", der, "References as DER" },    \
    {                                                                                              \
        names, PROPERTIES ",output=pem,structure=PrivateKeyInfo", pem, "References as PEM"         \
    }

const OSSL_ALGORITHM pkey_encoder_algorithms[] = {
    ENCODERS(PKEY_AES_NAMES),
    ENCODERS(PKEY_HMAC_NAMES),
    { NULL, NULL, NULL, NULL },
};
