/* A command, run and searched, twice: see run.h. */
#include "run.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../../provider/secret.h"
#include "../scan/aes.h"
#include "tracer.h"

enum { KEY = 32 };

/* One run of the command: what is looked for, and with which key the software module computes. */
struct pass {
    const struct run_settings *settings;
    const struct environment *environment;
    struct scanner_settings scan;
    struct sought sought[SOUGHT_MAX];
    unsigned char *key; /* locked memory; NULL: the HSM computes */
    struct canaries *canaries;
    struct tracer tracer;
};

static bool fail(struct source_trouble *why, const char *text)
{
    snprintf(why->text, sizeof(why->text), "%s", text);
    return false;
}

/* The control's key: the one that is sought, or, where nobody has that, a random one instead. */
static bool choose_key(struct pass *pass, struct source_trouble *why)
{
    struct failure failure = { 0 };
    struct sought *wanted = &pass->sought[0];

    pass->key = secret_alloc(KEY, &failure);
    if (pass->key == NULL)
        return fail(why, failure.text);
    for (size_t i = 0; i < pass->scan.sought_count; i++)
        if (pass->sought[i].key != NULL) {
            memcpy(pass->key, pass->sought[i].key, KEY);
            return true;
        }
    if (getrandom(pass->key, KEY, 0) != KEY)
        return fail(why, "there are no random numbers for the control's key");
    *wanted = (struct sought){ .role = SOUGHT_WANTED, .name = "the control's key" };
    wanted->has_cipher = true;
    aes_encrypt(8, pass->key, pass->scan.plain, wanted->cipher);
    pass->scan.sought_count = 1;
    return true;
}

static bool prepare(struct pass *pass, bool software, struct source_trouble *why)
{
    const struct scanner_settings *scan = pass->settings->scan;

    if (scan->sought_count + CANARY_COUNT > SOUGHT_MAX)
        return fail(why, "too many keys are asked for");
    pass->scan = *scan;
    pass->scan.remember = true;
    for (size_t i = 0; i < scan->sought_count; i++)
        pass->sought[i] = scan->sought[i];
    if (software && !choose_key(pass, why))
        return false;
    pass->canaries = canaries_new(pass->settings->left_out, why);
    if (pass->canaries == NULL)
        return false;
    pass->tracer.searches.first_canary = (int)pass->scan.sought_count;
    pass->scan.sought = pass->sought;
    canaries_seek(pass->canaries, pass->sought, &pass->scan.sought_count);
    return true;
}

static bool perform(struct pass *pass, bool control, struct report *report,
                    struct source_trouble *why)
{
    struct scanner *scanner = scanner_new(&pass->scan);
    struct tracer *tracer = &pass->tracer;
    bool done;

    if (scanner == NULL)
        return fail(why, "there is no memory for the scanner");
    tracer->environment = pass->environment;
    tracer->key = pass->key;
    tracer->control = control;
    tracer->searches.settings = pass->settings;
    tracer->searches.scanner = scanner;
    tracer->searches.canaries = pass->canaries;
    tracer->searches.report = report;
    done = tracer_run(tracer, why);
    report->calls = tracer->searches.calls;
    scanner_free(scanner);
    return done;
}

static void clear(struct pass *pass)
{
    tracees_free(&pass->tracer.tracees);
    free(pass->tracer.searches.there);
    secret_free(pass->key, KEY);
    canaries_free(pass->canaries);
    secret_wipe(pass->sought, sizeof(pass->sought));
}

static bool add_control(struct report *report, const struct control *control)
{
    struct control *longer =
        realloc(report->controls, (report->control_count + 1) * sizeof(*longer));

    if (longer == NULL)
        return false;
    report->controls = longer;
    report->controls[report->control_count++] = *control;
    return true;
}

/* In how many examinations a key that is wanted was found. */
static unsigned int count_found(const struct report *report, int wanted)
{
    unsigned int count = 0;

    for (size_t i = 0; i < report->count; i++) {
        const struct findings *findings = report->examinations[i]->findings;
        bool found = false;

        for (size_t j = 0; j < findings_count(findings); j++)
            found |=
                findings_at(findings, j)->sought >= 0 && findings_at(findings, j)->sought < wanted;
        count += found;
    }
    return count;
}

/* Runs the command with the key in software; what is found becomes one control of `report`. */
static bool run_control(const struct run_settings *settings, const struct environment *environment,
                        struct report *report, struct source_trouble *why)
{
    struct pass pass = { .settings = settings, .environment = environment };
    struct control control = { .name = CONTROL_SOFTWARE_RUN };
    struct report own = { 0 };
    const off_t at = lseek(0, 0, SEEK_CUR);
    bool done = prepare(&pass, true, why) && perform(&pass, true, &own, why);

    if (done) {
        control.seen = count_found(&own, pass.tracer.searches.first_canary);
        control.of = control.seen;
        control.found = control.seen > 0;
        done = add_control(report, &control) || fail(why, "there is no memory for the report");
    }
    if (at >= 0)
        (void)lseek(0, at, SEEK_SET);
    report_clear(&own);
    clear(&pass);
    return done;
}

static void fail_moments(struct report *report, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The first reason stays. */
static void fail_moments(struct report *report, const char *format, ...)
{
    struct condition_result *result = &report->conditions[CONDITION_MOMENTS];
    va_list arguments;

    if (result->state == STATE_FAILS && result->reason[0] != '\0')
        return;
    result->state = STATE_FAILS;
    va_start(arguments, format);
    vsnprintf(result->reason, sizeof(result->reason), format, arguments);
    va_end(arguments);
}

static void describe_end(const struct tracer *tracer, struct run_end *end)
{
    const int status = tracer->tracees.root_status;

    end->status = status;
    end->interrupted = tracer->asked_to_stop > 1;
    if (end->interrupted)
        snprintf(end->text, sizeof(end->text), "it was killed, as asked");
    else if (WIFSIGNALED(status))
        snprintf(end->text, sizeof(end->text), "it was ended by signal %d (%s)", WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
    else
        snprintf(end->text, sizeof(end->text), "it ended with exit status %d", WEXITSTATUS(status));
}

static void judge_moments(const struct pass *pass, const struct run_end *end, struct report *report)
{
    const struct tracer *tracer = &pass->tracer;

    if (tracer->trouble[0] != '\0')
        fail_moments(report, "%s", tracer->trouble);
    if (!tracer->tapped || report->calls == 0)
        fail_moments(report,
                     "no PKCS#11 call of the command was seen: it does not use hsmzke, or not "
                     "with the environment of hsmzke-memscan; set HSMZKE_* and OPENSSL_CONF "
                     "before `hsmzke-memscan run`, not in the command");
    if (tracer->searches.lost > 0)
        fail_moments(report, "%llu stops could not be searched: %s",
                     (unsigned long long)tracer->searches.lost, tracer->searches.trouble);
    if (tracer->tracees.overflowed)
        fail_moments(report, "there was no memory to follow all threads of the command");
    if (report->dropped > 0)
        fail_moments(report, "nothing was searched at %llu stops, as --every or --budget ask",
                     (unsigned long long)report->dropped);
    if (end->interrupted || end->status != 0)
        fail_moments(report, "the command did not do its work: %s", end->text);
}

static void name_target(const struct run_settings *settings, struct report *report)
{
    size_t size = 0;

    report->kind = TARGET_RUN;
    for (size_t i = 0; settings->command[i] != NULL && size + 1 < sizeof(report->target); i++)
        size += (size_t)snprintf(report->target + size, sizeof(report->target) - size, "%s%s",
                                 i > 0 ? " " : "", settings->command[i]);
}

static bool run_pass(const struct run_settings *settings, const struct environment *environment,
                     struct report *report, struct run_end *end, struct source_trouble *why)
{
    const bool software = settings->mode == RUN_SOFTWARE;
    struct pass pass = { .settings = settings, .environment = environment };
    bool done = prepare(&pass, software, why) && perform(&pass, false, report, why);

    if (done) {
        describe_end(&pass.tracer, end);
        judge_moments(&pass, end, report);
        for (size_t i = 0; i < CANARY_COUNT; i++) {
            report->question.canaries |= 1U << ((size_t)pass.tracer.searches.first_canary + i);
            if (!add_control(report, &canaries_controls(pass.canaries)[i]))
                done = fail(why, "there is no memory for the report");
        }
    }
    clear(&pass);
    return done;
}

bool run_command(const struct run_settings *settings, struct report *report, struct run_end *end,
                 struct source_trouble *why)
{
    const uint64_t begun = searches_now();
    struct environment *environment = calloc(1, sizeof(*environment));
    bool done;

    if (environment == NULL)
        return fail(why, "there is no memory");
    name_target(settings, report);
    done = environment_find(environment, why) &&
           (settings->mode != RUN_BOTH || run_control(settings, environment, report, why)) &&
           run_pass(settings, environment, report, end, why);
    report->duration = (double)(searches_now() - begun) / 1e9;
    free(environment);
    return done;
}
