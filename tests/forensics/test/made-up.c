/* Reports that nobody scanned for: see made-up.h. */
#include "made-up.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(bool went_well)
{
    if (!went_well)
        abort();
}

static void add_place(struct examination *examination, struct place place, const char *name,
                      const char *permissions)
{
    if (place.bytes.mapped == 0)
        place.bytes.mapped = place.end - place.start;
    place.bytes.read = place.bytes.mapped - place.bytes.never_populated;
    place.process = 4711;
    snprintf(place.name, sizeof(place.name), "%s", name);
    snprintf(place.permissions, sizeof(place.permissions), "%s", permissions);
    must(ledger_add(&examination->ledger, &place) != (unsigned int)-1);
}

static void add_places(struct examination *examination)
{
    add_place(examination, (struct place){ .start = 0x7f1000000000, .end = 0x7f1000200000 },
              "/usr/lib/libfoo.so.1", "r-xp");
    add_place(examination, (struct place){ .start = 0x7f1000200000, .end = 0x7f1000240000 },
              "/usr/lib/libfoo.so.1", "rw-p");
    add_place(examination,
              (struct place){
                  .start = 0x560000000000, .end = 0x560000400000, .bytes.never_populated = 0x1000 },
              "[heap]", "rw-p");
    add_place(examination,
              (struct place){ .start = 0x7f2000000000,
                              .end = 0x7f2008000000,
                              .bytes.never_populated = 0x7f00000 },
              "", "rw-p");
    add_place(examination, (struct place){ .start = 0x7ffff0000000, .end = 0x7ffff0021000 },
              "[stack]", "rw-p");
    add_place(examination, (struct place){ .kind = PLACE_REGISTERS, .thread = 4712, .end = 1024 },
              "registers of thread 4712 (worker)", "");
    add_place(examination, (struct place){ .kind = PLACE_ENVIRONMENT, .end = 900 }, "environment",
              "");
    add_place(examination, (struct place){ .kind = PLACE_COMMAND_LINE, .end = 40 }, "command line",
              "");
    add_place(examination, (struct place){ .kind = PLACE_MEMFD, .end = 4096 }, "fd 7: memfd:x", "");
}

static void add_examination(struct report *report, enum moment moment, size_t index)
{
    struct examination *examination = examination_new();

    must(examination != NULL);
    examination->moment = moment;
    examination->processes = 1;
    examination->threads = 2;
    examination->at = 3.5 * (double)index;
    examination->frozen = 1.25;
    examination->searched = 2.5;
    examination->copied_whole = true;
    if (moment == MOMENT_ENTRY || moment == MOMENT_RETURN)
        snprintf(examination->call, sizeof(examination->call), "%s",
                 index / 2 % 2 == 0 ? "C_EncryptInit" : "C_EncryptUpdate");
    add_places(examination);
    must(report_add(report, examination));
}

void made_up_report(struct report *report, enum target_kind kind, size_t scans)
{
    static const char *const targets[] = { "process 4711 (openssl)", "openssl enc -aes-256-cbc",
                                           "core file core.4711", "image disk.raw" };

    *report = (struct report){ .kind = kind, .when = 1763784000, .duration = 0.25 };
    snprintf(report->version, sizeof(report->version), "0.1.0");
    snprintf(report->target, sizeof(report->target), "%s", targets[kind]);
    snprintf(report->host, sizeof(report->host), "host");
    snprintf(report->kernel, sizeof(report->kernel), "Linux 6.1.0");
    snprintf(report->processor, sizeof(report->processor), "a processor");
    snprintf(report->path, sizeof(report->path), "AVX2");
    snprintf(report->detectors, sizeof(report->detectors), "schedules bitsliced oracle");
    report->question.by_oracle = true;
    report->question.canaries = 2;
    snprintf(report->question.reference, sizeof(report->question.reference), "hsmzke:gold");
    snprintf(report->question.mechanism, sizeof(report->question.mechanism), "AES-256-ECB");
    if (kind != TARGET_RUN) {
        add_examination(report, MOMENT_ONCE, 0);
        made_up_control(report, "vpaes schedule", true, true);
        return;
    }
    for (size_t i = 0; i + 1 < scans; i++)
        add_examination(report, i % 2 == 0 ? MOMENT_ENTRY : MOMENT_RETURN, i);
    add_examination(report, MOMENT_EXIT, scans);
    report->calls = (scans - 1) / 2;
    report->longest_unscanned = 12.5;
    made_up_control(report, "canary on the heap", true, false);
    made_up_control(report, CONTROL_SOFTWARE_RUN, true, false);
}

void made_up_ask_nothing(struct report *report)
{
    report->question = (struct question){ .canaries = 2 };
}

struct finding *made_up_schedule(struct report *report, size_t scan, enum made_up_place place,
                                 unsigned char first_byte, int sought)
{
    struct examination *examination = report->examinations[scan];
    struct finding finding = {
        .kind = FINDING_SCHEDULE,
        .place = place,
        .address = examination->ledger.places[place].start + 0x100,
        .size = 240,
        .key_bits = 256,
        .matched = 15,
        .of = 15,
        .sought = sought,
    };

    memset(finding.key, 0xa5, sizeof(finding.key));
    finding.key[0] = first_byte;
    finding.address += (uint64_t)first_byte << 8;
    findings_add(examination->findings, &finding);
    return findings_edit(examination->findings, findings_count(examination->findings) - 1);
}

struct finding *made_up_bytes(struct report *report, size_t scan, enum made_up_place place,
                              enum finding_kind kind, const char *encoding)
{
    struct examination *examination = report->examinations[scan];
    const struct finding finding = {
        .kind = kind,
        .place = place,
        .address = examination->ledger.places[place].start + 0x40,
        .size = kind == FINDING_PIN ? 8 : 32,
        .key_bits = kind == FINDING_PIN ? 0 : 256,
        .matched = kind == FINDING_PIN ? 8 : 32,
        .of = kind == FINDING_PIN ? 8 : 32,
        .encoding = encoding,
        .sought = kind == FINDING_PIN ? -1 : 0,
        .key = { 0x5a, 0x5a },
    };

    findings_add(examination->findings, &finding);
    return findings_edit(examination->findings, findings_count(examination->findings) - 1);
}

void made_up_control(struct report *report, const char *name, bool found, bool helper)
{
    struct control *controls =
        realloc(report->controls, (report->control_count + 1) * sizeof(*controls));
    struct control *control;

    must(controls != NULL);
    report->controls = controls;
    control = &controls[report->control_count++];
    *control = (struct control){ .found = found, .helper = helper, .seen = found, .of = 1 };
    snprintf(control->name, sizeof(control->name), "%s", name);
}

struct place *made_up_place(struct report *report, size_t scan, enum made_up_place place)
{
    return &report->examinations[scan]->ledger.places[place];
}
