/* The default provider whole behind ours: see gateway.h. */
#include "gateway/gateway.h"

#include <openssl/core_names.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "algorithm.h"
#include "cipher/cipher.h"
#include "hsmzke/hsmzke.h"
#include "lock.h"
#include "mac/mac.h"
#include "pkey/pkey.h"
#include "rand/rand.h"
#include "skey/skey.h"
#include "store/store.h"

/* `version=256` can be preferred (`?version=256`) beside other providers: the core knows the name.
 */
static const char ours[] = "provider=" HSMZKE_PROVIDER_NAME ",version=256";

/* "provider=default,fips=yes,..." -> "provider=hsmzke,version=256,fips=yes,..." */
static char *rewrite(const char *properties)
{
    static const char provider[] = "provider=";
    const char *rest = "";
    char *result;

    if (properties != NULL && strncmp(properties, provider, strlen(provider)) == 0) {
        rest = strchr(properties, ',');
        rest = rest != NULL ? rest : "";
    }
    result = malloc(sizeof(ours) + strlen(rest));
    if (result == NULL)
        return NULL;
    strcpy(result, ours);
    return strcat(result, rest);
}

/*
 * What stands for `theirs_` in our table; NULL: it is not offered.  Our own algorithms stand in the
 * place of the default provider's; without the gateway they stand alone.
 */
static const OSSL_DISPATCH *choose(const struct instance *instance, int operation,
                                   const OSSL_ALGORITHM *algorithm, bool inner)
{
    const OSSL_DISPATCH *own = NULL;

    if (operation == OSSL_OP_CIPHER)
        own = cipher_dispatch(algorithm->algorithm_names, algorithm->implementation, inner);
    else if (operation == OSSL_OP_MAC)
        own = mac_dispatch(algorithm->algorithm_names, algorithm->implementation);
    else if (operation == SKEY_OP_SKEYMGMT)
        own = skey_dispatch(algorithm->algorithm_names, algorithm->implementation);
    if (own != NULL || !instance->config.gateway)
        return own;
    if (operation == OSSL_OP_CIPHER)
        return gateway_refusal(algorithm->implementation);
    if (operation == OSSL_OP_RAND)
        return gateway_rand(algorithm->implementation);
    if (operation == OSSL_OP_STORE && algorithm_is(algorithm->algorithm_names, "file"))
        return gateway_file(algorithm->implementation);
    return gateway_refusal_params(operation, algorithm->algorithm_names,
                                  instance->config.references_elsewhere, algorithm->implementation);
}

static void free_table(OSSL_ALGORITHM *table)
{
    for (OSSL_ALGORITHM *row = table; row != NULL && row->algorithm_names != NULL; row++)
        free((void *)(uintptr_t)row->property_definition); /* rewrite()'s, const by its type only */
    free(table);
}

/* What the default provider has no algorithm for, of `operation`. */
static const OSSL_ALGORITHM *additions(const struct instance *instance, int operation, bool inner)
{
    static const OSSL_ALGORITHM none[] = { { NULL, NULL, NULL, NULL } };

    switch (operation) {
    case OSSL_OP_RAND:
        return inner ? rand_inner_algorithms : rand_algorithms;
    case OSSL_OP_KEYMGMT:
        return pkey_keymgmt_algorithms;
    case OSSL_OP_ENCODER:
        return pkey_encoder_algorithms;
    case OSSL_OP_DECODER:
        return pkey_decoder_algorithms;
    case OSSL_OP_ASYM_CIPHER:
        return pkey_asym_cipher_algorithms;
    case OSSL_OP_SIGNATURE:
        return pkey_signature_algorithms;
    case SKEY_OP_SKEYMGMT:
        return skey_algorithms;
    case OSSL_OP_STORE:
        return store_algorithms(instance->config.pkcs11_uris);
    default:
        return none;
    }
}

struct table {
    OSSL_ALGORITHM *rows; /* with room for all */
    size_t used;
    bool incomplete; /* out of memory */
};

static void add_row(struct table *table, const OSSL_ALGORITHM *from,
                    const OSSL_DISPATCH *implementation)
{
    OSSL_ALGORITHM *row = &table->rows[table->used];

    if (implementation == NULL || table->incomplete)
        return;
    *row = *from;
    row->implementation = implementation;
    row->property_definition = rewrite(from->property_definition);
    if (row->property_definition != NULL) {
        table->used++;
        return;
    }
    *row = (OSSL_ALGORITHM){ 0 };
    table->incomplete = true;
}

/* A name of its own: the default provider took some of the legacy provider's algorithms over. */
static bool is_new(const struct table *table, const OSSL_ALGORITHM *algorithm)
{
    const size_t length = strcspn(algorithm->algorithm_names, ":");

    for (size_t i = 0; i < table->used; i++) {
        const char *names = table->rows[i].algorithm_names;

        if (strcspn(names, ":") == length &&
            strncasecmp(names, algorithm->algorithm_names, length) == 0)
            return false;
    }
    return true;
}

static void add_legacy(struct table *table, const struct instance *instance, int operation,
                       const OSSL_ALGORITHM *from)
{
    for (; from != NULL && from->algorithm_names != NULL; from++) {
        OSSL_ALGORITHM algorithm = *from;

        algorithm.implementation = gateway_legacy(operation, from->implementation);
        if (algorithm.implementation != NULL && is_new(table, &algorithm))
            add_row(table, &algorithm, choose(instance, operation, &algorithm, false));
    }
}

static size_t count_rows(const OSSL_ALGORITHM *table)
{
    size_t rows = 0;

    while (table != NULL && table[rows].algorithm_names != NULL)
        rows++;
    return rows;
}

static const OSSL_ALGORITHM *offered_by(OSSL_PROVIDER *provider, int operation)
{
    int no_cache = 0;

    return provider != NULL ? OSSL_PROVIDER_query_operation(provider, operation, &no_cache) : NULL;
}

/* With the lock held. */
static OSSL_ALGORITHM *make_table(const struct instance *instance, int operation, bool inner)
{
    const bool only_ours = inner && operation == OSSL_OP_RAND;
    const OSSL_ALGORITHM *from = only_ours ? NULL : offered_by(instance->software, operation);
    const OSSL_ALGORITHM *legacy = inner ? NULL : offered_by(instance->legacy, operation);
    const OSSL_ALGORITHM *more = additions(instance, operation, inner);
    const size_t most = count_rows(from) + count_rows(legacy) + count_rows(more);
    struct table table = { 0 };

    if (most == 0)
        return NULL;
    table.rows = calloc(most + 1, sizeof(*table.rows));
    if (table.rows == NULL)
        return NULL;
    for (; from != NULL && from->algorithm_names != NULL; from++)
        add_row(&table, from, choose(instance, operation, from, inner));
    add_legacy(&table, instance, operation, legacy);
    for (; more->algorithm_names != NULL; more++)
        add_row(&table, more, more->implementation);
    if (!table.incomplete)
        return table.rows;
    free_table(table.rows);
    return NULL;
}

static const OSSL_ALGORITHM *query(struct instance *instance, int operation, bool inner)
{
    const OSSL_ALGORITHM *made;
    OSSL_ALGORITHM **table;

    if (operation <= 0 || operation >= INSTANCE_OPERATIONS)
        return NULL;
    table = inner ? &instance->inner_tables[operation] : &instance->tables[operation];
    lock_take();
    if (*table == NULL)
        *table = make_table(instance, operation, inner);
    made = *table;
    lock_release();
    return made;
}

const OSSL_ALGORITHM *gateway_query(struct instance *instance, int operation)
{
    return query(instance, operation, false);
}

const OSSL_ALGORITHM *gateway_inner_query(struct instance *instance, int operation)
{
    /* What takes keys and is fetched by others; and random numbers.  All else is the default's. */
    if (operation != OSSL_OP_CIPHER && operation != OSSL_OP_MAC && operation != OSSL_OP_RAND)
        return NULL;
    return query(instance, operation, true);
}

int gateway_capabilities(struct instance *instance, const char *capability, OSSL_CALLBACK *callback,
                         void *argument)
{
    if (!instance->config.gateway)
        return 1;
    return OSSL_PROVIDER_get_capabilities(instance->software, capability, callback, argument);
}

void gateway_clear(struct instance *instance)
{
    for (size_t i = 0; i < INSTANCE_OPERATIONS; i++) {
        free_table(instance->tables[i]);
        free_table(instance->inner_tables[i]);
        instance->tables[i] = instance->inner_tables[i] = NULL;
    }
}
