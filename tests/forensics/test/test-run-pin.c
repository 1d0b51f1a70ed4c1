/*
 * A command is searched for its PIN at the entry and the return of every PKCS#11 call: it is there
 * in C_Login, and at no other moment, nor is a piece of it in a register.
 */
#include "running.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

#include "../scan/pin.h"

enum { PIECE = 8, PIECES = 3 };

static char pin[PIECES * PIECE + 1];
static const char *wanted; /* the PIN or a piece of it */

static bool is_strong(void)
{
    for (int i = 0; i < PIECES; i++)
        if (pin_weakness(text("%.*s", PIECE, pin + i * PIECE)) != NULL)
            return false;
    return true;
}

static int setup(void **state)
{
    unsigned char random[18];

    if (testing_setup(state) != 0)
        return -1;
    do {
        CHECK(RAND_bytes(random, sizeof(random)) == 1);
        CHECK(EVP_EncodeBlock((unsigned char *)pin, random, sizeof(random)) == sizeof(pin) - 1);
    } while (!is_strong());
    token_store();
    token_init("prod", pin);
    token_import("prod", pin, "gold " GOLD_KEY "\n");
    running_configure(settings_for(
        module_path(), text("token = pkcs11:token=prod\npin-source = %s\n", pin_file(pin))));
    return 0;
}

static void for_the_pin(struct run_settings *settings)
{
    static struct scanner_settings scan;

    scan = (struct scanner_settings){ .detectors = DETECT_PIN, .pin = wanted, .remember = true };
    settings->scan = &scan;
}

/* @return how many searches found it; fails if one did that was not at C_Login */
static size_t searches_that_found(const struct running *run)
{
    size_t found = 0;

    for (size_t i = 0; i < run->report.count; i++) {
        const struct examination *examination = run->report.examinations[i];

        if (findings_count(examination->findings) == 0)
            continue;
        found++;
        if (strcmp(examination->call, "C_Login") != 0)
            testing_failed(__FILE__, __LINE__,
                           text("search %zu, at %s: the PIN is in memory", i, examination->call));
    }
    return found;
}

/* At its entry and its return, where the caller still has the PIN. */
static void only_in_the_login(void **state)
{
    (void)state;
    for (int i = quick() ? PIECES : 0; i <= PIECES; i++) {
        struct running run;

        wanted = i == PIECES ? pin : text("%.*s", PIECE, pin + i * PIECE);
        run_target(&run, "once", for_the_pin);
        CHECK(run.end.status == 0 && run.report.calls > 10 && run.report.dropped == 0);
        CHECK(run.report.conditions[CONDITION_MOMENTS].state != STATE_FAILS);
        CHECK(searches_that_found(&run) == 2);
        if (wanted == pin)
            printf("table: %-26s %-22s %zu searches, at each call: FOUND in C_Login only\n",
                   "file:", "SoftHSM", run.report.count);
        running_clear(&run);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_in_the_login),
    };

    return cmocka_run_group_tests(tests, setup, testing_teardown);
}
