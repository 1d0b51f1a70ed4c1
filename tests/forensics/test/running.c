/* What the tests of `run` share: see running.h. */
#include "running.h"

#include <stdlib.h>
#include <string.h>

static unsigned char gold[32];

void running_configure(const char *settings)
{
    CHECK(unhex(GOLD_KEY, gold, sizeof(gold)) == sizeof(gold));
    CHECK(setenv("OPENSSL_CONF", config_file(settings, NULL), 1) == 0);
}

static bool has_wanted(const struct findings *findings)
{
    for (size_t i = 0; i < findings_count(findings); i++)
        if (findings_at(findings, i)->sought == 0)
            return true;
    return false;
}

bool examination_found(const struct running *running, const struct examination *examination)
{
    (void)running;
    return has_wanted(examination->findings);
}

void run_arguments(struct running *running, char *const *command,
                   void (*change)(struct run_settings *settings))
{
    const struct sought sought = { .role = SOUGHT_WANTED, .name = "gold", .key = gold };
    const struct scanner_settings scan = { .detectors = DETECT_SCHEDULES | DETECT_KNOWN_KEY,
                                           .sought = &sought,
                                           .sought_count = 1 };
    struct run_settings settings = {
        .command = command, .scan = &scan, .mode = RUN_HSM, .snapshot = 64 << 20
    };

    *running = (struct running){ 0 };
    if (change != NULL)
        change(&settings);
    running->done = run_command(&settings, &running->report, &running->end, &running->why);
    for (size_t i = 0; i < running->report.count; i++)
        running->wanted += has_wanted(running->report.examinations[i]->findings);
}

void run_target(struct running *running, const char *way,
                void (*change)(struct run_settings *settings))
{
    char *const command[] = { (char *)(uintptr_t)testing_path("HSMZKE_TEST_RUN_TARGET"),
                              (char *)(uintptr_t)way, NULL };

    run_arguments(running, command, change);
    if (!running->done)
        testing_failed(__FILE__, __LINE__, text("%s: %s", way, running->why.text));
}

void running_clear(struct running *running)
{
    report_clear(&running->report);
}

const struct examination *first_at(const struct running *running, enum moment moment,
                                   const char *call)
{
    for (size_t i = 0; i < running->report.count; i++) {
        const struct examination *examination = running->report.examinations[i];

        if (examination->moment == moment && strcmp(examination->call, call) == 0)
            return examination;
    }
    testing_failed(__FILE__, __LINE__, text("there was no search at %s", call));
    return NULL;
}

const struct control *control_named(const struct running *running, const char *name)
{
    for (size_t i = 0; i < running->report.control_count; i++)
        if (strcmp(running->report.controls[i].name, name) == 0)
            return &running->report.controls[i];
    testing_failed(__FILE__, __LINE__, text("there is no control '%s'", name));
    return NULL;
}

void check_canaries(const struct running *running)
{
    unsigned int count = 0;

    for (size_t i = 0; i < running->report.control_count; i++) {
        const struct control *control = &running->report.controls[i];

        if (strncmp(control->name, "canary", 6) != 0)
            continue;
        count++;
        if (!control->found || control->seen != control->of || control->of == 0)
            testing_failed(
                __FILE__, __LINE__,
                text("%s: found in %u of %u searches", control->name, control->seen, control->of));
    }
    CHECK(count == CANARY_COUNT);
}
