/*
 * The default provider's loader of files behind ours.  OSSL_STORE_open() asks it first, whatever
 * the scheme: a file named `hsmzke:gold` in the working directory would stand for the key.  So it
 * declines such names.  `./hsmzke:gold` is a file as ever.
 */
#include <openssl/core_dispatch.h>
#include <string.h>

#include "gateway/gateway.h"
#include "gateway/slots.h"
#include "reference.h"

/* Of OpenSSL 3.2. */
#define STORE_FUNC_OPEN_EX 10
typedef void *store_open_ex_fn(void *provctx, const char *uri, const OSSL_PARAM params[],
                               OSSL_PASSPHRASE_CALLBACK *callback, void *argument);

/* Of one libcrypto, as all of them: filled in once, with lock_take() held. */
static const OSSL_DISPATCH *from;
static OSSL_DISPATCH *to;
static OSSL_FUNC_store_open_fn *theirs;
static store_open_ex_fn *theirs_ex;

static OSSL_FUNC_store_open_fn open_file;
static store_open_ex_fn open_file_ex;

static bool is_reference(const char *uri)
{
    return uri != NULL && reference_has_prefix((const unsigned char *)uri, strlen(uri));
}

static void *open_file(void *provctx, const char *uri)
{
    return is_reference(uri) ? NULL : theirs(provctx, uri);
}

static void *open_file_ex(void *provctx, const char *uri, const OSSL_PARAM params[],
                          OSSL_PASSPHRASE_CALLBACK *callback, void *argument)
{
    return is_reference(uri) ? NULL : theirs_ex(provctx, uri, params, callback, argument);
}

const OSSL_DISPATCH *gateway_file(const OSSL_DISPATCH *implementation)
{
    if (from != NULL)
        return from == implementation ? to : NULL;
    to = slots_copy_dispatch(implementation);
    if (to == NULL)
        return NULL;
    for (OSSL_DISPATCH *row = to; row->function_id != 0; row++) {
        if (row->function_id == OSSL_FUNC_STORE_OPEN) {
            theirs = OSSL_FUNC_store_open(row);
            row->function = (void (*)(void))open_file;
        } else if (row->function_id == STORE_FUNC_OPEN_EX) {
            theirs_ex = (store_open_ex_fn *)row->function;
            row->function = (void (*)(void))open_file_ex;
        }
    }
    from = implementation;
    return to;
}
