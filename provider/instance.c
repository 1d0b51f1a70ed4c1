/* One instance of the provider for each library context: see instance.h. */
#include "instance.h"

#include <pthread.h>
#include <stdlib.h>

#include "gateway/gateway.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct instance *instances; /* guarded by `lock` */

void instance_lock(void)
{
    pthread_mutex_lock(&lock);
}

void instance_unlock(void)
{
    pthread_mutex_unlock(&lock);
}

static void hold_over_fork(void)
{
    pthread_atfork(instance_lock, instance_unlock, instance_unlock);
}

static void destroy(struct instance *instance)
{
    gateway_clear(instance);
    keyring_clear(&instance->keyring);
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

struct instance *instance_new(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct instance *instance = calloc(1, sizeof(*instance));

    if (instance == NULL)
        return NULL;
    instance->references = 1;
    errors_init(&instance->errors, handle, in);
    config_read(&instance->config, handle, in);
    if (instance->config.hsm.module != NULL)
        instance->hsm = hsm_get(&instance->config.hsm, &instance->config.why);
    if (instance->hsm == NULL)
        instance->config.wrong = true;
    /* After pkcs11/ did the same for its lock: fork() then takes this one first, as keyring.c does.
     */
    if (pthread_once(&once, hold_over_fork) != 0 || !open_software(instance)) {
        destroy(instance);
        return NULL;
    }
    instance_lock();
    instance->next = instances;
    instances = instance;
    instance_unlock();
    return instance;
}

struct instance *instance_find(void *provctx)
{
    struct instance *instance;

    instance_lock();
    for (instance = instances; instance != NULL && instance->provctx != provctx;)
        instance = instance->next;
    if (instance != NULL)
        instance->references++;
    instance_unlock();
    return instance;
}

struct instance *instance_ref(struct instance *instance)
{
    instance_lock();
    instance->references++;
    instance_unlock();
    return instance;
}

void instance_free(struct instance *instance)
{
    struct instance **link = &instances;
    bool last;

    if (instance == NULL)
        return;
    instance_lock();
    last = --instance->references == 0;
    while (last && *link != instance)
        link = &(*link)->next;
    if (last)
        *link = instance->next;
    instance_unlock();
    if (last)
        destroy(instance);
}

int instance_raise_any(const struct failure *why)
{
    struct errors errors = { 0 };

    instance_lock();
    if (instances != NULL)
        errors = instances->errors;
    instance_unlock();
    return error_raise(&errors, why);
}
