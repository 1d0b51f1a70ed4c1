/*
 * splitmix64: a failed random test is repeated by its seed, on every machine.
 */
#include "testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

uint64_t prng_next(struct prng *prng)
{
    uint64_t z = (prng->state += 0x9e3779b97f4a7c15U);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

size_t prng_upto(struct prng *prng, size_t limit)
{
    return (size_t)(prng_next(prng) % ((uint64_t)limit + 1));
}

bool prng_one_in(struct prng *prng, unsigned n)
{
    return prng_next(prng) % n == 0;
}

void prng_fill(struct prng *prng, void *out, size_t size)
{
    unsigned char *to = out;

    for (size_t i = 0; i < size; i++)
        to[i] = (unsigned char)prng_next(prng);
}

uint64_t prng_seed(void)
{
    const char *given = getenv("HSMZKE_TEST_SEED");
    struct timespec now;
    uint64_t seed;

    clock_gettime(CLOCK_REALTIME, &now);
    if (given != NULL && *given != '\0')
        seed = strtoull(given, NULL, 0);
    else
        seed = (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec + (uint64_t)getpid();
    printf("seed: HSMZKE_TEST_SEED=%llu\n", (unsigned long long)seed);
    fflush(stdout);
    return seed;
}

unsigned long jobs_to_run(unsigned long usually, unsigned long when_quick)
{
    const char *given = getenv("HSMZKE_TEST_JOBS");

    if (given != NULL && *given != '\0')
        return strtoul(given, NULL, 0);
    return quick() ? when_quick : usually;
}

void jobs_done(unsigned long agreed, unsigned long jobs, const char *what)
{
    printf("%lu of %lu agree: %s on %s\n", agreed, jobs, what, module_name());
    CHECK(agreed == jobs);
}
