/*
 * Reference files read.  OpenSSL hands each decoder what may be a key of any type: what is not a
 * reference file is passed over in silence.
 */
#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/params.h>
#include <stdio.h>
#include <string.h>

#include "pkey/file.h"
#include "pkey/pkey.h"

static OSSL_FUNC_decoder_decode_fn decode_aes, decode_hmac;

/* At most one byte more than a reference file has. @return how many there are */
static size_t read_all(const struct instance *instance, OSSL_CORE_BIO *bio,
                       unsigned char bytes[FILE_MOST + 1])
{
    size_t size = 0, piece = 0;

    while (size <= FILE_MOST && instance->bio_read != NULL &&
           instance->bio_read(bio, bytes + size, FILE_MOST + 1 - size, &piece) && piece > 0)
        size += piece;
    return size;
}

/*
 * Errors of decoders are dropped by OSSL_STORE, which tries many: so the key is looked for at its
 * first use, where what is wrong with it, or with the file, can be said.
 */
static struct pkey *make(struct instance *instance, enum hsm_family family,
                         const unsigned char *der, size_t size)
{
    struct pkey *pkey = pkey_new(instance, family);
    struct failure why;
    struct file file;

    if (pkey == NULL)
        return instance_raise_memory();
    if (file_read(&file, family, der, size, &why))
        pkey_set_file(pkey, &file);
    else
        pkey_set_damaged(pkey, &why);
    return pkey;
}

static int decode(struct instance *instance, enum hsm_family family, OSSL_CORE_BIO *bio,
                  OSSL_CALLBACK *callback, void *argument)
{
    char type[32];
    unsigned char der[FILE_MOST + 1];
    const size_t size = read_all(instance, bio, der);
    int object = OSSL_OBJECT_PKEY, result;
    OSSL_PARAM params[4];
    struct pkey *pkey;

    if (!file_is_ours(der, size, family))
        return 1;
    pkey = make(instance, family, der, size);
    if (pkey == NULL)
        return 0;
    snprintf(type, sizeof(type), "%s", pkey_type(family));
    params[0] = OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &object);
    params[1] = OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA_TYPE, type, 0);
    params[2] = OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_REFERENCE, &pkey, sizeof(pkey));
    params[3] = OSSL_PARAM_construct_end();
    result = callback(params, argument);
    pkey_free(pkey); /* NULL, if it was taken over */
    return result;
}

#define DECODER(type, family)                                                                      \
    static int decode_##type(void *instance, OSSL_CORE_BIO *bio, int selection,                    \
                             OSSL_CALLBACK *callback, void *argument,                              \
                             OSSL_PASSPHRASE_CALLBACK *passphrase, void *passphrase_argument)      \
    {                                                                                              \
        (void)selection, (void)passphrase, (void)passphrase_argument;                              \
        return decode(instance, family, bio, callback, argument);                                  \
    }                                                                                              \
    static const OSSL_DISPATCH dispatch_##type[] = {                                               \
        { OSSL_FUNC_DECODER_NEWCTX, (void (*)(void))pkey_coder_newctx },                           \
        { OSSL_FUNC_DECODER_FREECTX, (void (*)(void))pkey_coder_freectx },                         \
        { OSSL_FUNC_DECODER_DOES_SELECTION, (void (*)(void))pkey_coder_does_selection },           \
        { OSSL_FUNC_DECODER_DECODE, (void (*)(void))decode_##type },                               \
        { 0, NULL },                                                                               \
    }
DECODER(aes, HSM_AES);
DECODER(hmac, HSM_SECRET);

#define PROPERTIES "provider=" HSMZKE_PROVIDER_NAME ",input=der,structure=PrivateKeyInfo"

const OSSL_ALGORITHM pkey_decoder_algorithms[] = {
    { PKEY_AES_NAMES, PROPERTIES, dispatch_aes, "References of DER" },
    { PKEY_HMAC_NAMES, PROPERTIES, dispatch_hmac, "References of DER" },
    { NULL, NULL, NULL, NULL },
};
