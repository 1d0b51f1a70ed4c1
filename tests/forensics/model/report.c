/*
 * What a report owns.
 */
#include "report.h"

#include <stdlib.h>

void report_clear(struct report *report)
{
    for (size_t i = 0; i < report->count; i++)
        examination_free(report->examinations[i]);
    free(report->examinations);
    free(report->controls);
    *report = (struct report){ 0 };
}

bool report_add(struct report *report, struct examination *examination)
{
    struct examination **longer =
        realloc(report->examinations, (report->count + 1) * sizeof(*longer));

    if (longer == NULL) {
        examination_free(examination);
        return false;
    }
    report->examinations = longer;
    report->examinations[report->count++] = examination;
    return true;
}
