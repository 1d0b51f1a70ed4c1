/*
 * The inner provider: our algorithms in front of the default provider's in its own, private library
 * context.  What the default provider builds upon others it fetches from there, so a reference that
 * reaches it (KBKDF's key, an EVP_PKEY for a MAC) leads to the HSM, or is refused, and is never
 * taken for bytes.  Raw keys always pass: the random generators' own AES is in there.
 */
#include <openssl/bio.h>
#include <openssl/conf.h>
#include <openssl/core_names.h>
#include <openssl/rand.h>

#include "gateway/gateway.h"
#include "hsmzke/hsmzke.h"
#include "rand/rand.h"

static const char name[] = "hsmzke-inner";

/* OpenSSL hands a built-in provider's init no argument; it calls it in the thread that loads. */
static _Thread_local struct instance *opening;

static OSSL_provider_init_fn inner_init;
static OSSL_FUNC_provider_query_operation_fn query_operation;

static const OSSL_ALGORITHM *query_operation(void *provctx, int operation, int *no_cache)
{
    struct instance *instance = instance_borrow(provctx);

    *no_cache = 0;
    return instance != NULL ? gateway_inner_query(instance, operation) : NULL;
}

static int inner_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
                      const OSSL_DISPATCH **out, void **provctx)
{
    static const OSSL_DISPATCH dispatch[] = {
        { OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))query_operation },
        { 0, NULL },
    };

    (void)handle, (void)in;
    if (opening == NULL)
        return 0;
    *out = dispatch;
    *provctx = opening->provctx; /* what stands behind a thunk is the default provider's */
    return 1;
}

/*
 * Most of what is fetched there is the default provider's, so it is a preference.  Set as a
 * configuration sets it: EVP_set_default_properties() loads the program's configuration, whatever
 * context it is for, and that is being read now.  OpenSSL takes it for loaded then, and lets other
 * threads pass, which find no provider yet.
 */
static bool prefer_ours(OSSL_LIB_CTX *private)
{
    static const char lines[] = "openssl_conf = init\n"
                                "[init]\n"
                                "alg_section = properties\n"
                                "[properties]\n"
                                "default_properties = ?provider=" HSMZKE_PROVIDER_NAME "\n";
    BIO *text = BIO_new_mem_buf(lines, -1);
    CONF *conf = NCONF_new_ex(private, NULL);
    const bool done = text != NULL && conf != NULL && NCONF_load_bio(conf, text, NULL) == 1 &&
                      CONF_modules_load(conf, NULL, 0) == 1;

    NCONF_free(conf);
    BIO_free(text);
    return done;
}

bool gateway_open_inner(struct instance *instance)
{
    if (!instance->config.gateway)
        return true;
    opening = instance;
    if (OSSL_PROVIDER_add_builtin(instance->private, name, inner_init))
        instance->inner = OSSL_PROVIDER_load(instance->private, name);
    opening = NULL;
    return instance->inner != NULL && prefer_ours(instance->private) &&
           (instance->config.system_random ||
            RAND_set_DRBG_type(instance->private, RAND_NAME, NULL, NULL, NULL));
}
