/*
 * Writes a made-up report: made-up-report CASE text|json|html [reveal] [everything].  The checks of
 * the writers' output, and whoever wants to look at it, run this.
 */
#include <stdio.h>
#include <string.h>

#include "../report/writers.h"
#include "made-up.h"

/* Names that a hostile target may choose: markup, controls, bad UTF-8, a line turned around. */
#define HOSTILE_NAME "/tmp/<script>alert('x')</script>\"&\x1b[31m\xe2\x80\xae\xff\n/lib]]>.so"

static void hostile(struct report *report)
{
    struct examination *examination = report->examinations[0];

    made_up_schedule(report, 0, MADE_UP_DATA, 1, 0)->where = strdup(HOSTILE_NAME);
    snprintf(made_up_place(report, 0, MADE_UP_DATA)->name, 256, HOSTILE_NAME);
    snprintf(made_up_place(report, 0, MADE_UP_REGISTERS)->name, 256, HOSTILE_NAME);
    snprintf(report->target, sizeof(report->target), "process 1 (" HOSTILE_NAME ")");
    snprintf(report->host, sizeof(report->host), HOSTILE_NAME);
    snprintf(report->question.key_name, sizeof(report->question.key_name), HOSTILE_NAME);
    snprintf(examination->trouble, sizeof(examination->trouble), "fd 3 (" HOSTILE_NAME ")");
    snprintf(examination->call, sizeof(examination->call), "C_<b>");
    made_up_control(report, HOSTILE_NAME, false, false);
}

static void found(struct report *report, size_t from, size_t to)
{
    for (size_t scan = from; scan <= to; scan++) {
        made_up_schedule(report, scan, MADE_UP_HEAP, 1, 0);
        made_up_bytes(report, scan, MADE_UP_ANONYMOUS, FINDING_ORACLE_KEY, "raw");
        made_up_bytes(report, scan, MADE_UP_REGISTERS, FINDING_ORACLE_KEY, "raw")->where =
            strdup("ymm5, registers of thread 4712 (worker)");
    }
    made_up_schedule(report, from, MADE_UP_DATA, 9, -1);
    made_up_schedule(report, from, MADE_UP_HEAP, 7, -1)->owner = "FIPS 197, appendix C.3";
    made_up_bytes(report, from, MADE_UP_HEAP, FINDING_PIN, "UTF-16");
    report->question.pin = true;
}

static bool make(struct report *report, const char *name)
{
    if (strcmp(name, "absent") == 0) {
        made_up_report(report, TARGET_PROCESSES, 1);
    } else if (strcmp(name, "found") == 0) {
        made_up_report(report, TARGET_PROCESSES, 1);
        found(report, 0, 0);
    } else if (strcmp(name, "run") == 0) {
        made_up_report(report, TARGET_RUN, 35);
        made_up_schedule(report, 0, MADE_UP_HEAP, 3, 1); /* a canary */
    } else if (strcmp(name, "run-found") == 0) {
        made_up_report(report, TARGET_RUN, 35);
        found(report, 5, 20);
    } else if (strcmp(name, "inconclusive") == 0) {
        made_up_report(report, TARGET_RUN, 7);
        report->dropped = 3;
        made_up_control(report, "canary in XMM registers", false, false);
        made_up_place(report, 0, MADE_UP_HEAP)->bytes.unreadable = 8192;
        made_up_place(report, 0, MADE_UP_HEAP)->bytes.read -= 8192;
    } else if (strcmp(name, "listed") == 0 || strcmp(name, "none") == 0) {
        made_up_report(report, TARGET_PROCESSES, 1);
        made_up_ask_nothing(report);
        for (unsigned char i = 0; i < 45 && name[0] == 'l'; i++)
            made_up_schedule(report, 0, i % 2 == 0 ? MADE_UP_HEAP : MADE_UP_DATA, i, -1);
    } else if (strcmp(name, "image") == 0) {
        made_up_report(report, TARGET_IMAGE, 1);
    } else if (strcmp(name, "core") == 0) {
        made_up_report(report, TARGET_CORE, 1);
    } else if (strcmp(name, "empty") == 0) {
        made_up_report(report, TARGET_PROCESSES, 1);
        examination_free(report->examinations[--report->count]);
        report->control_count = 0;
    } else if (strcmp(name, "hostile") == 0) {
        made_up_report(report, TARGET_PROCESSES, 1);
        hostile(report);
    } else {
        return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    struct writer_settings settings = { 0 };
    struct report report;
    bool went_well;

    for (int i = 3; i < argc; i++) {
        settings.reveal |= strcmp(argv[i], "reveal") == 0;
        settings.everything |= strcmp(argv[i], "everything") == 0;
        settings.colour |= strcmp(argv[i], "colour") == 0;
    }
    if (argc < 3 || !make(&report, argv[1])) {
        fprintf(stderr, "usage: made-up-report CASE text|json|html [reveal] [everything]\n");
        return 2;
    }
    report_judge(&report);
    went_well = (strcmp(argv[2], "json") == 0   ? report_json
                 : strcmp(argv[2], "html") == 0 ? report_html
                                                : report_text)(&report, &settings, stdout);
    report_clear(&report);
    return went_well ? 0 : 1;
}
