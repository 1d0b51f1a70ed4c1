/*
 * A core for the tests of the configuration: it hands out parameters from a table, as libcrypto
 * does with a provider's section of openssl.cnf.
 */
#ifndef HSMZKE_UNIT_CORE_H
#define HSMZKE_UNIT_CORE_H

#include "config.h"

struct setting {
    const char *name, *value;
};

/** Reads a configuration with these settings: up to a NULL name. */
void core_configure(struct config *config, const struct setting *settings);

/** The same without the upcall for parameters. */
void core_configure_without_upcall(struct config *config);

/** This setting alone is wrong, and the words name it, its value and the cure. */
void core_refuses(const char *name, const char *value, const char *cure);

/** This setting alone is right. */
void core_takes(const char *name, const char *value);

/** Takes out of the environment what the provider reads there: for cmocka's set-up of a test. */
int core_clear_environment(void **state);

#endif
