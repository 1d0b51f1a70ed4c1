/*
 * Every CKR that pkcs11.h defines, from every function of the module that the provider calls, at
 * its first call and at its last: while messages are encrypted and decrypted with CBC, CTR and GCM
 * (and by what else calls functions that these do not), and while the provider recovers from a
 * failure before.  Then wrong lengths from every function that returns one, output beyond them, and
 * failures after the output was written.  Each time all messages come out as software has them, or
 * some are refused with words and give nothing out; nothing crashes; and without the fault it works
 * again.
 */
#include "every.h"

#include <string.h>

#include <p11-kit/pkcs11.h>

static const struct value {
    const char *name;
    unsigned long rv;
} values[] = {
#define CKR(name) { #name, name },
#include "ckr-values.h"
#undef CKR
};
enum { VALUES = sizeof(values) / sizeof(values[0]) };

static unsigned functions; /* of the module, that are called */

static const struct fault lengths[] = {
    { .name = "0", .verb = "size", .argument = "0" },
    { .name = "small", .verb = "size", .argument = "small" },
    { .name = "large", .verb = "size", .argument = "large" },
    { .name = "unavailable", .verb = "size", .argument = "unavailable" },
    /* Where it is asked how much room is needed, there is none behind. */
    { .name = "64 more", .verb = "beyond", .argument = "64", .may_miss = true },
    { .name = "CKR_GENERAL_ERROR", .verb = "overwrite", .argument = "0x05" },
    { .name = "CKR_DEVICE_ERROR", .verb = "overwrite", .argument = "0x30" },
};
enum { LENGTHS = sizeof(lengths) / sizeof(lengths[0]) };

/* Without a further try in this process. */
static bool refuses_pin(unsigned long rv)
{
    return rv == CKR_PIN_INCORRECT || rv == CKR_PIN_INVALID || rv == CKR_PIN_LEN_RANGE ||
           rv == CKR_PIN_EXPIRED || rv == CKR_PIN_LOCKED;
}

static void print(const char *what, unsigned from, unsigned to)
{
    const struct tally all = cases_tally(from, to);

    printf("table: %-14s %6u %10u %8u %8u %6u %9u %6u\n", what, all.injected, all.recovered,
           all.refused, all.crashed, all.wrong, all.wordless, all.stuck);
}

static void print_table(const char *title)
{
    printf("table: %-14s %6s %10s %8s %8s %6s %9s %6s\n", title, "faults", "recovered", "refused",
           "crashed", "wrong", "no words", "stuck");
    for (unsigned i = 0; i < OPERATIONS; i++)
        print(operation_names[i], i, i + 1);
    print("all", 0, OPERATIONS);
}

static void check(unsigned least)
{
    const struct tally all = cases_tally(0, OPERATIONS);

    CHECK(all.crashed == 0 && all.wrong == 0 && all.wordless == 0 && all.stuck == 0);
    CHECK(all.missed == 0 && all.injected >= least);
}

static void every_ckr(void **state)
{
    struct fault faults[VALUES];
    struct tally all;

    (void)state;
    for (unsigned i = 0; i < VALUES; i++)
        faults[i] = (struct fault){ .name = values[i].name,
                                    .verb = "fail",
                                    .argument = text("0x%lx", values[i].rv),
                                    .final = refuses_pin(values[i].rv) };
    cases_run(faults, VALUES, NULL);
    print_table("each CKR");
    all = cases_tally(0, OPERATIONS);
    printf("table: faults: %u CKR x %u functions x %u operations: %u injected, %u recovered, %u "
           "refused "
           "with words, %u crashes, %u wrong\n",
           (unsigned)VALUES, functions, (unsigned)OPERATIONS, all.injected, all.recovered,
           all.refused, all.crashed, all.wrong);
    check(quick() ? placed : placed * VALUES);
    CHECK(placed >= VALUES); /* so that a quick run has each value */
}

static bool returns_length(const char *function)
{
    static const char *const with[] = {
        "C_Encrypt",     "C_EncryptUpdate",    "C_EncryptFinal",
        "C_Decrypt",     "C_DecryptUpdate",    "C_DecryptFinal",
        "C_Sign",        "C_SignFinal",        "C_FindObjects",
        "C_GetSlotList", "C_GetMechanismList", "C_GetAttributeValue",
    };

    for (size_t i = 0; i < sizeof(with) / sizeof(with[0]); i++)
        if (strcmp(with[i], function) == 0)
            return true;
    return false;
}

static void every_length(void **state)
{
    (void)state;
    cases_run(lengths, LENGTHS, returns_length);
    print_table("lengths");
    check(LENGTHS);
}

static int setup(void **state)
{
    const int result = testing_setup(state);

    places_prepare();
    work_prepare();
    functions = places_find();
    return result;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_ckr),
        cmocka_unit_test(every_length),
    };

    return cmocka_run_group_tests(tests, setup, testing_teardown);
}
