/*
 * Keys as programs load them, over an honest fake HSM: files in PEM and DER through OpenSSL's own
 * decoders, URIs through OSSL_STORE, and messages sealed under a key.  The first byte chooses.  A
 * message is opened only as it was sealed.
 */
#include <openssl/bio.h>
#include <openssl/decoder.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/store.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "evp.h"
#include "pkey/file.h"
#include "pkey/seal.h"

enum { LOADED_MOST = 8, TEXT_MOST = 600 };

static OSSL_LIB_CTX *context;

/* What `openssl pkey -text` does with a key of ours, and written and read it is the same. */
static void use(EVP_PKEY *pkey)
{
    BIO *memory = BIO_new(BIO_s_mem());
    EVP_PKEY *again;
    char *text;
    long size;

    EXPECT(memory != NULL);
    if (!EVP_PKEY_is_a(pkey, "HSMZKE-AES")) {
        BIO_free(memory);
        return;
    }
    if (EVP_PKEY_print_private(memory, pkey, 0, NULL) == 1) {
        size = BIO_get_mem_data(memory, &text);
        for (long i = 0; i < size; i++)
            EXPECT(text[i] == '\n' || ((unsigned char)text[i] >= 0x20 && text[i] != 0x7f));
        (void)BIO_reset(memory);
        if (PEM_write_bio_PrivateKey(memory, pkey, NULL, NULL, 0, NULL, NULL) == 1) {
            again = PEM_read_bio_PrivateKey_ex(memory, NULL, NULL, NULL, context, NULL);
            EXPECT(again != NULL && EVP_PKEY_eq(again, pkey) == 1);
            EVP_PKEY_free(again);
        }
    } else {
        evp_expect_error();
    }
    BIO_free(memory);
    ERR_clear_error();
}

static void decode(struct input *input)
{
    const unsigned char *at = input->at;
    size_t left = input->left;
    EVP_PKEY *pkey = NULL;
    OSSL_DECODER_CTX *decoder =
        OSSL_DECODER_CTX_new_for_pkey(&pkey, NULL, NULL, NULL, 0, context, NULL);

    EXPECT(decoder != NULL);
    if (OSSL_DECODER_from_data(decoder, &at, &left) == 1 && pkey != NULL)
        use(pkey);
    EVP_PKEY_free(pkey);
    OSSL_DECODER_CTX_free(decoder);
}

static void load(struct input *input, const char *scheme)
{
    char uri[TEXT_MOST], *rest = input_text(input, 0);
    OSSL_STORE_CTX *store;

    snprintf(uri, sizeof(uri), "%s%s", scheme, rest);
    free(rest);
    store = OSSL_STORE_open_ex(uri, context, NULL, NULL, NULL, NULL, NULL, NULL);
    if (store == NULL) {
        evp_expect_error();
        return;
    }
    for (int i = 0; i < LOADED_MOST && !OSSL_STORE_eof(store); i++) {
        OSSL_STORE_INFO *info = OSSL_STORE_load(store);

        if (info == NULL)
            continue;
        EXPECT(OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PKEY);
        use(OSSL_STORE_INFO_get0_PKEY(info));
        OSSL_STORE_INFO_free(info);
    }
    OSSL_STORE_close(store);
}

static EVP_PKEY *gold(void)
{
    const struct file file = { .family = HSM_AES, .reference = "hsmzke:gold" };
    unsigned char der[FILE_MOST];
    const unsigned char *at = der;
    EVP_PKEY *pkey = d2i_AutoPrivateKey_ex(NULL, &at, (long)file_write(&file, der), context, NULL);

    EXPECT(pkey != NULL);
    return pkey;
}

/* EVP_PKEY_encrypt() or EVP_PKEY_decrypt(). @return NULL: it failed, and said why */
static unsigned char *crypt(bool encrypt, const unsigned char *in, size_t size, size_t *out_size)
{
    EVP_PKEY *pkey = gold();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(context, pkey, NULL);
    unsigned char *out = malloc(size + SEAL_MORE);
    bool good;

    EXPECT(ctx != NULL && out != NULL);
    *out_size = size + SEAL_MORE;
    if (encrypt)
        good =
            EVP_PKEY_encrypt_init(ctx) == 1 && EVP_PKEY_encrypt(ctx, out, out_size, in, size) == 1;
    else
        good =
            EVP_PKEY_decrypt_init(ctx) == 1 && EVP_PKEY_decrypt(ctx, out, out_size, in, size) == 1;
    if (!good) {
        evp_expect_error();
        free(out);
        out = NULL;
    }
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(pkey);
    return out;
}

/* A message, sealed; then bytes of it are changed or cut off, and it is opened. */
static void seal(struct input *input)
{
    const size_t at = input_upto(input, 255), cut = input_upto(input, 40);
    const unsigned int flip = input_byte(input);
    unsigned char *sealed, *opened, *copy;
    size_t sealed_size, opened_size = 0;
    bool changed;

    sealed = crypt(true, input->at, input->left, &sealed_size);
    EXPECT(sealed != NULL && sealed_size == input->left + SEAL_MORE);
    changed = cut > 0 || (flip != 0 && at < sealed_size);
    if (at < sealed_size)
        sealed[at] ^= (unsigned char)flip;
    copy = exact(sealed, sealed_size - cut);
    opened = crypt(false, copy, sealed_size - cut, &opened_size);
    EXPECT((opened == NULL) == changed);
    EXPECT(opened == NULL || (opened_size == input->left &&
                              (opened_size == 0 || memcmp(opened, input->at, opened_size) == 0)));
    free(copy);
    free(opened);
    free(sealed);
}

/* What anybody may have written is not opened. */
static void open_forged(struct input *input)
{
    size_t size;

    EXPECT(crypt(false, input->at, input->left, &size) == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = { data, size };
    const size_t what = input_upto(&input, 4);

    context = evp_reset(EVP_AUTO);
    if (what == 0)
        decode(&input);
    else if (what == 1)
        load(&input, "hsmzke:");
    else if (what == 2)
        load(&input, "pkcs11:");
    else if (what == 3)
        seal(&input);
    else
        open_forged(&input);
    ERR_clear_error();
    return 0;
}
