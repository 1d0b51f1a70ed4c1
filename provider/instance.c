/* One instance of the provider for each library context: see instance.h. */
#include "instance.h"

#include <openssl/err.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "audit/audit.h"
#include "hsmzke/hsmzke.h"
#include "lock.h"

static struct instance *instances; /* guarded by lock_take() */

static void destroy(struct instance *instance)
{
    keyring_clear(&instance->keyring);
    if (instance->inner != NULL)
        OSSL_PROVIDER_unload(instance->inner);
    if (instance->legacy != NULL)
        OSSL_PROVIDER_unload(instance->legacy);
    if (instance->software != NULL)
        OSSL_PROVIDER_unload(instance->software);
    OSSL_LIB_CTX_free(instance->private);
    config_clear(&instance->config);
    free(instance);
}

static bool open_software(struct instance *instance)
{
    instance->private = OSSL_LIB_CTX_new();
    if (instance->private == NULL)
        return false;
    instance->software = OSSL_PROVIDER_load(instance->private, "default");
    if (instance->software == NULL)
        return false;
    instance->provctx = OSSL_PROVIDER_get0_provider_ctx(instance->software);
    return instance->provctx != NULL;
}

/* Its algorithms are then missing, and a program that wants them fails; so do all keys. */
static void open_legacy(struct instance *instance)
{
    if (!instance->config.gateway || !instance->config.legacy)
        return;
    ERR_set_mark(); /* of the libcrypto that we are linked with, which loads it */
    instance->legacy = OSSL_PROVIDER_load(instance->private, "legacy");
    ERR_pop_to_mark();
    if (instance->legacy != NULL)
        instance->legacy_provctx = OSSL_PROVIDER_get0_provider_ctx(instance->legacy);
    else
        config_wrong(&instance->config, HSMZKE_PARAM_LEGACY, "yes",
                     "OpenSSL's legacy provider cannot be loaded: is legacy.so in its MODULESDIR?");
}

static void take_upcalls(struct instance *instance, const OSSL_DISPATCH *in)
{
    for (; in->function_id != 0; in++) {
        if (in->function_id == OSSL_FUNC_BIO_READ_EX)
            instance->bio_read = OSSL_FUNC_BIO_read_ex(in);
        else if (in->function_id == OSSL_FUNC_BIO_WRITE_EX)
            instance->bio_write = OSSL_FUNC_BIO_write_ex(in);
        else if (in->function_id == OSSL_FUNC_PROVIDER_UP_REF)
            instance->up_ref = OSSL_FUNC_provider_up_ref(in);
    }
}

/* The HSM, and the audit log that is told what happens there; neither is reached for yet. */
static void open_hsm(struct instance *instance)
{
    struct config *config = &instance->config;
    bool logged = true;

    if (config->audit != NULL && strcmp(config->audit, "off") != 0) {
        config->hsm.audit = audit_get(config->audit, config->in_force, &config->why);
        logged = config->hsm.audit != NULL;
    }
    if (logged && config->hsm.module != NULL)
        instance->keyring.hsm = hsm_get(&config->hsm, &config->why);
    if (instance->keyring.hsm == NULL)
        config->wrong = true;
}

/*
 * OPENSSL_cleanup() begins.  A context that is freed after it would be the last to hold the core's
 * provider, and the core then takes our reason strings out of a table that is gone: a crash.  So
 * the provider stays.
 */
static void stay(void)
{
    lock_take();
    for (struct instance *instance = instances; instance != NULL; instance = instance->next) {
        if (instance->up_ref != NULL)
            (void)instance->up_ref(instance->errors.handle, 0);
    }
    lock_release();
}

/* OpenSSL 4.0 has nothing of the kind, and does not take itself apart at exit. */
static void stay_at_cleanup(void)
{
#if OPENSSL_VERSION_MAJOR < 4
    (void)OPENSSL_atexit(stay);
#else
    (void)stay;
#endif
}

struct instance *instance_new(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct instance *instance = calloc(1, sizeof(*instance));

    if (instance == NULL)
        return NULL;
    instance->references = 1;
    errors_init(&instance->errors, handle, in);
    take_upcalls(instance, in);
    config_read(&instance->config, handle, in);
    instance->keyring.config = &instance->config;
    open_hsm(instance);
    if (!lock_start() || !open_software(instance)) {
        destroy(instance);
        return NULL;
    }
    open_legacy(instance);
    lock_take();
    instance->next = instances;
    instances = instance;
    lock_release();
    pthread_once(&once, stay_at_cleanup);
    return instance;
}

static struct instance *find(const void *provctx, unsigned int owners)
{
    struct instance *instance;

    lock_take();
    for (instance = instances; instance != NULL && instance->provctx != provctx;)
        instance = instance->next;
    if (instance != NULL)
        instance->references += owners;
    lock_release();
    return instance;
}

bool instance_usable(const struct instance *instance, struct failure *why)
{
    const struct config *config = &instance->config;
    const struct hsm_event event = { .kind = HSM_EVENT_KEY_REFUSED, .why = config->why.text };
    struct failure ignored; /* it is refused, whether that can be written down or not */

    if (!config->wrong)
        return true;
    if (config->hsm.audit != NULL)
        (void)config->hsm.audit->report(config->hsm.audit, &event, &ignored);
    *why = config->why;
    return false;
}

struct instance *instance_find(void *provctx)
{
    return find(provctx, 1);
}

struct instance *instance_borrow(void *provctx)
{
    return find(provctx, 0);
}

struct instance *instance_ref(struct instance *instance)
{
    lock_take();
    instance->references++;
    lock_release();
    return instance;
}

void instance_torn_down(struct instance *instance)
{
    lock_take();
    instance->up_ref = NULL;
    lock_release();
}

void instance_free(struct instance *instance)
{
    struct instance **link = &instances;
    bool last;

    if (instance == NULL)
        return;
    lock_take();
    last = --instance->references == 0;
    while (last && *link != instance)
        link = &(*link)->next;
    if (last)
        *link = instance->next;
    lock_release();
    if (last)
        destroy(instance);
}

void *instance_raise_memory(void)
{
    struct errors errors = { 0 };
    struct failure why;

    lock_take();
    if (instances != NULL)
        errors = instances->errors;
    lock_release();
    failure_memory(&why);
    (void)error_raise(&errors, &why);
    return NULL;
}

int instance_raise_any(const struct failure *why)
{
    struct errors errors = { 0 };
    struct hsm *hsm = NULL; /* lives until the process ends */

    lock_take();
    if (instances != NULL) {
        errors = instances->errors;
        hsm = instances->keyring.hsm;
    }
    lock_release();
    if (hsm != NULL)
        hsm_report_refused(hsm, NULL, why);
    return error_raise(&errors, why);
}
