/*
 * After a login there is no PIN in the program: not in its memory and registers, its environment
 * and command line, the audit log, the error queue.  Each source of PINs is tried with a process of
 * its own (pin-child), with modules in the process and SoftHSM in another, and each module also
 * without hsmzke, which shows what it keeps by itself.
 *
 * That the search finds PINs is shown by the sources that are visible by their nature.
 */
#include "testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <unistd.h>

#include "pin-running.h"
#include "pin-search.h"
#include "pin-sources.h"
#include "remote.h"

/* One source with one module. */
struct trial {
    const struct pin_source *source;
    const char *pin, *audit;
    struct pin_child child;
    unsigned logins, scans;
    struct pin_seen seen; /* in all scans */
};

static const char *module_words;        /* as in the table */
static bool module_keeps;               /* the module, without hsmzke */
static const char *label, *token, *pin; /* the token, its URI, its PIN */

static void use_token(const char *its_label, const char *its_pin)
{
    label = module_label(its_label);
    token = module_makes_tokens() ? text("pkcs11:token=%s", label) : module_token();
    pin = its_pin;
}

/* ---- a search at one moment ---- */

static void scan(struct trial *trial, pid_t forked, const char *when)
{
    const pid_t processes[2] = { trial->child.pid, forked };
    struct pin_seen seen;

    pin_search(processes, forked != 0 ? 2 : 1, trial->pin, &seen);
    if (seen.places > 0 && !trial->source->visible && !module_keeps)
        testing_failed(__FILE__, __LINE__,
                       text("pin-source %s, after %s: the PIN is in %s", trial->source->name, when,
                            seen.where));
    if (seen.places == 0 && trial->source->visible)
        testing_failed(__FILE__, __LINE__,
                       text("pin-source %s, after %s: the search does not find the PIN",
                            trial->source->name, when));
    if (trial->seen.places == 0) {
        trial->seen.where = seen.where;
        trial->seen.address = seen.address;
    }
    trial->seen.places += seen.places;
    trial->seen.bytes += seen.bytes;
    trial->scans++;
}

/* ---- what the child does ---- */

/* A command after which hsmzke logs in. */
static const char *with_login(struct trial *trial, char command, const char *answer)
{
    pin_tell(&trial->child, command);
    if (trial->child.terminal >= 0)
        pin_type(&trial->child, trial->pin);
    trial->logins++;
    return pin_hear(&trial->child, answer);
}

static const char *expected(void)
{
    static const unsigned char in[64], iv[16];
    unsigned char key[32], out[64 + 32];
    struct message message = { .cipher = "AES-256-CBC",
                               .key = key,
                               .iv = iv,
                               .encrypt = 1,
                               .padding = 0,
                               .in = in,
                               .size = sizeof(in),
                               .out = out };

    CHECK(unhex(GOLD_KEY, key, sizeof(key)) == sizeof(key));
    CHECK(message_run(context_default(), &message) == 1);
    return hex(out, 64);
}

static void is_right(const char *ciphertext)
{
    CHECK_HAS(text("<%s>", ciphertext), text("<%s>", expected()));
}

/*
 * The server has a process for each connection: hsmzke's is the first, libp11's the second.  For
 * the next one there will be another.
 */
static void end_connection(void)
{
    const char *output;

    if (run_shell(text("set -eu; server=$(cat '%s/pid')\n"
                       "set -- $(cat /proc/$server/task/$server/children)\n"
                       "kill $1",
                       remote_directory()),
                  &output) != 0)
        testing_failed(__FILE__, __LINE__, output);
}

static void lose_login(struct trial *trial)
{
    if (remote_directory() != NULL) {
        end_connection();
    } else {
        pin_tell(&trial->child, 'c');
        pin_hear(&trial->child, "closed");
    }
    is_right(with_login(trial, 'e', "done "));
    scan(trial, 0, "the next login");
}

static void fork_it(struct trial *trial)
{
    int forked;

    pin_tell(&trial->child, 'f');
    forked = atoi(pin_hear(&trial->child, "forked "));
    CHECK(forked > 0);
    is_right(with_login(trial, 'e', "done "));
    scan(trial, forked, "the login in a forked child");
    pin_tell(&trial->child, 'q');
    pin_hear(&trial->child, "alone");
    pin_tell(&trial->child, 'e');
    is_right(pin_hear(&trial->child, "done "));
    scan(trial, 0, "the end of a forked child");
}

/* ---- what else could tell it ---- */

static unsigned count(const char *whole, const char *part)
{
    unsigned found = 0;

    while ((whole = strstr(whole, part)) != NULL) {
        found++;
        whole += strlen(part);
    }
    return found;
}

static void check_audit(const struct trial *trial)
{
    size_t size;
    const char *log = (const char *)read_file(trial->audit, &size);

    CHECK(log != NULL && strlen(log) == size);
    CHECK(count(log, "\"event\":\"login\"") == trial->logins);
    CHECK(strstr(log, trial->pin) == NULL);
}

static void begin(struct trial *trial, const struct pin_source *source, const char *a_pin)
{
    struct pin_start start = { .program = NULL };
    const char *of_source = source->prepare(&start, token, a_pin);

    *trial = (struct trial){
        .source = source, .pin = a_pin, .audit = write_file("audit", "", 0), .seen = { .where = "" }
    };
    start.arguments[0] = "evp";
    start.arguments[1] =
        config_file(settings_for(module_path(), text("%s%saudit = file:%s\n", module_lines(),
                                                     of_source, trial->audit)),
                    NULL);
    start.arguments[2] = module_path();
    start.arguments[3] = label;
    pin_start(&trial->child, &start);
    pin_hear(&trial->child, "ready");
}

static void try_source(const struct pin_source *source)
{
    struct trial trial;

    begin(&trial, source, pin);
    with_login(&trial, 'i', "begun");
    scan(&trial, 0, "the login");
    pin_tell(&trial.child, 'e');
    is_right(pin_hear(&trial.child, "done "));
    scan(&trial, 0, "operations");
    if (!source->once) {
        lose_login(&trial);
        fork_it(&trial);
    }
    pin_end(&trial.child);
    check_audit(&trial);
    CHECK(strstr(trial.child.shown, pin) == NULL);
    pin_print(source->name, module_words, trial.scans, &trial.seen);
}

/* One that the token refuses is gone as well, and the words do not tell it. */
static void try_wrong_pin(void)
{
    const char *wrong = pin_make(PIN_SIZE), *words;
    struct trial trial;

    begin(&trial, pin_source_named("file:"), wrong);
    words = with_login(&trial, 'i', "refused ");
    CHECK_HAS(words, "CKR_PIN_INCORRECT");
    CHECK(strstr(words, wrong) == NULL);
    scan(&trial, 0, "a login that was refused");
    pin_end(&trial.child);
    check_audit(&trial);
    pin_print("file:, a wrong PIN", module_words, trial.scans, &trial.seen);
}

/* ---- the module without hsmzke ---- */

static void try_module_alone(const char *words)
{
    struct pin_start start = { .arguments = { "bare", module_path(), label } };
    struct pin_child child;
    struct pin_seen seen;
    int ends[2];

    CHECK(pipe2(ends, O_CLOEXEC) == 0 && dprintf(ends[1], "%s", pin) > 0);
    close(ends[1]);
    start.descriptor = ends[0];
    pin_start(&child, &start);
    pin_hear(&child, "in");
    pin_search(&child.pid, 1, pin, &seen);
    pin_end(&child);
    module_words = words;
    module_keeps = seen.places > 0;
    pin_print("(C_Login without hsmzke)", words, 1, &seen);
}

/* ---- SoftHSM in the process ---- */

static void make_token(void)
{
    token_init(label, pin);
    token_import(label, pin, "gold " GOLD_KEY "\n");
}

static void softhsm(void **state)
{
    (void)state;
    token_store();
    use_token("prod", pin_make(PIN_SIZE));
    make_token();
    try_module_alone("SoftHSM");
    /* Else nothing could be told of hsmzke by it. */
    CHECK(!module_keeps);
    for (const struct pin_source *source = pin_sources; source->name != NULL; source++)
        if (!quick() || source == pin_sources || source->visible)
            try_source(source);
    try_wrong_pin();
}

/* ---- other modules ---- */

static void try_most_important(void)
{
    try_source(pin_source_named("file:"));
    try_source(pin_source_named("prompt"));
}

static void nss(void)
{
    setenv("HSMZKE_TEST_MODULE", "nss", 1);
    use_token("prod", pin_make(PIN_SIZE));
    setenv("HSMZKE_TEST_TOKEN_PIN", pin, 1);
    token_store(); /* makes the token, with this PIN */
    unsetenv("HSMZKE_TEST_TOKEN_PIN");
    token_import(label, pin, "gold " GOLD_KEY "\n");
    try_module_alone("NSS");
    try_most_important();
}

/* p11-kit's client. What it keeps of a short PIN is overwritten by what hsmzke asks next. */
static void out_of_process(void **state)
{
    (void)state;
    if (!remote_start())
        skip();
    for (int i = 0; i < 2; i++) {
        use_token(i == 0 ? "prod" : "long", pin_make(i == 0 ? PIN_SIZE : PIN_LONG));
        make_token();
        try_module_alone(text("p11-kit, %zu characters", strlen(pin)));
        try_most_important();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(softhsm),
        CHILD_TEST(nss), /* its settings end with the child */
        cmocka_unit_test_teardown(out_of_process, remote_stop),
    };
    const struct CMUnitTest few[] = { cmocka_unit_test(softhsm) };

    return quick() ? cmocka_run_group_tests(few, testing_setup, testing_teardown)
                   : cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
