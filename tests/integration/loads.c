/* What OSSL_STORE gives: see loads.h. */
#include "loads.h"

#include "testing.h"

#include <openssl/store.h>

const char *loads(OSSL_LIB_CTX *context, const char *uri, int expect)
{
    OSSL_STORE_CTX *store = OSSL_STORE_open_ex(uri, context, NULL, NULL, NULL, NULL, NULL, NULL);
    const char *all = "";

    if (store == NULL)
        return NULL;
    if (expect != 0)
        CHECK(OSSL_STORE_expect(store, expect) == 1);
    while (!OSSL_STORE_eof(store)) {
        OSSL_STORE_INFO *info = OSSL_STORE_load(store);
        char reference[64];

        if (info == NULL) {
            all = text("%s%s", all, OSSL_STORE_error(store) ? "error " : "");
            continue;
        }
        if (OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_NAME) {
            all = text("%sname=%s ", all, OSSL_STORE_INFO_get0_NAME(info));
        } else {
            EVP_PKEY *pkey = OSSL_STORE_INFO_get0_PKEY(info);

            CHECK(pkey != NULL && EVP_PKEY_get_utf8_string_param(pkey, "reference", reference,
                                                                 sizeof(reference), NULL) == 1);
            all = text("%s%s ", all, reference);
        }
        OSSL_STORE_INFO_free(info);
    }
    CHECK(OSSL_STORE_close(store) == 1);
    return all;
}
