/* What OpenSSL sees of the provider: a table of contents. */
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/params.h>

#include "gateway/gateway.h"
#include "instance.h"

/* The one symbol that is not hidden. */
extern __attribute__((visibility("default"))) OSSL_provider_init_fn OSSL_provider_init;

static OSSL_FUNC_provider_teardown_fn teardown;
static OSSL_FUNC_provider_gettable_params_fn gettable_params;
static OSSL_FUNC_provider_get_params_fn get_params;
static OSSL_FUNC_provider_query_operation_fn query_operation;
static OSSL_FUNC_provider_get_reason_strings_fn get_reason_strings;
static OSSL_FUNC_provider_get_capabilities_fn get_capabilities;

/*
 * Makes no PKCS#11 call: the module's destructors may have run.  instance_find() gave one more
 * owner, so two go: the one of now and OpenSSL's.
 */
static void teardown(void *provctx)
{
    struct instance *instance = instance_find(provctx);

    if (instance != NULL) {
        instance_torn_down(instance);
        gateway_clear(instance);
    }
    instance_free(instance);
    instance_free(instance);
}

static const OSSL_PARAM *gettable_params(void *provctx)
{
    static const OSSL_PARAM params[] = {
        OSSL_PARAM_DEFN(OSSL_PROV_PARAM_NAME, OSSL_PARAM_UTF8_PTR, NULL, 0),
        OSSL_PARAM_DEFN(OSSL_PROV_PARAM_VERSION, OSSL_PARAM_UTF8_PTR, NULL, 0),
        OSSL_PARAM_DEFN(OSSL_PROV_PARAM_BUILDINFO, OSSL_PARAM_UTF8_PTR, NULL, 0),
        OSSL_PARAM_DEFN(OSSL_PROV_PARAM_STATUS, OSSL_PARAM_INTEGER, NULL, 0),
        OSSL_PARAM_END,
    };

    (void)provctx;
    return params;
}

static int get_params(void *provctx, OSSL_PARAM params[])
{
    struct instance *instance = instance_find(provctx);
    OSSL_PARAM *param;
    int result = instance != NULL;

    param = OSSL_PARAM_locate(params, OSSL_PROV_PARAM_NAME);
    result = result && (param == NULL || OSSL_PARAM_set_utf8_ptr(param, "AES-256 keys in an HSM"));
    param = OSSL_PARAM_locate(params, OSSL_PROV_PARAM_VERSION);
    result = result && (param == NULL || OSSL_PARAM_set_utf8_ptr(param, HSMZKE_VERSION));
    param = OSSL_PARAM_locate(params, OSSL_PROV_PARAM_BUILDINFO);
    result = result && (param == NULL || OSSL_PARAM_set_utf8_ptr(param, instance->config.in_force));
    param = OSSL_PARAM_locate(params, OSSL_PROV_PARAM_STATUS);
    result = result && (param == NULL || OSSL_PARAM_set_int(param, 1));
    instance_free(instance);
    return result;
}

static const OSSL_ALGORITHM *query_operation(void *provctx, int operation, int *no_cache)
{
    struct instance *instance = instance_find(provctx);
    const OSSL_ALGORITHM *table = NULL;

    if (instance != NULL)
        table = gateway_query(instance, operation);
    *no_cache = table == NULL; /* it may have been for want of memory */
    instance_free(instance);   /* the table lives with OpenSSL's own hold on the instance */
    return table;
}

static const OSSL_ITEM *get_reason_strings(void *provctx)
{
    (void)provctx;
    return errors_reason_strings();
}

static int get_capabilities(void *provctx, const char *capability, OSSL_CALLBACK *callback,
                            void *argument)
{
    struct instance *instance = instance_find(provctx);
    const int result =
        instance != NULL && gateway_capabilities(instance, capability, callback, argument);

    instance_free(instance);
    return result;
}

/** Called by OpenSSL when it loads the module: provider(7), "Provider initialisation". */
int OSSL_provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
                       const OSSL_DISPATCH **out, void **provctx)
{
    static const OSSL_DISPATCH dispatch[] = {
        { OSSL_FUNC_PROVIDER_TEARDOWN, (void (*)(void))teardown },
        { OSSL_FUNC_PROVIDER_GETTABLE_PARAMS, (void (*)(void))gettable_params },
        { OSSL_FUNC_PROVIDER_GET_PARAMS, (void (*)(void))get_params },
        { OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))query_operation },
        { OSSL_FUNC_PROVIDER_GET_REASON_STRINGS, (void (*)(void))get_reason_strings },
        { OSSL_FUNC_PROVIDER_GET_CAPABILITIES, (void (*)(void))get_capabilities },
        { 0, NULL },
    };
    struct instance *instance = instance_new(handle, in);

    if (instance == NULL || !gateway_open_inner(instance)) {
        instance_free(instance);
        return 0;
    }
    *out = dispatch;
    *provctx = instance->provctx;
    return 1;
}
