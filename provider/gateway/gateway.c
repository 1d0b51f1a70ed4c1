/* The default provider whole behind ours: see gateway.h. */
#include "gateway/gateway.h"

#include <openssl/core_names.h>
#include <stdlib.h>
#include <string.h>

#include "cipher/cipher.h"
#include "hsmzke/hsmzke.h"
#include "lock.h"
#include "mac/mac.h"
#include "rand/rand.h"

static const char theirs[] = "provider=default";
static const char ours[] = "provider=" HSMZKE_PROVIDER_NAME;

/* "provider=default,fips=yes,..." -> "provider=hsmzke,fips=yes,..." */
static char *rewrite(const char *properties)
{
    const char *found = properties != NULL ? strstr(properties, theirs) : NULL;
    char *result;
    size_t before;

    if (found == NULL)
        return strdup(ours);
    before = (size_t)(found - properties);
    result = malloc(strlen(properties) + sizeof(ours));
    if (result == NULL)
        return NULL;
    memcpy(result, properties, before);
    strcpy(result + before, ours);
    strcat(result, found + strlen(theirs));
    return result;
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
    if (own != NULL || !instance->config.gateway)
        return own;
    if (operation == OSSL_OP_CIPHER)
        return gateway_refusal(algorithm->implementation);
    if (operation == OSSL_OP_RAND)
        return gateway_rand(algorithm->implementation);
    if (instance->config.references_elsewhere)
        return algorithm->implementation;
    return gateway_refusal_params(operation, algorithm->algorithm_names, algorithm->implementation);
}

static void free_table(OSSL_ALGORITHM *table)
{
    for (OSSL_ALGORITHM *row = table; row != NULL && row->algorithm_names != NULL; row++)
        free((void *)(uintptr_t)row->property_definition); /* rewrite()'s, const by its type only */
    free(table);
}

/* What the default provider has no algorithm for, of `operation`. */
static const OSSL_ALGORITHM *additions(int operation, bool inner)
{
    static const OSSL_ALGORITHM none[] = { { NULL, NULL, NULL, NULL } };

    if (operation != OSSL_OP_RAND)
        return none;
    return inner ? rand_inner_algorithms : rand_algorithms;
}

static bool add_row(OSSL_ALGORITHM *table, size_t *rows, const OSSL_ALGORITHM *from,
                    const OSSL_DISPATCH *implementation)
{
    table[*rows] = *from;
    table[*rows].implementation = implementation;
    table[*rows].property_definition = rewrite(from->property_definition);
    return table[(*rows)++].property_definition != NULL;
}

static size_t count_rows(const OSSL_ALGORITHM *table)
{
    size_t rows = 0;

    while (table != NULL && table[rows].algorithm_names != NULL)
        rows++;
    return rows;
}

/* With the lock held. */
static OSSL_ALGORITHM *make_table(const struct instance *instance, int operation, bool inner)
{
    int no_cache = 0;
    const OSSL_ALGORITHM *from =
        inner && operation == OSSL_OP_RAND
            ? NULL
            : OSSL_PROVIDER_query_operation(instance->software, operation, &no_cache);
    const OSSL_ALGORITHM *more = additions(operation, inner);
    const size_t most = count_rows(from) + count_rows(more);
    OSSL_ALGORITHM *table;
    size_t rows = 0;
    bool made = true;

    if (most == 0)
        return NULL;
    table = calloc(most + 1, sizeof(*table));
    if (table == NULL)
        return NULL;
    for (; made && from != NULL && from->algorithm_names != NULL; from++) {
        const OSSL_DISPATCH *implementation = choose(instance, operation, from, inner);

        if (implementation != NULL)
            made = add_row(table, &rows, from, implementation);
    }
    for (; made && more->algorithm_names != NULL; more++)
        made = add_row(table, &rows, more, more->implementation);
    if (made)
        return table;
    free_table(table);
    return NULL;
}

static const OSSL_ALGORITHM *query(struct instance *instance, int operation, bool inner)
{
    OSSL_ALGORITHM **table;

    if (operation <= 0 || operation >= INSTANCE_OPERATIONS)
        return NULL;
    table = inner ? &instance->inner_tables[operation] : &instance->tables[operation];
    lock_take();
    if (*table == NULL)
        *table = make_table(instance, operation, inner);
    lock_release();
    return *table;
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
