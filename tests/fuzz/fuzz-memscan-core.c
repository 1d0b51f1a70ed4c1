/*
 * Core files (forensics/source/core.c, core-notes.c) and what is written of them: whatever is in
 * one, the ledger adds up, its names do no harm in a report, and the verdict is never that there
 * is nothing, for a core file does not have all that a process had.
 */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../forensics/report/writers.h"
#include "../forensics/source/describe.h"
#include "../forensics/source/source.h"
#include "memscan.h"

typedef bool writer(const struct report *report, const struct writer_settings *settings, FILE *out);

/* @return the text, which has no control characters and needs to be freed */
static char *written(const struct report *report, writer *write)
{
    const struct writer_settings settings = { .everything = true };
    size_t size;
    char *text = NULL;
    FILE *out = open_memstream(&text, &size);

    EXPECT(out != NULL && write(report, &settings, out) && fclose(out) == 0);
    EXPECT(strlen(text) == size && size > 0);
    for (size_t i = 0; i < size; i++)
        EXPECT(text[i] == '\n' || ((unsigned char)text[i] >= ' ' && text[i] != 0x7f));
    return text;
}

static void check_report(struct report *report)
{
    char *text;

    report->kind = TARGET_CORE;
    snprintf(report->detectors, sizeof(report->detectors), "schedules");
    report_judge(report);
    EXPECT(report->verdict == VERDICT_AES_KEYS_FOUND || report->verdict == VERDICT_INCONCLUSIVE);
    EXPECT(report->pin_verdict == VERDICT_INCONCLUSIVE && report_status(report) > 0);
    free(written(report, report_text));
    free(written(report, report_json));
    text = written(report, report_html);
    /* The page has no script, and all of its markup is the writer's own. */
    EXPECT(strstr(text, "<script") == NULL && strstr(text, "<!--") == NULL);
    free(text);
}

static void check_examination(const struct examination *examination)
{
    char where[400];

    EXPECT(ledger_balances(&examination->ledger));
    EXPECT(examination->processes == 1 && !findings_overflowed(examination->findings));
    for (size_t i = 0; i < findings_count(examination->findings); i++) {
        EXPECT(findings_at(examination->findings, i)->place < examination->ledger.count);
        place_describe(examination, findings_at(examination->findings, i), where, sizeof(where));
        EXPECT(where[0] != '\0');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct source_settings settings = { .scanner = memscan_scanner(PATH_BEST, false),
                                              .workers = 1 };
    struct source_trouble why = { "" };
    struct report report = { .kind = TARGET_CORE };
    char path[64];
    const int fd = memscan_file(data, size, path);

    EXPECT(report_add(&report, examination_new()));
    if (source_core(path, &settings, report.examinations[0], &why)) {
        check_examination(report.examinations[0]);
        check_report(&report);
    } else {
        EXPECT(why.text[0] != '\0' && strlen(why.text) < sizeof(why.text));
        fuzz_trace("%s\n", why.text);
    }
    report_clear(&report);
    close(fd);
    return 0;
}
